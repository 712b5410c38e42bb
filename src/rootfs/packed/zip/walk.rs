//! [`ZipWalk`]: goes through the records of a zip in the order in which they stand.

use std::io::{self, BufRead};

use super::{
    super::lookahead::Lookahead,
    directory::{Contradiction, ZipDirectory},
    header::{
        DIRECTORY, DirectoryHeader, END, END64, EndRecord, LOCAL, LocalHeader, comment_length, directory_lengths,
        local_lengths,
    },
};

/// The walk through an archive.
pub(super) struct ZipWalk<R> {
    /// Behind a [`ZipItem::Member`], it is at the member's content.
    pub(super) input: Lookahead<R>,
    directory: ZipDirectory,
    /// Whether a member was met, or the file begins as a zip.
    is_begun: bool,
    /// Contradictions that are to be told.
    contradictions: std::vec::IntoIter<Contradiction>,
    /// Where the last record at an end says that the file ends.
    end: Option<u64>,
}

/// The next thing of an archive.
pub(super) enum ZipItem {
    Member(LocalHeader),
    Contradiction(Option<Box<str>>, &'static str),
    End,
}

impl<R: BufRead> ZipWalk<R> {
    pub(super) fn new(input: Lookahead<R>, is_begun: bool) -> Self {
        let (directory, contradictions) = (ZipDirectory::new(is_begun), Vec::new().into_iter());
        Self { input, directory, is_begun, contradictions, end: None }
    }

    /// Whether the archive reaches to the end of the file, once that was reached.
    pub(super) fn is_whole(&self) -> bool {
        self.end == Some(self.input.position())
    }

    /// The member whose header was given has `size` compressed bytes, if that is known.
    pub(super) fn seen(&mut self, header: &LocalHeader, size: Option<u64>) {
        self.directory.add_member(header, size);
    }

    /// The member whose header was given is not read.
    pub(super) fn pass(&mut self, header: &LocalHeader) {
        self.directory.add_member(header, header.size);
    }

    /// Goes to the next member.
    pub(super) fn next(&mut self) -> io::Result<ZipItem> {
        loop {
            if let Some((name, what)) = self.contradictions.next() {
                return Ok(ZipItem::Contradiction(name, what));
            }
            // Most of what begins so is no record: programs and texts have these two letters.
            if !self.input.find(b"PK")? {
                return Ok(ZipItem::End);
            }
            match self.input.peek(4)?.get(2..) {
                Some([3, 4]) => {
                    if let Some(header) = self.local_header()? {
                        self.is_begun = true;
                        return Ok(ZipItem::Member(header));
                    }
                }
                Some([1, 2]) if self.is_begun => self.directory_entry()?,
                Some([6, 6]) if self.is_begun => self.large_end()?,
                Some([5, 6]) if self.is_begun => self.end()?,
                _ => self.input.consume(2),
            }
        }
    }

    /// Takes the header of a member, if it is one.
    fn local_header(&mut self) -> io::Result<Option<LocalHeader>> {
        let position = self.input.position();
        let fixed = self.input.peek(LOCAL)?;
        let lengths = local_lengths(fixed).filter(|_| LocalHeader::is_plausible(fixed));
        let Some((name, extra)) = lengths else {
            self.input.consume(2);
            return Ok(None);
        };
        let length = LOCAL + name + extra;
        let header = LocalHeader::parse(self.input.peek(length)?, position);
        self.input.consume(if header.is_some() { length } else { 2 });
        Ok(header)
    }

    fn directory_entry(&mut self) -> io::Result<()> {
        let begin = self.input.position();
        let Some((name, extra, comment)) = directory_lengths(self.input.peek(DIRECTORY)?) else {
            self.directory.add_entry(None, begin, begin);
            self.input.consume(2);
            return Ok(());
        };
        let length = DIRECTORY + name + extra + comment;
        let bytes = self.input.peek(length)?;
        let entry = bytes.get(..DIRECTORY + name + extra).filter(|_| bytes.len() == length);
        let entry = entry.and_then(DirectoryHeader::parse);
        // One that is none is passed over by its letters alone: other records may stand in it.
        let taken = if entry.is_some() { length } else { 2 };
        self.directory.add_entry(entry, begin, begin + taken as u64);
        self.input.consume(taken);
        Ok(())
    }

    fn large_end(&mut self) -> io::Result<()> {
        let position = self.input.position();
        let end = EndRecord::parse_large(self.input.peek(END64)?);
        self.directory.add_large_end(end, position);
        self.input.consume(4);
        Ok(())
    }

    /// Takes the record at the end. Its comment is looked at like anything else: programs take the last such record.
    fn end(&mut self) -> io::Result<()> {
        let position = self.input.position();
        let bytes = self.input.peek(END)?;
        let (end, comment) = (EndRecord::parse(bytes), comment_length(bytes));
        self.end = comment.map(|comment| position + END as u64 + comment);
        self.contradictions = self.directory.end(end, position).into_iter();
        self.input.consume(4);
        Ok(())
    }
}
