//! `hardpan lock`: pins what recipes ask for and what could move, in a file beside each recipe. Locks of one call are
//! written all or none.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    policy, recipe_lock,
    recipes::{LoadedRecipe, load},
    staged_file::StagedFile,
};
use crate::{
    build::{BuildSettings, LockResolver},
    recipe::{self, Difference, Lock, LockFile, Pin, Requests, changes},
    report::{ErrorName, Failure, Failures, Progress, printable},
};

/// What to lock.
#[derive(Debug, Clone)]
pub struct LockRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// The pins that move to the newest content or version.
    pub update: Vec<String>,
    /// `--policy`: where bases may come from, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// Everything else.
    pub settings: BuildSettings,
}

/// A lock that is up to date now.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The recipe, as it was named.
    pub recipe: PathBuf,
    /// The lock.
    pub path: PathBuf,
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

/// The result of `lock --check`: locks compared with their recipes, this machine and the registries.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Every lock that is there.
    pub locks: Vec<Locked>,
    /// A failure for each difference, and for each pin that could not be checked.
    pub failures: Vec<Failure>,
}

/// The recipes, under the policy.
fn loaded(request: &LockRequest) -> Result<Vec<LoadedRecipe>, Failures> {
    let mut loaded = load(&request.recipes, &[])?;
    let file = request.policy.as_deref().map(policy::read).transpose()?;
    for one in &mut loaded {
        // For where bases may come from.
        policy::of_build(file.as_ref(), &mut one.recipe.policy)?;
    }
    Ok(loaded)
}

/// Writes the lock of every recipe, all or none; a lock that would have the same content is left alone.
pub fn lock(request: &LockRequest, progress: &dyn Progress) -> Result<Vec<Locked>, Failures> {
    let loaded = loaded(request)?;
    let updates = Updates { asked: &request.update, used: RefCell::default() };
    let (mut staged, mut known): (Vec<StagedLock>, _) = (Vec::new(), BTreeSet::new());
    for one in &loaded {
        let path = recipe_lock::beside(&one.path);
        if let Some(other) = staged.iter().find(|other| other.locked.path == path) {
            let what = format!("`{}` has the same lock", printable(&other.locked.recipe.to_string_lossy()));
            return Err(Failure::error(ErrorName::OutputConflict, what)
                .in_path(&one.path)
                .hint("give one of them another name")
                .into());
        }
        let old = old(&path, &request.update)?;
        let requests = Requests::of(&one.recipe);
        known.extend(requests.pins().into_keys().map(|pin| pin.printable_name().to_owned()));
        let world = LockResolver::open(&one.recipe, &one.folder, &request.settings, progress)?;
        let had = old.as_ref().map(|file| file.lock.clone()).unwrap_or_default();
        let lock = world.pin(&requests, &had, &|pin| updates.names(pin))?;
        staged.push(stage(one, &path, old.as_ref(), &had, &lock)?);
    }
    updates.check(&known)?;
    let mut done = Vec::new();
    for StagedLock { locked, file } in staged {
        let shown = printable(&locked.path.to_string_lossy()).into_owned();
        match file {
            Some(file) => {
                file.publish()?;
                for line in change_lines(&locked.changes) {
                    progress.step(&line);
                }
                progress.step(&format!("write {shown}"));
            }
            None => progress.step(&format!("{shown} is up to date")),
        }
        done.push(locked);
    }
    Ok(done)
}

/// The lock that is there. One whose roots or time zones are not here is read when they are to be pinned anew.
fn old(path: &Path, update: &[String]) -> Result<Option<LockFile>, Failure> {
    recipe_lock::read_moving(path, &|pin| update.iter().any(|name| name == pin.name()))
}

/// Prepares the new file, unless the old one has the same text, or the same pins.
fn stage(
    one: &LoadedRecipe,
    path: &Path,
    old: Option<&LockFile>,
    had: &Lock,
    lock: &Lock,
) -> Result<StagedLock, Failure> {
    let name = one.path.file_name().unwrap_or_default().to_string_lossy();
    let text = lock.to_text(&name);
    // What cannot be read back was never a lock.
    if recipe::parse_lock(&path.to_string_lossy(), &text)?.lock != *lock {
        return Err(Failure::error(ErrorName::Internal, "the lock would not say what it should").in_path(path));
    }
    let is_new = old.is_none_or(|old| old.lock != *lock);
    let changes = changes(had, lock);
    let mut file = None;
    if is_new {
        let mut staged = StagedFile::begin("lock", path, "the lock is a file beside the recipe")?;
        staged.write(&text)?;
        file = Some(staged);
    }
    let locked = Locked { recipe: one.path.clone(), path: path.to_owned(), changes, written: is_new };
    Ok(StagedLock { locked, file })
}

/// The lines by which locks differ from their recipes and from the world. Nothing is written.
pub fn check(request: &LockRequest, progress: &dyn Progress) -> Result<Checked, Failures> {
    let (mut failures, mut locks) = (Vec::new(), Vec::new());
    for one in &loaded(request)? {
        let path = recipe_lock::beside(&one.path);
        let Some(file) = recipe_lock::read(&path)? else {
            failures.push(recipe_lock::missing(&path));
            continue;
        };
        let requests = Requests::of(&one.recipe);
        failures.extend(requests.stale(&file));
        let world = LockResolver::open(&one.recipe, &one.folder, &request.settings, progress)?;
        let Seen { was, now, unseen } = look(&world, &requests, &file.lock);
        failures.extend(file.moved(&was, &now));
        failures.extend(file.unpinned(&now));
        failures.extend(unseen);
        progress.step(&format!("check {}", printable(&path.to_string_lossy())));
        locks.push(Locked { recipe: one.path.clone(), path, changes: changes(&was, &now), written: false });
    }
    Ok(Checked { locks, failures })
}

