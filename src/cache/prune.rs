//! `hardpan cache`: status and pruning of the cache.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Cache, CachedBlob, Fingerprint,
    cache_lock::{CacheLock, untrusted},
    folder_owner::distrust,
    record::{self, RecordShelf},
    regular_file::{open_regular, read_regular},
};
use crate::{
    oci::Digest,
    report::{AtomicFile, Failure, FileAccess, Limits},
};

/// Where the folder of a compile has its size, in bytes.
const SIZE_FILE: &str = "size";
/// More than any size has.
const SIZE_BYTES: u64 = 64;

/// The folders of toolchains: what they compiled, what they said of themselves and of sources, and what they said of this
/// machine.
const COMPILERS: [&str; 4] = ["go", "cargo", "survey", "machine"];
/// Of them, those whose folders are large: their size is noted when they change.
const LARGE: &str = "cargo";

/// A number of items, and their size on the disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheCount {
    /// How many.
    pub entries: u64,
    /// Bytes on the disk. A blob that an image shares counts here, too.
    pub bytes: u64,
}

/// The contents of the cache, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it is.
    pub root: PathBuf,
    /// The limit for all of it.
    pub limit: u64,
    /// Blobs by what they are: `layers`, `programs`, and `downloads`, which are bases and fetched files.
    pub kinds: Vec<(&'static str, CacheCount)>,
    /// Layers, programs, and files that were fetched.
    pub blobs: CacheCount,
    /// Records of earlier work, the memo included.
    pub records: CacheCount,
    /// Build caches of toolchains, by the name of the folder.
    pub compilers: Vec<(&'static str, CacheCount)>,
}

/// The result of pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// The items that were removed.
    pub removed: CacheCount,
    /// The items that are left.
    pub left: CacheCount,
}

