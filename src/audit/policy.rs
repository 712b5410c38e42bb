//! How a policy judges what rules found.

use std::collections::BTreeSet;

use super::{Finding, Override, Place, PolicySummary, Waived, notes::sort};
use crate::{
    policy::{Breach, Judge, Policy, WaiverTarget},
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
        std::iter::once(&self.place).chain(&self.also).map(Place::target).collect()
    }
}

impl Place {
    /// What an exception selects by its path.
    fn target(&self) -> WaiverTarget<'_> {
        match (&self.path, &self.key) {
            (Some(path), _) => WaiverTarget::Path(path),
            (None, Some(key)) => WaiverTarget::Key(key),
            (None, None) => WaiverTarget::Image,
        }
    }
}

impl PolicySummary {
    /// What the report says of a policy.
    pub(super) fn of(policy: &Policy) -> Self {
        let rules: BTreeSet<Rule> = policy.severities.keys().chain(policy.least.keys()).copied().collect();
        let overrides = rules.into_iter().map(|rule| {
            let severity = policy.severities.get(&rule).copied().flatten().max(policy.least.get(&rule).copied());
            Override { rule, severity }
        });
        Self { profile: policy.profile.clone(), fail_on: policy.fail_on, overrides: overrides.collect() }
    }
}

/// Findings with the weight of the policy, and those of them that it excepts.
pub(super) fn judge(judge: &mut Judge<'_>, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Waived>) {
    let (mut left, waived) = judge.judge(findings);
    sort(&mut left);
    let waived = waived.into_iter().map(|(finding, waiver)| {
        let (reason, until) = (waiver.reason.clone(), waiver.last_day());
        Waived { finding, reason, until }
    });
    (left, waived.collect())
}

/// What the policy itself should be told: exceptions that ended, and those that except nothing.
pub(super) fn upkeep(judge: &Judge<'_>) -> Vec<Finding> {
    let findings = judge.upkeep().into_iter().map(|upkeep| {
        let place = Place::key(format!("policy.allow[{}]", upkeep.index));
        let (rule, severity, message) = (upkeep.rule, upkeep.severity, upkeep.message);
        Finding { rule, severity, message, place, evidence: None, also: Vec::new() }
    });
    let mut findings: Vec<_> = findings.collect();
    sort(&mut findings);
    findings
}
