//! `--baseline` and `--write-baseline`: findings that a team accepted on a day, and what became of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use schemars::JsonSchema;
use serde::Serialize;

use super::{AuditReport, AuditSubject};
use crate::{
    audit::{Accepted, Audit, Finding},
    policy::{AcceptedFinding, AcceptedImage, Baseline},
    report::{ErrorName, Failure, Limits, Rule},
};

/// What a baseline did to the findings of one call.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "BaselineReport")]
pub struct BaselineReport {
    /// The file, as it was named.
    pub file: String,
    /// How many findings it accepts.
    pub accepted: usize,
    /// Its entries that no audit found any more, in the order of the file. Of images that were not looked at wholly, or not
    /// at all, nothing is said.
    pub gone: Vec<GoneFinding>,
    /// The audited images of which it says nothing.
    pub images_without: Vec<String>,
    /// What it says of images that this call could not judge: a baseline that is written anew keeps it.
    #[serde(skip)]
    pub(crate) kept: Vec<AcceptedImage>,
}

/// An entry of a baseline that was not found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct GoneFinding {
    /// The image that it was accepted in; without it, in every one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// The entry.
    #[serde(flatten)]
    pub entry: AcceptedFinding,
}

/// Reads a baseline.
///
/// # Errors
/// A file that cannot be read, or is none, at its place.
pub(super) fn read(path: &Path) -> Result<Baseline, Failure> {
    let fault = |error: io::Error| Failure::io("read the baseline", path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(fault)?.take(Limits::BASELINE_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::error(ErrorName::Baseline, "the baseline is not UTF-8").in_path(path))?;
    Baseline::parse(&path.to_string_lossy(), &text)
}

/// Takes out of all audits what `baseline` accepts, and says what became of its entries.
pub(super) fn apply(baseline: &Baseline, file: &Path, subject: &mut AuditSubject) -> BaselineReport {
    let mut report = BaselineReport { file: file.to_string_lossy().into_owned(), ..BaselineReport::default() };
    // Of an image whose audit is missing or incomplete nobody knows what is gone.
    let failed = failed_names(subject);
    let mut judged: BTreeMap<String, bool> = failed.iter().map(|name| (name.clone(), false)).collect();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, audit) in named_audits(subject) {
        let accepted = baseline.of_image(&name);
        if !baseline.images.iter().any(|entry| entry.is_about(&name)) {
            report.images_without.push(name.clone());
        }
        let seen = found.entry(name.clone()).or_default();
        seen.extend(fingerprints(audit));
        report.accepted += accept(audit, &accepted);
        *judged.entry(name).or_insert(true) &= !audit.is_incomplete();
    }
    report.images_without.sort_unstable();
    report.images_without.dedup();
    for section in &baseline.images {
        if section.image.as_ref().is_some_and(|image| failed.iter().any(|place| is_of_place(image, place))) {
            report.kept.push(section.clone());
            continue;
        }
        let about: Vec<(&String, bool)> =
            judged.iter().map(|(name, whole)| (name, *whole)).filter(|(name, _)| section.is_about(name)).collect();
        let is_there = |entry: &&AcceptedFinding| {
            about.iter().any(|(name, _)| found.get(*name).is_some_and(|all| all.contains(&entry.fingerprint)))
        };
        let gone: Vec<AcceptedFinding> = section.findings.iter().filter(|entry| !is_there(entry)).cloned().collect();
        if about.is_empty() || gone.is_empty() {
            continue;
        }
        if about.iter().all(|(_, whole)| *whole) {
            report.gone.extend(gone.into_iter().map(|entry| GoneFinding { image: section.image.clone(), entry }));
        } else {
            report.kept.push(AcceptedImage { image: section.image.clone(), findings: gone });
        }
    }
    report
}

/// The places that could not be opened.
fn failed_names(subject: &AuditSubject) -> BTreeSet<String> {
    let AuditSubject::Fleet(fleet) = subject else { return BTreeSet::new() };
    let failed = fleet.images.iter().filter(|image| image.result.is_err());
    failed.map(|image| without_digest(&image.image).to_owned()).collect()
}

