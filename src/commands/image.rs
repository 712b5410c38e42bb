//! IMAGE on the command line: from what the user wrote to what lies there.

use std::path::Path;

use crate::{
    place::{Form, ImageSet, Opened},
    report::{Failure, printable},
};

/// The transports that skopeo has and that this version reads.
const TRANSPORTS: [(&str, Form); 3] =
    [("oci:", Form::Layout), ("oci-archive:", Form::OciArchive), ("docker-archive:", Form::DockerArchive)];
/// Those that a later one reads.
const LATER: [&str; 2] = ["docker-daemon:", "docker://"];

/// The images that `image` names: a layout's folder or an archive's file, told apart by content; or skopeo's transport
/// and a path, behind which a name in the place may follow.
///
/// # Errors
/// Nothing there, something else there than the transport says, no image of that name, or a place that cannot be read.
pub(super) fn open(image: &str) -> Result<Vec<ImageSet>, Failure> {
    for transport in LATER {
        if image.starts_with(transport) {
            let what = format!("`{}`: `{transport}` is not supported by this version yet", printable(image));
            return Err(Failure::new(what).hint("`skopeo copy` makes an OCI layout of it"));
        }
    }
    let Some((form, rest)) = TRANSPORTS.iter().find_map(|(name, form)| Some((*form, image.strip_prefix(name)?))) else {
        check_path(image)?;
        return Ok(Opened::open(Path::new(image))?.sets().to_vec());
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
    match reference {
        None => Ok(opened.sets().to_vec()),
        Some(reference) => named(&opened, reference).map_err(|failure| failure.in_path(path)),
    }
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
    if opened.form() == wanted {
        return Ok(());
    }
    let failure = Failure::new(format!("is {}, not {}", opened.form().noun(), wanted.noun()));
    Err(failure.hint("without a transport before it, its content decides"))
}

fn named(opened: &Opened, reference: &str) -> Result<Vec<ImageSet>, Failure> {
    let has = |set: &&ImageSet| set.reference.iter().chain(&set.aliases).any(|name| name == reference);
    let found: Vec<_> = opened.sets().iter().filter(has).cloned().collect();
    if found.is_empty() {
        let place = opened.form().noun().trim_start_matches("an ").trim_start_matches("a ");
        return Err(Failure::new(format!("the {place} has no image called `{}`", printable(reference))));
    }
    Ok(found)
}

/// What is no path may be a registry's reference.
fn check_path(image: &str) -> Result<(), Failure> {
    if Path::new(image).exists() {
        return Ok(());
    }
    let shown = printable(image);
    let host = image.split_once('/').map_or("", |(host, _)| host);
    if !image.starts_with(['.', '/']) && host.contains(['.', ':']) {
        return Err(Failure::new(format!("`{shown}`: images in registries are not supported by this version yet"))
            .hint("`skopeo copy` makes an OCI layout of it"));
    }
    Err(Failure::new(format!("`{shown}` does not exist")))
}
