//! Recognises outputs of hardpan by their content, for trees, sources and `{git.dirty}`.
//!
//! Whether something is an image, and whose, is for the readers of images to say, and what a lock is for the reader of
//! locks. What they cannot read is no output of hardpan, which writes whole files and layouts, by a rename: it is an input
//! like any other.
//!
//! # What it costs
//!
//! A tree may have tens of thousands of files, and none of them is opened for this alone. A file is asked for only when
//! [`may_be_output`] said yes to its first bytes, which pass by when it is read for its fingerprint; that answer is kept in
//! the cache with the fingerprint, for the same state of the file. The hint is sound because it is true of every file that
//! hardpan writes: it asks for what the writers always put first. A folder is asked for only when a layout's two entry points
//! are among its names, without which it is none.

use std::{
    fs::File,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

use serde_json::Value;

use super::OutputKind;
use crate::{
    build::{assemble::HISTORY, pinned::read_small},
    image::OpenedImages,
    oci::Digest,
    recipe,
    report::Limits,
};

/// The first bytes of a file that decide what it may be.
const HEAD: usize = 4 << 10;
/// Bytes of a digest file: `sha256:` and 64 digits, without the end of a line.
const DIGEST_BYTES: u64 = 71;
/// The unit of a tar.
const BLOCK_BYTES: u64 = 512;
/// How the report of an audit begins, as JSON.
const AUDIT_JSON: &[u8] = b"{\n  \"format\": 1,\n  \"outcome\": \"";
/// The identity of an audit in SARIF: the first key of a run.
const AUDIT_SARIF: &[u8] = b"\"id\": \"hardpan/";
/// The title of the page of an audit.
const AUDIT_HTML: &[u8] = b"<title>Audit of ";
/// How that page ends.
const AUDIT_HTML_END: &[u8] = b". This page holds no script and loads nothing.</footer>\n</body>\n</html>\n";

/// The kind of output that a file may be, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputHint {
    Archive,
    Digest,
    Metadata,
    Lock,
    AuditJson,
    AuditSarif,
    AuditHtml,
}

impl OutputHint {
    /// `head` is the begin of the file: [`HEAD`] bytes, or all of them.
    fn from_head(head: &[u8], size: u64) -> Option<Self> {
        let head = head.get(..HEAD).unwrap_or(head);
        let has = |part: &[u8]| memchr::memmem::find(head, part).is_some();
        if size.is_multiple_of(BLOCK_BYTES) && head.get(257..262) == Some(b"ustar") {
            return Some(Self::Archive);
        }
        if size == DIGEST_BYTES && head.starts_with(b"sha256:") {
            return Some(Self::Digest);
        }
        match head.first()? {
            b'{' if head.starts_with(AUDIT_JSON) => Some(Self::AuditJson),
            b'{' if has(b"\"containerimage.") => Some(Self::Metadata),
            b'{' if has(AUDIT_SARIF) => Some(Self::AuditSarif),
            b'<' if has(AUDIT_HTML) => Some(Self::AuditHtml),
            b'#' if has(b"`hardpan lock`") => Some(Self::Lock),
            _ => None,
        }
    }
}

/// Whether a file of `size` bytes that begins with `head` may be an output of hardpan; no is certain. A head that is shorter
/// than it could be says nothing.
pub(in crate::build) fn may_be_output(head: &[u8], size: u64) -> bool {
    let is_whole = head.len() >= HEAD || head.len() as u64 >= size;
    !is_whole || OutputHint::from_head(head, size).is_some()
}

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
            has_keys(&json()?, &["format", "outcome", "audits", "rules"]).then_some(OutputKind::Audit)
        }
        OutputHint::AuditSarif => is_sarif(&json()?).then_some(OutputKind::Audit),
        OutputHint::AuditHtml => {
            ends_with(&file, meta.len(), AUDIT_HTML_END).is_ok_and(|ends| ends).then_some(OutputKind::Audit)
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

/// Whether this is what `--metadata-file` writes: the object of one image, or an object of several, by name.
fn is_metadata(document: &Value) -> bool {
    let one = |image: &Value| {
        let keys = ["containerimage.descriptor", "containerimage.digest", "image.name"];
        has_keys(image, &keys) || has_keys(image, &[&["containerimage.config.digest"], &keys[..]].concat())
    };
    let several =
        |document: &Value| document.as_object().is_some_and(|images| !images.is_empty() && images.values().all(one));
    one(document) || several(document)
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
