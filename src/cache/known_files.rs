//! [`KnownFiles`]: digests of inputs and blobs that were read before, trusted while the state of the file is the same.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    Cache, Fingerprint, Identity,
    cache_lock::CacheLock,
    identity::Moment,
    memo::{self, DigestKind, Memo, MemoRecord},
    witness::{Devices, FilePlace, Witness},
};
use crate::{oci::Digest, report::Limits};

/// The name of the memo.
const MEMO: &str = "memo";
/// How often the clock is asked whether it has ticked, and the pause between: kernels tick every 10 ms or faster.
const TICKS: u32 = 30;
const PAUSE: Duration = Duration::from_micros(500);

/// The cached facts about an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The fingerprint of the content.
    pub fingerprint: Fingerprint,
    /// The byte offset of what may be a private key in it.
    pub possible_key: Option<u64>,
    /// Further facts that the caller derived from the content.
    pub note: Vec<u8>,
}

impl Input {
    fn of(record: MemoRecord) -> Self {
        let fingerprint = Fingerprint::from_bytes(record.digest);
        Self { fingerprint, possible_key: record.possible_key, note: record.note.into() }
    }
}

/// The memo of files, with the blobs of this call that are not in it yet.
#[derive(Debug, Default)]
pub(super) struct KnownFiles {
    memo: Option<Memo>,
    boot: [u8; 16],
    /// A time of the file system's clock, before all reads from now on.
    moment: Option<Moment>,
    /// Blobs that this process wrote or hashed, by device and inode.
    seen: BTreeMap<(u64, u64), (Identity, Digest)>,
    /// Of those, the blobs that are at their final path.
    settled: Vec<PathBuf>,
    devices: Devices,
}

impl KnownFiles {
    fn memo(&mut self, cache: &Cache) -> &mut Memo {
        if self.memo.is_none() {
            self.boot = memo::boot();
        }
        self.memo.get_or_insert_with(|| Memo::load(&cache.root().join(MEMO), self.boot, cache.seal_key()))
    }

    /// The record of the file in this state, if it was made since the file system was mounted.
    fn find(&mut self, cache: &Cache, identity: &Identity, kind: DigestKind, day: u32) -> Option<MemoRecord> {
        let mounted = self.devices.mounted(identity)?;
        self.memo(cache).find(&mounted, kind, day)
    }

    /// Remembers a file in its state, until its file system is mounted again.
    fn put(&mut self, cache: &Cache, record: MemoRecord) {
        if let Some(identity) = self.devices.mounted(&record.identity) {
            self.memo(cache).put(MemoRecord { identity, ..record });
        }
    }

    /// A moment that is not after now; a later one where `identity` needs it.
    fn moment(&mut self, held: &CacheLock, identity: Option<&Identity>) -> Option<Moment> {
        let is_enough = |moment: &Moment| identity.is_none_or(|identity| identity.is_settled(*moment));
        if !self.moment.as_ref().is_some_and(is_enough) {
            self.moment = held.moment().ok();
        }
        self.moment
    }

    /// The record of the input in this state, if its file system records every change.
    fn input(&mut self, cache: &Cache, identity: &Identity, place: FilePlace<'_>, day: u32) -> Option<Input> {
        let record = self.find(cache, identity, DigestKind::Input, day)?;
        self.believes(identity, place, DigestKind::Input).then(|| Input::of(record))
    }

    /// Whether a file in the same state has the same content.
    fn believes(&mut self, identity: &Identity, place: FilePlace<'_>, kind: DigestKind) -> bool {
        let least = match kind {
            DigestKind::Input => Witness::Changes,
            DigestKind::Blob => Witness::Calls,
        };
        self.devices.witness(identity.device, place) >= least
    }

    /// Writes all down.
    pub(super) fn save(&mut self, cache: &Cache, held: &CacheLock, day: u32) -> io::Result<()> {
        self.settle(cache, held, day);
        let Some(memo) = self.memo.take_if(|memo| memo.is_changed()) else { return Ok(()) };
        memo.save(&cache.root().join(MEMO), self.boot, day, cache.seal_key())
    }

