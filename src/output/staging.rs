//! [`Staging`]: an image that is being written, before it is visible. `build` writes blobs into it from several
//! threads, `commands` publishes it; dropped or killed, it leaves nothing that the next build does not remove.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use crate::{
    cache::{Cache, CachedBlob},
    image::{BlobRef, BlobSource, ImageFormat, ImageSet, Store, VerifiedBlobs, image_sets, read_small},
    oci::{BlobSink as _, Descriptor, Open},
    output::{
        CreatedFolders,
        existing_output::{self, ExistingOutput},
        locked_folder::{ReplacedFile, rename_folder, restore_file},
        staged_blobs::StagedBlobs,
        temp_folder::{self, TempFolder},
    },
    report::{ErrorName, Failure, Limits, folder_of},
};

/// How often the path may change between check and use before the build gives up.
const ATTEMPTS: usize = 16;

/// An image that is being written, as a layout or an archive. Nothing of it is visible before a [`Publisher`](super::Publisher) publishes it;
/// dropped before that, it leaves nothing behind, and when the process is killed, the next build into the same path
/// removes it.
///
/// Several threads may write drafts at the same time. A blob that is sealed twice is stored once.
#[derive(Debug)]
pub struct Staging {
    /// The path of the layout or archive, without a trailing slash.
    pub(super) path: PathBuf,
    /// What it will be.
    pub(super) form: ImageFormat,
    /// `blobs/sha256` with the sealed blobs, and the drafts; on the file system of `path`.
    pub(super) temp: TempFolder,
    /// Whether `temp` is a sibling of `path`, so that it may become the layout itself.
    pub(super) beside: bool,
    /// Dropped after `temp`, which is in one of them.
    pub(super) created: Arc<CreatedFolders>,
    /// What a publish has changed so far, to be undone when it fails.
    pub(super) changes: PublishedChanges,
    drafts: AtomicU64,
    /// What is staged.
    pub(super) staged: Arc<StagedBlobs>,
    /// Knows files by their state, and has blobs that were made before.
    pub(super) cache: Option<Cache>,
    /// Blobs that are not staged because the layout had them; documents with their bytes.
    adopted: Mutex<Vec<(Descriptor, Option<Vec<u8>>)>>,
    /// In tests: after how many steps a publish ends as if it had been killed.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests only"))]
    pub(super) dies_at: Option<usize>,
}

impl Staging {
    /// Prepares to write an image at `path`, creating missing parents, which `created` owns for all images of a call.
    /// Removes what killed builds of the same image left.
    ///
    /// # Errors
    /// Before any work is done: `path` is a link, something that is not of this kind and so is not ours to replace, or
    /// nothing can be written there.
    pub fn begin_in(path: &Path, form: ImageFormat, created: &Arc<CreatedFolders>) -> Result<Self, Failure> {
        let path = existing_output::without_trailing_slash(path)?;
        for _ in 0..ATTEMPTS {
            created.sweep(folder_of(&path));
            let is_beside =
                ExistingOutput::check(&path, form)? == ExistingOutput::Absent || form != ImageFormat::Layout;
            let folder = if let (true, Some(name)) = (is_beside, path.file_name()) {
                let parent = folder_of(&path);
                created.make(parent)?;
                TempFolder::create(parent, &temp_folder::sibling_prefix(name)).map(|temp| (temp, true))
            } else {
                // Inside, because the parent need not be writable: think of a mounted volume.
                temp_folder::sweep(&path);
                TempFolder::create(&path, &temp_folder::inner_prefix()).map(|temp| (temp, false))
            };
            let prepared = folder.and_then(|(temp, beside)| {
                fs::create_dir(temp.path().join("blobs"))?;
                fs::create_dir(blobs_in(temp.path()))?;
                Ok((temp, beside))
            });
            match prepared {
                Ok((temp, beside)) => {
                    let staged = Arc::new(StagedBlobs::new(blobs_in(temp.path())));
                    return Ok(Self {
                        path,
                        form,
                        temp,
                        beside,
                        created: Arc::clone(created),
                        changes: PublishedChanges::default(),
                        drafts: AtomicU64::new(0),
                        staged,
                        cache: None,
                        adopted: Mutex::default(),
                        dies_at: None,
                    });
                }
                // A failed build just removed the parent that it had made, or another process the layout.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Failure::io(&format!("write {} there", form.noun()), &path, &error)),
            }
        }
        let what = format!("cannot write {} there: another process keeps removing the folder", form.noun());
        Err(Failure::error(ErrorName::FileError, what).in_path(&path))
    }

