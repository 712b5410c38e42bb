//! The file system that an image will have, all layers together. The resolver fills it, the checks read it, and the
//! plan's layers are made from it.

mod base_file;
mod base_layers;
mod base_overlay;
mod planned_node;

use std::{borrow::Cow, collections::BTreeMap};

pub(super) use planned_node::{FileBody, NodeKind, PlannedNode};

use super::plan::{GroupKind, LayerGroup, PlannedEntry};
use crate::{
    elf::{Elf, NotElf},
    layer::{EntryKind, LayerEntry},
    oci::ImagePath,
    report::{ErrorName, Failure, Limits},
    rootfs::{
        ResolveError, Rootfs, is_plain_directory, parent,
        programs::{NotRead, ProgramFiles},
    },
};

/// Every path of the image, each once.
#[derive(Debug, Clone, Default)]
pub(super) struct PlannedRootfs {
    nodes: Rootfs<PlannedNode>,
    /// Whether there is a base below.
    has_base: bool,
}

impl PlannedRootfs {
    /// Adds a path. A path that is there already is an error that names the lines of both entries.
    pub(super) fn add(&mut self, path: ImagePath, node: PlannedNode) -> Result<(), Failure> {
        if path.is_root() {
            let what = "`/` is always there and belongs to root".to_owned();
            return Err(Failure::error(ErrorName::EntryConflict, what).at(&node.origin));
        }
        let path = self.resolve_through_base(path, &node.origin)?;
        if let Some(there) = self.nodes.get(path.as_str()).filter(|there| there.group == GroupKind::Base) {
            self.check_replaces_base(&path, there, &node)?;
        } else if let Some(there) = self.nodes.get(path.as_str()) {
            let what = format!("`{path}` is {} already", there.describe_origin(&node.origin));
            let failure = Failure::error(ErrorName::EntryConflict, what).at(&node.origin);
            return Err(failure.hint(if there.group == GroupKind::System {
                "`passwd = false`, `certificates = \"none\"`, `tmp = false` and `timezones = false` in `[system]` leave its files out"
            } else {
                "one path has one entry; `exclude` leaves a file out of a tree"
            }));
        }
        if self.nodes.len() >= Limits::ENTRIES {
            return Err(Failure::error(
                ErrorName::RecipeLimit,
                format!("the image has more than {} entries", Limits::ENTRIES),
            )
            .at(&node.origin));
        }
        self.nodes.insert(path, node);
        Ok(())
    }

    /// Adds paths that are in their order, as [`Self::add`] would one after the other.
    pub(super) fn add_sorted(&mut self, nodes: Vec<(ImagePath, PlannedNode)>) -> Result<(), Failure> {
        let is_new = |(path, _): &(ImagePath, PlannedNode)| !path.is_root() && self.nodes.get(path.as_str()).is_none();
        let in_order = nodes.is_sorted_by(|(one, _), (other, _)| one < other);
        let fits = self.nodes.len() + nodes.len() <= Limits::ENTRIES;
        // Links of a base may move each of them, and a refusal names one path.
        if self.has_base || !in_order || !fits || !nodes.iter().all(is_new) {
            return nodes.into_iter().try_for_each(|(path, node)| self.add(path, node));
        }
        self.nodes.insert_sorted(nodes);
        Ok(())
    }

    /// Adds the parent directories of all paths. Each goes to the lowest layer that needs it.
    pub(super) fn add_parents(&mut self) -> Result<(), Failure> {
        // Entries of one directory and one layer need the same parents.
        let (mut paths, mut last) = (Vec::new(), None);
        for (path, node) in self.own_nodes() {
            let place = (path.folder(), node.group);
            if last.replace(place) != Some(place) {
                paths.push((path.clone(), node.group, node.origin.clone()));
            }
        }
        for (path, group, origin) in paths {
            for parent in path.parents() {
                let Some(node) = self.nodes.get_mut(parent.as_str()) else {
                    self.nodes.insert(parent, PlannedNode::directory(group, &origin));
                    continue;
                };
                let what = match node.kind {
                    NodeKind::Directory => {
                        node.group = node.group.min(group);
                        continue;
                    }
                    NodeKind::File(_) => "a file",
                    NodeKind::Symlink(_) => "a link",
                    NodeKind::Special => "a device",
                };
                let what = format!(
                    "`{path}` needs a folder at `{parent}`, which is {what} ({})",
                    node.describe_origin(&origin)
                );
                return Err(Failure::error(ErrorName::EntryConflict, what).at(&origin));
            }
        }
        self.nodes.set_closed();
        Ok(())
    }

