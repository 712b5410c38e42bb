//! Reads what cargo and rustc left in a target directory about the inputs of compiled units: dep-info (`.d`) files and
//! the `rerun-if-changed` lines of build scripts. [`super::freshness`] uses it.

use std::path::{Path, PathBuf};

use super::super::machine::{file_names, prerequisites};
use crate::{cache::read_regular, report::Limits};

/// The entries of a folder that belong to a unit, each with the unit's name: `name-0123456789abcdef`, and `.d` files.
pub(super) fn units(folder: &Path) -> impl Iterator<Item = (String, String)> {
    file_names(folder).into_iter().filter_map(|entry| {
        let stem = entry.split('.').next().unwrap_or_default();
        let (name, hash) = stem.rsplit_once('-')?;
        let is_unit = hash.len() == 16 && Path::new(&entry).extension().is_none_or(|extension| extension == "d");
        let name = name.to_owned();
        is_unit.then_some((entry, name))
    })
}

/// The sources that a `.d` file of rustc names.
pub(super) fn dep_info(file: &Path) -> Vec<PathBuf> {
    prerequisites(&String::from_utf8(bytes(file)).unwrap_or_default())
}

/// The paths that a build script asked cargo to watch.
pub(super) fn reruns(output: &Path) -> Vec<PathBuf> {
    let text = String::from_utf8_lossy(&bytes(output)).into_owned();
    let said = text.lines().filter_map(|line| line.strip_prefix("cargo::").or_else(|| line.strip_prefix("cargo:")));
    said.filter_map(|line| line.strip_prefix("rerun-if-changed=")).map(PathBuf::from).collect()
}

/// What is in a file of the target directory; nothing where there is none.
fn bytes(file: &Path) -> Vec<u8> {
    read_regular(file, Limits::CHILD_OUTPUT_BYTES).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    #[test]
    fn sources_are_read_as_rustc_writes_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app-0123456789abcdef.d");
        fs::write(&file, "/t/app.d: src/main.rs a\\ b.txt ../x\n\nsrc/main.rs:\n# env-dep:X=1\n").unwrap();
        assert_eq!(dep_info(&file), ["src/main.rs", "a b.txt", "../x"].map(PathBuf::from));
        assert!(dep_info(&folder.path().join("none.d")).is_empty());
        let found: Vec<_> = units(folder.path()).collect();
        assert_eq!(found, [("app-0123456789abcdef.d".to_owned(), "app".to_owned())]);
    }

    #[test]
    fn both_forms_of_a_watched_path_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("output");
        fs::write(&file, "cargo:rerun-if-changed=a\ncargo::rerun-if-changed=b c\ncargo:rustc-cfg=x\n").unwrap();
        assert_eq!(reruns(&file), ["a", "b c"].map(PathBuf::from));
    }
}
