//! Recognises outputs of hardpan by their content, for trees, sources and `{git.dirty}`.
//!
//! Whether something is an image, and whose, is for the readers of images to say, and what a lock is for the reader of
//! locks. What they cannot read is no output of hardpan, which writes whole files and layouts, by a rename: it is an input
//! like any other.
//!
//! # What it costs
//!
//! A tree may have tens of thousands of files, and none of them is opened for this alone. A file is asked for only when
//! [`may_be_output`](super::may_be_output) said yes to its first bytes, which pass by when it is read for its fingerprint; that answer is kept in
//! the cache with the fingerprint, for the same state of the file. The hint is sound because it is true of every file that
//! hardpan writes: it asks for what the writers always put first. A folder is asked for only when a layout's two entry points
//! are among its names, without which it is none.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    OutputKind,
    output_hint::{HEAD, OutputHint},
};
use crate::{build::pinned::read_small, image::OpenedImages, oci::Digest, recipe, report::Limits};

/// How each line of the history begins that is about a layer of ours.
pub(in crate::build) const HISTORY: &str = "hardpan: ";
/// How the page of an audit ends, and how it ended before it had a filter.
const AUDIT_HTML_ENDS: [&[u8]; 2] = [
    b". This page loads nothing; its script filters the findings.</footer>\n</body>\n</html>\n",
    b". This page holds no script and loads nothing.</footer>\n</body>\n</html>\n",
];
/// What the report of an audit has as JSON, about one image and about several, and what it may have.
const AUDIT_JSON: [&[&str]; 2] =
    [&["format", "outcome", "audits", "rules"], &["format", "outcome", "images", "not-images", "rules"]];
const AUDIT_JSON_MORE: [&str; 2] = ["ending-waivers", "baseline"];

/// Which output of hardpan the file at `path` is.
pub(in crate::build) fn file_output(path: &Path) -> Option<OutputKind> {
    // Never waits for a FIFO.
    let meta = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut head = Vec::with_capacity(HEAD);
    let file = File::open(path).ok()?;
    (&file).take(HEAD as u64).read_to_end(&mut head).ok()?;
    let json = || serde_json::from_slice::<Value>(&read_small(path, "", Limits::DOCUMENTS_BYTES).ok()?).ok();
    match OutputHint::from_head(&head, meta.len())? {
        OutputHint::Archive => {
            OpenedImages::open(path).is_ok_and(|opened| holds_ours(&opened)).then_some(OutputKind::Archive)
        }
        OutputHint::Digest => Digest::parse(str::from_utf8(&head).ok()?).is_ok().then_some(OutputKind::Digest),
        OutputHint::Metadata => is_metadata(&json()?).then_some(OutputKind::Metadata),
        OutputHint::Lock => {
            let text = String::from_utf8(read_small(path, "", Limits::LOCK_BYTES).ok()?).ok()?;
            recipe::parse_lock("", &text).is_ok().then_some(OutputKind::Lock)
        }
        OutputHint::AuditJson => {
            let mut document = json()?;
            if let Some(object) = document.as_object_mut() {
                object.retain(|key, _| !AUDIT_JSON_MORE.contains(&key.as_str()));
            }
            AUDIT_JSON.iter().any(|keys| has_keys(&document, keys)).then_some(OutputKind::Audit)
        }
        OutputHint::AuditSarif => is_sarif(&json()?).then_some(OutputKind::Audit),
        OutputHint::AuditHtml => {
            let ends = |end: &&[u8]| ends_with(&file, meta.len(), end).is_ok_and(|ends| ends);
            AUDIT_HTML_ENDS.iter().any(ends).then_some(OutputKind::Audit)
        }
    }
}

/// Which output of hardpan the folder at `path` is, which has the entry points of a layout.
pub(in crate::build) fn folder_output(path: &Path) -> Option<OutputKind> {
    OpenedImages::open(path).is_ok_and(|opened| holds_ours(&opened)).then_some(OutputKind::Layout)
}

/// Whether an image in there is hardpan's: its last layer is one of ours. An image that another tool built on ours is not;
/// one of ours without a layer of its own is indistinguishable from its base.
fn holds_ours(opened: &OpenedImages) -> bool {
    let images = opened.sets().iter().flat_map(|set| &set.images);
    images.into_iter().any(|image| {
        let last = image.config.history().iter().flatten().rfind(|line| line.empty_layer() != Some(true));
        last.and_then(|line| line.created_by().as_deref()).is_some_and(|by| by.starts_with(HISTORY))
    })
}

/// Whether `--metadata-file` writes such a document: the object of one image, or an object of several images by name, with the
/// header of their shard if they are of one.
fn is_metadata(document: &Value) -> bool {
    const IMAGE: [&str; 2] = ["containerimage.descriptor", "containerimage.digest"];
    const STATUS: [&str; 2] = ["hardpan.recipe", "hardpan.status"];
    let one = |image: &Value| {
        let has = |keys: &[&str]| keys.iter().all(|key| image.get(key).is_some());
        // What has our name is of a call that keeps going, that pushes, or that builds a shard.
        let is_known = |key: &String| {
            IMAGE.contains(&key.as_str())
                || matches!(key.as_str(), "image.name" | "containerimage.config.digest")
                || key.starts_with("hardpan.")
        };
        let keys = image.as_object().map(|object| object.keys().all(is_known));
        keys == Some(true) && has(&["image.name"]) && (has(&IMAGE) || has(&STATUS))
    };
    let shard = |shard: &Value| has_keys(shard, &["number", "count", "plan", "recipes", "total"]);
    let several = |object: &Map<String, Value>| {
        !object.is_empty() && object.iter().all(|(key, value)| one(value) || (key == "hardpan.shard" && shard(value)))
    };
    one(document) || document.as_object().is_some_and(several)
}

fn is_sarif(document: &Value) -> bool {
    let runs = document.get("runs").and_then(Value::as_array);
    let by = |run: &Value| run.pointer("/tool/driver/name").and_then(Value::as_str) == Some("hardpan");
    runs.is_some_and(|runs| !runs.is_empty() && runs.iter().all(by))
}

/// Whether this is an object of these keys and no others.
fn has_keys(document: &Value, keys: &[&str]) -> bool {
    document
        .as_object()
        .is_some_and(|object| object.len() == keys.len() && keys.iter().all(|key| object.contains_key(*key)))
}

fn ends_with(file: &File, size: u64, end: &[u8]) -> io::Result<bool> {
    let mut last = vec![0; end.len()];
    let Some(start) = size.checked_sub(end.len() as u64) else { return Ok(false) };
    file.read_exact_at(&mut last, start)?;
    Ok(last == end)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
