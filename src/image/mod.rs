//! Images as they are found: references to blobs, strictly parsed documents, the formats on a disk, and the bytes
//! behind digests.
//!
//! [`OpenedImages`] opens a layout or an archive; `registry` opens a repository into the same type; `output` reads back
//! what it staged. `audit`, `inspect`, `build` (for bases) and `registry` (for pushes) take the images from here. Every
//! document is verified when it is opened, every layer when it is read: bytes that differ from their digest are never
//! handed out.

pub(crate) mod archive;
pub(crate) mod document;
mod image_format;
pub(crate) mod image_sets;
mod json_shape;
pub(crate) mod layout;
mod layout_files;
mod local_reference;
mod open;
mod opened_images;
mod packing;
pub(crate) mod reachable;
mod repository_name;
mod store;
mod stored_bytes;
mod stored_image;
mod strict_json;
mod verified_tar;

#[cfg(test)]
pub(crate) mod hand_layout;

pub use image_format::ImageFormat;
pub use layout_files::LAYOUT_NAMES;
pub(crate) use layout_files::{LAYOUT_INDEX, LAYOUT_MARKER, LAYOUT_VERSION, REF_NAME};
pub use local_reference::LocalReference;
pub use opened_images::OpenedImages;
pub use packing::Packing;
pub(crate) use repository_name::is_repository;
pub use store::{BlobSource, Store};
pub(crate) use store::{blob_error_name, content_error_name, open_at, read_small};
pub use stored_bytes::StoredBytes;
pub(crate) use stored_image::QuotedDigest;
pub use stored_image::{BlobRef, ImageSet, OuterDocument, Skip, Skipped, StoredImage, StoredLayer, VerifiedBlobs};
pub(crate) use strict_json::parse_json;
pub use verified_tar::{drain, most_unpacked, unpack_layer};
