//! Looks up whether an input of a recipe is among the changes of a checkout.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use parking_lot::Mutex;

use super::{
    reason::{ReasonKind, ReasonList},
    trail::PathTrail,
};
use crate::build::{
    compile::{ChangeKind, CheckoutChanges, has_cache_tag},
    outputs::{OutputFinder, real_path},
};

/// Entries of an ignored folder that are looked at; a larger one is taken for a changed one.
pub(super) const MOST_ENTRIES: usize = 50_000;

/// The changes of a checkout, by path.
#[derive(Debug)]
pub(super) struct ChangeIndex {
    pub(super) changes: CheckoutChanges,
    /// Changed and ignored files that cargo, or macros, look for in every folder above a package.
    pub(super) upward: Vec<(PathBuf, ReasonKind)>,
    /// hardpan's cache, which may be in the checkout and is no input.
    cache: Option<PathBuf>,
    outputs: Mutex<OutputFinder>,
    /// Paths that were looked at for outputs, and whether they are.
    own: Mutex<BTreeMap<PathBuf, bool>>,
    /// The first file in each ignored path that may be an input.
    ignored: Mutex<BTreeMap<PathBuf, Option<PathBuf>>>,
}

impl ChangeIndex {
    pub(super) fn new(changes: CheckoutChanges, cache: Option<&Path>) -> Self {
        let cache = cache.map(real_path);
        let is_upward = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name == "Cargo.toml" || name.as_encoded_bytes().starts_with(b".env")
        };
        let differing = changes.changed.iter().map(|(path, kind)| (path, (*kind).into()));
        let ignored = changes.ignored.iter().map(|path| (path, ReasonKind::Ignored));
        let upward = differing.chain(ignored).filter(|(path, _)| is_upward(path));
        let upward = upward.map(|(path, kind)| (path.clone(), kind)).collect();
        Self { changes, upward, cache, outputs: Mutex::default(), own: Mutex::default(), ignored: Mutex::default() }
    }

    /// The top of the checkout.
    pub(super) fn top(&self) -> &Path {
        &self.changes.top
    }

    /// A path as messages call it.
    pub(super) fn shown(&self, path: &Path) -> String {
        let below = path.strip_prefix(self.top()).unwrap_or(path);
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
        below.to_string_lossy().into_owned()
    }

    /// The change of a path, or of a folder or submodule that it is in.
    fn change_of(&self, path: &Path) -> Option<(&Path, ChangeKind)> {
        let known = |above: &Path| self.changes.changed.get_key_value(above);
        path.ancestors().find_map(known).map(|(path, kind)| (path.as_path(), *kind))
    }

    /// The changes below a folder.
    pub(super) fn below<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = (&'a PathBuf, ChangeKind)> {
        let from = self.changes.changed.range(folder.to_owned()..);
        let below = from.take_while(move |(path, _)| path.starts_with(folder)).map(|(path, kind)| (path, *kind));
        below.filter(move |(path, _)| *path != folder)
    }

    /// The paths below a folder that git ignores, or the ignored folder that the folder itself lies in.
    pub(super) fn ignored_in<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a PathBuf> {
        let above = folder.ancestors().find_map(|above| self.changes.ignored.get(above));
        let from = self.changes.ignored.range(folder.to_owned()..);
        let below = from.take_while(move |path| path.starts_with(folder)).filter(move |path| *path != folder);
        above.into_iter().chain(below)
    }

    /// Adds the reasons that lie in the way to `path` itself: changed links, a changed end, and what git cannot judge.
    pub(super) fn follow(&self, path: &Path, input: &str, list: &mut ReasonList) -> PathTrail {
        let trail = PathTrail::of(path);
        for one in trail.paths() {
            if !one.starts_with(self.top()) {
                list.add(Some(self.shown(one)), ReasonKind::Outside, input);
            } else if let Some((path, kind)) = self.change_of(one) {
                list.add(Some(self.shown(path)), kind.into(), input);
            } else if self.is_in_git_folder(one) {
                list.add(Some(self.shown(one)), ReasonKind::Unknown, format!("the state of git itself: {input}"));
            } else if let Some(folder) = self.foreign_checkout(one) {
                list.add(Some(self.shown(folder)), ReasonKind::Unknown, format!("another checkout of git: {input}"));
            }
        }
        trail
    }

    /// Whether a path lies where git keeps its own state, of which git says nothing.
    fn is_in_git_folder(&self, path: &Path) -> bool {
        path.strip_prefix(self.top()).is_ok_and(|below| below.iter().any(|name| name == ".git"))
    }

    /// The root of a nested checkout that `path` lies in and that is no submodule of this one.
    fn foreign_checkout<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let within = path.ancestors().take_while(|above| above.starts_with(self.top()) && *above != self.top());
        within
            .filter(|above| !self.changes.submodules.contains(*above))
            .find(|above| fs::symlink_metadata(above.join(".git")).is_ok())
    }

    /// Judges a file, or a folder with all that is in it, that is named one by one.
    pub(super) fn check_path(&self, path: &Path, input: &str, list: &mut ReasonList) {
        let trail = self.follow(path, input, list);
        if !trail.exists {
            if self.change_of(&trail.end).is_none() && trail.end.starts_with(self.top()) {
                list.add(Some(self.shown(&trail.end)), ReasonKind::Missing, input);
            }
        } else if trail.end.is_dir() {
            self.check_named_folder(&trail.end, input, list);
        } else if let Some(ignored) = trail.end.ancestors().find_map(|above| self.changes.ignored.get(above)) {
            list.add(Some(self.shown(ignored)), ReasonKind::Ignored, input);
        }
    }

    /// Judges a file that need not be there.
    pub(super) fn check_optional(&self, path: &Path, input: &str, list: &mut ReasonList) {
        let mut found = ReasonList::default();
        self.check_path(path, input, &mut found);
        for reason in found.iter().filter(|reason| reason.kind != ReasonKind::Missing) {
            list.add(reason.path.clone(), reason.kind, reason.input.clone());
        }
    }

    /// Judges all that is in a folder, which is canonical, outputs of hardpan included: the recipe names it.
    fn check_named_folder(&self, folder: &Path, input: &str, list: &mut ReasonList) {
        for (path, kind) in self.below(folder) {
            list.add(Some(self.shown(path)), kind.into(), input);
        }
        for path in self.ignored_in(folder) {
            list.add(Some(self.shown(path)), ReasonKind::Ignored, input);
        }
    }

    /// Judges all that is in a folder (canonical), but for caches and outputs of hardpan.
    pub(super) fn check_folder(&self, folder: &Path, input: &str, list: &mut ReasonList) {
        for (path, kind) in self.below(folder).filter(|(path, kind)| !self.is_passed_over(path, *kind)) {
            list.add(Some(self.shown(path)), kind.into(), input);
        }
        for path in self.ignored_in(folder).filter_map(|path| self.first_input(path)) {
            list.add(Some(self.shown(&path)), ReasonKind::Ignored, input);
        }
    }

    /// Judges the whole checkout and its commit, for an input that may be anywhere.
    pub(super) fn check_everything(&self, input: &str, list: &mut ReasonList) {
        if self.changes.has_moved() {
            list.add(None, ReasonKind::Commit, input);
        }
        if let Some(kind) = self.changes.changed.get(self.top()) {
            list.add(Some(self.shown(self.top())), (*kind).into(), input);
        }
        self.check_folder(self.top(), input, list);
    }

    /// Whether an input that is a whole folder leaves a change out: one in hardpan's cache, or an output of hardpan.
    pub(super) fn is_passed_over(&self, path: &Path, kind: ChangeKind) -> bool {
        kind == ChangeKind::Untracked && self.is_own(path)
    }

    /// Whether a path that git does not have is in hardpan's cache, or an output.
    pub(super) fn is_own(&self, path: &Path) -> bool {
        if self.cache.as_ref().is_some_and(|cache| path.starts_with(cache)) {
            return true;
        }
        let find = || self.outputs.lock().find(path, self.top()).is_some();
        *self.own.lock().entry(path.to_owned()).or_insert_with(find)
    }

    /// The first file in an ignored path that may be an input: caches that say so and outputs of hardpan are none.
    pub(super) fn first_input(&self, path: &Path) -> Option<PathBuf> {
        if let Some(known) = self.ignored.lock().get(path) {
            return known.clone();
        }
        let mut left = MOST_ENTRIES;
        let found = self.search(path, &mut |path| !self.is_own(path), true, &mut left);
        self.ignored.lock().insert(path.to_owned(), found.clone());
        found
    }

    /// The first file in an ignored path that `wanted` takes. What cannot be read, and what is too much to look at, is taken for
    /// such a file.
    pub(super) fn find_file(
        &self,
        path: &Path,
        wanted: &mut dyn FnMut(&Path) -> bool,
        left: &mut usize,
    ) -> Option<PathBuf> {
        self.search(path, wanted, false, left)
    }

    /// The same; `skips_caches` leaves out folders that say of themselves that they are caches.
    fn search(
        &self,
        path: &Path,
        wanted: &mut dyn FnMut(&Path) -> bool,
        skips_caches: bool,
        left: &mut usize,
    ) -> Option<PathBuf> {
        let Some(rest) = left.checked_sub(1) else { return Some(path.to_owned()) };
        *left = rest;
        if self.cache.as_deref() == Some(path) || path.file_name().is_some_and(|name| name == ".git") {
            return None;
        }
        let is_folder = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir());
        if !is_folder {
            return wanted(path).then(|| path.to_owned());
        }
        if skips_caches && has_cache_tag(path) {
            return None;
        }
        let Ok(entries) = fs::read_dir(path) else { return Some(path.to_owned()) };
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        names.sort_unstable();
        names.into_iter().find_map(|name| self.search(&name, wanted, skips_caches, left))
    }
}
