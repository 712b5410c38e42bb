//! `hardpan plan`: what would be in the image.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use serde::Serialize;

use super::{
    build::{default_output, gate::Gate, image_progress::ImageProgress},
    cache_notes::enter_cache,
    plan_inputs::{InputPlan, content_digest, inputs},
    policy, recipe_lock,
    recipes::{LoadedRecipe, RecipeReading, load},
};
use crate::{
    build::{
        BaseLayer, BuildSettings, LayerGroup, LeftOut, Plan, PlannedBase, PlannedEntry, Resolver, image_name,
        real_path, unstored_images,
    },
    cache::Cache,
    image::ImageFormat,
    layer::EntryKind,
    oci::{DiffId, Digest, Platform, RunConfig},
    recipe::Recipe,
    report::{Failure, Failures, Origin, Progress},
};

/// What to plan.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// Instead of the recipes' platforms.
    pub platforms: Vec<Platform>,
    /// `--set`: `name=value` for variables that the recipes declare.
    pub set: Vec<String>,
    /// `--inputs`: tell everything that reaches the bytes.
    pub inputs: bool,
    /// Everything else.
    pub settings: BuildSettings,
}

/// The plan of one recipe.
#[derive(Debug, Serialize)]
pub struct ImagePlan {
    /// The image's name.
    pub name: String,
    /// The recipe, as it was named.
    pub recipe: String,
    /// One a platform.
    pub images: Vec<PlatformPlan>,
    /// What reaches the bytes, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Vec<InputPlan>>,
}

/// The plan of one platform.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlatformPlan {
    /// `os/architecture[/variant]`.
    pub platform: String,
    /// `created` of the config and the history.
    pub created: String,
    /// What the runtime does, in the words of the image configuration.
    pub config: RunConfig,
    /// On the manifest.
    pub annotations: std::collections::BTreeMap<String, String>,
    /// What it is built on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<BasePlan>,
    /// Lowest first.
    pub layers: Vec<LayerPlan>,
    /// What trees do not take although their patterns match.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOutPlan>,
}

/// A path of this machine that a tree does not take.
#[derive(Debug, Serialize)]
pub struct LeftOutPlan {
    /// It begins with `from` of the tree.
    pub path: String,
    /// Why it is no input.
    pub reason: String,
    /// The line of `from`.
    #[serde(flatten)]
    pub line: PlanLine,
}

/// A line that brought something in.
#[derive(Debug, Serialize)]
pub struct PlanLine {
    /// Counted from 1.
    pub line: usize,
    /// The file that it is in, where that is not the recipe.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// The base of one platform.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BasePlan {
    /// As the recipe has it.
    pub base: String,
    /// The manifest or index that it names; a docker archive has neither.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The manifest for the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
    /// Its layers, lowest first.
    pub layers: Vec<BaseLayerPlan>,
    /// The line of the recipe.
    #[serde(flatten)]
    pub line: PlanLine,
}

/// A layer of a base, which passes through as it is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct BaseLayerPlan {
    /// Of the stored bytes.
    pub digest: Digest,
    /// Of the tar.
    pub diff_id: DiffId,
    /// Stored bytes.
    pub size: u64,
    /// Bytes of the tar.
    pub unpacked_size: u64,
}

/// The plan of one layer.
#[derive(Debug, Serialize)]
pub struct LayerPlan {
    /// `system`, `files` or `binaries`.
    pub name: &'static str,
    /// Sorted by path.
    pub entries: Vec<EntryPlan>,
}

/// One path.
#[derive(Debug, Serialize)]
pub struct EntryPlan {
    /// In the image.
    pub path: String,
    /// `file`, `directory` or `symlink`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Four octal digits.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes; 0 unless it is a file.
    pub size: u64,
    /// Of a file's content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Of a symlink.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The recipe line that brought it in.
    #[serde(flatten)]
    pub line: PlanLine,
}

/// Resolves every recipe, programs compiled and all checks made, and writes nothing.
pub fn plan(request: &PlanRequest, progress: &dyn Progress) -> Result<Vec<ImagePlan>, Failures> {
    let mut plans = Vec::new();
    let cache = request.settings.blobs.as_ref();
    // `cache prune` waits until the toolchains are done with it.
    enter_cache(cache, "planned", progress);
    let reading = RecipeReading { set: &request.set, allow_outside: request.settings.allow_outside };
    let recipes = load(&request.recipes, reading)?;
    let count = recipes.len();
    for one in recipes {
        let name = image_name(&one.recipe, &one.folder)?;
        let named = ImageProgress::of(&name, count, progress).grouping();
        let planned = plan_one(one, request, &named);
        named.release(false);
        plans.push(planned?);
    }
    if let Some(Err(failure)) = cache.map(Cache::save) {
        progress.detail(&format!("the cache does not learn of this plan: {failure}"));
    }
    Ok(plans)
}