    /// The node at exactly this path.
    pub(super) fn get(&self, path: &str) -> Option<&PlannedNode> {
        self.nodes.get(path)
    }

    /// Every path and its node, in the order of paths.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&ImagePath, &PlannedNode)> {
        self.nodes.iter()
    }

    /// The nodes below a directory.
    pub(super) fn below<'a>(
        &'a self,
        folder: &ImagePath,
    ) -> impl Iterator<Item = (&'a ImagePath, &'a PlannedNode)> + use<'a> {
        self.nodes.below(folder.as_str())
    }

    /// The nodes of the image's own layers, above the base.
    fn own_nodes(&self) -> impl Iterator<Item = (&ImagePath, &PlannedNode)> {
        self.nodes.iter().filter(|(_, node)| node.group != GroupKind::Base)
    }

    /// The path that `path` resolves to, every link on its way followed inside the image.
    pub(super) fn follow(&self, path: &ImagePath) -> Result<ImagePath, ResolveError> {
        self.nodes.resolve(path.as_str()).map(|end| ImagePath::foreign(end.path))
    }

    /// The file that `path` leads to, links followed.
    pub(super) fn file_at(&self, path: &str) -> Option<(ImagePath, &PlannedNode, &FileBody)> {
        let end = self.nodes.resolve(path).ok()?;
        let node = end.node?;
        match &node.kind {
            NodeKind::File(body) => Some((ImagePath::foreign(end.path), node, body)),
            _ => None,
        }
    }

    /// The layers above the base: every path in the one it belongs to.
    ///
    /// A directory of a lower layer that is not 0755 of root is repeated in each layer that has an entry in it: Docker and podman on overlayfs unpack a layer by itself, and make a directory that it has no entry for anew.
    pub(super) fn into_groups(self) -> Vec<LayerGroup> {
        let repeated = self.repeated_directories();
        let mut groups = GroupKind::ALL.map(|kind| {
            // The exact capacity: for a large tree, this takes most of the memory.
            let count = self.nodes.iter().filter(|(_, node)| node.group == kind).count();
            LayerGroup { kind, entries: Vec::with_capacity(count), from_host: false }
        });
        for (path, node) in self.nodes.into_nodes() {
            let (mut fingerprint, mut from_host) = (None, false);
            let kind = match node.kind {
                NodeKind::Directory => EntryKind::Directory,
                NodeKind::Symlink(target) => EntryKind::Symlink { target: String::from(target).into_bytes() },
                NodeKind::File(body) => {
                    let Some((name, content)) = body.content() else { continue };
                    fingerprint = Some(name);
                    from_host = matches!(body, FileBody::Host(_));
                    EntryKind::File { size: body.size(), content }
                }
                NodeKind::Special => continue,
            };
            let entry = LayerEntry { path, mode: node.mode, uid: node.uid, gid: node.gid, kind };
            let planned = PlannedEntry { entry, fingerprint, origin: node.origin };
            if let Some(group) = groups.iter_mut().find(|group| group.kind == node.group) {
                group.entries.push(planned);
                group.from_host |= from_host;
            }
        }
        for (kind, planned) in repeated {
            if let Some(group) = groups.iter_mut().find(|group| group.kind == kind) {
                group.entries.push(planned);
                group.entries.sort_by(|one, other| one.entry.path.cmp(&other.entry.path));
            }
        }
        groups.into_iter().filter(|group| !group.entries.is_empty()).collect()
    }

    /// Whether new directories in this one get its group and its setgid bit (`mkdir(2)`).
    fn is_setgid(&self, directory: &str) -> bool {
        let setgid = |node: &PlannedNode| matches!(node.kind, NodeKind::Directory) && node.mode & 0o2000 != 0;
        self.nodes.get(directory).is_some_and(setgid)
    }

    /// The directories that layers above their own need again, with those layers.
    fn repeated_directories(&self) -> Vec<(GroupKind, PlannedEntry)> {
        let mut needed = BTreeMap::new();
        // Entries of one directory and one layer need the same parents.
        let mut last = None;
        for (path, node) in self.own_nodes() {
            let place = (path.folder(), node.group);
            if last.replace(place) == Some(place) {
                continue;
            }
            let mut above = parent(path.as_str());
            while above != "/" {
                if let Some((at, there)) = self.nodes.get_entry(above)
                    && there.group < node.group
                    && matches!(there.kind, NodeKind::Directory)
                    && (!is_plain_directory(there.mode, there.uid.into(), there.gid.into())
                        || self.is_setgid(parent(above)))
                {
                    needed.insert((node.group, at), there);
                }
                above = parent(above);
            }
        }
        let planned = |((group, path), node): ((GroupKind, &ImagePath), &PlannedNode)| {
            let (path, kind) = (path.clone(), EntryKind::Directory);
            let entry = LayerEntry { path, mode: node.mode, uid: node.uid, gid: node.gid, kind };
            (group, PlannedEntry { entry, fingerprint: None, origin: node.origin.clone() })
        };
        needed.into_iter().map(planned).collect()
    }
}

