//! What a call of `hardpan build` is asked for, and what it gives back.

use std::{borrow::Cow, collections::BTreeSet, fmt::Write as _, path::PathBuf, time::Duration};

use super::{
    receipts::ReceiptKind,
    shard::{ShardHeader, ShardRequest},
};
use crate::{
    build::BuildSettings,
    commands::push::{PushReference, PushSettings},
    engine::{Engine, LoadedImage},
    image::ImageFormat,
    oci::{Digest, Platform},
    registry,
    report::{Failure, Failures, printable},
};

/// Where an image goes when the command line does not say.
pub const fn default_output(form: ImageFormat) -> &'static str {
    match form {
        ImageFormat::Layout => "out/{name}",
        ImageFormat::OciArchive | ImageFormat::DockerArchive => "out/{name}.tar",
    }
}

/// What to build, and how.
#[derive(Debug, Clone)]
pub struct BuildRequest {
    /// Recipes; none means those of the current folder.
    pub recipes: Vec<PathBuf>,
    /// Instead of the recipes' platforms.
    pub platforms: Vec<Platform>,
    /// `--output`, which may hold variables.
    pub output: Option<String>,
    /// `--format`.
    pub form: ImageFormat,
    /// `--set`: `name=value` for variables that the recipes declare.
    pub set: Vec<String>,
    /// `--load`: engines that get the image, too.
    pub engines: Vec<Engine>,
    /// `--tag`: what the engines call it instead of `{name}:latest`; may hold variables.
    pub engine_names: Vec<String>,
    /// `--metadata-file`, which may hold variables.
    pub metadata_file: Option<String>,
    /// `--digest-file`, which may hold variables.
    pub digest_file: Option<String>,
    /// `--policy`: what images must keep to, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// `--push` and `--push-new`: references, which may hold variables, and how they are reached.
    pub push: Option<(Vec<PushReference>, PushSettings)>,
    /// `--keep-going`: a recipe that fails stops no other one.
    pub keep_going: bool,
    /// `--shard`: only this part of the recipes.
    pub shard: Option<ShardRequest>,
    /// Everything else.
    pub settings: BuildSettings,
}

impl BuildRequest {
    /// The kinds of receipts that are asked for, with the text of their options.
    pub(super) fn receipts(&self) -> impl Iterator<Item = (ReceiptKind, &str)> {
        let texts = [(ReceiptKind::Metadata, &self.metadata_file), (ReceiptKind::Digest, &self.digest_file)];
        texts.into_iter().filter_map(|(kind, text)| Some((kind, text.as_deref()?)))
    }
}

/// What became of a call of `build`.
#[derive(Debug)]
pub struct BuildReport {
    /// Every recipe, in their order.
    pub recipes: Vec<BuildOutcome>,
    /// What is wrong with the call as a whole.
    pub failures: Vec<Failure>,
    /// Which shard the call was for.
    pub shard: Option<ShardHeader>,
}

/// What became of one recipe.
#[derive(Debug)]
pub struct BuildOutcome {
    /// The recipe, as it was named.
    pub recipe: PathBuf,
    /// The name of its image, where it is known.
    pub name: Option<String>,
    /// In one word.
    pub status: BuildStatus,
    /// The image, where it is there now.
    pub image: Option<BuiltImage>,
    /// What is new although the recipe or the call has failed.
    pub left: Option<LeftImage>,
    /// Why there is none.
    pub failures: Vec<Failure>,
}

/// What a recipe or a call that failed has left: nothing of it could be taken back.
#[derive(Debug, Clone)]
pub struct LeftImage {
    /// The image, with the engines and registries that have it.
    pub image: BuiltImage,
    /// Whether it is at its path.
    pub is_written: bool,
}

/// What became of one recipe, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BuildStatus {
    /// The image that was there is the one that this call would have written.
    Unchanged,
    /// The image was written.
    Built,
    /// Something is wrong with the recipe or its image.
    Failed,
    /// The call as a whole failed before.
    NotTried,
}

impl BuildStatus {
    /// All of them, in the order of summaries.
    const ALL: [Self; 4] = [Self::Unchanged, Self::Built, Self::Failed, Self::NotTried];

    /// The word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unchanged => "unchanged",
            Self::Built => "built",
            Self::Failed => "failed",
            Self::NotTried => "not tried",
        }
    }
}

