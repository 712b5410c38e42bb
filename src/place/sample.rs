//! Images for the tests of this room.
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    oci::{
        BlobSink, Descriptor, DiffId, Digest, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, Platform, RootFs,
        RunConfig, canonical_json, media_type,
    },
    place::{Form, Opened, Staging},
    report::Failure,
};

/// Puts an index with an image for each platform into `sink`; its layers depend on `seed`. One layer is common.
pub(super) fn index(sink: &dyn BlobSink, seed: &str) -> Descriptor {
    let manifests = ["linux/amd64", "linux/arm64"]
        .map(|name| {
            let platform = Platform::parse(name).unwrap();
            let mut manifest = image(sink, &platform, &["common", &format!("{seed} {name}")]);
            manifest.platform = Some(platform);
            manifest
        })
        .to_vec();
    let index =
        ImageIndex { schema_version: 2, media_type: media_type::INDEX, manifests, annotations: BTreeMap::new() };
    sink.put(media_type::INDEX, &canonical_json(&index).unwrap()).unwrap()
}

/// Puts an image with these layers into `sink`.
pub(super) fn image(sink: &dyn BlobSink, platform: &Platform, layers: &[&str]) -> Descriptor {
    let config = ImageConfig {
        platform: platform.clone(),
        created: "1970-01-01T00:00:00Z".into(),
        config: RunConfig { user: "65532:65532".into(), entrypoint: vec!["/x".into()], ..RunConfig::default() },
        rootfs: RootFs {
            kind: "layers",
            diff_ids: layers.iter().map(|tar| DiffId::new(Digest::of(tar.as_bytes()))).collect(),
        },
        history: vec![HistoryEntry {
            created: Some("1970-01-01T00:00:00Z".into()),
            created_by: Some("test".into()),
            ..HistoryEntry::default()
        }],
    };
    let manifest = ImageManifest {
        schema_version: 2,
        media_type: media_type::MANIFEST,
        config: sink.put(media_type::CONFIG, &canonical_json(&config).unwrap()).unwrap(),
        layers: layers.iter().map(|tar| sink.put(media_type::LAYER_GZIP, &gzip(tar.as_bytes())).unwrap()).collect(),
        annotations: BTreeMap::new(),
    };
    sink.put(media_type::MANIFEST, &canonical_json(&manifest).unwrap()).unwrap()
}

/// Builds and publishes the index of `seed`.
pub(super) fn build(path: &Path, seed: &str) -> Result<Descriptor, Failure> {
    let staging = Staging::begin(path, Form::Layout)?;
    let root = index(&staging, seed);
    staging.publish(&root, seed)?;
    Ok(root)
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(super) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

/// The name in the place at `path`, every byte of which is right.
pub(super) fn name(path: &Path) -> String {
    let opened = Opened::open(path).unwrap();
    opened.verify().unwrap();
    opened.sets()[0].reference.clone().unwrap()
}

/// Whether no temporary folder is below `root`.
pub(super) fn is_clean(root: &Path) -> bool {
    !files(root).iter().any(|name| name.contains(".hardpan-"))
}

/// Every path below `root`, sorted, folders with a slash.
pub(super) fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                found.push(format!("{name}/"));
                ahead.push(entry.path());
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    found
}

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(super) const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// A layout written by hand, so that it can be as wrong as it likes.
pub(super) struct Hand(TempDir);

impl Hand {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("blobs/sha256")).unwrap();
        fs::write(dir.path().join(super::MARKER), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(dir)
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn blob_path(&self, descriptor: &Value) -> PathBuf {
        let digest = descriptor["digest"].as_str().unwrap();
        self.path().join("blobs/sha256").join(digest.strip_prefix("sha256:").unwrap())
    }

    pub(super) fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let descriptor = json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()});
        fs::write(self.blob_path(&descriptor), bytes).unwrap();
        descriptor
    }

    pub(super) fn json(&self, media_type: &str, document: &Value) -> Value {
        self.blob(media_type, document.to_string().as_bytes())
    }

    /// A manifest of these layers, given by descriptor and tar.
    pub(super) fn manifest(&self, layers: &[(Value, &[u8])]) -> Value {
        let diff_ids: Vec<_> = layers.iter().map(|(_, tar)| Digest::of(tar).to_string()).collect();
        let config =
            json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let blobs: Vec<_> = layers.iter().map(|(blob, _)| blob.clone()).collect();
        json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": self.json(CONFIG, &config), "layers": blobs})
    }

    pub(super) fn image(&self) -> Value {
        let layer = self.blob(GZIP, &gzip(b"tar"));
        self.json(MANIFEST, &self.manifest(&[(layer, b"tar")]))
    }

    pub(super) fn index(&self, entries: &[Value]) -> &Self {
        let index = json!({"schemaVersion": 2, "manifests": entries});
        fs::write(self.path().join(super::INDEX), index.to_string()).unwrap();
        self
    }

    pub(super) fn open(&self) -> Result<Opened, Failure> {
        Opened::open(self.path())
    }

    /// What opening and verifying says against it.
    pub(super) fn failure(&self) -> String {
        self.open().and_then(|layout| layout.verify()).unwrap_err().to_string()
    }
}
