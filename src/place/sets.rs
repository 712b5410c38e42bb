//! From the entry points of a place to its images: every document read and verified.

use std::{collections::BTreeSet, sync::Arc};

use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, Platform};

use super::{
    BlobRef, ImageSet, Packing, REF_NAME, Skipped, StoredImage, StoredLayer,
    document::{self, Document, Kind},
    shown,
    store::Store,
    walk::{self, Budget},
};
use crate::{
    oci::{DiffId, Digest, Open},
    report::{Failure, Limits},
};

/// One set for each entry of `index`, an `index.json`, in its order.
pub(super) fn of_index(store: &Store, index: &ImageIndex) -> Result<Vec<ImageSet>, Failure> {
    let mut budget = Budget::new();
    let read = |descriptor| Reader { store, budget: &mut budget, seen: BTreeSet::new() }.set(descriptor);
    index.manifests().iter().map(read).collect()
}

/// The documents that `root` reaches in `store`, as if `index.json` named it `reference`.
pub(super) fn staged(store: &Store, root: &crate::oci::Descriptor, reference: &str) -> Result<ImageSet, Failure> {
    let mut root = root.clone();
    root.annotations.insert(REF_NAME.to_owned(), reference.to_owned());
    let read = serde_json::to_value(&root).and_then(serde_json::from_value::<Descriptor>);
    let descriptor = read.map_err(|error| Failure::new(format!("cannot read the descriptor: {error}")))?;
    Reader { store, budget: &mut Budget::new(), seen: BTreeSet::new() }.set(&descriptor)
}

/// The documents that `root` reaches in `store`, which somebody called `reference`.
pub(super) fn of_root(store: &Store, root: &BlobRef, reference: &str) -> Result<ImageSet, Failure> {
    let digest = root.digest.to_string();
    let digest = oci_spec::image::Digest::try_from(digest.as_str())
        .map_err(|_| Failure::new(format!("`{digest}` cannot be read")))?;
    let descriptor = Descriptor::new(root.media_type.as_str().into(), root.size, digest);
    let mut set = Reader { store, budget: &mut Budget::new(), seen: BTreeSet::new() }.set(&descriptor)?;
    set.reference = Some(reference.to_owned());
    Ok(set)
}

/// The image whose manifest is `blob` in `store`.
pub(super) fn image(store: &Store, blob: &BlobRef, manifest: ImageManifest) -> Result<StoredImage, Failure> {
    if let Some(why) = artifact(&manifest) {
        return Err(Failure::new(format!("`{}` is no image: {why}", blob.digest)));
    }
    Reader { store, budget: &mut Budget::new(), seen: BTreeSet::new() }.image(None, blob.clone(), manifest)
}

/// Reads the documents of one set.
struct Reader<'a> {
    store: &'a Store,
    budget: &'a mut Budget,
    seen: BTreeSet<Digest>,
}

