//! Opens an OCI layout, and reads it again when a build publishes into it meanwhile. [`OpenedImages`] and the tests of
//! `output` use it. Nothing inside of the layout is read through a symbolic link.

use std::{io, path::Path};

use crate::{
    image::{
        ImageFormat, LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, OpenedImages,
        document::{self, PlaceIndex},
        image_sets,
        store::{Store, read_small},
    },
    report::{ErrorName, Failure, Limits, shown},
};

/// How often a layout that changes while it is read is read again.
const ATTEMPTS: usize = 8;

/// Opens the layout at `path` and reads every index, manifest and config its `index.json` reaches.
///
/// A link at `path` is followed; nothing inside of the layout is read through a link.
///
/// # Errors
/// No layout, another version, a document that is missing, too large, ambiguous or not what its descriptor
/// says, `diff_ids` that are not as many as the layers, more layers or deeper indexes than [`Limits`] allows.
pub(crate) fn open(path: &Path) -> Result<OpenedImages, Failure> {
    let mut attempts = ATTEMPTS;
    loop {
        let entry = read_entry(path)?;
        attempts -= 1;
        match read(path, &entry) {
            // A build published meanwhile, and removed the blobs that the old index named.
            Err(_) if attempts > 0 && read_entry(path).is_ok_and(|now| now != entry) => {}
            result => return result.map_err(|failure| failure.or_in_path(path)),
        }
    }
}

fn read(path: &Path, index: &PlaceIndex) -> Result<OpenedImages, Failure> {
    let store = Store::of_layout(path)?;
    let sets = image_sets::read_index(&store, index)?;
    Ok(OpenedImages { form: Some(ImageFormat::Layout), path: path.to_owned(), store, sets })
}

/// Reads the marker and `index.json`.
fn read_entry(path: &Path) -> Result<PlaceIndex, Failure> {
    let small = |name: &str| {
        read_small(&path.join(name), Limits::MANIFEST_BYTES).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Failure::error(ErrorName::ImageNotFound, format!("is not an OCI layout: `{name}` is missing"))
                    .in_path(path)
            }
            _ => Failure::io(&format!("read `{name}`"), path, &error),
        })
    };
    let wrong =
        |name: &str, what: &str| Failure::error(ErrorName::ImageInvalid, format!("`{name}`: {what}")).in_path(path);
    let version = document::parse_layout_version(&small(LAYOUT_MARKER)?).map_err(|what| wrong(LAYOUT_MARKER, &what))?;
    if version != LAYOUT_VERSION {
        let failure = wrong(LAYOUT_MARKER, &format!("layouts of version `{}` are not known", shown(&version)));
        return Err(failure.named(ErrorName::ImageUnsupported));
    }
    document::parse_place_index(&small(LAYOUT_INDEX)?).map_err(|what| wrong(LAYOUT_INDEX, &what))
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
