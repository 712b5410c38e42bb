//! Reads a docker archive: `manifest.json`, and the configs and layers that it names. The layers are verified by their
//! diff_ids, because the format has no digests of stored bytes.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
    sync::Arc,
};

use oci_spec::image::ImageConfiguration;
use serde_json::Value;

use super::{
    ArchiveMembers, TABLE,
    span_reader::{SpanReader, archive_failure, read_member, read_span},
};
use crate::{
    image::{
        BlobRef, ImageSet, OuterDocument, StoredImage, StoredLayer,
        document::{self, ArchiveEntry},
        store::Store,
        stored_bytes::Span,
    },
    oci::{DiffId, Digest, Open, media_type},
    report::{ErrorName, Failure, Limits, shown},
};

/// The images of the archive `file`.
///
/// A layer has no media type here and no digest of its stored bytes. What it is shows at its first bytes; one that is
/// stored as it is has its diff_id for a digest, and one that is compressed is read once to get its own.
pub(super) fn read_docker_archive(
    file: File,
    members: &ArchiveMembers,
    path: &Path,
) -> Result<(Store, Vec<ImageSet>), Failure> {
    let table = read_member(&file, members, TABLE)?;
    let wrong = |what: &str| Failure::error(ErrorName::ImageInvalid, format!("`{TABLE}`: {what}"));
    let entries = document::parse_docker_table(&table).map_err(|what| wrong(&what))?;
    let contents: Vec<Value> = serde_json::from_slice(&table).map_err(|error| wrong(&shown(&error.to_string())))?;
    if entries.is_empty() {
        return Err(Failure::error(ErrorName::ImageNotFound, format!("`{TABLE}` names no image")));
    }
    let mut table = DockerArchiveReader {
        file: &file,
        members,
        spans: BTreeMap::new(),
        budget: Limits::DOCUMENTS_BYTES,
        known: BTreeMap::new(),
    };
    let found = entries.iter().map(|entry| table.read_image(entry)).collect::<Result<Vec<_>, _>>()?;
    let spans = table.spans;
    let store = Store::of_archive(file, spans, path);
    let named = entries.into_iter().zip(contents).zip(found);
    let sets = named.map(|((entry, content), found)| found.into_set(entry, content, &store)).collect();
    Ok((store, sets))
}

/// The image of one entry of the table.
struct DockerImage {
    config: ImageConfiguration,
    config_document: Value,
    config_blob: BlobRef,
    layers: Vec<(BlobRef, DiffId)>,
}

impl DockerImage {
    fn into_set(self, entry: ArchiveEntry, content: Value, store: &Store) -> ImageSet {
        let layers = self.layers.into_iter().map(|(descriptor, diff_id)| {
            let blob: Arc<dyn Open> = Arc::new(store.blob(&descriptor));
            StoredLayer { descriptor, diff_id, blob }
        });
        let image = StoredImage {
            platform: None,
            descriptor: None,
            manifest: None,
            manifest_document: Value::Null,
            config_descriptor: self.config_blob,
            config: self.config,
            config_document: self.config_document,
            layers: layers.collect(),
        };
        let mut tags = entry.repo_tags.unwrap_or_default().into_iter();
        ImageSet {
            reference: tags.next(),
            aliases: tags.collect(),
            root: None,
            images: vec![image],
            skipped: Vec::new(),
            outer_documents: vec![OuterDocument { name: TABLE.to_owned(), content }],
        }
    }
}

/// Reads the images that the table names.
struct DockerArchiveReader<'a> {
    file: &'a File,
    members: &'a ArchiveMembers,
    spans: BTreeMap<Digest, Span>,
    /// Bytes of configs that may still be read.
    budget: u64,
    /// Compressed layers that were read already, by where they begin.
    known: BTreeMap<u64, Digest>,
}