impl Reader<'_> {
    fn set(mut self, descriptor: &Descriptor) -> Result<ImageSet, Failure> {
        let root = BlobRef::of(descriptor, "`index.json`")?;
        let reference = descriptor.annotations().as_ref().and_then(|map| map.get(REF_NAME)).cloned();
        let mut set =
            ImageSet { reference, aliases: Vec::new(), root: Some(root), images: Vec::new(), skipped: Vec::new() };
        self.entry(descriptor, "`index.json`", 0, &mut set)?;
        Ok(set)
    }

    /// Reads what `descriptor` names into `set`. `depth` is bounded, so this is too.
    fn entry(
        &mut self,
        descriptor: &Descriptor,
        within: &str,
        depth: usize,
        set: &mut ImageSet,
    ) -> Result<(), Failure> {
        walk::check_depth(depth)?;
        let blob = BlobRef::of(descriptor, within)?;
        if let Some(why) = no_image(descriptor) {
            set.skipped.push(Skipped { descriptor: blob, why });
            return Ok(());
        }
        // After the above: an image must not vanish because another entry calls it an attestation.
        if !self.seen.insert(blob.digest) {
            return Ok(());
        }
        match walk::read(self.store, self.budget, &blob)? {
            Document::Index(index) => {
                let within = format!("`{}`", blob.digest);
                for below in index.manifests() {
                    self.entry(below, &within, depth + 1, set)?;
                }
            }
            Document::Manifest(manifest) => match artifact(&manifest) {
                Some(why) => set.skipped.push(Skipped { descriptor: blob, why }),
                None => set.images.push(self.image(descriptor.platform().clone(), blob, *manifest)?),
            },
        }
        Ok(())
    }

    fn image(
        &mut self,
        platform: Option<Platform>,
        blob: BlobRef,
        manifest: ImageManifest,
    ) -> Result<StoredImage, Failure> {
        let within = format!("`{}`", blob.digest);
        let config_descriptor = BlobRef::of(manifest.config(), &within)?;
        self.budget.take(&config_descriptor)?;
        let bytes = self.store.document(&config_descriptor, Limits::CONFIG_BYTES)?;
        let config = document::config(&bytes)
            .map_err(|what| Failure::new(format!("the config `{}`: {what}", config_descriptor.digest)))?;
        let config_document = serde_json::from_slice(&bytes)
            .map_err(|error| Failure::new(format!("the config `{}`: {error}", config_descriptor.digest)))?;
        let layers = self.layers(&within, &manifest, &config)?;
        Ok(StoredImage {
            platform,
            descriptor: Some(blob),
            manifest: Some(manifest),
            config_descriptor,
            config,
            config_document,
            layers,
        })
    }

    fn layers(
        &self,
        within: &str,
        manifest: &ImageManifest,
        config: &ImageConfiguration,
    ) -> Result<Vec<StoredLayer>, Failure> {
        let (stored, named) = (manifest.layers(), config.rootfs().diff_ids());
        if stored.len() != named.len() {
            let what = format!("{within} has {} layers, its config names {}", stored.len(), named.len());
            return Err(Failure::new(what));
        }
        if stored.len() > Limits::LAYERS {
            let what = format!("{within} has {} layers, more than the {} allowed", stored.len(), Limits::LAYERS);
            return Err(Failure::new(what));
        }
        stored
            .iter()
            .zip(named)
            .map(|(descriptor, diff_id)| {
                let descriptor = BlobRef::of(descriptor, within)?;
                let diff_id = Digest::parse(diff_id).map(DiffId::new).map_err(|error| {
                    Failure::new(format!("the config of {within} names the layer `{}`: {error}", shown(diff_id)))
                })?;
                let blob: Arc<dyn Open> = Arc::new(self.store.blob(&descriptor));
                Ok(StoredLayer { descriptor, diff_id, blob })
            })
            .collect()
    }
}

/// Why a descriptor is left alone without looking further.
pub(super) fn no_image(descriptor: &Descriptor) -> Option<String> {
    if Kind::of(descriptor.media_type().as_ref()) == Kind::Other {
        return Some(format!("`{}` is no image", shown(descriptor.media_type().as_ref())));
    }
    let unknown = |platform: &Platform| platform.os().to_string() == "unknown";
    if descriptor.platform().as_ref().is_some_and(unknown) {
        return Some("its platform is `unknown`, as that of an attestation".to_owned());
    }
    None
}

/// Why a manifest is none of an image. The artifact type alone is no reason: engines run such an image, and whoever
/// wants to hide one would set it.
fn artifact(manifest: &ImageManifest) -> Option<String> {
    let config = manifest.config().media_type();
    if !document::is_image_config(config) {
        let kind = manifest.artifact_type().as_ref().unwrap_or(config);
        return Some(format!("it is an artifact, `{}`", shown(kind.as_ref())));
    }
    let unknown = |layer: &Descriptor| Packing::of(layer.media_type().as_ref()) == Packing::Unknown;
    match manifest.layers().as_slice() {
        [first, ..] if manifest.layers().iter().all(unknown) => {
            Some(format!("it holds `{}`, not layers", shown(first.media_type().as_ref())))
        }
        _ => None,
    }
}
