//! Finds the output of hardpan that a single file is or lies in. Each folder is examined once.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{OutputKind, file_output, folder_output};
use crate::image::LAYOUT_NAMES;

/// Finds outputs of hardpan by their content; remembers the folders.
#[derive(Debug, Default)]
pub(in crate::build) struct OutputFinder {
    layouts: BTreeMap<PathBuf, Option<OutputKind>>,
}

impl OutputFinder {
    /// The output that the file at `path` is, or lies in; of folders those below `top` count.
    pub(in crate::build) fn find(&mut self, path: &Path, top: &Path) -> Option<(PathBuf, OutputKind)> {
        let folders = path.ancestors().skip(1).take_while(|above| above.starts_with(top) && *above != top);
        for folder in folders {
            if let Some(what) = self.layout(folder) {
                return Some((folder.to_owned(), what));
            }
        }
        Some((path.to_owned(), file_output(path)?))
    }

    fn layout(&mut self, folder: &Path) -> Option<OutputKind> {
        *self.layouts.entry(folder.to_owned()).or_insert_with(|| {
            let has_entries = LAYOUT_NAMES.iter().all(|entry| folder.join(entry).is_file());
            if has_entries { folder_output(folder) } else { None }
        })
    }
}
