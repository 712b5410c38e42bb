//! [`Sparse`]: the beginning, the end and the wanted parts of an ELF file that was read as a stream. Layers are scanned with
//! it.

use std::{cell::Cell, iter, ops::Range};

use object::{
    Endianness, ReadRef,
    elf::{DT_STRSZ, DT_STRTAB, FileHeader32, FileHeader64, PT_DYNAMIC, PT_INTERP, PT_LOAD, SHT_DYNAMIC},
    read::elf::{Dyn as _, FileHeader, ProgramHeader as _, SectionHeader as _},
};

use super::go_build::{self, MAGIC_BYTES};
use crate::report::Limits;

/// Bytes that are both in the beginning and in the end of a file that is longer than the beginning: more than a table of
/// sections takes.
const OVERLAP: usize = 64 << 10;
/// The name by which the table of the sections' names lists itself.
const SECTION_NAMES: &[u8] = b".shstrtab\0";
/// Bytes around it that are kept: programs have some forty sections. The end of a piece that is searched with the next one.
const BEFORE: usize = 4 << 10;
/// Segments whose beginnings are kept: linkers write four, and patchelf adds some.
const SEGMENTS: usize = 12;

/// The bytes of an ELF file that are kept while it is read as a stream.
///
/// A file of up to [`Limits::ELF_HEAD_BYTES`] is here whole. Of a longer one the middle is missing: headers and names lie
/// at the front, section headers at the end. What linkers put behind the code is kept wherever it is: the dynamic
/// section with its names, the beginning of each segment, the table of the sections and their names, and the first of the
/// sections that are not loaded, which has the names of the compilers. What the headers in the beginning say of these is
/// wanted from there on, what a table in the middle says from its end on.
#[derive(Debug, Default)]
pub struct Sparse {
    head: Vec<u8>,
    /// The last bytes, at least [`Limits::ELF_TAIL_BYTES`] and at most twice as many, once the head is full; they begin
    /// with the end of the head, so that a table across its border is whole.
    tail: Vec<u8>,
    /// The kept ranges of the middle.
    kept: Vec<KeptRange>,
    /// The last bytes before the next ones, in which Go's build information may have begun.
    end: Vec<u8>,
    /// How many times it did so far, and how many times something looked like the names of the sections.
    go_builds: usize,
    section_names: usize,
    length: u64,
    /// Whether something was asked for that is in the file and was not kept.
    missed: Cell<bool>,
}

/// A part of the middle, and what of it has come.
#[derive(Debug)]
struct KeptRange {
    range: Range<u64>,
    bytes: Vec<u8>,
    /// What it says of other parts was asked for.
    is_read: bool,
}

impl Sparse {
    /// Takes what comes next.
    pub fn push(&mut self, bytes: &[u8]) {
        let room = Limits::ELF_HEAD_BYTES - self.head.len();
        let (first, behind) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        let is_head_full = room > 0 && room == first.len();
        if is_head_full {
            self.tail.extend_from_slice(self.head.get(Limits::ELF_HEAD_BYTES - OVERLAP..).unwrap_or_default());
            self.end.extend_from_slice(self.head.get(Limits::ELF_HEAD_BYTES - BEFORE..).unwrap_or_default());
        }
        let at = self.length + first.len() as u64;
        self.length += bytes.len() as u64;
        self.keep_end(behind);
        for kept in &mut self.kept {
            kept.take(at, behind);
        }
        if is_head_full {
            self.want(at, behind);
        }
        // What came may tell of more, also in these bytes.
        while self.kept.iter().any(KeptRange::is_news) {
            self.kept.iter_mut().for_each(|kept| kept.is_read |= kept.is_complete());
            self.want(at, behind);
        }
        self.keep_marked(at, behind);
    }