/// Pins of a lock, what the world says about the same, and why it said nothing about others.
#[derive(Default)]
struct Seen {
    was: Lock,
    now: Lock,
    unseen: Vec<Failure>,
}

impl Seen {
    /// What was found, unless that is why nothing was.
    fn found<T>(&mut self, found: Result<T, Failure>) -> Option<T> {
        found.map_err(|failure| self.unseen.push(failure)).ok()
    }
}

/// The pins of a lock that are asked for, and what the world says about the same.
fn look(world: &LockResolver<'_>, requests: &Requests, lock: &Lock) -> Seen {
    let mut seen = Seen::default();
    if let (Some(_), Some(bundle)) = (&requests.bundle, &lock.bundle)
        && let Some(found) = seen.found(LockResolver::bundle())
    {
        seen.was.bundle = Some(bundle.clone());
        seen.now.bundle = Some(found);
    }
    if let (Some(_), Some(timezones)) = (&requests.timezones, &lock.timezones)
        && let Some(found) = seen.found(LockResolver::timezones())
    {
        seen.was.timezones = Some(timezones.clone());
        seen.now.timezones = Some(found);
    }
    if let Some(base) = &requests.base
        && let Some(locked) = lock.bases.get(&base.value)
        && let Some(found) = seen.found(world.base(base, requests))
    {
        seen.was.bases.insert(base.value.clone(), locked.clone());
        seen.now.bases.insert(base.value.clone(), found);
    }
    for (url, (at, sha256)) in &requests.urls {
        // A digest that differs from the recipe's is reported as that.
        if let Some(locked) = lock.urls.get(url).filter(|locked| locked.sha256 == sha256.value)
            && let Some(Some(found)) = seen.found(world.observe_url(at))
        {
            seen.was.urls.insert(url.clone(), *locked);
            seen.now.urls.insert(url.clone(), found);
        }
    }
    for (key, request) in &requests.toolchains {
        if let Some(locked) = lock.toolchains.get(key)
            && let Some(found) = seen.found(world.toolchain(key.0, request))
        {
            seen.was.toolchains.insert(key.clone(), locked.clone());
            seen.now.toolchains.insert(key.clone(), found);
        }
    }
    seen
}

/// A line for each change.
fn change_lines(changes: &[Difference]) -> Vec<String> {
    let mut lines = Vec::new();
    // New files of this machine are many, and come together.
    let mut files: BTreeMap<(&Pin, &str), usize> = BTreeMap::new();
    for change in changes {
        match change.scope().filter(|_| change.was.is_none()) {
            Some(scope) => *files.entry((&change.pin, scope)).or_default() += 1,
            None => lines.push(line_of(change)),
        }
    }
    let files = files.into_iter().map(|((pin, scope), count)| {
        let files = if count == 1 { "file" } else { "files" };
        printable(&format!("{pin}: {count} {files} of this machine for {scope}")).into_owned()
    });
    lines.extend(files);
    lines
}

fn line_of(change: &Difference) -> String {
    let line = match (&change.was, &change.now) {
        (Some(was), Some(now)) => format!("{}: {} {was} becomes {now}", change.pin, change.key),
        (None, Some(now)) => format!("{}: {} {now}", change.pin, change.key),
        (_, None) => format!("{}: {} is no longer asked for", change.pin, change.key),
    };
    printable(&line).into_owned()
}

/// `--update`.
struct Updates<'a> {
    asked: &'a [String],
    /// Those that named a pin.
    used: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Updates<'a> {
    /// Whether the pin is to move.
    fn names(&self, pin: &Pin) -> bool {
        let repository = |base: &str| {
            let base = base.split('@').next().unwrap_or_default();
            base.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(base, |(name, _)| name).to_owned()
        };
        let is_it = |asked: &str| match pin {
            Pin::Base(base) => asked == base || asked == repository(base),
            pin => asked == pin.name() || asked == pin.printable_name(),
        };
        let found: Vec<&'a str> = self.asked.iter().map(String::as_str).filter(|asked| is_it(asked)).collect();
        self.used.borrow_mut().extend(&found);
        !found.is_empty()
    }

    /// Refuses a name that no recipe pins anything under.
    fn check(&self, known: &BTreeSet<String>) -> Result<(), Failure> {
        let used = self.used.borrow();
        let Some(stranger) = self.asked.iter().find(|asked| !used.contains(asked.as_str())) else { return Ok(()) };
        let failure =
            Failure::error(ErrorName::Usage, format!("nothing is pinned under the name `{}`", printable(stranger)));
        let known: Vec<_> = known.iter().take(16).map(|name| format!("`{}`", printable(name))).collect();
        Err(if known.is_empty() { failure } else { failure.hint(format!("pinned here: {}", known.join(", "))) })
    }
}
