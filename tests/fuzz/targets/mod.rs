//! The bodies of the fuzz targets. Each takes the bytes of a file as they are, so that real files are its seeds.

#![allow(dead_code, reason = "a program of the fuzzer runs one target of them")]

pub mod accounts;
pub mod answer;
pub mod archive;
pub mod audit;
pub mod cache;
pub mod cache_archive;
pub mod cargo;
pub mod cargo_config;
pub mod certificates;
pub mod challenge;
mod checks;
pub mod credentials;
pub mod deflate;
pub mod deployment;
pub mod dockerfile;
pub mod elf;
pub mod engine;
pub mod go;
pub mod go_source;
pub mod gzip;
pub mod helper;
pub mod ko;
pub mod layer;
pub mod layout;
pub mod ld_cache;
pub mod lock;
pub mod merge;
pub mod mirrors;
pub mod packed;
pub mod policy;
pub mod project;
mod project_tools;
pub mod recipe;
pub mod reference;
pub mod secrets;
pub mod tar;
pub mod url;
