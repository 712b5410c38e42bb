//! [`FindingPlace`]: where in an image a finding is.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::{
    oci::{DiffId, Digest},
    rootfs::Presence,
};

/// Where in an image something is: an entry of a layer, or a key of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(rename = "Place")]
pub struct FindingPlace {
    /// The layer that brought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<LayerRef>,
    /// The path in the image, with a leading `/`. Foreign text; bytes that are no UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The member of a packed file at that path, `BOOT-INF/classes/application.yml`; of one packed file inside of another,
    /// `inner.jar!/application.yml`. Foreign text, cut at [`Limits::PATH_BYTES`](crate::report::Limits::PATH_BYTES).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The path of the layer's entry, where the image uses another one that leads there through a linked folder:
    /// `/usr/bin/bash`, where scripts say `/bin/bash`. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub real_path: Option<String>,
    /// The entry's mode, with setuid, setgid and sticky bits; four octal digits in JSON, as `inspect` has it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "octal")]
    #[schemars(schema_with = "octal_schema")]
    pub mode: Option<u32>,
    /// The entry's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u64>,
    /// The entry's group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gid: Option<u64>,
    /// Whether a container sees it.
    pub presence: Presence,
    /// The key of a document: `config.User`, `config.Env[RUST_LOG]`, `history[3]`, `manifest`. Foreign text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Bytes from the start of the file, of the member, or of the key's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The line of the file, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

/// A layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct LayerRef {
    /// Counted from 0, the lowest.
    pub index: usize,
    /// Of the stored bytes.
    pub digest: Digest,
    /// Of the tar.
    pub diff_id: DiffId,
    /// The history's line, where there is one for each layer. Foreign text, with secrets masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// A mode as people write it.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over so")]
fn octal<S: Serializer>(mode: &Option<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    match mode {
        Some(mode) => serializer.collect_str(&format_args!("{mode:04o}")),
        None => serializer.serialize_none(),
    }
}

fn octal_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[0-7]{4,11}$" })
}

impl FindingPlace {
    /// A key of a document.
    pub fn key(key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..Self::default() }
    }

    /// The path of the entry in its layer, whatever path the image uses.
    pub fn entry_path(&self) -> Option<&str> {
        self.real_path.as_deref().or(self.path.as_deref())
    }
}