    /// Remembers the blobs that were written: once the clock has ticked, no change of them can go unseen.
    fn settle(&mut self, cache: &Cache, held: &CacheLock, day: u32) {
        for path in std::mem::take(&mut self.settled) {
            let Ok(mut now) = identity_at(&path) else { continue };
            if now.size < Limits::REREAD_BYTES || !self.believes(&now, FilePlace::Path(&path), DigestKind::Blob) {
                continue;
            }
            let key = (now.device, now.inode);
            let Some((_, digest)) = self.seen.get(&key).filter(|(seen, _)| seen.is_renamed(&now)).copied() else {
                continue;
            };
            for _ in 0..TICKS {
                let Some(moment) = self.moment(held, Some(&now)) else { break };
                let Ok(again) = identity_at(&path) else { break };
                if !again.is_renamed(&now) {
                    break;
                }
                now = again;
                if now.is_settled(moment) {
                    let record = blob_record(now, digest, day);
                    if self.find(cache, &now, DigestKind::Blob, day).is_none_or(|old| old.digest != record.digest) {
                        self.put(cache, record);
                    }
                    break;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
}

fn identity_at(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|meta| Identity::of(&meta))
}

impl Cache {
    /// The facts about the input at `path` in this state.
    pub fn input(&self, identity: &Identity, path: &Path) -> Option<Input> {
        self.is_readable().then_some(())?;
        self.known().input(self, identity, FilePlace::Path(path), self.day())
    }

    /// The facts about several files in one folder, in their order; `None` for files without a state.
    pub fn inputs(&self, folder: &Path, names: &[&[u8]], identities: &[Option<Identity>]) -> Vec<Option<Input>> {
        if !self.is_readable() {
            return Vec::new();
        }
        let mut known = self.known();
        let find = |(identity, name): (&Option<Identity>, &&[u8])| {
            known.input(self, identity.as_ref()?, FilePlace::In(folder, name), self.day())
        };
        identities.iter().zip(names).map(find).collect()
    }

    /// A moment before the next reading of the input `file` in this state; one at which it is settled, if that is now.
    /// None where a change of it might move no time.
    pub fn moment(&self, identity: &Identity, file: &File) -> Option<Moment> {
        self.moment_of(identity, file, DigestKind::Input)
    }

    fn moment_of(&self, identity: &Identity, file: &File, kind: DigestKind) -> Option<Moment> {
        self.is_readable().then_some(())?;
        let mut known = self.known();
        if !known.believes(identity, FilePlace::Opened(file), kind) {
            return None;
        }
        known.moment(self.held()?, Some(identity))
    }

    /// Remembers what was read of an input, whose state was settled at the [moment](Self::moment) before that.
    pub fn remember_input(&self, identity: &Identity, input: Input) {
        if self.enter().is_err() || input.note.len() > Limits::MEMO_NOTE_BYTES {
            return;
        }
        let Input { fingerprint, possible_key, note } = input;
        let digest = *fingerprint.bytes();
        let record = MemoRecord {
            identity: *identity,
            kind: DigestKind::Input,
            digest,
            possible_key,
            note: note.into(),
            day: self.day(),
        };
        self.known().put(self, record);
    }

    /// Forgets what is known of the input in this state, whose bytes turned out to be others: now, because the build that
    /// has found it fails.
    pub fn forget_input(&self, identity: &Identity) {
        let mut known = self.known();
        if known.find(self, identity, DigestKind::Input, self.day()).is_none() {
            return;
        }
        let Some(mounted) = known.devices.mounted(identity) else { return };
        known.memo(self).forget(&mounted);
        if let Some(held) = self.held() {
            // If the memo cannot be written, the next build finds the old record, and fails in the same way.
            let _ = known.save(self, held, self.day());
        }
    }

    /// Whether the file holds the blob of this name, as far as its state tells. Small ones are better read.
    pub fn knows_blob(&self, file: &File, digest: Digest, size: u64) -> bool {
        if size < Limits::REREAD_BYTES || !self.is_readable() {
            return false;
        }
        let Ok(meta) = file.metadata() else { return false };
        let identity = Identity::of(&meta);
        if !meta.is_file() || identity.size != size {
            return false;
        }
        let mut known = self.known();
        let seen = known.seen.get(&(identity.device, identity.inode));
        if seen.is_some_and(|(seen, of)| seen.is_renamed(&identity) && *of == digest) {
            return true;
        }
        let found = known.find(self, &identity, DigestKind::Blob, self.day());
        let is_it = found.is_some_and(|record| record.digest == digest.bytes())
            && known.believes(&identity, FilePlace::Opened(file), DigestKind::Blob);
        if is_it {
            // It may get further names now.
            known.seen.insert((identity.device, identity.inode), (identity, digest));
        }
        is_it
    }

    /// Records that the file was hashed by this process and has this digest.
    pub fn saw_blob(&self, file: &File, digest: Digest) {
        let Ok(meta) = file.metadata() else { return };
        let identity = Identity::of(&meta);
        self.known().seen.insert((identity.device, identity.inode), (identity, digest));
    }

    /// Records that a blob is at its final path; [`Cache::save`] adds it to the memo.
    pub fn settle_blob(&self, path: &Path) {
        if self.enter().is_ok() {
            self.known().settled.push(path.to_owned());
        }
    }

    /// Whether the file holds the blob of this name: by its state, else by its bytes, which are remembered.
    pub fn is_intact(&self, file: &File, digest: Digest, size: u64) -> bool {
        if self.knows_blob(file, digest, size) {
            return true;
        }
        let read_state = || file.metadata().ok().filter(|meta| meta.is_file() && meta.len() == size);
        let Some(identity) = read_state().map(|meta| Identity::of(&meta)) else { return false };
        let moment = self.moment_of(&identity, file, DigestKind::Blob);
        let mut reader = file;
        let has_bytes = Digest::of_reader(&mut reader).is_ok_and(|found| found == digest);
        let now = read_state().map(|meta| Identity::of(&meta));
        // Another build may give the file a further name, or take one away, while it is read.
        let intact = has_bytes && now.is_some_and(|now| identity.is_renamed(&now));
        let is_unmoved = now == Some(identity);
        if intact && is_unmoved && size >= Limits::REREAD_BYTES {
            let mut known = self.known();
            known.seen.insert((identity.device, identity.inode), (identity, digest));
            if moment.is_some_and(|moment| identity.is_settled(moment)) {
                known.put(self, blob_record(identity, digest, self.day()));
            }
        }
        intact
    }
}

fn blob_record(identity: Identity, digest: Digest, day: u32) -> MemoRecord {
    MemoRecord {
        identity,
        kind: DigestKind::Blob,
        digest: digest.bytes(),
        possible_key: None,
        note: Box::default(),
        day,
    }
}
