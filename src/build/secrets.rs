//! Private keys in what would be shipped.
//!
//! The full secret rules belong to the audit; this is the one that no build may be without: a key file copied
//! along by accident. It looks at structure, not at names, so that the word "PRIVATE KEY" in a program's strings
//! is no finding.

use memchr::memmem;

/// Where a PEM block begins.
const BEGIN: &[u8] = b"-----BEGIN ";
/// What is kept of one chunk so that a key across the border to the next is seen.
const OVERLAP: usize = 1024;
/// Base64 characters that must follow the header line. The shortest real key, an Ed25519 one, has 64.
const BODY: usize = 32;
/// The longest DER key that is looked for: RSA of 16384 bits takes 9.3 KiB.
const DER: usize = 10 << 10;
/// Other forms that are unmistakable by their first bytes.
const MARKS: [&[u8]; 2] = [b"PuTTY-User-Key-File-", b"AGE-SECRET-KEY-1"];

/// Finds a private key in a stream of any size, in bounded memory.
#[derive(Debug)]
pub(super) struct KeyScanner {
    window: Vec<u8>,
    /// Offset in the stream of the first byte of `window`.
    start: u64,
    /// The first bytes of the stream, one more than the longest DER key.
    head: Vec<u8>,
    found: Option<u64>,
}

impl KeyScanner {
    pub(super) fn new() -> Self {
        Self { window: Vec::new(), start: 0, head: Vec::new(), found: None }
    }

    /// Looks at the next bytes of the stream.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.found.is_some() {
            return;
        }
        let head = bytes.len().min(DER + 1 - self.head.len());
        self.head.extend_from_slice(&bytes[..head]);
        self.window.extend_from_slice(bytes);
        self.look();
        let surplus = self.window.len().saturating_sub(OVERLAP);
        self.window.drain(..surplus);
        self.start += surplus as u64;
    }

    /// The offset of the first key.
    pub(super) fn finish(self) -> Option<u64> {
        // A DER key is the whole file or none: only its end tells.
        self.found.or_else(|| is_der_key(&self.head).then_some(0))
    }

    fn look(&mut self) {
        let pem = memmem::find_iter(&self.window, BEGIN).find(|at| self.window.get(*at..).is_some_and(is_pem_key));
        let marked = MARKS.iter().filter_map(|mark| {
            memmem::find_iter(&self.window, mark)
                .find(|at| self.window.get(at + mark.len()..).is_some_and(|rest| is_marked_key(mark, rest)))
        });
        self.found = pem.into_iter().chain(marked).min().map(|at| self.start + at as u64);
    }
}

/// Whether a text holds a private key.
pub(super) fn has_private_key(text: &str) -> bool {
    let mut keys = KeyScanner::new();
    keys.push(text.as_bytes());
    keys.finish().is_some()
}

/// Whether `block`, which begins with `-----BEGIN `, is a private key with a body.
fn is_pem_key(block: &[u8]) -> bool {
    let rest = &block[BEGIN.len()..];
    let label_end = rest.iter().take(64).position(|byte| !matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b' '));
    let Some((label, rest)) = label_end.and_then(|end| rest.split_at_checked(end)) else { return false };
    let is_key = label.ends_with(b"PRIVATE KEY") || label.ends_with(b"PRIVATE KEY BLOCK");
    let Some(rest) = rest.strip_prefix(b"-----").filter(|_| is_key) else { return false };
    has_body(rest)
}

/// Whether base64 follows, after line breaks (also written as `\n` in JSON) and `Name: value` headers.
fn has_body(rest: &[u8]) -> bool {
    let mut text = String::from_utf8_lossy(rest.get(..OVERLAP - 128).unwrap_or(rest)).into_owned();
    text = text.replace("\\r", "\r").replace("\\n", "\n");
    if !text.starts_with(['\n', '\r', ' ']) {
        return false;
    }
    let mut base64 = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.contains(": ")) {
        let plain =
            line.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
        base64 += plain;
        if plain < line.len() {
            break;
        }
    }
    base64 >= BODY
}

