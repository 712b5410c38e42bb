//! The layers of a base, put on each other as every runtime does (image-spec, `layer.md`).

use std::{collections::BTreeSet, io, sync::Arc};

use super::{Body, Merged, Node, NodeKind};
use crate::{
    build::plan::GroupKind,
    elf::{Elf, NotElf},
    oci::ImagePath,
    report::{Limits, Origin, printable},
};

/// What a whiteout's name begins with.
const WHITEOUT: &[u8] = b".wh.";
/// A folder whose lower contents are hidden.
const OPAQUE: &[u8] = b".wh..wh..opq";

/// An entry of a layer.
#[derive(Debug)]
pub(in crate::build) struct Item {
    /// As the tar has it.
    pub(in crate::build) path: Vec<u8>,
    pub(in crate::build) kind: ItemKind,
    /// Permission bits.
    pub(in crate::build) mode: u32,
    pub(in crate::build) uid: u32,
    pub(in crate::build) gid: u32,
}

/// What an entry is.
#[derive(Debug)]
pub(in crate::build) enum ItemKind {
    Directory,
    File(Arc<BaseFile>),
    Symlink(Vec<u8>),
    /// Another name of a file; the target as the tar has it.
    HardLink(Vec<u8>),
    /// A device or a FIFO.
    Special,
}

/// What is kept of a file in a base.
#[derive(Debug)]
pub(in crate::build) struct BaseFile {
    pub(in crate::build) size: u64,
    /// What its headers say.
    pub(in crate::build) elf: Result<Elf, NotElf>,
    /// The whole of it, where somebody may ask for that: passwd, group, the certificates.
    pub(in crate::build) text: Option<Vec<u8>>,
}

/// Puts layers on each other.
#[derive(Debug)]
pub(in crate::build) struct Stack {
    merged: Merged,
    origin: Origin,
    steps: u64,
    /// What the layer that is being put on brought.
    own: BTreeSet<ImagePath>,
}

impl Merged {
    /// The file system of a base whose layers come one by one, the lowest first.
    pub(in crate::build) fn stack(origin: &Origin) -> Stack {
        let merged = Self { has_base: true, ..Self::default() };
        Stack { merged, origin: origin.clone(), steps: 0, own: BTreeSet::new() }
    }
}

impl Stack {
    /// Puts a layer on those before.
    ///
    /// # Errors
    /// A layer that no runtime would unpack, or in which two would disagree.
    pub(in crate::build) fn put(&mut self, items: Vec<Item>) -> io::Result<()> {
        self.own.clear();
        // In the order of the tar, as engines go through it. A whiteout is about lower layers.
        for item in items {
            if name(&item.path).starts_with(WHITEOUT) {
                self.whiteout(&item)?;
            } else {
                self.place(item)?;
            }
        }
        Ok(())
    }

    /// The whole.
    pub(in crate::build) fn merged(self) -> Merged {
        self.merged
    }

    fn whiteout(&mut self, item: &Item) -> io::Result<()> {
        let (folder, _) = self.folder(&item.path)?;
        if folder.as_bytes() != plain_folder(&item.path) {
            return Err(broken(&item.path, "a folder above this whiteout is a link, which not every engine follows"));
        }
        let name = name(&item.path);
        if name == OPAQUE {
            self.remove_below(&folder, true)?;
        } else if let Some(Ok(path)) = name.strip_prefix(WHITEOUT).map(|deleted| folder.join(deleted)) {
            self.remove_below(&path, true)?;
            if !self.own.contains(&path) {
                self.merged.nodes.remove(&path);
            }
        }
        // Any other name of the kind is none of a file; the audit tells of it.
        Ok(())
    }

    fn place(&mut self, item: Item) -> io::Result<()> {
        let (folder, name) = self.folder(&item.path)?;
        let Some(name) = name else {
            // The root itself.
            return Ok(());
        };
        let path = folder.join(name).map_err(|error| broken(&item.path, &error.to_string()))?;
        let kind = match item.kind {
            ItemKind::Directory => NodeKind::Directory,
            ItemKind::File(file) => NodeKind::File(Body::Base(file)),
            ItemKind::Symlink(target) => NodeKind::Symlink(target),
            ItemKind::Special => NodeKind::Special,
            ItemKind::HardLink(target) => {
                let (folder, name) = self.folder(&target)?;
                let target = name.and_then(|name| folder.join(name).ok());
                let shared = target.and_then(|target| self.merged.nodes.get(&target).cloned());
                let Some(shared) = shared.filter(|node| !matches!(node.kind, NodeKind::Directory)) else {
                    return Err(broken(&item.path, "it is a hard link to nothing that the layer has"));
                };
                self.insert(path, shared)?;
                return Ok(());
            }
        };
        let plain = Node::directory(GroupKind::Base, &self.origin);
        let node = Node { kind, mode: item.mode, uid: item.uid, gid: item.gid, ..plain };
        self.insert(path, node)
    }

