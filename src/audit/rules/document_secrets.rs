//! SEC005 to SEC008: secrets in the documents of an image: its config, its manifest, and the indexes around them.

use std::collections::BTreeMap;

use super::{
    super::{
        FindingPlace, document_scan::DocumentScan, image_view::ImageView, place_list::PlaceList, rule_notes::RuleNotes,
    },
    rule_check::RuleCheck,
};
use crate::{
    image::ImageSet,
    report::{Limits, Rule},
    secrets::SecretHit,
};

/// Of one image.
pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::SecretInEnv, Rule::SecretInLabel, Rule::SecretInHistory, Rule::SecretInArguments],
    files: false,
    run: check_image,
};

fn check_image(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let manifest = DocumentScan::of("manifest", &view.image.manifest_document);
    report([view.config_scan(), &manifest], notes);
}

/// Searches the documents around the images.
pub(super) fn check_set(set: &ImageSet, notes: &mut RuleNotes) {
    let outer = set.outer_documents.iter().map(|document| DocumentScan::of(&document.name, &document.content));
    report(&outer.collect::<Vec<_>>(), notes);
}

/// One secret in several places is one finding for each rule.
fn report<'a>(scans: impl IntoIterator<Item = &'a DocumentScan>, notes: &mut RuleNotes) {
    let mut found: BTreeMap<_, Vec<(&str, &SecretHit)>> = BTreeMap::new();
    for scan in scans {
        for (key, hit) in &scan.hits {
            found.entry((hit.rule, hit.fingerprint)).or_default().push((key, hit));
        }
        if let Some(key) = &scan.cut_at {
            let reason = format!("it holds documents inside of each other, more than {}", Limits::NESTED_DOCUMENTS);
            CHECK.rules.iter().for_each(|rule| notes.unknown(*rule, FindingPlace::key(key), reason.clone()));
        }
    }
    for places in found.into_values() {
        let place =
            |(key, hit): &(&str, &SecretHit)| FindingPlace { offset: Some(hit.offset), ..FindingPlace::key(*key) };
        let Some((key, hit)) = places.iter().rev().max_by_key(|(_, hit)| hit.severity).copied() else { continue };
        let mut list = PlaceList::default();
        list.add(|| place(&(key, hit)));
        for other in places.iter().filter(|(other, _)| *other != key) {
            list.add(|| place(other));
        }
        let message = format!("a secret ({}) is in `{key}`", hit.detector);
        notes.push(list.into_secret(hit.rule, hit, message));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::super::sample_image::{SampleFile, SampleImage, found, has};
    use super::*;

    fn token() -> String {
        format!("gl{}-{}", "pat", "a8Kd02mZqLx7TnVw3YpR")
    }

    /// `text` in base64.
    fn packed(text: &str) -> String {
        use base64ct::Encoding as _;
        base64ct::Base64::encode_string(text.as_bytes())
    }

    /// Asserts that the token of a sample is found under `key` by `rule`, and is nowhere in the report.
    #[track_caller]
    fn check_found(sample: &SampleImage, rule: Rule, key: &str) {
        let audit = sample.clone().layer([SampleFile::text("a", "x")]).audit();
        let keys: Vec<_> = found(&audit, rule).iter().filter_map(|finding| finding.place.key.clone()).collect();
        assert!(keys.iter().any(|found| found == key), "{key}: {keys:?}");
        assert!(!serde_json::to_string(&audit).unwrap().contains(&token()), "{key}");
    }

    #[test]
    fn every_string_of_every_document_counts() {
        use serde_json::json;
        let (token, new) = (token(), SampleImage::new);
        let history = Rule::SecretInHistory;
        check_found(&new().document("author", json!(format!("me <{token}>"))), history, "author");
        check_found(&new().document("history", json!([{ "author": token }])), history, "history[0].author");
        let old = json!({ "Env": [format!("A_TOKEN={token}")], "Cmd": ["sh", token] });
        check_found(
            &new().document("container_config", old.clone()),
            Rule::SecretInEnv,
            "container_config.Env[A_TOKEN]",
        );
        check_found(&new().document("container_config", old), Rule::SecretInArguments, "container_config.Cmd");
        check_found(&new().env(&[&format!("{token}=x")]), Rule::SecretInEnv, &format!("config.Env[{}]", masked()));
        let label = Rule::SecretInLabel;
        check_found(&new().document("x.maker", json!({ "a": [{ "b": token }] })), label, "x.maker.a[0].b");
        check_found(&new().document("x.maker", json!({ &token: 1 })), label, &format!("x.maker.{}", masked()));
        check_found(&new().config("Labels", json!({ &token: "" })), label, &format!("config.Labels[{}]", masked()));
        check_found(&new().manifest("annotations", json!({ "a.b": token })), label, "manifest.annotations[a.b]");
        check_found(&new().manifest("x-maker", json!(token)), label, "manifest.x-maker");
        let mut noted = new();
        noted = noted.layer_descriptor("annotations", json!({ "k": token }));
        check_found(&noted, label, "manifest.layers[0].annotations[k]");
        let held = new().layer_descriptor("data", json!(packed(&format!("key: {token}\n"))));
        check_found(&held, label, "manifest.layers[0].data");
        // A password has no shape: only the name of its key tells.
        let info = json!({ "attrs": { "build-arg:DB_PASSWORD": "Sup3rS3cret9" } }).to_string();
        for text in [packed(&info), info] {
            let audit = new().document("moby.buildkit.buildinfo.v1", json!(text)).layer([]).audit();
            assert_eq!(has(&audit, CHECK.rules), [Rule::SecretInHistory]);
            let shown = serde_json::to_string(&audit).unwrap();
            assert!(!shown.contains("Sup3rS3cret9") && !shown.contains(&text), "{shown}");
        }
    }

    /// The token's masked form.
    fn masked() -> String {
        let hits = crate::secrets::scan_text(crate::secrets::TextContext::History, &token());
        format!("{} \u{2026}", hits[0].masked)
    }

    #[test]
    fn an_index_is_searched_as_well() {
        let mut set = SampleImage::new().layer([SampleFile::text("a", "x")]).set();
        let content = serde_json::json!({ "manifests": [{ "annotations": { "note": token() } }] });
        set.outer_documents.push(crate::image::OuterDocument { name: "index.json".to_owned(), content });
        let policy = crate::policy::Policy::profile("default").unwrap();
        let request = super::super::super::AuditQuery { image: "x", policy: &policy, today: (2026, 1, 1) };
        let audit = super::super::super::audit(&set, &request);
        let [finding] = found(&audit, Rule::SecretInLabel)[..] else { panic!("{audit:?}") };
        assert_eq!(finding.place.key.as_deref(), Some("index.json.manifests[0].annotations[note]"));
    }

    #[test]
    fn documents_that_are_too_deep_in_each_other_are_unknown() {
        let deep = (0..6).fold("{}".to_owned(), |inner, _| serde_json::json!({ "a": inner }).to_string());
        let audit = SampleImage::new().config("Labels", serde_json::json!({ "deep": deep })).layer([]).audit();
        let unknown = &audit.images[0].unknown;
        assert!(unknown.iter().any(|one| one.rules == [Rule::SecretInLabel]), "{unknown:?}");
    }

    #[test]
    fn the_configuration_is_searched_and_shown_without_what_was_found() {
        let secret = token();
        let sample = SampleImage::new()
            .env(&[&format!("API_TOKEN={secret}"), "LANG=C"])
            .history(&format!("RUN curl -H 'PRIVATE-TOKEN: {secret}' https://example.com"))
            .layer([SampleFile::text("a", "x")]);
        let audit = sample.audit();
        assert_eq!(has(&audit, CHECK.rules), [Rule::SecretInEnv, Rule::SecretInHistory]);
        assert!(!serde_json::to_string(&audit).unwrap_or_default().contains(&secret));
        let near = SampleImage::new().env(&["API_TOKEN_FILE=/run/secrets/token", "KEYBOARD=us"]).layer([]);
        assert_eq!(has(&near.audit(), CHECK.rules), []);
    }
}
