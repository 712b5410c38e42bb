//! Reads the folder of a Rust package: whether its sources name files outside of it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::trail::read_through_links;
use crate::{build::compile::has_cache_tag, recipe};

/// Entries of a package's folder that are looked at.
const MOST_ENTRIES: usize = 20_000;
/// Bytes of a source that is read.
const MOST_BYTES: u64 = 8 << 20;
/// Bytes of a name that a text may begin with.
const NAME_BYTES: usize = 255;

/// The sources of a package.
#[derive(Debug, Default)]
pub(super) struct RustFolder {
    /// Links in the folder, whose ends belong to the package.
    pub(super) links: Vec<PathBuf>,
    /// The first name of everything in quotes: by such a text a macro may read a file from the workspace's folder.
    pub(super) words: BTreeSet<Vec<u8>>,
    /// The file that leads out of the folder, or cannot be read.
    pub(super) far: Option<PathBuf>,
}

impl RustFolder {
    /// Reads the folder at `path`.
    pub(super) fn read(path: &Path) -> Self {
        let (mut folder, mut left) = (Self::default(), MOST_ENTRIES);
        folder.walk(path, &mut left);
        folder
    }

    fn walk(&mut self, path: &Path, left: &mut usize) {
        let Ok(entries) = fs::read_dir(path) else {
            self.far.get_or_insert_with(|| path.to_owned());
            return;
        };
        for entry in entries {
            let (Ok(entry), Some(rest)) = (entry, left.checked_sub(1)) else {
                self.far.get_or_insert_with(|| path.to_owned());
                return;
            };
            *left = rest;
            let (path, kind) = (entry.path(), entry.file_type());
            if kind.as_ref().is_ok_and(fs::FileType::is_symlink) {
                self.links.push(path.clone());
            }
            if kind.is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name() != ".git" && !has_cache_tag(&path) {
                    self.walk(&path, left);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                self.add(&path);
            } else if path.extension().is_some_and(|extension| extension == "toml") && !is_harmless(&path) {
                self.far.get_or_insert_with(|| path.clone());
            }
        }
    }

    fn add(&mut self, path: &Path) {
        match read_through_links(path, MOST_BYTES) {
            Some(text) if !leads_out(&text) => self.words.extend(quoted_words(&text)),
            _ => {
                self.far.get_or_insert_with(|| path.to_owned());
            }
        }
    }
}

/// Whether a file of settings, by which a macro finds its files, leads to none outside. A manifest is judged by itself, and
/// no macro reads recipes.
fn is_harmless(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "Cargo.toml" || name == recipe::WORKSPACE_FILE) {
        return true;
    }
    let text = read_through_links(path, MOST_BYTES).and_then(|text| String::from_utf8(text).ok());
    text.is_some_and(|text| !text.contains("..") || recipe::parse("hardpan.toml", &text).is_ok())
}

/// Whether a text may name a file outside of its package: `..` beside a slash or as a whole text, an absolute path in a macro
/// that includes files, or a file with code that is no `.rs`.
fn leads_out(text: &[u8]) -> bool {
    let dots = memchr::memmem::find_iter(text, b"..").any(|at| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(at + 2);
        let is_slash = |byte: Option<&u8>| matches!(byte, Some(b'/' | b'\\'));
        is_slash(before) || is_slash(after) || (before == Some(&b'"') && after == Some(&b'"'))
    });
    dots || [&b"include"[..], b"path", b"embed"].iter().any(|word| {
        memchr::memmem::find_iter(text, word).any(|at| {
            let rest = text.get(at + word.len()..).unwrap_or_default();
            names_far_file(rest, *word == b"include")
        })
    })
}

/// Whether the first text in quotes behind a macro or an attribute begins with a slash; or, behind `include!`, names a file
/// that is no `.rs`, whose own includes are not read here.
fn names_far_file(rest: &[u8], is_include: bool) -> bool {
    let line = rest.get(..rest.len().min(NAME_BYTES)).unwrap_or_default();
    let Some(start) = line.iter().position(|byte| *byte == b'"') else { return false };
    let (before, text) = line.split_at(start);
    if before.iter().any(|byte| matches!(byte, b';' | b'{' | b'}')) {
        return false;
    }
    let text = text.get(1..).unwrap_or_default();
    let end = text.iter().position(|byte| *byte == b'"').unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    text.starts_with(b"/") && !before.contains(&b',')
        || (is_include && before.starts_with(b"!") && !text.ends_with(b".rs"))
}

/// What stands behind each quote, up to a slash or a quote.
fn quoted_words(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    memchr::memchr_iter(b'"', text).filter_map(|at| {
        let rest = text.get(at + 1..)?;
        let rest = rest.strip_prefix(b"./").unwrap_or(rest);
        let word = rest.get(..rest.len().min(NAME_BYTES + 1))?;
        let end = word.iter().position(|byte| matches!(byte, b'/' | b'"'))?;
        word.get(..end).filter(|word| !word.is_empty()).map(<[u8]>::to_vec)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_that_lead_out_of_their_package_are_seen() {
        for text in [
            "include_str!(\"../../x\")",
            "#[path = \"../x.rs\"] mod x;",
            "concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../x\")",
            "Path::new(D).join(\"..\").join(\"x\")",
            "include_bytes!(\"/etc/hosts\")",
            "include!(\"table.inc\")",
            "include!(concat!(env!(\"OUT_DIR\"), \"/x.rs\"))",
            "#[path = \"/x.rs\"]",
        ] {
            assert!(leads_out(text.as_bytes()), "{text}");
        }
        for text in [
            "for i in 0..5 {}",
            "let a = &b[..];",
            "\"...\"",
            "include_str!(\"own.txt\"); let x = \"/etc\";",
            "include!(\"own.rs\")",
            "let Self { a, .. } = b;",
        ] {
            assert!(!leads_out(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_text_is_known_by_its_first_name() {
        let words: Vec<_> = quoted_words(b"f(\"shared/x\", \"./own\", r\"raw/y\")").collect();
        assert!([&b"shared"[..], b"own", b"raw"].iter().all(|word| words.iter().any(|known| known == word)));
    }
}
