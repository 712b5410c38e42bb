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

fn main() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let layer = ["src/layer", "src/oci/image_path.rs", "Cargo.lock"];
    println!("cargo::rustc-env=HARDPAN_LAYER_SOURCES={:016x}", hash(&root, &layer));
    println!("cargo::rustc-env=HARDPAN_SOURCES={:016x}", hash(&root, &["src", "Cargo.lock"]));
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
