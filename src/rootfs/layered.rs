//! [`LayeredRootfs`]: the file system that a container sees, all layers of an image applied in order, links resolved inside
//! of the root.
//!
//! Whiteouts, opaque directories and hard links follow `layer.md`; where engines differ, there is a [`LayerConflict`].

use std::collections::{BTreeMap, BTreeSet};

use super::{
    LayerConflict, Presence, ResolveError, Resolved, Rootfs, RootfsNode, Visit, WalkStep, child, climbs_out, cost,
    join, parent,
    scan::{LayerScan, TarEntry, TarEntryKind},
};
use crate::{oci::ImagePath, report::Limits};

/// The position of an entry: its layer, and its index in the tar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryIndex {
    /// Of the layers, the lowest first.
    pub layer: usize,
    /// Of the entries of that layer.
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
    /// Of a symbolic link.
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

/// What becomes of an entry that lies below a link of a lower layer. Engines differ there.
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
    /// What the layer that is being applied deletes.
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

/// What a whiteout's name begins with (`layer.md`, "Whiteouts").
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

    /// What did not fit, in the order in which it was met.
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

    /// Takes away what a whiteout deletes from the layers below; `deleted` is what follows [`WHITEOUT`] in its name.
    fn whiteout(&mut self, at: EntryIndex, entry: &TarEntry, deleted: &str) {
        let presence = Presence::RemovedIn(at.layer);
        self.last = None;
        self.hide(at, Presence::NotAFile);
        if entry.kind != TarEntryKind::File {
            self.conflict(at, LayerConflict::Whiteout("it is no regular file"));
            return;
        }
        let (directory, through) = self.follow_directory(parent(&entry.path));
        if let Some(first) = self.marks.insert(child(&directory, entry.name()), at.entry) {
            self.conflict(at, LayerConflict::Twice(first));
        }
        // Some engines follow a link there and others do not: what any of them leaves is looked at.
        match through {
            None => {}
            Some(LayerConflict::ThroughLink { .. }) => {
                let why = "a folder above it is a link, which not every engine follows";
                self.conflict(at, LayerConflict::Whiteout(why));
                return;
            }
            Some(conflict) => {
                self.conflict(at, conflict);
                return;
            }
        }
        self.written.entry(directory.clone()).or_insert(at);
        if directory != "/" && self.rootfs.get(&directory).is_none() {
            self.vacant.push((at, directory.clone()));
        }
        if entry.name() == OPAQUE {
            self.opaque(at, &directory);
            return;
        }
        match deleted {
            "" => self.conflict(at, LayerConflict::Whiteout("it names nothing")),
            "." | ".." => self.conflict(at, LayerConflict::Whiteout("it names a folder by dots")),
            name if name.starts_with(WHITEOUT) => {
                self.conflict(at, LayerConflict::Whiteout("it deletes a whiteout"));
            }
            name => {
                let path = child(&directory, name);
                self.remove(&path, true, presence);
                // What is left there is the layer's own.
                let is_left = self.rootfs.get(&path).is_some() || self.rootfs.below(&path).next().is_some();
                if is_left {
                    self.conflict(at, LayerConflict::Whiteout("the same layer deletes the path and brings it"));
                }
                self.deleted.insert(path);
            }
        }
    }

    /// Hides what lower layers have in a directory.
    fn opaque(&mut self, at: EntryIndex, directory: &str) {
        self.remove(directory, false, Presence::RemovedIn(at.layer));
        // overlayfs has no opaque root.
        let hides = || self.presence.iter().flatten().any(|presence| *presence == Presence::RemovedIn(at.layer));
        if directory == "/" && hides() {
            self.conflict(at, LayerConflict::Whiteout("it is in the root, where not every engine hides what is below"));
        }
        // An own entry in a directory that the layer has no entry for: some engines take the directory for a lower one.
        let is_own = |path: &str| self.rootfs.get(path).is_some_and(|node| node.entries.at.layer == at.layer);
        let implied = self.rootfs.below(directory).any(|(path, _)| {
            let above = parent(path.as_str());
            above != directory && !is_own(above)
        });
        if implied {
            let why = "it comes after entries in a folder that the layer has no entry for";
            self.conflict(at, LayerConflict::Whiteout(why));
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
        if entry.path == "/" && at.layer > 0 && (entry.mode, entry.uid, entry.gid) != (0o755, 0, 0) {
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
            let is_plain = (entry.mode, entry.uid, entry.gid) == (0o755, 0, 0);
            let is_setgid = entry.kind == TarEntryKind::Directory && entry.mode & 0o2000 != 0;
            let entries = NodeEntries { at, inode: at };
            return Some(LayerNode { entries, kind: entry.kind, is_plain, is_setgid, target });
        }
        let inode = self.hard_link(at, entry)?;
        let shared = scans.get(inode.layer)?.entries.get(inode.entry)?;
        let is_same = (shared.mode, shared.uid, shared.gid) == (entry.mode, entry.uid, entry.gid);
        if !is_same && !matches!(shared.kind, TarEntryKind::Symlink | TarEntryKind::Directory) {
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

    /// The directory that an entry of that parent lies in, unless it is that parent.
    fn resolve_parent(&mut self, at: EntryIndex, parent: &str, reading: LinkReading) -> Option<String> {
        if self.last.as_ref().is_some_and(|last| last == parent) {
            self.steps += 1;
            return None;
        }
        if reading == LinkReading::Replaced {
            self.replace_links(at, parent);
        }
        let (directory, through) = self.follow_directory(parent);
        self.written.entry(directory.clone()).or_insert(at);
        let Some(conflict) = through else {
            debug_assert_eq!(directory, parent, "a link is always told");
            self.last = Some(directory);
            return None;
        };
        self.last = None;
        self.conflict(at, conflict);
        Some(directory)
    }

    /// Puts a directory in the place of each link of a lower layer that `path` leads through, as an engine does that unpacks
    /// each layer by itself. It gets mode and owner of the directory that the link leads to, where there is one.
    fn replace_links(&mut self, at: EntryIndex, path: &str) {
        let mut end = 0;
        while end < path.len() {
            let rest = path.get(end + 1..).unwrap_or_default();
            end = memchr::memchr(b'/', rest.as_bytes()).map_or(path.len(), |next| end + 1 + next);
            let above = path.get(..end).unwrap_or(path);
            self.steps += cost(above);
            let is_lower_link =
                |node: &LayerNode| node.kind == TarEntryKind::Symlink && node.entries.at.layer < at.layer;
            if !self.rootfs.get(above).is_some_and(is_lower_link) {
                continue;
            }
            let led_to = self.rootfs.resolve(above).ok().and_then(|end| end.node.cloned());
            self.steps += self.rootfs.take_looked();
            self.remove(above, true, Presence::ReplacedIn(at.layer));
            if let Some(directory) = led_to.filter(|node| node.kind == TarEntryKind::Directory) {
                self.rootfs.insert(ImagePath::foreign(above), directory);
            }
        }
    }

    /// Whether this layer deletes the path, or a directory above it.
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
    fn hard_link(&mut self, at: EntryIndex, entry: &TarEntry) -> Option<EntryIndex> {
        let target = entry.target().unwrap_or_default();
        // The target of a hard link is a name of the same archive, whatever slash it begins with.
        if climbs_out("/", target) {
            self.conflict(at, LayerConflict::TargetOutside);
        }
        let path = join("/", target);
        let (directory, _) = self.follow_directory(parent(&path));
        let name = path.rsplit('/').next().unwrap_or_default();
        let found = self.rootfs.get(&join(&directory, name)).map(|node| (node.entries, node.kind));
        let Some((entries, kind)) = found else {
            self.conflict(at, LayerConflict::NoTarget);
            return None;
        };
        match kind {
            TarEntryKind::File if entries.at.layer != at.layer => self.conflict(at, LayerConflict::OtherLayer),
            TarEntryKind::File | TarEntryKind::CharDevice | TarEntryKind::BlockDevice | TarEntryKind::Fifo => {}
            _ => self.conflict(at, LayerConflict::TargetIsNoFile),
        }
        Some(entries.inode)
    }

    fn hide(&mut self, at: EntryIndex, presence: Presence) {
        if let Some(one) = self.presence.get_mut(at.layer).and_then(|layer| layer.get_mut(at.entry)) {
            *one = presence;
        }
    }

    /// Removes what is below `path`, and the path too if `itself`.
    fn remove(&mut self, path: &str, itself: bool, presence: Presence) {
        let layer = match presence {
            Presence::RemovedIn(layer) => Some(layer),
            _ => None,
        };
        let below = self.rootfs.below(path).map(|(name, node)| (name.as_str().to_owned(), node.entries.at));
        let mut gone: Vec<(String, EntryIndex)> = below.collect();
        self.steps += gone.len() as u64;
        if itself && let Some(node) = self.rootfs.get(path) {
            gone.push((path.to_owned(), node.entries.at));
        }
        for (name, at) in gone {
            // A whiteout says nothing about its own layer.
            if layer == Some(at.layer) {
                continue;
            }
            self.rootfs.remove(&name);
            self.hide(at, presence);
        }
    }

    /// The directory that `path` leads to when the links in it are followed, while the layers are applied; a directory that
    /// is not there is taken as it is written. Says the first thing on the way that is no directory.
    fn follow_directory(&mut self, path: &str) -> (String, Option<LayerConflict>) {
        let (mut conflict, mut links, mut steps) = (None, 0, 0);
        let rootfs = &self.rootfs;
        let walked: Result<String, std::convert::Infallible> = rootfs.walk(path, |visit| {
            let Visit::Component { at, node, .. } = visit else {
                steps += 1;
                return Ok(WalkStep::Enter);
            };
            steps += cost(at);
            let step = node.map_or(WalkStep::Enter, RootfsNode::step);
            match step {
                WalkStep::Enter => {}
                WalkStep::Follow(target) if links < Limits::LINK_DEPTH => {
                    links += 1;
                    if conflict.is_none() {
                        conflict = node.map(|node| link_conflict(rootfs, at, target, node.entries.at.layer));
                    }
                    return Ok(step);
                }
                // Too many links: that is worse than what was met before.
                WalkStep::Follow(_) => conflict = Some(LayerConflict::ThroughNothing { link: at.clone() }),
                WalkStep::End => {
                    if conflict.is_none() {
                        conflict = Some(LayerConflict::ThroughFile { file: at.clone() });
                    }
                }
            }
            Ok(WalkStep::Enter)
        });
        let Ok(directory) = walked;
        self.steps += steps + self.rootfs.take_looked();
        (directory, conflict)
    }
}

/// What it means that an entry's path leads through the link `link` of that layer.
fn link_conflict(rootfs: &Rootfs<LayerNode>, link: &str, target: &str, layer: usize) -> LayerConflict {
    let link = link.to_owned();
    if climbs_out(parent(&link), target) {
        return LayerConflict::ThroughNothing { link };
    }
    match rootfs.resolve(&link) {
        Err(ResolveError::Loop | ResolveError::Exhausted) => LayerConflict::ThroughNothing { link },
        Err(ResolveError::Absent | ResolveError::NotADirectory) => {
            LayerConflict::ThroughLink { link, layer, to_directory: false }
        }
        Ok(end) => {
            let to_directory = end.node.is_none_or(|node| node.kind == TarEntryKind::Directory);
            LayerConflict::ThroughLink { link, layer, to_directory }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tar::EntryType;

    use super::*;
    use crate::rootfs::{ScanBudget, ScanDepth};

    /// The scan of a layer of these entries: type, path, and target or content.
    fn layer(entries: &[(EntryType, &str, &str)]) -> LayerScan {
        layer_of_mode(0o755, entries)
    }

    /// The same, of entries that have the mode.
    fn layer_of_mode(mode: u32, entries: &[(EntryType, &str, &str)]) -> LayerScan {
        layer_of((mode, 0, 0), entries)
    }

    /// The same, of entries that have mode, user and group.
    fn layer_of((mode, uid, gid): (u32, u64, u64), entries: &[(EntryType, &str, &str)]) -> LayerScan {
        let mut builder = tar::Builder::new(Vec::new());
        for (kind, path, text) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(mode);
            if *kind == EntryType::Char {
                header.set_device_major(0).unwrap();
                header.set_device_minor(0).unwrap();
            }
            header.set_mtime(0);
            header.set_uid(uid);
            header.set_gid(gid);
            if matches!(kind, EntryType::Symlink | EntryType::Link) {
                header.set_size(0);
                builder.append_link(&mut header, path, text).unwrap();
            } else {
                header.set_size(text.len() as u64);
                builder.append_data(&mut header, path, text.as_bytes()).unwrap();
            }
        }
        let tar = builder.into_inner().unwrap();
        LayerScan::of(tar.as_slice(), ScanDepth::Full, &mut ScanBudget::default())
    }

    /// The paths that are left, with the layer and the entry of each.
    fn paths(scans: &[LayerScan], reading: LinkReading) -> Vec<(String, usize, usize)> {
        let scans: Vec<&LayerScan> = scans.iter().collect();
        let layered = LayeredRootfs::of(&scans, reading).unwrap();
        layered.nodes().map(|(path, node)| (path.to_owned(), node.inode.layer, node.inode.entry)).collect()
    }

    const FILE: EntryType = EntryType::Regular;
    const LINK: EntryType = EntryType::Symlink;
    const FOLDER: EntryType = EntryType::Directory;

    #[test]
    fn a_link_of_a_lower_layer_is_followed_or_replaced_by_a_directory_like_the_one_it_leads_to() {
        let lower = layer(&[(FOLDER, "usr/lib", ""), (FILE, "usr/lib/x", "1"), (LINK, "lib", "usr/lib")]);
        let scans = [lower, layer(&[(FILE, "lib/x", "2"), (FILE, "lib/y", "3")])];
        let path = |path: &str, layer, entry| (path.to_owned(), layer, entry);
        let followed = [path("/lib", 0, 2), path("/usr/lib", 0, 0), path("/usr/lib/x", 1, 0), path("/usr/lib/y", 1, 1)];
        assert_eq!(paths(&scans, LinkReading::Followed), followed);
        let replaced = [
            path("/lib", 0, 0),
            path("/lib/x", 1, 0),
            path("/lib/y", 1, 1),
            path("/usr/lib", 0, 0),
            path("/usr/lib/x", 0, 1),
        ];
        assert_eq!(paths(&scans, LinkReading::Replaced), replaced);
        let layered = LayeredRootfs::of(&[&scans[0], &scans[1]], LinkReading::Followed).unwrap();
        assert!(layered.has_two_readings());
        assert!(!LayeredRootfs::of(&[&scans[0]], LinkReading::Followed).unwrap().has_two_readings());
    }

    #[test]
    fn a_link_of_the_same_layer_is_followed_in_both_readings() {
        let scans = [layer(&[(FOLDER, "usr", ""), (LINK, "lib", "usr"), (FILE, "lib/x", "1")])];
        for reading in [LinkReading::Followed, LinkReading::Replaced] {
            let paths: Vec<_> = paths(&scans, reading).into_iter().map(|(path, ..)| path).collect();
            assert_eq!(paths, ["/lib", "/usr", "/usr/x"], "{reading:?}");
        }
        assert!(!LayeredRootfs::of(&[&scans[0]], LinkReading::Followed).unwrap().has_two_readings());
    }

    #[test]
    fn a_directory_that_an_engine_would_make_anew_is_in_each_layer_that_writes_into_it() {
        let conflicts = |mode, upper: &[(EntryType, &str, &str)]| {
            let scans = [layer_of_mode(mode, &[(FOLDER, "d", ""), (FOLDER, "d/e", "")]), layer(upper)];
            let layered = LayeredRootfs::of(&[&scans[0], &scans[1]], LinkReading::Followed).unwrap();
            layered.conflicts().iter().map(|(_, conflict)| conflict.number()).collect::<Vec<_>>()
        };
        assert_eq!(conflicts(0o755, &[(FILE, "d/e/x", "")]), [0; 0]);
        // What is made in a setgid directory is one itself.
        assert_eq!(conflicts(0o2755, &[(FOLDER, "d/e", ""), (FOLDER, "d", ""), (FILE, "d/f/x", "")]), [0; 0]);
        assert_eq!(conflicts(0o2755, &[(FILE, "d/f/x", "")]), [15, 15]);
        for owner in [(0o755, 7, 0), (0o755, 0, 7)] {
            let lower = layer_of(owner, &[(FOLDER, "d", ""), (FILE, "d/y", "")]);
            let upper = layer(&[(FILE, "d/x", "")]);
            let layered = LayeredRootfs::of(&[&lower, &upper], LinkReading::Followed).unwrap();
            let implied = LayerConflict::ImpliedDirectory { directory: "/d".to_owned() };
            assert_eq!(layered.conflicts(), [(EntryIndex { layer: 1, entry: 0 }, implied)], "{owner:?}");
        }
        assert_eq!(conflicts(0o700, &[(FILE, "d/e/x", "")]), [15, 15]);
        assert_eq!(conflicts(0o700, &[(FILE, "d/e/.wh.x", "")]), [15, 15]);
        assert_eq!(conflicts(0o700, &[(FOLDER, "d", ""), (FILE, "d/e/x", "")]), [15]);
        assert_eq!(conflicts(0o700, &[(FILE, "d/e/x", ""), (FOLDER, "d/e", ""), (FOLDER, "d", "")]), [0; 0]);
    }

    /// The numbers of the conflicts of layers that are applied.
    fn numbers(layers: &[Vec<(EntryType, &str, &str)>]) -> Vec<usize> {
        let scans: Vec<LayerScan> = layers.iter().map(|entries| layer(entries)).collect();
        let scans: Vec<&LayerScan> = scans.iter().collect();
        let layered = LayeredRootfs::of(&scans, LinkReading::Followed).unwrap();
        layered.conflicts().iter().map(|(_, conflict)| conflict.number()).collect()
    }

    #[test]
    fn whiteouts_of_lower_layers_are_plain_where_every_engine_does_the_same() {
        let lower = || vec![(FOLDER, "d", ""), (FILE, "d/x", "1"), (FILE, "e", "2"), (LINK, "l", "d")];
        for (upper, expected) in [
            (vec![(FILE, "d/.wh.x", "")], vec![]),
            (vec![(FILE, "d/.wh.gone", "")], vec![]),
            (vec![(FOLDER, "d", ""), (FILE, "d/.wh..wh..opq", ""), (FILE, "d/y", "")], vec![]),
            (vec![(FOLDER, "d", ""), (FILE, "d/y", ""), (FILE, "d/.wh..wh..opq", "")], vec![]),
            (vec![(FILE, "l/.wh.x", "")], vec![10]),
            (vec![(FILE, "e/.wh.x", "")], vec![4]),
            (vec![(FILE, ".wh..wh..opq", "")], vec![10]),
            (vec![(FILE, "d/x", "3"), (FILE, "d/.wh.x", "")], vec![10]),
            (vec![(FOLDER, "./", "")], vec![]),
            (vec![(FILE, "d/.wh.x", ""), (FILE, "d/x", "3")], vec![10]),
            (vec![(FILE, ".wh.d", ""), (FILE, "d/y", "3")], vec![10]),
            (vec![(FILE, "d/.wh.x", ""), (FILE, "d/.wh.x", "")], vec![0]),
            (vec![(FILE, "d/.wh..wh.x", "")], vec![10]),
            (vec![(FILE, "d/.wh..", "")], vec![10]),
            (vec![(FILE, "d/.wh...", "")], vec![10]),
            (vec![(LINK, "d/.wh.x", "y")], vec![10]),
        ] {
            assert_eq!(numbers(&[lower(), upper.clone()]), expected, "{upper:?}");
        }
        assert_eq!(numbers(&[vec![(FILE, ".wh..wh..opq", "")]]), [0; 0], "it hides nothing");
    }

    #[test]
    fn every_kind_of_conflict_is_met_once_and_says_the_path() {
        let file = (FILE, "a", "x");
        for (entries, number) in [
            (vec![file, file], 0),
            (vec![(FOLDER, "d", ""), (LINK, "l", "d"), (FILE, "l/x", "")], 1),
            (vec![(LINK, "l", "d"), (FILE, "l/x", "")], 2),
            (vec![(LINK, "l", "l"), (FILE, "l/x", "")], 3),
            (vec![file, (FILE, "a/b", "x")], 4),
            (vec![(EntryType::Link, "b", "a")], 6),
            (vec![(FOLDER, "d", ""), (EntryType::Link, "b", "d")], 7),
            (vec![file, (EntryType::Link, "b", "../a")], 9),
            (vec![(FILE, ".wh.", "")], 10),
            (vec![(EntryType::new(b'Q'), "q", "")], 11),
            (vec![(EntryType::Char, "c", "")], 16),
            (vec![(FILE, "d/.wh.x", "")], 13),
            (vec![(FILE, "d/x/y", ""), (FILE, "d/.wh.x", "")], 10),
            (vec![(FILE, "d/x/y", ""), (FILE, "d/.wh..wh..opq", "")], 10),
        ] {
            assert_eq!(numbers(std::slice::from_ref(&entries)), [number], "{entries:?}");
        }
    }

    /// Whether a container sees the entries of each layer.
    fn presences(layers: &[Vec<(EntryType, &str, &str)>], reading: LinkReading) -> Vec<Vec<Presence>> {
        let scans: Vec<LayerScan> = layers.iter().map(|entries| layer(entries)).collect();
        let scans: Vec<&LayerScan> = scans.iter().collect();
        LayeredRootfs::of(&scans, reading).unwrap().presence
    }

    #[test]
    fn a_container_sees_what_nothing_above_replaces_or_deletes() {
        use Presence::{Final, NotAFile, RemovedIn, ReplacedIn};
        let lower = || vec![(FOLDER, "d", ""), (FILE, "d/x", "1"), (FILE, "e/f/y", "2")];
        for (upper, below, above) in [
            (vec![(FILE, "d/.wh.x", "")], [Final, RemovedIn(1), Final], vec![NotAFile]),
            (vec![(FILE, ".wh.d", "")], [RemovedIn(1), RemovedIn(1), Final], vec![NotAFile]),
            (vec![(FILE, "d/.wh..wh..opq", "")], [Final, RemovedIn(1), Final], vec![NotAFile]),
            (vec![(FOLDER, "d", "")], [ReplacedIn(1), Final, Final], vec![Final]),
            (vec![(FILE, "d", "")], [ReplacedIn(1), ReplacedIn(1), Final], vec![Final]),
            (vec![(FILE, "e", "")], [Final, Final, ReplacedIn(1)], vec![Final]),
            (vec![(FOLDER, "e", "")], [Final, Final, Final], vec![Final]),
            (
                vec![(FILE, "d/z", ""), (FILE, "d/.wh..wh..opq", "")],
                [Final, RemovedIn(1), Final],
                vec![Final, NotAFile],
            ),
            (vec![(EntryType::new(b'Q'), "q", "")], [Final, Final, Final], vec![NotAFile]),
            (vec![(EntryType::Link, "q", "none")], [Final, Final, Final], vec![NotAFile]),
        ] {
            let expected = [below.to_vec(), above];
            assert_eq!(presences(&[lower(), upper.clone()], LinkReading::Followed), expected, "{upper:?}");
        }
        let linked = [vec![(FOLDER, "d", ""), (LINK, "l", "d")], vec![(FILE, "l/x", "")]];
        assert_eq!(presences(&linked, LinkReading::Followed), [vec![Final, Final], vec![Final]]);
        assert_eq!(presences(&linked, LinkReading::Replaced), [vec![Final, ReplacedIn(1)], vec![Final]]);
    }

    #[test]
    fn a_link_to_a_file_is_replaced_by_a_directory_that_only_its_contents_tell_of() {
        let scans = [layer(&[(FILE, "f", ""), (LINK, "l", "f")]), layer(&[(FILE, "l/x", "")])];
        let paths: Vec<_> = paths(&scans, LinkReading::Replaced).into_iter().map(|(path, ..)| path).collect();
        assert_eq!(paths, ["/f", "/l/x"]);
    }

    #[test]
    fn a_hard_link_shares_the_file_whatever_names_lead_to_it_and_keeps_it_when_that_is_deleted() {
        let lower = [
            (FOLDER, "usr", ""),
            (FILE, "usr/x", "1"),
            (LINK, "lib", "usr"),
            (EntryType::Link, "b", "lib/x"),
            (EntryType::Link, "c", "b"),
        ];
        let scans = [layer(&lower), layer(&[(FILE, "usr/.wh.x", ""), (FILE, ".wh.b", "")])];
        let at = |entry| EntryIndex { layer: 0, entry };
        let layered = LayeredRootfs::of(&[&scans[0]], LinkReading::Followed).unwrap();
        assert_eq!(layered.conflicts(), []);
        for (name, entry) in [("/usr/x", 1), ("/b", 3), ("/c", 4)] {
            assert_eq!(layered.get(name), Some(NodeEntries { at: at(entry), inode: at(1) }), "{name}");
        }
        assert!(layered.is_shared(at(1)) && !layered.is_shared(at(0)));
        let layered = LayeredRootfs::of(&[&scans[0], &scans[1]], LinkReading::Followed).unwrap();
        assert_eq!(layered.presence(at(1)), Presence::RemovedIn(1));
        assert_eq!((layered.seen_as(at(1)), layered.seen_as(at(3))), (Some(at(4)), None));
    }

    #[test]
    fn a_hard_link_to_a_lower_layer_and_of_another_mode_or_owner_is_a_conflict() {
        for (owner, expected) in [
            ((0o755, 0, 0), vec![8]),
            ((0o700, 0, 0), vec![8, 12]),
            ((0o755, 7, 0), vec![8, 12]),
            ((0o755, 0, 7), vec![8, 12]),
        ] {
            let scans = [layer(&[(FILE, "a", "x")]), layer_of(owner, &[(EntryType::Link, "b", "a")])];
            let layered = LayeredRootfs::of(&[&scans[0], &scans[1]], LinkReading::Followed).unwrap();
            let numbers: Vec<_> = layered.conflicts().iter().map(|(_, conflict)| conflict.number()).collect();
            assert_eq!(numbers, expected, "{owner:?}");
        }
    }

    #[test]
    fn the_root_is_a_directory_and_only_the_first_layer_gives_it_a_mode() {
        assert_eq!(numbers(&[vec![(LINK, "./", "x")]]), [5]);
        let scans = [layer_of_mode(0o700, &[(FOLDER, "./", "")]), layer_of_mode(0o700, &[(FOLDER, "./", "")])];
        let number = |(_, conflict): &(EntryIndex, LayerConflict)| conflict.number();
        let first = LayeredRootfs::of(&[&scans[0]], LinkReading::Followed).unwrap();
        assert_eq!(first.conflicts(), []);
        let second = LayeredRootfs::of(&[&scans[0], &scans[1]], LinkReading::Followed).unwrap();
        assert_eq!(second.conflicts().iter().map(number).collect::<Vec<_>>(), [14]);
    }

    #[test]
    fn the_first_of_several_links_is_named_and_a_way_above_the_root_leads_nowhere() {
        let scan = layer(&[(FOLDER, "d", ""), (LINK, "a", "b"), (LINK, "b", "d"), (FILE, "a/x", "")]);
        let layered = LayeredRootfs::of(&[&scan], LinkReading::Followed).unwrap();
        let through = LayerConflict::ThroughLink { link: "/a".to_owned(), layer: 0, to_directory: true };
        assert_eq!(layered.conflicts(), [(EntryIndex { layer: 0, entry: 3 }, through)]);
        assert_eq!(numbers(&[vec![(FOLDER, "d", ""), (LINK, "a", "../d"), (FILE, "a/x", "")]]), [3]);
    }

    #[test]
    fn all_links_of_a_path_together_are_as_many_as_the_kernel_follows() {
        let names: Vec<String> = (0..=Limits::LINK_DEPTH).map(|number| number.to_string()).collect();
        let chain = names.windows(2).map(|pair| (LINK, pair[1].as_str(), pair[0].as_str()));
        let chain: Vec<_> = [(FOLDER, "0", ""), (LINK, "0/b", ".")].into_iter().chain(chain).collect();
        for (number, expected) in [(Limits::LINK_DEPTH - 1, 1), (Limits::LINK_DEPTH, 3)] {
            let path = format!("{number}/b/x");
            let entries = chain.iter().copied().chain([(FILE, path.as_str(), "")]).collect();
            assert_eq!(numbers(&[entries]), [expected], "{path}");
        }
    }

    #[test]
    fn a_directory_that_only_its_contents_tell_of_is_there() {
        let scan = layer(&[(FILE, "d/e/x", ""), (LINK, "l", "d/e")]);
        let layered = LayeredRootfs::of(&[&scan], LinkReading::Followed).unwrap();
        assert_eq!(layered.orphans(), &Orphans { number: 1, first: "/d/e/x".to_owned() });
        assert_eq!(layered.resolve("/l"), Ok(("/d/e".to_owned(), None)));
        assert_eq!(layered.resolve("/d/f"), Err(ResolveError::Absent));
    }
}
