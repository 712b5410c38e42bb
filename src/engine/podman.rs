//! Loads images into podman with `podman load`.

use super::{
    Engine, EngineEnvironment, EngineName, LoadedImage,
    host_image::{archive_contents, choose_for_host, no_name_failure, this_machine},
    program::{EngineProgram, ProgramOutput},
    progress_writer::ProgressWriter,
};
use crate::{
    image::{ImageSet, StoredImage, VerifiedBlobs, archive},
    oci::Digest,
    report::{ErrorName, Failure, Task, shown},
};

/// Streams the image for this machine into `podman load` and asks podman what it has.
pub(super) fn load(
    set: &ImageSet,
    blobs: &dyn VerifiedBlobs,
    names: &[EngineName],
    caller: EngineEnvironment<'_>,
    task: &dyn Task,
) -> Result<Vec<LoadedImage>, Failure> {
    let podman = find(caller)?;
    let (image, chosen) = choose_for_host(set, Engine::Podman, this_machine().as_ref())?;
    let names: Vec<_> = names.iter().map(EngineName::in_podman).collect();
    let (name, others) = names.split_first().ok_or_else(no_name_failure)?;
    let contents = archive_contents(image.descriptor.as_ref(), vec![image], name)?;
    let ended = podman.feed(&["load", "--quiet"], |out| {
        archive::write_archive(&contents, blobs, &mut ProgressWriter { out, task })
    })?;
    if !ended.status.success() {
        return Err(explain(&podman, &ended));
    }
    if !others.is_empty() {
        let arguments: Vec<&str> = ["tag", name].into_iter().chain(others.iter().map(String::as_str)).collect();
        let ended = podman.ask(&arguments)?;
        if !ended.status.success() {
            return Err(explain(&podman, &ended));
        }
    }
    names.iter().map(|name| loaded(&podman, name, image, chosen.clone())).collect()
}

/// What podman has as `name`, which must be `image`.
fn loaded(
    podman: &EngineProgram<'_>,
    name: &str,
    image: &StoredImage,
    chosen: Option<String>,
) -> Result<LoadedImage, Failure> {
    let asked = podman.ask(&["image", "inspect", "--format", "{{.Id}} {{.Digest}}", name])?;
    if !asked.status.success() {
        return Err(explain(podman, &asked));
    }
    let words: Vec<_> = asked.stdout.split_whitespace().collect();
    let (id, digest) = match words.as_slice() {
        [id, digest] => (Digest::parse_hex(id).ok(), Digest::parse(digest).ok()),
        _ => (None, None),
    };
    if digest != image.descriptor.as_ref().map(|blob| blob.digest) {
        let what = format!("podman has another image as `{name}`: `{}`", shown(asked.stdout.trim()));
        return Err(Failure::error(ErrorName::EngineFailed, what)
            .hint("another program may have loaded an image of that name meanwhile"));
    }
    Ok(LoadedImage { engine: Engine::Podman, name: name.to_owned(), digest, id, chosen })
}

/// The program.
pub(super) fn find(caller: EngineEnvironment<'_>) -> Result<EngineProgram<'_>, Failure> {
    EngineProgram::find(Engine::Podman, "podman", "the package `podman`", caller)
}

/// Why podman failed, in one sentence.
fn explain(podman: &EngineProgram<'_>, ended: &ProgramOutput) -> Failure {
    let failure = podman.failure(ended);
    let says = |words: &str| ended.stderr.contains(words);
    if says("permission denied") || says("operation not permitted") {
        return failure.hint("`podman info`, as this user, says whether podman works here at all");
    }
    if says("no space left on device") {
        return failure.hint("podman keeps a copy of what it loads in `TMPDIR` (`/var/tmp`) for a moment");
    }
    failure.hint(format!("`{} info` says whether podman works here at all", shown(&podman.path().to_string_lossy())))
}
