//! SEC001 to SEC004 and SEC009: secrets in files, as the scanner of [`secrets`](crate::secrets) finds them.

use std::collections::BTreeMap;

use super::{
    super::{Finding, FindingPlace, Presence, image_view::ImageView, rule_notes::RuleNotes},
    group::Groups,
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule};
use crate::rootfs::{EntryIndex, TarEntryKind};
use crate::secrets::{SecretHit, name_hit};

/// In files, of every layer.
pub(super) const FILES: RuleCheck = RuleCheck {
    rules: &[Rule::PrivateKey, Rule::ProviderToken, Rule::RemovedSecret, Rule::CredentialFile, Rule::LoginTraces],
    files: true,
    run: check_files,
};

fn check_files(view: &ImageView<'_>, notes: &mut RuleNotes) {
    // One secret in several places is one finding.
    let mut found: BTreeMap<_, Vec<(EntryIndex, &SecretHit)>> = BTreeMap::new();
    for (layer, scan) in view.scans.iter().enumerate() {
        for (entry, hit) in &scan.secrets {
            found.entry((hit.rule, hit.fingerprint)).or_default().push((EntryIndex { layer, entry: *entry }, hit));
        }
        if scan.secrets.len() >= Limits::AUDIT_SECRETS {
            notes.unknown(Rule::PrivateKey, view.layer(layer), "the layer holds more secrets than the audit keeps");
        }
    }
    for places in found.into_values() {
        report_secret(view, notes, &places);
    }
    check_headers(view, notes);
    check_file_names(view, notes);
}

/// What stands in a layer and is no content: names, link targets, attributes, records, padding.
fn check_headers(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut found: BTreeMap<_, Vec<(EntryIndex, &SecretHit)>> = BTreeMap::new();
    for (layer, scan) in view.scans.iter().enumerate() {
        for (entry, hit) in &scan.header_secrets {
            found.entry((hit.rule, hit.fingerprint)).or_default().push((EntryIndex { layer, entry: *entry }, hit));
        }
        if scan.header_secrets.len() >= Limits::AUDIT_SECRETS {
            notes.unknown(Rule::PrivateKey, view.layer(layer), "its headers hold more secrets than the audit keeps");
        }
        if scan.is_around_cut {
            let reason = "its headers, or what follows the end of its tar, are more than is searched for secrets";
            notes.unknown(Rule::PrivateKey, view.layer(layer), reason);
        }
    }
    for places in found.into_values() {
        let Some((at, hit)) = places.iter().max_by_key(|(at, hit)| (hit.severity, std::cmp::Reverse(*at))) else {
            continue;
        };
        let path = view.entry(*at).map(|entry| entry.path.as_str()).unwrap_or_default();
        let also = places.iter().filter(|(other, _)| other != at).take(Limits::AUDIT_ALSO);
        notes.push(Finding {
            rule: hit.rule,
            severity: hit.severity,
            message: format!("a secret ({}) is in the tar header of `{path}`", hit.detector),
            place: view.place(*at),
            evidence: Some(hit.masked.clone()),
            also: also.map(|(at, _)| view.place(*at)).collect(),
        });
    }
}

/// One secret, at all of its places.
fn report_secret(view: &ImageView<'_>, notes: &mut RuleNotes, places: &[(EntryIndex, &SecretHit)]) {
    // The place that a container sees says most; by the name that it sees, which may be that of a hard link.
    let best = places.iter().find(|(at, _)| view.rootfs.seen_as(*at).is_some()).or(places.first());
    let Some((best, _)) = best.copied() else { return };
    let first = view.rootfs.seen_as(best).unwrap_or(best);
    let Some((_, hit)) = places.iter().max_by_key(|(_, hit)| hit.severity).copied() else { return };
    let what = hit.detector;
    let path = view.entry(first).map(|entry| entry.path.clone()).unwrap_or_default();
    let (rule, message) = match view.rootfs.presence(first) {
        Presence::RemovedIn(layer) => (
            Rule::RemovedSecret,
            format!("a secret ({what}) in `{path}` is removed by layer {layer}, and still in the image"),
        ),
        Presence::ReplacedIn(layer) => (
            Rule::RemovedSecret,
            format!("a secret ({what}) in `{path}` is replaced by layer {layer}, and still in the image"),
        ),
        _ => (hit.rule, format!("a secret ({what}) is in `{path}`")),
    };
    let place = |(at, hit): &(EntryIndex, &SecretHit)| {
        let at = view.rootfs.seen_as(*at).unwrap_or(*at);
        FindingPlace { offset: Some(hit.offset), ..view.place(at) }
    };
    let also = places.iter().filter(|(at, _)| *at != best).take(Limits::AUDIT_ALSO).map(place);
    notes.push(Finding {
        rule,
        severity: hit.severity,
        message,
        place: places.iter().find(|(at, _)| *at == best).map(place).unwrap_or_default(),
        evidence: Some(hit.masked.clone()),
        also: also.collect(),
    });
}

