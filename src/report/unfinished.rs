//! What this process has made and not finished: temporary files and folders, which nothing may find once it has ended.
//!
//! The code that makes one removes it, or gives it the name that it was made for. A signal ends the process without that; then
//! [`end`] gives the list. All of the process share the list, because a signal ends all of it.
//!
//! A [`Step`] keeps a signal from ending the process between two calls of the system that belong together: a file is made and
//! put on the list, images get their names. The end waits for the steps that have begun, and a thread that begins another one
//! after that waits for ever.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::Duration,
};

use parking_lot::{Mutex, RwLock, RwLockReadGuard};

/// Read by steps, and written by the end, which keeps it.
static GATE: RwLock<()> = RwLock::new(());
/// By the order in which they were made.
static LIST: Mutex<BTreeMap<u64, UnfinishedPath>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(0);
static IS_ENDING: AtomicBool = AtomicBool::new(false);

/// While there is one, no signal ends the process. Nobody has one for long.
#[derive(Debug)]
pub struct Step(#[expect(dead_code, reason = "it is held")] RwLockReadGuard<'static, ()>);

impl Step {
    /// Begins a step. Never comes back where a signal is ending the process.
    pub fn begin() -> Self {
        // Also inside of another step: one that has begun is let to its end.
        Self(GATE.read_recursive())
    }
}

/// Something on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnfinishedPath {
    /// A temporary file, or a temporary folder with all that is in it.
    Temporary(PathBuf),
    /// A folder that was made for results, and goes where it stays empty.
    FolderOfResults(PathBuf),
}

/// An entry of the list, which is taken off when this is dropped.
#[derive(Debug)]
pub struct Unfinished(u64);

impl Unfinished {
    /// Puts a temporary file or folder on the list, in the step that made it.
    pub fn temporary(path: &Path, _step: &Step) -> Self {
        Self::put(UnfinishedPath::Temporary(absolute(path)))
    }

    /// Puts a folder on the list that was made for results, in the step that made it.
    pub fn folder_of_results(path: &Path, _step: &Step) -> Self {
        Self::put(UnfinishedPath::FolderOfResults(absolute(path)))
    }

    fn put(path: UnfinishedPath) -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        LIST.lock().insert(number, path);
        Self(number)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        LIST.lock().remove(&self.0);
    }
}

/// Begins the end of the process, which follows: what is on the list, the last first, once no step is under way. None where
/// steps take longer than `patience`; then nothing may be removed, because it may be in use.
pub fn end(patience: Duration) -> Option<Vec<UnfinishedPath>> {
    IS_ENDING.store(true, Ordering::Relaxed);
    let gate = GATE.try_write_for(patience)?;
    // No thread begins a step from here on.
    std::mem::forget(gate);
    Some(LIST.lock().values().rev().cloned().collect())
}

/// Waits for the end of the process, where a signal is ending it: what fails now fails because of that, and is not told.
pub fn wait_if_ending() {
    while IS_ENDING.load(Ordering::Relaxed) {
        thread::park();
    }
}

/// The path from the root, without following links.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_on_the_list_until_it_is_dropped() {
        let is_listed = || LIST.lock().values().any(|path| *path == UnfinishedPath::Temporary("/a/b".into()));
        let entry = Unfinished::temporary(Path::new("/a/b"), &Step::begin());
        assert!(is_listed());
        drop(entry);
        assert!(!is_listed());
    }
}
