//! Reads TOML into the structs of [`written`](super::super::written), and rewrites the errors of `toml` and serde as failures
//! with hints.

use std::ops::Range;

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::{
    super::wording::{listed, nearest, quoted},
    RecipeText, line_ends,
};
use crate::report::{ErrorName, Failure, printable};

/// Which table a key belongs to, for keys that are in one table only.
const HOMES: [(&str, &[&str]); 3] = [
    ("[run]", &["user", "entrypoint", "args", "workdir", "ports", "stop-signal", "labels"]),
    ("[system]", &["certificates", "extra-certificates", "passwd", "tmp", "timezones"]),
    ("[policy]", &["max-size", "registries", "fail-on", "waivers"]),
];

/// Keys of the recipe itself that people write below the first table by mistake.
const TOP: [&str; 6] = ["format", "name", "extends", "base", "compression", "annotations"];

/// Reads the text into one of the structs of [`written`](super::super::written).
pub(super) fn read<T: for<'de> Deserialize<'de>>(page: &RecipeText) -> Result<T, Failure> {
    shaped(page, table(page, &page.source.text)?)
}

/// Reads `text`, which is the text of the page, as a table whose values have their places.
pub(super) fn table<'t>(page: &RecipeText, text: &'t str) -> Result<toml::Spanned<DeTable<'t>>, Failure> {
    let mut table = DeTable::parse(text).map_err(|error| syntax(page, &error))?;
    line_ends::normalize(table.get_mut(), text);
    Ok(table)
}

/// Reads a table into one of the structs of [`written`](super::super::written).
pub(super) fn shaped<T: for<'de> Deserialize<'de>>(
    page: &RecipeText,
    table: toml::Spanned<DeTable<'_>>,
) -> Result<T, Failure> {
    T::deserialize(toml::Deserializer::from(table)).map_err(|error| shape(page, &error))
}

/// The text is no TOML.
fn syntax(page: &RecipeText, error: &toml::de::Error) -> Failure {
    let message = error.message();
    let end = page.source.text.len();
    let span = error.span().unwrap_or(end..end);
    if message == "duplicate key" {
        return duplicate(page, &span);
    }
    if message.contains("recursion limit") || message.contains("recursion depth") {
        let what = if page.is_recipe { "the recipe is nested too deeply" } else { "it is nested too deeply" };
        return page.failure(&span, what).named(ErrorName::RecipeLimit);
    }
    if message.starts_with("string values must be quoted") {
        return unquoted(page, &span);
    }
    page.failure(&span, format!("not valid TOML: {}", printable(message))).named(ErrorName::RecipeSyntax)
}

/// Where a value should be, there is none, or a bare word.
fn unquoted(page: &RecipeText, span: &Range<usize>) -> Failure {
    let text = page.source.text.get(span.clone()).unwrap_or_default().trim();
    if text.is_empty() {
        return page.failure(span, "not valid TOML: a value is missing").named(ErrorName::RecipeSyntax);
    }
    let what = format!("not valid TOML: {} is no value", quoted(text));
    let failure = page.failure(span, what).named(ErrorName::RecipeSyntax);
    if text.len() <= 40 { failure.hint(format!("a text is in quotes: `\"{}\"`", printable(text))) } else { failure }
}

/// A key that is there twice; names both places where the first is found.
fn duplicate(page: &RecipeText, span: &Range<usize>) -> Failure {
    let key = page.source.text.get(span.clone()).unwrap_or_default();
    let what = format!("duplicate key {}", quoted(key));
    let what = match first_definition(&page.source.text, key, span.start) {
        Some(first) => {
            let (line, _) = page.origin(&first).line_column();
            format!("{what}, it is on line {line} already")
        }
        None => what,
    };
    page.failure(span, what).named(ErrorName::RecipeConflict)
}

