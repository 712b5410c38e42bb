//! `hardpan schema`.

/// The JSON Schema of recipes, for editors.
pub fn schema() -> String {
    crate::recipe::schema()
}

/// The JSON Schema of `hardpan.workspace.toml`.
pub fn workspace() -> String {
    crate::recipe::workspace_schema()
}

/// The JSON Schema of the files of `hardpan audit --write-baseline`.
pub fn baseline() -> String {
    crate::policy::baseline_schema()
}
