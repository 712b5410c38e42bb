//! `hardpan lock`: pins what recipes ask for and what could move, in a file beside each recipe, or in one for all recipes of a
//! workspace. Locks of one call are written all or none.

mod lock_group;
mod pin_moves;
mod stale_pins;
mod updates;

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    orphan_locks::{self, OrphanLock},
    policy, recipe_lock,
    recipes::{LoadedRecipe, RecipeReading, load},
    staged_file::StagedFile,
};
use crate::{
    build::BuildSettings,
    recipe::{self, Difference, changes},
    report::{ErrorName, Failure, Failures, Progress, printable},
};
use lock_group::{LockGroup, Pinned};
use pin_moves::PinMoves;
use stale_pins::StalePins;
use updates::Updates;

/// What to lock.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// The pins that move to the newest content or version: names, or `all`, `base`, `url` and `toolchain`.
    pub update: Vec<String>,
    /// `--dry-run`: say what would change, and write nothing.
    pub dry_run: bool,
    /// `--policy`: where bases may come from, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// Everything else.
    pub settings: BuildSettings,
}

/// A lock that is up to date now.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The recipes of the call that have it, as they were named.
    pub recipes: Vec<PathBuf>,
    /// The lock.
    pub path: PathBuf,
    /// Whether all recipes of a workspace share it.
    pub is_shared: bool,
    /// The lines that changed, or that a new lock would change; empty when it was left alone.
    pub changes: Vec<Difference>,
    /// Whether it was written.
    pub written: bool,
}

/// A lock that is to be written.
struct StagedLock {
    locked: Locked,
    file: Option<StagedFile>,
}

/// The result of `lock --check`: locks compared with what their recipes ask for.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Every lock that is there.
    pub locks: Vec<Locked>,
    /// A failure for each difference, and for each lock that could not be read.
    pub failures: Vec<Failure>,
}

/// The recipes by their locks, under the policy. `settings` get what the policy says of registries.
fn grouped(request: &LockRequest, settings: &mut BuildSettings) -> Result<Vec<LockGroup>, Failures> {
    let allow_outside = request.settings.allow_outside;
    let mut loaded: Vec<LoadedRecipe> = load(&request.recipes, RecipeReading { set: &[], allow_outside })?;
    let file = request.policy.as_deref().map(policy::read).transpose()?;
    policy::add_token_realms(file.as_ref(), &mut settings.access)?;
    for one in &mut loaded {
        // For where bases may come from.
        policy::of_build(file.as_ref(), &mut one.recipe.policy)?;
    }
    LockGroup::sort(loaded, allow_outside)
}

/// Writes every lock, all or none; a lock that would have the same content is left alone.
///
/// # Errors
/// A recipe or a lock cannot be read, something cannot be resolved, or a name of `--update` pins nothing.
pub fn lock(request: &LockRequest, progress: &dyn Progress) -> Result<Vec<Locked>, Failures> {
    let mut settings = request.settings.clone();
    let groups = grouped(request, &mut settings)?;
    let updates = Updates::new(&request.update);
    let (mut staged, mut known, mut moves) = (Vec::new(), BTreeSet::new(), PinMoves::default());
    for group in &groups {
        let pins = group.recipes.iter().flat_map(|grouped| grouped.requests.pins().into_keys());
        known.extend(pins.map(|pin| pin.printable_name().to_owned()));
        let pinned = group.pin(&updates, request.recipes.is_empty(), &settings, progress)?;
        let one = stage(group, pinned, request.dry_run)?;
        moves.add(&one.locked.changes, &|pin| group.users(pin));
        staged.push(one);
    }
    updates.check(&known)?;
    let mut done = Vec::new();
    let mut steps = Vec::new();
    for StagedLock { locked, file } in staged {
        let shown = printable(&locked.path.to_string_lossy()).into_owned();
        steps.push(match (&file, request.dry_run && !locked.changes.is_empty()) {
            (Some(_), _) => format!("write {shown}"),
            (None, true) => format!("would write {shown}"),
            (None, false) => format!("{shown} is up to date"),
        });
        file.map_or(Ok(()), StagedFile::publish)?;
        done.push(locked);
    }
    moves.lines().iter().chain(&steps).for_each(|line| progress.step(line));
    if request.recipes.is_empty() || done.iter().any(|one| one.is_shared) {
        orphans(&groups)?.iter().for_each(|orphan| progress.warn(&orphan.warning()));
    }
    Ok(done)
}

