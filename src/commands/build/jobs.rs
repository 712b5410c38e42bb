//! What of a build is settled before anything is compiled or packed: for each recipe its platforms, policy and lock, and
//! where its image goes.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    path::{Path, PathBuf},
};

use super::request::{BuildRequest, default_output};
use crate::{
    build::{HostBounds, Resolver},
    commands::{
        policy,
        push::{self, PushReference},
        recipe_lock,
        recipes::LoadedRecipe,
    },
    engine::EngineName,
    image::Packing,
    oci::Platform,
    output::check_fits,
    policy::Policy,
    recipe::{self, BinarySource, LockFile, names_commit},
    registry::{Reference, push::PushTarget},
    report::{ErrorName, Failure, Failures, Progress, parallel, printable},
};

/// One image that is to be built, with all that is needed of its recipe, so that the recipe can go when it is built.
#[derive(Debug)]
pub(super) struct BuildJob {
    /// Which recipe of the call it is.
    pub(super) index: usize,
    /// Its recipe.
    pub(super) recipe: LoadedRecipe,
    /// What it must keep to.
    pub(super) policy: Policy,
    /// What is pinned.
    pub(super) lock: Option<LockFile>,
    /// For which platforms.
    pub(super) platforms: Vec<Platform>,
    /// Its name.
    pub(super) name: String,
    /// Where it is written.
    pub(super) path: PathBuf,
    /// `--push`, with its variables replaced.
    pub(super) targets: Vec<PushTarget>,
    /// `--tag`, with its variables replaced: what engines call the image.
    pub(super) engine_names: Vec<EngineName>,
    /// `--metadata-file` and `--digest-file`, with theirs.
    pub(super) receipts: Vec<PathBuf>,
    /// Where the symbols of its programs go.
    pub(super) debug_files: Vec<PathBuf>,
}

/// Paths and tags that the jobs before this one have taken, with the index of each.
#[derive(Debug, Default)]
struct Taken {
    paths: BTreeMap<PathBuf, usize>,
    tags: BTreeMap<String, usize>,
    engine_names: BTreeMap<EngineName, usize>,
}

/// A recipe, and which one of the call it is.
pub(super) type IndexedRecipe = (usize, LoadedRecipe);

/// Settles every job, in the order of the recipes; of recipes that cannot be resolved, says why. The recipes get what the
/// policy of the caller adds to them.
pub(super) fn settle(
    recipes: Vec<IndexedRecipe>,
    request: &BuildRequest,
    policy: Option<&recipe::PolicySettings>,
    progress: &dyn Progress,
) -> Vec<(usize, Result<BuildJob, Failures>)> {
    let bounds = HostBounds::default();
    let settle = |(index, mut recipe): IndexedRecipe, progress: &dyn Progress| {
        let policy = policy::of_build(policy, &mut recipe.recipe.policy).map_err(Failures::from);
        let job = policy.and_then(|policy| settle_one(index, recipe, policy, request, &bounds, progress));
        Ok::<_, Infallible>((index, job))
    };
    let Ok(settled) = parallel::try_map_reporting("recipe", request.settings.jobs, recipes, progress, settle);
    settled
}

/// Refuses two images at one path or tag.
///
/// # Errors
/// The first two of them.
pub(super) fn check_conflicts(jobs: &[BuildJob], request: &BuildRequest) -> Result<(), Failure> {
    let mut taken = Taken::default();
    jobs.iter().enumerate().try_for_each(|(at, job)| taken.take(job, jobs.get(..at).unwrap_or_default(), request))
}

impl BuildJob {
    /// How many of its programs Go compiles.
    pub(super) fn count_go(&self) -> usize {
        let binaries = self.recipe.recipe.binaries.iter();
        binaries.filter(|binary| matches!(binary.source, BinarySource::Go(_))).count()
    }

    /// Whether a program of it is compiled.
    pub(super) fn has_compile(&self) -> bool {
        self.recipe.recipe.binaries.iter().any(|binary| !matches!(binary.source, BinarySource::Path(_)))
    }
}

