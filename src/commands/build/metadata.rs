//! [`BuildMetadata`]: what a metadata file or a `--json` document of `build` says, read back.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::shard::{DURATION_KEY, SHARD_KEY, ShardHeader};
use crate::{
    image::parse_json,
    report::{ErrorName, Failure, Limits},
};

/// A document of one call of `build`.
#[derive(Debug)]
pub(in crate::commands) struct BuildMetadata {
    /// Where it is.
    pub(in crate::commands) path: PathBuf,
    /// Which shard it is of, if the call was for one.
    pub(in crate::commands) shard: Option<ShardHeader>,
    pub(in crate::commands) content: MetadataContent,
}

/// The images of a document, in its form.
#[derive(Debug)]
pub(in crate::commands) enum MetadataContent {
    /// `--metadata-file`: an object for each image, by name.
    ByName(Map<String, Value>),
    /// `--json`: images in the order of the recipes, and what is wrong with the call as a whole.
    Document { images: Vec<Value>, errors: Option<Vec<Value>> },
}

impl BuildMetadata {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// It cannot be read, or is no document of `build`.
    pub(in crate::commands) fn read(path: &Path) -> Result<Self, Failure> {
        let document = read_json(path)?;
        let known = Self::of_json(path, document)?;
        known.ok_or_else(|| {
            Failure::error(ErrorName::Merge, "this is no metadata file of `hardpan build`").in_path(path)
        })
    }

    /// The document, if it is one of `build`.
    ///
    /// # Errors
    /// It is one, and what it says of its shard cannot be understood.
    pub(in crate::commands) fn of_json(path: &Path, document: Value) -> Result<Option<Self>, Failure> {
        let Value::Object(mut object) = document else { return Ok(None) };
        let is_document = object.get("images").is_some_and(Value::is_array);
        let header = object.remove(if is_document { "shard" } else { SHARD_KEY });
        let shard = header
            .as_ref()
            .map(|header| ShardHeader::of_json(header).ok_or_else(|| foreign_shard(path)))
            .transpose()?;
        let path = path.to_owned();
        if is_document {
            let list = |value: Option<Value>| if let Some(Value::Array(list)) = value { Some(list) } else { None };
            let (images, errors) = (list(object.remove("images")).unwrap_or_default(), list(object.remove("errors")));
            let is_ours = object.is_empty() && images.iter().all(|image| image.get("name").is_some());
            let content = MetadataContent::Document { images, errors };
            return Ok(is_ours.then_some(Self { path, shard, content }));
        }
        let label = |key| object.get(key).and_then(Value::as_str).map(str::to_owned);
        let only = object.get("image.name").and_then(|_| label("image.name").or_else(|| label("hardpan.recipe")));
        if let Some(name) = only {
            // Of one image there is its object alone.
            let content = MetadataContent::ByName(Map::from_iter([(name, Value::Object(object))]));
            return Ok(Some(Self { path, shard, content }));
        }
        let is_ours = object.values().all(|image| image.get("image.name").is_some());
        // An empty shard has a header and no image.
        let is_ours = is_ours && (shard.is_some() || !object.is_empty());
        Ok(is_ours.then_some(Self { path, shard, content: MetadataContent::ByName(object) }))
    }

    /// Whether it is a metadata file, and no `--json` document.
    pub(in crate::commands) fn is_by_name(&self) -> bool {
        matches!(self.content, MetadataContent::ByName(_))
    }

    /// The milliseconds that each image took, by name, where the document says it.
    pub(super) fn durations(&self) -> BTreeMap<String, u64> {
        let took = |name: &str, image: &Value| Some((name.to_owned(), image.get(DURATION_KEY)?.as_u64()?));
        match &self.content {
            MetadataContent::ByName(images) => images.iter().filter_map(|(name, image)| took(name, image)).collect(),
            MetadataContent::Document { images, .. } => {
                images.iter().filter_map(|image| took(image.get("name")?.as_str()?, image)).collect()
            }
        }
    }
}

/// The JSON document at `path`.
///
/// # Errors
/// It cannot be read, is larger than [`Limits::SHARD_REPORT_BYTES`], or is no JSON in which every key is there once.
pub(in crate::commands) fn read_json(path: &Path) -> Result<Value, Failure> {
    let bytes = read_report(path)?;
    parse_json(&bytes).map_err(|why| Failure::error(ErrorName::Merge, format!("not valid JSON: {why}")).in_path(path))
}

/// The bytes of the file at `path`.
///
/// # Errors
/// It cannot be read, or is larger than [`Limits::SHARD_REPORT_BYTES`].
pub(in crate::commands) fn read_report(path: &Path) -> Result<Vec<u8>, Failure> {
    let fault = |error| Failure::io("read the file", path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(Limits::SHARD_REPORT_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > Limits::SHARD_REPORT_BYTES {
        let what = format!("the file is larger than {} MiB", Limits::SHARD_REPORT_BYTES >> 20);
        return Err(Failure::error(ErrorName::FileTooLarge, what).in_path(path));
    }
    Ok(bytes)
}

fn foreign_shard(path: &Path) -> Failure {
    let what = "what the file says of its shard is not what `hardpan build --shard` writes";
    Failure::error(ErrorName::Merge, what)
        .in_path(path)
        .hint("build the shards and merge them with one version of hardpan")
}
