//! Deployment files (YAML, JSON) that name images by the recipes they come from: `hardpan://RECIPE` and `ko://IMPORTPATH`.
//!
//! A file is never printed anew: references are found with their places, and replaced there, so that every other byte stays.

mod deployment_text;
mod image_reference;
mod text_cursor;

pub use deployment_text::{DeploymentText, PlacedReference};
pub use image_reference::ImageReference;
