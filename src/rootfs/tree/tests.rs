//! Paths lead where the kernel says that they lead.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// Something in a tree of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Thing {
    Directory,
    Link(String),
    File,
}

impl RootfsNode for Thing {
    fn step(&self) -> WalkStep<'_> {
        match self {
            Self::Directory => WalkStep::Enter,
            Self::Link(target) => WalkStep::Follow(target),
            Self::File => WalkStep::End,
        }
    }
}

/// The same tree on the disk, for the kernel to follow paths in.
fn on_disk(rootfs: &Rootfs<Thing>) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, thing) in rootfs.iter() {
        let at = root.path().join(path.as_str().trim_start_matches('/'));
        // No part of the way there is a link: see `placed`.
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        match thing {
            Thing::Directory => std::fs::create_dir_all(at).unwrap(),
            Thing::Link(target) => std::os::unix::fs::symlink(target, at).unwrap(),
            Thing::File => std::fs::write(at, "").unwrap(),
        }
    }
    root
}

/// What the kernel says that `path` leads to, when `root` is the root.
fn kernel(root: &std::path::Path, path: &str) -> Result<String, ResolveError> {
    use rustix::{
        fs::{Mode, OFlags, ResolveFlags, open, openat2},
        io::Errno,
    };
    let at = open(root, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let found = openat2(at, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::IN_ROOT);
    let file = found.map_err(|error| match error {
        Errno::NOENT => ResolveError::Absent,
        Errno::LOOP => ResolveError::Loop,
        Errno::NOTDIR => ResolveError::NotADirectory,
        other => panic!("{path}: {other}"),
    })?;
    let file = std::os::fd::AsRawFd::as_raw_fd(&file);
    let real = std::fs::read_link(format!("/proc/self/fd/{file}")).unwrap();
    let inside = real.strip_prefix(root.canonicalize().unwrap()).unwrap();
    Ok(format!("/{}", inside.display()))
}

/// A text that a link may have and that is a path to the kernel: one without a slash at its end, which would ask for a
/// directory there.
fn text(path: &str) -> String {
    let text = path.trim_end_matches('/');
    let absent = if path.starts_with('/') { "/" } else { "." };
    if text.is_empty() { absent.to_owned() } else { text.to_owned() }
}

/// Those of the things, in their order, that a disk can hold: each in directories, and nothing below what is none.
fn placed(things: Vec<(String, Thing)>) -> Rootfs<Thing> {
    let mut rootfs = Rootfs::default();
    for (path, thing) in things {
        let path = join("/", &path);
        let is_in_a_directory = path.match_indices('/').all(|(end, _)| {
            path.get(..end).is_none_or(|above| rootfs.get(above).is_none_or(|node| *node == Thing::Directory))
        });
        let is_over_nothing = thing == Thing::Directory || rootfs.below(&path).next().is_none();
        if path != "/" && is_in_a_directory && is_over_nothing {
            let thing = if let Thing::Link(target) = thing { Thing::Link(text(&target)) } else { thing };
            rootfs.insert(ImagePath::foreign(path), thing);
        }
    }
    rootfs
}

/// A path of few names, so that links meet, with dots and slashes that should not be there.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => proptest::sample::select(vec!["a", "b", "c", "a-b", "a.b", "é"]),
        2 => proptest::sample::select(vec!["..", ".", "", "...", "..a"]),
    ];
    let slash = proptest::sample::select(vec!["", "/", "//"]);
    (slash.clone(), proptest::collection::vec(name, 0..6), slash)
        .prop_map(|(first, names, last)| format!("{first}{}{last}", names.join("/")))
}

fn thing() -> impl Strategy<Value = Thing> {
    (path(), 0..6_u8).prop_map(|(target, kind)| match kind {
        0..3 => Thing::Link(target),
        3 => Thing::Link(format!("/{target}")),
        4 => Thing::Directory,
        _ => Thing::File,
    })
}

