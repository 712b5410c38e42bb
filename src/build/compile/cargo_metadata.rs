//! `cargo metadata --format-version=1` (The Cargo Book): the one reader of that document. The choice of a binary, the list of
//! a workspace's packages and the dependency graph are made from it. Fields that hardpan does not use are not read.

use std::{collections::BTreeSet, path::PathBuf};

use serde::Deserialize;

use crate::report::{ErrorName, Failure, printable};

/// The document, with or without `--no-deps`.
#[derive(Debug, Deserialize)]
pub(super) struct CargoMetadata {
    pub(super) packages: Vec<MetadataPackage>,
    /// The package IDs of the members.
    #[serde(default)]
    pub(super) workspace_members: BTreeSet<String>,
    /// The folder with the workspace's `Cargo.toml` and `Cargo.lock`.
    #[serde(default)]
    pub(super) workspace_root: PathBuf,
    /// The dependency graph; `None` with `--no-deps`.
    pub(super) resolve: Option<MetadataResolve>,
}

/// A package of the workspace or one of its dependencies.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataPackage {
    /// The package ID, unique in the document.
    #[serde(default)]
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) version: String,
    /// `registry+https://...`, `git+https://...`; `None` for a folder.
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) manifest_path: PathBuf,
    #[serde(default)]
    pub(super) targets: Vec<MetadataTarget>,
}

/// A library, binary, test or build script of a package.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataTarget {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) kind: Vec<String>,
}

/// The resolved dependencies.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataResolve {
    pub(super) nodes: Vec<MetadataNode>,
}

/// The resolved dependencies of one package.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataNode {
    pub(super) id: String,
    #[serde(default)]
    pub(super) deps: Vec<MetadataDependency>,
    /// The features that are on.
    #[serde(default)]
    pub(super) features: BTreeSet<String>,
}

/// An edge of the graph.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataDependency {
    /// The package ID of the dependency.
    pub(super) pkg: String,
    #[serde(default)]
    pub(super) dep_kinds: Vec<MetadataDependencyKind>,
}

/// The table of `Cargo.toml` that an edge comes from.
#[derive(Debug, Deserialize)]
pub(super) struct MetadataDependencyKind {
    /// `None` for `[dependencies]`, else `build` or `dev`.
    pub(super) kind: Option<String>,
}

impl CargoMetadata {
    /// Parses what `cargo metadata` printed.
    pub(super) fn read(metadata: &[u8]) -> Result<Self, Failure> {
        serde_json::from_slice(metadata)
            .map_err(|error| unexpected_metadata(&format!("it cannot be read: {}", printable(&error.to_string()))))
    }

    /// The packages of the workspace itself.
    pub(super) fn members(&self) -> impl Iterator<Item = &MetadataPackage> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }
}

/// The failure for a document that this version of hardpan does not understand.
pub(super) fn unexpected_metadata(why: &str) -> Failure {
    Failure::error(ErrorName::ToolUnsupported, format!("unexpected output of `cargo metadata`: {why}"))
}
