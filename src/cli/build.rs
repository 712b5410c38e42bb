//! `hardpan build`: its options, its request, and what it prints: a line or a JSON document for each image.

use std::{io, path::PathBuf, time::Instant};

use clap::Args;
use serde_json::json;

use super::{
    caller,
    print::{self, output_failure},
    push,
    recipe_arguments::RecipeArguments,
    registry::{RegistryArguments, TagArguments},
    shared_cache::SharedCacheArguments,
    terminal::{Terminal, duration},
};
use crate::{
    commands::{
        build::{
            BuildOutcome, BuildReport, BuildRequest, BuiltImage, DURATION_KEY, LeftImage, Shard, ShardRequest, build,
            default_output, milliseconds,
        },
        failure_document::failure_document,
        push::{PushReference, PushSettings},
    },
    engine::{Engine, LoadedImage},
    image::ImageFormat,
    registry::Access,
    report::{ErrorName, Failure, Failures, Progress as _, printable},
};

#[derive(Debug, Args)]
pub(super) struct BuildArguments {
    #[command(flatten)]
    common: RecipeArguments,
    /// Where to write; may hold {name} and other variables [default: out/{name}, for archives out/{name}.tar]
    #[arg(short, long, value_name = "PATH")]
    output: Option<String>,
    /// The form of the image: layout, oci-archive or docker-archive
    #[arg(long, value_name = "FORMAT", default_value = "layout")]
    format: String,
    /// A policy above the recipe's own: a file with a table [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Build the other recipes when one fails; every recipe ends with a status
    #[arg(long)]
    keep_going: bool,
    /// Build shard K of N: of the same recipes, N machines build each once
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
    /// Balance shards by the durations in this metadata file of an earlier call with --shard
    #[arg(long, value_name = "FILE", requires = "shard")]
    durations: Option<PathBuf>,
    #[command(flatten)]
    delivery: Delivery,
    #[command(flatten)]
    push: BuildPush,
    #[command(flatten)]
    cache: SharedCacheArguments,
}

/// Where `build` delivers the image besides its path: engines, and files for the next step of a pipeline.
#[derive(Debug, Args)]
struct Delivery {
    /// Load the image into an engine as well: docker, podman or containerd; repeatable
    #[arg(long = "load", value_name = "ENGINE")]
    engines: Vec<String>,
    /// Call the image NAME[:TAG] in the engines, instead of {name}:latest; may hold {name} and other variables; repeatable
    #[arg(long = "tag", value_name = "NAME[:TAG]", requires = "engines")]
    engine_names: Vec<String>,
    /// Write buildx's metadata JSON: digests, descriptor, name or pushed references; of several images an object each, by name
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<String>,
    /// Write the digest to a file; several recipes need {name} in its name
    #[arg(long, value_name = "FILE")]
    digest_file: Option<String>,
}

/// `build --push`.
#[derive(Debug, Args)]
struct BuildPush {
    /// Push the image to HOST/REPOSITORY:TAG as well; may hold {name} and other variables; repeatable
    #[arg(long, value_name = "REF")]
    push: Vec<String>,
    /// The same, but fail when the tag names another image already; repeatable
    #[arg(long, value_name = "REF")]
    push_new: Vec<String>,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    registry: RegistryArguments,
}

/// Runs `build`, and gives the exit code: that of the worst failure, where the call keeps going.
pub(super) fn run(arguments: &BuildArguments, terminal: &Terminal) -> Result<u8, Failures> {
    let begin = Instant::now();
    let access = arguments.push.access()?;
    let request = BuildRequest {
        recipes: arguments.common.recipes.clone(),
        platforms: arguments.common.platforms()?,
        output: arguments.output()?,
        form: arguments.form()?,
        set: arguments.common.set.clone(),
        engines: arguments.delivery.engines()?,
        engine_names: arguments.delivery.engine_names.clone(),
        metadata_file: arguments.delivery.metadata_file.clone(),
        digest_file: arguments.delivery.digest_file.clone(),
        policy: arguments.policy.clone(),
        push: arguments.push.request(&arguments.common, &access)?,
        keep_going: arguments.keep_going,
        shard: arguments.shard()?,
        settings: arguments.cache.add_to(caller::settings(&arguments.common, access)?, terminal)?,
    };
    let report = build(&request, terminal)?;
    let mut failures = report.failures();
    // A call that failed prints no lines, but its document says what is new nevertheless.
    let has_failed = !failures.0.is_empty() && !request.keep_going;
    if !has_failed || arguments.common.json {
        let printed = print_images(&report, request.keep_going || has_failed, arguments.common.json);
        failures.0.extend(printed.map_err(output_failure).err().into_iter().flat_map(|failures| failures.0));
    }
    if !request.keep_going {
        return if failures.0.is_empty() { Ok(0) } else { Err(failures) };
    }
    terminal.failures(&failures);
    terminal.step(&format!("{}, {}", report.summary(), duration(begin.elapsed())));
    Ok(if failures.0.is_empty() { 0 } else { failures.exit_code() })
}

impl BuildArguments {
    /// Parses `--shard`.
    fn shard(&self) -> Result<Option<ShardRequest>, Failure> {
        let shard = self.shard.as_deref().map(Shard::parse).transpose()?;
        Ok(shard.map(|shard| ShardRequest { shard, durations: self.durations.clone() }))
    }

