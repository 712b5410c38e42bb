//! The documents of an image as hardpan writes them (image-spec 1.1: `manifest.md`, `config.md`,
//! `image-index.md`). Field names are those of the specification; maps are sorted, empty fields are absent.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{DiffId, Digest, Platform};

/// The media types that hardpan writes.
pub mod media_type {
    /// An image manifest.
    pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// An image index.
    pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// An image configuration.
    pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// A layer: a tar archive.
    pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// A layer: a tar archive, gzipped.
    pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
    /// A layer: a tar archive, packed with zstd.
    pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
}

/// A blob's media type, digest and size (`descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the bytes are.
    pub media_type: &'static str,
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// Stored bytes.
    pub size: u64,
    /// For which platform; in an index only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// Sorted by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `application/vnd.oci.image.manifest.v1+json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u8,
    /// Always [`media_type::MANIFEST`].
    pub media_type: &'static str,
    /// The configuration.
    pub config: Descriptor,
    /// Lowest layer first.
    pub layers: Vec<Descriptor>,
    /// Sorted by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `application/vnd.oci.image.index.v1+json`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageIndex {
    /// Always 2.
    pub schema_version: u8,
    /// Always [`media_type::INDEX`].
    pub media_type: &'static str,
    /// One manifest a platform, in the recipe's order.
    pub manifests: Vec<Descriptor>,
    /// Sorted by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// `application/vnd.oci.image.config.v1+json`.
#[derive(Debug, Clone, Serialize)]
pub struct ImageConfig {
    /// `architecture`, `os` and `variant`.
    #[serde(flatten)]
    pub platform: Platform,
    /// RFC 3339, UTC, whole seconds.
    pub created: String,
    /// What the runtime does with the image.
    pub config: RunConfig,
    /// The layers' uncompressed digests.
    pub rootfs: RootFs,
    /// One entry a layer, and those of a base that made none.
    pub history: Vec<HistoryEntry>,
}

/// The `config` of an image configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunConfig {
    /// `uid:gid`.
    pub user: String,
    /// `port/protocol`, as keys.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "as_keys")]
    pub exposed_ports: BTreeSet<String>,
    /// `NAME=value`, sorted by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// The program and its fixed arguments.
    pub entrypoint: Vec<String>,
    /// The arguments a user may replace.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// Paths that are mounted over.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "as_keys")]
    pub volumes: BTreeSet<String>,
    /// The working directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Sorted by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `SIGTERM` and the like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
}

/// The `rootfs` of an image configuration.
#[derive(Debug, Clone, Serialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Lowest layer first.
    pub diff_ids: Vec<DiffId>,
}

/// One line of history: of a layer, or of a command that made none. Those of a base are kept as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// RFC 3339; always there in hardpan's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What made the layer; in hardpan's own never a version, so that an upgrade moves no digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Of a base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Of a base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Whether it made no layer; of a base.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

/// Go's `map[string]struct{}`: each element a key with an empty object.
fn as_keys<S: Serializer>(set: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(set.len()))?;
    for key in set {
        map.serialize_entry(key, &serde_json::Map::new())?;
    }
    map.end()
}