    /// Keeps the last bytes of the file so far.
    fn keep_end(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.tail.len() == 2 * Limits::ELF_TAIL_BYTES {
                self.tail.drain(..Limits::ELF_TAIL_BYTES);
            }
            let room = 2 * Limits::ELF_TAIL_BYTES - self.tail.len();
            let (next, rest) = bytes.split_at(room.min(bytes.len()));
            self.tail.extend_from_slice(next);
            bytes = rest;
        }
    }

    /// Wants what the headers and tables that are here say of the rest of the file; `bytes`, which begin at the offset `at`,
    /// are not kept otherwise.
    fn want(&mut self, at: u64, bytes: &[u8]) {
        let ranges = wanted(self);
        for range in ranges {
            let taken: usize = self.kept.iter().map(|kept| kept.bytes.len()).sum();
            let length = range.end.saturating_sub(range.start);
            let is_known = self.kept.iter().any(|kept| kept.range == range);
            let is_small = length <= Limits::ELF_KEPT_BYTES.saturating_sub(taken) as u64;
            if range.start < Limits::ELF_HEAD_BYTES as u64 || range.start < at || is_known || !is_small {
                continue;
            }
            let mut kept = KeptRange { range, bytes: Vec::new(), is_read: false };
            kept.take(at, bytes);
            self.kept.push(kept);
        }
    }

    /// Keeps what begins as Go's build information in `bytes`, which begin at the offset `at` behind the head: linkers put it
    /// wherever the data is. And what is around the name by which the table of the sections' names lists itself: LLVM's
    /// linker puts it in front of the names of all symbols, and its place is told behind those.
    fn keep_marked(&mut self, at: u64, bytes: &[u8]) {
        let room = Limits::GO_BUILD_INFOS.saturating_sub(self.go_builds);
        let names = Limits::ELF_SECTION_NAMES.saturating_sub(self.section_names);
        if bytes.is_empty() || room == 0 && names == 0 {
            return;
        }
        let start = at - self.end.len() as u64;
        let mut window = std::mem::take(&mut self.end);
        window.extend_from_slice(bytes);
        for found in memchr::memmem::find_iter(&window, &go_build::magic()).take(room) {
            let begin = start + found as u64;
            // The end of the last piece was searched then, as far as it holds the magic whole.
            if begin + MAGIC_BYTES as u64 <= at {
                continue;
            }
            self.keep(begin..begin + Limits::GO_BUILD_INFO_BYTES, start, &window);
            self.go_builds += 1;
        }
        for found in memchr::memmem::find_iter(&window, SECTION_NAMES).take(names) {
            let begin = start + found as u64;
            if begin + SECTION_NAMES.len() as u64 <= at {
                continue;
            }
            let around = begin.saturating_sub(BEFORE as u64).max(start)..begin + BEFORE as u64;
            self.keep(around, start, &window);
            self.section_names += 1;
        }
        window.drain(..window.len().saturating_sub(BEFORE));
        self.end = window;
    }

    /// Keeps a range, of which `window` has the beginning.
    fn keep(&mut self, range: Range<u64>, start: u64, window: &[u8]) {
        let mut kept = KeptRange { range, bytes: Vec::new(), is_read: true };
        kept.take(start, window);
        self.kept.push(kept);
    }

    /// Whether something was asked for that is in the file and was not kept: what then seems broken may be whole.
    pub fn has_missed(&self) -> bool {
        self.missed.get()
    }

    /// What was asked for and is not here.
    fn miss(&self, end: Option<u64>) {
        if end.is_some_and(|end| end <= self.length) {
            self.missed.set(true);
        }
    }

    /// Forgets the file, and keeps the memory for the next one.
    pub fn clear(&mut self) {
        self.head.clear();
        self.tail.clear();
        self.kept.clear();
        self.end.clear();
        self.go_builds = 0;
        self.section_names = 0;
        self.length = 0;
        self.missed.set(false);
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// All there is, each piece with where it begins in the file. Pieces may have bytes in common.
    fn pieces(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let kept = self.kept.iter().map(|kept| (kept.range.start, kept.bytes.as_slice()));
        let tail = (self.length - self.tail.len() as u64, self.tail.as_slice());
        iter::once((0, self.head.as_slice())).chain(kept).chain([tail])
    }
}

impl KeptRange {
    fn is_complete(&self) -> bool {
        self.bytes.len() as u64 == self.range.end.saturating_sub(self.range.start)
    }

    /// Whether it may tell of other parts, and was not asked.
    fn is_news(&self) -> bool {
        !self.is_read && self.is_complete()
    }

