//! Loads images into the engines of this machine: docker, podman, containerd. `commands` uses it for `--load`.
//!
//! All three get the same tar: an OCI archive that also holds docker's `manifest.json`. Its bytes are streamed from the
//! blobs, each verified on the way; no temporary file is written. Afterwards the engine is asked what it has, and
//! another digest is a failure.

mod connection;
mod containerd;
mod docker;
mod podman;
mod program;
mod progress_writer;

use std::{collections::BTreeMap, ffi::OsString, fmt};

use crate::{
    image::{
        BlobRef, ImageFormat, ImageSet, Packing, StoredImage, VerifiedBlobs, archive::ArchiveContents, is_repository,
    },
    oci::{Digest, Platform},
    report::{ErrorName, Failure, Task, printable, shown},
};

/// An engine that runs images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// dockerd, over its socket.
    Docker,
    /// `podman load`.
    Podman,
    /// `ctr images import`.
    Containerd,
}

/// An image that an engine has loaded, as the engine reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedImage {
    /// Which engine.
    pub engine: Engine,
    /// What the engine calls the image: what one writes behind its `run`.
    pub name: String,
    /// The digest under which the engine keeps it, when it keeps one: that of the manifest, or of the index.
    pub digest: Option<Digest>,
    /// The image ID: the digest of the config. None for containerd, which has no such thing.
    pub id: Option<Digest>,
    /// The platform that was loaded, where the image has several and the engine takes one.
    pub chosen: Option<String>,
}

/// The environment in which engines are found and run.
#[derive(Debug, Clone, Copy)]
pub struct EngineEnvironment<'a> {
    /// The whole environment: `DOCKER_HOST`, `CONTAINERD_ADDRESS`, `CONTAINERD_NAMESPACE`, `XDG_RUNTIME_DIR`, `PATH`,
    /// and what `podman` and `ctr` themselves read.
    pub environment: &'a BTreeMap<OsString, OsString>,
}

/// Streams `set` into `engine` under `name`, a repository without a tag; the tag is `latest`, because that is what
/// an engine looks for by default.
///
/// # Errors
/// The engine is not there, may not be used or refuses the image; an index without an image for this machine; layers
/// that the engine cannot unpack; an engine that afterwards names another digest than ours.
pub fn load(
    engine: Engine,
    set: &ImageSet,
    blobs: &dyn VerifiedBlobs,
    name: &str,
    caller: EngineEnvironment<'_>,
    task: &dyn Task,
) -> Result<LoadedImage, Failure> {
    if !is_repository(name) {
        let what = format!("{engine} cannot call an image `{}`", printable(name));
        return Err(Failure::error(ErrorName::Reference, what)
            .hint("such a name has lower case letters and digits, and `.`, `_`, `-` between"));
    }
    match engine {
        Engine::Docker => docker::load(set, blobs, name, caller, task),
        Engine::Podman => podman::load(set, blobs, name, caller, task),
        Engine::Containerd => containerd::load(set, blobs, name, caller, task),
    }
}

/// Looks whether `engine` is there, before anything is built for it.
pub fn probe(engine: Engine, caller: EngineEnvironment<'_>) -> Result<(), Failure> {
    match engine {
        Engine::Docker => docker::probe(caller),
        Engine::Podman => podman::find(caller).map(|_| ()),
        Engine::Containerd => containerd::probe(caller),
    }
}

/// The stored bytes of all blobs, for a bar: what an engine for one platform gets is less.
pub fn size(set: &ImageSet) -> u64 {
    let layers = |image: &StoredImage| image.layers.iter().map(|layer| layer.descriptor.size).sum::<u64>();
    set.images.iter().map(layers).sum()
}

