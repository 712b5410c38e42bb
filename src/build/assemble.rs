//! Writes the blobs of an image from its plan: layers, config, manifest, index. `commands::build` calls [`Assembler`]
//! once a platform. The blobs depend on the plan alone, not on the cache, the number of threads or the order of the
//! images.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read as _, Write as _},
    num::NonZeroUsize,
    sync::Arc,
};

use super::{
    BuildRun,
    image_documents::{image_config, image_index, image_manifest},
    layer_cache,
    plan::{BaseLayer, GroupKind, LayerGroup, Plan},
};
use crate::{
    cache::{Fingerprint, SharedCache},
    image::most_unpacked,
    layer::{self, LayerObserver, WrittenLayer},
    oci::{BlobSink, Descriptor, Digest, canonical_json, media_type},
    output::Staging,
    report::{ErrorName, Failure, Limits, Progress, ProgressLevel, Rule, Task, printable},
};

/// Entries of a layer that may be a small one.
const FEW: usize = 256;

/// An image of one platform, as blobs in a sink.
#[derive(Debug, Clone)]
pub struct Assembled {
    /// The manifest; its `platform` is that of the plan.
    pub manifest: Descriptor,
    /// The config; its digest is the image ID.
    pub config: Descriptor,
    /// The layers, lowest first.
    pub layers: Vec<(GroupKind, WrittenLayer)>,
}

/// Writes images into one sink; platforms that share a layer share the work for it.
pub struct Assembler<'a> {
    sink: &'a Staging,
    cache: Option<&'a SharedCache>,
    run: &'a BuildRun,
    jobs: NonZeroUsize,
    progress: &'a dyn Progress,
    /// Makes the observer of a layer, which sees its bytes while it is written.
    observers: &'a dyn Fn() -> Box<dyn LayerObserver + 'a>,
    /// Layers that were written, by a digest of all that reaches their bytes.
    written: BTreeMap<Fingerprint, WrittenLayer>,
    /// The layers that the cache did not have.
    new: Vec<Fingerprint>,
    /// Layers of bases that are in the sink.
    passed: BTreeSet<Digest>,
}

impl<'a> Assembler<'a> {
    /// Writes into `sink`, with `jobs` threads, each layer that the cache does not have; each layer that is packed passes
    /// an observer of its own.
    pub fn new(
        sink: &'a Staging,
        cache: Option<&'a SharedCache>,
        run: &'a BuildRun,
        jobs: NonZeroUsize,
        progress: &'a dyn Progress,
        observers: &'a dyn Fn() -> Box<dyn LayerObserver + 'a>,
    ) -> Self {
        Self {
            sink,
            cache,
            run,
            jobs,
            progress,
            observers,
            written: BTreeMap::new(),
            new: Vec::new(),
            passed: BTreeSet::new(),
        }
    }

    /// Writes the layers, the config and the manifest of one plan.
    pub fn assemble(&mut self, plan: &Plan) -> Result<Assembled, Failure> {
        let mut layers = Vec::new();
        for layer in plan.base.iter().flat_map(|base| &base.layers) {
            layers.push((GroupKind::Base, self.pass_through(layer)?));
        }
        for group in &plan.groups {
            layers.push((group.kind, self.write_layer(plan, group)?));
        }
        let config = put_document(self.sink, media_type::CONFIG, &image_config(plan, &layers))?;
        let mut manifest = put_document(self.sink, media_type::MANIFEST, &image_manifest(plan, &config, &layers))?;
        manifest.platform = Some(plan.platform.clone());
        if self.progress.shows(ProgressLevel::Detail) {
            let (manifest, config) = (manifest.digest, config.digest);
            self.progress.detail(&format!("manifest {manifest} ({}), config {config}", plan.platform));
        }
        Ok(Assembled { manifest, config, layers })
    }

