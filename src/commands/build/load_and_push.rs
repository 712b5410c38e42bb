//! Hands images that have passed the gate to engines (`--load`), before they become visible, and to registries (`--push`), when
//! they are at their paths.

use std::collections::BTreeMap;

use super::{
    image::FinishedImage,
    image_progress::ImageProgress,
    outcomes::Outcomes,
    request::{BuildRequest, digest_place},
};
use crate::{
    commands::push,
    engine::{self, Engine, EngineEnvironment, EngineName, LoadedImage},
    image::{BlobRef, is_repository},
    oci::Digest,
    output::StagingReader,
    registry::{
        Reference,
        push::{PreparedPush, PushTarget},
    },
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
                outcomes.loaded(image.index, &image.built);
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

/// What a push needs of an image, also when the image has got its name.
pub(super) struct PushSource {
    index: usize,
    name: String,
    root: BlobRef,
    blobs: StagingReader,
    targets: Vec<PushTarget>,
    origins: BTreeMap<Digest, Vec<Reference>>,
}

/// An image whose registries have said what they have of it.
pub(super) struct ImagePush<'a> {
    source: &'a PushSource,
    prepared: PreparedPush<'a>,
}

impl PushSource {
    /// Of a staged image.
    pub(super) fn of(image: &FinishedImage) -> Self {
        Self {
            index: image.index,
            name: image.built.name.clone(),
            root: image.ready.root().into(),
            blobs: image.ready.staging().reader(),
            targets: image.targets.clone(),
            origins: image.origins.clone(),
        }
    }
}

/// Asks all registries what they have, before any image is visible, and gives the images whose registries have answered. Nothing
/// is sent yet.
///
/// # Errors
/// A registry refuses, unless the call keeps going.
pub(super) fn prepare_pushes<'a>(
    sources: &'a [PushSource],
    images: &mut Vec<FinishedImage>,
    settings: &push::PushSettings,
    outcomes: &mut Outcomes,
) -> Result<Vec<ImagePush<'a>>, Failures> {
    let (mut pushes, mut places) = (Vec::new(), BTreeMap::new());
    for source in sources {
        match push::prepare(&source.root, &source.blobs, &source.targets, None, &source.origins, settings) {
            Ok(prepared) => {
                places.insert(source.index, prepared.plans().map(digest_place).collect());
                pushes.push(ImagePush { source, prepared });
            }
            Err(failure) => outcomes.fail(source.index, failure)?,
        }
    }
    images.retain_mut(|image| places.remove(&image.index).map(|places| image.places = places).is_some());
    Ok(pushes)
}

/// Pushes every image that is at its path: what tags name is sent first, of all of them, and tags are put after that.
///
/// # Errors
/// A registry refuses an image, unless the call keeps going.
pub(super) fn push_all(
    mut pushes: Vec<ImagePush<'_>>,
    outcomes: &mut Outcomes,
    progress: &dyn Progress,
) -> Result<(), Failures> {
    let count = outcomes.count();
    if let [only] = pushes.as_mut_slice() {
        only.prepared.let_tag_bring_manifest();
    }
    let mut sent = Vec::new();
    for push in pushes {
        // One that could not be published is pushed nowhere.
        if !outcomes.has_image(push.source.index) {
            continue;
        }
        match push.prepared.send(&ImageProgress::of(&push.source.name, count, progress)) {
            Ok(()) => sent.push(push),
            Err(failure) => outcomes.fail(push.source.index, failure)?,
        }
    }
    sent.sort_by_key(|push| !push.prepared.is_manifest_due());
    for ImagePush { source, prepared } in sent {
        match prepared.put_tags(&ImageProgress::of(&source.name, count, progress)) {
            Ok(plans) => outcomes.pushed(source.index, plans),
            Err(failure) => outcomes.fail(source.index, failure)?,
        }
    }
    Ok(())
}
