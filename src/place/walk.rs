//! Everything that a descriptor reaches, verified.

use std::collections::BTreeMap;

use super::{
    BlobRef, Named,
    document::{self, Document, Kind},
    store::Store,
};
use crate::{
    oci::Digest,
    report::{ErrorName, Failure, Limits},
};

/// Documents of a layout that may still be read.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Budget {
    pub(super) const fn new() -> Self {
        Self(Limits::DOCUMENTS_BYTES)
    }

    /// Counts one document.
    pub(super) fn take(&mut self, blob: &BlobRef) -> Result<(), Failure> {
        let cost = blob.size.max(Limits::DOCUMENT_COST);
        self.0 = self.0.checked_sub(cost).ok_or_else(|| {
            let limit = Limits::DOCUMENTS_BYTES;
            Failure::new(format!("the manifests and configs have more than {limit} bytes together"))
        })?;
        Ok(())
    }
}

/// The index or manifest called `blob`.
pub(super) fn read(store: &Store, budget: &mut Budget, blob: &BlobRef) -> Result<Document, Failure> {
    budget.take(blob)?;
    let bytes = store.document(blob, Limits::MANIFEST_BYTES)?;
    document::parse(&blob.media_type, &bytes)
        .map_err(|what| Failure::error(ErrorName::ImageInvalid, format!("{}: {what}", Named(blob.digest))))
}

/// Fails for an index inside of too many others.
pub(super) fn check_depth(depth: usize) -> Result<(), Failure> {
    if depth > Limits::INDEX_DEPTH {
        return Err(Failure::new(format!("an index nests deeper than {} levels", Limits::INDEX_DEPTH)));
    }
    Ok(())
}

/// Reads and verifies every blob that `root` reaches, itself included. What is neither an index nor a manifest is
/// read as bytes.
///
/// # Errors
/// The first blob that is missing or not what its descriptor says.
pub(super) fn reach(store: &Store, root: &BlobRef) -> Result<BTreeMap<Digest, BlobRef>, Failure> {
    let mut reached: BTreeMap<Digest, BlobRef> = BTreeMap::new();
    let mut budget = Budget::new();
    let mut ahead = vec![(root.clone(), 0)];
    while let Some((blob, depth)) = ahead.pop() {
        check_depth(depth)?;
        // Seen as the same thing: this cuts loops and repeated work.
        if reached.get(&blob.digest) == Some(&blob) {
            continue;
        }
        if Kind::of(&blob.media_type) == Kind::Other {
            store.verify(&blob)?;
        } else {
            let within = Named(blob.digest);
            match read(store, &mut budget, &blob)? {
                Document::Index(index) => {
                    for descriptor in index.manifests() {
                        ahead.push((BlobRef::of(descriptor, within)?, depth + 1));
                    }
                }
                Document::Manifest(manifest) => {
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
    use crate::{
        oci::{BlobSink as _, media_type},
        place::{Form, Staging},
    };

    #[test]
    fn what_is_reached_ends_where_indexes_nest_too_deep() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::begin(&dir.path().join("image"), Form::Layout).unwrap();
        let nested = |below: Option<&BlobRef>| {
            let entry = |below: &BlobRef| {
                let BlobRef { media_type, digest, size } = below;
                format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}}}"#)
            };
            let entries = below.map(entry).unwrap_or_default();
            let index = format!(r#"{{"schemaVersion":2,"manifests":[{entries}]}}"#);
            let staged = staging.put(media_type::INDEX, index.as_bytes()).unwrap();
            BlobRef { media_type: media_type::INDEX.to_owned(), digest: staged.digest, size: staged.size }
        };
        let deepest = (0..Limits::INDEX_DEPTH).fold(nested(None), |below, _| nested(Some(&below)));
        let store = staging.store().unwrap();
        assert_eq!(reach(&store, &deepest).unwrap().len(), Limits::INDEX_DEPTH + 1);
        let failure = reach(&store, &nested(Some(&deepest))).unwrap_err();
        assert!(failure.what.contains("nests deeper than 4"), "{}", failure.what);
    }
}
