//! The policy of images: profiles, severities, exceptions (waivers), and how findings are judged by them.
//!
//! The recipe parser, the early check of a build and the audit share this room, so that a waiver covers the same in all
//! three. The catalogue of rules and their severities is in [`report`](crate::report), because a failure names its rule.

mod baseline;
mod dated_waiver;
mod fingerprint_shape;
mod judge;
mod path_glob;
mod waiver;
mod waivers;

use std::collections::BTreeMap;

use crate::report::{Rule, Severity};
pub use baseline::{AcceptedFinding, AcceptedImage, Baseline, baseline_schema};
pub use dated_waiver::DatedWaiver;
pub use fingerprint_shape::is_fingerprint;
pub use judge::{Breach, PolicyJudge, Upkeep};
pub use path_glob::PathGlob;
pub use waiver::{Waiver, WaiverTarget};
pub use waivers::{WaiverAnswer, Waivers};

/// The requirements that an image is judged by.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The name of the profile, for the report.
    pub profile: String,
    /// A finding of this severity or above fails the audit.
    pub fail_on: Severity,
    /// Other severities; `None` switches a rule off.
    pub severities: BTreeMap<Rule, Option<Severity>>,
    /// The least severities of rules, whatever else says: a recipe adds them to a policy file.
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

impl Policy {
    /// The built-in profile of that name: `default` fails on high, `hardened` on medium.
    pub fn profile(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::failing_on(name, Severity::High)),
            "hardened" => Some(Self::hardened()),
            _ => None,
        }
    }

    /// The profile of builds, unless a policy file says otherwise.
    pub fn hardened() -> Self {
        Self::failing_on("hardened", Severity::Medium)
    }

    fn failing_on(profile: &str, fail_on: Severity) -> Self {
        Self {
            profile: profile.to_owned(),
            fail_on,
            severities: BTreeMap::new(),
            least: BTreeMap::new(),
            waivers: Vec::new(),
            allow_waivers: true,
            registries: Vec::new(),
            max_size: None,
        }
    }

    /// The severity by the policy of a finding that a rule gives `own`; `None` if the rule is switched off.
    pub fn weight(&self, rule: Rule, own: Severity) -> Option<Severity> {
        let weight = self.severities.get(&rule).copied().unwrap_or(Some(own));
        weight.max(self.least.get(&rule).copied())
    }

    /// Whether a finding fails that a rule gives the severity `own` and no exception covers.
    pub fn fails(&self, rule: Rule, own: Severity) -> bool {
        self.weight(rule, own).is_some_and(|weight| weight >= self.fail_on)
    }

    /// Whether the rule is switched off.
    pub fn is_off(&self, rule: Rule) -> bool {
        self.weight(rule, rule.facts().severity).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_gives_other_weights_switches_off_and_has_a_least_weight() {
        let mut policy = Policy::profile("default").unwrap();
        assert_eq!(policy.weight(Rule::Setuid, Severity::High), Some(Severity::High));
        assert!(policy.fails(Rule::Setuid, Severity::High) && !policy.fails(Rule::Setuid, Severity::Medium));
        policy.severities.insert(Rule::Setuid, Some(Severity::Info));
        policy.severities.insert(Rule::Shell, None);
        assert_eq!(policy.weight(Rule::Setuid, Severity::High), Some(Severity::Info));
        assert!(policy.is_off(Rule::Shell) && !policy.fails(Rule::Shell, Severity::Critical));
        policy.least.insert(Rule::Shell, Severity::High);
        assert_eq!(policy.weight(Rule::Shell, Severity::Info), Some(Severity::High));
    }
}
