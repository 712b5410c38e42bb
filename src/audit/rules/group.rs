//! [`Groups`]: reports many places of the same finding as one.

use std::collections::BTreeMap;

use super::super::{Finding, FindingPlace, place_list::PlaceList, rule_notes::RuleNotes};
use crate::report::{Rule, Severity};

/// Places by what they have in common.
#[derive(Debug)]
pub(super) struct Groups {
    rule: Rule,
    detector: Option<&'static str>,
    by_key: BTreeMap<(Severity, String), PlaceList>,
}

impl Groups {
    /// None yet.
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, detector: None, by_key: BTreeMap::new() }
    }

    /// None yet, of one kind of thing that the rule knows.
    pub(super) fn of_detector(rule: Rule, detector: &'static str) -> Self {
        Self { detector: Some(detector), ..Self::new(rule) }
    }

    /// One place more of what `key` names.
    pub(super) fn add(&mut self, severity: Severity, key: impl Into<String>, place: impl FnOnce() -> FindingPlace) {
        self.by_key.entry((severity, key.into())).or_default().add(place);
    }

    /// A finding a group; `message` gets the key and how many places there are.
    pub(super) fn report(self, notes: &mut RuleNotes, message: impl Fn(&str, usize) -> String) {
        for ((severity, key), places) in self.by_key {
            let message = message(&key, places.total());
            let detector = self.detector.map(str::to_owned);
            notes.push(Finding { detector, ..places.into_finding(self.rule, severity, message) });
        }
    }
}

/// A number with its noun: `1 entry`, `2 entries`.
pub(super) fn count(number: usize, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}
