//! SEC001 to SEC004 and SEC009: secrets in files, as the scanner of [`secrets`](crate::secrets) finds them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{FindingPlace, Presence, image_view::ImageView, place_list::PlaceList, rule_notes::RuleNotes},
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

/// One place of a secret.
#[derive(Clone, Copy)]
struct SecretPlace<'a> {
    at: EntryIndex,
    /// The member, where the file is packed.
    member: Option<&'a str>,
    hit: &'a SecretHit,
}

fn check_files(view: &ImageView<'_>, notes: &mut RuleNotes) {
    // One secret in several places is one finding.
    let mut found: BTreeMap<_, Vec<SecretPlace<'_>>> = BTreeMap::new();
    for (layer, scan) in view.scans.iter().enumerate() {
        let plain = scan.secrets.iter().map(|(entry, hit)| (*entry, None, hit));
        let packed = scan.packed.secrets.iter().map(|found| (found.entry, Some(&*found.member), &found.hit));
        for (entry, member, hit) in plain.chain(packed) {
            let place = SecretPlace { at: EntryIndex { layer, entry }, member, hit };
            found.entry((hit.rule, hit.fingerprint)).or_default().push(place);
        }
        if scan.secrets.len().max(scan.packed.secrets.len()) >= Limits::AUDIT_SECRETS {
            notes.unknown(Rule::PrivateKey, view.layer(layer), "the layer holds more secrets than the audit keeps");
        }
    }
    for places in found.into_values() {
        report_secret(view, notes, &places);
    }
    check_headers(view, notes);
    check_file_names(view, notes);
    check_unread(view, notes);
}

/// Files that hold credentials by their names, and could not be read.
fn check_unread(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (layer, scan) in view.scans.iter().enumerate() {
        // A file has one line for a rule, however much of it is unread.
        let mut told = BTreeSet::new();
        for part in &scan.packed.unread {
            let Some(rule) = part.credential.filter(|rule| told.insert((part.entry, *rule))) else { continue };
            let place = view.member_place(EntryIndex { layer, entry: part.entry }, part.member.as_deref());
            notes.unknown(rule, place, format!("a credential file was not read: {}", part.reason));
        }
        let kept = scan.packed.unread.iter().filter(|part| part.credential.is_some()).count();
        if scan.packed.unread_credentials > kept {
            let reason = "the layer holds more credential files that were not read than the audit keeps";
            notes.unknown(Rule::CredentialFile, view.layer(layer), reason);
        }
    }
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
        let message = format!("a secret ({}) is in the tar header of `{path}`", hit.detector);
        let mut list = PlaceList::default();
        for other in [at].into_iter().chain(places.iter().map(|(other, _)| other).filter(|other| *other != at)) {
            list.add(|| view.place(*other));
        }
        notes.push(list.into_secret(hit.rule, hit, message));
    }
}

/// One secret, at all of its places.
fn report_secret(view: &ImageView<'_>, notes: &mut RuleNotes, places: &[SecretPlace<'_>]) {
    // The place that a container sees says most; by the name that it sees, which may be that of a hard link.
    let best = places.iter().position(|place| view.rootfs.seen_as(place.at).is_some()).unwrap_or(0);
    let Some(SecretPlace { at, member, .. }) = places.get(best).copied() else { return };
    let first = view.rootfs.seen_as(at).unwrap_or(at);
    let Some(hit) = places.iter().map(|place| place.hit).max_by_key(|hit| hit.severity) else { return };
    let what = hit.detector;
    let mut path = view.entry(first).map(|entry| entry.path.clone()).unwrap_or_default();
    if let Some(member) = member {
        path = format!("{path}!/{member}");
    }
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
    let place = |place: &SecretPlace<'_>| FindingPlace {
        offset: Some(place.hit.offset),
        line: place.hit.line,
        ..view.member_place(place.at, place.member)
    };
    let mut list = PlaceList::default();
    let others = places.iter().enumerate().filter(|(number, _)| *number != best).map(|(_, other)| other);
    for one in places.get(best).into_iter().chain(others) {
        list.add(|| place(one));
    }
    notes.push(list.into_secret(rule, hit, message));
}

