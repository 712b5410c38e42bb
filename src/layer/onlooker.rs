//! Who looks at a layer while it is written.

use super::Written;

/// Sees the tar of one layer once, in order, while it is hashed and compressed.
pub trait Onlooker {
    /// Takes the next bytes of the tar; pieces may be of any size.
    fn look(&mut self, tar: &[u8]);

    /// The layer is written, as this. A layer that fails never gets here.
    fn end(self: Box<Self>, written: &Written);
}

/// Looks away.
#[derive(Debug, Clone, Copy)]
pub struct Nobody;

impl Onlooker for Nobody {
    fn look(&mut self, _tar: &[u8]) {}

    fn end(self: Box<Self>, _written: &Written) {}
}
