//! Opens what is at a path on a disk: a layout or an archive, by its content.

use std::{fs, io, path::Path};

use crate::{
    image::{OpenedImages, archive, layout},
    report::{ErrorName, Failure},
};

impl OpenedImages {
    /// Opens what is at `path`, distinguished by its content: a folder is a layout, a file an archive; one that is an OCI
    /// archive and a docker archive at once is an OCI archive. A link at `path` is followed.
    ///
    /// # Errors
    /// Neither a layout nor an archive, or one whose documents cannot be read, are not what their names say, or are
    /// larger, more or deeper than [`Limits`](crate::report::Limits) allows.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let found = fs::metadata(path).map_err(|error| {
            let failure = Failure::io("open the image", path, &error);
            if error.kind() == io::ErrorKind::NotFound { failure.named(ErrorName::ImageNotFound) } else { failure }
        })?;
        if found.is_dir() { layout::open(path) } else { archive::open(path) }
    }
}
