//! The member table of an archive: names, and the spans of their bytes in the file.
//!
//! Both archive formats are read by it. Only headers are read; names that lead out of the archive, duplicates, and
//! entries that readers would understand differently are refused.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, Seek},
    os::unix::fs::FileExt as _,
};

use super::header_reader::HeaderReader;
use crate::{
    image::stored_bytes::Span,
    layer::foreign_tar::{Flaw, Tape, TapeItem, TarEntry, TarEntryKind, path_text},
    report::{ErrorName, Limits, NamedReason, shown},
};

/// The size of a tar block.
const BLOCK_BYTES: usize = 512;

/// The members of an archive except folders, by the [text](path_text) of their names, so that no two names are the same.
#[derive(Debug)]
pub(super) struct ArchiveMembers(BTreeMap<String, ArchiveMember>);

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ArchiveMember {
    File(Span),
    /// Another member, by the text of its name: what `docker save` writes for a layer that several images share.
    Link(String),
    /// Anything that no image has.
    Other,
}

impl ArchiveMembers {
    /// Reads the headers of the archive `file`; contents are passed over.
    ///
    /// # Errors
    /// No tar; more entries, longer names or longer headers than [`Limits`] allows; a name that leads out of the archive
    /// or is there twice; an entry that readers would understand differently, or that ends behind the file's end;
    /// something behind the end of the tar.
    pub(super) fn scan(file: &File) -> io::Result<Self> {
        let mut scan = MemberScan { found: BTreeMap::new(), names: 0, length: file.metadata()?.len(), end: 0 };
        scan.entries(&mut Tape::new(HeaderReader::buffered(file, Limits::ARCHIVE_HEADERS_BYTES)))?;
        check_end(file, scan.end)?;
        Ok(Self(scan.found))
    }

    /// The place of the file `name`, through one link of docker's.
    pub(super) fn span(&self, name: &str) -> io::Result<Span> {
        let missing = || {
            NamedReason::error(ErrorName::BlobMissing, io::ErrorKind::NotFound, format!("`{}` is missing", shown(name)))
        };
        match self.member(name).ok_or_else(missing)? {
            ArchiveMember::File(span) => Ok(*span),
            ArchiveMember::Link(target) => match self.0.get(target) {
                Some(ArchiveMember::File(span)) => Ok(*span),
                _ => Err(invalid(format!("`{}` is a link to no file of the archive", shown(name)))),
            },
            ArchiveMember::Other => Err(invalid(format!("`{}` is not a regular file", shown(name)))),
        }
    }

    /// The place of the file `name`, which is not reached through a link. None when the name is not there.
    pub(super) fn file_span(&self, name: &str) -> io::Result<Option<Span>> {
        match self.member(name) {
            None => Ok(None),
            Some(ArchiveMember::File(span)) => Ok(Some(*span)),
            Some(_) => Err(invalid(format!("`{}` is not a regular file", shown(name)))),
        }
    }

    fn member(&self, name: &str) -> Option<&ArchiveMember> {
        self.0.get(path_text(name.as_bytes()).as_ref())
    }

    /// The names below `folder`, which ends with a slash.
    pub(super) fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .range(folder.to_owned()..)
            .map(|(name, _)| name.as_str())
            .take_while(move |name| name.starts_with(folder))
    }
}

