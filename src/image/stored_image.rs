//! The types of an image that was found: parsed and verified documents, descriptors of its layers, and how to open
//! their bytes. `audit`, `inspect`, `engine`, `registry::push` and the bases of `build` read images as these types.

use std::{
    fmt,
    io::{self, Read},
    sync::Arc,
};

use oci_spec::image::{ImageConfiguration, ImageManifest, Platform};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    image::{Packing, verified_tar},
    oci::{Descriptor, DiffId, Digest, Open},
    report::{ErrorName, Failure, shown},
};

/// The images of one name in a place: a single image, or an index of several.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// `org.opencontainers.image.ref.name` of the entry, when it has one. Foreign text.
    pub reference: Option<String>,
    /// Further names of it: a docker archive may have several tags for one image. Foreign text.
    pub aliases: Vec<String>,
    /// The manifest or index that the name points at; a docker archive has neither.
    pub root: Option<BlobRef>,
    /// The images, in the order of the index; one document is listed once.
    pub images: Vec<StoredImage>,
    /// What is in the index and is no image: attestations, artifacts.
    pub skipped: Vec<Skipped>,
    /// The documents that led to the images, as they stand there: the place's own index without the entries of other names,
    /// the indexes, a docker archive's `manifest.json`. The outermost first.
    pub outer_documents: Vec<OuterDocument>,
}

/// A document around the images of a place.
#[derive(Debug, Clone)]
pub struct OuterDocument {
    /// How reports call it: `index.json`, `index sha256:…`, `manifest.json`.
    pub name: String,
    /// What is in it. Foreign text.
    pub content: serde_json::Value,
}

/// A place that opens the blobs of its images by their names.
pub trait VerifiedBlobs {
    /// The blob's bytes, not opened yet; their reader checks size and digest.
    fn blob(&self, blob: &BlobRef) -> Result<Arc<dyn Open>, Failure>;
}

/// One image of an [`ImageSet`]. Every document in it was checked against its digest and size.
#[derive(Debug, Clone)]
pub struct StoredImage {
    /// The platform that the index gives; the config has its own, which may differ.
    pub platform: Option<Platform>,
    /// The manifest's name; a docker archive has no manifest.
    pub descriptor: Option<BlobRef>,
    /// The manifest. Its annotations are a map without an order: sort before printing.
    pub manifest: Option<ImageManifest>,
    /// The manifest as it stands there, with keys that the specification does not have; null where there is none.
    pub manifest_document: serde_json::Value,
    /// The config's name; its digest is the image ID.
    pub config_descriptor: BlobRef,
    /// The config. Labels, exposed ports and volumes have no order: sort before printing.
    pub config: ImageConfiguration,
    /// The config as it stands there, with keys that the specification does not have: Docker's `Healthcheck`, `OnBuild`.
    pub config_document: serde_json::Value,
    /// Lowest layer first; as many as the config has `diff_ids`.
    pub layers: Vec<StoredLayer>,
}

/// A layer whose bytes were not read yet.
#[derive(Debug, Clone)]
pub struct StoredLayer {
    /// The stored blob's name.
    pub descriptor: BlobRef,
    /// What its unpacked bytes must hash to.
    pub diff_id: DiffId,
    /// The stored bytes; their reader checks size and digest.
    pub blob: Arc<dyn Open>,
}

/// An entry of an index that was left alone.
#[derive(Debug, Clone)]
pub struct Skipped {
    /// What it is called.
    pub descriptor: BlobRef,
    /// Why it is not read as an image; a sentence part, safe to print.
    pub why: String,
}

/// What a descriptor says about a blob (`descriptor.md`), with a digest that can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobRef {
    /// What the bytes are said to be. Foreign text.
    pub media_type: String,
    /// SHA-256 of the stored bytes.
    pub digest: Digest,
    /// Stored bytes.
    pub size: u64,
}

