//! Entry points for the fuzz targets to the parser of cargo's messages. Nothing else uses them.

use std::path::{Path, PathBuf};

use super::artifacts::Artifacts;
use crate::report::{Failure, Silent};

/// The program `binary` and the archives by the messages of a cargo run in the workspace `/w`.
///
/// # Errors
/// There is no such program, or its sources are elsewhere.
pub fn program_of_messages(messages: &[u8], binary: &str) -> (Result<PathBuf, Failure>, Vec<PathBuf>) {
    let artifacts = Artifacts::new(binary, Path::new("/w"), 1, &Silent, &Silent);
    messages.split(|byte| *byte == b'\n').for_each(|line| artifacts.take_line(line));
    let archives = artifacts.archives();
    (artifacts.program(), archives)
}
