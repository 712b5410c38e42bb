//! [`CpioMembers`]: the members of a `cpio` archive of the form `newc`, as an initramfs has it.

use std::io::{self, BufRead, Read as _, Take};

use super::unpacker::MemberSequence;
use crate::{layer::foreign_tar::path_text, report::Limits};

/// Bytes of a member's header.
const HEADER: usize = 110;
/// The name of the last member.
const TRAILER: &[u8] = b"TRAILER!!!";

/// Reads a `cpio` archive from its first byte on.
pub(super) struct CpioMembers<'a> {
    content: Take<&'a mut dyn BufRead>,
    /// Bytes behind the current member that belong to none.
    padding: u64,
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Bytes from `length` to the next multiple of four.
fn padding(length: u64) -> u64 {
    length.wrapping_neg() % 4
}

impl<'a> CpioMembers<'a> {
    pub(super) fn new(input: &'a mut dyn BufRead) -> Self {
        Self { content: input.take(0), padding: 0 }
    }

    /// Passes over the next `length` bytes.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        self.content.set_limit(length);
        io::copy(&mut self.content, &mut io::sink())?;
        if self.content.limit() > 0 { Err(broken("it ends inside of a member")) } else { Ok(()) }
    }
}

impl MemberSequence for CpioMembers<'_> {
    fn next_member(&mut self) -> io::Result<Option<String>> {
        let left = self.content.limit();
        self.skip(left)?;
        // The last padding may be missing.
        self.content.set_limit(self.padding);
        io::copy(&mut self.content, &mut io::sink())?;
        loop {
            // Archives are written one behind the other, with zeros between them.
            self.content.set_limit(u64::MAX);
            while self.content.fill_buf()?.first() == Some(&0) {
                let zeros = self.content.fill_buf()?.iter().take_while(|byte| **byte == 0).count();
                self.content.consume(zeros);
            }
            if self.content.fill_buf()?.is_empty() {
                return Ok(None);
            }
            let mut header = [0; HEADER];
            self.content.read_exact(&mut header)?;
            let field = |number: usize| {
                let text = header.get(6 + 8 * number..14 + 8 * number)?;
                u64::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
            };
            let (Some(size), Some(length)) = (field(6), field(11)) else {
                return Err(broken("a header in it is none"));
            };
            if !header.starts_with(b"07070") || length > Limits::PATH_BYTES as u64 {
                return Err(broken("a header in it is none"));
            }
            let mut name = vec![0; usize::try_from(length).unwrap_or(0)];
            self.content.read_exact(&mut name)?;
            let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
            self.skip(padding(HEADER as u64 + length))?;
            self.content.set_limit(size);
            self.padding = padding(size);
            if name != TRAILER && size > 0 {
                return Ok(Some(path_text(name).into_owned()));
            }
            self.skip(size + self.padding)?;
        }
    }

    fn content(&mut self) -> &mut dyn BufRead {
        &mut self.content
    }
}
