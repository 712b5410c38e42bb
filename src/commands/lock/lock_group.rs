//! [`LockGroup`]: the recipes of a call that have one lock: one recipe with its own, or those of a workspace.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::updates::Updates;
use crate::{
    build::{BuildSettings, LockResolver},
    commands::{
        recipe_lock,
        recipes::{self, LoadedRecipe, RecipeReading},
    },
    recipe::{Lock, LockFile, LockMember, Pin, Requests, SharedRequests},
    report::{ErrorName, Failure, Failures, Progress, printable},
};

/// The recipes of a call that have one lock.
#[derive(Debug)]
pub(super) struct LockGroup {
    /// The lock.
    pub(super) path: PathBuf,
    /// In the order of the call.
    pub(super) recipes: Vec<GroupedRecipe>,
    /// What all recipes ask for that share the lock; none for a lock beside its recipe.
    pub(super) shared: Option<SharedRequests>,
}

/// A recipe and what it asks for.
#[derive(Debug)]
pub(super) struct GroupedRecipe {
    pub(super) one: LoadedRecipe,
    pub(super) requests: Requests,
    member: Option<LockMember>,
}

/// What the lock was, and what it is to be.
pub(super) struct Pinned {
    pub(super) old: Option<LockFile>,
    pub(super) now: Lock,
}

impl LockGroup {
    /// Sorts recipes by their locks.
    ///
    /// # Errors
    /// Two recipes that share none have the same lock; a recipe is not one of those that share the lock of its workspace; one of
    /// them cannot be read.
    pub(super) fn sort(loaded: Vec<LoadedRecipe>, allow_outside: bool) -> Result<Vec<Self>, Failures> {
        let mut groups: Vec<Self> = Vec::new();
        let mut places: BTreeMap<PathBuf, usize> = BTreeMap::new();
        for one in loaded {
            let recipe_lock::LockPlace { path, member } = recipe_lock::place(&one);
            let grouped = GroupedRecipe { requests: Requests::of(&one.recipe), one, member };
            let is_shared = grouped.member.is_some();
            let real = crate::build::real_path(&path);
            match places.get(&real).and_then(|at| groups.get_mut(*at)) {
                Some(group) if is_shared => group.add(grouped)?,
                Some(group) => return Err(group.refuse_second(&grouped.one.path).into()),
                None => {
                    let shared = if is_shared { Some(all_requests(&grouped.one, allow_outside)?) } else { None };
                    places.insert(real, groups.len());
                    let mut group = Self { path, recipes: Vec::new(), shared };
                    group.add(grouped)?;
                    groups.push(group);
                }
            }
        }
        Ok(groups)
    }

    fn add(&mut self, grouped: GroupedRecipe) -> Result<(), Failure> {
        if let (Some(member), Some(workspace), Some(shared)) = (&grouped.member, &grouped.one.workspace, &self.shared)
            && !shared.has_member(member)
        {
            let what = "the recipe is below a workspace whose recipes share a lock, and is not one of them";
            let hint = format!("name it by `recipes` of `{}`", printable(&workspace.path.to_string_lossy()));
            return Err(Failure::error(ErrorName::RecipeConflict, what).in_path(&grouped.one.path).hint(hint));
        }
        self.recipes.push(grouped);
        Ok(())
    }

    fn refuse_second(&self, path: &Path) -> Failure {
        let other = self.recipes.first().map(|first| first.one.path.to_string_lossy().into_owned()).unwrap_or_default();
        let what = format!("`{}` has the same lock", printable(&other));
        Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("give one of them another name")
    }

    /// Resolves what the recipes ask for, and keeps what fits and is not to move. `all` is whether the call is for all recipes
    /// that share the lock, so that what none of them asks for goes.
    pub(super) fn pin(
        &self,
        updates: &Updates<'_>,
        all: bool,
        settings: &BuildSettings,
        progress: &dyn Progress,
    ) -> Result<Pinned, Failures> {
        let old = recipe_lock::read_moving(&self.path, &|pin| updates.names(pin))?;
        let mut now = old.as_ref().map(|file| file.lock.clone()).unwrap_or_default();
        let members: BTreeSet<LockMember> = self.recipes.iter().filter_map(|one| one.member.clone()).collect();
        let mut settled = BTreeSet::new();
        for grouped in &self.recipes {
            let world = LockResolver::open(&grouped.one.recipe, &grouped.one.folder, settings, progress)?;
            let (Some(member), Some(shared)) = (&grouped.member, &self.shared) else {
                now = world.pin(&grouped.requests, &now, &|pin| updates.names(pin))?;
                continue;
            };
            let had = now.for_member(member, &grouped.requests);
            // What this call has resolved for one recipe is there for the others.
            let moves = |pin: &Pin| updates.names(pin) && !settled.contains(&member.pin(pin));
            let pins = world.pin(&grouped.requests, &had, &moves)?;
            for (pin, _) in grouped.requests.pins() {
                let theirs = member.pin(&pin);
                if let Pin::Toolchain(compiler, dir) = &theirs
                    && moves(&pin)
                    && shared.are_all_in(&theirs, &members)
                {
                    now.toolchains.remove(&(*compiler, dir.clone()));
                }
            }
            now.add_member(member, pins, &settled)?;
            settled.extend(grouped.requests.pins().keys().map(|pin| member.pin(pin)));
        }
        if let Some(shared) = self.shared.as_ref().filter(|_| all) {
            now = shared.pruned(&now);
        }
        Ok(Pinned { old, now })
    }

    /// The recipes of the call, as they were named.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.recipes.iter().map(|grouped| grouped.one.path.clone()).collect()
    }

    /// The recipes of the group that have a pin, as the lock names it.
    pub(super) fn users(&self, pin: &Pin) -> Vec<String> {
        let has = |grouped: &&GroupedRecipe| {
            let mut pins = grouped.requests.pins().into_keys();
            pins.any(|own| grouped.member.as_ref().map_or_else(|| own.clone(), |member| member.pin(&own)) == *pin)
        };
        let only = self.shared.is_none();
        self.recipes.iter().filter(|grouped| only || has(grouped)).map(|grouped| name(&grouped.one)).collect()
    }
}

impl GroupedRecipe {
    /// What the recipe sees of its lock.
    pub(super) fn of_lock(&self, file: &LockFile) -> LockFile {
        self.member.as_ref().map_or_else(|| file.clone(), |member| file.for_member(member, &self.requests))
    }
}

/// The name of a recipe's image, or its path.
fn name(one: &LoadedRecipe) -> String {
    one.recipe.name.clone().unwrap_or_else(|| one.path.to_string_lossy().into_owned())
}

/// What all recipes of a workspace ask for.
fn all_requests(one: &LoadedRecipe, allow_outside: bool) -> Result<SharedRequests, Failure> {
    let mut all = SharedRequests::default();
    let Some(workspace) = &one.workspace else { return Ok(all) };
    for (member, path) in workspace.members()? {
        let loaded = recipes::read(&path, RecipeReading { set: &[], allow_outside })?;
        let has_other = loaded.workspace.as_ref().is_none_or(|other| other.folder != workspace.folder);
        if has_other {
            let what = "the recipe is one of a workspace that shares a lock, and has a nearer workspace";
            return Err(Failure::error(ErrorName::RecipeConflict, what)
                .in_path(&path)
                .hint("leave it out of `recipes` of the outer workspace"));
        }
        all.add(&member, &Requests::of(&loaded.recipe))?;
    }
    Ok(all)
}
