//! The SARIF report (2.1.0, OASIS, errata 01): for code scanning. One run an audit, and one run about several
//! images.
//!
//! What GitHub asks for beyond the standard: a physical location with a line for every result, a fingerprint that stays
//! the same from build to build, `security-severity` on every rule. It gives an alert the severity of its rule, so that a rule
//! is there once for each severity that its findings have; and it shows suppressed results as open alerts, so that what is
//! waived or in the baseline is left out unless it is asked for.

mod descriptor;
mod place;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Value, json};

use super::{baseline, besides::Besides, fleet_table, groups, json::written, phrases, waivers};
use crate::{
    audit::{Accepted, Audit, Finding, ImageAudit, Unknown, Unread, Waived},
    commands::audit::{AuditFleet, BaselineReport},
    oci::Digest,
    policy::DatedWaiver,
    report::{Rule, Severity, printable},
};
use descriptor::{descriptor, level, rule_id};
use place::{encoded, location, plain, related, waiver_location};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of every audit of one image, a run each, ASCII only.
pub(super) fn render(audits: &[Audit], besides: Besides<'_>) -> String {
    let runs = audits.iter().map(|audit| {
        let mut run = SarifRun::about([audit], besides.keeps_suppressed);
        run.add(audit);
        run.warn(besides.ending);
        run.tell(besides.baseline);
        let properties = properties(audit);
        // The name without its digest: the next build of the image continues this one's history.
        let id = format!("hardpan/{}/", encoded(without_digest(&audit.image)));
        let bases = json!({
            "ROOTFS": { "description": { "text": "the root of the image's file system" } },
            "IMAGE": { "description": { "text": "the image's documents: index, manifest and config" } },
        });
        run.json(&id, &bases, groups::audit_outcome(audit), &properties)
    });
    log(&runs.collect::<Vec<_>>())
}

/// The log of several images: one run, in which each location begins with the name of its image, ASCII only.
pub(super) fn render_fleet(fleet: &AuditFleet, besides: Besides<'_>) -> String {
    let mut run = SarifRun::about(groups::all_audits(fleet), besides.keeps_suppressed);
    let mut images = Vec::new();
    for image in &fleet.images {
        match &image.result {
            Err(failure) => {
                let (name, why) = (printable(&image.image), fleet_table::labelled(failure));
                let text = plain(&format!("not audited: {name}: {why}"));
                run.notifications.push(json!({ "level": "error", "message": { "text": text } }));
                images.push(json!({ "image": name, "verdict": "unknown", "error": why }));
            }
            Ok(audits) => {
                for audit in audits {
                    // Two names in one place are two images.
                    let reference = audit.reference.as_ref().filter(|_| audits.len() > 1);
                    let name = without_digest(&audit.image);
                    run.image = Some(reference.map_or(name.to_owned(), |reference| format!("{name}:{reference}")));
                    run.add(audit);
                    images.push(properties(audit));
                }
            }
        }
    }
    run.warn(besides.ending);
    run.tell(besides.baseline);
    let bases = json!({ "IMAGES": { "description": { "text": "the audited images: a path begins with the name of its image" } } });
    let others: Vec<_> = fleet.others.iter().map(|other| printable(&other.path).into_owned()).collect();
    let properties = json!({ "images": images, "notImages": others, "verdict": fleet_table::verdict(fleet) });
    log(&[run.json("hardpan/images/", &bases, groups::fleet_outcome(fleet), &properties)])
}

