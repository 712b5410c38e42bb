//! Judges the sources of a Rust program: the folders of its package and of the path dependencies, found by their manifests,
//! and what cargo reads beside them.
//!
//! Manifests and sources are read, cargo is not asked: the answer is the same without Rust. What runs while the program is
//! compiled (build scripts, procedural macros of the checkout) may read anything: then the whole checkout counts, and its
//! commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    cargo_manifest::CargoManifest,
    cargo_settings::{far_setting, vendor_folders},
    change_index::ChangeIndex,
    go_reach::joined,
    reason::{ReasonKind, ReasonList},
    rust_folder::RustFolder,
};
use crate::{build::compile::crate_that_asks_git, recipe::CargoBinary};

/// Files at the top of a workspace that no Rust program is made of.
const OTHERS: [&str; 9] = [
    "go.mod",
    "go.sum",
    "go.work",
    "go.work.sum",
    "hardpan.toml",
    "hardpan.lock",
    ".gitlab-ci.yml",
    ".gitignore",
    ".github",
];
/// How the names of texts for readers begin.
const PROSE: [&str; 7] = ["README", "LICENSE", "LICENCE", "COPYING", "CHANGELOG", "CONTRIBUTING", "SECURITY"];

/// Judges Rust programs; reads each folder once.
#[derive(Debug, Default)]
pub(super) struct CargoReach {
    manifests: Mutex<BTreeMap<PathBuf, Option<Arc<CargoManifest>>>>,
    folders: Mutex<BTreeMap<PathBuf, Arc<RustFolder>>>,
}

/// A program that is being judged.
struct RustProgram<'a> {
    index: &'a ChangeIndex,
    cargo: &'a CargoBinary,
    role: String,
    /// The folder of the workspace.
    root: PathBuf,
}

impl CargoReach {
    /// Judges the program `cargo` of a recipe, whose toolchain runs in `dir`.
    pub(super) fn check(&self, index: &ChangeIndex, cargo: &CargoBinary, dir: &Path, list: &mut ReasonList) {
        let name = &cargo.package.value;
        let role = format!("the Rust program `{name}`");
        let dir = index.follow(dir, &format!("the folder of {role}"), list).end;
        let inside = |folder: &&Path| folder.starts_with(index.top());
        let is_workspace = |folder: &&Path| self.manifest(folder).is_some_and(|manifest| manifest.is_workspace);
        let above: Vec<&Path> = dir.ancestors().take_while(inside).collect();
        let nearest = above.iter().find(|folder| folder.join("Cargo.toml").is_file());
        let Some(root) = above.iter().copied().find(is_workspace).or(nearest.copied()) else {
            index.check_everything(&format!("{role} has no `Cargo.toml`"), list);
            return;
        };
        let program = RustProgram { index, cargo, role, root: root.to_owned() };
        for folder in &above {
            program.check_settings(folder, list);
        }
        program.check_above(&above.iter().map(|folder| folder.to_path_buf()).collect(), list);
        for name in ["Cargo.toml", "Cargo.lock"] {
            index.check_optional(&root.join(name), &format!("it pins what {} is made of", program.role), list);
        }
        if let Some(why) = far_setting(cargo, &dir, index.top()) {
            index.check_everything(&format!("{} has {why}", program.role), list);
        }
        program.check_git(list);
        let members = self.named(&program);
        if members.is_empty() {
            index.check_everything(&format!("the package of {} was not found", program.role), list);
        }
        self.check_packages(&program, members, list);
    }

    /// The folders of the packages of that name in the workspace.
    fn named(&self, program: &RustProgram<'_>) -> Vec<PathBuf> {
        let known = program.index.changes.cargo_manifests.iter().filter_map(|manifest| manifest.parent());
        let within = known.filter(|folder| folder.starts_with(&program.root)).chain([program.root.as_path()]);
        let name = Some(&program.cargo.package.value);
        let is_it = |folder: &&Path| self.manifest(folder).is_some_and(|manifest| manifest.name.as_ref() == name);
        within.filter(is_it).map(Path::to_path_buf).collect()
    }

