//! Writes the tar of an image, for archives on a disk and for engines: entries sorted by path, with the canonical
//! headers of our layers, so that the same image is the same file.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use serde_json::{Value, json};

use super::{BLOBS, TABLE};
use crate::{
    image::{
        BlobRef, ImageFormat, LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, Packing, REF_NAME, StoredImage, StoredLayer,
        VerifiedBlobs,
    },
    layer::{EntryKind, LayerEntry, TarError, write_tar},
    oci::{ImagePath, Open, canonical_json, media_type},
    report::{ErrorName, Failure},
};

/// What goes into one archive.
pub(crate) struct ArchiveContents<'a> {
    /// [`ImageFormat::OciArchive`] or [`ImageFormat::DockerArchive`].
    pub(crate) form: ImageFormat,
    /// What the name stands for: a manifest or an index.
    pub(crate) root: &'a BlobRef,
    /// The images that `root` reaches; for a docker archive one.
    pub(crate) images: Vec<&'a StoredImage>,
    /// The name in `index.json`.
    pub(crate) reference: String,
    /// `io.containerd.image.name` in `index.json`: what containerd and podman take for the whole name.
    pub(crate) image_name: Option<String>,
    /// docker's name for the image, with a tag.
    pub(crate) tag: Option<String>,
}

/// Writes the tar to `out`. The same contents give the same bytes.
///
/// # Errors
/// [`TarError::Write`] when `out` fails, so that the caller can distinguish an engine that closed its input from blobs that
/// cannot be read.
pub(crate) fn write_archive(
    contents: &ArchiveContents<'_>,
    blobs: &dyn VerifiedBlobs,
    out: &mut dyn Write,
) -> Result<(), TarError> {
    write_tar(&entries(contents, blobs).map_err(TarError::Entry)?, out)
}

fn entries(contents: &ArchiveContents<'_>, blobs: &dyn VerifiedBlobs) -> Result<Vec<LayerEntry>, Failure> {
    let mut entries = BTreeMap::new();
    for (path, blob) in contents.blob_paths() {
        entries.insert(path, (blob.size, blobs.blob(blob)?));
    }
    for (path, document) in contents.documents() {
        let bytes = canonical_json(&document)
            .map_err(|error| Failure::error(ErrorName::Internal, format!("cannot write `{path}`: {error}")))?;
        entries.insert(path.to_owned(), (bytes.len() as u64, Arc::new(bytes) as Arc<dyn Open>));
    }
    entries
        .into_iter()
        .map(|(path, (size, content))| {
            let path = ImagePath::parse(&format!("/{path}")).map_err(|error| {
                Failure::error(ErrorName::Internal, format!("the archive cannot hold `{path}`: {error}"))
            })?;
            Ok(LayerEntry { path, mode: 0o644, uid: 0, gid: 0, kind: EntryKind::File { size, content } })
        })
        .collect()
}

impl<'a> ArchiveContents<'a> {
    /// Every blob by its path.
    fn blob_paths(&self) -> BTreeMap<String, &'a BlobRef> {
        let mut blobs = BTreeMap::new();
        for image in &self.images {
            blobs.insert(self.config_path(image), &image.config_descriptor);
            blobs.extend(image.layers.iter().map(|layer| (self.layer_path(layer), &layer.descriptor)));
        }
        if self.form != ImageFormat::DockerArchive {
            let manifests = self.images.iter().filter_map(|image| image.descriptor.as_ref());
            blobs.extend(manifests.chain([self.root]).map(|blob| (layout_path(blob), blob)));
        }
        blobs
    }

    /// The name of a config. docker's own name says which image it is.
    fn config_path(&self, image: &StoredImage) -> String {
        match self.form {
            ImageFormat::DockerArchive => format!("{}.json", image.config_descriptor.digest.hex()),
            _ => layout_path(&image.config_descriptor),
        }
    }

    fn layer_path(&self, layer: &StoredLayer) -> String {
        let blob = &layer.descriptor;
        match (self.form, Packing::of(&blob.media_type)) {
            (ImageFormat::DockerArchive, Packing::Gzip) => format!("{}.tar.gz", blob.digest.hex()),
            (ImageFormat::DockerArchive, _) => format!("{}.tar", blob.digest.hex()),
            _ => layout_path(blob),
        }
    }

    /// `oci-layout` and `index.json`, and `manifest.json` where it can say what there is: one image.
    fn documents(&self) -> Vec<(&'static str, Value)> {
        let mut documents = Vec::new();
        if self.form != ImageFormat::DockerArchive {
            let mut annotations = BTreeMap::from([(REF_NAME, &self.reference)]);
            annotations.extend(self.image_name.as_ref().map(|name| ("io.containerd.image.name", name)));
            let root = self.root;
            let index = json!({
                "schemaVersion": 2,
                "mediaType": media_type::INDEX,
                "manifests": [{
                    "mediaType": root.media_type,
                    "digest": root.digest,
                    "size": root.size,
                    "annotations": annotations,
                }],
            });
            documents.extend([(LAYOUT_MARKER, json!({"imageLayoutVersion": LAYOUT_VERSION})), (LAYOUT_INDEX, index)]);
        }
        if let [image] = self.images.as_slice() {
            let layers: Vec<_> = image.layers.iter().map(|layer| self.layer_path(layer)).collect();
            let tags: Vec<_> = self.tag.iter().collect();
            let entry = json!({"Config": self.config_path(image), "RepoTags": tags, "Layers": layers});
            documents.push((TABLE, json!([entry])));
        }
        documents
    }
}

fn layout_path(blob: &BlobRef) -> String {
    format!("{BLOBS}{}", blob.digest.hex())
}
