//! The JSON report of an audit and its JSON Schema, for programs.

use std::{collections::BTreeMap, fmt::Write as _};

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;

use super::{
    besides::Besides,
    groups::{self, AuditOutcome},
};
use crate::{
    audit::Audit,
    commands::{
        audit::{AuditFleet, BaselineReport, FleetImage, OtherFile},
        failure_document::failure_document,
    },
    policy::DatedWaiver,
    report::{Rule, RuleFacts, Severity},
};

/// What `hardpan audit --format json` prints: the report of one image, or of several.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Document")]
enum AuditDocuments<'a> {
    /// One IMAGE was named.
    One(ReportDocument<'a>),
    /// Several were named, a list of them, or a folder that holds some.
    Several(FleetDocument<'a>),
}

/// The report about one image. Text that came from the image is in it as it was found: print it with care.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Report")]
struct ReportDocument<'a> {
    /// The version of this format. Keys may be added; existing keys keep their meaning.
    #[schemars(range(min = 1, max = 1))]
    format: u32,
    /// The outcome of all audits together.
    outcome: AuditOutcome,
    /// One audit for each reference in the layout, archive or registry.
    audits: Vec<AuditDocument<'a>>,
    /// What the catalogue says about every rule that findings, waivers or unchecked parts name, by name.
    rules: BTreeMap<&'static str, &'static RuleFacts>,
    /// Exceptions of the policy that end within the time of `--warn-before`, in the order of the policy.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ending_waivers: &'a [DatedWaiver],
    /// What became of the file of `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'a BaselineReport>,
}

/// The report about several images. Text that came from them is in it as it was found: print it with care.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "FleetReport")]
struct FleetDocument<'a> {
    /// The version of this format. Keys may be added; existing keys keep their meaning.
    #[schemars(range(min = 1, max = 1))]
    format: u32,
    /// The outcome of the worst image.
    outcome: AuditOutcome,
    /// Every image, in the order in which they were named; those of a folder in the order of their names.
    images: Vec<ImageDocument<'a>>,
    /// What lies in a named folder and is no image.
    not_images: &'a [OtherFile],
    /// What the catalogue says about every rule that findings, waivers or unchecked parts name, by name.
    rules: BTreeMap<&'static str, &'static RuleFacts>,
    /// Exceptions of the policy that end within the time of `--warn-before`, in the order of the policy.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    ending_waivers: &'a [DatedWaiver],
    /// What became of the file of `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<&'a BaselineReport>,
}

/// One image of several.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "FleetImage")]
struct ImageDocument<'a> {
    /// The image, as it was named; in a folder, its path.
    image: &'a str,
    /// The outcome of all its audits together; `unknown` where it could not be opened.
    outcome: AuditOutcome,
    /// Why it could not be opened: `name`, `message`, and maybe `path` and `hint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<serde_json::Map<String, serde_json::Value>>,
    /// One audit for each reference in the layout, archive or registry; none where it could not be opened.
    audits: Vec<AuditDocument<'a>>,
}

/// One audit, and what it comes to.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "AuditReport")]
struct AuditDocument<'a> {
    /// Its outcome.
    outcome: AuditOutcome,
    /// How many findings are at the policy's threshold or above.
    failing: usize,
    /// How many findings there are, by severity.
    counts: BTreeMap<&'static str, usize>,
    /// How many findings the baseline accepts; they are in no other count.
    #[serde(skip_serializing_if = "groups::is_zero")]
    accepted: usize,
    #[serde(flatten)]
    audit: &'a Audit,
}

/// The document about one image, indented, ASCII only.
pub(super) fn render(audits: &[Audit], besides: Besides<'_>) -> String {
    written(&AuditDocuments::One(ReportDocument {
        format: 1,
        outcome: groups::worst_outcome(audits),
        audits: audits.iter().map(AuditDocument::of).collect(),
        rules: rules_of(audits),
        ending_waivers: besides.ending,
        baseline: besides.baseline,
    }))
}

/// The document about several images, indented, ASCII only.
pub(super) fn render_fleet(fleet: &AuditFleet, besides: Besides<'_>) -> String {
    written(&AuditDocuments::Several(FleetDocument {
        format: 1,
        outcome: groups::fleet_outcome(fleet),
        images: fleet.images.iter().map(ImageDocument::of).collect(),
        not_images: &fleet.others,
        rules: rules_of(groups::all_audits(fleet)),
        ending_waivers: besides.ending,
        baseline: besides.baseline,
    }))
}

/// The facts of every rule that `audits` name.
fn rules_of<'a>(audits: impl IntoIterator<Item = &'a Audit>) -> BTreeMap<&'static str, &'static RuleFacts> {
    audits.into_iter().flat_map(named).map(|rule| (rule.name(), rule.facts())).collect()
}

/// A document as indented JSON in plain ASCII, with a line break at its end.
///
/// JSON leaves most characters as they are, also those that a terminal or a pipeline acts on; here everything that is not
/// plain ASCII is escaped, and so is a `##` that a pipeline would read as a command. A parser sees no difference.
pub(in crate::cli) fn written(document: &impl Serialize) -> String {
    // Plain data with text keys: it cannot fail.
    let text = serde_json::to_string_pretty(document).unwrap_or_default();
    let mut out = String::with_capacity(text.len() + 1);
    let mut last = ' ';
    for c in text.chars() {
        if c == '\n' || (c.is_ascii() && !c.is_ascii_control() && !(c == '#' && last == '#')) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
        last = c;
    }
    out.push('\n');
    out
}

