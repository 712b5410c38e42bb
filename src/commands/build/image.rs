//! Builds one image up to, but not including, publication.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    debug_files::stage_debug_files,
    gate::{Gate, UnjudgedImage, check_size},
    image_progress::ImageProgress,
    jobs::BuildJob,
    passed_findings::PassedFindings,
    receipts::ReceiptImage,
    request::{BuildRequest, BuiltImage},
};
use crate::{
    audit::SharedScans,
    build::{Assembled, Assembler, BuildRun, GroupKind, HostBounds, LeftOut, Plan, Resolver, compile::store_programs},
    cache::Fingerprint,
    commands::staged_file::StagedFile,
    engine::EngineName,
    oci::{Descriptor, Digest},
    output::{CreatedFolders, ReadyImage, Staging},
    registry::{Reference, push::PushTarget},
    report::{Failure, Failures, Progress, printable},
};

/// An image that has passed the gate and is staged.
#[derive(Debug)]
pub(super) struct FinishedImage {
    /// Which recipe of the call it is of.
    pub(super) index: usize,
    /// The staged image.
    pub(super) ready: ReadyImage,
    /// What the caller of `build` gets.
    pub(super) built: BuiltImage,
    /// What the gate found and let pass.
    pub(super) passed: PassedFindings,
    /// The config's digest, when there is one platform.
    config: Option<Digest>,
    /// `--push`, likewise.
    pub(super) targets: Vec<PushTarget>,
    /// `--tag`, with its variables replaced.
    pub(super) engine_names: Vec<EngineName>,
    /// Where the push will have put it, as `HOST/REPOSITORY@sha256:...`.
    pub(super) places: Vec<String>,
    /// `debug-file` of its programs, written and without their names.
    pub(super) debug_files: Vec<StagedFile>,
    /// How long it waited for other compiles.
    waited: Duration,
    /// Where the layers of its base are, so that a registry need not be sent what it has.
    pub(super) origins: BTreeMap<Digest, Vec<Reference>>,
}

/// Builds images, several at the same time.
#[derive(Debug)]
pub(super) struct ImageBuilder<'a> {
    pub(super) request: &'a BuildRequest,
    /// Every path that the call writes.
    pub(super) written: &'a Arc<BTreeSet<PathBuf>>,
    pub(super) bounds: HostBounds,
    created: Arc<CreatedFolders>,
    run: BuildRun,
    scans: Arc<SharedScans>,
    /// How many recipes the call has.
    pub(super) count: usize,
    /// What each recipe with Go programs has of the time in which those of all recipes were compiled together.
    pub(super) together: Duration,
}

impl<'a> ImageBuilder<'a> {
    /// A builder for a call for `count` recipes that writes to the paths `written`.
    pub(super) fn new(request: &'a BuildRequest, written: &'a Arc<BTreeSet<PathBuf>>, count: usize) -> Self {
        let (bounds, created) = (HostBounds::default(), Arc::default());
        let run = BuildRun::new(request.settings.jobs, request.settings.memory);
        Self { request, written, bounds, created, run, scans: Arc::default(), count, together: Duration::ZERO }
    }

