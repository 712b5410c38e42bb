//! The file system that a container sees: all layers together, links resolved inside of the root.

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use super::{
    place::Presence,
    scan::{Entry, Kind, LayerScan},
};
use crate::report::Limits;

/// Where an entry is: layer and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) layer: usize,
    pub(super) entry: usize,
}

/// One path of the merged file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// The entry that put the path there.
    pub(super) at: At,
    /// The entry that holds content, mode and owner: another one for a hard link.
    pub(super) inode: At,
}

/// Something about how an entry fits on what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// The same layer has the path already, in that entry.
    Twice(usize),
    /// A folder above the path is a link, that leads to the given path; the layer that has the link.
    ThroughLink { link: String, layer: usize, to_folder: bool },
    /// A folder above the path is a link to nowhere, or above the root.
    ThroughNothing { link: String },
    /// What should be a folder above the path is none.
    ThroughFile { file: String },
    /// The root itself is no folder.
    Root,
    /// A hard link whose target the layer does not have before it.
    NoTarget,
    /// A hard link to something that is no file.
    TargetIsNoFile,
    /// A hard link to a file of a lower layer.
    OtherLayer,
    /// A hard link whose target climbs out of the root.
    TargetOutside,
    /// A whiteout that is none; why.
    Whiteout(&'static str),
}

/// All layers together.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) nodes: BTreeMap<String, Node>,
    /// For each entry of each layer, whether a container sees it.
    pub(super) presence: Vec<Vec<Presence>>,
    pub(super) misfits: Vec<(At, Misfit)>,
    /// How many misfits of each kind there were.
    counts: [usize; KINDS],
    pub(super) steps: u64,
    /// The same of looking paths up, once all is in place.
    pub(super) looked: Cell<u64>,
    /// What the layer that is being put on deletes.
    deleted: BTreeSet<String>,
    /// The folder that was followed last, where nothing was in the way, so that it is where it is written: most entries
    /// lie beside the one before.
    last: Option<String>,
    /// The whiteouts of that layer.
    marks: BTreeMap<String, usize>,
    /// Files that a container sees by the name of a hard link.
    pub(super) linked: BTreeMap<At, At>,
    /// Paths whose folder no layer has, once all is in place.
    pub(super) orphans: Option<Orphans>,
}

/// Paths whose folder no layer has. Where there are none, there is nothing below a path that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Orphans {
    pub(super) number: usize,
    pub(super) first: String,
}

/// Kinds of misfits: a flood of one hides no other.
const KINDS: usize = 12;

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// There is nothing.
    Absent,
    /// Links lead in a circle.
    Loop,
    /// A component that should be a folder is none.
    NotAFolder,
    /// All look-ups together took more than [`Limits::AUDIT_STEPS`].
    Exhausted,
}

/// What a whiteout's name begins with (`layer.md`, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// A folder whose lower contents are hidden.
const OPAQUE: &str = ".wh..wh..opq";

/// The folder of an absolute, clean path; the root is its own.
pub(super) fn parent(path: &str) -> &str {
    match memchr::memrchr(b'/', path.as_bytes()) {
        Some(0) | None => "/",
        Some(at) => path.get(..at).unwrap_or("/"),
    }
}

/// `path`, written in the folder `base`, made absolute and clean. Climbing above the root stays there, as for the kernel.
pub(super) fn join(base: &str, path: &str) -> String {
    let base = if path.starts_with('/') { "" } else { base };
    let mut joined = String::with_capacity(base.len() + path.len() + 2);
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => joined.truncate(memchr::memrchr(b'/', joined.as_bytes()).unwrap_or(0)),
            part => {
                joined.push('/');
                joined.push_str(part);
            }
        }
    }
    if joined.is_empty() {
        joined.push('/');
    }
    joined
}

/// The path of `name` in `folder`; both are clean.
fn child(folder: &str, name: &str) -> String {
    let folder = if folder == "/" { "" } else { folder };
    let mut path = String::with_capacity(folder.len() + 1 + name.len());
    path.push_str(folder);
    path.push('/');
    path.push_str(name);
    path
}

/// Whether `path`, written in the folder `base`, climbs above the root.
pub(super) fn climbs_out(base: &str, path: &str) -> bool {
    let mut depth = if path.starts_with('/') { 0 } else { base.split('/').filter(|part| !part.is_empty()).count() };
    path.split('/').any(|part| match part {
        "" | "." => false,
        ".." if depth == 0 => true,
        ".." => {
            depth -= 1;
            false
        }
        _ => {
            depth += 1;
            false
        }
    })
}

