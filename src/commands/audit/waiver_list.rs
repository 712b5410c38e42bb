//! `hardpan audit --waivers`: the exceptions of policy files and recipes, with their last days. No image is read.

use std::path::PathBuf;

use super::super::{
    policy,
    recipes::{self, RecipeReading},
};
use crate::{
    policy::DatedWaiver,
    report::{ErrorName, Failure, Failures},
};

/// Whose exceptions to list.
#[derive(Debug, Clone)]
pub struct WaiverListRequest {
    /// A policy file.
    pub policy: Option<PathBuf>,
    /// Recipes; none means those of the current folder, if there are any.
    pub recipes: Vec<PathBuf>,
    /// The day from which days are counted: year, month, day.
    pub today: (u16, u8, u8),
}

/// Every exception, ended ones as well, by their last day; those of one day as the files have them, the policy first.
///
/// # Errors
/// A policy or a recipe that cannot be read, or neither a policy nor a recipe.
pub fn list_waivers(request: &WaiverListRequest) -> Result<Vec<DatedWaiver>, Failures> {
    let mut all = Vec::new();
    if let Some(path) = &request.policy {
        all.extend(policy::read(path)?.allow);
    }
    let paths = match (request.recipes.as_slice(), recipes::find()) {
        ([], Ok(found)) => found,
        ([], Err(failure)) if request.policy.is_none() => {
            let failure = Failure { hint: None, ..failure };
            return Err(failure.hint("name a recipe, or a policy with `--policy`").into());
        }
        // A folder without recipes has no exceptions of recipes; one that cannot be read is a fault.
        ([], Err(failure)) if failure.name != Some(ErrorName::FileNotFound) => return Err(failure.into()),
        (named, _) => named.to_vec(),
    };
    // Nothing is built: what is outside is for the build to refuse.
    let reading = RecipeReading { set: &[], allow_outside: true };
    if !paths.is_empty() {
        all.extend(recipes::load(&paths, reading)?.into_iter().flat_map(|one| one.recipe.policy.allow));
    }
    let mut dated: Vec<_> = all.iter().map(|waiver| DatedWaiver::of(waiver, request.today)).collect();
    dated.sort_by(|a, b| a.until.cmp(&b.until));
    Ok(dated)
}
