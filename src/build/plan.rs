//! What an image will be: every path, owner, mode and digest, before a byte of it is written.

use std::collections::BTreeMap;

use super::settings::SourceDate;
use crate::{
    cache::Fingerprint,
    layer::{Compression, Entry},
    oci::{Platform, RunConfig},
    report::Origin,
};

/// The image of one platform, with every input pinned. No host path survives into it.
#[derive(Debug)]
pub struct Plan {
    /// For which platform.
    pub platform: Platform,
    /// How its layers are stored.
    pub compression: Compression,
    /// One group a layer, lowest first; none is empty.
    pub groups: Vec<Group>,
    /// What the runtime does.
    pub config: RunConfig,
    /// On the manifest.
    pub annotations: BTreeMap<String, String>,
    /// `created` of the config and the history.
    pub source_date: SourceDate,
}

/// The entries of one layer.
#[derive(Debug)]
pub struct Group {
    /// Which layer.
    pub kind: GroupKind,
    /// Sorted by path.
    pub entries: Vec<PlannedEntry>,
}

/// The layers of an image, from least to most often changed, so that a new binary re-sends only itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// passwd, group, certificates, `/tmp`.
    System,
    /// `[[file]]`, `[[tree]]`, `[[dir]]`, `[[symlink]]`.
    Files,
    /// `[[binary]]`.
    Binaries,
}

/// An entry and what is known about it.
#[derive(Debug)]
pub struct PlannedEntry {
    /// What goes into the layer.
    pub entry: Entry,
    /// Of a file's content.
    pub fingerprint: Option<Fingerprint>,
    /// The recipe line that brought it in.
    pub origin: Origin,
}

impl GroupKind {
    /// All of them, lowest first.
    pub const ALL: [Self; 3] = [Self::System, Self::Files, Self::Binaries];

    /// The name in plans and in the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Files => "files",
            Self::Binaries => "binaries",
        }
    }
}
