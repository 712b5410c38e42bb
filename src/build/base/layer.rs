//! The tar of a base's layer, read as a stream: names, modes, and what programs say of themselves. Nothing is unpacked.

use std::{
    io::{self, BufRead, BufReader, Read},
    sync::Arc,
};

use crate::{
    build::{
        certificates::BUNDLE_PATH,
        merged::{BaseFile, Item, ItemKind},
    },
    elf::{self, Elf, NotElf, Sparse},
    layer::foreign_tar::{Flaw, Kind, Tape, Tell, path_bytes},
    report::{Limits, printable},
};

/// Bytes of a read.
const CHUNK: usize = 64 << 10;
/// What tells what a file is, when it is no program.
const HEAD: usize = 256;

/// What the entries of a base may still take in memory.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(Limits::AUDIT_BYTES)
    }
}

impl Room {
    fn take(&mut self, bytes: usize) -> io::Result<()> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| {
            io::Error::other(format!("the entries of the base take more than {} MiB", Limits::AUDIT_BYTES >> 20))
        })?;
        Ok(())
    }
}

/// Reads the entries of a layer, in their order.
///
/// # Errors
/// A tar that cannot be read or in which two readers would see different things; more than [`Limits`] allows.
pub(super) fn items(reader: impl Read, room: &mut Room) -> io::Result<Vec<Item>> {
    let mut found = Vec::new();
    let mut tape = Tape::new(BufReader::with_capacity(CHUNK, reader));
    loop {
        let (entry, flaws) = match tape.next()? {
            Tell::Entry(entry, flaws) => (entry, flaws),
            Tell::End(flaw) => {
                refuse("its end", flaw.into_iter().collect())?;
                return Ok(found);
            }
        };
        refuse(&entry.path, flaws)?;
        if found.len() == Limits::ENTRIES {
            return Err(io::Error::other(format!("it has more than {} entries", Limits::ENTRIES)));
        }
        let (path, target) = (path_bytes(&entry.path), entry.target().map(path_bytes).unwrap_or_default());
        room.take(size_of::<Item>() + path.len() + target.len())?;
        let kind = match entry.kind {
            Kind::File => ItemKind::File(Arc::new(file(&mut tape, &path, entry.size, room)?)),
            Kind::Directory => ItemKind::Directory,
            Kind::Symlink => ItemKind::Symlink(target),
            Kind::HardLink => ItemKind::HardLink(target),
            Kind::CharDevice | Kind::BlockDevice | Kind::Fifo => ItemKind::Special,
            Kind::Other => return Err(io::Error::other("an entry is of a kind that runtimes do not agree on")),
        };
        tape.content(|_| ())?;
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        found.push(Item { path, kind, mode: entry.mode, uid: id(entry.uid), gid: id(entry.gid) });
    }
}

/// Refuses an entry that two readers would take differently.
fn refuse(path: &str, flaws: Vec<Flaw>) -> io::Result<()> {
    let why = flaws.into_iter().find_map(|flaw| match flaw {
        Flaw::Ambiguous(why) => Some(why),
        Flaw::Nul => Some("a name of it holds a NUL"),
        Flaw::DotDot(true) => Some("its name leads out of the image"),
        Flaw::DotDot(false) => Some("its name has `..`"),
        Flaw::Absolute | Flaw::Trailing | Flaw::ProcessId => None,
    });
    let path: String = path.chars().take(200).collect();
    let refused = |why| io::Error::other(format!("`{}`: {why}, and readers would disagree", printable(&path)));
    why.map_or(Ok(()), |why| Err(refused(why)))
}

/// Looks at a file as it passes by.
fn file<R: BufRead>(tape: &mut Tape<R>, path: &[u8], size: u64, room: &mut Room) -> io::Result<BaseFile> {
    let mut look = Look { keep: size == 0 || kept(path).is_some_and(|limit| size <= limit), size, ..Look::default() };
    let mut full = Ok(());
    tape.content(|bytes| {
        if full.is_ok() {
            full = look.push(bytes, room);
        }
    })?;
    full?;
    let elf = if look.is_elf == Some(true) { elf::headers(&look.sparse) } else { elf::headers(look.head.as_slice()) };
    room.take(elf_cost(&elf))?;
    Ok(BaseFile { size, elf, text: look.keep.then_some(look.text) })
}

