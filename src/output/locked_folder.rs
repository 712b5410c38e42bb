//! File system calls on folders: open without following a symbolic link, `flock`, compare, rename without replacing,
//! sync. And the rename of a file that keeps what it replaces.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, open, renameat_with},
    io::{Errno, retry_on_intr},
};

use crate::report::is_at;

/// An open folder. A lock on it ends when this is dropped, or the process.
#[derive(Debug)]
pub(super) struct LockedFolder(File);

/// The result of an attempt to lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FolderLock {
    /// This process has the lock now.
    Taken,
    /// Another process has it.
    Busy,
    /// The file system has no such locks.
    Unknown,
}

impl LockedFolder {
    /// Opens the folder at `path`; a link there is an error, links above it are followed.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self(File::from(open(path, flags, Mode::empty())?)))
    }

    /// Waits for the exclusive lock. The kernel wakes us; there is no loop.
    pub(super) fn lock(&self) -> io::Result<FolderLock> {
        self.flock(FlockOperation::LockExclusive)
    }

    /// Takes the exclusive lock unless another process has it.
    pub(super) fn try_lock(&self) -> io::Result<FolderLock> {
        self.flock(FlockOperation::NonBlockingLockExclusive)
    }

    fn flock(&self, operation: FlockOperation) -> io::Result<FolderLock> {
        match retry_on_intr(|| flock(&self.0, operation)) {
            Ok(()) => Ok(FolderLock::Taken),
            Err(Errno::WOULDBLOCK) => Ok(FolderLock::Busy),
            // Linux' NFS turns flock into a write lock, which a folder cannot have: EBADF.
            Err(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS | Errno::INVAL | Errno::BADF) => Ok(FolderLock::Unknown),
            Err(error) => Err(error.into()),
        }
    }

    /// What tells the folder from all others: by its path it may have several names.
    pub(super) fn identity(&self) -> io::Result<(u64, u64)> {
        let ours = self.0.metadata()?;
        Ok((ours.dev(), ours.ino()))
    }

    /// Whether `path` still names this folder.
    pub(super) fn is_at(&self, path: &Path) -> io::Result<bool> {
        is_at(&self.0, path)
    }
}

/// Renames a folder to a path where nothing is. Says no when something is.
pub(super) fn rename_folder(from: &Path, to: &Path) -> io::Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => return Ok(true),
        Err(Errno::EXIST) => return Ok(false),
        // The file system cannot promise it (NFS and others). A plain rename of a folder replaces nothing but an
        // empty folder, which is as good.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        Err(error) => return Err(error.into()),
    }
    match fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => Ok(false),
            _ => Err(error),
        },
    }
}

/// What had the name that a file got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReplacedFile {
    /// Nothing.
    Absent,
    /// A file, which has this name now.
    Kept(PathBuf),
    /// A file, which the file system could not keep.
    Lost,
}

/// Gives the file at `from` the name `to`, and keeps what had that name beside `from`. At every moment the one or the other is at
/// `to`.
///
/// # Errors
/// A folder is at `to`, or the system failed; then nothing has changed.
pub(super) fn replace_file(from: &Path, to: &Path) -> io::Result<ReplacedFile> {
    let exchange = match fs::symlink_metadata(to) {
        // An exchange would take it, a rename does not.
        Ok(there) if there.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => RenameFlags::EXCHANGE,
        Err(error) if error.kind() == io::ErrorKind::NotFound => RenameFlags::NOREPLACE,
        Err(error) => return Err(error),
    };
    let is_there = exchange == RenameFlags::EXCHANGE;
    match renameat_with(CWD, from, CWD, to, exchange) {
        Ok(()) if is_there => return Ok(ReplacedFile::Kept(from.to_owned())),
        Ok(()) => return Ok(ReplacedFile::Absent),
        // The file system cannot do that (NFS and others).
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
        // It came or went since we looked.
        Err(Errno::EXIST | Errno::NOENT) if from.exists() => {}
        Err(error) => return Err(error.into()),
    }
    let kept = from.with_extension("replaced");
    let is_kept = fs::hard_link(to, &kept).is_ok();
    fs::rename(from, to)?;
    Ok(match (is_kept, is_there) {
        (true, _) => ReplacedFile::Kept(kept),
        (false, true) => ReplacedFile::Lost,
        (false, false) => ReplacedFile::Absent,
    })
}

/// Undoes [`replace_file`].
///
/// # Errors
/// What was replaced is lost, or the system failed: the new file is at `to`.
pub(super) fn restore_file(from: &Path, to: &Path, replaced: &ReplacedFile) -> io::Result<()> {
    match replaced {
        ReplacedFile::Absent => fs::rename(to, from),
        ReplacedFile::Kept(kept) => fs::rename(kept, to),
        ReplacedFile::Lost => Err(io::Error::other("the file system could not keep what was there")),
    }
}

/// Makes the names in the folder at `path` durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = File::open(path)?;
    match folder.sync_all() {
        // Some file systems cannot sync a folder and say so; there is nothing more to do on them.
        Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::INVAL | Errno::NOTSUP | Errno::BADF)) => {
            Ok(())
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_lock_excludes_others_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (LockedFolder::open(dir.path()).unwrap(), LockedFolder::open(dir.path()).unwrap());
        assert_eq!(first.lock().unwrap(), FolderLock::Taken);
        assert_eq!(second.try_lock().unwrap(), FolderLock::Busy);
        drop(first);
        assert_eq!(second.try_lock().unwrap(), FolderLock::Taken);
    }

    #[test]
    fn a_file_that_is_replaced_can_be_restored() {
        let dir = tempfile::tempdir().unwrap();
        let (new, name) = (dir.path().join("new"), dir.path().join("name"));
        let read = || fs::read_to_string(&name).ok();
        fs::write(&new, "new").unwrap();
        assert_eq!(replace_file(&new, &name).unwrap(), ReplacedFile::Absent);
        assert_eq!(read().as_deref(), Some("new"));
        restore_file(&new, &name, &ReplacedFile::Absent).unwrap();
        assert_eq!(read(), None);
        fs::write(&name, "old").unwrap();
        let replaced = replace_file(&new, &name).unwrap();
        assert!(matches!(replaced, ReplacedFile::Kept(_)) && read().as_deref() == Some("new"));
        restore_file(&new, &name, &replaced).unwrap();
        assert_eq!(read().as_deref(), Some("old"));
        fs::remove_file(&name).unwrap();
        fs::create_dir(&name).unwrap();
        fs::write(&new, "new").unwrap();
        assert!(replace_file(&new, &name).is_err() && name.is_dir());
    }

    #[test]
    fn links_are_not_opened_and_a_renamed_folder_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link, moved) = (dir.path().join("real"), dir.path().join("link"), dir.path().join("moved"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(LockedFolder::open(&link).is_err());
        let folder = LockedFolder::open(&real).unwrap();
        assert!(folder.is_at(&real).unwrap());
        fs::rename(&real, &moved).unwrap();
        assert!(!folder.is_at(&real).unwrap());
        assert!(folder.is_at(&moved).unwrap());
    }
}
