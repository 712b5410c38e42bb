//! [`JsonTokens`]: the signs and strings of a JSON document, as a stream.
//!
//! Lenient: comments, strings in single quotes, names without quotes, missing and superfluous commas, and several documents one
//! after the other are read, because programs read them.

use crate::report::Limits;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonToken<'a> {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    Colon,
    Comma,
    Text(JsonText<'a>),
    /// A number, or a word without quotes; at most [`Limits::SECRET_NAME_BYTES`].
    Word(&'a [u8]),
}

/// A string as it is written, without its quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JsonText<'a> {
    /// At most [`Limits::SECRET_TOKEN_BYTES`].
    pub(super) bytes: &'a [u8],
    /// Whether there are escapes in it.
    pub(super) is_escaped: bool,
    /// Whether it goes on behind `bytes`.
    pub(super) is_cut: bool,
    /// Where it begins, in bytes from the start of the stream.
    pub(super) offset: u64,
    /// The line it begins in; the first is 1.
    pub(super) line: u64,
}

/// Where in a document the last chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Between tokens.
    Nothing,
    /// A string with that quote; whether the next byte is escaped.
    Text(u8, bool),
    /// A word without quotes.
    Word,
    /// Behind a slash that may begin a comment.
    Slash,
    /// A comment up to the end of the line.
    LineComment,
    /// A comment up to its end; whether the last byte was a star.
    Comment(bool),
}

/// Reads tokens, whatever the chunks.
#[derive(Debug)]
pub(super) struct JsonTokens {
    inside: Inside,
    /// The string so far, where it does not lie in one chunk.
    held: Vec<u8>,
    is_escaped: bool,
    is_cut: bool,
    /// Where the string begins, and its line.
    start: (u64, u64),
    /// Bytes that have come.
    taken: u64,
    line: u64,
}

impl JsonTokens {
    /// At the start of a document.
    pub(super) fn new() -> Self {
        Self {
            inside: Inside::Nothing,
            held: Vec::new(),
            is_escaped: false,
            is_cut: false,
            start: (0, 1),
            taken: 0,
            line: 1,
        }
    }

    /// Calls `see` for each token that `bytes` complete.
    pub(super) fn push(&mut self, bytes: &[u8], mut see: impl FnMut(JsonToken<'_>)) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let Inside::Text(quote, is_escape) = self.inside {
                at = self.text(bytes, at, (quote, is_escape), &mut see);
                continue;
            }
            if self.inside == Inside::Word {
                at = self.word(bytes, at, &mut see);
                continue;
            }
            if *byte == b'\n' {
                self.line += 1;
            }
            at += 1;
            self.inside = match (self.inside, byte) {
                (Inside::LineComment, b'\n') | (Inside::Comment(true), b'/') => Inside::Nothing,
                (Inside::Comment(_), byte) => Inside::Comment(*byte == b'*'),
                (Inside::Slash, b'*') => Inside::Comment(false),
                (Inside::LineComment, _) | (Inside::Slash, b'/') | (_, b'#') => Inside::LineComment,
                (_, b'/') => Inside::Slash,
                (_, quote @ (b'"' | b'\'')) => {
                    self.start = (self.taken + at as u64, self.line);
                    (self.is_escaped, self.is_cut) = (false, false);
                    self.held.clear();
                    Inside::Text(*quote, false)
                }
                (_, byte) if is_of_word(*byte) => {
                    self.held.clear();
                    self.held.push(*byte);
                    Inside::Word
                }
                (_, byte) => {
                    let sign = match byte {
                        b'{' | b'[' => Some(JsonToken::Open),
                        b'}' | b']' => Some(JsonToken::Close),
                        b':' => Some(JsonToken::Colon),
                        b',' => Some(JsonToken::Comma),
                        _ => None,
                    };
                    sign.into_iter().for_each(&mut see);
                    Inside::Nothing
                }
            };
        }
        self.taken += bytes.len() as u64;
    }

    /// Reads on in a string from `at`; where it or the chunk ends.
    fn text(
        &mut self,
        bytes: &[u8],
        at: usize,
        (quote, is_escape): (u8, bool),
        see: &mut impl FnMut(JsonToken<'_>),
    ) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        if is_escape {
            self.line += u64::from(rest.first() == Some(&b'\n'));
            self.hold(rest.get(..1).unwrap_or_default());
            self.inside = Inside::Text(quote, false);
            return at + 1;
        }
        let end = memchr::memchr2(quote, b'\\', rest).unwrap_or(rest.len());
        let (part, sign) = rest.split_at(end);
        match sign.first() {
            None => self.hold(part),
            Some(b'\\') => {
                self.is_escaped = true;
                self.hold(part);
                self.hold(b"\\");
                self.inside = Inside::Text(quote, true);
            }
            Some(_) => {
                if self.held.is_empty() && part.len() <= Limits::SECRET_TOKEN_BYTES {
                    see(JsonToken::Text(self.token(part)));
                } else {
                    self.hold(part);
                    see(JsonToken::Text(self.token(&self.held)));
                }
                self.inside = Inside::Nothing;
            }
        }
        // A string has no line breaks; what only looks like one may.
        self.line += memchr::memchr_iter(b'\n', part).count() as u64;
        at + end + usize::from(!sign.is_empty())
    }

    /// Reads on in a word from `at`; where it or the chunk ends.
    fn word(&mut self, bytes: &[u8], at: usize, see: &mut impl FnMut(JsonToken<'_>)) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|byte| is_of_word(**byte)).count();
        let room = Limits::SECRET_NAME_BYTES.saturating_sub(self.held.len()).min(run);
        self.held.extend_from_slice(rest.get(..room).unwrap_or_default());
        if run < rest.len() {
            see(JsonToken::Word(&self.held));
            self.inside = Inside::Nothing;
        }
        at + run
    }

    fn hold(&mut self, part: &[u8]) {
        let room = Limits::SECRET_TOKEN_BYTES.saturating_sub(self.held.len()).min(part.len());
        self.is_cut |= room < part.len();
        self.held.extend_from_slice(part.get(..room).unwrap_or_default());
    }

    fn token<'a>(&self, bytes: &'a [u8]) -> JsonText<'a> {
        let (offset, line) = self.start;
        JsonText { bytes, is_escaped: self.is_escaped, is_cut: self.is_cut, offset, line }
    }
}