/// Whether what follows one of [`MARKS`] is a key and not a program that knows the word.
fn is_marked_key(mark: &[u8], rest: &[u8]) -> bool {
    if mark.starts_with(b"AGE") {
        return rest.iter().take_while(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'Z')).count() >= 58;
    }
    matches!(rest, [b'1'..=b'3', b':', b' ', ..])
}

/// Whether the bytes begin as a DER private key: PKCS#8 or PKCS#1 (`SEQUENCE { INTEGER 0, ..`) or SEC 1
/// (`SEQUENCE { INTEGER 1, OCTET STRING`), whose outer length is that of a key.
fn is_der_key(bytes: &[u8]) -> bool {
    let (length, inner) = match bytes {
        [0x30, short @ 0x20..=0x7f, inner @ ..] => (usize::from(*short), inner),
        [0x30, 0x81, length, inner @ ..] => (usize::from(*length), inner),
        [0x30, 0x82, high, low, inner @ ..] => (usize::from(*high) << 8 | usize::from(*low), inner),
        _ => return false,
    };
    let exact = inner.len() == length;
    exact
        && matches!(
            inner,
            // PKCS#8: version 0 or 1, then the algorithm, a SEQUENCE that begins with an OID.
            [0x02, 0x01, 0x00 | 0x01, 0x30, _, 0x06, ..]
                // PKCS#1: version 0, then a large modulus.
                | [0x02, 0x01, 0x00, 0x02, 0x81 | 0x82, ..]
                // SEC 1: version 1, then the scalar.
                | [0x02, 0x01, 0x01, 0x04, 0x1c..=0x42, ..]
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY_LINE: &str = "MC4CAQAwBQYDK2VwBCIEIOVzf1VZ0mJp3hPTSTF4ebYAtGy2xKzZb0h8T0bCqGx1";

    fn pem(label: &str) -> String {
        format!("-----BEGIN {label}-----\n{BODY_LINE}\n-----END {label}-----\n")
    }

    #[test]
    fn keys_of_every_common_form_are_found() {
        for label in
            ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
        {
            assert!(has_private_key(&pem(label)), "{label}");
        }
        assert!(has_private_key(&pem("PGP PRIVATE KEY BLOCK")));
        assert!(has_private_key(&format!("{{\"key\": \"{}\"}}", pem("PRIVATE KEY").replace('\n', "\\n"))));
        assert!(has_private_key(&pem("RSA PRIVATE KEY").replace('\n', "\r\n")));
        let headers =
            format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\n{BODY_LINE}\n");
        assert!(has_private_key(&headers));
        assert!(has_private_key("PuTTY-User-Key-File-3: ssh-ed25519\n"));
    }

    #[test]
    fn words_about_keys_and_certificates_are_none() {
        for text in [
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----%s-----END",
            "expected -----BEGIN PRIVATE KEY----- in the file and then some base64 text follows here",
            "PuTTY-User-Key-File- version",
            "AGE-SECRET-KEY-1 is the prefix",
        ] {
            assert!(!has_private_key(text), "{text}");
        }
        assert!(!has_private_key(&pem("CERTIFICATE")));
        assert!(!has_private_key(&pem("PUBLIC KEY")));
    }

    #[test]
    fn a_key_across_the_border_of_two_chunks_is_found_at_every_cut() {
        let text = format!("{}{}{}", "x".repeat(3000), pem("PRIVATE KEY"), "y".repeat(3000));
        for cut in 2990..3130 {
            let mut keys = KeyScanner::new();
            keys.push(&text.as_bytes()[..cut]);
            keys.push(&text.as_bytes()[cut..]);
            assert_eq!(keys.finish(), Some(3000), "cut at {cut}");
        }
        let mut keys = KeyScanner::new();
        text.bytes().for_each(|byte| keys.push(&[byte]));
        assert_eq!(keys.finish(), Some(3000));
    }

    #[test]
    fn der_keys_are_known_by_their_structure() {
        let mut pkcs8 = vec![0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22];
        pkcs8.resize(0x30, 7);
        let mut keys = KeyScanner::new();
        keys.push(&pkcs8);
        assert_eq!(keys.finish(), Some(0));
        pkcs8.push(0);
        let mut keys = KeyScanner::new();
        keys.push(&pkcs8);
        assert_eq!(keys.finish(), None, "more bytes than the length says");
    }
}