/// Files that hold credentials by their names alone.
fn check_file_names(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut groups: BTreeMap<(Rule, &'static str), Groups> = BTreeMap::new();
    for (at, entry) in view.entries().filter(|(_, entry)| entry.kind == TarEntryKind::File && entry.size > 0) {
        let Some(named) = name_hit(&entry.path).filter(|named| !named.confirmed_by_content) else { continue };
        let gone = if view.rootfs.seen_as(at).is_some() { "" } else { ", hidden by a later layer" };
        let key = format!("`{}` is a credential file: {}{gone}", entry.path, named.detector);
        let (rule, detector) = (named.rule, named.detector);
        let group = groups.entry((rule, detector)).or_insert_with(|| Groups::of_detector(rule, detector));
        group.add(named.severity, key, || view.place(at));
    }
    let members = view.scans.iter().enumerate().flat_map(|(layer, scan)| {
        scan.packed.names.iter().map(move |found| (EntryIndex { layer, entry: found.entry }, found))
    });
    for (at, found) in members {
        let path = view.entry(at).map_or("", |entry| &entry.path);
        let gone = if view.rootfs.seen_as(at).is_some() { "" } else { ", hidden by a later layer" };
        let key = format!("`{path}!/{}` is a credential file: {}{gone}", found.member, found.named.detector);
        let (rule, detector) = (found.named.rule, found.named.detector);
        let group = groups.entry((rule, detector)).or_insert_with(|| Groups::of_detector(rule, detector));
        group.add(found.named.severity, key, || view.member_place(at, Some(&found.member)));
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
            (
                "an unread name",
                SampleImage::new().layer([SampleFile::new(&format!("app/{token}/x.7z"), b"7z\xbc\xaf\x27\x1c\0\x04")]),
            ),
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

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        use std::io::Write as _;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }

    #[test]
    fn a_secret_in_a_packed_file_has_the_member_in_its_place_also_when_the_file_is_removed() {
        let packed = gzip(format!("key = {}\n", token()).as_bytes());
        let audit = SampleImage::new().layer([SampleFile::new("srv/settings.gz", &packed)]).audit();
        let tokens = found(&audit, Rule::ProviderToken);
        let places: Vec<_> =
            tokens.iter().map(|one| (one.place.path.as_deref(), one.place.member.as_deref())).collect();
        assert_eq!(places, [(Some("/srv/settings.gz"), Some("settings"))]);
        assert!(tokens.iter().all(|one| one.message.contains("`/srv/settings.gz!/settings`")));
        let removed = SampleImage::new()
            .layer([SampleFile::new("srv/settings.gz", &packed)])
            .layer([SampleFile::whiteout("srv/settings.gz")]);
        assert_eq!(has(&removed.audit(), FILES.rules), [Rule::RemovedSecret]);
        let history = gzip(b"ls\n");
        let audit = SampleImage::new().layer([SampleFile::new("root/.bash_history.gz", &history)]).audit();
        assert_eq!(has(&audit, FILES.rules), [Rule::LoginTraces]);
    }

    #[test]
    fn what_cannot_be_read_is_listed_and_is_unknown_where_it_is_a_credential_file_by_its_name() {
        let of = |path: &str, bytes: &[u8]| SampleImage::new().layer([SampleFile::new(path, bytes)]).audit();
        let archive = b"7z\xbc\xaf\x27\x1c\0\x04";
        let mut torn = gzip(b"DB_PASSWORD=x\n");
        torn.truncate(15);
        for (path, bytes, is_unknown) in [
            ("srv/data.7z", &archive[..], false),
            ("srv/.env.7z", &archive[..], true),
            ("root/.ssh/id_rsa.gz", &torn[..], true),
            ("srv/notes.gz", &torn[..], false),
        ] {
            let audit = of(path, bytes);
            let image = audit.images.first().expect("an image");
            assert_eq!((image.unread.len(), image.unread_count), (1, 1), "{path}");
            assert_eq!(audit.is_incomplete(), is_unknown, "{path}: {:?}", image.unknown);
            assert!(image.unknown.iter().all(|one| one.reason.starts_with("a credential file was not read: ")));
        }
        assert_eq!(of("srv/notes.gz", &gzip(b"text")).unread_count(), 0);
    }
}