/// Files that hold credentials by their names alone.
fn check_file_names(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut groups: BTreeMap<Rule, Groups> = BTreeMap::new();
    for (at, entry) in view.entries().filter(|(_, entry)| entry.kind == TarEntryKind::File && entry.size > 0) {
        let Some(named) = name_hit(&entry.path).filter(|named| !named.confirmed_by_content) else { continue };
        let gone = if view.rootfs.seen_as(at).is_some() { "" } else { ", hidden by a later layer" };
        let key = format!("`{}` is a credential file: {}{gone}", entry.path, named.detector);
        let group = groups.entry(named.rule).or_insert_with(|| Groups::new(named.rule));
        group.add(named.severity, key, || view.place(at));
    }
    for group in groups.into_values() {
        group.report(notes, |key, _| key.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    fn token() -> String {
        format!("gl{}-{}", "pat", "a8Kd02mZqLx7TnVw3YpR")
    }

    #[test]
    fn a_secret_that_a_later_layer_deletes_is_still_found() {
        let file = || SampleFile::text("app/settings", &format!("key = {}\n", token()));
        let clean = SampleImage::new().layer([SampleFile::text("app/settings", "key = ${KEY}\n")]);
        assert_eq!(has(&clean.audit(), FILES.rules), []);
        let visible = SampleImage::new().layer([file()]);
        assert_eq!(has(&visible.audit(), FILES.rules), [Rule::ProviderToken]);
        let deleted = SampleImage::new().layer([file()]).layer([SampleFile::whiteout("app/settings")]);
        let audit = deleted.audit();
        assert_eq!(has(&audit, FILES.rules), [Rule::RemovedSecret]);
        assert_eq!(
            found(&audit, Rule::RemovedSecret).first().map(|one| one.place.presence),
            Some(Presence::RemovedIn(1))
        );
        let opaque = SampleImage::new().layer([file()]).layer([SampleFile::text("app/.wh..wh..opq", "")]);
        assert_eq!(has(&opaque.audit(), FILES.rules), [Rule::RemovedSecret]);
        let replaced = SampleImage::new().layer([file()]).layer([SampleFile::text("app/settings", "no more")]);
        assert_eq!(has(&replaced.audit(), FILES.rules), [Rule::RemovedSecret]);
    }

    #[test]
    fn names_targets_attributes_records_and_padding_count() {
        let token = token();
        let file = || SampleFile::text("app/x", "x");
        let tar_with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0o444);
            header.set_path("app/x").unwrap_or_default();
            header.set_cksum();
            let mut bytes = [header.as_bytes().as_slice(), b"x", &[0; 511], &[0; 1024]].concat();
            change(&mut bytes);
            SampleImage::new().tar(bytes)
        };
        let packed = {
            use base64ct::Encoding as _;
            base64ct::Base64Unpadded::encode_string(token.as_bytes())
        };
        for (what, sample) in [
            ("a name", SampleImage::new().layer([SampleFile::text(&format!("app/{token}/x"), "x")])),
            ("a target", SampleImage::new().layer([SampleFile::symlink("app/x", &format!("../{token}"))])),
            ("an attribute", SampleImage::new().layer([file().xattr("user.note", token.as_bytes())])),
            ("its packed form", SampleImage::new().layer([file().pax("LIBARCHIVE.xattr.user.a", packed.as_bytes())])),
            ("a record", SampleImage::new().layer([file().pax("comment", token.as_bytes())])),
            ("an owner", SampleImage::new().layer([file().names(&token, "g")])),
            ("padding", tar_with(&|tar| tar[600..600 + token.len()].copy_from_slice(token.as_bytes()))),
            ("the trailer", tar_with(&|tar| tar.extend_from_slice(token.as_bytes()))),
        ] {
            let audit = sample.audit();
            assert_eq!(has(&audit, FILES.rules), [Rule::ProviderToken], "{what}");
            assert!(!serde_json::to_string(&audit).unwrap_or_default().contains(&token), "{what}");
        }
        assert_eq!(has(&tar_with(&|_| ()).audit(), FILES.rules), []);
    }

    #[test]
    fn more_behind_the_end_of_a_tar_than_is_searched_is_unknown() {
        let mut tar = vec![0; 1024];
        tar.resize(Limits::TAR_AROUND_BYTES + 4096, b'x');
        let audit = SampleImage::new().tar(tar).audit();
        let unknown = audit.images.iter().flat_map(|image| &image.unknown);
        assert!(unknown.filter(|one| one.reason.contains("the end of its tar")).count() == 1, "{audit:?}");
    }

    #[test]
    fn one_secret_in_two_places_is_one_finding_and_is_never_printed() {
        let text = format!("key = {}\n", token());
        let sample = SampleImage::new().layer([SampleFile::text("a", &text), SampleFile::text("b", &text)]);
        let audit = sample.audit();
        let tokens = found(&audit, Rule::ProviderToken);
        assert_eq!(tokens.len(), 1);
        assert_eq!(tokens.first().map(|one| one.also.len()), Some(1));
        assert!(!serde_json::to_string(&audit).unwrap_or_default().contains(&token()));
    }
}
