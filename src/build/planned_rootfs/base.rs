//! The layers of a base, applied as the audit applies them, below what a recipe adds.

use std::{collections::BTreeSet, io, sync::Arc};

use super::{Body, NodeKind, PlannedNode, PlannedRootfs};
use crate::{
    build::plan::GroupKind,
    elf::{Elf, NotElf},
    oci::ImagePath,
    report::{Limits, Origin, printable},
    rootfs::{Content, Entry, Flaw, Kind, LayerScan, LayeredRootfs, LinkReading, parent},
};

/// A file of a base, and what was seen of it.
#[derive(Debug)]
pub(in crate::build) struct BaseFile {
    size: u64,
    content: Option<(Arc<LayerScan>, usize)>,
}

impl BaseFile {
    /// Bytes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// What its headers say.
    pub(super) fn elf(&self) -> Result<Elf, NotElf> {
        match self.seen() {
            Some(Content::Elf(file)) => file.headers.clone(),
            Some(Content::Script(line)) => Err(NotElf::Script(line.clone())),
            None if self.size == 0 => Err(NotElf::Empty),
            Some(Content::Kept { .. }) | None => Err(NotElf::Other),
        }
    }

    /// The whole of it, where it is a small file that a build reads: accounts, certificates, the settings of the loader.
    pub(super) fn text(&self) -> Option<Vec<u8>> {
        match self.seen() {
            Some(Content::Kept { text, .. }) if text.len() as u64 == self.size => Some(text.clone()),
            None if self.size == 0 => Some(Vec::new()),
            _ => None,
        }
    }

    fn seen(&self) -> Option<&Content> {
        let (scan, entry) = self.content.as_ref()?;
        scan.contents.get(entry)
    }
}

impl PlannedRootfs {
    /// The file system of a base with those layers, the lowest first.
    ///
    /// # Errors
    /// Layers that no engine would unpack, or that two would unpack differently; the index of the layer.
    pub(in crate::build) fn of_base(scans: &[Arc<LayerScan>], origin: &Origin) -> Result<Self, (usize, io::Error)> {
        for (layer, scan) in scans.iter().enumerate() {
            check(scan).map_err(|error| (layer, error))?;
        }
        let last = scans.len().saturating_sub(1);
        let borrowed: Vec<&LayerScan> = scans.iter().map(AsRef::as_ref).collect();
        let layered = LayeredRootfs::of(&borrowed, LinkReading::Followed)
            .ok_or_else(|| (last, io::Error::other("putting its layers on each other takes too many steps")))?;
        for (at, conflict) in layered.conflicts().iter().filter(|(_, conflict)| conflict.is_fatal()) {
            let Some(entry) = scans.get(at.layer).and_then(|scan| scan.entries.get(at.entry)) else { continue };
            let sentence = conflict.sentence(&entry.path, entry.target().unwrap_or_default());
            return Err((at.layer, io::Error::other(printable(&sentence).into_owned())));
        }
        let mut planned = Self { has_base: true, ..Self::default() };
        for (path, node) in layered.nodes().filter(|(path, _)| *path != "/") {
            let Some(scan) = scans.get(node.inode.layer) else { continue };
            let Some(entry) = scan.entries.get(node.inode.entry) else { continue };
            let place = |error| (node.at.layer, error);
            planned
                .nodes
                .insert(ImagePath::foreign(path), base_node(scan, node.inode.entry, entry, origin).map_err(place)?);
        }
        planned.add_directories(origin).map_err(|error| (last, error))?;
        Ok(planned)
    }

    /// Adds the directories of the base that no layer has and that engines make.
    fn add_directories(&mut self, origin: &Origin) -> io::Result<()> {
        let mut missing = BTreeSet::new();
        for (path, _) in self.nodes.iter() {
            let mut above = parent(path.as_str());
            while above != "/" && self.nodes.get(above).is_none() && missing.insert(above.to_owned()) {
                above = parent(above);
            }
        }
        if self.nodes.len() + missing.len() > Limits::ENTRIES {
            return Err(io::Error::other(format!("the base has more than {} entries", Limits::ENTRIES)));
        }
        for path in missing {
            self.nodes.insert(ImagePath::foreign(path), PlannedNode::directory(GroupKind::Base, origin));
        }
        Ok(())
    }
}

/// Refuses a layer that was not read to its end, or that readers take differently.
fn check(scan: &LayerScan) -> io::Result<()> {
    let refused = |entry: usize, why: &str| {
        let path = scan.entries.get(entry).map(|entry| entry.path.as_str()).unwrap_or_default();
        let path: String = path.chars().take(200).collect();
        Err(io::Error::other(format!("`{}`: {why}, and readers would disagree", printable(&path))))
    };
    if let Some((reason, _)) = &scan.fault {
        return Err(io::Error::other(reason.clone()));
    }
    for (entry, flaw) in &scan.flaws {
        match flaw {
            Flaw::Ambiguous(why) => return refused(*entry, why),
            Flaw::Nul => return refused(*entry, "a name of it holds a NUL"),
            Flaw::DotDot(true) => return refused(*entry, "its name leads out of the image"),
            Flaw::DotDot(false) => return refused(*entry, "its name has `..`"),
            Flaw::Trailing => return refused(*entry, "something follows the end of the tar"),
            Flaw::Absolute | Flaw::ProcessId => {}
        }
    }
    Ok(())
}

/// What an entry of a base is in the planned file system.
fn base_node(scan: &Arc<LayerScan>, index: usize, entry: &Entry, origin: &Origin) -> io::Result<PlannedNode> {
    if entry.path.len() > Limits::PATH_BYTES {
        return Err(io::Error::other("the base has a path that is longer than Linux can open"));
    }
    let kind = match entry.kind {
        Kind::Directory => NodeKind::Directory,
        Kind::Symlink => NodeKind::Symlink(entry.target().unwrap_or_default().into()),
        Kind::File => {
            let content = scan.contents.contains_key(&index).then(|| (Arc::clone(scan), index));
            NodeKind::File(Body::Base(Arc::new(BaseFile { size: entry.size, content })))
        }
        Kind::HardLink | Kind::CharDevice | Kind::BlockDevice | Kind::Fifo | Kind::Other => NodeKind::Special,
    };
    let id = |id: u64| u32::try_from(id).unwrap_or(u32::MAX);
    let plain = PlannedNode::directory(GroupKind::Base, origin);
    Ok(PlannedNode { kind, mode: entry.mode, uid: id(entry.uid), gid: id(entry.gid), ..plain })
}
