//! [`CacheLock`]: the lock of the cache folder, and the clock of its file system.

use std::{
    fs::{self, File, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use rustix::{
    fs::{Access, FlockOperation, Timespec, Timestamps, UTIME_NOW, flock, futimens},
    io::{Errno, retry_on_intr},
};

use super::{
    folder_owner::distrust,
    identity::{Identity, Moment},
    regular_file::{open_lock_file, open_regular},
};
use crate::report::printable;

/// The name of the file that is locked.
const LOCK: &str = "lock";

/// The advisory lock of the cache: shared while the cache is used, exclusive while something is removed. It ends with the
/// process.
#[derive(Debug)]
pub(super) struct CacheLock {
    file: File,
    /// The file system has such locks.
    works: bool,
    /// The system's error number, where the cache can only be read.
    denied: Option<i32>,
}

impl CacheLock {
    /// Makes the folder `root` and takes its lock, shared with others. An existing folder may be read-only, such as the cache
    /// of an earlier run of a pipeline.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::PermissionDenied`] without a number for a folder whose owner is not trusted.
    pub(super) fn take(root: &Path) -> io::Result<Self> {
        if let Ok(Some(why)) = distrust(root) {
            return Err(untrusted(&why));
        }
        let error = match Self::open(root) {
            Ok(file) => return Self::share_of(file, None),
            Err(error) => error,
        };
        if ![io::ErrorKind::PermissionDenied, io::ErrorKind::ReadOnlyFilesystem].contains(&error.kind()) {
            return Err(error);
        }
        // Without a lock file nothing removes anything either: the folder stands for it.
        let file = open_regular(&root.join(LOCK)).or_else(|_| fs::read_dir(root).and_then(|_| File::open(root)));
        match file {
            Ok(file) => Self::share_of(file, error.raw_os_error()),
            Err(_) => Err(error),
        }
    }

    /// Why the cache cannot be written; none where it can.
    pub(super) fn denial(&self) -> Option<io::Error> {
        self.denied.map(io::Error::from_raw_os_error)
    }

    fn open(root: &Path) -> io::Result<File> {
        if !root.is_dir() {
            fs::create_dir_all(root)?;
            // What is in it may come from private sources.
            fs::set_permissions(root, Permissions::from_mode(0o700))?;
        }
        let file = open_lock_file(&root.join(LOCK))?;
        // A lock that is there can be opened where nothing can be added.
        rustix::fs::access(root, Access::WRITE_OK | Access::EXEC_OK)?;
        Ok(file)
    }

    fn share_of(file: File, denied: Option<i32>) -> io::Result<Self> {
        let works = match retry_on_intr(|| flock(&file, FlockOperation::LockShared)) {
            Ok(()) => true,
            Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS | Errno::INVAL | Errno::BADF) => false,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { file, works, denied })
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

/// The error about a cache whose folder is not trusted.
pub(super) fn untrusted(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, printable(why).into_owned())
}
