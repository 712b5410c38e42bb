//! The recipe onto the disk: whole or not at all, and never over another one unasked.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::Builder;

use crate::report::{ErrorName, Failure};

/// Refuses a path at which something is already, unless it is a recipe that `force` lets us replace.
pub fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("look at it", path, &error)),
        Ok(found) if found.is_dir() => {
            Err(Failure::error(ErrorName::OutputOccupied, "this is a folder, not a recipe").in_path(path))
        }
        Ok(found) if !found.is_file() => {
            Err(Failure::error(ErrorName::OutputOccupied, "this is no regular file, and is left alone").in_path(path))
        }
        Ok(_) if force => Ok(()),
        Ok(_) => Err(exists(path)),
    }
}

/// Writes the recipe at `path`: the file is there with its whole text, or as it was before.
pub fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    refuse_existing(path, force)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fault = |error: io::Error| Failure::io("write the recipe", path, &error);
    // The umask takes its part of the mode, as with any file that an editor makes.
    let mut temporary = Builder::new()
        .prefix(".hardpan-init-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(fault)?;
    temporary.write_all(text.as_bytes()).and_then(|()| temporary.as_file().sync_all()).map_err(fault)?;
    let persisted = if force { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(path)),
        Err(error) => Err(fault(error.error)),
    }
}

fn exists(path: &Path) -> Failure {
    Failure::error(ErrorName::OutputOccupied, "there is a recipe already")
        .in_path(path)
        .hint("`--force` replaces it; `--output -` prints the new one")
}
