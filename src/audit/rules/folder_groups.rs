//! [`FolderGroups`]: reports what has one cause in many folders as one finding of the folder that holds all of them.

use std::collections::BTreeMap;

use super::super::{
    FindingPlace,
    image_view::ImageView,
    place_list::{PlaceList, common_folder, top_folder},
    rule_notes::RuleNotes,
};
use crate::report::{Rule, Severity};

/// Places of one rule by their weight and the first folder below the root: who gave files away with one `COPY --chown`
/// repairs them with one, whatever the number of folders in it.
#[derive(Debug)]
pub(super) struct FolderGroups {
    rule: Rule,
    groups: BTreeMap<(Severity, String), FolderGroup>,
}

/// The places of one group.
#[derive(Debug, Default)]
pub(super) struct FolderGroup {
    /// The folder that holds all of them.
    folder: Option<String>,
    places: PlaceList,
    files: usize,
}

/// A group as its message tells of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct FoldedPlaces<'g> {
    /// The folder that holds all places.
    pub(super) folder: &'g str,
    /// How many places there are.
    pub(super) places: usize,
    /// How many files they are about.
    pub(super) files: usize,
}

impl FolderGroups {
    /// None yet.
    pub(super) fn new(rule: Rule) -> Self {
        Self { rule, groups: BTreeMap::new() }
    }

    /// One place more, in or at `folder`, about so many `files`.
    pub(super) fn add(&mut self, severity: Severity, folder: &str, files: usize, place: impl FnOnce() -> FindingPlace) {
        let group = self.groups.entry((severity, top_folder(folder).to_owned())).or_default();
        group.folder = Some(match group.folder.take() {
            // Most files lie beside the one before.
            Some(common) if common == folder => common,
            Some(common) => common_folder(&common, folder),
            None => folder.to_owned(),
        });
        group.files = group.files.saturating_add(files);
        group.places.add(place);
    }

    /// A finding a group: of one place at that, of several at the folder that holds them.
    pub(super) fn report(
        self,
        view: &ImageView<'_>,
        notes: &mut RuleNotes,
        message: impl Fn(FoldedPlaces<'_>) -> String,
    ) {
        for ((severity, _), FolderGroup { folder, places, files }) in self.groups {
            let folder = folder.unwrap_or_default();
            let message = message(FoldedPlaces { folder: &folder, places: places.total(), files });
            notes.push(if places.total() == 1 {
                places.into_finding(self.rule, severity, message)
            } else {
                places.into_folded(self.rule, severity, view.folder(&folder), message)
            });
        }
    }
}
