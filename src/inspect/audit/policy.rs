//! What a caller demands of an image, and excepts.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Override, Place, PolicySummary, Waived, notes::sort};
use crate::{
    policy::PathGlob,
    report::{Rule, Severity},
};

/// What a caller demands.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name of the profile, for the report.
    pub profile: String,
    /// A finding of this severity or above fails the audit.
    pub fail_on: Severity,
    /// Other severities; `None` switches a rule off.
    pub severities: BTreeMap<Rule, Option<Severity>>,
    /// What rules weigh at least, whatever else says: what a recipe adds to a policy file.
    pub least: BTreeMap<Rule, Severity>,
    /// The exceptions.
    pub waivers: Vec<Waiver>,
    /// Whether exceptions count.
    pub allow_waivers: bool,
    /// Where bases may come from: hosts and whole components of paths. A base must be in each of the lists; without one
    /// it is from anywhere.
    pub registries: Vec<Vec<String>>,
    /// Stored bytes that the layers of one platform may have.
    pub max_size: Option<u64>,
}

/// An exception.
#[derive(Debug, Clone)]
pub struct Waiver {
    /// Which rule.
    pub rule: Rule,
    /// For which paths or keys; `None` is all.
    pub path: Option<PathGlob>,
    /// Why.
    pub reason: String,
    /// The last day it holds: year, month, day.
    pub until: (u16, u8, u8),
    /// Where it is written, `policy.toml:3:1`, for a message.
    pub origin: String,
}

impl Policy {
    /// The built-in profile of that name: `default` fails on high, `hardened` on medium.
    pub fn profile(name: &str) -> Option<Self> {
        let fail_on = match name {
            "default" => Severity::High,
            "hardened" => Severity::Medium,
            _ => return None,
        };
        Some(Self {
            profile: name.to_owned(),
            fail_on,
            severities: BTreeMap::new(),
            least: BTreeMap::new(),
            waivers: Vec::new(),
            allow_waivers: true,
            registries: Vec::new(),
            max_size: None,
        })
    }

    /// What a finding weighs that a rule gives `own`; `None` where the rule is switched off.
    fn weight(&self, rule: Rule, own: Severity) -> Option<Severity> {
        let weight = self.severities.get(&rule).copied().unwrap_or(Some(own));
        weight.max(self.least.get(&rule).copied())
    }

    /// Whether the rule is switched off.
    pub(super) fn is_off(&self, rule: Rule) -> bool {
        self.weight(rule, rule.facts().severity).is_none()
    }

    /// What the report says of it.
    pub(super) fn summary(&self) -> PolicySummary {
        let rules: BTreeSet<Rule> = self.severities.keys().chain(self.least.keys()).copied().collect();
        let overrides = rules.into_iter().map(|rule| {
            let severity = self.severities.get(&rule).copied().flatten().max(self.least.get(&rule).copied());
            Override { rule, severity }
        });
        PolicySummary { profile: self.profile.clone(), fail_on: self.fail_on, overrides: overrides.collect() }
    }
}

/// A policy at work on one place: remembers which exceptions were used.
pub(super) struct Judge<'a> {
    policy: &'a Policy,
    today: (u16, u8, u8),
    used: BTreeSet<usize>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(policy: &'a Policy, today: (u16, u8, u8)) -> Self {
        Self { policy, today, used: BTreeSet::new() }
    }

    /// Gives findings the policy's weight, and takes out what it switches off or excepts.
    pub(super) fn judge(&mut self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Waived>) {
        let (mut left, mut waived) = (Vec::new(), Vec::new());
        for mut finding in findings {
            let Some(severity) = self.policy.weight(finding.rule, finding.severity) else { continue };
            finding.severity = severity;
            match self.waiver(&finding) {
                Some(held) => waived.push(Waived { finding, reason: held.reason.clone(), until: day(held.until) }),
                None => left.push(finding),
            }
        }
        sort(&mut left);
        (left, waived)
    }

    /// The exception in force that is about this finding and all places of it.
    fn waiver(&mut self, finding: &Finding) -> Option<&'a Waiver> {
        if !self.policy.allow_waivers {
            return None;
        }
        let mut held = None;
        for (index, waiver) in self.policy.waivers.iter().enumerate() {
            let places = std::iter::once(&finding.place).chain(&finding.also);
            if waiver.rule != finding.rule || !covers(waiver, places) {
                continue;
            }
            // One that has ended was of use, too: it says so itself.
            self.used.insert(index);
            if self.today <= waiver.until && held.is_none() {
                held = Some(waiver);
            }
        }
        held
    }

    /// What the policy itself should be told: exceptions that ended, and those that except nothing.
    pub(super) fn upkeep(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (index, waiver) in self.policy.waivers.iter().enumerate() {
            let ended = self.today > waiver.until;
            let (rule, message) = if ended {
                let message =
                    format!("the waiver of {} at {} ended on {}", waiver.rule, waiver.origin, day(waiver.until));
                (Rule::ExpiredWaiver, message)
            } else if !self.policy.allow_waivers {
                (
                    Rule::UnusedWaiver,
                    format!("the policy allows no waivers, and {} is one of {}", waiver.origin, waiver.rule),
                )
            } else if !self.used.contains(&index) {
                (Rule::UnusedWaiver, format!("the waiver of {} at {} excepts nothing", waiver.rule, waiver.origin))
            } else {
                continue;
            };
            let Some(severity) = self.policy.weight(rule, rule.facts().severity) else { continue };
            let place = Place::key(format!("policy.allow[{index}]"));
            findings.push(Finding { rule, severity, message, place, evidence: None, also: Vec::new() });
        }
        sort(&mut findings);
        findings
    }
}

