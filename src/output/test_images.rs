//! Images that the tests of this room stage and publish.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use crate::{
    image::{ImageFormat, OpenedImages, hand_layout::gzip},
    oci::{
        BlobSink, Descriptor, DiffId, Digest, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, Platform, RootFs,
        RunConfig, canonical_json, media_type,
    },
    output::{Publisher, ReadyImage, Staging},
    report::Failure,
};

impl Staging {
    /// Prepares to write an image at `path`, alone in its call.
    pub(super) fn begin(path: &Path, form: ImageFormat) -> Result<Self, Failure> {
        Self::begin_in(path, form, &Arc::default())
    }

    /// Publishes one image as [`Publisher`] does several.
    pub(super) fn publish(self, root: &Descriptor, reference: &str) -> Result<(), Failure> {
        let mut publishing = Publisher::default();
        publishing.add(ReadyImage::new(self, root.clone(), reference)?);
        publishing.sync()?;
        publishing.publish_all().map_err(|failure| failure.failure)?;
        publishing.take_unsettled().into_iter().try_for_each(|(_, failure)| Err(failure))?;
        publishing.finish()
    }
}

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
    let staging = Staging::begin(path, ImageFormat::Layout)?;
    let root = index(&staging, seed);
    staging.publish(&root, seed)?;
    Ok(root)
}

/// The name in the place at `path`, every byte of which is right.
pub(super) fn name(path: &Path) -> String {
    let opened = OpenedImages::open(path).unwrap();
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