impl BuildReport {
    /// The images that are there now, in the order of the recipes.
    pub fn images(&self) -> impl Iterator<Item = &BuiltImage> {
        self.recipes.iter().filter_map(|outcome| outcome.image.as_ref())
    }

    /// A warning about each image that is new although its recipe or the call has failed.
    pub(super) fn left(&self) -> impl Iterator<Item = Failure> {
        self.recipes.iter().filter_map(|outcome| outcome.left.as_ref()).map(LeftImage::warning)
    }

    /// All failures, those of recipes first, each once.
    pub fn failures(&self) -> Failures {
        let mut known = BTreeSet::new();
        let all = self.recipes.iter().flat_map(|outcome| &outcome.failures).chain(&self.failures);
        Failures(all.filter(|failure| known.insert(failure.to_string())).cloned().collect())
    }

    /// How many recipes ended how, such as `3 images: 1 unchanged, 1 built, 1 failed (app: size-budget)`.
    pub fn summary(&self) -> String {
        let count = self.recipes.len();
        let mut parts = Vec::new();
        for status in BuildStatus::ALL {
            let ended: Vec<_> = self.recipes.iter().filter(|outcome| outcome.status == status).collect();
            if ended.is_empty() {
                continue;
            }
            let mut part = format!("{} {}", ended.len(), status.name());
            if status == BuildStatus::Failed {
                let more = ended.len().saturating_sub(SHOWN);
                let mut reasons: Vec<_> = ended.iter().take(SHOWN).map(|outcome| outcome.reason()).collect();
                reasons.extend((more > 0).then(|| format!("and {more} more")));
                let _ = write!(part, " ({})", reasons.join(", "));
            }
            parts.push(part);
        }
        if parts.is_empty() {
            return "no images".to_owned();
        }
        format!("{count} {}: {}", if count == 1 { "image" } else { "images" }, parts.join(", "))
    }
}

/// How many recipes that failed a summary names.
const SHOWN: usize = 8;

impl BuildOutcome {
    /// The name of the image, else the path of the recipe.
    pub fn label(&self) -> Cow<'_, str> {
        self.name.as_deref().map_or_else(|| self.recipe.to_string_lossy(), Cow::Borrowed)
    }

    /// The image, and why it failed.
    fn reason(&self) -> String {
        let why = self.failures.first().and_then(Failure::label).unwrap_or("refused");
        printable(&format!("{}: {why}", self.label())).into_owned()
    }
}

/// An image that was written.
#[derive(Debug, Clone)]
pub struct BuiltImage {
    /// The recipe's name.
    pub name: String,
    /// The digest of the manifest or, for several platforms, of the index.
    pub digest: Digest,
    /// Where it was written.
    pub path: PathBuf,
    /// The manifest of each platform.
    pub manifests: Vec<(Platform, Digest)>,
    /// What the engines of `--load` call it.
    pub loaded: Vec<LoadedImage>,
    /// What was done at the registries of `--push`.
    pub pushed: Vec<registry::push::PushPlan>,
    /// How long compiling, assembling and auditing took, in a call for a shard.
    pub duration: Option<Duration>,
}

impl BuiltImage {
    /// `HOST/REPOSITORY@sha256:...` for each repository that it was pushed to, in their order.
    pub fn pushed_places(&self) -> Vec<String> {
        self.pushed.iter().map(digest_place).collect()
    }
}

/// `HOST/REPOSITORY@sha256:...`.
pub(super) fn digest_place(plan: &registry::push::PushPlan) -> String {
    format!("{}@{}", plan.repository, plan.digest)
}

impl LeftImage {
    /// The warning that it is there.
    fn warning(&self) -> Failure {
        let BuiltImage { name, digest, path, loaded, .. } = &self.image;
        let mut places = Vec::new();
        places.extend(self.is_written.then(|| format!("at `{}`", printable(&path.to_string_lossy()))));
        places.extend(loaded.iter().map(|loaded| format!("in {}", printable(&loaded.to_string()))));
        places.extend(self.image.pushed_places().iter().map(|place| format!("at `{}`", printable(place))));
        let what =
            format!("not everything was done, and `{}` is new {} ({digest})", printable(name), places.join(", "));
        Failure::warning(what)
    }
}