impl Engine {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Docker, Self::Podman, Self::Containerd];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd => "containerd",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for LoadedImage {
    /// `docker: hello:latest (...)`, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.engine, self.name)?;
        match (self.digest, self.id) {
            (Some(digest), _) => write!(f, ", {digest}")?,
            // Named as what it is: it is not the digest that the build prints.
            (None, Some(id)) => write!(f, ", image ID {id}")?,
            (None, None) => {}
        }
        match &self.chosen {
            Some(platform) => write!(f, "; of the platforms it got this machine's, {}", printable(platform)),
            None => Ok(()),
        }
    }
}

impl EngineEnvironment<'_> {
    /// A variable; an empty one is none.
    fn variable(&self, name: &str) -> Option<&std::ffi::OsStr> {
        self.environment.get(std::ffi::OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }
}

/// What an engine gets. `name` is the whole name, with its tag.
fn archive_contents<'a>(
    root: Option<&'a BlobRef>,
    images: Vec<&'a StoredImage>,
    name: &str,
) -> Result<ArchiveContents<'a>, Failure> {
    let root = root.ok_or_else(|| Failure::error(ErrorName::Internal, "the image has no manifest"))?;
    let (reference, name) = (name.to_owned(), Some(name.to_owned()));
    Ok(ArchiveContents { form: ImageFormat::OciArchive, root, images, reference, image_name: name.clone(), tag: name })
}

/// The image that an engine for one platform gets, and its platform when there was a choice.
///
/// A single image is loaded whatever its platform is: the user chose it.
fn choose_for_host<'a>(
    set: &'a ImageSet,
    engine: Engine,
    host: Option<&Platform>,
) -> Result<(&'a StoredImage, Option<String>), Failure> {
    if let [only] = set.images.as_slice()
        && only.descriptor == set.root
    {
        return Ok((only, None));
    }
    let fits = |image: &&StoredImage| host.is_some_and(|host| platform(image).0 == host.architecture);
    // Of several variants the least demanding one: the variant of this processor is not known.
    let found = set.images.iter().filter(fits).min_by_key(|image| platform(image).1);
    found.map(|image| (image, Some(platform_text(image)))).ok_or_else(|| no_image_failure(set, engine, host))
}

/// Refuses an index that has nothing for this machine, for an engine that would take all of it.
fn check_host(set: &ImageSet, engine: Engine, host: Option<&Platform>) -> Result<(), Failure> {
    choose_for_host(set, engine, host).map(|_| ())
}

fn no_image_failure(set: &ImageSet, engine: Engine, host: Option<&Platform>) -> Failure {
    let host = host.map_or_else(|| std::env::consts::ARCH.to_owned(), Platform::to_string);
    let there: Vec<_> = set.images.iter().map(|image| format!("`{}`", shown(&platform_text(image)))).collect();
    let what = format!("no image for `{host}`, where {engine} would run it; there are {}", there.join(", "));
    Failure::error(ErrorName::ImagePlatform, what).hint(format!("`--platform {host}` builds one"))
}

/// Architecture and variant, as the config says it.
fn platform(image: &StoredImage) -> (String, Option<String>) {
    let named = Platform::parse(&platform_text(image)).ok();
    named.map_or_else(
        || (image.config.architecture().to_string(), image.config.variant().clone()),
        |platform| (platform.architecture.to_owned(), platform.variant.map(str::to_owned)),
    )
}

fn platform_text(image: &StoredImage) -> String {
    let config = &image.config;
    let variant = config.variant().as_ref().map(|variant| format!("/{variant}")).unwrap_or_default();
    format!("{}/{}{variant}", config.os(), config.architecture())
}

/// The platform of this machine, unless hardpan does not know its architecture.
fn this_machine() -> Option<Platform> {
    Platform::parse(&format!("linux/{}", std::env::consts::ARCH)).ok()
}

/// Whether some layer is packed with zstd.
fn has_zstd(image: &StoredImage) -> bool {
    image.layers.iter().any(|layer| Packing::of(&layer.descriptor.media_type) == Packing::Zstd)
}
