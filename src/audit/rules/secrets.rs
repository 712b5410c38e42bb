//! SEC001 to SEC009: secrets in files and in the configuration, as the scanner of [`secrets`](crate::secrets) finds them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    super::{Finding, FindingPlace, Presence, image_view::ImageView, place_list::PlaceList, rule_notes::RuleNotes},
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
    check_file_names(view, notes);
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
    let mut list = PlaceList::default();
    let first = places.iter().find(|(at, _)| *at == best);
    for one in first.into_iter().chain(places.iter().filter(|(at, _)| *at != best)) {
        list.add(|| place(one));
    }
    let (detector, evidence) = (Some(hit.detector.to_owned()), Some(hit.masked.clone()));
    notes.push(Finding { detector, evidence, ..list.into_finding(rule, hit.severity, message) });
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
    for group in groups.into_values() {
        group.report(notes, |key, _| key.to_owned());
    }
}

/// Says what was found in a text of the configuration.
fn report_text(notes: &mut RuleNotes, key: impl Fn() -> String, hits: Vec<SecretHit>) {
    for hit in hits {
        let key = key();
        let message = format!("a secret ({}) is in `{key}`", hit.detector);
        let place = FindingPlace { offset: Some(hit.offset), ..FindingPlace::key(key) };
        let (detector, evidence) = (Some(hit.detector.to_owned()), Some(hit.masked));
        notes.push(Finding { detector, evidence, ..Finding::new(hit.rule, hit.severity, place, message) });
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
