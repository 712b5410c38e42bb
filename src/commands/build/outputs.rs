//! Every path that one call of `build` writes: images, receipts and symbols. None of them is an input of any of its images,
//! and none is another one; all become visible at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use super::{
    jobs::BuildJob,
    outcomes::Outcomes,
    receipts::{ReceiptImage, ReceiptKind, Receipts},
    request::{BuildOutcome, BuildRequest},
    shard::ShardHeader,
    written_paths::WrittenPaths,
};
use crate::report::Failure;

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
    ///
    /// # Errors
    /// The system failed.
    pub(super) fn write_receipts<'i>(
        &mut self,
        images: impl Iterator<Item = (usize, &'i ReceiptImage)>,
    ) -> Result<(), Failure> {
        for (index, image) in images {
            for (_, path) in self.of_recipe.get(&index).into_iter().flatten() {
                self.receipts.add(path, image.clone());
            }
        }
        self.receipts.write()
    }

    /// Gives the receipts their names, when all else is done: where the call keeps going, they are about all recipes, also those
    /// that failed, which have no digest.
    ///
    /// # Errors
    /// The system failed; receipts behind the one that failed are as they were.
    pub(super) fn publish_receipts(
        mut self,
        outcomes: &Outcomes,
        images: &BTreeMap<usize, ReceiptImage>,
    ) -> Result<(), Failure> {
        if outcomes.keep_going() {
            self.write_outcomes(outcomes.recipes(), images)?;
        }
        self.receipts.publish()
    }

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
