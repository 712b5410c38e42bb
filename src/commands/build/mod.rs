//! `hardpan build`: recipes become images on the disk, in engines and in registries.
//!
//! [`build`] is the whole verb, in order: load the recipes, settle the jobs, look at all of them, build every image (resolve,
//! plan, assemble, gate), load into engines, ask the registries, publish, push. When one image fails, none is written, unless
//! the call keeps going; what cannot be taken back is told. `plan` runs the same [`gate`].

mod debug_files;
pub(super) mod gate;
mod gate_verdict;
mod image;
pub(super) mod image_progress;
mod jobs;
mod load_and_push;
mod look_at_all;
pub(super) mod metadata;
mod outcomes;
mod outputs;
mod passed_findings;
mod publish;
mod receipts;
mod request;
pub(super) mod shard;
mod shard_plan;
mod sharding;
mod written_paths;

use super::{cache_notes::enter_cache, policy, recipes};
use crate::{
    build::BuildSettings,
    cache::{Cache, SharedCache, SharedCounts},
    engine::{self, EngineEnvironment},
    output::allow_staging,
    recipe,
    report::{Failures, Progress, parallel},
};
use image::{FinishedImage, ImageBuilder};
use jobs::BuildJob;
use load_and_push::{PushSource, load_into_engines, prepare_pushes, push_all};
use look_at_all::look_at_all;
use outcomes::Outcomes;
use outputs::Outputs;
use publish::publish;
pub use receipts::{PUSHED_KEY, milliseconds};
pub use request::{BuildOutcome, BuildReport, BuildRequest, BuildStatus, BuiltImage, LeftImage, default_output};
pub use shard::{DURATION_KEY, Shard, ShardHeader, ShardRequest};

/// Builds every recipe, hands the images to the engines, makes all of them visible, and pushes them to the registries: when one
/// fails, none is written, unless the request keeps going. What was done before another step failed, and cannot be taken back,
/// is in the report, and told: an engine or a registry keeps what it was given.
///
/// Up to `jobs` recipes are built at the same time. Progress and failures are those of a serial run.
///
/// # Errors
/// Where the request does not keep going and nothing is left, whatever fails. Otherwise what is wrong with the call before there
/// are recipes: then failures are in the report.
pub fn build(request: &BuildRequest, progress: &dyn Progress) -> Result<BuildReport, Failures> {
    let reading = recipes::RecipeReading { set: &request.set, allow_outside: request.settings.allow_outside };
    let loaded = recipes::load_each(request.settings.jobs, &request.recipes, reading)?;
    let (loaded, shard) = match &request.shard {
        Some(wanted) => {
            let (own, header) = sharding::take_shard(loaded, request, wanted, progress)?;
            (own, Some(header))
        }
        None => (loaded, None),
    };
    let mut outcomes = Outcomes::new(loaded.iter().map(|(path, _)| path.clone()), request.keep_going);
    let loaded = loaded.into_iter().enumerate();
    let loaded = loaded.map(|(index, (_, loaded))| (index, loaded.map(|one| (index, one)).map_err(Failures::from)));
    let loaded = outcomes.sort(loaded);
    let result = build_loaded(loaded, request, shard.as_ref(), &mut outcomes, progress);
    request.settings.shared.iter().for_each(|shared| report_shared(shared, progress));
    let failures = match result {
        Ok(()) => Vec::new(),
        Err(failures) if outcomes.leave_all() || request.keep_going => failures.0,
        Err(failures) => return Err(Failures(outcomes.failures().into_iter().chain(failures.0).collect())),
    };
    let report = BuildReport { recipes: outcomes.into_recipes(), failures, shard };
    report.left().for_each(|warning| progress.warn(&warning));
    Ok(report)
}

