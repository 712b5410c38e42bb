//! [`ScratchFolder`]: a folder for the work of one call, where its caller has none that can be written.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::temp_folder::{TempFolder, inner_prefix, sweep};
use crate::report::{Failure, unfinished::Step};

/// A folder in the system's folder for temporary files. The first use makes it; dropped, it is removed with all that is in
/// it. The folder of a call that was killed is removed by the next call that makes one.
#[derive(Debug)]
pub struct ScratchFolder {
    parent: PathBuf,
    made: Mutex<Option<TempFolder>>,
}

impl ScratchFolder {
    /// One in the folder `parent`, for which nothing is made yet.
    pub fn below(parent: PathBuf) -> Self {
        Self { parent, made: Mutex::default() }
    }

    /// The folder for temporary files that it is made in.
    pub fn parent(&self) -> &Path {
        &self.parent
    }

    /// Whether a path is in the folder, if it was made.
    pub fn holds(&self, path: &Path) -> bool {
        self.made.lock().as_ref().is_some_and(|folder| path.starts_with(folder.path()))
    }

    /// The folder, and whether this use has made it.
    ///
    /// # Errors
    /// The folder for temporary files is not there, or cannot be written.
    pub fn path(&self) -> Result<(PathBuf, bool), Failure> {
        let mut made = self.made.lock();
        if let Some(folder) = &*made {
            return Ok((folder.path().to_owned(), false));
        }
        let create = || {
            // Canonical, as the checkout is: compilers are given both.
            let parent = fs::canonicalize(&self.parent)?;
            sweep(&parent);
            TempFolder::create(&parent, &inner_prefix())
        };
        let folder = create().map_err(|error| {
            Failure::io("create a folder to work in", &self.parent, &error)
                .hint("`TMPDIR` names the folder for temporary files: `export TMPDIR=/path/of/a/folder`")
        })?;
        let path = folder.path().to_owned();
        *made = Some(folder);
        Ok((path, true))
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        let Some(mut folder) = self.made.get_mut().take() else { return };
        let _step = Step::begin();
        folder.keep();
        let _ = remove_folder_in_use(folder.path());
    }
}

/// Removes a folder in which a process may still create files: those are removed in another try. One that is not there is
/// removed already.
///
/// # Errors
/// The system does not allow it.
pub fn remove_folder_in_use(folder: &Path) -> io::Result<()> {
    /// More files than any process has on their way at once.
    const TRIES: usize = 100;
    let mut result = Ok(());
    for _ in 0..TRIES {
        result = fs::remove_dir_all(folder);
        match &result {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            // What is missing may be a file in it that another process has removed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !fs::symlink_metadata(folder).is_ok_and(|meta| meta.is_dir()) {
                    return Ok(());
                }
            }
            _ => break,
        }
    }
    result
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn it_is_made_once_and_removed_with_what_is_in_it() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = ScratchFolder::below(parent.path().to_owned());
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        let (path, is_new) = scratch.path().unwrap();
        assert_eq!((is_new, scratch.path().unwrap()), (true, (path.clone(), false)));
        fs::create_dir(path.join("home")).unwrap();
        drop(scratch);
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        let nowhere = ScratchFolder::below(parent.path().join("nowhere")).path().unwrap_err();
        assert!(nowhere.hint.unwrap().contains("`TMPDIR`"));
    }
}
