//! Files that are old or new, and never half written.
//!
//! The one way to write such a file: the cache, locks, reports, recipes of `init` and notes of compiles use it. Content goes
//! to a file with a temporary name in the folder of the result, which a rename gives its own name. Another process sees the
//! file as it was before or as it is after, and a write that fails leaves nothing behind.

use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

/// Random characters at the end of a temporary name.
const RANDOM: usize = 8;

/// Who may read and write the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileAccess {
    /// Whoever the umask lets, as with any file that a tool writes: other users read it in the next step.
    Umask,
    /// The user alone.
    Private,
}

/// A file that has no name of its own yet. Dropped, it is removed.
#[derive(Debug)]
pub struct AtomicFile(NamedTempFile);

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
        builder.tempfile_in(folder).map(Self)
    }

    /// Brings what was written to the disk, so that a power failure after the rename does not leave an empty file.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn sync(&self) -> io::Result<()> {
        self.0.as_file().sync_all()
    }

    /// Gives the file the name `path`, in the folder where it was created. A file of that name is replaced.
    ///
    /// # Errors
    /// The rename fails. The file of that name is as it was, and the new one is removed.
    pub fn replace(self, path: &Path) -> io::Result<File> {
        self.0.persist(path).map_err(|error| error.error)
    }

    /// [`Self::replace`], but only where nothing has that name.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where something has it, or the rename fails. The new file is removed.
    pub fn publish_new(self, path: &Path) -> io::Result<File> {
        self.0.persist_noclobber(path).map_err(|error| error.error)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The folder that a file at `path` is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

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
    fn the_folder_of_a_bare_name_is_the_current_one() {
        assert_eq!(folder_of(Path::new("file")), Path::new("."));
        assert_eq!(folder_of(Path::new("a/file")), Path::new("a"));
        assert_eq!(folder_of(Path::new("/file")), Path::new("/"));
    }
}