/// Builds the recipes that could be read. What becomes of each is in `outcomes`.
///
/// # Errors
/// The call as a whole has failed.
fn build_loaded(
    loaded: Vec<jobs::IndexedRecipe>,
    request: &BuildRequest,
    shard: Option<&ShardHeader>,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<(), Failures> {
    if loaded.is_empty() {
        outcomes.stop()?;
    }
    allow_staging(outcomes.count());
    let cache = request.settings.blobs.as_ref();
    enter_cache(cache, "built", progress);
    let policy = request.policy.as_deref().map(policy::read).transpose()?;
    let git = policy::handed_git(policy.as_ref(), &request.settings)?;
    let passed = policy::passed_variables(policy.as_ref(), &request.settings);
    let settings = BuildSettings { passed, git, ..request.settings.clone() };
    let mut request = BuildRequest { settings, ..request.clone() };
    policy::add_token_realms(policy.as_ref(), &mut request.settings.access)?;
    if let (Some((_, settings)), Some(policy)) = (&mut request.push, &policy) {
        settings.patterns = policy.tags.clone();
        settings.access.token_realms.clone_from(&request.settings.access.token_realms);
    }
    let request = &request;
    receipts::check_count(request.digest_file.as_deref(), outcomes.count())?;
    let caller = EngineEnvironment { environment: &request.settings.caller };
    request.engines.iter().try_for_each(|engine| engine::probe(*engine, caller))?;

    let (jobs, outputs) = settle_all(loaded, request, policy.as_ref(), outcomes, progress)?;
    let mut outputs = outputs.of_shard(shard).of_variables(request.settings.passed.in_effect(&request.settings.caller));
    let mut builder = ImageBuilder::new(request, outputs.real_paths(), outcomes.count());
    let jobs = look_at_all(&builder, jobs, request, outcomes, progress)?;
    outcomes.stop()?;
    builder.compile_together(&jobs, progress);
    let images = build_all(&builder, jobs, request, outcomes, progress)?;
    drop(builder);

    let mut images = load_into_engines(images, request, caller, outcomes, progress)?;
    let sources: Vec<_> = request.push.iter().flat_map(|_| &images).map(PushSource::of).collect();
    let pushes = match &request.push {
        Some((_, settings)) => prepare_pushes(&sources, &mut images, settings, outcomes)?,
        None => Vec::new(),
    };
    let published = publish(images, &mut outputs, outcomes, progress)?;
    push_all(pushes, outcomes, progress)?;
    outputs.publish_receipts(outcomes, &published.receipts)?;
    if let Some(Err(failure)) = cache.map(Cache::save) {
        progress.detail(&format!("the cache does not learn of this build: {failure}"));
    }
    Ok(())
}

/// Reports what was asked of a shared cache, and what of it was not used.
fn report_shared(shared: &SharedCache, progress: &dyn Progress) {
    for warning in shared.warnings() {
        progress.warn(&warning);
    }
    let Some(counts) = shared.counts() else { return };
    let SharedCounts { compiled, requests, received, sent, stored, taken, verified } = counts;
    progress.detail(&format!(
        "shared cache: {requests} requests, {compiled} programs compiled, {received} bytes received, {sent} sent, {taken} records taken, {stored} stored"
    ));
    if verified > 0 {
        progress.step(&format!("verified the cache: {verified} programs and layers were made again and are the same"));
    }
}

/// Settles what is built from which recipe, and where all of it goes.
///
/// # Errors
/// Two things would be written to one path or tag, or a file for the pipeline cannot be written.
fn settle_all(
    loaded: Vec<jobs::IndexedRecipe>,
    request: &BuildRequest,
    policy: Option<&recipe::PolicySettings>,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<(Vec<BuildJob>, Outputs), Failures> {
    let jobs = outcomes.sort(jobs::settle(loaded, request, policy, progress));
    for job in &jobs {
        outcomes.name(job.index, &job.name);
    }
    jobs::check_conflicts(&jobs, request)?;
    let outputs = Outputs::begin(&jobs, request)?;
    Ok((jobs, outputs))
}

/// Builds the image of every job, several at the same time.
fn build_all(
    builder: &ImageBuilder<'_>,
    jobs: Vec<BuildJob>,
    request: &BuildRequest,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<Vec<FinishedImage>, Failures> {
    let threads = request.settings.jobs;
    if !outcomes.keep_going() {
        return parallel::try_map_reporting("recipe", threads, jobs, progress, |job, progress| {
            builder.build(job, progress)
        });
    }
    let build = |job: BuildJob, progress: &dyn Progress| Ok::<_, Failures>((job.index, builder.build(job, progress)));
    Ok(outcomes.sort(parallel::try_map_reporting("recipe", threads, jobs, progress, build)?))
}
