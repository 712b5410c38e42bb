//! Reads the configuration of podman and docker, which need not be there: folders and files that are missing are empty.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::report::Failure;

/// The paths of what is in a folder, in no order; nothing where there is no folder.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn entries(folder: &Path) -> Result<impl Iterator<Item = Result<PathBuf, Failure>> + '_, Failure> {
    let fault = move |error: io::Error| Failure::io("read the folder", folder, &error);
    let entries = match fs::read_dir(folder) {
        Err(error) if is_missing(&error) => None,
        entries => Some(entries.map_err(fault)?),
    };
    Ok(entries.into_iter().flatten().map(move |entry| entry.map(|entry| entry.path()).map_err(fault)))
}

/// The bytes of a file; none where there is no file. `action` is what failed, such as `read the credentials`.
///
/// # Errors
/// The file cannot be read; `too_large`, where it has more than `limit` bytes.
pub(super) fn bytes(
    path: &Path,
    action: &str,
    limit: u64,
    too_large: impl FnOnce() -> Failure,
) -> Result<Option<Vec<u8>>, Failure> {
    let fault = |error: io::Error| Failure::io(action, path, &error);
    let file = match File::open(path) {
        Err(error) if is_missing(&error) => return Ok(None),
        file => file.map_err(fault)?,
    };
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(Some(bytes)) }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
