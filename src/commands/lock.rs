//! `hardpan lock`: what recipes ask for and what could move, pinned in a file beside each.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    load::{Loaded, load},
    locked, policy,
    staged_file::StagedFile,
};
use crate::{
    build::{Settings, World},
    recipe::{self, Difference, Lock, LockFile, Pin, Requests, changes},
    report::{Failure, Failures, Progress, printable},
};

/// What to lock.
#[derive(Debug, Clone)]
pub struct Request {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// Compare with the world and write nothing.
    pub check: bool,
    /// The pins that move to what the world says now.
    pub update: Vec<String>,
    /// `--policy`: where bases may come from, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// Everything else.
    pub settings: Settings,
}

/// A lock that is up to date now.
#[derive(Debug, Clone)]
pub struct Locked {
    /// The recipe, as it was named.
    pub recipe: PathBuf,
    /// The lock.
    pub path: PathBuf,
    /// By which lines it is another one than before; none when it was left alone.
    pub changes: Vec<Difference>,
    /// Whether it was written.
    pub written: bool,
}

/// A lock that is to be written.
struct Staged {
    locked: Locked,
    file: Option<StagedFile>,
}

/// Writes the lock of every recipe, all or none; one that says the same already is left alone. With `check` nothing is
/// written, and what a lock says otherwise than its recipe or the world is an answer each.
pub fn lock(request: &Request, progress: &dyn Progress) -> Result<Vec<Locked>, Failures> {
    let mut loaded = load(&request.recipes, &[])?;
    let file = request.policy.as_deref().map(policy::read).transpose()?;
    for one in &mut loaded {
        // For where bases may come from.
        policy::of_build(file.as_ref(), &mut one.recipe.policy)?;
    }
    if request.check {
        return check(&loaded, request, progress);
    }
    let updates = Updates { asked: &request.update, used: RefCell::default() };
    let (mut staged, mut known): (Vec<Staged>, _) = (Vec::new(), BTreeSet::new());
    for one in &loaded {
        let path = locked::beside(&one.path);
        if let Some(other) = staged.iter().find(|other| other.locked.path == path) {
            let what = format!("`{}` has the same lock", printable(&other.locked.recipe.to_string_lossy()));
            return Err(Failure::new(what).in_path(&one.path).hint("give one of them another name").into());
        }
        let old = old(&path, &request.update)?;
        let requests = Requests::of(&one.recipe);
        known.extend(requests.pins().into_keys().map(|pin| pin.name().to_owned()));
        let world = World::open(&one.recipe, &one.folder, &request.settings, progress)?;
        let had = old.as_ref().map(|file| file.lock.clone()).unwrap_or_default();
        let lock = world.pin(&requests, &had, &|pin| updates.names(pin))?;
        staged.push(stage(one, &path, old.as_ref(), &had, &lock)?);
    }
    updates.check(&known)?;
    let mut done = Vec::new();
    for Staged { locked, file } in staged {
        let shown = printable(&locked.path.to_string_lossy()).into_owned();
        match file {
            Some(file) => {
                file.publish()?;
                locked.changes.iter().for_each(|change| progress.step(&told(change)));
                progress.step(&format!("write {shown}"));
            }
            None => progress.step(&format!("{shown} is up to date")),
        }
        done.push(locked);
    }
    Ok(done)
}

/// The lock that is there. One whose roots are not here is read when they are to be pinned anew.
fn old(path: &Path, update: &[String]) -> Result<Option<LockFile>, Failure> {
    if update.iter().any(|name| name == Pin::Certificates.name()) { locked::read_any(path) } else { locked::read(path) }
}

/// Prepares the new file, unless the old one says the same, word by word or but for words that nobody pins.
fn stage(one: &Loaded, path: &Path, old: Option<&LockFile>, had: &Lock, lock: &Lock) -> Result<Staged, Failure> {
    let name = one.path.file_name().unwrap_or_default().to_string_lossy();
    let text = lock.to_text(&name);
    // What cannot be read back was never a lock.
    if recipe::parse_lock(&path.to_string_lossy(), &text)?.lock != *lock {
        return Err(Failure::new("the lock would not say what it should").in_path(path));
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
    Ok(Staged { locked, file })
}

/// The lines by which locks differ from their recipes and from the world.
fn check(loaded: &[Loaded], request: &Request, progress: &dyn Progress) -> Result<Vec<Locked>, Failures> {
    let (mut failures, mut done) = (Vec::new(), Vec::new());
    for one in loaded {
        let path = locked::beside(&one.path);
        let Some(file) = locked::read(&path)? else {
            failures.push(locked::missing(&path));
            continue;
        };
        let requests = Requests::of(&one.recipe);
        failures.extend(requests.stale(&file));
        let world = World::open(&one.recipe, &one.folder, &request.settings, progress)?;
        match look(&world, &requests, &file.lock) {
            Ok((was, now)) => failures.extend(locked::moved(&file, &was, &now)),
            Err(failure) => failures.push(failure),
        }
        progress.step(&format!("look at {}", printable(&path.to_string_lossy())));
        done.push(Locked { recipe: one.path.clone(), path, changes: Vec::new(), written: false });
    }
    if failures.is_empty() { Ok(done) } else { Err(Failures(failures)) }
}

/// The pins of a lock that are asked for, and what the world says about the same.
fn look(world: &World<'_>, requests: &Requests, lock: &Lock) -> Result<(Lock, Lock), Failure> {
    let (mut was, mut now) = (Lock::default(), Lock::default());
    if let (Some(_), Some(bundle)) = (&requests.bundle, &lock.bundle) {
        was.bundle = Some(bundle.clone());
        now.bundle = Some(World::bundle()?);
    }
    if let Some(base) = &requests.base
        && let Some(locked) = lock.bases.get(&base.value)
    {
        was.bases.insert(base.value.clone(), locked.clone());
        now.bases.insert(base.value.clone(), world.base(base, requests)?);
    }
    for (key, request) in &requests.toolchains {
        if let Some(locked) = lock.toolchains.get(key) {
            was.toolchains.insert(key.clone(), locked.clone());
            now.toolchains.insert(key.clone(), world.toolchain(key.0, request)?);
        }
    }
    Ok((was, now))
}

/// One line about one line.
fn told(change: &Difference) -> String {
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
            pin => asked == pin.name(),
        };
        let found: Vec<&'a str> = self.asked.iter().map(String::as_str).filter(|asked| is_it(asked)).collect();
        self.used.borrow_mut().extend(&found);
        !found.is_empty()
    }

    /// Refuses a name that no recipe pins anything under.
    fn check(&self, known: &BTreeSet<String>) -> Result<(), Failure> {
        let used = self.used.borrow();
        let Some(stranger) = self.asked.iter().find(|asked| !used.contains(asked.as_str())) else { return Ok(()) };
        let failure = Failure::new(format!("nothing is pinned under the name `{}`", printable(stranger)));
        let known: Vec<_> = known.iter().take(16).map(|name| format!("`{}`", printable(name))).collect();
        Err(if known.is_empty() { failure } else { failure.hint(format!("pinned here: {}", known.join(", "))) })
    }
}
