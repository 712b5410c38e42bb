//! [`Presence`]: whether a container sees an entry of a layer.

use schemars::JsonSchema;
use serde::Serialize;

/// Whether a container sees an entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// It does.
    Final,
    /// The layer of that index deletes it; everybody can still download it.
    RemovedIn(usize),
    /// The layer of that index has something else at its path; everybody can still download it.
    ReplacedIn(usize),
    /// It is in a document and not in a layer.
    #[default]
    NotAFile,
}