/// Refuses an archive without the mark of its end, a block of zeros: the rest may be missing, and what is there may
/// look like another image.
fn check_end(file: &File, end: u64) -> io::Result<()> {
    let mut block = [1; BLOCK_BYTES];
    match file.read_exact_at(&mut block, end) {
        Ok(()) if block == [0; BLOCK_BYTES] => Ok(()),
        Ok(()) => Err(invalid("something that is no entry follows its last one")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(invalid("its end is cut off")),
        Err(error) => Err(error),
    }
}

struct MemberScan {
    found: BTreeMap<String, ArchiveMember>,
    /// Bytes of all names so far.
    names: usize,
    /// Bytes of the archive.
    length: u64,
    /// Where the last entry ends.
    end: u64,
}

impl MemberScan {
    /// Reads every header; contents are passed over.
    fn entries(&mut self, tape: &mut Tape<impl BufRead + Seek>) -> io::Result<()> {
        let mut count = 0;
        loop {
            match tape.next()? {
                TapeItem::Entry(entry, flaws) => {
                    if count == Limits::ARCHIVE_ENTRIES {
                        return Err(too_large(format!("it has more than {count} entries")));
                    }
                    count += 1;
                    check_flaws(&entry, &flaws)?;
                    self.entry(&entry, Span { start: tape.position(), size: tape.content_left() })?;
                    tape.skip_content()?;
                    self.end = tape.position();
                }
                TapeItem::End(None) => return Ok(()),
                TapeItem::End(Some(Flaw::Ambiguous(why))) => return Err(invalid(why)),
                TapeItem::End(Some(_)) => return Err(invalid("something follows its end")),
            }
        }
    }

    fn entry(&mut self, entry: &TarEntry, content: Span) -> io::Result<()> {
        let name = entry.path.trim_start_matches('/');
        if content.start.checked_add(content.size).is_none_or(|end| end > self.length) {
            return Err(invalid(format!("it ends inside of `{}`", shown(name))));
        }
        let target = || entry.target().unwrap_or_default();
        let member = match entry.kind {
            TarEntryKind::File => ArchiveMember::File(content),
            // What a name is inside of needs no place; that readers can make it is all there is to it.
            TarEntryKind::Directory => return Ok(()),
            TarEntryKind::Symlink => {
                ArchiveMember::Link(member_of_link(name.rsplit_once('/').map_or("", |(folder, _)| folder), target())?)
            }
            TarEntryKind::HardLink => ArchiveMember::Link(member_of_link("", target())?),
            TarEntryKind::CharDevice | TarEntryKind::BlockDevice | TarEntryKind::Fifo | TarEntryKind::Other => {
                ArchiveMember::Other
            }
        };
        self.names += name.len();
        if self.names > Limits::ARCHIVE_NAMES_BYTES {
            let limit = Limits::ARCHIVE_NAMES_BYTES >> 20;
            return Err(too_large(format!("its names take more than {limit} MiB")));
        }
        if self.found.insert(name.to_owned(), member).is_some() {
            let twice = format!("`{}` is there twice; readers would disagree about which one counts", shown(name));
            return Err(invalid(twice));
        }
        Ok(())
    }
}

/// Refuses an entry that leads out of the archive, or that readers would understand differently.
fn check_flaws(entry: &TarEntry, flaws: &[Flaw]) -> io::Result<()> {
    let path = shown(&entry.path);
    let refused = |what: String| Err(invalid(what));
    for flaw in flaws {
        match flaw {
            Flaw::Absolute | Flaw::DotDot(true) => {
                return refused(format!("the name of `{path}` leads out of the archive"));
            }
            // In the target of a link `..` is how docker leads to another layer; in a name it has no honest use.
            Flaw::DotDot(false) => return refused(format!("the name of `{path}` has `..`")),
            Flaw::Nul => return refused(format!("a name of `{path}` holds a NUL")),
            Flaw::Ambiguous(why) => return refused(format!("readers would disagree about `{path}`: {why}")),
            Flaw::Trailing => return refused("something follows its end".to_owned()),
            // GNU tar's own way to write PAX headers; no image is read otherwise because of it.
            Flaw::ProcessId => {}
        }
    }
    Ok(())
}

/// The name of the member that a link in `folder` leads to.
fn member_of_link(folder: &str, target: &str) -> io::Result<String> {
    let escapes = || invalid(format!("the link to `{}` leads out of the archive", shown(target)));
    if target.starts_with('/') {
        return Err(escapes());
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(escapes)?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// The archive breaks the rules, or can be read in two ways.
fn invalid(what: impl Into<String>) -> io::Error {
    NamedReason::error(ErrorName::ImageInvalid, io::ErrorKind::Other, what)
}

/// The archive has more of something than is read.
fn too_large(what: impl Into<String>) -> io::Error {
    NamedReason::error(ErrorName::ImageTooLarge, io::ErrorKind::Other, what)
}

#[cfg(test)]
#[path = "members_tests.rs"]
mod tests;
