//! The names in an archive, with the places of their bytes.

use std::{collections::BTreeMap, fs::File, io, os::unix::fs::FileExt as _};

use tar::{Archive, Entry, EntryType};

use crate::{
    layer::Extended,
    place::{shown, store::Span},
    report::Limits,
};

/// The unit of a tar.
const BLOCK_BYTES: usize = 512;

/// What an archive holds, by name; without the folders.
#[derive(Debug)]
pub(super) struct Members(BTreeMap<String, Member>);

/// What has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    File(Span),
    /// Another member, by its name: what `docker save` writes for a layer that several images share.
    Link(String),
    /// Anything that no image has.
    Other,
}

impl Members {
    /// Reads the headers of the archive `file`; contents are passed over.
    ///
    /// # Errors
    /// No tar; more entries or longer names than [`Limits`] allows; a name that leads out of the archive or is there
    /// twice; an entry that readers would understand differently, or that ends behind the file's end.
    pub(super) fn scan(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut scan = Scan { found: BTreeMap::new(), names: 0, length, end: 0 };
        let mut archive = Archive::new(file);
        let mut extended = Extended::default();
        for (count, entry) in archive.entries_with_seek()?.raw(true).enumerate() {
            if count == Limits::ARCHIVE_ENTRIES {
                return Err(io::Error::other(format!("it has more than {count} entries")));
            }
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if Extended::is(kind) {
                extended.take(kind, &mut entry)?;
            } else {
                scan.entry(&entry, std::mem::take(&mut extended))?;
            }
        }
        check_end(file, scan.end)?;
        Ok(Self(scan.found))
    }

    /// The place of the file `name`, through one link of docker's.
    pub(super) fn span(&self, name: &str) -> io::Result<Span> {
        let missing = || io::Error::new(io::ErrorKind::NotFound, format!("`{}` is missing", shown(name)));
        match self.0.get(name).ok_or_else(missing)? {
            Member::File(span) => Ok(*span),
            Member::Link(target) => match self.0.get(target) {
                Some(Member::File(span)) => Ok(*span),
                _ => Err(io::Error::other(format!("`{}` is a link to no file of the archive", shown(name)))),
            },
            Member::Other => Err(io::Error::other(format!("`{}` is not a regular file", shown(name)))),
        }
    }

    /// The place of the file `name`, which is not reached through a link. None when the name is not there.
    pub(super) fn own(&self, name: &str) -> io::Result<Option<Span>> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Member::File(span)) => Ok(Some(*span)),
            Some(_) => Err(io::Error::other(format!("`{}` is not a regular file", shown(name)))),
        }
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
        Ok(()) => Err(io::Error::other("something that is no entry follows its last one")),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(io::Error::other("its end is cut off")),
        Err(error) => Err(error),
    }
}

struct Scan {
    found: BTreeMap<String, Member>,
    /// Bytes of all names so far.
    names: usize,
    /// Bytes of the archive.
    length: u64,
    /// Where the last entry ends.
    end: u64,
}

impl Scan {
    fn entry(&mut self, entry: &Entry<'_, &File>, extended: Extended) -> io::Result<()> {
        let header = entry.header();
        let kind = header.entry_type();
        let size = header.entry_size()?;
        if extended.size.is_some_and(|other| other != size) {
            return Err(io::Error::other("an entry gives two sizes; readers would disagree about what follows"));
        }
        self.end = entry.raw_file_position().saturating_add(size).next_multiple_of(BLOCK_BYTES as u64);
        let raw = extended.path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let name = inside(&raw, None)?;
        let member = match kind {
            EntryType::Regular | EntryType::Continuous => {
                let start = entry.raw_file_position();
                if start.checked_add(size).is_none_or(|end| end > self.length) {
                    return Err(io::Error::other(format!("it ends inside of `{}`", shown(&name))));
                }
                Member::File(Span { start, size })
            }
            // What a name is inside of needs no place; that readers can make it is all there is to it.
            EntryType::Directory => return Ok(()),
            EntryType::Symlink | EntryType::Link => {
                let target = extended.link.or_else(|| entry.link_name_bytes().map(std::borrow::Cow::into_owned));
                let folder = if kind == EntryType::Symlink {
                    name.rsplit_once('/').map_or("", |(folder, _)| folder)
                } else {
                    ""
                };
                Member::Link(inside(&target.unwrap_or_default(), Some(folder))?)
            }
            _ => Member::Other,
        };
        self.names += name.len();
        if self.names > Limits::ARCHIVE_NAMES_BYTES {
            let limit = Limits::ARCHIVE_NAMES_BYTES >> 20;
            return Err(io::Error::other(format!("its names take more than {limit} MiB")));
        }
        let twice = format!("`{}` is there twice; readers would disagree about which one counts", shown(&name));
        if self.found.insert(name, member).is_some() { Err(io::Error::other(twice)) } else { Ok(()) }
    }
}

