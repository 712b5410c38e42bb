//! The file system of an image: what layers hold, how they are applied, and where paths lead. The audit, bases and the image
//! that a recipe plans share it, so that what `plan` shows, `build` refuses and `audit` reports cannot differ.
//!
//! [`LayerScan`] reads one layer, [`LayeredRootfs`] applies layers, [`Rootfs`] follows links, [`programs`] finds what a
//! program loads.

mod conflict;
mod layered;
mod presence;
pub mod programs;
mod scan;
mod tree;

pub use conflict::LayerConflict;
pub use layered::{At, LayeredRootfs, LinkReading, NodeEntries, Orphans};
pub use presence::Presence;
pub(crate) use scan::{Content, ElfFile, Entry, Flaw, Kind, LayerScan, Magic, Room, ScanDepth, name as file_name};
pub use tree::{ResolveError, Resolved, Rootfs, RootfsNode, Step, Visit, child, climbs_out, cost, join, parent};
