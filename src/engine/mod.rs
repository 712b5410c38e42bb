//! Loads images into the engines of this machine: docker, podman, containerd. `commands` uses it for `--load`.
//!
//! All three get the same tar: an OCI archive that also holds docker's `manifest.json`. Its bytes are streamed from the
//! blobs, each verified on the way; no temporary file is written. Afterwards the engine is asked what it has, and
//! another digest is a failure.

mod connection;
mod containerd;
mod docker;
mod engine_environment;
mod engine_name;
#[doc(hidden)]
pub mod fuzzing;
mod host_image;
mod loaded_image;
mod podman;
mod program;
mod progress_writer;

use crate::{
    image::{ImageSet, StoredImage, VerifiedBlobs},
    report::{Failure, Task},
};
pub use engine_environment::EngineEnvironment;
pub use engine_name::EngineName;
pub use loaded_image::{Engine, LoadedImage};

/// Streams `set` into `engine` under the first of `names`, gives it the others, and says what the engine has under each.
///
/// # Errors
/// The engine is not there, may not be used or refuses the image; an index without an image for this machine; layers
/// that the engine cannot unpack; an engine that afterwards names another digest than ours.
pub fn load(
    engine: Engine,
    set: &ImageSet,
    blobs: &dyn VerifiedBlobs,
    names: &[EngineName],
    caller: EngineEnvironment<'_>,
    task: &dyn Task,
) -> Result<Vec<LoadedImage>, Failure> {
    match engine {
        Engine::Docker => docker::load(set, blobs, names, caller, task),
        Engine::Podman => podman::load(set, blobs, names, caller, task),
        Engine::Containerd => containerd::load(set, blobs, names, caller, task),
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
