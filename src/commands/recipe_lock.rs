//! The lock of a recipe, beside it or of its workspace: read, and compared with the recipe and this machine. `build`, `plan` and `lock` use it.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use super::recipes::LoadedRecipe;
use crate::{
    build::{BuildSettings, LockResolver, bundles, timezones},
    oci::Digest,
    recipe::{self, Lock, LockFile, LockMember, Pin, Requests, WORKSPACE_LOCK},
    report::{ErrorName, Failure, Failures, Limits, Progress, printable},
};

/// `hello.lock` of `hello.toml`.
pub(super) fn beside(recipe: &Path) -> PathBuf {
    recipe.with_extension("lock")
}

/// Where the lock of a recipe is.
#[derive(Debug, Clone)]
pub(super) struct LockPlace {
    /// The file.
    pub(super) path: PathBuf,
    /// Where the recipe is in the workspace whose recipes share that file; none where it is the recipe's own.
    pub(super) member: Option<LockMember>,
}

/// Where the lock of a recipe is: beside it, or beside the file of its workspace.
pub(super) fn place(one: &LoadedRecipe) -> LockPlace {
    match one.workspace.as_ref().filter(|workspace| workspace.settings.lock.is_some()) {
        Some(workspace) => {
            LockPlace { path: workspace.path.with_file_name(WORKSPACE_LOCK), member: Some(workspace.member(&one.path)) }
        }
        None => LockPlace { path: beside(&one.path), member: None },
    }
}

/// What a recipe sees of its lock; none where there is nothing.
pub(super) fn read_of(one: &LoadedRecipe, requests: &Requests) -> Result<Option<LockFile>, Failure> {
    let LockPlace { path, member } = place(one);
    let file = read(&path)?;
    Ok(file.map(|file| member.map_or_else(|| file.clone(), |member| file.for_member(&member, requests))))
}

/// Whether the file at `path` is a lock of hardpan.
pub(super) fn is_lock(path: &Path) -> bool {
    path.is_file() && matches!(read_any(path), Ok(Some(_)))
}

/// The lock at `path`; none where there is nothing. One that names roots or time zones that are not here is refused.
pub(super) fn read(path: &Path) -> Result<Option<LockFile>, Failure> {
    read_moving(path, &|_| false)
}

/// The same, where pins that `moves` names may be of what is not here.
pub(super) fn read_moving(path: &Path, moves: &dyn Fn(&Pin) -> bool) -> Result<Option<LockFile>, Failure> {
    let file = read_any(path)?;
    file.iter().try_for_each(|file| check_carried(file, moves))?;
    Ok(file)
}

/// The same, whatever roots and time zones it names.
pub(super) fn read_any(path: &Path) -> Result<Option<LockFile>, Failure> {
    let fault = |error: io::Error| Failure::io("read the lock", path, &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault(error)),
    };
    let mut bytes = Vec::new();
    file.take(Limits::LOCK_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::error(ErrorName::LockSyntax, "the lock is not UTF-8").in_path(path))?;
    recipe::parse_lock(&path.to_string_lossy(), &text).map(Some)
}

/// That there is no lock where one is demanded.
pub(super) fn missing(path: &Path) -> Failure {
    Failure::answer("there is no lock").in_path(path).hint("`hardpan lock` writes it")
}

/// Refuses roots and time zones that this hardpan does not carry, or that the lock names by another digest than theirs.
fn check_carried(file: &LockFile, moves: &dyn Fn(&Pin) -> bool) -> Result<(), Failure> {
    type Carried = (Pin, fn(&str) -> Option<Digest>, fn(&str) -> Failure);
    let carried: [(Carried, _); 2] = [
        ((Pin::Certificates, bundles::digest, bundles::unknown), &file.lock.bundle),
        ((Pin::Timezones, timezones::digest, timezones::unknown), &file.lock.timezones),
    ];
    for ((pin, digest, unknown), locked) in carried {
        let Some(locked) = locked.as_ref().filter(|_| !moves(&pin)) else { continue };
        match digest(&locked.version) {
            None => return Err(unknown(&locked.version).at(&file.place(&pin, "version"))),
            Some(digest) if digest != locked.digest => {
                let version = printable(&locked.version);
                let what = format!("version `{version}` of {pin} is `{digest}`, not `{}`", locked.digest);
                let hint = format!("`hardpan lock --update {}` pins them anew", pin.name());
                return Err(Failure::error(ErrorName::LockStale, what).at(&file.place(&pin, "digest")).hint(hint));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// What a build takes from the lock of its recipe. One that does not fit is a warning, and with `--locked` a refusal, as
/// is a missing one; what of it fits is used.
pub(super) fn for_build(
    one: &LoadedRecipe,
    locked: bool,
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<Option<LockFile>, Failures> {
    let requests = Requests::of(&one.recipe);
    let Some(file) = read_of(one, &requests)? else {
        return if locked { Err(missing(&place(one).path).into()) } else { Ok(None) };
    };
    let mut differences = requests.stale(&file);
    match toolchains(one, &requests, &file, settings, progress) {
        Ok(moved) => differences.extend(moved),
        Err(failure) if locked => return Err(failure.into()),
        // A compiler that is missing is for the compile to say.
        Err(_) => {}
    }
    if locked && !differences.is_empty() {
        return Err(Failures(differences));
    }
    for difference in &differences {
        progress.warn(difference);
    }
    Ok(Some(file))
}

/// The lock of a recipe, and how it does not fit: what [`for_build`] refuses with `--locked`, but for the compilers, which
/// would have to run to be compared. A missing lock is refused where it is demanded (`locked`).
pub(super) fn for_check(one: &LoadedRecipe, locked: bool) -> (Option<LockFile>, Vec<Failure>) {
    let requests = Requests::of(&one.recipe);
    match read_of(one, &requests) {
        Ok(Some(file)) => {
            let stale = requests.stale(&file);
            (Some(file), stale)
        }
        Ok(None) => (None, if locked { vec![missing(&place(one).path)] } else { Vec::new() }),
        Err(failure) => (None, vec![failure]),
    }
}

/// The compilers of this machine that are not those of the lock.
fn toolchains(
    one: &LoadedRecipe,
    requests: &Requests,
    file: &LockFile,
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<Vec<Failure>, Failure> {
    let (mut was, mut now) = (Lock::default(), Lock::default());
    let world = LockResolver::open(&one.recipe, &one.folder, settings, progress)?;
    for (key, request) in &requests.toolchains {
        if let Some(locked) = file.lock.toolchains.get(key) {
            was.toolchains.insert(key.clone(), locked.clone());
            now.toolchains.insert(key.clone(), world.named_toolchain(key.0, request)?);
        }
    }
    Ok(file.moved(&was, &now))
}
