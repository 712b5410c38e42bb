//! [`SealKey`]: the key that seals what the cache remembers. It is kept outside of the cache, so that a process that can
//! write to the cache and knows every format still makes no record that is believed.
//!
//! The seal is the keyed BLAKE3 of the kind of a record, its name and its content, each with its length: a record is believed
//! whole, at its own place, or not at all.

use std::{
    fmt,
    fs::{self, DirBuilder, File},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use ring::rand::{SecureRandom as _, SystemRandom};
use rustix::{
    fs::{Mode, OFlags},
    process::geteuid,
};

use crate::report::{AtomicFile, ErrorName, Failure, FileAccess, folder_of};

/// Bytes of a key.
const KEY_BYTES: usize = 32;
/// Bytes of a seal.
pub(super) const SEAL_BYTES: usize = 32;
/// Bytes of a file that are read: the digits of a key, and white space around them.
const FILE_BYTES: u64 = 4096;
/// How often a key is looked for that another process makes at the same time.
const TRIES: usize = 3;

/// Where the key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SealKeyPlace {
    /// In a file, which is made where it is missing.
    File(PathBuf),
    /// Nowhere: the caller has no place that is kept. The key of such a call is made for it alone.
    Nowhere,
}

/// A key that seals records. Without it no seal can be made.
#[derive(Clone)]
pub struct SealKey {
    /// None where the system gives no random numbers: then nothing is believed.
    key: Option<[u8; KEY_BYTES]>,
    is_lasting: bool,
}

/// The seal of a record. Comparing it takes the same time for any bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal(blake3::Hash);

impl SealKey {
    /// The key at its place; a new one where there is none yet.
    ///
    /// # Errors
    /// There is no place for a key; the file cannot be read or made, belongs to another user, can be read by others, or
    /// holds no key. [`of_this_call`](Self::of_this_call) is what is left then.
    pub fn at(place: &SealKeyPlace) -> Result<Self, Failure> {
        let SealKeyPlace::File(path) = place else {
            let what = "there is no place for the key of the cache: neither `HARDPAN_CACHE_KEY_FILE`, `XDG_STATE_HOME` nor `HOME` \
                        is set";
            return Err(Failure::error(ErrorName::CacheKey, what));
        };
        for _ in 0..TRIES {
            match read(path) {
                Ok(text) => return Self::parse(&text).ok_or_else(|| not_a_key(path)),
                Err(Unread::Missing) => {}
                Err(Unread::Failure(failure)) => return Err(failure),
            }
            match create(path) {
                // Another process was faster; its key counts.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Failure::io("write the key of the cache", path, &error).named(ErrorName::CacheKey));
                }
                Ok(()) => {}
            }
        }
        Err(not_a_key(path))
    }

    /// A key that ends with this process: what was remembered before is not believed, and what is remembered now is not
    /// believed later.
    pub fn of_this_call() -> Self {
        static KEY: OnceLock<Option<[u8; KEY_BYTES]>> = OnceLock::new();
        Self { key: *KEY.get_or_init(random), is_lasting: false }
    }

    /// Whether later calls have the same key.
    pub const fn is_lasting(&self) -> bool {
        self.is_lasting
    }

    /// The seal of a record of one `kind` with this `name`, whose content is in `parts`.
    pub(super) fn seal(&self, kind: &str, name: &[u8], parts: &[&[u8]]) -> Option<Seal> {
        let mut hasher = blake3::Hasher::new_keyed(self.key.as_ref()?);
        for part in [kind.as_bytes(), name].iter().chain(parts) {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        Some(Seal(hasher.finalize()))
    }

    /// Whether `seal` is that of this record.
    pub(super) fn is_sealed(&self, seal: &[u8], kind: &str, name: &[u8], parts: &[&[u8]]) -> bool {
        let Ok(seal) = <[u8; SEAL_BYTES]>::try_from(seal) else { return false };
        self.seal(kind, name, parts).is_some_and(|right| right.0 == blake3::Hash::from_bytes(seal))
    }

    /// A key of tests.
    #[cfg(test)]
    pub(crate) const fn of_tests(byte: u8) -> Self {
        Self { key: Some([byte; KEY_BYTES]), is_lasting: true }
    }

    /// 64 hexadecimal digits, and white space around them.
    fn parse(text: &str) -> Option<Self> {
        let hash = blake3::Hash::from_hex(text.trim()).ok()?;
        Some(Self { key: Some(*hash.as_bytes()), is_lasting: true })
    }
}

impl Seal {
    /// As it is written.
    pub(super) const fn bytes(&self) -> &[u8; SEAL_BYTES] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SealKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_lasting { "SealKey(lasting)" } else { "SealKey(of this call)" })
    }
}

/// Why there is no text of a key.
enum Unread {
    Missing,
    Failure(Failure),
}