/// A name or, seen from `folder`, the target of a link, without `.` and `..`.
fn inside(raw: &[u8], folder: Option<&str>) -> io::Result<String> {
    let told = String::from_utf8_lossy(raw);
    let escapes = || io::Error::other(format!("the name `{}` leads out of the archive", shown(&told)));
    if raw.len() > Limits::PATH_BYTES {
        return Err(io::Error::other("a name in it is longer than Linux can open"));
    }
    if raw.starts_with(b"/") || raw.contains(&0) {
        return Err(escapes());
    }
    let mut parts: Vec<&str> = folder.unwrap_or_default().split('/').filter(|part| !part.is_empty()).collect();
    for part in told.split('/') {
        match part {
            "" | "." => {}
            // In a link `..` is how docker leads to another layer; in a name it has no honest use.
            ".." if folder.is_some() => {
                parts.pop().ok_or_else(escapes)?;
            }
            ".." => return Err(escapes()),
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Seek as _, Write as _};

    use super::*;

    fn header(kind: EntryType, size: u64) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o644);
        header
    }

    /// An entry whose name is taken as it is, as no careful writer would.
    fn named(name: &[u8], kind: EntryType, link: &[u8], content: &[u8]) -> Vec<u8> {
        let mut header = header(kind, content.len() as u64);
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    fn scan(entries: &[Vec<u8>]) -> io::Result<Members> {
        let mut file = tempfile::tempfile().unwrap();
        for entry in entries {
            file.write_all(entry).unwrap();
        }
        file.write_all(&[0; 1024]).unwrap();
        file.rewind().unwrap();
        Members::scan(&file)
    }

    #[test]
    fn files_are_found_where_they_lie_and_docker_links_are_followed_once() {
        let members = scan(&[
            named(b"./a/layer.tar", EntryType::Regular, b"", b"one"),
            named(b"b/", EntryType::Directory, b"", b""),
            named(b"b/layer.tar", EntryType::Symlink, b"../a/layer.tar", b""),
            named(b"c", EntryType::Symlink, b"b/layer.tar", b""),
            named(b"d", EntryType::Link, b"a/layer.tar", b""),
            named(b"e", EntryType::Fifo, b"", b""),
        ])
        .unwrap();
        let span = Span { start: 512, size: 3 };
        for name in ["a/layer.tar", "b/layer.tar", "d"] {
            assert_eq!(members.span(name).unwrap(), span, "{name}");
        }
        assert_eq!(members.span("c").unwrap_err().to_string(), "`c` is a link to no file of the archive");
        assert_eq!(members.span("e").unwrap_err().to_string(), "`e` is not a regular file");
        assert_eq!(members.span("x").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(members.own("d").is_err() && members.own("x").unwrap().is_none());
        assert_eq!(members.below("a/").collect::<Vec<_>>(), ["a/layer.tar"]);
    }

    #[test]
    fn names_and_links_that_lead_out_are_refused_wherever_they_are() {
        for name in [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a/.."] {
            let said = scan(&[named(name, EntryType::Regular, b"", b"")]).unwrap_err().to_string();
            assert!(said.ends_with("leads out of the archive"), "{said}");
        }
        for (kind, link) in
            [(EntryType::Symlink, &b"../../x"[..]), (EntryType::Symlink, b"/x"), (EntryType::Link, b"../x")]
        {
            let said = scan(&[named(b"a/b", kind, link, b"")]).unwrap_err().to_string();
            assert!(said.ends_with("leads out of the archive"), "{said}");
        }
    }

    #[test]
    fn entries_and_names_are_bounded_and_names_are_texts() {
        let folder = named(b"folder/", EntryType::Directory, b"", b"");
        assert!(scan(&vec![folder.clone(); Limits::ARCHIVE_ENTRIES]).is_ok());
        let said = scan(&vec![folder; Limits::ARCHIVE_ENTRIES + 1]).unwrap_err().to_string();
        assert_eq!(said, "it has more than 100000 entries");
        let long = |number: usize, length: usize| {
            let name = format!("{number:0length$}");
            [named(b"L", EntryType::GNULongName, b"", name.as_bytes()), named(b"", EntryType::Fifo, b"", b"")].concat()
        };
        assert!(scan(&[long(1, Limits::PATH_BYTES)]).is_ok());
        let said = scan(&[long(1, Limits::PATH_BYTES + 1)]).unwrap_err().to_string();
        assert_eq!(said, "a name in it is longer than Linux can open");
        let most = Limits::ARCHIVE_NAMES_BYTES / Limits::PATH_BYTES;
        let all: Vec<_> = (0..=most).map(|number| long(number, Limits::PATH_BYTES)).collect();
        assert!(scan(&all[..most]).is_ok());
        assert_eq!(scan(&all).unwrap_err().to_string(), "its names take more than 16 MiB");
        let nul = named(b"x", EntryType::XHeader, b"", b"12 path=a\0b\n");
        let said = scan(&[nul, named(b"a", EntryType::Regular, b"", b"")]).unwrap_err().to_string();
        assert!(said.ends_with("leads out of the archive"), "{said}");
    }

    #[test]
    fn what_readers_would_understand_differently_is_refused() {
        let twice = scan(&[named(b"a", EntryType::Regular, b"", b"1"), named(b"./a", EntryType::Regular, b"", b"2")]);
        assert!(twice.unwrap_err().to_string().starts_with("`a` is there twice"));
        let mut cut = header(EntryType::Regular, 9999);
        cut.set_path("a").unwrap();
        cut.set_cksum();
        assert_eq!(scan(&[cut.as_bytes().to_vec()]).unwrap_err().to_string(), "it ends inside of `a`");
        let record = named(b"x", EntryType::XHeader, b"", b"12 size=999\n");
        let sizes = scan(&[record, named(b"a", EntryType::Regular, b"", b"1")]);
        assert!(sizes.unwrap_err().to_string().starts_with("an entry gives two sizes"));
    }
}
