//! The folder that all images of a call go to, where it is not there yet.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::{
    folder::rename_folder,
    site::parent_of,
    temp::{MadeParents, Temp, sibling_prefix},
};
use crate::report::Failure;

/// Says to git that nothing beside it is of interest, itself included.
const IGNORED: &str = ".gitignore";
/// How often what is above may vanish before we give up.
const ATTEMPTS: usize = 16;

/// A folder in which images are staged under the names that they will have: one rename makes it visible, with all of them in
/// it, where each image would take one of its own, and a lock.
///
/// Where somebody else has made the folder meanwhile, each image becomes visible by itself, as in a folder that was there.
///
/// It lies where the user's own files are, unlike what is staged in a folder for images, which people keep out of git: as
/// long as it is hidden it says so to git itself, whose answers may be in an image. Trees pass over it by its name.
#[derive(Debug)]
pub(super) struct NewParent {
    /// Where it will be.
    path: PathBuf,
    /// Where it is until then.
    hidden: PathBuf,
    /// Images that were begun in it.
    begun: AtomicUsize,
    /// Those of them that are complete.
    ready: AtomicUsize,
    state: Mutex<State>,
    /// What is above it. Dropped after the folder itself, which is in the last of them.
    made: MadeParents,
}

#[derive(Debug)]
struct State {
    temp: Temp,
    /// Whether it has become the folder; `None` before that was tried.
    is_visible: Option<bool>,
    /// The folder itself, as often as it was made for images that become visible by themselves.
    made: Vec<MadeParents>,
}

impl NewParent {
    /// Makes it, hidden beside where it will be. None where there is something already.
    ///
    /// # Errors
    /// It, or what is above it, cannot be made.
    pub(super) fn begin(path: &Path) -> Result<Option<Self>, Failure> {
        let is_missing = fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let Some(name) = path.file_name().filter(|_| is_missing) else { return Ok(None) };
        let above = parent_of(path);
        for _ in 0..ATTEMPTS {
            let made = MadeParents::create(&above)?;
            let temp = Temp::create(&above, &sibling_prefix(name)).and_then(|temp| {
                fs::write(temp.path().join(IGNORED), "*\n")?;
                Ok(temp)
            });
            match temp {
                Ok(temp) => {
                    return Ok(Some(Self {
                        path: path.to_owned(),
                        hidden: temp.path().to_owned(),
                        begun: AtomicUsize::new(0),
                        ready: AtomicUsize::new(0),
                        state: Mutex::new(State { temp, is_visible: None, made: Vec::new() }),
                        made,
                    }));
                }
                // A failed build just removed what it had made above.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::io("create the folder", path, &error)),
            }
        }
        Err(Failure::new("cannot create the folder: what is above it keeps vanishing").in_path(path))
    }

    /// Whether the name of an image is one that nothing in it has.
    pub(super) fn has_room_for(image: &Path) -> bool {
        image.file_name() != Some(OsStr::new(IGNORED))
    }

    /// Where it will be.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder for the image of that name.
    pub(super) fn stage(&self, name: &OsStr) -> io::Result<Temp> {
        Temp::named(&self.hidden, name)
    }

    /// Counts an image that is begun.
    pub(super) fn add_begun(&self) {
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an image that is complete.
    pub(super) fn add_ready(&self) {
        self.ready.fetch_add(1, Ordering::Relaxed);
    }

    /// Makes it visible with all that is in it, the first time it is called. Says no where each image has to do that itself:
    /// the folder is there, whoever made it.
    ///
    /// # Errors
    /// It cannot be made; nothing is visible.
    pub(super) fn show(&self) -> Result<bool, Failure> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_visible = *state.is_visible.get_or_insert_with(|| self.become_visible());
        if is_visible {
            state.temp.keep();
        } else {
            // Again for each image: a build that fails takes an empty folder away.
            state.made.push(MadeParents::create(&self.path)?);
        }
        Ok(is_visible)
    }

    fn become_visible(&self) -> bool {
        // Nothing becomes visible with the others before it is complete.
        let are_complete = self.begun.load(Ordering::Relaxed) == self.ready.load(Ordering::Relaxed);
        // What cannot be renamed as a whole may go one by one, and says itself what is in its way.
        are_complete
            && fs::remove_file(self.hidden.join(IGNORED)).is_ok()
            && rename_folder(&self.hidden, &self.path).unwrap_or(false)
    }