    /// Keeps what of the range is in `bytes`, which begin at the offset `at`.
    fn take(&mut self, at: u64, bytes: &[u8]) {
        let next = self.range.start + self.bytes.len() as u64;
        let end = self.range.end.min(at + bytes.len() as u64);
        let part = usize::try_from(next.saturating_sub(at)).ok().zip(usize::try_from(end.saturating_sub(at)).ok());
        if let Some(part) = part.filter(|_| at <= next && next < end).and_then(|(from, to)| bytes.get(from..to)) {
            self.bytes.extend_from_slice(part);
        }
    }
}

/// The ranges of the file to keep, by the headers and tables of it that are here.
fn wanted(file: &Sparse) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    let found = match file.head.get(4) {
        Some(1) => add_ranges::<FileHeader32<Endianness>>(file, &mut ranges),
        _ => add_ranges::<FileHeader64<Endianness>>(file, &mut ranges),
    };
    // Headers that are none tell of nothing more. What was not here yet may still come.
    let _ = found;
    file.missed.set(false);
    ranges.into_iter().filter_map(|(start, length): (u64, u64)| Some(start..start.checked_add(length)?)).collect()
}

/// Adds the dynamic section, unless it is longer than any, with its names, and the loader's name; the beginnings of the
/// segments; what follows the last of them, because linkers begin there with the sections that are not loaded, and with the
/// compilers' names among those; the table of the sections, and what is in it of all these.
fn add_ranges<E: FileHeader<Endian = Endianness>>(file: &Sparse, ranges: &mut Vec<(u64, u64)>) -> Option<()> {
    let header = E::parse(file).ok()?;
    let endian = header.endian().ok()?;
    let table = (header.e_shoff(endian).into(), u64::from(header.e_shentsize(endian)));
    let segments = header.program_headers(endian, file).ok()?;
    let of = |wanted| segments.iter().filter(move |segment| segment.p_type(endian) == wanted);
    for segment in of(PT_DYNAMIC).take(1) {
        let (start, length) = segment.file_range(endian);
        if length <= Limits::ELF_DYNAMIC_BYTES {
            ranges.push((start, length));
        }
        ranges.extend(dynamic_names::<E>(segment, segments, endian, file));
    }
    ranges.extend(of(PT_INTERP).take(1).map(|segment| segment.file_range(endian)));
    let loads = || of(PT_LOAD).map(|segment| segment.file_range(endian));
    ranges.extend(loads().take(SEGMENTS).map(|(start, length)| (start, length.min(Limits::ELF_SEGMENT_BYTES))));
    let last = loads().filter_map(|(start, length)| start.checked_add(length)).max();
    ranges.extend(last.map(|end| (end, Limits::ELF_COMMENT_BYTES)));
    ranges.push((table.0, table.1 * u64::from(header.e_shnum(endian))));
    let sections = header.section_headers(endian, file).ok()?;
    let names = header.shstrndx(endian, file).ok().and_then(|index| sections.get(index as usize));
    let libraries = sections.iter().filter(|section| section.sh_type(endian) == SHT_DYNAMIC).take(1);
    let libraries = libraries.filter_map(|section| sections.get(section.sh_link(endian) as usize));
    ranges.extend(libraries.chain(names).filter_map(|section| section.file_range(endian)));
    let table = header.sections(endian, file).ok()?;
    for name in [&b".comment"[..], b".go.buildinfo"] {
        ranges.extend(table.section_by_name(endian, name).and_then(|(_, section)| section.file_range(endian)));
    }
    Some(())
}

/// Where the names of the dynamic section are, if that section is here.
fn dynamic_names<E: FileHeader<Endian = Endianness>>(
    dynamic: &E::ProgramHeader,
    segments: &[E::ProgramHeader],
    endian: Endianness,
    file: &Sparse,
) -> Option<(u64, u64)> {
    let entries = dynamic.dynamic(endian, file).ok()??;
    let value = |tag| entries.iter().find(|entry| entry.tag(endian) == tag).map(|entry| entry.val(endian));
    let (address, length) = (value(DT_STRTAB)?, value(DT_STRSZ)?);
    let offset = segments.iter().filter(|segment| segment.p_type(endian) == PT_LOAD).find_map(|segment| {
        let into = address.checked_sub(segment.p_vaddr(endian).into())?;
        segment.file_range(endian).0.checked_add(into).filter(|_| into < segment.p_filesz(endian).into())
    });
    Some((offset?, length))
}

