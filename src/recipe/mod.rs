//! The recipe: parsed, checked as far as its text alone allows, and compared with its lock.
//!
//! `commands` and `build` call [`parse()`], which gives a [`Recipe`] or a failure at a line. This room opens no file; whatever
//! needs the host (paths, globs, toolchains) is checked by `build`.

mod lock;
mod model;
mod native;
mod parse;
mod schema;
mod shapes;
mod shared;
mod tag_patterns;
mod toml_writer;
mod variables;
mod wording;
mod written;

pub use lock::{
    CCompilerRequest, Compiler, Difference, Lock, LockFile, LockMember, LockedBase, LockedBundle, LockedToolchain,
    LockedUrl, Pin, Requests, SharedRequests, ToolchainRequest, ToolchainScope, changes,
};
pub(crate) use lock::{cargo_scope, cgo_scope};
pub use model::{
    BinaryEntry, BinarySource, CargoBinary, Certificates, DirectoryEntry, FileEntry, FileSource, GitVariables,
    GoBinary, Located, Passwd, PolicySettings, Recipe, RunSettings, Strip, SymlinkEntry, SystemSettings, TreeEntry,
};
pub use native::{is_native_for_rustc, native_for_c};
pub use parse::{
    FEATURE, TAG, WordKind, bytes, check_cargo_flags, check_go_flags, check_go_tool_flags, check_program, extends_of,
    parse, parse_lock, parse_policy, parse_shared, parse_workspace, resolved_text, split_like_go,
};
pub use schema::{schema, workspace_schema};
pub use shared::{SharedFile, SharedKind, WORKSPACE_FILE, WORKSPACE_LOCK, WorkspaceSettings};
pub use tag_patterns::TagPatterns;
pub use variables::{GitWord, VariableValues, is_variable_word, names_commit, set_variables, uses_git};
pub use wording::nearest;