    /// Judges packages and what they depend on by a path.
    fn check_packages(&self, program: &RustProgram<'_>, members: Vec<PathBuf>, list: &mut ReasonList) {
        let (index, role) = (program.index, &program.role);
        let workspace = self.manifest(&program.root).unwrap_or_default();
        let patched = workspace.patched.iter().map(|folder| joined(&program.root, folder));
        let (mut seen, mut waiting) = (BTreeSet::new(), members);
        waiting.extend(patched);
        let mut above = BTreeSet::new();
        while let Some(path) = waiting.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let input = format!("a package of {role}");
            let trail = index.follow(&path, &input, list);
            let folder = trail.end;
            above.extend(folder.ancestors().take_while(|above| above.starts_with(index.top())).map(Path::to_path_buf));
            let Some(manifest) = self.manifest(&folder) else {
                let place = index.shown(&folder);
                index.check_everything(&format!("{role}: the `Cargo.toml` in `{place}` cannot be read"), list);
                continue;
            };
            if let Some(far) = manifest.far {
                index.check_everything(&format!("`{}` has {far}", index.shown(&folder)), list);
            }
            self.check_sources(program, &folder, &input, list);
            waiting.extend(manifest.folders.iter().map(|below| joined(&folder, below)));
            let shared = manifest.inherited.iter().filter_map(|name| workspace.shared.get(name));
            waiting.extend(shared.map(|below| joined(&program.root, below)));
            // A package of another workspace inherits from that one.
            if manifest.inherited.iter().any(|_| !folder.starts_with(&program.root)) {
                index.check_everything(&format!("{role} depends on a package of another workspace"), list);
            }
        }
        program.check_above(&above, list);
    }

    /// Judges the files of a package, and the folders that links in it lead to.
    fn check_sources(&self, program: &RustProgram<'_>, package: &Path, input: &str, list: &mut ReasonList) {
        let index = program.index;
        let (mut seen, mut waiting) = (BTreeSet::new(), vec![package.to_owned()]);
        while let Some(folder) = waiting.pop() {
            if !seen.insert(folder.clone()) {
                continue;
            }
            index.check_folder(&folder, input, list);
            let sources = self.folder(&folder);
            for link in &sources.links {
                index.check_path(link, input, list);
                waiting.extend(link.canonicalize().ok().filter(|end| end.is_dir() && !end.starts_with(package)));
            }
            if let Some(file) = &sources.far {
                index.check_everything(&format!("`{}` may name files outside of its package", index.shown(file)), list);
            }
            program.check_words(&sources, list);
        }
    }

    fn manifest(&self, folder: &Path) -> Option<Arc<CargoManifest>> {
        if let Some(known) = self.manifests.lock().get(folder) {
            return known.clone();
        }
        let read = CargoManifest::read(&folder.join("Cargo.toml")).map(Arc::new);
        self.manifests.lock().insert(folder.to_owned(), read.clone());
        read
    }

    fn folder(&self, path: &Path) -> Arc<RustFolder> {
        if let Some(known) = self.folders.lock().get(path) {
            return Arc::clone(known);
        }
        let folder = Arc::new(RustFolder::read(path));
        self.folders.lock().insert(path.to_owned(), Arc::clone(&folder));
        folder
    }
}

impl RustProgram<'_> {
    /// A program that is stamped with its commit, by a known crate.
    fn check_git(&self, list: &mut ReasonList) {
        let lock = self.root.join("Cargo.lock");
        match crate_that_asks_git(&lock, &self.cargo.package.value) {
            Ok(None) => {}
            Ok(Some(name)) => {
                self.index.check_everything(&format!("{} has the crate `{name}`, which asks git", self.role), list);
            }
            Err(_) => self.index.check_everything(&format!("the `Cargo.lock` of {}", self.role), list),
        }
    }

    /// Judges what cargo and rustup read in a folder above the program, or in its own.
    fn check_settings(&self, folder: &Path, list: &mut ReasonList) {
        let input = format!("a setting of {}", self.role);
        for vendor in vendor_folders(folder) {
            self.index.check_path(&vendor, &format!("vendored crates of {}", self.role), list);
        }
        for name in [".cargo/config", ".cargo/config.toml", "rust-toolchain", "rust-toolchain.toml"] {
            self.index.check_optional(&folder.join(name), &input, list);
        }
    }

    /// Judges files of the folders that packages are in: manifests, which would make another workspace, and the variables that
    /// macros look for upwards.
    fn check_above(&self, above: &BTreeSet<PathBuf>, list: &mut ReasonList) {
        let beside = |path: &Path| path.parent().is_some_and(|parent| above.contains(parent));
        for (path, kind) in self.index.upward.iter().filter(|(path, _)| beside(path)) {
            list.add(Some(self.index.shown(path)), *kind, format!("it is above {}", self.role));
        }
    }

    /// Judges what macros of these sources may read without leading out of the workspace.
    fn check_words(&self, sources: &RustFolder, list: &mut ReasonList) {
        let index = self.index;
        let input = format!("a macro of {} may read it", self.role);
        for (path, kind) in index.below(&self.root).filter(|(path, _)| self.is_named(path, &sources.words)) {
            if !index.is_passed_over(path, kind) {
                list.add(Some(index.shown(path)), kind.into(), input.as_str());
            }
        }
        for path in index.ignored_in(&self.root).filter(|path| self.is_named(path, &sources.words)) {
            if index.first_input(path).is_some() {
                list.add(Some(index.shown(path)), ReasonKind::Ignored, input.as_str());
            }
        }
    }

    /// Whether a macro of the sources with these `words` may read the path without leading out of the workspace: it is named,
    /// or it lies at the top, where macros look for their settings.
    fn is_named(&self, path: &Path, words: &BTreeSet<Vec<u8>>) -> bool {
        let Ok(below) = path.strip_prefix(&self.root) else { return false };
        let mut names = below.iter();
        let Some(first) = names.next() else { return false };
        if words.contains(first.as_bytes()) {
            return true;
        }
        let is_at_top = names.next().is_none() || first.as_bytes().starts_with(b".");
        let is_folder = path.is_dir() && !first.as_bytes().starts_with(b".");
        is_at_top && !is_folder && !is_of_others(first)
    }
}

fn is_of_others(name: &OsStr) -> bool {
    let text = name.to_string_lossy();
    let stem = text.split(['.', '-']).next().unwrap_or_default().to_uppercase();
    OTHERS.contains(&&*text) || PROSE.contains(&&*stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_readers_are_of_no_account() {
        for (name, others) in
            [("README.md", true), ("LICENSE-MIT", true), ("go.sum", true), ("askama.toml", false), (".env", false)]
        {
            assert_eq!(is_of_others(OsStr::new(name)), others, "{name}");
        }
    }
}
