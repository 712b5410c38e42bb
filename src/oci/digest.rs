//! [`Digest`] and [`DiffId`]: the SHA-256 of stored bytes and of a layer's uncompressed tar. Two types, so that they cannot
//! be mixed up.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// The SHA-256 of stored bytes: what a descriptor carries (image-spec, `descriptor.md`, "Digests").
///
/// Printed as `sha256:` and 64 lower case hexadecimal digits. Other algorithms are refused when reading.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The SHA-256 of a layer's uncompressed tar (image-spec, `config.md`, "Layer DiffID").
///
/// Not a [`Digest`]: the two are equal for uncompressed layers, so that mixing them up passes simple tests.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiffId(Digest);

/// A text that is no digest hardpan can check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DigestError {
    /// Another algorithm than `sha256`.
    Algorithm,
    /// Not 64 lower case hexadecimal digits.
    Encoding,
}

impl Digest {
    /// The value a finished hasher gave.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes themselves.
    pub const fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Reads `sha256:<64 hex>`.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let hex = text.strip_prefix(ALGORITHM).ok_or(DigestError::Algorithm)?;
        Self::parse_hex(hex)
    }

    /// Reads 64 lower case hexadecimal digits.
    pub fn parse_hex(hex: &str) -> Result<Self, DigestError> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(DigestError::Encoding);
        }
        let (mut bytes, mut wrong) = ([0; 32], 0);
        for (byte, [high, low]) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
            let (high, low) = (NIBBLES[usize::from(*high)], NIBBLES[usize::from(*low)]);
            *byte = high << 4 | low & 15;
            wrong |= high | low;
        }
        if wrong & NO_DIGIT == 0 { Ok(Self(bytes)) } else { Err(DigestError::Encoding) }
    }

    /// The 64 hexadecimal digits, without the algorithm: a blob's file name.
    pub fn hex(&self) -> String {
        self.with_text(|text| text.strip_prefix(ALGORITHM).unwrap_or_default().to_owned())
    }

    /// Gives `take` what is printed, made without a piece of memory of its own: it is needed often.
    fn with_text<T>(&self, take: impl FnOnce(&str) -> T) -> T {
        let mut text = [0; ALGORITHM.len() + 64];
        let (algorithm, digits) = text.split_at_mut(ALGORITHM.len());
        algorithm.copy_from_slice(ALGORITHM.as_bytes());
        for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(&self.0) {
            *pair = PAIRS[usize::from(*byte)];
        }
        // ASCII by the lines above.
        take(str::from_utf8(&text).unwrap_or_default())
    }
}

/// The prefix of a printed digest.
const ALGORITHM: &str = "sha256:";

/// The two hexadecimal digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let (digits, mut pairs) = (b"0123456789abcdef", [[0; 2]; 256]);
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    pairs
};

/// The value in [`NIBBLES`] of a byte that is not a digit; no digit has this bit.
const NO_DIGIT: u8 = 0x80;

/// The values of lower case hexadecimal digits.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        let digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        nibbles[digit as usize] = value;
        value += 1;
    }
    nibbles
};

impl DiffId {
    /// Marks `digest` as one of uncompressed bytes.
    pub const fn new(digest: Digest) -> Self {
        Self(digest)
    }

    /// The digest of the uncompressed bytes.
    pub const fn digest(&self) -> Digest {
        self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Algorithm => "not a `sha256:` digest",
            Self::Encoding => "not 64 lower case hexadecimal digits",
        })
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl Serialize for DiffId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl JsonSchema for Digest {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" })
    }
}

impl JsonSchema for DiffId {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DiffId".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Digest::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_reads_what_it_prints() {
        let empty = Digest::of(b"");
        let text = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.to_string(), text);
        assert_eq!(Digest::parse(text), Ok(empty));
        assert_eq!(format!("sha256:{}", empty.hex()), text);
        let every = Digest::from_bytes(std::array::from_fn(|at| u8::try_from(at * 8 + 7).unwrap_or_default()));
        assert_eq!(Digest::parse_hex(&every.hex()), Ok(every));
    }

    #[test]
    fn what_is_no_digit_is_refused_at_every_place() {
        let good = Digest::of(b"").hex();
        for at in 0..good.len() {
            for wrong in ["A", "F", "g", "/", ":", "`", " ", "\0"] {
                let mut text = good.clone();
                text.replace_range(at..=at, wrong);
                assert_eq!(Digest::parse_hex(&text), Err(DigestError::Encoding), "{text}");
            }
        }
        assert_eq!(Digest::parse_hex(&"ü".repeat(32)), Err(DigestError::Encoding));
    }

    #[test]
    fn other_algorithms_upper_case_and_short_digests_are_refused() {
        assert_eq!(Digest::parse("sha512:00"), Err(DigestError::Algorithm));
        assert_eq!(Digest::parse("sha256:00"), Err(DigestError::Encoding));
        let upper = Digest::of(b"").to_string().replace('e', "E");
        assert_eq!(Digest::parse(&upper), Err(DigestError::Encoding));
    }
}
