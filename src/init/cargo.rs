//! Finds the programs of Cargo packages and workspaces by `cargo metadata`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Toolchains,
    draft::{DraftProgram, ProgramSource},
    folder,
    project::{self, Candidate, Project},
    rank::{Rank, is_aside},
};
use crate::report::{ErrorName, Failure, printable, quoted};

/// `cargo metadata --no-deps` (The Cargo Book, "cargo metadata").
#[derive(Debug, Deserialize)]
struct WorkspaceMetadata {
    packages: Vec<WorkspacePackage>,
    workspace_root: PathBuf,
    #[serde(default)]
    workspace_default_members: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct WorkspacePackage {
    id: String,
    name: String,
    manifest_path: PathBuf,
    #[serde(default)]
    default_run: Option<String>,
    targets: Vec<PackageTarget>,
    #[serde(default)]
    features: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct PackageTarget {
    name: String,
    kind: Vec<String>,
    #[serde(default, rename = "required-features")]
    required_features: Vec<String>,
}

/// Finds the programs of the workspaces in these folders of `dir`: of the workspace in `dir` itself, else of all of
/// them.
pub(super) fn project(dir: &Path, folders: &[String], tools: &dyn Toolchains) -> Result<Project, Failure> {
    let mut libraries: Vec<String> = Vec::new();
    let mut roots: BTreeSet<PathBuf> = BTreeSet::new();
    let (mut found, mut whats, mut said) = (Vec::new(), Vec::new(), Vec::new());
    let (mut passed_over, mut refused) = (Vec::new(), None);
    for (asked, place) in folders.iter().enumerate() {
        let at = folder::within(dir, place);
        if roots.iter().any(|root| at.starts_with(root)) {
            continue;
        }
        if asked >= project::PROJECTS {
            passed_over.extend(project::list_not_asked(folders.get(asked..).unwrap_or_default(), "package"));
            break;
        }
        let metadata = match metadata(&at, tools) {
            Ok(metadata) => metadata,
            Err(failure) if place.is_empty() || folders.len() == 1 => return Err(failure),
            Err(failure) => {
                let what = failure.what.replace('\n', " ");
                let why = format!("the package in {} cannot be read: {what}", quoted(place));
                said.push(format!("not {}: {what}", quoted(place)));
                passed_over.push((why, Rank::unknown(place)));
                refused = refused.or(Some(failure));
                continue;
            }
        };
        roots.insert(metadata.workspace_root.clone());
        let candidates = candidates(dir, place, &at, &metadata);
        let enough = place.is_empty() && candidates.iter().any(|candidate| !candidate.rank.aside);
        if candidates.is_empty() {
            libraries.extend(metadata.packages.iter().map(|package| quoted(&package.name)).take(8));
        } else {
            whats.push(what(&at, &metadata));
            found.push((place, candidates));
        }
        if enough {
            break;
        }
    }
    if found.is_empty() {
        return Err(refused.unwrap_or_else(|| no_program_failure(dir, &libraries)));
    }
    // The name of a package means the project only where there is one workspace, or it is the project's own.
    let unknown = passed_over.iter().filter(|(_, rank)| !rank.aside).count();
    let meant = found.iter().filter(|(_, candidates)| candidates.iter().any(|one| !one.rank.aside)).count();
    let several = meant + unknown > 1;
    for (_, candidates) in found.iter_mut().filter(|(place, _)| several && !place.is_empty()) {
        for candidate in candidates {
            candidate.rank.not_named = true;
        }
    }
    let what = whats.join(", ");
    said.insert(0, format!("project: Rust, {what}"));
    let candidates = found.into_iter().flat_map(|(_, candidates)| candidates).collect();
    Ok(Project { what: format!("the Cargo {what}"), candidates, passed_over, said })
}

fn metadata(at: &Path, tools: &dyn Toolchains) -> Result<WorkspaceMetadata, Failure> {
    serde_json::from_slice(&tools.cargo_workspace(at)?).map_err(|_| {
        Failure::error(ErrorName::ToolUnsupported, "the output of `cargo metadata` is not valid JSON").in_path(at)
    })
}

fn no_program_failure(dir: &Path, libraries: &[String]) -> Failure {
    let (is, them) = if libraries.len() == 1 { ("is a library", "it has") } else { ("are libraries", "they have") };
    let what = format!("{} {is}: {them} no program", libraries.join(", "));
    Failure::error(ErrorName::ProjectUnknown, what)
        .in_path(dir)
        .hint("run `init` in the folder of a package that has a program")
}

/// A package or workspace for a sentence.
fn what(at: &Path, metadata: &WorkspaceMetadata) -> String {
    let here = metadata.packages.iter().find(|package| package.manifest_path.parent() == Some(at));
    match (here, metadata.packages.as_slice()) {
        (Some(package), [_]) => format!("package {}", quoted(&package.name)),
        (Some(package), all) => format!("package {} of a workspace of {} packages", quoted(&package.name), all.len()),
        (None, all) => format!("workspace of {} packages", all.len()),
    }
}

/// The candidates from the packages below `at`.
fn candidates(dir: &Path, place: &str, at: &Path, metadata: &WorkspaceMetadata) -> Vec<Candidate> {
    // The name of the workspace: its root package, else its folder.
    let root =
        metadata.packages.iter().find(|package| package.manifest_path.parent() == Some(&metadata.workspace_root));
    let named = root
        .map(|package| package.name.clone())
        .or_else(|| metadata.workspace_root.file_name().map(|name| name.to_string_lossy().into_owned()));
    let mut candidates = Vec::new();
    for package in &metadata.packages {
        let Some(folder) = package.manifest_path.parent().filter(|folder| folder.starts_with(at)) else { continue };
        let Some(folder) = folder::below(dir, folder) else { continue };
        let binaries: Vec<_> =
            package.targets.iter().filter(|target| target.kind.iter().any(|kind| kind == "bin")).collect();
        for binary in &binaries {
            let full = format!("{}/{}", package.name, binary.name);
            let word = if binaries.len() == 1 { package.name.clone() } else { full.clone() };
            let mut program =
                DraftProgram::new(&binary.name, ProgramSource::Cargo { package: word }).called(&package.name);
            program.dir = Some(place.to_owned()).filter(|place| !place.is_empty());
            program.features = missing_features(package, binary);
            program.comment =
                format!("The program `{}` of the package `{}`.", printable(&binary.name), printable(&package.name));
            let of_package = binary.name == package.name;
            let of_workspace = named.as_ref() == Some(&package.name);
            let mut rank =
                Rank::new(&folder, &binary.name, of_package && (of_workspace || metadata.packages.len() == 1));
            rank.aside |= rank.not_named && is_aside(&package.name);
            let default = &metadata.workspace_default_members;
            rank.not_default = !default.is_empty() && !default.contains(&package.id);
            rank.not_default_run = package.default_run.as_ref().is_some_and(|run| *run != binary.name);
            rank.hidden = !of_package;
            candidates.push(Candidate { program, folder: folder.clone(), id: full, rank });
        }
    }
    candidates
}

/// The features that a binary requires and that the default features do not enable.
fn missing_features(package: &WorkspacePackage, binary: &PackageTarget) -> Vec<String> {
    let mut on: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec!["default"];
    while let Some(feature) = open.pop() {
        if on.insert(feature) {
            open.extend(package.features.get(feature).into_iter().flatten().map(String::as_str));
        }
    }
    binary.required_features.iter().filter(|feature| !on.contains(feature.as_str())).cloned().collect()
}
