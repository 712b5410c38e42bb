//! The types of the OCI image specification: digests, descriptors, documents, paths and platforms.
//!
//! All rooms use them. This room opens no file and no socket. Documents that hardpan writes are the structs of [`document`],
//! written through one canonical writer ([`canonical_json`]); documents from elsewhere are read with `oci-spec`.

mod blob;
mod digest;
mod document;
mod image_path;
mod json;
mod platform;
mod sha256;
mod user;

pub use blob::{BlobDraft, BlobSink, Open};
pub use digest::{DiffId, Digest, DigestError};
pub use document::{Descriptor, HistoryEntry, ImageConfig, ImageIndex, ImageManifest, RootFs, RunConfig, media_type};
pub(crate) use image_path::FIRST_PRIVATE;
pub use image_path::{ImagePath, ImagePathError};
pub use json::canonical_json;
pub use platform::{Platform, PlatformError};
pub use sha256::Sha256;
pub use user::User;
