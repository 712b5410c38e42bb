//! Images as a build would write them, for `hardpan plan`, which audits them and writes nothing: layers are hashed and
//! not kept, documents are kept in memory.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    num::NonZeroUsize,
    sync::Arc,
};

use super::{
    image_documents::{image_config, image_index, image_manifest},
    layer_cache,
    plan::{GroupKind, LayerGroup, Plan},
};
use crate::{
    cache::Fingerprint,
    image::{BlobRef, ImageSet, StoredImage, StoredLayer},
    layer::{self, Compression, LayerObserver, WrittenLayer},
    oci::{BlobDraft, BlobSink, Descriptor, Digest, Open, Sha256, canonical_json, media_type},
    report::{ErrorName, Failure},
};

/// The images of `plans`, their own layers as uncompressed tars. Each layer is passed once to an observer of its own. Sizes
/// and digests of own layers are those of the tars.
///
/// # Errors
/// An input changed or cannot be read.
pub fn unstored_images<'o>(
    plans: &[Plan],
    name: &str,
    jobs: NonZeroUsize,
    observers: &dyn Fn() -> Box<dyn LayerObserver + 'o>,
) -> Result<ImageSet, Failure> {
    let mut known: BTreeMap<Fingerprint, WrittenLayer> = BTreeMap::new();
    let mut images = Vec::new();
    let mut manifests = Vec::new();
    for plan in plans {
        let mut layers = Vec::new();
        let mut stored = Vec::new();
        for layer in plan.base.iter().flat_map(|base| &base.layers) {
            layers.push((GroupKind::Base, layer.written.clone()));
            stored.push(stored_layer(&layer.written, Arc::clone(&layer.blob)));
        }
        for group in &plan.groups {
            let key = layer_cache::layer_key(plan, group);
            let written = match known.get(&key).cloned() {
                Some(written) => written,
                None => pass_by(plan, group, jobs, observers())?,
            };
            known.insert(key, written.clone());
            stored.push(stored_layer(&written, Arc::new(NotStored)));
            layers.push((group.kind, written));
        }
        let (image, manifest) = image(plan, &layers, stored)?;
        images.push(image);
        manifests.push(manifest);
    }
    let root = match manifests.as_slice() {
        [only] => only.clone(),
        _ => document(media_type::INDEX, &image_index(plans, manifests))?.0,
    };
    let root = Some(blob_ref(&root));
    Ok(ImageSet {
        reference: Some(name.to_owned()),
        aliases: Vec::new(),
        root,
        images,
        skipped: Vec::new(),
        outer_documents: Vec::new(),
    })
}

/// Writes a layer to its observer, and hashes it.
fn pass_by(
    plan: &Plan,
    group: &LayerGroup,
    jobs: NonZeroUsize,
    observer: Box<dyn LayerObserver + '_>,
) -> Result<WrittenLayer, Failure> {
    let entries: Vec<_> = group.entries.iter().map(|planned| &planned.entry).collect();
    let sink = Unstored { media_type: plan.compression.media_type() };
    layer::write(&entries, Compression::Uncompressed, jobs, &sink, observer)
}

/// One image, and the descriptor of its manifest.
fn image(
    plan: &Plan,
    layers: &[(GroupKind, WrittenLayer)],
    stored: Vec<StoredLayer>,
) -> Result<(StoredImage, Descriptor), Failure> {
    let fault = |error: serde_json::Error| {
        Failure::error(ErrorName::Internal, format!("cannot read JSON that was just written: {error}"))
    };
    let (config, config_bytes) = document(media_type::CONFIG, &image_config(plan, layers))?;
    let (mut manifest, bytes) = document(media_type::MANIFEST, &image_manifest(plan, &config, layers))?;
    manifest.platform = Some(plan.platform.clone());
    let image = StoredImage {
        // The index of a single image says the same as its config.
        platform: None,
        descriptor: Some(blob_ref(&manifest)),
        manifest: Some(serde_json::from_slice(&bytes).map_err(fault)?),
        manifest_document: serde_json::from_slice(&bytes).map_err(fault)?,
        config_descriptor: blob_ref(&config),
        config: serde_json::from_slice(&config_bytes).map_err(fault)?,
        config_document: serde_json::from_slice(&config_bytes).map_err(fault)?,
        layers: stored,
    };
    Ok((image, manifest))
}

/// A document and what names it.
fn document(media_type: &'static str, document: &impl serde::Serialize) -> Result<(Descriptor, Vec<u8>), Failure> {
    let bytes = canonical_json(document)
        .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write JSON: {error}")))?;
    let (digest, size) = (Digest::of(&bytes), bytes.len() as u64);
    Ok((Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() }, bytes))
}

fn blob_ref(blob: &Descriptor) -> BlobRef {
    BlobRef { media_type: blob.media_type.to_owned(), digest: blob.digest, size: blob.size }
}

fn stored_layer(written: &WrittenLayer, blob: Arc<dyn Open>) -> StoredLayer {
    StoredLayer { descriptor: blob_ref(&written.blob), diff_id: written.diff_id, blob }
}

/// A sink that hashes blobs and keeps none. `media_type` is the one that they would be stored with.
#[derive(Debug)]
struct Unstored {
    media_type: &'static str,
}

/// A blob that is hashed and not kept.
struct PassingBlob {
    media_type: &'static str,
    hash: Sha256,
    size: u64,
}

