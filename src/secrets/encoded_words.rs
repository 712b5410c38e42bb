//! [`EncodedWords`]: decodes the long base64 words of a text, once, and looks for secrets that prove themselves in them.
//!
//! Keys and files of credentials are put into variables, manifests and settings as base64. A word counts when its first
//! characters decode to text or to the beginning of a key in DER: almost no digest does, and no other word of a language.

use super::{harmless, hit::SecretHit, keys, kind::is_printable, line_cursor::LineCursor, scanner::SecretScanner};
use crate::report::{Limits, Severity};

/// The least characters of a word: a token of 36 bytes takes 48, and a digest of SHA-1 has 40.
const LEAST: usize = 44;
/// The characters of a word that tell whether it is looked into: 12 bytes of what it encodes.
const HEAD: usize = 16;
/// The least characters of a line that may go on in the next one: tools break at 64 or 76.
const WRAPPED: usize = 60;

/// What is no character of base64.
const NONE: u8 = 0xff;

/// The value of each byte as a character of base64 or base64url.
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut at = 0;
    while at < alphabet.len() {
        #[allow(clippy::cast_possible_truncation, reason = "less than 64")]
        let value = at as u8;
        values[alphabet[at] as usize] = value;
        at += 1;
    }
    values[b'+' as usize] = 62;
    values[b'-' as usize] = 62;
    values[b'/' as usize] = 63;
    values[b'_' as usize] = 63;
    values
};

fn value(byte: u8) -> u8 {
    VALUES[usize::from(byte)]
}

/// Follows the base64 words of a stream.
#[derive(Debug)]
pub(super) struct EncodedWords {
    only_keys: bool,
    state: WordState,
    lines: LineCursor,
    /// The last byte before a word that began at the start of a chunk.
    before: u8,
}

#[derive(Debug)]
enum WordState {
    /// Outside of any word.
    Outside,
    /// In a word that is too short so far.
    Begun { start: u64, line: u64, held: Vec<u8> },
    /// In a word that is not looked into.
    Passed,
    /// In one that is.
    Open(Box<OpenWord>),
}

/// A word that is decoded.
#[derive(Debug)]
struct OpenWord {
    start: u64,
    line: u64,
    decoder: Decoder,
    /// What was decoded and not yet searched.
    plain: Vec<u8>,
    /// The search, where there is more than fits `plain`.
    scanner: Option<Box<SecretScanner>>,
    /// What was found as a whole key.
    der: Option<Vec<u8>>,
    only_keys: bool,
}

/// Decodes base64 character by character.
#[derive(Debug, Default)]
struct Decoder {
    bits: u32,
    count: u32,
    /// The characters of this line so far.
    line: usize,
    /// What the last byte allows besides characters.
    after: After,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum After {
    #[default]
    Character,
    Backslash,
    Break,
}

impl EncodedWords {
    /// At the start of a stream; `only_keys` if nothing but private keys is of interest.
    pub(super) fn new(only_keys: bool) -> Self {
        Self { only_keys, state: WordState::Outside, lines: LineCursor::new(), before: 0 }
    }

    /// Whether `text` has a word that would be looked into.
    pub(super) fn any(text: &[u8]) -> bool {
        let mut from = 0;
        while let Some(start) = next_word(text, from) {
            let start = behind_escape(text, start, 0);
            if text.get(start..start + HEAD).is_some_and(is_of_interest) {
                return true;
            }
            from =
                start + text.get(start..).unwrap_or_default().iter().take_while(|byte| value(**byte) != NONE).count();
        }
        false
    }

    /// Looks at the next bytes, which begin at `start`, and calls `see` for each secret with the offset and the line of its
    /// word. Counts what is decoded into `steps`.
    pub(super) fn push(&mut self, bytes: &[u8], start: u64, steps: &mut u64, see: &mut dyn FnMut(SecretHit)) {
        let mut at = 0;
        while at < bytes.len() {
            at = self.step(bytes, at, start, steps, see);
        }
        // What is gone is counted.
        self.lines.line_at(start + bytes.len() as u64, bytes, start);
        self.before = bytes.last().copied().unwrap_or(self.before);
    }

    /// Ends the word that the stream ends in.
    pub(super) fn finish(self, steps: &mut u64, see: &mut dyn FnMut(SecretHit)) {
        if let WordState::Open(word) = self.state {
            word.finish(steps, see);
        }
    }

