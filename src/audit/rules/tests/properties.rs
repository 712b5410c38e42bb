//! What holds for any layers, any users and any patterns.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{
    super::super::{AuditQuery, Presence, SeenLayers, audit, judge_seen},
    *,
};
use crate::oci::{DiffId, Digest};

/// Paths that meet each other often, and some that should not be.
fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => proptest::sample::select(vec!["a", "b", "c", "etc", "passwd", "usr", "bin", "sh"]).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["..", ".", "", ".wh.a", ".wh.b", ".wh..wh..opq", ".wh.", ".wh..", "\u{1}"])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(name, 1..5).prop_map(|names| names.join("/"))
}

fn any_file() -> impl Strategy<Value = SampleFile> {
    let content = prop_oneof![
        Just(b"root::0:0\napp:x\n".to_vec()),
        Just(
            SampleProgram {
                loader: Some("/a/b"),
                needed: vec!["c"],
                runpath: Some("/a::$ORIGIN"),
                ..SampleProgram::default()
            }
            .bytes()
        ),
        Just(b"#!/a/b c\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
    ];
    (path(), path(), content, 0..8_u8, 0..0o10000_u32, 0..3_u64).prop_map(|(path, target, content, kind, mode, uid)| {
        let file = match kind {
            0 => SampleFile::symlink(&path, &target),
            1 => SampleFile::symlink(&path, &format!("/{target}")),
            2 => SampleFile::hard_link(&path, &target),
            3 => SampleFile::folder(&path),
            4 => SampleFile::whiteout(path.trim_end_matches('/')),
            5 => SampleFile::fifo(&path),
            _ => SampleFile::new(&path, &content),
        };
        file.mode(mode).owner(uid, uid)
    })
}

fn image() -> impl Strategy<Value = SampleImage> {
    let layers = proptest::collection::vec(proptest::collection::vec(any_file(), 0..12), 0..4);
    (layers, "[0-2:a-c+ -]{0,6}", path()).prop_map(|(layers, user, entrypoint)| {
        let sample = SampleImage::new().user(&user).entrypoint(&[&entrypoint]);
        layers.into_iter().fold(sample, SampleImage::layer)
    })
}

/// What a container sees of layers without links, told in the plainest way.
fn plain(layers: &[Vec<(bool, Vec<&'static str>)>]) -> Vec<String> {
    let mut seen: BTreeSet<Vec<&str>> = BTreeSet::new();
    for layer in layers {
        for (_, path) in layer.iter().filter(|(deletes, _)| *deletes) {
            seen.retain(|other| !other.starts_with(path));
        }
        for (_, path) in layer.iter().filter(|(deletes, _)| !*deletes) {
            seen.retain(|other| !other.starts_with(path));
            seen.insert(path.clone());
        }
    }
    seen.into_iter().map(|path| format!("/{}", path.join("/"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_layers_are_audited_the_same_way_twice_and_every_rule_has_an_answer(sample in image()) {
        let first = sample.audit();
        prop_assert_eq!(serde_json::to_value(&first).unwrap(), serde_json::to_value(sample.audit()).unwrap());
        let policy = Policy::profile("hardened").unwrap();
        let request = AuditQuery { image: "x", policy: &policy, today: (2026, 5, 9) };
        let (report, judged) = (audit(&sample.set(), &request), judge_seen(&sample.set(), &request, &mut SeenLayers::default()));
        for (image, judged) in report.images.iter().zip(&judged.images) {
            prop_assert_eq!((&image.findings, &image.waived), (&judged.findings, &judged.waived));
            prop_assert_eq!(&image.unknown, &judged.unknown);
        }
        prop_assert_eq!((report.findings, report.images.len()), (judged.around.findings, judged.images.len()));
        for image in &first.images {
            let answers = image.checked.len() + image.not_applicable.len();
            let open = image.unknown.iter().flat_map(|one| one.rules.iter().copied());
            let open: BTreeSet<Rule> = open.collect();
            prop_assert!(answers + open.len() >= ALL.iter().map(|check| check.rules.len()).sum::<usize>());
            for finding in &image.findings {
                let layer = finding.place.layer.as_ref().map_or(0, |layer| layer.index);
                prop_assert!(layer < image.layers.len().max(1));
            }
        }
    }

    #[test]
    fn any_bytes_in_a_tar_are_read_or_refused(
        sample in image(),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..8),
        cut in any::<u16>(),
    ) {
        let mut set = sample.set();
        for layer in &mut set.images[0].layers {
            let mut tar = Vec::new();
            std::io::Read::read_to_end(&mut layer.open_tar().unwrap(), &mut tar).unwrap();
            for (at, byte) in &changes {
                let length = tar.len().max(1);
                let at = usize::from(*at) % length;
                if let Some(old) = tar.get_mut(at) {
                    *old = *byte;
                }
                // The checksum follows, so that the reader looks further.
                let block = at / 512 * 512;
                if let Some(header) = tar.get_mut(block..block + 512) {
                    header[148..156].fill(b' ');
                    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
                }
            }
            if cut % 4 == 0 {
                tar.truncate(usize::from(cut) % tar.len().max(1));
            }
            let digest = Digest::of(&tar);
            (layer.descriptor.digest, layer.diff_id, layer.descriptor.size) = (digest, DiffId::new(digest), tar.len() as u64);
            layer.blob = Arc::new(tar);
        }
        let policy = Policy::profile("hardened").unwrap();
        audit(&set, &AuditQuery { image: "x", policy: &policy, today: (2026, 1, 1) });
    }

    #[test]
    fn a_container_sees_what_the_layers_leave(layers in proptest::collection::vec(
        proptest::collection::vec(
            (proptest::bool::weighted(0.3), proptest::collection::vec(proptest::sample::select(vec!["a", "b", "c"]), 1..4)),
            0..8,
        ),
        1..4,
    )) {
        // No file below another one of its own layer or a lower one: nothing could unpack that.
        let mut known: Vec<Vec<&str>> = Vec::new();
        let mut told: Vec<Vec<(bool, Vec<&'static str>)>> = Vec::new();
        for layer in layers {
            let mut kept: Vec<(bool, Vec<&'static str>)> = Vec::new();
            for (deletes, path) in layer {
                let own = |other: &Vec<&str>| *other != path && (path.starts_with(other) || other.starts_with(&path));
                let meets = kept.iter().any(|(_, other)| own(other) || *other == path);
                if !meets && (deletes || !known.iter().any(|other| path != *other && path.starts_with(other))) {
                    kept.push((deletes, path));
                }
            }
            known.extend(kept.iter().filter(|(deletes, _)| !*deletes).map(|(_, path)| path.clone()));
            told.push(kept);
        }
        let sample = told.iter().fold(SampleImage::new(), |sample, layer| {
            sample.layer(layer.iter().map(|(deletes, path)| {
                let path = path.join("/");
                // World-writable, so that a finding tells of each.
                if *deletes { SampleFile::whiteout(&path) } else { SampleFile::text(&path, "x").mode(0o666) }
            }))
        });
        let audit = sample.audit();
        let found = super::super::super::sample_image::found(&audit, Rule::WorldWritable);
        let mut seen: Vec<String> = found
            .iter()
            .filter(|one| one.place.presence == Presence::Final)
            .filter_map(|one| one.place.path.clone())
            .collect();
        seen.sort();
        prop_assert_eq!(seen, plain(&told));
    }

    #[test]
    fn any_user_and_any_accounts_are_read(user in "\\PC{0,12}", passwd in "[a0:x\\n +-]{0,40}", group in "[a0:x,\\n]{0,40}") {
        let sample = SampleImage::new().user(&user);
        let files = [SampleFile::folder("etc"), SampleFile::text("etc/passwd", &passwd), SampleFile::text("etc/group", &group)];
        sample.layer(files).audit();
    }

    #[test]
    fn any_pattern_is_a_pattern_or_not(text in "[a/*?\\[\\]{},!\\\\-]{0,30}") {
        let _ = PathGlob::parse(&text);
    }
}
