//! Layouts that tests write by hand, with any fault they need.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{LAYOUT_INDEX, LAYOUT_MARKER, OpenedImages};
use crate::{oci::Digest, report::Failure};

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// A layout written by hand, so that it can be as wrong as it likes.
pub(crate) struct HandLayout(TempDir);

impl HandLayout {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        fs::write(dir.path().join(LAYOUT_MARKER), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn blob_path(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.path().join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    }

    pub(crate) fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let descriptor = json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()});
        fs::write(self.blob_path(&descriptor), bytes).unwrap();
        descriptor
    }

    pub(crate) fn json(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// A manifest of these layers, given by descriptor and tar.
    pub(crate) fn manifest(&self, layers: &[(Value, &[u8])]) -> Value {
        let diff_ids: Vec<_> = layers.iter().map(|(_, tar)| Digest::of(tar).to_string()).collect();
        let config =
            json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let blobs: Vec<_> = layers.iter().map(|(blob, _)| blob.clone()).collect();
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": self.json(CONFIG, &config), "layers": blobs})
    }

    pub(crate) fn image(&self) -> Value {
        let layer = self.blob(GZIP, &gzip(b"tar"));
        self.json(MANIFEST, &self.manifest(&[(layer, b"tar")]))
    }

    pub(crate) fn index(&self, entries: &[Value]) -> &Self {
        let index = json!({"schemaVersion": 2, "manifests": entries});
        fs::write(self.path().join(LAYOUT_INDEX), index.to_string()).unwrap();
        self
    }

    pub(crate) fn open(&self) -> Result<OpenedImages, Failure> {
        OpenedImages::open(self.path())
    }

    /// What opening and verifying says against it.
    pub(crate) fn failure(&self) -> String {
        self.open().and_then(|layout| layout.verify()).unwrap_err().to_string()
    }
}