/// An item of the cache that may be removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CacheItem {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    used: SystemTime,
    pub(super) kind: CacheItemKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheItemKind {
    Blob,
    Record(RecordShelf),
    Memo,
    /// The folder of one compile.
    Bench(&'static str),
}

impl Cache {
    /// Counts what is in the cache, the build caches of toolchains included: those are walked file by file. A cache that is
    /// not there yet is empty.
    ///
    /// # Errors
    /// A folder of it cannot be read, or the cache is not used because of its owner: then it is not known what there is.
    pub fn status(&self) -> Result<Status, Failure> {
        let fault = |error: io::Error| super::cache_failure("look into the cache", self.root(), &error);
        match distrust(self.root()) {
            Ok(Some(why)) => return Err(fault(untrusted(&why))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(error)),
            _ => {}
        }
        let items = self.items(true)?;
        let count = |wanted: &dyn Fn(CacheItemKind) -> bool| items.iter().filter(|item| wanted(item.kind)).fold_count();
        Ok(Status {
            root: self.root().to_owned(),
            limit: Limits::CACHE_BYTES,
            kinds: self.blob_kinds(&items),
            blobs: count(&|kind| kind == CacheItemKind::Blob),
            records: count(&|kind| matches!(kind, CacheItemKind::Record(_) | CacheItemKind::Memo)),
            compilers: COMPILERS.map(|name| (name, count(&|kind| kind == CacheItemKind::Bench(name)))).to_vec(),
        })
    }

    /// Removes what was not used for longest until no more than `limit` bytes are left, toolchains' included; waits until
    /// no build uses the cache.
    ///
    /// # Errors
    /// The cache cannot be locked or written.
    pub fn prune(&self, limit: u64) -> Result<Pruned, Failure> {
        let fault = |error: io::Error| super::cache_failure("prune the cache", self.root(), &error);
        self.enter()?;
        let Some(held) = self.held() else { return Ok(Pruned::default()) };
        held.alone().map_err(fault)?;
        let pruned = self.items(true).map(|items| self.remove_beyond(limit, items));
        held.share();
        pruned
    }

    /// The records that may leave this machine, the last used first.
    ///
    /// # Errors
    /// The cache cannot be used.
    pub fn shared_keys(&self) -> Result<Vec<(RecordShelf, Fingerprint)>, Failure> {
        self.enter()?;
        let mut found = Vec::new();
        for shelf in RecordShelf::SHARED {
            for item in self.files(shelf.name(), CacheItemKind::Record(shelf))? {
                if let Some(key) = item.key() {
                    found.push((std::cmp::Reverse(item.used), key, shelf));
                }
            }
        }
        found.sort_by_key(|(used, key, shelf)| (*used, *key, shelf.name()));
        Ok(found.into_iter().map(|(_, key, shelf)| (shelf, key)).collect())
    }

    /// The record and the blob that it names; none where one of both is missing or damaged. That is no use of them.
    pub fn shared_entry(&self, on: RecordShelf, key: &Fingerprint) -> Option<(Vec<u8>, Option<CachedBlob>)> {
        let body = self.sealed(on, key)?;
        let Some((digest, size)) = record::blob_of_record(on, &body) else { return Some((body, None)) };
        let path = self.blob_path(digest);
        let is_intact = self.is_intact(&open_regular(&path).ok()?, digest, size);
        is_intact.then_some((body, Some(CachedBlob { path, digest, size })))
    }

    /// Removes entries that are above the limit or too old, if no other process uses the cache at this moment.
    pub(super) fn evict(&self, held: &CacheLock) {
        if !held.try_alone() {
            // The upgrade of the lock is not atomic: for a moment this process holds neither, and another may have removed
            // it.
            held.share();
            return;
        }
        // What cannot be read cannot be removed either: `hardpan cache status` says so.
        let (mut items, benches) = (self.items(false).unwrap_or_default(), self.benches(false).unwrap_or_default());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.now);
        let is_old = |item: &CacheItem| item.used.checked_add(Limits::CACHE_AGE).is_some_and(|end| end < now);
        let (old, young): (Vec<_>, Vec<_>) = benches.into_iter().partition(is_old);
        for item in &old {
            remove(item);
        }
        items.extend(young);
        if items.iter().fold_count().bytes > Limits::CACHE_BYTES {
            self.remove_beyond(Limits::CACHE_BYTES / 10 * 9, items);
        }
        held.share();
    }

    /// Removes the oldest of `items` until `limit` bytes are left; what belongs to them goes along.
    fn remove_beyond(&self, limit: u64, mut items: Vec<CacheItem>) -> Pruned {
        let mut pruned = Pruned { left: items.iter().fold_count(), ..Pruned::default() };
        items.sort_by(|a, b| a.used.cmp(&b.used).then_with(|| a.path.cmp(&b.path)));
        for item in items {
            if pruned.left.bytes <= limit && limit > 0 {
                break;
            }
            if remove(&item) {
                pruned.removed.add(item.bytes);
                pruned.left.entries -= 1;
                pruned.left.bytes = pruned.left.bytes.saturating_sub(item.bytes);
                if item.kind == CacheItemKind::Blob {
                    let _ = fs::remove_file(self.root().join("used").join(item.path.file_name().unwrap_or_default()));
                }
            }
        }
        pruned
    }

    /// Everything that may be removed.
    pub(super) fn items(&self, with_benches: bool) -> Result<Vec<CacheItem>, Failure> {
        let root = self.root();
        let mut items: Vec<CacheItem> = self.files("blobs", CacheItemKind::Blob)?;
        for item in &mut items {
            let mark = root.join("used").join(item.path.file_name().unwrap_or_default());
            if let Ok(used) = fs::metadata(mark).and_then(|meta| meta.modified()) {
                item.used = used;
            }
        }
        for shelf in RecordShelf::ALL {
            items.extend(self.files(shelf.name(), CacheItemKind::Record(shelf))?);
        }
        items.extend(self.files("", CacheItemKind::Memo)?.into_iter().filter(|item| item.path.ends_with("memo")));
        if with_benches {
            items.extend(self.benches(true)?);
        }
        Ok(items)
    }

    /// What is in a folder of the cache beside other folders, unfinished drafts included.
    fn files(&self, name: &str, kind: CacheItemKind) -> Result<Vec<CacheItem>, Failure> {
        let folder = self.root().join(name);
        let item = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let meta = match entry.metadata() {
                // Another process has removed it meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                meta => meta?,
            };
            let used = meta.modified()?;
            let item = CacheItem { path: entry.path(), bytes: meta.blocks() * 512, used, kind };
            Ok((!meta.is_dir()).then_some(item))
        };
        let items = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.and_then(|entries| entries.filter_map(|entry| item(entry).transpose()).collect()),
        };
        items.map_err(|error| super::cache_failure("look into the cache", &folder, &error))
    }

    /// The folders of compiles. `sized` looks at every file of them; else their size is what the last compile noted.
    pub(super) fn benches(&self, sized: bool) -> Result<Vec<CacheItem>, Failure> {
        let mut items = Vec::new();
        for name in COMPILERS {
            let folder = self.root().join(name);
            // A symbolic link was made by the user, and its target may be in use elsewhere.
            if !fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            let fault = |error: io::Error| super::cache_failure("look into the cache", &folder, &error);
            let entries = fs::read_dir(&folder).map_err(fault)?;
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let path = entry.path();
                let used = fs::metadata(path.join("lock")).or_else(|_| entry.metadata());
                let Ok(used) = used.and_then(|meta| meta.modified()) else { continue };
                let noted = || {
                    let text = read_regular(&path.join(SIZE_FILE), SIZE_BYTES).ok()?;
                    String::from_utf8_lossy(&text).trim().parse().ok()
                };
                let bytes = match noted().filter(|_| !sized) {
                    Some(bytes) => bytes,
                    None if sized || name != LARGE => folder_bytes(&path).map_err(fault)?,
                    None => 0,
                };
                items.push(CacheItem { path, bytes, used, kind: CacheItemKind::Bench(name) });
            }
        }
        Ok(items)
    }

    /// The blobs of the cache by what they are, as the records of layers and programs say.
    fn blob_kinds(&self, items: &[CacheItem]) -> Vec<(&'static str, CacheCount)> {
        let named = |wanted: RecordShelf| -> BTreeSet<String> {
            let records = items.iter().filter(|item| item.kind == CacheItemKind::Record(wanted));
            let blob = |item: &CacheItem| {
                let record = self.sealed(wanted, &item.key()?)?;
                record::blob_of_record(wanted, &record).map(|(digest, _)| digest.hex())
            };
            records.filter_map(blob).collect()
        };
        let (layers, programs) = (named(RecordShelf::Layers), named(RecordShelf::Programs));
        let mut kinds = [
            ("layers", CacheCount::default()),
            ("programs", CacheCount::default()),
            ("downloads", CacheCount::default()),
        ];
        for item in items.iter().filter(|item| item.kind == CacheItemKind::Blob) {
            let name = item.path.file_name().unwrap_or_default().to_string_lossy();
            let kind = if layers.contains(&*name) { 0 } else { 1 + usize::from(!programs.contains(&*name)) };
            if let Some((_, count)) = kinds.get_mut(kind) {
                count.add(item.bytes);
            }
        }
        kinds.to_vec()
    }
}

