//! The recipes that a command is about: found, read and parsed.

use std::{
    fs::File,
    io::Read as _,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    oci::Platform,
    recipe::{self, Recipe},
    report::{ErrorName, Failure, Failures, Limits, Origin, SourceText, parallel},
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

/// The recipes at these paths; without any, `hardpan.toml`, else every `recipes/*.toml`.
///
/// `set` are pairs of `name=value` for variables that each recipe must declare.
pub fn load(paths: &[PathBuf], set: &[String]) -> Result<Vec<LoadedRecipe>, Failures> {
    let paths = if paths.is_empty() { find()? } else { paths.to_vec() };
    Ok(parallel::try_map("recipe", NonZeroUsize::MIN, paths, |_, path| read(&path, set))?)
}

/// The same, reading up to `jobs` recipes at a time, for callers that have an answer for each: the path of every recipe, and what is wrong with those that cannot be read.
///
/// # Errors
/// There is no recipe.
pub(super) fn load_each(jobs: NonZeroUsize, paths: &[PathBuf], set: &[String]) -> Result<Vec<NamedRecipe>, Failure> {
    let paths = if paths.is_empty() { find()? } else { paths.to_vec() };
    let read = |_, path: PathBuf| {
        let loaded = read(&path, set);
        (path, loaded)
    };
    Ok(parallel::map("recipe", jobs, paths, read))
}

/// The recipes of the current folder.
pub(super) fn find() -> Result<Vec<PathBuf>, Failure> {
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

/// What a recipe takes, as a rule.
const USUAL_BYTES: usize = 4 << 10;

/// The recipe at `path`, with the variables that `set` names.
pub(super) fn read(path: &Path, set: &[String]) -> Result<LoadedRecipe, Failure> {
    let fault = |error: std::io::Error| {
        let failure = Failure::io("read the recipe", path, &error);
        if path.is_dir() { failure.hint("it is a folder; name the recipe in it") } else { failure }
    };
    let file = File::open(path).map_err(fault)?;
    // Room for most recipes, which are read at once then.
    let mut bytes = Vec::with_capacity(USUAL_BYTES);
    file.take(Limits::RECIPE_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > Limits::RECIPE_BYTES {
        return Err(Failure::error(ErrorName::RecipeLimit, "the recipe is larger than 1 MiB").in_path(path));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let shown = crate::report::printable(&path.to_string_lossy()).into_owned();
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let span = at..at + char::REPLACEMENT_CHARACTER.len_utf8();
        let place = Origin::new(&Arc::new(SourceText { path: shown, text }), span);
        Failure::error(ErrorName::RecipeSyntax, "the recipe is not UTF-8").at(&place).hint("save it as UTF-8")
    })?;
    let mut recipe = recipe::parse(&path.to_string_lossy(), &text)?;
    recipe::set_variables(&mut recipe, set)?;
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    Ok(LoadedRecipe { recipe, folder, path: path.to_owned() })
}
