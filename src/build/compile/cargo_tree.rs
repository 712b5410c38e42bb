//! Parses `cargo tree`: the packages that are compiled for a target, with the features that are on.
//!
//! `cargo metadata` does not know them: it has one set of features for the whole workspace and every dependency kind,
//! and follows weak features (`name?/feature`). A program that uses reqwest with its default features would seem to
//! compile ring, which is not in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::cargo_lock::CargoLock;
use crate::report::{ErrorName, Failure, printable};

/// The arguments of the call whose output [`CargoTree::read`] takes. `--target`, `--package` and the flags for
/// features come after them.
pub(super) const ARGUMENTS: [&str; 6] =
    ["tree", "--locked", "--offline", "--edges=normal,build,no-proc-macro", "--charset=ascii", "--format={p}|{f}"];

/// The packages that are compiled for the target. Build scripts, procedural macros and what they depend on are compiled
/// for the host and are not among them.
#[derive(Debug, Default)]
pub(super) struct CargoTree {
    /// By name and version, in the order of both.
    pub(super) packages: BTreeMap<(String, String), TreePackage>,
    /// The names of the direct dependencies of the packages that are compiled for the host.
    host: BTreeMap<(String, String), BTreeSet<String>>,
}

/// A package that is compiled for the target.
#[derive(Debug, Default)]
pub(super) struct TreePackage {
    /// The features that are on.
    pub(super) features: BTreeSet<String>,
    /// The packages that its build script uses directly, by name and version.
    pub(super) build_dependencies: BTreeSet<(String, String)>,
}

/// A package on the path from the root to the current line.
struct TreeLevel {
    key: (String, String),
    /// It is compiled for the host.
    is_host: bool,
    /// The lines below it are those of its build dependencies.
    in_build: bool,
}

impl CargoTree {
    /// Reads what `cargo tree` printed.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let mut tree = Self::default();
        let mut path: Vec<TreeLevel> = Vec::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let unexpected = || {
                Failure::error(
                    ErrorName::ToolUnsupported,
                    format!("unexpected output of `cargo tree`: `{}`", printable(line)),
                )
            };
            let (depth, content) = indentation(line);
            if content == "[build-dependencies]" {
                path.truncate(depth + 1);
                path.get_mut(depth).ok_or_else(unexpected)?.in_build = true;
                continue;
            }
            let (package, features) = content.rsplit_once('|').ok_or_else(unexpected)?;
            let mut words = package.split(' ');
            let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v')))
            else {
                return Err(unexpected());
            };
            if depth > path.len() {
                return Err(unexpected());
            }
            path.truncate(depth);
            let key = (name.to_owned(), version.to_owned());
            let parent = path.last();
            let is_host = parent.is_some_and(|parent| parent.is_host || parent.in_build);
            if let Some(parent) = parent {
                tree.add_edge(parent, &key);
            }
            if !is_host {
                // What is below a package is printed once; `(*)` says that it was.
                let features = features.trim_end_matches(" (*)").split(',').filter(|feature| !feature.is_empty());
                tree.packages.entry(key.clone()).or_default().features.extend(features.map(str::to_owned));
            }
            path.push(TreeLevel { key, is_host, in_build: false });
        }
        Ok(tree)
    }

    /// The packages of a `Cargo.lock`: more than is compiled for one target, with unknown features.
    pub(super) fn of_lock(file: &Path) -> Result<Self, Failure> {
        let mut tree = Self::default();
        for package in CargoLock::read(file)?.package {
            let names = package.dependencies.iter().filter_map(|name| name.split(' ').next());
            let build_dependencies = names.map(|name| (name.to_owned(), String::new())).collect();
            let entry = TreePackage { features: BTreeSet::new(), build_dependencies };
            tree.packages.insert((package.name, package.version), entry);
        }
        Ok(tree)
    }

    /// The names of what a package for the host depends on, without its build script's.
    pub(super) fn host_dependencies(&self, package: &(String, String)) -> impl Iterator<Item = &str> {
        self.host.get(package).into_iter().flatten().map(String::as_str)
    }

    fn add_edge(&mut self, parent: &TreeLevel, child: &(String, String)) {
        match (parent.is_host, parent.in_build) {
            (true, false) => {
                self.host.entry(parent.key.clone()).or_default().insert(child.0.clone());
            }
            (false, true) => {
                if let Some(parent) = self.packages.get_mut(&parent.key) {
                    parent.build_dependencies.insert(child.clone());
                }
            }
            (false, false) | (true, true) => {}
        }
    }
}

/// How deep a line stands, and what it says. Each level takes four characters.
fn indentation(line: &str) -> (usize, &str) {
    let mut rest = line;
    let mut depth = 0;
    while let Some(inner) = ["|   ", "    ", "|-- ", "`-- "].iter().find_map(|level| rest.strip_prefix(level)) {
        rest = inner;
        depth += 1;
    }
    (depth, rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    /// As cargo 1.95 printed it, cut.
    const TREE: &str = "\
p v0.1.0 (/w/with | bar)|default,x
|-- curl-sys v0.4.91+curl-8.22.0|openssl-sys,ssl
|   |-- libc v0.2.191|default,std
|   |-- libz-sys v1.1.33|libc
|   |   `-- libc v0.2.191|default,std
|   |   [build-dependencies]
|   |   |-- cc v1.11.3|parallel
|   |   |   |-- jobserver v0.1.35|
|   |   |   |   `-- libc v0.2.191|default,host,std
|   |   |   `-- shlex v2.0.1|default,std
|   |   `-- pkg-config v0.3.34|
|   `-- openssl-sys v0.9.118|
|       `-- libc v0.2.191|default,std
|       [build-dependencies]
|       `-- cc v1.11.3|parallel (*)
|   [build-dependencies]
|   `-- pkg-config v0.3.34|
`-- openssl-sys v0.9.118| (*)
[build-dependencies]
`-- zlib-builder v1.0.0|
    `-- libz-sys v1.1.33|libc,static
        [build-dependencies]
        `-- cmake v0.1.0|
";

    #[test]
    fn packages_of_the_target_have_their_own_build_dependencies() {
        let tree = CargoTree::read(TREE).unwrap();
        let shown = tree.packages.iter().map(|((name, version), package)| {
            let features = package.features.iter().cloned().collect::<Vec<_>>().join(",");
            let tools = package.build_dependencies.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>();
            format!("{name} {version} [{features}] [{}]", tools.join(","))
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "curl-sys 0.4.91+curl-8.22.0 [openssl-sys,ssl] [pkg-config]",
                "libc 0.2.191 [default,std] []",
                "libz-sys 1.1.33 [libc] [cc,pkg-config]",
                "openssl-sys 0.9.118 [] [cc]",
                "p 0.1.0 [default,x] [zlib-builder]",
            ]
        );
        let cc = ("cc".to_owned(), "1.11.3".to_owned());
        assert_eq!(tree.host_dependencies(&cc).collect::<Vec<_>>(), ["jobserver", "shlex"]);
    }

    #[test]
    fn another_output_is_refused_with_its_line() {
        for line in ["warning: nothing to print.", "p 0.1.0|", "    p v1.0.0|", "[build-dependencies]"] {
            let failure = CargoTree::read(line).unwrap_err();
            assert_eq!(failure.what, format!("unexpected output of `cargo tree`: `{line}`"));
        }
    }

    proptest! {
        #[test]
        fn no_output_panics(lines in prop::collection::vec("[|`]?[-| ]{0,9}(p v1[|]a|\\[build-dependencies\\]|.{0,9})", 0..9)) {
            let _ = CargoTree::read(&lines.join("\n"));
        }
    }
}
