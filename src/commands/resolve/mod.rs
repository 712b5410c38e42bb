//! `hardpan resolve`: replaces the recipes and Go packages that deployment files name as images by what was pushed.
//!
//! The digests come from metadata files of `build --push`, or from a build and push of the recipes that the files name. The
//! files are written when every reference of every file has its image, or not at all.

mod deployment_files;
mod pushed_images;
mod reference_resolver;

use std::{collections::BTreeMap, path::PathBuf};

use super::build::{BuildRequest, build};
use crate::{
    deploy::ImageReference,
    output::CreatedFolders,
    report::{ErrorName, Failure, Failures, Progress, quoted},
};
use deployment_files::{DeploymentFile, OutputFiles, read_files};
use pushed_images::PushedImages;
use reference_resolver::{ReferenceResolver, ReferenceTarget};

/// What to resolve, and by what.
#[derive(Debug, Clone)]
pub struct ResolveRequest {
    /// Files, folders with files, or `-`, which is standard input.
    pub files: Vec<PathBuf>,
    /// Whether folders inside of folders are read, too.
    pub recursive: bool,
    /// The recipes that references may name; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// `--set`: `name=value` for variables that the recipes declare.
    pub set: Vec<String>,
    /// Where the digests come from.
    pub digests: DigestSource,
    /// Of several repositories that an image was pushed to, the one that is this or lies below it.
    pub registry: Option<String>,
    /// A folder for the files; without it they are returned.
    pub output: Option<PathBuf>,
}

/// Where the digests come from.
#[derive(Debug, Clone)]
pub enum DigestSource {
    /// Files that `build --push --metadata-file` wrote.
    Metadata(Vec<PathBuf>),
    /// A build of the recipes that the files name, which pushes them; its recipes are filled in.
    Build(Box<BuildRequest>),
}

/// Resolves all files, writes them where the request names a folder, and returns their texts in order otherwise.
///
/// # Errors
/// A file that cannot be read, every reference without an image, a build that fails, or files that cannot be written. Nothing
/// is written then.
pub fn resolve(request: &ResolveRequest, progress: &dyn Progress) -> Result<Vec<String>, Failures> {
    let files = read_files(&request.files, request.recursive)?;
    let folders = CreatedFolders::default();
    let outputs = request.output.as_deref().map(|folder| OutputFiles::begin(folder, &files, &folders)).transpose()?;
    files.iter().flat_map(|file| &file.text.unreplaced).for_each(|warning| progress.warn(warning));
    let images = images_of(&files, request, progress)?;
    let texts = files.iter().map(|file| file.text.resolved(|reference| images.get(reference).map(String::as_str)));
    let Some(outputs) = outputs else { return Ok(texts.collect()) };
    outputs.publish(texts)?;
    Ok(Vec::new())
}

/// The image of every reference, as `HOST/REPOSITORY@sha256:...`.
fn images_of(
    files: &[DeploymentFile],
    request: &ResolveRequest,
    progress: &dyn Progress,
) -> Result<BTreeMap<ImageReference, String>, Failures> {
    let references = || files.iter().flat_map(|file| &file.text.references);
    if references().next().is_none() {
        progress.step("no file names a recipe or a Go package as an image");
        return Ok(BTreeMap::new());
    }
    let resolver = ReferenceResolver::new(&request.recipes, &request.set);
    let pushed = match &request.digests {
        DigestSource::Metadata(paths) => PushedImages::read(paths)?,
        DigestSource::Build(_) => PushedImages::default(),
    };
    let (mut targets, mut failures) = (BTreeMap::new(), Vec::new());
    for placed in references() {
        if targets.contains_key(&placed.reference) {
            continue;
        }
        match resolver.target(&placed.reference, |name| pushed.has(name)) {
            Ok(target) => drop(targets.insert(placed.reference.clone(), target)),
            Err(failure) => failures.push(failure.at(&placed.origin)),
        }
    }
    if !failures.is_empty() {
        return Err(Failures(failures));
    }
    let pushed = match &request.digests {
        DigestSource::Metadata(_) => pushed,
        DigestSource::Build(settings) => build_targets(targets.values(), settings, progress)?,
    };
    let mut images = BTreeMap::new();
    for placed in references() {
        let Some(target) = targets.get(&placed.reference) else { continue };
        match pushed.image(&target.name, request.registry.as_deref()) {
            Ok(image) => drop(images.insert(placed.reference.clone(), image)),
            Err(failure) => failures.push(failure.at(&placed.origin)),
        }
    }
    if failures.is_empty() { Ok(images) } else { Err(Failures(failures)) }
}

/// Builds and pushes the recipes of all targets, each once.
fn build_targets<'t>(
    targets: impl Iterator<Item = &'t ReferenceTarget>,
    settings: &BuildRequest,
    progress: &dyn Progress,
) -> Result<PushedImages, Failures> {
    let mut recipes = BTreeMap::new();
    for target in targets {
        let recipe = target.recipe.clone().ok_or_else(|| {
            Failure::error(
                ErrorName::Internal,
                format!("the recipe of the image {} is not known", quoted(&target.name)),
            )
        })?;
        recipes.insert(target.name.clone(), recipe);
    }
    let request = BuildRequest { recipes: recipes.into_values().collect(), ..settings.clone() };
    let report = build(&request, progress)?;
    let failures = report.failures();
    if !failures.0.is_empty() {
        return Err(failures);
    }
    Ok(PushedImages::of_build(report.images()))
}
