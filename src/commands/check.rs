//! `hardpan check`: what is wrong with recipes, their files and their locks, without building anything.
//!
//! No compiler, no other child process, and no socket: what would take one is not looked at, and each recipe says what
//! that was.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    policy, recipe_lock,
    recipes::{LoadedRecipe, NamedRecipe, RecipeReading, load_each},
};
use crate::{
    build::{BuildSettings, CheckedImage, HostBounds, RecipeCheck, ResolveReach, UnseenInput},
    recipe::PolicySettings,
    report::{ErrorName, Failure, Failures, Progress, Rule, parallel, printable},
};

/// What to check.
#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// `--set`: `name=value` for variables that the recipes declare.
    pub set: Vec<String>,
    /// `--policy`: what images must keep to, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// Everything else.
    pub settings: BuildSettings,
}

/// A recipe that was checked.
#[derive(Debug)]
pub struct CheckedRecipe {
    /// The recipe, as it was named.
    pub recipe: PathBuf,
    /// The name of its image, where it is known.
    pub name: Option<String>,
    /// What a build would refuse.
    pub failures: Vec<Failure>,
    /// What was not looked at.
    pub unseen: Vec<UnseenInput>,
}

/// Checks every recipe, in their order, whatever is wrong with others.
///
/// # Errors
/// What is wrong with the call: no recipe, or a policy that cannot be read.
pub fn check(request: &CheckRequest, progress: &dyn Progress) -> Result<Vec<CheckedRecipe>, Failures> {
    let (settings, bounds) = (&request.settings, HostBounds::default());
    let reading = RecipeReading { set: &request.set, allow_outside: settings.allow_outside };
    let recipes = load_each(settings.jobs, &request.recipes, reading)?;
    let policy = request.policy.as_deref().map(policy::read).transpose()?;
    let check_one = |(path, loaded): NamedRecipe, progress: &dyn Progress| {
        let checked = loaded.and_then(|one| check_loaded(one, policy.as_ref(), &bounds, settings, progress));
        let CheckedImage { name, failures, unseen } =
            checked.unwrap_or_else(|failure| CheckedImage { failures: vec![failure], ..CheckedImage::default() });
        Ok::<_, Failures>(CheckedRecipe { recipe: path, name, failures, unseen: unseen.into_iter().collect() })
    };
    let mut checked = parallel::try_map_reporting("recipe", settings.jobs, recipes, progress, check_one)?;
    refuse_shared_names(&mut checked);
    Ok(checked)
}

/// Refuses two recipes whose images have one name: a build of both puts each at `out/NAME`.
fn refuse_shared_names(checked: &mut [CheckedRecipe]) {
    let mut taken: BTreeMap<String, PathBuf> = BTreeMap::new();
    for one in checked {
        let Some(name) = &one.name else { continue };
        match taken.get(name) {
            Some(other) if *other != one.recipe => {
                let what = format!("its image is `{}`, as is that of `{}`", printable(name), other.display());
                let failure = Failure::error(ErrorName::OutputConflict, what).in_path(&one.recipe);
                one.failures.push(failure.hint("give one of them another `name`"));
            }
            Some(_) => {}
            None => drop(taken.insert(name.clone(), one.recipe.clone())),
        }
    }
}

/// Checks a recipe that could be read. What is wrong with its lock comes first.
fn check_loaded(
    mut one: LoadedRecipe,
    policy: Option<&PolicySettings>,
    bounds: &HostBounds,
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<CheckedImage, Failure> {
    let policy = policy::of_build(policy, &mut one.recipe.policy)?;
    let (lock, mut failures) = recipe_lock::for_check(&one, settings.locked);
    // A lock that cannot be read may pin the base.
    let may_be_pinned = lock.is_none() && !failures.is_empty();
    let check = RecipeCheck {
        recipe: &one.recipe,
        bound: bounds.of(&one.folder, settings.allow_outside)?,
        policy: &policy,
        lock: lock.as_ref(),
        platforms: &one.recipe.platforms,
        reach: ResolveReach::FilesOnly,
    };
    let checked = check.run(settings, progress);
    let is_certain = |failure: &Failure| !(may_be_pinned && failure.rule == Some(Rule::UnpinnedBase));
    failures.extend(checked.failures.into_iter().filter(is_certain));
    Ok(CheckedImage { failures, ..checked })
}
