//! [`Sparse`]: the beginning, the end and the wanted parts of an ELF file that was read as a stream. Layers are scanned with
//! it.

use std::{iter, ops::Range};

use object::{
    Endianness, ReadRef,
    elf::{FileHeader32, FileHeader64, PT_DYNAMIC, PT_LOAD},
    read::elf::{FileHeader, ProgramHeader as _},
};

use super::go_build::{self, MAGIC_BYTES};
use crate::report::Limits;

/// Bytes that are both in the beginning and in the end of a file that is longer than the beginning: more than a table of
/// sections takes.
const OVERLAP: usize = 64 << 10;

/// The bytes of an ELF file that are kept while it is read as a stream.
///
/// A file of up to [`Limits::ELF_HEAD_BYTES`] is here whole. Of a longer one the middle is missing: headers and names lie
/// at the front, section headers at the end. What linkers put behind the code is kept wherever it is: the dynamic
/// section, and the first of the sections that are not loaded, which has the names of the compilers.
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
    /// How many times it did so far.
    go_builds: usize,
    length: u64,
}

/// A part of the middle, and what of it has come.
#[derive(Debug)]
struct KeptRange {
    range: Range<u64>,
    bytes: Vec<u8>,
}

impl Sparse {
    /// Takes what comes next.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let room = Limits::ELF_HEAD_BYTES - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        if room > 0 && room == first.len() {
            self.kept = wanted(&self.head).into_iter().map(|range| KeptRange { range, bytes: Vec::new() }).collect();
            self.tail.extend_from_slice(self.head.get(Limits::ELF_HEAD_BYTES - OVERLAP..).unwrap_or_default());
            self.end.extend_from_slice(self.head.get(Limits::ELF_HEAD_BYTES - MAGIC_BYTES + 1..).unwrap_or_default());
        }
        for kept in &mut self.kept {
            kept.take(self.length + first.len() as u64, rest);
        }
        self.keep_go_builds(self.length + first.len() as u64, rest);
        self.length += bytes.len() as u64;
        bytes = rest;
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

    /// Keeps what begins as Go's build information in `bytes`, which begin at the offset `at` behind the head: linkers put it
    /// wherever the data is.
    fn keep_go_builds(&mut self, at: u64, bytes: &[u8]) {
        let room = Limits::GO_BUILD_INFOS.saturating_sub(self.go_builds);
        if bytes.is_empty() || room == 0 {
            return;
        }
        let start = at - self.end.len() as u64;
        let mut window = std::mem::take(&mut self.end);
        window.extend_from_slice(bytes);
        for found in memchr::memmem::find_iter(&window, &go_build::magic()).take(room) {
            let begin = start + found as u64;
            let mut kept = KeptRange { range: begin..begin + Limits::GO_BUILD_INFO_BYTES, bytes: Vec::new() };
            kept.take(start, &window);
            self.kept.push(kept);
            self.go_builds += 1;
        }
        window.drain(..window.len().saturating_sub(MAGIC_BYTES - 1));
        self.end = window;
    }

    /// Forgets the file, and keeps the memory for the next one.
    pub fn clear(&mut self) {
        self.head.clear();
        self.tail.clear();
        self.kept.clear();
        self.end.clear();
        self.go_builds = 0;
        self.length = 0;
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

/// The ranges of the rest of the file to keep, by its headers in `head`.
fn wanted(head: &[u8]) -> Vec<Range<u64>> {
    let found = match head.get(4) {
        Some(1) => ranges::<FileHeader32<Endianness>>(head),
        _ => ranges::<FileHeader64<Endianness>>(head),
    };
    let behind = |range: &Range<u64>| range.start >= head.len() as u64;
    found.into_iter().flatten().flatten().filter(behind).collect()
}

/// The dynamic section, unless it is longer than any, and what follows the last segment: linkers begin there with the
/// sections that are not loaded, and with the compilers' names among those.
fn ranges<E: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<[Option<Range<u64>>; 2]> {
    let header = E::parse(head).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, head).ok()?;
    let of = |wanted| segments.iter().filter(move |segment| segment.p_type(endian) == wanted);
    let range = |(start, length): (u64, u64)| Some(start..start.checked_add(length)?);
    let dynamic = of(PT_DYNAMIC).next().map(|segment| segment.file_range(endian));
    let dynamic = dynamic.filter(|(_, length)| *length <= Limits::ELF_DYNAMIC_BYTES);
    let last = of(PT_LOAD).filter_map(|segment| range(segment.file_range(endian))).map(|range| range.end).max();
    Some([dynamic.and_then(range), last.and_then(|end| range((end, Limits::ELF_COMMENT_BYTES)))])
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
        self.pieces().find_map(part).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let part = |(start, piece): (u64, &'a [u8])| {
            let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(start)?).map_or(piece.len(), |to| to.min(piece.len()));
            let bytes = piece.get(from..to)?;
            bytes.get(..memchr::memchr(delimiter, bytes)?)
        };
        self.pieces().find_map(part).ok_or(())
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
