//! The tar of a base's layer, read as a stream: names, modes, and what programs say of themselves. Nothing is unpacked.

use std::{
    io::{self, Read},
    sync::Arc,
};

use tar::{Archive, EntryType};

use crate::{
    build::{
        certificates::BUNDLE_PATH,
        merged::{BaseFile, Item, ItemKind},
    },
    elf::{self, Elf, NotElf, Sparse},
    layer::Extended,
    report::Limits,
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
    let mut extended = Extended::default();
    let mut archive = Archive::new(reader);
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if Extended::is(kind) {
            extended.take(kind, &mut entry)?;
            continue;
        }
        if found.len() == Limits::ENTRIES {
            return Err(io::Error::other(format!("it has more than {} entries", Limits::ENTRIES)));
        }
        let extended = std::mem::take(&mut extended);
        let size = entry.header().entry_size()?;
        if extended.size.is_some_and(|told| told != size) {
            return Err(io::Error::other("an entry gives two sizes; readers would disagree about what follows"));
        }
        let path = extended.path.unwrap_or_else(|| entry.path_bytes().into_owned());
        let target = extended.link.or_else(|| entry.link_name_bytes().map(std::borrow::Cow::into_owned));
        let target = target.unwrap_or_default();
        if path.len().max(target.len()) > Limits::PATH_BYTES {
            return Err(io::Error::other("a path in it is longer than Linux can open"));
        }
        room.take(size_of::<Item>() + path.len() + target.len())?;
        let header = entry.header();
        let id = |told: Option<u64>, own: io::Result<u64>| told.map_or(own, Ok);
        let (uid, gid) = (id(extended.uid, header.uid())?, id(extended.gid, header.gid())?);
        let mode = header.mode()? & 0o7777;
        let kind = match kind {
            EntryType::Regular | EntryType::Continuous => {
                ItemKind::File(Arc::new(file(&mut entry, &path, size, room)?))
            }
            EntryType::Directory => ItemKind::Directory,
            EntryType::Symlink => ItemKind::Symlink(target),
            EntryType::Link => ItemKind::HardLink(target),
            EntryType::Char | EntryType::Block | EntryType::Fifo => ItemKind::Special,
            _ => return Err(io::Error::other("an entry is of a kind that runtimes do not agree on")),
        };
        let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
        found.push(Item { path, kind, mode, uid: id(uid), gid: id(gid) });
    }
    Ok(found)
}

/// Looks at a file as it passes by.
fn file(content: &mut impl Read, path: &[u8], size: u64, room: &mut Room) -> io::Result<BaseFile> {
    let mut keep = size == 0 || kept(path).is_some_and(|limit| size <= limit);
    let (mut head, mut text, mut sparse) = (Vec::new(), Vec::new(), Sparse::default());
    let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK).max(1))];
    let mut is_elf = None;
    loop {
        let read = content.read(&mut chunk)?;
        let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        if head.len() < HEAD {
            head.extend_from_slice(bytes.get(..bytes.len().min(HEAD - head.len())).unwrap_or_default());
        }
        if is_elf.is_none() && size <= Limits::AUDIT_KEPT_BYTES as u64 && begins_with_an_account(bytes) {
            keep = true;
        }
        if keep {
            room.take(bytes.len())?;
            text.extend_from_slice(bytes);
        }
        // The first read may bring less than the four bytes; a file of which that is so is no program of anybody's.
        if *is_elf.get_or_insert_with(|| bytes.starts_with(b"\x7fELF")) {
            sparse.push(bytes);
        }
    }
    let elf = if is_elf == Some(true) { elf::headers(&sparse) } else { elf::headers(head.as_slice()) };
    room.take(elf_cost(&elf))?;
    Ok(BaseFile { size, elf, text: keep.then_some(text) })
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
        assert_eq!(passwd.path, long.as_bytes());
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
