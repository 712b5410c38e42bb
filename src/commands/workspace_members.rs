//! The recipes of a workspace: those that share its lock.

use std::path::{Path, PathBuf};

use super::shared_files::RecipeWorkspace;
use crate::{
    build::matching_files,
    recipe::{Located, LockMember},
    report::{Failure, Origin, SourceText},
};

/// A recipe of a workspace, and where it is.
pub(super) type WorkspaceMember = (LockMember, PathBuf);

impl RecipeWorkspace {
    /// The recipe at `path`, which is below this workspace.
    pub(super) fn member(&self, path: &Path) -> LockMember {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let below = &self.below;
        LockMember { recipe: if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") } }
    }

    /// All recipes of the workspace, sorted.
    ///
    /// # Errors
    /// A pattern that is none, or a folder that cannot be read.
    pub(super) fn members(&self) -> Result<Vec<WorkspaceMember>, Failure> {
        let shown = self.path.parent().unwrap_or(Path::new(""));
        let mut found = Vec::new();
        for pattern in self.patterns() {
            found.extend(matching_files(&self.folder, &pattern)?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found.into_iter().map(|recipe| (LockMember { recipe: recipe.clone() }, shown.join(recipe))).collect())
    }

    /// `recipes`, or both places of recipes by default. A command without a recipe takes the first of the two that has one;
    /// a shared lock keeps the pins of both, because either may be built.
    fn patterns(&self) -> Vec<Located<String>> {
        if !self.settings.recipes.is_empty() {
            return self.settings.recipes.clone();
        }
        let source =
            std::sync::Arc::new(SourceText { path: self.path.to_string_lossy().into_owned(), text: String::new() });
        let located = |text: &str| Located { value: text.to_owned(), origin: Origin::new(&source, 0..0) };
        ["hardpan.toml", "recipes/*.toml"].map(located).to_vec()
    }
}
