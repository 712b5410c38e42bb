//! A file that is written whole or not at all: begun beside its place before the work, named after it.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    output::staging_file,
    report::{AtomicFile, ErrorName, Failure, FileAccess, folder_of},
};

/// A file without its name. Dropped before it is published, it leaves nothing.
#[derive(Debug)]
pub struct StagedFile {
    /// The option that asks for it, for messages.
    option: &'static str,
    path: PathBuf,
    file: AtomicFile,
}

impl StagedFile {
    /// Begins the file of `option` at `path`, so that a folder that cannot be written to costs no work. `otherwise` is
    /// the hint where something else than a file is there.
    ///
    /// # Errors
    /// Something at the path that is no regular file, or a folder that cannot be written to.
    pub fn begin(option: &'static str, path: &Path, otherwise: &str) -> Result<Self, Failure> {
        match fs::symlink_metadata(path) {
            Ok(there) if !there.is_file() => {
                let what = format!("`{option}` writes a new file, and what is there is no regular file");
                return Err(Failure::error(ErrorName::OutputOccupied, what).in_path(path).hint(otherwise));
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io(&format!("read the metadata of the `{option}`"), path, &error));
            }
            _ => {}
        }
        // With the umask, as any file a tool writes: the next step of a pipeline may be another user.
        let file = staging_file(folder_of(path), FileAccess::Umask);
        let file = file.map_err(|error| Failure::io(&format!("write the `{option}`"), path, &error))?;
        Ok(Self { option, path: path.to_owned(), file })
    }

    /// Writes the whole content, durably and still without the name.
    pub fn write(&mut self, content: impl AsRef<[u8]>) -> Result<(), Failure> {
        let written = self.file.write_all(content.as_ref()).and_then(|()| self.file.sync());
        written.map_err(|error| Failure::io(&format!("write the `{}`", self.option), &self.path, &error))
    }

    /// Gives the file its name, in place of what was there.
    pub fn publish(self) -> Result<(), Failure> {
        let Self { option, path, file } = self;
        file.replace(&path).map(drop).map_err(|error| {
            let failure = Failure::io(&format!("replace the `{option}`"), &path, &error);
            // Kubernetes mounts single files so.
            if error.kind() == io::ErrorKind::ResourceBusy {
                return failure.hint("it is a mount of its own; name a path in a folder that is mounted");
            }
            failure
        })
    }
}
