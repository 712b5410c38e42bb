//! The plan of an image: every path, owner, mode and digest, before a byte of it is written. The resolver makes it, the
//! assembler and `hardpan plan` read it; no host path of an input is in it.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
};

use super::{outputs::OutputKind, settings::SourceDate};
use crate::{
    cache::Fingerprint,
    layer::{Compression, EntryKind, LayerEntry, WrittenLayer},
    oci::{Digest, HistoryEntry, Open, Platform, RunConfig},
    registry::Reference,
    report::{ErrorName, Failure, Limits, Origin},
};

/// The image of one platform, with every input pinned. No host path survives into it.
#[derive(Debug)]
pub struct Plan {
    /// For which platform.
    pub platform: Platform,
    /// The base; its layers are below all others.
    pub base: Option<PlannedBase>,
    /// How its own layers are stored.
    pub compression: Compression,
    /// One group a layer, lowest first; none is empty.
    pub groups: Vec<LayerGroup>,
    /// The settings for the runtime.
    pub config: RunConfig,
    /// On the manifest.
    pub annotations: BTreeMap<String, String>,
    /// `created` of the config and the history.
    pub source_date: SourceDate,
    /// Debug symbols that were split off programs, for files beside the image.
    pub debug_files: Vec<DebugFile>,
    /// Outputs of hardpan that trees leave out although their patterns match.
    pub left_out: Vec<LeftOut>,
}

/// A path that the patterns of a tree match and that is left out: hardpan wrote it, or it controls hardpan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// As it would be written after `from`, which it begins with.
    pub path: String,
    /// Why.
    pub what: OutputKind,
    /// `from` of the tree.
    pub origin: Origin,
}

/// The symbols of a program, which are not in the image.
#[derive(Debug, Clone)]
pub struct DebugFile {
    /// Where they are now.
    pub made: PathBuf,
    /// Where the recipe wants them.
    pub to: PathBuf,
    /// Its `debug-file`.
    pub origin: Origin,
}

impl Plan {
    /// Releases the contents of all files, once they are in blobs: for tens of thousands of files they take most of the memory.
    pub fn release(&mut self) {
        let gone: Arc<dyn Open> = Arc::new(ReleasedContent);
        for planned in self.groups.iter_mut().flat_map(|group| &mut group.entries) {
            if let EntryKind::File { content, .. } = &mut planned.entry.kind {
                *content = Arc::clone(&gone);
            }
        }
    }
}

/// The content of a file whose bytes are in a blob already.
#[derive(Debug)]
struct ReleasedContent;

impl Open for ReleasedContent {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::other("the content was released"))
    }
}

/// The base of one platform.
#[derive(Debug, Clone)]
pub struct PlannedBase {
    /// The line of the recipe.
    pub origin: Origin,
    /// The text of `base`.
    pub text: String,
    /// Where it is, pinned; none on a disk.
    pub reference: Option<Reference>,
    /// The manifest or index that it names; a docker archive has neither.
    pub digest: Option<Digest>,
    /// The manifest for the platform.
    pub manifest: Option<Digest>,
    /// Lowest first.
    pub layers: Vec<BaseLayer>,
    /// As the base has it: a line for each layer, and those that made none.
    pub history: Vec<HistoryEntry>,
}

impl PlannedBase {
    /// Refuses more layers, with `own` ones above, than an image may have.
    ///
    /// # Errors
    /// At the line of `base`.
    pub(super) fn check_layers(&self, own: usize) -> Result<(), Failure> {
        let base = self.layers.len();
        if base + own <= Limits::LAYERS {
            return Ok(());
        }
        let what = format!("the image would have {} layers, {base} of them the base's", base + own);
        Err(Failure::error(ErrorName::RecipeLimit, what)
            .at(&self.origin)
            .hint(format!("no reader takes more than {}", Limits::LAYERS)))
    }
}

/// A layer of a base, which passes through as it is.
#[derive(Debug, Clone)]
pub struct BaseLayer {
    /// Its name, with OCI's media type, and what it unpacks to.
    pub written: WrittenLayer,
    /// The stored bytes; their reader checks size and digest.
    pub blob: Arc<dyn Open>,
}

/// The entries of one layer.
#[derive(Debug)]
pub struct LayerGroup {
    /// Which layer.
    pub kind: GroupKind,
    /// Sorted by path.
    pub entries: Vec<PlannedEntry>,
    /// Whether the content of any of them is read from a file of the host.
    pub from_host: bool,
}

/// The layers of an image, from least to most often changed, so that a new binary re-sends only itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// Paths of the base, of which no layer is made.
    Base,
    /// passwd, group, certificates, `/tmp`, time zones.
    System,
    /// `[[file]]`, `[[tree]]`, `[[dir]]`, `[[symlink]]`.
    Files,
    /// `[[binary]]`.
    Binaries,
}

/// An entry and what is known about it.
#[derive(Debug)]
pub struct PlannedEntry {
    /// The entry of the layer.
    pub entry: LayerEntry,
    /// Of a file's content.
    pub fingerprint: Option<Fingerprint>,
    /// The recipe line that brought it in.
    pub origin: Origin,
}

impl GroupKind {
    /// The layers that hardpan makes, lowest first.
    pub const ALL: [Self; 3] = [Self::System, Self::Files, Self::Binaries];

    /// The name in plans and in the history.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::System => "system",
            Self::Files => "files",
            Self::Binaries => "binaries",
        }
    }
}
