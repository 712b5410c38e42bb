//! Which images could differ between a commit and the working tree, without compiling anything: the inputs of a recipe are
//! named by their paths, and git says which paths changed.
//!
//! The answer may be too large and is never too small: what is not understood counts, with its reason.

mod cargo_manifest;
mod cargo_reach;
mod cargo_settings;
mod change_index;
mod go_folder;
mod go_reach;
mod reason;
mod recipe_judge;
mod rust_folder;
mod trail;
mod tree_inputs;

pub use reason::{AffectedReason, ReasonKind, ReasonList};
pub use recipe_judge::{JudgedRecipe, RecipeJudge, unreadable};

pub use super::compile::CheckoutChanges;
