//! Records that leave this machine: signed, with the name under which they are found, so that none can be served for another.
//!
//! ```text
//! magic │ public key (32) │ signature (64) │ body
//! ```
//!
//! Signed is everything that gives the body its meaning: what it is signed for, the format, the shelf, the key, the body.

use std::fmt;

use super::{
    CachePublicKey, CacheSigner, CacheTrust, Fingerprint, RecordShelf,
    cache_keys::{PUBLIC_BYTES, SIGNATURE_BYTES},
};
use crate::oci::Digest;

/// Begins every signed record. Another encoding or meaning needs another number: an old record is then none.
const MAGIC: &[u8] = b"hardpan shared record 1\n";

/// Why a record is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordFault {
    /// It is no signed record, or is cut short.
    Malformed,
    /// Its key is not among those that are trusted.
    Untrusted(CachePublicKey),
    /// The signature is not one of this record under this name.
    Forged(CachePublicKey),
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("it is not a signed record of this version of hardpan"),
            Self::Untrusted(key) => write!(f, "it is signed with the key `{key}`, which is not trusted"),
            Self::Forged(key) => write!(f, "its signature by `{key}` is wrong: it was changed, or is another record"),
        }
    }
}

/// The name of a record in a shared cache: 64 hexadecimal digits, as servers of the HTTP cache protocol ask for.
pub(super) fn record_name(shelf: RecordShelf, key: &Fingerprint) -> String {
    Digest::of(&[MAGIC, shelf.name().as_bytes(), b"\n", key.bytes()].concat()).hex()
}

/// A record as it leaves this machine.
pub fn sign_record(shelf: RecordShelf, key: &Fingerprint, body: &[u8], signer: &CacheSigner) -> Vec<u8> {
    let signature = signer.sign(&message(shelf, key, body));
    [MAGIC, signer.public().bytes(), &signature, body].concat()
}

/// The body of a signed record that was found under this name.
///
/// # Errors
/// It is no such record, or its signature is not by a key that is trusted.
pub fn open_record<'a>(
    shelf: RecordShelf,
    key: &Fingerprint,
    bytes: &'a [u8],
    trust: &CacheTrust,
) -> Result<&'a [u8], RecordFault> {
    let parts = || {
        let (public, rest) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<PUBLIC_BYTES>()?;
        let (signature, body) = rest.split_first_chunk::<SIGNATURE_BYTES>()?;
        Some((CachePublicKey::of(*public), signature, body))
    };
    let (public, signature, body) = parts().ok_or(RecordFault::Malformed)?;
    if !trust.has(&public) {
        return Err(RecordFault::Untrusted(public));
    }
    if !public.verifies(&message(shelf, key, body), signature) {
        return Err(RecordFault::Forged(public));
    }
    Ok(body)
}

fn message(shelf: RecordShelf, key: &Fingerprint, body: &[u8]) -> Vec<u8> {
    let name = shelf.name().as_bytes();
    let (name_length, length) = ((name.len() as u64).to_le_bytes(), (body.len() as u64).to_le_bytes());
    [MAGIC, &name_length, name, key.bytes(), &length, body].concat()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_record_is_believed_whole_under_its_own_name_by_a_trusted_key_and_in_no_other_case() {
        let folder = tempfile::tempdir().unwrap();
        let signer = CacheSigner::create(&folder.path().join("key")).unwrap();
        let other = CacheSigner::create(&folder.path().join("other")).unwrap();
        let mut trust = CacheTrust::default();
        trust.add_key(signer.public());
        let (key, shelf) = (Fingerprint::of(b"key"), RecordShelf::Layers);
        let sealed = sign_record(shelf, &key, b"body", &signer);
        assert_eq!(open_record(shelf, &key, &sealed, &trust), Ok(&b"body"[..]));
        let forged = Err(RecordFault::Forged(signer.public()));
        assert_eq!(open_record(RecordShelf::Programs, &key, &sealed, &trust), forged, "another shelf");
        assert_eq!(open_record(shelf, &Fingerprint::of(b"else"), &sealed, &trust), forged, "another key");
        let of_other = sign_record(shelf, &key, b"body", &other);
        assert_eq!(open_record(shelf, &key, &of_other, &trust), Err(RecordFault::Untrusted(other.public())));
        assert!(open_record(shelf, &key, &sealed, &CacheTrust::default()).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(open_record(shelf, &key, &damaged, &trust).is_err(), "byte {at}");
            assert!(open_record(shelf, &key, &sealed[..at], &trust).is_err(), "cut at {at}");
        }
        assert_ne!(record_name(shelf, &key), record_name(RecordShelf::Programs, &key));
    }
}