impl Orphans {
    fn of(nodes: &BTreeMap<String, Node>) -> Self {
        let mut orphans = Self::default();
        // Whether the folder is there of which the last path told.
        let mut last = ("/", true);
        for path in nodes.keys() {
            let folder = parent(path);
            if folder != last.0 {
                last = (folder, nodes.contains_key(folder));
            }
            if !last.1 && folder != "/" {
                if orphans.number == 0 {
                    orphans.first.clone_from(path);
                }
                orphans.number += 1;
            }
        }
        orphans
    }
}

impl Misfit {
    fn number(&self) -> usize {
        match self {
            Self::Twice(_) => 0,
            Self::ThroughLink { to_folder: true, .. } => 1,
            Self::ThroughLink { .. } => 2,
            Self::ThroughNothing { .. } => 3,
            Self::ThroughFile { .. } => 4,
            Self::Root => 5,
            Self::NoTarget => 6,
            Self::TargetIsNoFile => 7,
            Self::OtherLayer => 8,
            Self::TargetOutside => 9,
            Self::Whiteout(_) => 10,
        }
    }
}

impl Merged {
    /// Puts the layers on each other, the lowest first. `None` when that takes too many steps.
    pub(super) fn of(scans: &[&LayerScan]) -> Option<Self> {
        let mut merged = Self::default();
        for (layer, scan) in scans.iter().enumerate() {
            merged.presence.push(vec![Presence::Final; scan.entries.len()]);
            merged.deleted.clear();
            merged.marks.clear();
            merged.last = None;
            // In the order of the tar, as engines go through it.
            for (index, entry) in scan.entries.iter().enumerate() {
                let at = At { layer, entry: index };
                if let Some(deleted) = entry.name().strip_prefix(WHITEOUT) {
                    merged.whiteout(at, entry, deleted, scans);
                } else {
                    merged.put(at, entry, scans);
                }
                if merged.steps > Limits::AUDIT_STEPS {
                    return None;
                }
            }
        }
        merged.linked = merged.nodes.values().filter(|node| node.inode != node.at).map(|n| (n.inode, n.at)).collect();
        merged.orphans = Some(Orphans::of(&merged.nodes));
        Some(merged)
    }

    fn misfit(&mut self, at: At, misfit: Misfit) {
        let Some(count) = self.counts.get_mut(misfit.number()) else { return };
        *count += 1;
        if *count <= Limits::AUDIT_FLAWS {
            self.misfits.push((at, misfit));
        }
    }

    /// Takes away what a whiteout deletes from the layers below; `deleted` is what follows [`WHITEOUT`] in its name.
    fn whiteout(&mut self, at: At, entry: &Entry, deleted: &str, scans: &[&LayerScan]) {
        let presence = Presence::RemovedIn(at.layer);
        self.last = None;
        self.hide(at, Presence::NotAFile);
        if entry.kind != Kind::File {
            self.misfit(at, Misfit::Whiteout("it is no regular file"));
            return;
        }
        let (folder, through) = self.follow_folder(parent(&entry.path), scans);
        if let Some(first) = self.marks.insert(child(&folder, entry.name()), at.entry) {
            self.misfit(at, Misfit::Twice(first));
        }
        // Some engines follow a link there and others do not: what any of them leaves is looked at.
        if matches!(through, Some(Misfit::ThroughLink { .. })) {
            self.misfit(at, Misfit::Whiteout("a folder above it is a link, which not every engine follows"));
            return;
        }
        if entry.name() == OPAQUE {
            self.remove(&folder, false, presence);
            return;
        }
        match deleted {
            "" => self.misfit(at, Misfit::Whiteout("it names nothing")),
            "." | ".." => self.misfit(at, Misfit::Whiteout("it names a folder by dots")),
            name if name.starts_with(WHITEOUT) => {
                self.misfit(at, Misfit::Whiteout("it deletes a whiteout"));
            }
            name => {
                let path = child(&folder, name);
                if self.nodes.get(&path).is_some_and(|node| node.at.layer == at.layer) {
                    self.misfit(at, Misfit::Whiteout("the same layer deletes the path and brings it"));
                }
                self.remove(&path, true, presence);
                self.deleted.insert(path);
            }
        }
    }

