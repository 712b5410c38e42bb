//! Where images live: OCI image layouts on disk, and the engines of this machine.

pub mod engine;
mod image;
pub mod layout;
mod unpack;

use image::shown;
pub use image::{BlobRef, Blobs, ImageSet, Packing, Skipped, StoredImage, StoredLayer};
pub use unpack::drain;
