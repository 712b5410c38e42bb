//! What was pinned, read again.

use std::{
    fs::File,
    io::{self, Read},
};

use super::{
    Pinned,
    content::{changed_io, retry},
};
use crate::{
    cache::{Fingerprint, Fingerprinter},
    oci::Open,
};

impl Open for Pinned {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(PinnedReader {
            file: self.file()?,
            hasher: Fingerprinter::default(),
            left: self.identity.size(),
            fingerprint: self.fingerprint,
            checked: false,
        }))
    }
}

/// Reads exactly the pinned bytes, or fails.
struct PinnedReader {
    file: File,
    hasher: Fingerprinter,
    left: u64,
    fingerprint: Fingerprint,
    checked: bool,
}

impl Read for PinnedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.checked {
            return Ok(0);
        }
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(room) = buf.get_mut(..room) else { return Ok(0) };
        let n = if room.is_empty() { 0 } else { retry(|| self.file.read(room))? };
        self.hasher.update(room.get(..n).unwrap_or_default());
        self.left -= n as u64;
        if self.left == 0 && !self.checked {
            self.checked = true;
            if self.hasher.finish() != self.fingerprint || retry(|| self.file.read(&mut [0]))? != 0 {
                return Err(changed_io());
            }
        } else if n == 0 {
            return Err(changed_io());
        }
        Ok(n)
    }
}