    /// The folders in which its name and those above it stand.
    pub(super) fn above(&self) -> impl Iterator<Item = PathBuf> {
        self.made.paths().iter().map(PathBuf::as_path).chain([self.path.as_path()]).map(parent_of)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{
        super::{
            Form, Publishing, ReadyImage, Siblings, Staging,
            sample::{build, index, is_clean, name},
        },
        *,
    };

    /// The folder of a test, the new one in it, and the paths of two images there.
    fn scene() -> (tempfile::TempDir, PathBuf, [PathBuf; 2]) {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().join("deep/out");
        let paths = ["a", "b"].map(|name| out.join(name));
        (dir, out, paths)
    }

    /// Both images, begun.
    fn begin(paths: &[PathBuf; 2]) -> [Staging; 2] {
        let siblings = Siblings::at(paths.iter().map(PathBuf::as_path), Form::Layout);
        paths.each_ref().map(|path| Staging::begin_among(path, Form::Layout, &siblings).unwrap())
    }

    fn ready(staging: Staging) -> ReadyImage {
        let root = index(&staging, "new");
        ReadyImage::new(staging, root, "new".to_owned()).unwrap()
    }

    fn publishing(staged: impl IntoIterator<Item = Staging>) -> Publishing {
        let mut publishing = Publishing::default();
        staged.into_iter().for_each(|staging| publishing.add(ready(staging)));
        publishing.sync().unwrap();
        publishing
    }

    #[test]
    fn all_images_become_visible_at_once() {
        let (dir, out, paths) = scene();
        let mut publishing = publishing(begin(&paths));
        assert!(!out.exists());
        publishing.publish_next().unwrap();
        assert_eq!(paths.each_ref().map(|path| name(path)), ["new", "new"]);
        publishing.publish_next().unwrap();
        publishing.finish().unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 2);
        assert!(is_clean(dir.path()) && !out.join(IGNORED).exists());
        // As any folder that is made.
        fs::create_dir(dir.path().join("usual")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions();
        assert_eq!(mode(&out), mode(&dir.path().join("usual")));
        assert_eq!(mode(&paths[0]), mode(&dir.path().join("usual")));
    }

    #[test]
    fn a_folder_that_has_come_meanwhile_keeps_what_is_in_it() {
        let (dir, out, paths) = scene();
        let mut publishing = publishing(begin(&paths));
        build(&paths[1], "old").unwrap();
        fs::write(out.join("note"), "somebody's").unwrap();
        publishing.publish_next().unwrap();
        assert_eq!((name(&paths[0]), name(&paths[1])), ("new".to_owned(), "old".to_owned()));
        publishing.publish_next().unwrap();
        publishing.finish().unwrap();
        assert_eq!(name(&paths[1]), "new");
        assert_eq!(fs::read(out.join("note")).unwrap(), b"somebody's");
        assert!(is_clean(dir.path()));
    }

    #[test]
    fn a_folder_that_comes_and_goes_is_made_again() {
        let (dir, out, paths) = scene();
        let staged = begin(&paths);
        let parent = staged[0].new_parent.clone().unwrap();
        let mut publishing = publishing(staged);
        fs::create_dir(&out).unwrap();
        assert!(!parent.show().unwrap());
        fs::remove_dir(&out).unwrap();
        drop(parent);
        publishing.publish_next().unwrap();
        publishing.publish_next().unwrap();
        publishing.finish().unwrap();
        assert_eq!(paths.each_ref().map(|path| name(path)), ["new", "new"]);
        assert!(is_clean(dir.path()));
    }

    #[test]
    fn what_is_not_complete_does_not_become_visible_with_the_others() {
        let (dir, out, paths) = scene();
        let [one, other] = begin(&paths);
        let mut publishing = publishing([one]);
        publishing.publish_next().unwrap();
        publishing.finish().unwrap();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
        assert_eq!(name(&paths[0]), "new");
        drop(other);
        assert!(is_clean(dir.path()));
    }

    #[test]
    fn nothing_is_left_of_images_that_are_given_up() {
        let (dir, _, paths) = scene();
        drop(begin(&paths).map(ready));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_image_or_a_folder_that_is_there_or_two_folders_are_the_usual_case() {
        let (dir, out, paths) = scene();
        let is_new = |paths: &[&Path], form: Form| {
            let siblings = Siblings::at(paths.iter().copied(), form);
            siblings.new_parent().unwrap().is_some()
        };
        let [one, other] = paths.each_ref().map(PathBuf::as_path);
        assert!(is_new(&[one, other], Form::Layout));
        assert!(!is_new(&[one, &out.join(IGNORED)], Form::Layout));
        assert!(!is_new(&[one], Form::Layout) && !is_new(&[one, other], Form::OciArchive));
        assert!(!is_new(&[one, &dir.path().join("b")], Form::Layout) && !is_new(&[], Form::Layout));
        fs::create_dir_all(&out).unwrap();
        assert!(!is_new(&[one, other], Form::Layout));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("nothing", &link).unwrap();
        assert!(!is_new(&[&link.join("a"), &link.join("b")], Form::Layout));
    }

    #[test]
    fn what_a_killed_build_left_goes_with_the_next_one_of_any_of_its_images() {
        let (dir, out, paths) = scene();
        let left = dir.path().join("deep/.out.hardpan-abcdefgh");
        let living = dir.path().join("deep/.out.hardpan-ABCDEFGH");
        fs::create_dir_all(left.join("a/blobs/sha256")).unwrap();
        fs::create_dir_all(&living).unwrap();
        let lock = super::super::folder::Folder::open(&living).unwrap();
        lock.lock().unwrap();
        build(&paths[0], "one").unwrap();
        assert!(!left.exists() && living.exists() && out.exists());
    }
}
