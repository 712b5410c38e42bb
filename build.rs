//! Tells the program which sources it was made of.
//!
//! What it remembers in the cache must not outlive the rules and the encoder that it was worked out by, and a version
//! number does not move with every commit.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::Hasher as _,
    path::{Path, PathBuf},
};

/// hardpan as a package of a registry has no such folder: there the checksum in Cargo.lock stands for it.
const ENCODER: &str = "crates/deflate/src";

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let watched = ["src", ENCODER, "Cargo.lock"];
    for path in watched.iter().filter(|path| root.join(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    let layer = ["src/layer", "src/oci/image_path.rs", ENCODER, "Cargo.lock"];
    println!("cargo::rustc-env=HARDPAN_LAYER_SOURCES={:016x}", hash(&root, &layer));
    println!("cargo::rustc-env=HARDPAN_SOURCES={:016x}", hash(&root, &watched));
}

/// Of the names and contents of all files at these paths. Nobody attacks it: whoever could has the cache anyway.
fn hash(root: &Path, paths: &[&str]) -> u64 {
    let mut files = Vec::new();
    for path in paths {
        collect(&root.join(path), &mut files);
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        for part in [name.as_bytes(), &fs::read(&file).unwrap_or_default()] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    }
    hasher.finish()
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    match fs::read_dir(path) {
        Ok(entries) => entries.flatten().for_each(|entry| collect(&entry.path(), files)),
        Err(_) => files.push(path.to_owned()),
    }
}
