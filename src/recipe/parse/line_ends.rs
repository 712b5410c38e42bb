//! Line ends of a checkout never reach an image: a line break within a multi-line string is a line feed, whatever ends the lines of
//! the file (TOML 1.0, "String": a parser may normalize it). A written `\r` stays, and `raw = true` keeps the bytes of a `text`.

use std::borrow::Cow;

use toml::de::{DeTable, DeValue};

/// The line end that some checkouts have.
const CRLF: &str = "\r\n";

/// Normalizes every multi-line string below `table`, which was read from `text`.
pub(super) fn normalize(table: &mut DeTable<'_>, text: &str) {
    if text.contains(CRLF) {
        normalize_table(table, text);
    }
}

fn normalize_table(table: &mut DeTable<'_>, text: &str) {
    let is_raw = matches!(table.get("raw").map(toml::Spanned::get_ref), Some(DeValue::Boolean(true)));
    for (key, value) in table.iter_mut() {
        if !(is_raw && key.get_ref() == "text") {
            normalize_value(value, text);
        }
    }
}

fn normalize_value(value: &mut toml::Spanned<DeValue<'_>>, text: &str) {
    let written = text.get(value.span()).unwrap_or_default();
    match value.get_mut() {
        DeValue::Table(table) => normalize_table(table, text),
        DeValue::Array(items) => items.iter_mut().for_each(|item| normalize_value(item, text)),
        DeValue::String(string) if written.contains(CRLF) => {
            // Read again, because an escape may mean the same characters, and those stay.
            let normalized = written.replace(CRLF, "\n");
            if let Ok(DeValue::String(read)) = DeValue::parse(&normalized).map(toml::Spanned::into_inner) {
                *string = Cow::Owned(read.into_owned());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The strings of `text` in their order, with its line feeds and with the line ends of another system.
    fn both(text: &str) -> [Vec<String>; 2] {
        [text.to_owned(), text.replace('\n', CRLF)].map(|text| {
            let mut table = DeTable::parse(&text).unwrap().into_inner();
            normalize(&mut table, &text);
            let mut found = Vec::new();
            strings(&DeValue::Table(table), &mut found);
            found
        })
    }

    fn strings(value: &DeValue<'_>, found: &mut Vec<String>) {
        match value {
            DeValue::String(string) => found.push(string.to_string()),
            DeValue::Array(items) => items.iter().for_each(|item| strings(item.get_ref(), found)),
            DeValue::Table(table) => table.iter().for_each(|(_, item)| strings(item.get_ref(), found)),
            _ => {}
        }
    }

    #[test]
    fn every_kind_of_multi_line_string_is_the_same_under_both_line_ends() {
        for text in [
            "a = \"\"\"\nx\ny\n\"\"\"\n",
            "a = '''\nx\n\n'y'\n'''\n",
            "a = \"\"\"x \\\n   y\\\n\n  z\"\"\"\n",
            "[[file]]\ntext = \"\"\"a\nb\"\"\"\n[b.c]\nd = [\"\"\"1\n2\"\"\", { e = '''3\n4''' }]\n",
            "[[file]]\nraw = false\ntext = '''a\nb'''\n",
        ] {
            let [line_feeds, other] = both(text);
            assert_eq!(line_feeds, other, "{text}");
            assert!(!line_feeds.iter().any(|string| string.contains('\r')), "{text}");
        }
    }

    #[test]
    fn escapes_stay_and_so_do_raw_texts() {
        let [line_feeds, other] = both("a = \"x\\r\\ny\"\nb = \"\"\"x\\r\\n\\\ny\nz\"\"\"\n");
        assert_eq!(line_feeds, ["x\r\ny", "x\r\ny\nz"]);
        assert_eq!(line_feeds, other);
        let [line_feeds, other] = both("[[file]]\nraw = true\ntext = '''\na\nb'''\n");
        assert_eq!((line_feeds, other), (vec!["a\nb".to_owned()], vec!["a\r\nb".to_owned()]));
    }
}
