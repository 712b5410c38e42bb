//! What of a build is settled before anything is compiled or packed: where each image goes, and that no two of them get
//! in each other's way.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    build::{Request, default_output},
    load::Loaded,
    locked, policy, push,
    receipt::{self, Receipts},
    side_by_side::side_by_side,
    turns::Turns,
    written_paths::WrittenPaths,
};
use crate::{
    build::{Bounds, Resolver},
    image::Packing,
    oci::Platform,
    output::check_fits,
    policy::Policy,
    recipe::{self, LockFile},
    registry::Reference,
    report::{Failure, Failures, Progress},
};

/// One image that is to be built.
#[derive(Debug)]
pub(super) struct Outline {
    /// Its recipe.
    pub(super) one: Loaded,
    /// What it must keep to.
    pub(super) policy: Policy,
    /// What is pinned.
    pub(super) lock: Option<LockFile>,
    /// For which platforms.
    pub(super) platforms: Vec<Platform>,
    /// Its name.
    name: String,
    /// Where it is written.
    pub(super) path: PathBuf,
    /// `--push`, with its variables replaced.
    pub(super) targets: Vec<Reference>,
    /// `--metadata-file` and `--digest-file`, with theirs.
    pub(super) files: Vec<PathBuf>,
    /// Where the symbols of its programs go.
    pub(super) debug_files: Vec<PathBuf>,
}

/// What the images before this one have taken: the index of each.
#[derive(Debug, Default)]
struct Taken {
    paths: BTreeMap<PathBuf, usize>,
    tags: BTreeMap<String, usize>,
}

/// Outlines every image, in the order of the recipes, and says which paths the call writes. The recipes get what the policy of the caller adds to them, and the
/// receipts are begun. Each outline has all that is needed of its recipe, so that it can go when the image is staged.
///
/// # Errors
/// The first thing that is certain to fail.
pub(super) fn outline(
    loaded: Vec<Loaded>,
    request: &Request,
    policy: Option<&recipe::Policy>,
    receipts: &mut Receipts,
    progress: &dyn Progress,
) -> Result<(Vec<Outline>, WrittenPaths), Failures> {
    let (bounds, turns) = (Bounds::default(), Turns::new(progress));
    let sketches = side_by_side(request.settings.jobs, loaded, |index, mut one| {
        turns.during(index, |turn| {
            let policy = policy::of_build(policy, &mut one.recipe.policy)?;
            sketch(one, policy, request, &bounds, turn)
        })
    })?;
    let (mut taken, mut outlines) = (Taken::default(), Vec::with_capacity(sketches.len()));
    for next in sketches {
        taken.take(&next, &outlines, request)?;
        outlines.push(next);
    }
    let written = WrittenPaths::of(&outlines, request);
    written.check(&outlines, request)?;
    for outline in &outlines {
        for (kind, file) in kinds(request).zip(&outline.files) {
            receipts.begin(kind, file)?;
        }
    }
    Ok((outlines, written))
}

/// Outlines one image.
fn sketch(
    one: Loaded,
    policy: Policy,
    request: &Request,
    bounds: &Bounds,
    progress: &dyn Progress,
) -> Result<Outline, Failures> {
    let lock = locked::for_build(&one, request.settings.locked, &request.settings, progress)?;
    let bound = bounds.of(&one.folder, request.settings.allow_outside)?;
    let resolver = Resolver::within(&one.recipe, bound, &request.settings, progress)?;
    let platforms = one.platforms(&request.platforms);
    let only = if let [only] = platforms.as_slice() { Some(only) } else { None };
    let output = request.output.as_deref().unwrap_or(default_output(request.form));
    let path = expand(&resolver, "--output", output, only)?;
    resolver.check_output(&path)?;
    let packing = Packing::of(one.recipe.compression.media_type());
    check_fits(request.form, platforms.len(), packing).map_err(|failure| failure.in_path(&path))?;
    let mut targets = Vec::new();
    for text in request.push.iter().flat_map(|(texts, _)| texts) {
        targets.push(push::target(&expand(&resolver, "--push", text, only)?.to_string_lossy())?);
    }
    let mut files = Vec::new();
    for kind in kinds(request) {
        if let Some(text) = text_of(kind, request) {
            files.push(expand(&resolver, kind.option(), text, only)?);
        }
    }
    let debug_files = resolver.debug_files(&platforms)?;
    let name = resolver.name().to_owned();
    drop(resolver);
    Ok(Outline { one, policy, lock, platforms, name, path, targets, files, debug_files })
}

/// The kinds of receipts that were asked for.
pub(super) fn kinds(request: &Request) -> impl Iterator<Item = receipt::Kind> {
    [receipt::Kind::Metadata, receipt::Kind::Digest].into_iter().filter(|kind| text_of(*kind, request).is_some())
}

fn text_of(kind: receipt::Kind, request: &Request) -> Option<&String> {
    match kind {
        receipt::Kind::Metadata => request.metadata_file.as_ref(),
        receipt::Kind::Digest => request.digest_file.as_ref(),
    }
}

impl Taken {
    /// Takes the paths and tags of the next image, which no other one may have.
    fn take(&mut self, next: &Outline, before: &[Outline], request: &Request) -> Result<(), Failure> {
        let index = before.len();
        let other = |taken: usize| before.get(taken).map_or("", |outline| outline.name.as_str());
        if let Some(taken) = self.paths.insert(next.path.clone(), index) {
            let other = other(taken);
            let what = format!("`{other}` and `{}` would both be written there", next.name);
            let hint = match &request.output {
                Some(_) if other != next.name => "put `{name}` into `--output`",
                _ => "give one of them another `name`",
            };
            return Err(Failure::new(what).in_path(&next.path).hint(hint));
        }
        for target in next.targets.iter().filter(|target| target.tag().is_some()) {
            if let Some(taken) = self.tags.insert(target.to_string(), index).filter(|taken| *taken != index) {
                let what = format!("`{}` and `{}` would both be pushed as `{target}`", other(taken), next.name);
                return Err(Failure::new(what).hint("put `{name}` into `--push`"));
            }
        }
        Ok(())
    }
}

/// A path of the command line, with its variables replaced; `only` when there is one platform.
fn expand(resolver: &Resolver<'_>, option: &str, text: &str, only: Option<&Platform>) -> Result<PathBuf, Failure> {
    let path = resolver
        .expand_argument(text, only)
        .map_err(|failure| Failure { what: format!("`{option}`: {}", failure.what), ..failure })?;
    if path.is_empty() {
        return Err(Failure::new(format!("`{option}` is empty")));
    }
    Ok(Path::new(&path).to_path_buf())
}
