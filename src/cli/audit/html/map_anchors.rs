//! [`MapAnchors`]: the names of the boxes of an image's layer map, to which findings and files link.

use std::collections::BTreeMap;

use super::map::drawn_files;
use crate::audit::{FindingPlace, ImageAudit};

/// The boxes of one image.
#[derive(Debug)]
pub(super) struct MapAnchors<'a> {
    /// What every name of the image begins with; ours.
    id: &'a str,
    /// Whether each layer has a box.
    layers: Vec<bool>,
    /// The files that have one: their number among the largest of their layer.
    files: BTreeMap<(usize, &'a str), usize>,
}

impl<'a> MapAnchors<'a> {
    /// The boxes of `image`.
    pub(super) fn of(id: &'a str, image: &'a ImageAudit) -> Self {
        let mut files = BTreeMap::new();
        for (index, layer) in image.layers.iter().enumerate() {
            for (number, file) in drawn_files(image, layer) {
                files.entry((index, file.path.as_str())).or_insert(number);
            }
        }
        Self { id, layers: image.layers.iter().map(|layer| layer.unpacked_size > 0).collect(), files }
    }

    /// The name of a layer's box.
    pub(super) fn layer(&self, index: usize) -> Option<String> {
        self.layers.get(index).copied().unwrap_or(false).then(|| format!("{}-map-{index}", self.id))
    }

    /// The name of a file's box.
    pub(super) fn file(&self, index: usize, path: &str) -> Option<String> {
        let number = self.files.get(&(index, path))?;
        Some(format!("{}-map-{index}-{number}", self.id))
    }

    /// The name of the box that is nearest to a place: that of its file, else that of its layer.
    pub(super) fn nearest(&self, place: &FindingPlace) -> Option<String> {
        let index = place.layer.as_ref()?.index;
        place.entry_path().and_then(|path| self.file(index, path)).or_else(|| self.layer(index))
    }

    /// The name of the table of a layer's files.
    pub(super) fn table(&self, index: usize) -> String {
        format!("{}-files-{index}", self.id)
    }
}
