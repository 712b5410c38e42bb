//! Parses the fields of a tar header as Go's reader does; the `tar` crate takes some of them otherwise.

use std::io;

/// The largest number, so that sums of sizes cannot overflow: that of a signed 64-bit offset.
const MOST: u64 = i64::MAX as u64;

/// A number: octal between blanks and NULs, nothing is 0; or base 256 where the first bit is set. `None` is neither, is
/// too large, or has a sign.
pub(super) fn number(field: &[u8]) -> Option<u64> {
    let first = field.first().copied()?;
    if first & 0x80 != 0 {
        // The second bit is the sign.
        if first & 0x40 != 0 {
            return None;
        }
        let mut digits = field.iter().copied();
        let start = u64::from(digits.next()? & 0x3f);
        let value = digits.try_fold(start, |value, byte| value.checked_mul(256)?.checked_add(u64::from(byte)))?;
        return (value <= MOST).then_some(value);
    }
    let text = field.trim_ascii();
    let is_blank = |byte: &u8| matches!(byte, b' ' | 0);
    let from = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let text = text.get(from..)?;
    let text = text.split(|byte| *byte == 0).next()?.trim_ascii_end();
    if text.is_empty() {
        return Some(0);
    }
    let digits = text.iter().all(|byte| (b'0'..=b'7').contains(byte));
    let value = digits.then(|| u64::from_str_radix(std::str::from_utf8(text).ok()?, 8).ok())??;
    (value <= MOST).then_some(value)
}

/// A number that must be one.
pub(super) fn demanded(block: &[u8; 512], from: usize, length: usize, what: &str) -> io::Result<u64> {
    let field = block.get(from..from + length).unwrap_or_default();
    let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("the {what} in a header of it is no number"));
    number(field).ok_or_else(broken)
}

/// The size of the content, and whether it is written in base 256 although octal digits could hold it.
pub(super) fn size(block: &[u8; 512]) -> io::Result<(u64, bool)> {
    let size = demanded(block, 124, 12, "size")?;
    Ok((size, block.get(124).is_some_and(|byte| byte & 0x80 != 0) && size < 1 << 33))
}

/// The name, with the prefix that POSIX headers have, and GNU's as far as Go says so. Tells whether readers disagree about
/// the prefix.
pub(super) fn name(block: &[u8; 512]) -> (Vec<u8>, bool) {
    let text = |from: usize, to: usize| {
        block.get(from..to).and_then(|field| field.split(|byte| *byte == 0).next()).unwrap_or_default()
    };
    let name = text(0, 100);
    if block.get(257..265) == Some(b"ustar  \0") {
        // GNU has times there. Where these are none, Go takes the field for a prefix, as it had written it once.
        let times = [345..357, 357..369].map(|field| block.get(field).unwrap_or_default());
        let is_time = |field: &[u8]| field.first() == Some(&0) || number(field).is_some();
        if times.into_iter().all(is_time) {
            return (name.to_vec(), false);
        }
        let prefix = text(345, 500);
        let is_taken = !prefix.is_empty() && prefix.is_ascii();
        return (if is_taken { [prefix, b"/", name].concat() } else { name.to_vec() }, true);
    }
    if block.get(257..263) != Some(b"ustar\0") {
        return (name.to_vec(), false);
    }
    // star keeps times behind a shorter prefix.
    let star = block.get(508..512) == Some(b"tar\0");
    let prefix = text(345, if star { 476 } else { 500 });
    if prefix.is_empty() {
        return (name.to_vec(), false);
    }
    ([prefix, b"/", name].concat(), star || block.get(263..265) != Some(b"00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_octal_or_base_256_and_never_negative() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"\0\0\0\0", Some(0)),
            (b"", None),
            (b"12x\0", None),
            (b"-1\0", None),
            (b"\x80\0\0\x01", Some(1)),
            (b"\xff\xff\xff\xff", None),
            (b"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff", None),
            (b"777777777777777777777777", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }

    #[test]
    fn a_prefix_counts_for_posix_whatever_its_version_says() {
        let with = |magic: &[u8; 8]| {
            let mut block = [0; 512];
            block[..4].copy_from_slice(b"name");
            block[257..265].copy_from_slice(magic);
            block[345..348].copy_from_slice(b"etc");
            name(&block)
        };
        assert_eq!(with(b"ustar\x0000"), (b"etc/name".to_vec(), false));
        assert_eq!(with(b"ustar\x00  "), (b"etc/name".to_vec(), true));
        assert_eq!(with(b"ustar  \0"), (b"etc/name".to_vec(), true));
        assert_eq!(with(b"\0\0\0\0\0\0\0\0"), (b"name".to_vec(), false));
    }
}
