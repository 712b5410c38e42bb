//! [`Memo`]: digests of files by their identity. One file, read at once, replaced by a rename.
//!
//! ```text
//! magic (16) · boot (16) · records (8) · notes (8) · checksum (32) │ records of 104 bytes, by device and inode │ notes
//! ```
//!
//! Numbers are little-endian. The checksum is the BLAKE3 of all the rest, so what is damaged is not there. What was
//! remembered before the machine was started is forgotten: a file whose data the power failure took may have kept its times.

mod sheet;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::{Fingerprint, Identity, fingerprint::Fingerprinter};
use crate::report::Limits;
pub(super) use sheet::{DigestKind, MemoRecord};
use sheet::{RECORD, Sheet, number};

const MAGIC: &[u8; 16] = b"hardpan memo 3\n\0";
/// Everything before the records.
const HEADER: usize = 80;
/// Where the checksum is.
const CHECKSUM: std::ops::Range<usize> = 48..80;

/// The records of a file, as they were written, and what has come to them.
#[derive(Debug, Default)]
pub(super) struct Memo {
    bytes: Vec<u8>,
    records: usize,
    /// Where the last record was found: files that lie beside each other mostly have inodes that do.
    last: usize,
    /// Records that were used, where that is worth writing down.
    used: BTreeSet<usize>,
    new: Sheet,
    /// Where the new record of a file is.
    places: BTreeMap<FileKey, u32>,
}

/// Device and inode.
type FileKey = (u64, u64);

impl Memo {
    /// What the file at `path` holds; nothing where it is missing, damaged, foreign or from before the last start.
    pub(super) fn load(path: &Path, boot: [u8; 16]) -> Self {
        let bytes = read(path).unwrap_or_default();
        match count(&bytes, boot) {
            Some(records) => Self { bytes, records, ..Self::default() },
            None => Self::default(),
        }
    }

    /// What is known of the file in this state. `day` is today.
    pub(super) fn find(&mut self, identity: &Identity, kind: DigestKind, day: u32) -> Option<MemoRecord> {
        let key = (identity.device, identity.inode);
        let is_it = |record: &MemoRecord| record.kind == kind && record.identity == *identity;
        if let Some(at) = self.places.get(&key) {
            return self.new.get(*at as usize).filter(is_it);
        }
        let at = self.position(key).ok()?;
        let record = self.record(at).filter(is_it)?;
        if day > record.day.saturating_add(Limits::MEMO_FRESH_DAYS) {
            self.used.insert(at);
        }
        Some(record)
    }

    /// Takes what is known of a file now.
    pub(super) fn put(&mut self, record: &MemoRecord) {
        let place = u32::try_from(self.new.len()).ok();
        if let Some(place) = place.filter(|_| self.new.len() < Limits::MEMO_RECORDS) {
            // An older record of the file stays in the sheet, and no lookup finds it.
            self.places.insert(record.key(), place);
            self.new.push(record);
        }
    }

    /// Forgets the file: its record gives way to that of a state which no file is ever in.
    pub(super) fn forget(&mut self, identity: &Identity, day: u32) {
        let nowhere = Identity::new((identity.device, identity.inode), u64::MAX, (i64::MIN, 0), (i64::MIN, 0));
        let (kind, digest, note) = (DigestKind::Input, [0; 32], Vec::new());
        self.put(&MemoRecord { identity: nowhere, kind, digest, possible_key: None, note, day });
    }

    /// Whether there is anything to write.
    pub(super) fn is_changed(&self) -> bool {
        !self.places.is_empty() || !self.used.is_empty()
    }