/// The locks that no recipe has, in the folders of the recipes.
fn orphans(groups: &[LockGroup]) -> Result<Vec<OrphanLock>, Failure> {
    orphan_locks::beside(groups.iter().flat_map(|group| &group.recipes).map(|grouped| &grouped.one))
}

/// Prepares the new file, unless the old one has the same pins, or nothing is to be written.
fn stage(group: &LockGroup, pinned: Pinned, dry_run: bool) -> Result<StagedLock, Failure> {
    let Pinned { old, now } = pinned;
    let (path, is_shared) = (&group.path, group.shared.is_some());
    let first = group.recipes.first().and_then(|first| first.one.path.file_name());
    let name = first.unwrap_or_default().to_string_lossy();
    let text = now.to_text((!is_shared).then_some(&*name));
    // What cannot be read back was never a lock.
    if recipe::parse_lock(&path.to_string_lossy(), &text)?.lock != now {
        return Err(Failure::error(ErrorName::Internal, "the lock would not say what it should").in_path(path));
    }
    let is_new = !dry_run && old.as_ref().is_none_or(|old| old.lock != now);
    let changes = changes(&old.map(|old| old.lock).unwrap_or_default(), &now);
    let mut file = None;
    if is_new {
        let mut staged = StagedFile::begin("lock", path, "the lock is a file beside the recipe")?;
        staged.write(&text)?;
        file = Some(staged);
    }
    let locked = Locked { recipes: group.paths(), path: path.clone(), is_shared, changes, written: is_new };
    Ok(StagedLock { locked, file })
}

/// How locks differ from what their recipes ask for. No compiler, no network, and nothing is written.
///
/// # Errors
/// A recipe cannot be read.
pub fn check(request: &LockRequest, progress: &dyn Progress) -> Result<Checked, Failures> {
    let (mut failures, mut locks, mut stale) = (Vec::new(), Vec::new(), StalePins::default());
    let groups = grouped(request, &mut request.settings.clone())?;
    for group in &groups {
        let file = match recipe_lock::read(&group.path) {
            Ok(Some(file)) => file,
            Ok(None) => {
                failures.push(recipe_lock::missing(&group.path));
                continue;
            }
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        for grouped in &group.recipes {
            let own = grouped.of_lock(&file);
            stale.add(grouped.requests.stale(&own), &file.source.path, &grouped.one.path);
        }
        for (pin, key) in group.shared.iter().flat_map(|shared| shared.orphans(&file.lock)) {
            let part = if key.is_empty() { String::new() } else { format!(" for `{}`", printable(&key)) };
            let what = format!("no recipe of the workspace asks for {pin}{part} any more");
            let failure = Failure::answer(what).at(&file.place(&pin, &key));
            failures.push(failure.hint("`hardpan lock` without a recipe removes it"));
        }
        progress.step(&format!("check {}", printable(&group.path.to_string_lossy())));
        let (path, is_shared) = (group.path.clone(), group.shared.is_some());
        locks.push(Locked { recipes: group.paths(), path, is_shared, changes: Vec::new(), written: false });
    }
    if request.recipes.is_empty() || locks.iter().any(|one| one.is_shared) {
        orphans(&groups)?.iter().for_each(|orphan| progress.warn(&orphan.warning()));
    }
    failures.extend(stale.into_failures());
    Ok(Checked { locks, failures })
}
