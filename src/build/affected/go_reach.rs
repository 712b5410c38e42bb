//! Judges the sources of a Go program: the folders of its packages in the checkout, found by their imports.
//!
//! The sources are read, not compiled, and Go is not asked. So the answer is the same with and without Go and its module
//! cache, and it is larger than what `go list` says: files of every platform and tag count. Packages of other modules are
//! pinned by `go.mod` and `go.sum`, every change of which counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::{
    change_index::ChangeIndex,
    go_folder::GoFolder,
    reason::{ReasonKind, ReasonList},
    trail::read_through_links,
};
use crate::{
    build::compile::{ChangeKind, GoDirectives},
    recipe::GoBinary,
    report::Limits,
};

/// Variables of a recipe that name no file.
const HARMLESS: [&str; 11] = [
    "GOAMD64",
    "GOARM",
    "GOARM64",
    "GO386",
    "GOMIPS",
    "GOMIPS64",
    "GOPPC64",
    "GORISCV64",
    "GOEXPERIMENT",
    "GODEBUG",
    "GOFIPS140",
];

/// The folder of a `go.mod`, and the `go.work` that the recipe names.
type ModulesKey = (PathBuf, Option<PathBuf>);

/// Judges Go programs; reads each folder once.
#[derive(Debug, Default)]
pub(super) struct GoReach {
    folders: Mutex<BTreeMap<(PathBuf, bool), Arc<GoFolder>>>,
    modules: Mutex<BTreeMap<ModulesKey, Arc<GoModules>>>,
}

/// The modules of a program whose packages are folders.
#[derive(Debug, Default)]
struct GoModules {
    /// Module paths, and where they are.
    local: Vec<(String, PathBuf)>,
    /// The `go.work`.
    work: Option<PathBuf>,
    /// A module that is fetched and may import a package of these.
    back: Option<String>,
    /// What is not understood.
    odd: Option<String>,
}

impl GoReach {
    /// Judges the program `go` of a recipe, whose toolchain runs in `dir`.
    pub(super) fn check(&self, index: &ChangeIndex, go: &GoBinary, dir: &Path, list: &mut ReasonList) {
        let role = format!("the Go program `{}`", go.package.value);
        if go.vcs.is_some() && (index.changes.has_moved() || !index.changes.changed.is_empty()) {
            list.add(None, ReasonKind::Commit, format!("{role} is stamped with it (`vcs = true`)"));
        }
        let trail = index.follow(dir, &format!("the folder of {role}"), list);
        let dir = trail.end;
        if let Some(why) = far_setting(go) {
            index.check_everything(&format!("{role} has {why}"), list);
        }
        let work = go.env.get("GOWORK").map(|work| work.value.as_str()).filter(|work| !["", "off"].contains(work));
        let work = work.map(|work| index.follow(&dir.join(work), "`GOWORK`", list).end);
        let Some(root) = dir.ancestors().find(|above| above.join("go.mod").is_file()) else {
            index.check_everything(&format!("{role} has no `go.mod`"), list);
            return;
        };
        let modules = self.modules(index, root, work.as_deref());
        check_module_files(index, &modules, root, &role, list);
        if let Some(odd) = &modules.odd {
            index.check_everything(&format!("{role}: {odd} is not understood"), list);
            return;
        }
        if let Some(back) = &modules.back {
            let input = format!("{role} needs the module `{back}`, which may import packages of this one");
            for (_, root) in &modules.local {
                let root = index.follow(root, &input, list).end;
                index.check_folder(&root, &input, list);
            }
        }
        let package = go.package.value.as_str();
        let first = if package.starts_with('.') || package.starts_with('/') {
            vec![dir.join(package)]
        } else {
            modules.folders_of(package)
        };
        if package.contains("...") {
            index.check_everything(&format!("{role} is a pattern"), list);
        } else if !first.is_empty() {
            self.check_packages(index, &modules, first, (go.cgo, &role), list);
        }
        check_above(index, &up_to_module(&dir).collect(), &role, list);
    }