/// The text of the key file at `path`. Links are followed: that is how secrets are mounted.
fn read(path: &Path) -> Result<String, Unread> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()).map(File::from).map_err(io::Error::from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unread::Missing),
        opened => opened,
    };
    let text = file.and_then(|file| {
        let meta = file.metadata()?;
        if let Some(why) = objection(&meta) {
            return Ok(Err(Failure::error(ErrorName::CacheKey, format!("the key of the cache is not used: {why}"))
                .in_path(path)
                .hint("a key is for its user alone: `chmod 600`, or remove the file and a new one is made")));
        }
        let mut text = String::new();
        file.take(FILE_BYTES).read_to_string(&mut text)?;
        Ok(Ok(text))
    });
    let failed = |error: &io::Error| Failure::io("read the key of the cache", path, error).named(ErrorName::CacheKey);
    text.map_err(|error| Unread::Failure(failed(&error)))?.map_err(Unread::Failure)
}

/// Why a key in such a file is not secret, as part of a sentence; `None` where only its owner can read it.
fn objection(meta: &fs::Metadata) -> Option<String> {
    let (user, mode) = (geteuid().as_raw(), meta.mode() & 0o777);
    if !meta.is_file() {
        return Some("it is not a regular file".to_owned());
    }
    if meta.uid() != user && meta.uid() != 0 {
        return Some(format!("it belongs to the user {}", meta.uid()));
    }
    // The superuser may hand a key to a group: there is no other way for its members to read it, as with mounted secrets.
    let others = if meta.uid() == user { 0o077 } else { 0o037 };
    (mode & others != 0).then(|| format!("others can read or change it (mode {mode:04o})"))
}

/// Makes a new key. At every moment there is none or a whole one at `path`, and the first one stays.
fn create(path: &Path) -> io::Result<()> {
    let key = random().ok_or_else(|| io::Error::other("the system gives no random numbers"))?;
    let folder = folder_of(path);
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut file = AtomicFile::create(folder, ".key-", FileAccess::Private)?;
    file.write_all(format!("{}\n", blake3::Hash::from_bytes(key).to_hex()).as_bytes())?;
    file.sync()?;
    file.publish_new(path).map(drop)
}

fn random() -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    SystemRandom::new().fill(&mut key).ok().map(|()| key)
}

fn not_a_key(path: &Path) -> Failure {
    Failure::error(ErrorName::CacheKey, "the key of the cache is not used: it is not 64 hexadecimal digits")
        .in_path(path)
        .hint("`openssl rand -hex 32` makes one; without the file hardpan makes one itself")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{os::unix::fs::PermissionsExt as _, thread};

    use super::*;

    fn place(path: &Path) -> SealKeyPlace {
        SealKeyPlace::File(path.to_owned())
    }

    fn seal(key: &SealKey) -> Vec<u8> {
        key.seal("kind", b"name", &[b"content"]).unwrap().bytes().to_vec()
    }

    #[test]
    fn a_key_is_made_once_for_its_user_alone_however_many_look_for_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/hardpan/cache.key");
        let seals: Vec<_> = thread::scope(|scope| {
            let made: Vec<_> = (0..16).map(|_| scope.spawn(|| seal(&SealKey::at(&place(&path)).unwrap()))).collect();
            made.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert!(seals.iter().all(|one| *one == seals[0]));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(
            !format!("{:?}", SealKey::at(&place(&path)).unwrap()).contains(&fs::read_to_string(&path).unwrap()[..8])
        );
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        SealKey::at(&place(&path)).unwrap();
        let made = fs::read(&path).unwrap();
        for mode in [0o644, 0o660, 0o602, 0o640] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let failure = SealKey::at(&place(&path)).unwrap_err();
            assert!(failure.what.contains("others can read or change it"), "{mode:o} {failure}");
        }
        assert_eq!(fs::read(&path).unwrap(), made);
        for text in ["", "abc", "\u{e9}", &"g".repeat(64), &"a".repeat(65)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, text).unwrap();
            let failure = SealKey::at(&place(&path)).unwrap_err();
            assert!(failure.what.contains("64 hexadecimal digits"), "{failure}");
        }
        assert!(SealKey::at(&place(folder.path())).unwrap_err().what.contains("not a regular file"));
        assert!(SealKey::at(&SealKeyPlace::Nowhere).is_err());
    }

    #[test]
    fn a_seal_is_of_one_kind_name_and_content_by_one_key() {
        let key = SealKey::of_tests(1);
        let right = seal(&key);
        assert!(key.is_sealed(&right, "kind", b"name", &[b"content"]));
        for (kind, name, content) in
            [("kin", &b"dname"[..], &b"content"[..]), ("kind", b"nam", b"econtent"), ("kind", b"name", b"contents")]
        {
            assert!(!key.is_sealed(&right, kind, name, &[content]));
        }
        assert!(!key.is_sealed(&right, "kind", b"name", &[b"con", b"tent"]));
        assert!(!key.is_sealed(&right[..31], "kind", b"name", &[b"content"]));
        let (other, of_call) = (SealKey::of_tests(2), SealKey::of_this_call());
        assert!(!other.is_sealed(&right, "kind", b"name", &[b"content"]));
        assert!(!of_call.is_sealed(&right, "kind", b"name", &[b"content"]));
        assert!(of_call.is_sealed(&seal(&SealKey::of_this_call()), "kind", b"name", &[b"content"]));
        assert!(key.is_lasting() && !of_call.is_lasting());
    }
}
