//! Whether the sources changed since the last compile, without believing their times.
//!
//! Cargo compares modification times, so a source that is replaced by an older file (`rsync -t`, `cp -p`, an unpacked
//! archive) is taken for unchanged, and the image would hold a program that is not the checkout's. The kernel's own
//! record of a change, ctime and inode, cannot be set by such a copy.

use std::{fs, io, os::unix::fs::MetadataExt as _, path::Path};

use super::bench::Bench;
use crate::{oci::Digest, report::Failure};

/// Above this many files looking costs more than compiling: then everything counts as changed.
const MOST_FILES: usize = 200_000;

/// The state of all files in `root`, or nothing where it cannot be told.
///
/// Git's folder, folders that say they are a cache (`CACHEDIR.TAG`, as cargo's `target` does) and what hardpan writes
/// (`out`, at the top) are no sources. A source in one of them costs freshness, not more: cargo looks there as ever.
pub(super) fn state(root: &Path) -> Option<String> {
    let mut records = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).ok()? {
            let entry = entry.ok()?;
            let metadata = entry.metadata().ok()?;
            let path = entry.path();
            if metadata.is_dir() {
                let skipped = entry.file_name() == ".git" || path == root.join("out");
                if !skipped && !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
                continue;
            }
            let mut record = path.into_os_string().into_encoded_bytes();
            for number in [metadata.ino(), metadata.len()] {
                record.extend_from_slice(&number.to_le_bytes());
            }
            for number in [metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec()] {
                record.extend_from_slice(&number.to_le_bytes());
            }
            records.push(record);
        }
        if records.len() > MOST_FILES {
            return None;
        }
    }
    records.sort_unstable();
    Some(Digest::of(&records.concat()).hex())
}

/// Whether `state` is the one that [`remember`] wrote last.
pub(super) fn is_known(bench: &Bench, state: Option<&str>) -> bool {
    let last = fs::read_to_string(bench.root().join("sources")).ok();
    state.is_some() && last.as_deref() == state
}

/// Keeps `state`, after a compile that worked.
pub(super) fn remember(bench: &Bench, state: Option<&str>) -> Result<(), Failure> {
    let file = bench.root().join("sources");
    match state {
        Some(state) => fs::write(&file, state),
        None => fs::remove_file(&file).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        }),
    }
    .map_err(|error| Failure::io("note the state of the sources", &file, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn a_change_with_the_old_time_is_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, root) = (folder.path().join("cache"), folder.path().join("src"));
        fs::create_dir_all(&root).unwrap();
        let file = root.join("main.rs");
        let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let write = |text: &str| {
            fs::write(&file, text).unwrap();
            fs::File::options().write(true).open(&file).unwrap().set_modified(old).unwrap();
        };
        write("a");
        let bench = Bench::open(&cache, "cargo", &[]).unwrap();
        let first = state(&root);
        assert!(first.is_some() && !is_known(&bench, first.as_deref()));
        remember(&bench, first.as_deref()).unwrap();
        assert!(is_known(&bench, state(&root).as_deref()));
        fs::create_dir(root.join("out")).unwrap();
        fs::write(root.join("out/x"), "").unwrap();
        assert!(is_known(&bench, state(&root).as_deref()));
        std::thread::sleep(Duration::from_millis(20));
        write("b");
        assert!(!is_known(&bench, state(&root).as_deref()));
        remember(&bench, None).unwrap();
        assert!(!is_known(&bench, first.as_deref()) && !is_known(&bench, None));
    }
}
