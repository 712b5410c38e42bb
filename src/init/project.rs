//! [`Project`]: what a folder builds, with all programs that the image could run.

use super::{draft::DraftProgram, rank::Rank};
use crate::report::quoted;

/// The most modules or packages that are read, besides those that a `go.work` uses.
pub(super) const PROJECTS: usize = 12;

/// A project with at least one program.
pub(super) struct Project {
    /// A description for messages: "the Go module `example.com/x`".
    pub(super) what: String,
    /// Candidates, the likeliest first.
    pub(super) candidates: Vec<Candidate>,
    /// Programs that cannot be candidates, and folders that were not read: a sentence, and the rank that they would
    /// have.
    pub(super) passed_over: Vec<(String, Rank)>,
    /// Lines for [`DraftedRecipe::said`](super::DraftedRecipe::said).
    pub(super) said: Vec<String>,
}

/// A program that the image could run.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) program: DraftProgram,
    /// The folder of its package, relative to the project's, empty for the same one.
    pub(super) folder: String,
    /// The import path of a Go package, `package/binary` of a Cargo one, the path of a file.
    pub(super) id: String,
    pub(super) rank: Rank,
}

/// Folders beyond the limit, for [`Project::passed_over`].
pub(super) fn list_not_asked(folders: &[String], kind: &str) -> Vec<(String, Rank)> {
    let places = folders.iter().map(|folder| {
        let why = format!("the {kind} in {} was not read, because `init` reads {PROJECTS} at most", quoted(folder));
        (why, Rank::unknown(folder))
    });
    places.collect()
}
