//! The SARIF report (2.1.0, OASIS, errata 01): for code scanning. One run an audit, and one run about several
//! images.
//!
//! What GitHub asks for beyond the standard: a physical location with a line for every result, a fingerprint that stays
//! the same from build to build, `security-severity` on every rule.

mod descriptor;
mod place;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{fleet_table, groups, json::written, phrases, waivers};
use crate::{
    audit::{Audit, Finding, ImageAudit, Presence, Unknown, Unread, Waived},
    commands::audit::AuditFleet,
    oci::Digest,
    policy::DatedWaiver,
    report::{Rule, printable},
};
use descriptor::{descriptor, level};
use place::{encoded, location, plain, related, waiver_location};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of every audit of one image, a run each, ASCII only.
pub(super) fn render(audits: &[Audit], ending: &[DatedWaiver]) -> String {
    let runs = audits.iter().map(|audit| {
        let mut run = SarifRun::about([audit]);
        run.add(audit);
        run.warn(ending);
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
pub(super) fn render_fleet(fleet: &AuditFleet, ending: &[DatedWaiver]) -> String {
    let mut run = SarifRun::about(groups::all_audits(fleet));
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
    run.warn(ending);
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
    /// The rules that the run names, in the order of the catalogue; results point into it.
    rules: Vec<Rule>,
    /// Fingerprints so far, and how often each was there.
    seen: BTreeMap<String, usize>,
    /// The image that is added, in a run about several.
    image: Option<String>,
    results: Vec<Value>,
    notifications: Vec<Value>,
}

impl SarifRun {
    /// A run with the rules of `audits`, which are added one after the other.
    fn about<'a>(audits: impl IntoIterator<Item = &'a Audit>) -> Self {
        let mut rules = BTreeSet::new();
        for audit in audits {
            let waived = audit.images.iter().flat_map(|image| &image.waived).chain(&audit.waived);
            let unknown = audit.images.iter().flat_map(|image| &image.unknown).chain(&audit.unknown);
            rules.extend(groups::all_findings(audit).map(|finding| finding.rule));
            rules.extend(waived.map(|waived| waived.finding.rule));
            rules.extend(unknown.flat_map(|unknown| unknown.rules.clone()));
            rules.extend(audit.images.iter().flat_map(|image| image.checked.clone()));
        }
        let rules = rules.into_iter().collect();
        Self { rules, seen: BTreeMap::new(), image: None, results: Vec::new(), notifications: Vec::new() }
    }

    /// Adds the results of an audit.
    fn add(&mut self, audit: &Audit) {
        let mut results = Vec::new();
        results.extend(audit.findings.iter().map(|finding| self.result(None, finding)));
        results.extend(audit.waived.iter().map(|waived| self.waived(None, waived)));
        for image in &audit.images {
            results.extend(image.findings.iter().map(|finding| self.result(Some(image), finding)));
            results.extend(image.waived.iter().map(|waived| self.waived(Some(image), waived)));
        }
        let unknown = audit.unknown.iter().chain(audit.images.iter().flat_map(|image| &image.unknown));
        let unread = audit.images.iter().flat_map(|image| &image.unread).map(|unread| self.unread(unread));
        let notifications: Vec<_> = unknown.map(|unknown| self.notification(unknown)).chain(unread).collect();
        self.results.extend(results);
        self.notifications.extend(notifications);
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
                "rules": self.rules.iter().map(|rule| descriptor(*rule)).collect::<Vec<_>>(),
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
        let place = &finding.place;
        let mut properties = json!({ "severity": finding.severity });
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
        }
        let image_name = self.image.as_deref();
        let related = finding.also.iter().enumerate().map(|(at, place)| related(image_name, at, place));
        let (location, related) = (location(image_name, place), related.collect::<Vec<_>>());
        json!({
            "ruleId": finding.rule.name(),
            "ruleIndex": self.index(finding.rule),
            "level": level(finding.severity),
            "message": { "text": plain(&message) },
            "locations": [location],
            "relatedLocations": related,
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
            map.insert("associatedRule".into(), json!({ "id": rule.name(), "index": self.index(*rule) }));
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

    fn index(&self, rule: Rule) -> i64 {
        // -1 is SARIF's word for a rule that is not in the list.
        self.rules.iter().position(|known| *known == rule).and_then(|at| i64::try_from(at).ok()).unwrap_or(-1)
    }

    /// The same finding has the same fingerprint in the next build: nothing that a build changes is in it, such as digests
    /// and the number of a layer. In a run about several images the name of the image is. Those that are alike are counted.
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
            place.key.as_deref().or(place.member.as_deref()).unwrap_or_default(),
            presence,
            finding.evidence.as_deref().unwrap_or_default(),
        ];
        let mut parts = parts.to_vec();
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

    #[test]
    fn the_log_of_an_audit() {
        insta::assert_snapshot!(render(&[sample_audit::audit()], &[]));
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
            let log: Value = serde_json::from_str(&render(&audits, &sample_audit::ending())).expect("JSON");
            assert_eq!(problem(&log), None);
        }
        let log: Value = serde_json::from_str(&render(&[sample_audit::audit()], &[])).expect("JSON");
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
        let log: Value = serde_json::from_str(&render_fleet(&fleet, &sample_audit::ending())).expect("JSON");
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
    fn fingerprints_outlive_a_build_and_tell_two_findings_apart() {
        let prints = |audit: &Audit| {
            let log: Value = serde_json::from_str(&render(std::slice::from_ref(audit), &[])).expect("JSON");
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
