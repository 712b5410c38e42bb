//! Whiteouts: how an entry of a layer deletes paths of the layers below.

use super::{
    super::{
        LayerConflict, Presence, child, parent,
        scan::{TarEntry, TarEntryKind},
    },
    EntryIndex, LayeredRootfs, OPAQUE, WHITEOUT,
};

impl LayeredRootfs {
    /// Takes away what a whiteout deletes from the layers below; `deleted` is what follows [`WHITEOUT`] in its name.
    pub(super) fn whiteout(&mut self, at: EntryIndex, entry: &TarEntry, deleted: &str) {
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
        // A folder that only its contents tell of is there, also when this whiteout takes the last of them.
        let mut below = directory.clone();
        if directory != "/" && self.rootfs.get(&directory).is_none() && !self.rootfs.has_below(&mut below) {
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
    pub(super) fn opaque(&mut self, at: EntryIndex, directory: &str) {
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

    /// Whether this layer deletes the path, or a directory above it.
    pub(super) fn is_deleted(&self, path: &str) -> bool {
        let mut at = path;
        while !self.deleted.is_empty() && at != "/" {
            if self.deleted.contains(at) {
                return true;
            }
            at = parent(at);
        }
        false
    }

    pub(super) fn hide(&mut self, at: EntryIndex, presence: Presence) {
        if let Some(one) = self.presence.get_mut(at.layer).and_then(|layer| layer.get_mut(at.entry)) {
            *one = presence;
        }
    }

    /// Removes what is below `path`, and the path too if `itself`.
    pub(super) fn remove(&mut self, path: &str, itself: bool, presence: Presence) {
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
}