    /// Reads on from `at`; where what was read ends.
    fn step(&mut self, bytes: &[u8], at: usize, start: u64, steps: &mut u64, see: &mut dyn FnMut(SecretHit)) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        match std::mem::replace(&mut self.state, WordState::Outside) {
            WordState::Outside => {
                let (word, is_long) = match next_word(bytes, at) {
                    Some(word) => (behind_escape(bytes, word, self.before), true),
                    None => (behind_escape(bytes, last_word(bytes, at), self.before), false),
                };
                if word < bytes.len() || is_long {
                    let line = self.lines.line_at(start + word as u64, bytes, start);
                    self.state = WordState::Begun { start: start + word as u64, line, held: Vec::new() };
                }
                word
            }
            WordState::Begun { start: word, line, mut held } => {
                let run = rest.iter().take(LEAST - held.len()).take_while(|byte| value(**byte) != NONE).count();
                held.extend_from_slice(rest.get(..run).unwrap_or_default());
                if held.len() == LEAST {
                    self.state = self.opened(word, line, &held, steps);
                } else if run == rest.len() {
                    self.state = WordState::Begun { start: word, line, held };
                }
                at + run
            }
            WordState::Passed => {
                let run = rest.iter().take_while(|byte| value(**byte) != NONE).count();
                if run == rest.len() {
                    self.state = WordState::Passed;
                }
                at + run
            }
            WordState::Open(mut word) => {
                let (read, has_ended) = word.push(rest);
                *steps += read as u64;
                if has_ended {
                    word.finish(steps, see);
                } else {
                    self.state = WordState::Open(word);
                }
                at + read
            }
        }
    }

    /// The state behind the first characters of a word.
    fn opened(&self, start: u64, line: u64, held: &[u8], steps: &mut u64) -> WordState {
        if !held.get(..HEAD).is_some_and(is_of_interest) {
            return WordState::Passed;
        }
        let (decoder, plain) = (Decoder::default(), Vec::new());
        let mut word =
            Box::new(OpenWord { start, line, decoder, plain, scanner: None, der: None, only_keys: self.only_keys });
        word.push(held);
        *steps += held.len() as u64;
        WordState::Open(word)
    }
}

/// The start of the first word of at least [`LEAST`] characters that begins at `from` or behind it and lies in `bytes`. Looks
/// at few bytes of what has short words.
fn next_word(bytes: &[u8], from: usize) -> Option<usize> {
    // Everything in `from..known` is a character, and the bytes behind it are not looked at yet.
    let (mut from, mut known) = (from, from);
    loop {
        let end = from + LEAST;
        let part = bytes.get(known..end)?;
        match part.iter().rposition(|byte| value(*byte) == NONE) {
            None => return Some(from),
            Some(at) => (from, known) = (known + at + 1, end),
        }
    }
}

/// The start of the word that `bytes` end in, not before `from`; their end if they end in none. Only of what is too short for
/// [`next_word`].
fn last_word(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    bytes.len() - rest.iter().rev().take_while(|byte| value(**byte) != NONE).count()
}

/// The start of a word whose first letter may belong to an escape, as in `"\nTFMw.."`.
fn behind_escape(bytes: &[u8], start: usize, before: u8) -> usize {
    let last = start.checked_sub(1).map_or(Some(before), |at| bytes.get(at).copied());
    let is_escape = last == Some(b'\\') && matches!(bytes.get(start), Some(b'n' | b'r' | b't'));
    start + usize::from(is_escape)
}

/// Whether the word with these first characters is looked into.
fn is_of_interest(head: &[u8]) -> bool {
    let mut plain = Vec::with_capacity(HEAD);
    let mut decoder = Decoder::default();
    for byte in head {
        decoder.character(value(*byte), &mut plain);
    }
    is_printable(&plain) || begins_key(&plain)
}

/// Whether a private key in DER may begin so.
fn begins_key(plain: &[u8]) -> bool {
    matches!(plain, [0x30, 0x82, _, _, 2, 1, 0 | 1, ..] | [0x30, 0x81, _, 2, 1, 0 | 1, ..] | [0x30, _, 2, 1, 0 | 1, ..])
}

impl Decoder {
    fn character(&mut self, value: u8, plain: &mut Vec<u8>) {
        self.bits = self.bits << 6 | u32::from(value);
        self.count += 6;
        if self.count >= 8 {
            self.count -= 8;
            #[allow(clippy::cast_possible_truncation, reason = "the lowest eight bits are meant")]
            plain.push((self.bits >> self.count) as u8);
        }
        self.line += 1;
        self.after = After::Character;
    }

    /// Takes one byte; whether the word goes on.
    fn push(&mut self, byte: u8, plain: &mut Vec<u8>) -> bool {
        let character = value(byte);
        match (self.after, byte) {
            // JSON may escape a slash, and writes a line break as two characters.
            (After::Backslash, b'/') => self.character(63, plain),
            (After::Backslash, b'n' | b'r') => self.after = After::Break,
            (After::Backslash, _) => return false,
            (_, b'\\') => self.after = After::Backslash,
            (After::Character, b'\n' | b'\r') => {
                if self.line < WRAPPED {
                    return false;
                }
                (self.after, self.line) = (After::Break, 0);
            }
            (After::Break, b'\n' | b'\r' | b' ' | b'\t') => {}
            _ if character != NONE => self.character(character, plain),
            _ => return false,
        }
        true
    }
}