    /// Writes an index of several images. Of the annotations those that every platform agrees on are the index's.
    pub fn index(&self, plans: &[Plan], images: &[Assembled]) -> Result<Descriptor, Failure> {
        let manifests = images.iter().map(|image| image.manifest.clone()).collect();
        put_document(self.sink, media_type::INDEX, &image_index(plans, manifests))
    }

    /// Puts the new layers into the cache. Called after the image has passed the gate.
    ///
    /// # Errors
    /// The cache cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        let Some(cache) = self.cache else { return Ok(()) };
        for key in &self.new {
            if let Some(layer) = self.written.get(key) {
                self.sink.keep(&layer.blob)?;
                layer_cache::keep_layer(cache, key, layer)?;
            }
        }
        Ok(())
    }

    /// Takes a layer of the base as it is.
    fn pass_through(&mut self, layer: &BaseLayer) -> Result<WrittenLayer, Failure> {
        let WrittenLayer { blob, .. } = &layer.written;
        if !self.passed.contains(&blob.digest) {
            let fault = |error: io::Error| {
                Failure::error(
                    ErrorName::Base,
                    format!("cannot read the layer `{}` of the base: {}", blob.digest, printable(&error.to_string())),
                )
            };
            let mut reader = layer.blob.open().map_err(fault)?;
            let mut draft = self.sink.draft()?;
            let mut buffer = vec![0; 256 << 10];
            loop {
                let read = reader.read(&mut buffer).map_err(fault)?;
                let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
                draft.write_all(bytes).map_err(|error| draft.failure(&error))?;
            }
            let sealed = draft.seal(blob.media_type)?;
            if (sealed.digest, sealed.size) != (blob.digest, blob.size) {
                return Err(Failure::error(
                    ErrorName::InputChanged,
                    format!("the layer `{}` of the base changed while it was read", blob.digest),
                ));
            }
            self.progress.step(&format!("layer base: {} bytes as they are", blob.size));
            self.progress.detail(&format!("  {} (diff_id {})", blob.digest, layer.written.diff_id));
            self.passed.insert(blob.digest);
        }
        Ok(layer.written.clone())
    }

    fn write_layer(&mut self, plan: &Plan, group: &LayerGroup) -> Result<WrittenLayer, Failure> {
        let key = layer_cache::layer_key(plan, group);
        if let Some(written) = self.written.get(&key) {
            return Ok(written.clone());
        }
        let entries: Vec<_> = group.entries.iter().map(|planned| &planned.entry).collect();
        let is_up_to = |most| entries.len() <= FEW && layer::unpacked_size(&entries) <= most;
        let is_small = is_up_to(Limits::SMALL_LAYER_BYTES);
        // Packing a small layer of texts in the recipe is faster than a look-up.
        let is_cheap = !group.from_host && is_up_to(Limits::CHEAP_LAYER_BYTES);
        let cached = || if is_cheap { Ok(None) } else { self.adopt_cached(&key, plan) };
        let mut known = cached()?;
        let turn = (known.is_none() && !is_small).then(|| self.run.wait_for_large_layer());
        if turn.is_some() && self.run.is_new_layer(&key) {
            // Another image of this call has packed it while this one waited.
            known = cached()?;
        }
        if let Some(layer) = known {
            // Do not print "unchanged" for a layer that another image of this call packed: that depends on their timing.
            let how = if self.run.is_new_layer(&key) { "" } else { ", unchanged" };
            self.report_layer(plan, group, &layer, how);
            self.written.insert(key, layer.clone());
            return Ok(layer);
        }
        let what = format!("compress {} ({})", group.kind.name(), plan.platform);
        let task = self.progress.task(&what, Some(layer::unpacked_size(&entries)));
        let observer = Box::new(ProgressObserver { observer: (self.observers)(), task });
        let written = layer::write(&entries, plan.compression, self.jobs, self.sink, observer)?;
        check_proportion(group, &written)?;
        self.compare_with_cached(&key, plan, &written)?;
        self.report_layer(plan, group, &written, "");
        self.run.note_new_layer(key);
        self.written.insert(key, written.clone());
        if !is_cheap {
            self.new.push(key);
        }
        Ok(written)
    }

    /// The layer of that key from the cache, staged.
    fn adopt_cached(&self, key: &Fingerprint, plan: &Plan) -> Result<Option<WrittenLayer>, Failure> {
        let Some(cache) = self.cache.filter(|cache| !cache.verifies(key)) else { return Ok(None) };
        match layer_cache::find_layer(cache, key, plan.compression.media_type()) {
            Some(layer)
                if cache.blob(layer.blob.digest, layer.blob.size).is_some() && self.sink.adopt(&layer.blob)? =>
            {
                Ok(Some(layer))
            }
            _ => Ok(None),
        }
    }

    /// Compares a layer that was packed although the cache may have it.
    ///
    /// # Errors
    /// The cache has another one.
    fn compare_with_cached(&self, key: &Fingerprint, plan: &Plan, written: &WrittenLayer) -> Result<(), Failure> {
        let Some(cache) = self.cache.filter(|cache| cache.verifies(key)) else { return Ok(()) };
        let Some(cached) = layer_cache::find_layer(cache, key, plan.compression.media_type()) else { return Ok(()) };
        let facts = |layer: &WrittenLayer| (layer.blob.digest, layer.blob.size, layer.diff_id, layer.unpacked_size);
        if facts(&cached) == facts(written) {
            cache.note_verified();
            return Ok(());
        }
        let (cached, packed) = (cached.blob.digest, written.blob.digest);
        let what = format!(
            "the cache has `{cached}` for a layer (key `{key}`), and of the same entries `{packed}` was packed"
        );
        Err(Failure::answer(what)
            .hint("the cache is poisoned, or a file is damaged; `hardpan cache prune --all` empties this one"))
    }

    fn report_layer(&self, plan: &Plan, group: &LayerGroup, layer: &WrittenLayer, how: &str) {
        if !self.progress.shows(ProgressLevel::Step) {
            return;
        }
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

/// Reports the bytes of a layer to a task, and passes them to the observer of the layer.
struct ProgressObserver<'a> {
    observer: Box<dyn LayerObserver + 'a>,
    task: Arc<dyn Task>,
}

