//! The folders that a call created for its outputs; those that stay empty are removed.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::temp_folder::sweep_outputs;
use crate::report::{
    ErrorName, Failure,
    unfinished::{Step, Unfinished},
};

/// The folders that were made for the outputs of one call. Dropped, it removes those that are empty: what failed leaves
/// no folder behind, and what succeeded is in its own.
///
/// All stagings of a call share one, so that the folder of several images goes with the last of them.
#[derive(Debug, Default)]
pub struct CreatedFolders {
    created: Mutex<Vec<(PathBuf, Unfinished)>>,
    /// Folders from which this call has removed what was left in them.
    swept: Mutex<BTreeSet<PathBuf>>,
}

impl CreatedFolders {
    /// Makes `folder` and what is missing above it.
    ///
    /// # Errors
    /// The system does not allow it, or there is a file.
    pub fn make(&self, folder: &Path) -> Result<(), Failure> {
        let missing = |path: &Path| {
            fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
                && !path.as_os_str().is_empty()
        };
        let mut above: Vec<_> = folder.ancestors().take_while(|path| missing(path)).collect();
        above.reverse();
        for path in above {
            let step = Step::begin();
            match fs::create_dir(path) {
                Ok(()) => {
                    let entry = Unfinished::folder_of_results(path, &step);
                    self.created.lock().push((path.to_owned(), entry));
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
                Err(error) => {
                    let failure = Failure::io("create the folder", path, &error);
                    let is_file = error.kind() == io::ErrorKind::AlreadyExists;
                    return Err(if is_file { failure.named(ErrorName::FileKind) } else { failure });
                }
            }
        }
        Ok(())
    }

    /// The folders, in the order in which they were made: the highest first.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.created.lock().iter().map(|(path, _)| path.clone()).collect()
    }

    /// Removes from `folder` what builds left there that were killed, once a call.
    pub(super) fn sweep(&self, folder: &Path) {
        if self.swept.lock().insert(folder.to_owned()) {
            sweep_outputs(folder);
        }
    }
}

impl Drop for CreatedFolders {
    fn drop(&mut self) {
        let created = self.created.get_mut();
        // Where a signal ends the process, its thread removes them, after what was in them.
        let _step = (!created.is_empty()).then(Step::begin);
        for (path, _) in created.iter().rev() {
            // Only an empty folder can be removed this way, so no file of the user is lost.
            let _ = fs::remove_dir(path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn empty_folders_are_removed_and_used_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        let created = CreatedFolders::default();
        created.make(&deep).unwrap();
        assert_eq!(created.paths().len(), 3);
        fs::write(dir.path().join("a/kept"), "").unwrap();
        drop(created);
        assert!(dir.path().join("a/kept").exists() && !dir.path().join("a/b").exists());
    }
}