/// The JSON Schema of the document (draft 7), indented, with a line break at its end. `schema/audit.schema.json` holds the
/// same text.
pub(in crate::cli) fn schema() -> String {
    let generator = SchemaSettings::draft07().for_serialize().into_generator();
    format!("{:#}\n", generator.into_root_schema_for::<AuditDocuments<'_>>().as_value())
}

impl<'a> ImageDocument<'a> {
    fn of(image: &'a FleetImage) -> Self {
        let error =
            image.result.as_ref().err().map(failure_document).and_then(|document| document.as_object().cloned());
        let audits = image.result.as_deref().unwrap_or_default();
        let audits = audits.iter().map(AuditDocument::of).collect();
        Self { image: &image.image, outcome: groups::image_outcome(image), error, audits }
    }
}

impl<'a> AuditDocument<'a> {
    fn of(audit: &'a Audit) -> Self {
        let outcome = groups::audit_outcome(audit);
        let counts = groups::count_by_severity(groups::all_findings(audit))
            .map(|(severity, count)| (Severity::name(severity), count));
        let accepted = groups::all_accepted(audit).count();
        Self { outcome, failing: audit.failing(), counts: counts.into_iter().collect(), accepted, audit }
    }
}

/// Every rule that is named by something other than the list of what was checked.
fn named(audit: &Audit) -> Vec<Rule> {
    let waived = audit.images.iter().flat_map(|image| &image.waived).chain(&audit.waived);
    let unknown = audit.images.iter().flat_map(|image| &image.unknown).chain(&audit.unknown);
    let found = groups::all_findings(audit).map(|finding| finding.rule);
    let found = found.chain(groups::all_accepted(audit).map(|accepted| accepted.finding.rule));
    found
        .chain(waived.map(|waived| waived.finding.rule))
        .chain(unknown.flat_map(|unknown| unknown.rules.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use boon::{Compiler, Schemas};
    use serde_json::Value;

    use super::*;
    use crate::cli::audit::sample_audit;

    /// `HARDPAN_BLESS=1 cargo test schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_the_one_of_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/audit.schema.json");
        if std::env::var_os("HARDPAN_BLESS").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), schema(), "run `HARDPAN_BLESS=1 cargo test schema`");
    }

    /// What the schema has against a report, if anything.
    fn problem(report: &Value) -> Option<String> {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("audit.json", serde_json::from_str(&schema()).unwrap()).unwrap();
        let index = compiler.compile("audit.json", &mut schemas).unwrap();
        schemas.validate(report, index).err().map(|error| error.to_string())
    }

    #[test]
    fn reports_are_what_the_schema_says() {
        let report: Value =
            serde_json::from_str(&render(&[sample_audit::audit(), sample_audit::clean()], Besides::default())).unwrap();
        assert_eq!(problem(&report), None);
        insta::assert_snapshot!(render(&[sample_audit::audit()], Besides::default()));
    }

    #[test]
    fn reports_of_several_images_are_what_the_schema_says() {
        let report: Value =
            serde_json::from_str(&render_fleet(&sample_audit::fleet(), sample_audit::ending().as_slice().into()))
                .unwrap();
        assert_eq!(problem(&report), None);
        let outcomes: Vec<_> = report["images"].as_array().unwrap().iter().map(|image| &image["outcome"]).collect();
        assert_eq!(outcomes, ["unknown", "clean", "unknown"]);
        assert_eq!(report["images"][2]["error"]["name"], "image-invalid");
        assert_eq!(report["ending-waivers"][0]["days-left"], 11);
        for (pointer, value) in [
            ("/images/1/outcome", Value::from("fine")),
            ("/images/2/error", Value::from("gone")),
            ("/images/0/audits/0/digest", Value::from("sha512:00")),
            ("/not-images/0/path", Value::from(1)),
            ("/ending-waivers/0/rule", Value::from("no-such-rule")),
        ] {
            let mut wrong = report.clone();
            *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            assert!(problem(&wrong).is_some(), "{pointer}");
        }
    }

    #[test]
    fn what_the_schema_does_not_know_is_a_problem() {
        let report: Value = serde_json::from_str(&render(&[sample_audit::audit()], Besides::default())).unwrap();
        for (pointer, value) in [
            ("/format", Value::from(2)),
            ("/outcome", Value::from("fine")),
            ("/audits/0/images/0/findings/0/rule", Value::from("no-such-rule")),
            ("/audits/0/images/0/findings/0/severity", Value::from("awful")),
            ("/audits/0/images/0/findings/0/place/mode", Value::from(420)),
            ("/audits/0/digest", Value::from("sha512:00")),
            ("/audits/0/images/0/layers/0/size", Value::from(-1)),
        ] {
            let mut wrong = report.clone();
            *wrong.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
            assert!(problem(&wrong).is_some(), "{pointer}");
        }
    }

    #[test]
    fn every_key_has_a_description() {
        fn walk(path: &str, value: &Value) {
            // A variant with a value is an object of one key; what it means stands beside it.
            let variant = value.get("additionalProperties") == Some(&Value::Bool(false));
            if let Some(Value::Object(properties)) = value.get("properties").filter(|_| !variant) {
                for (key, property) in properties {
                    assert!(property.get("description").is_some(), "{path}.{key} has no description");
                }
            }
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value)),
                Value::Array(items) => items.iter().for_each(|item| walk(path, item)),
                _ => {}
            }
        }
        walk("", &serde_json::from_str(&schema()).unwrap());
    }
}