impl LayerObserver for ProgressObserver<'_> {
    fn observe(&mut self, tar: &[u8]) {
        self.task.advance(tar.len() as u64);
        self.observer.observe(tar);
    }

    fn end(self: Box<Self>, written: &WrittenLayer) {
        self.observer.end(written);
    }
}

/// Refuses a layer whose compression ratio is above [`Limits::UNPACK_RATIO`], because no audit would read it.
///
/// # Errors
/// At the line of the largest file.
fn check_proportion(group: &LayerGroup, written: &WrittenLayer) -> Result<(), Failure> {
    if written.unpacked_size <= most_unpacked(written.blob.size) {
        return Ok(());
    }
    let largest = group.entries.iter().max_by_key(|planned| planned.entry.kind.size());
    let path = largest.map(|planned| planned.entry.path.to_string()).unwrap_or_default();
    let what = format!(
        "the layer of `{path}` has {} bytes in {} stored ones, and readers refuse more than {} times as much as a decompression bomb",
        written.unpacked_size,
        written.blob.size,
        Limits::UNPACK_RATIO
    );
    let failure = Failure::refused(Rule::ResourceBomb, what);
    let failure = failure.hint("let the program write such a file when it starts; it is nearly all the same byte");
    Err(match largest {
        Some(planned) => failure.at(&planned.origin),
        None => failure,
    })
}

fn put_document<T: serde::Serialize>(
    sink: &dyn BlobSink,
    media_type: &'static str,
    document: &T,
) -> Result<Descriptor, Failure> {
    let bytes = canonical_json(document)
        .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write JSON: {error}")))?;
    sink.put(media_type, &bytes)
}
