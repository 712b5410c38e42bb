//! Writes the recipe to disk: whole or not at all, and over an existing one only with `--force`.

use std::{
    io::{self, Write as _},
    path::Path,
};

use crate::{
    output::staging_file,
    report::{ErrorName, Failure, FileAccess, folder_of},
};

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
    let fault = |error: io::Error| Failure::io("write the recipe", path, &error);
    // The umask applies, as for any file that an editor creates.
    let mut file = staging_file(folder_of(path), FileAccess::Umask).map_err(fault)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync()).map_err(fault)?;
    match if force { file.replace(path) } else { file.publish_new(path) } {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(recipe_exists_failure(path)),
        Err(error) => Err(fault(error)),
    }
}

fn recipe_exists_failure(path: &Path) -> Failure {
    Failure::error(ErrorName::OutputOccupied, "the recipe exists already")
        .in_path(path)
        .hint("`--force` replaces it; `--output -` prints the new one")
}