/// Whether a name is that of the image of a place, or of one of several in it.
fn is_of_place(image: &str, place: &str) -> bool {
    image.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// Moves what is accepted, and weighs no more than when it was; how many findings that were.
fn accept(audit: &mut Audit, accepted: &BTreeMap<&str, &AcceptedFinding>) -> usize {
    let mut count = 0;
    let mut part = |findings: &mut Vec<Finding>, baseline: &mut Vec<Accepted>| {
        for finding in std::mem::take(findings) {
            match accepted.get(finding.fingerprint.as_str()) {
                Some(entry) if entry.accepts(finding.severity, finding.places()) && is_of_images(finding.rule) => {
                    count += 1;
                    baseline.push(Accepted { finding, since: entry.since.clone() });
                }
                _ => findings.push(finding),
            }
        }
    };
    part(&mut audit.findings, &mut audit.baseline);
    for image in &mut audit.images {
        part(&mut image.findings, &mut image.baseline);
    }
    count
}

/// Whether a rule is about images; a baseline accepts nothing that is said of the policy itself.
const fn is_of_images(rule: Rule) -> bool {
    !matches!(rule, Rule::ExpiredWaiver | Rule::UnusedWaiver)
}

/// The fingerprints of all findings of an audit, waived ones as well: what is waived is still there.
fn fingerprints(audit: &Audit) -> impl Iterator<Item = String> {
    let waived = audit.images.iter().flat_map(|image| &image.waived).chain(&audit.waived);
    let findings = audit.images.iter().flat_map(|image| &image.findings).chain(&audit.findings);
    findings.chain(waived.map(|waived| &waived.finding)).map(|finding| finding.fingerprint.clone())
}

/// Every audit of a call, with the name that a baseline has for it.
fn named_audits(subject: &mut AuditSubject) -> Vec<(String, &mut Audit)> {
    let places: Vec<&mut Vec<Audit>> = match subject {
        AuditSubject::One(audits) => vec![audits],
        AuditSubject::Fleet(fleet) => fleet.images.iter_mut().filter_map(|image| image.result.as_mut().ok()).collect(),
    };
    let mut named = Vec::new();
    for audits in places {
        let several = audits.len() > 1;
        named.extend(audits.iter_mut().map(|audit| (name(audit, several), audit)));
    }
    named
}

/// The name of an image: as it was given, without its digest, and with the reference where its place has several.
fn name(audit: &Audit, several: bool) -> String {
    let name = without_digest(&audit.image);
    match audit.reference.as_ref().filter(|_| several) {
        Some(reference) => format!("{name} ({reference})"),
        None => name.to_owned(),
    }
}

/// A reference without its digest, which every build changes.
fn without_digest(image: &str) -> &str {
    image.split("@sha256:").next().unwrap_or_default()
}

/// The baseline that accepts the findings of a report: those that an older one accepted with their days, all others since
/// `today` (year, month, day).
pub fn baseline_of(report: &AuditReport, (year, month, day): (u16, u8, u8)) -> Baseline {
    let today = format!("{year:04}-{month:02}-{day:02}");
    let mut images: BTreeMap<Option<String>, SortedFindings> = BTreeMap::new();
    let (places, is_one): (Vec<&[Audit]>, bool) = match &report.subject {
        AuditSubject::One(audits) => (vec![audits], audits.len() == 1),
        AuditSubject::Fleet(fleet) => (fleet.images.iter().map(super::FleetImage::audits).collect(), false),
    };
    for audits in places {
        for audit in audits {
            // The next build of one image may have another name.
            let name = (!is_one).then(|| name(audit, audits.len() > 1));
            let findings = images.entry(name).or_default();
            for (finding, since) in all_findings(audit) {
                add(findings, entry_of(finding, since.unwrap_or(&today)));
            }
        }
    }
    for section in report.baseline.iter().flat_map(|baseline| &baseline.kept) {
        let findings = images.entry(section.image.clone()).or_default();
        section.findings.iter().cloned().for_each(|entry| add(findings, entry));
    }
    let images = images.into_iter();
    let images =
        images.map(|(image, findings)| AcceptedImage { image, findings: findings.into_values().collect() }).collect();
    Baseline { format: 1, images }
}

/// The entries of one image by rule, path and fingerprint.
type SortedFindings = BTreeMap<(String, Option<String>, String), AcceptedFinding>;

/// One entry more. Two platforms may have the same finding: the heavier one is accepted.
fn add(findings: &mut SortedFindings, entry: AcceptedFinding) {
    let key = (entry.rule.clone(), entry.path.clone(), entry.fingerprint.clone());
    let known = findings.entry(key).or_insert_with(|| entry.clone());
    if (entry.severity, entry.places) > (known.severity, known.places) {
        *known = entry;
    }
}

fn entry_of(finding: &Finding, since: &str) -> AcceptedFinding {
    AcceptedFinding {
        rule: finding.rule.name().to_owned(),
        path: finding.place.path.clone().or_else(|| finding.place.key.clone()),
        fingerprint: finding.fingerprint.clone(),
        places: finding.is_flood().then(|| finding.places()),
        severity: finding.severity,
        since: since.to_owned(),
    }
}

/// All findings of an audit about its images, with the day since which each is accepted.
fn all_findings(audit: &Audit) -> impl Iterator<Item = (&Finding, Option<&str>)> {
    let new = audit.images.iter().flat_map(|image| &image.findings).chain(&audit.findings);
    let old = audit.images.iter().flat_map(|image| &image.baseline).chain(&audit.baseline);
    let old = old.map(|accepted| (&accepted.finding, Some(accepted.since.as_str())));
    new.map(|finding| (finding, None)).chain(old).filter(|(finding, _)| is_of_images(finding.rule))
}
