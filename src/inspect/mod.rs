//! What is in an image, whoever made it. Takes images, never a plan or a recipe.

pub mod audit;
mod contents;
pub mod runtime;
mod tar;

pub use contents::{EntryReport, ImageReport, LayerReport, Report, Skip, reports};
pub use tar::{Room, entries};
