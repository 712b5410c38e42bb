//! Writes the recipe to disk: whole or not at all, and over an existing one only with `--force`.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use tempfile::Builder;

use crate::report::{ErrorName, Failure};

/// Refuses a path that exists, unless it is a recipe and `force` allows replacing it.
pub fn refuse_existing(path: &Path, force: bool) -> Result<(), Failure> {
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("read the metadata", path, &error)),
        Ok(found) if found.is_dir() => {
            Err(Failure::error(ErrorName::OutputOccupied, "the path is a folder, not a recipe").in_path(path))
        }
        Ok(found) if !found.is_file() => {
            Err(Failure::error(ErrorName::OutputOccupied, "not a regular file, so it is not replaced").in_path(path))
        }
        Ok(_) if force => Ok(()),
        Ok(_) => Err(recipe_exists_failure(path)),
    }
}

/// Writes the recipe to `path` atomically: the path has the whole text, or what it had before.
pub fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    refuse_existing(path, force)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let fault = |error: io::Error| Failure::io("write the recipe", path, &error);
    // The umask applies, as for any file that an editor creates.
    let mut temporary = Builder::new()
        .prefix(".hardpan-init-")
        .permissions(fs::Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(fault)?;
    temporary.write_all(text.as_bytes()).and_then(|()| temporary.as_file().sync_all()).map_err(fault)?;
    let persisted = if force { temporary.persist(path) } else { temporary.persist_noclobber(path) };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(recipe_exists_failure(path)),
        Err(error) => Err(fault(error.error)),
    }
}

fn recipe_exists_failure(path: &Path) -> Failure {
    Failure::error(ErrorName::OutputOccupied, "the recipe exists already")
        .in_path(path)
        .hint("`--force` replaces it; `--output -` prints the new one")
}
