//! Loads images into containerd with `ctr images import`.

use std::path::Path;

use super::{
    Engine, EngineEnvironment, EngineName, LoadedImage,
    host_image::{archive_contents, check_host, no_name_failure, platform_text, this_machine},
    program::{EngineProgram, ProgramOutput},
    progress_writer::ProgressWriter,
};
use crate::{
    image::{ImageSet, VerifiedBlobs, archive},
    oci::Digest,
    report::{ErrorName, Failure, Task, shown},
};

/// The default socket of `ctr`.
const ADDRESS: &str = "/run/containerd/containerd.sock";
/// The default namespace of `ctr`.
const NAMESPACE: &str = "default";

/// Streams the image, with all its platforms, into `ctr images import` and asks containerd what it has.
pub(super) fn load(
    set: &ImageSet,
    blobs: &dyn VerifiedBlobs,
    names: &[EngineName],
    caller: EngineEnvironment<'_>,
    task: &dyn Task,
) -> Result<Vec<LoadedImage>, Failure> {
    let ctr = find(caller)?;
    check_host(set, Engine::Containerd, this_machine().as_ref())?;
    let names: Vec<_> = names.iter().map(EngineName::in_containerd).collect();
    let (name, others) = names.split_first().ok_or_else(no_name_failure)?;
    let contents = archive_contents(set.root.as_ref(), set.images.iter().collect(), name)?;
    let mut arguments = vec!["images", "import"];
    // A single image of another platform, or `ctr` would look for this machine's in it.
    let platform = set.images.first().map(platform_text).unwrap_or_default();
    if set.images.len() == 1 {
        arguments.extend(["--platform", &platform]);
    }
    arguments.push("-");
    let ended =
        ctr.feed(&arguments, |out| archive::write_archive(&contents, blobs, &mut ProgressWriter { out, task }))?;
    if !ended.status.success() {
        return Err(explain(&ctr, &ended, caller));
    }
    for other in others {
        let ended = ctr.ask(&["images", "tag", "--force", name, other])?;
        if !ended.status.success() {
            return Err(explain(&ctr, &ended, caller));
        }
    }
    names.iter().map(|name| loaded(&ctr, name, set, caller)).collect()
}

/// What containerd has as `name`, which must be `set`.
fn loaded(
    ctr: &EngineProgram<'_>,
    name: &str,
    set: &ImageSet,
    caller: EngineEnvironment<'_>,
) -> Result<LoadedImage, Failure> {
    let asked = ctr.ask(&["images", "list", &format!("name=={name}")])?;
    if !asked.status.success() {
        return Err(explain(ctr, &asked, caller));
    }
    let digest = asked.stdout.split_whitespace().find_map(|word| Digest::parse(word).ok());
    if digest != set.root.as_ref().map(|root| root.digest) {
        let has = digest.map_or_else(|| "nothing".to_owned(), |digest| format!("`{digest}`"));
        let what = format!("containerd has {has} as `{name}`, not what was imported");
        return Err(Failure::error(ErrorName::EngineFailed, what)
            .hint("another program may have imported an image of that name meanwhile"));
    }
    let namespace = namespace(caller);
    let name =
        if namespace == NAMESPACE { name.to_owned() } else { format!("{name} (namespace {})", shown(&namespace)) };
    Ok(LoadedImage { engine: Engine::Containerd, name, digest, id: None, chosen: None })
}

fn find(caller: EngineEnvironment<'_>) -> Result<EngineProgram<'_>, Failure> {
    EngineProgram::find(Engine::Containerd, "ctr", "containerd", caller)
}

/// Whether containerd answers.
pub(super) fn probe(caller: EngineEnvironment<'_>) -> Result<(), Failure> {
    let ctr = find(caller)?;
    let ended = ctr.ask(&["version"])?;
    if ended.status.success() { Ok(()) } else { Err(explain(&ctr, &ended, caller)) }
}

fn namespace(caller: EngineEnvironment<'_>) -> String {
    caller
        .variable("CONTAINERD_NAMESPACE")
        .map_or_else(|| NAMESPACE.to_owned(), |value| value.to_string_lossy().into_owned())
}

/// Why `ctr` failed, in one sentence.
fn explain(ctr: &EngineProgram<'_>, ended: &ProgramOutput, caller: EngineEnvironment<'_>) -> Failure {
    let address = caller.variable("CONTAINERD_ADDRESS").map_or(ADDRESS.into(), |value| value.to_string_lossy());
    let is_there = Path::new(&*address).exists();
    let address = shown(&address);
    let says = |words: &str| ended.stderr.contains(words);
    // Only errors of its own connection; unpacking may fail with the same words.
    let dialing = says("dial") || says(&address) || says("deadline exceeded");
    if dialing && says("permission denied") {
        return Failure::error(
            ErrorName::PermissionDenied,
            format!("permission denied: this user may not use containerd's socket `{address}`"),
        )
        .hint("it is root's, unless its configuration says otherwise; try `--load podman`");
    }
    if dialing && !says("not found") {
        // `ctr` has the same error for a socket that does not exist and for one that does not answer.
        let why = if is_there { "no answer at" } else { "there is no socket" };
        return Failure::error(ErrorName::EngineMissing, format!("containerd is not running: {why} `{address}`"))
            .hint("start it, or name its socket with `CONTAINERD_ADDRESS`");
    }
    ctr.failure(ended).hint("`ctr version` says whether containerd works here at all")
}
