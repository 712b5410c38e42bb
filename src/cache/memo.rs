//! [`Memo`]: digests of files by their identity. One file, read at once, replaced by a rename.
//!
//! ```text
//! magic (16) · boot (16) · seal (32) │ the records, as postcard encodes them
//! ```
//!
//! The [seal](super::SealKey) is of all the rest, so a file that is damaged or forged counts as missing. Records from before the last start of
//! the machine are dropped: a file whose data a power failure took may have kept its times.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Identity, SealKey, regular_file::read_regular, seal_key::Seal};
use crate::report::{AtomicFile, FileAccess, Limits, folder_of};

const MAGIC: &[u8; 16] = b"hardpan memo 6\n\0";
/// Bytes before the seal.
const NAME: usize = 32;
/// Bytes before the records.
const HEADER: usize = 64;
/// What a seal says that the file is.
const KIND: &str = "memo";

/// The kind of digest in a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DigestKind {
    /// The fingerprint of an input.
    Input,
    /// The SHA-256 of a blob.
    Blob,
}

/// The record of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MemoRecord {
    pub(super) identity: Identity,
    pub(super) kind: DigestKind,
    pub(super) digest: [u8; 32],
    /// The byte offset of what may be a private key.
    pub(super) possible_key: Option<u64>,
    /// What the caller derived from the content; opaque here.
    pub(super) note: Box<[u8]>,
    /// The day it was last used, since 1970.
    pub(super) day: u32,
}

/// Device and inode.
type FileKey = (u64, u64);

/// The records of files: those of the memo's file, and what changed since it was loaded.
#[derive(Debug, Default)]
pub(super) struct Memo {
    /// The records of the file, by device and inode.
    old: Vec<MemoRecord>,
    /// Indexes of old records that were used, where their day is old enough to be written anew.
    used: BTreeSet<usize>,
    /// Records that were put, and none for those that were dropped, the latest last.
    changes: Vec<Option<MemoRecord>>,
    /// Where the latest change of a file is.
    latest: BTreeMap<FileKey, u32>,
}

impl MemoRecord {
    fn key(&self) -> FileKey {
        (self.identity.device, self.identity.inode)
    }
}

impl Memo {
    /// The memo of the file at `path`; an empty one where it is missing, not sealed by `key`, or from before the last start.
    pub(super) fn load(path: &Path, boot: [u8; 16], key: &SealKey) -> Self {
        let bytes = read_regular(path, Limits::MEMO_BYTES).ok();
        let old = bytes.and_then(|bytes| decode(&bytes, boot, key)).unwrap_or_default();
        Self { old, ..Self::default() }
    }

    /// The record of the file in this state. `day` is today.
    pub(super) fn find(&mut self, identity: &Identity, kind: DigestKind, day: u32) -> Option<MemoRecord> {
        let key = (identity.device, identity.inode);
        let is_it = |record: &&MemoRecord| record.kind == kind && record.identity == *identity;
        if let Some(at) = self.latest.get(&key) {
            return self.changes.get(*at as usize)?.as_ref().filter(is_it).cloned();
        }
        let at = self.old.binary_search_by_key(&key, MemoRecord::key).ok()?;
        let record = self.old.get(at).filter(is_it)?;
        if day > record.day.saturating_add(Limits::MEMO_FRESH_DAYS) {
            self.used.insert(at);
        }
        Some(record.clone())
    }

    /// Remembers a file.
    pub(super) fn put(&mut self, record: MemoRecord) {
        self.change(record.key(), Some(record));
    }

    /// Drops the record of the file.
    pub(super) fn forget(&mut self, identity: &Identity) {
        self.change((identity.device, identity.inode), None);
    }

    fn change(&mut self, key: FileKey, record: Option<MemoRecord>) {
        let at = u32::try_from(self.changes.len()).ok();
        if let Some(at) = at.filter(|_| self.changes.len() < Limits::MEMO_RECORDS) {
            self.latest.insert(key, at);
            self.changes.push(record);
        }
    }

    /// Whether there is anything to write.
    pub(super) fn is_changed(&self) -> bool {
        !self.changes.is_empty() || !self.used.is_empty()
    }

    /// Writes all to `path`, which may hold what other processes wrote meanwhile; that is kept. `day` is today.
    /// Writes nothing under a key that ends with this process: no later process could check the seal.
    pub(super) fn save(self, path: &Path, boot: [u8; 16], day: u32, key: &SealKey) -> io::Result<()> {
        if !key.is_lasting() {
            return Ok(());
        }
        let Self { old, used, changes, latest } = self;
        let used: BTreeSet<FileKey> = used.iter().filter_map(|at| old.get(*at)).map(MemoRecord::key).collect();
        drop(old);
        let mut now = Self::load(path, boot, key).old;
        for record in now.iter_mut().filter(|record| used.contains(&record.key())) {
            record.day = day;
        }
        let is_kept = |record: &&MemoRecord| {
            record.day.saturating_add(Limits::MEMO_DAYS) >= day && !latest.contains_key(&record.key())
        };
        let new = latest.values().filter_map(|at| changes.get(*at as usize)?.as_ref());
        let mut records: Vec<&MemoRecord> = now.iter().filter(is_kept).chain(new).collect();
        records.sort_unstable_by_key(|record| record.key());
        records.truncate(Limits::MEMO_RECORDS);
        let mut file = AtomicFile::create(folder_of(path), ".memo-", FileAccess::Private)?;
        file.write_all(&encode(&records, boot, key)?)?;
        // Not synced: what the next start finds damaged, or before it, is not believed.
        file.replace(path).map(drop)
    }
}

