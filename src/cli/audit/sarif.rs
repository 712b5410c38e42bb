//! The SARIF report (2.1.0, OASIS, errata 01): one run an audit, for code scanning.
//!
//! What GitHub asks for beyond the standard: a physical location with a line for every result, a fingerprint that stays
//! the same from build to build, `security-severity` on every rule.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{groups, json::written, phrases};
use crate::{
    audit::{Audit, Finding, FindingPlace, ImageAudit, Presence, Unknown, Waived},
    oci::Digest,
    report::{Rule, Severity, printable},
};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of every audit, ASCII only.
pub(super) fn render(audits: &[Audit]) -> String {
    let runs: Vec<_> = audits.iter().map(|audit| SarifRun::new(audit).json(audit)).collect();
    written(&json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": runs }))
}

/// A run in the making.
struct SarifRun {
    /// The rules that the run names, in the order of the catalogue; results point into it.
    rules: Vec<Rule>,
    /// Fingerprints so far, and how often each was there.
    seen: BTreeMap<String, usize>,
}

impl SarifRun {
    fn new(audit: &Audit) -> Self {
        let waived = audit.images.iter().flat_map(|image| &image.waived).chain(&audit.waived);
        let unknown = audit.images.iter().flat_map(|image| &image.unknown).chain(&audit.unknown);
        let rules: BTreeSet<Rule> = groups::all_findings(audit)
            .map(|finding| finding.rule)
            .chain(waived.map(|waived| waived.finding.rule))
            .chain(unknown.flat_map(|unknown| unknown.rules.clone()))
            .chain(audit.images.iter().flat_map(|image| image.checked.clone()))
            .collect();
        Self { rules: rules.into_iter().collect(), seen: BTreeMap::new() }
    }

    fn json(mut self, audit: &Audit) -> Value {
        let mut results = Vec::new();
        results.extend(audit.findings.iter().map(|finding| self.result(None, finding)));
        results.extend(audit.waived.iter().map(|waived| self.waived(None, waived)));
        for image in &audit.images {
            results.extend(image.findings.iter().map(|finding| self.result(Some(image), finding)));
            results.extend(image.waived.iter().map(|waived| self.waived(Some(image), waived)));
        }
        let unknown = audit.unknown.iter().chain(audit.images.iter().flat_map(|image| &image.unknown));
        let notifications: Vec<_> = unknown.map(|unknown| self.notification(unknown)).collect();
        let outcome = groups::audit_outcome(audit);
        // The name without its digest: the next build of the image continues this one's history.
        let name = audit.image.split("@sha256:").next().unwrap_or_default();
        json!({
            "tool": { "driver": {
                "name": "hardpan",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": self.rules.iter().map(|rule| descriptor(*rule)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": format!("hardpan/{}/", encoded(name)) },
            "originalUriBaseIds": {
                "ROOTFS": { "description": { "text": "the root of the image's file system" } },
                "IMAGE": { "description": { "text": "the image's documents: index, manifest and config" } },
            },
            "invocations": [{
                "executionSuccessful": outcome != groups::AuditOutcome::Unknown,
                "exitCode": outcome.exit_code(),
                "toolExecutionNotifications": notifications,
            }],
            "results": results,
            "columnKind": "unicodeCodePoints",
            "properties": {
                "image": printable(&audit.image),
                "digest": audit.digest,
                "profile": printable(&audit.policy.profile),
                "failOn": audit.policy.fail_on,
                "verdict": phrases::verdict(outcome, audit),
                "notApplicable": audit.images.iter().flat_map(|image| &image.not_applicable)
                    .map(|one| one.rule.name()).collect::<BTreeSet<_>>(),
            },
        })
    }

    fn result(&mut self, image: Option<&ImageAudit>, finding: &Finding) -> Value {
        let mut message = format!("{}: {}", phrases::subject(&finding.place), printable(&finding.message));
        for detail in phrases::details(&finding.place) {
            message.push_str("; ");
            message.push_str(&detail);
        }
        if let Some(evidence) = &finding.evidence {
            message.push_str("; saw ");
            message.push_str(&printable(evidence));
        }
        let place = &finding.place;
        let mut properties = json!({ "severity": finding.severity });
        if let Some(map) = properties.as_object_mut() {
            if let Some(image) = image {
                map.insert("platform".into(), json!(printable(&image.platform)));
                map.insert("manifest".into(), json!(image.digest));
            }
            if let Some(layer) = &place.layer {
                map.insert("layer".into(), json!(layer.index));
                map.insert("layerDigest".into(), json!(layer.digest));
            }
        }
        json!({
            "ruleId": finding.rule.name(),
            "ruleIndex": self.index(finding.rule),
            "level": level(finding.severity),
            "message": { "text": plain(&message) },
            "locations": [location(place)],
            "relatedLocations": finding.also.iter().enumerate().map(|(at, place)| related(at, place)).collect::<Vec<_>>(),
            "partialFingerprints": { "primaryLocationLineHash": self.fingerprint(image, finding) },
            "properties": properties,
        })
    }

    fn waived(&mut self, image: Option<&ImageAudit>, waived: &Waived) -> Value {
        let mut result = self.result(image, &waived.finding);
        let reason = format!("{} (until {})", printable(&waived.reason), printable(&waived.until));
        if let Some(map) = result.as_object_mut() {
            let suppression = json!({ "kind": "external", "status": "accepted", "justification": reason });
            map.insert("suppressions".into(), json!([suppression]));
        }
        result
    }

    fn notification(&self, unknown: &Unknown) -> Value {
        let names: Vec<_> = unknown.rules.iter().map(|rule| rule.name()).collect();
        let text = format!(
            "not checked: {}: {}; rules without a result: {}",
            phrases::subject(&unknown.place),
            printable(&unknown.reason),
            names.join(", ")
        );
        let mut notification =
            json!({ "level": "error", "message": { "text": plain(&text) }, "locations": [location(&unknown.place)] });
        if let ([rule], Some(map)) = (unknown.rules.as_slice(), notification.as_object_mut()) {
            map.insert("associatedRule".into(), json!({ "id": rule.name(), "index": self.index(*rule) }));
        }
        notification
    }

    fn index(&self, rule: Rule) -> i64 {
        // -1 is SARIF's word for a rule that is not in the list.
        self.rules.iter().position(|known| *known == rule).and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
    }

    /// The same finding has the same fingerprint in the next build: nothing that a build changes is in it, such as digests
    /// and the number of a layer. Those that are alike are counted.
    fn fingerprint(&mut self, image: Option<&ImageAudit>, finding: &Finding) -> String {
        let place = &finding.place;
        let presence = match place.presence {
            Presence::Final => "final",
            Presence::RemovedIn(_) => "removed",
            Presence::ReplacedIn(_) => "replaced",
            Presence::NotAFile => "",
        };
        let parts = [
            finding.rule.name(),
            image.map_or("", |image| &image.platform),
            place.path.as_deref().unwrap_or_default(),
            place.key.as_deref().unwrap_or_default(),
            presence,
            finding.evidence.as_deref().unwrap_or_default(),
        ];
        let hash: String = Digest::of(parts.join("\0").as_bytes()).hex().chars().take(32).collect();
        let count = self.seen.entry(hash.clone()).or_insert(0);
        *count += 1;
        format!("{hash}:{count}")
    }
}

/// A rule, as SARIF describes it.
fn descriptor(rule: Rule) -> Value {
    let facts = rule.facts();
    let sources = facts.sources.join(", ");
    json!({
        "id": facts.name,
        "name": facts.code,
        "shortDescription": { "text": plain(facts.title) },
        "fullDescription": { "text": plain(facts.rationale) },
        "help": { "text": plain(&format!("{} {}\nSources: {sources}", facts.rationale, facts.remediation)) },
        "defaultConfiguration": { "level": level(facts.severity) },
        "properties": {
            "tags": ["security", "container"],
            "precision": "high",
            "security-severity": security_severity(facts.severity),
            "sources": facts.sources,
        },
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// The middle of what GitHub calls critical (above 9.0), high (7.0), medium (4.0) and low (0.1).
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}

/// A place. What is no file is a document of the image, by its usual name, and the key in it.
fn location(place: &FindingPlace) -> Value {
    let (base, uri) = match (&place.path, &place.key) {
        (Some(path), _) => ("ROOTFS", encoded(path.trim_start_matches('/'))),
        (None, Some(key)) if key.starts_with("index") => ("IMAGE", "index.json".to_owned()),
        (None, Some(key)) if !key.starts_with("manifest") => ("IMAGE", "config.json".to_owned()),
        _ => ("IMAGE", "manifest.json".to_owned()),
    };
    // The root folder itself has no name below the root.
    let uri = if uri.is_empty() { ".".to_owned() } else { uri };
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri, "uriBaseId": base },
            "region": { "startLine": 1 },
        },
    });
    if let (Some(key), Some(map)) = (&place.key, location.as_object_mut()) {
        map.insert("logicalLocations".into(), json!([{ "fullyQualifiedName": printable(key), "kind": "member" }]));
    }
    location
}

