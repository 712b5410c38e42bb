//! [`Observed`]: a stream that shows what is taken from it to somebody else, and counts it.

use std::io::{self, BufRead, Read};

use super::budget::PackedBudget;

/// A stream on its way through a decoder: each byte that is taken is shown first.
pub(super) struct Observed<'a> {
    source: &'a mut dyn BufRead,
    observe: &'a mut dyn FnMut(&[u8]),
    /// What the bytes are counted by; those of a file of the layer are not unpacked, and are always shown.
    budget: Option<&'a PackedBudget>,
    /// Nothing is shown: what is inside is shown by itself.
    is_muted: bool,
    size: u64,
    has_failed: bool,
}

impl<'a> Observed<'a> {
    /// A file of the layer.
    pub(super) fn file(source: &'a mut dyn BufRead, observe: &'a mut dyn FnMut(&[u8])) -> Self {
        Self { source, observe, budget: None, is_muted: false, size: 0, has_failed: false }
    }

    /// A member of one, which was unpacked.
    pub(super) fn member(
        source: &'a mut dyn BufRead,
        observe: &'a mut dyn FnMut(&[u8]),
        budget: &'a PackedBudget,
    ) -> Self {
        Self { budget: Some(budget), ..Self::file(source, observe) }
    }

    /// Bytes that were taken so far.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Whether the stream itself could not be read on: what reads from it is not to blame.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Shows nothing until it is called again, if this is a member.
    pub(super) fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted && self.budget.is_some();
    }

    /// Fills `room` as far as there are bytes.
    pub(super) fn fill(&mut self, room: &mut [u8]) -> usize {
        let mut filled = 0;
        while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest) {
                Ok(0) | Err(_) => break,
                Ok(read) => filled += read,
            }
        }
        filled
    }

    /// Takes what is left.
    ///
    /// # Errors
    /// It cannot be read, or too much was unpacked.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        loop {
            let length = self.fill_buf()?.len();
            if length == 0 {
                return Ok(());
            }
            self.consume(length);
        }
    }
}

impl BufRead for Observed<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.has_failed {
            return Err(io::Error::other("it could not be read on"));
        }
        if let Some(why) = self.budget.and_then(PackedBudget::spent) {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, why));
        }
        match self.source.fill_buf() {
            Ok(bytes) => Ok(bytes),
            Err(error) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    fn consume(&mut self, bytes: usize) {
        if !self.is_muted && bytes > 0 {
            // The bytes are there: the caller was given them.
            let there = self.source.fill_buf().unwrap_or_default();
            (self.observe)(there.get(..bytes).unwrap_or_default());
        }
        self.size += bytes as u64;
        if let Some(budget) = self.budget {
            budget.take_bytes(bytes);
        }
        self.source.consume(bytes);
    }
}

impl Read for Observed<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}