fn plan_one(mut one: LoadedRecipe, request: &PlanRequest, progress: &dyn Progress) -> Result<ImagePlan, Failures> {
    let policy = policy::of_build(None, &mut one.recipe.policy)?;
    let lock = recipe_lock::for_build(&one, request.settings.locked, &request.settings, progress)?;
    let resolver = Resolver::new(&one.recipe, &one.folder, &request.settings, progress)?;
    // The same paths as those of a build without options, so that both take the same.
    let outputs = ImageFormat::ALL.into_iter().map(|form| resolver.expand_argument(default_output(form), None));
    let outputs = outputs.map(|path| path.map(|path| real_path(Path::new(&path)))).collect::<Result<_, _>>()?;
    let resolver = resolver.judged_by(&policy).locked(lock.as_ref()).would_write(&Arc::new(outputs));
    let mut prepared = Vec::new();
    for platform in one.platforms(&request.platforms) {
        prepared.push(resolver.prepare(&platform)?);
    }
    let mut finished = Vec::new();
    for prepared in prepared {
        finished.push(resolver.finish(prepared)?);
    }
    // What `build` would refuse of the finished image is refused here, in the same words.
    let gate = Gate::new(&policy, request.settings.today, &Arc::default());
    let onlooker = || gate.onlooker();
    let set = unstored_images(&finished, resolver.name(), request.settings.jobs, &onlooker)?;
    gate.judge(&set, resolver.name(), &one.recipe, &finished, progress)?;
    let describer = PlanDescriber(&one.recipe);
    let images = finished.iter().map(|plan| describer.describe(plan)).collect::<Result<_, _>>()?;
    let inputs = request
        .inputs
        .then(|| inputs(&one, lock.as_ref(), &resolver, &finished, &request.settings, progress))
        .transpose()?;
    Ok(ImagePlan { name: resolver.name().to_owned(), recipe: one.recipe.source.path.clone(), images, inputs })
}

/// Describes plans of a recipe.
struct PlanDescriber<'a>(&'a Recipe);

impl PlanDescriber<'_> {
    /// The line of a place, and its file, unless that is the recipe.
    fn line(&self, origin: &Origin) -> PlanLine {
        let file = (!Arc::ptr_eq(&origin.source, &self.0.source)).then(|| origin.source.path.clone());
        PlanLine { line: origin.line_column().0, file }
    }

    fn describe(&self, plan: &Plan) -> Result<PlatformPlan, Failure> {
        let layer = |group: &LayerGroup| {
            let entries = group.entries.iter().map(|planned| self.entry(planned)).collect::<Result<_, _>>()?;
            Ok(LayerPlan { name: group.kind.name(), entries })
        };
        Ok(PlatformPlan {
            platform: plan.platform.to_string(),
            created: plan.source_date.to_string(),
            config: plan.config.clone(),
            annotations: plan.annotations.clone(),
            base: plan.base.as_ref().map(|base| self.base(base)),
            layers: plan.groups.iter().map(layer).collect::<Result<_, Failure>>()?,
            left_out: plan.left_out.iter().map(|one| self.left_out(one)).collect(),
        })
    }

    fn left_out(&self, one: &LeftOut) -> LeftOutPlan {
        LeftOutPlan { path: one.path.clone(), reason: one.what.to_string(), line: self.line(&one.origin) }
    }

    fn entry(&self, planned: &PlannedEntry) -> Result<EntryPlan, Failure> {
        let entry = &planned.entry;
        let (kind, size, target) = match &entry.kind {
            EntryKind::Directory => ("directory", 0, None),
            EntryKind::File { size, .. } => ("file", *size, None),
            EntryKind::Symlink { target } => ("symlink", 0, Some(String::from_utf8_lossy(target).into_owned())),
        };
        Ok(EntryPlan {
            path: entry.path.as_str().to_owned(),
            kind,
            mode: format!("{:04o}", entry.mode),
            uid: entry.uid,
            gid: entry.gid,
            size,
            digest: content_digest(planned)?,
            target,
            line: self.line(&planned.origin),
        })
    }

    fn base(&self, base: &PlannedBase) -> BasePlan {
        let layer = |layer: &BaseLayer| BaseLayerPlan {
            digest: layer.written.blob.digest,
            diff_id: layer.written.diff_id,
            size: layer.written.blob.size,
            unpacked_size: layer.written.unpacked_size,
        };
        BasePlan {
            base: base.text.clone(),
            digest: base.digest,
            manifest: base.manifest,
            layers: base.layers.iter().map(layer).collect(),
            line: self.line(&base.origin),
        }
    }
}
