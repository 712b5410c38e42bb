//! The one writer of JSON that ends up behind a digest.

use serde::Serialize;
use serde_json::Value;

/// `document` as compact UTF-8 JSON with the keys of every object sorted by their bytes.
///
/// The order does not depend on the order of struct fields, nor on which map `serde_json` was built with
/// (another crate can switch that on), so the bytes are those of `format = 1` in every build.
///
/// # Errors
/// Only for values that JSON cannot say, such as a map whose keys are no strings.
pub fn canonical_json<T: Serialize>(document: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::new();
    write(&serde_json::to_value(document)?, &mut out)?;
    Ok(out)
}

/// Appends `value` to `out`.
fn write(value: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| key.as_bytes());
            out.push(b'{');
            for (at, (key, value)) in entries.into_iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                serde_json::to_writer(&mut *out, key)?;
                out.push(b':');
                write(value, out)?;
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out)?;
            }
            out.push(b']');
        }
        // Numbers here are integers; strings are escaped by serde_json: `"`, `\` and control characters only.
        plain => serde_json::to_writer(out, plain)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_and_nothing_is_padded() {
        let value = serde_json::json!({"b": [1, {"z": null, "a": "ü\u{1}\""}], "a": {}});
        let bytes = canonical_json(&value).expect("plain data");
        assert_eq!(String::from_utf8_lossy(&bytes), r#"{"a":{},"b":[1,{"a":"ü\u0001\"","z":null}]}"#);
    }
}
