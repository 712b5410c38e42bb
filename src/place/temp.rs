//! Temporary folders that say whether their owner still lives.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::{Builder, NamedTempFile, TempDir};

use super::folder::Folder;
use crate::{
    oci::Digest,
    report::{Failure, Limits},
};

/// How many random characters end a temporary name.
const RANDOM: usize = 8;
/// What every temporary name has before them.
const MARK: &str = ".hardpan-";
/// How often a folder may be swept away from under us before we give up; once is rare already.
const ATTEMPTS: usize = 16;

/// A temporary folder, removed when dropped.
#[derive(Debug)]
pub(super) struct Temp {
    // Dropped in this order: the lock is held until the folder is gone.
    dir: TempDir,
    /// None where the folder around it is locked.
    _lock: Option<Folder>,
}

impl Temp {
    /// Makes and locks a folder `{prefix}XXXXXXXX` in `parent`.
    ///
    /// Between its making and its locking a sweep may take it for an abandoned one. The sweep holds the lock while
    /// it removes, so once we have the lock, the folder is either still there and ours, or gone: then again.
    pub(super) fn create(parent: &Path, prefix: &OsStr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let dir = Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(parent)?;
            let lock = match Folder::open(dir.path()) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            lock.lock()?;
            if lock.is_at(dir.path())? {
                return Ok(Self { dir, _lock: Some(lock) });
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "somebody keeps removing the temporary folder"))
    }

    /// Makes the folder `name` in `parent`, which is a temporary one itself and has the lock.
    pub(super) fn named(parent: &Path, name: &OsStr) -> io::Result<Self> {
        let dir = Builder::new().prefix(name).rand_bytes(0).tempdir_in(parent)?;
        Ok(Self { dir, _lock: None })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves the folder where it is from now on: it has become something else.
    pub(super) fn keep(&mut self) {
        self.dir.disable_cleanup(true);
    }
}

/// A file without its name, beside where it will be: one that trees, compiles and git pass over while it is there.
pub fn staging_file(folder: &Path) -> io::Result<NamedTempFile> {
    // With the umask, as any file a tool writes: the next step of a pipeline may be another user.
    let open = fs::Permissions::from_mode(0o666);
    Builder::new().prefix(MARK).rand_bytes(RANDOM).permissions(open).tempfile_in(folder)
}

/// The prefix of staging folders inside a layout.
pub(super) fn inner_prefix() -> OsString {
    MARK.into()
}

/// The prefix of staging folders beside the layout called `name`.
pub(super) fn sibling_prefix(name: &OsStr) -> OsString {
    let bytes = name.as_encoded_bytes();
    let mut prefix = OsString::from(".");
    if bytes.len() + MARK.len() + RANDOM < Limits::NAME_BYTES {
        prefix.push(name);
    } else {
        // A name this long has no room for ours around it.
        prefix.push(Digest::of(bytes).hex());
    }
    prefix.push(MARK);
    prefix
}

/// The prefix of a name that [`Temp::create`] gives; `None` for other names.
fn prefix_of(name: &OsStr) -> Option<&[u8]> {
    let bytes = name.as_encoded_bytes();
    let (prefix, random) = bytes.split_at(bytes.len().checked_sub(RANDOM)?);
    (prefix.ends_with(MARK.as_bytes()) && random.iter().all(u8::is_ascii_alphanumeric)).then_some(prefix)
}

/// Whether a folder or file of this name is one in which an output is staged: nobody's input, and gone in a moment.
pub fn is_staging_name(name: &OsStr) -> bool {
    prefix_of(name).is_some_and(|prefix| prefix.starts_with(b"."))
}

/// Whether `name` is one that [`Temp::create`] gives with this prefix.
pub(super) fn is_temp_name(name: &OsStr, prefix: &OsStr) -> bool {
    prefix_of(name) == Some(prefix.as_encoded_bytes())
}

/// Parents that were made for a layout; the empty ones go again when this is dropped.
#[derive(Debug, Default)]
pub(super) struct MadeParents(Vec<PathBuf>);

impl MadeParents {
    /// Makes `folder` and what is missing above it.
    pub(super) fn create(folder: &Path) -> Result<Self, Failure> {
        let missing = |path: &Path| {
            fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
                && !path.as_os_str().is_empty()
        };
        let mut above: Vec<_> = folder.ancestors().take_while(|path| missing(path)).collect();
        above.reverse();
        let mut made = Self::default();
        for path in above {
            match fs::create_dir(path) {
                Ok(()) => made.0.push(path.to_owned()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => return Err(Failure::io("create the folder", path, &error)),
            }
        }
        Ok(made)
    }

    /// The folders, the highest first.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.0
    }
}

impl Drop for MadeParents {
    fn drop(&mut self) {
        for path in self.0.iter().rev() {
            // Only an empty folder can be removed this way, so nothing of anybody is lost.
            let _ = fs::remove_dir(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::siblings::Siblings, *};

    fn sweep(parent: &Path, prefix: &OsStr) {
        Siblings::default().sweep(parent, prefix);
    }

    #[test]
    fn only_our_own_abandoned_folders_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = sibling_prefix(OsStr::new("hello"));
        let alive = Temp::create(dir.path(), &prefix).unwrap();
        let stay = [".hello.hardpan-abc", ".hello.hardpan-abcdefgh.d", ".other.hardpan-abcdefgh", "hello"];
        for name in stay {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let file = dir.path().join(".hello.hardpan-file1234");
        fs::write(&file, "not a folder").unwrap();
        let stale = dir.path().join(".hello.hardpan-abcdefgh");
        fs::create_dir_all(stale.join("blobs/sha256")).unwrap();
        sweep(dir.path(), &prefix);
        assert!(!stale.exists());
        assert!(alive.path().exists() && file.exists());
        assert!(stay.iter().all(|name| dir.path().join(name).exists()));
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }

    #[test]
    fn makers_and_siblingss_at_once_leave_every_maker_with_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = inner_prefix();
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..150 {
                            let temp = Temp::create(dir.path(), &prefix).unwrap();
                            fs::write(temp.path().join("x"), "x").unwrap();
                            assert!(temp.path().join("x").exists());
                        }
                    })
                })
                .collect();
            let (dir, prefix) = (&dir, &prefix);
            scope.spawn(move || {
                while makers.iter().any(|maker| !maker.is_finished()) {
                    sweep(dir.path(), prefix);
                }
            });
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_of_255_bytes_still_has_a_sibling() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = sibling_prefix(OsStr::new(&"n".repeat(255)));
        assert!(Temp::create(dir.path(), &prefix).is_ok());
    }

    #[test]
    fn empty_parents_go_again_and_used_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        let made = MadeParents::create(&deep).unwrap();
        assert_eq!(made.paths().len(), 3);
        fs::write(dir.path().join("a/kept"), "").unwrap();
        drop(made);
        assert!(dir.path().join("a/kept").exists() && !dir.path().join("a/b").exists());
    }
}