/// The bytes of a blob that was not kept.
#[derive(Debug)]
struct NotStored;

impl BlobSink for Unstored {
    fn draft(&self) -> Result<Box<dyn BlobDraft + '_>, Failure> {
        Ok(Box::new(PassingBlob { media_type: self.media_type, hash: Sha256::new(), size: 0 }))
    }
}

impl BlobDraft for PassingBlob {
    fn seal(self: Box<Self>, _: &'static str) -> Result<Descriptor, Failure> {
        let digest = self.hash.finish();
        let (media_type, size) = (self.media_type, self.size);
        Ok(Descriptor { media_type, digest, size, platform: None, annotations: BTreeMap::new() })
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::error(ErrorName::InputChanged, format!("cannot hash a layer: {error}"))
    }
}

impl Write for PassingBlob {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Open for NotStored {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Err(io::Error::other("this layer was hashed and not stored"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::{
        build::{
            plan::{BaseLayer, LayerGroup, PlannedBase, PlannedEntry},
            settings::SourceDate,
        },
        layer::{EntryKind, LayerEntry, NoObserver},
        oci::{DiffId, ImagePath, Platform, RunConfig},
        report::{Origin, SourceText},
    };

    fn origin() -> Origin {
        Origin::new(&Arc::new(SourceText { path: "x.toml".to_owned(), text: String::new() }), 0..0)
    }

    /// A plan of one file with that content, over a base of one layer.
    fn plan(platform: &str, content: &'static [u8]) -> Plan {
        let kind = EntryKind::File { size: content.len() as u64, content: Arc::new(content.to_vec()) };
        let path = ImagePath::parse("/x").unwrap();
        let entry = LayerEntry { path, mode: 0o444, uid: 0, gid: 0, kind };
        let fingerprint = Some(Fingerprint::of(content));
        let planned = PlannedEntry { entry, fingerprint, origin: origin() };
        let (digest, size) = (Digest::of(b"base"), 4);
        let blob = Descriptor {
            media_type: media_type::LAYER_GZIP,
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
        };
        let written = WrittenLayer { blob, diff_id: DiffId::new(Digest::of(b"tar")), unpacked_size: 9 };
        let base = PlannedBase {
            origin: origin(),
            text: "base".to_owned(),
            reference: None,
            digest: None,
            manifest: None,
            layers: vec![BaseLayer { written, blob: Arc::new(b"base".to_vec()) }],
            history: Vec::new(),
        };
        Plan {
            platform: Platform::parse(platform).unwrap(),
            base: Some(base),
            compression: Compression::Zstd,
            groups: vec![LayerGroup { kind: GroupKind::Files, entries: vec![planned], from_host: false }],
            config: RunConfig::default(),
            annotations: BTreeMap::new(),
            source_date: SourceDate::default(),
            debug_files: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// The set of those plans, and how many layers were seen.
    fn images(plans: &[Plan]) -> (ImageSet, usize) {
        let seen = RefCell::new(0);
        let observers = || {
            *seen.borrow_mut() += 1;
            Box::new(NoObserver) as Box<dyn LayerObserver>
        };
        let set = unstored_images(plans, "x", NonZeroUsize::MIN, &observers).unwrap();
        let seen = *seen.borrow();
        (set, seen)
    }

    #[test]
    fn an_image_has_the_layers_of_its_base_and_its_own_as_a_tar_under_the_name_it_would_have() {
        let (set, _) = images(&[plan("linux/amd64", b"text")]);
        let image = &set.images[0];
        assert_eq!(set.root, image.descriptor, "one image has no index");
        let [base, own] = image.layers.as_slice() else { panic!("{} layers", image.layers.len()) };
        assert_eq!(
            (base.descriptor.digest, base.descriptor.size, base.diff_id),
            (Digest::of(b"base"), 4, DiffId::new(Digest::of(b"tar")))
        );
        let mut bytes = Vec::new();
        base.blob.open().unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"base");
        // A header, a block of content, and the end.
        assert_eq!(own.descriptor.media_type, media_type::LAYER_ZSTD);
        assert_eq!(own.descriptor.size, 4 * 512);
        assert_eq!(own.descriptor.digest, own.diff_id.digest(), "it is not compressed");
        assert!(own.blob.open().is_err());
        assert_eq!(image.layers.len(), 2);
    }

    #[test]
    fn platforms_share_a_layer_that_is_seen_once_under_an_index_that_names_them() {
        let plans = [plan("linux/amd64", b"text"), plan("linux/arm64", b"text")];
        let (set, seen) = images(&plans);
        assert_eq!(seen, 1);
        assert_ne!(set.root, set.images[0].descriptor);
        let manifests = set.images.iter().map(|image| image.descriptor.clone().unwrap());
        let manifests: Vec<Descriptor> = manifests
            .zip(&plans)
            .map(|(blob, plan)| Descriptor {
                media_type: media_type::MANIFEST,
                digest: blob.digest,
                size: blob.size,
                platform: Some(plan.platform.clone()),
                annotations: BTreeMap::new(),
            })
            .collect();
        let index = canonical_json(&image_index(&plans, manifests)).unwrap();
        assert_eq!(set.root.unwrap().digest, Digest::of(&index));
        let (_, seen) = images(&[plan("linux/amd64", b"text"), plan("linux/arm64", b"other")]);
        assert_eq!(seen, 2);
    }
}
