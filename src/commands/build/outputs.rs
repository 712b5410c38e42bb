//! Every path that one call of `build` writes: images, receipts and symbols. None of them is an input of any of its images,
//! and none is another one; all become visible at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    image::FinishedImage,
    jobs::BuildJob,
    receipts::{ReceiptKind, Receipts},
    request::{BuildRequest, BuiltImage},
};
use crate::{
    build::real_path,
    commands::{recipe_lock, staged_file::StagedFile},
    output::Publisher,
    report::{ErrorName, Failure, Progress, printable},
};

/// The outputs of one call.
#[derive(Debug)]
pub(super) struct Outputs {
    /// Absolute, without links above them.
    real: Arc<BTreeSet<PathBuf>>,
    receipts: Receipts,
}

impl Outputs {
    /// Checks all paths that `jobs` write, and begins the receipts, so that a folder that cannot be written to costs no
    /// build.
    ///
    /// # Errors
    /// At the path: it is a recipe, a lock or the policy; two things would be written there, or one into another one; it
    /// cannot be written.
    pub(super) fn begin(jobs: &[BuildJob], request: &BuildRequest) -> Result<Self, Failure> {
        let paths = WrittenPaths::of(jobs, request);
        paths.check(jobs, request)?;
        let mut receipts = Receipts::default();
        for job in jobs {
            for ((kind, _), path) in request.receipts().zip(&job.receipts) {
                receipts.begin(kind, path)?;
            }
        }
        Ok(Self { real: Arc::new(paths.0.into_keys().collect()), receipts })
    }

    /// Every path that is written, absolute, without links above it.
    pub(super) fn real_paths(&self) -> &Arc<BTreeSet<PathBuf>> {
        &self.real
    }

    /// Writes the receipts about `images`, durably and still without their names.
    pub(super) fn write_receipts(&mut self, images: &[FinishedImage]) -> Result<(), Failure> {
        for image in images {
            for path in &image.receipts {
                self.receipts.add(path, image.receipt());
            }
        }
        self.receipts.write()
    }

    /// Gives the files beside the images their names.
    pub(super) fn publish_files(self, debug_files: Vec<StagedFile>) -> Result<(), Failure> {
        debug_files.into_iter().try_for_each(StagedFile::publish)?;
        self.receipts.publish()
    }
}

/// Makes every image visible, after all of them are durable. Gives what was built, and the symbols of all programs, which
/// have no names yet.
///
/// # Errors
/// The system failed; images behind the one that failed are not visible.
pub(super) fn publish(
    images: Vec<FinishedImage>,
    progress: &dyn Progress,
) -> Result<(Vec<BuiltImage>, Vec<StagedFile>), Failure> {
    let (mut built, mut debug_files) = (Vec::with_capacity(images.len()), Vec::new());
    let mut notes = Vec::with_capacity(images.len());
    let mut publishing = Publisher::default();
    for image in images {
        publishing.add(image.ready);
        notes.push(image.passed.note(&image.built.path));
        debug_files.extend(image.debug_files);
        built.push(image.built);
    }
    publishing.sync()?;
    for (image, note) in built.iter().zip(notes) {
        let what = format!("write {}", printable(&image.path.to_string_lossy()));
        let task = progress.task(&what, None);
        publishing.publish_next()?;
        drop(task);
        progress.step(&what);
        if let Some(note) = note {
            progress.step(&note);
        }
    }
    publishing.finish()?;
    Ok((built, debug_files))
}

/// What is written, by real paths, with the paths as they were written.
#[derive(Debug)]
struct WrittenPaths(BTreeMap<PathBuf, Vec<(Output, PathBuf)>>);

/// What is written to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Output {
    Image,
    /// By its option.
    Receipt(ReceiptKind),
    Symbols,
}

impl Output {
    /// As a sentence calls it.
    fn name(self) -> String {
        match self {
            Self::Image => "the image".to_owned(),
            Self::Receipt(kind) => format!("`{}`", kind.option()),
            Self::Symbols => "`debug-file`".to_owned(),
        }
    }

    /// Whether another check refuses two outputs of this kind at one path, or allows them.
    fn may_share(self, other: Self) -> bool {
        self == other || matches!((self, other), (Self::Receipt(_), Self::Receipt(_)))
    }
}

impl WrittenPaths {
    /// All that `jobs` write.
    fn of(jobs: &[BuildJob], request: &BuildRequest) -> Self {
        let mut paths = Self(BTreeMap::new());
        let mut folders = BTreeMap::new();
        for job in jobs {
            paths.add(&mut folders, Output::Image, &job.path);
            for ((kind, _), file) in request.receipts().zip(&job.receipts) {
                paths.add(&mut folders, Output::Receipt(kind), file);
            }
            for file in &job.debug_files {
                paths.add(&mut folders, Output::Symbols, file);
            }
        }
        paths
    }

    /// `folders` are those whose real path is known: images mostly go to one.
    fn add(&mut self, folders: &mut BTreeMap<PathBuf, PathBuf>, kind: Output, path: &Path) {
        let real = match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) => {
                let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
                folders.entry(parent.to_owned()).or_insert_with(|| real_path(parent)).join(name)
            }
            _ => real_path(path),
        };
        self.0.entry(real).or_default().push((kind, path.to_owned()));
    }

    /// Refuses to write over a recipe, its lock or the policy, and to write one thing into another one.
    ///
    /// # Errors
    /// At the path that is to be written.
    fn check(&self, jobs: &[BuildJob], request: &BuildRequest) -> Result<(), Failure> {
        for job in jobs {
            self.check_input("a recipe", &job.recipe.path)?;
            self.check_input("the lock of a recipe", &recipe_lock::beside(&job.recipe.path))?;
        }
        if let Some(policy) = &request.policy {
            self.check_input("the policy", policy)?;
        }
        for (real, all) in &self.0 {
            let Some(((kind, path), others)) = all.split_first() else { continue };
            if let Some((other, _)) = others.iter().find(|(other, _)| !kind.may_share(*other)) {
                let what = format!("{} and {} would both be written there", kind.name(), other.name());
                return Err(Failure::error(ErrorName::OutputConflict, what)
                    .in_path(path)
                    .hint("give one of them another path"));
            }
            // Writing into a file fails by itself.
            let image = |above| self.0.get(above)?.iter().find(|(other, _)| *other == Output::Image);
            let around = real.ancestors().skip(1).find_map(image);
            if let Some((other, around)) = around {
                let around = around.to_string_lossy();
                let what = format!("{} would be written into `{}` ({})", kind.name(), printable(&around), other.name());
                return Err(Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("write it beside that"));
            }
        }
        Ok(())
    }

    fn check_input(&self, what: &str, input: &Path) -> Result<(), Failure> {
        let Some((kind, path)) = self.0.get(&real_path(input)).and_then(|all| all.first()) else { return Ok(()) };
        let what = format!("{} would be written over {what}", kind.name());
        Err(Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("name another path"))
    }
}