fn encode(records: &[&MemoRecord], boot: [u8; 16], key: &SealKey) -> io::Result<Vec<u8>> {
    let header = [&MAGIC[..], &boot, &[0; HEADER - NAME]].concat();
    let mut bytes = postcard::to_extend(records, header).map_err(io::Error::other)?;
    let seal = seal(&bytes, key).ok_or_else(|| io::Error::other("there is no key"))?;
    if let Some(place) = bytes.get_mut(NAME..HEADER) {
        place.copy_from_slice(seal.bytes());
    }
    Ok(bytes)
}

/// The records of a sound file that was written since the machine was started.
fn decode(bytes: &[u8], boot: [u8; 16], key: &SealKey) -> Option<Vec<MemoRecord>> {
    if bytes.get(..16)? != MAGIC || bytes.get(16..NAME)? != boot {
        return None;
    }
    let (seal, head, records) = (bytes.get(NAME..HEADER)?, bytes.get(..NAME)?, bytes.get(HEADER..)?);
    if !key.is_sealed(seal, KIND, head, &[records]) {
        return None;
    }
    match postcard::take_from_bytes(records).ok()? {
        (records, []) => Some(records),
        _ => None,
    }
}

/// The file with these encoded records and a sound header, read and written again; none where they are no records.
pub(super) fn again(records: &[u8]) -> Option<Vec<u8>> {
    let (boot, key) = ([0; 16], SealKey::of_this_call());
    let mut bytes = [&MAGIC[..], &boot, &[0; HEADER - NAME], records].concat();
    let seal = seal(&bytes, &key)?;
    bytes.get_mut(NAME..HEADER)?.copy_from_slice(seal.bytes());
    let decoded = decode(&bytes, boot, &key)?;
    let written = encode(&decoded.iter().collect::<Vec<_>>(), boot, &key).ok()?;
    (decode(&written, boot, &key)? == decoded).then_some(written)
}

/// The seal of everything but itself.
fn seal(bytes: &[u8], key: &SealKey) -> Option<Seal> {
    key.seal(KIND, bytes.get(..NAME)?, &[bytes.get(HEADER..)?])
}

