//! Everything that a descriptor reaches, verified.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    BlobRef, Named,
    document::{self, Document, Kind},
    store::Store,
};
use crate::{
    oci::Digest,
    report::{Failure, Limits},
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
pub(super) fn read(store: &Store, budget: &mut Budget, blob: &BlobRef) -> Result<Arc<Document>, Failure> {
    budget.take(blob)?;
    if let Some(parsed) = store.parsed(blob) {
        return Ok(parsed);
    }
    let bytes = store.document(blob, Limits::MANIFEST_BYTES)?;
    let parsed = document::parse(&blob.media_type, &bytes)
        .map_err(|what| Failure::new(format!("{}: {what}", Named(blob.digest))))?;
    let parsed = Arc::new(parsed);
    store.keep_parsed(blob, &parsed);
    Ok(parsed)
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
    let mut reached = BTreeMap::new();
    let mut budget = Budget::new();
    let mut ahead = vec![(root.clone(), 0)];
    while let Some((blob, depth)) = ahead.pop() {
        check_depth(depth)?;
        match reached.get(&blob.digest) {
            // Seen as the same thing: this cuts loops and repeated work.
            Some(seen) if *seen == blob => continue,
            _ => {}
        }
        if Kind::of(&blob.media_type) == Kind::Other {
            store.verify(&blob)?;
        } else {
            let within = Named(blob.digest);
            match &*read(store, &mut budget, &blob)? {
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
