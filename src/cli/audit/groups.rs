//! The findings of a report, counted and brought together.

use crate::{
    audit::{Audit, Finding},
    report::{Rule, Severity},
};

/// The findings of one rule and one severity.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) severity: Severity,
    pub(super) rule: Rule,
    pub(super) findings: Vec<&'a Finding>,
}

/// What an audit comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing at the threshold or above.
    Clean,
    /// Something at the threshold or above.
    Found,
    /// Something could not be looked at, whatever else was found.
    Unknown,
}

/// The findings by rule, in their order: the heaviest first.
pub(super) fn groups(findings: &[Finding]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for finding in findings {
        match groups.iter_mut().find(|group| (group.severity, group.rule) == (finding.severity, finding.rule)) {
            Some(group) => group.findings.push(finding),
            None => groups.push(Group { severity: finding.severity, rule: finding.rule, findings: vec![finding] }),
        }
    }
    groups.sort_by_key(|group| std::cmp::Reverse(group.severity));
    groups
}

/// Every finding of an audit: the index's, then each image's.
pub(super) fn all(audit: &Audit) -> impl Iterator<Item = &Finding> {
    audit.findings.iter().chain(audit.images.iter().flat_map(|image| &image.findings))
}

/// How many findings of each severity there are, the heaviest first.
pub(super) fn counts<'a>(findings: impl Iterator<Item = &'a Finding>) -> [(Severity, usize); 5] {
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

/// What an audit comes to.
pub(super) fn outcome(audit: &Audit) -> Outcome {
    if audit.is_incomplete() {
        return Outcome::Unknown;
    }
    if audit.failing() > 0 { Outcome::Found } else { Outcome::Clean }
}
