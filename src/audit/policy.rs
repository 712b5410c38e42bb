//! Applies a policy to findings of the audit.

use std::collections::BTreeSet;

use super::{Finding, FindingPlace, PolicySummary, SeverityOverride, Waived, fingerprint, rule_notes::sort};
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
        let mut targets: Vec<_> = self.listed().map(FindingPlace::target).collect();
        targets.extend(self.unlisted.iter().map(|path| WaiverTarget::Path(path)));
        // What is only counted has no path that a pattern could be about.
        targets.extend((self.left_off > self.unlisted.len()).then_some(WaiverTarget::Image));
        targets
    }

    fn whole(&self) -> Option<WaiverTarget<'_>> {
        self.folded.then(|| self.place.target())
    }

    fn fingerprint(&self) -> Option<&str> {
        Some(&self.fingerprint)
    }
}

impl FindingPlace {
    /// The part of the image that the path of a waiver selects.
    fn target(&self) -> WaiverTarget<'_> {
        match (&self.path, &self.real_path, &self.key) {
            (Some(used), Some(real), _) => WaiverTarget::Linked { used, real },
            (Some(path), None, _) => WaiverTarget::Path(path),
            (None, _, Some(key)) => WaiverTarget::Key(key),
            (None, _, None) => WaiverTarget::Image,
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
pub(super) fn judge(judge: &mut PolicyJudge<'_>, mut findings: Vec<Finding>) -> (Vec<Finding>, Vec<Waived>) {
    sort(&mut findings);
    fingerprint::assign(&mut findings);
    let (mut left, waived) = judge.judge(findings);
    sort(&mut left);
    // They were for the judge alone, and may be many.
    for finding in &mut left {
        finding.unlisted = Vec::new();
    }
    let waived = waived.into_iter().map(|(mut finding, waiver)| {
        finding.unlisted = Vec::new();
        let (reason, until) = (waiver.reason.clone(), waiver.last_day());
        Waived { finding, reason, until }
    });
    (left, waived.collect())
}

/// Findings about waivers: those that have ended, and those that cover nothing.
pub(super) fn upkeep(judge: &PolicyJudge<'_>) -> Vec<Finding> {
    let findings = judge.upkeep().into_iter().map(|upkeep| {
        let place = FindingPlace::key(format!("policy.allow[{}]", upkeep.index));
        Finding::new(upkeep.rule, upkeep.severity, place, upkeep.message)
    });
    let mut findings: Vec<_> = findings.collect();
    sort(&mut findings);
    fingerprint::assign(&mut findings);
    findings
}
