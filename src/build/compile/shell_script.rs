//! Writes the shell scripts that stand in for programs which build scripts and Go call.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::report::{ErrorName, Failure};

/// The words for a shell, each in quotes.
pub(super) fn quoted(words: &[OsString]) -> Result<String, Failure> {
    let quoted = words.iter().map(|word| {
        let text = word.to_str().ok_or_else(|| {
            Failure::error(ErrorName::InputName, "the path of a C compiler is not UTF-8").in_path(word)
        })?;
        Ok(format!("'{}'", text.replace('\'', r"'\''")))
    });
    Ok(quoted.collect::<Result<Vec<_>, Failure>>()?.join(" "))
}

/// Writes a script that may be executed, with the folder it is in.
pub(super) fn write_script(folder: &Path, name: impl AsRef<OsStr>, text: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name.as_ref());
    let written = fs::create_dir_all(folder)
        .and_then(|()| fs::write(&path, text))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map_err(|error| Failure::io("write", &path, &error))?;
    Ok(path)
}