    /// Parses `--format`.
    fn form(&self) -> Result<ImageFormat, Failure> {
        ImageFormat::ALL.into_iter().find(|form| form.name() == self.format).ok_or_else(|| {
            let names = ImageFormat::ALL.map(|form| format!("`{form}`")).join(", ");
            Failure::error(ErrorName::Usage, format!("`--format {}` is not one of {names}", printable(&self.format)))
        })
    }

    /// `--output`; refused where several recipes would be written to one path.
    fn output(&self) -> Result<Option<String>, Failure> {
        if let Some(output) = &self.output
            && self.common.recipes.len() > 1
            && !output.contains("{name}")
        {
            let what = format!("`--output {}` is one path for several recipes", printable(output));
            return Err(Failure::error(ErrorName::OutputConflict, what)
                .hint(format!("put `{{name}}` into it, as in `{}`", default_output(self.form()?))));
        }
        Ok(self.output.clone())
    }
}

impl Delivery {
    /// Parses `--load`; a repeated engine counts once.
    fn engines(&self) -> Result<Vec<Engine>, Failure> {
        let mut engines = Vec::new();
        for name in &self.engines {
            let engine = Engine::ALL.into_iter().find(|engine| engine.name() == name).ok_or_else(|| {
                let names = Engine::ALL.map(|engine| format!("`{engine}`")).join(", ");
                Failure::error(ErrorName::Usage, format!("`--load {}` is not one of {names}", printable(name)))
            })?;
            if !engines.contains(&engine) {
                engines.push(engine);
            }
        }
        Ok(engines)
    }
}

impl BuildPush {
    /// How registries are reached, for bases and for `--push`.
    fn access(&self) -> Result<Access, Failure> {
        self.registry.access()
    }

    /// The references and settings of the push; `None` without `--push`.
    fn request(
        &self,
        common: &RecipeArguments,
        access: &Access,
    ) -> Result<Option<(Vec<PushReference>, PushSettings)>, Failure> {
        if self.push.is_empty() && self.push_new.is_empty() {
            return Ok(None);
        }
        if common.offline {
            return Err(Failure::error(ErrorName::Usage, "`--push` needs the network, and `--offline` forbids it")
                .hint("build now, `hardpan push` later"));
        }
        let references = push::references(&self.push, "--push-new", &self.push_new);
        Ok(Some((references, self.tags.settings(None, access.clone())?)))
    }
}

/// Prints built images: `NAME@sha256:...` a line, or for a pushed image `HOST/REPO@sha256:...` for each repository. The JSON
/// of a call that keeps going or has failed (`has_all`) has all recipes, with what became of them.
fn print_images(report: &BuildReport, has_all: bool, as_json: bool) -> io::Result<()> {
    if as_json {
        let images: Vec<_> =
            if has_all { report.recipes.iter().map(outcome).collect() } else { report.images().map(image).collect() };
        let mut document = json!({ "images": images });
        if let Some(object) = document.as_object_mut() {
            if has_all {
                object.insert("errors".to_owned(), report.failures.iter().map(failure_document).collect());
            }
            object.extend(report.shard.as_ref().map(|shard| ("shard".to_owned(), shard.to_json())));
        }
        return print::document(&document);
    }
    let lines = |image: &BuiltImage| match image.pushed.as_slice() {
        [] => format!("{}@{}\n", image.name, image.digest),
        pushed => pushed.iter().map(push::digest_line).collect(),
    };
    print::text(&report.images().map(lines).collect::<String>())
}

/// What became of a recipe, as JSON.
fn outcome(outcome: &BuildOutcome) -> serde_json::Value {
    let mut document = outcome.image.as_ref().map_or_else(|| json!({ "name": outcome.name }), image);
    if let Some(object) = document.as_object_mut() {
        object.insert("recipe".to_owned(), json!(outcome.recipe.to_string_lossy()));
        object.insert("status".to_owned(), json!(outcome.status.name()));
        object.extend(outcome.left.as_ref().map(|left| ("left".to_owned(), left_json(left))));
        if !outcome.failures.is_empty() {
            object.insert("errors".to_owned(), outcome.failures.iter().map(failure_document).collect());
        }
    }
    document
}

/// What is new although the recipe or the call has failed, as JSON: an image that has its path only where it is there.
fn left_json(left: &LeftImage) -> serde_json::Value {
    let mut document = image(&left.image);
    if let Some(object) = document.as_object_mut().filter(|_| !left.is_written) {
        object.remove("path");
    }
    document
}

/// An image that was built, as JSON.
fn image(image: &BuiltImage) -> serde_json::Value {
    let manifests: Vec<_> = image
        .manifests
        .iter()
        .map(|(platform, digest)| json!({"platform": platform.to_string(), "digest": digest}))
        .collect();
    let path = image.path.to_string_lossy();
    let mut document = json!({"name": image.name, "digest": image.digest, "path": path, "manifests": manifests});
    if let Some(object) = document.as_object_mut() {
        if !image.loaded.is_empty() {
            object.insert("loaded".to_owned(), image.loaded.iter().map(loaded).collect());
        }
        object.extend(image.duration.map(|took| (DURATION_KEY.to_owned(), json!(milliseconds(took)))));
        if !image.pushed.is_empty() {
            let pushed = image.pushed.iter().map(push::repository_json);
            object.insert("pushed".to_owned(), pushed.collect());
        }
    }
    document
}

/// The name, digest and ID of an image in an engine, as JSON.
fn loaded(loaded: &LoadedImage) -> serde_json::Value {
    json!({
        "engine": loaded.engine.name(),
        "name": loaded.name,
        "digest": loaded.digest,
        "id": loaded.id,
        "platform": loaded.chosen,
    })
}
