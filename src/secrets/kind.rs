//! [`ContentKind`]: whether a file holds text, UTF-16 or binary data.

use crate::report::Limits;

/// The kind of a file's bytes, by which detectors are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// Text in UTF-8 or an encoding that has ASCII in it. Every detector looks.
    Text,
    /// Text in UTF-16, the low byte first.
    Utf16Le,
    /// Text in UTF-16, the high byte first.
    Utf16Be,
    /// A program, an archive, a picture. Only what proves itself is reported, and it weighs less.
    Binary,
}

impl ContentKind {
    /// The kind of the file at `path` whose first bytes are `head`; up to
    /// [`SNIFF_BYTES`](crate::report::Limits::SNIFF_BYTES) of them matter.
    pub fn of(path: &str, head: &[u8]) -> Self {
        let head = head.get(..Limits::SNIFF_BYTES).unwrap_or(head);
        let is_compiled = [".pyc", ".class", ".wasm", ".so", ".a", ".o"].iter().any(|end| path.ends_with(end));
        match head {
            [0xff, 0xfe, 0, 0, ..] => return Self::Binary,
            [0xff, 0xfe, ..] => return Self::Utf16Le,
            [0xfe, 0xff, ..] => return Self::Utf16Be,
            _ => {}
        }
        if let Some(kind) = utf16_without_mark(head) {
            return kind;
        }
        let controls = controls(head);
        if is_compiled || memchr::memchr(0, head).is_some() || controls * 20 > head.len() {
            Self::Binary
        } else {
            Self::Text
        }
    }
}

/// Whether all of `bytes` are printable ASCII or blanks.
pub(super) fn is_printable(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r'))
}

/// Bytes that no text has. Counted in pieces whose sum fits a byte and without a branch, for the sake of vectors.
fn controls(head: &[u8]) -> usize {
    let one = |byte: &u8| {
        u8::from(byte.wrapping_sub(0x01) <= 5)
            + u8::from(byte.wrapping_sub(0x0e) <= 0x0c)
            + u8::from(byte.wrapping_sub(0x1c) <= 3)
            + u8::from(*byte == 0x7f)
    };
    head.chunks(255).map(|piece| usize::from(piece.iter().map(one).fold(0, u8::wrapping_add))).sum()
}

/// UTF-16 without a byte order mark: every second byte is zero, the others never.
fn utf16_without_mark(head: &[u8]) -> Option<ContentKind> {
    let (pairs, _) = head.get(..512).unwrap_or(head).as_chunks::<2>();
    if pairs.len() < 8 {
        return None;
    }
    let ascii = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    if pairs.iter().all(|[low, high]| *high == 0 && ascii(*low)) {
        Some(ContentKind::Utf16Le)
    } else if pairs.iter().all(|[high, low]| *high == 0 && ascii(*low)) {
        Some(ContentKind::Utf16Be)
    } else {
        None
    }
}

/// Makes bytes of UTF-16, a chunk at a time: ASCII stays, everything else is a byte that no token has.
#[derive(Debug)]
pub(super) struct Narrow {
    big: bool,
    pending: Option<u8>,
}

impl Narrow {
    /// For text of that kind; nothing for the kinds that are bytes already.
    pub(super) fn of(kind: ContentKind) -> Option<Self> {
        match kind {
            ContentKind::Utf16Le => Some(Self { big: false, pending: None }),
            ContentKind::Utf16Be => Some(Self { big: true, pending: None }),
            ContentKind::Text | ContentKind::Binary => None,
        }
    }

    /// Appends what `bytes` complete to `to`.
    pub(super) fn push(&mut self, bytes: &[u8], to: &mut Vec<u8>) {
        for byte in bytes {
            let Some(first) = self.pending.take() else {
                self.pending = Some(*byte);
                continue;
            };
            let (high, low) = if self.big { (first, *byte) } else { (*byte, first) };
            to.push(if high == 0 && low < 0x80 { low } else { 0xff });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_told_apart() {
        let text = "key = value, and some more\n";
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(ContentKind::of("a", text.as_bytes()), ContentKind::Text);
        assert_eq!(ContentKind::of("a", b""), ContentKind::Text);
        assert_eq!(ContentKind::of("a", "größe 日本".as_bytes()), ContentKind::Text);
        assert_eq!(ContentKind::of("a", &le), ContentKind::Utf16Le);
        assert_eq!(ContentKind::of("a", &be), ContentKind::Utf16Be);
        assert_eq!(ContentKind::of("a", b"\xff\xfea\0"), ContentKind::Utf16Le);
        assert_eq!(ContentKind::of("a", b"\xfe\xff\0a"), ContentKind::Utf16Be);
        assert_eq!(ContentKind::of("a", b"\x7fELF\x02\x01\x01\0"), ContentKind::Binary);
        assert_eq!(ContentKind::of("a.pyc", b"text"), ContentKind::Binary);
        assert_eq!(ContentKind::of("a", b"\x01\x02\x03\x04"), ContentKind::Binary);
    }

    #[test]
    fn controls_are_those_that_no_text_has() {
        let all: Vec<u8> = (0..=255).collect();
        let found: Vec<u8> = all.iter().copied().filter(|byte| controls(&[*byte]) == 1).collect();
        let expected =
            all.iter().copied().filter(|byte| matches!(byte, 0x01..=0x06 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f));
        assert_eq!(found, expected.collect::<Vec<u8>>());
        assert_eq!(controls(&[1; 8192]), 8192);
    }

    #[test]
    fn utf16_becomes_narrow_at_every_cut() {
        let wide: Vec<u8> = "aé日b".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for cut in 0..=wide.len() {
            let mut narrow = Narrow::of(ContentKind::Utf16Le).unwrap();
            let mut plain = Vec::new();
            narrow.push(&wide[..cut], &mut plain);
            narrow.push(&wide[cut..], &mut plain);
            assert_eq!(plain, b"a\xff\xffb");
        }
    }
}
