//! [`LayeredRootfs`]: the file system that a container sees, all layers of an image applied in order, links resolved inside
//! of the root.
//!
//! Whiteouts, opaque directories and hard links follow `layer.md`; where engines differ, there is a [`LayerConflict`].

mod links;
mod whiteouts;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LayerConflict, Presence, ResolveError, Resolved, Rootfs, RootfsNode, WalkStep, child, cost, parent,
    scan::{LayerScan, TarEntry, TarEntryKind},
};
use crate::{oci::ImagePath, report::Limits};

/// The position of an entry: its layer, and its index in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryIndex {
    /// The index of the layer, the lowest first.
    pub layer: usize,
    /// The index among the entries of that layer.
    pub entry: usize,
}

/// The entries behind one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeEntries {
    /// The entry that put the path there.
    pub at: EntryIndex,
    /// The entry that holds content, mode and owner: another one for a hard link.
    pub inode: EntryIndex,
}

/// One path of layers that were applied.
#[derive(Debug, Clone)]
struct LayerNode {
    entries: NodeEntries,
    kind: TarEntryKind,
    /// Whether it has the mode and owner of a directory that an engine makes by itself: 0755, of root.
    is_plain: bool,
    /// Whether it is a directory whose group, and whose setgid bit, new directories in it get (`mkdir(2)`).
    is_setgid: bool,
    /// The target of a symbolic link.
    target: Option<Box<str>>,
}

impl RootfsNode for LayerNode {
    fn step(&self) -> WalkStep<'_> {
        match self.kind {
            TarEntryKind::Directory => WalkStep::Enter,
            TarEntryKind::Symlink => WalkStep::Follow(self.target.as_deref().unwrap_or_default()),
            _ => WalkStep::End,
        }
    }
}

/// The two ways in which engines apply an entry below a symbolic link of a lower layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkReading {
    /// It is put where the link leads: umoci, podman with vfs, containerd's native snapshotter.
    Followed,
    /// The layer has a directory of its own there, which hides the link: containerd and podman on overlayfs.
    Replaced,
}

/// All layers applied.
#[derive(Debug, Default)]
pub struct LayeredRootfs {
    rootfs: Rootfs<LayerNode>,
    /// For each entry of each layer, whether a container sees it.
    presence: Vec<Vec<Presence>>,
    conflicts: Vec<(EntryIndex, LayerConflict)>,
    /// How many conflicts of each kind there were.
    counts: [usize; LayerConflict::KINDS],
    steps: u64,
    /// The paths that the current layer deletes.
    deleted: BTreeSet<String>,
    /// The directory that was followed last, where nothing was in the way, so that it is where it is written: most entries
    /// lie beside the one before.
    last: Option<String>,
    /// The whiteouts of that layer.
    marks: BTreeMap<String, usize>,
    /// The directories that the layer has something in, with the first entry of each.
    written: BTreeMap<String, EntryIndex>,
    /// Those of the whiteouts that are in a directory which was not there when they came.
    vacant: Vec<(EntryIndex, String)>,
    /// Files that a container sees by the name of a hard link.
    linked: BTreeMap<EntryIndex, EntryIndex>,
    /// Paths whose directory no layer has, once all is in place.
    orphans: Orphans,
}

/// Paths whose directory no layer has. Where there are none, there is nothing below a path that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orphans {
    /// How many.
    pub number: usize,
    /// The first of them, by path.
    pub first: String,
}

/// The prefix of a whiteout's name (`layer.md`, "Whiteouts").
const WHITEOUT: &str = ".wh.";
/// A directory whose lower contents are hidden.
const OPAQUE: &str = ".wh..wh..opq";

impl Orphans {
    fn of(rootfs: &Rootfs<LayerNode>) -> Self {
        let mut orphans = Self::default();
        // Whether the directory of the path before is there.
        let mut last = ("/", true);
        for (path, _) in rootfs.iter() {
            let directory = parent(path.as_str());
            if directory != last.0 {
                last = (directory, rootfs.get(directory).is_some());
            }
            if !last.1 && directory != "/" {
                if orphans.number == 0 {
                    path.as_str().clone_into(&mut orphans.first);
                }
                orphans.number += 1;
            }
        }
        orphans
    }
}

