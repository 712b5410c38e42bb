//! [`RuleNotes`]: collects what rules find, cannot find out, or do not apply to. Bounded for each rule.

use std::collections::BTreeMap;

use super::{
    Finding, FindingPlace, Unknown,
    flood::{Flood, FloodKey},
};
use crate::report::{Limits, Rule, Severity};

/// The findings and the unknowns of the rules for one image.
#[derive(Debug, Default)]
pub(super) struct RuleNotes {
    findings: BTreeMap<Rule, Vec<Finding>>,
    pub(super) unknown: Vec<Unknown>,
    /// The rules that do not apply to this image, and why.
    pub(super) not_applicable: Vec<(Rule, &'static str)>,
    /// The findings of rules that have too many of them to stand alone.
    floods: BTreeMap<FloodKey, Flood>,
}

impl RuleNotes {
    /// A finding with the weight of the catalogue.
    pub(super) fn found(&mut self, rule: Rule, place: FindingPlace, message: impl Into<String>) {
        self.weigh(rule, rule.facts().severity, place, message);
    }

    /// A finding with a weight of its own.
    pub(super) fn weigh(&mut self, rule: Rule, severity: Severity, place: FindingPlace, message: impl Into<String>) {
        self.push(Finding::new(rule, severity, place, message));
    }

    /// A finding as it is. Of too many by one rule the heaviest stand alone, and none is lost.
    pub(super) fn push(&mut self, finding: Finding) {
        let kept = self.findings.entry(finding.rule).or_default();
        if kept.len() < Limits::AUDIT_FINDINGS {
            kept.push(finding);
            return;
        }
        let lightest = kept.iter_mut().filter(|old| old.severity < finding.severity).min_by_key(|old| old.severity);
        let crowd = match lightest {
            Some(lightest) => std::mem::replace(lightest, finding),
            None => finding,
        };
        self.floods.entry(FloodKey::of(&crowd)).or_default().add(crowd);
    }

    /// The findings so far that stand alone.
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

    /// The findings, heaviest first. What has one cause is one of them: a flood is a finding of its folder.
    pub(super) fn into_findings(mut self, folder: impl Fn(&str) -> FindingPlace) -> Vec<Finding> {
        self.fold_credential_files();
        let mut all: Vec<Finding> = self.findings.into_values().flatten().collect();
        all.extend(self.floods.into_iter().filter_map(|(key, flood)| flood.into_finding(key, &folder)));
        sort(&mut all);
        all
    }

    /// Credential files of one kind are folded into a flood far below the limit of findings: a user repairs their folder, not each file.
    fn fold_credential_files(&mut self) {
        for rule in [Rule::CredentialFile, Rule::LoginTraces] {
            let Some(kept) = self.findings.get_mut(&rule) else { continue };
            let mut counts: BTreeMap<FloodKey, usize> = BTreeMap::new();
            for finding in kept.iter().filter(|finding| finding.place.path.is_some()) {
                *counts.entry(FloodKey::of(finding)).or_default() += 1;
            }
            let floods = &mut self.floods;
            kept.retain_mut(|finding| {
                let key = FloodKey::of(finding);
                let is_flood = counts.get(&key).is_some_and(|count| *count > Limits::AUDIT_FLOOD);
                if is_flood {
                    floods.entry(key).or_default().add(finding.clone());
                }
                !is_flood
            });
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &str) -> FindingPlace {
        FindingPlace { path: Some(path.to_owned()), ..FindingPlace::default() }
    }

    fn findings(notes: RuleNotes) -> Vec<Finding> {
        notes.into_findings(at)
    }

    /// How many places there are altogether.
    fn places(findings: &[Finding]) -> usize {
        findings.iter().map(Finding::places).sum()
    }

    #[test]
    fn nothing_is_lost_at_200_findings_of_one_rule() {
        let mut notes = RuleNotes::default();
        for index in 0..1000 {
            notes.weigh(Rule::Setuid, Severity::Low, at(&format!("/opt/{index}")), "setuid");
        }
        for index in 0..150 {
            notes.weigh(Rule::Setuid, Severity::High, at(&format!("/bin/{index}")), "setuid");
        }
        let found = findings(notes);
        assert_eq!(places(&found), 1150);
        assert!(found.len() <= Limits::AUDIT_FINDINGS + 1, "{}", found.len());
        assert_eq!(found.iter().filter(|one| one.severity == Severity::High && !one.folded).count(), 150);
        let folded: Vec<_> = found.iter().filter(|one| one.folded).collect();
        assert_eq!((folded[0].place.path.as_deref(), folded[0].places()), (Some("/opt"), 950));
        assert!(folded[0].message.starts_with("950 findings below `/opt`, such as: "), "{}", folded[0].message);
    }

    #[test]
    fn credential_files_of_one_kind_below_one_folder_are_one_finding_where_they_are_many() {
        let flood = |number: usize| {
            let mut notes = RuleNotes::default();
            for index in 0..number {
                for (detector, top) in [("dot-env", "srv/x"), ("netrc", "home"), ("dot-env", "app")] {
                    if index == 0 || top == "srv/x" {
                        let place = at(&format!("/{top}/d{index}/.env"));
                        let finding = Finding::new(Rule::CredentialFile, Severity::Medium, place, "a file");
                        notes.push(Finding { detector: Some(detector.to_owned()), ..finding });
                    }
                }
            }
            findings(notes)
        };
        assert_eq!(flood(Limits::AUDIT_FLOOD).len(), Limits::AUDIT_FLOOD + 2);
        let found = flood(Limits::AUDIT_FLOOD + 1);
        let shown: Vec<_> =
            found.iter().map(|one| (one.place.path.as_deref().unwrap_or_default(), one.places())).collect();
        assert_eq!(shown, [("/app/d0/.env", 1), ("/home/d0/.env", 1), ("/srv/x", 21)]);
        assert_eq!(found[2].detector.as_deref(), Some("dot-env"));
    }

    #[test]
    fn a_flood_without_paths_is_counted() {
        let mut notes = RuleNotes::default();
        for index in 0..300 {
            notes.weigh(Rule::SecretInEnv, Severity::High, FindingPlace::key(format!("config.Env[A{index}]")), "x");
        }
        let found = findings(notes);
        assert_eq!((found.len(), places(&found)), (201, 300));
        assert!(found.iter().any(|one| one.message.starts_with("100 findings, such as: ")));
    }
}
