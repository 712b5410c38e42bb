//! `hardpan build`: recipes become OCI image layouts, and are handed to engines.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    gate::{self, Gate},
    load::{Loaded, load},
    locked, policy, push,
    receipt::{self, Receipts},
};
use crate::{
    build::{Assembled, Assembler, Plan, Resolver, Settings, unless_excepted},
    cache::Cache,
    oci::{Descriptor, Digest, Platform},
    place::{
        BlobRef, Form, Packing, Publishing, Staging, allow_staging, check_fits,
        engine::{self, Caller, Engine},
        registry::{self, Reference},
    },
    report::{Failure, Failures, Progress, Rule, printable},
};

/// Where an image goes when the command line does not say.
pub const fn default_output(form: Form) -> &'static str {
    match form {
        Form::Layout => "out/{name}",
        Form::OciArchive | Form::DockerArchive => "out/{name}.tar",
    }
}

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct Request {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// Instead of the recipes' platforms.
    pub platforms: Vec<Platform>,
    /// `--output`, which may hold variables.
    pub output: Option<String>,
    /// `--format`.
    pub form: Form,
    /// `--set`: `name=value` for variables that the recipes declare.
    pub set: Vec<String>,
    /// `--load`: engines that get the image, too.
    pub engines: Vec<Engine>,
    /// `--metadata-file`, which may hold variables.
    pub metadata_file: Option<String>,
    /// `--digest-file`, which may hold variables.
    pub digest_file: Option<String>,
    /// `--locked`: the locks beside the recipes must be there and fit.
    pub locked: bool,
    /// `--policy`: what images must keep to, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// `--push`: references, which may hold variables, and how they are reached.
    pub push: Option<(Vec<String>, push::Settings)>,
    /// Everything else.
    pub settings: Settings,
}

/// An image that was written.
#[derive(Debug, Clone)]
pub struct Built {
    /// The recipe's name.
    pub name: String,
    /// The digest of the manifest or, for several platforms, of the index.
    pub digest: Digest,
    /// Where it was written.
    pub path: PathBuf,
    /// The manifest of each platform.
    pub manifests: Vec<(Platform, Digest)>,
    /// What the engines of `--load` call it.
    pub loaded: Vec<engine::Loaded>,
    /// What was done at the registries of `--push`.
    pub pushed: Vec<registry::push::Plan>,
}

/// An image that is complete and not yet visible.
struct Staged {
    staging: Staging,
    root: Descriptor,
    built: Built,
    /// `--push`, with its variables replaced.
    targets: Vec<Reference>,
    /// Where the layers of its base are, so that a registry need not be sent what it has.
    origins: BTreeMap<Digest, Vec<Reference>>,
}

/// Builds every recipe, hands the images to the engines and registries, then makes all of them visible: when one fails,
/// none is written. An engine or a registry keeps what it was given before another one failed.
pub fn build(request: &Request, progress: &dyn Progress) -> Result<Vec<Built>, Failures> {
    let mut loaded = load(&request.recipes, &request.set)?;
    allow_staging(loaded.len());
    let cache = request.settings.blobs.as_ref();
    if let Some(Err(failure)) = cache.map(Cache::enter) {
        progress.detail(&format!("built without a cache: {failure}"));
    }
    let file = request.policy.as_deref().map(policy::read).transpose()?;
    if let Some(path) = request.digest_file.as_ref().filter(|path| loaded.len() > 1 && !path.contains("{name}")) {
        return Err(receipt::one_digest(path).into());
    }
    let caller = Caller { environment: &request.settings.caller };
    for engine in &request.engines {
        engine::probe(*engine, caller)?;
    }
    let (mut staged, mut receipts): (Vec<Staged>, _) = (Vec::new(), Receipts::default());
    for one in &mut loaded {
        let gate = Gate::new(file.as_ref(), &mut one.recipe, request.settings.today)?;
        let next = stage(one, &gate, request, &staged, &mut receipts, progress)?;
        staged.push(next);
    }
    for one in &mut staged {
        for engine in &request.engines {
            one.built.loaded.push(hand_over(one, *engine, caller, progress)?);
        }
    }
    if let Some((_, settings)) = &request.push {
        send(&mut staged, settings, progress)?;
    }
    receipts.write()?;
    let mut built = Vec::new();
    let mut publishing = Publishing::default();
    for Staged { staging, root, built: image, .. } in staged {
        publishing.add(staging, &root, &image.name)?;
        built.push(image);
    }
    publishing.sync()?;
    for image in &built {
        let what = format!("write {}", printable(&image.path.to_string_lossy()));
        let task = progress.task(&what, None);
        publishing.publish_next()?;
        drop(task);
        progress.step(&what);
    }
    publishing.finish()?;
    receipts.publish()?;
    if let Some(Err(failure)) = cache.map(Cache::save) {
        progress.detail(&format!("the cache does not learn of this build: {failure}"));
    }
    Ok(built)
}

/// Pushes every staged image. All registries are asked what they have before the first one is sent anything.
fn send(staged: &mut [Staged], settings: &push::Settings, progress: &dyn Progress) -> Result<(), Failure> {
    let roots: Vec<_> = staged
        .iter()
        .map(|one| BlobRef { media_type: one.root.media_type.to_owned(), digest: one.root.digest, size: one.root.size })
        .collect();
    let mut prepared = Vec::new();
    for (one, root) in staged.iter().zip(&roots) {
        prepared.push(push::prepare(root, &one.staging, &one.targets, None, &one.origins, settings)?);
    }
    let mut pushed = Vec::new();
    for one in prepared {
        pushed.push(one.carry_out(progress)?);
    }
    for (one, pushed) in staged.iter_mut().zip(pushed) {
        one.built.pushed = pushed;
    }
    Ok(())
}

