//! [`Lookahead`]: a reader whose next bytes can be looked at before they are taken.

use std::io::{self, BufRead, Read};

/// A reader with the bytes that were looked at in front of it.
#[derive(Debug)]
pub(super) struct Lookahead<R> {
    inner: R,
    held: Vec<u8>,
    at: usize,
    position: u64,
}

impl<R: BufRead> Lookahead<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, held: Vec::new(), at: 0, position: 0 }
    }

    /// Bytes that were taken so far.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next `length` bytes, or all that are left.
    pub(super) fn peek(&mut self, length: usize) -> io::Result<&[u8]> {
        if self.at == self.held.len() {
            self.held.clear();
            self.at = 0;
            if self.inner.fill_buf()?.len() >= length {
                return Ok(self.inner.fill_buf()?.get(..length).unwrap_or_default());
            }
        }
        while self.held.len() - self.at < length {
            let chunk = self.inner.fill_buf()?;
            if chunk.is_empty() {
                break;
            }
            let taken = chunk.len().min(length - (self.held.len() - self.at));
            self.held.extend_from_slice(chunk.get(..taken).unwrap_or_default());
            self.inner.consume(taken);
        }
        let end = self.held.len().min(self.at + length);
        Ok(self.held.get(self.at..end).unwrap_or_default())
    }

    /// Goes to the next `word`, and says whether there is one.
    pub(super) fn find(&mut self, word: &[u8]) -> io::Result<bool> {
        loop {
            let bytes = self.fill_buf()?;
            let seen = bytes.len();
            if seen == 0 {
                return Ok(false);
            }
            if let Some(found) = memchr::memmem::find(bytes, word) {
                self.consume(found);
                return Ok(true);
            }
            // What begins at the end of a piece is completed by the next one. Nothing is held for longer than that, because
            // what is held is copied.
            let begun =
                (1..word.len().min(seen + 1)).rev().find(|length| bytes.ends_with(word.get(..*length).unwrap_or(word)));
            self.consume(seen - begun.unwrap_or(0));
            if begun.is_some() {
                if self.peek(word.len())? == word {
                    return Ok(true);
                }
                self.consume(1);
            }
        }
    }
}

impl<R: BufRead> BufRead for Lookahead<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at < self.held.len() {
            return Ok(self.held.get(self.at..).unwrap_or_default());
        }
        self.inner.fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.position += bytes as u64;
        let held = bytes.min(self.held.len() - self.at);
        self.at += held;
        if bytes > held {
            self.inner.consume(bytes - held);
        }
    }
}

impl<R: BufRead> Read for Lookahead<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_wherever_pieces_end_and_bytes_stay_in_order() {
        let text = b"abcabPKxPPK\x03\x04rest of it";
        for size in 1..=text.len() {
            let mut reader = Lookahead::new(io::BufReader::with_capacity(size, text.as_slice()));
            assert!(reader.find(b"PK\x03\x04").unwrap_or(false), "{size}");
            assert_eq!(reader.position(), 9, "{size}");
            assert_eq!(reader.peek(6).map(<[u8]>::to_vec).ok(), Some(b"PK\x03\x04re".to_vec()));
            reader.consume(4);
            let mut rest = Vec::new();
            assert_eq!(reader.read_to_end(&mut rest).ok(), Some(10));
            assert_eq!((rest.as_slice(), reader.position()), (&b"rest of it"[..], 23));
            let mut reader = Lookahead::new(io::BufReader::with_capacity(size, text.as_slice()));
            assert_eq!((reader.find(b"not there").ok(), reader.position()), (Some(false), 23), "{size}");
        }
    }
}