/// The files of a planned image, with the environment that its container gets (`NAME=value`).
pub(super) struct PlannedPrograms<'p> {
    pub(super) rootfs: &'p PlannedRootfs,
    pub(super) env: &'p [String],
}

impl ProgramFiles for PlannedPrograms<'_> {
    type File = ImagePath;

    fn file(&self, path: &str) -> Option<ImagePath> {
        self.rootfs.file_at(path).map(|(path, ..)| path)
    }

    fn headers(&self, file: &ImagePath) -> Result<Cow<'_, Elf>, NotRead> {
        let Some((_, _, body)) = self.rootfs.file_at(file.as_str()) else { return Err(NotRead::NotElf) };
        match body.elf() {
            Ok(Ok(elf)) => Ok(Cow::Owned(elf)),
            Ok(Err(NotElf::TooFar)) => Err(NotRead::TooLarge),
            Ok(Err(_)) | Err(_) => Err(NotRead::NotElf),
        }
    }

    fn is_executable(&self, file: &ImagePath) -> bool {
        self.rootfs.get(file.as_str()).is_some_and(|node| node.mode & 0o111 != 0)
    }

    fn text(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, NotRead> {
        let Some((_, _, body)) = self.rootfs.file_at(path) else { return Ok(None) };
        body.read_small().map(|text| Some(Cow::Owned(text))).ok_or(NotRead::TooLarge)
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        let value = self.env.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(Cow::Borrowed)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::report::{Origin, SourceText};

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text).unwrap()
    }

    /// Files and links (with a target) by their paths, and the folders they are in.
    fn merged(entries: &[(&str, Option<&str>)]) -> PlannedRootfs {
        let origin = Origin::new(&Arc::new(SourceText { path: "x.toml".into(), text: String::new() }), 0..0);
        let mut rootfs = PlannedRootfs::default();
        for (at, target) in entries {
            let node = match target {
                Some(target) => PlannedNode::symlink((*target).into(), GroupKind::Files, &origin),
                None => PlannedNode::file(FileBody::Memory(Arc::new(Vec::new())), 0o444, GroupKind::Files, &origin),
            };
            rootfs.add(path(at), node).unwrap();
        }
        rootfs.add_parents().unwrap();
        rootfs
    }

    #[test]
    fn links_are_followed_as_the_kernel_does_inside_the_image() {
        let rootfs = merged(&[
            ("/usr/lib/a", None),
            ("/lib", Some("usr/lib")),
            ("/usr/up", Some("../../../lib/./a")),
            ("/abs", Some("/usr//up")),
            ("/one", Some("two")),
            ("/two", Some("/one")),
            ("/gone", Some("nowhere")),
        ]);
        let follow = |text: &str| rootfs.follow(&path(text)).map(|end| end.to_string());
        for way in ["/usr/lib/a", "/lib/a", "/usr/up", "/abs"] {
            assert_eq!(follow(way).as_deref(), Ok("/usr/lib/a"), "{way}");
        }
        assert_eq!(follow("/lib").as_deref(), Ok("/usr/lib"));
        assert_eq!(follow("/one"), Err(ResolveError::Loop));
        assert_eq!(follow("/gone"), Err(ResolveError::Absent));
        assert_eq!(follow("/lib/b"), Err(ResolveError::Absent));
        assert_eq!(follow("/lib/a/b"), Err(ResolveError::NotADirectory));
        assert_eq!(follow("/abs/b"), Err(ResolveError::NotADirectory));
    }

    /// A rootfs with a base of these paths: `/` at the end is a folder, ` -> ` a link, ` | ` a device.
    fn over(base: &[&str]) -> PlannedRootfs {
        let mut rootfs = PlannedRootfs { has_base: true, ..PlannedRootfs::default() };
        for text in base {
            let (at, node) = match (text.split_once(" -> "), text.strip_suffix('/'), text.strip_suffix(" |")) {
                (Some((at, target)), ..) => (at, NodeKind::Symlink(target.into())),
                (_, Some(at), _) => (at, NodeKind::Directory),
                (.., Some(at)) => (at, NodeKind::Special),
                _ => (*text, NodeKind::File(FileBody::Memory(Arc::new(Vec::new())))),
            };
            rootfs.nodes.insert(path(at), PlannedNode::new(node, 0o755, GroupKind::Base, &nowhere()));
        }
        rootfs
    }

    fn nowhere() -> Origin {
        Origin::new(&Arc::new(SourceText { path: "x.toml".into(), text: String::new() }), 0..0)
    }

    /// Where a file of the recipe for `at` lies over that base, or why it does not.
    fn put(base: &[&str], at: &str, replace: bool) -> String {
        let mut rootfs = over(base);
        let body = FileBody::Memory(Arc::new(Vec::new()));
        let node = PlannedNode::file(body, 0o444, GroupKind::Files, &nowhere()).with_replace(replace);
        match rootfs.add(path(at), node).and_then(|()| rootfs.add_parents()) {
            Err(failure) => failure.what,
            Ok(()) => rootfs.own_nodes().map(|(path, _)| path.as_str()).collect::<Vec<_>>().join(" "),
        }
    }

    #[test]
    fn a_file_goes_behind_the_links_of_a_base_and_over_what_nothing_needs() {
        let links: Vec<String> = (0..=Limits::LINK_DEPTH).map(|link| format!("/{} -> {link}", link + 1)).collect();
        let chain: Vec<&str> = std::iter::once("/0/").chain(links.iter().map(String::as_str)).collect();
        let last = |less: usize| format!("/{}/x", Limits::LINK_DEPTH + 1 - less);
        for (base, at, replace, expected) in [
            (&[][..], "/d/x", false, "/d /d/x"),
            (&["/d/", "/l -> d"], "/l/x", false, "/d/x"),
            (&["/d/", "/l -> none"], "/l/x", false, "/none /none/x"),
            (&["/f"], "/f/x", false, "`/f/x` needs a folder at `/f`, which is a file in the base"),
            (&["/f |"], "/f/x", false, "`/f/x` needs a folder at `/f`, which is a device in the base"),
            (&chain, &last(1), false, "/0/x"),
            (&chain, &last(0), false, "`/41/x` lies behind `/1`, a link of the base that leads to itself"),
            (&["/f"], "/f", false, "the base has `/f` already"),
            (&["/f"], "/f", true, "/f"),
            (&["/d/"], "/d", true, "/d"),
            (&["/d/", "/d/x"], "/d", true, "`/d` is a folder in the base with something in it, which nothing replaces"),
            (&["/d/", "/l -> d"], "/l", true, "`/l` is a link to a folder in the base, which nothing replaces"),
            (&["/f", "/l -> f"], "/l", true, "/l"),
            (&["/l -> none"], "/l", true, "/l"),
        ] {
            assert_eq!(put(base, at, replace), expected, "{at} on {base:?}");
        }
    }

    #[test]
    fn links_of_the_recipe_are_not_followed_on_a_base() {
        let mut rootfs = over(&["/d/"]);
        let link = PlannedNode::symlink("d".into(), GroupKind::Files, &nowhere());
        let file = PlannedNode::file(FileBody::Memory(Arc::new(Vec::new())), 0o444, GroupKind::Files, &nowhere());
        rootfs.add_sorted(vec![(path("/l"), link)]).unwrap();
        rootfs.add(path("/l/x"), file).unwrap();
        assert!(rootfs.add_parents().unwrap_err().what.starts_with("`/l/x` needs a folder at `/l`, which is a link"));
        let mut rootfs = over(&["/d/", "/l -> d"]);
        let link = PlannedNode::symlink("d".into(), GroupKind::Files, &nowhere());
        rootfs.add_sorted(vec![(path("/l/x"), link)]).unwrap();
        assert!(rootfs.get("/d/x").is_some(), "what comes sorted goes behind links, too");
    }

    #[test]
    fn a_directory_that_is_not_plain_is_in_each_layer_that_writes_into_it_in_its_order() {
        let plain = (0o755, 0, 0);
        for (owner, expected) in [
            (plain, &["system /d /d/e", "files /d/e/f", "binaries /a /d/e/z /d/z"][..]),
            ((0o1777, 0, 0), &["system /d /d/e", "files /d /d/e /d/e/f", "binaries /a /d /d/e /d/e/z /d/z"]),
            ((0o755, 7, 0), &["system /d /d/e", "files /d /d/e /d/e/f", "binaries /a /d /d/e /d/e/z /d/z"]),
            ((0o755, 0, 7), &["system /d /d/e", "files /d /d/e /d/e/f", "binaries /a /d /d/e /d/e/z /d/z"]),
        ] {
            let mut rootfs = PlannedRootfs::default();
            let file = |group| PlannedNode::file(FileBody::Memory(Arc::new(Vec::new())), 0o600, group, &nowhere());
            for at in ["/d", "/d/e"] {
                let (mode, uid, gid) = owner;
                let folder = PlannedNode::directory(GroupKind::System, &nowhere());
                rootfs.add(path(at), PlannedNode { mode, uid, gid, ..folder }).unwrap();
            }
            for (at, group) in [
                ("/d/e/f", GroupKind::Files),
                ("/d/e/z", GroupKind::Binaries),
                ("/d/z", GroupKind::Binaries),
                ("/a", GroupKind::Binaries),
            ] {
                rootfs.add(path(at), file(group)).unwrap();
            }
            rootfs.add_parents().unwrap();
            let shown = |group: LayerGroup| {
                let paths: Vec<_> = group.entries.iter().map(|planned| planned.entry.path.as_str()).collect();
                let folders = group.entries.iter().map(|planned| &planned.entry);
                let folders = folders.filter(|entry| matches!(entry.kind, EntryKind::Directory));
                assert!(folders.map(|entry| (entry.mode, entry.uid, entry.gid)).all(|of| of == owner));
                format!("{} {}", group.kind.name(), paths.join(" "))
            };
            assert_eq!(rootfs.into_groups().into_iter().map(shown).collect::<Vec<_>>(), expected, "{owner:?}");
        }
    }

    #[test]
    fn a_directory_of_two_layers_is_in_the_lower_one() {
        let mut rootfs = PlannedRootfs::default();
        for (at, group) in [("/d/a", GroupKind::Binaries), ("/d/b", GroupKind::Files)] {
            rootfs
                .add(path(at), PlannedNode::file(FileBody::Memory(Arc::new(Vec::new())), 0o444, group, &nowhere()))
                .unwrap();
        }
        rootfs.add_parents().unwrap();
        assert_eq!(rootfs.get("/d").map(|node| node.group), Some(GroupKind::Files));
    }

    #[test]
    fn what_is_below_a_folder_is_not_what_begins_with_its_name() {
        let rootfs = merged(&[("/a/b", None), ("/a-b/c", None), ("/ab", None), ("/a/c/d", None)]);
        let below: Vec<_> = rootfs.below(&path("/a")).map(|(path, _)| path.to_string()).collect();
        assert_eq!(below, ["/a/b", "/a/c", "/a/c/d"]);
    }

    #[test]
    fn what_comes_sorted_is_added_as_if_it_came_one_by_one() {
        let origin = Origin::new(&Arc::new(SourceText { path: "x.toml".into(), text: String::new() }), 0..0);
        let node = || PlannedNode::symlink("x".into(), GroupKind::Files, &origin);
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
