//! [`ReachedBlobs`]: what of a folder of blobs the new image of a layout needs.

use std::{ffi::OsStr, fs, path::Path};

use crate::oci::Digest;

/// The blobs of the new layout with their sizes, sorted by digest. It waits for the last image of a call, so it is small.
#[derive(Debug)]
pub(super) struct ReachedBlobs(pub(super) Box<[(Digest, u64)]>);

impl ReachedBlobs {
    /// Whether the new layout has this blob.
    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.0.binary_search_by_key(digest, |(reached, _)| *reached).is_ok()
    }
}

/// Whether the blob of that name is needed; `None` when it is the name of none.
pub(super) fn is_reached(name: &OsStr, reached: &ReachedBlobs) -> Option<bool> {
    let digest = Digest::parse_hex(name.to_str()?).ok()?;
    Some(reached.contains(&digest))
}

/// Removes the blobs that were not reached. Anything that is not a regular file with the name of a blob stays.
///
/// What cannot be removed is no failure: the layout is right with it, and the next publish tries again.
pub(super) fn remove_unreached(blobs: &Path, reached: &ReachedBlobs) {
    let Ok(entries) = fs::read_dir(blobs) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_reached(&entry.file_name(), reached) == Some(false) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
