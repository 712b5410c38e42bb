//! Writes a recipe with all that it takes from other files: a recipe by itself, which gives the same image in the same folder.

use std::{fmt::Write as _, sync::Arc};

use toml::{
    Spanned as TomlSpanned,
    de::{DeTable, DeValue},
};

use super::{
    super::{
        SharedFile,
        toml_writer::{key, quoted, value_text},
    },
    RecipeText, open, shared,
};
use crate::report::{Failure, printable};

/// Keys that stand above the first table, in this order.
const TOP: [&str; 5] = ["format", "name", "platforms", "base", "compression"];

/// Entries and tables, in this order.
const TABLES: [&str; 10] =
    ["annotations", "vars", "binary", "file", "tree", "dir", "symlink", "run", "system", "policy"];

/// Tables within tables that have a header of their own.
const INNER: [&str; 4] = ["env", "labels", "severity", "allow"];

/// The recipe `text` at `path` with what it takes from `shared`, the nearest first, and with its `name`. A comment says of each
/// value that is not the recipe's own where it stands.
///
/// # Errors
/// One of the files cannot be read, as for [`super::parse_shared`].
pub fn resolved_text(path: &str, text: &str, shared: &[SharedFile], name: &str) -> Result<String, Failure> {
    let mut page = open(path, text)?;
    let own = Arc::clone(&page.source);
    let table = shared::merge(&mut page, &own, shared)?.into_inner();
    let mut writer = RecipeWriter { page: &page, out: String::new() };
    let _ = writeln!(writer.out, "# {} with all that it takes from other files.", printable(path));
    for top in TOP {
        match table.get(top) {
            Some(value) => writer.line(top, value),
            None if top == "name" => drop(writeln!(writer.out, "name = {}", quoted(name))),
            None => {}
        }
    }
    for name in TABLES {
        if let Some(value) = table.get(name) {
            writer.section(name, value);
        }
    }
    Ok(writer.out)
}

/// The text so far. Writing to it cannot fail.
struct RecipeWriter<'a> {
    page: &'a RecipeText,
    out: String,
}

impl RecipeWriter<'_> {
    /// The place of a value that is not in the recipe itself.
    fn inherited(&self, value: &TomlSpanned<DeValue<'_>>) -> Option<String> {
        let origin = self.page.origin(&value.span());
        (!Arc::ptr_eq(&origin.source, &self.page.source)).then(|| origin.to_string())
    }

    /// `key = value`, and where it comes from.
    fn line(&mut self, name: &str, value: &TomlSpanned<DeValue<'_>>) {
        let from = self.inherited(value).map(|from| format!("  # {from}")).unwrap_or_default();
        let _ = writeln!(self.out, "{} = {}{from}", key(name), value_text(value.get_ref()));
    }

    /// A table, or every entry of an array of tables, under its header.
    fn section(&mut self, path: &str, value: &TomlSpanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) => {
                let _ = writeln!(self.out, "\n[{path}]");
                self.table(path, table, false);
            }
            DeValue::Array(entries) => {
                for entry in entries {
                    let DeValue::Table(table) = entry.get_ref() else { continue };
                    let from = self.inherited(entry).map(|from| format!("# {from}\n")).unwrap_or_default();
                    let _ = writeln!(self.out, "\n{from}[[{path}]]");
                    self.table(path, table, true);
                }
            }
            _ => {}
        }
    }

    /// What stands in a table: its lines, then the tables in it. The lines of an entry have the place of the entry.
    fn table(&mut self, path: &str, table: &DeTable<'_>, is_entry: bool) {
        let is_inner = |name: &str, value: &DeValue<'_>| {
            let has_header = matches!(value, DeValue::Table(_))
                || matches!(value, DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()));
            !is_entry && INNER.contains(&name) && has_header
        };
        let (inner, lines): (Vec<_>, Vec<_>) =
            table.iter().partition(|(name, value)| is_inner(name.get_ref(), value.get_ref()));
        for (name, value) in lines {
            if is_entry {
                let _ = writeln!(self.out, "{} = {}", key(name.get_ref()), value_text(value.get_ref()));
            } else {
                self.line(name.get_ref(), value);
            }
        }
        for (name, value) in inner {
            self.section(&format!("{path}.{}", name.get_ref()), value);
        }
    }
}
