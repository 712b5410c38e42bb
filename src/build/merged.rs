//! The file system an image will have, all layers together.

mod base;
mod over;

use std::{
    collections::BTreeMap,
    io::{Cursor, Read as _},
    ops::Bound,
    sync::Arc,
};

use super::{
    pinned::PinnedFile,
    plan::{Group, GroupKind, PlannedEntry},
};
use crate::{
    cache::Fingerprint,
    elf::{self, Elf, NotElf},
    layer::{Entry, EntryKind},
    oci::{ImagePath, Open},
    report::{Failure, Limits, Origin},
};

pub(super) use base::{BaseFile, Item, ItemKind};

/// Every path of the image, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct Merged {
    nodes: BTreeMap<ImagePath, Node>,
    /// Whether there is a base below.
    has_base: bool,
}

/// One path of the image.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: NodeKind,
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) group: GroupKind,
    /// Whether it may go over a path of the base.
    pub(super) replace: bool,
    /// What named the path: the `to` of its entry.
    pub(super) origin: Origin,
    /// What gave the content: `from`, `path`, `text`, `target`, a package. Faults of the content point there.
    pub(super) content: Origin,
}

#[derive(Debug, Clone)]
pub(super) enum NodeKind {
    Directory,
    File(Body),
    Symlink(Vec<u8>),
    /// A device or a FIFO of the base.
    Special,
}

/// The content of a file.
#[derive(Debug, Clone)]
pub(super) enum Body {
    Host(PinnedFile),
    Memory(Arc<Vec<u8>>),
    /// A file of the base, of which only what is asked of it is here.
    Base(Arc<BaseFile>),
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// There is nothing at the path, or at the end of its links.
    Absent,
    /// Its links lead in a circle.
    Loop,
    /// A component that should be a folder is a file.
    NotAFolder,
}

impl Node {
    /// A file of root's with this mode.
    pub(super) fn file(body: Body, mode: u32, group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::File(body), mode, group, origin)
    }

    /// A folder of root's, 0755.
    pub(super) fn directory(group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::Directory, 0o755, group, origin)
    }

    /// A link.
    pub(super) fn symlink(target: Vec<u8>, group: GroupKind, origin: &Origin) -> Self {
        Self::new(NodeKind::Symlink(target), 0o777, group, origin)
    }

    /// The same, with another place for what it holds.
    pub(super) fn holding(self, content: &Origin) -> Self {
        Self { content: content.clone(), ..self }
    }

    /// The same, which may go over a path of the base.
    pub(super) fn replacing(self, replace: bool) -> Self {
        Self { replace, ..self }
    }

    /// Where it comes from, as the end of a sentence. What `[system]` brings by default is on no line.
    fn whence(&self) -> String {
        match self.group {
            GroupKind::Base => "in the base".to_owned(),
            GroupKind::System => "in `[system]`".to_owned(),
            GroupKind::Files | GroupKind::Binaries => format!("on line {}", self.origin.line_column().0),
        }
    }

    fn new(kind: NodeKind, mode: u32, group: GroupKind, origin: &Origin) -> Self {
        Self { kind, mode, uid: 0, gid: 0, group, replace: false, origin: origin.clone(), content: origin.clone() }
    }
}

impl Body {
    fn size(&self) -> u64 {
        match self {
            Self::Host(file) => file.size(),
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Base(file) => file.size,
        }
    }

    /// The name for caches and the bytes; none of a file that no layer of ours holds.
    fn content(&self) -> Option<(Fingerprint, Arc<dyn Open>)> {
        match self {
            Self::Host(file) => Some((file.fingerprint(), file.content())),
            Self::Memory(bytes) => Some((Fingerprint::of(bytes), Arc::clone(bytes) as Arc<dyn Open>)),
            Self::Base(_) => None,
        }
    }

    /// What its headers say.
    pub(super) fn elf(&self) -> std::io::Result<Result<Elf, NotElf>> {
        match self {
            Self::Host(file) => file.elf(),
            Self::Memory(bytes) => Ok(elf::read(Cursor::new(bytes.as_slice()))),
            Self::Base(file) => Ok(file.elf.clone()),
        }
    }

    /// The whole of a small file, such as passwd; none where it is too large or was not kept.
    pub(super) fn small(&self) -> Option<Vec<u8>> {
        match self {
            Self::Base(file) => file.text.clone(),
            other => {
                let (mut bytes, limit) = (Vec::new(), Limits::AUDIT_KEPT_BYTES as u64);
                let (_, content) = other.content()?;
                content.open().ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
                (bytes.len() as u64 <= limit).then_some(bytes)
            }
        }
    }
}

