//! [`ScannedSecrets`]: what the search of one file found, and what of the file it did not look at.

use super::hit::SecretHit;

/// The result of the search of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScannedSecrets {
    /// All hits, by offset: at most [`Limits::SECRETS_PER_FILE`](crate::report::Limits::SECRETS_PER_FILE).
    pub hits: Vec<SecretHit>,
    /// The first part of the file that was not looked at as its format asks for. The search for tokens and private keys
    /// reads every byte whatever this says.
    pub unread: Option<SecretUnread>,
}

/// A part of a file in which secrets were not looked for as the file's format asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretUnread {
    /// Where that part begins, in bytes from the start of the file.
    pub offset: u64,
    /// Why.
    pub reason: SecretUnreadReason,
}

/// Why a part of a file was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretUnreadReason {
    /// A line of a file of settings is longer than
    /// [`Limits::SECRET_LINE_BYTES`](crate::report::Limits::SECRET_LINE_BYTES): only its beginning was read.
    LongLine,
    /// The value of a setting that is named like a secret is longer than
    /// [`Limits::SECRET_TOKEN_BYTES`](crate::report::Limits::SECRET_TOKEN_BYTES): only its beginning was read.
    LongValue,
    /// A file that is one token by its name is longer than any token.
    LongFile,
}

impl SecretUnreadReason {
    /// The reason in words that follow a subject, such as "has a line longer than 64 KiB".
    pub fn words(self) -> &'static str {
        match self {
            Self::LongLine => "has a line that is too long to be read as a whole",
            Self::LongValue => "has a secret's name with a value that is too long to be read as a whole",
            Self::LongFile => "is longer than the one token that a file of its name holds",
        }
    }
}

/// The first part that was not looked at, as it becomes known.
#[derive(Debug, Default)]
pub(super) struct Unread(pub(super) Option<SecretUnread>);

impl Unread {
    /// Notes a part; the first in the file stays.
    pub(super) fn note(&mut self, reason: SecretUnreadReason, offset: u64) {
        let unread = SecretUnread { offset, reason };
        self.0 = Some(self.0.map_or(unread, |first| first.min(unread)));
    }
}