impl LayeredRootfs {
    /// Applies the layers, the lowest first. `None` when that takes too many steps.
    pub(crate) fn of(scans: &[&LayerScan], reading: LinkReading) -> Option<Self> {
        let mut layered = Self::default();
        for (layer, scan) in scans.iter().enumerate() {
            layered.presence.push(vec![Presence::Final; scan.entries.len()]);
            layered.deleted.clear();
            layered.marks.clear();
            layered.written.clear();
            layered.last = None;
            // In the order of the tar, as engines go through it.
            for (index, entry) in scan.entries.iter().enumerate() {
                let at = EntryIndex { layer, entry: index };
                if let Some(deleted) = entry.name().strip_prefix(WHITEOUT) {
                    layered.whiteout(at, entry, deleted);
                } else {
                    layered.put_entry(at, entry, scans, reading);
                }
                if layered.steps > Limits::AUDIT_STEPS {
                    return None;
                }
            }
            layered.end_of_layer(layer);
            if layered.steps > Limits::AUDIT_STEPS {
                return None;
            }
        }
        let seen = layered.rootfs.iter().map(|(_, node)| node.entries);
        layered.linked = seen.filter(|node| node.inode != node.at).map(|node| (node.inode, node.at)).collect();
        layered.orphans = Orphans::of(&layered.rootfs);
        if layered.orphans.number == 0 {
            layered.rootfs.set_closed();
        }
        Some(layered)
    }

    /// Reports conflicts that are known only at the end of a layer.
    fn end_of_layer(&mut self, layer: usize) {
        for (at, mut directory) in std::mem::take(&mut self.vacant) {
            if self.rootfs.get(&directory).is_none() && !self.rootfs.has_below(&mut directory) {
                self.conflict(at, LayerConflict::WhiteoutOfNothing);
            }
        }
        let written = std::mem::take(&mut self.written);
        let mut done: BTreeSet<&str> = BTreeSet::new();
        for (directory, at) in &written {
            let mut above = directory.as_str();
            while above != "/" && !done.contains(above) && self.steps <= Limits::AUDIT_STEPS {
                self.steps += cost(above);
                let in_setgid = self.rootfs.get(parent(above)).is_some_and(|node| node.is_setgid);
                let is_made_otherwise =
                    |node: &LayerNode| node.entries.at.layer < layer && (in_setgid || !node.is_plain);
                if self.rootfs.get(above).map_or(in_setgid, is_made_otherwise) {
                    self.conflict(*at, LayerConflict::ImpliedDirectory { directory: above.to_owned() });
                }
                done.insert(above);
                above = parent(above);
            }
        }
    }

    /// Whether engines may read these layers in more than one way: whether an entry lies below a link of a lower layer.
    pub fn has_two_readings(&self) -> bool {
        let lower = |(at, conflict): &(EntryIndex, LayerConflict)| match conflict {
            LayerConflict::ThroughLink { layer, .. } => *layer < at.layer,
            _ => false,
        };
        self.conflicts.iter().any(lower)
    }

    /// The conflicts, in the order in which they were met.
    pub fn conflicts(&self) -> &[(EntryIndex, LayerConflict)] {
        &self.conflicts
    }

    /// Paths whose directory no layer has.
    pub fn orphans(&self) -> &Orphans {
        &self.orphans
    }

    /// The entries behind exactly this path.
    pub fn get(&self, path: &str) -> Option<NodeEntries> {
        self.rootfs.get(path).map(|node| node.entries)
    }

