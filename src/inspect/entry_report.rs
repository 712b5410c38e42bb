//! [`EntryReport`]: one entry of a layer, read from its tar for a report.

use std::io::{self, Read};

use serde::Serialize;

use crate::{
    layer::foreign_tar::{Tape, TapeItem, TarEntryKind},
    report::Limits,
};

/// One entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EntryReport {
    /// As the tar has it, with a leading `/`. Foreign text; bytes that are no UTF-8 are replaced.
    pub path: String,
    /// `file`, `directory`, `symlink`, `hardlink`, `character-device`, `block-device`, `fifo` or `unknown`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Four octal digits.
    pub mode: String,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Bytes of a file's content.
    pub size: u64,
    /// Modification time, seconds since 1970.
    pub mtime: u64,
    /// Of a link. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// The memory that the entries of a report may still take.
#[derive(Debug)]
pub struct ReportBudget(usize);

impl Default for ReportBudget {
    /// [`Limits::REPORT_BYTES`] of it.
    fn default() -> Self {
        Self(Limits::REPORT_BYTES)
    }
}

impl ReportBudget {
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

/// Reads the headers of every entry of a layer's tar; contents are passed over. At most `limit` entries, and as many as
/// `room` holds.
pub fn entries(reader: impl Read, limit: usize, room: &mut ReportBudget) -> io::Result<Vec<EntryReport>> {
    let mut found = Vec::new();
    let mut tape = Tape::new(io::BufReader::new(reader));
    while let TapeItem::Entry(entry, _) = tape.next()? {
        if found.len() == limit {
            return Err(io::Error::other(format!("it has more than {limit} entries")));
        }
        let target = entry.target().map(str::to_owned);
        room.take(entry.path.as_bytes(), target.as_deref().unwrap_or_default().as_bytes())?;
        tape.content(|_| ())?;
        found.push(EntryReport {
            kind: kind_name(entry.kind),
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            size: entry.size,
            mtime: entry.mtime,
            target,
            path: entry.path,
        });
    }
    Ok(found)
}

/// The name of an entry's kind in reports.
pub(super) fn kind_name(kind: TarEntryKind) -> &'static str {
    match kind {
        TarEntryKind::File => "file",
        TarEntryKind::Directory => "directory",
        TarEntryKind::Symlink => "symlink",
        TarEntryKind::HardLink => "hardlink",
        TarEntryKind::CharDevice => "character-device",
        TarEntryKind::BlockDevice => "block-device",
        TarEntryKind::Fifo => "fifo",
        TarEntryKind::Other => "unknown",
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
        assert_eq!(read(&[path(4000), path(4000)], ReportBudget::default()), Ok(2));
        assert_eq!(
            read(&[path(5000)], ReportBudget::default()),
            Err("a path in it is longer than Linux can open".into())
        );
        let full = read(&[path(4000), path(4000)], ReportBudget(6000));
        assert_eq!(full, Err("the entries so far take more than 512 MiB".into()));
    }
}
