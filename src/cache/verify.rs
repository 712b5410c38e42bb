//! `hardpan cache verify`: recomputes what can be recomputed of the cache, and removes what is not what it says it is.
//!
//! A blob is hashed. The record of a layer is compared with its blob, which is unpacked for that. Of other records (verdicts,
//! programs, scans, lists of inputs, the memo, what compilers said) only the work that made them could tell whether they are
//! right: their seals are checked, and they are counted apart.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use super::{
    Cache, CacheCount, CachedBlob, Fingerprint, SealedFile, memo,
    prune::{CacheItem, CacheItemKind},
    record::{RecordShelf, blob_of_record},
    regular_file::open_regular,
};
use crate::{
    oci::{Digest, Open as _},
    report::{Failure, Limits, printable},
};

/// Unpacks the layer in a reader, and gives the SHA-256 and the number of the unpacked bytes.
pub type Unpacked<'a> = &'a dyn Fn(Box<dyn Read + Send>, u64) -> io::Result<(Digest, u64)>;

/// The result of [`Cache::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The items that were made again and are the same: blobs, and records of layers that are there.
    pub sound: CacheCount,
    /// The items that have the seal of this user, and were not made again.
    pub sealed: CacheCount,
    /// The names of what was damaged or forged, relative to the cache and safe to print; removed.
    pub damaged: Vec<String>,
}

/// What is known of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Sound,
    Sealed,
    Damaged,
}

impl Cache {
    /// Reads all blobs and records, unpacks layers with `unpack`, and removes what is not what it says it is; waits until no
    /// build uses the cache.
    ///
    /// # Errors
    /// The cache cannot be locked or read, or there is no key that its records could be sealed with.
    pub fn verify(&self, unpack: Unpacked<'_>) -> Result<Verified, Failure> {
        let fault = |error: io::Error| super::cache_failure("verify the cache", self.root(), &error);
        self.enter()?;
        self.require_key()?;
        let Some(held) = self.held() else { return Ok(Verified::default()) };
        held.alone().map_err(fault)?;
        let verified = self.verify_items(unpack);
        held.share();
        verified
    }

    fn verify_items(&self, unpack: Unpacked<'_>) -> Result<Verified, Failure> {
        let mut verified = Verified::default();
        // Blobs first: a record of a layer is compared with a blob that is sound.
        for item in self.items(false)? {
            // Drafts of killed processes: with the exclusive lock there is no other process.
            if item.path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".")) {
                self.discard(&item.path)?;
                continue;
            }
            match self.verdict(&item, unpack) {
                Verdict::Sound => verified.sound.add(item.bytes),
                Verdict::Sealed => verified.sealed.add(item.bytes),
                Verdict::Damaged => verified.damaged.push(self.discard(&item.path)?),
            }
        }
        for bench in self.benches(false)? {
            self.verify_sealed_files(&bench.path, &mut verified)?;
        }
        Ok(verified)
    }

    fn verdict(&self, item: &CacheItem, unpack: Unpacked<'_>) -> Verdict {
        let name = item.path.file_name().unwrap_or_default().to_string_lossy();
        let is_sealed = |is_sealed: bool| if is_sealed { Verdict::Sealed } else { Verdict::Damaged };
        match item.kind {
            CacheItemKind::Blob => {
                let digest = open_regular(&item.path).and_then(|mut file| Digest::of_reader(&mut file));
                if digest.is_ok_and(|digest| digest.hex() == name) { Verdict::Sound } else { Verdict::Damaged }
            }
            CacheItemKind::Record(RecordShelf::Layers) => {
                let record = item.key().and_then(|key: Fingerprint| self.sealed(RecordShelf::Layers, &key));
                record.map_or(Verdict::Damaged, |record| self.layer_verdict(&record, unpack))
            }
            CacheItemKind::Record(on) => is_sealed(item.key().is_some_and(|key| self.sealed(on, &key).is_some())),
            CacheItemKind::Memo => is_sealed(memo::is_sound(&item.path, self.seal_key())),
            CacheItemKind::Bench(_) => Verdict::Damaged,
        }
    }

    /// Whether the blob of a layer unpacks to what the record says. A layer that is not there says nothing.
    fn layer_verdict(&self, record: &[u8], unpack: Unpacked<'_>) -> Verdict {
        let Some((digest, size)) = blob_of_record(RecordShelf::Layers, record) else { return Verdict::Damaged };
        let path = self.blob_path(digest);
        if fs::symlink_metadata(&path).is_err() {
            return Verdict::Sealed;
        }
        let found = CachedBlob { path, digest, size }.open().and_then(|reader| unpack(reader, size));
        let says = record.get(32..64).zip(record.get(72..80));
        let is_it =
            found.is_ok_and(|(diff_id, unpacked)| says == Some((&diff_id.bytes()[..], &unpacked.to_le_bytes()[..])));
        if is_it { Verdict::Sound } else { Verdict::Damaged }
    }

    /// Checks what hardpan keeps beside the files of a compiler.
    fn verify_sealed_files(&self, folder: &Path, verified: &mut Verified) -> Result<(), Failure> {
        let fault = |error: io::Error| super::cache_failure("verify the cache", folder, &error);
        for entry in fs::read_dir(folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            let meta = entry.metadata().map_err(fault)?;
            let (path, is_folder) = (entry.path(), meta.is_dir());
            let Ok(place) = path.strip_prefix(self.root()) else { continue };
            let file = SealedFile::new(self.root(), place);
            let is_other = !meta.is_file() && !is_folder;
            if is_other || (meta.is_file() && file.is_one()) {
                if file.read(self.seal_key(), Limits::CHILD_OUTPUT_BYTES).is_some() {
                    verified.sealed.add(0);
                } else {
                    verified.damaged.push(self.discard(&path)?);
                }
            }
        }
        Ok(())
    }

    /// Removes a file, and gives its name for the report.
    fn discard(&self, path: &Path) -> Result<String, Failure> {
        fs::remove_file(path).map_err(|error| super::cache_failure("verify the cache", path, &error))?;
        let shown = path.strip_prefix(self.root()).unwrap_or(path);
        Ok(printable(&shown.to_string_lossy()).into_owned())
    }
}
