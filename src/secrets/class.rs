//! [`Class`]: a set of bytes, for the shapes of tokens.

/// A set of bytes, looked up without a branch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class([u64; 4]);

impl Class {
    pub(super) const NONE: Self = Self([0; 4]);
    pub(super) const DIGIT: Self = Self::of(b"0-9");
    pub(super) const LOWER_HEX: Self = Self::of(b"0-9a-f");
    pub(super) const HEX: Self = Self::of(b"0-9a-fA-F");
    pub(super) const ALPHA: Self = Self::of(b"a-zA-Z");
    pub(super) const ALNUM: Self = Self::of(b"0-9A-Za-z");
    /// The alphabet of base64url, and of most tokens.
    pub(super) const WORD: Self = Self::of(b"0-9A-Za-z_-");
    pub(super) const BASE64: Self = Self::of(b"0-9A-Za-z+/");
    pub(super) const BLANK: Self = Self::of(b" \t\r\n");

    /// The bytes named one by one or as `a-z`; a `-` at the end is itself.
    pub(super) const fn of(spec: &[u8]) -> Self {
        let mut bits = [0_u64; 4];
        let mut at = 0;
        while at < spec.len() {
            let first = spec[at];
            let is_range = at + 2 < spec.len() && spec[at + 1] == b'-';
            let last = if is_range { spec[at + 2] } else { first };
            let mut byte = first;
            loop {
                bits[(byte >> 6) as usize] |= 1 << (byte & 63);
                if byte >= last {
                    break;
                }
                byte += 1;
            }
            at += if is_range { 3 } else { 1 };
        }
        Self(bits)
    }

    /// Whether `byte` is in the set.
    pub(super) const fn has(self, byte: u8) -> bool {
        self.0[(byte >> 6) as usize] >> (byte & 63) & 1 == 1
    }

    /// How many bytes at the start of `text` are in the set, at most `most`.
    pub(super) fn run(self, text: &[u8], most: usize) -> usize {
        text.iter().take(most).take_while(|byte| self.has(**byte)).count()
    }

    /// How many bytes at the end of `text` are in the set, at most `most`.
    pub(super) fn run_back(self, text: &[u8], most: usize) -> usize {
        text.iter().rev().take(most).take_while(|byte| self.has(**byte)).count()
    }

    /// Whether every byte of `text` is in the set.
    pub(super) fn all(self, text: &[u8]) -> bool {
        text.iter().all(|byte| self.has(*byte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_single_bytes_and_a_final_dash_are_in_the_set() {
        for byte in 0..=255_u8 {
            let expected = byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
            assert_eq!(Class::WORD.has(byte), expected, "{byte}");
            assert_eq!(Class::BASE64.has(byte), byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/', "{byte}");
            assert!(!Class::NONE.has(byte));
        }
        assert!(Class::of(b"\xf0-\xff").has(0xff));
    }

    #[test]
    fn runs_end_at_the_first_other_byte_and_at_the_bound() {
        assert_eq!(Class::DIGIT.run(b"123a4", 9), 3);
        assert_eq!(Class::DIGIT.run(b"123a4", 2), 2);
        assert_eq!(Class::DIGIT.run_back(b"1a234", 9), 3);
        assert_eq!(Class::DIGIT.run_back(b"1a234", 2), 2);
    }
}
