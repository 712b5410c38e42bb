//! Digests, in two types: of stored bytes and of a layer's unpacked bytes.

use std::{borrow::Cow, fmt, io};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use super::Sha256;

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
    /// The digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        hasher.finish()
    }

    /// The digest of everything that `reader` gives, in bounded memory.
    pub fn of_reader(reader: &mut dyn io::Read) -> io::Result<Self> {
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(read) => hasher.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

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
        let hex = text.strip_prefix("sha256:").ok_or(DigestError::Algorithm)?;
        Self::parse_hex(hex)
    }

    /// Reads 64 lower case hexadecimal digits.
    pub fn parse_hex(hex: &str) -> Result<Self, DigestError> {
        let digits = hex.as_bytes();
        if digits.len() != 64 {
            return Err(DigestError::Encoding);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// The 64 hexadecimal digits, without the algorithm: a blob's file name.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
        self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
    }
}

/// The value of one lower case hexadecimal digit.
const fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::Encoding),
    }
}

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
        f.write_str("sha256:")?;
        f.write_str(&self.hex())
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
        serializer.collect_str(self)
    }
}

impl Serialize for DiffId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    }

    #[test]
    fn other_algorithms_upper_case_and_short_digests_are_refused() {
        assert_eq!(Digest::parse("sha512:00"), Err(DigestError::Algorithm));
        assert_eq!(Digest::parse("sha256:00"), Err(DigestError::Encoding));
        let upper = Digest::of(b"").to_string().replace('e', "E");
        assert_eq!(Digest::parse(&upper), Err(DigestError::Encoding));
    }
}
