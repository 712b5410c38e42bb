//! [`CacheDraft`]: a blob that is being written to the cache. It appears only when digest and size are right.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{Cache, CachedBlob, write_failure};
use crate::{
    oci::{Digest, Sha256},
    report::{AtomicFile, ErrorName, Failure, FileAccess},
};

/// A temporary file in the folder of the entries. [`seal`](Self::seal) checks digest and size and renames it; dropped
/// unsealed, it is removed.
#[derive(Debug)]
pub struct CacheDraft {
    cache: Cache,
    folder: PathBuf,
    file: AtomicFile,
    hasher: Sha256,
    written: u64,
}

impl CacheDraft {
    pub(super) fn create(cache: Cache, folder: &Path) -> Result<Self, Failure> {
        let fault = |error: io::Error| write_failure(folder, &error);
        fs::create_dir_all(folder).map_err(fault)?;
        // With the umask, as any file a tool writes: an image may share it.
        let file = AtomicFile::create(folder, ".draft-", FileAccess::Umask).map_err(fault)?;
        Ok(Self { cache, folder: folder.to_owned(), file, hasher: Sha256::new(), written: 0 })
    }

    /// Verifies digest and size, and makes the entry visible.
    ///
    /// # Errors
    /// Digest or size differ, or the file cannot be written. Nothing is left behind.
    pub fn seal(mut self, digest: Digest, size: u64) -> Result<CachedBlob, Failure> {
        let fault = |error: &io::Error| write_failure(&self.folder, error);
        self.file.flush().map_err(|error| fault(&error))?;
        let found = self.hasher.clone().finish();
        if (found, self.written) != (digest, size) {
            let what = format!("`{digest}` of {size} bytes was promised, and `{found}` of {} bytes came", self.written);
            return Err(Failure::error(ErrorName::BlobMismatch, what));
        }
        let path = self.folder.join(digest.hex());
        let file = self.file.replace(&path).map_err(|error| fault(&error))?;
        self.cache.saw_blob(&file, digest);
        self.cache.settle_blob(&path);
        self.cache.0.grown.store(true, Ordering::Relaxed);
        Ok(CachedBlob { path, digest, size })
    }
}

impl Write for CacheDraft {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(buf)?;
        self.hasher.update(buf.get(..taken).unwrap_or_default());
        self.written += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