    /// The same with a cache, so that blobs need be neither made nor verified again.
    #[must_use]
    pub fn with_cache(self, cache: Option<Cache>) -> Self {
        Self { cache, ..self }
    }

    /// Takes the blob of this name from the layout that is there or from the cache. It is not read again where the state of its
    /// file is known. False where neither has it.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn adopt(&self, blob: &Descriptor) -> Result<bool, Failure> {
        let Some(cache) = &self.cache else { return Ok(false) };
        let wanted = BlobRef::from(blob);
        let path = self.staged.path(blob.digest);
        if path.exists() {
            return Ok(true);
        }
        // Another build may take it out of the layout, and then it has to come from somewhere.
        let Some(cached) = cache.blob(blob.digest, blob.size) else { return Ok(false) };
        if self.store()?.verify(&wanted).is_ok() {
            self.note_adopted(blob.clone(), None);
            return Ok(true);
        }
        self.stage_cached(blob, &cached)
    }

    fn note_adopted(&self, blob: Descriptor, document: Option<Vec<u8>>) {
        self.adopted.lock().push((blob, document));
    }

    /// Stages what was adopted from the layout: another build has published there meanwhile, and what its image does not
    /// need is gone.
    pub(super) fn stage_adopted(&self) -> Result<(), Failure> {
        let adopted = std::mem::take(&mut *self.adopted.lock());
        for (blob, document) in adopted {
            if self.staged.path(blob.digest).exists() {
                continue;
            }
            if let Some(bytes) = document {
                let mut draft = self.draft()?;
                draft.write_all(&bytes).map_err(|error| draft.failure(&error))?;
                draft.seal(blob.media_type)?;
            } else if let Some(cached) = self.cache.as_ref().and_then(|cache| cache.blob(blob.digest, blob.size)) {
                self.stage_cached(&blob, &cached)?;
            }
        }
        Ok(())
    }

    /// Stages a blob of the cache.
    fn stage_cached(&self, blob: &Descriptor, cached: &CachedBlob) -> Result<bool, Failure> {
        let path = self.staged.path(blob.digest);
        // One file with two names where the system can do that; who changes it under one name is found out under the other.
        if fs::hard_link(cached.path(), &path).is_err() {
            let mut draft = self.draft()?;
            let copied = cached.open().and_then(|mut bytes| io::copy(&mut bytes, &mut draft));
            copied.map_err(|error| draft.failure(&error))?;
            return Ok(draft.seal(blob.media_type)?.digest == blob.digest);
        }
        // The cache has just looked at its bytes, or knows them.
        if let Ok(meta) = fs::symlink_metadata(&path) {
            self.staged.note(blob.digest, &meta);
        }
        Ok(true)
    }

    /// Gives the cache the blob of this name, which was staged, or which the layout had.
    ///
    /// # Errors
    /// The system failed; the image is as good without.
    pub fn keep(&self, blob: &Descriptor) -> io::Result<()> {
        let Some(cache) = &self.cache else { return Ok(()) };
        let staged = self.staged.path(blob.digest);
        let path = if !staged.exists() && self.is_adopted(blob) {
            blobs_in(&self.path).join(blob.digest.hex())
        } else {
            staged
        };
        cache.keep_blob(&path, blob.digest, blob.size)
    }

    /// Whether the layout that is there had this blob.
    fn is_adopted(&self, blob: &Descriptor) -> bool {
        let adopted = self.adopted.lock();
        adopted.iter().any(|(one, _)| one.digest == blob.digest)
    }

    /// The staged image set, as readers of the published layout will see it, for the gate and for engines. Every document is verified now, every layer when it is read.
    ///
    /// # Errors
    /// A document that `root` reaches is missing or damaged.
    pub fn image_set(&self, root: &Descriptor, reference: &str) -> Result<ImageSet, Failure> {
        let read = || image_sets::read_staged(&self.store()?, root, reference);
        // Again, where another build took from the layout what was adopted.
        let set = read().or_else(|_| self.stage_adopted().and_then(|()| read()));
        set.map_err(|failure| failure.in_path(&self.path))
    }

    /// The staged blobs, and behind them those of the layout that is there.
    pub(super) fn store(&self) -> Result<Store, Failure> {
        let staged = Arc::clone(&self.staged) as Arc<dyn BlobSource>;
        let store = Store::of_sources(vec![staged], self.temp.path()).knowing(self.cache.clone());
        if self.beside { Ok(store) } else { store.and_layout(&self.path) }
    }

    /// What reads the blobs for as long as this exists, also when the image has got its name.
    pub fn reader(&self) -> StagingReader {
        StagingReader {
            staged: Arc::clone(&self.staged),
            name: self.temp.path().to_owned(),
            layout: (self.form == ImageFormat::Layout).then(|| self.path.clone()),
            cache: self.cache.clone(),
        }
    }

    /// Whether the layout that is there has this blob. It need not be staged then, unless another build takes it away.
    pub(super) fn has_small(&self, blob: &Descriptor, bytes: &[u8]) -> bool {
        let there = || read_small(&blobs_in(&self.path).join(blob.digest.hex()), blob.size);
        let has = !self.beside && there().is_ok_and(|there| there == bytes);
        if has {
            self.note_adopted(blob.clone(), Some(bytes.to_vec()));
        }
        has
    }

    /// The bytes in the file, which was staged, are those of this name.
    pub(super) fn note_file(&self, file: &File, blob: &Descriptor) {
        if let Ok(meta) = file.metadata() {
            self.staged.note(blob.digest, &meta);
        }
        if let Some(cache) = self.cache.as_ref().filter(|_| blob.size >= Limits::REREAD_BYTES) {
            cache.saw_blob(file, blob.digest);
        }
    }

    /// A number that tells the next draft from all others.
    pub(super) fn next_draft(&self) -> u64 {
        self.drafts.fetch_add(1, Ordering::Relaxed)
    }

    /// The name of the draft of that number until it gets the one of its bytes.
    pub(super) fn draft_path(&self, number: u64) -> PathBuf {
        self.temp.path().join(format!("draft-{number}"))
    }

    /// Where the staged blobs are.
    pub(super) fn blobs(&self) -> PathBuf {
        self.staged.folder()
    }
}

