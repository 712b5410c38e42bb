//! [`PolicyJudge`]: applies a policy to findings. It weighs them, takes out those that a waiver covers, and reports
//! waivers that have ended or cover nothing.
//!
//! The audit uses it, and `commands` for the findings of a build.

use std::collections::BTreeSet;

use super::{Policy, Waiver, WaiverAnswer, WaiverTarget, Waivers};
use crate::report::{Rule, Severity};

/// A breach of a rule: a finding of the audit, or of a build.
pub trait Breach {
    /// Which rule.
    fn rule(&self) -> Rule;
    /// The severity by the rule, or by the policy once it was judged.
    fn severity(&self) -> Severity;
    /// Gives it the policy's weight.
    fn weigh(&mut self, severity: Severity);
    /// Everything that breaks the rule; at least one.
    fn targets(&self) -> Vec<WaiverTarget<'_>>;
    /// What stands for all of the targets: an exception of it excepts the whole breach.
    fn whole(&self) -> Option<WaiverTarget<'_>> {
        None
    }
    /// The name by which an exception may call it.
    fn fingerprint(&self) -> Option<&str> {
        None
    }
}

/// A policy at work on one place: remembers which exceptions were used.
#[derive(Debug)]
pub struct PolicyJudge<'a> {
    policy: &'a Policy,
    today: (u16, u8, u8),
    used: BTreeSet<usize>,
}

/// A finding about a waiver itself: it has ended, or covers nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// Which one, counted from 0.
    pub index: usize,
    /// [`Rule::ExpiredWaiver`] or [`Rule::UnusedWaiver`].
    pub rule: Rule,
    /// The severity by the policy.
    pub severity: Severity,
    /// A sentence about it.
    pub message: String,
}

impl<'a> PolicyJudge<'a> {
    /// Judges by `policy` on the day `today`.
    pub fn new(policy: &'a Policy, today: (u16, u8, u8)) -> Self {
        Self { policy, today, used: BTreeSet::new() }
    }

    /// Gives breaches the policy's weight, drops those that it switches off, and parts those that are excepted, each with
    /// its exception, from the others.
    pub fn judge<T: Breach>(&mut self, breaches: Vec<T>) -> (Vec<T>, Vec<(T, &'a Waiver)>) {
        let (mut left, mut excepted) = (Vec::new(), Vec::new());
        for mut breach in breaches {
            let Some(severity) = self.policy.weight(breach.rule(), breach.severity()) else { continue };
            breach.weigh(severity);
            match self.waiver(&breach) {
                Some(waiver) => excepted.push((breach, waiver)),
                None => left.push(breach),
            }
        }
        (left, excepted)
    }

    /// The exception for all targets of a breach. One that is about any of them is of use, also after its last day: it says
    /// itself that it has ended.
    fn waiver(&mut self, breach: &impl Breach) -> Option<&'a Waiver> {
        let waivers = Waivers::of(self.policy, self.today);
        let (rule, targets, whole) = (breach.rule(), breach.targets(), breach.whole());
        let all = targets.iter().chain(&whole).flat_map(|target| waivers.about(rule, *target));
        self.used.extend(all.map(|(index, _)| index));
        if let Some(fingerprint) = breach.fingerprint() {
            self.used.extend(waivers.naming(rule, fingerprint).map(|(index, _)| index));
            if let Some(waiver) = waivers.by_name(rule, fingerprint) {
                return Some(waiver);
            }
        }
        let waived = |targets: &[WaiverTarget<'_>]| match waivers.answer(rule, targets) {
            WaiverAnswer::Waived(waiver) => Some(waiver),
            _ => None,
        };
        whole.and_then(|whole| waived(&[whole])).or_else(|| waived(&targets))
    }

