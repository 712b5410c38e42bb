//! [`SecretHit`]: a secret that was found, masked. The value itself never leaves this room.

use serde::Serialize;

use crate::{
    oci::Digest,
    report::{Limits, Rule, Severity},
};

/// A secret that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretHit {
    /// The rule it breaks.
    pub rule: Rule,
    /// The kind of secret, such as `aws-access-key`.
    pub detector: &'static str,
    /// How much it weighs here: a sample in a package's documentation weighs less than the same key elsewhere.
    pub severity: Severity,
    /// Where it begins, in bytes from the start of the file or text.
    pub offset: u64,
    /// The line of a text file that it begins in; the first is 1. `None` in programs and other binary data, and in texts of
    /// the configuration.
    pub line: Option<u64>,
    /// The printable form: never enough to use or to guess the secret.
    pub masked: String,
    /// The digest of the secret, to see that two places hold the same one. Not for print: the digest of a weak
    /// password gives it away to who tries all of them.
    pub fingerprint: SecretFingerprint,
}

/// The SHA-256 of a secret. Compares, and cannot be printed or serialized in full.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretFingerprint(Digest);

impl SecretFingerprint {
    /// The fingerprint of `secret`.
    pub(super) fn of(secret: &[u8]) -> Self {
        Self(Digest::of(secret))
    }
}

impl std::fmt::Debug for SecretFingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(..)")
    }
}

impl Serialize for SecretHit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let mut hit = serializer.serialize_struct("SecretHit", 6)?;
        hit.serialize_field("rule", self.rule.name())?;
        hit.serialize_field("detector", self.detector)?;
        hit.serialize_field("severity", self.severity.name())?;
        hit.serialize_field("offset", &self.offset)?;
        hit.serialize_field("line", &self.line)?;
        hit.serialize_field("masked", &self.masked)?;
        hit.end()
    }
}

/// `secret` in a form that can be shown: the first four characters, the last two and eight digits of its SHA-256.
///
/// A short secret is a password that a person chose: six of its characters are half of it, and with a digest the rest can
/// be guessed. Nothing of it is shown.
pub(super) fn mask(secret: &[u8]) -> String {
    let printable = secret.iter().all(u8::is_ascii_graphic);
    if secret.len() < Limits::MASKABLE_BYTES {
        return "\u{2026} (hidden)".to_owned();
    }
    let digest = Digest::of(secret).hex();
    let digest = digest.get(..8).unwrap_or_default();
    let ends = std::str::from_utf8(secret).ok().filter(|_| printable).and_then(|text| {
        let first = text.get(..4)?;
        let last = text.get(text.len().checked_sub(2)?..)?;
        Some(format!("{first}\u{2026}{last}"))
    });
    format!("{} (sha256 {digest})", ends.unwrap_or_else(|| "\u{2026}".to_owned()))
}

/// The hits of one file, bounded: when there are too many, the heaviest stay, and among those the first.
#[derive(Debug, Default)]
pub(super) struct Hits(Vec<SecretHit>);

impl Hits {
    /// Adds `hit`, unless the same secret was seen before or there are enough that weigh as much.
    pub(super) fn add(&mut self, hit: SecretHit) {
        if let Some(same) = self.0.iter_mut().find(|old| old.fingerprint == hit.fingerprint) {
            // A document says better what a key in it is for.
            let is_better = hit.severity == same.severity && same.detector == "private-key";
            if hit.severity > same.severity || is_better {
                *same = hit;
            }
            return;
        }
        if self.0.len() < Limits::SECRETS_PER_FILE {
            self.0.push(hit);
            return;
        }
        let lightest = self.0.iter().enumerate().min_by_key(|(at, old)| (old.severity, std::cmp::Reverse(*at)));
        let Some((at, _)) = lightest.filter(|(_, old)| old.severity < hit.severity) else { return };
        self.0.remove(at);
        self.0.push(hit);
    }

    /// Whether `test` holds for one of them.
    pub(super) fn any(&self, test: impl Fn(&SecretHit) -> bool) -> bool {
        self.0.iter().any(test)
    }

    /// Adds what there is.
    pub(super) fn extend(&mut self, hit: Option<SecretHit>) {
        if let Some(hit) = hit {
            self.add(hit);
        }
    }

    /// All of them, by their offset.
    pub(super) fn sorted(mut self) -> Vec<SecretHit> {
        self.0.sort_by(|a, b| (a.offset, a.detector).cmp(&(b.offset, b.detector)));
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(number: u64, severity: Severity) -> SecretHit {
        let secret = number.to_le_bytes();
        let fingerprint = SecretFingerprint::of(&secret);
        SecretHit {
            rule: Rule::ProviderToken,
            detector: "x",
            severity,
            offset: number,
            line: None,
            masked: mask(&secret),
            fingerprint,
        }
    }

    #[test]
    fn a_short_secret_shows_nothing_and_a_long_one_its_ends() {
        assert_eq!(mask(b"hunter2"), "\u{2026} (hidden)");
        assert_eq!(mask("größe größe größe größe".as_bytes()).len(), "\u{2026} (sha256 12345678)".len());
        let long = "abcd0123456789012345yz";
        let masked = mask(long.as_bytes());
        assert!(masked.starts_with("abcd\u{2026}yz (sha256 "), "{masked}");
        assert!(!masked.contains(&long[..5]));
    }

    #[test]
    fn a_flood_of_light_hits_does_not_hide_a_heavy_one() {
        let mut hits = Hits::default();
        for number in 0..10_000 {
            hits.add(hit(number, Severity::Low));
        }
        hits.add(hit(10_000, Severity::Critical));
        let hits = hits.sorted();
        assert_eq!(hits.len(), Limits::SECRETS_PER_FILE);
        assert_eq!(hits.last().unwrap().severity, Severity::Critical);
        assert_eq!(hits[0].offset, 0);
    }

    #[test]
    fn the_same_secret_twice_is_one_hit_with_the_heavier_weight() {
        let mut hits = Hits::default();
        hits.add(hit(7, Severity::Low));
        hits.add(hit(7, Severity::High));
        hits.add(hit(7, Severity::Info));
        let hits = hits.sorted();
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].severity, Severity::High);
    }

    #[test]
    fn a_fingerprint_prints_nothing() {
        assert_eq!(format!("{:?}", SecretFingerprint::of(b"secret")), "Fingerprint(..)");
    }
}