impl Staging {
    /// Notes that the folder `path` was made in the layout.
    pub(super) fn placed_folder(&mut self, path: &Path) {
        self.changes.placed.push(PlacedPath { from: None, path: path.to_owned() });
    }

    /// Notes that the staged file `from` has got a name in the layout that nothing had.
    pub(super) fn placed_file(&mut self, from: &Path, path: &Path) {
        self.changes.placed.push(PlacedPath { from: Some(from.to_owned()), path: path.to_owned() });
    }

    /// Undoes what a publish has changed; the layout's lock is held.
    ///
    /// # Errors
    /// The system failed, and the new image is at the path.
    pub(super) fn undo(&mut self) -> io::Result<()> {
        match self.changes.named.take() {
            Some(NameChange::Folder) => {
                if !rename_folder(&self.path, self.temp.path())? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                self.temp.take_back();
            }
            Some(NameChange::File { from, to, replaced }) => restore_file(&from, &to, &replaced)?,
            None => {}
        }
        for PlacedPath { from, path } in self.changes.placed.drain(..).rev() {
            let _ = match from {
                // Staged again, for another attempt.
                Some(from) => fs::rename(&path, from).or_else(|_| fs::remove_file(&path)),
                // A folder goes only when it is empty again.
                None => fs::remove_dir(&path),
            };
        }
        self.staged.moved_to(blobs_in(self.temp.path()));
        Ok(())
    }

