//! IMAGE on the command line: opens the layout, archive or repository that a user named. `audit`, `inspect` and `push` use
//! it, so that they take the same names.

use std::path::Path;

use crate::{
    image::{ImageSet, LocalReference, OpenedImages},
    registry::{self, Access, Reference},
    report::{ErrorName, Failure, printable},
};

/// The transport of registries.
const REGISTRY: &str = "docker://";
/// The transport of the Docker daemon, which is not read yet.
const DAEMON: &str = "docker-daemon:";

/// The images that `image` names, and where they are: a layout's folder or an archive's file, distinguished by content; a
/// reference to a registry, with its host; or any of these behind a transport of skopeo. Behind a path with a transport a
/// name in the place may follow.
///
/// # Errors
/// Nothing there, something else there than the transport says, no image of that name, or a place that cannot be read.
pub(super) fn open(image: &str, access: &Access) -> Result<(Vec<ImageSet>, OpenedImages), Failure> {
    if image.starts_with(DAEMON) {
        let what = format!("`{}`: `{DAEMON}` is not supported by this version yet", printable(image));
        return Err(Failure::error(ErrorName::ImageUnsupported, what).hint("`docker save` writes an archive, which is"));
    }
    if let Some(reference) = remote(image)? {
        let opened = registry::open(&reference, access)?;
        return Ok((opened.sets().to_vec(), opened));
    }
    let local = LocalReference::parse(image, |path| Path::new(path).exists())?;
    if LocalReference::has_transport(image) && !Path::new(local.path).exists() {
        return Err(Failure::error(ErrorName::ImageNotFound, format!("`{}` does not exist", printable(local.path))));
    }
    local.open(Path::new(local.path))
}

/// The reference that `image` is, if it is one: behind `docker://`, where Docker Hub needs no host, or what is no path
/// and begins with a host.
pub(super) fn remote(image: &str) -> Result<Option<Reference>, Failure> {
    if let Some(reference) = image.strip_prefix(REGISTRY) {
        return Reference::parse(reference).map(Some);
    }
    if Path::new(image).exists() || LocalReference::has_transport(image) {
        return Ok(None);
    }
    if !image.starts_with(['.', '/']) && Reference::has_host(image) {
        return Reference::parse(image).map(Some);
    }
    if !image.starts_with(['.', '/']) {
        Reference::refuse_login(image)?;
    }
    let failure = Failure::error(ErrorName::ImageNotFound, format!("`{}` does not exist", printable(image)));
    Err(if image.starts_with(['.', '/']) {
        failure
    } else {
        failure.hint("an image in a registry is written with its host, as in `docker.io/library/alpine`")
    })
}
