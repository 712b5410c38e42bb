//! Reads `Cargo.lock` (The Cargo Book, "Cargo.toml vs Cargo.lock"), as far as hardpan needs it.

use std::{fs, path::Path};

use serde::Deserialize;

use crate::report::{ErrorName, Failure};

/// The packages of a workspace and everything that they may depend on, for all targets and features.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct CargoLock {
    pub(super) package: Vec<LockedPackage>,
}

/// One version of a package.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct LockedPackage {
    pub(super) name: String,
    pub(super) version: String,
    /// Where it comes from; nothing for packages of the workspace and of other folders.
    pub(super) source: Option<String>,
    /// `name`, `name version` or `name version (source)`.
    pub(super) dependencies: Vec<String>,
}

impl CargoLock {
    /// Reads `file`.
    pub(super) fn read(file: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(file).map_err(|error| Failure::io("read", file, &error))?;
        toml::from_str(&text)
            .map_err(|_| Failure::error(ErrorName::SourceInvalid, "this `Cargo.lock` cannot be parsed").in_path(file))
    }

    /// The names of the packages without a source, sorted: the workspace is known by them.
    pub(super) fn own_packages(&self) -> Vec<&str> {
        let own = self.package.iter().filter(|package| package.source.is_none());
        let mut names: Vec<_> = own.map(|package| package.name.as_str()).collect();
        names.sort_unstable();
        names
    }
}
