//! `hardpan cache`: status, pruning and verification of the cache.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use super::{
    Cache, CachedBlob, Fingerprint,
    cache_lock::CacheLock,
    record::{self, RecordShelf},
};
use crate::{
    oci::Digest,
    report::{Failure, Limits, printable},
};

/// Where the folder of a compile has its size, in bytes.
const SIZE_FILE: &str = "size";

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

/// The result of [`Cache::verify`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// The items that are intact.
    pub sound: CacheCount,
    /// The names of what was damaged, relative to the cache and safe to print; removed.
    pub damaged: Vec<String>,
}

/// An item of the cache that may be removed.
#[derive(Debug, PartialEq, Eq)]
struct CacheItem {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
    kind: CacheItemKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CacheItemKind {
    Blob,
    Record(RecordShelf),
    Memo,
    /// The folder of one compile.
    Bench(&'static str),
}

impl Cache {
    /// Counts what is in the cache, the build caches of toolchains included: those are walked file by file.
    pub fn status(&self) -> Status {
        let items = self.items(true);
        let count = |wanted: &dyn Fn(CacheItemKind) -> bool| items.iter().filter(|item| wanted(item.kind)).fold_count();
        Status {
            root: self.root().to_owned(),
            limit: Limits::CACHE_BYTES,
            kinds: blob_kinds(&items),
            blobs: count(&|kind| kind == CacheItemKind::Blob),
            records: count(&|kind| matches!(kind, CacheItemKind::Record(_) | CacheItemKind::Memo)),
            compilers: COMPILERS.map(|name| (name, count(&|kind| kind == CacheItemKind::Bench(name)))).to_vec(),
        }
    }

    /// Removes what was not used for longest until no more than `limit` bytes are left, toolchains' included; waits until
    /// no build uses the cache.
    ///
    /// # Errors
    /// The cache cannot be locked or written.
    pub fn prune(&self, limit: u64) -> Result<Pruned, Failure> {
        let fault = |error: io::Error| super::cache_failure("prune the cache", self.root(), &error);
        self.enter()?;
        let Some(Some(held)) = self.0.held.get() else { return Ok(Pruned::default()) };
        held.alone().map_err(fault)?;
        let pruned = self.remove_beyond(limit, self.items(true));
        held.share();
        Ok(pruned)
    }

    /// The records that may leave this machine, the last used first.
    ///
    /// # Errors
    /// The cache cannot be used.
    pub fn shared_keys(&self) -> Result<Vec<(RecordShelf, Fingerprint)>, Failure> {
        self.enter()?;
        let mut found = Vec::new();
        for shelf in RecordShelf::SHARED {
            for item in files(&self.root().join(shelf.name()), CacheItemKind::Record(shelf)) {
                let name = item.path.file_name().and_then(|name| name.to_str());
                // Fingerprints are written as digests are.
                if let Some(key) = name.and_then(|name| Digest::parse_hex(name).ok()) {
                    found.push((std::cmp::Reverse(item.used), Fingerprint::from_bytes(key.bytes()), shelf));
                }
            }
        }
        found.sort_by_key(|(used, key, shelf)| (*used, *key, shelf.name()));
        Ok(found.into_iter().map(|(_, key, shelf)| (shelf, key)).collect())
    }

    /// The record and the blob that it names; none where one of both is missing or damaged. That is no use of them.
    pub fn shared_entry(&self, on: RecordShelf, key: &Fingerprint) -> Option<(Vec<u8>, Option<CachedBlob>)> {
        let name = key.hex();
        let body = record::read(&File::open(self.root().join(on.name()).join(&name)).ok()?, on, &name)?;
        let Some((digest, size)) = record::blob_of_record(on, &body) else { return Some((body, None)) };
        let path = self.blob_path(digest);
        let is_intact = self.is_intact(&File::open(&path).ok()?, digest, size);
        is_intact.then_some((body, Some(CachedBlob { path, digest, size })))
    }

    /// Reads all blobs and records, and removes what is not what its name says; waits until no build uses the cache.
    ///
    /// # Errors
    /// The cache cannot be locked.
    pub fn verify(&self) -> Result<Verified, Failure> {
        let fault = |error: io::Error| super::cache_failure("verify the cache", self.root(), &error);
        self.enter()?;
        let Some(Some(held)) = self.0.held.get() else { return Ok(Verified::default()) };
        held.alone().map_err(fault)?;
        let mut verified = Verified::default();
        let memo = super::memo::is_sound(&self.root().join("memo"));
        for item in self.items(false) {
            let name = item.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // Drafts of killed processes: with the exclusive lock there is no other process.
            if name.starts_with('.') {
                fs::remove_file(&item.path).map_err(fault)?;
                continue;
            }
            let sound = match (item.kind, File::open(&item.path)) {
                (CacheItemKind::Blob, Ok(mut file)) => {
                    Digest::of_reader(&mut file).is_ok_and(|digest| digest.hex() == name)
                }
                (CacheItemKind::Record(on), Ok(file)) => record::read(&file, on, &name).is_some(),
                (CacheItemKind::Memo, _) => memo,
                _ => false,
            };
            if sound {
                verified.sound.add(item.bytes);
            } else {
                fs::remove_file(&item.path).map_err(fault)?;
                let shown = item.path.strip_prefix(self.root()).unwrap_or(&item.path);
                verified.damaged.push(printable(&shown.to_string_lossy()).into_owned());
            }
        }
        held.share();
        Ok(verified)
    }

    /// Removes entries that are above the limit or too old, if no other process uses the cache at this moment.
    pub(super) fn evict(&self, held: &CacheLock) {
        if !held.try_alone() {
            // The upgrade of the lock is not atomic: for a moment this process holds neither, and another may have removed
            // it.
            held.share();
            return;
        }
        let mut items = self.items(false);
        items.extend(self.benches(false));
        if items.iter().fold_count().bytes > Limits::CACHE_BYTES {
            self.remove_beyond(Limits::CACHE_BYTES / 10 * 9, items);
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0.now);
        let is_old = |item: &CacheItem| item.used.checked_add(Limits::CACHE_AGE).is_some_and(|end| end < now);
        for item in self.benches(false).into_iter().filter(is_old) {
            remove(&item);
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
    fn items(&self, with_benches: bool) -> Vec<CacheItem> {
        let root = self.root();
        let mut items: Vec<CacheItem> = files(&root.join("blobs"), CacheItemKind::Blob);
        for item in &mut items {
            let mark = root.join("used").join(item.path.file_name().unwrap_or_default());
            if let Ok(used) = fs::metadata(mark).and_then(|meta| meta.modified()) {
                item.used = used;
            }
        }
        for shelf in RecordShelf::ALL {
            items.extend(files(&root.join(shelf.name()), CacheItemKind::Record(shelf)));
        }
        items.extend(files(root, CacheItemKind::Memo).into_iter().filter(|item| item.path.ends_with("memo")));
        if with_benches {
            items.extend(self.benches(true));
        }
        items
    }

    /// The folders of compiles. `sized` looks at every file of them; else their size is what the last compile noted.
    fn benches(&self, sized: bool) -> Vec<CacheItem> {
        let mut items = Vec::new();
        for name in COMPILERS {
            let folder = self.root().join(name);
            // A symbolic link was made by the user, and its target may be in use elsewhere.
            if !fs::symlink_metadata(&folder).is_ok_and(|meta| meta.is_dir()) {
                continue;
            }
            let Ok(entries) = fs::read_dir(folder) else { continue };
            for entry in entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                let path = entry.path();
                let used = fs::metadata(path.join("lock")).or_else(|_| entry.metadata());
                let Ok(used) = used.and_then(|meta| meta.modified()) else { continue };
                let noted = || fs::read_to_string(path.join(SIZE_FILE)).ok()?.trim().parse().ok();
                let bytes = match noted().filter(|_| !sized) {
                    Some(bytes) => bytes,
                    None if sized || name != LARGE => folder_bytes(&path),
                    None => 0,
                };
                items.push(CacheItem { path, bytes, used, kind: CacheItemKind::Bench(name) });
            }
        }
        items
    }
}

impl CacheCount {
    fn add(&mut self, bytes: u64) {
        self.entries += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

/// The blobs of the cache by what they are, as the records of layers and programs say.
fn blob_kinds(items: &[CacheItem]) -> Vec<(&'static str, CacheCount)> {
    let named = |wanted: RecordShelf| -> BTreeSet<String> {
        let records = items.iter().filter(|item| item.kind == CacheItemKind::Record(wanted));
        let blob = |item: &CacheItem| {
            let name = item.path.file_name()?.to_str()?;
            let record = record::read(&File::open(&item.path).ok()?, wanted, name)?;
            record::blob_of_record(wanted, &record).map(|(digest, _)| digest.hex())
        };
        records.filter_map(blob).collect()
    };
    let (layers, programs) = (named(RecordShelf::Layers), named(RecordShelf::Programs));
    let mut kinds =
        [("layers", CacheCount::default()), ("programs", CacheCount::default()), ("downloads", CacheCount::default())];
    for item in items.iter().filter(|item| item.kind == CacheItemKind::Blob) {
        let name = item.path.file_name().unwrap_or_default().to_string_lossy();
        let kind = if layers.contains(&*name) { 0 } else { 1 + usize::from(!programs.contains(&*name)) };
        if let Some((_, count)) = kinds.get_mut(kind) {
            count.add(item.bytes);
        }
    }
    kinds.to_vec()
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

/// The regular files of a folder, unfinished drafts included.
fn files(folder: &Path, kind: CacheItemKind) -> Vec<CacheItem> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let item = |entry: fs::DirEntry| {
        let meta = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        Some(CacheItem { path: entry.path(), bytes: meta.blocks() * 512, used: meta.modified().ok()?, kind })
    };
    entries.flatten().filter_map(item).collect()
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
    fs::write(folder.join(SIZE_FILE), folder_bytes(folder).to_string())
}

/// The size of all files below a folder.
fn folder_bytes(folder: &Path) -> u64 {
    let mut bytes = 0_u64;
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(meta) = entry.metadata() else { continue };
            bytes = bytes.saturating_add(meta.blocks() * 512);
            if meta.is_dir() {
                open.push(entry.path());
            }
        }
    }
    bytes
}
