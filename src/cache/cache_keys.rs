//! Keys of shared caches: a [`CacheSigner`] signs records, a [`CacheTrust`] holds the public keys that are believed.
//!
//! Ed25519 (RFC 8032), because a symmetric key that checks a record can forge one as well: every job checks, few jobs sign.

use std::{
    collections::BTreeSet,
    fmt,
    fs::File,
    io::{self, Read as _, Write as _},
    path::Path,
};

use base64ct::{Base64, Encoding as _};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use x509_cert::der::pem::{self, LineEnding};

use crate::report::{AtomicFile, ErrorName, Failure, FileAccess, Limits, folder_of, printable};

/// Begins a public key in text.
const PREFIX: &str = "hardpan-cache-ed25519:";
/// The label of a PKCS#8 document in PEM (RFC 7468, section 10).
const LABEL: &str = "PRIVATE KEY";

/// Bytes of a public key.
pub(super) const PUBLIC_BYTES: usize = 32;
/// Bytes of a signature.
pub(super) const SIGNATURE_BYTES: usize = 64;

/// A public key of a shared cache, which is no secret. Its text is `hardpan-cache-ed25519:` and base64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CachePublicKey([u8; PUBLIC_BYTES]);

/// The private key of a job that may add to a shared cache.
pub struct CacheSigner(Ed25519KeyPair);

/// The public keys whose records are believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheTrust(BTreeSet<CachePublicKey>);

impl CachePublicKey {
    /// Reads the text of a key.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Base64::decode_vec(text.strip_prefix(PREFIX)?).ok()?;
        bytes.try_into().ok().map(Self)
    }

    pub(super) const fn of(bytes: [u8; PUBLIC_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; PUBLIC_BYTES] {
        &self.0
    }

    /// Whether `signature` is one of `message` by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }
}

impl fmt::Display for CachePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", Base64::encode_string(&self.0))
    }
}

impl CacheSigner {
    /// Makes a new key and writes it to `path`, which only the user may read: PKCS#8 in PEM. A file that is there stays.
    ///
    /// # Errors
    /// The file is there already or cannot be written, or the system gives no random numbers.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::error(ErrorName::Internal, what);
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
            .map_err(|_| wrong("the system gives no random numbers for a key"))?;
        let signer = Self::of(document.as_ref()).ok_or_else(|| wrong("the key that was made cannot be used"))?;
        let text = pem::encode_string(LABEL, LineEnding::LF, document.as_ref())
            .map_err(|_| wrong("the key that was made has no text"))?;
        let write = || -> io::Result<()> {
            let mut file = AtomicFile::create(folder_of(path), ".key-", FileAccess::Private)?;
            file.write_all(text.as_bytes())?;
            file.sync()?;
            file.publish_new(path).map(drop)
        };
        write().map_err(|error| {
            let failure = Failure::io("write the key", path, &error);
            match error.kind() {
                io::ErrorKind::AlreadyExists => {
                    failure.hint("name a file that does not exist; no key is ever replaced")
                }
                _ => failure,
            }
        })?;
        Ok(signer)
    }

    /// Reads a key that [`create`](Self::create) or `openssl genpkey -algorithm ed25519` wrote.
    ///
    /// # Errors
    /// The file cannot be read, or holds no such key. Nothing of it is shown.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = read_text(path, "read the key of the cache")?;
        let document = pem::decode_vec(text.as_bytes()).ok().filter(|(label, _)| *label == LABEL);
        document.and_then(|(_, document)| Self::of(&document)).ok_or_else(|| {
            Failure::error(ErrorName::Credentials, "holds no private Ed25519 key (PKCS#8 in PEM)")
                .in_path(path)
                .hint("`hardpan cache key --new FILE` makes one")
        })
    }

    fn of(document: &[u8]) -> Option<Self> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(document).ok().map(Self)
    }

    /// The key that others verify with.
    pub fn public(&self) -> CachePublicKey {
        let mut bytes = [0; PUBLIC_BYTES];
        bytes.iter_mut().zip(self.0.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        CachePublicKey(bytes)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

impl fmt::Debug for CacheSigner {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheSigner({})", self.public())
    }
}

impl CacheTrust {
    /// Trusts what `word` says: the text of a key, or a file with one in each line, empty lines and comments (`#`) aside.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is no key.
    pub fn add(&mut self, word: &str) -> Result<(), Failure> {
        if word.starts_with(PREFIX) {
            self.0.insert(CachePublicKey::parse(word).ok_or_else(|| not_a_key(word))?);
            return Ok(());
        }
        let path = Path::new(word);
        let text = read_text(path, "read the trusted keys")?;
        let mut found = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.0.insert(CachePublicKey::parse(line).ok_or_else(|| not_a_key(line).in_path(path))?);
            found = true;
        }
        if !found {
            return Err(Failure::error(ErrorName::Credentials, "holds no public key of a cache").in_path(path));
        }
        Ok(())
    }

    /// Trusts a key.
    pub fn add_key(&mut self, key: CachePublicKey) {
        self.0.insert(key);
    }

    /// Whether nothing is trusted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, key: &CachePublicKey) -> bool {
        self.0.contains(key)
    }
}

fn not_a_key(text: &str) -> Failure {
    // A private key in the wrong place is not shown.
    let shown = if text.starts_with(PREFIX) { format!("`{}`", printable(text)) } else { "a line".to_owned() };
    Failure::error(ErrorName::Credentials, format!("{shown} is not a public key of a cache"))
        .hint(format!("such a key is `{PREFIX}` and base64; `hardpan cache key FILE` prints that of a private one"))
}

fn read_text(path: &Path, doing: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(Limits::CERTIFICATE_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| Failure::io(doing, path, &error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_key_is_written_for_its_user_alone_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let made = CacheSigner::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(CacheSigner::read(&path).unwrap().public(), made.public());
        assert!(CacheSigner::create(&path).is_err(), "no key is replaced");
        assert_eq!(CachePublicKey::parse(&made.public().to_string()), Some(made.public()));
        assert!(made.public().verifies(b"text", &made.sign(b"text")));
        assert!(!made.public().verifies(b"Text", &made.sign(b"text")));
        assert!(!format!("{made:?}").contains("PRIVATE"));
    }

    #[test]
    fn trust_is_a_key_or_a_file_of_them_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let signer = CacheSigner::create(&folder.path().join("key.pem")).unwrap();
        let file = folder.path().join("trusted");
        fs::write(&file, format!("# ours\n\n{}\n", signer.public())).unwrap();
        for word in [signer.public().to_string(), file.to_string_lossy().into_owned()] {
            let mut trust = CacheTrust::default();
            trust.add(&word).unwrap();
            assert!(trust.has(&signer.public()), "{word}");
        }
        let private = folder.path().join("key.pem");
        let failure = CacheTrust::default().add(&private.to_string_lossy()).unwrap_err();
        assert!(!failure.to_string().contains(&fs::read_to_string(&private).unwrap()[30..60]), "{failure}");
        fs::write(&file, "# nothing\n").unwrap();
        assert!(CacheTrust::default().add(&file.to_string_lossy()).is_err());
        assert!(CacheTrust::default().add("hardpan-cache-ed25519:AAAA").is_err());
        assert!(CacheTrust::default().add("/nothing/there").is_err());
    }
}
