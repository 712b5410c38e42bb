//! What a build leaves for the pipeline: `--metadata-file`, as buildx has it, and `--digest-file`, as kaniko has it.
//!
//! The files are begun before the first compiler runs, so that a folder that cannot be written to costs no build; they
//! get their names after every image has, each by a rename.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    request::BuildOutcome,
    shard::{DURATION_KEY, SHARD_KEY, ShardHeader},
};
use crate::{
    commands::{failure_document::failure_document, staged_file::StagedFile},
    oci::{Descriptor, Digest},
    output::CreatedFolders,
    report::{ErrorName, Failure, folder_of, printable},
};

/// The files of one build.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    // Dropped in this order: a folder goes when it is empty.
    files: BTreeMap<PathBuf, Receipt>,
    folders: CreatedFolders,
    /// What metadata files say of the shard that the call is for.
    pub(super) shard: Option<ShardHeader>,
    /// Variables of the caller that reach compilers because the policy file says so: a tool of the pipeline may have made what
    /// is in the images.
    pub(super) passed: Vec<String>,
}

/// One file, not visible yet.
#[derive(Debug)]
struct Receipt {
    kind: ReceiptKind,
    file: StagedFile,
    /// The images it is about, in the order of the recipes.
    images: Vec<ReceiptImage>,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceiptKind {
    /// `--metadata-file`: JSON. Of one image its object; of several an object of them, by name.
    Metadata,
    /// `--digest-file`: `sha256:...` and nothing else.
    Digest,
}

/// What a receipt says about an image.
#[derive(Debug, Clone)]
pub(super) struct ReceiptImage {
    /// The image's name; where it is not known, the path of the recipe.
    pub(super) label: String,
    /// The references that it is pushed to.
    pub(super) references: Vec<String>,
    /// The manifest or, for several platforms, the index; and the config's digest, when there is one platform. None of a
    /// recipe that failed.
    pub(super) image: Option<(Descriptor, Option<Digest>)>,
    /// `HOST/REPOSITORY@sha256:...` for each repository of `--push`.
    pub(super) pushed: Vec<String>,
    /// What became of the recipe, where the call keeps going.
    pub(super) outcome: Option<Value>,
    /// How long its build took, in a call for a shard.
    pub(super) duration: Option<Duration>,
}

/// The key of a metadata file that says where an image was pushed, by digest.
pub const PUSHED_KEY: &str = "hardpan.pushed";
/// The key of a metadata file that names the variables of the caller that reached compilers, by `[compile] pass`.
const PASSED_KEY: &str = "hardpan.compile.passed";

impl Receipts {
    /// Begins the file at `path`, unless another image has begun it. Folders that are missing are made; they are removed when
    /// the call fails.
    ///
    /// # Errors
    /// A second digest in one file, two kinds in one file, something at the path that is no regular file, or a folder
    /// that cannot be written to.
    pub(super) fn begin(&mut self, kind: ReceiptKind, path: &Path) -> Result<(), Failure> {
        let option = kind.option();
        match self.files.get(path) {
            None => {}
            Some(other) if other.kind != kind => {
                let what = format!("`{option}` and `{}` are one file", other.kind.option());
                return Err(Failure::error(ErrorName::OutputConflict, what).in_path(path));
            }
            Some(_) if kind == ReceiptKind::Digest => return Err(one_digest(&path.to_string_lossy())),
            Some(_) => return Ok(()),
        }
        self.folders.make(folder_of(path))?;
        let file = StagedFile::begin(option, path, "stdout has the digest, too; `--json` has all")?;
        self.files.insert(path.to_owned(), Receipt { kind, file, images: Vec::new() });
        Ok(())
    }

    /// Adds an image to the file at `path`, which was begun.
    pub(super) fn add(&mut self, path: &Path, image: ReceiptImage) {
        if let Some(receipt) = self.files.get_mut(path) {
            receipt.images.push(image);
        }
    }

    /// Writes every file, durably and still without its name. One that has nothing to say is left out.
    pub(super) fn write(&mut self) -> Result<(), Failure> {
        let (shard, passed) = (self.shard.as_ref(), self.passed.as_slice());
        self.files.retain(|_, receipt| {
            !receipt.images.is_empty() || (shard.is_some() && receipt.kind == ReceiptKind::Metadata)
        });
        for (path, receipt) in &mut self.files {
            let text = receipt.text(shard, passed).map_err(|failure| failure.in_path(path))?;
            receipt.file.write(&text)?;
        }
        Ok(())
    }

