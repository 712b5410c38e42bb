//! What a call of `hardpan build` is asked for, and what it gives back.

use std::path::PathBuf;

use super::receipts::ReceiptKind;
use crate::{
    build::BuildSettings,
    commands::push::PushSettings,
    engine::{Engine, LoadedImage},
    image::ImageFormat,
    oci::{Digest, Platform},
    registry,
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
    /// `--metadata-file`, which may hold variables.
    pub metadata_file: Option<String>,
    /// `--digest-file`, which may hold variables.
    pub digest_file: Option<String>,
    /// `--policy`: what images must keep to, whatever the recipes say.
    pub policy: Option<PathBuf>,
    /// `--push`: references, which may hold variables, and how they are reached.
    pub push: Option<(Vec<String>, PushSettings)>,
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
}
