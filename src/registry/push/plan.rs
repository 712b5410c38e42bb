//! What a push does, as data that can be shown before it is done.

use crate::{image::BlobRef, oci::Digest};

/// What a push to one repository will do, or has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushPlan {
    /// `host/repository`.
    pub repository: String,
    /// Of the root.
    pub digest: Digest,
    /// Configs and layers; none when the manifest is there, because then they are too.
    pub blobs: Vec<(BlobRef, BlobAction)>,
    /// Manifests and indexes that are sent, the root last.
    pub manifests: Vec<BlobRef>,
    /// In the order of the command line.
    pub tags: Vec<PlannedTag>,
}

/// What becomes of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAction {
    /// The repository has it.
    There,
    /// The registry has it in this repository, and is asked to take it from there.
    Mount(String),
    /// It is sent.
    Upload,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTag {
    /// Its name.
    pub name: String,
    /// What it named before.
    pub was: Option<Digest>,
    /// Whether it is put.
    pub put: bool,
}

impl PushPlan {
    /// Bytes of blobs that are sent.
    pub fn upload_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate == BlobAction::Upload).map(|(blob, _)| blob.size).sum()
    }

    /// Bytes of blobs that may have to be sent: a mount can be declined.
    pub(super) fn most_bytes(&self) -> u64 {
        self.blobs.iter().filter(|(_, fate)| *fate != BlobAction::There).map(|(blob, _)| blob.size).sum()
    }
}

impl PlannedTag {
    /// What became of it, in a line.
    pub(super) fn summary(&self, repository: &str, digest: Digest) -> String {
        match (self.was, self.put) {
            (None, _) => format!("tag {repository}:{}", self.name),
            (Some(was), true) => format!("tag {repository}:{} moved, it was {was}", self.name),
            (Some(was), false) if was == digest => format!("tag {repository}:{} is that already", self.name),
            (Some(was), false) => format!("tag {repository}:{} stays with {was}", self.name),
        }
    }
}