impl DockerArchiveReader<'_> {
    fn read_image(&mut self, entry: &ArchiveEntry) -> Result<DockerImage, Failure> {
        let span = self.members.span(&entry.config).map_err(|error| archive_failure(&error))?;
        self.budget = self.budget.checked_sub(span.size.max(Limits::DOCUMENT_COST)).ok_or_else(|| {
            Failure::error(
                ErrorName::ImageTooLarge,
                format!("the configs have more than {} bytes together", Limits::DOCUMENTS_BYTES),
            )
        })?;
        let wrong = |what: String| {
            Failure::error(ErrorName::ImageInvalid, format!("the config `{}`: {what}", shown(&entry.config)))
        };
        let bytes = read_span(self.file, span, Limits::CONFIG_BYTES)
            .map_err(|failure| Failure { what: wrong(failure.what).what, ..failure })?;
        let config = document::parse_config(&bytes).map_err(wrong)?;
        let config_document = serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        let config_blob =
            BlobRef { media_type: media_type::CONFIG.to_owned(), digest: Digest::of(&bytes), size: span.size };
        check_name(&entry.config, config_blob.digest)?;
        self.spans.insert(config_blob.digest, span);
        let (stored, named) = (entry.layers.as_deref().unwrap_or_default(), config.rootfs().diff_ids());
        if stored.len() != named.len() || stored.len() > Limits::LAYERS {
            let (stored, named) = (stored.len(), named.len());
            let what = format!("it names {named} layers, `{TABLE}` {stored}; {} are allowed", Limits::LAYERS);
            return Err(wrong(what));
        }
        let mut layers = Vec::with_capacity(stored.len());
        for (name, diff_id) in stored.iter().zip(named) {
            let diff_id = Digest::parse(diff_id)
                .map_err(|error| wrong(format!("it names the layer `{}`: {error}", shown(diff_id))))?;
            layers.push((self.locate_layer(name, diff_id)?, DiffId::new(diff_id)));
        }
        Ok(DockerImage { config, config_document, config_blob, layers })
    }

    fn locate_layer(&mut self, name: &str, diff_id: Digest) -> Result<BlobRef, Failure> {
        let span = self.members.span(name).map_err(|error| archive_failure(&error))?;
        let fault = |error: io::Error| {
            let what = format!("the layer `{}`: {}", shown(name), shown(&error.to_string()));
            Failure::error(ErrorName::of_io(&error), what)
        };
        let mut head = [0; 4];
        let read = (SpanReader { file: self.file, span, at: 0 }).read(&mut head).map_err(fault)?;
        let head = head.get(..read).unwrap_or_default();
        let (media_type, is_packed) = match head {
            [0x1f, 0x8b, ..] => (media_type::LAYER_GZIP, true),
            [0x28, 0xb5, 0x2f, 0xfd] => (media_type::LAYER_ZSTD, true),
            _ => (media_type::LAYER, false),
        };
        let digest = if is_packed { self.hash_layer(span).map_err(fault)? } else { diff_id };
        self.spans.insert(digest, span);
        Ok(BlobRef { media_type: media_type.to_owned(), digest, size: span.size })
    }

    /// The digest of a compressed layer; a layer that several images share is read once.
    fn hash_layer(&mut self, span: Span) -> io::Result<Digest> {
        if let Some(digest) = self.known.get(&span.start) {
            return Ok(*digest);
        }
        let digest = Digest::of_reader(&mut SpanReader { file: self.file, span, at: 0 })?;
        self.known.insert(span.start, digest);
        Ok(digest)
    }
}

/// docker and skopeo name a config by its digest: a name that is one must be the right one.
fn check_name(name: &str, digest: Digest) -> Result<(), Failure> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let claimed = Digest::parse_hex(stem.rsplit('/').next().unwrap_or(stem));
    match claimed {
        Ok(claimed) if claimed != digest => Err(Failure::error(
            ErrorName::BlobMismatch,
            format!("the config `{}`: its bytes are `{digest}`", shown(name)),
        )),
        _ => Ok(()),
    }
}