impl Merged {
    /// Adds a path; one that is there already is an error that names both lines.
    pub(super) fn add(&mut self, path: ImagePath, node: Node) -> Result<(), Failure> {
        if path.is_root() {
            let what = "`/` is always there and belongs to root".to_owned();
            return Err(Failure::new(what).at(&node.origin));
        }
        let path = self.real(path, &node.origin)?;
        if let Some(there) = self.nodes.get(&path).filter(|there| there.group == GroupKind::Base) {
            self.check_over(&path, there, &node)?;
        } else if let Some(there) = self.nodes.get(&path) {
            let what = format!("`{path}` is {} already", there.whence());
            let failure = Failure::new(what).at(&node.origin);
            return Err(failure.hint(if there.group == GroupKind::System {
                "`passwd = false`, `certificates = \"none\"`, `tmp = false` and `timezones = false` in `[system]` leave its files out"
            } else {
                "one path has one entry; `exclude` leaves a file out of a tree"
            }));
        }
        if self.nodes.len() >= Limits::ENTRIES {
            return Err(Failure::new(format!("the image has more than {} entries", Limits::ENTRIES)).at(&node.origin));
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Adds paths that are in their order, as [`Self::add`] would one after the other.
    pub(super) fn add_sorted(&mut self, nodes: Vec<(ImagePath, Node)>) -> Result<(), Failure> {
        let is_new = |(path, _): &(ImagePath, Node)| !path.is_root() && !self.nodes.contains_key(path);
        let in_order = nodes.is_sorted_by(|(one, _), (other, _)| one < other);
        let fits = self.nodes.len() + nodes.len() <= Limits::ENTRIES;
        // A base may move each of them, and what is refused is told of one path.
        if self.has_base || !in_order || !fits || !nodes.iter().all(is_new) {
            return nodes.into_iter().try_for_each(|(path, node)| self.add(path, node));
        }
        // A map that is made of what is sorted takes half the memory of one that grew, and no look-ups.
        let mut fewer: BTreeMap<_, _> = nodes.into_iter().collect();
        if self.nodes.len() < fewer.len() {
            std::mem::swap(&mut self.nodes, &mut fewer);
        }
        self.nodes.extend(fewer);
        Ok(())
    }

    /// Adds the folders that the paths are in. Each goes to the lowest layer that needs it.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        // What lies beside the path before, in the same layer, needs the same folders.
        let (mut paths, mut last) = (Vec::new(), None);
        for (path, node) in self.own() {
            let place = (path.folder(), node.group);
            if last.replace(place) != Some(place) {
                paths.push((path.clone(), node.group, node.origin.clone()));
            }
        }
        for (path, group, origin) in paths {
            for parent in path.parents() {
                let node = self.nodes.entry(parent.clone()).or_insert_with(|| Node::directory(group, &origin));
                let what = match node.kind {
                    NodeKind::Directory => {
                        node.group = node.group.min(group);
                        continue;
                    }
                    NodeKind::File(_) => "a file",
                    NodeKind::Symlink(_) => "a link",
                    NodeKind::Special => "a device",
                };
                let what = format!("`{path}` needs a folder at `{parent}`, which is {what} ({})", node.whence());
                return Err(Failure::new(what).at(&origin));
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, path: &ImagePath) -> Option<&Node> {
        self.nodes.get(path)
    }

    /// Every path and its node, in the order of paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ImagePath, &Node)> {
        self.nodes.iter()
    }

    /// What is below a folder.
    pub(super) fn below<'a>(&'a self, folder: &'a ImagePath) -> impl Iterator<Item = (&'a ImagePath, &'a Node)> {
        let prefix = if folder.is_root() { b"/".to_vec() } else { [folder.as_bytes(), b"/"].concat() };
        // What is in it lies together: `a-b` is before `a/`.
        let range: (Bound<&[u8]>, Bound<&[u8]>) = (Bound::Excluded(&prefix), Bound::Unbounded);
        self.nodes.range::<[u8], _>(range).take_while(move |(path, _)| path.as_bytes().starts_with(&prefix))
    }

    /// What the image itself brings, above the base.
    fn own(&self) -> impl Iterator<Item = (&ImagePath, &Node)> {
        self.nodes.iter().filter(|(_, node)| node.group != GroupKind::Base)
    }

    /// Where `path` ends when every link on its way is followed inside the image.
    pub(super) fn follow(&self, path: &ImagePath) -> Result<ImagePath, Lost> {
        let mut links = 0;
        let mut left: Vec<Vec<u8>> = path.components().map(<[u8]>::to_vec).rev().collect();
        let mut at = ImagePath::root();
        while let Some(name) = left.pop() {
            match name.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    at = at.parent().unwrap_or(at);
                    continue;
                }
                _ => {}
            }
            let next = at.join(&name).map_err(|_| Lost::Absent)?;
            match self.nodes.get(&next).map(|node| &node.kind) {
                None => return Err(Lost::Absent),
                Some(NodeKind::File(_) | NodeKind::Special) if !left.is_empty() => return Err(Lost::NotAFolder),
                Some(NodeKind::Directory | NodeKind::File(_) | NodeKind::Special) => at = next,
                Some(NodeKind::Symlink(target)) => {
                    links += 1;
                    if links > Limits::LINK_DEPTH {
                        return Err(Lost::Loop);
                    }
                    if target.starts_with(b"/") {
                        at = ImagePath::root();
                    }
                    left.extend(target.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec));
                }
            }
        }
        Ok(at)
    }

    /// The layers above the base: every path in the one it belongs to.
    pub(super) fn into_groups(self) -> Vec<Group> {
        let mut groups = GroupKind::ALL.map(|kind| {
            // Not a byte more: of a large tree, this is what takes most of the memory.
            let count = self.nodes.values().filter(|node| node.group == kind).count();
            Group { kind, entries: Vec::with_capacity(count), from_host: false }
        });
        for (path, node) in self.nodes {
            let (mut fingerprint, mut from_host) = (None, false);
            let kind = match node.kind {
                NodeKind::Directory => EntryKind::Directory,
                NodeKind::Symlink(target) => EntryKind::Symlink { target },
                NodeKind::File(body) => {
                    let Some((name, content)) = body.content() else { continue };
                    fingerprint = Some(name);
                    from_host = matches!(body, Body::Host(_));
                    EntryKind::File { size: body.size(), content }
                }
                NodeKind::Special => continue,
            };
            let entry = Entry { path, mode: node.mode, uid: node.uid, gid: node.gid, kind };
            let planned = PlannedEntry { entry, fingerprint, origin: node.origin };
            if let Some(group) = groups.iter_mut().find(|group| group.kind == node.group) {
                group.entries.push(planned);
                group.from_host |= from_host;
            }
        }
        groups.into_iter().filter(|group| !group.entries.is_empty()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::Source;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    /// Files and links (with a target) by their paths, and the folders they are in.
    fn merged(entries: &[(&str, Option<&str>)]) -> Merged {
        let origin = Origin::new(&Arc::new(Source { path: "x.toml".into(), text: String::new() }), 0..0);
        let mut merged = Merged::default();
        for (at, target) in entries {
            let node = match target {
                Some(target) => Node::symlink(target.as_bytes().to_vec(), GroupKind::Files, &origin),
                None => Node::file(Body::Memory(Arc::new(Vec::new())), 0o444, GroupKind::Files, &origin),
            };
            merged.add(path(at), node).unwrap();
        }
        merged.close().unwrap();
        merged
    }

    #[test]
    fn links_are_followed_as_the_kernel_does_inside_the_image() {
        let merged = merged(&[
            ("/usr/lib/a", None),
            ("/lib", Some("usr/lib")),
            ("/usr/up", Some("../../../lib/./a")),
            ("/abs", Some("/usr//up")),
            ("/one", Some("two")),
            ("/two", Some("/one")),
            ("/gone", Some("nowhere")),
        ]);
        let follow = |text: &str| merged.follow(&path(text)).map(|end| end.to_string());
        for way in ["/usr/lib/a", "/lib/a", "/usr/up", "/abs"] {
            assert_eq!(follow(way).as_deref(), Ok("/usr/lib/a"), "{way}");
        }
        assert_eq!(follow("/lib").as_deref(), Ok("/usr/lib"));
        assert_eq!(follow("/one"), Err(Lost::Loop));
        assert_eq!(follow("/gone"), Err(Lost::Absent));
        assert_eq!(follow("/lib/b"), Err(Lost::Absent));
        assert_eq!(follow("/lib/a/b"), Err(Lost::NotAFolder));
        assert_eq!(follow("/abs/b"), Err(Lost::NotAFolder));
    }

    #[test]
    fn what_is_below_a_folder_is_not_what_begins_with_its_name() {
        let merged = merged(&[("/a/b", None), ("/a-b/c", None), ("/ab", None), ("/a/c/d", None)]);
        let below: Vec<_> = merged.below(&path("/a")).map(|(path, _)| path.to_string()).collect();
        assert_eq!(below, ["/a/b", "/a/c", "/a/c/d"]);
    }

    #[test]
    fn what_comes_sorted_is_added_as_if_it_came_one_by_one() {
        let origin = Origin::new(&Arc::new(Source { path: "x.toml".into(), text: String::new() }), 0..0);
        let node = || Node::symlink(b"x".to_vec(), GroupKind::Files, &origin);
        let nodes = |paths: &[&str]| paths.iter().map(|at| (path(at), node())).collect::<Vec<_>>();
        for there in [&["/b"][..], &["/a/1", "/a/2", "/a/3", "/c/0", "/z"], &[]] {
            for new in [&["/a", "/c/1", "/d"][..], &["/a", "/b", "/z"], &["/d", "/c"], &["/"], &[]] {
                let (mut one, mut other) = (merged(&[]), merged(&[]));
                for at in there {
                    one.add(path(at), node()).unwrap();
                    other.add(path(at), node()).unwrap();
                }
                let by_one = nodes(new).into_iter().try_for_each(|(path, node)| one.add(path, node));
                let at_once = other.add_sorted(nodes(new));
                assert_eq!(by_one.map_err(|failure| failure.what), at_once.map_err(|failure| failure.what));
                assert!(one.iter().map(|(path, _)| path).eq(other.iter().map(|(path, _)| path)), "{there:?} {new:?}");
            }
        }
    }
}
