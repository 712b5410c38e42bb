//! Paths that mean the same on every machine: a [`StableRoot`], whose folder each machine has somewhere, and what is below it.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::watched_paths::Watch;

/// A folder or file that every machine has, wherever it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum StableRoot {
    /// The checkout.
    Checkout,
    /// Go itself (`GOROOT`).
    GoRoot,
    /// The `go` in `PATH`.
    GoProgram,
    /// The modules that `go.sum` pins (`GOMODCACHE`).
    GoModules,
    /// The file that `go env -w` writes.
    GoSettings,
    /// The toolchains of rustup, and its settings (`RUSTUP_HOME`).
    RustupHome,
    /// The folder of a Rust that is not rustup's.
    RustPrefix,
    /// `CARGO_HOME`.
    CargoHome,
    /// The `cargo` in `PATH`.
    Cargo,
    /// The `rustc` in `PATH`.
    Rustc,
}

/// A watched path without the place of its root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct StablePath {
    pub(super) root: StableRoot,
    /// Empty for the root itself.
    pub(super) below: PathBuf,
    pub(super) watch: Watch,
}

/// Where the roots are on this machine.
#[derive(Debug, Clone, Default)]
pub(super) struct StableRoots(BTreeMap<StableRoot, PathBuf>);

impl StableRoots {
    /// Adds a root.
    pub(super) fn with(mut self, root: StableRoot, place: impl Into<PathBuf>) -> Self {
        self.0.insert(root, place.into());
        self
    }

    /// The path by the innermost root that it is in; none where it is in none of them.
    pub(super) fn stable(&self, path: &Path, watch: Watch) -> Option<StablePath> {
        let below = |(root, place): (&StableRoot, &PathBuf)| {
            let below = path.strip_prefix(place).ok()?.to_path_buf();
            Some((place.as_os_str().len(), StablePath { root: *root, below, watch }))
        };
        // Of two roots at one place, the first one.
        let mut found: Vec<_> = self.0.iter().filter_map(below).collect();
        found.sort_by_key(|(length, path)| (std::cmp::Reverse(*length), path.root));
        let (_, path) = found.into_iter().next()?;
        is_inside(&path.below).then_some(path)
    }

    /// The path on this machine.
    pub(super) fn path(&self, stable: &StablePath) -> Option<PathBuf> {
        let place = self.0.get(&stable.root).filter(|_| is_inside(&stable.below))?;
        // Joined with nothing, a path would end with a slash.
        Some(if stable.below.as_os_str().is_empty() { place.clone() } else { place.join(&stable.below) })
    }
}

/// Whether a relative path stays where it begins.
fn is_inside(below: &Path) -> bool {
    below.components().all(|part| matches!(part, Component::Normal(_)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_path_is_named_by_its_innermost_root_and_found_where_that_is_elsewhere() {
        let here = StableRoots::default().with(StableRoot::Checkout, "/src").with(StableRoot::GoModules, "/src/mod");
        let there = StableRoots::default().with(StableRoot::Checkout, "/w/a").with(StableRoot::GoModules, "/go");
        let moved = |path: &str| {
            let stable = here.stable(Path::new(path), Watch::File)?;
            there.path(&stable)
        };
        assert_eq!(moved("/src/cmd/main.go"), Some("/w/a/cmd/main.go".into()));
        assert_eq!(moved("/src"), Some("/w/a".into()));
        assert_eq!(moved("/src/mod/x@v1/x.go"), Some("/go/x@v1/x.go".into()));
        for none in ["/srcs/x", "/etc/passwd", "/src/../etc"] {
            assert_eq!(moved(none), None, "{none}");
        }
        let outside = |below: &str| StablePath { root: StableRoot::Checkout, below: below.into(), watch: Watch::File };
        for below in ["../x", "/etc/passwd", "a/../../x"] {
            assert_eq!(there.path(&outside(below)), None, "{below}");
        }
        let unknown = StablePath { root: StableRoot::GoRoot, below: "bin/go".into(), watch: Watch::File };
        assert_eq!(there.path(&unknown), None);
    }
}