    /// A border between two steps of a publish. Does nothing, except in a test that wants the publish to end here as
    /// if the process had been killed.
    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "a test's version does more")]
    pub(super) const fn step(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn step(&mut self) -> Result<(), Failure> {
        if let Some(left) = &mut self.dies_at {
            if *left == 0 {
                // Nothing is cleaned up, and the locks are gone: what a kill leaves.
                self.temp.keep();
                self.changes = PublishedChanges::default();
                return Err(Failure::error(ErrorName::Internal, "killed"));
            }
            *left -= 1;
        }
        Ok(())
    }
}

/// What a publish has changed.
#[derive(Debug, Default)]
pub(super) struct PublishedChanges {
    /// What was made in a layout that was there.
    placed: Vec<PlacedPath>,
    /// The rename by which the image got its name.
    pub(super) named: Option<NameChange>,
}

/// What was made in a layout that was there.
#[derive(Debug)]
struct PlacedPath {
    /// The staged file that it was; none of a folder.
    from: Option<PathBuf>,
    path: PathBuf,
}

/// The rename by which an image gets its name.
#[derive(Debug)]
pub(super) enum NameChange {
    /// The staging folder has become the layout.
    Folder,
    /// An index or an archive has its name, and `from` what it replaced.
    File {
        /// The name that it had.
        from: PathBuf,
        /// The one it has.
        to: PathBuf,
        /// What was there.
        replaced: ReplacedFile,
    },
}

/// Reads the blobs of a staged image: from the staging folder, or from the layout that it has become or was moved into.
#[derive(Debug)]
pub struct StagingReader {
    staged: Arc<StagedBlobs>,
    /// For messages.
    name: PathBuf,
    layout: Option<PathBuf>,
    cache: Option<Cache>,
}

impl VerifiedBlobs for StagingReader {
    fn blob(&self, blob: &BlobRef) -> Result<Arc<dyn Open>, Failure> {
        let staged = Arc::clone(&self.staged) as Arc<dyn BlobSource>;
        let store = Store::of_sources(vec![staged], &self.name).knowing(self.cache.clone());
        // A folder that is not there yet, or is no layout, has none.
        let layout = self.layout.as_ref().filter(|layout| layout.is_dir());
        let store = layout.map_or_else(|| Ok(store.clone()), |layout| store.clone().and_layout(layout))?;
        Ok(Arc::new(store.blob(blob)))
    }
}

impl VerifiedBlobs for Staging {
    fn blob(&self, blob: &BlobRef) -> Result<Arc<dyn Open>, Failure> {
        Ok(Arc::new(self.store()?.blob(blob)))
    }
}

/// The failure of reading back what was staged: a fault of ours, unless the system could not read it.
pub(super) fn read_back_failure(failure: Failure, path: &Path) -> Failure {
    let is_system = matches!(failure.name, Some(ErrorName::FileError | ErrorName::PermissionDenied));
    let what = format!("the written image fails verification: {}", failure.what);
    let failure = Failure { what, ..failure }.in_path(path);
    if is_system { failure } else { failure.named(ErrorName::Internal) }
}

/// `blobs/sha256` of the layout at `path`.
pub(super) fn blobs_in(path: &Path) -> PathBuf {
    path.join("blobs").join("sha256")
}

#[cfg(test)]
#[path = "staging_tests.rs"]
mod tests;