/// Streams a staged image into an engine.
fn hand_over(
    one: &Staged,
    engine: Engine,
    caller: Caller<'_>,
    progress: &dyn Progress,
) -> Result<engine::Loaded, Failure> {
    let name = &one.built.name;
    let set = one.staging.image_set(&one.root, name)?;
    let task = progress.task(&format!("load {name} into {engine}"), Some(engine::size(&set)));
    let loaded = engine::load(engine, &set, &one.staging, name, caller, &*task)?;
    drop(task);
    progress.step(&format!("load {loaded}"));
    Ok(loaded)
}

fn stage(
    one: &Loaded,
    gate: &Gate,
    request: &Request,
    others: &[Staged],
    receipts: &mut Receipts,
    progress: &dyn Progress,
) -> Result<Staged, Failures> {
    let lock = locked::for_build(one, request.locked, &request.settings, progress)?;
    let resolver = Resolver::new(&one.recipe, &one.folder, &request.settings, progress)?;
    let resolver = resolver.locked(lock.as_ref());
    let platforms = one.platforms(&request.platforms);
    let path =
        expand(&resolver, "--output", request.output.as_deref().unwrap_or(default_output(request.form)), &platforms)?;
    if let Some(other) = others.iter().find(|other| other.built.path == path) {
        let what = format!("`{}` and `{}` would both be written there", other.built.name, resolver.name());
        let hint = match &request.output {
            Some(_) if other.built.name != resolver.name() => "put `{name}` into `--output`",
            _ => "give one of them another `name`",
        };
        return Err(Failure::new(what).in_path(&path).hint(hint).into());
    }
    resolver.check_output(&path)?;
    let packing = Packing::of(one.recipe.compression.media_type());
    check_fits(request.form, platforms.len(), packing).map_err(|failure| failure.in_path(&path))?;
    let targets = targets(&resolver, request, others, &platforms)?;
    let mut files = Vec::new();
    for (kind, option, text) in [
        (receipt::Kind::Metadata, "--metadata-file", &request.metadata_file),
        (receipt::Kind::Digest, "--digest-file", &request.digest_file),
    ] {
        if let Some(text) = text {
            let file = expand(&resolver, option, text, &platforms)?;
            receipts.begin(kind, &file)?;
            files.push(file);
        }
    }
    let staging = Staging::begin(&path, request.form)?.with_cache(request.settings.blobs.clone());
    let mut prepared = Vec::new();
    for platform in &platforms {
        prepared.push(resolver.prepare(platform)?);
    }
    let onlooker = || gate.onlooker();
    let cache = request.settings.blobs.as_ref();
    let mut assembler = Assembler::new(&staging, cache, request.settings.jobs, progress, &onlooker);
    let (mut plans, mut images): (Vec<Plan>, Vec<Assembled>) = (Vec::new(), Vec::new());
    for prepared in prepared {
        plans.push(resolver.finish(prepared)?);
    }
    // All that the resolver remembers of inputs is in the plans now.
    let name = resolver.name().to_owned();
    drop(resolver);
    for plan in &plans {
        let image = assembler.assemble(plan)?;
        check_size(one, request, plan, &image)?;
        images.push(image);
    }
    let root = match images.as_slice() {
        [only] => only.manifest.clone(),
        _ => assembler.index(&plans, &images)?,
    };
    let staged = gate::Staged { staging: &staging, root: &root, name: &name, cache };
    gate.pass(&staged, &one.recipe, &plans, progress)?;
    // What has not passed enters no cache.
    if let Err(error) = assembler.keep() {
        progress.detail(&format!("the cache does not take the layers: {}", printable(&error.to_string())));
    }
    let manifests = plans.iter().zip(&images).map(|(plan, image)| (plan.platform.clone(), image.manifest.digest));
    let config = if let [only] = images.as_slice() { Some(only.config.digest) } else { None };
    for file in files {
        receipts.add(&file, receipt::Image { name: name.clone(), root: root.clone(), config });
    }
    let manifests = manifests.collect();
    let built = Built { name, digest: root.digest, path, manifests, loaded: Vec::new(), pushed: Vec::new() };
    let origins = origins(&plans);
    Ok(Staged { staging, root, built, targets, origins })
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

/// Where the image is pushed. No two images may get one tag.
fn targets(
    resolver: &Resolver<'_>,
    request: &Request,
    others: &[Staged],
    platforms: &[Platform],
) -> Result<Vec<Reference>, Failure> {
    let mut targets = Vec::new();
    for text in request.push.iter().flat_map(|(texts, _)| texts) {
        let target = push::target(&expand(resolver, "--push", text, platforms)?.to_string_lossy())?;
        if target.tag().is_some()
            && let Some(other) = others.iter().find(|other| other.targets.contains(&target))
        {
            let what = format!("`{}` and `{}` would both be pushed as `{target}`", other.built.name, resolver.name());
            return Err(Failure::new(what).hint("put `{name}` into `--push`"));
        }
        targets.push(target);
    }
    Ok(targets)
}

/// A path of the command line, with its variables replaced.
fn expand(resolver: &Resolver<'_>, option: &str, text: &str, platforms: &[Platform]) -> Result<PathBuf, Failure> {
    let only = match platforms {
        [only] => Some(only),
        _ => None,
    };
    let path = resolver
        .expand_argument(text, only)
        .map_err(|failure| Failure { what: format!("`{option}`: {}", failure.what), ..failure })?;
    if path.is_empty() {
        return Err(Failure::new(format!("`{option}` is empty")));
    }
    Ok(Path::new(&path).to_path_buf())
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
