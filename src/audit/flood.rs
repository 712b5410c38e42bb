//! [`Flood`]: findings of one rule that are too many to stand alone, as one finding of the folder that holds them.

use super::{
    Finding, FindingPlace,
    place_list::{PlaceList, common_folder, top_folder},
};
use crate::{
    report::{Rule, Severity},
    rootfs::parent,
};

/// What the findings of a flood have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FloodKey {
    rule: Rule,
    severity: Severity,
    detector: Option<String>,
    /// The first folder below the root; nothing where the findings are about no path.
    top: Option<String>,
}

/// Findings that became one.
#[derive(Debug, Default)]
pub(super) struct Flood {
    /// How many there are.
    count: usize,
    /// The first message, as an example.
    example: String,
    /// The folder that holds all of them.
    folder: Option<String>,
    places: PlaceList,
}

impl FloodKey {
    /// The key of a finding.
    pub(super) fn of(finding: &Finding) -> Self {
        let Finding { rule, severity, detector, .. } = finding;
        let top = finding.place.entry_path().map(|path| top_folder(folder_of(finding, path)).to_owned());
        Self { rule: *rule, severity: *severity, detector: detector.clone(), top }
    }
}

/// The folder of what a finding is about.
fn folder_of<'p>(finding: &Finding, path: &'p str) -> &'p str {
    if finding.folded { path } else { parent(path) }
}

impl Flood {
    /// One finding more of the same key.
    pub(super) fn add(&mut self, finding: Finding) {
        self.count += 1;
        if self.count == 1 {
            self.example.clone_from(&finding.message);
        }
        let here = finding.place.entry_path().map(|path| folder_of(&finding, path).to_owned());
        self.folder = match (self.folder.take(), here) {
            (Some(folder), Some(here)) => Some(common_folder(&folder, &here)),
            (folder, here) => folder.or(here),
        };
        self.places.take(finding);
    }

    /// The one finding. `place` gives the place of a folder.
    pub(super) fn into_finding(self, key: FloodKey, place: impl Fn(&str) -> FindingPlace) -> Option<Finding> {
        let Self { count, example, folder, places } = self;
        let FloodKey { rule, severity, detector, .. } = key;
        places.first()?;
        let finding = match folder {
            Some(folder) => {
                let message = format!("{} below `{folder}`, such as: {example}", findings(count));
                places.into_folded(rule, severity, place(&folder), message)
            }
            None => places.into_finding(rule, severity, format!("{}, such as: {example}", findings(count))),
        };
        Some(Finding { detector, ..finding })
    }
}

fn findings(count: usize) -> String {
    if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") }
}
