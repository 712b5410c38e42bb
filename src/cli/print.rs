//! Writes the data of `build`, `plan` and `inspect` to stdout, as text or as one JSON document. A closed pipe is not an
//! error.

use std::io::{self, Write as _};

use serde_json::json;

use crate::{
    commands::{
        build::{BuildOutcome, BuildReport, BuiltImage},
        failure_document::failure_document,
        inspect::Inspected,
        plan::ImagePlan,
    },
    engine::LoadedImage,
};

/// Prints a text to stdout. A closed pipe is not an error.
pub(super) fn text(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Serializes a document as indented JSON with a final line break.
pub(super) fn json(value: &impl serde::Serialize) -> io::Result<String> {
    let mut out = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
    out.push('\n');
    Ok(out)
}

/// Prints a document to stdout.
pub(super) fn document(value: &impl serde::Serialize) -> io::Result<()> {
    text(&json(value)?)
}

/// Prints built images: `NAME@sha256:...` a line, or for a pushed image `HOST/REPO@sha256:...` for each repository. The JSON
/// of a call that keeps going (`keep_going`) has all recipes, with what became of them.
pub(super) fn built(report: &BuildReport, keep_going: bool, as_json: bool) -> io::Result<()> {
    if as_json && keep_going {
        let images: Vec<_> = report.recipes.iter().map(outcome).collect();
        let errors: Vec<_> = report.failures.iter().map(failure_document).collect();
        return document(&json!({ "images": images, "errors": errors }));
    }
    if as_json {
        let images: Vec<_> = report.images().map(image).collect();
        return document(&json!({ "images": images }));
    }
    let lines = |image: &BuiltImage| match image.pushed.as_slice() {
        [] => format!("{}@{}\n", image.name, image.digest),
        pushed => pushed.iter().map(super::push::digest_line).collect(),
    };
    text(&report.images().map(lines).collect::<String>())
}

/// What became of a recipe, as JSON.
fn outcome(outcome: &BuildOutcome) -> serde_json::Value {
    let mut document = outcome.image.as_ref().map_or_else(|| json!({ "name": outcome.name }), image);
    if let Some(object) = document.as_object_mut() {
        object.insert("recipe".to_owned(), json!(outcome.recipe.to_string_lossy()));
        object.insert("status".to_owned(), json!(outcome.status.name()));
        if !outcome.failures.is_empty() {
            object.insert("errors".to_owned(), outcome.failures.iter().map(failure_document).collect());
        }
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
        if !image.pushed.is_empty() {
            let pushed = image.pushed.iter().map(super::push::repository_json);
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

/// Prints every path of every planned image.
pub(super) fn plans(plans: &[ImagePlan], as_json: bool) -> io::Result<()> {
    if as_json {
        return document(&json!({ "plans": plans }));
    }
    let mut out = String::new();
    for plan in plans {
        super::listing::push_plan(&mut out, plan).map_err(io::Error::other)?;
    }
    text(&out)
}

/// The letter of a file type, as `ls -l` prints it.
pub(super) fn kind_letter(kind: &str) -> char {
    match kind {
        "directory" => 'd',
        "symlink" => 'l',
        "file" => '-',
        "hardlink" => 'h',
        _ => '?',
    }
}

/// Prints config, layers and files of an image.
pub(super) fn inspected(report: &Inspected, as_json: bool) -> io::Result<()> {
    if as_json {
        return document(report);
    }
    text(&super::listing::image_listing(report))
}