fn tree(things: Vec<(String, Thing)>) -> Rootfs<Thing> {
    let mut rootfs = Rootfs::default();
    for (path, thing) in things {
        let path = join("/", &path);
        if path != "/" {
            rootfs.insert(ImagePath::foreign(path), thing);
        }
    }
    rootfs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_path_leads_where_the_kernel_says(
        things in proptest::collection::vec((path(), thing()), 0..16),
        paths in proptest::collection::vec(path(), 1..8),
    ) {
        let rootfs = placed(things);
        let root = on_disk(&rootfs);
        for path in paths.iter().map(|path| text(path)) {
            let found = rootfs.resolve(&path).map(|end| end.path);
            prop_assert_eq!(found, kernel(root.path(), &path), "{}", &path);
        }
    }

    #[test]
    fn what_a_path_leads_to_is_what_is_there(
        things in proptest::collection::vec((path(), thing()), 0..16),
        paths in proptest::collection::vec(path(), 1..8),
    ) {
        // Also what no disk can hold, such as something below a link.
        let rootfs = tree(things);
        for path in paths {
            if let Ok(end) = rootfs.resolve(&path) {
                prop_assert_eq!(end.node, rootfs.get(&end.path), "{}", &path);
            }
            for link in rootfs.links(&path) {
                prop_assert!(matches!(rootfs.get(&link), Some(Thing::Link(_))), "{}: {}", &path, link);
            }
        }
    }

    #[test]
    fn any_two_paths_are_joined_by_their_parts(base in path(), path in path()) {
        let mut parts: Vec<&str> = Vec::new();
        let base_of = if path.starts_with('/') { "" } else { base.as_str() };
        for part in base_of.split('/').chain(path.split('/')) {
            match part {
                "" | "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        prop_assert_eq!(join(&base, &path), format!("/{}", parts.join("/")));
    }

    #[test]
    fn what_is_below_a_directory_begins_with_its_path(things in proptest::collection::vec((path(), thing()), 0..16), path in path()) {
        let (rootfs, mut directory) = (tree(things), join("/", &path));
        let prefix = format!("{}/", directory.trim_end_matches('/'));
        let expected: Vec<&str> = rootfs.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with(&prefix)).collect();
        prop_assert_eq!(rootfs.below(&directory).map(|(name, _)| name.as_str()).collect::<Vec<_>>(), expected.clone());
        if directory != "/" {
            prop_assert_eq!(rootfs.has_below(&mut directory), !expected.is_empty());
        }
    }
}

#[test]
fn links_are_passed_in_their_order() {
    let link = |path: &str, target: &str| (path.to_owned(), Thing::Link(target.to_owned()));
    let rootfs = tree(vec![link("a", "b/c"), link("b", "/d"), link("d/c", "../e"), ("e/f".to_owned(), Thing::File)]);
    assert_eq!(rootfs.resolve("/a/f").map(|end| end.path), Ok("/e/f".to_owned()));
    assert_eq!(rootfs.links("/a/f"), ["/a", "/b", "/d/c"]);
    assert_eq!(rootfs.links("/e/f"), <[&str; 0]>::default());
}

#[test]
fn lookups_end_when_all_of_them_took_too_much() {
    let long = format!("/{}", "x".repeat(4000));
    let rootfs = tree(vec![("a".to_owned(), Thing::Directory), (long.clone(), Thing::File)]);
    let takes = |path: &str| {
        rootfs.take_looked();
        assert_eq!(rootfs.resolve(path).map(|end| end.path), Ok(path.to_owned()));
        rootfs.take_looked()
    };
    assert!(takes("/a") > 0 && takes(&long) > takes("/a"), "a long path is long to compare");
    rootfs.looked.set(Limits::AUDIT_STEPS);
    assert_eq!(rootfs.resolve("/a").map(|end| end.path), Err(ResolveError::Exhausted));
    assert!(rootfs.is_exhausted());
    rootfs.take_looked();
    assert_eq!(rootfs.resolve("/a").map(|end| end.path), Ok("/a".to_owned()));
}

#[test]
fn a_chain_of_links_is_followed_as_far_as_the_kernel_would() {
    for length in [Limits::LINK_DEPTH - 1, Limits::LINK_DEPTH, Limits::LINK_DEPTH + 1] {
        let links = (1..=length).map(|number| (number.to_string(), Thing::Link((number - 1).to_string())));
        let rootfs = tree(std::iter::once(("0".to_owned(), Thing::Directory)).chain(links).collect());
        let end = rootfs.resolve(&format!("/{length}")).map(|end| end.path);
        let expected = if length <= Limits::LINK_DEPTH { Ok("/0".to_owned()) } else { Err(ResolveError::Loop) };
        assert_eq!(end, expected, "{length}");
    }
}

#[test]
fn a_tree_in_which_every_directory_was_a_node_may_get_other_paths() {
    let folder = || Thing::Directory;
    let closed = || {
        let mut rootfs =
            tree(vec![("a".to_owned(), folder()), ("a/b".to_owned(), folder()), ("z".to_owned(), folder())]);
        rootfs.set_closed();
        rootfs
    };
    let new = || (ImagePath::foreign("/n/x".to_owned()), folder());
    let (mut one, mut sorted, mut less) = (closed(), closed(), closed());
    let (path, node) = new();
    one.insert(path, node);
    sorted.insert_sorted(vec![new()]);
    less.remove("/a");
    for (rootfs, path) in [(&one, "/n"), (&sorted, "/n"), (&less, "/a")] {
        assert_eq!(rootfs.resolve(path).map(|end| end.path), Ok(path.to_owned()));
    }
}
