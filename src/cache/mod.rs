//! What need not be made or fetched twice: blobs under the user's cache folder, by their digests.
//!
//! An entry is a file that is named by the SHA-256 of its bytes. Nothing is believed because it is here: whoever takes an
//! entry gets bytes that were checked against the digest, or nothing, and does the work again.

mod document;
mod draft;
mod fingerprint;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    oci::{Digest, Open},
    report::Failure,
};
pub use draft::CacheDraft;
pub use fingerprint::{Fingerprint, Fingerprinter};

/// The cache of one user. A handle: copies are the same cache.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// A blob of the cache whose bytes are those of its name.
#[derive(Debug, Clone)]
pub struct CachedBlob {
    path: PathBuf,
    digest: Digest,
    size: u64,
}

impl Cache {
    /// The cache in the folder `root`, which is made when the first entry comes.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// The blob of this name and size; none where it is not, or is damaged, which removes it.
    pub fn blob(&self, digest: Digest, size: u64) -> Option<CachedBlob> {
        let path = self.blobs().join(digest.hex());
        let mut file = File::open(&path).ok()?;
        let intact = file.metadata().is_ok_and(|found| found.is_file() && found.len() == size)
            && Digest::of_reader(&mut file).is_ok_and(|found| found == digest);
        if !intact {
            let _ = fs::remove_file(&path);
            return None;
        }
        Some(CachedBlob { path, digest, size })
    }

    /// The blob of this name, whatever its size; none where it is not, or is damaged, which removes it.
    pub fn blob_of(&self, digest: Digest) -> Option<CachedBlob> {
        let size = fs::metadata(self.blobs().join(digest.hex())).ok()?.len();
        self.blob(digest, size)
    }

    /// Starts an entry.
    ///
    /// # Errors
    /// The folder cannot be made or written; a caller without a cache goes on without one.
    pub fn draft(&self) -> Result<CacheDraft, Failure> {
        CacheDraft::create(&self.blobs())
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }
}

impl CachedBlob {
    /// Where the bytes are, for a reader that checks them itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Open for CachedBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(File::open(&self.path)?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_was_put_is_found_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path());
        let digest = Digest::of(b"layer");
        assert!(cache.blob(digest, 5).is_none());
        let mut draft = cache.draft().unwrap();
        draft.write_all(b"layer").unwrap();
        let blob = draft.seal(digest, 5).unwrap();
        let mut bytes = Vec::new();
        blob.open().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"layer");
        assert!(cache.blob(digest, 6).is_none(), "another size is another blob");

        let mut draft = cache.draft().unwrap();
        draft.write_all(b"other").unwrap();
        assert!(draft.seal(digest, 5).is_err(), "only the bytes of its name");

        let mut draft = cache.draft().unwrap();
        draft.write_all(b"layer").unwrap();
        let blob = draft.seal(digest, 5).unwrap();
        fs::write(&blob.path, b"lawyer").unwrap();
        assert!(cache.blob(digest, 5).is_none());
        assert!(!blob.path.exists());
    }
}