impl OpenWord {
    /// Decodes `bytes`; how many of them belong to the word, and whether it has ended.
    fn push(&mut self, bytes: &[u8]) -> (usize, bool) {
        let mut read = 0;
        for byte in bytes {
            let was_character = self.decoder.after == After::Character;
            if !self.decoder.push(*byte, &mut self.plain) {
                return (read, true);
            }
            read += 1;
            if was_character && self.decoder.after != After::Character {
                self.see_key();
            }
            if self.plain.len() >= Limits::SECRET_BLOCK {
                self.search();
            }
        }
        (read, false)
    }

    /// Notes a key in DER: what ends a line may end the word.
    fn see_key(&mut self) {
        let is_open = self.scanner.is_none() && self.der.is_none();
        if is_open && begins_key(&self.plain) && keys::is_der_key(&self.plain) && !harmless::is_harmless(&self.plain) {
            self.der = Some(self.plain.clone());
        }
    }

    /// Hands on what was decoded.
    fn search(&mut self) {
        let only_keys = self.only_keys;
        self.scanner.get_or_insert_with(|| Box::new(SecretScanner::of_encoded(only_keys))).push(&self.plain);
        self.plain.clear();
    }

    /// The secrets of the word.
    fn finish(mut self, steps: &mut u64, see: &mut dyn FnMut(SecretHit)) {
        self.see_key();
        let (start, line) = (self.start, self.line);
        let mut tell = |hit: SecretHit| {
            see(SecretHit { offset: start, line: Some(line), ..hit });
        };
        if let Some(key) = self.der.take() {
            tell(keys::der_hit(&key, Severity::Critical));
            return;
        }
        if self.scanner.is_none() && !SecretScanner::may_hold_bytes(&self.plain) {
            return;
        }
        if !self.plain.is_empty() {
            self.search();
        }
        if let Some(scanner) = self.scanner.take() {
            let (hits, more) = scanner.finish_proven();
            *steps += more;
            hits.into_iter().for_each(&mut tell);
        }
    }
}

#[cfg(test)]
mod tests {
    use base64ct::Encoding as _;

    use super::*;

    fn starts(text: &str, size: usize) -> Vec<u64> {
        let mut words = EncodedWords::new(false);
        let mut found = Vec::new();
        let mut at = 0;
        for chunk in text.as_bytes().chunks(size) {
            words.push(chunk, at, &mut 0, &mut |hit| found.push(hit.offset));
            at += chunk.len() as u64;
        }
        words.finish(&mut 0, &mut |hit| found.push(hit.offset));
        found
    }

    #[test]
    fn words_are_found_wherever_they_are_and_whatever_the_chunks() {
        // An Ed25519 key in PKCS#8.
        let mut key = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        key.extend([0x5a; 32]);
        let word = base64ct::Base64::encode_string(&key);
        for before in 0..100 {
            for (behind, end) in [("", ""), ("\n", "and more"), ("\"", ", \"other\""), (" ", "short words follow here")]
            {
                let text = format!("{} {word}{behind}{end}", "x".repeat(before));
                for size in [1, 5, 64, 1000] {
                    assert_eq!(starts(&text, size), [before as u64 + 1], "{before} {size} {text}");
                }
            }
        }
        let wrapped = format!("a: |\n  {}\n  {}\n", &word[..60], &word[60..]);
        assert_eq!(starts(&wrapped, 7), [7]);
        let escaped = format!("\"\\n{}\"", word.replace('/', "\\/"));
        assert_eq!(starts(&escaped, 3), [3]);
        assert!(EncodedWords::any(word.as_bytes()));
        assert!(EncodedWords::any(escaped.as_bytes()));
        assert!(!EncodedWords::any("4ea30db0167b7d71f50af7eb4dc0fcf046c61640cbd1e8b999ada3262d722c2c".as_bytes()));
    }

    #[test]
    fn the_search_for_long_words_is_the_same_as_one_byte_by_byte() {
        let mut state = 7_u64;
        for _ in 0..2000 {
            let text: Vec<u8> = (0..200)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if (state >> 40).is_multiple_of(40) { b' ' } else { b'a' }
                })
                .collect();
            let mut expected = None;
            let mut run = 0;
            for (at, byte) in text.iter().enumerate() {
                run = if *byte == b'a' { run + 1 } else { 0 };
                if run == LEAST && expected.is_none() {
                    expected = Some(at + 1 - LEAST);
                }
            }
            assert_eq!(next_word(&text, 0), expected);
        }
    }
}
