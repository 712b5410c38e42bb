//! Applies a policy to findings of the audit.

use std::collections::BTreeSet;

use super::{Finding, FindingPlace, PolicySummary, SeverityOverride, Waived, rule_notes::sort};
use crate::{
    policy::{Breach, Policy, PolicyJudge, WaiverTarget},
    report::{Rule, Severity},
};

impl Breach for Finding {
    fn rule(&self) -> Rule {
        self.rule
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn weigh(&mut self, severity: Severity) {
        self.severity = severity;
    }

    fn targets(&self) -> Vec<WaiverTarget<'_>> {
        std::iter::once(&self.place).chain(&self.also).map(FindingPlace::target).collect()
    }
}

impl FindingPlace {
    /// The part of the image that the path of a waiver selects.
    fn target(&self) -> WaiverTarget<'_> {
        match (&self.path, &self.key) {
            (Some(path), _) => WaiverTarget::Path(path),
            (None, Some(key)) => WaiverTarget::Key(key),
            (None, None) => WaiverTarget::Image,
        }
    }
}

impl PolicySummary {
    /// The summary of a policy for the report.
    pub(super) fn of(policy: &Policy) -> Self {
        let rules: BTreeSet<Rule> = policy.severities.keys().chain(policy.least.keys()).copied().collect();
        let overrides = rules.into_iter().map(|rule| {
            let severity = policy.severities.get(&rule).copied().flatten().max(policy.least.get(&rule).copied());
            SeverityOverride { rule, severity }
        });
        Self { profile: policy.profile.clone(), fail_on: policy.fail_on, overrides: overrides.collect() }
    }
}

/// Findings with the weight of the policy, and those of them that it excepts.
pub(super) fn judge(judge: &mut PolicyJudge<'_>, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Waived>) {
    let (mut left, waived) = judge.judge(findings);
    sort(&mut left);
    let waived = waived.into_iter().map(|(finding, waiver)| {
        let (reason, until) = (waiver.reason.clone(), waiver.last_day());
        Waived { finding, reason, until }
    });
    (left, waived.collect())
}

/// Findings about waivers: those that have ended, and those that cover nothing.
pub(super) fn upkeep(judge: &PolicyJudge<'_>) -> Vec<Finding> {
    let findings = judge.upkeep().into_iter().map(|upkeep| {
        let place = FindingPlace::key(format!("policy.allow[{}]", upkeep.index));
        let (rule, severity, message) = (upkeep.rule, upkeep.severity, upkeep.message);
        Finding { rule, severity, message, place, evidence: None, also: Vec::new() }
    });
    let mut findings: Vec<_> = findings.collect();
    sort(&mut findings);
    findings
}
