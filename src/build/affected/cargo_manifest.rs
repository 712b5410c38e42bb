//! Reads a `Cargo.toml` as far as it says which folders a package is made of (The Cargo Book, "The Manifest Format").
//!
//! `cargo metadata` says the same; this reader needs no Rust, so that the answer does not depend on whether it is installed.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use toml::{Table, Value};

use super::trail::read_through_links;
use crate::report::Limits;

/// A manifest: of a package, of a workspace, or of both.
#[derive(Debug, Default)]
pub(super) struct CargoManifest {
    /// `package.name`.
    pub(super) name: Option<String>,
    /// Whether it has a `[workspace]`.
    pub(super) is_workspace: bool,
    /// The folders of dependencies, as written.
    pub(super) folders: BTreeSet<String>,
    /// Dependencies that the workspace's manifest says.
    pub(super) inherited: BTreeSet<String>,
    /// `[workspace.dependencies]` with a folder, by name.
    pub(super) shared: BTreeMap<String, String>,
    /// The folders of `[patch]` and `[replace]`, which any package of the workspace may be made of.
    pub(super) patched: BTreeSet<String>,
    /// What makes the package depend on more than its folder.
    pub(super) far: Option<&'static str>,
}

impl CargoManifest {
    /// Reads the manifest at `path`; none where there is none that can be read.
    pub(super) fn read(path: &Path) -> Option<Self> {
        let text = String::from_utf8(read_through_links(path, Limits::RECIPE_BYTES)?).ok()?;
        let table: Table = text.parse().ok()?;
        let mut new = Self::of(&table);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let package = table.get("package").or_else(|| table.get("project"));
        let script = package.and_then(|package| package.get("build"));
        if package.is_some()
            && script.map_or_else(|| folder.join("build.rs").exists(), |script| script != &Value::Boolean(false))
        {
            new.far = Some("a build script");
        }
        Some(new)
    }

    fn of(table: &Table) -> Self {
        let mut new = Self::default();
        let package = table.get("package").or_else(|| table.get("project"));
        new.name = package.and_then(|package| package.get("name")).and_then(Value::as_str).map(str::to_owned);
        new.add_dependencies(table);
        for target in table.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values) {
            target.as_table().into_iter().for_each(|target| new.add_dependencies(target));
        }
        if let Some(workspace) = table.get("workspace") {
            new.is_workspace = true;
            let shared = workspace.get("dependencies").and_then(Value::as_table).into_iter().flatten();
            let folders = shared.filter_map(|(name, one)| Some((name.clone(), folder_of(one)?)));
            new.shared = folders.collect();
        }
        let patches = table.get("patch").and_then(Value::as_table).into_iter().flat_map(Table::values);
        for patch in patches.chain(table.get("replace")) {
            new.patched.extend(patch.as_table().into_iter().flat_map(Table::values).filter_map(folder_of));
        }
        let library = table.get("lib");
        let is_macro = |key: &str| library.and_then(|library| library.get(key)) == Some(&Value::Boolean(true));
        if is_macro("proc-macro") || is_macro("proc_macro") {
            new.far = Some("a procedural macro");
        } else if package.is_some_and(|package| package.get("workspace").is_some()) || leads_out(table) {
            new.far = Some("a path that leads out of its folder");
        }
        new
    }

    fn add_dependencies(&mut self, table: &Table) {
        // Those of tests as well: in an old resolver they choose features.
        let names =
            ["dependencies", "build-dependencies", "dev-dependencies", "build_dependencies", "dev_dependencies"];
        let tables = names.iter().filter_map(|name| table.get(*name)?.as_table());
        for (name, dependency) in tables.flatten() {
            if dependency.get("workspace") == Some(&Value::Boolean(true)) {
                self.inherited.insert(name.clone());
            }
            self.folders.extend(folder_of(dependency));
        }
    }
}

fn folder_of(dependency: &Value) -> Option<String> {
    dependency.get("path").and_then(Value::as_str).map(str::to_owned)
}

/// Whether a target or another key of the package names a file outside of it.
fn leads_out(table: &Table) -> bool {
    let own = |(key, value): (&String, &Value)| {
        ["package", "project", "lib", "bin", "badges", "metadata"].contains(&key.as_str()) && leads(value)
    };
    table.iter().any(own)
}

/// Whether a value holds a path that climbs, or an absolute one.
fn leads(value: &Value) -> bool {
    match value {
        Value::String(text) => text.starts_with('/') || text.split(['/', '\\']).any(|name| name == ".."),
        Value::Array(list) => list.iter().any(leads),
        Value::Table(table) => table.values().any(leads),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn manifest(text: &str) -> CargoManifest {
        CargoManifest::of(&text.parse().unwrap())
    }

    #[test]
    fn folders_are_found_in_every_table() {
        let text = "[package]\nname = \"app\"\n[dependencies]\na = { path = \"../a\" }\nserde = \"1\"\nw = { workspace = true }\nv.workspace = true\n\
            [dev-dependencies]\nb = { path = \"b\", version = \"1\" }\n[target.'cfg(unix)'.build-dependencies.c]\npath = \"../c\"\n\
            [workspace]\nmembers = [\"x\"]\n[workspace.dependencies]\nw = { path = \"w\" }\nserde = \"1\"\n\
            [patch.crates-io]\nserde = { path = \"patched\" }\n[patch.'https://x']\ny.path = \"y\"\n";
        let read = manifest(text);
        assert_eq!(read.name.as_deref(), Some("app"));
        assert!(read.is_workspace && read.far.is_none());
        assert_eq!(read.folders.iter().collect::<Vec<_>>(), ["../a", "../c", "b"]);
        assert_eq!(read.inherited.iter().collect::<Vec<_>>(), ["v", "w"]);
        assert_eq!(read.shared.into_iter().collect::<Vec<_>>(), [("w".to_owned(), "w".to_owned())]);
        assert_eq!(read.patched.iter().collect::<Vec<_>>(), ["patched", "y"]);
    }

    #[test]
    fn what_reaches_further_is_said() {
        for (text, far) in [
            ("[lib]\nproc-macro = true\n", Some("a procedural macro")),
            ("[[bin]]\nname = \"x\"\npath = \"../x.rs\"\n", Some("a path that leads out of its folder")),
            ("[package]\nname = \"x\"\nworkspace = \"..\"\n", Some("a path that leads out of its folder")),
            ("[package]\nname = \"x\"\nreadme = \"../README.md\"\n", Some("a path that leads out of its folder")),
            ("[package]\nname = \"x\"\n[[bin]]\npath = \"src/x..y.rs\"\n", None),
        ] {
            assert_eq!(manifest(text).far, far, "{text}");
        }
    }
}
