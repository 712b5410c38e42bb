//! What can move, pinned: the lock beside a recipe, `hello.lock` of `hello.toml`.
//!
//! A [`Lock`] holds what a recipe's words meant when somebody looked: what a tag named, which roots, which compilers. It
//! is plain data; [`LockFile`] also knows where each line of it stands, so that a message can point there, and
//! [`Requests`] is what a recipe asks for, to compare the two.

mod compare;
mod model;
mod requests;
mod write;

pub use compare::{Difference, changes};
pub(super) use model::file_key;
pub use model::{Compiler, Lock, LockFile, LockedBase, LockedBundle, LockedToolchain, LockedUrl, Pin};
pub(super) use requests::lies_here;
pub use requests::{CCompilerRequest, Requests, ToolchainRequest, ToolchainScope};
pub(crate) use requests::{cargo_scope, cgo_scope};

#[cfg(test)]
mod tests;
