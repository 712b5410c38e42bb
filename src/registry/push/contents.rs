//! The blobs and documents of an image in the order in which they are pushed: every manifest behind what it names.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Read as _,
};

use crate::{
    image::{
        BlobRef, VerifiedBlobs, blob_error_name,
        document::{self, DocumentKind, ImageDocument},
        reachable,
    },
    oci::Digest,
    report::{ErrorName, Failure, Limits, shown},
};

/// All of an image or index.
#[derive(Debug)]
pub(super) struct PushContents {
    /// Manifests and indexes; each comes behind what it names, so the root is the last.
    pub(super) documents: Vec<PushDocument>,
    /// Configs and layers, each once.
    pub(super) blobs: Vec<BlobRef>,
    /// Where each of them is in the list.
    places: BTreeMap<Digest, usize>,
}

/// A manifest or an index, as it is sent.
#[derive(Debug)]
pub(super) struct PushDocument {
    pub(super) blob: BlobRef,
    pub(super) bytes: Vec<u8>,
    /// Blobs that it names, as indexes into [`PushContents::blobs`].
    pub(super) leaves: Vec<usize>,
    /// What it refers to, where it is about another image.
    pub(super) subject: Option<Digest>,
}

impl PushContents {
    /// Reads every document that `root` reaches; each byte is checked against its digest.
    pub(super) fn read(root: &BlobRef, blobs: &dyn VerifiedBlobs) -> Result<Self, Failure> {
        let mut contents = Self { documents: Vec::new(), blobs: Vec::new(), places: BTreeMap::new() };
        contents.add(root, blobs, 0, &mut reachable::DocumentBudget::new(), &mut BTreeSet::new())?;
        Ok(contents)
    }

    /// Adds what `blob` names, then itself. `depth` is bounded, so this is too.
    fn add(
        &mut self,
        blob: &BlobRef,
        blobs: &dyn VerifiedBlobs,
        depth: usize,
        budget: &mut reachable::DocumentBudget,
        seen: &mut BTreeSet<Digest>,
    ) -> Result<(), Failure> {
        reachable::check_depth(depth)?;
        if !seen.insert(blob.digest) {
            return Ok(());
        }
        let within = format!("`{}`", blob.digest);
        if DocumentKind::of(&blob.media_type) == DocumentKind::Other {
            let what = format!("{within} is `{}`, which is no manifest, in an index", shown(&blob.media_type));
            return Err(Failure::error(ErrorName::ImageInvalid, what));
        }
        let bytes = document_bytes(blob, blobs, budget)?;
        let mut leaves = Vec::new();
        let subject;
        match document::parse_manifest_or_index(&blob.media_type, &bytes)
            .map_err(|what| Failure::error(ErrorName::ImageInvalid, format!("{within}: {what}")))?
        {
            ImageDocument::Index(index, _) => {
                subject = index.subject().clone();
                for descriptor in index.manifests() {
                    self.add(&BlobRef::of(descriptor, &within)?, blobs, depth + 1, budget, seen)?;
                }
            }
            ImageDocument::Manifest(manifest, _) => {
                subject = manifest.subject().clone();
                for descriptor in [manifest.config()].into_iter().chain(manifest.layers()) {
                    leaves.push(self.leaf(BlobRef::of(descriptor, &within)?)?);
                }
            }
        }
        let subject = subject.map(|subject| BlobRef::of(&subject, &within)).transpose()?.map(|subject| subject.digest);
        self.documents.push(PushDocument { blob: blob.clone(), bytes, leaves, subject });
        Ok(())
    }

    fn leaf(&mut self, leaf: BlobRef) -> Result<usize, Failure> {
        let place = *self.places.entry(leaf.digest).or_insert(self.blobs.len());
        match self.blobs.get(place) {
            Some(known) if known.size != leaf.size => {
                return Err(Failure::error(
                    ErrorName::ImageInvalid,
                    format!("two sizes are given for the blob `{}`", leaf.digest),
                ));
            }
            Some(_) => {}
            None => self.blobs.push(leaf),
        }
        Ok(place)
    }
}

fn document_bytes(
    blob: &BlobRef,
    blobs: &dyn VerifiedBlobs,
    budget: &mut reachable::DocumentBudget,
) -> Result<Vec<u8>, Failure> {
    let limit = Limits::MANIFEST_BYTES;
    budget.take(blob)?;
    if blob.size > limit {
        let what = format!("`{}` has {} bytes, more than the {limit} allowed", blob.digest, blob.size);
        return Err(Failure::error(ErrorName::ImageTooLarge, what));
    }
    let mut bytes = Vec::new();
    let read = blobs.blob(blob)?.open().and_then(|mut reader| reader.read_to_end(&mut bytes));
    read.map_err(|error| {
        let what = format!("cannot read the manifest `{}`: {}", blob.digest, shown(&error.to_string()));
        Failure::error(blob_error_name(&error), what)
    })?;
    Ok(bytes)
}