    /// Writes all to `path`, which may hold what other processes wrote meanwhile; that is kept. `day` is today.
    pub(super) fn save(self, path: &Path, boot: [u8; 16], day: u32) -> io::Result<()> {
        let used: BTreeSet<FileKey> = self.used.iter().filter_map(|at| self.key(*at)).collect();
        let now = Self::load(path, boot);
        drop(self.bytes);
        let old = (0..now.records).filter_map(|at| now.record(at)).filter_map(|mut record| {
            let key = record.key();
            if used.contains(&key) {
                record.day = day;
            }
            let is_old = record.day.saturating_add(Limits::MEMO_DAYS) < day;
            (!is_old && !self.places.contains_key(&key)).then_some(record)
        });
        let mut new = self.places.values().filter_map(|at| self.new.get(*at as usize)).peekable();
        let mut merged = Sheet::default();
        merged.records.reserve((now.records + self.places.len()) * RECORD);
        // Both are in the order of their keys.
        for record in old {
            while let Some(before) = new.next_if(|new| new.key() < record.key()) {
                merged.push(&before);
            }
            merged.push(&record);
        }
        new.for_each(|record| merged.push(&record));
        merged.records.truncate(Limits::MEMO_RECORDS * RECORD);
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".memo-").tempfile_in(folder)?;
        file.write_all(&merged.header(boot))?;
        file.write_all(&merged.records)?;
        file.write_all(&merged.notes)?;
        // Not synced: what the next start finds damaged, or before it, is not believed.
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    fn key(&self, at: usize) -> Option<FileKey> {
        let start = HEADER + at * RECORD;
        let bytes = self.bytes.get(start..start + 16).filter(|_| at < self.records)?;
        Some((number(bytes, 0), number(bytes, 8)))
    }

    /// The index of a key, as `slice::binary_search` gives it.
    fn position(&mut self, key: FileKey) -> Result<usize, usize> {
        if self.key(self.last + 1) == Some(key) {
            self.last += 1;
            return Ok(self.last);
        }
        let (mut low, mut high) = (0, self.records);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.key(middle).map(|found| found.cmp(&key)) {
                Some(std::cmp::Ordering::Less) => low = middle + 1,
                Some(std::cmp::Ordering::Greater) => high = middle,
                Some(std::cmp::Ordering::Equal) => {
                    self.last = middle;
                    return Ok(middle);
                }
                None => return Err(middle),
            }
        }
        Err(low)
    }

    fn record(&self, at: usize) -> Option<MemoRecord> {
        let start = HEADER + at * RECORD;
        let bytes = self.bytes.get(start..start + RECORD).filter(|_| at < self.records)?;
        MemoRecord::read(bytes, self.bytes.get(HEADER + self.records * RECORD..)?)
    }
}

