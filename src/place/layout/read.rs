//! A layout that is read, whoever made it.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest, Platform};

use super::{
    INDEX, MARKER, REF_NAME, VERSION,
    blob::{Store, read_small},
    document::{self, Document, Kind},
    walk::{self, Budget},
};
use crate::{
    oci::{DiffId, Digest, Open},
    place::{BlobRef, ImageSet, Packing, Skipped, StoredImage, StoredLayer, drain, shown},
    report::{Failure, Limits},
};

/// How often a layout that changes while it is read is read again.
const ATTEMPTS: usize = 8;

/// A layout whose documents were read and verified; layers are verified when they are read.
#[derive(Debug)]
pub struct Layout {
    path: PathBuf,
    store: Store,
    sets: Vec<ImageSet>,
}

impl Layout {
    /// Opens the layout at `path` and reads every index, manifest and config its `index.json` reaches.
    ///
    /// A link at `path` is followed; nothing inside of the layout is read through a link.
    ///
    /// # Errors
    /// No layout, another version, a document that is missing, too large, ambiguous or not what its descriptor
    /// says, `diff_ids` that are not as many as the layers, more layers or deeper indexes than [`Limits`] allows.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let mut attempts = ATTEMPTS;
        loop {
            let entry = read_entry(path)?;
            attempts -= 1;
            match Self::read(path, &entry) {
                // A build published meanwhile, and removed the blobs that the old index named.
                Err(_) if attempts > 0 && read_entry(path).is_ok_and(|now| now != entry) => {}
                result => return result.map_err(|failure| placed(failure, path)),
            }
        }
    }

    fn read(path: &Path, index: &ImageIndex) -> Result<Self, Failure> {
        let store = Store::of(path)?;
        let mut budget = Budget::new();
        let mut sets = Vec::with_capacity(index.manifests().len());
        for descriptor in index.manifests() {
            sets.push(Reader { store: &store, budget: &mut budget, seen: BTreeSet::new() }.set(descriptor)?);
        }
        Ok(Self { path: path.to_owned(), store, sets })
    }

    /// One for each entry of `index.json`, in its order.
    pub fn sets(&self) -> &[ImageSet] {
        &self.sets
    }

    /// Reads every blob the layout reaches and unpacks every layer: sizes, digests and diff_ids.
    ///
    /// # Errors
    /// The first one that is not right; also a layer packed with zstd, which cannot be looked into yet.
    pub fn verify(&self) -> Result<(), Failure> {
        let mut unpacked = BTreeSet::new();
        for set in &self.sets {
            walk::reach(&self.store, &set.root).map_err(|failure| placed(failure, &self.path))?;
            for layer in set.images.iter().flat_map(|image| &image.layers) {
                // Layers are shared between platforms; the packing is part of what is checked.
                let packing = Packing::of(&layer.descriptor.media_type) as u8;
                if !unpacked.insert((layer.descriptor.digest, layer.diff_id, packing)) {
                    continue;
                }
                layer.open_tar().and_then(|mut tar| drain(&mut tar)).map_err(|error| {
                    Failure::io(&format!("unpack the layer `{}`", layer.descriptor.digest), &self.path, &error)
                })?;
            }
        }
        Ok(())
    }
}

/// Reads the marker and `index.json`.
fn read_entry(path: &Path) -> Result<ImageIndex, Failure> {
    let small = |name: &str| {
        read_small(&path.join(name), Limits::MANIFEST_BYTES).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Failure::new(format!("is not an OCI layout: `{name}` is missing")).in_path(path)
            }
            _ => Failure::io(&format!("read `{name}`"), path, &error),
        })
    };
    let wrong = |name: &str, what: &str| Failure::new(format!("`{name}`: {what}")).in_path(path);
    let version = document::layout_version(&small(MARKER)?).map_err(|what| wrong(MARKER, &what))?;
    if version != VERSION {
        return Err(wrong(MARKER, &format!("layouts of version `{}` are not known", shown(&version))));
    }
    document::index(&small(INDEX)?).map_err(|what| wrong(INDEX, &what))
}

/// Adds the layout to a failure that has no place yet.
fn placed(failure: Failure, path: &Path) -> Failure {
    if failure.place.is_some() { failure } else { failure.in_path(path) }
}

/// The documents that `root` reaches in `store`, as if `index.json` named it `reference`.
pub(super) fn staged(store: &Store, root: &crate::oci::Descriptor, reference: &str) -> Result<ImageSet, Failure> {
    let mut root = root.clone();
    root.annotations.insert(REF_NAME.to_owned(), reference.to_owned());
    let read = serde_json::to_value(&root).and_then(serde_json::from_value::<Descriptor>);
    let descriptor = read.map_err(|error| Failure::new(format!("cannot read the descriptor: {error}")))?;
    Reader { store, budget: &mut Budget::new(), seen: BTreeSet::new() }.set(&descriptor)
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
        let mut set = ImageSet { reference, root, images: Vec::new(), skipped: Vec::new() };
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
        let layers = self.layers(&within, &manifest, &config)?;
        Ok(StoredImage { platform, descriptor: blob, manifest, config_descriptor, config, layers })
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
fn no_image(descriptor: &Descriptor) -> Option<String> {
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

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
