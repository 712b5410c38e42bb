//! [`DraftRequest`] and [`DraftedRecipe`]: what `commands::init` asks for, and what it gets.

use std::path::PathBuf;

use crate::report::Failure;

/// The request for a draft.
#[derive(Debug, Clone)]
pub struct DraftRequest {
    /// The project's folder, canonical. Default of the command line: the current one.
    pub dir: PathBuf,
    /// The folder of the recipe, canonical: host paths are relative to it.
    pub recipe_dir: PathBuf,
    /// The image's name, when the caller gives one.
    pub name: Option<String>,
    /// The program that the image is for, when the caller names it.
    pub binary: Option<String>,
    /// A Dockerfile or a `.ko.yaml`: its name for messages, and its text.
    pub from: Option<(String, String)>,
}

/// A recipe that is not written yet.
#[derive(Debug, Clone)]
pub struct DraftedRecipe {
    /// TOML with comments.
    pub text: String,
    /// What was chosen and why, one line each.
    pub said: Vec<String>,
    /// Notes about instructions without a counterpart, one line each, as `Dockerfile:12: ...`.
    pub left_out: Vec<String>,
    /// The failure that lists the programs where none was chosen; `text` then has all of them as comments.
    pub open: Option<Failure>,
    /// The recipe with a program in any case, by which `check` tests whether it can be planned.
    pub trial: String,
}
