//! `hardpan inspect`: what is in an image.

use std::path::Path;

use serde::Serialize;

use crate::{
    inspect::{Report, reports},
    place::layout::Layout,
    report::{Failure, Failures, printable},
};

/// What was found at one place.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// Where, as it was named.
    pub image: String,
    /// One a name in the place.
    pub contents: Vec<Report>,
}

/// Looks into the image that `image` names: so far a layout's folder, with or without `oci:` before it.
pub fn inspect(image: &str) -> Result<Inspected, Failures> {
    let (path, reference) = split_reference(image, layout_path(image)?);
    let layout = Layout::open(Path::new(path))?;
    let Some(reference) = reference else {
        return Ok(Inspected { image: image.to_owned(), contents: reports(layout.sets())? });
    };
    let named: Vec<_> =
        layout.sets().iter().filter(|set| set.reference.as_deref() == Some(reference)).cloned().collect();
    if named.is_empty() {
        let what = format!("the layout has no image called `{}`", printable(reference));
        return Err(Failure::new(what).in_path(path).into());
    }
    Ok(Inspected { image: image.to_owned(), contents: reports(&named)? })
}

/// Behind `oci:` a name in the layout may follow the path, as for skopeo; a path that exists is taken whole.
fn split_reference<'a>(image: &str, path: &'a str) -> (&'a str, Option<&'a str>) {
    if path.len() == image.len() || Path::new(path).exists() {
        return (path, None);
    }
    path.split_once(':').map_or((path, None), |(path, reference)| (path, Some(reference)))
}

/// The path of a layout. What only a later version reads is refused by its name.
fn layout_path(image: &str) -> Result<&str, Failure> {
    if let Some(path) = image.strip_prefix("oci:") {
        return if path.is_empty() { Err(Failure::new("`oci:` is not followed by a path")) } else { Ok(path) };
    }
    let later = ["oci-archive:", "docker-archive:", "docker-daemon:", "docker://"];
    let shown = printable(image);
    if let Some(transport) = later.iter().find(|transport| image.starts_with(**transport)) {
        return Err(Failure::new(format!("`{shown}`: `{transport}` is not supported by this version yet"))
            .hint("`skopeo copy` makes an OCI layout of it"));
    }
    let path = Path::new(image);
    if !path.exists()
        && !image.starts_with(['.', '/'])
        && image.contains('/')
        && image.split('/').next().is_some_and(|host| host.contains(['.', ':']))
    {
        return Err(Failure::new(format!("`{shown}`: images in registries are not supported by this version yet"))
            .hint("`skopeo copy` makes an OCI layout of it"));
    }
    if path.is_file() {
        return Err(Failure::new(format!("`{shown}` is a file; archives are not supported by this version yet"))
            .hint("`skopeo copy` makes an OCI layout of it"));
    }
    if !path.exists() {
        return Err(Failure::new(format!("`{shown}` does not exist")));
    }
    Ok(image)
}
