//! `hardpan list`: recipes with their outputs, digests and pins, and what no recipe has. Nothing is executed, fetched or
//! written.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    build::default_output,
    orphan_locks::{self, OrphanLock},
    recipe_lock,
    recipes::{LoadedRecipe, NamedRecipe, RecipeReading, load_each},
};
use crate::{
    build::{BuildSettings, OutputKind, Resolver, output_at, real_path},
    image::{ImageFormat, OpenedImages},
    oci::Digest,
    recipe::{Pin, Requests},
    report::{Failure, Failures, Progress, parallel},
};

/// What to list.
#[derive(Debug, Clone)]
pub struct ListRequest {
    /// Recipes; none means those of the current folder, and then what no recipe has is listed, too.
    pub recipes: Vec<PathBuf>,
    /// Everything else.
    pub settings: BuildSettings,
}

/// What is there of one recipe.
#[derive(Debug)]
pub struct ListedRecipe {
    /// The recipe, as it was named or found.
    pub recipe: PathBuf,
    /// The name of its image; none where the recipe cannot be read.
    pub name: Option<String>,
    /// For which it is built.
    pub platforms: Vec<String>,
    /// Where a build without options writes its image, and what is there.
    pub outputs: Vec<ListedOutput>,
    /// Its lock, and how it fits.
    pub lock: Option<(PathBuf, LockState)>,
    /// What the lock pins for it: the pin, and its digest or version.
    pub pins: Vec<(Pin, String)>,
    /// What could not be read.
    pub failures: Vec<Failure>,
}

/// An output of a recipe.
#[derive(Debug)]
pub struct ListedOutput {
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What it is.
    pub state: OutputState,
}

/// What is at the path of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputState {
    /// Nothing.
    NotBuilt,
    /// An image, of this form, with the digest of its manifest or index. A docker archive has neither.
    Built(ImageFormat, Option<Digest>),
    /// Something that is no whole image.
    Damaged,
}

/// How a lock fits its recipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// There is none.
    Missing,
    /// It pins what the recipe asks for.
    Fits,
    /// It does not.
    Stale,
    /// It cannot be read.
    Unreadable,
}

/// The answer.
#[derive(Debug)]
pub struct Listing {
    /// Every recipe, in their order.
    pub recipes: Vec<ListedRecipe>,
    /// Locks in the folders of the recipes that no recipe has.
    pub orphan_locks: Vec<OrphanLock>,
    /// Outputs of hardpan in `out` that no recipe has.
    pub orphan_outputs: Vec<(PathBuf, OutputKind)>,
}

impl LockState {
    /// Its name in JSON and for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Fits => "fits",
            Self::Stale => "stale",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Lists the recipes. What cannot be read is a failure of its recipe, and hides no other one.
///
/// # Errors
/// There is no recipe, or a folder cannot be read.
pub fn list(request: &ListRequest, progress: &dyn Progress) -> Result<Listing, Failures> {
    let settings = &request.settings;
    let reading = RecipeReading { set: &[], allow_outside: settings.allow_outside };
    let loaded = load_each(settings.jobs, &request.recipes, reading)?;
    let readable = loaded.iter().filter_map(|(_, loaded)| loaded.as_ref().ok());
    let orphan_locks = if request.recipes.is_empty() { orphan_locks::beside(readable)? } else { Vec::new() };
    let recipes = parallel::map("recipe", settings.jobs, loaded, |_, named| list_one(named, settings, progress));
    let has_unknown = recipes.iter().any(|one| one.name.is_none());
    // An output may be that of a recipe which cannot be read.
    let orphan_outputs =
        if request.recipes.is_empty() && !has_unknown { orphan_outputs(&recipes)? } else { Vec::new() };
    Ok(Listing { recipes, orphan_locks, orphan_outputs })
}

fn list_one((path, loaded): NamedRecipe, settings: &BuildSettings, progress: &dyn Progress) -> ListedRecipe {
    let mut listed = ListedRecipe {
        recipe: path,
        name: None,
        platforms: Vec::new(),
        outputs: Vec::new(),
        lock: None,
        pins: Vec::new(),
        failures: Vec::new(),
    };
    let found = loaded.and_then(|one| {
        listed.platforms = one.recipe.platforms.iter().map(ToString::to_string).collect();
        look_at_lock(&one, &mut listed);
        look_at_outputs(&one, &mut listed, settings, progress)
    });
    listed.failures.extend(found.err());
    listed
}

fn look_at_lock(one: &LoadedRecipe, listed: &mut ListedRecipe) {
    let requests = Requests::of(&one.recipe);
    let state = match recipe_lock::read_of(one, &requests) {
        Ok(None) => LockState::Missing,
        Ok(Some(file)) => {
            listed.pins = file.lock.pins();
            if requests.stale(&file).is_empty() { LockState::Fits } else { LockState::Stale }
        }
        Err(failure) => {
            listed.failures.push(failure);
            LockState::Unreadable
        }
    };
    listed.lock = Some((recipe_lock::place(one).path, state));
}

fn look_at_outputs(
    one: &LoadedRecipe,
    listed: &mut ListedRecipe,
    settings: &BuildSettings,
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let resolver = Resolver::new(&one.recipe, &one.folder, settings, progress)?;
    listed.name = Some(resolver.name().to_owned());
    let mut paths = BTreeSet::new();
    for form in ImageFormat::ALL {
        paths.insert(PathBuf::from(resolver.expand_argument(default_output(form), None)?));
    }
    for path in &paths {
        if path.symlink_metadata().is_ok() {
            let state = image_at(path).unwrap_or_else(|failure| {
                listed.failures.push(failure);
                OutputState::Damaged
            });
            listed.outputs.push(ListedOutput { path: path.clone(), state });
        }
    }
    if listed.outputs.is_empty() {
        let state = OutputState::NotBuilt;
        listed.outputs.extend(paths.into_iter().take(1).map(|path| ListedOutput { path, state: state.clone() }));
    }
    Ok(())
}

/// The image at `path`: its documents are verified, of its layers the presence and the size.
fn image_at(path: &Path) -> Result<OutputState, Failure> {
    let opened = OpenedImages::open(path)?;
    for layer in opened.sets().iter().flat_map(|set| &set.images).flat_map(|image| &image.layers) {
        layer.blob.open().map_err(|error| {
            let doing = format!("read the layer `{}`", layer.descriptor.digest);
            Failure::io(&doing, path, &error).named(crate::image::blob_error_name(&error))
        })?;
    }
    let form = opened.form().unwrap_or(ImageFormat::Layout);
    let digest = opened.sets().first().and_then(|set| set.root.as_ref()).map(|root| root.digest);
    Ok(OutputState::Built(form, digest))
}

/// What hardpan wrote to `out` and no recipe has.
fn orphan_outputs(recipes: &[ListedRecipe]) -> Result<Vec<(PathBuf, OutputKind)>, Failure> {
    let folder = Path::new("out");
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io("read the folder", folder, &error)),
    };
    let known: BTreeSet<PathBuf> =
        recipes.iter().flat_map(|one| &one.outputs).map(|output| real_path(&output.path)).collect();
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::io("read the folder", folder, &error))?.path();
        if known.contains(&real_path(&path)) {
            continue;
        }
        let image = [OutputKind::Layout, OutputKind::Archive];
        found.extend(output_at(&path).filter(|kind| image.contains(kind)).map(|kind| (path, kind)));
    }
    found.sort_unstable();
    Ok(found)
}
