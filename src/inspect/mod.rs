//! What is in an image, whoever made it. Takes images, never a plan or a recipe.

mod contents;
mod rootfs_listing;
pub mod runtime;
mod tar;

pub use contents::{EntryReport, ImageReport, LayerReport, Report, reports};
pub use rootfs_listing::{RootfsEntry, RootfsListing};
pub use tar::{Room, entries};