    /// Every path with its entries, by path.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, NodeEntries)> {
        self.rootfs.iter().map(|(path, node)| (path.as_str(), node.entries))
    }

    /// What is at `path`, all links followed: the path without links, and the entries; none are behind a directory that
    /// only its contents tell of.
    ///
    /// # Errors
    /// It leads nowhere.
    pub fn resolve(&self, path: &str) -> Result<(String, Option<NodeEntries>), ResolveError> {
        let Resolved { path, node } = self.rootfs.resolve(path)?;
        Ok((path, node.map(|node| node.entries)))
    }

    /// The links, in their order, that lead from `path` to what is there.
    pub fn links(&self, path: &str) -> Vec<String> {
        self.rootfs.links(path)
    }

    /// Whether so much was looked up that nothing more is.
    pub fn is_exhausted(&self) -> bool {
        self.rootfs.is_exhausted()
    }

    /// Whether more than one path may lead to the entry.
    pub fn is_shared(&self, inode: EntryIndex) -> bool {
        self.linked.contains_key(&inode)
    }

    /// Whether a container sees the entry.
    pub fn presence(&self, at: EntryIndex) -> Presence {
        self.presence.get(at.layer).and_then(|layer| layer.get(at.entry)).copied().unwrap_or_default()
    }

    /// The entry by which a container sees the content of `at`: itself, or a hard link to it.
    pub fn seen_as(&self, at: EntryIndex) -> Option<EntryIndex> {
        if self.presence(at) == Presence::Final { Some(at) } else { self.linked.get(&at).copied() }
    }

    fn conflict(&mut self, at: EntryIndex, conflict: LayerConflict) {
        let Some(count) = self.counts.get_mut(conflict.number()) else { return };
        *count += 1;
        if *count <= Limits::AUDIT_FLAWS {
            self.conflicts.push((at, conflict));
        }
    }

    /// Puts one entry at its place.
    fn put_entry(&mut self, at: EntryIndex, entry: &TarEntry, scans: &[&LayerScan], reading: LinkReading) {
        if entry.path == "/" && entry.kind != TarEntryKind::Directory {
            // No runtime can put it there; what is below stays to be looked at.
            self.conflict(at, LayerConflict::Root);
            self.hide(at, Presence::NotAFile);
            return;
        }
        if entry.path == "/" && at.layer > 0 && !is_plain_directory(entry.mode, entry.uid, entry.gid) {
            self.conflict(at, LayerConflict::RootMetadata);
        }
        let mut path = match self.resolve_parent(at, parent(&entry.path), reading) {
            Some(directory) if entry.path != "/" => child(&directory, entry.name()),
            _ => entry.path.clone(),
        };
        if self.is_deleted(&path) {
            self.conflict(at, LayerConflict::Whiteout("the same layer deletes the path and brings it"));
        }
        let node = self.node_of(at, entry, scans);
        if entry.kind == TarEntryKind::CharDevice && entry.device() == Some((0, 0)) {
            self.conflict(at, LayerConflict::OverlayWhiteout);
        }
        if entry.kind == TarEntryKind::Other {
            self.conflict(at, LayerConflict::UnknownType);
            self.hide(at, Presence::NotAFile);
            return;
        }
        let old = self.rootfs.get(&path).map(|old| (old.entries.at, old.kind));
        // Only what is new, leads nowhere else, and is above nothing changes no way.
        let above = self.last.as_ref().is_some_and(|directory| directory.starts_with(&path));
        if old.is_some() || entry.kind == TarEntryKind::Symlink || above {
            self.last = None;
        }
        if let Some((old, _)) = old.filter(|(old, _)| old.layer == at.layer) {
            self.conflict(at, LayerConflict::Twice(old.entry));
        }
        match old {
            Some((old, TarEntryKind::Directory)) if entry.kind == TarEntryKind::Directory => {
                self.hide(old, Presence::ReplacedIn(at.layer));
            }
            // A directory that only its contents tell of stays one.
            None if entry.kind == TarEntryKind::Directory => {}
            None if !self.rootfs.has_below(&mut path) => {}
            _ => self.remove(&path, true, Presence::ReplacedIn(at.layer)),
        }
        // A hard link to nothing is nothing.
        if let Some(node) = node {
            self.rootfs.insert(ImagePath::foreign(path), node);
        } else {
            self.hide(at, Presence::NotAFile);
        }
    }

    /// The node that an entry makes.
    fn node_of(&mut self, at: EntryIndex, entry: &TarEntry, scans: &[&LayerScan]) -> Option<LayerNode> {
        if entry.kind != TarEntryKind::HardLink {
            let target = (entry.kind == TarEntryKind::Symlink).then(|| entry.target().unwrap_or_default().into());
            let is_plain = is_plain_directory(entry.mode, entry.uid, entry.gid);
            let is_setgid = entry.kind == TarEntryKind::Directory && entry.mode & 0o2000 != 0;
            let entries = NodeEntries { at, inode: at };
            return Some(LayerNode { entries, kind: entry.kind, is_plain, is_setgid, target });
        }
        let inode = self.hard_link(at, entry)?;
        let shared = scans.get(inode.layer)?.entries.get(inode.entry)?;
        let is_same = (shared.mode, shared.uid, shared.gid) == (entry.mode, entry.uid, entry.gid);
        // Engines give the file what the header of the link has; some headers repeat what the file has, and some do not.
        let has_own_xattrs = entry.xattrs().iter().any(|xattr| !shared.xattrs().contains(xattr));
        if has_own_xattrs || !is_same && !matches!(shared.kind, TarEntryKind::Symlink | TarEntryKind::Directory) {
            self.conflict(at, LayerConflict::OtherMetadata);
        }
        let target = (shared.kind == TarEntryKind::Symlink).then(|| shared.target().unwrap_or_default().into());
        Some(LayerNode {
            entries: NodeEntries { at, inode },
            kind: shared.kind,
            is_plain: true,
            is_setgid: false,
            target,
        })
    }
}

/// Whether a directory has the mode and owner of one that engines make by themselves where a layer has no entry for it:
/// 0755, of root. The plan repeats every other directory in each layer that writes into it.
pub fn is_plain_directory(mode: u32, uid: u64, gid: u64) -> bool {
    (mode, uid, gid) == (0o755, 0, 0)
}

#[cfg(test)]
mod tests;
