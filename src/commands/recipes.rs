//! The recipes that a command is about: found, read and parsed.

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
};

use super::{
    recipe_file::read_text,
    shared_files::{RecipeWorkspace, SharedFiles, read_shared},
};
use crate::{
    build::matching_files,
    oci::Platform,
    recipe::{self, Located, Recipe},
    report::{ErrorName, Failure, Failures, parallel},
};

/// A recipe and the folder its host paths begin at.
#[derive(Debug)]
pub struct LoadedRecipe {
    /// The recipe.
    pub recipe: Recipe,
    /// The folder it is in; empty for the current one.
    pub folder: PathBuf,
    /// Where it is.
    pub path: PathBuf,
    /// The workspace above it.
    pub workspace: Option<RecipeWorkspace>,
}

/// How recipes are read.
#[derive(Debug, Clone, Copy)]
pub struct RecipeReading<'a> {
    /// `--set`: pairs of `name=value` for variables that each recipe must declare.
    pub set: &'a [String],
    /// `--allow-outside`.
    pub allow_outside: bool,
}

impl LoadedRecipe {
    /// The platforms to build for: those the command line asks for, else the recipe's. They are in the recipe's order, so
    /// that the index does not depend on the order of options; those that the recipe does not name follow as asked for.
    pub fn platforms(&self, asked: &[Platform]) -> Vec<Platform> {
        let own = self.recipe.platforms.iter().filter(|own| asked.is_empty() || asked.contains(own));
        let mut platforms: Vec<Platform> = own.cloned().collect();
        for platform in asked {
            if !platforms.contains(platform) {
                platforms.push(platform.clone());
            }
        }
        platforms
    }
}

/// The path of a recipe, and the recipe, or what is wrong with it.
pub(super) type NamedRecipe = (PathBuf, Result<LoadedRecipe, Failure>);

/// The recipes at these paths; without any, those of the current folder.
pub fn load(paths: &[PathBuf], reading: RecipeReading<'_>) -> Result<Vec<LoadedRecipe>, Failures> {
    let paths = if paths.is_empty() { find()? } else { paths.to_vec() };
    Ok(parallel::try_map("recipe", NonZeroUsize::MIN, paths, |_, path| read(&path, reading))?)
}

/// The same, reading up to `jobs` recipes at a time, for callers that have an answer for each: the path of every recipe, and
/// what is wrong with those that cannot be read.
///
/// # Errors
/// There is no recipe.
pub(super) fn load_each(
    jobs: NonZeroUsize,
    paths: &[PathBuf],
    reading: RecipeReading<'_>,
) -> Result<Vec<NamedRecipe>, Failure> {
    let paths = if paths.is_empty() { find()? } else { paths.to_vec() };
    let read = |_, path: PathBuf| {
        let loaded = read(&path, reading);
        (path, loaded)
    };
    Ok(parallel::map("recipe", jobs, paths, read))
}

/// The recipes of the current folder: those that `recipes` of its `hardpan.workspace.toml` names, else `hardpan.toml`, else
/// every `recipes/*.toml`.
pub(super) fn find() -> Result<Vec<PathBuf>, Failure> {
    if let Some(members) = members_here()? {
        return Ok(members);
    }
    let own = PathBuf::from("hardpan.toml");
    if own.exists() {
        return Ok(vec![own]);
    }
    let mut all = Vec::new();
    if let Ok(entries) = std::fs::read_dir("recipes") {
        for entry in entries {
            let path = entry.map_err(|error| Failure::io("read the folder", "recipes", &error))?.path();
            // As a shell's `recipes/*.toml`: not an editor's `.#hello.toml`.
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if !hidden && path.extension().is_some_and(|extension| extension == "toml") {
                all.push(path);
            }
        }
    }
    all.sort_unstable();
    if all.is_empty() {
        let what = "no recipe: neither `hardpan.toml` nor `recipes/*.toml` is here";
        // The wrong folder is the first hour's first error; further up it would be another project's.
        for above in ["..", "../..", "../../.."] {
            if Path::new(above).join("hardpan.toml").is_file() {
                return Err(Failure::error(ErrorName::FileNotFound, what)
                    .hint(format!("there is a `{above}/hardpan.toml`; name it")));
            }
        }
        return Err(Failure::error(ErrorName::FileNotFound, what).hint("name one: `hardpan build path/to/recipe.toml`"));
    }
    Ok(all)
}

/// `recipes` of a workspace in the current folder; empty where there is no workspace, or it names none.
pub(super) fn patterns_here() -> Result<Vec<Located<String>>, Failure> {
    let path = Path::new(recipe::WORKSPACE_FILE);
    if path.symlink_metadata().is_err() {
        return Ok(Vec::new());
    }
    Ok(recipe::parse_workspace(&read_shared("the workspace", path)?)?.recipes)
}

/// The recipes that a workspace in the current folder names; none where there is no workspace, or it names none.
fn members_here() -> Result<Option<Vec<PathBuf>>, Failure> {
    let patterns = patterns_here()?;
    let mut found = Vec::new();
    for pattern in &patterns {
        found.extend(matching_files(Path::new(""), pattern)?.into_iter().map(PathBuf::from));
    }
    found.sort_unstable();
    found.dedup();
    match patterns.first() {
        Some(first) if found.is_empty() => {
            Err(Failure::error(ErrorName::FileNotFound, "no recipe is at any of these places").at(&first.origin))
        }
        first => Ok(first.map(|_| found)),
    }
}

/// The recipe at `path`, with what it shares with others, and with the variables that are set.
pub(super) fn read(path: &Path, reading: RecipeReading<'_>) -> Result<LoadedRecipe, Failure> {
    let source = read_text("the recipe", path).map_err(|failure| {
        if path.is_dir() { failure.hint("it is a folder; name the recipe in it") } else { failure }
    })?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let SharedFiles { files, workspace } = SharedFiles::of(&source, &folder, reading.allow_outside)?;
    let mut recipe = recipe::parse_shared(&path.to_string_lossy(), &source.text, &files)?;
    recipe::set_variables(&mut recipe, reading.set)?;
    Ok(LoadedRecipe { recipe, folder, path: path.to_owned(), workspace })
}
