//! [`KeySearch`]: finds private keys alone, in inputs of a build whose path in the image is not known yet.

use super::{names, scanner::SecretScanner};
use crate::report::Rule;

/// Looks whether a file may hold a private key: every byte of every input of a build passes through here.
///
/// The keywords, the detectors and the check of DER are those of [`SecretScanner`]. What a key weighs, and whether another
/// detector knows better what it is, depends on the path that the file gets in an image; so where this search finds
/// something, a scanner with that path decides. Where it finds nothing, no scanner finds a private key, whatever the path,
/// but for those paths of which [`path_is_of_keys`] is true.
#[derive(Debug)]
pub struct KeySearch(SecretScanner);

impl KeySearch {
    /// For any file.
    pub fn new() -> Self {
        Self(SecretScanner::for_keys())
    }

    /// Looks at the next bytes.
    pub fn push(&mut self, chunk: &[u8]) {
        if !self.0.has_hits() {
            self.0.push(chunk);
        }
    }

    /// The offset of the first thing that may be a key.
    pub fn finish(self) -> Option<u64> {
        self.0.finish().hits.first().map(|hit| hit.offset)
    }
}

impl Default for KeySearch {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a file at `path` of an image may break the rule about private keys although no [`KeySearch`] finds anything in
/// it: by its name alone.
pub fn path_is_of_keys(path: &str) -> bool {
    key_by_name(path).is_some()
}

/// The rule for a file that is a private key by its name, whatever its content.
pub fn key_by_name(path: &str) -> Option<names::NameRule> {
    names::name_hit(path).filter(|named| named.rule == Rule::PrivateKey && !named.confirmed_by_content)
}
