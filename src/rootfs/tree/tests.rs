//! Paths looked up against the same done in the plainest way: all parts in one list, a new text at every step.

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

/// What `path` leads to, the links on the way, and the steps that were taken after `steps` others.
fn plainly(rootfs: &Rootfs<Thing>, path: &str, mut steps: u64) -> (Result<String, ResolveError>, Vec<String>, u64) {
    let mut at = String::from("/");
    let mut links = Vec::new();
    let mut rest: Vec<&str> = path.split('/').rev().filter(|part| !part.is_empty()).collect();
    while let Some(part) = rest.pop() {
        steps += 1;
        let next = match part {
            "." => at.clone(),
            ".." => parent(&at).to_owned(),
            _ => format!("{}/{part}", at.trim_end_matches('/')),
        };
        steps += if matches!(part, "." | "..") { 0 } else { cost(&next) };
        if steps > Limits::AUDIT_STEPS {
            return (Err(ResolveError::Exhausted), links, steps);
        }
        if matches!(part, "." | "..") {
            at = next;
            continue;
        }
        let below = format!("{next}/");
        match rootfs.get(&next) {
            Some(Thing::Link(target)) => {
                links.push(next);
                if links.len() > Limits::LINK_DEPTH {
                    return (Err(ResolveError::Loop), links, steps);
                }
                if target.starts_with('/') {
                    at.truncate(1);
                }
                rest.extend(target.split('/').rev().filter(|part| !part.is_empty()));
            }
            Some(Thing::File) if !rest.is_empty() => return (Err(ResolveError::NotADirectory), links, steps),
            Some(_) => at = next,
            None if rootfs.iter().any(|(name, _)| name.as_str().starts_with(&below)) => at = next,
            None => return (Err(ResolveError::Absent), links, steps),
        }
    }
    (Ok(at), links, steps)
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
    fn any_path_leads_where_it_leads_in_the_plain_way(
        things in proptest::collection::vec((path(), thing()), 0..16),
        paths in proptest::collection::vec(path(), 1..8),
        left in prop_oneof![3 => Just(u64::MAX), 1 => 0..40_u64],
    ) {
        let rootfs = tree(things);
        for path in paths {
            let before = Limits::AUDIT_STEPS.saturating_sub(left);
            let (end, links, steps) = plainly(&rootfs, &path, before);
            rootfs.looked.set(before);
            let found = rootfs.resolve(&path);
            prop_assert_eq!(rootfs.looked.get(), steps, "{}", &path);
            prop_assert_eq!(found.as_ref().map(|end| end.path.clone()).map_err(|lost| *lost), end, "{}", &path);
            if let Ok(end) = found {
                prop_assert_eq!(end.node, rootfs.get(&end.path), "{}", &path);
            }
            rootfs.looked.set(before);
            prop_assert_eq!(rootfs.links(&path), links, "{}", &path);
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
