//! The lock of a recipe: `hello.lock` beside `hello.toml`.
//!
//! A [`Lock`] holds what was resolved: digests of bases and downloads, versions of certificates, time zones and compilers. It
//! is plain data; [`LockFile`] adds the place of each line for messages, and [`Requests`] is what a recipe needs pinned.
//! `commands` compares them, `build` resolves through them.

mod compare;
mod model;
mod requests;
mod sharing;
mod write;

pub use compare::{Difference, changes};
pub(super) use model::file_key;
pub use model::{Compiler, Lock, LockFile, LockedBase, LockedBundle, LockedToolchain, LockedUrl, Pin};
pub(super) use requests::is_local_base;
pub use requests::{CCompilerRequest, Requests, ToolchainRequest, ToolchainScope};
pub(crate) use requests::{cargo_scope, cgo_scope};
pub use sharing::{LockMember, SharedRequests};

#[cfg(test)]
mod tests;
