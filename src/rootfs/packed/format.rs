//! [`PackedFormat`]: what a packed file is, by its first bytes.

/// The bytes that tell: the header of a tar, which has its magic near the end.
pub(super) const HEAD: usize = 512;

/// What a file is that has other files inside, or is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PackedFormat {
    Gzip,
    Zstd,
    Xz,
    /// The older format of xz.
    Lzma,
    Bzip2,
    Zip,
    Tar,
    /// A Debian package, or objects of a compiler.
    Ar,
    /// `newc`, as in an initramfs.
    Cpio,
    /// One of Microsoft's compound files: unread only where it holds an encrypted document.
    Compound,
    /// Nothing here can read it; what it is.
    Unreadable(&'static str),
}

/// Formats that nothing here reads, by their beginnings.
const UNREADABLE: [(&[u8], &str); 22] = [
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive, which the audit cannot read"),
    (b"Rar!\x1a\x07", "a rar archive, which the audit cannot read"),
    (b"\x04\x22\x4d\x18", "lz4, which the audit cannot read"),
    (b"\x02\x21\x4c\x18", "an old form of lz4, which the audit cannot read"),
    (b"LZIP\x01", "lzip, which the audit cannot read"),
    (b"\x89LZO\0\r\n\x1a\n", "lzop, which the audit cannot read"),
    (b"\xff\x06\0\0sNaPpY", "snappy, which the audit cannot read"),
    (b"\x1f\x9d", "the output of `compress`, which the audit cannot read"),
    (b"\x22\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"\x23\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"\x24\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"\x25\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"\x26\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"\x27\xb5\x2f\xfd", "an old form of zstd, which the audit cannot read"),
    (b"MSCF\0\0\0\0", "a cabinet, which the audit cannot read"),
    (b"xar!\0\x1c", "a xar archive, which the audit cannot read"),
    (b"hsqs", "a squashfs, which the audit cannot read"),
    (b"\xed\xab\xee\xdb", "an RPM package, which the audit cannot read"),
    (b"PACK\0\0\0\x02", "a pack of git, which the audit cannot read"),
    (b"LUKS\xba\xbe", "an encrypted disk (LUKS)"),
    (b"SKUL\xba\xbe", "an encrypted disk (LUKS)"),
    (b"Salted__", "encrypted by `openssl enc`"),
];

/// The names by which an encrypted document of Office says so, in UTF-16.
pub(super) const ENCRYPTED_PACKAGE: &[u8] = b"E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e\0";

impl PackedFormat {
    /// What a file is that begins with `head`: its first [`HEAD`] bytes, or all of a shorter one.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let found = match head {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // A frame, or one that is to be skipped in front of it.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, b'r', b'E', b'8', b'P', 0x90, ..] => Self::Bzip2,
            // The second is an empty archive, the third one that was once to be cut into volumes.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => Self::Zip,
            [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1, ..] => Self::Compound,
            _ if head.starts_with(b"!<arch>\n") => Self::Ar,
            _ if head.starts_with(b"070701") || head.starts_with(b"070702") => Self::Cpio,
            _ if is_lzma(head) => Self::Lzma,
            _ if is_tar(head) => Self::Tar,
            _ => {
                let unreadable = UNREADABLE.iter().find(|(magic, _)| head.starts_with(magic));
                Self::Unreadable(unreadable.map(|(_, what)| *what)?)
            }
        };
        Some(found)
    }

    /// Its name in a sentence.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Lzma => "lzma",
            Self::Bzip2 => "bzip2",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::Ar => "ar",
            Self::Cpio => "cpio",
            Self::Compound | Self::Unreadable(_) => "packed",
        }
    }

    /// Whether the members stand in it as they are, one behind the other.
    pub(super) fn is_sequence(self) -> bool {
        matches!(self, Self::Tar | Self::Ar | Self::Cpio)
    }
}

/// The header of an lzma file as every packer writes it: the usual properties, a dictionary of a power of two, no length.
fn is_lzma(head: &[u8]) -> bool {
    let [0x5d, dictionary @ .., 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] = head.get(..13).unwrap_or_default()
    else {
        return false;
    };
    let size = dictionary.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    size >= 4096 && (size.is_power_of_two() || (size / 3).is_power_of_two() && size.is_multiple_of(3))
}

/// Whether it begins with the header of a tar, of any age.
fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.get(..HEAD) else { return false };
    let Some(said) = tar::Header::from_byte_slice(block).cksum().ok().filter(|sum| *sum > 0) else { return false };
    let own: u32 = block.get(148..156).unwrap_or_default().iter().map(|byte| u32::from(*byte)).sum();
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block.first().is_some_and(|byte| *byte != 0) && said == sum - own + 8 * u32::from(b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let mut tar = [0; HEAD];
        tar[..4].copy_from_slice(b"name");
        tar[148..156].copy_from_slice(b"001241\0 ");
        assert_eq!(PackedFormat::of(&tar), Some(PackedFormat::Tar));
        tar[0] = b'm';
        assert_eq!(PackedFormat::of(&tar), None);
        for (head, format) in [
            (&b"\x1f\x8b\x08\0"[..], Some(PackedFormat::Gzip)),
            (b"\x53\x2a\x4d\x18", Some(PackedFormat::Zstd)),
            (b"BZh91AY&SY", Some(PackedFormat::Bzip2)),
            (b"BZh91 is a text", None),
            (b"\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0", Some(PackedFormat::Lzma)),
            (b"\x5d\x01\0\x80\x01\xff\xff\xff\xff\xff\xff\xff\xff\0", None),
            (b"PK\x03\x04", Some(PackedFormat::Zip)),
            (b"PKcs", None),
            (b"", None),
        ] {
            assert_eq!(PackedFormat::of(head), format, "{head:?}");
        }
        let rar = PackedFormat::of(b"Rar!\x1a\x07\x01\0");
        assert!(matches!(rar, Some(PackedFormat::Unreadable(what)) if what.contains("rar")));
    }
}
