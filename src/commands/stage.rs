//! One image, from its recipe to all but its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::Arc,
};

use super::{
    below::Below,
    build::{Built, Request},
    gate::{self, Gate},
    load::Loaded,
    outline::Outline,
    receipt,
    staged_file::StagedFile,
    written_paths::WrittenPaths,
};
use crate::{
    build::{Assembled, Assembler, Bounds, BuildRun, LeftOut, Plan, Resolver, unless_excepted},
    oci::{Descriptor, Digest},
    output::{Created, ReadyImage, Staging},
    recipe::BinarySource,
    registry::Reference,
    report::{Failure, Failures, Progress, Rule, printable},
};

/// An image that is complete and not yet visible.
#[derive(Debug)]
pub(super) struct Staged {
    /// The image.
    pub(super) image: ReadyImage,
    /// What is told of it.
    pub(super) built: Built,
    /// What the gate found and let pass.
    pub(super) below: Below,
    /// `--metadata-file` and `--digest-file`, with their variables replaced.
    pub(super) files: Vec<PathBuf>,
    /// The config's digest, when there is one platform.
    config: Option<Digest>,
    /// `--push`, likewise.
    pub(super) targets: Vec<Reference>,
    /// `debug-file` of its programs, complete and without their names.
    pub(super) debug_files: Vec<StagedFile>,
    /// Where the layers of its base are, so that a registry need not be sent what it has.
    pub(super) origins: BTreeMap<Digest, Vec<Reference>>,
}

/// Stages images, side by side, with what they share.
#[derive(Debug)]
pub(super) struct Stager<'a> {
    request: &'a Request,
    written: &'a WrittenPaths,
    bounds: Bounds,
    created: Arc<Created>,
    run: BuildRun,
}

impl<'a> Stager<'a> {
    /// Nothing is staged yet.
    pub(super) fn new(request: &'a Request, written: &'a WrittenPaths) -> Self {
        Self { request, written, bounds: Bounds::default(), created: Arc::default(), run: BuildRun::default() }
    }

    /// Stages one image: what the recipe names is read, compiled and packed, and the whole has passed the gate.
    pub(super) fn stage(&self, outline: Outline, progress: &dyn Progress) -> Result<Staged, Failures> {
        let (one, settings, cache) = (&outline.one, &self.request.settings, self.request.settings.blobs.as_ref());
        let bound = self.bounds.of(&one.folder, settings.allow_outside)?;
        let resolver = Resolver::within(&one.recipe, bound, settings, progress)?
            .judged_by(&outline.policy)
            .locked(outline.lock.as_ref())
            .writing(&self.written.real);
        let staging = Staging::begin_in(&outline.path, self.request.form, &self.created)?;
        let staging = staging.with_cache(settings.blobs.clone());
        let mut plans = self.resolve(&resolver, &outline)?;
        tell_left_out(&plans, progress);
        // All that the resolver remembers of inputs is in the plans now.
        let name = resolver.name().to_owned();
        drop(resolver);
        let gate = Gate::new(&outline.policy, settings.today);
        let onlooker = || gate.onlooker();
        let mut assembler = Assembler::new(&staging, cache, &self.run, settings.jobs, progress, &onlooker);
        let mut images: Vec<Assembled> = Vec::new();
        for plan in &plans {
            let image = assembler.assemble(plan)?;
            check_size(one, self.request, plan, &image)?;
            images.push(image);
        }
        // What is looked at from here on are the blobs.
        plans.iter_mut().for_each(Plan::release);
        let root = match images.as_slice() {
            [only] => only.manifest.clone(),
            _ => assembler.index(&plans, &images)?,
        };
        let unpacked_size = images.iter().flat_map(|image| &image.layers).map(|(_, layer)| layer.unpacked_size).sum();
        let staged = gate::Staged { staging: &staging, root: &root, name: &name, unpacked_size, cache };
        let below = gate.pass(&staged, &one.recipe, &plans, progress)?;
        // What has not passed enters no cache.
        if let Err(error) = assembler.keep() {
            progress.detail(&format!("the cache does not take the layers: {}", printable(&error.to_string())));
        }
        drop(assembler);
        let debug_files = stage_debug_files(&plans)?;
        let image = staged_image(outline, name, staging, root, &plans, &images)?;
        Ok(Staged { below, debug_files, ..image })
    }

