//! The suite: hardpan from the outside. Every test starts the program that
//! cargo built, and leaves the verdict to programs and crates that nobody
//! here wrote.
//!
//! A judge that is not installed fails its test; `tests/run` installs all.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on is a test that fails, here and with this message"
)]
#![allow(unreachable_pub, reason = "`pub` marks what the tests may use of `support`")]

mod accepted;
mod affected;
mod archives;
mod audit;
mod bases;
mod benches;
mod cache_folders;
mod cgo;
mod check;
mod ci_logs;
mod crash;
mod defaults;
mod determinism;
mod dockerfiles;
mod docs;
mod documents;
mod enclosures;
mod engines;
mod examples;
mod explain;
mod falsefinds;
mod faults;
mod floors;
mod four;
mod golden;
mod handed_git;
mod homes;
mod incremental;
mod init;
mod judges;
mod keep_going;
mod list;
mod load;
mod locks;
mod machine;
mod manual;
mod memory;
mod notes;
mod outputs;
mod pipelines;
mod practices;
mod receipts;
mod refusals;
mod registries;
mod resolve;
mod roots;
mod runtime;
mod schema;
mod selfhosting;
mod services;
mod shards;
mod shared_cache;
mod starts;
mod states;
mod timezones;
mod toolchains;
mod unchanged;
mod urls;
mod variables;
mod workspace;

/// What the tests are written with. None of it uses hardpan's library, so a
/// mistake there cannot excuse itself here.
#[allow(dead_code, reason = "the vocabulary is larger than what any one commit's tests say with it")]
mod support {
    pub mod base;
    pub mod browser;
    pub mod case;
    pub mod clock;
    pub mod elf;
    pub mod elf_writer;
    pub mod engines;
    pub mod foreign;
    pub mod http;
    pub mod judges;
    pub mod layout;
    pub mod mounts;
    pub mod mtree;
    pub mod nginx;
    pub mod output;
    pub mod proxy;
    pub mod registry;
    pub mod seals;
    pub mod service;
    pub mod tls;
    pub mod tokens;
    pub mod walks;
}
