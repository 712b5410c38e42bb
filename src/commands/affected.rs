//! `hardpan affected`: which recipes' images could differ between a commit and the working tree. Compiles nothing, opens no
//! socket, writes nothing.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::{
    recipes::{self, LoadedRecipe, RecipeReading},
    shared_lock_change::SharedLockChange,
};
use crate::{
    build::{
        BuildSettings, HostBound,
        affected::{CheckoutChanges, ReasonList, RecipeJudge, unreadable},
        names_file,
    },
    oci::Platform,
    recipe,
    report::{ErrorName, Failure, Failures, Progress, parallel, printable},
};

/// Recipes as they are written, wherever what they share is.
const WITHOUT_VARIABLES: RecipeReading<'_> = RecipeReading { set: &[], allow_outside: true };

/// What to compare.
#[derive(Debug, Clone)]
pub struct AffectedRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// `--since`: a commit, or two of them with `...` or `..` between.
    pub since: String,
    /// For these platforms instead of the recipes' own.
    pub platforms: Vec<Platform>,
    /// `--set`.
    pub set: Vec<String>,
    /// `--policy`, a file.
    pub policy: Option<PathBuf>,
    /// Whether all recipes are affected when git cannot say what changed.
    pub all_when_unknown: bool,
    /// Everything else.
    pub settings: BuildSettings,
}

/// A recipe and why its image could differ.
#[derive(Debug)]
pub struct AffectedRecipe {
    /// As it was named or found.
    pub recipe: PathBuf,
    /// The name of its image.
    pub name: String,
    /// Empty where its image is the same.
    pub reasons: ReasonList,
}

/// A recipe that was there and is gone.
#[derive(Debug, PartialEq, Eq)]
pub struct RemovedRecipe {
    /// Where it was, from the current folder.
    pub recipe: PathBuf,
    /// The name of its image, where its text says it.
    pub name: Option<String>,
    /// The recipe that makes an image of this name now.
    pub now: Option<PathBuf>,
}

/// The answer.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The commits that the working tree was compared with; none where git cannot say what changed.
    pub bases: Vec<String>,
    /// Every recipe, in their order.
    pub recipes: Vec<AffectedRecipe>,
    /// Those that are gone.
    pub removed: Vec<RemovedRecipe>,
}

impl Comparison {
    /// The recipes whose images could differ.
    pub fn affected(&self) -> impl Iterator<Item = &AffectedRecipe> {
        self.recipes.iter().filter(|one| !one.reasons.is_empty())
    }

    /// The recipes whose images are the same.
    pub fn unaffected(&self) -> impl Iterator<Item = &AffectedRecipe> {
        self.recipes.iter().filter(|one| one.reasons.is_empty())
    }
}

/// Compares. A recipe that cannot be read is affected: a mistake in one recipe hides no other one.
///
/// # Errors
/// No recipe; a commit or history that is not there, unless the request takes all recipes then.
pub fn affected(request: &AffectedRequest, progress: &dyn Progress) -> Result<Comparison, Failures> {
    let found = if request.recipes.is_empty() { recipes::find() } else { Ok(request.recipes.clone()) };
    let changes = match changes(request, progress) {
        Ok(changes) => changes,
        Err(failure) if request.all_when_unknown => {
            progress.warn(&Failure { hint: Some("all recipes are affected".to_owned()), ..failure.clone() });
            return Ok(all(&found?, request, &failure));
        }
        Err(failure) => return Err(failure.into()),
    };
    let named = found.as_deref().unwrap_or_default();
    let gone = removed(request, named, &changes, progress)?;
    let there: Vec<PathBuf> = found.or_else(|failure| if gone.is_empty() { Err(failure) } else { Ok(Vec::new()) })?;
    let there: Vec<PathBuf> = there.into_iter().filter(|path| !is_gone(path, &gone)).collect();
    let judge = RecipeJudge::new(changes, &request.settings, request.policy.as_deref());
    let locks = SharedLockChange::default();
    let jobs = request.settings.jobs;
    let judged = parallel::try_map("recipe", jobs, there, |_, path| judge_one(&judge, &locks, path, request))?;
    let bases = judge.changes().bases.clone();
    let mut comparison = Comparison { bases, recipes: judged, removed: gone };
    for removed in &mut comparison.removed {
        let heir = comparison.recipes.iter().find(|one| Some(&one.name) == removed.name.as_ref());
        removed.now = heir.map(|one| one.recipe.clone());
    }
    Ok(comparison)
}

