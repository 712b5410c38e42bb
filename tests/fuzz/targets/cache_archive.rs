//! An archive of a cache that no trusted key signed adds nothing.

use std::fs;

use hardpan::{
    cache::{Cache, CacheTrust, SealKeyPlace},
    output::import_cache,
};

use super::checks;

pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::at(folder.path(), 0, SealKeyPlace::Nowhere);
    let archive = checks::checked(bytes.to_vec());
    match import_cache(&cache, &CacheTrust::default(), &mut archive.as_slice()) {
        Ok(archived) => assert_eq!((archived.records, archived.blobs), (0, 0)),
        Err(failure) => checks::refusal(&failure),
    }
    let entries = |name: &str| fs::read_dir(folder.path().join(name)).map_or(0, Iterator::count);
    for name in ["layers", "inputs", "programs", "blobs"] {
        assert_eq!(entries(name), 0, "{name}");
    }
}
