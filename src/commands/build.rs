//! `hardpan build`: recipes become OCI image layouts, and are handed to engines.

use std::path::PathBuf;

use super::{
    load::load_with,
    outline, policy, push,
    receipt::{self, Receipts},
    side_by_side::side_by_side,
    stage::{Staged, Stager},
    staged_file::StagedFile,
    turns::Turns,
};
use crate::{
    build::Settings,
    cache::Cache,
    engine::{self, Caller, Engine},
    image::{BlobRef, Form},
    oci::{Digest, Platform},
    output::{Publishing, allow_staging},
    registry,
    report::{Failure, Failures, Progress, printable},
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

/// Builds every recipe, hands the images to the engines and registries, then makes all of them visible: when one fails,
/// none is written. An engine or a registry keeps what it was given before another one failed.
///
/// As many recipes are built side by side as there are jobs. What is told, and which failure, is what it would be one
/// behind the other.
pub fn build(request: &Request, progress: &dyn Progress) -> Result<Vec<Built>, Failures> {
    let loaded = load_with(request.settings.jobs, &request.recipes, &request.set)?;
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
    let mut receipts = Receipts::default();
    let (outlines, written) = outline::outline(loaded, request, file.as_ref(), &mut receipts, progress)?;
    let (shared, turns) = (Stager::new(request, &written), Turns::new(progress));
    let work = |index, outline| turns.during(index, |turn| shared.stage(outline, turn));
    let mut staged = side_by_side(request.settings.jobs, outlines, work)?;
    for one in &staged {
        for file in &one.files {
            receipts.add(file, one.receipt());
        }
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
    let debug_files: Vec<_> = staged.iter_mut().flat_map(|one| std::mem::take(&mut one.debug_files)).collect();
    let built = publish(staged, progress)?;
    debug_files.into_iter().try_for_each(StagedFile::publish)?;
    receipts.publish()?;
    if let Some(Err(failure)) = cache.map(Cache::save) {
        progress.detail(&format!("the cache does not learn of this build: {failure}"));
    }
    Ok(built)
}

/// Makes every image visible, after all of them are durable.
fn publish(staged: Vec<Staged>, progress: &dyn Progress) -> Result<Vec<Built>, Failure> {
    let mut built = Vec::with_capacity(staged.len());
    let mut notes = Vec::with_capacity(staged.len());
    let mut publishing = Publishing::default();
    for Staged { image, built: one, below, .. } in staged {
        publishing.add(image);
        notes.push(below.note(&one.path));
        built.push(one);
    }
    publishing.sync()?;
    for (image, note) in built.iter().zip(notes) {
        let what = format!("write {}", printable(&image.path.to_string_lossy()));
        let task = progress.task(&what, None);
        publishing.publish_next()?;
        drop(task);
        progress.step(&what);
        if let Some(note) = note {
            progress.step(&note);
        }
    }
    publishing.finish()?;
    Ok(built)
}

/// Pushes every staged image. All registries are asked what they have before the first one is sent anything.
fn send(staged: &mut [Staged], settings: &push::Settings, progress: &dyn Progress) -> Result<(), Failure> {
    let roots: Vec<_> = staged
        .iter()
        .map(|one| one.image.root())
        .map(|root| BlobRef { media_type: root.media_type.to_owned(), digest: root.digest, size: root.size })
        .collect();
    let mut prepared = Vec::new();
    for (one, root) in staged.iter().zip(&roots) {
        prepared.push(push::prepare(root, one.image.staging(), &one.targets, None, &one.origins, settings)?);
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
    let staging = one.image.staging();
    let set = staging.image_set(one.image.root(), name)?;
    let task = progress.task(&format!("load {name} into {engine}"), Some(engine::size(&set)));
    let loaded = engine::load(engine, &set, staging, name, caller, &*task)?;
    drop(task);
    progress.step(&format!("load {loaded}"));
    Ok(loaded)
}
