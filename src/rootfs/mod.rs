//! The file system of an image: layers are scanned, applied, and paths resolved in it.
//!
//! The audit, bases and the image that a recipe plans share it, so that what `plan` shows, `build` refuses and `audit`
//! reports cannot differ.
//!
//! [`LayerScan`] reads one layer, [`LayeredRootfs`] applies layers, [`Rootfs`] follows links, [`programs`] finds what a
//! program loads.

mod conflict;
mod layered;
pub mod packed;
mod presence;
pub mod programs;
mod scan;
mod tree;

pub use conflict::LayerConflict;
pub use layered::{EntryIndex, LayeredRootfs, LinkReading, NodeEntries, Orphans, is_plain_directory};
pub use presence::Presence;
pub(crate) use scan::{
    DataKind, ElfFile, FileContent, Flaw, LayerScan, Magic, ProgramKind, ScanBudget, ScanDepth, TarEntry, TarEntryKind,
    is_setting_file, name as file_name,
};
pub use tree::{ResolveError, Resolved, Rootfs, RootfsNode, Visit, WalkStep, child, climbs_out, cost, join, parent};
