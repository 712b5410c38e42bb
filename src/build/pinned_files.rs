//! The pinned files of a resolver, by path, so that entries and platforms share them.

use std::{collections::BTreeMap, ffi::OsStr, path::Path};

use super::pinned::PinnedFile;

/// Files by their folders, and by their names in there; both are compared by bytes.
#[derive(Debug, Default)]
pub(super) struct PinnedFiles(BTreeMap<Box<OsStr>, Vec<PinnedFile>>);

impl PinnedFiles {
    /// The file at `path`.
    pub(super) fn get(&self, path: &Path) -> Option<PinnedFile> {
        self.find(path.parent()?, path.file_name()?)
    }

    /// The file of that name in `folder`.
    pub(super) fn find(&self, folder: &Path, name: &OsStr) -> Option<PinnedFile> {
        let files = self.0.get(folder.as_os_str())?;
        let at = files.binary_search_by(|file| file.name().cmp(name)).ok()?;
        files.get(at).cloned()
    }

    /// Takes files; those that are there already stay.
    pub(super) fn extend(&mut self, files: impl IntoIterator<Item = PinnedFile>) {
        let mut files = files.into_iter().peekable();
        while let Some(first) = files.next() {
            if !self.0.contains_key(first.folder()) {
                self.0.insert(first.folder().into(), Vec::new());
            }
            let Some(there) = self.0.get_mut(first.folder()) else { continue };
            there.push(first.clone());
            while let Some(next) = files.next_if(|next| next.folder() == first.folder()) {
                there.push(next);
            }
            // A stable sort: what was there comes before what is the same.
            there.sort_by(|one, other| one.name().cmp(other.name()));
            there.dedup_by(|later, earlier| later.name() == earlier.name());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn files_are_found_in_their_folder_and_the_first_of_a_path_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            PinnedFile::pin(&path, name, None).unwrap()
        };
        let mut files = PinnedFiles::default();
        files.extend([file("x/b", "1"), file("x/a", "2"), file("y/a", "3"), file("x/c", "4")]);
        files.extend([file("x/a", "other"), file("x/d", "5")]);
        for (path, size) in [("x/a", Some(1)), ("x/b", Some(1)), ("x/c", Some(1)), ("x/d", Some(1)), ("y/a", Some(1))] {
            assert_eq!(files.get(&folder.path().join(path)).map(|file| file.size()), size, "{path}");
        }
        for path in ["x/e", "a", "y", "y/a/b", ""] {
            assert!(files.get(&folder.path().join(path)).is_none(), "{path}");
        }
        assert!(files.get(Path::new("/")).is_none());
    }
}
