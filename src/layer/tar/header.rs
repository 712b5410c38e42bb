//! [`TarHeader`]: encodes one header block (POSIX.1-2017, `pax`, "ustar Interchange Format").

use std::ops::Range;

/// The unit of a tar: every header is one block, every content is padded to whole ones.
pub(super) const BLOCK_BYTES: usize = 512;

/// The fields that differ between entries; all others have one value: no times, no names of owners, no devices.
///
/// The bytes are those that Go's `archive/tar` writes for the same fields. They are encoded here and not by the
/// `tar` crate so that no release of it can move `format = 1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct TarHeader<'a> {
    /// `name`, at most 100 bytes; no NUL at the end when it fills the field.
    pub(super) name: &'a [u8],
    /// `prefix`, at most 155 bytes: what stands before the `/` that stands before `name`.
    pub(super) prefix: &'a [u8],
    /// Permission bits.
    pub(super) mode: u32,
    /// Written as 0 above [`LARGEST_ID`].
    pub(super) uid: u32,
    /// Written as 0 above [`LARGEST_ID`].
    pub(super) gid: u32,
    /// Written as 0 above [`LARGEST_SIZE`].
    pub(super) size: u64,
    /// The type of the entry.
    pub(super) kind: TypeFlag,
    /// `linkname`, at most 100 bytes.
    pub(super) link: &'a [u8],
}

/// The `typeflag`.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(super) enum TypeFlag {
    /// A regular file.
    File = b'0',
    /// A symbolic link.
    Symlink = b'2',
    /// A directory.
    Directory = b'5',
    /// PAX records for the next header.
    Records = b'x',
}

const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const KIND: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC_AND_VERSION: Range<usize> = 257..265;
const DEVICE_MAJOR: Range<usize> = 329..337;
const DEVICE_MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;

/// Bytes that the `name` and `linkname` fields hold.
pub(super) const NAME_BYTES: usize = NAME.end - NAME.start;
/// Bytes that the `prefix` field holds.
pub(super) const PREFIX_BYTES: usize = PREFIX.end - PREFIX.start;
/// The largest uid or gid of seven octal digits.
pub(super) const LARGEST_ID: u32 = 0o777_7777;
/// The largest size of eleven octal digits: 8 GiB less one byte.
pub(super) const LARGEST_SIZE: u64 = 0o777_7777_7777;

impl TarHeader<'_> {
    /// The block.
    pub(super) fn encode(&self) -> [u8; BLOCK_BYTES] {
        let mut block = [0; BLOCK_BYTES];
        text(&mut block[NAME], self.name);
        octal(&mut block[MODE], self.mode.into());
        octal(&mut block[UID], self.uid.into());
        octal(&mut block[GID], self.gid.into());
        octal(&mut block[SIZE], self.size);
        octal(&mut block[MTIME], 0);
        block[KIND] = self.kind as u8;
        text(&mut block[LINK], self.link);
        text(&mut block[MAGIC_AND_VERSION], b"ustar\x0000");
        // GNU tar and Go write zeros here for everything that is no device, not an empty field.
        octal(&mut block[DEVICE_MAJOR], 0);
        octal(&mut block[DEVICE_MINOR], 0);
        text(&mut block[PREFIX], self.prefix);
        // The sum is taken with spaces in its own field, and ends with NUL and space, unlike all other numbers.
        text(&mut block[CHECKSUM], b"        ");
        let sum = block.iter().map(|byte| u64::from(*byte)).sum();
        octal(&mut block[CHECKSUM.start..CHECKSUM.end - 1], sum);
        block
    }
}

/// Puts `bytes` at the start of `field`; what is too long is cut.
fn text(field: &mut [u8], bytes: &[u8]) {
    for (place, byte) in field.iter_mut().zip(bytes) {
        *place = *byte;
    }
}

/// Writes `value` in octal with leading zeros and a NUL at the end; 0 when it does not fit.
fn octal(field: &mut [u8], value: u64) {
    let Some((end, digits)) = field.split_last_mut() else { return };
    let fits = u32::try_from(digits.len() * 3).ok().and_then(|bits| value.checked_shr(bits)).unwrap_or(0) == 0;
    let mut rest = if fits { value } else { 0 };
    *end = 0;
    for digit in digits.iter_mut().rev() {
        // Three bits always fit.
        *digit = b'0' + (rest & 7) as u8;
        rest >>= 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_with_a_nul_at_the_end_and_zero_when_they_do_not_fit() {
        let written = |value| {
            let mut field = [b'?'; 8];
            octal(&mut field, value);
            String::from_utf8_lossy(&field).into_owned()
        };
        assert_eq!(written(0o644), "0000644\0");
        assert_eq!(written(LARGEST_ID.into()), "7777777\0");
        assert_eq!(written(u64::from(LARGEST_ID) + 1), "0000000\0");
        assert_eq!(written(u64::MAX), "0000000\0");
    }

    #[test]
    fn the_checksum_is_that_of_the_tar_crate() {
        let header = TarHeader {
            name: b"usr/bin/server",
            prefix: b"",
            mode: 0o555,
            uid: 65532,
            gid: 0,
            size: LARGEST_SIZE,
            kind: TypeFlag::File,
            link: b"",
        };
        let block = header.encode();
        let mut theirs = ::tar::Header::from_byte_slice(&block).clone();
        let ours = theirs.cksum();
        theirs.set_cksum();
        assert_eq!(ours.ok(), theirs.cksum().ok());
        assert_eq!(theirs.entry_size().ok(), Some(LARGEST_SIZE));
        assert!(block[CHECKSUM].ends_with(b"\0 "));
    }
}
