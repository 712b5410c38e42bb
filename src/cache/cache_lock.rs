//! [`CacheLock`]: the lock of the cache folder, and the clock of its file system.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{
    fs::{FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens},
    io::{Errno, retry_on_intr},
};

use super::identity::{Identity, Moment};

/// The advisory lock of the cache: shared while the cache is used, exclusive while something is removed. It ends with the
/// process.
#[derive(Debug)]
pub(super) struct CacheLock {
    file: File,
    /// The file system has such locks.
    works: bool,
}

impl CacheLock {
    /// Makes the folder `root` and takes its lock, shared with others.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        if !root.is_dir() {
            fs::create_dir_all(root)?;
            // What is in it may come from private sources.
            fs::set_permissions(root, Permissions::from_mode(0o700))?;
        }
        let file = File::options().read(true).write(true).create(true).truncate(false).open(root.join("lock"))?;
        let works = match retry_on_intr(|| flock(&file, FlockOperation::LockShared)) {
            Ok(()) => true,
            Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS | Errno::INVAL | Errno::BADF) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { file, works })
    }

    /// Tries to take the exclusive lock, which lasts until [`Self::share`]; `false` if another process holds the lock.
    pub(super) fn try_alone(&self) -> bool {
        self.works && flock(&self.file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    /// Waits for the exclusive lock.
    pub(super) fn alone(&self) -> io::Result<()> {
        if !self.works {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "its file system has no locks"));
        }
        Ok(retry_on_intr(|| flock(&self.file, FlockOperation::LockExclusive))?)
    }

    /// Changes the exclusive lock back to a shared one.
    pub(super) fn share(&self) {
        let _ = retry_on_intr(|| flock(&self.file, FlockOperation::LockShared));
    }

    /// The time that a file gets that is changed now: the clock that files are compared by, which ticks slower than the
    /// processor's and may be another machine's.
    pub(super) fn moment(&self) -> io::Result<Moment> {
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&self.file, &Timestamps { last_access: now, last_modification: now })?;
        Ok(Identity::of(&self.file.metadata()?).modified())
    }
}
