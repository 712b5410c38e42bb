//! Reads a pinned file again, and fails where its bytes are not those that were pinned.

use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
};

use super::{
    Pinned,
    content::{changed_error, retry_interrupted},
};
use crate::{
    cache::{Cache, Fingerprint, Fingerprinter, Identity},
    oci::Open,
};

impl Open for Pinned {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let (file, path, cache) = (self.file()?, self.path(), self.folder.cache.clone());
        let (identity, fingerprint) = (self.identity, self.fingerprint);
        let check = match self.sum {
            Some(sum) if Identity::of(&file.metadata()?) == identity => {
                ContentCheck::Sum(sum, crc32fast::Hasher::new())
            }
            _ => ContentCheck::Bytes(Box::default()),
        };
        let left = identity.size();
        Ok(Box::new(PinnedReader { file, path, cache, identity, fingerprint, check, left, checked: false }))
    }
}

/// Reads exactly the pinned bytes, or fails.
///
/// It compares the bytes, however well the state of the file is known: what is made of them is kept in the cache under
/// their fingerprint, and would be taken for them by all later builds. Of a file that this process read itself a moment ago,
/// in the state that it still is in, a checksum is enough: it takes a tenth of the time.
struct PinnedReader {
    file: File,
    path: PathBuf,
    cache: Option<Cache>,
    identity: Identity,
    fingerprint: Fingerprint,
    check: ContentCheck,
    left: u64,
    checked: bool,
}

/// How the bytes are compared with those that were pinned.
enum ContentCheck {
    /// The state of the file, with the CRC-32 that the bytes had.
    Sum(u32, crc32fast::Hasher),
    /// The fingerprint of the bytes.
    Bytes(Box<Fingerprinter>),
}

impl PinnedReader {
    /// The failure that the bytes are others. Where their state was believed, the next build reads the file.
    fn changed(&self) -> io::Error {
        if let Some(cache) = &self.cache {
            cache.forget_input(&self.identity);
        }
        changed_error(&self.path)
    }

    /// Whether what was read to the end is what was pinned.
    fn is_pinned(&mut self) -> io::Result<bool> {
        let is_same = match &self.check {
            ContentCheck::Sum(sum, hasher) => {
                hasher.clone().finalize() == *sum && Identity::of(&self.file.metadata()?) == self.identity
            }
            ContentCheck::Bytes(hasher) => hasher.finish() == self.fingerprint,
        };
        Ok(is_same && retry_interrupted(|| self.file.read(&mut [0]))? == 0)
    }
}

impl Read for PinnedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.checked {
            return Ok(0);
        }
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(room) = buf.get_mut(..room) else { return Ok(0) };
        let n = if room.is_empty() { 0 } else { retry_interrupted(|| self.file.read(room))? };
        let bytes = room.get(..n).unwrap_or_default();
        match &mut self.check {
            ContentCheck::Sum(_, hasher) => hasher.update(bytes),
            ContentCheck::Bytes(hasher) => hasher.update(bytes),
        }
        self.left -= n as u64;
        if self.left == 0 {
            self.checked = true;
            if !self.is_pinned()? {
                return Err(self.changed());
            }
        } else if n == 0 {
            return Err(self.changed());
        }
        Ok(n)
    }
}
