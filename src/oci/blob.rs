//! Interfaces for blobs: content that can be opened ([`Open`]), and the sink in which an image's blobs are stored
//! ([`BlobSink`]).

use std::{
    fmt,
    io::{self, Read, Write},
};

use super::Descriptor;
use crate::report::Failure;

/// Bytes that can be read from the start, as often as needed.
///
/// A reader that finds other bytes than it promised ends with an error, never with short data.
pub trait Open: Send + Sync + fmt::Debug {
    /// A fresh reader at the first byte.
    fn open(&self) -> io::Result<Box<dyn Read + Send>>;
}

/// Where the blobs of an image are put before the image has a name.
///
/// Blobs are invisible until the output that made the sink publishes the image.
pub trait BlobSink: Sync {
    /// Starts a blob whose digest is not known yet.
    fn draft(&self) -> Result<Box<dyn BlobDraft + '_>, Failure>;

    /// Puts a blob that is in memory already.
    fn put(&self, media_type: &'static str, bytes: &[u8]) -> Result<Descriptor, Failure> {
        let mut draft = self.draft()?;
        draft.write_all(bytes).map_err(|error| draft.failure(&error))?;
        draft.seal(media_type)
    }
}

/// A blob that is being written; it hashes what passes through. Dropped unsealed, it leaves nothing behind.
pub trait BlobDraft: Write + Send {
    /// Ends the blob and gives its descriptor (media type, digest and size; no annotations).
    fn seal(self: Box<Self>, media_type: &'static str) -> Result<Descriptor, Failure>;

    /// A write error as a failure, with the path and the number of bytes written.
    fn failure(&self, error: &io::Error) -> Failure;
}

impl Open for Vec<u8> {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(io::Cursor::new(self.clone())))
    }
}
