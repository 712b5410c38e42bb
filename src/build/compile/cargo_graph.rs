//! The dependency graph of a cargo workspace for one target and one set of features. The dependency list and the
//! progress of a compile are made from it.

use std::collections::{BTreeMap, BTreeSet};

use super::cargo_metadata::{CargoMetadata, MetadataDependency, MetadataPackage, unexpected_metadata};
use crate::report::{Failure, printable};

/// The packages of a workspace and the edges between them, for one target and one set of features.
///
/// Made from `cargo metadata --format-version=1 --filter-platform=TARGET` without `--no-deps`, called for the manifest
/// of the chosen package with the features of the recipe.
#[derive(Debug)]
pub(super) struct CargoGraph {
    /// Sorted by name, then by package ID.
    pub(super) packages: Vec<GraphPackage>,
    /// The index of the package that is compiled.
    pub(super) root: usize,
}

/// A package of the graph.
#[derive(Debug)]
pub(super) struct GraphPackage {
    /// The package ID, unique in the graph.
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    /// `registry+https://...`, `git+https://...`; `None` for a folder.
    pub(super) source: Option<String>,
    /// The package runs inside of the compiler, and is compiled for the host.
    pub(super) is_proc_macro: bool,
    /// The features that are on.
    pub(super) features: BTreeSet<String>,
    pub(super) edges: Vec<GraphEdge>,
}

/// One package's dependency on another one.
#[derive(Debug)]
pub(super) struct GraphEdge {
    /// The index of the other package.
    pub(super) to: usize,
    /// Each table of `Cargo.toml` that names the dependency. Never empty.
    pub(super) kinds: BTreeSet<EdgeKind>,
}

/// The table of `Cargo.toml` that a dependency stands in, from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EdgeKind {
    /// `[dev-dependencies]`
    Development,
    /// `[build-dependencies]`
    Build,
    /// `[dependencies]`
    Normal,
}

impl CargoGraph {
    /// Reads what `cargo metadata` printed. `package` is the name of the member that is compiled.
    pub(super) fn read(metadata: &[u8], package: &str) -> Result<Self, Failure> {
        let document = CargoMetadata::read(metadata)?;
        let members = document.workspace_members;
        let resolve = document.resolve.ok_or_else(|| unexpected_metadata("it has no `resolve`"))?;
        let mut packages: Vec<_> = document.packages.into_iter().map(MetadataPackage::without_edges).collect();
        packages.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
        let places: BTreeMap<_, _> =
            packages.iter().enumerate().map(|(at, package)| (package.id.clone(), at)).collect();
        if places.len() != packages.len() {
            return Err(unexpected_metadata("two packages have the same ID"));
        }
        let place = |id: &str| {
            let unknown =
                || unexpected_metadata(&format!("it names the package `{}` and does not describe it", printable(id)));
            places.get(id).copied().ok_or_else(unknown)
        };
        let mut resolved = BTreeSet::new();
        for node in resolve.nodes {
            let at = place(&node.id)?;
            if !resolved.insert(at) {
                return Err(unexpected_metadata(&format!("it resolves the package `{}` twice", printable(&node.id))));
            }
            let edges = node
                .deps
                .iter()
                .map(|dependency| Ok(GraphEdge { to: place(&dependency.pkg)?, kinds: dependency.kinds()? }));
            let edges = edges.collect::<Result<Vec<_>, Failure>>()?;
            if let Some(package) = packages.get_mut(at) {
                package.features = node.features;
                package.edges = edges;
            }
        }
        // A package without a node would look like one without dependencies.
        for edge in packages.iter().flat_map(|package| &package.edges) {
            if !resolved.contains(&edge.to) {
                let id = packages.get(edge.to).map(|package| printable(&package.id)).unwrap_or_default();
                return Err(unexpected_metadata(&format!("it does not resolve the package `{id}`")));
            }
        }
        let is_root = |(at, candidate): &(usize, &GraphPackage)| {
            candidate.name == package && members.contains(&candidate.id) && resolved.contains(at)
        };
        let root = packages.iter().enumerate().find(is_root).map(|(at, _)| at);
        let root = root.ok_or_else(|| unexpected_metadata(&format!("it has no member `{}`", printable(package))))?;
        Ok(Self { packages, root })
    }
}

impl MetadataPackage {
    fn without_edges(self) -> GraphPackage {
        // A package with a procedural macro has no other library beside it.
        let is_proc_macro = matches!(self.targets.as_slice(), [only] if only.kind == ["proc-macro"]);
        GraphPackage {
            id: self.id,
            name: self.name,
            version: self.version,
            source: self.source,
            is_proc_macro,
            features: BTreeSet::new(),
            edges: Vec::new(),
        }
    }
}

impl MetadataDependency {
    fn kinds(&self) -> Result<BTreeSet<EdgeKind>, Failure> {
        let kinds = self.dep_kinds.iter().map(|kind| match kind.kind.as_deref() {
            None => Ok(EdgeKind::Normal),
            Some("build") => Ok(EdgeKind::Build),
            Some("dev") => Ok(EdgeKind::Development),
            Some(other) => {
                Err(unexpected_metadata(&format!("it has the unknown dependency kind `{}`", printable(other))))
            }
        });
        let mut kinds = kinds.collect::<Result<BTreeSet<_>, _>>()?;
        if kinds.is_empty() {
            // As cargo before 1.41 says it.
            kinds.insert(EdgeKind::Normal);
        }
        Ok(kinds)
    }
}

impl GraphEdge {
    /// The strongest of its kinds.
    pub(super) fn kind(&self) -> EdgeKind {
        self.kinds.last().copied().unwrap_or(EdgeKind::Normal)
    }
}
