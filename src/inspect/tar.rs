//! The entries of a tar that somebody else may have made.

use std::io::{self, Read};

use tar::{Archive, EntryType};

use super::EntryReport;
use crate::report::Limits;

/// What the entries of one report may still take in memory.
#[derive(Debug)]
pub struct Room(usize);

impl Default for Room {
    /// [`Limits::REPORT_BYTES`] of it.
    fn default() -> Self {
        Self(Limits::REPORT_BYTES)
    }
}

impl Room {
    /// Counts one entry with its names.
    fn take(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        if path.len().max(target.len()) > Limits::PATH_BYTES {
            return Err(io::Error::other("a path in it is longer than Linux can open"));
        }
        let cost = size_of::<EntryReport>() + path.len() + target.len();
        self.0 = self.0.checked_sub(cost).ok_or_else(|| {
            io::Error::other(format!("the entries so far take more than {} MiB", Limits::REPORT_BYTES >> 20))
        })?;
        Ok(())
    }
}

/// Reads the headers of every entry of a layer's tar; contents are passed over. At most `limit` entries, and as many as `room` holds.
///
/// Extended headers are read here and not by the `tar` crate, which would take as much memory as they claim.
pub fn entries(reader: impl Read, limit: usize, room: &mut Room) -> io::Result<Vec<EntryReport>> {
    let mut found = Vec::new();
    let mut extended = Extended::default();
    let mut archive = Archive::new(reader);
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if matches!(
            kind,
            EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink
        ) {
            extended.take(kind, &mut entry)?;
            continue;
        }
        if found.len() == limit {
            return Err(io::Error::other(format!("it has more than {limit} entries")));
        }
        let header = entry.header();
        let extended = std::mem::take(&mut extended);
        if extended.size.is_some_and(|size| Some(size) != header.entry_size().ok()) {
            return Err(io::Error::other("an entry gives two sizes; readers would disagree about what follows"));
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let path = extended.path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let target = extended.link.or_else(|| entry.link_name_bytes().map(std::borrow::Cow::into_owned));
        let is_link = kind.is_symlink() || kind.is_hard_link();
        let target = target.filter(|_| is_link);
        room.take(&path, target.as_deref().unwrap_or_default())?;
        found.push(EntryReport {
            path: format!("/{}", text(&path).trim_start_matches("./").trim_matches('/')),
            kind: name(kind),
            mode: format!("{:04o}", header.mode()? & 0o7777),
            uid: extended.uid.map_or_else(|| header.uid(), Ok)?,
            gid: extended.gid.map_or_else(|| header.gid(), Ok)?,
            size: if kind.is_file() { header.entry_size()? } else { 0 },
            mtime: header.mtime()?,
            target: target.map(|target| text(&target)),
        });
    }
    Ok(found)
}

/// What extended headers said about the next entry.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    size: Option<u64>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Extended {
    fn take(&mut self, kind: EntryType, entry: &mut impl Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        entry.take(Limits::PAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > Limits::PAX_BYTES {
            return Err(io::Error::other("an extended header is larger than 1 MiB"));
        }
        let unended = |bytes: Vec<u8>| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        match kind {
            EntryType::GNULongName => self.path = Some(unended(bytes)),
            EntryType::GNULongLink => self.link = Some(unended(bytes)),
            EntryType::XHeader => self.pax(&bytes)?,
            // A global header sets defaults that nothing here shows.
            _ => {}
        }
        Ok(())
    }

    fn pax(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let broken = || io::Error::other("an extended header cannot be read");
            let (key, value, after) = record(rest).ok_or_else(broken)?;
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(broken);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                _ => {}
            }
            rest = after;
        }
        Ok(())
    }
}

/// The first record, `LENGTH KEY=VALUE\n`, and what follows it. The length counts, not the line break: a value may hold
/// one (the `tar` crate splits there, and would tell another name than every runtime extracts).
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let (record, after) = bytes.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], after))
}

fn name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Regular | EntryType::Continuous => "file",
        EntryType::Directory => "directory",
        EntryType::Symlink => "symlink",
        EntryType::Link => "hardlink",
        EntryType::Char => "character-device",
        EntryType::Block => "block-device",
        EntryType::Fifo => "fifo",
        _ => "unknown",
    }
}

/// Counts what passes through.
pub(super) struct Counted<R> {
    reader: R,
    count: u64,
}

impl<R: Read> Counted<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, count: 0 }
    }

    /// Bytes so far.
    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(buf)?;
        self.count += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Files of these names, in an archive as GNU tar writes it.
    fn archive(names: &[String]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in names {
            let mut header = tar::Header::new_gnu();
            header.set_size(0);
            header.set_mode(0o444);
            header.set_uid(0);
            header.set_gid(0);
            header.set_mtime(0);
            builder.append_data(&mut header, name, io::empty()).unwrap();
        }
        builder.into_inner().unwrap()
    }

    #[test]
    fn names_take_no_more_memory_than_there_is_room() {
        let path = |length: usize| "x/".repeat(length / 2);
        let read = |names: &[String], mut room| {
            entries(archive(names).as_slice(), 9, &mut room).map(|found| found.len()).map_err(|e| e.to_string())
        };
        assert_eq!(read(&[path(4000), path(4000)], Room::default()), Ok(2));
        assert_eq!(read(&[path(5000)], Room::default()), Err("a path in it is longer than Linux can open".into()));
        let full = read(&[path(4000), path(4000)], Room(6000));
        assert_eq!(full, Err("the entries so far take more than 512 MiB".into()));
    }

    #[test]
    fn a_record_is_as_long_as_it_says() {
        assert_eq!(record(b"13 path=a\nb=c\nmore"), None, "the length ends inside of the value");
        assert_eq!(record(b"14 path=a\nb=c\nmore"), Some((&b"path"[..], &b"a\nb=c"[..], &b"more"[..])));
        assert_eq!(record(b"99 path=a\n"), None);
        assert_eq!(record(b"path=a\n"), None);
        assert_eq!(record(b"3 \n"), None);
    }
}
