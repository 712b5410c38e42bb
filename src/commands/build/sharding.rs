//! Takes the recipes of one shard out of those of a call.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    metadata::BuildMetadata,
    request::BuildRequest,
    shard::{ShardHeader, ShardRequest},
    shard_plan::{FleetRecipe, ShardPlan},
};
use crate::{
    build::{image_name, real_path},
    commands::recipes::{LoadedRecipe, NamedRecipe},
    oci::Digest,
    recipe::{BinaryEntry, BinarySource},
    report::{ErrorName, Failure, Progress, printable},
};

/// Milliseconds that every recipe takes besides what was measured: unchanged images are built in next to none, and must not
/// all be in one shard.
const OVERHEAD: u64 = 100;
/// The longest build that counts: a day.
const LONGEST: u64 = 86_400_000;

/// The recipes of the shard that is asked for, and what documents say of it. Says on `progress` how many they are.
///
/// # Errors
/// The durations cannot be read, or outputs of several recipes go to one place.
pub(super) fn take_shard(
    loaded: Vec<NamedRecipe>,
    request: &BuildRequest,
    wanted: &ShardRequest,
    progress: &dyn Progress,
) -> Result<(Vec<NamedRecipe>, ShardHeader), Failure> {
    check_names(request, loaded.len())?;
    let metadata = request.metadata_file.as_deref().map(|path| real_path(Path::new(path)));
    if let Some((path, _)) =
        loaded.iter().find(|(path, _)| metadata.as_ref().is_some_and(|file| *file == real_path(path)))
    {
        let what = "`--metadata-file` would be written over a recipe";
        return Err(Failure::error(ErrorName::OutputConflict, what).in_path(path).hint("name another path"));
    }
    let durations = wanted.durations.as_deref().map(BuildMetadata::read).transpose()?;
    let durations = durations.map(|metadata| metadata.durations()).unwrap_or_default();
    let names: Vec<_> = loaded.iter().map(|(path, loaded)| name_of(path, loaded.as_ref().ok())).collect();
    let weights = weigh(&names, &durations);
    let timed = names.iter().filter(|name| durations.contains_key(*name)).count();
    let described = loaded.iter().zip(names.into_iter().zip(weights));
    let fleet: Vec<_> =
        described.map(|((_, loaded), (name, weight))| describe(loaded.as_ref().ok(), name, weight)).collect();
    let (plan, total) = (ShardPlan::new(&fleet, wanted.shard.count), fleet.len());
    let own = plan.shards.iter().map(|shard| shard + 1 == wanted.shard.number);
    let taken: Vec<_> = loaded.into_iter().zip(own).filter(|(_, is_own)| *is_own).map(|(recipe, _)| recipe).collect();
    let balance = match timed {
        0 => "by their number".to_owned(),
        all if all == total => "by durations".to_owned(),
        some => format!("by durations of {some}"),
    };
    progress.step(&format!(
        "shard {}/{}: {} of {total} {}, balanced {balance} (plan {})",
        wanted.shard.number,
        wanted.shard.count,
        taken.len(),
        if total == 1 { "recipe" } else { "recipes" },
        plan.id
    ));
    let recipes = taken.iter().map(|(path, _)| path.to_string_lossy().into_owned()).collect();
    Ok((taken, ShardHeader { shard: wanted.shard, plan: plan.id, recipes, total }))
}

/// Refuses outputs of several recipes at one place, which the shards would not notice: each has its own recipes alone.
fn check_names(request: &BuildRequest, total: usize) -> Result<(), Failure> {
    if let Some(path) = request.metadata_file.as_deref().filter(|path| path.contains(['{', '}'])) {
        let what = format!("`--metadata-file {}` has variables, and a shard writes one file", printable(path));
        return Err(
            Failure::error(ErrorName::Usage, what).hint("name one file for each shard; `hardpan merge` joins them")
        );
    }
    let has_tag = |text: &&str| text.rsplit('/').next().is_some_and(|last| last.contains(':'));
    let pushes = request.push.iter().flat_map(|(pushes, _)| pushes).map(|push| push.text.as_str()).filter(has_tag);
    let paths = [("--output", &request.output), ("--digest-file", &request.digest_file)];
    let paths = paths.into_iter().filter_map(|(option, text)| Some((option, text.as_deref()?)));
    let shared = paths.chain(pushes.map(|text| ("--push", text))).find(|(_, text)| !text.contains("{name}"));
    match shared {
        Some((option, text)) if total > 1 => {
            let what = format!("`{option} {}` is one place for the recipes of all shards", printable(text));
            Err(Failure::error(ErrorName::OutputConflict, what).hint("put `{name}` into it"))
        }
        _ => Ok(()),
    }
}

/// The name of the image, else the path of the recipe.
fn name_of(path: &Path, recipe: Option<&LoadedRecipe>) -> String {
    let name = recipe.and_then(|one| image_name(&one.recipe, &one.folder).ok());
    name.unwrap_or_else(|| path.to_string_lossy().into_owned())
}

/// The weight of each recipe: its duration, or the median of the others', or 1 where nothing is known.
fn weigh(names: &[String], durations: &BTreeMap<String, u64>) -> Vec<u64> {
    let known = |name: &String| durations.get(name).map(|duration| (*duration).min(LONGEST) + OVERHEAD);
    let mut all: Vec<_> = names.iter().filter_map(known).collect();
    all.sort_unstable();
    let median = all.get(all.len() / 2).copied().unwrap_or(1);
    names.iter().map(|name| known(name).unwrap_or(median)).collect()
}

fn describe(loaded: Option<&LoadedRecipe>, name: String, weight: u64) -> FleetRecipe {
    let Some(one) = loaded else { return FleetRecipe { name, text: None, compiles: BTreeSet::new(), weight } };
    let compiles = one.recipe.binaries.iter().filter_map(|binary| shared_compile(&one.folder, binary)).collect();
    FleetRecipe { name, text: Some(Digest::of(one.recipe.source.text.as_bytes())), compiles, weight }
}

/// What the compile of a program has in common with others: the compiler, and the Go module or the cargo workspace, of which
/// the outermost `Cargo.toml` of the checkout stands.
fn shared_compile(folder: &Path, binary: &BinaryEntry) -> Option<String> {
    let (compiler, manifest, dir) = match &binary.source {
        BinarySource::Go(go) => ("go", "go.mod", &go.dir),
        BinarySource::Cargo(cargo) => ("cargo", "Cargo.toml", &cargo.dir),
        BinarySource::Path(_) => return None,
    };
    let dir = dir.as_ref().map_or_else(|| folder.to_owned(), |dir| folder.join(&dir.value));
    let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
    let dir = dir.canonicalize().unwrap_or(dir);
    let has = |above: &&Path| above.join(manifest).is_file();
    let checkout = dir.ancestors().position(|above| above.join(".git").exists());
    let root = match checkout {
        Some(depth) if compiler == "cargo" => dir.ancestors().take(depth + 1).filter(has).last(),
        _ => dir.ancestors().find(has),
    };
    Some(format!("{compiler} {}", root.unwrap_or(&dir).display()))
}
