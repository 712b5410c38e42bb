//! `hardpan inspect`: lists what is in an image.

use serde::Serialize;

use super::open_image;
use crate::{
    inspect::{InspectReport, reports},
    registry::Access,
    report::Failures,
};

/// The contents of one place.
#[derive(Debug, Serialize)]
pub struct Inspected {
    /// Where, as it was named.
    pub image: String,
    /// One a name in the place.
    pub contents: Vec<InspectReport>,
}

/// Looks into the image that `image` names: a layout's folder, an archive or a registry's reference, with or without
/// skopeo's transport. With `rootfs`, the layers are applied, too.
///
/// # Errors
/// There is no such image, or it cannot be read to its end.
pub fn inspect(image: &str, rootfs: bool, access: &Access) -> Result<Inspected, Failures> {
    let (sets, _) = open_image::open(image, access)?;
    Ok(Inspected { image: image.to_owned(), contents: reports(&sets, rootfs)? })
}
