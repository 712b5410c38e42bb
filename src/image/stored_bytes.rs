//! The stored bytes of a blob where they lie (a file, a piece of an archive, a stream), and the reader that verifies them.
//!
//! Sources of blobs return [`StoredBytes`]; [`Store`](super::Store) hands them out only through [`VerifiedReader`].

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use crate::{
    oci::{Digest, Sha256},
    report::{ErrorName, NamedReason},
};

/// A piece of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its first byte.
    pub(crate) start: u64,
    /// How many there are.
    pub(crate) size: u64,
}

/// The bytes of a blob. The last ones are given out only when size and digest are right, so a reader that counts
/// bytes is as safe as one that waits for the end.
#[derive(Debug)]
pub(super) struct VerifiedReader {
    stored: StoredBytes,
    hasher: Sha256,
    digest: Digest,
    size: u64,
    read: u64,
    state: Verification,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verification {
    Reading,
    Good,
    Bad,
}

impl VerifiedReader {
    /// Reads `stored`, which must have this digest and size.
    ///
    /// # Errors
    /// The size is known and another one.
    pub(super) fn new(stored: StoredBytes, digest: Digest, size: u64) -> io::Result<Self> {
        if let Some(found) = stored.size().filter(|found| *found != size) {
            return Err(mismatch(format!("it has {found} bytes, its descriptor says {size}")));
        }
        Ok(Self { stored, hasher: Sha256::new(), digest, size, read: 0, state: Verification::Reading })
    }

    /// Reads on and checks; any error is final.
    fn advance(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.size - self.read;
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.stored.read_at(self.read, buf.get_mut(..want).unwrap_or_default())?;
        if read == 0 && left > 0 {
            return Err(mismatch(format!("it ends after {} of {} bytes", self.read, self.size)));
        }
        self.hasher.update(buf.get(..read).unwrap_or_default());
        self.read += read as u64;
        if self.read == self.size {
            // It may have grown since it was opened.
            if self.stored.has_grown()? {
                return Err(mismatch(format!("it has more than {} bytes", self.size)));
            }
            let found = self.hasher.clone().finish();
            if found != self.digest {
                return Err(mismatch(format!("its bytes are `{found}`")));
            }
            self.state = Verification::Good;
        }
        Ok(read)
    }
}

impl Read for VerifiedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.state {
            _ if buf.is_empty() => Ok(0),
            Verification::Good => Ok(0),
            Verification::Bad => Err(mismatch("its bytes are not those of its name")),
            Verification::Reading => {
                let result = self.advance(buf);
                if result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
                    self.state = Verification::Bad;
                }
                result
            }
        }
    }
}

/// The bytes of a blob where they lie, not verified.
pub struct StoredBytes(BytesLocation);

enum BytesLocation {
    /// A file, which may grow while it is read.
    Whole(File, u64),
    /// A piece of a file.
    Piece(Arc<File>, Span),
    /// What comes over a connection.
    Stream(Box<dyn Read + Send>),
}

impl StoredBytes {
    /// The whole of a file.
    ///
    /// # Errors
    /// It is not a regular file.
    pub fn whole(file: File) -> io::Result<Self> {
        let found = file.metadata()?;
        if !found.is_file() {
            return Err(wrong_kind("it is not a regular file"));
        }
        Ok(Self(BytesLocation::Whole(file, found.len())))
    }

    /// Read by position: several readers share the file.
    pub(super) fn piece(file: &Arc<File>, span: Span) -> Self {
        Self(BytesLocation::Piece(Arc::clone(file), span))
    }

    /// What comes over a connection, or from a reader that hides where it lies.
    pub fn stream(reader: Box<dyn Read + Send>) -> Self {
        Self(BytesLocation::Stream(reader))
    }

    /// How many bytes there are, where that is known before they are read.
    fn size(&self) -> Option<u64> {
        match &self.0 {
            BytesLocation::Whole(_, size) => Some(*size),
            BytesLocation::Piece(_, span) => Some(span.size),
            BytesLocation::Stream(_) => None,
        }
    }

    /// Reads what is `at` bytes behind the start; a stream is there anyway.
    fn read_at(&mut self, at: u64, buf: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            BytesLocation::Whole(file, _) => file.read_at(buf, at),
            BytesLocation::Piece(file, span) => file.read_at(buf, span.start.saturating_add(at)),
            BytesLocation::Stream(_) if buf.is_empty() => Ok(0),
            BytesLocation::Stream(reader) => reader.read(buf),
        }
    }

    /// Whether there are more bytes than there should be, all of those having been read.
    fn has_grown(&mut self) -> io::Result<bool> {
        match &mut self.0 {
            BytesLocation::Whole(file, size) => Ok(file.metadata()?.len() != *size),
            BytesLocation::Piece(..) => Ok(false),
            BytesLocation::Stream(reader) => Ok(reader.read(&mut [0])? > 0),
        }
    }
}

impl fmt::Debug for StoredBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredBytes").field(&self.size()).finish()
    }
}

/// The stored bytes are not those that the descriptor promises.
fn mismatch(what: impl Into<String>) -> io::Error {
    NamedReason::error(ErrorName::BlobMismatch, io::ErrorKind::InvalidData, what)
}

/// There is something else where a regular file is expected.
pub(super) fn wrong_kind(what: &str) -> io::Error {
    NamedReason::error(ErrorName::FileKind, io::ErrorKind::InvalidData, what)
}
