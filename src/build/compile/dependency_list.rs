//! The list of dependencies that a Rust program carries in its section `.dep-v0`, in the format of cargo-auditable.
//!
//! Scanners (`cargo audit bin`, `rust-audit-info`, Syft, Trivy, OSV-Scanner, Grype) read the section by its name. After
//! inflation its content is equal to what cargo-auditable 0.7 embeds for the same metadata: crate `auditable-serde`,
//! format 1, in which procedural macros are build dependencies.

use std::collections::VecDeque;

use serde::Serialize;

use super::{
    cargo_graph::{CargoGraph, EdgeKind, GraphPackage},
    cargo_metadata::unexpected_metadata,
};
use crate::report::{ErrorName, Failure, printable};

/// How cargo calls crates.io, whatever mirror it was replaced by.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// The packages that a program is made of. The order of the fields is that of cargo-auditable's JSON.
#[derive(Debug, Serialize)]
pub(super) struct DependencyList {
    packages: Vec<ListedPackage>,
    format: u32,
}

#[derive(Debug, Serialize)]
struct ListedPackage {
    name: String,
    version: String,
    source: String,
    /// `None` for a package whose code is in the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Places in the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<usize>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    root: bool,
}

impl DependencyList {
    /// The packages that the root of `graph` reaches without dev-dependencies.
    pub(super) fn of(graph: &CargoGraph) -> Result<Self, Failure> {
        let reached = reach(graph);
        let listed: Vec<_> =
            (0..).zip(&graph.packages).zip(&reached).filter_map(|(found, kind)| Some((found, (*kind)?))).collect();
        let place = |at: usize| listed.binary_search_by_key(&at, |((at, _), _)| *at).ok();
        let packages = listed.iter().map(|&((at, package), kind)| {
            let edges = package.edges.iter().filter(|edge| edge.kind() != EdgeKind::Development);
            let mut dependencies: Vec<_> = edges.filter_map(|edge| place(edge.to)).collect();
            dependencies.sort_unstable();
            ListedPackage {
                name: package.name.clone(),
                version: package.version.clone(),
                source: source(package),
                kind: (kind == EdgeKind::Build).then_some("build"),
                dependencies,
                root: at == graph.root,
            }
        });
        let list = Self { packages: packages.collect(), format: 1 };
        list.refuse_cycle()?;
        Ok(list)
    }

    /// The list as JSON, as cargo-auditable writes it.
    pub(super) fn json(&self) -> Result<Vec<u8>, Failure> {
        serde_json::to_vec(self)
            .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write the dependency list: {error}")))
    }

    /// The content of the section `.dep-v0`: the JSON, compressed with zlib. It becomes part of a program and so of an image:
    /// its bytes belong to `format = 1`.
    pub(super) fn section(&self) -> Result<Vec<u8>, Failure> {
        Ok(hardpan_deflate::zlib(&self.json()?))
    }

    /// Refuses a list that its readers refuse. Cargo allows no cycle but by way of dev-dependencies.
    fn refuse_cycle(&self) -> Result<(), Failure> {
        let mut waiting: Vec<_> = self.packages.iter().map(|package| package.dependencies.len()).collect();
        let mut users = vec![Vec::new(); self.packages.len()];
        for (at, package) in self.packages.iter().enumerate() {
            for &dependency in &package.dependencies {
                if let Some(users) = users.get_mut(dependency) {
                    users.push(at);
                }
            }
        }
        let mut free: Vec<_> = (0..waiting.len()).filter(|&at| waiting.get(at) == Some(&0)).collect();
        while let Some(at) = free.pop() {
            for &user in users.get(at).into_iter().flatten() {
                let Some(left) = waiting.get_mut(user) else { continue };
                *left -= 1;
                if *left == 0 {
                    free.push(user);
                }
            }
        }
        let Some((package, _)) = self.packages.iter().zip(&waiting).find(|(_, left)| **left > 0) else {
            return Ok(());
        };
        let name = printable(&package.name);
        Err(unexpected_metadata(&format!("the dependencies of `{name}` form a cycle")))
    }
}

/// How many packages of the graph are compiled for the program: not those that only its tests or other members need.
pub(super) fn used(graph: &CargoGraph) -> usize {
    reach(graph).iter().flatten().count()
}

/// For each package of the graph whether and how the program depends on it.
///
/// Cargo names the kind of an edge, not of a package: what a build dependency depends on is a build dependency, too. A
/// package that is reached in both ways counts as a normal one.
fn reach(graph: &CargoGraph) -> Vec<Option<EdgeKind>> {
    let mut reached = vec![None; graph.packages.len()];
    let mut queue = VecDeque::from([(graph.root, EdgeKind::Normal)]);
    while let Some((at, kind)) = queue.pop_front() {
        let (Some(package), Some(known)) = (graph.packages.get(at), reached.get_mut(at)) else { continue };
        if *known >= Some(kind) {
            continue;
        }
        *known = Some(kind);
        for edge in package.edges.iter().filter(|edge| edge.kind() != EdgeKind::Development) {
            let is_proc_macro = graph.packages.get(edge.to).is_some_and(|package| package.is_proc_macro);
            let most = if is_proc_macro { EdgeKind::Build } else { EdgeKind::Normal };
            queue.push_back((edge.to, edge.kind().min(kind).min(most)));
        }
    }
    reached
}

/// Where a package comes from, in cargo-auditable's words: the protocol without the address, which may be private.
fn source(package: &GraphPackage) -> String {
    match package.source.as_deref() {
        None => "local",
        Some(CRATES_IO) => "crates.io",
        Some(source) => source.split('+').next().unwrap_or(source),
    }
    .to_owned()
}

#[cfg(test)]
mod tests;
