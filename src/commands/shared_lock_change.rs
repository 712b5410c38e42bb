//! Whether a change of a lock that recipes share is one of what a certain recipe takes from it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::{
    recipe_lock::{self, LockPlace},
    recipes::LoadedRecipe,
};
use crate::{
    build::{BuildSettings, affected::CheckoutChanges, real_path},
    recipe::{self, LockFile, Requests},
    report::Silent,
};

/// Shared locks as the commit has them, each read once.
#[derive(Debug, Default)]
pub(super) struct SharedLockChange(Mutex<BTreeMap<PathBuf, Option<LockFile>>>);

impl SharedLockChange {
    /// The lock of a recipe, if a change of it can be one of its pins: of a shared one only those count that the recipe asks for.
    pub(super) fn input(
        &self,
        one: &LoadedRecipe,
        changes: &CheckoutChanges,
        settings: &BuildSettings,
    ) -> Option<PathBuf> {
        let LockPlace { path, member } = recipe_lock::place(one);
        let Some(member) = member else { return Some(path) };
        let real = real_path(&path);
        // What git ignores or does not have yet has no state before.
        if !changes.changed.contains_key(&real) || changes.bases.len() != 1 {
            return Some(path);
        }
        let requests = Requests::of(&one.recipe);
        let before = self.0.lock().entry(real.clone()).or_insert_with(|| before(&real, changes, settings)).clone();
        let now = recipe_lock::read_any(&path).ok().flatten();
        let is_same = before.zip(now).is_some_and(|(before, now)| {
            before.lock.for_member(&member, &requests) == now.lock.for_member(&member, &requests)
        });
        (!is_same).then_some(path)
    }
}

/// The lock as the commit has it; none where that cannot be read.
fn before(path: &Path, changes: &CheckoutChanges, settings: &BuildSettings) -> Option<LockFile> {
    let bytes = settings.toolchain(&changes.top, &Silent).file_before(changes, path).ok()??;
    recipe::parse_lock(&path.to_string_lossy(), &String::from_utf8(bytes).ok()?).ok()
}
