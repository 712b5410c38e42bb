//! The blobs of a staging folder, with the file state in which this process left them: an unchanged file need not be
//! hashed again when the image is verified. They are found where they are, before the image has its name and after.

use std::{
    fs::{self, File, Metadata},
    io,
    path::PathBuf,
};

use parking_lot::{Mutex, MutexGuard, RwLock};
use rustix::fs::{CWD, OFlags};

use crate::{
    cache::{Cache, Identity},
    image::{BlobRef, BlobSource, StoredBytes, open_at},
    oci::Digest,
};

/// The blobs of one staging folder, with the state in which each file was left. A file that is no longer in that state is
/// read and verified like any other.
#[derive(Debug)]
pub(super) struct StagedBlobs {
    /// The folder of the blobs.
    folder: RwLock<PathBuf>,
    /// A handful.
    known: Mutex<Vec<(Digest, Identity)>>,
}

impl StagedBlobs {
    /// Knows nothing yet of the blobs in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder: RwLock::new(folder), known: Mutex::default() }
    }

    /// Notes that the files are in another folder now, where renames took them.
    pub(super) fn moved_to(&self, folder: PathBuf) {
        *self.folder.write() = folder;
    }

    /// Notes that the file in that state holds the blob of this name.
    pub(super) fn note(&self, digest: Digest, meta: &Metadata) {
        let identity = Identity::of(meta);
        let mut known = self.known();
        match known.iter_mut().find(|(known, _)| *known == digest) {
            Some((_, before)) => *before = identity,
            None => known.push((digest, identity)),
        }
    }

    /// Whether the file of this name is in the state in which it was left.
    fn is_unchanged(&self, digest: Digest, size: u64) -> bool {
        let found = self.known().iter().find(|(known, _)| *known == digest).map(|(_, identity)| *identity);
        let Some(identity) = found else { return false };
        let now = fs::symlink_metadata(self.path(digest)).ok().filter(Metadata::is_file);
        identity.size() == size && now.is_some_and(|now| identity.is_renamed(&Identity::of(&now)))
    }

    /// The folder of the blobs.
    pub(super) fn folder(&self) -> PathBuf {
        self.folder.read().clone()
    }

    /// The path of a blob.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        self.folder.read().join(digest.hex())
    }

    /// Whether `holds` is true of every blob that was staged.
    pub(super) fn all(&self, mut holds: impl FnMut(Digest) -> bool) -> bool {
        self.known().iter().all(|(digest, _)| holds(*digest))
    }

    fn file(&self, digest: Digest) -> io::Result<Option<File>> {
        match open_at(CWD, &self.path(digest), OFlags::empty()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => opened.map(Some),
        }
    }

    fn known(&self) -> MutexGuard<'_, Vec<(Digest, Identity)>> {
        self.known.lock()
    }
}

impl BlobSource for StagedBlobs {
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>> {
        self.file(blob.digest)?.map(StoredBytes::whole).transpose()
    }

    fn is_intact(&self, blob: &BlobRef, known: Option<&Cache>) -> io::Result<Option<bool>> {
        if self.is_unchanged(blob.digest, blob.size) {
            return Ok(Some(true));
        }
        let file = self.file(blob.digest)?;
        Ok(file.map(|file| known.is_some_and(|known| known.is_intact(&file, blob.digest, blob.size))))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_that_was_touched_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let staged = StagedBlobs::new(dir.path().to_owned());
        let digest = Digest::of(b"hello");
        let path = dir.path().join(digest.hex());
        fs::write(&path, "hello").unwrap();
        assert!(!staged.is_unchanged(digest, 5));
        staged.note(digest, &fs::symlink_metadata(&path).unwrap());
        assert!(staged.is_unchanged(digest, 5) && !staged.is_unchanged(digest, 6));
        // Another file, the same bytes behind a link, nothing.
        fs::rename(&path, dir.path().join("real")).unwrap();
        assert!(!staged.is_unchanged(digest, 5));
        symlink("real", &path).unwrap();
        assert!(!staged.is_unchanged(digest, 5));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "hellO").unwrap();
        assert!(!staged.is_unchanged(digest, 5));
    }
}
