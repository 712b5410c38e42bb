//! Settings of a recipe and of cargo by which a Rust program may be made of files anywhere in the checkout.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{go_reach::joined, trail::read_through_links};
use crate::{recipe::CargoBinary, report::Limits};

/// A setting that may name files anywhere, as the end of a sentence; the program's toolchain runs in `dir`, in the checkout
/// at `top`.
pub(super) fn far_setting(cargo: &CargoBinary, dir: &Path, top: &Path) -> Option<String> {
    let texts = cargo.flags.iter().chain(&cargo.rustflags).chain(&cargo.linker).chain(&cargo.cc);
    let texts = texts.chain(cargo.env.values()).map(|text| text.value.as_str());
    let mut far = texts.filter(|text| text.contains('/') || text.contains(".."));
    if let Some(text) = far.next() {
        return Some(format!("the setting `{text}`, which may name a file"));
    }
    dir.ancestors().take_while(|folder| folder.starts_with(top)).find_map(|folder| {
        let config = ["config", "config.toml"].map(|name| folder.join(".cargo").join(name));
        let toolchain = ["rust-toolchain", "rust-toolchain.toml"].map(|name| folder.join(name));
        let far_config = config.iter().find(|path| is_far(path, &["env", "include", "paths", "patch"]));
        let far = far_config.or_else(|| toolchain.iter().find(|path| is_far(path, &[])))?;
        Some(format!("`{}`, which may name files", far.strip_prefix(top).unwrap_or(far).display()))
    })
}

/// The folders of vendored crates that the configuration in a folder names. `Cargo.lock` has no digests of those from git.
pub(super) fn vendor_folders(folder: &Path) -> Vec<PathBuf> {
    let configs = ["config", "config.toml"].map(|name| folder.join(".cargo").join(name));
    let texts =
        configs.iter().filter_map(|path| String::from_utf8(read_through_links(path, Limits::RECIPE_BYTES)?).ok());
    let tables: Vec<Table> = texts.filter_map(|text| text.parse().ok()).collect();
    let sources = tables.iter().filter_map(|table| table.get("source")?.as_table()).flat_map(Table::values);
    let places = sources.flat_map(|source| ["directory", "local-registry"].map(|key| source.get(key)));
    places.filter_map(|place| Some(joined(folder, place?.as_str()?))).collect()
}

/// Whether a file in TOML has one of these tables, or a text that may be a path.
fn is_far(path: &Path, tables: &[&str]) -> bool {
    if fs::symlink_metadata(path).is_err() {
        return false;
    }
    let text = read_through_links(path, Limits::RECIPE_BYTES).and_then(|text| String::from_utf8(text).ok());
    let Some(text) = text else { return true };
    match text.parse::<Table>() {
        Ok(table) => tables.iter().any(|name| table.contains_key(*name)) || table.values().any(may_be_path),
        // `rust-toolchain` may be a version alone.
        Err(_) => text.contains('/') || path.file_name().is_some_and(|name| name != "rust-toolchain"),
    }
}

fn may_be_path(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('/') && !text.contains("://"),
        Value::Array(list) => list.iter().any(may_be_path),
        // Of `[source]` the folder of vendored crates, which is judged by itself.
        Value::Table(table) => {
            table.iter().any(|(name, value)| !["directory", "local-registry"].contains(&&**name) && may_be_path(value))
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_that_may_name_files_is_far() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let far = |text: &str| {
            fs::write(&file, text).unwrap();
            is_far(&file, &["env"])
        };
        assert!(!far(
            "[build]\nrustflags = [\"-Ctarget-cpu=x86-64-v2\"]\n[registries.x]\nindex = \"sparse+https://x/y\"\n"
        ));
        assert!(!far("[source.vendored-sources]\ndirectory = \"vendor\"\n"));
        for text in [
            "[env]\nA = \"b\"\n",
            "[build]\nrustflags = [\"-Clink-arg=-Tscripts/x.ld\"]\n",
            "[",
            "[target.x]\nlinker = \"./ld\"\n",
        ] {
            assert!(far(text), "{text}");
        }
        assert!(!is_far(&folder.path().join("none"), &[]));
    }
}
