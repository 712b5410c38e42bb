//! Reads members of an archive where they lie in the file, by the spans of [`ArchiveMembers`].

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
};

use super::ArchiveMembers;
use crate::{
    image::stored_bytes::Span,
    report::{ErrorName, Failure, Limits, shown},
};

/// The whole of the document `name`.
pub(super) fn read_member(file: &File, members: &ArchiveMembers, name: &str) -> Result<Vec<u8>, Failure> {
    let span = members.span(name).map_err(|error| archive_failure(&error))?;
    read_span(file, span, Limits::MANIFEST_BYTES)
        .map_err(|failure| Failure { what: format!("`{}`: {}", shown(name), failure.what), ..failure })
}

/// The bytes at `span`, when they are not more than `limit`.
pub(super) fn read_span(file: &File, span: Span, limit: u64) -> Result<Vec<u8>, Failure> {
    if span.size > limit {
        let what = format!("it has {} bytes, more than the {limit} allowed", span.size);
        return Err(Failure::error(ErrorName::ImageTooLarge, what));
    }
    let mut bytes = Vec::new();
    SpanReader { file, span, at: 0 }
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::error(ErrorName::of_io(&error), shown(&error.to_string())))?;
    if bytes.len() as u64 == span.size {
        Ok(bytes)
    } else {
        Err(Failure::error(ErrorName::ImageInvalid, "it ends too early"))
    }
}

/// The failure of reading a member.
pub(super) fn archive_failure(error: &io::Error) -> Failure {
    Failure::error(ErrorName::of_io(error), error.to_string())
}

/// Reads a piece of a file by position.
pub(super) struct SpanReader<'a> {
    pub(super) file: &'a File,
    pub(super) span: Span,
    pub(super) at: u64,
}

impl io::Read for SpanReader<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.span.size.saturating_sub(self.at)).unwrap_or(usize::MAX).min(buf.len());
        let place = self.span.start.saturating_add(self.at);
        let read = self.file.read_at(buf.get_mut(..left).unwrap_or_default(), place)?;
        self.at += read as u64;
        Ok(read)
    }
}
