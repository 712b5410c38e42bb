//! Layers that are applied: links, whiteouts, hard links, conflicts.

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
    // No layer has an entry for the folder, and the whiteout takes the last of its files.
    assert_eq!(numbers(&[vec![(FILE, "n/x", "1")], vec![(FILE, "n/.wh.x", "")]]), [0; 0]);
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
        (vec![(FILE, "d/z", ""), (FILE, "d/.wh..wh..opq", "")], [Final, RemovedIn(1), Final], vec![Final, NotAFile]),
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
