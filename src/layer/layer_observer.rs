//! [`LayerObserver`]: receives the tar of a layer while it is written, so that the audit of a build needs not read it again.

use crate::oci::{Descriptor, DiffId};

/// A layer that was written.
#[derive(Debug, Clone)]
pub struct WrittenLayer {
    /// Digest of the tar.
    pub diff_id: DiffId,
    /// The stored blob.
    pub blob: Descriptor,
    /// Bytes of the tar.
    pub unpacked_size: u64,
}

/// Receives the tar of one layer, in order, while it is hashed and compressed.
pub trait LayerObserver {
    /// Takes the next bytes of the tar; pieces may be of any size.
    fn observe(&mut self, tar: &[u8]);

    /// The layer is written, as this. A layer that fails never gets here.
    fn end(self: Box<Self>, written: &WrittenLayer);
}

/// Ignores the tar.
#[derive(Debug, Clone, Copy)]
pub struct NoObserver;

impl LayerObserver for NoObserver {
    fn observe(&mut self, _tar: &[u8]) {}

    fn end(self: Box<Self>, _written: &WrittenLayer) {}
}