/// Where `key`, found a second time at `at`, was written first: in the table that `at` is in, or from the root where
/// `at` is in a header.
fn first_definition(text: &str, key: &str, at: usize) -> Option<Range<usize>> {
    let before = text.get(..at)?;
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let header = before.get(line..)?.trim_start().starts_with('[');
    // What stands before the second key has the first one in it, and is read as far as it goes.
    let (root, _) = DeTable::parse_recoverable(if header { before.get(..line)? } else { before });
    let open = open_table(before, root.get_ref()).filter(|_| !header);
    find(open.map_or(root.get_ref(), |(_, table)| table), key.trim_matches(['"', '\'']))
}

/// The table below `table` that the end of `text` is in, and where it begins: the last one with a header, or an
/// inline one that is not closed.
fn open_table<'a, 'i>(text: &str, table: &'a DeTable<'i>) -> Option<(usize, &'a DeTable<'i>)> {
    let is_open = |span: &Range<usize>| {
        let written = text.get(span.clone()).unwrap_or_default();
        written.starts_with('[') || written.starts_with('{') && !written.ends_with('}')
    };
    let below = table.iter().filter_map(|(_, value)| match value.get_ref() {
        DeValue::Table(inner) => Some((value.span(), inner)),
        DeValue::Array(array) => {
            array.iter().next_back().and_then(|last| Some((last.span(), last.get_ref().as_table()?)))
        }
        _ => None,
    });
    let open = below.flat_map(|(span, inner)| {
        let itself = is_open(&span).then_some((span.start, inner));
        itself.into_iter().chain(open_table(text, inner))
    });
    open.max_by_key(|(start, _)| *start)
}

/// The key `name` of `table`, else the last one of that name below it.
fn find(table: &DeTable<'_>, name: &str) -> Option<Range<usize>> {
    if let Some((key, _)) = table.iter().find(|(key, _)| key.get_ref() == name) {
        return Some(key.span());
    }
    let below = table.iter().filter_map(|(_, value)| find(value.get_ref().as_table()?, name));
    below.max_by_key(|span| span.start)
}

/// The text is TOML, but not a recipe.
fn shape(page: &RecipeText, error: &toml::de::Error) -> Failure {
    let message = error.message();
    let span = error.span().unwrap_or(0..0);
    let text = page.text_at(&span);
    if message.starts_with("unknown field `$__toml") {
        return page.failure(&span, "expected a table, found a date");
    }
    if message.starts_with("unknown field `") {
        return unknown_key(page, &span, text, message);
    }
    if let Some(key) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return missing(page, &span, key);
    }
    let Some((found, expected)) =
        message.strip_prefix("invalid type: ").and_then(|rest| rest.rsplit_once(", expected "))
    else {
        return page.failure(&span, printable(message).into_owned());
    };
    let (expected, found) = (kind_expected(expected), kind_found(found, text));
    let failure = page.failure(&span, format!("expected {expected}, found {found}"));
    if let Some(table) = entry_key(page, &span).filter(|_| expected == "an array" && found != "a table") {
        return failure.hint(format!("write a table under `[[{table}]]`"));
    }
    match type_hint(expected, found, text) {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// A key that is not known in its table.
fn unknown_key(page: &RecipeText, span: &Range<usize>, text: &str, message: &str) -> Failure {
    let key = text.trim_matches(['"', '\'']);
    let known = message.rsplit_once("`, expected ").map_or("", |(_, known)| known);
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let failure = page.failure(span, format!("unknown key {}", quoted(key))).named(ErrorName::RecipeKey);
    let home =
        HOMES.iter().filter(|_| page.is_recipe).find(|(_, keys)| keys.contains(&key) && !known.contains(&keys[0]));
    if let Some((table, _)) = home {
        return failure.hint(format!("`{key}` is a key of `{table}`"));
    }
    if page.is_recipe && TOP.contains(&key) {
        return failure.hint(format!("`{key}` is a key of the recipe itself; write it above the first table"));
    }
    match nearest(key, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if known.len() <= 16 => failure.hint(format!("known here: {}", listed(&known))),
        None => failure,
    }
}

/// A table without a key that it needs.
fn missing(page: &RecipeText, span: &Range<usize>, key: &str) -> Failure {
    let failure = page.failure(span, format!("missing key `{key}`")).named(ErrorName::RecipeMissing);
    let example = match key {
        "to" => "to = \"/path/in/the/image\"",
        "from" => "from = \"folder\"",
        "target" => "target = \"/path/it/points/at\"",
        "rule" => "rule = \"privileged-port\"",
        "reason" => "reason = \"...\"",
        "until" => "until = 2027-06-30",
        "file" => "file = \"roots.pem\"",
        _ => return failure,
    };
    failure.hint(format!("add `{example}`"))
}

/// serde's words for what a visitor wants.
fn kind_expected(serde: &str) -> &str {
    match serde {
        "i64" | "u64" => "an integer",
        "a sequence" => "an array",
        "a map" => "a table",
        "a TOML datetime" => "a date",
        other => other,
    }
}

/// serde's words for what was there. A date reaches serde as a map, so the text itself is asked.
fn kind_found(serde: &str, text: &str) -> &'static str {
    match serde.split([' ', '`']).next().unwrap_or_default() {
        "integer" => "an integer",
        "floating" => "a float",
        "boolean" => "a boolean",
        "string" => "a string",
        "sequence" => "an array",
        "map" if text.starts_with(|c: char| c.is_ascii_digit()) => "a date",
        "map" => "a table",
        _ => "something else",
    }
}

