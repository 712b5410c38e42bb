//! Records of the cache: small files with a seal that hold results of earlier work, by [`RecordShelf`] and key.
//!
//! ```text
//! magic │ seal (32) │ content
//! ```
//!
//! The [seal](super::SealKey) covers shelf, key and content, so that no record stands for another.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::PathBuf,
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use super::{
    Cache, Fingerprint, SealKey,
    regular_file::{open_for_times, open_regular, open_with_state},
    seal_key::SEAL_BYTES,
};
use crate::{
    oci::Digest,
    report::{AtomicFile, FileAccess, Limits},
};

const MAGIC: &[u8; 17] = b"hardpan record 2\n";

/// The kinds of records. Records of different kinds never collide, whatever their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordShelf {
    /// Which blob a layer is. Such a record begins with the blob's digest.
    Layers,
    /// The scan of a layer.
    Scans,
    /// The findings of an image.
    Verdicts,
    /// By the request for a program: what its result may depend on.
    Inputs,
    /// By a request and the state of all of its inputs: the program. Such a record begins with the blob's digest.
    Programs,
}

impl RecordShelf {
    /// All of them.
    pub(super) const ALL: [Self; 5] = [Self::Layers, Self::Scans, Self::Verdicts, Self::Inputs, Self::Programs];
    /// Those that are true on every machine, and may leave this one.
    pub const SHARED: [Self; 3] = [Self::Inputs, Self::Layers, Self::Programs];

    /// The folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Scans => "scans",
            Self::Verdicts => "verdicts",
            Self::Inputs => "inputs",
            Self::Programs => "programs",
        }
    }
}

/// Digest and size of the blob that a record of this shelf names; none where such records name none.
///
/// Of a layer: digest, diff_id, size. Of a program: digest, size. Sizes are 8 bytes, the lowest first.
pub fn blob_of_record(shelf: RecordShelf, record: &[u8]) -> Option<(Digest, u64)> {
    let (digest, rest) = record.split_first_chunk::<32>()?;
    let at = match shelf {
        RecordShelf::Layers => 32,
        RecordShelf::Programs => 0,
        RecordShelf::Inputs | RecordShelf::Scans | RecordShelf::Verdicts => return None,
    };
    let size = rest.get(at..)?.first_chunk::<8>()?;
    Some((Digest::from_bytes(*digest), u64::from_le_bytes(*size)))
}

impl Cache {
    /// The record of that key; none where it is not, or has no seal of this user, which removes it.
    pub fn record(&self, on: RecordShelf, key: &Fingerprint) -> Option<Vec<u8>> {
        self.is_readable().then_some(())?;
        let path = self.record_path(on, key);
        let (file, meta) = match open_with_state(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            opened => opened.ok().unzip(),
        };
        let bytes = file.as_ref().and_then(|file| read(file, on, key, self.seal_key()));
        match &bytes {
            Some(_) if self.is_long_ago(meta.and_then(|meta| meta.modified().ok())) => {
                let _ = file.map(|file| file.set_modified(self.clock()));
            }
            // A call with a key of its own cannot tell what others believe.
            None if self.seal_key().is_lasting() => drop(fs::remove_file(&path)),
            _ => {}
        }
        bytes
    }

    /// The record of that key, as [`record`](Self::record) has it, but neither used nor removed.
    pub(super) fn sealed(&self, on: RecordShelf, key: &Fingerprint) -> Option<Vec<u8>> {
        read(&open_regular(&self.record_path(on, key)).ok()?, on, key, self.seal_key())
    }

    /// Keeps a record.
    ///
    /// # Errors
    /// It cannot be written; the next one does the work again.
    pub fn keep_record(&self, on: RecordShelf, key: &Fingerprint, bytes: &[u8]) -> io::Result<()> {
        // No later process can check a seal by a key of this process, and the record would replace one with a lasting seal.
        if self.enter().is_err() || bytes.len() as u64 > Limits::RECORD_BYTES || !self.seal_key().is_lasting() {
            return Ok(());
        }
        let Some(seal) = self.seal_key().seal(on.name(), key.bytes(), &[bytes]) else { return Ok(()) };
        let path = self.record_path(on, key);
        let folder = self.root().join(on.name());
        let record = [&MAGIC[..], seal.bytes(), bytes].concat();
        let create = || AtomicFile::create(&folder, ".draft-", FileAccess::Private);
        let mut file = create().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => fs::create_dir_all(&folder).and_then(|()| create()),
            _ => Err(error),
        })?;
        file.write_all(&record)?;
        file.replace(&path)?;
        self.0.grown.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that a blob was used. Its own times must not move, so that a mark in `used/` stands for it.
    pub(super) fn touch_blob(&self, digest: Digest, made: Option<SystemTime>) {
        if !self.is_long_ago(made) {
            return;
        }
        let (folder, name) = (self.root().join("used"), digest.hex());
        let mark = folder.join(&name);
        match fs::symlink_metadata(&mark) {
            Ok(meta) if self.is_long_ago(meta.modified().ok()) => {
                let _ = open_for_times(&mark).map(|file| file.set_modified(self.clock()));
            }
            Ok(_) => {}
            Err(_) => drop(fs::create_dir_all(&folder).and_then(|()| File::create_new(mark))),
        }
    }

    fn clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.now)
    }

    fn is_long_ago(&self, last: Option<SystemTime>) -> bool {
        // The last time that there is has none after it.
        last.and_then(|last| last.checked_add(Limits::CACHE_TOUCH)).is_some_and(|due| due < self.clock())
    }

    fn record_path(&self, on: RecordShelf, key: &Fingerprint) -> PathBuf {
        self.root().join(on.name()).join(key.hex())
    }
}

/// The content of a record, if its seal is right.
fn read(file: &File, on: RecordShelf, key: &Fingerprint, seal_key: &SealKey) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = Limits::RECORD_BYTES + (MAGIC.len() + SEAL_BYTES) as u64;
    file.take(most + 1).read_to_end(&mut bytes).ok()?;
    let (seal, content) = bytes.strip_prefix(MAGIC)?.split_at_checked(SEAL_BYTES)?;
    seal_key.is_sealed(seal, on.name(), key.bytes(), &[content]).then(|| content.to_vec())
}
