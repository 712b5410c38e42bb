//! Writes the data of verbs to stdout, as text or as one JSON document. A closed pipe is not an error.

use std::io::{self, Write as _};

use crate::report::{Failure, Failures};

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

/// The failure of a write to stdout. A closed pipe is not one: its reader has read enough.
#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
pub(super) fn output_failure(error: io::Error) -> Failures {
    Failure::io("write the output", "stdout", &error).into()
}