/// Whether an exception is about all of the places. One without a path is about everything.
fn covers<'p>(waiver: &Waiver, mut places: impl Iterator<Item = &'p Place>) -> bool {
    let Some(glob) = &waiver.path else { return true };
    places.all(|place| match (&place.path, &place.key) {
        (Some(path), _) => glob.matches(path),
        (None, Some(key)) => glob.matches_key(key),
        (None, None) => false,
    })
}

fn day((year, month, day): (u16, u8, u8)) -> String {
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TODAY: (u16, u8, u8) = (2026, 5, 9);

    fn finding(rule: Rule, path: &str) -> Finding {
        let place = Place { path: Some(path.to_owned()), ..Place::default() };
        let severity = rule.facts().severity;
        Finding { rule, severity, message: String::new(), place, evidence: None, also: Vec::new() }
    }

    fn waiver(path: Option<&str>, until: (u16, u8, u8)) -> Waiver {
        let path = path.map(|path| PathGlob::parse(path).unwrap());
        Waiver { rule: Rule::Setuid, path, reason: "because".into(), until, origin: "p.toml:1:1".into() }
    }

    fn with(waivers: Vec<Waiver>, allow_waivers: bool) -> Policy {
        Policy { waivers, allow_waivers, ..Policy::profile("default").unwrap() }
    }

    #[test]
    fn an_exception_holds_for_its_rule_its_paths_and_its_last_day() {
        for (path, until, excepted) in [
            (None, TODAY, true),
            (Some("/bin/*"), TODAY, true),
            (Some("bin/su"), TODAY, true),
            (Some("/**"), TODAY, true),
            (Some("/usr/*"), TODAY, false),
            (Some("/*"), TODAY, false),
            (None, (2026, 5, 8), false),
        ] {
            let policy = with(vec![waiver(path, until)], true);
            let mut judge = Judge::new(&policy, TODAY);
            let (left, waived) = judge.judge(vec![finding(Rule::Setuid, "/bin/su"), finding(Rule::Shell, "/bin/su")]);
            assert_eq!((left.len(), waived.len()), if excepted { (1, 1) } else { (2, 0) }, "{path:?} {until:?}");
        }
    }

    #[test]
    fn an_exception_may_be_about_a_key() {
        let rule = Rule::SecretInEnv;
        let finding = |key: &str| Finding { rule, place: Place::key(key), ..finding(rule, "") };
        for (path, key, excepted) in [
            ("config.Env[LOG]", "config.Env[LOG]", true),
            ("config.Env.LOG", "config.Env[LOG]", true),
            ("config.Env*", "config.Env[LOG]", true),
            ("config.Env[LOG]", "config.Env[L]", false),
            ("config.Env.LOG", "config.Env[LOGS]", false),
            ("config.Labels*", "config.Env[LOG]", false),
            ("/*", "config.User", true),
        ] {
            let waiver = Waiver { rule, ..waiver(Some(path), TODAY) };
            let policy = with(vec![waiver], true);
            let (left, _) = Judge::new(&policy, TODAY).judge(vec![finding(key)]);
            assert_eq!(left.is_empty(), excepted, "{path} {key}");
        }
    }

    #[test]
    fn one_that_ended_or_excepts_nothing_is_a_finding_and_a_policy_may_allow_none() {
        let rules = |policy: &Policy, findings: Vec<Finding>| {
            let mut judge = Judge::new(policy, TODAY);
            let (left, _) = judge.judge(findings);
            let upkeep: Vec<_> = judge.upkeep().into_iter().map(|finding| finding.rule).collect();
            (left.len(), upkeep)
        };
        let hit = || vec![finding(Rule::Setuid, "/a")];
        assert_eq!(rules(&with(vec![waiver(None, TODAY)], true), hit()), (0, vec![]));
        assert_eq!(rules(&with(vec![waiver(None, TODAY)], true), vec![]), (0, vec![Rule::UnusedWaiver]));
        assert_eq!(rules(&with(vec![waiver(None, (2026, 1, 1))], true), hit()), (1, vec![Rule::ExpiredWaiver]));
        assert_eq!(rules(&with(vec![waiver(None, TODAY)], false), hit()), (1, vec![Rule::UnusedWaiver]));
    }

    #[test]
    fn a_policy_gives_other_weights_and_switches_off() {
        let mut policy = with(vec![], true);
        policy.severities.insert(Rule::Setuid, Some(Severity::Info));
        policy.severities.insert(Rule::Shell, None);
        let mut judge = Judge::new(&policy, TODAY);
        let (left, _) = judge.judge(vec![finding(Rule::Setuid, "/a"), finding(Rule::Shell, "/b")]);
        assert_eq!(
            left.iter().map(|one| (one.rule, one.severity)).collect::<Vec<_>>(),
            [(Rule::Setuid, Severity::Info)]
        );
    }
}