/// Whether `byte` is one of a number, or of a name as JavaScript has it.
fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'.' | b'+' | b'-')
}

/// The text that a string means. What is no escape stays as it is.
pub(super) fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, escape) = rest.split_at(at);
        plain.extend_from_slice(before);
        let (length, value) = match escape.get(1) {
            Some(b'n') => (2, '\n'),
            Some(b't') => (2, '\t'),
            Some(b'r') => (2, '\r'),
            Some(b'b' | b'f') => (2, ' '),
            Some(b'u') => {
                let digits = escape.get(2..6).and_then(|digits| std::str::from_utf8(digits).ok());
                let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
                (if unit.is_some() { 6 } else { 2 }, unit.and_then(char::from_u32).unwrap_or('\u{fffd}'))
            }
            Some(byte) => (2, char::from(*byte)),
            None => (1, '\\'),
        };
        plain.extend_from_slice(value.encode_utf8(&mut [0; 4]).as_bytes());
        rest = escape.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str, size: usize) -> Vec<String> {
        let mut tokens = JsonTokens::new();
        let mut seen = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            tokens.push(chunk, |token| {
                seen.push(match token {
                    JsonToken::Text(string) => {
                        assert!(text.as_bytes()[usize::try_from(string.offset).unwrap()..].starts_with(string.bytes));
                        let text = string;
                        format!("{}@{}:{}", String::from_utf8_lossy(&unescaped(text.bytes)), text.offset, text.line)
                    }
                    JsonToken::Word(word) => String::from_utf8_lossy(word).into_owned(),
                    other => format!("{other:?}"),
                });
            });
        }
        seen
    }

    #[test]
    fn tokens_are_the_same_whatever_the_chunks() {
        let text = "{\"a\\u0041\\\"\": 1, // \"no\"\n/* \" * / **/ \"b\": [\"c\\\\\", \"\", true]}\n{\"d\"";
        let whole = tokens(text, usize::MAX);
        assert_eq!(
            whole,
            [
                "Open", "aA\"@2:1", "Colon", "1", "Comma", "b@39:2", "Colon", "Open", "c\\@45:2", "Comma", "@52:2",
                "Comma", "true", "Close", "Close", "Open", "d@64:3"
            ]
        );
        for size in 1..8 {
            assert_eq!(tokens(text, size), whole, "{size}");
        }
    }

    #[test]
    fn a_long_string_is_cut_and_says_so() {
        let text = format!("\"{}\"", "x".repeat(Limits::SECRET_TOKEN_BYTES + 1));
        for size in [7, 100_000] {
            let mut tokens = JsonTokens::new();
            let mut seen = 0;
            text.as_bytes().chunks(size).for_each(|chunk| {
                tokens.push(chunk, |token| {
                    let JsonToken::Text(text) = token else { panic!("{token:?}") };
                    assert!(text.is_cut && text.bytes.len() == Limits::SECRET_TOKEN_BYTES);
                    seen += 1;
                });
            });
            assert_eq!(seen, 1);
        }
    }

    #[test]
    fn broken_escapes_are_read_to_their_end() {
        assert_eq!(unescaped(b"a\\"), b"a\\");
        assert_eq!(unescaped(b"\\u00"), "\u{fffd}00".as_bytes());
        assert_eq!(unescaped(b"\\/\\ud800"), "/\u{fffd}".as_bytes());
    }
}
