//! Joins the documents of `build`: of shards, which must be the whole fleet, or of calls for other recipes.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{MergedContent, MergedKind, MergedReport, conflict, named};
use crate::{
    commands::build::{
        ShardHeader,
        metadata::{BuildMetadata, MetadataContent},
    },
    report::{Failure, printable},
};

/// Joins documents of one form.
///
/// # Errors
/// The shards are not those of one fleet, or not all of them; two documents have the same image.
pub(super) fn merge(documents: Vec<BuildMetadata>) -> Result<MergedReport, Failure> {
    let shards = check_shards(&documents)?;
    let mut images: BTreeMap<String, Value> = BTreeMap::new();
    let mut owners: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut errors: Option<Vec<Value>> = None;
    let is_by_name = documents.iter().all(BuildMetadata::is_by_name);
    let keys = if is_by_name { StatusKeys::METADATA } else { StatusKeys::DOCUMENT };
    for document in documents {
        let own: Vec<(String, Value)> = match document.content {
            MetadataContent::ByName(own) => own.into_iter().collect(),
            MetadataContent::Document { images, errors: own } => {
                if let Some(own) = own {
                    errors.get_or_insert_default().extend(own);
                }
                images.into_iter().map(|image| (label(&image), image)).collect()
            }
        };
        if let Some(shard) = document.shard.filter(|shard| shard.recipes.len() != own.len()) {
            let what = format!("the file is of {} recipes, and has {} images", shard.recipes.len(), own.len());
            return Err(conflict(&document.path, what));
        }
        for (name, image) in own {
            if let Some(other) = owners.insert(name.clone(), document.path.clone()) {
                let what = format!("the image `{}` is in {}, too", printable(&name), named(&other));
                return Err(
                    conflict(&document.path, what).hint("name one of the files, or give an image another `name`")
                );
            }
            images.insert(name, image);
        }
    }
    let exits = images.values().map(|image| keys.exit(image)).chain(errors.iter().flatten().map(exit_of_error));
    let exit = exits.max().unwrap_or(0);
    let count = images.len();
    let summary = format!("{count} {}{shards}", if count == 1 { "image" } else { "images" });
    let content = MergedContent::Json(if is_by_name { by_name(images) } else { document(images, errors) });
    let kind = if is_by_name { MergedKind::Metadata } else { MergedKind::Document };
    Ok(MergedReport { kind, content, summary, exit })
}

/// As one call writes them: of one image its object alone.
fn by_name(mut images: BTreeMap<String, Value>) -> Value {
    match images.len() {
        1 => images.pop_first().map_or(Value::Null, |(_, image)| image),
        _ => Value::Object(Map::from_iter(images)),
    }
}

/// As one call prints it, sorted by name.
fn document(images: BTreeMap<String, Value>, errors: Option<Vec<Value>>) -> Value {
    let mut document = json!({ "images": images.into_values().collect::<Vec<_>>() });
    if let (Some(errors), Some(object)) = (errors, document.as_object_mut()) {
        object.insert("errors".to_owned(), Value::Array(errors));
    }
    document
}

/// The name of an image in a JSON document; where it is not known, the path of its recipe.
fn label(image: &Value) -> String {
    let text = |key| image.get(key).and_then(Value::as_str);
    text("name").or_else(|| text("recipe")).unwrap_or_default().to_owned()
}

/// That the documents are of all shards of one fleet, each once; what a summary says of them. Documents without shards are
/// of calls for recipes that were named one by one.
///
/// # Errors
/// They are not, and which one is missing, there twice, or of another fleet.
fn check_shards(documents: &[BuildMetadata]) -> Result<String, Failure> {
    let mut known: BTreeMap<usize, &BuildMetadata> = BTreeMap::new();
    let mut first: Option<(&ShardHeader, &Path)> = None;
    let mut recipes: BTreeMap<&str, &Path> = BTreeMap::new();
    for document in documents {
        let Some(shard) = &document.shard else {
            if let Some(other) = documents.iter().find(|other| other.shard.is_some()) {
                let what = format!("the file is not of a shard, and {} is", named(&other.path));
                return Err(
                    conflict(&document.path, what).hint("merge what calls with `--shard` wrote, or what others did")
                );
            }
            continue;
        };
        let (one, other) = *first.get_or_insert((shard, &document.path));
        let of_one = |header: &ShardHeader| (header.plan.clone(), header.shard.count, header.total);
        if of_one(one) != of_one(shard) {
            let what = format!("{}, and {} is {}", plan_of(shard), named(other), plan_of(one));
            return Err(conflict(&document.path, format!("the file is {what}"))
                .hint("build all shards from one commit, with the same recipes, N and `--durations`"));
        }
        if let Some(twice) = known.insert(shard.shard.number, document) {
            let what = format!("shard {} is in {}, too", shard.shard.number, named(&twice.path));
            return Err(conflict(&document.path, what).hint("name the file of each shard once"));
        }
        for recipe in &shard.recipes {
            if let Some(other) = recipes.insert(recipe, &document.path) {
                let what = format!("the recipe `{}` is in {}, too", printable(recipe), named(other));
                return Err(conflict(&document.path, what));
            }
        }
    }
    let Some((one, path)) = first else { return Ok(String::new()) };
    let missing: Vec<_> = (1..=one.shard.count).filter(|number| !known.contains_key(number)).collect();
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|number| format!("{number}/{}", one.shard.count)).collect();
        let (shards, are) = if names.len() == 1 { ("shard", "is") } else { ("shards", "are") };
        let what = format!("{shards} {} {are} missing (plan {})", names.join(", "), printable(&one.plan));
        return Err(conflict(path, what).hint("a shard that failed writes no file, unless it has `--keep-going`"));
    }
    if recipes.len() != one.total {
        let what = format!("the shards have {} recipes, and the fleet has {}", recipes.len(), one.total);
        return Err(conflict(path, what));
    }
    Ok(format!(" of {} shards (plan {})", one.shard.count, printable(&one.plan)))
}

fn plan_of(header: &ShardHeader) -> String {
    let ShardHeader { shard, plan, total, .. } = header;
    format!("shard {}/{} of {total} recipes by the plan {}", shard.number, shard.count, printable(plan))
}

/// How a document calls what became of a recipe.
struct StatusKeys {
    status: &'static str,
    errors: &'static str,
}

impl StatusKeys {
    const METADATA: Self = Self { status: "hardpan.status", errors: "hardpan.errors" };
    const DOCUMENT: Self = Self { status: "status", errors: "errors" };

    /// The exit code of one recipe alone. Without a status it is there, because the call did not keep going.
    fn exit(&self, image: &Value) -> u8 {
        match image.get(self.status).map(Value::as_str) {
            None | Some(Some("built" | "unchanged")) => 0,
            Some(Some("failed")) => {
                let errors = image.get(self.errors).and_then(Value::as_array);
                errors.into_iter().flatten().map(exit_of_error).max().unwrap_or(2)
            }
            // It was not tried, or a later version has another word.
            _ => 2,
        }
    }
}

/// The exit code of an error: 1 of a refusal, else 2.
fn exit_of_error(error: &Value) -> u8 {
    if error.get("exit").and_then(Value::as_u64) == Some(1) { 1 } else { 2 }
}
