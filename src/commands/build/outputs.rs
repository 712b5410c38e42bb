//! Every path that one call of `build` writes: images, receipts and symbols. None of them is an input of any of its images,
//! and none is another one; all become visible at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::{
    image::FinishedImage,
    image_progress::ImageProgress,
    jobs::BuildJob,
    outcomes::Outcomes,
    receipts::{ReceiptImage, ReceiptKind, Receipts},
    request::{BuildOutcome, BuildRequest, BuiltImage},
    shard::ShardHeader,
    written_paths::WrittenPaths,
};
use crate::{
    commands::staged_file::StagedFile,
    output::Publisher,
    report::{Failure, Failures, Progress, printable},
};

/// The outputs of one call.
#[derive(Debug)]
pub(super) struct Outputs {
    /// Absolute, without links above them.
    real: Arc<BTreeSet<PathBuf>>,
    receipts: Receipts,
    /// The paths of the receipts of each recipe.
    of_recipe: BTreeMap<usize, Vec<(ReceiptKind, PathBuf)>>,
    /// The file for the status of a recipe whose name is not known, and for a shard without recipes: the `--metadata-file` that
    /// all recipes share, if they do.
    of_others: Option<PathBuf>,
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
        let (mut receipts, mut of_recipe) = (Receipts::default(), BTreeMap::new());
        for job in jobs {
            for ((kind, _), path) in request.receipts().zip(&job.receipts) {
                receipts.begin(kind, path)?;
                of_recipe.entry(job.index).or_insert_with(Vec::new).push((kind, path.clone()));
            }
        }
        let is_shared = request.keep_going || request.shard.is_some();
        let shared = request.metadata_file.as_deref().filter(|path| is_shared && !path.contains(['{', '}']));
        let of_others = shared.map(PathBuf::from);
        of_others.iter().try_for_each(|path| receipts.begin(ReceiptKind::Metadata, path))?;
        Ok(Self { real: Arc::new(paths.into_real_paths()), receipts, of_recipe, of_others })
    }

    /// The same, of a call for a shard: what metadata files say of it, also where it has no recipe.
    pub(super) fn of_shard(mut self, shard: Option<&ShardHeader>) -> Self {
        self.receipts.shard = shard.cloned();
        self
    }

    /// The same; these variables of the caller reach the compilers of the call, as metadata files say.
    pub(super) fn of_variables(mut self, passed: Vec<String>) -> Self {
        self.receipts.passed = passed;
        self
    }

    /// Every path that is written, absolute, without links above it.
    pub(super) fn real_paths(&self) -> &Arc<BTreeSet<PathBuf>> {
        &self.real
    }

    /// Writes the receipts about `images`, durably and still without their names.
    fn write_receipts<'i>(&mut self, images: impl Iterator<Item = (usize, &'i ReceiptImage)>) -> Result<(), Failure> {
        for (index, image) in images {
            for (_, path) in self.of_recipe.get(&index).into_iter().flatten() {
                self.receipts.add(path, image.clone());
            }
        }
        self.receipts.write()
    }

    /// The same about all recipes, also those that failed: they have no digest.
    fn write_outcomes(
        &mut self,
        outcomes: &[BuildOutcome],
        images: &BTreeMap<usize, ReceiptImage>,
    ) -> Result<(), Failure> {
        for (index, outcome) in outcomes.iter().enumerate() {
            let receipt = ReceiptImage::of_outcome(outcome, images.get(&index));
            let shared = self.of_others.iter().map(|path| (ReceiptKind::Metadata, path));
            let own = self.of_recipe.get(&index).map(|all| all.iter().map(|(kind, path)| (*kind, path)));
            let paths: Vec<_> = own.map_or_else(|| shared.collect(), Iterator::collect);
            for (_, path) in paths.into_iter().filter(|(kind, _)| receipt.fits(*kind)) {
                self.receipts.add(path, receipt.clone());
            }
        }
        self.receipts.write()
    }
}

/// An image that is on its way to its path.
struct LeavingImage {
    index: usize,
    built: BuiltImage,
    receipt: ReceiptImage,
    /// How much was found in it.
    note: Option<String>,
    is_unchanged: bool,
    debug_files: Vec<StagedFile>,
}

/// Makes every image visible, after all of them are durable, and then gives the files beside them their names.
///
/// # Errors
/// The system failed; images behind the one that failed are not visible, unless the call keeps going.
pub(super) fn publish(
    images: Vec<FinishedImage>,
    mut outputs: Outputs,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<(), Failures> {
    let (mut leaving, mut publishing) = (Vec::with_capacity(images.len()), Publisher::default());
    for image in images {
        leaving.push(LeavingImage {
            index: image.index,
            receipt: image.receipt(),
            note: image.passed.note(&image.built.path),
            is_unchanged: image.ready.is_unchanged(),
            built: image.built,
            debug_files: image.debug_files,
        });
        publishing.add(image.ready);
    }
    if !outcomes.keep_going() {
        outputs.write_receipts(leaving.iter().map(|image| (image.index, &image.receipt)))?;
    }
    if let Err(failure) = publishing.sync() {
        leaving.drain(..).try_for_each(|image| outcomes.fail(image.index, failure.clone()))?;
    }
    let (mut receipts, mut debug_files) = (BTreeMap::new(), Vec::new());
    for LeavingImage { index, built, receipt, note, is_unchanged, debug_files: files } in leaving {
        let named = ImageProgress::of(&built.name, outcomes.count(), progress);
        let what = format!("write {}", printable(&built.path.to_string_lossy()));
        let task = named.task(&what, None);
        if let Err(failure) = publishing.publish_next() {
            outcomes.fail(index, failure)?;
            continue;
        }
        drop(task);
        for line in [what].iter().chain(&note) {
            named.step_unless(is_unchanged, line);
        }
        outcomes.succeed(index, built, is_unchanged);
        receipts.insert(index, receipt);
        debug_files.extend(files.into_iter().map(|file| (index, file)));
    }
    publishing.finish()?;
    for (index, file) in debug_files {
        file.publish().or_else(|failure| outcomes.fail(index, failure))?;
    }
    if outcomes.keep_going() {
        outputs.write_outcomes(outcomes.recipes(), &receipts)?;
    }
    Ok(outputs.receipts.publish()?)
}
