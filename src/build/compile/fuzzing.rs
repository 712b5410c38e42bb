//! Entry points for the fuzz targets to the parsers of what toolchains print and write. Nothing else uses them.

use std::path::{Path, PathBuf};

use super::{
    cargo_config::CargoConfiguration, cargo_graph::CargoGraph, cargo_metadata::CargoMetadata, cargo_tree::CargoTree,
    dependency_list::DependencyList, machine,
};
use crate::report::Failure;

pub use super::{cargo::fuzzing::program_of_messages, go::fuzzing as go};

/// The names of the workspace's packages in the output of `cargo metadata`.
///
/// # Errors
/// It is none.
pub fn cargo_members(metadata: &[u8]) -> Result<Vec<String>, Failure> {
    Ok(CargoMetadata::read(metadata)?.members().map(|package| package.name.clone()).collect())
}

/// The dependency list, as JSON, of the program in `package` by the output of `cargo metadata`.
///
/// # Errors
/// It is none, or has no such package.
pub fn dependency_list(metadata: &[u8], package: &str) -> Result<Vec<u8>, Failure> {
    DependencyList::of(&CargoGraph::read(metadata, package)?)?.json()
}

/// Names and versions in the output of `cargo tree`.
///
/// # Errors
/// It is none.
pub fn cargo_tree(text: &str) -> Result<Vec<(String, String)>, Failure> {
    Ok(CargoTree::read(text)?.packages.into_keys().collect())
}

/// The prerequisites of the rules that a compiler or linker wrote.
pub fn prerequisites(text: &str) -> Vec<PathBuf> {
    machine::prerequisites(text)
}

/// The flags and the linker that the cargo configuration of a checkout asks for.
///
/// # Errors
/// A file that is none, or that is refused.
pub fn cargo_config(checkout: &Path) -> Result<(Vec<String>, Option<PathBuf>), Failure> {
    const TARGET: &str = "x86_64-unknown-linux-gnu";
    let configuration = CargoConfiguration::read(checkout, checkout, &checkout.join("no-home"))?;
    let known = ["unix", "target_os=\"linux\"", "target_arch=\"x86_64\""];
    let known: Vec<_> = known.iter().filter_map(|condition| condition.parse().ok()).collect();
    let (flags, holding) = configuration.flags(TARGET, &|_| Ok(known.clone()))?;
    Ok((flags, configuration.linker_with(TARGET, &holding)?))
}
