//! From the plan to blobs: layers, config, manifest, index.

use std::{collections::BTreeMap, io, num::NonZeroUsize, sync::Arc};

use super::{
    plan::{Group, GroupKind, Plan},
    reuse,
};
use crate::{
    cache::{Cache, Fingerprint},
    layer::{self, Onlooker, Written},
    oci::{
        BlobSink, Descriptor, DiffId, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, RootFs, canonical_json,
        media_type,
    },
    place::Staging,
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
    sink: &'a Staging,
    cache: Option<&'a Cache>,
    jobs: NonZeroUsize,
    progress: &'a dyn Progress,
    /// Who looks at a layer while it is written.
    onlookers: &'a dyn Fn() -> Box<dyn Onlooker + 'a>,
    /// Layers that were written, by a digest of all that reaches their bytes.
    written: BTreeMap<Fingerprint, Written>,
    /// Those of them that the cache did not have.
    new: Vec<Fingerprint>,
}

impl<'a> Assembler<'a> {
    /// Writes into `sink` with `jobs` threads what the cache does not have; each layer that is written is seen once by an
    /// onlooker of its own.
    pub fn new(
        sink: &'a Staging,
        cache: Option<&'a Cache>,
        jobs: NonZeroUsize,
        progress: &'a dyn Progress,
        onlookers: &'a dyn Fn() -> Box<dyn Onlooker + 'a>,
    ) -> Self {
        Self { sink, cache, jobs, progress, onlookers, written: BTreeMap::new(), new: Vec::new() }
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

    /// Gives the cache the layers that were written: not before the image has passed all that it has to pass.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        let Some(cache) = self.cache else { return Ok(()) };
        for key in &self.new {
            if let Some(layer) = self.written.get(key) {
                self.sink.keep(&layer.blob)?;
                reuse::keep(cache, key, layer)?;
            }
        }
        Ok(())
    }

    fn layer(&mut self, plan: &Plan, group: &Group) -> Result<Written, Failure> {
        let key = reuse::key(plan, group);
        if let Some(written) = self.written.get(&key) {
            return Ok(written.clone());
        }
        let known = self.cache.and_then(|cache| reuse::find(cache, &key, plan.compression.media_type()));
        if let Some(layer) = known
            && self.sink.adopt(&layer.blob)?
        {
            self.tell(plan, group, &layer, ", unchanged");
            self.written.insert(key, layer.clone());
            return Ok(layer);
        }
        let entries: Vec<_> = group.entries.iter().map(|planned| &planned.entry).collect();
        let what = format!("compress {} ({})", group.kind.name(), plan.platform);
        let task = self.progress.task(&what, Some(layer::unpacked_size(&entries)));
        let onlooker = Box::new(Watched { onlooker: (self.onlookers)(), task });
        let written = layer::write(&entries, plan.compression, self.jobs, self.sink, onlooker)?;
        self.tell(plan, group, &written, "");
        self.written.insert(key, written.clone());
        self.new.push(key);
        Ok(written)
    }

    fn tell(&self, plan: &Plan, group: &Group, layer: &Written, how: &str) {
        self.progress.step(&format!(
            "layer {} ({}): {} entries, {} bytes, stored in {}{how}",
            group.kind.name(),
            plan.platform,
            group.entries.len(),
            layer.unpacked_size,
            layer.blob.size
        ));
        self.progress.detail(&format!("  {} (diff_id {})", layer.blob.digest, layer.diff_id));
    }
}

/// Tells a task how much of a layer has passed by.
struct Watched<'a> {
    onlooker: Box<dyn Onlooker + 'a>,
    task: Arc<dyn Task>,
}

impl Onlooker for Watched<'_> {
    fn look(&mut self, tar: &[u8]) {
        self.task.advance(tar.len() as u64);
        self.onlooker.look(tar);
    }

    fn end(self: Box<Self>, diff_id: DiffId) {
        self.onlooker.end(diff_id);
    }
}

fn put<T: serde::Serialize>(
    sink: &dyn BlobSink,
    media_type: &'static str,
    document: &T,
) -> Result<Descriptor, Failure> {
    let bytes = canonical_json(document).map_err(|error| Failure::new(format!("cannot write JSON: {error}")))?;
    sink.put(media_type, &bytes)
}
