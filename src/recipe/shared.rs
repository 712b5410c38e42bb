//! [`SharedFile`]: a file from which a recipe takes values that it does not say itself.

use std::sync::Arc;

use super::{Located, Recipe};
use crate::report::{Origin, SourceText};

/// The name of the file that recipes below its folder take their defaults from.
pub const WORKSPACE_FILE: &str = "hardpan.workspace.toml";

/// The name of the lock that recipes of a workspace may share, beside [`WORKSPACE_FILE`].
pub const WORKSPACE_LOCK: &str = "hardpan.workspace.lock";

/// A file from which a recipe takes values, read but not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedFile {
    /// How the recipe comes to it.
    pub kind: SharedKind,
    /// Its text.
    pub source: Arc<SourceText>,
    /// Where it is, from the recipe's folder: `../common.toml`.
    pub place: String,
}

/// How a recipe comes to a file that it shares with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SharedKind {
    /// `extends` names it.
    Extended,
    /// It is the `hardpan.workspace.toml` above the recipe; `[defaults]` of it counts.
    Workspace,
}

/// What `hardpan.workspace.toml` says besides `[defaults]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WorkspaceSettings {
    /// `lock = true`, where it is written: the recipes share [`WORKSPACE_LOCK`]. Otherwise each has its own.
    pub lock: Option<Origin>,
    /// Patterns of the recipes that share the lock, from the folder of the file. Default `hardpan.toml` and
    /// `recipes/*.toml`.
    pub recipes: Vec<Located<String>>,
}

impl SharedFile {
    /// How paths of the file begin for the recipe: empty, or with a slash at the end.
    pub(super) fn prefix(&self) -> &str {
        let name = self.place.rfind('/').map_or(0, |at| at + 1);
        self.place.get(..name).unwrap_or_default()
    }
}

impl Recipe {
    /// Every text that it was made of: its own, and those of files that it shares with others.
    pub fn texts(&self) -> impl Iterator<Item = &Arc<SourceText>> {
        [&self.source].into_iter().chain(self.shared.iter().map(|file| &file.source))
    }

    /// The line of a value: `line 3`, and of which file where it is not the recipe.
    pub fn line_of(&self, origin: &Origin) -> String {
        origin.line_seen_from(&self.start())
    }
}