impl<'a> ReadRef<'a> for &'a Sparse {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        let size = usize::try_from(size).map_err(drop)?;
        let part = |(start, piece): (u64, &'a [u8])| {
            let from = usize::try_from(offset.checked_sub(start)?).ok()?;
            piece.get(from..from.checked_add(size)?)
        };
        self.pieces().find_map(part).ok_or_else(|| self.miss(offset.checked_add(size as u64)))
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let part = |(start, piece): (u64, &'a [u8])| {
            let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(start)?).map_or(piece.len(), |to| to.min(piece.len()));
            let bytes = piece.get(from..to)?;
            bytes.get(..memchr::memchr(delimiter, bytes)?)
        };
        self.pieces().find_map(part).ok_or_else(|| self.miss(Some(range.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_build_information_is_kept_wherever_it_is_and_however_it_comes() {
        let magic = go_build::magic();
        for at in [Limits::ELF_HEAD_BYTES - 5, Limits::ELF_HEAD_BYTES + 70_000] {
            let mut file = vec![0_u8; Limits::ELF_HEAD_BYTES + 3 * Limits::ELF_TAIL_BYTES];
            file[at..at + magic.len()].copy_from_slice(&magic);
            file[at + magic.len()..at + 5000].fill(7);
            for chunk in [7001, 65_536, file.len()] {
                let mut sparse = Sparse::default();
                file.chunks(chunk).for_each(|part| sparse.push(part));
                assert_eq!(sparse.read_bytes_at(at as u64, 5000), Ok(&file[at..at + 5000]), "{at} {chunk}");
            }
        }
    }

    /// Large programs whose tables lie between their beginning and their end were taken for none, or for sound ones without
    /// debug information.
    #[test]
    fn tables_of_sections_and_their_names_are_kept_wherever_they_are_and_however_they_come() {
        let (head, tail) = (Limits::ELF_HEAD_BYTES, Limits::ELF_TAIL_BYTES);
        // The names stand in front of the table or behind it, both in the middle.
        for (table, names) in [(head + 900_000, head + 64_000), (head + 64_000, head + 900_001), (4096, head + 70_001)]
        {
            let mut file = vec![0_u8; head + 4 * tail];
            file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
            let mut put = |offset: usize, bytes: &[u8]| file[offset..offset + bytes.len()].copy_from_slice(bytes);
            put(16, &3_u16.to_le_bytes());
            put(32, &64_u64.to_le_bytes());
            put(40, &(table as u64).to_le_bytes());
            put(54, &56_u16.to_le_bytes());
            put(56, &1_u16.to_le_bytes());
            put(58, &64_u16.to_le_bytes());
            put(60, &3_u16.to_le_bytes());
            put(62, &2_u16.to_le_bytes());
            put(64, &1_u32.to_le_bytes());
            put(names, b"\0.debug_info\0.shstrtab\0");
            for (number, name, offset, size) in [(1, 1_u32, 0x200, 100_000_u64), (2, 13, names, 23)] {
                put(table + 64 * number, &name.to_le_bytes());
                put(table + 64 * number + 4, &(if number == 1 { 1_u32 } else { 3 }).to_le_bytes());
                put(table + 64 * number + 24, &(offset as u64).to_le_bytes());
                put(table + 64 * number + 32, &size.to_le_bytes());
            }
            for chunk in [1000, 65_536, file.len()] {
                let mut sparse = Sparse::default();
                file.chunks(chunk).for_each(|part| sparse.push(part));
                let found = super::super::read_hardening(&sparse).expect("its headers are there");
                assert_eq!((found.debug_bytes, found.unread_names), (100_000, false), "{table} {names} {chunk}");
            }
            // Names that nothing marks are missed, and that is said.
            file[names + 13] = b'x';
            let mut sparse = Sparse::default();
            file.chunks(65_536).for_each(|part| sparse.push(part));
            let found = super::super::read_hardening(&sparse).expect("its headers are there");
            assert_eq!(found.unread_names, sparse.has_missed());
            assert_eq!(sparse.has_missed(), names < table && table > head);
        }
    }

    /// Large libraries were taken for missing, and large dynamic programs for unreadable.
    #[test]
    fn the_dynamic_section_is_kept_wherever_it_is_and_however_it_comes() {
        let (at, size) = (Limits::ELF_HEAD_BYTES + 4096, 0x220);
        let mut file = vec![0_u8; Limits::ELF_HEAD_BYTES + 4 * Limits::ELF_TAIL_BYTES];
        for (offset, byte) in (0..).zip(&mut file[at - 8..at + size + 8]) {
            *byte = u8::try_from(offset % 251).unwrap_or(0);
        }
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let mut put = |offset: usize, bytes: &[u8]| file[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(32, &64_u64.to_le_bytes());
        put(54, &56_u16.to_le_bytes());
        put(56, &1_u16.to_le_bytes());
        put(64, &2_u32.to_le_bytes());
        put(72, &(at as u64).to_le_bytes());
        put(96, &(size as u64).to_le_bytes());
        for chunk in [1000, 65_536, Limits::ELF_HEAD_BYTES, file.len()] {
            let mut sparse = Sparse::default();
            file.chunks(chunk).for_each(|part| sparse.push(part));
            let read = |from: usize, length: usize| sparse.read_bytes_at(from as u64, length as u64);
            assert_eq!(read(at, size), Ok(&file[at..at + size]), "{chunk}");
            assert_eq!(read(at + 16, 32), Ok(&file[at + 16..at + 48]), "{chunk}");
            assert_eq!(read(at - 8, 8), Err(()), "{chunk}");
            assert_eq!(read(at + size, 8), Err(()), "{chunk}");
            assert_eq!(read(at, size + 1), Err(()), "{chunk}");
        }
        // One that is longer than any is not kept.
        file[96..104].copy_from_slice(&u64::MAX.to_le_bytes());
        let mut sparse = Sparse::default();
        sparse.push(&file);
        assert!(sparse.kept.iter().all(|kept| kept.bytes.is_empty()));
    }

    #[test]
    fn beginning_and_end_of_a_long_file_are_there_and_the_middle_is_not() {
        let mut sparse = Sparse::default();
        let total = Limits::ELF_HEAD_BYTES + 3 * Limits::ELF_TAIL_BYTES + 5;
        let bytes: Vec<u8> = (0..total).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
        bytes.chunks(70_001).for_each(|chunk| sparse.push(chunk));
        let at = |offset: usize| sparse.read_bytes_at(offset as u64, 3).map(<[u8]>::to_vec);
        let expect = |offset: usize| Ok(bytes[offset..offset + 3].to_vec());
        assert_eq!(at(0), expect(0));
        assert_eq!(at(total - 3), expect(total - 3));
        assert_eq!(at(total - Limits::ELF_TAIL_BYTES), expect(total - Limits::ELF_TAIL_BYTES));
        assert_eq!(at(Limits::ELF_HEAD_BYTES + 9), Err(()));
        assert_eq!(at(total - 2), Err(()));
        assert_eq!(sparse.read_bytes_at(u64::MAX, 2), Err(()));
        assert_eq!(sparse.read_bytes_at(1, u64::MAX), Err(()));

        // What is not much longer is there without a gap that a table could fall into, also when it is the second one.
        let short = &bytes[..Limits::ELF_HEAD_BYTES + Limits::ELF_TAIL_BYTES];
        sparse.clear();
        short.chunks(70_001).for_each(|chunk| sparse.push(chunk));
        for offset in (0..short.len() - 1000).step_by(999) {
            assert_eq!(sparse.read_bytes_at(offset as u64, 1000), Ok(&short[offset..offset + 1000]), "{offset}");
        }
        assert_eq!(sparse.read_bytes_at(short.len() as u64 - 2, 3), Err(()));
    }
}
