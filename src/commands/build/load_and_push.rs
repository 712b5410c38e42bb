//! Hands images that have passed the gate to engines (`--load`) and to registries (`--push`), before they become visible.

use std::collections::BTreeMap;

use super::{image::FinishedImage, image_progress::ImageProgress, outcomes::Outcomes, request::BuildRequest};
use crate::{
    commands::push,
    engine::{self, Engine, EngineEnvironment, EngineName, LoadedImage},
    image::{BlobRef, is_repository},
    report::{ErrorName, Failure, Failures, Progress, printable},
};

/// Streams every image into every engine, and gives those that all engines took.
///
/// # Errors
/// An engine refuses an image, unless the call keeps going.
pub(super) fn load_into_engines(
    images: Vec<FinishedImage>,
    request: &BuildRequest,
    caller: EngineEnvironment<'_>,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<Vec<FinishedImage>, Failures> {
    let mut loaded = Vec::with_capacity(images.len());
    for mut image in images {
        let named = ImageProgress::of(&image.built.name, outcomes.count(), progress);
        let into = |engine: &Engine| load_into(&image, *engine, caller, &named);
        match request.engines.iter().map(into).collect::<Result<Vec<_>, _>>() {
            Ok(engines) => {
                image.built.loaded = engines.into_iter().flatten().collect();
                loaded.push(image);
            }
            Err(failure) => outcomes.fail(image.index, failure)?,
        }
    }
    Ok(loaded)
}

fn load_into(
    image: &FinishedImage,
    engine: Engine,
    caller: EngineEnvironment<'_>,
    progress: &dyn Progress,
) -> Result<Vec<LoadedImage>, Failure> {
    let name = &image.built.name;
    let names = match image.engine_names.as_slice() {
        [] => vec![own_name(engine, name)?],
        names => names.to_vec(),
    };
    let staging = image.ready.staging();
    let set = staging.image_set(image.ready.root(), name)?;
    let task = progress.task(&format!("load {name} into {engine}"), Some(engine::size(&set)));
    let loaded = engine::load(engine, &set, staging, &names, caller, &*task)?;
    drop(task);
    for loaded in &loaded {
        progress.step(&format!("load {loaded}"));
    }
    Ok(loaded)
}

/// What an engine calls an image that `--tag` does not name: its own name, with the tag that an engine looks for by default.
fn own_name(engine: Engine, name: &str) -> Result<EngineName, Failure> {
    if is_repository(name) {
        return Ok(EngineName::new(name, "latest", false));
    }
    let what = format!("{engine} cannot call an image `{}`", printable(name));
    Err(Failure::error(ErrorName::Reference, what).hint(
        "such a name has lower case letters and digits, and `.`, `_`, `-` between; `--tag NAME` gives it another one",
    ))
}

/// Pushes every image, and gives those that all registries took. All registries are asked what they have before the first
/// one is sent anything.
///
/// # Errors
/// A registry refuses an image, unless the call keeps going.
pub(super) fn push_all(
    mut images: Vec<FinishedImage>,
    settings: &push::PushSettings,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<Vec<FinishedImage>, Failures> {
    let roots: Vec<BlobRef> = images.iter().map(|image| image.ready.root().into()).collect();
    let mut prepared = Vec::new();
    for (image, root) in images.iter().zip(&roots) {
        match push::prepare(root, image.ready.staging(), &image.targets, None, &image.origins, settings) {
            Ok(push) => prepared.push((image, push)),
            Err(failure) => outcomes.fail(image.index, failure)?,
        }
    }
    let mut pushed = BTreeMap::new();
    for (image, push) in prepared {
        let named = ImageProgress::of(&image.built.name, outcomes.count(), progress);
        match push.carry_out(&named) {
            Ok(plans) => drop(pushed.insert(image.index, plans)),
            Err(failure) => outcomes.fail(image.index, failure)?,
        }
    }
    images.retain_mut(|image| pushed.remove(&image.index).map(|plans| image.built.pushed = plans).is_some());
    Ok(images)
}
