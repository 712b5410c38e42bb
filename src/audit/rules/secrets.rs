//! SEC001 to SEC009: secrets in files and in the configuration, as the scanner of [`secrets`](crate::secrets) finds them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    super::{Finding, FindingPlace, Presence, image_view::ImageView, rule_notes::RuleNotes},
    group::Groups,
    rule_check::RuleCheck,
};
use crate::report::{Limits, Rule};
use crate::rootfs::{EntryIndex, TarEntryKind};
use crate::secrets::{SecretHit, TextContext, name_hit, scan_arguments, scan_text};

/// In files, of every layer.
pub(super) const FILES: RuleCheck = RuleCheck {
    rules: &[Rule::PrivateKey, Rule::ProviderToken, Rule::RemovedSecret, Rule::CredentialFile, Rule::LoginTraces],
    files: true,
    run: check_files,
};

/// In the configuration.
pub(super) const TEXTS: RuleCheck = RuleCheck {
    rules: &[Rule::SecretInEnv, Rule::SecretInLabel, Rule::SecretInHistory, Rule::SecretInArguments],
    files: false,
    run: check_texts,
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
        ..view.member_place(place.at, place.member)
    };
    let also = places.iter().enumerate().filter(|(number, _)| *number != best).map(|(_, other)| place(other));
    notes.push(Finding {
        rule,
        severity: hit.severity,
        message,
        place: places.get(best).map(place).unwrap_or_default(),
        evidence: Some(hit.masked.clone()),
        also: also.take(Limits::AUDIT_ALSO).collect(),
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
    let members = view.scans.iter().enumerate().flat_map(|(layer, scan)| {
        scan.packed.names.iter().map(move |found| (EntryIndex { layer, entry: found.entry }, found))
    });
    for (at, found) in members {
        let path = view.entry(at).map_or("", |entry| &entry.path);
        let gone = if view.rootfs.seen_as(at).is_some() { "" } else { ", hidden by a later layer" };
        let key = format!("`{path}!/{}` is a credential file: {}{gone}", found.member, found.named.detector);
        let group = groups.entry(found.named.rule).or_insert_with(|| Groups::new(found.named.rule));
        group.add(found.named.severity, key, || view.member_place(at, Some(&found.member)));
    }
    for group in groups.into_values() {
        group.report(notes, |key, _| key.to_owned());
    }
}

/// Says what was found in a text of the configuration.
fn report_text(notes: &mut RuleNotes, key: impl Fn() -> String, hits: Vec<SecretHit>) {
    for hit in hits {
        let key = key();
        let message = format!("a secret ({}) is in `{key}`", hit.detector);
        notes.push(Finding {
            rule: hit.rule,
            severity: hit.severity,
            message,
            place: FindingPlace { offset: Some(hit.offset), ..FindingPlace::key(key) },
            evidence: Some(hit.masked),
            also: Vec::new(),
        });
    }
}

fn check_texts(view: &ImageView<'_>, notes: &mut RuleNotes) {
    for (name, value) in view.env() {
        report_text(notes, || format!("config.Env[{name}]"), scan_text(TextContext::Env { name }, value));
    }
    check_labels(view, notes);
    let history = view.document.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, entry) in history.iter().enumerate() {
        for key in ["created_by", "comment"] {
            let Some(text) = entry.get(key).and_then(Value::as_str) else { continue };
            report_text(notes, || format!("history[{index}].{key}"), scan_text(TextContext::History, text));
        }
    }
    for (index, command) in view.words("OnBuild").into_iter().enumerate() {
        report_text(notes, || format!("config.OnBuild[{index}]"), scan_text(TextContext::History, command));
    }
    for key in ["Entrypoint", "Cmd", "Shell"] {
        report_text(notes, || format!("config.{key}"), scan_arguments(&view.words(key)));
    }
    let check = view.config.get("Healthcheck").and_then(|check| check.get("Test")).and_then(Value::as_array);
    let words: Vec<&str> = check.into_iter().flatten().filter_map(Value::as_str).collect();
    report_text(notes, || "config.Healthcheck".to_owned(), scan_arguments(&words));
}

fn check_labels(view: &ImageView<'_>, notes: &mut RuleNotes) {
    if let Some(Value::Object(labels)) = view.config.get("Labels") {
        for (key, value) in labels {
            let hits = value.as_str().map(|value| scan_text(TextContext::Label { key }, value)).unwrap_or_default();
            report_text(notes, || format!("config.Labels[{key}]"), hits);
        }
    }
    for (key, value) in view.annotations() {
        report_text(notes, || format!("manifest.annotations[{key}]"), scan_text(TextContext::Label { key }, value));
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

    #[test]
    fn the_configuration_is_searched_and_shown_without_what_was_found() {
        let secret = token();
        let sample = SampleImage::new()
            .env(&[&format!("API_TOKEN={secret}"), "LANG=C"])
            .history(&format!("RUN curl -H 'PRIVATE-TOKEN: {secret}' https://example.com"))
            .layer([SampleFile::text("a", "x")]);
        let audit = sample.audit();
        assert_eq!(has(&audit, TEXTS.rules), [Rule::SecretInEnv, Rule::SecretInHistory]);
        assert!(!serde_json::to_string(&audit).unwrap_or_default().contains(&secret));
        let near = SampleImage::new().env(&["API_TOKEN_FILE=/run/secrets/token", "KEYBOARD=us"]).layer([]);
        assert_eq!(has(&near.audit(), TEXTS.rules), []);
    }
}