/// The key before `span`, where it is one of those that are arrays of tables.
fn entry_key(page: &RecipeText, span: &Range<usize>) -> Option<&'static str> {
    let before = page.text_before(span).trim_end().strip_suffix('=')?.trim_end();
    let key = before.rsplit(|c: char| c.is_whitespace() || c == '.').next()?;
    ["binary", "file", "tree", "dir", "symlink"].into_iter().find(|entry| *entry == key)
}

/// The hint for a value of another type, where kinds and text show what was meant.
fn type_hint(expected: &str, found: &str, text: &str) -> Option<String> {
    let short = text.len() <= 40 && !text.contains('\n');
    let shown = printable(text);
    match (expected, found) {
        ("an array", "a table") if short && text.starts_with('[') => Some(format!("write `[{shown}]`")),
        ("a table", "an array") if short && text.starts_with("[[") => {
            Some(format!("write `{}`", shown.get(1..shown.len().saturating_sub(1))?))
        }
        ("a date", "a string") => Some("write it without quotes, such as `until = 2027-06-30`".to_owned()),
        ("a string", "an integer" | "a float" | "a boolean" | "a date") if short => {
            Some(format!("write it in quotes: `\"{shown}\"`"))
        }
        ("a boolean", "a string") if matches!(text, "\"true\"" | "\"false\"") => Some("write it without quotes".into()),
        ("an array", "a string") if short => Some(format!("write it in brackets: `[{}]`", array_of_words(&shown))),
        ("a table", "an array") if short && text.contains('=') && !text.contains('{') => {
            Some("write it as `{ NAME = \"value\" }`".to_owned())
        }
        _ => None,
    }
}

/// A quoted command line as the words of an array; any other string as it is.
fn array_of_words(text: &str) -> String {
    let inner = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    if inner.contains(['\\', '"', '\'']) || !inner.contains(' ') {
        return text.to_owned();
    }
    inner.split_whitespace().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_keys_that_hints_send_elsewhere_are_there() {
        let schema: Value = serde_json::from_str(&crate::recipe::schema()).unwrap();
        let has = |table: &Value, key: &str| table["properties"].get(key).is_some();
        assert!(TOP.iter().all(|key| has(&schema, key)));
        for (table, keys) in HOMES {
            let name = table.trim_matches(['[', ']']);
            let name = name[..1].to_uppercase() + &name[1..];
            assert!(keys.iter().all(|key| has(&schema["definitions"][&name], key)), "{table}");
        }
    }
}
