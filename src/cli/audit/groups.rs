//! Groups and counts the findings of an audit, for all report formats.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    audit::{Audit, Finding},
    report::{Rule, Severity},
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
pub(super) fn group_findings(findings: &[Finding]) -> Vec<FindingGroup<'_>> {
    let mut groups: Vec<FindingGroup<'_>> = Vec::new();
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
