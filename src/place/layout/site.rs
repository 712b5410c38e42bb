//! What is at the path a layout shall be written to.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    MARKER, VERSION,
    blob::read_small,
    document,
    temp::{inner_prefix, is_temp_name},
};
use crate::{
    place::shown,
    report::{Failure, Limits},
};

/// What is at a path that may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// Nothing.
    Absent,
    /// A layout, or a folder with nothing in it but what killed builds left.
    Present,
}

impl Site {
    /// Looks at `path`, which has no trailing slash.
    ///
    /// # Errors
    /// A link, a file, a folder with anything else in it, or a layout of another version.
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(Failure::io("look at the output", path, &error)),
        };
        if found.is_symlink() {
            return Err(Failure::new("is a symbolic link, which is not followed")
                .in_path(path)
                .hint("name the folder that it points at"));
        }
        if !found.is_dir() {
            return Err(no_layout(path));
        }
        if is_empty(path).map_err(|error| Failure::io("list the folder", path, &error))? {
            return Ok(Self::Present);
        }
        check_marker(path)?;
        Ok(Self::Present)
    }
}

/// `path` without a trailing slash, behind which a link would be followed.
pub(super) fn plain(path: &Path) -> Result<PathBuf, Failure> {
    let plain: PathBuf = path.components().collect();
    if plain.as_os_str().is_empty() {
        return Err(Failure::new("the path of the layout is empty"));
    }
    Ok(plain)
}

/// The folder that `path` is in.
pub(super) fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
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
    let Ok(bytes) = read_small(&path.join(MARKER), Limits::MANIFEST_BYTES) else { return Err(no_layout(path)) };
    let version = document::layout_version(&bytes).map_err(|_| no_layout(path))?;
    if version != VERSION {
        let what = format!("is an OCI layout of version `{}`, not `{VERSION}`", shown(&version));
        return Err(Failure::new(what).in_path(path));
    }
    Ok(())
}

/// The refusal that keeps other people's files.
fn no_layout(path: &Path) -> Failure {
    Failure::new("is there and is not an OCI layout").in_path(path).hint("name another path, or remove it first")
}