/// Whether the file at `path` is a memo with the seal of `key`, or not there.
pub(super) fn is_sound(path: &Path, key: &SealKey) -> bool {
    match read_regular(path, Limits::MEMO_BYTES) {
        Ok(bytes) => {
            let boot = bytes.get(16..NAME).and_then(|boot| boot.try_into().ok());
            boot.is_some_and(|boot| decode(&bytes, boot, key).is_some())
        }
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// The boot ID of the machine; zeros if the system does not give one.
pub(super) fn boot() -> [u8; 16] {
    let id = fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let mut boot = [0; 16];
    if !id.is_empty() {
        let print = Fingerprint::of(&id);
        boot.iter_mut().zip(print.bytes()).for_each(|(to, from)| *to = *from);
    }
    boot
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    const KEY: SealKey = SealKey::of_tests(1);

    fn record(inode: u64, seed: u8) -> MemoRecord {
        MemoRecord {
            identity: Identity::new(
                (u64::from(seed % 3), inode),
                u64::from(seed) << 20,
                (i64::from(seed) - 5, 999_999_999),
                (1_700_000_000, u32::from(seed)),
            ),
            kind: if seed.is_multiple_of(2) { DigestKind::Input } else { DigestKind::Blob },
            digest: [seed; 32],
            possible_key: seed.is_multiple_of(5).then_some(u64::from(seed)),
            note: vec![seed; usize::from(seed % 7)].into(),
            day: 20_000,
        }
    }

    fn saved(records: &[MemoRecord]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memo");
        let mut memo = Memo::default();
        for record in records {
            memo.put(record.clone());
        }
        memo.save(&path, [7; 16], 20_000, &KEY).unwrap();
        (folder, path)
    }

    proptest! {
        #[test]
        fn what_was_put_is_found_in_its_state_and_in_no_other(seeds in proptest::collection::vec(any::<u8>(), 1..80)) {
            let records: Vec<_> = seeds.iter().zip(1_u64..).map(|(seed, inode)| record(inode, *seed)).collect();
            let (_folder, path) = saved(&records);
            let mut memo = Memo::load(&path, [7; 16], &KEY);
            for record in records.iter().rev().chain(&records) {
                prop_assert_eq!(memo.find(&record.identity, record.kind, 20_000), Some(record.clone()));
                let other = if record.kind == DigestKind::Blob { DigestKind::Input } else { DigestKind::Blob };
                prop_assert!(memo.find(&record.identity, other, 20_000).is_none());
                let Identity { device, inode, size, .. } = record.identity;
                let changed = Identity::new((device, inode), size, record.identity.modified(), (1_700_000_001, 0));
                prop_assert!(memo.find(&changed, record.kind, 20_000).is_none());
                let gone = Identity::new((device, 1000), size, changed.modified(), record.identity.changed());
                prop_assert!(memo.find(&gone, record.kind, 20_000).is_none());
            }
            prop_assert!(!memo.is_changed());
        }

        #[test]
        fn a_damaged_file_is_no_file(at in any::<prop::sample::Index>(), bit in 0..8_u8, cut in any::<bool>()) {
            let records: Vec<_> = (1..20).map(|seed| record(u64::from(seed), seed)).collect();
            let (_folder, path) = saved(&records);
            let mut bytes = fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= 1 << bit }
            fs::write(&path, bytes).unwrap();
            let mut memo = Memo::load(&path, [7; 16], &KEY);
            prop_assert_eq!(memo.old.len(), 0);
            prop_assert!(memo.find(&records[0].identity, records[0].kind, 20_000).is_none());
        }
    }

    #[test]
    fn hostile_lengths_and_foreign_files_are_no_memo() {
        let (_folder, path) = saved(&[record(1, 1)]);
        let sound = fs::read(&path).unwrap();
        let with = |records: &[u8]| {
            let mut bytes = [&sound[..HEADER], records].concat();
            let seal = seal(&bytes, &KEY).unwrap();
            bytes[NAME..HEADER].copy_from_slice(seal.bytes());
            decode(&bytes, [7; 16], &KEY)
        };
        assert_eq!(with(&sound[HEADER..]), Some(vec![record(1, 1)]));
        assert_eq!(with(&[0]), Some(Vec::new()));
        // More records than there are bytes, a length above 64 bits, bytes behind the records, nothing.
        for records in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0xff; 12], &[0, 0], &[]] {
            assert_eq!(with(records), None, "{records:?}");
        }
        assert!(Memo::load(&path, [8; 16], &KEY).old.is_empty(), "the machine was started again");
        assert_eq!(Memo::load(&path, [7; 16], &KEY).old.len(), 1);
        assert!(Memo::load(&path, [7; 16], &SealKey::of_tests(2)).old.is_empty(), "another key");
    }

    #[test]
    fn a_key_that_ends_with_the_process_leaves_the_memo_of_others() {
        let (_folder, path) = saved(&[record(1, 1)]);
        let mut memo = Memo::load(&path, [7; 16], &SealKey::of_this_call());
        memo.put(record(2, 2));
        memo.save(&path, [7; 16], 20_000, &SealKey::of_this_call()).unwrap();
        assert_eq!(Memo::load(&path, [7; 16], &KEY).old.len(), 1);
    }

    #[test]
    fn what_was_forgotten_is_not_found_and_not_kept() {
        let (_folder, path) = saved(&[record(1, 2), record(2, 6)]);
        let mut memo = Memo::load(&path, [7; 16], &KEY);
        memo.forget(&record(1, 2).identity);
        let is_known = |memo: &mut Memo, record: MemoRecord| memo.find(&record.identity, record.kind, 20_000).is_some();
        assert!(!is_known(&mut memo, record(1, 2)) && is_known(&mut memo, record(2, 6)));
        memo.save(&path, [7; 16], 20_000, &KEY).unwrap();
        let mut memo = Memo::load(&path, [7; 16], &KEY);
        assert!(!is_known(&mut memo, record(1, 2)) && is_known(&mut memo, record(2, 6)));
    }

    #[test]
    fn what_others_wrote_meanwhile_stays_and_what_nobody_uses_goes() {
        let (_folder, path) = saved(&[record(1, 3), record(2, 6)]);
        let (mut one, mut two) = (Memo::load(&path, [7; 16], &KEY), Memo::load(&path, [7; 16], &KEY));
        one.put(record(3, 9));
        two.put(record(4, 12));
        one.save(&path, [7; 16], 20_001, &KEY).unwrap();
        two.save(&path, [7; 16], 20_001, &KEY).unwrap();
        assert_eq!(Memo::load(&path, [7; 16], &KEY).old.len(), 4);
        let late = 20_000 + Limits::MEMO_DAYS + 1;
        let mut memo = Memo::load(&path, [7; 16], &KEY);
        assert!(memo.find(&record(1, 3).identity, DigestKind::Blob, late).is_some());
        assert!(memo.is_changed(), "its use is worth writing down");
        memo.save(&path, [7; 16], late, &KEY).unwrap();
        let mut memo = Memo::load(&path, [7; 16], &KEY);
        assert_eq!(memo.old.len(), 1);
        assert!(memo.find(&record(1, 3).identity, DigestKind::Blob, late).is_some());
    }
}
