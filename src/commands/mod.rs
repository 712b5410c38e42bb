//! One module a verb, callable as a library: the only place that knows the order of steps. `cli` parses arguments into the
//! requests of these modules and renders what they return.

pub mod affected;
pub mod audit;
pub mod build;
pub mod cache;
mod cache_notes;
pub mod check;
pub mod explain;
pub mod failure_document;
pub mod init;
pub mod inspect;
pub mod list;
pub mod lock;
pub mod login;
pub mod merge;
mod open_image;
pub mod orphan_locks;
pub mod plan;
mod plan_inputs;
mod policy;
pub mod push;
mod recipe_file;
mod recipe_lock;
pub mod recipes;
pub mod resolve;
pub mod resolved_recipe;
pub mod runtime;
pub mod schema;
mod shared_files;
mod shared_lock_change;
pub mod staged_file;
mod workspace_members;
