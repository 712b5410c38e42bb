//! Links: in which directory an entry of a layer lies, and which file a hard link shares.

use super::{
    super::{
        LayerConflict, Presence, ResolveError, Rootfs, RootfsNode, Visit, WalkStep, climbs_out, cost, join, parent,
        scan::{TarEntry, TarEntryKind},
    },
    EntryIndex, LayerNode, LayeredRootfs, LinkReading,
};
use crate::{oci::ImagePath, report::Limits};

impl LayeredRootfs {
    /// The directory that an entry of that parent lies in, unless it is that parent.
    pub(super) fn resolve_parent(&mut self, at: EntryIndex, parent: &str, reading: LinkReading) -> Option<String> {
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
            debug_assert_eq!(directory, parent, "a link is always reported");
            self.last = Some(directory);
            return None;
        };
        self.last = None;
        self.conflict(at, conflict);
        Some(directory)
    }

    /// Puts a directory in the place of each link of a lower layer that `path` leads through, as an engine does that unpacks
    /// each layer by itself. It gets mode and owner of the directory that the link leads to, where there is one.
    pub(super) fn replace_links(&mut self, at: EntryIndex, path: &str) {
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

    /// The entry that a hard link shares.
    pub(super) fn hard_link(&mut self, at: EntryIndex, entry: &TarEntry) -> Option<EntryIndex> {
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

    /// The directory that `path` leads to when the links in it are followed, while the layers are applied; a directory that
    /// is not there is taken as it is written. Says the first thing on the way that is no directory.
    pub(super) fn follow_directory(&mut self, path: &str) -> (String, Option<LayerConflict>) {
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

/// The conflict of an entry whose path leads through the symbolic link `link` of that layer.
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
