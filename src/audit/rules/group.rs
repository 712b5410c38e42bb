//! [`Groups`]: reports many places of the same finding as one.

use std::collections::BTreeMap;

use super::super::{Finding, FindingPlace, rule_notes::RuleNotes};
use crate::report::{Limits, Rule, Severity};

/// Places by what they have in common.
#[derive(Debug)]
pub(super) struct Groups {
    rule: Rule,
    groups: BTreeMap<(Severity, String), (Vec<FindingPlace>, usize)>,
}

impl Groups {
    /// None yet.
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, groups: BTreeMap::new() }
    }

    /// One place more of what `key` names.
    pub(super) fn add(&mut self, severity: Severity, key: impl Into<String>, place: impl FnOnce() -> FindingPlace) {
        let (places, count) = self.groups.entry((severity, key.into())).or_default();
        *count += 1;
        if places.len() <= Limits::AUDIT_ALSO {
            places.push(place());
        }
    }

    /// A finding a group; `message` gets the key and how many places there are.
    pub(super) fn report(self, notes: &mut RuleNotes, message: impl Fn(&str, usize) -> String) {
        for ((severity, key), (places, count)) in self.groups {
            let mut places = places.into_iter();
            let Some(place) = places.next() else { continue };
            notes.push(Finding {
                rule: self.rule,
                severity,
                message: message(&key, count),
                place,
                evidence: None,
                also: places.collect(),
            });
        }
    }
}

/// The first two folders of a path: where it belongs.
pub(super) fn area(path: &str) -> String {
    let folder = crate::rootfs::parent(path);
    let names: Vec<&str> = folder.split('/').filter(|name| !name.is_empty()).take(2).collect();
    format!("/{}", names.join("/"))
}

/// A number with its noun: `1 entry`, `2 entries`.
pub(super) fn count(number: usize, singular: &str, plural: &str) -> String {
    format!("{number} {}", if number == 1 { singular } else { plural })
}