    /// Judges the folders of packages, from those of the program on.
    fn check_packages(
        &self,
        index: &ChangeIndex,
        modules: &GoModules,
        first: Vec<PathBuf>,
        (cgo, role): (bool, &str),
        list: &mut ReasonList,
    ) {
        let (mut seen, mut waiting) = (BTreeSet::new(), first);
        let mut above = BTreeSet::new();
        while let Some(path) = waiting.pop() {
            if !seen.insert(path.clone()) {
                continue;
            }
            let input = format!("a package of {role}");
            let trail = index.follow(&path, &input, list);
            let folder = self.folder(&trail.end, cgo);
            check_folder(index, &trail.end, &folder, &input, list);
            if let Some(odd) = &folder.odd {
                let place = index.shown(&trail.end);
                index.check_everything(&format!("{role}: {odd} in `{place}`"), list);
            }
            above.extend(up_to_module(&trail.end));
            for import in &folder.imports {
                let folders = modules.folders_of(import);
                // Something makes it before the build, and what that will be is not known.
                if let Some(none) = folders.first().filter(|_| !folders.iter().any(|folder| folder.exists())) {
                    index.check_path(none, &input, list);
                }
                waiting.extend(folders);
            }
        }
        check_above(index, &above, role, list);
    }

    fn folder(&self, path: &Path, cgo: bool) -> Arc<GoFolder> {
        let key = (path.to_owned(), cgo);
        if let Some(known) = self.folders.lock().get(&key) {
            return Arc::clone(known);
        }
        let folder = Arc::new(GoFolder::read(path, cgo));
        self.folders.lock().insert(key, Arc::clone(&folder));
        folder
    }

    fn modules(&self, index: &ChangeIndex, root: &Path, work: Option<&Path>) -> Arc<GoModules> {
        let key = (root.to_owned(), work.map(Path::to_owned));
        if let Some(known) = self.modules.lock().get(&key) {
            return Arc::clone(known);
        }
        let modules = Arc::new(GoModules::read(index, root, work));
        self.modules.lock().insert(key, Arc::clone(&modules));
        modules
    }
}

impl GoModules {
    /// The module in `root`, those of the workspace file `work`, and all that they replace by folders.
    fn read(index: &ChangeIndex, root: &Path, work: Option<&Path>) -> Self {
        let mut new = Self::default();
        let mut roots = vec![root.to_owned()];
        let mut required = Vec::new();
        if let Some(file) = work {
            let folder = file.parent().unwrap_or(root);
            match directives(file) {
                Some(said) => {
                    roots.extend(said.used.iter().map(|used| joined(folder, used)));
                    new.local.extend(said.replaced.iter().map(|(path, to)| (path.clone(), joined(folder, to))));
                }
                None => new.odd = Some(format!("`{}`", index.shown(file))),
            }
            new.work = Some(file.to_owned());
        }
        roots.dedup();
        for root in roots {
            match directives(&root.join("go.mod")) {
                Some(GoDirectives { module: Some(module), required: needs, replaced, .. }) => {
                    required.extend(needs);
                    new.local.extend(replaced.iter().map(|(path, to)| (path.clone(), joined(&root, to))));
                    new.local.push((module, root));
                }
                _ => new.odd = Some(format!("`{}`", index.shown(&root.join("go.mod")))),
            }
        }
        // What a replaced module needs may come from elsewhere, too.
        let replaced = new.local.iter().filter_map(|(_, root)| directives(&root.join("go.mod")));
        required.extend(replaced.flat_map(|said| said.required));
        let is_local = |path: &String| new.local.iter().any(|(local, _)| local == path);
        let related = |path: &String| new.local.iter().any(|(local, _)| are_related(local, path));
        new.back = required.into_iter().find(|path| !is_local(path) && related(path));
        new
    }

    /// The folders that may be those of a package: in a module that is replaced or nested, more than one.
    fn folders_of(&self, import: &str) -> Vec<PathBuf> {
        let below = |(module, root): &(String, PathBuf)| {
            let rest = import.strip_prefix(module.as_str())?;
            match rest.strip_prefix('/') {
                Some(rest) => Some(joined(root, rest)),
                None => rest.is_empty().then(|| root.clone()),
            }
        };
        self.local.iter().filter_map(below).collect()
    }
}

/// A folder and those above it, up to the one whose `go.mod` is that of its module: what is further up is of no account.
fn up_to_module(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let mut is_below = true;
    let above = folder.ancestors().take_while(move |above| {
        let was_below = is_below;
        is_below = is_below && !above.join("go.mod").is_file();
        was_below
    });
    above.map(Path::to_path_buf)
}

