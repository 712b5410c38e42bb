//! Request bodies that can be sent again: bytes in memory, or a piece of a blob that is read and verified anew.

use std::io::{self, Read};

use crate::{
    image::{BlobRef, blob_error_name},
    oci::Open,
    report::{Failure, Task, shown},
};

/// The body of a request.
#[derive(Debug)]
pub(in crate::registry) enum Payload<'a> {
    /// None.
    None,
    /// In memory.
    Bytes(&'a [u8]),
    /// A piece of a blob.
    BlobPiece(BlobPiece<'a>),
}

/// A part of a blob, read anew for each attempt.
#[derive(Debug)]
pub(in crate::registry) struct BlobPiece<'a> {
    /// Checks what it reads.
    pub(in crate::registry) bytes: &'a dyn Open,
    /// Its name.
    pub(in crate::registry) blob: &'a BlobRef,
    /// The first byte.
    pub(in crate::registry) start: u64,
    /// How many.
    pub(in crate::registry) length: u64,
    /// Told of what was sent.
    pub(in crate::registry) task: &'a dyn Task,
}

impl BlobPiece<'_> {
    /// A reader at the first byte.
    pub(super) fn open(&self) -> Result<PieceReader<'_>, Failure> {
        let mut reader = PieceReader { source: Box::new(io::empty()), left: self.length, piece: self, fault: None };
        let opened = self.bytes.open().and_then(|mut bytes| {
            // Read, not seeked over: the digest is computed from the first byte on.
            let skipped = io::copy(&mut bytes.by_ref().take(self.start), &mut io::sink())?;
            if skipped == self.start { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
        });
        reader.source = opened.map_err(|error| self.failure(&error))?;
        Ok(reader)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        let what = format!("cannot read the blob `{}`: {}", self.blob.digest, shown(&error.to_string()));
        Failure::error(blob_error_name(error), what)
    }
}

/// Reads a piece, and keeps an error of reading the blob, which is not one of the connection.
pub(super) struct PieceReader<'a> {
    source: Box<dyn Read + Send>,
    left: u64,
    piece: &'a BlobPiece<'a>,
    fault: Option<io::Error>,
}

impl PieceReader<'_> {
    /// The fault of our side, if it was that.
    pub(super) fn failure(&self) -> Option<Failure> {
        self.fault.as_ref().map(|error| self.piece.failure(error))
    }
}

impl Read for PieceReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let result = match self.source.read(buf.get_mut(..want).unwrap_or_default()) {
            // The request has promised more.
            Ok(0) if want > 0 => Err(io::ErrorKind::UnexpectedEof.into()),
            result => result,
        };
        match result {
            Ok(read) => {
                self.left -= read as u64;
                self.piece.task.advance(read as u64);
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                self.fault = Some(error);
                Err(kind.into())
            }
        }
    }
}
