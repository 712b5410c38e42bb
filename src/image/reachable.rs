//! Walks from a descriptor to every blob that it reaches, and verifies each. `output` uses it before it publishes an
//! image, [`OpenedImages::verify`](super::OpenedImages::verify) for a whole place. Depth and bytes of documents are
//! bounded.

use std::collections::BTreeMap;

use crate::{
    image::{
        BlobRef, QuotedDigest,
        document::{self, DocumentKind, ImageDocument},
        store::Store,
    },
    oci::Digest,
    report::{ErrorName, Failure, Limits},
};

/// Documents of a layout that may still be read.
#[derive(Debug)]
pub(crate) struct DocumentBudget(u64);

impl DocumentBudget {
    pub(crate) const fn new() -> Self {
        Self(Limits::DOCUMENTS_BYTES)
    }

    /// Counts one document.
    pub(crate) fn take(&mut self, blob: &BlobRef) -> Result<(), Failure> {
        let cost = blob.size.max(Limits::DOCUMENT_COST);
        self.0 = self.0.checked_sub(cost).ok_or_else(|| {
            let limit = Limits::DOCUMENTS_BYTES;
            Failure::error(
                ErrorName::ImageTooLarge,
                format!("the manifests and configs have more than {limit} bytes together"),
            )
        })?;
        Ok(())
    }
}

/// The index or manifest called `blob`.
pub(crate) fn read_document(
    store: &Store,
    budget: &mut DocumentBudget,
    blob: &BlobRef,
) -> Result<ImageDocument, Failure> {
    budget.take(blob)?;
    let bytes = store.document(blob, Limits::MANIFEST_BYTES)?;
    document::parse_manifest_or_index(&blob.media_type, &bytes)
        .map_err(|what| Failure::error(ErrorName::ImageInvalid, format!("{}: {what}", QuotedDigest(blob.digest))))
}

/// Fails for an index inside of too many others.
pub(crate) fn check_depth(depth: usize) -> Result<(), Failure> {
    if depth > Limits::INDEX_DEPTH {
        return Err(Failure::error(
            ErrorName::ImageTooLarge,
            format!("an index nests deeper than {} levels", Limits::INDEX_DEPTH),
        ));
    }
    Ok(())
}

/// Reads and verifies every blob that `root` reaches, itself included. What is neither an index nor a manifest is
/// read as bytes.
///
/// # Errors
/// The first blob that is missing or not what its descriptor says.
pub(crate) fn verify_reachable(store: &Store, root: &BlobRef) -> Result<BTreeMap<Digest, BlobRef>, Failure> {
    let mut reached: BTreeMap<Digest, BlobRef> = BTreeMap::new();
    let mut budget = DocumentBudget::new();
    let mut ahead = vec![(root.clone(), 0)];
    while let Some((blob, depth)) = ahead.pop() {
        check_depth(depth)?;
        // Seen as the same thing: this cuts loops and repeated work.
        if reached.get(&blob.digest) == Some(&blob) {
            continue;
        }
        if DocumentKind::of(&blob.media_type) == DocumentKind::Other {
            store.verify(&blob)?;
        } else {
            let within = QuotedDigest(blob.digest);
            match read_document(store, &mut budget, &blob)? {
                ImageDocument::Index(index, _) => {
                    for descriptor in index.manifests() {
                        ahead.push((BlobRef::of(descriptor, within)?, depth + 1));
                    }
                }
                ImageDocument::Manifest(manifest, _) => {
                    // Leaves, whatever they call themselves: a layer is never read as a manifest.
                    for descriptor in manifest.layers().iter().chain([manifest.config()]) {
                        let leaf = BlobRef::of(descriptor, within)?;
                        if reached.get(&leaf.digest) != Some(&leaf) {
                            store.verify(&leaf)?;
                            reached.insert(leaf.digest, leaf);
                        }
                    }
                }
            }
        }
        reached.insert(blob.digest, blob);
    }
    Ok(reached)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::image::hand_layout::{HandLayout, INDEX_TYPE};

    #[test]
    fn what_is_reached_ends_where_indexes_nest_too_deep() {
        let hand = HandLayout::new();
        let nested = |below: Option<serde_json::Value>| {
            let entries: Vec<_> = below.into_iter().collect();
            hand.json(INDEX_TYPE, &serde_json::json!({"schemaVersion": 2, "manifests": entries}))
        };
        let blob = |descriptor: &serde_json::Value| {
            BlobRef::of(&serde_json::from_value(descriptor.clone()).unwrap(), "the test").unwrap()
        };
        let deepest = (0..Limits::INDEX_DEPTH).fold(nested(None), |below, _| nested(Some(below)));
        let store = Store::of_layout(hand.path()).unwrap();
        assert_eq!(verify_reachable(&store, &blob(&deepest)).unwrap().len(), Limits::INDEX_DEPTH + 1);
        let failure = verify_reachable(&store, &blob(&nested(Some(deepest)))).unwrap_err();
        assert!(failure.what.contains("nests deeper than 4"), "{}", failure.what);
    }
}
