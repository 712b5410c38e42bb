//! Layers that were made in this call, for all of its images.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{cache::Fingerprint, layer::Written, place::StagedBlob};

/// By everything that reaches their bytes.
type Layers = BTreeMap<Fingerprint, (Written, StagedBlob)>;

/// Layers by everything that reaches their bytes. Images that are built side by side take a layer from where it was
/// staged first, whether that image has passed its gate or not: each image has a gate of its own, and none of them becomes
/// visible when one fails.
#[derive(Debug, Default)]
pub struct Made {
    layers: Mutex<Layers>,
    large: Mutex<()>,
}

impl Made {
    /// The layer of that key.
    pub(super) fn find(&self, key: &Fingerprint) -> Option<(Written, StagedBlob)> {
        self.layers().get(key).cloned()
    }

    /// Whether the layer of that key was made.
    pub(super) fn has(&self, key: &Fingerprint) -> bool {
        self.layers().contains_key(key)
    }

    /// Takes note of a layer.
    pub(super) fn add(&self, key: Fingerprint, written: &Written, blob: StagedBlob) {
        self.layers().entry(key).or_insert_with(|| (written.clone(), blob));
    }

    /// Waits for the turn of what takes all processors for itself: one large layer or one compile at a time, so that
    /// memory does not depend on how many images are built side by side.
    pub fn turn(&self) -> MutexGuard<'_, ()> {
        self.large.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
