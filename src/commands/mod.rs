//! One file a verb, callable as a library; the only place that knows the order of things.

pub mod audit;
mod below;
pub mod build;
pub mod cache;
mod gate;
mod image;
pub mod init;
mod inputs;
pub mod inspect;
pub mod load;
pub mod lock;
mod locked;
mod outline;
pub mod plan;
mod policy;
pub mod push;
mod receipt;
pub mod runtime;
pub mod schema;
mod side_by_side;
mod stage;
pub mod staged_file;
mod turns;
mod verdict;
mod written_paths;
