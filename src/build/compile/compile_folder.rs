//! The folder of the cache in which a program is compiled, locked against other processes while it is in use.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens};

use super::compile_start::CompileStart;
use crate::{
    cache::{SealKey, SealedFile, open_for_times, open_lock_file},
    oci::Digest,
    output::remove_folder_in_use,
    report::{Failure, Limits},
};

/// The current time of the file system.
const NOW: Timestamps = Timestamps {
    last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
    last_modification: Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
};

/// `<cache>/<kind>/<key>/`: `home` and `tmp`, empty at the start; `target`, which stays; `out`, the programs.
///
/// The key is the digest of everything that makes a compile another one (folder, target, flags, environment), so
/// that two of them never share a folder; while one process compiles, another one with the same key waits.
///
/// What hardpan writes there itself is sealed with its place: the cache is not trusted.
pub(super) struct CompileFolder {
    /// The cache.
    cache: PathBuf,
    /// Below the cache.
    place: PathBuf,
    root: PathBuf,
    /// Released when it is closed, also by a crash.
    lock: File,
    seal_key: SealKey,
    /// A cache that can only be read, with a folder of the same key.
    earlier: Option<PathBuf>,
}

impl CompileFolder {
    /// The name of the file that is locked.
    pub(super) const LOCK: &str = "lock";

    /// Where the compile folder of `key` is.
    pub(super) fn path(cache: &Path, kind: &str, key: &[&[u8]]) -> PathBuf {
        cache.join(Self::place(kind, key))
    }

    fn place(kind: &str, key: &[&[u8]]) -> PathBuf {
        let mut joined = Vec::new();
        for part in key {
            joined.extend_from_slice(&(part.len() as u64).to_le_bytes());
            joined.extend_from_slice(part);
        }
        let name: String = Digest::of(&joined).hex().chars().take(32).collect();
        Path::new(kind).join(name)
    }

    /// Locks the compile folder of `key`; waits while another process has it. Its records are sealed with `seal_key`.
    pub(super) fn open(cache: &Path, kind: &str, key: &[&[u8]], seal_key: &SealKey) -> Result<Self, Failure> {
        let place = Self::place(kind, key);
        let root = cache.join(&place);
        make(&root)?;
        let lock_path = root.join(Self::LOCK);
        let fault = |error: io::Error| Failure::io("lock the compile folder", &lock_path, &error);
        let lock = open_lock_file(&lock_path).map_err(fault)?;
        take(&lock).map_err(fault)?;
        let (cache, seal_key) = (cache.to_owned(), seal_key.clone());
        let compile_folder = Self { cache, place, root, lock, seal_key, earlier: None };
        compile_folder.mark_start();
        for folder in [compile_folder.home(), compile_folder.temporary()] {
            compile_folder.empty(&folder)?;
        }
        Ok(compile_folder)
    }

    /// The same, which takes the records of earlier compiles from the cache at `earlier` as well.
    #[must_use]
    pub(super) fn with_records_of(mut self, earlier: PathBuf) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// The records called `name`, its own first. What has no seal is none.
    pub(super) fn records(&self, name: &str) -> impl Iterator<Item = Vec<u8>> {
        let place = self.place.join(name);
        let caches = [Some(&self.cache), self.earlier.as_ref()].into_iter().flatten();
        caches.filter_map(move |cache| SealedFile::new(cache, &place).read(&self.seal_key, Limits::CHILD_OUTPUT_BYTES))
    }

    /// Its own record called `name`, if it has a seal.
    pub(super) fn record(&self, name: &str) -> Option<Vec<u8>> {
        SealedFile::new(&self.cache, &self.place.join(name)).read(&self.seal_key, Limits::CHILD_OUTPUT_BYTES)
    }

