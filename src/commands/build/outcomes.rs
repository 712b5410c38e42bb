//! [`Outcomes`]: the status, failures and image of each recipe of a call, which the steps of `build` fill in.

use std::path::PathBuf;

use super::request::{BuildOutcome, BuildStatus, BuiltImage, LeftImage};
use crate::{
    registry::push::PushPlan,
    report::{Failure, Failures},
};

/// The outcome of every recipe so far, in the order of the recipes.
#[derive(Debug)]
pub(super) struct Outcomes {
    recipes: Vec<BuildOutcome>,
    /// `--keep-going`: a recipe that fails stops no other one.
    keep_going: bool,
}

impl Outcomes {
    /// Nothing was tried yet.
    pub(super) fn new(recipes: impl IntoIterator<Item = PathBuf>, keep_going: bool) -> Self {
        let outcome = |recipe| BuildOutcome {
            recipe,
            name: None,
            status: BuildStatus::NotTried,
            image: None,
            left: None,
            failures: Vec::new(),
        };
        Self { recipes: recipes.into_iter().map(outcome).collect(), keep_going }
    }

    /// Whether a recipe that fails stops no other one.
    pub(super) fn keep_going(&self) -> bool {
        self.keep_going
    }

    /// All of them.
    pub(super) fn recipes(&self) -> &[BuildOutcome] {
        &self.recipes
    }

    /// How many recipes there are.
    pub(super) fn count(&self) -> usize {
        self.recipes.len()
    }

    /// The recipe has this name.
    pub(super) fn name(&mut self, index: usize, name: &str) {
        if let Some(outcome) = self.recipes.get_mut(index) {
            outcome.name = Some(name.to_owned());
        }
    }

    /// The recipe has failed. The call goes on to the end of the step, which [`stop`](Self::stop) is.
    pub(super) fn note(&mut self, index: usize, failures: Failures) {
        let names_recipe = self.keep_going || self.recipes.len() > 1;
        let Some(outcome) = self.recipes.get_mut(index) else { return };
        outcome.leave();
        outcome.status = BuildStatus::Failed;
        let named = |failure: Failure| if names_recipe { failure.or_in_path(&outcome.recipe) } else { failure };
        outcome.failures.extend(failures.0.into_iter().map(named));
    }

    /// Takes the results of a step for several recipes: gives what was made, and notes what has failed.
    pub(super) fn sort<T>(&mut self, results: impl IntoIterator<Item = (usize, Result<T, Failures>)>) -> Vec<T> {
        let mut made = Vec::new();
        for (index, result) in results {
            match result {
                Ok(one) => made.push(one),
                Err(failures) => self.note(index, failures),
            }
        }
        made
    }

    /// Ends the call where a recipe has failed, unless it keeps going.
    ///
    /// # Errors
    /// Nothing besides what is noted.
    pub(super) fn stop(&self) -> Result<(), Failures> {
        let has_failed = self.recipes.iter().any(|outcome| outcome.status == BuildStatus::Failed);
        if has_failed && !self.keep_going { Err(Failures(Vec::new())) } else { Ok(()) }
    }

    /// The recipe has failed: notes it where the call keeps going, and ends the call otherwise.
    ///
    /// # Errors
    /// The failures, where the call does not keep going.
    pub(super) fn fail(&mut self, index: usize, failures: impl Into<Failures>) -> Result<(), Failures> {
        if !self.keep_going {
            return Err(failures.into());
        }
        self.note(index, failures.into());
        Ok(())
    }

    /// The failures of all recipes, in their order.
    pub(super) fn failures(&self) -> Vec<Failure> {
        self.recipes.iter().flat_map(|outcome| &outcome.failures).cloned().collect()
    }

    /// The recipe has ended well.
    pub(super) fn succeed(&mut self, index: usize, image: BuiltImage, is_unchanged: bool) {
        if let Some(outcome) = self.recipes.get_mut(index) {
            outcome.status = if is_unchanged { BuildStatus::Unchanged } else { BuildStatus::Built };
            outcome.image = Some(image);
            outcome.left = None;
        }
    }

    /// Engines have the image, which is not at its path yet.
    pub(super) fn loaded(&mut self, index: usize, image: &BuiltImage) {
        if let Some(outcome) = self.recipes.get_mut(index).filter(|_| !image.loaded.is_empty()) {
            outcome.left = Some(LeftImage { image: image.clone(), is_written: false });
        }
    }

    /// Registries have the image.
    pub(super) fn pushed(&mut self, index: usize, plans: Vec<PushPlan>) {
        if let Some(image) = self.recipes.get_mut(index).and_then(|outcome| outcome.image.as_mut()) {
            image.pushed = plans;
        }
    }

    /// Whether the image of the recipe is at its path, and nothing has failed so far.
    pub(super) fn has_image(&self, index: usize) -> bool {
        self.recipes.get(index).is_some_and(|outcome| outcome.image.is_some())
    }

    /// The call as a whole has failed: what became of its images is left by it. Whether anything is.
    pub(super) fn leave_all(&mut self) -> bool {
        if !self.keep_going {
            self.recipes.iter_mut().for_each(BuildOutcome::leave);
        }
        self.recipes.iter().any(|outcome| outcome.left.is_some())
    }

    /// The outcomes, for the caller of `build`.
    pub(super) fn into_recipes(self) -> Vec<BuildOutcome> {
        self.recipes
    }
}

impl BuildOutcome {
    /// The image is no result any more; what is new of it is left.
    fn leave(&mut self) {
        let is_written = self.status == BuildStatus::Built;
        let is_new = |image: &BuiltImage| is_written || !image.loaded.is_empty() || !image.pushed.is_empty();
        if let Some(image) = self.image.take().filter(is_new) {
            self.left = Some(LeftImage { image, is_written });
        }
    }
}
