//! [`PathMasks`]: shows paths that have a secret in a name without it.

use std::collections::BTreeMap;

use super::{Finding, FindingPlace, Unknown, image_view::ImageView, redact};
use crate::secrets::{TextContext, scan_text};

/// The paths and link targets of an image that hold a secret, with the form in which a report shows them.
#[derive(Debug, Default)]
pub(super) struct PathMasks(Vec<(String, String)>);

impl PathMasks {
    /// Those of an image. Only entries in whose headers secrets were found are looked at.
    pub(super) fn of(view: &ImageView<'_>) -> Self {
        let entries = view
            .scans
            .iter()
            .flat_map(|scan| scan.header_secrets.iter().filter_map(|(entry, _)| scan.entries.get(*entry)));
        let paths = entries.flat_map(|entry| [Some(entry.path.as_str()), entry.target()]).flatten();
        let masks: BTreeMap<&str, String> = paths.filter_map(|path| Some((path, masked(path)?))).collect();
        let mut masks: Vec<_> = masks.into_iter().map(|(path, shown)| (path.to_owned(), shown)).collect();
        // A path is replaced before the one of a folder above it.
        masks.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.0.cmp(&b.0)));
        Self(masks)
    }

    /// `text` with every such path in it masked.
    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (path, shown)| text.replace(path, shown))
    }

    /// Masks what a finding shows.
    pub(super) fn finding(&self, finding: &mut Finding) {
        if self.0.is_empty() {
            return;
        }
        finding.message = self.text(&finding.message);
        finding.evidence = finding.evidence.as_deref().map(|seen| self.text(seen));
        self.place(&mut finding.place);
        for place in &mut finding.also {
            self.place(place);
        }
        for path in &mut finding.unlisted {
            *path = self.text(path);
        }
    }

    /// Masks what an unknown shows.
    pub(super) fn unknown(&self, unknown: &mut Unknown) {
        if !self.0.is_empty() {
            unknown.reason = self.text(&unknown.reason);
            self.place(&mut unknown.place);
        }
    }

    /// Masks the paths of a place.
    pub(super) fn place(&self, place: &mut FindingPlace) {
        place.path = place.path.as_deref().map(|path| self.text(path));
        place.real_path = place.real_path.as_deref().map(|path| self.text(path));
    }
}

/// A path, each name of it cut at its first secret; `None` where it holds none.
fn masked(path: &str) -> Option<String> {
    let mut is_changed = false;
    let names = path.split('/').map(|name| {
        let hits = scan_text(TextContext::Label { key: "" }, name);
        is_changed |= !hits.is_empty();
        redact::cut(name, &hits)
    });
    let shown = names.collect::<Vec<_>>().join("/");
    is_changed.then_some(shown)
}