    fn insert(&mut self, path: ImagePath, node: Node) -> io::Result<()> {
        let is_folder = |node: &Node| matches!(node.kind, NodeKind::Directory);
        if !is_folder(&node) && self.merged.nodes.get(&path).is_some_and(is_folder) {
            self.remove_below(&path, false)?;
        }
        self.room()?;
        self.own.insert(path.clone());
        self.merged.nodes.insert(path, node);
        Ok(())
    }

    /// The folder that a name of a tar lies in, links followed inside of the root, and its last component; none for the
    /// root. Folders on the way that are not there are made, as a runtime would.
    fn folder<'a>(&mut self, path: &'a [u8]) -> io::Result<(ImagePath, Option<&'a [u8]>)> {
        let mut parts: Vec<&[u8]> =
            path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
        if parts.contains(&&b".."[..]) {
            return Err(broken(path, "its name leads out of the image"));
        }
        let last = parts.pop();
        let mut left: Vec<Vec<u8>> = parts.into_iter().rev().map(<[u8]>::to_vec).collect();
        let (mut at, mut links) = (ImagePath::root(), 0);
        while let Some(part) = left.pop() {
            match part.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    at = at.parent().unwrap_or(at);
                    continue;
                }
                _ => {}
            }
            let next = at.join(&part).map_err(|error| broken(path, &error.to_string()))?;
            self.step(1 + next.as_bytes().len() as u64 / 64)?;
            match self.merged.nodes.get(&next).map(|node| &node.kind) {
                None => {
                    self.room()?;
                    let node = Node::directory(GroupKind::Base, &self.origin);
                    self.own.insert(next.clone());
                    self.merged.nodes.insert(next.clone(), node);
                    at = next;
                }
                Some(NodeKind::Directory) => at = next,
                Some(NodeKind::Symlink(target)) => {
                    links += 1;
                    if links > Limits::LINK_DEPTH {
                        return Err(broken(path, "it lies behind a link that leads back to itself"));
                    }
                    if target.starts_with(b"/") {
                        at = ImagePath::root();
                    }
                    left.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                }
                Some(NodeKind::File(_) | NodeKind::Special) => {
                    return Err(broken(path, "a folder that it lies in is a file"));
                }
            }
        }
        Ok((at, last))
    }

    /// Removes what is below a folder; with `only_lower`, what the layer that is being put on brought stays.
    fn remove_below(&mut self, folder: &ImagePath, only_lower: bool) -> io::Result<()> {
        let below = self.merged.below(folder).map(|(path, _)| path);
        let gone: Vec<_> = below.filter(|path| !only_lower || !self.own.contains(*path)).cloned().collect();
        self.step(gone.len() as u64)?;
        for path in gone {
            self.merged.nodes.remove(&path);
        }
        Ok(())
    }

    fn room(&self) -> io::Result<()> {
        if self.merged.nodes.len() >= Limits::ENTRIES {
            return Err(io::Error::other(format!("the base has more than {} entries", Limits::ENTRIES)));
        }
        Ok(())
    }

    /// Counts work, so that a hostile base ends.
    fn step(&mut self, steps: u64) -> io::Result<()> {
        self.steps += steps;
        if self.steps > Limits::AUDIT_STEPS {
            return Err(io::Error::other("putting its layers on each other takes too many steps"));
        }
        Ok(())
    }
}

/// The folder that a name in a tar is written in, absolute and clean. It has no `..`.
fn plain_folder(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).collect();
    parts.pop();
    [b"/".as_slice(), &parts.join(&b'/')].concat()
}

/// The last component of a name in a tar.
fn name(path: &[u8]) -> &[u8] {
    let end = path.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
    path.get(..end).unwrap_or_default().rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

fn broken(path: &[u8], what: &str) -> io::Error {
    let path: String = String::from_utf8_lossy(path).chars().take(200).collect();
    io::Error::other(format!("`{}`: {what}", printable(&path)))
}