    /// The plan of each platform. Few recipes compile at a time: compilers take all processors.
    fn resolve(&self, resolver: &Resolver<'_>, outline: &Outline) -> Result<Vec<Plan>, Failures> {
        let mut prepared = Vec::new();
        for platform in &outline.platforms {
            prepared.push(resolver.prepare(platform)?);
        }
        let compiles = |source: &BinarySource| !matches!(source, BinarySource::Path(_));
        let has_compile = outline.one.recipe.binaries.iter().any(|binary| compiles(&binary.source));
        let place = has_compile.then(|| self.run.wait_for_compile_slot(self.request.settings.jobs));
        let mut plans = Vec::new();
        for prepared in prepared {
            plans.push(resolver.finish(prepared)?);
        }
        drop(place);
        Ok(plans)
    }
}

impl Staged {
    /// What `--metadata-file` and `--digest-file` tell of it.
    pub(super) fn receipt(&self) -> receipt::Image {
        receipt::Image { name: self.built.name.clone(), root: self.image.root().clone(), config: self.config }
    }
}

/// The image, ready to become visible.
fn staged_image(
    outline: Outline,
    name: String,
    staging: Staging,
    root: Descriptor,
    plans: &[Plan],
    images: &[Assembled],
) -> Result<Staged, Failure> {
    let manifests = plans.iter().zip(images).map(|(plan, image)| (plan.platform.clone(), image.manifest.digest));
    let built = Built {
        name: name.clone(),
        digest: root.digest,
        path: outline.path,
        manifests: manifests.collect(),
        loaded: Vec::new(),
        pushed: Vec::new(),
    };
    let config = if let [only] = images { Some(only.config.digest) } else { None };
    let image = ReadyImage::new(staging, root, name)?;
    let (targets, files) = (outline.targets, outline.files);
    let (debug_files, origins) = (Vec::new(), origins(plans));
    Ok(Staged { image, built, below: Below::default(), files, config, targets, debug_files, origins })
}

/// Says what trees did not take, once for all platforms.
fn tell_left_out(plans: &[Plan], progress: &dyn Progress) {
    let mut told: Vec<&LeftOut> = Vec::new();
    for one in plans.iter().flat_map(|plan| &plan.left_out) {
        if !told.contains(&one) {
            progress.step(&format!("left out of the tree at {}: {} ({})", one.origin, printable(&one.path), one.what));
            told.push(one);
        }
    }
}

/// Writes the symbols of all programs beside their places.
fn stage_debug_files(plans: &[Plan]) -> Result<Vec<StagedFile>, Failure> {
    let mut taken = BTreeSet::new();
    let mut staged = Vec::new();
    for file in plans.iter().flat_map(|plan| &plan.debug_files) {
        if !taken.insert(&file.to) {
            let what = format!("two programs write their symbols to `{}`", printable(&file.to.to_string_lossy()));
            return Err(Failure::new(what).at(&file.origin).hint("put `{arch}` into the path of `debug-file`"));
        }
        let folder = file.to.parent().unwrap_or(&file.to);
        fs::create_dir_all(folder).map_err(|error| Failure::io("make the folder", folder, &error).at(&file.origin))?;
        let mut one = StagedFile::begin("debug-file", &file.to, "name another file")
            .map_err(|failure| failure.at(&file.origin))?;
        one.write(fs::read(&file.made).map_err(|error| Failure::io("read the symbols", &file.made, &error))?)?;
        staged.push(one);
    }
    Ok(staged)
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

/// `policy.max-size`: the stored layers of one platform.
fn check_size(one: &Loaded, request: &Request, plan: &Plan, image: &Assembled) -> Result<(), Failure> {
    let policy = &one.recipe.policy;
    let Some(budget) = &policy.max_size else { return Ok(()) };
    let stored: u64 = image.layers.iter().map(|(_, layer)| layer.blob.size).sum();
    if stored <= budget.value {
        return Ok(());
    }
    let sizes: Vec<_> =
        image.layers.iter().map(|(kind, layer)| format!("{} {}", kind.name(), layer.blob.size)).collect();
    let what = format!(
        "the layers for {} take {stored} bytes, the budget is {} ({})",
        plan.platform,
        budget.value,
        sizes.join(", ")
    );
    let failure = Failure::refused(Rule::SizeBudget, what).at(&budget.origin).hint("raise `max-size`, or ship less");
    unless_excepted(policy, request.settings.today, None, failure)
}