    /// Puts one entry at its place.
    fn put(&mut self, at: At, entry: &Entry, scans: &[&LayerScan]) {
        if entry.path == "/" && entry.kind != Kind::Directory {
            // No runtime can put it there; what is below stays to be looked at.
            self.misfit(at, Misfit::Root);
            self.hide(at, Presence::NotAFile);
            return;
        }
        let mut path = match self.elsewhere(at, parent(&entry.path), scans) {
            Some(folder) if entry.path != "/" => child(&folder, entry.name()),
            _ => entry.path.clone(),
        };
        if self.is_deleted(&path) {
            self.misfit(at, Misfit::Whiteout("the same layer deletes the path and brings it"));
        }
        let inode = if entry.kind == Kind::HardLink { self.hard_link(at, entry, scans) } else { Some(at) };
        if entry.kind == Kind::Other {
            self.hide(at, Presence::NotAFile);
            return;
        }
        let old = self.nodes.get(&path).copied();
        // Only what is new, leads nowhere else, and is above nothing changes no way.
        let above = self.last.as_ref().is_some_and(|folder| folder.starts_with(&path));
        if old.is_some() || entry.kind == Kind::Symlink || above {
            self.last = None;
        }
        if let Some(old) = old.filter(|old| old.at.layer == at.layer) {
            self.misfit(at, Misfit::Twice(old.at.entry));
        }
        match old {
            Some(old) if entry.kind == Kind::Directory && Self::kind(old.at, scans) == Some(Kind::Directory) => {
                self.hide(old.at, Presence::ReplacedIn(at.layer));
            }
            // A folder that only its contents tell of stays one.
            None if entry.kind == Kind::Directory => {}
            None if !self.has_below(&mut path) => {}
            _ => self.remove(&path, true, Presence::ReplacedIn(at.layer)),
        }
        // A hard link to nothing is nothing.
        if let Some(inode) = inode {
            self.nodes.insert(path, Node { at, inode });
        } else {
            self.hide(at, Presence::NotAFile);
        }
    }

    /// The folder that an entry of that parent lies in, unless it is that parent.
    fn elsewhere(&mut self, at: At, parent: &str, scans: &[&LayerScan]) -> Option<String> {
        if self.last.as_ref().is_some_and(|last| last == parent) {
            self.steps += 1;
            return None;
        }
        let (folder, through) = self.follow_folder(parent, scans);
        let Some(misfit) = through else {
            debug_assert_eq!(folder, parent, "a link is always told");
            self.last = Some(folder);
            return None;
        };
        self.last = None;
        self.misfit(at, misfit);
        Some(folder)
    }

    /// Whether this layer deletes the path, or a folder above it.
    fn is_deleted(&self, path: &str) -> bool {
        let mut at = path;
        while !self.deleted.is_empty() && at != "/" {
            if self.deleted.contains(at) {
                return true;
            }
            at = parent(at);
        }
        false
    }

    /// The entry that a hard link shares.
    fn hard_link(&mut self, at: At, entry: &Entry, scans: &[&LayerScan]) -> Option<At> {
        let target = entry.target().unwrap_or_default();
        // The target of a hard link is a name of the same archive, whatever slash it begins with.
        if climbs_out("/", target) {
            self.misfit(at, Misfit::TargetOutside);
        }
        let path = join("/", target);
        let (folder, _) = self.follow_folder(parent(&path), scans);
        let name = path.rsplit('/').next().unwrap_or_default();
        let Some(node) = self.nodes.get(&join(&folder, name)).copied() else {
            self.misfit(at, Misfit::NoTarget);
            return None;
        };
        match Self::kind(node.inode, scans) {
            Some(Kind::File) if node.at.layer != at.layer => self.misfit(at, Misfit::OtherLayer),
            Some(Kind::File | Kind::CharDevice | Kind::BlockDevice | Kind::Fifo) => {}
            _ => self.misfit(at, Misfit::TargetIsNoFile),
        }
        Some(node.inode)
    }

    pub(super) fn kind(at: At, scans: &[&LayerScan]) -> Option<Kind> {
        scans.get(at.layer)?.entries.get(at.entry).map(|entry| entry.kind)
    }

    fn hide(&mut self, at: At, presence: Presence) {
        if let Some(one) = self.presence.get_mut(at.layer).and_then(|layer| layer.get_mut(at.entry)) {
            *one = presence;
        }
    }

    /// Removes what is below `path`, and the path too if `itself`.
    fn remove(&mut self, path: &str, itself: bool, presence: Presence) {
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let layer = match presence {
            Presence::RemovedIn(layer) => Some(layer),
            _ => None,
        };
        let below = self.nodes.range::<str, _>((Bound::Excluded(prefix.as_str()), Bound::Unbounded));
        let below = below.take_while(|(name, _)| name.starts_with(&prefix));
        let mut gone: Vec<(String, At)> = below.map(|(name, node)| (name.clone(), node.at)).collect();
        if itself && let Some(node) = self.nodes.get(path) {
            gone.push((path.to_owned(), node.at));
        }
        for (name, at) in gone {
            // A whiteout says nothing about its own layer.
            if layer == Some(at.layer) {
                continue;
            }
            self.nodes.remove(&name);
            self.hide(at, presence);
        }
    }
}