    /// The findings about waivers, once all breaches were judged: those that have ended, and those that cover nothing.
    pub fn upkeep(&self) -> Vec<Upkeep> {
        let mut all = Vec::new();
        for (index, waiver) in self.policy.waivers.iter().enumerate() {
            let Waiver { rule: waived, origin, .. } = waiver;
            let (rule, message) = if !waiver.holds(self.today) {
                let message = format!("the waiver of {waived} at {origin} ended on {}", waiver.last_day());
                (Rule::ExpiredWaiver, message)
            } else if !self.policy.allow_waivers {
                (Rule::UnusedWaiver, format!("the policy allows no waivers, and {origin} is one of {waived}"))
            } else if !self.used.contains(&index) {
                (Rule::UnusedWaiver, format!("the waiver of {waived} at {origin} excepts nothing"))
            } else {
                continue;
            };
            if let Some(severity) = self.policy.weight(rule, rule.facts().severity) {
                all.push(Upkeep { index, rule, severity, message });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::PathGlob, *};
    use crate::report::{Origin, SourceText};

    const TODAY: (u16, u8, u8) = (2026, 5, 9);

    /// A finding of a test: its rule, its weight, and the paths it is about.
    #[derive(Debug, Clone)]
    struct Paths(Rule, Severity, Vec<&'static str>);

    /// The same with a folder that stands for them, and a fingerprint.
    #[derive(Debug, Clone)]
    struct Folded(Paths, &'static str);

    impl Breach for Folded {
        fn rule(&self) -> Rule {
            self.0.rule()
        }

        fn severity(&self) -> Severity {
            self.0.severity()
        }

        fn weigh(&mut self, severity: Severity) {
            self.0.weigh(severity);
        }

        fn targets(&self) -> Vec<WaiverTarget<'_>> {
            self.0.targets()
        }

        fn whole(&self) -> Option<WaiverTarget<'_>> {
            Some(WaiverTarget::Path(self.1))
        }

        fn fingerprint(&self) -> Option<&str> {
            Some("00ff")
        }
    }

    impl Breach for Paths {
        fn rule(&self) -> Rule {
            self.0
        }

        fn severity(&self) -> Severity {
            self.1
        }

        fn weigh(&mut self, severity: Severity) {
            self.1 = severity;
        }

        fn targets(&self) -> Vec<WaiverTarget<'_>> {
            self.2.iter().map(|path| WaiverTarget::Path(path)).collect()
        }
    }

    fn setuid(paths: &[&'static str]) -> Paths {
        Paths(Rule::Setuid, Severity::High, paths.to_vec())
    }

    fn waiver(path: Option<&str>, until: (u16, u8, u8)) -> Waiver {
        let source = Arc::new(SourceText { path: "p.toml".to_owned(), text: String::new() });
        let path = path.map(|path| PathGlob::parse(path).unwrap());
        let origin = Origin::new(&source, 0..0);
        Waiver { rule: Rule::Setuid, path, fingerprint: None, reason: "because".to_owned(), until, origin }
    }

    fn with(waivers: Vec<Waiver>, allow_waivers: bool) -> Policy {
        Policy { waivers, allow_waivers, ..Policy::profile("default").unwrap() }
    }

    /// How many findings are left, and what is said of the exceptions.
    fn judged(policy: &Policy, breaches: Vec<Paths>) -> (usize, Vec<Rule>) {
        let mut judge = PolicyJudge::new(policy, TODAY);
        let (left, _) = judge.judge(breaches);
        (left.len(), judge.upkeep().into_iter().map(|upkeep| upkeep.rule).collect())
    }

    #[test]
    fn an_exception_that_ended_or_excepts_nothing_is_told_and_a_policy_may_allow_none() {
        let hit = || vec![setuid(&["/a"])];
        let past = (2026, 1, 1);
        assert_eq!(judged(&with(vec![waiver(None, TODAY)], true), hit()), (0, vec![]));
        assert_eq!(judged(&with(vec![waiver(None, TODAY)], true), vec![]), (0, vec![Rule::UnusedWaiver]));
        assert_eq!(judged(&with(vec![waiver(None, past)], true), hit()), (1, vec![Rule::ExpiredWaiver]));
        assert_eq!(judged(&with(vec![waiver(None, TODAY)], false), hit()), (1, vec![Rule::UnusedWaiver]));
    }

    #[test]
    fn what_is_said_of_an_exception_weighs_what_the_policy_says() {
        let mut policy = with(vec![waiver(None, TODAY), waiver(None, (2026, 1, 1))], true);
        policy.severities.insert(Rule::UnusedWaiver, None);
        policy.severities.insert(Rule::ExpiredWaiver, Some(Severity::Critical));
        let upkeep = PolicyJudge::new(&policy, TODAY).upkeep();
        let said: Vec<_> = upkeep.iter().map(|upkeep| (upkeep.index, upkeep.rule, upkeep.severity)).collect();
        assert_eq!(said, [(1, Rule::ExpiredWaiver, Severity::Critical)]);
    }

    #[test]
    fn the_first_exception_in_force_of_several_for_a_place_is_taken() {
        let list = vec![waiver(Some("/a"), (2026, 5, 8)), waiver(Some("/*"), TODAY)];
        assert_eq!(judged(&with(list, true), vec![setuid(&["/a"])]), (0, vec![Rule::ExpiredWaiver]));
    }

    #[test]
    fn exceptions_share_the_places_of_a_finding() {
        let both = || vec![setuid(&["/a", "/b"])];
        let one = || waiver(Some("/a"), (2026, 12, 31));
        let other = waiver(Some("/b"), TODAY);
        assert_eq!(judged(&with(vec![one()], true), both()), (1, vec![]), "it is of use, and not enough");
        assert_eq!(judged(&with(vec![one(), other.clone()], true), both()), (0, vec![]));
        assert_eq!(judged(&with(vec![one(), waiver(Some("/b"), (2026, 5, 8))], true), both()).0, 1);
        let policy = with(vec![other, one()], true);
        let (_, waived) = PolicyJudge::new(&policy, TODAY).judge(both());
        assert_eq!(waived[0].1.until, TODAY, "the finding is back when the first of them ends");
    }

    #[test]
    fn an_exception_of_the_folder_that_stands_for_all_or_of_each_place_is_enough() {
        let folded = || Folded(setuid(&["/srv/a/x", "/srv/b/x"]), "/srv");
        let left = |waivers: Vec<Waiver>| PolicyJudge::new(&with(waivers, true), TODAY).judge(vec![folded()]).0.len();
        for (path, expected) in [("/srv", 0), ("/srv/**", 0), ("/srv/*/x", 0), ("/srv/a/**", 1), ("/other", 1)] {
            assert_eq!(left(vec![waiver(Some(path), TODAY)]), expected, "{path}");
        }
        assert_eq!(left(vec![waiver(Some("/srv"), (2026, 1, 1))]), 1, "it has ended");
    }

    #[test]
    fn an_exception_by_fingerprint_is_about_that_finding_of_its_rule_alone() {
        let judged = |fingerprint: &str, until, rule, allowed| {
            let named = Waiver { fingerprint: Some(fingerprint.to_owned()), rule, ..waiver(None, until) };
            let policy = with(vec![named], allowed);
            let mut judge = PolicyJudge::new(&policy, TODAY);
            let breach = vec![Folded(setuid(&["/a"]), "/a")];
            (judge.judge(breach).0.len(), judge.upkeep().into_iter().map(|upkeep| upkeep.rule).collect::<Vec<_>>())
        };
        assert_eq!(judged("00ff", TODAY, Rule::Setuid, true), (0, vec![]));
        assert_eq!(judged("00fe", TODAY, Rule::Setuid, true), (1, vec![Rule::UnusedWaiver]));
        assert_eq!(judged("00ff", TODAY, Rule::Shell, true), (1, vec![Rule::UnusedWaiver]));
        assert_eq!(judged("00ff", (2026, 1, 1), Rule::Setuid, true), (1, vec![Rule::ExpiredWaiver]));
        assert_eq!(judged("00ff", TODAY, Rule::Setuid, false), (1, vec![Rule::UnusedWaiver]));
        // What has no fingerprint is not covered by it.
        let named = Waiver { fingerprint: Some("00ff".to_owned()), ..waiver(None, TODAY) };
        assert_eq!(PolicyJudge::new(&with(vec![named], true), TODAY).judge(vec![setuid(&["/a"])]).0.len(), 1);
    }

    #[test]
    fn a_rule_that_is_off_finds_nothing_and_another_weight_is_given() {
        let mut policy = with(vec![], true);
        policy.severities.insert(Rule::Setuid, Some(Severity::Info));
        policy.severities.insert(Rule::Shell, None);
        let shell = Paths(Rule::Shell, Severity::High, vec!["/b"]);
        let (left, _) = PolicyJudge::new(&policy, TODAY).judge(vec![setuid(&["/a"]), shell]);
        assert_eq!(left.iter().map(|left| (left.0, left.1)).collect::<Vec<_>>(), [(Rule::Setuid, Severity::Info)]);
    }
}
