//! IMAGE on the command line: from what the user wrote to what lies there.

use std::path::Path;

use crate::{
    place::{
        Form, ImageSet, Opened,
        registry::{self, Access, Reference},
    },
    report::{Failure, printable},
};

/// The transports of skopeo that lead to a disk.
const TRANSPORTS: [(&str, Form); 3] =
    [("oci:", Form::Layout), ("oci-archive:", Form::OciArchive), ("docker-archive:", Form::DockerArchive)];
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
    let Some((form, rest)) = TRANSPORTS.iter().find_map(|(name, form)| Some((*form, image.strip_prefix(name)?))) else {
        let opened = Opened::open(Path::new(image))?;
        return Ok((opened.sets().to_vec(), opened));
    };
    if rest.is_empty() {
        return Err(Failure::new(format!("`{}` is not followed by a path", printable(image))));
    }
    let (path, reference) = split_reference(rest);
    if !Path::new(path).exists() {
        return Err(Failure::new(format!("`{}` does not exist", printable(path))));
    }
    let opened = Opened::open(Path::new(path))?;
    check_form(&opened, form).map_err(|failure| failure.in_path(path))?;
    let sets = match reference {
        None => opened.sets().to_vec(),
        Some(reference) => named(&opened, form, reference).map_err(|failure| failure.in_path(path))?,
    };
    Ok((sets, opened))
}

/// The reference that `image` is, if it is one: behind `docker://`, where Docker Hub needs no host, or what is no path
/// and begins with a host.
pub(super) fn remote(image: &str) -> Result<Option<Reference>, Failure> {
    if let Some(reference) = image.strip_prefix(REGISTRY) {
        return Reference::parse(reference).map(Some);
    }
    if Path::new(image).exists() || TRANSPORTS.iter().any(|(transport, _)| image.starts_with(transport)) {
        return Ok(None);
    }
    if !image.starts_with(['.', '/']) && Reference::has_host(image) {
        return Reference::parse(image).map(Some);
    }
    let failure = Failure::new(format!("`{}` does not exist", printable(image)));
    Err(if image.starts_with(['.', '/']) {
        failure
    } else {
        failure.hint("an image in a registry is written with its host, as in `docker.io/library/alpine`")
    })
}

/// A name in the place may follow the path, as for skopeo; a path that exists is taken whole.
fn split_reference(path: &str) -> (&str, Option<&str>) {
    if Path::new(path).exists() {
        return (path, None);
    }
    path.split_once(':').map_or((path, None), |(path, reference)| (path, Some(reference)))
}

/// A place may be more than one thing, and is what it was called only if it can be read as that.
fn check_form(opened: &Opened, wanted: Form) -> Result<(), Failure> {
    if opened.form() == Some(wanted) {
        return Ok(());
    }
    let found = opened.form().map_or("something else", Form::noun);
    let failure = Failure::new(format!("is {found}, not {}", wanted.noun()));
    Err(failure.hint("without a transport before it, its content decides"))
}

fn named(opened: &Opened, form: Form, reference: &str) -> Result<Vec<ImageSet>, Failure> {
    let has = |set: &&ImageSet| set.reference.iter().chain(&set.aliases).any(|name| name == reference);
    let found: Vec<_> = opened.sets().iter().filter(has).cloned().collect();
    if found.is_empty() {
        let place = form.noun().trim_start_matches("an ").trim_start_matches("a ");
        return Err(Failure::new(format!("the {place} has no image called `{}`", printable(reference))));
    }
    Ok(found)
}
