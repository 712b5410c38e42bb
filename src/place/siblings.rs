//! What the images of one call have in common where they are written: folders that are looked through once, parents that
//! go when none of them stays, one marker file.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use super::{
    Form,
    folder::{Folder, Lock},
    new_parent::NewParent,
    site::{parent_of, plain},
    temp::{MadeParents, is_staging_name, is_temp_name, sibling_prefix},
};
use crate::{cache::Identity, report::Failure};

/// The images of one call.
///
/// It removes temporary folders whose owner is gone, a folder being listed once, however many images go there. Dropped, it
/// removes those parents that were made for images and are empty: each image removes its own, but not while another one is
/// still there.
#[derive(Debug, Default)]
pub struct Siblings {
    listed: Mutex<BTreeMap<PathBuf, Vec<OsString>>>,
    made: Mutex<Vec<PathBuf>>,
    marker: Arc<Marker>,
    parent: Mutex<Parent>,
}

/// The folder that the images go to.
#[derive(Debug, Default)]
enum Parent {
    /// It is there, or there is only one image, or not one folder.
    #[default]
    Usual,
    /// All images go to this one, which nobody has looked for yet.
    Common(PathBuf),
    /// It was not there, and they are staged in it.
    New(Arc<NewParent>),
}

/// The first marker file that was staged: the others are further names of it, as layers are that several images have. It
/// takes a quarter of the time of a file.
#[derive(Debug, Default)]
pub(super) struct Marker(OnceLock<(PathBuf, Identity)>);

impl Marker {
    /// Puts the marker with these bytes at `path`.
    pub(super) fn put(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let look = || fs::symlink_metadata(path).map(|meta| Identity::of(&meta));
        if let Some((first, identity)) = self.0.get()
            && fs::hard_link(first, path).is_ok()
        {
            if look()?.is_renamed(identity) {
                return Ok(());
            }
            fs::remove_file(path)?;
        }
        fs::write(path, bytes)?;
        if self.0.get().is_none() {
            let _ = self.0.set((path.to_owned(), look()?));
        }
        Ok(())
    }
}

impl Siblings {
    /// Those that will be written at `paths`.
    pub fn at<'a>(paths: impl IntoIterator<Item = &'a Path>, form: Form) -> Self {
        let parent =
            |path: &Path| plain(path).ok().filter(|path| NewParent::has_room_for(path)).map(|path| parent_of(&path));
        let parents: Vec<_> = paths.into_iter().map(parent).collect();
        let parent = match parents.as_slice() {
            [Some(first), _, ..] if form == Form::Layout && parents.windows(2).all(|two| two[0] == two[1]) => {
                Parent::Common(first.clone())
            }
            _ => Parent::Usual,
        };
        Self { listed: Mutex::default(), made: Mutex::default(), marker: Arc::default(), parent: Mutex::new(parent) }
    }

    /// The folder of all images, where it was not there when the first of them was begun.
    ///
    /// # Errors
    /// It, or what is above it, cannot be made.
    pub(super) fn new_parent(&self) -> Result<Option<Arc<NewParent>>, Failure> {
        let mut parent = self.parent.lock().unwrap_or_else(PoisonError::into_inner);
        let common = match &*parent {
            Parent::Usual => return Ok(None),
            Parent::New(new) => return Ok(Some(Arc::clone(new))),
            Parent::Common(path) => path.clone(),
        };
        let new = NewParent::begin(&common)?.map(Arc::new);
        *parent = new.clone().map_or(Parent::Usual, Parent::New);
        Ok(new)
    }

    /// Removes the temporary folders of killed builds of the image at `path`, by itself or with others in a parent that was
    /// new.
    pub(super) fn sweep_around(&self, path: &Path) {
        let parent = parent_of(path);
        for path in [parent.as_path(), path] {
            if let Some(name) = path.file_name() {
                self.sweep(&parent_of(path), &sibling_prefix(name));
            }
        }
    }

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

    /// The marker file that they share.
    pub(super) fn marker(&self) -> Arc<Marker> {
        Arc::clone(&self.marker)
    }

    /// Notes which parents were made for an image.
    pub(super) fn note(&self, made: &MadeParents) {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).extend(made.paths().iter().cloned());
    }
}

impl Drop for Siblings {
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
    entries.flatten().map(|entry| entry.file_name()).filter(|name| is_staging_name(name)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn markers_are_one_file_unless_somebody_has_changed_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let inode = |name: &str| fs::metadata(path(name)).unwrap().ino();
        let marker = Marker::default();
        for name in ["a", "b"] {
            marker.put(&path(name), b"marker").unwrap();
        }
        assert_eq!(inode("a"), inode("b"));
        fs::write(path("a"), "other bytes").unwrap();
        marker.put(&path("c"), b"marker").unwrap();
        assert_ne!(inode("a"), inode("c"));
        fs::remove_file(path("a")).unwrap();
        marker.put(&path("d"), b"marker").unwrap();
        assert!(["c", "d"].iter().all(|name| fs::read(path(name)).unwrap() == b"marker"));
    }
}
