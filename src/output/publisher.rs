//! Publishes the images of a call: one `syncfs` for all, then a rename for each, all of them or none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
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
        Staging,
        archive::{self, PreparedArchive},
        layout,
        layout_merge::open_layout,
        locked_folder::{LockedFolder, sync_folder},
        reached_blobs::ReachedBlobs,
        staging::NameChange,
    },
    report::{ErrorName, Failure, folder_of, unfinished::Step},
};

/// Folders that are synced one by one; each takes a commit of the file system's journal, and so do all at once.
const FEW: usize = 4;

/// Files that a process has open besides two for each image that is staged.
const OTHERS: usize = 256;
/// How often what is at a path may appear and vanish before the build gives up.
const ATTEMPTS: usize = 16;

/// Lets this process stage so many images at once, as far as the system allows: each holds the lock of its folder open, and that of
/// its layout at the end, and many systems begin with a limit of 1024 open files that every process may raise.
pub fn allow_staging(images: usize) {
    let limit = getrlimit(Resource::Nofile);
    let wanted = images.saturating_mul(2).saturating_add(OTHERS) as u64;
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
///
/// What an image replaces is kept until all that are published together have their names, so that an error undoes it.
#[derive(Debug, Default)]
pub struct Publisher {
    images: Vec<ReadyImage>,
    /// Folders with names that are still to be made durable, each with something that is in it.
    late: BTreeMap<PathBuf, PathBuf>,
    /// Images that are visible, and whose index may not be durable, with the reason.
    unsettled: Vec<(usize, Failure)>,
}

/// An image that is written but for its name.
#[derive(Debug)]
pub struct ReadyImage {
    staging: Staging,
    root: Descriptor,
    /// What is to be done; nothing for the image that is at the path already.
    ready: Option<ReadyForm>,
    /// Whether it has its name, and what it replaced is not removed yet.
    is_committed: bool,
}

/// What gets its name.
#[derive(Debug)]
enum ReadyForm {
    Layout(ReachedBlobs),
    Archive(PreparedArchive),
}

/// Why images could not be published. But for those that say so, all are as they were.
#[derive(Debug)]
pub struct PublishFailure {
    /// The image that could not be published, by its place among those that were added.
    pub image: usize,
    /// Why.
    pub failure: Failure,
    /// New images that could not be taken back, with the reason.
    pub kept: Vec<(usize, Failure)>,
}

impl ReadyImage {
    /// Verifies every staged blob that `root` reaches, and makes all of it ready to become visible as the image
    /// `reference`.
    ///
    /// # Errors
    /// A blob that `root` reaches is missing or damaged, the form cannot hold the image, or the system failed.
    pub fn new(mut staging: Staging, root: Descriptor, reference: &str) -> Result<Self, Failure> {
        let ready = match staging.form {
            ImageFormat::Layout => layout::prepare(&mut staging, &root, reference)?.map(ReadyForm::Layout),
            form => archive::prepare(&mut staging, form, &root, reference)?.map(ReadyForm::Archive),
        };
        Ok(Self { staging, root, ready, is_committed: false })
    }

    /// Whether it is at its path already, so that publishing it changes nothing. An archive is known by the state of its file.
    pub fn is_unchanged(&self) -> bool {
        self.ready.is_none()
    }

    /// Where its blobs are.
    pub fn staging(&self) -> &Staging {
        &self.staging
    }

    /// Its manifest or index.
    pub fn root(&self) -> &Descriptor {
        &self.root
    }

    /// Opens the layout that it is merged into; none where there is none, or nothing is to be done.
    fn open_layout(&self) -> Result<Option<LockedFolder>, Failure> {
        if !matches!(self.ready, Some(ReadyForm::Layout(_))) {
            return Ok(None);
        }
        let layout = open_layout(&self.staging)?;
        if layout.is_none() && !self.staging.beside {
            let what = "cannot publish: the layout was removed meanwhile";
            return Err(Failure::error(ErrorName::FileNotFound, what).in_path(&self.staging.path));
        }
        Ok(layout)
    }

    /// Gives it its name. No, where the layout came or went since it was looked for.
    fn commit(&mut self, is_there: bool) -> Result<bool, Failure> {
        let staging = &mut self.staging;
        self.is_committed = match &self.ready {
            None => return Ok(true),
            Some(ReadyForm::Layout(reached)) => layout::commit(staging, reached, is_there)?,
            Some(ReadyForm::Archive(prepared)) => archive::commit(staging, prepared).map(|()| true)?,
        };
        Ok(self.is_committed)
    }

    /// Takes it back, or what was done of it.
    fn undo(&mut self) -> Result<(), Failure> {
        self.is_committed = false;
        let undone = self.staging.undo();
        undone.map_err(|error| Failure::io("take the new image back", &self.staging.path, &error))
    }

    /// Ends what can no longer be undone from here on.
    fn settle(&mut self) -> Result<(), Failure> {
        if !std::mem::take(&mut self.is_committed) {
            return Ok(());
        }
        let change = self.staging.changes.named.take();
        let Some(ReadyForm::Layout(reached)) = &self.ready else { return Ok(()) };
        layout::settle_blobs(&self.staging, reached);
        if let Some(NameChange::File { .. }) = change {
            return layout::settle(&mut self.staging, reached);
        }
        self.staging.temp.unlock();
        Ok(())
    }

    /// The folders whose names its publish has changed: its own, and those above it that were made for it.
    fn folders(&self) -> Vec<PathBuf> {
        let created = self.staging.created.paths();
        let made = created.iter().map(|created| folder_of(created).to_owned());
        made.chain([folder_of(&self.staging.path).to_owned()]).collect()
    }
}

impl Publisher {
    /// Takes the next image.
    pub fn add(&mut self, image: ReadyImage) {
        self.images.push(image);
    }

    /// Makes all that was written durable. Called once, when all images were added.
    ///
    /// # Errors
    /// The system failed; nothing is visible.
    pub fn sync(&self) -> Result<(), Failure> {
        let (mut devices, mut parents) = (BTreeMap::new(), BTreeSet::new());
        // Archives are durable already.
        for image in self.images.iter().filter(|image| matches!(image.ready, Some(ReadyForm::Layout(_)))) {
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

    /// Makes all images visible, or none. What is at each path is the old image or the new one at every moment. Waits while
    /// another build publishes into one of the layouts.
    ///
    /// # Errors
    /// A path has become something else, or the system failed; what was there is there again.
    pub fn publish_all(&mut self) -> Result<(), PublishFailure> {
        self.publish(0..self.images.len())
    }

    /// Makes one image visible, by its place among those that were added. Its lock is not held any more then: two builds that
    /// publish several images one by one, in whatever order, do not wait for each other.
    ///
    /// # Errors
    /// The path has become something else, or the system failed; what was there is there again.
    pub fn publish_one(&mut self, image: usize) -> Result<(), PublishFailure> {
        self.publish(image..image + 1)
    }

    fn publish(&mut self, range: Range<usize>) -> Result<(), PublishFailure> {
        for _ in 0..ATTEMPTS {
            let failed = |(image, failure)| PublishFailure { image, failure, kept: Vec::new() };
            let Some((there, locks)) = self.lock(range.clone()).map_err(failed)? else { continue };
            // A signal ends the process before the first rename, or when the last one is done, with all that it needs, or undone.
            let step = Step::begin();
            let is_there = |image: usize| there.contains(&image);
            let ended = range.clone().find_map(|image| match self.images.get_mut(image)?.commit(is_there(image)) {
                Ok(true) => None,
                Ok(false) => Some((image, None)),
                Err(failure) => Some((image, Some(failure))),
            });
            let Some((image, failure)) = ended else {
                let done = self.images.get(range).unwrap_or_default().iter().filter(|image| image.is_committed);
                self.late.extend(
                    done.flat_map(|image| {
                        image.folders().into_iter().map(|folder| (folder, image.staging.path.clone()))
                    }),
                );
                self.settle();
                drop((step, locks));
                return Ok(());
            };
            let begun = self.images.get_mut(range.start..=image).unwrap_or_default();
            let undone = begun.iter_mut().enumerate().rev();
            let kept: Vec<_> = undone.filter_map(|(at, image)| Some((range.start + at, image.undo().err()?))).collect();
            drop(step);
            match failure {
                Some(failure) => return Err(PublishFailure { image, failure, kept }),
                None if !kept.is_empty() => return Err(PublishFailure { image, failure: changing(), kept }),
                None => {}
            }
        }
        Err(PublishFailure { image: range.start, failure: changing(), kept: Vec::new() })
    }

    /// Waits for the locks of all layouts that are there, in an order that is the same for every build, so that two of them do not
    /// wait for each other. Gives which images have one; none where a layout came or went meanwhile.
    #[expect(clippy::type_complexity, reason = "one caller")]
    fn lock(&self, range: Range<usize>) -> Result<Option<(BTreeSet<usize>, Vec<LockedFolder>)>, (usize, Failure)> {
        let mut opened = Vec::new();
        for (index, image) in self.images.iter().enumerate().take(range.end).skip(range.start) {
            let fault = |error: io::Error| (index, Failure::io("lock the layout", &image.staging.path, &error));
            if let Some(folder) = image.open_layout().map_err(|failure| (index, failure))? {
                opened.push((folder.identity().map_err(fault)?, index, folder));
            }
        }
        opened.sort_by_key(|(identity, index, _)| (*identity, *index));
        // A folder with two names has one lock.
        opened.dedup_by_key(|(identity, ..)| *identity);
        let (mut there, mut locks) = (BTreeSet::new(), Vec::new());
        for (_, index, folder) in opened {
            let Some(image) = self.images.get(index) else { continue };
            let fault = |error: io::Error| (index, Failure::io("lock the layout", &image.staging.path, &error));
            folder.lock().map_err(fault)?;
            if !folder.is_at(&image.staging.path).map_err(fault)? {
                return Ok(None);
            }
            there.insert(index);
            locks.push(folder);
        }
        Ok(Some((there, locks)))
    }

    /// Removes what the published images have replaced: from here on nothing is undone.
    fn settle(&mut self) {
        for (index, image) in self.images.iter_mut().enumerate() {
            self.unsettled.extend(image.settle().err().map(|failure| (index, failure)));
        }
    }

    /// The published images, by their places, whose index could not be made durable; all are visible.
    pub fn take_unsettled(&mut self) -> Vec<(usize, Failure)> {
        std::mem::take(&mut self.unsettled)
    }

    /// Makes the names durable that the images got.
    ///
    /// # Errors
    /// The system failed; all images are visible.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let fault = |folder: &Path, error: io::Error| Failure::io("make the names durable", folder, &error);
        let mut late = std::mem::take(&mut self.late);
        if late.len() > FEW
            && let Some((folder, within)) = late.first_key_value()
        {
            let device = fs::metadata(folder).map_err(|error| fault(folder, error))?.dev();
            if sync_file_system(within).map_err(|error| fault(folder, error))? {
                late.retain(|folder, _| fs::metadata(folder).is_ok_and(|meta| meta.dev() != device));
            }
        }
        late.iter().try_for_each(|(folder, within)| {
            let synced = match sync_folder(folder) {
                // Who may write into a folder need not be allowed to read it. What is in it is on the same file system.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => sync_file_system(within).map(drop),
                synced => synced,
            };
            synced.map_err(|error| fault(folder, error))
        })
    }
}

fn changing() -> Failure {
    Failure::error(ErrorName::FileError, "cannot publish: another process keeps changing what is there")
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
