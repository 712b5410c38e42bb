//! [`ReferenceResolver`]: the recipe and the image that a reference of a deployment file means.

use std::{
    cell::OnceCell,
    path::{Path, PathBuf},
};

use crate::{
    build::{go_import_path, image_name},
    commands::recipes::{self, LoadedRecipe, RecipeReading},
    deploy::ImageReference,
    recipe::BinarySource,
    report::{ErrorName, Failure, quoted},
};

/// What a reference means.
#[derive(Debug)]
pub(super) struct ReferenceTarget {
    /// The name of the image.
    pub(super) name: String,
    /// Its recipe; none where a metadata file alone names the image.
    pub(super) recipe: Option<PathBuf>,
}

/// Looks references up among recipes, which are read when the first reference needs them.
#[derive(Debug)]
pub(super) struct ReferenceResolver<'a> {
    paths: &'a [PathBuf],
    set: &'a [String],
    known: OnceCell<Result<Vec<KnownRecipe>, Failure>>,
}

/// A recipe that was read.
#[derive(Debug)]
struct KnownRecipe {
    path: PathBuf,
    name: String,
    /// The Go packages of its programs, each as it is written and as an import path.
    packages: Vec<String>,
}

impl<'a> ReferenceResolver<'a> {
    /// Over the recipes at `paths`, or without any over those of the current folder.
    pub(super) fn new(paths: &'a [PathBuf], set: &'a [String]) -> Self {
        Self { paths, set, known: OnceCell::new() }
    }

    /// What `reference` means. `is_pushed` says whether a metadata file names an image; then no recipe has to.
    ///
    /// # Errors
    /// No recipe or more than one, or a recipe that cannot be read.
    pub(super) fn target(
        &self,
        reference: &ImageReference,
        is_pushed: impl Fn(&str) -> bool,
    ) -> Result<ReferenceTarget, Failure> {
        match reference {
            ImageReference::Recipe(text) if text.contains('/') || is_recipe_file(text) => {
                let known = KnownRecipe::read(Path::new(text), self.set)?;
                Ok(ReferenceTarget { name: known.name, recipe: Some(known.path) })
            }
            ImageReference::Recipe(name) if is_pushed(name) => Ok(ReferenceTarget { name: name.clone(), recipe: None }),
            ImageReference::Recipe(name) => {
                let hint = "a reference is `hardpan://NAME` of a recipe's image, or `hardpan://PATH` of the recipe";
                self.only(reference, |recipe| recipe.name == *name).map_err(|failure| failure.hint(hint))
            }
            ImageReference::Import(package) => {
                let wanted = normal(package);
                let hint =
                    "a recipe has it as `go` of a `[[binary]]`; name recipes that are elsewhere behind the options";
                let is_it = |recipe: &KnownRecipe| recipe.packages.contains(&wanted);
                self.only(reference, is_it).map_err(|failure| failure.hint(hint))
            }
        }
    }

    /// The only recipe of which `is_it` holds.
    fn only(
        &self,
        reference: &ImageReference,
        is_it: impl Fn(&KnownRecipe) -> bool,
    ) -> Result<ReferenceTarget, Failure> {
        let known = self.known.get_or_init(|| self.read_all()).as_ref().map_err(Clone::clone)?;
        let found: Vec<_> = known.iter().filter(|recipe| is_it(recipe)).collect();
        let shown = quoted(&reference.to_string());
        match found.as_slice() {
            [one] => Ok(ReferenceTarget { name: one.name.clone(), recipe: Some(one.path.clone()) }),
            [] => Err(Failure::error(ErrorName::Deployment, format!("no recipe is meant by {shown}"))),
            several => {
                let paths: Vec<_> = several.iter().map(|recipe| quoted(&recipe.path.to_string_lossy())).collect();
                let what = format!("{shown} may mean each of {}", paths.join(", "));
                Err(Failure::error(ErrorName::Deployment, what).hint("name the path of one, as in `hardpan://PATH`"))
            }
        }
    }

    fn read_all(&self) -> Result<Vec<KnownRecipe>, Failure> {
        let paths = match self.paths {
            [] => match recipes::find() {
                Ok(paths) => paths,
                Err(failure) if failure.name == Some(ErrorName::FileNotFound) => Vec::new(),
                Err(failure) => return Err(failure),
            },
            named => named.to_vec(),
        };
        paths.iter().map(|path| KnownRecipe::read(path, self.set)).collect()
    }
}

impl KnownRecipe {
    fn read(path: &Path, set: &[String]) -> Result<Self, Failure> {
        // Names alone are read: what is outside is for the build to refuse.
        let reading = RecipeReading { set, allow_outside: true };
        let LoadedRecipe { recipe, folder, path, .. } = recipes::read(path, reading)?;
        let mut packages = Vec::new();
        for binary in &recipe.binaries {
            if let BinarySource::Go(go) = &binary.source {
                packages.push(normal(&go.package.value));
                packages.extend(go_import_path(go, &folder));
            }
        }
        Ok(Self { name: image_name(&recipe, &folder)?, path, packages })
    }
}

/// Whether a reference names a file rather than an image.
fn is_recipe_file(text: &str) -> bool {
    Path::new(text).extension().is_some_and(|end| end == "toml")
}

/// A package without a slash at its end.
fn normal(package: &str) -> String {
    let plain = package.trim_end_matches('/');
    if plain.is_empty() { package } else { plain }.to_owned()
}
