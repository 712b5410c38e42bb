//! What builds leave that were killed, or have failed.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::{
    folder::{Folder, Lock},
    temp::{MadeParents, is_temp_name, prefix_of},
};

/// Removes temporary folders whose owner is gone, a folder being listed once, however many images go there. Dropped, it
/// removes those parents that were made for images and are empty: each image removes its own, but not while another one is
/// still there.
#[derive(Debug, Default)]
pub struct Sweeper {
    listed: Mutex<BTreeMap<PathBuf, Vec<OsString>>>,
    made: Mutex<Vec<PathBuf>>,
}

impl Sweeper {
    /// Removes the temporary folders in `parent` that begin with `prefix` and whose owner is gone. What cannot be removed
    /// stays for the next time.
    pub(super) fn sweep(&self, parent: &Path, prefix: &OsStr) {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let names = listed.entry(parent.to_owned()).or_insert_with(|| list(parent));
        for name in names.extract_if(.., |name| is_temp_name(name, prefix)) {
            let path = parent.join(name);
            let Ok(folder) = Folder::open(&path) else { continue };
            // The second look: the owner may have renamed it to the layout itself before we got the lock.
            if matches!(folder.try_lock(), Ok(Lock::Taken)) && matches!(folder.is_at(&path), Ok(true)) {
                let _ = fs::remove_dir_all(&path);
            }
        }
    }

    /// Notes which parents were made for an image.
    pub(super) fn note(&self, made: &MadeParents) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).extend(made.paths().iter().cloned());
    }
}

impl Drop for Sweeper {
    fn drop(&mut self) {
        let mut made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        // What is below goes first.
        made.sort();
        for path in made.iter().rev() {
            let _ = fs::remove_dir(path);
        }
    }
}

/// The names of all temporary folders in `parent`.
fn list(parent: &Path) -> Vec<OsString> {
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    entries.flatten().map(|entry| entry.file_name()).filter(|name| prefix_of(name).is_some()).collect()
}
