//! Finds secrets in files, variables, labels, history and arguments. The audit and the build's key check use it.
//!
//! One pass over the bytes looks for the keywords of all detectors at once; a detector then reads a bounded window
//! around its keyword, and reports what has the shape, the entropy and the proof of a secret. Files that are made to
//! hold credentials are read as what they are: line by line, by the tokens of JSON, by the tags of XML, whatever their length. Long
//! words in base64 are decoded once, and what proves itself in them counts. A value is never kept in what leaves this room.
//!
//! # Bounds
//!
//! Memory: [`SECRET_BEHIND`](crate::report::Limits::SECRET_BEHIND), two blocks and
//! [`SECRET_AHEAD`](crate::report::Limits::SECRET_AHEAD) of a stream, one line of
//! [`SECRET_LINE_BYTES`](crate::report::Limits::SECRET_LINE_BYTES) or, for each of the
//! [`SECRET_JSON_DEPTH`](crate::report::Limits::SECRET_JSON_DEPTH) containers of JSON, some strings of
//! [`SECRET_TOKEN_BYTES`](crate::report::Limits::SECRET_TOKEN_BYTES), and the same once more for a word in base64. What one of
//! these bounds cuts off is told as [`SecretUnread`].
//!
//! Time: at most [`WORK_PER_BYTE`] steps a byte of input. What a detector reads from its keyword on ends before that
//! detector's next keyword can begin (a token's left neighbour is no byte of a token, a PEM body ends at the next
//! dashes, a URL at the next slash), or is a constant number of bytes. A test counts the steps on hostile input.

mod assignment;
mod class;
mod command;
mod connection;
mod decode;
mod detector;
mod detectors;
mod document;
mod encoded_words;
mod entropy;
mod exposed;
mod found_secret;
mod harmless;
mod hit;
mod json_document;
mod json_tokens;
mod key_search;
mod keys;
mod keywords;
mod kind;
mod line_cursor;
mod line_document;
mod line_splitter;
mod linker;
mod location;
mod names;
mod placeholder;
mod scan_result;
mod scanner;
mod shape;
mod stores;
mod text;
mod url;
mod web;
mod whole_file;
mod xml_document;

#[cfg(test)]
mod tests;

pub use decode::base64_text;
pub use hit::{SecretFingerprint, SecretHit};
pub use key_search::{KeySearch, key_by_name, path_is_of_keys};
pub use kind::ContentKind;
pub use names::{NameRule, name_hit};
pub use scan_result::{ScannedSecrets, SecretUnread, SecretUnreadReason};
pub use scanner::SecretScanner;
pub use text::{TextContext, is_secret_variable, scan_arguments, scan_header, scan_text};

/// The most steps that a byte of input can cost on average, over the pass itself: a bound that holds for any input.
pub const WORK_PER_BYTE: u64 = 64;
/// Changes whenever the same bytes may give other hits. Where those are hits of a [`KeySearch`], the format of the cache's
/// memo changes, too: it remembers what was found in inputs.
pub const RULESET: u32 = 3;
