//! The cache: blobs, digests of files by their state, and results of earlier work. `build`, `commands` and `registry` use it.
//!
//! ```text
//! lock          shared while a process uses the cache, exclusive while something is removed; its mtime is the clock
//! memo          digests of files by their identity
//! blobs/        by SHA-256: layers that were built or pulled, files that were fetched
//! layers/       by everything that reaches the bytes of a layer: which blob it is
//! scans/        by layer: the scan of the audit
//! verdicts/     by image, policy, day and rules: that the audit of a build found nothing
//! inputs/       by the request for a program: what its result may depend on, in paths that are the same on every machine
//! programs/     by a request and the state of all of its inputs: which blob the program is
//! used/         when a blob was last used, where that is not when it was made
//! go/ cargo/    build caches of the toolchains; hardpan only removes what was not used for long
//! survey/ machine/   what toolchains said, and what was found out about this machine
//! ```
//!
//! The cache is not trusted. A blob is used without being hashed again only if its file is in the state in which it was
//! hashed, on a file system whose times record every change ([`tells_changes`]). Every record, the memo included, has a seal
//! over its kind, its name and its bytes, by a key outside of the cache ([`SealKey`]): who can write to the cache can remove
//! and damage, and forge nothing. A damaged entry is removed, and its work is done again. For the same reason nothing is synced
//! to the disk. Nothing but regular files is opened, and a cache of another user is not used ([`distrust`]).
//!
//! What Go, cargo and compilers keep for themselves below `go/` and `cargo/` is theirs to judge; what hardpan remembers of it
//! ([`SealedFile`]) is sealed.

mod cache_draft;
mod cache_keys;
mod cache_lock;
mod document;
mod fingerprint;
mod folder_owner;
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod input_lists;
mod known_files;
mod layers;
mod memo;
mod mounted;
mod prune;
mod record;
mod regular_file;
mod remote_store;
mod seal_key;
mod sealed_file;
mod shared_cache;
mod signed_record;
mod verify;
mod witness;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use parking_lot::{Mutex, MutexGuard};

use crate::{
    oci::{Digest, Open},
    report::{AtomicFile, ErrorName, Failure, FileAccess, Limits},
};
pub use cache_draft::CacheDraft;
pub use cache_keys::{CachePublicKey, CacheSigner, CacheTrust};
pub use fingerprint::{Fingerprint, Fingerprinter};
pub use folder_owner::distrust;
pub use identity::{Identity, Moment};
pub use input_lists::InputLists;
pub use known_files::Input;
pub use prune::{CacheCount, Pruned, Status, note_size};
pub use record::{RecordShelf, blob_of_record};
pub use regular_file::{open_for_times, open_lock_file, read_regular};
pub use remote_store::{RemoteFault, RemoteKind, RemoteStore};
pub use seal_key::{SealKey, SealKeyPlace};
pub use sealed_file::SealedFile;
pub use shared_cache::{PendingProgram, RemoteCache, SharedCache, SharedCounts};
pub use signed_record::{RecordFault, open_record, sign_record};
pub use verify::{Unpacked, Verified};
pub use witness::{tells_changes, tells_edits};

use cache_lock::CacheLock;
use known_files::KnownFiles;
use regular_file::open_regular;

/// An operation of the system failed on the cache. It is named after the cache, because another folder helps, unless the
/// disk is full.
fn cache_failure(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::io(doing, path, error);
    if failure.name == Some(ErrorName::DiskFull) { failure } else { failure.named(ErrorName::Cache) }
}

/// [`cache_failure`] of a write.
fn write_failure(path: &Path, error: &io::Error) -> Failure {
    cache_failure("write to the cache", path, error)
}

/// The cache of one user. A handle: copies are the same cache.
#[derive(Debug, Clone)]
pub struct Cache(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: PathBuf,
    /// Seconds since 1970, for what is old.
    now: u64,
    /// The shared lock, or why the folder cannot be used.
    held: OnceLock<Result<CacheLock, Failure>>,
    key_place: SealKeyPlace,
    /// The key that seals records, and why it is one of this call alone.
    seal_key: OnceLock<(SealKey, Option<Failure>)>,
    known: Mutex<KnownFiles>,
    /// Whether anything was added.
    grown: AtomicBool,
}

/// A blob of the cache whose bytes are those of its name.
#[derive(Debug, Clone)]
pub struct CachedBlob {
    path: PathBuf,
    digest: Digest,
    size: u64,
}

impl Cache {
    /// The cache in the folder `root`, which is made when the first entry comes, at the time `now`, in seconds since 1970, by
    /// which old entries are ignored and removed. Its records are sealed with the key that is at `key_place` when it is needed.
    pub fn at(root: &Path, now: u64, key_place: SealKeyPlace) -> Self {
        Self(Arc::new(Inner {
            root: root.to_owned(),
            now,
            held: OnceLock::new(),
            key_place,
            seal_key: OnceLock::new(),
            known: Mutex::default(),
            grown: AtomicBool::new(false),
        }))
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.0.root
    }

    /// Makes the folder and takes the shared lock, so that nothing is removed while the caller works. Waits while another
    /// process removes entries.
    ///
    /// # Errors
    /// The folder cannot be made or written. The cache takes nothing then; it is empty unless [`is_readable`](Self::is_readable).
    pub fn enter(&self) -> Result<(), Failure> {
        let held = self.lock().as_ref().map_err(Failure::clone)?;
        held.denial().map_or(Ok(()), |error| Err(write_failure(&self.0.root, &error)))
    }

