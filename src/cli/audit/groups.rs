//! Groups and counts the findings of an audit, for all report formats.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::phrases;
use crate::{
    audit::{Accepted, Audit, Finding, ImageAudit},
    commands::audit::{AuditFleet, AuditReport, AuditSubject, FleetImage},
    report::{Rule, Severity, printable},
};

/// The findings of one rule and one severity.
#[derive(Debug)]
pub(super) struct FindingGroup<'a> {
    pub(super) severity: Severity,
    pub(super) rule: Rule,
    pub(super) findings: Vec<&'a Finding>,
}

// What could not be checked weighs more than what was found: of several audits, the greatest outcome counts.
/// The outcome of an audit, which the exit code repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Outcome")]
pub(super) enum AuditOutcome {
    /// Every rule was checked, and no finding reaches the threshold: exit code 0.
    Clean,
    /// A finding reaches the threshold: exit code 1.
    Found,
    /// A rule could not be checked: exit code 2.
    Unknown,
}

impl AuditOutcome {
    /// The word for it, in JSON and in tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Found => "found",
            Self::Unknown => "unknown",
        }
    }

    /// The exit code that repeats the outcome.
    pub(super) const fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Unknown => 2,
        }
    }
}

/// Groups findings by rule and severity, most severe first.
pub(super) fn group_findings<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Vec<FindingGroup<'a>> {
    let mut groups: Vec<FindingGroup<'a>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| (group.severity, group.rule) == (finding.severity, finding.rule)) {
            Some(group) => group.findings.push(finding),
            None => {
                groups.push(FindingGroup { severity: finding.severity, rule: finding.rule, findings: vec![finding] });
            }
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.severity));
    groups
}

/// All findings of an audit: those of the index, then those of each image.
pub(super) fn all_findings(audit: &Audit) -> impl Iterator<Item = &Finding> {
    audit.findings.iter().chain(audit.images.iter().flat_map(|image| &image.findings))
}

/// All findings of an audit that a baseline accepts, in the same order.
pub(super) fn all_accepted(audit: &Audit) -> impl Iterator<Item = &Accepted> {
    audit.baseline.iter().chain(audit.images.iter().flat_map(|image| &image.baseline))
}

/// Whether a count is none, which JSON leaves out.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over so")]
pub(super) const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The rules that found something in an image, be it waived or in a baseline.
pub(super) fn found_rules(image: &ImageAudit) -> BTreeSet<Rule> {
    let waived = image.waived.iter().map(|waived| &waived.finding);
    let accepted = image.baseline.iter().map(|accepted| &accepted.finding);
    image.findings.iter().chain(waived).chain(accepted).map(|finding| finding.rule).collect()
}

/// Counts findings by severity, most severe first.
pub(super) fn count_by_severity<'a>(findings: impl Iterator<Item = &'a Finding>) -> [(Severity, usize); 5] {
    let mut counts = Severity::ALL.map(|severity| (severity, 0));
    counts.reverse();
    for finding in findings {
        for (severity, count) in &mut counts {
            if *severity == finding.severity {
                *count += 1;
            }
        }
    }
    counts
}

/// The outcome of an audit.
pub(super) fn audit_outcome(audit: &Audit) -> AuditOutcome {
    if audit.is_incomplete() {
        return AuditOutcome::Unknown;
    }
    if audit.failing() > 0 { AuditOutcome::Found } else { AuditOutcome::Clean }
}

/// The worst outcome of several audits.
pub(super) fn worst_outcome<'a>(audits: impl IntoIterator<Item = &'a Audit>) -> AuditOutcome {
    audits.into_iter().map(audit_outcome).max().unwrap_or(AuditOutcome::Clean)
}

/// The outcome of one image of several; an image that could not be opened is unknown.
pub(super) fn image_outcome(image: &FleetImage) -> AuditOutcome {
    image.result.as_ref().map_or(AuditOutcome::Unknown, worst_outcome)
}

/// The outcome of several images: that of the worst one.
pub(super) fn fleet_outcome(fleet: &AuditFleet) -> AuditOutcome {
    fleet.images.iter().map(image_outcome).max().unwrap_or(AuditOutcome::Unknown)
}

/// The outcome of a report, which the exit code repeats.
pub(super) fn report_outcome(report: &AuditReport) -> AuditOutcome {
    match &report.subject {
        AuditSubject::One(audits) => worst_outcome(audits),
        AuditSubject::Fleet(fleet) => fleet_outcome(fleet),
    }
}

/// All audits of several images, each with its name, safe to print: that of the image, and with the reference where a place
/// has several.
pub(super) fn named_audits(fleet: &AuditFleet) -> impl Iterator<Item = (String, &Audit)> {
    let of_image = |image| FleetImage::audits(image).iter().map(|audit| (audit_name(image, audit), audit));
    fleet.images.iter().flat_map(of_image)
}

/// The name of an audit of one image of several.
pub(super) fn audit_name(image: &FleetImage, audit: &Audit) -> String {
    if image.audits().len() > 1 { phrases::name(audit) } else { printable(&audit.image).into_owned() }
}

/// All audits of several images.
pub(super) fn all_audits(fleet: &AuditFleet) -> impl Iterator<Item = &Audit> {
    fleet.images.iter().flat_map(FleetImage::audits)
}
