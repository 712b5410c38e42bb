//! Blobs that were staged a moment ago, whose bytes went through our hands.

use std::{
    fs::{self, File, Metadata},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rustix::fs::{CWD, OFlags};

use super::{document::Document, store::open_at};
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
    document: Option<Kept>,
}

/// A document, for those who read it before the image is visible.
#[derive(Debug)]
struct Kept {
    bytes: Arc<[u8]>,
    /// What was read there, once somebody has.
    parsed: Option<Arc<Document>>,
}

impl Fresh {
    /// Knows nothing yet of the blobs in `folder`.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, blobs: Mutex::default() }
    }

    /// The file in that state holds the blob of this name.
    pub(super) fn saw(&self, digest: Digest, meta: &Metadata) {
        self.keep(Blob { digest, identity: Identity::of(meta), document: None });
    }

    /// Keeps the bytes of a document that was seen.
    pub(super) fn keep_document(&self, digest: Digest, bytes: &[u8]) {
        if let Some(blob) = self.blobs().iter_mut().find(|blob| blob.digest == digest) {
            blob.document = Some(Kept { bytes: bytes.into(), parsed: None });
        }
    }

    /// The file at `path` is a further name of the blob of this name in another staging folder, where it was seen: says
    /// whether it still is that.
    pub(super) fn saw_shared(&self, there: &Self, digest: Digest, path: &Path) -> bool {
        let seen = there.blobs().iter().find(|blob| blob.digest == digest).map(|blob| blob.identity);
        let now = fs::symlink_metadata(path).ok().filter(Metadata::is_file).map(|meta| Identity::of(&meta));
        match (seen, now) {
            (Some(seen), Some(now)) if seen.is_renamed(&now) => {
                self.keep(Blob { digest, identity: now, document: None });
                true
            }
            _ => false,
        }
    }

    /// Whether the staged blob of this name is as it was left.
    pub(super) fn is_intact(&self, digest: Digest, size: u64) -> bool {
        let known = self.blobs().iter().find(|blob| blob.digest == digest).map(|blob| blob.identity);
        let Some(identity) = known else { return false };
        let look = || fs::symlink_metadata(self.path(digest)).ok().filter(Metadata::is_file);
        identity.size() == size && look().is_some_and(|now| identity.is_renamed(&Identity::of(&now)))
    }

    /// The bytes of a document that was staged; its file is looked at before anything becomes visible.
    pub(super) fn document(&self, digest: Digest) -> Option<Arc<[u8]>> {
        Some(Arc::clone(&self.blobs().iter().find(|blob| blob.digest == digest)?.document.as_ref()?.bytes))
    }

    /// What was read in a document that was staged, of so many bytes.
    pub(super) fn parsed(&self, digest: Digest, size: u64) -> Option<Arc<Document>> {
        let blobs = self.blobs();
        let document = blobs.iter().find(|blob| blob.digest == digest)?.document.as_ref()?;
        document.parsed.clone().filter(|_| document.bytes.len() as u64 == size)
    }

    /// Keeps what was read in a document, as long as its bytes.
    pub(super) fn keep_parsed(&self, digest: Digest, parsed: &Arc<Document>) {
        let mut blobs = self.blobs();
        let blob = blobs.iter_mut().find(|blob| blob.digest == digest);
        if let Some(document) = blob.and_then(|blob| blob.document.as_mut()) {
            document.parsed = Some(Arc::clone(parsed));
        }
    }

    /// The folder of the blobs.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of a blob.
    pub(super) fn path(&self, digest: Digest) -> PathBuf {
        let name = digest.hex();
        let mut path = PathBuf::with_capacity(self.folder.as_os_str().len() + 1 + name.len());
        path.push(&self.folder);
        path.push(name);
        path
    }

    /// Opens a staged blob, known or not.
    pub(super) fn open(&self, digest: Digest) -> io::Result<File> {
        open_at(CWD, &self.path(digest), OFlags::empty())
    }

    /// Whether that is so of all that was staged.
    pub(super) fn all(&self, mut is_so: impl FnMut(Digest) -> bool) -> bool {
        self.blobs().iter().all(|blob| is_so(blob.digest))
    }

    /// Lets documents go.
    pub(super) fn forget_documents(&self) {
        let mut blobs = self.blobs();
        blobs.iter_mut().for_each(|blob| blob.document = None);
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
    use crate::{oci::media_type, place::document};

    #[test]
    fn a_file_that_was_touched_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        let fresh = Fresh::new(dir.path().to_owned());
        let digest = Digest::of(b"hello");
        let path = dir.path().join(digest.hex());
        fs::write(&path, "hello").unwrap();
        assert!(!fresh.is_intact(digest, 5));
        fresh.saw(digest, &fs::symlink_metadata(&path).unwrap());
        fresh.keep_document(digest, b"hello");
        assert_eq!(fresh.document(digest).as_deref(), Some(&b"hello"[..]));
        assert!(fresh.is_intact(digest, 5) && !fresh.is_intact(digest, 6));
        let index = br#"{"schemaVersion":2,"manifests":[]}"#;
        let parsed = Arc::new(document::parse(media_type::INDEX, index).unwrap());
        fresh.keep_parsed(digest, &parsed);
        fresh.keep_parsed(Digest::of(b"other"), &parsed);
        assert!(fresh.parsed(digest, 5).is_some_and(|kept| Arc::ptr_eq(&kept, &parsed)));
        assert!(fresh.parsed(digest, 6).is_none() && fresh.parsed(Digest::of(b"other"), 5).is_none());
        fresh.forget_documents();
        assert!(fresh.is_intact(digest, 5) && fresh.document(digest).is_none());
        assert!(fresh.parsed(digest, 5).is_none());
        // Another name of the same file, and another file.
        let other = tempfile::tempdir().unwrap();
        let shares = Fresh::new(other.path().to_owned());
        let name = other.path().join(digest.hex());
        fs::hard_link(&path, &name).unwrap();
        assert!(shares.saw_shared(&fresh, digest, &name) && shares.is_intact(digest, 5));
        fs::remove_file(&name).unwrap();
        fs::write(&name, "hello").unwrap();
        assert!(!shares.saw_shared(&fresh, digest, &name));
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