    /// Makes `folder` anew.
    ///
    /// A process that a compiler left running may still write there (Go writes telemetry to the home, from a process that
    /// outlives `go`). The folder is moved away first, so that such a process cannot find it by its path.
    fn empty(&self, folder: &Path) -> Result<(), Failure> {
        let away = self.root.join("emptied");
        let fault = |error: &io::Error| Failure::io("empty the folder", folder, error);
        remove_folder_in_use(&away).map_err(|error| fault(&error))?;
        match fs::rename(folder, &away) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fault(&error)),
            _ => remove_folder_in_use(&away).map_err(|error| fault(&error))?,
        }
        make(folder)
    }

    /// Notes that the compile begins to read its sources. The same time is that of the last use, by which
    /// `hardpan cache prune` removes old folders.
    pub(super) fn mark_start(&self) -> CompileStart {
        let _ = futimens(&self.lock, &NOW);
        CompileStart::of(&self.root, &self.lock)
    }

    /// The last [start](Self::mark_start), which is at first the time at which the folder was locked.
    pub(super) fn start(&self) -> CompileStart {
        CompileStart::of(&self.root, &self.lock)
    }

    /// The whole folder.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// A home without a file in it.
    pub(super) fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// `TMPDIR`.
    pub(super) fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Where cargo keeps what it makes.
    pub(super) fn target(&self) -> PathBuf {
        self.root.join("target")
    }

    /// Writes a record of this folder, sealed: what was there stays until all of the new text is.
    pub(super) fn keep(&self, name: &str, text: &[u8]) -> Result<(), Failure> {
        let written = SealedFile::new(&self.cache, &self.place.join(name)).write(&self.seal_key, text);
        written.map_err(|error| Failure::io("write the record of the compile", self.root.join(name), &error))
    }

    /// Moves a finished program out of [`temporary`](Self::temporary) to `out/<group>/<name>`, at once: another
    /// process may be reading the last one.
    pub(super) fn hand_over(&self, made: &Path, group: &str, name: &str) -> Result<PathBuf, Failure> {
        let folder = self.root.join("out").join(group);
        make(&folder)?;
        let path = folder.join(name);
        fs::rename(made, &path).map_err(|error| Failure::io("hand over the program", made, &error))?;
        Ok(path)
    }
}

/// Notes that the compile folder at `root` was used, without waiting for a compile that runs in it.
pub(super) fn touch_compile_folder(root: &Path) {
    let _ = open_for_times(&root.join(CompileFolder::LOCK)).map(|lock| futimens(&lock, &NOW));
}

/// Removes a folder that may not be there.
pub(super) fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io("remove", folder, &error)),
        _ => Ok(()),
    }
}

/// Waits for the lock; a signal is no reason to give up.
fn take(lock: &File) -> io::Result<()> {
    loop {
        match flock(lock, FlockOperation::LockExclusive) {
            Err(rustix::io::Errno::INTR) => {}
            // NFS without a lock daemon: cargo and Go have locks of their own and go without as well.
            Err(rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => return Ok(()),
            other => return Ok(other?),
        }
    }
}

/// A folder and those above it.
fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| Failure::io("create the folder", folder, &error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: SealKey = SealKey::of_tests(1);

    #[test]
    fn keys_do_not_run_together_and_homes_are_emptied() {
        let cache = tempfile::tempdir().unwrap();
        let first = CompileFolder::open(cache.path(), "go", &[b"ab", b"c"], &KEY).unwrap();
        let second = CompileFolder::open(cache.path(), "go", &[b"a", b"bc"], &KEY).unwrap();
        assert_ne!(first.root(), second.root());
        fs::create_dir_all(first.target()).unwrap();
        fs::write(first.home().join("left"), "").unwrap();
        drop(first);
        let again = CompileFolder::open(cache.path(), "go", &[b"ab", b"c"], &KEY).unwrap();
        assert!(again.target().exists() && !again.home().join("left").exists());
    }

    #[test]
    fn a_process_that_still_writes_into_the_home_is_no_obstacle() {
        let cache = tempfile::tempdir().unwrap();
        let home = CompileFolder::open(cache.path(), "go", &[], &KEY).unwrap().home();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0_u64.. {
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    let folder = home.join(".config/go/telemetry").join((round % 7).to_string());
                    let _ = fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(round.to_string()), ""));
                }
            });
            let opened: Vec<_> =
                (0..300).map(|_| CompileFolder::open(cache.path(), "go", &[], &KEY).map(drop)).collect();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(opened.into_iter().find_map(Result::err), None);
        });
    }

    #[test]
    fn the_same_bench_is_taken_once_at_a_time() {
        let cache = tempfile::tempdir().unwrap();
        let held = CompileFolder::open(cache.path(), "go", &[], &KEY).unwrap();
        let other = File::open(held.root().join("lock")).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(held);
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_ok());
    }
}