/// What changed in the checkout around the current folder, else around the first recipe.
fn changes(request: &AffectedRequest, progress: &dyn Progress) -> Result<CheckoutChanges, Failure> {
    let own = HostBound::of(Path::new(""), true)?;
    let first = request.recipes.first().and_then(|path| path.parent());
    let bound = match first.filter(|_| !own.root.join(".git").exists()) {
        Some(folder) => HostBound::of(folder, true).unwrap_or(own),
        None => own,
    };
    request.settings.toolchain(&bound.root, progress).changes_since(&request.since, &bound.folder)
}

/// Every recipe, where git cannot say what changed.
fn all(found: &[PathBuf], request: &AffectedRequest, why: &Failure) -> Comparison {
    let one = |path: &PathBuf| {
        let loaded = load(path, request).ok().flatten();
        let name = loaded.and_then(|one| Some(one.recipe.name.clone().or_else(|| image_name(&one, request)))?);
        let reasons = ReasonList::unknown(format!("it is not known what changed: {}", why.what));
        AffectedRecipe { recipe: path.clone(), name: name.unwrap_or_else(|| stem(path)), reasons }
    };
    Comparison { recipes: found.iter().map(one).collect(), ..Comparison::default() }
}

/// The recipe at `path`; none where it cannot be read.
///
/// # Errors
/// `--set` names what the recipe does not declare.
fn load(path: &Path, request: &AffectedRequest) -> Result<Option<LoadedRecipe>, Failure> {
    let Ok(mut loaded) = recipes::read(path, WITHOUT_VARIABLES) else { return Ok(None) };
    recipe::set_variables(&mut loaded.recipe, &request.set)?;
    Ok(Some(loaded))
}

fn image_name(one: &LoadedRecipe, request: &AffectedRequest) -> Option<String> {
    let silent = crate::report::Silent;
    let resolver = crate::build::Resolver::new(&one.recipe, &one.folder, &request.settings, &silent).ok()?;
    Some(resolver.name().to_owned())
}

fn judge_one(
    judge: &RecipeJudge<'_>,
    locks: &SharedLockChange,
    path: PathBuf,
    request: &AffectedRequest,
) -> Result<AffectedRecipe, Failure> {
    let unread = |failure: &Failure| {
        let reasons = ReasonList::unknown(unreadable(failure));
        AffectedRecipe { recipe: path.clone(), name: stem(&path), reasons }
    };
    let mut loaded = match recipes::read(&path, WITHOUT_VARIABLES) {
        Ok(loaded) => loaded,
        Err(failure) if path.exists() => return Ok(unread(&failure)),
        Err(failure) => return Err(failure),
    };
    recipe::set_variables(&mut loaded.recipe, &request.set)?;
    let platforms = loaded.platforms(&request.platforms);
    let lock = locks.input(&loaded, judge.changes(), &request.settings);
    Ok(match judge.judge(&loaded.recipe, &path, lock.as_deref(), &platforms) {
        Ok(judged) => AffectedRecipe { name: judged.name, reasons: judged.reasons, recipe: path },
        Err(failure) => unread(&failure),
    })
}

