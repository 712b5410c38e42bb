//! Temporary folders with a lock: a build holds the lock of its folder, so that the next build can remove the folders
//! of killed builds and no others. So it is with temporary files beside results.

use std::{
    ffi::{OsStr, OsString},
    fs, io,
    path::Path,
};

use tempfile::{Builder, TempDir};

use super::scratch_folder::remove_folder_in_use;
use crate::{
    image::LAYOUT_MARKER,
    oci::Digest,
    output::locked_folder::{FolderLock, LockedFolder},
    report::{
        AtomicFile, FileAccess, Limits,
        unfinished::{Step, Unfinished},
    },
};

/// How many random characters end a temporary name.
const RANDOM: usize = 8;
/// What every temporary name has before them.
const MARK: &str = ".hardpan-";
/// How often a folder may be swept away from under us before we give up; once is rare already.
const ATTEMPTS: usize = 16;

/// A temporary folder, removed when dropped, and when a signal ends the process.
#[derive(Debug)]
pub(super) struct TempFolder {
    // Dropped in this order: the lock is held until the folder is gone.
    dir: TempDir,
    lock: Option<LockedFolder>,
    /// None when the folder has become something else.
    entry: Option<Unfinished>,
}

impl TempFolder {
    /// Makes and locks a folder `{prefix}XXXXXXXX` in `parent`.
    ///
    /// Between its making and its locking a sweep may take it for an abandoned one. The sweep holds the lock while
    /// it removes, so once we have the lock, the folder is either still there and ours, or gone: then again.
    pub(super) fn create(parent: &Path, prefix: &OsStr) -> io::Result<Self> {
        for _ in 0..ATTEMPTS {
            let step = Step::begin();
            let dir = Builder::new().prefix(prefix).rand_bytes(RANDOM).tempdir_in(parent)?;
            let entry = Some(Unfinished::temporary(dir.path(), &step));
            drop(step);
            let lock = match LockedFolder::open(dir.path()) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            lock.lock()?;
            if lock.is_at(dir.path())? {
                return Ok(Self { dir, lock: Some(lock), entry });
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "another process keeps removing the temporary folder"))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Leaves the folder where it is from now on: it has become something else.
    pub(super) fn keep(&mut self) {
        self.dir.disable_cleanup(true);
        self.entry = None;
    }

    /// Lets others have the lock of the folder, which has become something else.
    pub(super) fn unlock(&mut self) {
        self.lock = None;
    }

    /// The folder is a temporary one again, at the path that it had.
    pub(super) fn take_back(&mut self) {
        let step = Step::begin();
        self.dir.disable_cleanup(false);
        self.entry = Some(Unfinished::temporary(self.dir.path(), &step));
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        if self.entry.is_some() {
            // Not while a signal's thread removes the same: each would take the other's removals for its own failures.
            let _step = Step::begin();
            let _ = remove_folder_in_use(self.dir.path());
        }
    }
}

/// A temporary file beside its final path, with a name that trees, compiles and git ignore. Removes those in the same folder whose
/// processes were killed.
///
/// # Errors
/// The file cannot be created there.
pub fn staging_file(folder: &Path, access: FileAccess) -> io::Result<AtomicFile> {
    sweep(folder);
    AtomicFile::create(folder, MARK, access)
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

/// The prefix of a name that [`TempFolder::create`] gives; `None` for other names.
fn prefix_of(name: &OsStr) -> Option<&[u8]> {
    let bytes = name.as_encoded_bytes();
    let (prefix, random) = bytes.split_at(bytes.len().checked_sub(RANDOM)?);
    (prefix.ends_with(MARK.as_bytes()) && random.iter().all(u8::is_ascii_alphanumeric)).then_some(prefix)
}

/// Whether a folder or file of this name is a temporary one of an output, which is never an input.
pub fn is_staging_name(name: &OsStr) -> bool {
    prefix_of(name).is_some_and(|prefix| prefix.starts_with(b"."))
}

/// Whether `name` is one that [`TempFolder::create`] gives with this prefix.
pub(super) fn is_temp_name(name: &OsStr, prefix: &OsStr) -> bool {
    prefix_of(name) == Some(prefix.as_encoded_bytes())
}

/// Removes the temporary folders and files in `parent` whose processes were killed, of whatever output they are, and those inside
/// of layouts there. What cannot be removed stays for the next time.
pub(super) fn sweep_outputs(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if is_staging_name(&entry.file_name()) {
            remove_abandoned(&path);
        } else if fs::symlink_metadata(path.join(LAYOUT_MARKER)).is_ok_and(|marker| marker.is_file()) {
            sweep(&path);
        }
    }
}

/// Removes the temporary folders and files in `parent` whose processes were killed.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    entries
        .flatten()
        .filter(|entry| is_staging_name(&entry.file_name()))
        .for_each(|entry| remove_abandoned(&entry.path()));
}

/// Removes a temporary folder or file, if no process has its lock.
fn remove_abandoned(path: &Path) {
    let Ok(folder) = LockedFolder::open(path) else { return AtomicFile::remove_abandoned(path) };
    // The second look: the owner may have renamed it to the layout itself before we got the lock.
    if matches!(folder.try_lock(), Ok(FolderLock::Taken)) && matches!(folder.is_at(path), Ok(true)) {
        let _ = fs::remove_dir_all(path);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_abandoned_is_swept_whatever_output_it_is_of() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = sibling_prefix(OsStr::new("hello"));
        let alive = TempFolder::create(dir.path(), &prefix).unwrap();
        let written = staging_file(dir.path(), FileAccess::Umask).unwrap();
        let stay = [".hello.hardpan-abc", ".hello.hardpan-abcdefgh.d", "hello.hardpan-abcdefgh", "hello"];
        for name in stay {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        let stale =
            [".hello.hardpan-abcdefgh", ".other.hardpan-abcdefgh", ".hardpan-abcdefgh", "layout/.hardpan-12345678"];
        let stale = stale.map(|name| dir.path().join(name));
        for folder in &stale {
            fs::create_dir_all(folder.join("blobs/sha256")).unwrap();
        }
        fs::write(dir.path().join("layout").join(LAYOUT_MARKER), "").unwrap();
        let file = dir.path().join(".hardpan-file1234");
        fs::write(&file, "of a lock that was killed").unwrap();
        sweep_outputs(dir.path());
        assert!(!stale.iter().any(|folder| folder.exists()) && !file.exists());
        assert!(alive.path().exists() && written.path().exists());
        assert!(stay.iter().all(|name| dir.path().join(name).exists()));
        let path = alive.path().to_owned();
        drop(alive);
        assert!(!path.exists());
    }

    #[test]
    fn makers_and_sweeps_at_once_leave_every_maker_with_its_folder() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = inner_prefix();
        std::thread::scope(|scope| {
            let makers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        for _ in 0..150 {
                            let temp = TempFolder::create(dir.path(), &prefix).unwrap();
                            fs::write(temp.path().join("x"), "x").unwrap();
                            assert!(temp.path().join("x").exists());
                        }
                    })
                })
                .collect();
            let dir = &dir;
            scope.spawn(move || {
                while makers.iter().any(|maker| !maker.is_finished()) {
                    sweep(dir.path());
                }
            });
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_name_of_255_bytes_still_has_a_sibling() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = sibling_prefix(OsStr::new(&"n".repeat(255)));
        assert!(TempFolder::create(dir.path(), &prefix).is_ok());
    }
}
