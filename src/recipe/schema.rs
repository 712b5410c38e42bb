//! The JSON Schema of recipes, which `hardpan schema` prints. A test compares it with the committed file.

use schemars::{
    JsonSchema, Schema,
    generate::SchemaSettings,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use super::written;

/// The schema of a recipe, draft 7 (the newest that editors' TOML servers read), pretty printed, with a line break
/// at its end. `schema/recipe.schema.json` holds the same text.
pub fn schema() -> String {
    schema_of::<written::RecipeDocument>()
}

/// The schema of `hardpan.workspace.toml`, in the same form. `schema/workspace.schema.json` holds the same text.
pub fn workspace_schema() -> String {
    schema_of::<written::WorkspaceDocument>()
}

fn schema_of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft07().with_transform(RecursiveTransform(without_null)).into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    RecursiveTransform(without_format).transform(&mut schema);
    // `{:#}` of a JSON value is its pretty form, and cannot fail.
    format!("{:#}\n", schema.as_value())
}

/// TOML has no null: an optional key is left out.
fn without_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = schema.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            schema.remove("anyOf");
            for (key, value) in only {
                schema.insert(key, value);
            }
        }
    }
}

/// Widths of integers (`int64`) mean nothing to an editor; some warn about a format they do not know.
fn without_format(schema: &mut Schema) {
    if schema.get("type").is_some_and(|name| name == "integer") {
        schema.remove("format");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// `HARDPAN_BLESS=1 cargo test schema` writes the file anew.
    #[test]
    fn the_committed_schema_is_the_one_of_the_code() {
        for (name, schema) in [("recipe", schema()), ("workspace", workspace_schema())] {
            let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("HARDPAN_BLESS").is_some() {
                std::fs::write(&path, &schema).unwrap();
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), schema, "run `HARDPAN_BLESS=1 cargo test schema`");
        }
    }

    #[test]
    fn nothing_is_null_and_every_key_has_a_description() {
        fn walk(path: &str, value: &Value) {
            if let Some(Value::Object(properties)) = value.get("properties") {
                for (key, property) in properties {
                    assert!(property.get("description").is_some(), "{path}.{key} has no description");
                }
            }
            match value {
                Value::Object(map) => map.iter().for_each(|(key, value)| walk(&format!("{path}.{key}"), value)),
                Value::Array(items) => items.iter().for_each(|item| walk(path, item)),
                _ => {}
            }
        }
        for schema in [schema(), workspace_schema()] {
            assert!(!schema.contains("\"null\""), "{schema}");
            walk("", &serde_json::from_str(&schema).unwrap());
        }
    }
}
