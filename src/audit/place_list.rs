//! [`PlaceList`]: the places of one finding, bounded for the report and not for its exceptions.

use super::{Finding, FindingPlace};
use crate::{
    report::{Limits, Rule, Severity},
    secrets::SecretHit,
};

/// Places that share one finding: the first of them whole, of more the paths alone, and of all the number.
#[derive(Debug, Default)]
pub(super) struct PlaceList {
    listed: Vec<FindingPlace>,
    unlisted: Vec<String>,
    total: usize,
}

impl PlaceList {
    /// One place more. `place` is asked only while something of it is kept.
    pub(super) fn add(&mut self, place: impl FnOnce() -> FindingPlace) {
        self.total += 1;
        if self.listed.len() <= Limits::AUDIT_ALSO {
            self.listed.push(place());
        } else if self.unlisted.len() < Limits::AUDIT_JUDGED {
            self.unlisted.extend(place().path);
        }
    }

    /// The places of another finding.
    pub(super) fn take(&mut self, finding: Finding) {
        let Finding { place, also, folded, left_off, unlisted, .. } = finding;
        for one in Some(place).filter(|_| !folded).into_iter().chain(also) {
            self.add(|| one);
        }
        self.total = self.total.saturating_add(left_off);
        let room = Limits::AUDIT_JUDGED.saturating_sub(self.unlisted.len());
        self.unlisted.extend(unlisted.into_iter().take(room));
    }

    /// How many places there are.
    pub(super) const fn total(&self) -> usize {
        self.total
    }

    /// The first place.
    pub(super) fn first(&self) -> Option<&FindingPlace> {
        self.listed.first()
    }

    /// The finding of all places, at the first of them.
    pub(super) fn into_finding(self, rule: Rule, severity: Severity, message: impl Into<String>) -> Finding {
        let left_off = self.total.saturating_sub(self.listed.len());
        let mut listed = self.listed.into_iter();
        let place = listed.next().unwrap_or_default();
        let (also, unlisted) = (listed.collect(), self.unlisted);
        Finding { also, left_off, unlisted, ..Finding::new(rule, severity, place, message) }
    }

    /// The finding of a secret at all places, at the first of them.
    pub(super) fn into_secret(self, rule: Rule, hit: &SecretHit, message: String) -> Finding {
        let (detector, evidence) = (Some(hit.detector.to_owned()), Some(hit.masked.clone()));
        Finding { detector, evidence, ..self.into_finding(rule, hit.severity, message) }
    }

    /// The finding of all places, at a folder that holds them.
    pub(super) fn into_folded(
        mut self,
        rule: Rule,
        severity: Severity,
        folder: FindingPlace,
        message: impl Into<String>,
    ) -> Finding {
        // The folder takes the room of the first place.
        if self.listed.len() > Limits::AUDIT_ALSO
            && let Some(last) = self.listed.pop()
        {
            self.unlisted.extend(last.path);
        }
        let left_off = self.total.saturating_sub(self.listed.len());
        let (also, unlisted) = (self.listed, self.unlisted);
        Finding { also, left_off, unlisted, folded: true, ..Finding::new(rule, severity, folder, message) }
    }
}

/// The folder that holds both of two folders.
pub(super) fn common_folder(one: &str, other: &str) -> String {
    let mut common = String::new();
    let names = |path: &'_ str| path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    for (name, same) in names(one).iter().zip(&names(other)) {
        if name != same {
            break;
        }
        common.push('/');
        common.push_str(name);
    }
    if common.is_empty() { "/".to_owned() } else { common }
}

/// The first folder of a path below the root; empty for what lies in the root itself.
pub(super) fn top_folder(folder: &str) -> &str {
    folder.split('/').find(|name| !name.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: String) -> FindingPlace {
        FindingPlace { path: Some(path), ..FindingPlace::default() }
    }

    fn list(number: usize) -> PlaceList {
        let mut list = PlaceList::default();
        for index in 0..number {
            list.add(|| at(format!("/srv/{index}")));
        }
        list
    }

    #[test]
    fn every_place_is_counted_and_none_is_left_out_of_the_judgement() {
        for number in [1, Limits::AUDIT_ALSO, Limits::AUDIT_ALSO + 1, Limits::AUDIT_ALSO + 2, 500] {
            let plain = list(number).into_finding(Rule::Setuid, Severity::High, "x");
            let folded = list(number).into_folded(Rule::Setuid, Severity::High, at("/srv".to_owned()), "x");
            for finding in [plain, folded] {
                assert_eq!(finding.places(), number);
                assert!(finding.also.len() <= Limits::AUDIT_ALSO);
                assert_eq!(finding.left_off, finding.unlisted.len());
            }
        }
        let mut both = list(40);
        both.take(list(50).into_finding(Rule::Setuid, Severity::High, "x"));
        assert_eq!(both.into_finding(Rule::Setuid, Severity::High, "x").places(), 90);
    }

    #[test]
    fn more_places_than_are_judged_one_by_one_are_counted() {
        let finding = list(Limits::AUDIT_JUDGED + 100).into_finding(Rule::Setuid, Severity::High, "x");
        assert_eq!(finding.places(), Limits::AUDIT_JUDGED + 100);
        assert_eq!(finding.unlisted.len(), Limits::AUDIT_JUDGED);
    }

    #[test]
    fn the_common_folder_is_made_of_whole_names() {
        for (one, other, common) in [
            ("/srv/a", "/srv/b", "/srv"),
            ("/srv/ab", "/srv/abc", "/srv"),
            ("/srv", "/srv/a/b", "/srv"),
            ("/a", "/b", "/"),
            ("/", "/b", "/"),
            ("/a/b", "/a/b", "/a/b"),
        ] {
            assert_eq!(common_folder(one, other), common, "{one} {other}");
        }
        assert_eq!((top_folder("/srv/a"), top_folder("/")), ("srv", ""));
    }
}
