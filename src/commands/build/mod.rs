//! `hardpan build`: recipes become images on the disk, in engines and in registries.
//!
//! [`build`] is the whole verb, in order: load the recipes, settle the jobs, build every image (resolve, plan, assemble,
//! gate), load into engines and push to registries, publish. When one image fails, none is written. `plan` runs the same
//! [`gate`].

pub(super) mod gate;
mod gate_verdict;
mod image;
mod jobs;
mod outputs;
mod passed_findings;
mod receipts;
mod request;

use super::{policy, push, recipes};
use crate::{
    cache::Cache,
    engine::{self, Engine, EngineEnvironment, LoadedImage},
    image::BlobRef,
    output::allow_staging,
    report::{Failure, Failures, Progress, parallel},
};
use image::{FinishedImage, ImageBuilder};
use outputs::{Outputs, publish};
pub use request::{BuildRequest, BuiltImage, default_output};

/// Builds every recipe, hands the images to the engines and registries, then makes all of them visible: when one fails,
/// none is written. An engine or a registry keeps what it was given before another one failed.
///
/// Up to `jobs` recipes are built at the same time. Progress and failures are those of a serial run.
pub fn build(request: &BuildRequest, progress: &dyn Progress) -> Result<Vec<BuiltImage>, Failures> {
    let recipes = recipes::load_with(request.settings.jobs, &request.recipes, &request.set)?;
    allow_staging(recipes.len());
    let cache = request.settings.blobs.as_ref();
    if let Some(Err(failure)) = cache.map(Cache::enter) {
        progress.detail(&format!("built without a cache: {failure}"));
    }
    let policy = request.policy.as_deref().map(policy::read).transpose()?;
    receipts::check_count(request.digest_file.as_deref(), recipes.len())?;
    let caller = EngineEnvironment { environment: &request.settings.caller };
    request.engines.iter().try_for_each(|engine| engine::probe(*engine, caller))?;

    let jobs = jobs::settle(recipes, request, policy.as_ref(), progress)?;
    let mut outputs = Outputs::begin(&jobs, request)?;

    let builder = ImageBuilder::new(request, outputs.real_paths());
    builder.compile_together(&jobs, progress);
    let build_one = |job, progress: &dyn Progress| builder.build(job, progress);
    let mut images = parallel::try_map_reporting("recipe", request.settings.jobs, jobs, progress, build_one)?;
    drop(builder);

    load_into_engines(&mut images, &request.engines, caller, progress)?;
    if let Some((_, settings)) = &request.push {
        push_all(&mut images, settings, progress)?;
    }

    outputs.write_receipts(&images)?;
    let (built, debug_files) = publish(images, progress)?;
    outputs.publish_files(debug_files)?;
    if let Some(Err(failure)) = cache.map(Cache::save) {
        progress.detail(&format!("the cache does not learn of this build: {failure}"));
    }
    Ok(built)
}

/// Streams every image into every engine.
fn load_into_engines(
    images: &mut [FinishedImage],
    engines: &[Engine],
    caller: EngineEnvironment<'_>,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    for image in images {
        for engine in engines {
            let loaded = load_into(image, *engine, caller, progress)?;
            image.built.loaded.push(loaded);
        }
    }
    Ok(())
}

fn load_into(
    image: &FinishedImage,
    engine: Engine,
    caller: EngineEnvironment<'_>,
    progress: &dyn Progress,
) -> Result<LoadedImage, Failure> {
    let name = &image.built.name;
    let staging = image.ready.staging();
    let set = staging.image_set(image.ready.root(), name)?;
    let task = progress.task(&format!("load {name} into {engine}"), Some(engine::size(&set)));
    let loaded = engine::load(engine, &set, staging, name, caller, &*task)?;
    drop(task);
    progress.step(&format!("load {loaded}"));
    Ok(loaded)
}

/// Pushes every image. All registries are asked what they have before the first one is sent anything.
fn push_all(
    images: &mut [FinishedImage],
    settings: &push::PushSettings,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let roots: Vec<BlobRef> = images.iter().map(|image| image.ready.root().into()).collect();
    let mut prepared = Vec::new();
    for (image, root) in images.iter().zip(&roots) {
        prepared.push(push::prepare(root, image.ready.staging(), &image.targets, None, &image.origins, settings)?);
    }
    let pushed = prepared.into_iter().map(|prepared| prepared.carry_out(progress)).collect::<Result<Vec<_>, _>>()?;
    for (image, pushed) in images.iter_mut().zip(pushed) {
        image.built.pushed = pushed;
    }
    Ok(())
}