/// Judges the folders that packages are in: a new `go.mod` makes a folder part of another module.
fn check_above(index: &ChangeIndex, above: &BTreeSet<PathBuf>, role: &str, list: &mut ReasonList) {
    for file in above.iter().map(|folder| folder.join("go.mod")) {
        if let Some(kind) = index.changes.changed.get(&file) {
            list.add(Some(index.shown(&file)), (*kind).into(), format!("the module of {role}"));
        }
    }
}

/// Judges the files that pin what a module takes from elsewhere.
fn check_module_files(index: &ChangeIndex, modules: &GoModules, root: &Path, role: &str, list: &mut ReasonList) {
    let roots: BTreeSet<&Path> = modules.local.iter().map(|(_, root)| root.as_path()).chain([root]).collect();
    let input = format!("it pins what {role} is made of");
    for folder in &roots {
        for name in ["go.mod", "go.sum"] {
            index.check_optional(&folder.join(name), &input, list);
        }
    }
    let work = modules.work.as_deref();
    if let Some(work) = work {
        let mut sums = work.as_os_str().to_owned();
        sums.push(".sum");
        index.check_optional(work, &input, list);
        index.check_optional(Path::new(&sums), &input, list);
    }
    for folder in roots.into_iter().chain(work.and_then(Path::parent)) {
        let vendor = folder.join("vendor");
        let vendor = index.follow(&vendor, &input, list).end;
        index.check_folder(&vendor, &format!("a vendored package of {role}"), list);
    }
}

/// Judges the files of one package's folder.
fn check_folder(index: &ChangeIndex, path: &Path, folder: &GoFolder, input: &str, list: &mut ReasonList) {
    let takes = |file: &Path| file.parent() == Some(path) && file.file_name().is_some_and(|name| folder.takes(name));
    for (file, kind) in index.below(path).filter(|(file, _)| takes(file)) {
        if !(kind == ChangeKind::Untracked && folder.has_others && index.is_own(file)) {
            list.add(Some(index.shown(file)), kind.into(), input);
        }
    }
    for ignored in index.ignored_in(path).filter(|ignored| path.starts_with(ignored) || takes(ignored)) {
        list.add(Some(index.shown(ignored)), ReasonKind::Ignored, input);
    }
    for link in &folder.links {
        index.check_path(link, input, list);
    }
    for embed in &folder.embeds {
        index.check_path(&joined(path, embed), &format!("embedded in {input}"), list);
    }
}

/// A setting of a recipe that may name files anywhere.
fn far_setting(go: &GoBinary) -> Option<String> {
    let variable = go.env.keys().find(|name| *name != "GOWORK" && !HARMLESS.contains(&name.as_str()));
    let flags = go.ldflags.iter().map(|flag| flag.value.as_str());
    let names_file = |flag: &&str| flag.contains("../") || flag.contains("=./") || flag.starts_with(['/', '.']);
    // A linker's `-X package/path.name=value` is no file; every other flag with a slash may be one.
    let other = go.flags.iter().chain(&go.cc).map(|flag| flag.value.as_str()).find(|flag| flag.contains('/'));
    variable.map(|name| format!("the variable `{name}`")).or_else(|| {
        let mut flags = flags;
        let flag = other.or_else(|| flags.find(names_file))?;
        Some(format!("the flag `{flag}`"))
    })
}

/// Whether one of two modules may import the other without being part of this checkout: one path begins with the other,
/// or both are of one repository.
fn are_related(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.split('/').collect(), other.split('/').collect());
    let common = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    common >= 3 || common == one.len() || common == other.len()
}

fn directives(file: &Path) -> Option<GoDirectives> {
    let text = read_through_links(file, Limits::RECIPE_BYTES)?;
    GoDirectives::parse(&String::from_utf8(text).ok()?)
}

/// `below` in `folder`, with `.` and `..` taken away by their names.
pub(super) fn joined(folder: &Path, below: &str) -> PathBuf {
    let mut path = folder.to_path_buf();
    for component in Path::new(below).components() {
        match component {
            Component::Normal(name) => path.push(name),
            Component::ParentDir => {
                path.pop();
            }
            Component::RootDir => path = PathBuf::from("/"),
            Component::CurDir | Component::Prefix(_) => {}
        }
    }
    path
}
