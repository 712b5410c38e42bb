//! Reads the image sets of a place: from the entries of `index.json`, or from one root descriptor, to images with
//! parsed manifests, configs and layer descriptors.
//!
//! Layouts, archives, registries, staging folders and bases are read by this code. Every document is verified against
//! its digest; entries that are no image (attestations, artifacts) are listed as skipped, with the reason; entries that
//! some engines would run and others would not are refused.

use std::{collections::BTreeSet, sync::Arc};

use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest, MediaType, Os, Platform};
use serde_json::{Value, json};

use crate::{
    image::{
        BlobRef, ImageSet, OuterDocument, Packing, QuotedDigest, REF_NAME, Skipped, StoredImage, StoredLayer,
        document::{self, DocumentKind, ImageDocument, PlaceIndex},
        reachable::{self, DocumentBudget},
        store::Store,
    },
    oci::{DiffId, Digest, Open},
    report::{ErrorName, Failure, Limits, shown},
};

/// Reads one image set for each entry of `index`, an `index.json`, in its order.
pub(crate) fn read_index(store: &Store, place: &PlaceIndex) -> Result<Vec<ImageSet>, Failure> {
    let mut budget = DocumentBudget::new();
    let read = |(number, descriptor): (usize, &Descriptor)| {
        let root = BlobRef::of(descriptor, "`index.json`")?;
        let reference = descriptor.annotations().as_ref().and_then(|map| map.get(REF_NAME)).cloned();
        let reader = ImageSetReader { store, budget: &mut budget, seen: BTreeSet::new() };
        let mut set = reader.read_set(root, descriptor.platform().as_ref(), reference)?;
        set.outer_documents.insert(0, index_for(&place.document, number));
        Ok(set)
    };
    place.index.manifests().iter().enumerate().map(read).collect()
}

/// An `index.json` as the images of its entry `number` have it: without the other entries, which are of other names.
fn index_for(document: &Value, number: usize) -> OuterDocument {
    let own = document.get("manifests").and_then(|entries| entries.get(number)).cloned().unwrap_or_default();
    let rest = document.as_object().into_iter().flatten().filter(|(key, _)| *key != "manifests");
    let mut content: serde_json::Map<String, Value> = rest.map(|(key, value)| (key.clone(), value.clone())).collect();
    content.insert("manifests".to_owned(), json!([own]));
    OuterDocument { name: "index.json".to_owned(), content: Value::Object(content) }
}

/// Reads the image set of `root`, which was staged in `store`, as if `index.json` named it `reference`.
pub(crate) fn read_staged(store: &Store, root: &crate::oci::Descriptor, reference: &str) -> Result<ImageSet, Failure> {
    let platform = root.platform.as_ref().map(|own| {
        let mut platform = Platform::default();
        platform.set_os(own.os.into()).set_architecture(own.architecture.into());
        platform.set_variant(own.variant.map(str::to_owned));
        platform
    });
    let root = BlobRef::from(root);
    let reader = ImageSetReader { store, budget: &mut DocumentBudget::new(), seen: BTreeSet::new() };
    reader.read_set(root, platform.as_ref(), Some(reference.to_owned()))
}

/// The image set of `root` in `store`, under the name `reference` that the user gave.
pub(crate) fn read_root(store: &Store, root: &BlobRef, reference: &str) -> Result<ImageSet, Failure> {
    let reader = ImageSetReader { store, budget: &mut DocumentBudget::new(), seen: BTreeSet::new() };
    reader.read_set(root.clone(), None, Some(reference.to_owned()))
}

/// The image whose manifest is `blob` in `store`; `manifest_document` is the same as it stands there.
pub(crate) fn read_image(
    store: &Store,
    blob: &BlobRef,
    manifest: ImageManifest,
    manifest_document: Value,
) -> Result<StoredImage, Failure> {
    if let Some(why) = reason_no_image(&manifest).map_err(|failure| in_document(failure, blob.digest))? {
        return Err(Failure::error(ErrorName::ImageUnsupported, format!("`{}` is no image: {why}", blob.digest)));
    }
    ImageSetReader { store, budget: &mut DocumentBudget::new(), seen: BTreeSet::new() }.read_image(
        None,
        blob.clone(),
        (manifest, manifest_document),
    )
}