impl CacheItem {
    /// The key of a record, by its name.
    pub(super) fn key(&self) -> Option<Fingerprint> {
        // Fingerprints are written as digests are.
        let key = Digest::parse_hex(self.path.file_name()?.to_str()?).ok()?;
        Some(Fingerprint::from_bytes(key.bytes()))
    }
}

impl CacheCount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// Items, counted.
trait FoldCount {
    fn fold_count(self) -> CacheCount;
}

impl<'a, I: Iterator<Item = &'a CacheItem>> FoldCount for I {
    fn fold_count(self) -> CacheCount {
        self.fold(CacheCount::default(), |mut count, item| {
            count.add(item.bytes);
            count
        })
    }
}

/// Removes one item. A folder is renamed first, so that no process finds half of it.
fn remove(item: &CacheItem) -> bool {
    if !matches!(item.kind, CacheItemKind::Bench(_)) {
        return fs::remove_file(&item.path).is_ok();
    }
    let mut away = item.path.clone().into_os_string();
    away.push(".gone");
    fs::rename(&item.path, &away).and_then(|()| fs::remove_dir_all(&away)).is_ok()
}

/// Records the size of a toolchain's build cache, so that it counts against the limit without a walk over its files.
///
/// # Errors
/// The note cannot be written; then the folder counts as empty.
pub fn note_size(folder: &Path) -> io::Result<()> {
    let mut file = AtomicFile::create(folder, ".size-", FileAccess::Umask)?;
    file.write_all(folder_bytes(folder)?.to_string().as_bytes())?;
    file.replace(&folder.join(SIZE_FILE)).map(drop)
}

/// The size of all files below a folder, in bytes on the disk.
fn folder_bytes(folder: &Path) -> io::Result<u64> {
    // Another process may remove what was just there.
    let unless_gone = |error: io::Error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) };
    let mut bytes = 0_u64;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                unless_gone(error)?;
                continue;
            }
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Ok(meta) => {
                    bytes = bytes.saturating_add(meta.blocks() * 512);
                    open.extend(meta.is_dir().then(|| entry.path()));
                }
                Err(error) => unless_gone(error)?,
            }
        }
    }
    Ok(bytes)
}
