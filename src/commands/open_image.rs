//! IMAGE on the command line: from what the user wrote to what lies there.

use std::path::Path;

use crate::{
    image::{ImageSet, Local, Opened},
    registry::{self, Access, Reference},
    report::{Failure, printable},
};

/// The one that leads to a registry.
const REGISTRY: &str = "docker://";
/// The one that a later version reads.
const DAEMON: &str = "docker-daemon:";

/// The images that `image` names, and where they are: a layout's folder or an archive's file, told apart by content; a
/// reference to a registry, with its host; or one of those behind skopeo's transport. Behind a path with a transport a
/// name in the place may follow.
///
/// # Errors
/// Nothing there, something else there than the transport says, no image of that name, or a place that cannot be read.
pub(super) fn open(image: &str, access: &Access) -> Result<(Vec<ImageSet>, Opened), Failure> {
    if image.starts_with(DAEMON) {
        let what = format!("`{}`: `{DAEMON}` is not supported by this version yet", printable(image));
        return Err(Failure::new(what).hint("`docker save` writes an archive, which is"));
    }
    if let Some(reference) = remote(image)? {
        let opened = registry::open(&reference, access)?;
        return Ok((opened.sets().to_vec(), opened));
    }
    let local = Local::parse(image, |path| Path::new(path).exists())?;
    if Local::has_transport(image) && !Path::new(local.path).exists() {
        return Err(Failure::new(format!("`{}` does not exist", printable(local.path))));
    }
    local.open(Path::new(local.path))
}

/// The reference that `image` is, if it is one: behind `docker://`, where Docker Hub needs no host, or what is no path
/// and begins with a host.
pub(super) fn remote(image: &str) -> Result<Option<Reference>, Failure> {
    if let Some(reference) = image.strip_prefix(REGISTRY) {
        return Reference::parse(reference).map(Some);
    }
    if Path::new(image).exists() || Local::has_transport(image) {
        return Ok(None);
    }
    if !image.starts_with(['.', '/']) && Reference::has_host(image) {
        return Reference::parse(image).map(Some);
    }
    if !image.starts_with(['.', '/']) {
        Reference::refuse_login(image)?;
    }
    let failure = Failure::new(format!("`{}` does not exist", printable(image)));
    Err(if image.starts_with(['.', '/']) {
        failure
    } else {
        failure.hint("an image in a registry is written with its host, as in `docker.io/library/alpine`")
    })
}
