//! `hardpan inspect`: what is in an image, and runtime settings for it. Takes images, never a plan or a recipe.

mod contents;
mod rootfs_listing;
pub mod runtime;
mod tar;

pub use contents::{EntryReport, ImageReport, InspectReport, LayerReport, reports};
pub use rootfs_listing::{RootfsEntry, RootfsListing};
pub use tar::{ReportBudget, entries};
