//! [`RuleNotes`]: collects what rules find, cannot find out, or do not apply to. Bounded for each rule.

use std::collections::BTreeMap;

use super::{Finding, FindingPlace, Unknown};
use crate::report::{Limits, Rule, Severity};

/// The findings and the unknowns of the rules for one image.
#[derive(Debug, Default)]
pub(super) struct RuleNotes {
    findings: BTreeMap<Rule, Vec<Finding>>,
    pub(super) unknown: Vec<Unknown>,
    /// The rules that do not apply to this image, and why.
    pub(super) not_applicable: Vec<(Rule, &'static str)>,
    /// How many findings each rule had beyond what is kept.
    dropped: BTreeMap<Rule, usize>,
}

impl RuleNotes {
    /// A finding with the weight of the catalogue.
    pub(super) fn found(&mut self, rule: Rule, place: FindingPlace, message: impl Into<String>) {
        self.weigh(rule, rule.facts().severity, place, message);
    }

    /// A finding with a weight of its own.
    pub(super) fn weigh(&mut self, rule: Rule, severity: Severity, place: FindingPlace, message: impl Into<String>) {
        self.push(Finding { rule, severity, message: message.into(), place, evidence: None, also: Vec::new() });
    }

    /// A finding as it is. Of too many by one rule the heaviest stay.
    pub(super) fn push(&mut self, finding: Finding) {
        let rule = finding.rule;
        let kept = self.findings.entry(rule).or_default();
        if kept.len() < Limits::AUDIT_FINDINGS {
            kept.push(finding);
            return;
        }
        *self.dropped.entry(rule).or_default() += 1;
        let lightest = kept.iter_mut().filter(|old| old.severity < finding.severity).min_by_key(|old| old.severity);
        if let Some(lightest) = lightest {
            *lightest = finding;
        }
    }

    /// The findings so far.
    pub(super) fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values().flatten()
    }

    /// Records that a rule does not apply.
    pub(super) fn not_applicable(&mut self, rule: Rule, why: &'static str) {
        self.not_applicable.push((rule, why));
    }

    /// Records that a rule could not examine something.
    pub(super) fn unknown(&mut self, rule: Rule, place: FindingPlace, reason: impl Into<String>) {
        self.unknown.push(Unknown { rules: vec![rule], place, reason: reason.into() });
    }

    /// The findings, heaviest first. The last one of a rule that had too many says how many were left out.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        for (rule, dropped) in self.dropped {
            if let Some(last) = self.findings.get_mut(&rule).and_then(|kept| kept.last_mut()) {
                last.message = format!("{} (and {dropped} more like it)", last.message);
            }
        }
        let mut all: Vec<Finding> = self.findings.into_values().flatten().collect();
        sort(&mut all);
        all
    }
}

/// The order of a report: weight, the heaviest first; then rule, layer, path, key, message.
pub(super) fn sort(findings: &mut [Finding]) {
    let layer = |finding: &Finding| finding.place.layer.as_ref().map(|layer| layer.index);
    findings.sort_by(|a, b| {
        let heavier = b.severity.cmp(&a.severity).then(a.rule.cmp(&b.rule)).then_with(|| layer(a).cmp(&layer(b)));
        heavier
            .then_with(|| a.place.path.cmp(&b.place.path))
            .then_with(|| a.place.key.cmp(&b.place.key))
            .then_with(|| a.place.offset.cmp(&b.place.offset))
            .then_with(|| a.message.cmp(&b.message))
    });
}