fn settle_one(
    index: usize,
    recipe: LoadedRecipe,
    policy: Policy,
    request: &BuildRequest,
    bounds: &HostBounds,
    progress: &dyn Progress,
) -> Result<BuildJob, Failures> {
    let lock = recipe_lock::for_build(&recipe, request.settings.locked, &request.settings, progress)?;
    let bound = bounds.of(&recipe.folder, request.settings.allow_outside)?;
    let resolver = Resolver::within(&recipe.recipe, bound, &request.settings, progress)?;
    let platforms = recipe.platforms(&request.platforms);
    let only = if let [only] = platforms.as_slice() { Some(only) } else { None };
    let output = request.output.as_deref().unwrap_or(default_output(request.form));
    let path = expand(&resolver, "--output", output, only)?;
    resolver.check_output(&path)?;
    let packing = Packing::of(recipe.recipe.compression.media_type());
    check_fits(request.form, platforms.len(), packing).map_err(|failure| failure.in_path(&path))?;
    let mut targets = Vec::new();
    for (PushReference { text, new_by }, settings) in
        request.push.iter().flat_map(|(references, settings)| references.iter().map(move |one| (one, settings)))
    {
        let expanded = expand(&resolver, new_by.unwrap_or("--push"), text, only)?;
        targets.push(push::target(&expanded.to_string_lossy(), *new_by, settings)?);
        if names_commit(text) {
            resolver.warn_of_changes(progress);
        }
    }
    let mut engine_names = Vec::new();
    for text in &request.engine_names {
        let expanded = expand(&resolver, "--tag", text, only)?;
        let name = engine_name(&expanded.to_string_lossy())?;
        if !engine_names.contains(&name) {
            engine_names.push(name);
        }
        if names_commit(text) {
            resolver.warn_of_changes(progress);
        }
    }
    let mut receipts = Vec::new();
    for (kind, text) in request.receipts() {
        receipts.push(expand(&resolver, kind.option(), text, only)?);
    }
    let debug_files = resolver.debug_files(&platforms)?;
    let name = resolver.name().to_owned();
    drop(resolver);
    Ok(BuildJob { index, recipe, policy, lock, platforms, name, path, targets, engine_names, receipts, debug_files })
}

/// Parses `--tag`, a name with or without a host and a tag.
fn engine_name(text: &str) -> Result<EngineName, Failure> {
    let option = |failure: Failure| Failure { what: format!("`--tag`: {}", failure.what), ..failure };
    let reference = Reference::parse(text).map_err(option)?;
    if reference.digest().is_some() {
        let failure = Failure::error(ErrorName::Reference, format!("`{}` has a digest", printable(text)));
        return Err(option(
            failure.hint("an engine's name is `NAME` or `NAME:TAG`; the digest follows from the image"),
        ));
    }
    let tag = reference.tag().unwrap_or("latest");
    if Reference::has_host(text) {
        return Ok(EngineName::new(&reference.name(), tag, true));
    }
    // As written: each engine completes it in its own way.
    let repository = text.strip_suffix(&format!(":{tag}")).unwrap_or(text);
    Ok(EngineName::new(repository, tag, false))
}

impl Taken {
    /// Takes the paths and tags of the next image, which no other one may have.
    fn take(&mut self, next: &BuildJob, before: &[BuildJob], request: &BuildRequest) -> Result<(), Failure> {
        let index = before.len();
        let other = |taken: usize| before.get(taken).map_or("", |job| job.name.as_str());
        if let Some(taken) = self.paths.insert(next.path.clone(), index) {
            let other = other(taken);
            let what = format!("`{other}` and `{}` would both be written there", next.name);
            let hint = match &request.output {
                Some(_) if other != next.name => "put `{name}` into `--output`",
                _ => "give one of them another `name`",
            };
            return Err(Failure::error(ErrorName::OutputConflict, what).in_path(&next.path).hint(hint));
        }
        for target in next.targets.iter().map(|target| &target.reference).filter(|target| target.tag().is_some()) {
            if let Some(taken) = self.tags.insert(target.to_string(), index).filter(|taken| *taken != index) {
                let what = format!("`{}` and `{}` would both be pushed as `{target}`", other(taken), next.name);
                return Err(Failure::error(ErrorName::OutputConflict, what).hint("put `{name}` into `--push`"));
            }
        }
        for name in &next.engine_names {
            if let Some(taken) = self.engine_names.insert(name.clone(), index) {
                let what = format!("`{}` and `{}` would both be loaded as `{name}`", other(taken), next.name);
                return Err(Failure::error(ErrorName::OutputConflict, what).hint("put `{name}` into `--tag`"));
            }
        }
        Ok(())
    }
}

/// A path of the command line, with its variables replaced; `only` when there is one platform.
fn expand(resolver: &Resolver<'_>, option: &str, text: &str, only: Option<&Platform>) -> Result<PathBuf, Failure> {
    let path = resolver
        .expand_argument(text, only)
        .map_err(|failure| Failure { what: format!("`{option}`: {}", failure.what), ..failure })?;
    if path.is_empty() {
        return Err(Failure::error(ErrorName::Usage, format!("`{option}` is empty")));
    }
    Ok(Path::new(&path).to_path_buf())
}
