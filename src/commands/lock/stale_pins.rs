//! What does not fit in locks, told once for all recipes that have the same.

use std::path::Path;

use super::pin_moves::counted;
use crate::report::{Failure, printable};

/// Failures that differ in nothing but the recipe, each with the recipes that have it.
#[derive(Debug, Default)]
pub(super) struct StalePins(Vec<(String, Failure, Vec<String>)>);

impl StalePins {
    /// Adds what is wrong with the lock at `lock`, as messages name it, for a recipe.
    pub(super) fn add(&mut self, failures: Vec<Failure>, lock: &str, recipe: &Path) {
        let name = recipe.to_string_lossy().into_owned();
        for failure in failures {
            // The same pin of several locks is one answer.
            let same = failure.what.replace(&format!("`{}`", printable(lock)), "");
            match self.0.iter_mut().find(|(known, ..)| *known == same) {
                Some((_, _, recipes)) => recipes.push(name.clone()),
                None => self.0.push((same, failure, vec![name.clone()])),
            }
        }
    }

    /// A failure for each, at the place of the first recipe.
    pub(super) fn into_failures(self) -> impl Iterator<Item = Failure> {
        self.0.into_iter().map(|(_, mut failure, recipes)| {
            if recipes.len() > 1 {
                failure.what = format!("{} ({})", failure.what, printable(&counted(&recipes)));
            }
            failure
        })
    }
}
