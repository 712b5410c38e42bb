//! A file that passed by: its beginning and its end, as much of both as fits.

use std::ops::Range;

use object::{
    Endianness, ReadRef,
    elf::{FileHeader32, FileHeader64, PT_DYNAMIC},
    read::elf::{FileHeader, ProgramHeader as _},
};

use crate::report::Limits;

/// The bytes of an ELF file that were kept while it was read as a stream.
///
/// A file of up to [`Limits::ELF_HEAD_BYTES`] is here whole. Of a longer one the middle is missing: headers and names lie
/// at the front, section headers at the end. The dynamic section, which linkers put behind the code, is kept wherever it
/// is.
#[derive(Debug, Default)]
pub struct Sparse {
    head: Vec<u8>,
    /// Two pieces of [`Limits::ELF_TAIL_BYTES`] each, the later one being filled.
    tail: [Vec<u8>; 2],
    /// Where the dynamic section is, if that is behind the beginning, and what of it has come.
    wanted: Range<u64>,
    dynamic: Vec<u8>,
    length: u64,
}

impl Sparse {
    /// Takes what comes next.
    pub fn push(&mut self, mut bytes: &[u8]) {
        let room = Limits::ELF_HEAD_BYTES - self.head.len();
        let (first, rest) = bytes.split_at(room.min(bytes.len()));
        self.head.extend_from_slice(first);
        if room > 0 && room == first.len() {
            self.wanted = dynamic_section(&self.head).unwrap_or_default();
        }
        self.keep_dynamic(self.length + first.len() as u64, rest);
        self.length += bytes.len() as u64;
        bytes = rest;
        while !bytes.is_empty() {
            if self.tail[1].len() == Limits::ELF_TAIL_BYTES {
                self.tail.swap(0, 1);
                self.tail[1].clear();
            }
            let room = Limits::ELF_TAIL_BYTES - self.tail[1].len();
            let (next, rest) = bytes.split_at(room.min(bytes.len()));
            self.tail[1].extend_from_slice(next);
            bytes = rest;
        }
    }

    /// Keeps what of the dynamic section is in `bytes`, which begin at the offset `at`.
    fn keep_dynamic(&mut self, at: u64, bytes: &[u8]) {
        let next = self.wanted.start + self.dynamic.len() as u64;
        let end = self.wanted.end.min(at + bytes.len() as u64);
        let range = usize::try_from(next.saturating_sub(at)).ok().zip(usize::try_from(end.saturating_sub(at)).ok());
        if let Some(part) = range.filter(|_| at <= next && next < end).and_then(|(from, to)| bytes.get(from..to)) {
            self.dynamic.extend_from_slice(part);
        }
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The piece that holds `offset`, with where it begins in the file.
    fn piece(&self, offset: u64) -> Option<(u64, &[u8])> {
        if offset < self.head.len() as u64 {
            return Some((0, &self.head));
        }
        if self.wanted.contains(&offset) {
            return Some((self.wanted.start, &self.dynamic));
        }
        let last = self.length - self.tail[1].len() as u64;
        if offset >= last {
            return Some((last, &self.tail[1]));
        }
        let before = last - self.tail[0].len() as u64;
        (offset >= before).then_some((before, self.tail[0].as_slice()))
    }
}

/// Where the dynamic section of the file that begins with `head` is, if that is behind `head`.
fn dynamic_section(head: &[u8]) -> Option<Range<u64>> {
    fn range<E: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<(u64, u64)> {
        let header = E::parse(head).ok()?;
        let endian = header.endian().ok()?;
        let mut segments = header.program_headers(endian, head).ok()?.iter();
        segments.find(|segment| segment.p_type(endian) == PT_DYNAMIC).map(|segment| segment.file_range(endian))
    }
    let (start, length) = match head.get(4)? {
        1 => range::<FileHeader32<Endianness>>(head)?,
        _ => range::<FileHeader64<Endianness>>(head)?,
    };
    let end = start.checked_add(length)?;
    (start >= head.len() as u64 && length <= Limits::ELF_DYNAMIC_BYTES).then_some(start..end)
}

impl<'a> ReadRef<'a> for &'a Sparse {
    fn len(self) -> Result<u64, ()> {
        Ok(self.length)
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'a [u8], ()> {
        if size == 0 {
            return Ok(&[]);
        }
        let (start, piece) = self.piece(offset).ok_or(())?;
        let from = usize::try_from(offset - start).map_err(drop)?;
        let to = from.checked_add(usize::try_from(size).map_err(drop)?).ok_or(())?;
        piece.get(from..to).ok_or(())
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'a [u8], ()> {
        let (start, piece) = self.piece(range.start).ok_or(())?;
        let from = usize::try_from(range.start - start).map_err(drop)?;
        let to = usize::try_from(range.end.saturating_sub(start)).map_err(drop)?.min(piece.len());
        let bytes = piece.get(from..to).ok_or(())?;
        let end = memchr::memchr(delimiter, bytes).ok_or(())?;
        bytes.get(..end).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(sparse.dynamic.is_empty());
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
        assert_eq!(at(total - 6 - Limits::ELF_TAIL_BYTES + 1), expect(total - 5 - Limits::ELF_TAIL_BYTES));
        assert_eq!(at(Limits::ELF_HEAD_BYTES + 9), Err(()));
        assert_eq!(at(total - 2), Err(()));
        assert_eq!(sparse.read_bytes_at(u64::MAX, 2), Err(()));
        assert_eq!(sparse.read_bytes_at(1, u64::MAX), Err(()));
    }
}
