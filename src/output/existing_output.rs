//! Checks what exists at the path of an output: nothing, an image that may be replaced, or a file of the user, which is
//! refused.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    image::{ImageFormat, LAYOUT_MARKER, LAYOUT_VERSION, archive, document, read_small},
    output::temp_folder::{inner_prefix, is_staging_name, is_temp_name},
    report::{ErrorName, Failure, Limits, shown},
};

/// What is at a path that may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExistingOutput {
    /// Nothing.
    Absent,
    /// What may be replaced: an archive, a layout, or a folder with nothing in it but what killed builds left.
    Replaceable,
}

impl ExistingOutput {
    /// Looks at `path`, which has no trailing slash and shall become an image of this form.
    ///
    /// # Errors
    /// A link; for a layout a file, a folder with anything else in it, or a layout of another version; for an archive
    /// anything but an archive.
    pub(super) fn check(path: &Path, form: ImageFormat) -> Result<Self, Failure> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(Failure::io("read the output path", path, &error)),
        };
        if found.is_symlink() {
            let kind = if form == ImageFormat::Layout { "folder" } else { "file" };
            return Err(Failure::error(ErrorName::OutputOccupied, "is a symbolic link, which is not followed")
                .in_path(path)
                .hint(format!("name the {kind} that it points at")));
        }
        if form != ImageFormat::Layout {
            return if found.is_file() && archive::is_archive(path) {
                Ok(Self::Replaceable)
            } else {
                Err(no_archive(path))
            };
        }
        if !found.is_dir() {
            return Err(no_layout(path));
        }
        if is_empty(path).map_err(|error| Failure::io("list the folder", path, &error))? {
            return Ok(Self::Replaceable);
        }
        check_marker(path)?;
        Ok(Self::Replaceable)
    }
}

/// `path` without a trailing slash, behind which a link would be followed.
pub(super) fn without_trailing_slash(path: &Path) -> Result<PathBuf, Failure> {
    let plain: PathBuf = path.components().collect();
    if plain.as_os_str().is_empty() {
        return Err(Failure::error(ErrorName::Usage, "the path of the image is empty"));
    }
    if plain.iter().any(is_staging_name) {
        return Err(Failure::error(
            ErrorName::OutputOccupied,
            "the path has the name of a temporary folder of hardpan, which builds remove",
        )
        .in_path(path)
        .hint("name another path"));
    }
    Ok(plain)
}

/// Whether the folder holds nothing but temporary folders of ours.
fn is_empty(path: &Path) -> io::Result<bool> {
    let prefix = inner_prefix();
    for entry in fs::read_dir(path)? {
        if !is_temp_name(&entry?.file_name(), &prefix) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Refuses a folder that is not an OCI layout of the version we know.
///
/// The marker is the first file that a publish into an empty folder writes, so a folder in which any other file of
/// a layout was seen has it, whatever other builds do meanwhile.
fn check_marker(path: &Path) -> Result<(), Failure> {
    let Ok(bytes) = read_small(&path.join(LAYOUT_MARKER), Limits::MANIFEST_BYTES) else { return Err(no_layout(path)) };
    let version = document::parse_layout_version(&bytes).map_err(|_| no_layout(path))?;
    if version != LAYOUT_VERSION {
        let what = format!("is an OCI layout of version `{}`, not `{LAYOUT_VERSION}`", shown(&version));
        return Err(Failure::error(ErrorName::OutputOccupied, what).in_path(path));
    }
    Ok(())
}

/// The refusals that keep other people's files.
fn no_archive(path: &Path) -> Failure {
    Failure::error(ErrorName::OutputOccupied, "exists and is not an archive of an image")
        .in_path(path)
        .hint("name another path, or remove it first")
}

fn no_layout(path: &Path) -> Failure {
    Failure::error(ErrorName::OutputOccupied, "exists and is not an OCI layout")
        .in_path(path)
        .hint("name another path, or remove it first")
}