    /// The resolver of a job, with its policy, its lock and the paths that the call writes.
    pub(super) fn resolver<'r>(
        &'r self,
        job: &'r BuildJob,
        progress: &'r dyn Progress,
    ) -> Result<Resolver<'r>, Failure> {
        let settings = &self.request.settings;
        let bound = self.bounds.of(&job.recipe.folder, settings.allow_outside)?;
        let resolver = Resolver::within(&job.recipe.recipe, bound, settings, progress)?;
        Ok(resolver.judged_by(&job.policy).locked(job.lock.as_ref()).writing(self.written))
    }

    /// Builds one image: resolve and compile what the recipe names, assemble layers, config and manifest, pass the gate.
    ///
    /// # Errors
    /// Every refusal of the gate, or the first other failure.
    pub(super) fn build(&self, job: BuildJob, progress: &dyn Progress) -> Result<FinishedImage, Failures> {
        let (name, begin) = (job.name.clone(), progress.elapsed());
        let before = if job.count_go() > 0 { self.together } else { Duration::ZERO };
        let named = ImageProgress::of(&name, self.count, progress).grouping().holding();
        let mut built = self.build_image(job, &named);
        if let (Ok(image), Some(_)) = (&mut built, &self.request.shard) {
            let took = progress.elapsed().saturating_sub(begin) + before;
            image.built.duration = Some(took.saturating_sub(image.waited));
        }
        named.release(built.as_ref().is_ok_and(|image| image.ready.is_unchanged()));
        built
    }

    fn build_image(&self, job: BuildJob, progress: &dyn Progress) -> Result<FinishedImage, Failures> {
        let (settings, cache) = (&self.request.settings, self.request.settings.blobs.as_ref());
        let resolver = self.resolver(&job, progress)?;
        let staging = Staging::begin_in(&job.path, self.request.form, &self.created)?.with_cache(cache.cloned());
        let (mut plans, waited) = self.resolve(&resolver, &job, progress)?;
        report_left_out(&plans, progress);
        let name = resolver.name().to_owned();
        // All that the resolver knows of inputs is in the plans now.
        drop(resolver);

        let gate = Gate::new(&job.policy, settings.today, &self.scans);
        let onlooker = || gate.onlooker();
        let shared = settings.shared.as_ref();
        let mut assembler = Assembler::new(&staging, shared, &self.run, settings.jobs, progress, &onlooker);
        let mut images: Vec<Assembled> = Vec::new();
        for plan in &plans {
            let image = assembler.assemble(plan)?;
            check_size(&job.recipe.recipe, settings.today, plan, &image)?;
            images.push(image);
        }
        // From here on the blobs alone are read.
        plans.iter_mut().for_each(Plan::release);
        let root = match images.as_slice() {
            [only] => only.manifest.clone(),
            _ => assembler.index(&plans, &images)?,
        };
        let unpacked_size = images.iter().flat_map(|image| &image.layers).map(|(_, layer)| layer.unpacked_size).sum();
        let unjudged = UnjudgedImage { staging: &staging, root: &root, name: &name, unpacked_size, cache };
        let passed = gate.pass(&unjudged, &job.recipe.recipe, &plans, progress)?;
        // An image that did not pass leaves nothing in the cache.
        if let Err(error) = assembler.keep() {
            progress.detail(&format!("the cache does not take the layers: {}", printable(&error.to_string())));
        }
        drop(assembler);
        if let Some(shared) = shared {
            store_programs(shared, contents(&plans));
        }
        let debug_files = stage_debug_files(&plans)?;
        let image = finish(job, &name, staging, root, &plans, &images)?;
        Ok(FinishedImage { passed, debug_files, waited, ..image })
    }

    /// The plan of each platform, and how long the compile waited for its turn. Few recipes compile at a time: compilers take
    /// all processors.
    fn resolve(
        &self,
        resolver: &Resolver<'_>,
        job: &BuildJob,
        progress: &dyn Progress,
    ) -> Result<(Vec<Plan>, Duration), Failures> {
        let mut prepared = Vec::new();
        for platform in &job.platforms {
            prepared.push(resolver.prepare(platform)?);
        }
        let begin = progress.elapsed();
        let place = job.has_compile().then(|| self.run.wait_for_compile_slot());
        let waited = progress.elapsed().saturating_sub(begin);
        let mut plans = Vec::new();
        for prepared in prepared {
            plans.push(resolver.finish(prepared)?);
        }
        drop(place);
        Ok((plans, waited))
    }
}

impl FinishedImage {
    /// What `--metadata-file` and `--digest-file` say about it.
    pub(super) fn receipt(&self) -> ReceiptImage {
        let image = Some((self.ready.root().clone(), self.config));
        let references = self.targets.iter().map(|target| target.reference.to_string()).collect();
        let pushed = self.places.clone();
        let (label, duration) = (self.built.name.clone(), self.built.duration);
        ReceiptImage { label, references, image, pushed, outcome: None, duration }
    }
}

/// The image, staged and ready to become visible.
fn finish(
    job: BuildJob,
    name: &str,
    staging: Staging,
    root: Descriptor,
    plans: &[Plan],
    images: &[Assembled],
) -> Result<FinishedImage, Failure> {
    let manifests = plans.iter().zip(images).map(|(plan, image)| (plan.platform.clone(), image.manifest.digest));
    let built = BuiltImage {
        name: name.to_owned(),
        digest: root.digest,
        path: job.path,
        manifests: manifests.collect(),
        loaded: Vec::new(),
        pushed: Vec::new(),
        duration: None,
    };
    Ok(FinishedImage {
        index: job.index,
        config: if let [only] = images { Some(only.config.digest) } else { None },
        ready: ReadyImage::new(staging, root, name)?,
        built,
        passed: PassedFindings::default(),
        targets: job.targets,
        engine_names: job.engine_names,
        places: Vec::new(),
        debug_files: Vec::new(),
        waited: Duration::ZERO,
        origins: origins(plans),
    })
}

/// The contents of the files that hardpan adds as programs.
fn contents(plans: &[Plan]) -> BTreeSet<Fingerprint> {
    let groups = plans.iter().flat_map(|plan| &plan.groups).filter(|group| group.kind == GroupKind::Binaries);
    groups.flat_map(|group| &group.entries).filter_map(|planned| planned.fingerprint).collect()
}

/// Reports what trees leave out, once for all platforms.
fn report_left_out(plans: &[Plan], progress: &dyn Progress) {
    let mut reported: Vec<&LeftOut> = Vec::new();
    for one in plans.iter().flat_map(|plan| &plan.left_out) {
        if !reported.contains(&one) {
            progress.step(&format!("left out of the tree at {}: {} ({})", one.origin, printable(&one.path), one.what));
            reported.push(one);
        }
    }
}

/// The repositories of bases, by the layers that come from there.
fn origins(plans: &[Plan]) -> BTreeMap<Digest, Vec<Reference>> {
    let mut origins: BTreeMap<Digest, Vec<Reference>> = BTreeMap::new();
    for base in plans.iter().filter_map(|plan| plan.base.as_ref()) {
        for (layer, reference) in base.layers.iter().zip(std::iter::repeat(base.reference.as_ref())) {
            let known = origins.entry(layer.written.blob.digest).or_default();
            known.extend(reference.filter(|reference| !known.contains(reference)).cloned());
        }
    }
    origins
}
