//! `hardpan schema`.

/// The JSON Schema of recipes, for editors.
pub fn schema() -> String {
    crate::recipe::schema()
}
