//! Bounds how many bytes of an archive are read for its headers.

use std::io::{self, BufReader, Read, Seek, SeekFrom};

use crate::report::{ErrorName, NamedReason};

/// What is read at once: a header with its extended headers, and not much of the content behind them.
const BUFFER_BYTES: usize = 4096;

/// Reads the headers of an archive and seeks over its contents. An archive whose headers, or what follows its end, take
/// more than it may read ends in an error: a hole of a terabyte takes no room in a file, but years to read.
#[derive(Debug)]
pub(super) struct HeaderReader<R> {
    archive: R,
    /// Bytes that may be read in all.
    limit: u64,
    /// Bytes that were read so far.
    read: u64,
}

impl<R: Read + Seek> HeaderReader<R> {
    /// Reads at most `limit` bytes of `archive`, in pieces of a page.
    pub(super) fn buffered(archive: R, limit: u64) -> BufReader<Self> {
        BufReader::with_capacity(BUFFER_BYTES, Self { archive, limit, read: 0 })
    }
}

impl<R: Read> Read for HeaderReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.limit.saturating_sub(self.read);
        if left == 0 {
            let what = format!("its headers take more than {} MiB", self.limit >> 20);
            return Err(NamedReason::error(ErrorName::ImageTooLarge, io::ErrorKind::QuotaExceeded, what));
        }
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let read = self.archive.read(buf.get_mut(..room).unwrap_or_default())?;
        self.read += read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for HeaderReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.archive.seek(to)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{BufRead as _, Cursor};

    use super::*;

    #[test]
    fn what_is_sought_over_is_not_read_and_what_is_read_has_a_limit() {
        let mut reader = HeaderReader::buffered(Cursor::new(vec![7; 9 << 20]), 2 << 20);
        assert_eq!(reader.fill_buf().unwrap().len(), BUFFER_BYTES);
        reader.seek_relative(8 << 20).unwrap();
        io::copy(&mut reader, &mut io::sink()).unwrap();
        assert_eq!(reader.get_ref().read, (1 << 20) + BUFFER_BYTES as u64);
        reader.rewind().unwrap();
        let said = io::copy(&mut reader, &mut io::sink()).unwrap_err().to_string();
        assert_eq!(said, "its headers take more than 2 MiB");
        assert_eq!(reader.get_ref().read, 2 << 20);
    }
}
