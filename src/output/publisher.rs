//! Publishes the images of a call: one `syncfs` for all, then a rename for each.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::{
    fs::syncfs,
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use crate::{
    image::ImageFormat,
    oci::Descriptor,
    output::{
        CreatedFolders, Staging, archive,
        layout::{self, PreparedLayout},
        locked_folder::sync_folder,
    },
    report::Failure,
};

/// Folders that are synced one by one; each takes a commit of the file system's journal, and so do all at once.
const FEW: usize = 4;

/// Files that a process has open besides one for each image that is staged.
const OTHERS: usize = 256;

/// Lets this process stage so many images at once, as far as the system allows: each holds the lock of its folder open, and
/// many systems begin with a limit of 1024 open files that every process may raise.
pub fn allow_staging(images: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = images.saturating_add(OTHERS) as u64;
    if limit.current.is_some_and(|current| current < wanted) {
        let current = Some(limit.maximum.map_or(wanted, |maximum| maximum.min(wanted)));
        // Where it does not help, the image for which there is no file left says so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
    }
}

/// Images that are written, on their way to be visible.
///
/// One `syncfs` makes all of them durable before the first of them gets its name. Measured on ext4: 15 ms for 5 files or
/// for 40, where `fdatasync` takes 6 ms for each; 30 ms for 40 MB, as `fdatasync` does. Its price is that it also waits for
/// what others have written and not synced, once a second where a compiler was at work. Nothing is synced where no image
/// has changed.
#[derive(Debug, Default)]
pub struct Publisher {
    images: VecDeque<ReadyImage>,
    late: BTreeSet<PathBuf>,
    /// Folders that were made for images stay to the end: a path such as `new/../out` leads through an empty one.
    created: Vec<Arc<CreatedFolders>>,
}

/// An image that is written but for its name.
#[derive(Debug)]
pub struct ReadyImage {
    staging: Staging,
    root: Descriptor,
    reference: String,
    /// What is to be done for a layout.
    ready: Option<PreparedLayout>,
}

impl ReadyImage {
    /// Verifies every staged blob that `root` reaches, and makes all of it ready to become visible as the image
    /// `reference`.
    ///
    /// # Errors
    /// A blob that `root` reaches is missing or damaged, or the system failed.
    pub fn new(mut staging: Staging, root: Descriptor, reference: String) -> Result<Self, Failure> {
        let is_layout = staging.form == ImageFormat::Layout;
        let ready = if is_layout { layout::prepare(&mut staging, &root, &reference)? } else { None };
        Ok(Self { staging, root, reference, ready })
    }

    /// Whether it is at its path already, so that publishing it changes nothing. An archive is known by the state of its file.
    pub fn is_unchanged(&self) -> bool {
        match self.staging.form {
            ImageFormat::Layout => self.ready.is_none(),
            form => archive::is_published(&self.staging, form, &self.root, &self.reference),
        }
    }

    /// Where its blobs are.
    pub fn staging(&self) -> &Staging {
        &self.staging
    }

    /// Its manifest or index.
    pub fn root(&self) -> &Descriptor {
        &self.root
    }
}

impl Publisher {
    /// Takes the next image.
    pub fn add(&mut self, image: ReadyImage) {
        self.images.push_back(image);
    }

    /// Makes all that was written durable. Called once, when all images were added.
    ///
    /// # Errors
    /// The system failed; nothing is visible.
    pub fn sync(&self) -> Result<(), Failure> {
        let (mut devices, mut parents) = (BTreeMap::new(), BTreeSet::new());
        for image in self.images.iter().filter(|image| image.ready.is_some()) {
            let (path, temp) = (&image.staging.path, image.staging.temp.path());
            // What was made in one folder is on one file system.
            if parents.contains(&temp.parent()) {
                continue;
            }
            let fault = |error: io::Error| Failure::io("make the image durable", path, &error);
            let device = fs::metadata(temp).map_err(fault)?.dev();
            let whole = match devices.get(&device) {
                Some(whole) => *whole,
                None => sync_file_system(temp).map_err(fault)?,
            };
            devices.insert(device, whole);
            if whole {
                parents.insert(temp.parent());
            } else {
                sync_all(temp).map_err(fault)?;
            }
        }
        Ok(())
    }

    /// Makes the next image visible, in the order in which they were added. What is at its path is the old image or the new
    /// one at every moment. Waits while another build publishes into the same layout.
    ///
    /// # Errors
    /// The form cannot hold the image, the path has become something else, or the system failed; what was there is intact.
    pub fn publish_next(&mut self) -> Result<(), Failure> {
        let Some(mut image) = self.images.pop_front() else { return Ok(()) };
        let published = match (image.staging.form, &image.ready) {
            (ImageFormat::Layout, None) => Ok(()),
            (ImageFormat::Layout, Some(ready)) => layout::commit(&mut image.staging, ready, &mut self.late),
            (form, _) => archive::publish(&mut image.staging, form, &image.root, &image.reference),
        };
        self.created.push(Arc::clone(&image.staging.created));
        published
    }

    /// Makes the names durable that the images got.
    ///
    /// # Errors
    /// The system failed.
    pub fn finish(self) -> Result<(), Failure> {
        let fault = |folder: &Path, error: io::Error| Failure::io("make the names durable", folder, &error);
        let mut late = self.late;
        if late.len() > FEW
            && let Some(folder) = late.first()
        {
            let device = fs::metadata(folder).map_err(|error| fault(folder, error))?.dev();
            if sync_file_system(folder).map_err(|error| fault(folder, error))? {
                late.retain(|folder| fs::metadata(folder).is_ok_and(|meta| meta.dev() != device));
            }
        }
        late.iter().try_for_each(|folder| sync_folder(folder).map_err(|error| fault(folder, error)))
    }
}

/// Syncs the whole file system of a folder; says no where there is no such call.
fn sync_file_system(folder: &Path) -> io::Result<bool> {
    match syncfs(File::open(folder)?) {
        Ok(()) => Ok(true),
        Err(Errno::NOSYS | Errno::INVAL | Errno::NOTSUP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Syncs every file and folder below `folder`, and itself.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_folder(folder)
}
