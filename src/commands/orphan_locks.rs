//! Locks without a recipe: what a recipe that went away, or that has the lock of its workspace now, leaves behind.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{recipe_lock, recipes::LoadedRecipe};
use crate::{
    recipe::WORKSPACE_LOCK,
    report::{Failure, printable},
};

/// A lock that no recipe has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OrphanLock {
    /// Where it is.
    pub path: PathBuf,
    /// Whether its recipe is there and has the lock of its workspace.
    pub is_replaced: bool,
}

impl OrphanLock {
    /// What is said about it.
    pub(super) fn warning(&self) -> Failure {
        let path = printable(&self.path.to_string_lossy()).into_owned();
        let what = if self.path.ends_with(WORKSPACE_LOCK) {
            "no build reads this lock: the workspace beside it does not say `lock = true`"
        } else if self.is_replaced {
            "no build reads this lock any more: the recipe beside it has the lock of its workspace"
        } else {
            "this lock has no recipe"
        };
        Failure::warning(what).in_path(&self.path).hint(format!("remove it: `rm {path}`"))
    }
}

/// The locks in the folders of `recipes`, and of their workspaces, that no recipe has.
///
/// # Errors
/// A folder cannot be read.
pub(super) fn beside<'a>(recipes: impl Iterator<Item = &'a LoadedRecipe>) -> Result<Vec<OrphanLock>, Failure> {
    let (mut folders, mut used, mut replaced) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for one in recipes {
        folders.insert(one.folder.clone());
        folders.extend(one.workspace.as_ref().and_then(|workspace| Some(workspace.path.parent()?.to_owned())));
        let place = recipe_lock::place(one);
        used.insert(place.path);
        if place.member.is_some() {
            replaced.insert(recipe_lock::beside(&one.path));
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { &folder };
        let fault = |error: std::io::Error| Failure::io("read the folder", shown, &error);
        for entry in std::fs::read_dir(shown).map_err(fault)? {
            let path = folder.join(entry.map_err(fault)?.file_name());
            if path.extension().is_none_or(|extension| extension != "lock") || used.contains(&path) {
                continue;
            }
            let is_replaced = replaced.contains(&path);
            let may_be = is_replaced || path.ends_with(WORKSPACE_LOCK) || !path.with_extension("toml").exists();
            if may_be && recipe_lock::is_lock(&path) {
                found.push(OrphanLock { path, is_replaced });
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}
