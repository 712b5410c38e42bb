//! Where images live: OCI layouts, OCI archives and docker archives on disk, registries, and the engines of this machine.
//!
//! A build writes into a [`Staging`], whatever the form will be, and publishes it; [`Opened`] opens any of them.

mod archive;
mod base;
mod created;
mod document;
mod download;
mod draft;
pub mod engine;
mod folder;
mod form;
mod image;
mod layout;
mod local;
mod open;
mod publishing;
pub mod registry;
mod repository;
mod sets;
mod shape;
mod site;
mod staged_blobs;
mod staging;
mod store;
mod strict;
mod temp_folder;
mod unpack;
mod walk;

pub use archive::check_fits;
pub use base::Base;
pub use created::Created;
pub use download::{Download, check_address, download, observe};
pub use form::Form;
pub use image::{BlobRef, Blobs, ImageSet, Packing, Skip, Skipped, StoredImage, StoredLayer};
use image::{Named, shown};
pub use local::Local;
pub use open::Opened;
pub use publishing::{Publishing, ReadyImage, allow_staging};
pub use staging::Staging;
pub use temp_folder::{is_staging_name, staging_file};
pub use unpack::{drain, most_unpacked};

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod sample;

/// The marker file of a layout (`image-layout.md`, "oci-layout file").
const MARKER: &str = "oci-layout";
/// The entry point of a layout.
const INDEX: &str = "index.json";
/// The files without which a folder is no layout.
pub const LAYOUT_NAMES: [&str; 2] = [MARKER, INDEX];
/// The one version of the layout there is.
const VERSION: &str = "1.0.0";
/// The key under which a layout's index names its entries (`annotations.md`).
const REF_NAME: &str = "org.opencontainers.image.ref.name";
