//! Finds private keys: PEM (RFC 7468, RFC 1421), OpenSSH, PGP, PuTTY, and DER files.
//!
//! The words of a PEM header are in every program that reads keys; a key is what decodes to one.

use std::borrow::Cow;

use memchr::memmem;

use super::{
    class::Class,
    decode,
    found_secret::{FoundSecret, KeywordWindow},
    hit::{SecretFingerprint, SecretHit, mask},
};
use crate::report::{Limits, Rule, Severity};

/// Where a PEM block begins.
pub(super) const BEGIN: &str = "-----BEGIN ";
/// Where a PuTTY key begins.
pub(super) const PUTTY: &str = "PuTTY-User-Key-File-";
/// Closes the header and opens the footer of a PEM block.
const DASHES: &[u8] = b"-----";
/// The first bytes of an OpenSSH key (`PROTOCOL.key` of OpenSSH).
const OPENSSH: &[u8] = b"openssh-key-v1\0";
/// Base64 characters of the shortest real key, an Ed25519 one.
const BODY: usize = 64;

/// How sure it is that bytes are a key that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyForm {
    Plain,
    Encrypted,
    /// It begins as one and does not end as one: cut off, or changed.
    Damaged,
}

/// The private key in PEM at the keyword. Reads up to the footer and no further.
pub(super) fn pem<'a>(window: KeywordWindow<'a>, work: &mut u64) -> Option<FoundSecret<'a>> {
    const LABEL: Class = Class::of(b"A-Z0-9 ");
    let text = window.rest();
    let rest = text.strip_prefix(BEGIN.as_bytes())?;
    let (label, rest) = rest.split_at_checked(LABEL.run(rest, 48))?;
    *work += label.len() as u64;
    let is_key = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    let rest = rest.strip_prefix(DASHES).filter(|_| is_key)?;
    let header = text.len() - rest.len();
    let rest = rest.get(..Limits::PEM_BYTES).unwrap_or(rest);
    let end = memmem::find(rest, DASHES);
    let body = rest.get(..end.unwrap_or(rest.len()))?;
    *work += body.len() as u64;
    let footer = rest.get(body.len()..).and_then(|rest| rest.strip_prefix(b"-----END "));
    let closed = footer.is_some_and(|footer| footer.starts_with(label));
    let (base64, has_password) = body_of(body)?;
    if base64.len() < BODY {
        return None;
    }
    let bytes = decode::base64(&base64);
    let form = match bytes.as_deref() {
        Some(bytes) if has_password => (bytes.len() >= 40).then_some(KeyForm::Encrypted)?,
        Some(bytes) => form_of(label, bytes).or(closed.then_some(KeyForm::Damaged))?,
        None => closed.then_some(KeyForm::Damaged)?,
    };
    let looks_like_one = bytes.as_deref().is_none_or(|bytes| bytes.first() == Some(&0x30));
    if form == KeyForm::Damaged && !looks_like_one {
        return None;
    }
    let severity = match form {
        KeyForm::Plain => Severity::Critical,
        KeyForm::Encrypted => Severity::Medium,
        KeyForm::Damaged => Severity::Low,
    };
    let value = Cow::Owned(bytes.unwrap_or(base64));
    let proven = form != KeyForm::Damaged && closed;
    let end = window.keyword + header + body.len();
    Some(FoundSecret { at: window.keyword..end, value, name: None, severity: Some(severity), proven })
}

/// The base64 of a PEM body and whether its headers say that a password protects it; `None` when there is anything
/// that has no place in one. Line breaks may be escaped and lines quoted, as in JSON, YAML and source code.
fn body_of(body: &[u8]) -> Option<(Vec<u8>, bool)> {
    const AROUND: Class = Class::of(b" \t\r\"'`,;\\|()#*");
    let mut base64 = Vec::with_capacity(body.len());
    let mut has_password = false;
    let unescaped = unescape(body);
    for line in unescaped.split(|byte| *byte == b'\n') {
        if memmem::find(line, b": ").is_some() {
            has_password |= memmem::find(line, b"ENCRYPTED").is_some() || memmem::find(line, b"DEK-Info").is_some();
            continue;
        }
        let line = trim(line, AROUND);
        // Concatenation in source code: `"..." +` and `'...' .`; the operator is not base64.
        let line = line.strip_suffix(b"+").filter(|line| line.ends_with(b" ") || line.ends_with(b"\"")).unwrap_or(line);
        let line = trim(line.strip_suffix(b".").unwrap_or(line), AROUND);
        // The checksum of PGP's armour, or an operator alone.
        if (line.first() == Some(&b'=') && line.len() <= 5) || line == b"+" {
            continue;
        }
        for byte in line {
            match byte {
                b' ' | b'\t' => {}
                byte if Class::BASE64.has(*byte) || *byte == b'=' => base64.push(*byte),
                _ => return None,
            }
        }
    }
    while base64.last() == Some(&b'=') {
        base64.pop();
    }
    Some((base64, has_password))
}

/// `body` with `\n` written as two characters made a line break, and `\r` nothing.
fn unescape(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut bytes = body.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(b'n')) => {
                bytes.next();
                plain.push(b'\n');
            }
            (b'\\', Some(b'r')) => {
                bytes.next();
            }
            // JSON may escape a slash.
            (b'\\', Some(b'/')) => {}
            _ => plain.push(byte),
        }
    }
    plain
}

