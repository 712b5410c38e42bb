//! Reads the JSON messages of cargo while it compiles: the progress, the program's path, and the archives that build
//! scripts link.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::Deserialize;

use super::workspace::outside_of_workspace;
use crate::report::{ErrorName, Failure, Progress, Task, printable};

/// One line of `--message-format=json` (The Cargo Book, "External tools").
#[derive(Debug, Deserialize)]
struct CargoMessage {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<MessageTarget>,
    executable: Option<PathBuf>,
    #[serde(default)]
    fresh: bool,
    /// Of a build script: the libraries that it asks for, as `[kind=]name`.
    #[serde(default)]
    linked_libs: Vec<String>,
    /// Of a build script: where they are, as `[kind=]folder`.
    #[serde(default)]
    linked_paths: Vec<String>,
}

/// The target of an artifact.
#[derive(Debug, Deserialize)]
struct MessageTarget {
    name: String,
    kind: Vec<String>,
}

/// Collects the messages of one cargo run.
pub(super) struct Artifacts<'a> {
    binary: &'a str,
    /// The workspace, in the paths of the compile.
    workspace: &'a Path,
    running: &'a dyn Task,
    progress: &'a dyn Progress,
    /// Packages that the program is made of.
    packages: usize,
    seen: Mutex<ArtifactState>,
}

#[derive(Debug, Default)]
struct ArtifactState {
    /// The packages of which a unit is done.
    packages: std::collections::BTreeSet<String>,
    /// The packages that were compiled in this run.
    compiled: std::collections::BTreeSet<String>,
    program: Option<PathBuf>,
    outside: Option<PathBuf>,
    /// The archives that build scripts ask for by name and folder, in the paths of the compile: rustc puts them into
    /// Rust libraries, so the linker's list does not have them.
    archives: std::collections::BTreeSet<PathBuf>,
}

impl<'a> Artifacts<'a> {
    pub(super) fn new(
        binary: &'a str,
        workspace: &'a Path,
        packages: usize,
        running: &'a dyn Task,
        progress: &'a dyn Progress,
    ) -> Self {
        Self { binary, workspace, running, progress, packages, seen: Mutex::default() }
    }

    /// Parses one line. A line that is not a JSON object was printed by another program and is ignored.
    pub(super) fn take_line(&self, line: &[u8]) {
        let Ok(message) = serde_json::from_slice::<CargoMessage>(line) else { return };
        let mut seen = self.seen.lock();
        if message.reason == "build-script-executed" {
            seen.archives.extend(message.archives());
        }
        if message.reason != "compiler-artifact" {
            return;
        }
        if message.package_id.contains("path+file://") && !message.manifest_path.starts_with(self.workspace) {
            seen.outside.get_or_insert(message.manifest_path);
        }
        let Some(target) = message.target else { return };
        let name = package_name(&message.package_id).to_owned();
        seen.packages.insert(message.package_id.clone());
        if !message.fresh && seen.compiled.insert(message.package_id) {
            let done = seen.packages.len();
            // Build scripts and procedural macros can make more of them than the program has.
            let all = self.packages.max(done);
            let line = format!("compile {done}/{all} {}", printable(&name));
            self.running.now(&line);
            self.progress.detail(&format!("  {line}"));
        }
        if target.name == self.binary && target.kind.iter().any(|kind| kind == "bin") {
            seen.program = message.executable.or_else(|| seen.program.take());
        }
    }

    /// Whether anything was compiled in this run.
    pub(super) fn compiled(&self) -> bool {
        !self.seen.lock().compiled.is_empty()
    }

    /// The archives that build scripts ask for, whether or not they are there.
    pub(super) fn archives(&self) -> Vec<PathBuf> {
        self.seen.lock().archives.iter().cloned().collect()
    }

    /// The program; refuses sources whose place enters it.
    pub(super) fn program(self) -> Result<PathBuf, Failure> {
        let seen = self.seen.into_inner();
        if let Some(outside) = seen.outside {
            return Err(outside_of_workspace(&outside));
        }
        seen.program.ok_or_else(|| {
            Failure::error(
                ErrorName::CompileFailed,
                format!("`cargo rustc` made no binary `{}`", printable(self.binary)),
            )
        })
    }
}

impl CargoMessage {
    /// Where the libraries of a build script can be: `static=z` in `native=/usr/lib` is `/usr/lib/libz.a`.
    fn archives(&self) -> impl Iterator<Item = PathBuf> {
        let value = |text: &str| text.rsplit_once('=').map_or(text, |(_, value)| value).to_owned();
        let folders: Vec<_> = self.linked_paths.iter().map(|path| PathBuf::from(value(path))).collect();
        // `:` divides the name from another one, which is Rust's own.
        let names =
            self.linked_libs.iter().map(|library| value(library).split(':').next().unwrap_or_default().to_owned());
        let names: Vec<_> = names.flat_map(|name| [format!("lib{name}.a"), name]).collect();
        folders.into_iter().flat_map(move |folder| names.clone().into_iter().map(move |name| folder.join(name)))
    }
}

/// The name in a package ID: `registry+https://...#serde@1.0.0`, `path+file:///w/app#0.1.0` (Package ID Specifications).
fn package_name(id: &str) -> &str {
    let (place, version) = id.rsplit_once('#').unwrap_or((id, ""));
    version.split_once('@').map_or_else(|| place.rsplit('/').next().unwrap_or(place), |(name, _)| name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::Silent;

    fn program(binary: &str, workspace: &str) -> Result<PathBuf, Failure> {
        let messages = br#"a word from somewhere
{"reason":"compiler-artifact","package_id":"path+file:///w#0.1.0","manifest_path":"/w/Cargo.toml","target":{"name":"app","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///w#0.1.0","manifest_path":"/w/Cargo.toml","target":{"name":"app","kind":["bin"]},"executable":"/t/app"}
{"reason":"build-finished","success":true}
"#;
        let artifacts = Artifacts::new(binary, Path::new(workspace), 1, &Silent, &Silent);
        messages.split(|byte| *byte == b'\n').for_each(|line| artifacts.take_line(line));
        artifacts.program()
    }

    #[test]
    fn a_package_is_called_by_its_name() {
        assert_eq!(package_name("registry+https://github.com/rust-lang/crates.io-index#serde@1.0.2"), "serde");
        assert_eq!(package_name("path+file:///w/app#0.1.0"), "app");
        assert_eq!(package_name("path+file:///w/app#other@0.1.0"), "other");
    }

    #[test]
    fn archives_of_build_scripts_are_told_by_folder_and_name() {
        let message = br#"{"reason":"build-script-executed","package_id":"path+file:///w#0.1.0",
            "linked_libs":["static:+verbatim=libx.a","z"],"linked_paths":["native=/usr/lib","/opt"],"out_dir":"/o"}"#;
        let artifacts = Artifacts::new("app", Path::new("/w"), 1, &Silent, &Silent);
        artifacts.take_line(message);
        let found = artifacts.archives();
        for path in ["/usr/lib/libx.a", "/usr/lib/libz.a", "/opt/libz.a"] {
            assert!(found.contains(&PathBuf::from(path)), "{path}: {found:?}");
        }
    }

    #[test]
    fn the_program_is_found_among_other_lines() {
        assert_eq!(program("app", "/w").unwrap(), Path::new("/t/app"));
        assert_eq!(program("other", "/w").unwrap_err().what, "`cargo rustc` made no binary `other`");
        let failure = program("app", "/w/app").unwrap_err();
        assert!(failure.what.contains("outside of the cargo workspace"), "{failure}");
    }
}