/// A name for a recipe that says none: that of its file.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The recipes that the commit has and the working tree has not: those that are named; of the current folder what a build
/// would have found; else those below the folder that all named recipes are in.
fn removed(
    request: &AffectedRequest,
    named: &[PathBuf],
    changes: &CheckoutChanges,
    progress: &dyn Progress,
) -> Result<Vec<RemovedRecipe>, Failure> {
    let here = real_folder(Path::new(""));
    let explicit: BTreeSet<PathBuf> = request.recipes.iter().filter_map(|path| real_file(path)).collect();
    let common = common_folder(named);
    let patterns = if request.recipes.is_empty() { recipes::patterns_here()? } else { Vec::new() };
    let is_meant = |path: &Path| {
        if !patterns.is_empty() {
            let below = here.as_deref().and_then(|here| path.strip_prefix(here).ok()?.to_str());
            return below.is_some_and(|below| patterns.iter().any(|pattern| names_file(pattern, below)));
        }
        if request.recipes.is_empty() {
            let in_folder = |folder: &Path| path.parent() == Some(folder);
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            let here = here.as_deref().unwrap_or(Path::new("/"));
            return path == here.join("hardpan.toml") || (in_folder(&here.join("recipes")) && !is_hidden);
        }
        explicit.contains(path) || common.as_ref().is_some_and(|folder| path.starts_with(folder))
    };
    let candidates = changes.changed.keys().filter(|path| path.extension() == Some(OsStr::new("toml")));
    let mut removed = Vec::new();
    for path in candidates.filter(|path| is_meant(path) && path.symlink_metadata().is_err()) {
        let toolchain = request.settings.toolchain(&changes.top, progress);
        let Some(bytes) = toolchain.file_before(changes, path)? else { continue };
        let text = String::from_utf8_lossy(&bytes);
        let Ok(parsed) = recipe::parse(&path.to_string_lossy(), &text) else { continue };
        let recipe = relative(path, here.as_deref());
        removed.push(RemovedRecipe { recipe, name: parsed.name, now: None });
    }
    Ok(removed)
}

fn is_gone(path: &Path, removed: &[RemovedRecipe]) -> bool {
    path.symlink_metadata().is_err() && {
        let here = real_folder(Path::new(""));
        let shown = real_file(path).map(|real| relative(&real, here.as_deref()));
        removed.iter().any(|one| Some(&one.recipe) == shown.as_ref())
    }
}

fn real_folder(folder: &Path) -> Option<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().ok()
}

/// The path of a file that may be gone, its folder canonical as far as it is there.
fn real_file(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let there = absolute.ancestors().skip(1).find_map(|above| Some((above, above.canonicalize().ok()?)));
    let (above, real) = there?;
    Some(real.join(absolute.strip_prefix(above).ok()?))
}

/// The folder that all of these recipes are in.
fn common_folder(named: &[PathBuf]) -> Option<PathBuf> {
    let mut folders = named.iter().filter_map(|path| real_file(path)?.parent().map(Path::to_path_buf));
    let first = folders.next()?;
    Some(folders.fold(first, |common, folder| {
        let both = common.components().zip(folder.components()).take_while(|(one, other)| one == other);
        both.map(|(one, _)| one).collect()
    }))
}

/// A path from the folder `here` on.
fn relative(path: &Path, here: Option<&Path>) -> PathBuf {
    let Some(here) = here else { return path.to_owned() };
    let mut up = PathBuf::new();
    for above in here.ancestors() {
        if let Ok(below) = path.strip_prefix(above) {
            return up.join(below);
        }
        up.push("..");
    }
    path.to_owned()
}

/// The recipe that `--explain` names: by its image's name, or by its path.
///
/// # Errors
/// There is none.
pub fn explained<'a>(comparison: &'a Comparison, name: &str) -> Result<&'a AffectedRecipe, Failure> {
    let is_path = |one: &&AffectedRecipe| one.recipe == Path::new(name) || one.recipe == Path::new("./").join(name);
    let found =
        comparison.recipes.iter().find(|one| one.name == name).or_else(|| comparison.recipes.iter().find(is_path));
    found.ok_or_else(|| {
        let what = format!("no recipe makes an image `{}`", printable(name));
        let names = comparison.recipes.iter().take(16).map(|one| format!("`{}`", printable(&one.name)));
        let names = names.collect::<Vec<_>>().join(", ");
        Failure::error(ErrorName::Usage, what).hint(format!("there are {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_named_from_the_current_folder() {
        let here = Some(Path::new("/a/b"));
        for (path, shown) in [("/a/b/c/x.toml", "c/x.toml"), ("/a/x.toml", "../x.toml"), ("/x.toml", "../../x.toml")] {
            assert_eq!(relative(Path::new(path), here), Path::new(shown));
        }
    }
}
