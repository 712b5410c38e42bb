//! [`Presence`]: whether a container sees an entry of a layer.

use schemars::JsonSchema;
use serde::Serialize;

/// Whether a container sees an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It does.
    Final,
    /// The layer of that index deletes it (whiteout); it can still be downloaded.
    RemovedIn(usize),
    /// The layer of that index replaces it; it can still be downloaded.
    ReplacedIn(usize),
    /// It is in a document and not in a layer.
    #[default]
    NotAFile,
}