impl StoredLayer {
    /// The layer's tar, unpacked while it is read.
    ///
    /// The end of the stream is reached only when size and digest of the blob and the diff_id are all right; a
    /// reader that stops earlier, as one of tar does after the two blocks of zeros, calls [`drain`](super::drain).
    ///
    /// # Errors
    /// `Unsupported` for media types that are none of a layer; a layer that unpacks to far more than it has bytes.
    pub fn open_tar(&self) -> io::Result<Box<dyn Read + Send>> {
        let packing = Packing::of(&self.descriptor.media_type);
        verified_tar::open_verified_tar(self.blob.open()?, packing, self.descriptor.size, self.diff_id)
    }

    /// The layer's tar, as [`open_tar`](Self::open_tar) gives it, also where its bytes are packed in another way than its
    /// media type says: what differs is the second value, a part of a sentence. An audit reads such a layer, because engines
    /// do; nothing is built on it and nothing pushes it.
    ///
    /// # Errors
    /// As those of [`open_tar`](Self::open_tar), but for gzip, zstd and plain tars that are called by each other's names.
    pub fn open_tar_as_packed(&self) -> io::Result<(Box<dyn Read + Send>, Option<String>)> {
        let packing = Packing::of(&self.descriptor.media_type);
        verified_tar::open_verified_tar_as_packed(self.blob.open()?, packing, self.descriptor.size, self.diff_id)
    }
}

impl BlobRef {
    /// The checkable part of `descriptor`, which `document` holds.
    pub(crate) fn of(descriptor: &oci_spec::image::Descriptor, document: impl fmt::Display) -> Result<Self, Failure> {
        let text: &str = descriptor.digest().as_ref();
        let digest = Digest::parse(text).map_err(|error| {
            Failure::error(ErrorName::ImageInvalid, format!("{document} refers to `{}`: {error}", shown(text)))
        })?;
        Ok(Self { media_type: descriptor.media_type().as_ref().to_owned(), digest, size: descriptor.size() })
    }
}

impl From<&Descriptor> for BlobRef {
    fn from(written: &Descriptor) -> Self {
        Self { media_type: written.media_type.to_owned(), digest: written.digest, size: written.size }
    }
}

/// A document in a message, called by its digest. It becomes text only where there is a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QuotedDigest(pub(crate) Digest);

impl fmt::Display for QuotedDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.0)
    }
}

/// Something in an index that is no image.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Skip {
    /// Its name.
    pub digest: Digest,
    /// Why it was left alone.
    pub reason: String,
}

impl Skipped {
    /// The entry of a report.
    pub fn report(&self) -> Skip {
        Skip { digest: self.descriptor.digest, reason: self.why.clone() }
    }
}

/// What the config of an image is called: OCI's and Docker's.
const CONFIGS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

impl StoredImage {
    /// What makes two readers take its documents for different things, each with the key that it is about: an audit finds
    /// it, and nothing is built on such an image.
    pub fn ambiguities(&self) -> Vec<(&'static str, String)> {
        let mut found = Vec::new();
        let rootfs = self.config_document.get("rootfs").and_then(|rootfs| rootfs.get("type"));
        let rootfs = rootfs.and_then(serde_json::Value::as_str);
        if rootfs != Some("layers") {
            let kind = rootfs.unwrap_or_default();
            found.push(("rootfs.type", format!("the config's `rootfs.type` is `{kind}` and not `layers`")));
        }
        let Some((manifest, descriptor)) = self.manifest.as_ref().zip(self.descriptor.as_ref()) else { return found };
        if let Some(own) = manifest.media_type()
            && own.to_string() != descriptor.media_type
        {
            let what = format!("the manifest calls itself `{own}`, its descriptor `{}`", descriptor.media_type);
            found.push(("manifest", what));
        }
        let kind = manifest.config().media_type().to_string();
        if !CONFIGS.contains(&kind.as_str()) {
            found.push(("manifest", format!("the config is a `{kind}`, which is none of an image")));
        }
        found
    }
}