    fn lock(&self) -> &Result<CacheLock, Failure> {
        let root = &self.0.root;
        let take = || CacheLock::take(root).map_err(|error| cache_failure("use the cache", root, &error));
        self.0.held.get_or_init(take)
    }

    /// The lock, if it was taken.
    fn held(&self) -> Option<&CacheLock> {
        self.0.held.get()?.as_ref().ok()
    }

    /// Whether entries can be read, if there are any: the folder may be read-only.
    pub fn is_readable(&self) -> bool {
        self.lock().is_ok()
    }

    /// The key that seals records: that of this user, else a random one that ends with this process.
    pub fn seal_key(&self) -> &SealKey {
        &self.key_and_fault().0
    }

    /// Why what earlier calls remembered cannot be believed in this one; none where it can.
    pub fn key_fault(&self) -> Option<&Failure> {
        self.key_and_fault().1.as_ref()
    }

    /// Refuses where nothing can be sealed for later calls.
    ///
    /// # Errors
    /// The key of this user cannot be used.
    pub fn require_key(&self) -> Result<(), Failure> {
        self.key_fault().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    fn key_and_fault(&self) -> &(SealKey, Option<Failure>) {
        self.0.seal_key.get_or_init(|| match SealKey::at(&self.0.key_place) {
            Ok(key) => (key, None),
            Err(failure) => (SealKey::of_this_call(), Some(failure)),
        })
    }

    /// The blob with this digest and size. `None` if it is missing or damaged; a damaged one is removed.
    ///
    /// It is hashed only if its file is not in the state in which it was hashed before.
    pub fn blob(&self, digest: Digest, size: u64) -> Option<CachedBlob> {
        let path = self.blob_path(digest);
        let file = match open_regular(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            opened => opened.ok(),
        };
        self.is_readable().then_some(())?;
        let file = file.filter(|file| self.is_intact(file, digest, size));
        let Some(file) = file else {
            let _ = fs::remove_file(&path);
            return None;
        };
        self.touch_blob(digest, file.metadata().and_then(|meta| meta.modified()).ok());
        Some(CachedBlob { path, digest, size })
    }

    /// The blob with this digest, of any size. `None` if it is missing or damaged; a damaged one is removed.
    pub fn blob_of(&self, digest: Digest) -> Option<CachedBlob> {
        let size = fs::symlink_metadata(self.blob_path(digest)).ok()?.len();
        self.blob(digest, size)
    }

    /// Starts an entry.
    ///
    /// # Errors
    /// The folder cannot be made or written; a caller without a cache goes on without one.
    pub fn draft(&self) -> Result<CacheDraft, Failure> {
        self.enter()?;
        CacheDraft::create(self.clone(), &self.blobs())
    }

    /// Takes the blob in `file`, whose bytes were seen, as a further name of it where the system can do that.
    ///
    /// Later changes of the file are no danger: they change the state by which the blob is recognised.
    pub fn keep_blob(&self, file: &Path, digest: Digest, size: u64) -> io::Result<()> {
        if self.enter().is_err() {
            return Ok(());
        }
        let path = self.blob_path(digest);
        fs::create_dir_all(self.blobs())?;
        for _ in 0..2 {
            match fs::hard_link(file, &path) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if open_regular(&path).is_ok_and(|there| self.is_intact(&there, digest, size)) {
                        break;
                    }
                    fs::remove_file(&path)?;
                }
                // Another file system, or one without links.
                Err(_) => {
                    let mut draft = AtomicFile::create(&self.blobs(), ".draft-", FileAccess::Umask)?;
                    if io::copy(&mut File::open(file)?, &mut draft)? != size {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    let kept = draft.replace(&path)?;
                    self.saw_blob(&kept, digest);
                    break;
                }
            }
        }
        self.0.grown.store(true, Ordering::Relaxed);
        if size >= Limits::REREAD_BYTES {
            self.settle_blob(&path);
        }
        self.touch_blob(digest, fs::metadata(&path).and_then(|meta| meta.modified()).ok());
        Ok(())
    }

    /// Writes the memo, and removes the least recently used entries if the cache is above its limit.
    ///
    /// # Errors
    /// The folder cannot be written. Later calls repeat the work.
    pub fn save(&self) -> Result<(), Failure> {
        let Some(held) = self.held().filter(|_| self.enter().is_ok()) else { return Ok(()) };
        let fault = |error: io::Error| write_failure(&self.0.root, &error);
        self.known().save(self, held, self.day()).map_err(fault)?;
        if self.0.grown.swap(false, Ordering::Relaxed) {
            self.evict(held);
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, KnownFiles> {
        self.0.known.lock()
    }

    fn day(&self) -> u32 {
        u32::try_from(self.0.now / 86_400).unwrap_or_default()
    }

    fn blobs(&self) -> PathBuf {
        self.0.root.join("blobs")
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.blobs().join(digest.hex())
    }
}

impl CachedBlob {
    /// Where the bytes are, for a reader that checks them itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// SHA-256 of the bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Open for CachedBlob {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(open_regular(&self.path)?))
    }
}

#[cfg(test)]
impl Cache {
    /// A cache of tests, with a key of tests.
    pub(crate) fn new(root: &Path) -> Self {
        Self::of_tests(root, 0, 1)
    }

    /// A cache of tests at a time, with one of several keys.
    pub(crate) fn of_tests(root: &Path, now: u64, key: u8) -> Self {
        let cache = Self::at(root, now, SealKeyPlace::Nowhere);
        let _ = cache.0.seal_key.set((SealKey::of_tests(key), None));
        cache
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