/// The content of the memo file; empty if the file is larger than any memo.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    if size > Limits::MEMO_BYTES {
        return Ok(Vec::new());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(Limits::MEMO_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// How many records a sound file has that was written since the machine was started.
fn count(bytes: &[u8], boot: [u8; 16]) -> Option<usize> {
    let header = bytes.get(..HEADER)?;
    if header.get(..16)? != MAGIC || header.get(16..32)? != boot {
        return None;
    }
    let records = usize::try_from(number(header, 32)).ok()?;
    let notes = usize::try_from(number(header, 40)).ok()?;
    let size = records.checked_mul(RECORD)?.checked_add(notes)?.checked_add(HEADER)?;
    let sound = size == bytes.len() && bytes.get(CHECKSUM)? == checksum(bytes)?.bytes();
    sound.then_some(records)
}

/// Whether the file at `path` is a memo, or not there.
pub(super) fn is_sound(path: &Path) -> bool {
    match read(path) {
        Ok(bytes) => {
            let boot = bytes.get(16..32).and_then(|boot| boot.try_into().ok());
            boot.is_some_and(|boot| count(&bytes, boot).is_some())
        }
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn checksum(bytes: &[u8]) -> Option<Fingerprint> {
    let mut sum = Fingerprinter::default();
    sum.update(bytes.get(..CHECKSUM.start)?);
    sum.update(bytes.get(CHECKSUM.end..)?);
    Some(sum.finish())
}

/// What tells one start of the machine from another; zeros where the system does not say.
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
            note: vec![seed; usize::from(seed % 7)],
            day: 20_000,
        }
    }

    fn saved(records: &[MemoRecord]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memo");
        let mut memo = Memo::default();
        for record in records {
            memo.put(record);
        }
        memo.save(&path, [7; 16], 20_000).unwrap();
        (folder, path)
    }

    proptest! {
        #[test]
        fn what_was_put_is_found_in_its_state_and_in_no_other(seeds in proptest::collection::vec(any::<u8>(), 1..80)) {
            let records: Vec<_> = seeds.iter().zip(1_u64..).map(|(seed, inode)| record(inode, *seed)).collect();
            let (_folder, path) = saved(&records);
            let mut memo = Memo::load(&path, [7; 16]);
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
            let mut memo = Memo::load(&path, [7; 16]);
            prop_assert_eq!(memo.records, 0);
            prop_assert!(memo.find(&records[0].identity, records[0].kind, 20_000).is_none());
        }
    }

    #[test]
    fn hostile_sizes_and_foreign_files_are_no_memo() {
        let (_folder, path) = saved(&[record(1, 1)]);
        let sound = fs::read(&path).unwrap();
        for (records, notes) in [(u64::MAX, 0), (0, u64::MAX), (1 << 60, 1 << 60), (2, 0), (0, 0)] {
            let mut bytes = sound.clone();
            bytes[32..40].copy_from_slice(&records.to_le_bytes());
            bytes[40..48].copy_from_slice(&notes.to_le_bytes());
            let sum = checksum(&bytes).unwrap();
            bytes[CHECKSUM].copy_from_slice(sum.bytes());
            assert_eq!(count(&bytes, [7; 16]), None, "{records} {notes}");
        }
        // A note that leaves the file, under a checksum that is right.
        let mut bytes = sound.clone();
        bytes[HEADER + 92..HEADER + 100].copy_from_slice(&[0xff; 8]);
        let sum = checksum(&bytes).unwrap();
        bytes[CHECKSUM].copy_from_slice(sum.bytes());
        fs::write(&path, bytes).unwrap();
        assert!(Memo::load(&path, [7; 16]).find(&record(1, 1).identity, DigestKind::Blob, 1).is_none());
        fs::write(&path, sound).unwrap();
        assert_eq!(Memo::load(&path, [8; 16]).records, 0, "the machine was started again");
        assert_eq!(Memo::load(&path, [7; 16]).records, 1);
    }

    #[test]
    fn what_was_forgotten_is_not_found_and_not_kept() {
        let (_folder, path) = saved(&[record(1, 2), record(2, 6)]);
        let mut memo = Memo::load(&path, [7; 16]);
        memo.forget(&record(1, 2).identity, 20_000);
        let is_known = |memo: &mut Memo, record: MemoRecord| memo.find(&record.identity, record.kind, 20_000).is_some();
        assert!(!is_known(&mut memo, record(1, 2)) && is_known(&mut memo, record(2, 6)));
        memo.save(&path, [7; 16], 20_000).unwrap();
        let mut memo = Memo::load(&path, [7; 16]);
        assert!(!is_known(&mut memo, record(1, 2)) && is_known(&mut memo, record(2, 6)));
    }

    #[test]
    fn what_others_wrote_meanwhile_stays_and_what_nobody_uses_goes() {
        let (_folder, path) = saved(&[record(1, 3), record(2, 6)]);
        let (mut one, mut two) = (Memo::load(&path, [7; 16]), Memo::load(&path, [7; 16]));
        one.put(&record(3, 9));
        two.put(&record(4, 12));
        one.save(&path, [7; 16], 20_001).unwrap();
        two.save(&path, [7; 16], 20_001).unwrap();
        assert_eq!(Memo::load(&path, [7; 16]).records, 4);
        let late = 20_000 + Limits::MEMO_DAYS + 1;
        let mut memo = Memo::load(&path, [7; 16]);
        assert!(memo.find(&record(1, 3).identity, DigestKind::Blob, late).is_some());
        assert!(memo.is_changed(), "its use is worth writing down");
        memo.save(&path, [7; 16], late).unwrap();
        let mut memo = Memo::load(&path, [7; 16]);
        assert_eq!(memo.records, 1);
        assert!(memo.find(&record(1, 3).identity, DigestKind::Blob, late).is_some());
    }
}
