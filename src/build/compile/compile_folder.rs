//! The folder of the cache in which a program is compiled, locked against other processes while it is in use.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens};

use super::compile_start::CompileStart;
use crate::{
    oci::Digest,
    output::remove_folder_in_use,
    report::{AtomicFile, Failure, FileAccess, folder_of},
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
pub(super) struct CompileFolder {
    root: PathBuf,
    /// Released when it is closed, also by a crash.
    lock: File,
    /// The folder of the same key in a cache that can only be read.
    earlier: Option<PathBuf>,
}

impl CompileFolder {
    /// The name of the file that is locked.
    pub(super) const LOCK: &str = "lock";

    /// Where the compile folder of `key` is.
    pub(super) fn path(cache: &Path, kind: &str, key: &[&[u8]]) -> PathBuf {
        let mut joined = Vec::new();
        for part in key {
            joined.extend_from_slice(&(part.len() as u64).to_le_bytes());
            joined.extend_from_slice(part);
        }
        let name: String = Digest::of(&joined).hex().chars().take(32).collect();
        cache.join(kind).join(name)
    }

    /// Locks the compile folder of `key`; waits while another process has it.
    pub(super) fn open(cache: &Path, kind: &str, key: &[&[u8]]) -> Result<Self, Failure> {
        let root = Self::path(cache, kind, key);
        make(&root)?;
        let lock_path = root.join(Self::LOCK);
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(|error| Failure::io("lock the compile folder", &lock_path, &error))?;
        take(&lock).map_err(|error| Failure::io("lock the compile folder", &lock_path, &error))?;
        let compile_folder = Self { root, lock, earlier: None };
        compile_folder.mark_start();
        for folder in [compile_folder.home(), compile_folder.temporary()] {
            compile_folder.empty(&folder)?;
        }
        Ok(compile_folder)
    }

    /// The same, which takes the records of earlier compiles from the compile folder at `earlier` as well.
    #[must_use]
    pub(super) fn with_records_of(mut self, earlier: PathBuf) -> Self {
        self.earlier = Some(earlier);
        self
    }

    /// Where a record called `name` may be, its own first.
    pub(super) fn records(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        [Some(&self.root), self.earlier.as_ref()].into_iter().flatten().map(move |folder| folder.join(name))
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

    /// Writes a file of this folder: what was there stays until all of the new text is.
    pub(super) fn keep(&self, name: &str, text: &[u8]) -> Result<(), Failure> {
        let path = self.root.join(name);
        let write = || {
            let mut file = AtomicFile::create(folder_of(&path), ".new-", FileAccess::Umask)?;
            file.write_all(text)?;
            file.replace(&path)
        };
        write().map(drop).map_err(|error| Failure::io("write the record of the compile", &path, &error))
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
    let _ = File::options().write(true).open(root.join(CompileFolder::LOCK)).map(|lock| futimens(&lock, &NOW));
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

    #[test]
    fn keys_do_not_run_together_and_homes_are_emptied() {
        let cache = tempfile::tempdir().unwrap();
        let first = CompileFolder::open(cache.path(), "go", &[b"ab", b"c"]).unwrap();
        let second = CompileFolder::open(cache.path(), "go", &[b"a", b"bc"]).unwrap();
        assert_ne!(first.root(), second.root());
        fs::create_dir_all(first.target()).unwrap();
        fs::write(first.home().join("left"), "").unwrap();
        drop(first);
        let again = CompileFolder::open(cache.path(), "go", &[b"ab", b"c"]).unwrap();
        assert!(again.target().exists() && !again.home().join("left").exists());
    }

    #[test]
    fn a_process_that_still_writes_into_the_home_is_no_obstacle() {
        let cache = tempfile::tempdir().unwrap();
        let home = CompileFolder::open(cache.path(), "go", &[]).unwrap().home();
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
            let opened: Vec<_> = (0..300).map(|_| CompileFolder::open(cache.path(), "go", &[]).map(drop)).collect();
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(opened.into_iter().find_map(Result::err), None);
        });
    }

    #[test]
    fn the_same_bench_is_taken_once_at_a_time() {
        let cache = tempfile::tempdir().unwrap();
        let held = CompileFolder::open(cache.path(), "go", &[]).unwrap();
        let other = File::open(held.root().join("lock")).unwrap();
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_err());
        drop(held);
        assert!(flock(&other, FlockOperation::NonBlockingLockExclusive).is_ok());
    }
}
