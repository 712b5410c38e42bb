//! Decodes base64 and Bech32, and verifies the checksums of tokens.

use base64ct::{Base64, Base64Unpadded, Base64UrlUnpadded, Encoding as _};
use serde_json::Value;

/// The bytes of standard base64, with or without padding.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    Base64::decode_vec(text).or_else(|_| Base64Unpadded::decode_vec(text)).ok()
}

/// The text that `text` is base64 of, with or without padding; `None` for what is short enough to be a word.
pub fn base64_text(text: &str) -> Option<String> {
    const SHORTEST: usize = 24;
    let packed = text.trim().as_bytes();
    let is_long = packed.len() >= SHORTEST;
    String::from_utf8(base64(packed).filter(|_| is_long)?).ok().filter(|text| !text.contains('\0'))
}

/// The bytes of unpadded base64url.
pub(super) fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')).ok()
}

/// The object that `bytes` are in JSON.
pub(super) fn json_object(bytes: &[u8]) -> Option<serde_json::Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Whether the last six characters are the CRC-32 of the others in base62, as in the tokens of GitHub and npm
/// ("Behind GitHub's new authentication token formats", 2021).
pub(super) fn has_base62_checksum(text: &[u8]) -> bool {
    let Some((body, sum)) = text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) else { return false };
    let value = sum.iter().try_fold(0_u64, |value, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        Some(value * 62 + u64::from(digit))
    });
    !body.is_empty() && value == Some(u64::from(crc32fast::hash(body)))
}

/// Whether the last eight characters are the CRC-32 of the others in hexadecimal, as in Grafana's tokens, where an
/// underscore stands between the two.
pub(super) fn has_hex_checksum(text: &[u8]) -> bool {
    let Some((body, sum)) = text.len().checked_sub(8).and_then(|at| text.split_at_checked(at)) else { return false };
    let value = std::str::from_utf8(sum).ok().and_then(|sum| u32::from_str_radix(sum, 16).ok());
    let Some(secret) = body.strip_suffix(b"_") else { return false };
    value == Some(crc32fast::hash(secret))
}

/// Whether `text` is Bech32 with a right checksum (BIP 173), in upper case, as age writes its keys.
pub(super) fn is_bech32(text: &[u8]) -> bool {
    const ALPHABET: &[u8; 32] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let Some(split) = text.iter().rposition(|byte| *byte == b'1') else { return false };
    let (prefix, data) = (&text[..split], &text[split + 1..]);
    let step = |sum: u32, value: u32| {
        let top = sum >> 25;
        let next = (sum & 0x01ff_ffff) << 5 ^ value;
        GENERATOR.iter().enumerate().fold(next, |sum, (bit, word)| if top >> bit & 1 == 1 { sum ^ word } else { sum })
    };
    // The checksum is over lower case letters.
    let lower = |byte: &u8| u32::from(byte.to_ascii_lowercase());
    let mut sum = prefix.iter().map(|byte| lower(byte) >> 5).fold(1, step);
    sum = step(sum, 0);
    sum = prefix.iter().map(|byte| lower(byte) & 31).fold(sum, step);
    for byte in data {
        let Some(value) = (0_u32..).zip(ALPHABET).find(|(_, letter)| *letter == byte).map(|(value, _)| value) else {
            return false;
        };
        sum = step(sum, value);
    }
    !prefix.is_empty() && data.len() >= 6 && sum == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_of_a_published_expired_token_is_right() {
        // From the public description of the format; the token was made to expire and has no rights.
        let body = ["zQWBuTSOoRi4A9sp", "HcVY5ncnsDkxkJ"].concat();
        let sum = ["0mL", "q17"].concat();
        assert!(has_base62_checksum(format!("{body}{sum}").as_bytes()));
        assert!(!has_base62_checksum(format!("{body}0mLq18").as_bytes()));
        assert!(!has_base62_checksum(b"0mLq17"));
        assert!(!has_base62_checksum(b""));
    }

    #[test]
    fn bech32_of_the_standard_is_right_and_a_changed_letter_is_not() {
        // A test vector of BIP 173.
        assert!(is_bech32(b"A12UEL5L"));
        assert!(!is_bech32(b"A12UEL5Q"));
        assert!(!is_bech32(b"1"));
        assert!(!is_bech32(b"AGE-SECRET-KEY-1"));
    }

    #[test]
    fn a_hexadecimal_checksum_is_compared() {
        let secret = "abcdefgh";
        let sum = crc32fast::hash(secret.as_bytes());
        assert!(has_hex_checksum(format!("{secret}_{sum:08x}").as_bytes()));
        assert!(!has_hex_checksum(format!("{secret}_{:08x}", sum ^ 1).as_bytes()));
        assert!(!has_hex_checksum(b"_"));
    }
}