/// A failure about the document of that digest.
fn in_document(failure: Failure, digest: Digest) -> Failure {
    Failure { what: format!("`{digest}`: {}", failure.what), ..failure }
}

/// Reads the documents of one set.
struct ImageSetReader<'a> {
    store: &'a Store,
    budget: &'a mut DocumentBudget,
    seen: BTreeSet<Digest>,
}

impl ImageSetReader<'_> {
    fn read_set(
        mut self,
        root: BlobRef,
        platform: Option<&Platform>,
        reference: Option<String>,
    ) -> Result<ImageSet, Failure> {
        let mut set = ImageSet {
            reference,
            aliases: Vec::new(),
            root: Some(root.clone()),
            images: Vec::new(),
            skipped: Vec::new(),
            outer_documents: Vec::new(),
        };
        self.read_entry(root, platform, 0, &mut set)?;
        Ok(set)
    }

    /// Reads what an index calls `blob`, for `platform`, into `set`. `depth` is bounded, so this is too.
    fn read_entry(
        &mut self,
        blob: BlobRef,
        platform: Option<&Platform>,
        depth: usize,
        set: &mut ImageSet,
    ) -> Result<(), Failure> {
        if let Some(why) =
            reason_to_skip(&blob.media_type, platform).map_err(|failure| in_document(failure, blob.digest))?
        {
            set.skipped.push(Skipped { descriptor: blob, why });
            return Ok(());
        }
        // After the above: an image must not vanish because another entry calls it an attestation.
        if !self.seen.insert(blob.digest) {
            return Ok(());
        }
        match reachable::read_document(self.store, self.budget, &blob)? {
            ImageDocument::Index(index, content) => {
                let name = format!("index {}", blob.digest);
                set.outer_documents.push(OuterDocument { name, content });
                for below in index.manifests() {
                    reachable::check_depth(depth + 1)?;
                    let named = BlobRef::of(below, QuotedDigest(blob.digest))?;
                    self.read_entry(named, below.platform().as_ref(), depth + 1, set)?;
                }
            }
            ImageDocument::Manifest(manifest, document) => {
                match reason_no_image(&manifest).map_err(|failure| in_document(failure, blob.digest))? {
                    Some(why) => set.skipped.push(Skipped { descriptor: blob, why }),
                    None => set.images.push(self.read_image(platform.cloned(), blob, (*manifest, document))?),
                }
            }
        }
        Ok(())
    }

    fn read_image(
        &mut self,
        platform: Option<Platform>,
        blob: BlobRef,
        (manifest, manifest_document): (ImageManifest, Value),
    ) -> Result<StoredImage, Failure> {
        let within = QuotedDigest(blob.digest);
        let config_descriptor = BlobRef::of(manifest.config(), within)?;
        self.budget.take(&config_descriptor)?;
        let bytes = self.store.document(&config_descriptor, Limits::CONFIG_BYTES)?;
        let config = document::parse_config(&bytes).map_err(|what| {
            Failure::error(ErrorName::ImageInvalid, format!("the config `{}`: {what}", config_descriptor.digest))
        })?;
        let config_document = serde_json::from_slice(&bytes).map_err(|error| {
            Failure::error(ErrorName::ImageInvalid, format!("the config `{}`: {error}", config_descriptor.digest))
        })?;
        let layers = self.layers(within, &manifest, &config)?;
        Ok(StoredImage {
            platform,
            descriptor: Some(blob),
            manifest: Some(manifest),
            manifest_document,
            config_descriptor,
            config,
            config_document,
            layers,
        })
    }

    fn layers(
        &self,
        within: QuotedDigest,
        manifest: &ImageManifest,
        config: &ImageConfiguration,
    ) -> Result<Vec<StoredLayer>, Failure> {
        let (stored, named) = (manifest.layers(), config.rootfs().diff_ids());
        if stored.len() != named.len() {
            let what = format!("{within} has {} layers, its config names {}", stored.len(), named.len());
            return Err(Failure::error(ErrorName::ImageInvalid, what));
        }
        if stored.len() > Limits::LAYERS {
            let what = format!("{within} has {} layers, more than the {} allowed", stored.len(), Limits::LAYERS);
            return Err(Failure::error(ErrorName::ImageTooLarge, what));
        }
        stored
            .iter()
            .zip(named)
            .map(|(descriptor, diff_id)| {
                let descriptor = BlobRef::of(descriptor, within)?;
                let diff_id = Digest::parse(diff_id).map(DiffId::new).map_err(|error| {
                    Failure::error(
                        ErrorName::ImageInvalid,
                        format!("the config of {within} names the layer `{}`: {error}", shown(diff_id)),
                    )
                })?;
                let blob: Arc<dyn Open> = Arc::new(self.store.blob(&descriptor));
                Ok(StoredLayer { descriptor, diff_id, blob })
            })
            .collect()
    }
}

