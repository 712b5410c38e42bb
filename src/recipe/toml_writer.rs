//! Writes TOML: keys and texts in quotes where they need them, everything escaped that a terminal or a reader could take for
//! something else. Locks and resolved recipes are written with it.

use std::fmt::Write as _;

use toml::de::DeValue;

/// A key (TOML 1.0, "Keys"): in quotes where it needs them.
pub(super) fn key(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(bare) { text.to_owned() } else { quoted(text) }
}

/// A basic string (TOML 1.0, "String").
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            // Writing to a String cannot fail.
            c => drop(write!(out, "\\U{:08X}", u32::from(c))),
        }
    }
    out.push('"');
    out
}

/// A value in one line. The parser bounds how deep values nest.
pub(super) fn value_text(value: &DeValue<'_>) -> String {
    let listed = |items: Vec<String>| items.join(", ");
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(switch) => switch.to_string(),
        DeValue::Datetime(day) => day.to_string(),
        DeValue::Array(items) => format!("[{}]", listed(items.iter().map(|item| value_text(item.get_ref())).collect())),
        DeValue::Table(table) if table.is_empty() => "{}".to_owned(),
        DeValue::Table(table) => {
            let pairs = table.iter();
            let pairs = pairs.map(|(name, value)| format!("{} = {}", key(name.get_ref()), value_text(value.get_ref())));
            format!("{{ {} }}", listed(pairs.collect()))
        }
    }
}
