//! [`UsedPaths`]: by which path an image uses its programs, where links of folders give them several.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{FindingPlace, image_view::ImageView};
use crate::rootfs::{EntryIndex, FileContent, file_name, join, parent};

/// The paths that an image uses: `/bin/bash`, where `/bin` is a link to `usr/bin` and scripts begin with `#!/bin/bash`.
pub(super) struct UsedPaths<'v, 'a> {
    view: &'v ImageView<'a>,
    /// Entries whose path the config or a script spells otherwise than their layer.
    spelled: BTreeMap<EntryIndex, String>,
    /// Folders of `PATH`, and where each leads.
    folders: Vec<(String, String)>,
}

impl<'v, 'a> UsedPaths<'v, 'a> {
    /// Those of an image: first what its config runs, then what its scripts begin with, then `PATH`.
    pub(super) fn of(view: &'v ImageView<'a>) -> Self {
        let folders = view.search_path().into_iter();
        let folders = folders.filter_map(|folder| Some((view.look_up(&folder).ok()?.0, folder)));
        let folders = folders.map(|(real, written)| (written, real)).collect();
        let mut used = Self { view, spelled: BTreeMap::new(), folders };
        let check = view.config.get("Healthcheck").and_then(|check| check.get("Test")).and_then(Value::as_array);
        let check = check.into_iter().flatten().filter_map(Value::as_str);
        for word in ["Entrypoint", "Cmd", "Shell"].into_iter().flat_map(|key| view.words(key)).chain(check) {
            used.spell(word);
        }
        for content in view.scans.iter().flat_map(|scan| scan.contents.values()) {
            if let FileContent::Script(line) = content {
                used.spell(line.split_ascii_whitespace().next().unwrap_or_default());
            }
        }
        used
    }

    /// Notes a path that the image spells out. The last name is not followed: a link has a path of its own.
    fn spell(&mut self, word: &str) {
        if !word.starts_with('/') {
            return;
        }
        let written = join("/", word);
        let Ok((real, _)) = self.view.look_up(parent(&written)) else { return };
        if let Some(node) = self.view.rootfs.get(&join(&real, file_name(&written))) {
            self.spelled.entry(node.at).or_insert(written);
        }
    }

    /// The path by which the image uses the entry whose own path is `real`.
    pub(super) fn path_of(&self, at: EntryIndex, real: &str) -> String {
        if let Some(spelled) = self.spelled.get(&at) {
            return spelled.clone();
        }
        let folder = parent(real);
        let found = self.folders.iter().find(|(_, leads_to)| leads_to == folder);
        found.map_or_else(|| real.to_owned(), |(written, _)| join(written, file_name(real)))
    }

    /// The place of an entry, by the path that the image uses.
    pub(super) fn place(&self, at: EntryIndex) -> FindingPlace {
        let mut place = self.view.place(at);
        if let Some(real) = place.path.take() {
            let used = self.path_of(at, &real);
            place.path = Some(used.clone());
            place.real_path = (used != real).then_some(real);
        }
        place
    }
}
