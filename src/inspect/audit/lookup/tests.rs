//! Paths looked up against the same done in the plainest way: all parts in one list, a new text at every step.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;

use super::{
    super::{
        merged::join,
        sample::{File, Sample},
        scan::{self, Room},
    },
    *,
};

/// What `path` leads to, the links on the way, and the steps that were taken after `steps` others.
fn plainly(
    merged: &Merged,
    path: &str,
    scans: &[&LayerScan],
    mut steps: u64,
) -> (Result<String, Lost>, Vec<String>, u64) {
    let mut at = String::from("/");
    let mut links = Vec::new();
    let mut rest: Vec<&str> = path.split('/').rev().filter(|part| !part.is_empty()).collect();
    while let Some(part) = rest.pop() {
        steps += 1;
        match part {
            "." => continue,
            ".." => {
                at.truncate(parent(&at).len());
                continue;
            }
            _ => {}
        }
        let next = format!("{}/{part}", at.trim_end_matches('/'));
        steps += cost(&next);
        if steps > Limits::AUDIT_STEPS {
            return (Err(Lost::Exhausted), links, steps);
        }
        let below = format!("{next}/");
        match merged.nodes.get(&next).map(|node| &scans[node.at.layer].entries[node.at.entry]) {
            Some(entry) if entry.kind == Kind::Symlink => {
                links.push(next);
                if links.len() > Limits::LINK_DEPTH {
                    return (Err(Lost::Loop), links, steps);
                }
                let target = entry.target().unwrap_or_default();
                if target.starts_with('/') {
                    at.truncate(1);
                }
                rest.extend(target.split('/').rev().filter(|part| !part.is_empty()));
            }
            Some(entry) if entry.kind != Kind::Directory && !rest.is_empty() => {
                return (Err(Lost::NotAFolder), links, steps);
            }
            Some(_) => at = next,
            None if merged.nodes.keys().any(|name| name.starts_with(&below)) => at = next,
            None => return (Err(Lost::Absent), links, steps),
        }
    }
    (Ok(at), links, steps)
}

/// The folder that `path` leads to, what is in the way, and the steps of it.
fn folder_plainly(merged: &mut Merged, path: &str, scans: &[&LayerScan]) -> (String, Option<Misfit>) {
    let mut at = String::from("/");
    let mut misfit = None;
    let mut links = 0;
    let mut rest: Vec<&str> = path.split('/').rev().filter(|part| !part.is_empty()).collect();
    while let Some(part) = rest.pop() {
        if part == ".." {
            merged.steps += 1;
            at.truncate(parent(&at).len());
            continue;
        }
        let next = format!("{}/{part}", at.trim_end_matches('/'));
        merged.steps += cost(&next);
        match merged.nodes.get(&next).map(|node| &scans[node.at.layer].entries[node.at.entry]) {
            Some(entry) if entry.kind == Kind::Symlink && links < Limits::LINK_DEPTH => {
                links += 1;
                let target = entry.target().unwrap_or_default();
                if misfit.is_none() {
                    misfit = merged.through(&next, target, scans);
                }
                if target.starts_with('/') {
                    at.truncate(1);
                }
                rest.extend(target.split('/').rev().filter(|part| !matches!(*part, "" | ".")));
                continue;
            }
            None => {}
            Some(entry) if entry.kind == Kind::Directory => {}
            Some(entry) if entry.kind == Kind::Symlink => misfit = Some(Misfit::ThroughNothing { link: next.clone() }),
            Some(_) => misfit = misfit.or(Some(Misfit::ThroughFile { file: next.clone() })),
        }
        at = next;
    }
    (at, misfit)
}

fn scans(sample: &Sample) -> Vec<Arc<LayerScan>> {
    let set = sample.set();
    set.images[0].layers.iter().map(|stored| Arc::new(scan::layer(stored, &mut Room::default()))).collect()
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

fn file() -> impl Strategy<Value = File> {
    (path(), path(), 0..8_u8).prop_map(|(path, target, kind)| match kind {
        0..3 => File::symlink(&path, &target),
        3 => File::symlink(&path, &format!("/{target}")),
        4 => File::folder(&path),
        5 => File::hard_link(&path, &target),
        6 => File::whiteout(path.trim_end_matches('/')),
        _ => File::text(&path, "x"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn any_path_leads_where_it_leads_in_the_plain_way(
        layers in proptest::collection::vec(proptest::collection::vec(file(), 0..12), 1..3),
        paths in proptest::collection::vec(path(), 1..8),
        left in prop_oneof![3 => Just(u64::MAX), 1 => 0..40_u64],
    ) {
        let sample = layers.into_iter().fold(Sample::new(), Sample::layer);
        let owned = scans(&sample);
        let scans: Vec<&LayerScan> = owned.iter().map(AsRef::as_ref).collect();
        let mut merged = Merged::of(&scans).unwrap();
        for path in paths {
            let before = Limits::AUDIT_STEPS.saturating_sub(left);
            let (end, links, steps) = plainly(&merged, &path, &scans, before);
            merged.looked.set(before);
            let found = merged.resolve(&path, &scans);
            prop_assert_eq!(merged.looked.get(), steps, "{}", &path);
            prop_assert_eq!(found.as_ref().map(|end| end.path.clone()).map_err(|lost| *lost), end, "{}", &path);
            if let Ok(end) = found {
                prop_assert_eq!(end.node, merged.get(&end.path), "{}", &path);
            }
            merged.looked.set(before);
            prop_assert_eq!(merged.links(&path, &scans), links, "{}", &path);
            // The walk of the merge takes clean paths.
            let clean = join("/", &path);
            merged.looked.set(0);
            merged.steps = 0;
            let expected = folder_plainly(&mut merged, &clean, &scans);
            let steps = std::mem::take(&mut merged.steps);
            prop_assert_eq!(merged.follow_folder(&clean, &scans), expected, "{}", &clean);
            prop_assert_eq!(merged.steps, steps, "{}", &clean);
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
}

#[test]
fn a_chain_of_links_is_followed_as_far_as_the_kernel_would() {
    for length in [Limits::LINK_DEPTH - 1, Limits::LINK_DEPTH, Limits::LINK_DEPTH + 1] {
        let mut files = vec![File::folder("0")];
        files.extend((1..=length).map(|number| File::symlink(&number.to_string(), &(number - 1).to_string())));
        let owned = scans(&Sample::new().layer(files));
        let scans: Vec<&LayerScan> = owned.iter().map(AsRef::as_ref).collect();
        let merged = Merged::of(&scans).unwrap();
        let end = merged.resolve(&format!("/{length}"), &scans);
        let is_found = length <= Limits::LINK_DEPTH;
        assert_eq!(end.map(|end| end.path).ok(), is_found.then(|| "/0".to_owned()), "{length}");
    }
}