fn log(runs: &[Value]) -> String {
    written(&json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": runs }))
}

/// A reference without its digest, which every build changes.
fn without_digest(image: &str) -> &str {
    image.split("@sha256:").next().unwrap_or_default()
}

/// What is said of an audit as a whole.
fn properties(audit: &Audit) -> Value {
    json!({
        "image": printable(&audit.image),
        "digest": audit.digest,
        "profile": printable(&audit.policy.profile),
        "failOn": audit.policy.fail_on,
        "verdict": phrases::verdict(groups::audit_outcome(audit), audit),
        "unread": audit.unread_count(),
        "notApplicable": audit.images.iter().flat_map(|image| &image.not_applicable)
            .map(|one| one.rule.name()).collect::<BTreeSet<_>>(),
    })
}

/// A run in the making.
struct SarifRun {
    /// The rules that the run names, each with every severity that it has there, in the order of the catalogue; results
    /// point into it.
    rules: Vec<(Rule, Severity)>,
    /// Whether what is waived or in the baseline has results, which are suppressed.
    keeps_suppressed: bool,
    /// Fingerprints so far, and how often each was there.
    seen: BTreeMap<String, usize>,
    /// The image that is added, in a run about several.
    image: Option<String>,
    results: Vec<Value>,
    notifications: Vec<Value>,
}

impl SarifRun {
    /// A run with the rules of `audits`, which are added one after the other.
    fn about<'a>(audits: impl IntoIterator<Item = &'a Audit>, keeps_suppressed: bool) -> Self {
        let mut rules = BTreeSet::new();
        for audit in audits {
            let waived = audit.images.iter().flat_map(|image| &image.waived).chain(&audit.waived);
            let suppressed = waived.map(|waived| &waived.finding);
            let suppressed = suppressed.chain(groups::all_accepted(audit).map(|accepted| &accepted.finding));
            let suppressed = suppressed.filter(|_| keeps_suppressed);
            rules.extend(groups::all_findings(audit).chain(suppressed).map(|finding| (finding.rule, finding.severity)));
            let unknown = audit.images.iter().flat_map(|image| &image.unknown).chain(&audit.unknown);
            let unknown = unknown.flat_map(|unknown| unknown.rules.clone());
            let checked = audit.images.iter().flat_map(|image| image.checked.clone());
            rules.extend(unknown.chain(checked).map(|rule| (rule, rule.facts().severity)));
        }
        let rules = rules.into_iter().collect();
        let (results, notifications) = (Vec::new(), Vec::new());
        Self { rules, keeps_suppressed, seen: BTreeMap::new(), image: None, results, notifications }
    }

    /// Adds the results of an audit.
    fn add(&mut self, audit: &Audit) {
        self.add_part(None, &audit.findings, &audit.waived, &audit.baseline);
        for image in &audit.images {
            self.add_part(Some(image), &image.findings, &image.waived, &image.baseline);
        }
        let unknown = audit.unknown.iter().chain(audit.images.iter().flat_map(|image| &image.unknown));
        let unread = audit.images.iter().flat_map(|image| &image.unread).map(|unread| self.unread(unread));
        let notifications: Vec<_> = unknown.map(|unknown| self.notification(unknown)).chain(unread).collect();
        self.notifications.extend(notifications);
    }

    /// Adds the results of one image, or of what is around the images.
    fn add_part(&mut self, image: Option<&ImageAudit>, findings: &[Finding], waived: &[Waived], accepted: &[Accepted]) {
        for finding in findings {
            let result = self.result(image, finding);
            self.results.push(result);
        }
        if !self.keeps_suppressed {
            return;
        }
        for Waived { finding, reason, until } in waived {
            self.add_suppressed(image, finding, &format!("{} (until {})", printable(reason), printable(until)));
        }
        for Accepted { finding, since } in accepted {
            self.add_suppressed(image, finding, &format!("accepted by the baseline since {}", printable(since)));
        }
    }

    /// Adds a note about the baseline.
    fn tell(&mut self, report: Option<&BaselineReport>) {
        let Some(report) = report else { return };
        for text in std::iter::once(baseline::summary(report)).chain(baseline::notes(report)) {
            self.notifications.push(json!({ "level": "note", "message": { "text": plain(&text) } }));
        }
    }

    /// Adds a warning for each exception that ends soon.
    fn warn(&mut self, ending: &[DatedWaiver]) {
        self.notifications.extend(ending.iter().map(|waiver| {
            let text = plain(&format!("this exception ends soon: {}", waivers::sentence(waiver)));
            json!({ "level": "warning", "message": { "text": text }, "locations": [waiver_location(waiver)] })
        }));
    }

    fn json(self, id: &str, bases: &Value, outcome: groups::AuditOutcome, properties: &Value) -> Value {
        json!({
            "tool": { "driver": {
                "name": "hardpan",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": self.rules.iter().map(|(rule, severity)| descriptor(*rule, *severity)).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": id },
            "originalUriBaseIds": bases,
            "invocations": [{
                "executionSuccessful": outcome != groups::AuditOutcome::Unknown,
                "exitCode": outcome.exit_code(),
                "toolExecutionNotifications": self.notifications,
            }],
            "results": self.results,
            "columnKind": "unicodeCodePoints",
            "properties": properties,
        })
    }

    fn result(&mut self, image: Option<&ImageAudit>, finding: &Finding) -> Value {
        let mut message = format!("{}: {}", phrases::subject(&finding.place), printable(&finding.message));
        if let Some(image) = &self.image {
            message = format!("{}: {message}", printable(image));
        }
        for detail in phrases::details(&finding.place) {
            message.push_str("; ");
            message.push_str(&detail);
        }
        if let Some(evidence) = &finding.evidence {
            message.push_str("; saw ");
            message.push_str(&printable(evidence));
        }
        if finding.left_off > 0 {
            // Writing to a String cannot fail.
            let _ = write!(message, "; {} more places are not listed", finding.left_off);
        }
        let place = &finding.place;
        let image_name = self.image.as_deref();
        let related = finding.also.iter().enumerate().map(|(at, place)| related(image_name, at, place));
        let (location, related) = (location(image_name, place), related.collect::<Vec<_>>());
        json!({
            "ruleId": rule_id(finding.rule, finding.severity),
            "ruleIndex": self.index(finding.rule, finding.severity),
            "level": level(finding.severity),
            "message": { "text": plain(&message) },
            "locations": [location],
            "relatedLocations": related,
            "partialFingerprints": {
                "hardpanFinding/v1": printable(&finding.fingerprint),
                "primaryLocationLineHash": self.fingerprint(image, finding),
            },
            "properties": self.finding_properties(image, finding),
        })
    }

    /// What is known of a finding besides what SARIF has a word for.
    fn finding_properties(&self, image: Option<&ImageAudit>, finding: &Finding) -> Value {
        let place = &finding.place;
        let mut properties = json!({ "severity": finding.severity, "places": finding.places() });
        if let Some(map) = properties.as_object_mut() {
            map.extend(self.image.as_ref().map(|image| ("image".into(), json!(printable(image)))));
            if let Some(image) = image {
                map.insert("platform".into(), json!(printable(&image.platform)));
                map.insert("manifest".into(), json!(image.digest));
            }
            if let Some(layer) = &place.layer {
                map.insert("layer".into(), json!(layer.index));
                map.insert("layerDigest".into(), json!(layer.digest));
            }
            map.extend(finding.detector.as_ref().map(|detector| ("detector".into(), json!(printable(detector)))));
            map.extend(place.offset.map(|offset| ("offset".into(), json!(offset))));
        }
        properties
    }

    /// Adds the result of a finding that is known, and need not be looked at.
    fn add_suppressed(&mut self, image: Option<&ImageAudit>, finding: &Finding, reason: &str) {
        let mut result = self.result(image, finding);
        if let Some(map) = result.as_object_mut() {
            let suppression = json!({ "kind": "external", "status": "accepted", "justification": reason });
            map.insert("suppressions".into(), json!([suppression]));
        }
        self.results.push(result);
    }

    fn notification(&self, unknown: &Unknown) -> Value {
        let names: Vec<_> = unknown.rules.iter().map(|rule| rule.name()).collect();
        let image = self.image.as_ref().map(|image| format!("{}: ", printable(image))).unwrap_or_default();
        let text = format!(
            "not checked: {image}{}: {}; rules without a result: {}",
            phrases::subject(&unknown.place),
            printable(&unknown.reason),
            names.join(", ")
        );
        let location = location(self.image.as_deref(), &unknown.place);
        let mut notification =
            json!({ "level": "error", "message": { "text": plain(&text) }, "locations": [location] });
        if let ([rule], Some(map)) = (unknown.rules.as_slice(), notification.as_object_mut()) {
            map.insert(
                "associatedRule".into(),
                json!({ "id": rule.name(), "index": self.index(*rule, rule.facts().severity) }),
            );
        }
        notification
    }

    /// A file that was not read.
    fn unread(&self, unread: &Unread) -> Value {
        let image = self.image.as_ref().map(|image| format!("{}: ", printable(image))).unwrap_or_default();
        let (subject, reason) = (phrases::subject(&unread.place), printable(&unread.reason));
        let text = plain(&format!("not read: {image}{subject}: {reason}"));
        let location = location(self.image.as_deref(), &unread.place);
        json!({ "level": "note", "message": { "text": text }, "locations": [location] })
    }

    fn index(&self, rule: Rule, severity: Severity) -> i64 {
        // -1 is SARIF's word for a rule that is not in the list.
        let at = self.rules.binary_search(&(rule, severity)).ok();
        at.and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
    }

    /// The same finding has the same fingerprint in the next build. Platforms are told apart, and so are images in a run about
    /// several: code scanning has one alert a fingerprint.
    fn fingerprint(&mut self, image: Option<&ImageAudit>, finding: &Finding) -> String {
        let mut parts = vec![finding.fingerprint.as_str(), image.map_or("", |image| &image.platform)];
        parts.extend(self.image.as_deref());
        let hash: String = Digest::of(parts.join("\0").as_bytes()).hex().chars().take(32).collect();
        let count = self.seen.entry(hash.clone()).or_insert(0);
        *count += 1;
        format!("{hash}:{count}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::audit::{hostile_audit, sample_audit};

    /// A log with everything that can be in one.
    fn keeping() -> Besides<'static> {
        Besides { keeps_suppressed: true, ..Besides::default() }
    }

    #[test]
    fn the_log_of_an_audit() {
        insta::assert_snapshot!(render(&[sample_audit::audit()], keeping()));
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
            let log: Value =
                serde_json::from_str(&render(&audits, Besides { ending: &sample_audit::ending(), ..keeping() }))
                    .expect("JSON");
            assert_eq!(problem(&log), None);
        }
        let log: Value = serde_json::from_str(&render(&[sample_audit::audit()], keeping())).expect("JSON");
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
    fn several_images_are_one_valid_run_whose_locations_name_the_image() {
        let mut fleet = sample_audit::fleet();
        let again = sample_audit::fleet().images.swap_remove(0);
        fleet.images.push(crate::commands::audit::FleetImage { image: "other".to_owned(), ..again });
        for audit in fleet.images.iter_mut().skip(3).flat_map(|image| image.result.iter_mut()).flatten() {
            "other@sha256:00".clone_into(&mut audit.image);
        }
        let log: Value =
            serde_json::from_str(&render_fleet(&fleet, Besides { ending: &sample_audit::ending(), ..keeping() }))
                .expect("JSON");
        assert_eq!(problem(&log), None);
        assert_eq!(log["runs"].as_array().expect("runs").len(), 1);
        let run = &log["runs"][0];
        let results = run["results"].as_array().expect("results");
        let prints: BTreeSet<_> = results.iter().map(|result| result["partialFingerprints"].to_string()).collect();
        assert_eq!(prints.len(), results.len());
        let (mut names, mut uris) = (BTreeSet::new(), BTreeSet::new());
        for result in results {
            let location = &result["locations"][0];
            names.insert(location["logicalLocations"][0]["fullyQualifiedName"].as_str().expect("a name"));
            uris.insert(location["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a URI"));
        }
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["other", "registry.example.com/shop/server:1.4"]);
        assert!(
            uris.contains("other/app/id_rsa") && uris.contains("registry.example.com/shop/server%3A1.4/app/id_rsa")
        );
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["exitCode"], 2);
        let texts = invocation["toolExecutionNotifications"].to_string();
        assert!(texts.contains("not audited: out/torn.tar") && texts.contains("this exception ends soon"), "{texts}");
    }

    #[test]
    fn a_rule_is_there_once_for_each_severity_with_what_github_makes_of_it() {
        let mut audit = sample_audit::audit();
        for image in &mut audit.images {
            let light = image.findings.iter().find(|finding| finding.rule == Rule::Shell).cloned().expect("a shell");
            image.findings.push(Finding { severity: Severity::Low, ..light });
        }
        let log: Value = serde_json::from_str(&render(&[audit], Besides::default())).expect("JSON");
        assert_eq!(problem(&log), None);
        let run = &log["runs"][0];
        let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
        let ids: BTreeSet<_> = rules.iter().map(|rule| rule["id"].as_str().expect("an id")).collect();
        assert_eq!(ids.len(), rules.len(), "an id is there once");
        let severity = |id: &str| {
            let rule = rules.iter().find(|rule| rule["id"] == id).unwrap_or_else(|| panic!("no {id}"));
            (rule["defaultConfiguration"]["level"].clone(), rule["properties"]["security-severity"].clone())
        };
        assert_eq!(severity("shell"), (json!("error"), json!("8.0")));
        assert_eq!(severity("shell/low"), (json!("note"), json!("2.0")));
        for result in run["results"].as_array().expect("results") {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small")];
            assert_eq!(rule["id"], result["ruleId"]);
            assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
        }
    }

    #[test]
    fn what_is_waived_or_in_the_baseline_is_left_out_unless_it_is_asked_for() {
        let audit = sample_audit::audit();
        let results = |besides| {
            let log: Value = serde_json::from_str(&render(std::slice::from_ref(&audit), besides)).expect("JSON");
            assert_eq!(problem(&log), None);
            log["runs"][0]["results"].as_array().expect("results").clone()
        };
        let (brief, whole) = (results(Besides::default()), results(keeping()));
        assert_eq!(whole.len(), brief.len() + 2);
        assert!(brief.iter().all(|result| result.get("suppressions").is_none()));
        let reasons: Vec<_> =
            whole.iter().filter_map(|result| result["suppressions"][0]["justification"].as_str()).collect();
        assert_eq!(
            reasons,
            ["speaks to a legacy balancer on 443 (until 2027-06-30)", "accepted by the baseline since 2026-11-30"]
        );
    }

    #[test]
    fn a_line_is_a_line_and_an_offset_is_a_property() {
        let log: Value = serde_json::from_str(&render(&[sample_audit::audit()], keeping())).expect("JSON");
        let results = log["runs"][0]["results"].as_array().expect("results");
        let key = results.iter().find(|result| result["ruleId"] == "private-key").expect("a key");
        assert_eq!(key["locations"][0]["physicalLocation"]["region"], json!({ "startLine": 7 }));
        assert_eq!(key["properties"]["offset"], 180);
        assert!(!key["message"]["text"].as_str().expect("a text").contains("byte"));
    }

    #[test]
    fn fingerprints_outlive_a_build_and_tell_two_findings_apart() {
        let prints = |audit: &Audit| {
            let log: Value = serde_json::from_str(&render(std::slice::from_ref(audit), keeping())).expect("JSON");
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
