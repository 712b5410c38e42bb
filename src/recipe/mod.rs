//! What the user wrote: the recipe, read and checked as far as its text alone allows.
//!
//! Opens no file. [`parse`] takes the text and gives a [`Recipe`] or a failure that points at a line; everything
//! that needs the host (paths, globs, toolchains) is for `build`.

mod lock;
mod model;
mod native;
mod parse;
mod schema;
mod shapes;
mod variables;
mod wording;
mod written;

pub use lock::{
    CCompilerRequest, Compiler, Difference, Lock, LockFile, LockedBase, LockedBundle, LockedToolchain, LockedUrl, Pin,
    Requests, ToolchainRequest, ToolchainScope, changes,
};
pub(crate) use lock::{cargo_scope, cgo_scope};
pub use model::{
    Binary, BinarySource, CargoBinary, Certificates, Directory, File, FileSource, GoBinary, Located, Passwd, Policy,
    Recipe, Run, Strip, Symlink, System, Tree,
};
pub use native::{is_native_for_rustc, native_for_c};
pub use parse::{
    FEATURE, TAG, WordKind, bytes, check_cargo_flags, check_go_flags, check_go_tool_flags, check_program, parse,
    parse_lock, parse_policy, split_like_go,
};
pub use schema::schema;
pub use variables::{GitWord, Variables, is_variable_word, set_variables};
pub use wording::nearest;
