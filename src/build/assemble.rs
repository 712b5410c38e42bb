//! From the plan to blobs: layers, config, manifest, index.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    num::NonZeroUsize,
    sync::Arc,
};

use super::plan::{Group, GroupKind, Plan};
use crate::{
    cache::Fingerprint,
    layer::{self, Entry, EntryKind, Onlooker, Written},
    oci::{
        BlobSink, Descriptor, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, Open, RootFs, canonical_json,
        media_type,
    },
    report::{Failure, Progress, Task},
};

/// An image of one platform, as blobs in a sink.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// The manifest; its `platform` is that of the plan.
    pub manifest: Descriptor,
    /// The config; its digest is the image ID.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<(GroupKind, Written)>,
}

/// Writes images into one sink; platforms that share a layer share the work for it.
pub struct Assembler<'a> {
    sink: &'a dyn BlobSink,
    jobs: NonZeroUsize,
    progress: &'a dyn Progress,
    /// Who looks at a layer while it is written.
    onlookers: &'a dyn Fn() -> Box<dyn Onlooker + 'a>,
    /// Layers that were written, by a digest of all that reaches their bytes.
    written: BTreeMap<Fingerprint, Written>,
}

impl<'a> Assembler<'a> {
    /// Writes into `sink` with `jobs` threads; each layer is seen once by an onlooker of its own.
    pub fn new(
        sink: &'a dyn BlobSink,
        jobs: NonZeroUsize,
        progress: &'a dyn Progress,
        onlookers: &'a dyn Fn() -> Box<dyn Onlooker + 'a>,
    ) -> Self {
        Self { sink, jobs, progress, onlookers, written: BTreeMap::new() }
    }

    /// Writes the layers, the config and the manifest of one plan.
    pub fn assemble(&mut self, plan: &Plan) -> Result<Assembled, Failure> {
        let mut layers = Vec::new();
        for group in &plan.groups {
            layers.push((group.kind, self.layer(plan, group)?));
        }
        let created = plan.source_date.to_string();
        let config = ImageConfig {
            platform: plan.platform.clone(),
            created: created.clone(),
            config: plan.config.clone(),
            rootfs: RootFs { kind: "layers", diff_ids: layers.iter().map(|(_, layer)| layer.diff_id).collect() },
            history: layers
                .iter()
                .map(|(kind, _)| HistoryEntry {
                    created: created.clone(),
                    created_by: format!("hardpan: {}", kind.name()),
                })
                .collect(),
        };
        let config = put(self.sink, media_type::CONFIG, &config)?;
        let manifest = ImageManifest {
            schema_version: 2,
            media_type: media_type::MANIFEST,
            config: config.clone(),
            layers: layers.iter().map(|(_, layer)| layer.blob.clone()).collect(),
            annotations: plan.annotations.clone(),
        };
        let mut manifest = put(self.sink, media_type::MANIFEST, &manifest)?;
        manifest.platform = Some(plan.platform.clone());
        self.progress.detail(&format!("manifest {} ({}), config {}", manifest.digest, plan.platform, config.digest));
        Ok(Assembled { manifest, config, layers })
    }

    /// Writes an index of several images. Of the annotations those that every platform agrees on are the index's.
    pub fn index(&self, plans: &[Plan], images: &[Assembled]) -> Result<Descriptor, Failure> {
        let mut annotations = plans.first().map(|plan| plan.annotations.clone()).unwrap_or_default();
        annotations.retain(|key, value| plans.iter().all(|plan| plan.annotations.get(key) == Some(value)));
        let index = ImageIndex {
            schema_version: 2,
            media_type: media_type::INDEX,
            manifests: images.iter().map(|image| image.manifest.clone()).collect(),
            annotations,
        };
        put(self.sink, media_type::INDEX, &index)
    }

    fn layer(&mut self, plan: &Plan, group: &Group) -> Result<Written, Failure> {
        let key = identity(plan, group);
        if let Some(written) = self.written.get(&key) {
            return Ok(written.clone());
        }
        let sizes = group.entries.iter().map(|planned| planned.entry.kind.size());
        let what = format!("compress {} ({})", group.kind.name(), plan.platform);
        let task = self.progress.task(&what, Some(sizes.sum()));
        // Entries share their content; what is copied here is names and numbers.
        let entries: Vec<_> = group.entries.iter().map(|planned| watched(&planned.entry, &task)).collect();
        drop(task);
        let written = layer::write(&entries, plan.compression, self.jobs, self.sink, (self.onlookers)())?;
        let count = entries.len();
        // The end of the task: they hold the last handles.
        drop(entries);
        self.progress.step(&format!(
            "layer {} ({}): {} entries, {} bytes, stored in {}",
            group.kind.name(),
            plan.platform,
            count,
            written.unpacked_size,
            written.blob.size
        ));
        self.progress.detail(&format!("  {} (diff_id {})", written.blob.digest, written.diff_id));
        self.written.insert(key, written.clone());
        Ok(written)
    }
}

/// The entry, with a content that tells `task` how much of it was read.
fn watched(entry: &Entry, task: &Arc<dyn Task>) -> Entry {
    let mut entry = entry.clone();
    if let EntryKind::File { content, .. } = &mut entry.kind {
        *content = Arc::new(Watched { content: Arc::clone(content), task: Arc::clone(task) });
    }
    entry
}

#[derive(Debug)]
struct Watched {
    content: Arc<dyn Open>,
    task: Arc<dyn Task>,
}

impl Open for Watched {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(WatchedReader { reader: self.content.open()?, task: Arc::clone(&self.task) }))
    }
}

struct WatchedReader {
    reader: Box<dyn Read + Send>,
    task: Arc<dyn Task>,
}

impl Read for WatchedReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buf)?;
        self.task.advance(read as u64);
        Ok(read)
    }
}

/// A digest of everything that reaches the bytes of a layer.
fn identity(plan: &Plan, group: &Group) -> Fingerprint {
    use std::io::Write as _;
    let mut key = Vec::new();
    for planned in &group.entries {
        let entry = &planned.entry;
        let (kind, size, target) = match &entry.kind {
            EntryKind::Directory => ('d', 0, &b""[..]),
            EntryKind::File { size, .. } => ('f', *size, &b""[..]),
            EntryKind::Symlink { target } => ('l', 0, target.as_slice()),
        };
        let numbers = (
            kind,
            entry.mode,
            entry.uid,
            entry.gid,
            size,
            planned.fingerprint,
            entry.path.as_bytes().len(),
            target.len(),
        );
        // Writing to a Vec cannot fail.
        let _ = write!(key, "{numbers:?}");
        key.extend_from_slice(entry.path.as_bytes());
        key.extend_from_slice(target);
    }
    let _ = write!(key, "{:?}", plan.compression);
    Fingerprint::of(&key)
}

fn put<T: serde::Serialize>(
    sink: &dyn BlobSink,
    media_type: &'static str,
    document: &T,
) -> Result<Descriptor, Failure> {
    let bytes = canonical_json(document).map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?;
    sink.put(media_type, &bytes)
}
