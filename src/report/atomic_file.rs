//! Files that are old or new, and never half written.
//!
//! The one way to write such a file: the cache, locks, reports, recipes of `init` and notes of compiles use it. Content goes
//! to a file with a temporary name in the folder of the result, which a rename gives its own name. Another process sees the
//! file as it was before or as it is after, and a write that fails leaves nothing behind.
//!
//! A process that is killed leaves its temporary files. Each has a lock, which ends with its process: so others know which
//! ones are nobody's any more, and [`AtomicFile::remove_abandoned`] removes those.

use std::{
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::{Errno, retry_on_intr},
};
use tempfile::{Builder, NamedTempFile};

use super::unfinished::{Step, Unfinished};

/// Random characters at the end of a temporary name.
const RANDOM: usize = 8;
/// How often a file may be taken for an abandoned one, between its making and its locking, before we give up.
const ATTEMPTS: usize = 16;

/// Who may read and write the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// Whoever the umask lets, as with any file that a tool writes: other users read it in the next step.
    Umask,
    /// The user alone.
    Private,
}

/// A file that has no name of its own yet. Dropped, it is removed; so it is when a signal ends the process.
#[derive(Debug)]
pub struct AtomicFile {
    file: NamedTempFile,
    #[expect(dead_code, reason = "it is on the list as long as the file has its temporary name")]
    entry: Unfinished,
}

impl AtomicFile {
    /// Creates an empty file in `folder`. Its temporary name is `prefix` and random characters.
    ///
    /// # Errors
    /// The file cannot be created there.
    pub fn create(folder: &Path, prefix: &str, access: FileAccess) -> io::Result<Self> {
        let mode = match access {
            FileAccess::Umask => 0o666,
            FileAccess::Private => 0o600,
        };
        let mut builder = Builder::new();
        builder.prefix(prefix).rand_bytes(RANDOM).permissions(Permissions::from_mode(mode));
        for _ in 0..ATTEMPTS {
            let step = Step::begin();
            let file = builder.tempfile_in(folder)?;
            let entry = Unfinished::temporary(file.path(), &step);
            // A file system without such locks is used without; nothing is removed there as abandoned.
            let _ = retry_on_intr(|| flock(file.as_file(), FlockOperation::LockExclusive));
            if is_at(file.as_file(), file.path())? {
                return Ok(Self { file, entry });
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process keeps removing the temporary file"))
    }

    /// Removes the file at `path`, which has a name that [`create`](Self::create) gives, where the process that made it has ended.
    /// What is no regular file stays, and so does what cannot be removed.
    pub fn remove_abandoned(path: &Path) {
        // For a lock, NFS needs a file that is open for writing.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
        let Ok(file) = File::options().read(true).write(true).custom_flags(flags).open(path) else { return };
        let is_file = file.metadata().is_ok_and(|meta| meta.is_file());
        let is_free = || {
            let taken: Result<(), Errno> = retry_on_intr(|| flock(&file, FlockOperation::NonBlockingLockExclusive));
            taken.is_ok()
        };
        // The second look: it may have got its name before we got the lock.
        if is_file && is_free() && is_at(&file, path).unwrap_or(false) {
            let _ = fs::remove_file(path);
        }
    }

    /// Where it is until it gets its name.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Brings what was written to the disk, so that a power failure after the rename does not leave an empty file.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn sync(&self) -> io::Result<()> {
        self.file.as_file().sync_all()
    }

    /// Gives the file the name `path`, in the folder where it was created. A file of that name is replaced.
    ///
    /// # Errors
    /// The rename fails. The file of that name is as it was, and the new one is removed.
    pub fn replace(self, path: &Path) -> io::Result<File> {
        self.file.persist(path).map_err(|error| error.error)
    }

    /// [`Self::replace`], but only where nothing has that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where something has it, or the rename fails. The new file is removed.
    pub fn publish_new(self, path: &Path) -> io::Result<File> {
        self.file.persist_noclobber(path).map_err(|error| error.error)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Whether `path` names this file or folder, and not through a link.
///
/// # Errors
/// The system's, but for a path with nothing at it.
pub fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok(there.dev() == ours.dev() && there.ino() == ours.ino()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The folder that a file at `path` is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_old_until_it_is_new_and_a_dropped_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let mut file = AtomicFile::create(folder.path(), ".new-", FileAccess::Umask).unwrap();
        file.write_all(b"new").unwrap();
        file.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()).len(), 2);
        file.replace(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        drop(AtomicFile::create(folder.path(), ".new-", FileAccess::Umask).unwrap());
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn a_rename_that_fails_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let create = || AtomicFile::create(folder.path(), ".new-", FileAccess::Umask).unwrap();
        assert_eq!(create().publish_new(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        fs::create_dir(folder.path().join("folder")).unwrap();
        assert!(create().replace(&folder.path().join("folder")).is_err());
        assert_eq!(names(folder.path()), ["file", "folder"]);
        create().publish_new(&folder.path().join("other")).unwrap();
        assert_eq!(names(folder.path()), ["file", "folder", "other"]);
    }

    #[test]
    fn a_private_file_is_read_by_its_user_alone_and_others_as_the_umask_says() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = |name: &str| folder.path().join(name);
        fs::write(path("usual"), "").unwrap();
        for (name, access) in [("umask", FileAccess::Umask), ("private", FileAccess::Private)] {
            AtomicFile::create(folder.path(), ".new-", access).unwrap().replace(&path(name)).unwrap();
        }
        assert_eq!(mode(&path("umask")), mode(&path("usual")));
        assert_eq!(mode(&path("private")), 0o600);
    }

    #[test]
    fn a_file_is_abandoned_when_its_process_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = AtomicFile::create(folder.path(), ".new-", FileAccess::Umask).unwrap();
        let path = file.path().to_owned();
        AtomicFile::remove_abandoned(&path);
        assert!(path.exists());
        // As it is after a kill: without its lock, and there.
        let kept = file.file.keep().unwrap();
        drop(kept);
        AtomicFile::remove_abandoned(&path);
        assert!(!path.exists());
        fs::create_dir(&path).unwrap();
        AtomicFile::remove_abandoned(&path);
        assert!(path.exists());
        let (other, link) = (folder.path().join("other"), folder.path().join("link"));
        fs::write(&other, "").unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        AtomicFile::remove_abandoned(&link);
        assert!(other.exists() && link.exists());
    }

    #[test]
    fn the_folder_of_a_bare_name_is_the_current_one() {
        assert_eq!(folder_of(Path::new("file")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/file")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/file")), Path::new("/"));
    }
}
