//! Blobs that were staged a moment ago, whose bytes went through our hands.

use std::{
    fs::{self, File, Metadata},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use rustix::fs::{CWD, OFlags};

use super::store::open_at;
use crate::{cache::Identity, oci::Digest};

/// What is known of the blobs of a staging folder. A file that is no longer in the state in which it was left is not
/// known, and is read like any other.
#[derive(Debug)]
pub(super) struct Fresh {
    /// The folder of the blobs.
    folder: PathBuf,
    /// A handful.
    blobs: Mutex<Vec<Blob>>,
}

#[derive(Debug)]
struct Blob {
    digest: Digest,
    identity: Identity,
    /// Of a document.
    bytes: Option<Arc<[u8]>>,
}

impl Fresh {
    /// Knows nothing yet of the blobs in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, blobs: Mutex::default() }
    }

    /// The file in that state holds the blob of this name.
    pub(super) fn saw(&self, digest: Digest, meta: &Metadata) {
        self.keep(Blob { digest, identity: Identity::of(meta), bytes: None });
    }

    /// The same of a document, with its bytes.
    pub(super) fn saw_document(&self, digest: Digest, bytes: &[u8]) {
        if let Ok(meta) = fs::symlink_metadata(self.folder.join(digest.hex())) {
            self.keep(Blob { digest, identity: Identity::of(&meta), bytes: Some(bytes.into()) });
        }
    }

    /// Whether the staged blob of this name is as it was left.
    pub(super) fn is_intact(&self, digest: Digest, size: u64) -> bool {
        let known = self.blobs().iter().find(|blob| blob.digest == digest).map(|blob| blob.identity);
        let Some(identity) = known else { return false };
        let look = || fs::symlink_metadata(self.folder.join(digest.hex())).ok().filter(Metadata::is_file);
        identity.size() == size && look().is_some_and(|now| identity.is_renamed(&Identity::of(&now)))
    }

    /// The bytes of a staged document that is as it was left.
    pub(super) fn document(&self, digest: Digest, size: u64) -> Option<Arc<[u8]>> {
        let bytes = self.blobs().iter().find(|blob| blob.digest == digest)?.bytes.clone()?;
        self.is_intact(digest, size).then_some(bytes)
    }

    /// Opens a staged blob, known or not.
    pub(super) fn open(&self, digest: Digest) -> io::Result<File> {
        open_at(CWD, &self.folder.join(digest.hex()), OFlags::empty())
    }

    /// Whether that is so of all that was staged.
    pub(super) fn all(&self, mut is_so: impl FnMut(Digest) -> bool) -> bool {
        self.blobs().iter().all(|blob| is_so(blob.digest))
    }

    /// Lets the bytes of documents go.
    pub(super) fn forget_documents(&self) {
        let mut blobs = self.blobs();
        blobs.iter_mut().for_each(|blob| blob.bytes = None);
        blobs.shrink_to_fit();
    }

    fn keep(&self, blob: Blob) {
        let mut blobs = self.blobs();
        match blobs.iter_mut().find(|known| known.digest == blob.digest) {
            Some(known) => *known = blob,
            None => blobs.push(blob),
        }
    }

    fn blobs(&self) -> std::sync::MutexGuard<'_, Vec<Blob>> {
        self.blobs.lock().unwrap_or_else(PoisonError::into_inner)
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
        let fresh = Fresh::new(dir.path().to_owned());
        let digest = Digest::of(b"hello");
        let path = dir.path().join(digest.hex());
        fs::write(&path, "hello").unwrap();
        assert!(!fresh.is_intact(digest, 5));
        fresh.saw_document(digest, b"hello");
        assert_eq!(fresh.document(digest, 5).as_deref(), Some(&b"hello"[..]));
        assert!(fresh.is_intact(digest, 5) && !fresh.is_intact(digest, 6) && fresh.document(digest, 4).is_none());
        fresh.forget_documents();
        assert!(fresh.is_intact(digest, 5) && fresh.document(digest, 5).is_none());
        // Another file, the same bytes behind a link, nothing.
        fs::rename(&path, dir.path().join("real")).unwrap();
        assert!(!fresh.is_intact(digest, 5));
        symlink("real", &path).unwrap();
        assert!(!fresh.is_intact(digest, 5));
        fs::remove_file(&path).unwrap();
        fs::write(&path, "hellO").unwrap();
        assert!(!fresh.is_intact(digest, 5));
    }
}
