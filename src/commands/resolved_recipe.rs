//! `hardpan plan --recipe`: a recipe with all that it takes from other files. Nothing is compiled or fetched.

use std::path::PathBuf;

use super::recipes::{RecipeReading, load};
use crate::{
    build::{BuildSettings, Resolver},
    recipe,
    report::{Failures, Progress},
};

/// A recipe with all that it takes from other files.
#[derive(Debug)]
pub struct ResolvedRecipe {
    /// The recipe, as it was named.
    pub recipe: PathBuf,
    /// A recipe by itself, which gives the same image in the same folder.
    pub text: String,
    /// The files that it takes values from, the nearest first.
    pub files: Vec<String>,
}

/// Resolves the recipes at `paths`; without any, those of the current folder.
///
/// # Errors
/// A recipe or a file that it takes values from cannot be read, or the image has no name.
pub fn resolved(
    paths: &[PathBuf],
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<Vec<ResolvedRecipe>, Failures> {
    let mut all = Vec::new();
    for one in load(paths, RecipeReading { set: &[], allow_outside: settings.allow_outside })? {
        let resolver = Resolver::new(&one.recipe, &one.folder, settings, progress)?;
        let (path, text) = (one.path.to_string_lossy(), &one.recipe.source.text);
        let text = recipe::resolved_text(&path, text, &one.recipe.shared, resolver.name())?;
        let files = one.recipe.shared.iter().map(|file| file.source.path.clone()).collect();
        drop(resolver);
        all.push(ResolvedRecipe { recipe: one.path, text, files });
    }
    Ok(all)
}
