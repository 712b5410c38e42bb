//! Reads the folder of a Go package.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::trail::read_through_links;
use crate::build::compile::{GoSource, is_go_source};

/// Bytes of a Go file that is read; a larger one is not understood.
const MOST_BYTES: u64 = 32 << 20;

/// A folder with Go files, all of them taken together.
#[derive(Debug, Default)]
pub(super) struct GoFolder {
    /// What its files import.
    pub(super) imports: BTreeSet<String>,
    /// What they may embed, relative to the folder.
    pub(super) embeds: BTreeSet<String>,
    /// Links among its files.
    pub(super) links: Vec<PathBuf>,
    /// Whether it has files in other languages, which may take any file beside them.
    pub(super) has_others: bool,
    /// What of it is not understood, or leads out of it.
    pub(super) odd: Option<String>,
}

impl GoFolder {
    /// Reads the folder at `path`; an empty one where nothing is there. `cgo` says whether C is compiled.
    pub(super) fn read(path: &Path, cgo: bool) -> Self {
        let mut folder = Self::default();
        let Ok(entries) = fs::read_dir(path) else {
            if path.exists() {
                folder.odd = Some("a folder that cannot be read".to_owned());
            }
            return folder;
        };
        for entry in entries {
            let Ok(entry) = entry else {
                folder.odd = Some("a folder that cannot be read".to_owned());
                continue;
            };
            let name = entry.file_name();
            if is_go_source(&name) && !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folder.add(&entry.path(), entry.file_type().is_ok_and(|kind| kind.is_symlink()), cgo);
            }
        }
        folder
    }

    fn add(&mut self, file: &Path, is_link: bool, cgo: bool) {
        if is_link {
            self.links.push(file.to_owned());
        }
        let extension = file.extension().unwrap_or_default();
        if extension == "pgo" || (is_link && !file.exists()) {
            return;
        }
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let Some(text) = read_through_links(file, MOST_BYTES) else {
            self.odd = Some(format!("the file `{name}`, which cannot be read"));
            return;
        };
        let text = String::from_utf8_lossy(&text);
        if extension != "go" {
            self.has_others = true;
            // Their includes may lead anywhere.
            if cgo || text.lines().any(includes_from_elsewhere) {
                self.odd = Some(format!("`{name}`, which may include files from elsewhere"));
            }
            return;
        }
        match GoSource::parse(&text) {
            Some(source) => {
                if cgo && source.imports.contains("C") {
                    self.odd = Some(format!("`{name}`, whose C code may include files from elsewhere"));
                }
                if source.imports.iter().any(|import| import.starts_with('.') || import.starts_with('/')) {
                    self.odd = Some(format!("`{name}`, which imports a folder"));
                }
                self.imports.extend(source.imports);
                self.embeds.extend(source.embeds);
            }
            None => self.odd = Some(format!("the imports of `{name}`")),
        }
    }

    /// Whether Go may take a file of this name from the folder, but for embedded ones.
    pub(super) fn takes(&self, name: &OsStr) -> bool {
        self.has_others || is_go_source(name)
    }
}

/// Whether a line of assembly or C includes a file of another folder.
fn includes_from_elsewhere(line: &str) -> bool {
    line.split_once("include").is_some_and(|(_, rest)| rest.contains(['/', '\\']))
}
