//! `hardpan merge`: the reports of shards become one: metadata files and `--json` documents of `build`, SARIF, locks.
//!
//! What cannot be joined without losing something is refused, and so is a set of shards that is not the whole fleet.

mod locks;
mod metadata;
mod sarif;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::build::metadata::{BuildMetadata, read_report};
use crate::{
    build::real_path,
    image::parse_json,
    recipe::{self, LockFile},
    report::{ErrorName, Failure, Failures, Limits, printable},
};

/// What is joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MergedKind {
    /// `build --metadata-file`.
    Metadata,
    /// `build --json`.
    Document,
    /// SARIF, of `audit` or of another tool.
    Sarif,
    /// Locks of one recipe.
    Lock,
}

/// What became of several files.
#[derive(Debug)]
pub struct MergedReport {
    /// What was joined.
    pub kind: MergedKind,
    /// The report.
    pub content: MergedContent,
    /// How many images, runs or pins it has, as a sentence says it.
    pub summary: String,
    /// The exit code that one call for all recipes would have ended with.
    pub exit: u8,
}

/// The content of a report.
#[derive(Debug)]
pub enum MergedContent {
    /// Of metadata, documents and SARIF.
    Json(Value),
    /// Of locks.
    Text(String),
}

/// A file, read.
enum MergeInput {
    Metadata(BuildMetadata),
    Sarif(PathBuf, Value),
    Lock(LockFile),
}

/// Joins the files, in an order that does not depend on that of `files`, as far as the report has none of its own.
///
/// # Errors
/// A file cannot be read or is of no kind that is known; kinds differ; two files say something else of one thing; shards are
/// not the whole fleet, or are there twice; `output` is one of the files.
pub fn merge(files: &[PathBuf], output: Option<&Path>) -> Result<MergedReport, Failures> {
    check_paths(files, output)?;
    let (mut metadata, mut sarif, mut locks) = (Vec::new(), Vec::new(), Vec::new());
    let mut first: Option<(MergedKind, &PathBuf)> = None;
    for file in files {
        let input = read(file)?;
        let kind = input.kind();
        if let Some((known, other)) = first.filter(|(known, _)| *known != kind) {
            let other = other.to_string_lossy();
            let what = format!("this is {}, and `{}` is {}", kind.name(), printable(&other), known.name());
            return Err(Failure::error(ErrorName::Merge, what).in_path(file).hint("merge files of one kind").into());
        }
        first.get_or_insert((kind, file));
        match input {
            MergeInput::Metadata(document) => metadata.push(document),
            MergeInput::Sarif(path, log) => sarif.push((path, log)),
            MergeInput::Lock(lock) => locks.push(lock),
        }
    }
    let merged = if !sarif.is_empty() {
        sarif::merge(sarif)?
    } else if !locks.is_empty() {
        locks::merge(&locks)?
    } else {
        metadata::merge(metadata)?
    };
    Ok(merged)
}

/// Refuses a file that is there twice, and an output that is one of the files.
fn check_paths(files: &[PathBuf], output: Option<&Path>) -> Result<(), Failure> {
    let mut known = BTreeMap::new();
    for file in files {
        if known.insert(real_path(file), file).is_some() {
            return Err(Failure::error(ErrorName::Usage, "the file is named twice").in_path(file));
        }
    }
    match output.filter(|output| known.contains_key(&real_path(output))) {
        Some(output) => {
            Err(Failure::error(ErrorName::OutputConflict, "`--output` is one of the files that are merged")
                .in_path(output)
                .hint("name another path"))
        }
        None => Ok(()),
    }
}

/// Reads a file of any kind.
fn read(path: &Path) -> Result<MergeInput, Failure> {
    let unknown = |what: &str| {
        Failure::error(ErrorName::Merge, what).in_path(path).hint(
            "merge takes files of `hardpan build --metadata-file` and `--json`, SARIF, and locks of `hardpan lock`",
        )
    };
    let bytes = read_report(path)?;
    let text = String::from_utf8(bytes).map_err(|_| unknown("the file is not UTF-8"))?;
    if !text.trim_start().starts_with('{') {
        // A lock begins with a comment, and has a version.
        if !text.starts_with('#') || text.len() as u64 > Limits::LOCK_BYTES {
            return Err(unknown("the file is of no kind that can be merged"));
        }
        return recipe::parse_lock(&path.to_string_lossy(), &text).map(MergeInput::Lock);
    }
    let document = parse_json(text.as_bytes()).map_err(|why| unknown(&format!("not valid JSON: {why}")))?;
    if document.get("runs").is_some() && document.get("version").is_some() {
        return Ok(MergeInput::Sarif(path.to_owned(), document));
    }
    let metadata = BuildMetadata::of_json(path, document)?;
    metadata.map(MergeInput::Metadata).ok_or_else(|| unknown("the file is of no kind that can be merged"))
}

impl MergeInput {
    fn kind(&self) -> MergedKind {
        match self {
            Self::Metadata(document) if document.is_by_name() => MergedKind::Metadata,
            Self::Metadata(_) => MergedKind::Document,
            Self::Sarif(..) => MergedKind::Sarif,
            Self::Lock(_) => MergedKind::Lock,
        }
    }
}

impl MergedKind {
    /// As a sentence calls one file.
    const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "a metadata file of `hardpan build`",
            Self::Document => "a JSON document of `hardpan build`",
            Self::Sarif => "SARIF",
            Self::Lock => "a lock",
        }
    }
}

/// A refusal of two files that do not fit together, at the second one.
fn conflict(path: &Path, what: impl Into<String>) -> Failure {
    Failure::error(ErrorName::Merge, what).in_path(path)
}

/// A path in a sentence.
fn named(path: &Path) -> String {
    format!("`{}`", printable(&path.to_string_lossy()))
}