    /// Gives every file its name.
    pub(super) fn publish(self) -> Result<(), Failure> {
        self.files.into_values().try_for_each(|receipt| receipt.file.publish())
    }
}

impl Receipt {
    fn text(&self, shard: Option<&ShardHeader>, passed: &[String]) -> Result<String, Failure> {
        if self.kind == ReceiptKind::Digest {
            let images = self.images.iter().filter_map(|image| image.image.as_ref());
            return Ok(images.map(|(root, _)| root.digest.to_string()).collect());
        }
        let document = match (self.images.as_slice(), shard) {
            ([only], None) => only.metadata(passed),
            (several, shard) => {
                let header = shard.map(|shard| (SHARD_KEY.to_owned(), shard.to_json()));
                let mut all: Map<_, _> = header.into_iter().collect();
                for image in several {
                    if all.insert(image.label.clone(), image.metadata(passed)).is_some() {
                        let what = format!("two images are named `{}`", printable(&image.label));
                        return Err(Failure::error(ErrorName::OutputConflict, what)
                            .hint("put `{name}` and what tells them apart into the path"));
                    }
                }
                Value::Object(all)
            }
        };
        let text = serde_json::to_string_pretty(&document);
        text.map(|text| text + "\n")
            .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write JSON: {error}")))
    }
}

impl ReceiptImage {
    /// What is said of a recipe in a call that keeps going; `image` is what is said of its image, if there is one.
    pub(super) fn of_outcome(outcome: &BuildOutcome, image: Option<&Self>) -> Self {
        let mut said = json!({
            "hardpan.recipe": outcome.recipe.to_string_lossy(),
            "hardpan.status": outcome.status.name(),
        });
        if let (false, Some(object)) = (outcome.failures.is_empty(), said.as_object_mut()) {
            let errors = outcome.failures.iter().map(failure_document).collect();
            object.insert("hardpan.errors".to_owned(), errors);
        }
        let built = image.filter(|_| outcome.image.is_some());
        let image = built.and_then(|image| image.image.clone());
        if let (None, Some(object)) = (&image, said.as_object_mut()) {
            object.insert("image.name".to_owned(), json!(outcome.name));
        }
        let references = built.map(|image| image.references.clone()).unwrap_or_default();
        let pushed = built.map(|image| image.pushed.clone()).unwrap_or_default();
        let duration = outcome.image.as_ref().and_then(|image| image.duration);
        Self { label: outcome.label().into_owned(), references, image, pushed, outcome: Some(said), duration }
    }

    /// Whether a file of that kind has something to say about it.
    pub(super) fn fits(&self, kind: ReceiptKind) -> bool {
        kind == ReceiptKind::Metadata || self.image.is_some()
    }

    /// buildx's keys, and ours. An index has no one config, so it has no such key. Of an image that is pushed `image.name` has all
    /// references, separated by commas, as buildx has it.
    fn metadata(&self, passed: &[String]) -> Value {
        let name = if self.references.is_empty() { self.label.clone() } else { self.references.join(",") };
        let mut metadata = Map::from_iter([("image.name".to_owned(), json!(name))]);
        if !self.references.is_empty() {
            metadata.insert("hardpan.name".to_owned(), json!(self.label));
        }
        if let Some((root, config)) = &self.image {
            metadata.insert("containerimage.descriptor".to_owned(), json!(root));
            metadata.insert("containerimage.digest".to_owned(), json!(root.digest));
            metadata.extend(config.map(|config| ("containerimage.config.digest".to_owned(), json!(config))));
        }
        if !self.pushed.is_empty() {
            metadata.insert(PUSHED_KEY.to_owned(), json!(self.pushed));
        }
        if !passed.is_empty() {
            metadata.insert(PASSED_KEY.to_owned(), json!(passed));
        }
        if let Some(duration) = self.duration {
            metadata.insert(DURATION_KEY.to_owned(), json!(milliseconds(duration)));
        }
        if let Some(Value::Object(outcome)) = &self.outcome {
            metadata.extend(outcome.clone());
        }
        Value::Object(metadata)
    }
}

impl ReceiptKind {
    /// The option that asks for it.
    pub(super) const fn option(self) -> &'static str {
        match self {
            Self::Metadata => "--metadata-file",
            Self::Digest => "--digest-file",
        }
    }
}

/// As documents have durations.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Refuses `--digest-file` for several images unless its path has a variable that tells them apart.
///
/// # Errors
/// There are several images, and one path.
pub(super) fn check_count(digest_file: Option<&str>, images: usize) -> Result<(), Failure> {
    match digest_file {
        Some(path) if images > 1 && !path.contains("{name}") => Err(one_digest(path)),
        _ => Ok(()),
    }
}

/// The refusal of several digests in one file, which a reader takes for one digest.
fn one_digest(path: &str) -> Failure {
    let what = format!("several images, and `--digest-file {}` holds one digest", printable(path));
    Failure::error(ErrorName::OutputConflict, what).hint("put `{name}` into it, or take `--metadata-file`")
}
