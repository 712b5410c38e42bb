//! `hardpan inspect`: what is in an image, and runtime settings for it. Takes images, never a plan or a recipe.

mod contents;
mod entry_report;
mod rootfs_listing;
pub mod runtime;

pub use contents::{ImageReport, InspectReport, LayerReport, reports};
pub use entry_report::{EntryReport, ReportBudget, entries};
pub use rootfs_listing::{RootfsEntry, RootfsListing};
