//! [`LocalHeader`], [`DirectoryHeader`] and [`EndRecord`]: the records of a zip (APPNOTE 6.3.10, 4.3 to 4.5), parsed.

use std::borrow::Cow;

use crate::{layer::foreign_tar::path_text, report::Limits};

/// Bytes of a member's header without its name.
pub(super) const LOCAL: usize = 30;
/// Bytes of an entry of the directory without its name.
pub(super) const DIRECTORY: usize = 46;
/// Bytes of the record at the end without its comment.
pub(super) const END: usize = 22;
/// Bytes of the record at the end of a large archive.
pub(super) const END64: usize = 56;

/// How a member is compressed, as far as it can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Stored,
    Deflate,
    Bzip2,
    Zstd,
    Xz,
    Unknown,
}

/// The header in front of a member.
#[derive(Debug)]
pub(super) struct LocalHeader {
    /// Where it begins in the file.
    pub(super) position: u64,
    pub(super) method_number: u16,
    pub(super) method: Method,
    pub(super) is_encrypted: bool,
    /// Compressed bytes; `None` where they are told behind the member.
    pub(super) size: Option<u64>,
    /// Foreign text.
    pub(super) name: String,
}

/// What the directory says of a member.
#[derive(Debug)]
pub(super) struct DirectoryHeader {
    /// Where its header should be, from the beginning of the archive on.
    pub(super) offset: u64,
    pub(super) method_number: u16,
    /// Compressed bytes.
    pub(super) size: u64,
    /// Foreign text.
    pub(super) name: Box<str>,
}

/// What the end says of the directory.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndRecord {
    /// Members.
    pub(super) count: u64,
    /// Bytes of the directory.
    pub(super) size: u64,
    /// Where it begins, from the beginning of the archive on.
    pub(super) offset: u64,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn method(number: u16) -> Method {
    match number {
        0 => Method::Stored,
        8 => Method::Deflate,
        12 => Method::Bzip2,
        20 | 93 => Method::Zstd,
        95 => Method::Xz,
        _ => Method::Unknown,
    }
}

fn name(bytes: &[u8]) -> Cow<'_, str> {
    path_text(bytes)
}

/// The numbers of the record of large archives (0x0001) in `extra`.
fn large_numbers(mut extra: &[u8]) -> Option<&[u8]> {
    loop {
        let (kind, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        if kind == 1 {
            return extra.get(4..4 + length);
        }
        extra = extra.get(4 + length..)?;
    }
}

/// The lengths behind the fixed part of a local header: name, extra fields.
pub(super) fn local_lengths(fixed: &[u8]) -> Option<(usize, usize)> {
    Some((u16_at(fixed, 26)?.into(), u16_at(fixed, 28)?.into()))
}

/// The lengths behind the fixed part of an entry of the directory: name, extra fields, comment.
pub(super) fn directory_lengths(fixed: &[u8]) -> Option<(usize, usize, usize)> {
    Some((u16_at(fixed, 28)?.into(), u16_at(fixed, 30)?.into(), u16_at(fixed, 32)?.into()))
}

/// The length of the comment behind the record at the end.
pub(super) fn comment_length(end: &[u8]) -> Option<u64> {
    u16_at(end, 20).map(u64::from)
}

impl LocalHeader {
    /// Whether the fixed part can be of a header: programs hold its signature as a number, too.
    pub(super) fn is_plausible(fixed: &[u8]) -> bool {
        let (Some(version), Some(flags), Some(method)) = (u16_at(fixed, 4), u16_at(fixed, 6), u16_at(fixed, 8)) else {
            return false;
        };
        let Some((name, _)) = local_lengths(fixed) else { return false };
        // 63 is the last version, and the upper byte says what system it is of. These flags mean something.
        version & 0xff <= 63 && flags & !0x287f == 0 && method <= 99 && (1..=Limits::PATH_BYTES).contains(&name)
    }

    /// Parses the header of which `bytes` are all.
    pub(super) fn parse(bytes: &[u8], position: u64) -> Option<Self> {
        let (flags, method_number) = (u16_at(bytes, 6)?, u16_at(bytes, 8)?);
        let (short, whole) = (u32_at(bytes, 18)?, u32_at(bytes, 22)?);
        let (name_length, _) = local_lengths(bytes)?;
        let raw_name = bytes.get(LOCAL..LOCAL + name_length)?;
        let extra = bytes.get(LOCAL + name_length..)?;
        let mut size = Some(u64::from(short));
        if short == u32::MAX {
            // The unpacked size comes first, where it is there too.
            size = large_numbers(extra).and_then(|numbers| u64_at(numbers, if whole == u32::MAX { 8 } else { 0 }));
        }
        // Told behind the member, and not here as well.
        let is_told_later = flags & 8 != 0;
        if is_told_later && size.is_none_or(|size| size == 0) {
            size = None;
        }
        Some(Self {
            position,
            method_number,
            method: method(method_number),
            is_encrypted: flags & 0x2041 != 0,
            size,
            name: name(raw_name).into_owned(),
        })
    }
}

impl DirectoryHeader {
    /// Parses the entry of which `bytes` are all but the comment.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (name_length, _, _) = directory_lengths(bytes)?;
        let raw_name = bytes.get(DIRECTORY..DIRECTORY + name_length)?;
        let extra = bytes.get(DIRECTORY + name_length..)?;
        let [whole, mut size, mut offset] = [24, 20, 42].map(|at| u32_at(bytes, at).map(u64::from));
        let most = Some(u64::from(u32::MAX));
        if let Some(numbers) = large_numbers(extra) {
            let mut at = if whole == most { 8 } else { 0 };
            for field in [&mut size, &mut offset] {
                if *field == most {
                    *field = u64_at(numbers, at);
                    at += 8;
                }
            }
        }
        Some(Self { offset: offset?, method_number: u16_at(bytes, 10)?, size: size?, name: name(raw_name).into() })
    }
}

impl EndRecord {
    /// Parses the record at the end; `None` for one that refers to that of a large archive, or is cut short.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let count = u16_at(bytes, 10)?.into();
        Some(Self { count, size: u32_at(bytes, 12)?.into(), offset: u32_at(bytes, 16)?.into() })
    }

    /// Parses the record of a large archive.
    pub(super) fn parse_large(bytes: &[u8]) -> Option<Self> {
        Some(Self { count: u64_at(bytes, 32)?, size: u64_at(bytes, 40)?, offset: u64_at(bytes, 48)? })
    }

    /// Whether it leaves something to the record of a large archive.
    pub(super) fn is_cut(&self) -> bool {
        self.count == u64::from(u16::MAX) || self.size == u64::from(u32::MAX) || self.offset == u64::from(u32::MAX)
    }
}
