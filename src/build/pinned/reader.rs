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
    cache::{Fingerprint, Fingerprinter, Identity},
    oci::Open,
};

impl Open for Pinned {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        let file = self.file()?;
        // In the state in which it was pinned, and none in which a change could hide: it need not be hashed again, as long
        // as it is in that state at the end.
        let is_settled = self.rare.as_ref().is_none_or(|rare| !rare.unsettled);
        let check = if is_settled && Identity::of(&file.metadata()?) == self.identity {
            Check::State
        } else {
            Check::Bytes(Box::default())
        };
        let left = self.identity.size();
        let (identity, fingerprint) = (self.identity, self.fingerprint);
        Ok(Box::new(PinnedReader { file, left, identity, fingerprint, check, checked: false }))
    }
}

/// Reads exactly the pinned bytes, or fails.
struct PinnedReader {
    file: File,
    left: u64,
    identity: Identity,
    fingerprint: Fingerprint,
    check: Check,
    checked: bool,
}

/// What tells that the bytes are those that were pinned.
enum Check {
    /// The state of the file.
    State,
    /// The fingerprint of the bytes.
    Bytes(Box<Fingerprinter>),
}

impl PinnedReader {
    /// Whether what was read to the end is what was pinned.
    fn is_pinned(&mut self) -> io::Result<bool> {
        let is_same = match &self.check {
            Check::State => Identity::of(&self.file.metadata()?) == self.identity,
            Check::Bytes(hasher) => hasher.finish() == self.fingerprint,
        };
        Ok(is_same && retry(|| self.file.read(&mut [0]))? == 0)
    }
}

impl Read for PinnedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() || self.checked {
            return Ok(0);
        }
        let room = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let Some(room) = buf.get_mut(..room) else { return Ok(0) };
        let n = if room.is_empty() { 0 } else { retry(|| self.file.read(room))? };
        if let Check::Bytes(hasher) = &mut self.check {
            hasher.update(room.get(..n).unwrap_or_default());
        }
        self.left -= n as u64;
        if self.left == 0 {
            self.checked = true;
            if !self.is_pinned()? {
                return Err(changed_io());
            }
        } else if n == 0 {
            return Err(changed_io());
        }
        Ok(n)
    }
}