/// `text` without the bytes of `class` at its ends.
fn trim(text: &[u8], class: Class) -> &[u8] {
    let start = class.run(text, text.len());
    let rest = text.get(start..).unwrap_or_default();
    let end = class.run_back(rest, rest.len());
    rest.get(..rest.len() - end).unwrap_or_default()
}

/// The form of the decoded bytes of a block with that label.
fn form_of(label: &[u8], bytes: &[u8]) -> Option<KeyForm> {
    if label.starts_with(b"OPENSSH") {
        let rest = bytes.strip_prefix(OPENSSH)?;
        // The cipher's name, after its length.
        let form = if rest.starts_with(b"\0\0\0\x04none") { KeyForm::Plain } else { KeyForm::Encrypted };
        return (bytes.len() > 100).then_some(form);
    }
    if label.starts_with(b"PGP") {
        // A packet of tag 5, "secret key", in the old or the new form (RFC 9580, section 4.2).
        let first = *bytes.first()?;
        let is_secret = first & 0xfc == 0x94 || first == 0xc5;
        return is_secret.then_some(KeyForm::Plain);
    }
    if label.starts_with(b"ENCRYPTED") {
        let inner = der_sequence(bytes)?;
        return matches!(inner, [0x30, _, 0x06, ..] | [0x30, 0x81, _, 0x06, ..]).then_some(KeyForm::Encrypted);
    }
    is_der_key(bytes).then_some(KeyForm::Plain)
}

/// The content of `bytes`, if they are exactly one SEQUENCE.
fn der_sequence(bytes: &[u8]) -> Option<&[u8]> {
    let (length, inner) = match bytes {
        [0x30, short @ 0x20..=0x7f, inner @ ..] => (usize::from(*short), inner),
        [0x30, 0x81, length, inner @ ..] => (usize::from(*length), inner),
        [0x30, 0x82, high, low, inner @ ..] => (usize::from(*high) << 8 | usize::from(*low), inner),
        _ => return None,
    };
    (inner.len() == length).then_some(inner)
}

/// Whether `bytes` are a private key in DER: PKCS#8, PKCS#1, DSA or SEC 1, complete and nothing else.
pub(super) fn is_der_key(bytes: &[u8]) -> bool {
    matches!(
        der_sequence(bytes),
        Some(
            // PKCS#8: version 0 or 1, then the algorithm, a SEQUENCE that begins with an OID.
            [0x02, 0x01, 0x00 | 0x01, 0x30, _, 0x06, ..]
                // The same with long parameters: an explicit curve, or DSA's numbers.
                | [0x02, 0x01, 0x00 | 0x01, 0x30, 0x81, _, 0x06, ..]
                | [0x02, 0x01, 0x00 | 0x01, 0x30, 0x82, _, _, 0x06, ..]
                // PKCS#1 and DSA: version 0, then a large number.
                | [0x02, 0x01, 0x00, 0x02, 0x40 | 0x41 | 0x81 | 0x82, ..]
                // SEC 1: version 1, then the scalar.
                | [0x02, 0x01, 0x01, 0x04, 0x1c..=0x42, ..]
        )
    )
}

/// The hit for a key in DER that is a whole file or a whole word of base64, at its start.
pub(super) fn der_hit(key: &[u8], severity: Severity) -> SecretHit {
    SecretHit {
        rule: Rule::PrivateKey,
        detector: "private-key",
        severity,
        offset: 0,
        line: None,
        masked: mask(key),
        fingerprint: SecretFingerprint::of(key),
    }
}

/// The PuTTY key at the keyword. Reads its lines, each a header or base64, and no further.
pub(super) fn putty<'a>(window: KeywordWindow<'a>, work: &mut u64) -> Option<FoundSecret<'a>> {
    let text = window.rest();
    let rest = text.strip_prefix(PUTTY.as_bytes())?;
    if !matches!(rest, [b'1'..=b'3', b':', b' ', ..]) {
        return None;
    }
    let mut offset = 0;
    let mut is_private = false;
    let mut encrypted = true;
    let mut key = Vec::new();
    for (number, line) in text.get(..Limits::PEM_BYTES).unwrap_or(text).split(|byte| *byte == b'\n').enumerate() {
        *work += line.len() as u64 + 1;
        let plain = trim(line, Class::BLANK);
        let ends = (number > 0 && plain.starts_with(PUTTY.as_bytes())) || plain.starts_with(b"Private-MAC:");
        if ends || plain.len() > 1024 {
            break;
        }
        match plain {
            _ if plain.starts_with(b"Encryption: ") => encrypted = plain != b"Encryption: none",
            _ if plain.starts_with(b"Private-Lines: ") => is_private = true,
            _ if memmem::find(plain, b": ").is_some() => {}
            _ if plain.iter().all(|byte| Class::BASE64.has(*byte) || *byte == b'=') => {
                if is_private {
                    key.extend_from_slice(plain);
                }
            }
            _ => break,
        }
        offset += line.len() + 1;
    }
    let severity = if encrypted { Severity::Medium } else { Severity::Critical };
    let at = window.keyword..window.bytes.len().min(window.keyword + offset);
    (key.len() >= 32).then_some(FoundSecret {
        at,
        value: Cow::Owned(key),
        name: None,
        severity: Some(severity),
        proven: true,
    })
}
