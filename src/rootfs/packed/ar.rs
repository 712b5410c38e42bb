//! [`ArMembers`]: the members of an `ar` archive: a Debian package, or objects of a compiler.

use std::io::{self, BufRead, Read as _, Take};

use super::unpacker::MemberSequence;
use crate::{layer::foreign_tar::path_text, report::Limits};

/// Bytes of a member's header.
const HEADER: usize = 60;

/// Reads an `ar` archive from its first byte on.
pub(super) struct ArMembers<'a> {
    content: Take<&'a mut dyn BufRead>,
    /// The size of the current member is odd: a byte follows that belongs to none.
    is_padded: bool,
    /// GNU's table of long names.
    long_names: Vec<u8>,
}

fn broken(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<'a> ArMembers<'a> {
    /// `input` begins with the magic.
    pub(super) fn new(input: &'a mut dyn BufRead) -> io::Result<Self> {
        input.read_exact(&mut [0; 8])?;
        Ok(Self { content: input.take(0), is_padded: false, long_names: Vec::new() })
    }

    /// Whether there is a next header; it is written to `header`.
    fn read_header(&mut self, header: &mut [u8; HEADER]) -> io::Result<bool> {
        io::copy(&mut self.content, &mut io::sink())?;
        if self.content.limit() > 0 {
            return Err(broken("it ends inside of a member"));
        }
        self.content.set_limit(1);
        if self.is_padded {
            io::copy(&mut self.content, &mut io::sink())?;
        }
        self.content.set_limit(HEADER as u64);
        if self.content.fill_buf()?.is_empty() {
            return Ok(false);
        }
        self.content.read_exact(header)?;
        Ok(true)
    }

    /// The name that a header gives; the rest of the member is its content.
    fn name(&mut self, field: &[u8]) -> io::Result<String> {
        let field = field.trim_ascii_end();
        let digits = |text: &[u8]| std::str::from_utf8(text).ok().and_then(|text| text.parse::<usize>().ok());
        // BSD has the name in front of the content, GNU in a table.
        if let Some(length) = field.strip_prefix(b"#1/").and_then(digits) {
            if length > Limits::PATH_BYTES {
                return Err(broken("a name in it is too long"));
            }
            let mut name = vec![0; length];
            self.content.read_exact(&mut name)?;
            return Ok(path_text(name.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned());
        }
        if let Some(at) = field.strip_prefix(b"/").and_then(digits) {
            let name = self.long_names.get(at..).and_then(|rest| rest.split(|byte| *byte == b'\n').next());
            return Ok(path_text(name.unwrap_or(field).trim_ascii_end()).trim_end_matches('/').to_owned());
        }
        Ok(path_text(field).trim_end_matches('/').to_owned())
    }
}

impl MemberSequence for ArMembers<'_> {
    fn next_member(&mut self) -> io::Result<Option<String>> {
        let mut header = [0; HEADER];
        while self.read_header(&mut header)? {
            let size = header.get(48..58).and_then(|field| std::str::from_utf8(field).ok());
            let size = size.and_then(|text| text.trim_ascii().parse::<u64>().ok());
            let (Some(size), Some(b"`\n")) = (size, header.get(58..)) else {
                return Err(broken("a header in it is none"));
            };
            self.content.set_limit(size);
            self.is_padded = size % 2 == 1;
            let field = header.get(..16).unwrap_or_default();
            if !field.starts_with(b"// ") {
                return self.name(field).map(Some);
            }
            if size > Limits::PAX_BYTES {
                return Err(broken("its table of names is too long"));
            }
            self.long_names.clear();
            self.content.read_to_end(&mut self.long_names)?;
        }
        Ok(None)
    }

    fn content(&mut self) -> &mut dyn BufRead {
        &mut self.content
    }
}
