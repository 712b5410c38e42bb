//! Archives: an image in one tar.
//!
//! An **OCI archive** is a layout in a tar (`oci-layout`, `index.json`, `blobs/sha256/...`). Of a single image ours also
//! hold docker's `manifest.json`, so that one file loads everywhere. A **docker archive** is what `docker save` wrote
//! for many years: `manifest.json`, and the config and layers that it names. Both are written in the canonical form of
//! our layers' tar, so the same image is the same file.
//!
//! Read, an archive is a table of names with the places of their bytes ([`ArchiveMembers`]): headers are read once, by the
//! reader of layers, contents are passed over and read where they lie, each blob checked against its digest. Nothing is unpacked to a
//! disk, so no name can lead out of a folder; archives with such names are refused all the same, because other tools may
//! unpack them.

mod contents;
mod docker;
mod header_reader;
mod members;
mod opening;
mod span_reader;

pub(crate) use contents::{ArchiveContents, write_archive};
use members::ArchiveMembers;
pub(crate) use opening::{is_archive, open};

/// The table of a docker archive.
const TABLE: &str = "manifest.json";
/// Where blobs are in an OCI archive.
const BLOBS: &str = "blobs/sha256/";
