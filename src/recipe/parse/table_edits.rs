//! What happens to the table of a shared file before it is merged: its places move behind those of other files, and its paths
//! begin at the recipe's folder.

use std::{borrow::Cow, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// The same table with every place `offset` bytes further.
pub(super) fn moved_by(offset: usize, table: DeTable<'_>) -> DeTable<'_> {
    let moved = |span: Range<usize>| span.start + offset..span.end + offset;
    let entries = table.into_iter().map(|(key, value)| {
        let key = Spanned::new(moved(key.span()), key.into_inner());
        (key, moved_value(offset, value))
    });
    entries.collect()
}

fn moved_value(offset: usize, value: Spanned<DeValue<'_>>) -> Spanned<DeValue<'_>> {
    let span = value.span();
    let inner = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved_by(offset, table)),
        DeValue::Array(array) => DeValue::Array(array.into_iter().map(|item| moved_value(offset, item)).collect()),
        plain => plain,
    };
    Spanned::new(span.start + offset..span.end + offset, inner)
}

/// Lets every relative path of a table begin with `prefix`, which is empty or ends with a slash.
pub(super) fn begin_paths_with(prefix: &str, table: &mut DeTable<'_>) {
    if prefix.is_empty() {
        return;
    }
    if let Some(base) = table.get_mut("base") {
        edit(base, &|text| base_within(prefix, text));
    }
    let path = |text: &str| path_within(prefix, text);
    if let Some(DeValue::Table(system)) = table.get_mut("system").map(Spanned::get_mut) {
        if let Some(DeValue::Table(certificates)) = system.get_mut("certificates").map(Spanned::get_mut)
            && let Some(file) = certificates.get_mut("file")
        {
            edit(file, &path);
        }
        if let Some(extra) = system.get_mut("extra-certificates") {
            edit(extra, &path);
        }
    }
    for entries in ["file", "tree"] {
        let Some(DeValue::Array(entries)) = table.get_mut(entries).map(Spanned::get_mut) else { continue };
        for entry in entries.iter_mut() {
            if let DeValue::Table(entry) = entry.get_mut()
                && let Some(from) = entry.get_mut("from")
            {
                edit(from, &path);
            }
        }
    }
}

/// Changes a text, or every text of an array.
fn edit(value: &mut Spanned<DeValue<'_>>, change: &dyn Fn(&str) -> Option<String>) {
    match value.get_mut() {
        DeValue::String(text) => {
            if let Some(changed) = change(text) {
                *text = Cow::Owned(changed);
            }
        }
        DeValue::Array(items) => items.iter_mut().for_each(|item| edit(item, change)),
        _ => {}
    }
}

/// A relative path behind `prefix`; none for one that stays as it is.
fn path_within(prefix: &str, text: &str) -> Option<String> {
    (!text.is_empty() && !text.starts_with('/')).then(|| format!("{prefix}{text}"))
}

/// The same for a base, where it is one on the disk. Its text still says so then.
fn base_within(prefix: &str, text: &str) -> Option<String> {
    let schemes = ["oci:", "oci-archive:", "docker-archive:"];
    if let Some(scheme) = schemes.into_iter().find(|scheme| text.starts_with(scheme)) {
        return path_within(prefix, text.get(scheme.len()..)?).map(|path| format!("{scheme}{path}"));
    }
    let path = path_within(prefix, text).filter(|_| text.starts_with('.'))?;
    Some(if path.starts_with('.') { path } else { format!("./{path}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_stays_one_of_the_disk_or_of_a_registry() {
        for (prefix, text, base) in [
            ("../", "./base", Some("../../base".replace("../../", ".././"))),
            ("shared/", "./base", Some("./shared/./base".to_owned())),
            ("../", "oci:base:tag", Some("oci:../base:tag".to_owned())),
            ("../", "oci:/base", None),
            ("../", "/base", None),
            ("../", "r.example/base:1", None),
            ("../", "scratch", None),
        ] {
            assert_eq!(base_within(prefix, text), base, "{text}");
        }
    }
}