/// What is seen of a file.
#[derive(Default)]
struct Look {
    size: u64,
    keep: bool,
    head: Vec<u8>,
    text: Vec<u8>,
    sparse: Sparse,
    is_elf: Option<bool>,
}

impl Look {
    fn push(&mut self, bytes: &[u8], room: &mut Room) -> io::Result<()> {
        if self.head.len() < HEAD {
            self.head.extend_from_slice(bytes.get(..bytes.len().min(HEAD - self.head.len())).unwrap_or_default());
        }
        let is_first = self.is_elf.is_none();
        if is_first && self.size <= Limits::AUDIT_KEPT_BYTES as u64 && begins_with_an_account(bytes) {
            self.keep = true;
        }
        if self.keep {
            room.take(bytes.len())?;
            self.text.extend_from_slice(bytes);
        }
        // The first piece may have less than the four bytes; a file of which that is so is no program of anybody's.
        if *self.is_elf.get_or_insert_with(|| bytes.starts_with(b"\x7fELF")) {
            self.sparse.push(bytes);
        }
        Ok(())
    }
}

/// How much is kept of a file of this name.
fn kept(path: &[u8]) -> Option<u64> {
    let name = path.rsplit(|byte| *byte == b'/').next()?;
    let bundle = BUNDLE_PATH.rsplit('/').next().unwrap_or_default();
    match name {
        b"passwd" | b"group" => Some(Limits::AUDIT_KEPT_BYTES as u64),
        _ if name == bundle.as_bytes() => Some(Limits::CERTIFICATE_BYTES),
        _ => None,
    }
}

/// Whether the first line is one of a passwd or group file, which may lie under any name behind a link.
fn begins_with_an_account(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut fields = line.split(|byte| *byte == b':').skip(2);
    let is_number = |field: &[u8]| !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    fields.next().is_some_and(is_number) && fields.next().is_some()
}

fn elf_cost(elf: &Result<Elf, NotElf>) -> usize {
    let texts = |list: &[String]| list.iter().map(|text| text.len() + size_of::<String>()).sum::<usize>();
    let own = match elf {
        Ok(elf) => texts(&elf.needed) + texts(&elf.search) + elf.loader.as_ref().map_or(0, String::len),
        Err(_) => HEAD,
    };
    own + size_of::<BaseFile>()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tar::EntryType;

    use super::*;

    fn entry(builder: &mut tar::Builder<Vec<u8>>, kind: EntryType, path: &str, content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o4755);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(0);
        builder.append_data(&mut header, path, content).unwrap();
    }

    #[test]
    fn files_are_told_by_their_headers_and_few_are_kept() {
        let mut builder = tar::Builder::new(Vec::new());
        let long = format!("{}/passwd", "x".repeat(200));
        entry(&mut builder, EntryType::Regular, "bin/script", b"#!/bin/sh\n");
        entry(&mut builder, EntryType::Regular, &long, b"root:x:0:0:::\n");
        entry(&mut builder, EntryType::Regular, "bin/empty", b"");
        let items = items(builder.into_inner().unwrap().as_slice(), &mut Room::default()).unwrap();
        let [script, passwd, empty] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!((script.mode, script.uid, script.gid), (0o4755, 7, 8));
        let file = |item: &Item| match &item.kind {
            ItemKind::File(file) => Arc::clone(file),
            other => panic!("{other:?}"),
        };
        assert_eq!(file(script).elf, Err(NotElf::Script("/bin/sh".to_owned())));
        assert_eq!((file(script).text.as_deref(), file(script).size), (None, 10));
        assert_eq!(passwd.path, format!("/{long}").as_bytes());
        assert_eq!(file(passwd).text.as_deref(), Some(&b"root:x:0:0:::\n"[..]));
        assert_eq!(file(empty).elf, Err(NotElf::Empty));
    }

    #[test]
    fn a_sparse_file_and_a_full_room_are_refused() {
        let mut builder = tar::Builder::new(Vec::new());
        entry(&mut builder, EntryType::GNUSparse, "sparse", b"");
        let tar = builder.into_inner().unwrap();
        assert!(items(tar.as_slice(), &mut Room::default()).is_err());
        let mut builder = tar::Builder::new(Vec::new());
        entry(&mut builder, EntryType::Regular, "file", b"");
        let tar = builder.into_inner().unwrap();
        assert!(items(tar.as_slice(), &mut Room(100)).unwrap_err().to_string().contains("take more than"));
    }
}
