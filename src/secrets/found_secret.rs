//! [`FoundSecret`]: a secret in the bytes around a keyword.

use std::{borrow::Cow, ops::Range};

use crate::report::Severity;

/// The bytes around a keyword.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeywordWindow<'a> {
    pub(super) bytes: &'a [u8],
    /// Where the keyword begins.
    pub(super) keyword: usize,
}

impl<'a> KeywordWindow<'a> {
    /// The text before the keyword.
    pub(super) fn before(self) -> &'a [u8] {
        self.bytes.get(..self.keyword).unwrap_or_default()
    }

    /// The text from the keyword on.
    pub(super) fn rest(self) -> &'a [u8] {
        self.bytes.get(self.keyword..).unwrap_or_default()
    }
}

/// A secret in the text at a keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundSecret<'a> {
    /// Where it is, from the start of the window.
    pub(super) at: Range<usize>,
    /// The secret itself: decoded, where two spellings of it are the same secret.
    pub(super) value: Cow<'a, [u8]>,
    /// The kind of the secret, if that is not the detector's name.
    pub(super) name: Option<&'static str>,
    /// Its weight, where it is not the detector's.
    pub(super) severity: Option<Severity>,
    /// Whether it proves itself, by a checksum or by what it decodes to.
    pub(super) proven: bool,
}