/// Why an entry of an index is skipped without being read, by its media type and its platform.
///
/// # Errors
/// An entry that some engines run and others do not, so that what it is would not be known.
pub(crate) fn reason_to_skip(media_type: &str, platform: Option<&Platform>) -> Result<Option<String>, Failure> {
    let unknown = |platform: &Platform| matches!(platform.os(), Os::Other(os) if os == "unknown");
    if DocumentKind::of(media_type) == DocumentKind::Other {
        let may_be_one = DocumentKind::of(&plain_type(media_type)) != DocumentKind::Other;
        if may_be_one || platform.is_some_and(|platform| !unknown(platform)) {
            let named =
                platform.map_or_else(String::new, |platform| format!(" for `{}`", shown(&platform_text(platform))));
            let what = format!(
                "an entry{named} is called `{}`, and engines disagree whether that is an image",
                shown(media_type)
            );
            return Err(Failure::error(ErrorName::ImageInvalid, what)
                .hint("an image is `application/vnd.oci.image.manifest.v1+json`"));
        }
        return Ok(Some(format!("`{}` is no image", shown(media_type))));
    }
    if platform.is_some_and(unknown) {
        return Ok(Some("its platform is `unknown`, as that of an attestation".to_owned()));
    }
    Ok(None)
}

/// Why a manifest is not that of an image. The artifact type alone is no reason: engines run such an image, and a hostile
/// index could hide one by it.
///
/// # Errors
/// One that some engines run and others do not: its layers are those of an image, and its config has no name of its own.
fn reason_no_image(manifest: &ImageManifest) -> Result<Option<String>, Failure> {
    let config = manifest.config().media_type();
    let packing = |layer: &Descriptor| Packing::of(layer.media_type().as_ref());
    let has_layers = manifest.layers().iter().any(|layer| packing(layer) != Packing::Unknown);
    if !document::is_image_config(config) {
        let plain = plain_type(config.as_ref());
        let is_spelled = document::is_image_config(&MediaType::from(plain.as_str()));
        if is_spelled || is_nameless(&plain) && has_layers {
            let what = format!(
                "its config is called `{}`, and engines disagree whether that is an image",
                shown(config.as_ref())
            );
            return Err(Failure::error(ErrorName::ImageInvalid, what)
                .hint("the config of an image is `application/vnd.oci.image.config.v1+json`"));
        }
        let kind = manifest.artifact_type().as_ref().unwrap_or(config);
        return Ok(Some(format!("it is an artifact, `{}`", shown(kind.as_ref()))));
    }
    let [first, ..] = manifest.layers().as_slice() else { return Ok(None) };
    if has_layers {
        return Ok(None);
    }
    let may_be_one = |layer: &Descriptor| {
        let plain = plain_type(layer.media_type().as_ref());
        is_nameless(&plain) || Packing::of(&plain) != Packing::Unknown
    };
    let shown = shown(first.media_type().as_ref());
    if manifest.layers().iter().any(may_be_one) {
        let what = format!("it holds `{shown}`, and engines disagree whether that is a layer");
        return Err(Failure::error(ErrorName::ImageInvalid, what)
            .hint("a layer is `application/vnd.oci.image.layer.v1.tar+gzip` or the like"));
    }
    Ok(Some(format!("it holds `{shown}`, not layers")))
}

/// A media type without its parameters, in the case that it is written in (RFC 6838, section 4.2; RFC 9110, 8.3.1).
fn plain_type(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type says nothing about what something is.
fn is_nameless(plain: &str) -> bool {
    matches!(plain, "" | "application/octet-stream" | "application/json" | "text/plain")
}

/// `os/architecture`.
fn platform_text(platform: &Platform) -> String {
    format!("{}/{}", platform.os(), platform.architecture())
}
