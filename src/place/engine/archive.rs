//! The tar that engines read: an OCI layout that also holds docker's `manifest.json`, so that one stream suits all of
//! them, and an engine that can keep our manifest does.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    sync::Arc,
};

use serde_json::json;

use crate::{
    layer::{Entry, EntryKind, TarError, write_tar},
    oci::{ImagePath, Open, canonical_json, media_type},
    place::{BlobRef, Blobs, StoredImage},
    report::{Failure, Task},
};

/// What goes into one stream.
pub(super) struct Contents<'a> {
    /// What the name stands for: a manifest or an index.
    pub(super) root: &'a BlobRef,
    /// The images that `root` reaches.
    pub(super) images: Vec<&'a StoredImage>,
    /// The whole name, with its tag.
    pub(super) name: String,
}

/// Writes the tar to `out`. The same contents give the same bytes.
///
/// # Errors
/// [`TarError::Write`] when `out` fails, so that an engine that stopped listening can be told from blobs that
/// cannot be read.
pub(super) fn write(contents: &Contents<'_>, blobs: &dyn Blobs, out: &mut dyn Write) -> Result<(), TarError> {
    write_tar(&entries(contents, blobs).map_err(TarError::Entry)?, out)
}

fn entries(contents: &Contents<'_>, blobs: &dyn Blobs) -> Result<Vec<Entry>, Failure> {
    let mut entries = BTreeMap::new();
    for (path, blob) in named(contents) {
        entries.insert(path, (blob.size, blobs.blob(blob)?));
    }
    for (path, bytes) in documents(contents)? {
        entries.insert(path.to_owned(), (bytes.len() as u64, Arc::new(bytes) as Arc<dyn Open>));
    }
    entries
        .into_iter()
        .map(|(path, (size, content))| {
            let path = ImagePath::parse(&format!("/{path}"))
                .map_err(|error| Failure::new(format!("the archive cannot hold `{path}`: {error}")))?;
            Ok(Entry { path, mode: 0o644, uid: 0, gid: 0, kind: EntryKind::File { size, content } })
        })
        .collect()
}

/// Every blob by its path.
fn named<'a>(contents: &Contents<'a>) -> BTreeMap<String, &'a BlobRef> {
    let of_image = |image: &'a StoredImage| {
        let layers = image.layers.iter().map(|layer| &layer.descriptor);
        layers.chain([&image.descriptor, &image.config_descriptor])
    };
    let all = contents.images.iter().flat_map(|image| of_image(image)).chain([contents.root]);
    all.map(|blob| (path(blob), blob)).collect()
}

fn path(blob: &BlobRef) -> String {
    format!("blobs/sha256/{}", blob.digest.hex())
}

/// `oci-layout`, `index.json`, and `manifest.json` where it can say what there is: one image.
fn documents(contents: &Contents<'_>) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::INDEX,
        "manifests": [{
            "mediaType": contents.root.media_type,
            "digest": contents.root.digest,
            "size": contents.root.size,
            "annotations": {
                // Read by containerd and podman as the whole name.
                "io.containerd.image.name": contents.name,
                "org.opencontainers.image.ref.name": contents.name,
            },
        }],
    });
    let mut documents = vec![("oci-layout", json!({"imageLayoutVersion": "1.0.0"})), ("index.json", index)];
    if let [image] = contents.images.as_slice() {
        let layers: Vec<_> = image.layers.iter().map(|layer| path(&layer.descriptor)).collect();
        let config = path(&image.config_descriptor);
        documents.push(("manifest.json", json!([{"Config": config, "RepoTags": [contents.name], "Layers": layers}])));
    }
    documents
        .into_iter()
        .map(|(name, document)| {
            let bytes = canonical_json(&document);
            Ok((name, bytes.map_err(|error| Failure::new(format!("cannot write `{name}`: {error}")))?))
        })
        .collect()
}

/// Tells a task how much has passed.
pub(super) struct Watched<'a, W> {
    pub(super) out: W,
    pub(super) task: &'a dyn Task,
}

impl<W: Write> Write for Watched<'_, W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(buf)?;
        self.task.advance(taken as u64);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// At most `limit` bytes of what an engine says, as text.
pub(super) fn said(reader: impl Read, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