/// The same thing elsewhere.
fn related(at: usize, place: &FindingPlace) -> Value {
    let mut location = location(place);
    if let Some(map) = location.as_object_mut() {
        map.insert("id".into(), json!(at + 1));
        map.insert("message".into(), json!({ "text": plain(&phrases::subject(place)) }));
    }
    location
}

/// `text` as a message of SARIF: where it could hold a link (`[words](target)`), brackets and backslashes are escaped
/// (section 3.11.6).
fn plain(text: &str) -> String {
    if !text.contains("](") {
        return text.to_owned();
    }
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

/// `path` as a relative URI: everything but unreserved characters and `/` in percent form.
fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::{hostile_audit, sample_audit};

    #[test]
    fn the_log_of_an_audit() {
        insta::assert_snapshot!(render(&[sample_audit::audit()]));
    }

    /// The standard's own schema, which `tests/run` puts beside cargo's output.
    fn schema() -> Value {
        let test = std::env::current_exe().expect("this test");
        let file =
            test.ancestors().map(|folder| folder.join("judges/sarif-schema-2.1.0.json")).find(|file| file.is_file());
        let file = file.expect("SARIF's schema is missing; hint: `tests/run` installs all judges");
        serde_json::from_slice(&std::fs::read(file).expect("the schema")).expect("JSON")
    }

    /// What the schema has against a log, if anything.
    fn problem(log: &Value) -> Option<String> {
        let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
        compiler.enable_format_assertions();
        compiler.add_resource("sarif.json", schema()).expect("a schema");
        let index = compiler.compile("sarif.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        schemas.validate(log, index).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn logs_are_valid_by_the_standards_schema() {
        for audits in [
            vec![],
            vec![sample_audit::audit()],
            vec![sample_audit::clean(), sample_audit::audit()],
            vec![hostile_audit::audit()],
        ] {
            let log: Value = serde_json::from_str(&render(&audits)).expect("JSON");
            assert_eq!(problem(&log), None);
        }
        let log: Value = serde_json::from_str(&render(&[sample_audit::audit()])).expect("JSON");
        for (pointer, value) in [
            ("/version", json!("2.2.0")),
            ("/runs/0/results/0/level", json!("bad")),
            ("/runs/0/results/0/message", json!({ "txt": "" })),
            ("/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri", json!("a b")),
        ] {
            let mut wrong = log.clone();
            *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            assert!(problem(&wrong).is_some(), "{pointer}");
        }
    }

    #[test]
    fn fingerprints_outlive_a_build_and_tell_two_findings_apart() {
        let prints = |audit: &Audit| {
            let log: Value = serde_json::from_str(&render(std::slice::from_ref(audit))).expect("JSON");
            let results = log["runs"][0]["results"].as_array().expect("results").clone();
            results.iter().map(|result| result["partialFingerprints"].to_string()).collect::<Vec<_>>()
        };
        let mut audit = sample_audit::audit();
        let before = prints(&audit);
        assert_eq!(before.iter().collect::<BTreeSet<_>>().len(), before.len(), "{before:?}");
        for image in &mut audit.images {
            image.digest = Digest::of(b"another build");
            for layer in image.findings.iter_mut().filter_map(|finding| finding.place.layer.as_mut()) {
                (layer.index, layer.digest) = (layer.index + 1, Digest::of(b"another layer"));
            }
        }
        assert_eq!(prints(&audit), before);
    }

    #[test]
    fn a_message_holds_no_link_and_a_path_is_no_url() {
        assert_eq!(plain(r"[x\](https://example.com)"), r"\[x\\\](https://example.com)");
        assert_eq!(plain("config.Env[A]"), "config.Env[A]");
        assert_eq!(encoded("a b/%2e?#:\u{202e}"), "a%20b/%252e%3F%23%3A%E2%80%AE");
    }
}
