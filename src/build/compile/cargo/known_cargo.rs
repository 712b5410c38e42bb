//! What a Rust program is made of, for its record: while nothing of it changed, neither cargo nor rustc is asked.
//!
//! Watched are the files of the workspace, whatever compilers and build scripts named outside of it, every configuration of
//! cargo and rustup, and the toolchain; crates of registries and git are pinned by `Cargo.lock`. Not remembered are programs
//! with C code or files of this machine in them, those whose build scripts or macros ask git or need other programs, and
//! compiles with unstable flags: what these read is not all known.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    super::{
        CompileRequest, Compiled, Toolchain,
        compile_folder::{CompileFolder, touch_compile_folder},
        installed_rust::InstalledRust,
        known_result::{KnownResult, RequestKey, UNCHANGED},
        machine::MachineFiles,
        watched_paths::{Watch, WatchedPaths, WatchedState},
    },
    CargoJob,
    workspace_sources::{SourceListing, WorkspaceSources},
};
use crate::{
    cache::Fingerprint,
    recipe::{CargoBinary, Located, LockedToolchain},
    report::Failure,
};

/// The record of a program.
const FILE: &str = "program";
/// The record of the version of Rust.
const VERSION_FILE: &str = "rust-version";

/// A Rust program that was compiled, with the sources that it was compiled from.
#[derive(Debug, Serialize, Deserialize)]
struct CargoResult {
    name: String,
    path: PathBuf,
    debug: Option<PathBuf>,
    /// The compile folder that it lies in.
    folder: PathBuf,
    /// The folder of the workspace.
    root: PathBuf,
    /// The folders of its packages, relative to it.
    packages: BTreeSet<PathBuf>,
    /// The state of all its files.
    sources: String,
}

/// A request for a Rust program that may be known.
pub(super) struct CargoRequest {
    key: Fingerprint,
    /// Where the record is. Locked before anything is read, so that another process waits for the record.
    folder: CompileFolder,
    /// What chooses and configures the toolchain, as it was then.
    settings: Vec<WatchedState>,
}

/// What a compile read that has just ended, beside the toolchain.
pub(super) struct CargoInputs<'a> {
    pub(super) root: &'a Path,
    pub(super) packages: &'a BTreeSet<PathBuf>,
    /// The files of the workspace, which did not change while cargo ran.
    pub(super) listing: &'a SourceListing,
    /// Paths that compilers and build scripts named, on this machine.
    pub(super) named: BTreeSet<PathBuf>,
}

impl CargoRequest {
    /// The request, where a record of it can be trusted.
    pub(super) fn new(
        toolchain: &Toolchain<'_>,
        binary: &CargoBinary,
        dir: &Path,
        order: &CompileRequest<'_>,
    ) -> Option<Self> {
        let is_unstable = |text: &str| text.starts_with("-Z");
        let mut flags = binary.flags.iter().chain(&binary.rustflags).map(|flag| flag.value.as_str());
        if flags.any(is_unstable) || binary.cc.is_some() || binary.linker.is_some() || !binary.libraries.is_empty() {
            return None;
        }
        let mut key = rust_request("rust program", toolchain, dir)?;
        let words = |list: &[Located<String>]| -> Vec<String> { list.iter().map(|word| word.value.clone()).collect() };
        let env: BTreeMap<_, _> = binary.env.iter().map(|(name, value)| (name, &value.value)).collect();
        let said = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {env:?} {:?} {:?} {} {}",
            (&binary.package.value, &binary.binary),
            binary.target.as_ref().map(|target| &target.value),
            words(&binary.features),
            words(&binary.flags),
            words(&binary.rustflags),
            binary.profile.as_ref().map(|profile| &profile.value),
            binary.strip,
            order.platform.to_string(),
            binary.debug_file.is_some(),
            binary.auditable,
        );
        key.add(said.as_bytes());
        let key = key.finish();
        let folder = toolchain.compile_folder("survey", &[b"known program", key.bytes()]).ok()?;
        Some(Self { key, folder, settings: Vec::new() })
    }

    /// Notes what chooses and configures the toolchain, before it is asked anything. Most of these files are not there.
    pub(super) fn note_settings(self, toolchain: &Toolchain<'_>, dir: &Path) -> Option<Self> {
        let mut watched = WatchedPaths::default();
        watch_choice(&mut watched, toolchain, dir)?;
        let cargo_home = toolchain.cargo_home().ok()?;
        for folder in dir.ancestors().map(|folder| folder.join(".cargo")).chain([cargo_home]) {
            watched.add(folder.join("config"), Watch::File);
            watched.add(folder.join("config.toml"), Watch::File);
        }
        // A workspace above may claim the package.
        for folder in dir.ancestors() {
            watched.add(folder.join("Cargo.toml"), Watch::File);
        }
        let settings = watched.states(toolchain.blobs)?;
        Some(Self { settings, ..self })
    }

    /// The program, if a compile of the same request is known whose inputs are all as they were.
    ///
    /// # Errors
    /// The lock names files of this machine, and the program takes none.
    pub(super) fn find(
        &self,
        toolchain: &Toolchain<'_>,
        order: &CompileRequest<'_>,
    ) -> Result<Option<Compiled>, Failure> {
        let Some(known) = KnownResult::<CargoResult>::find(&self.folder, FILE, &self.key, toolchain) else {
            return Ok(None);
        };
        let state = toolchain.states.workspace(&known.root, &known.packages, || {
            let sources = WorkspaceSources::new(&known.root, &known.packages, toolchain);
            sources.list().map(|listing| sources.whole_state(&listing))
        });
        if state.as_ref() != Some(&known.sources) {
            return Ok(None);
        }
        (order.pinned)(&MachineFiles::default())?;
        toolchain.progress.detail(UNCHANGED);
        // `hardpan cache prune` keeps what the next edit needs.
        touch_compile_folder(&known.folder);
        let CargoResult { name, path, debug, .. } = known;
        Ok(Some(Compiled { path, name, debug, objections: Vec::new() }))
    }
}

impl CargoJob<'_> {
    /// Keeps the record of a compile that has just ended, if everything it read can be watched.
    pub(super) fn keep_record(&self, request: &CargoRequest, inputs: &CargoInputs<'_>, compiled: &Compiled) {
        let Some(watched) = self.watched(inputs) else { return };
        let sources = WorkspaceSources::new(inputs.root, inputs.packages, self.toolchain);
        let result = CargoResult {
            name: compiled.name.clone(),
            path: compiled.path.clone(),
            debug: compiled.debug.clone(),
            folder: self.compile_folder.root().to_owned(),
            root: inputs.root.to_owned(),
            packages: inputs.packages.clone(),
            sources: sources.whole_state(inputs.listing),
        };
        let states = watched.record(self.toolchain.blobs, request.folder.start(), &request.settings);
        let Some(states) = states else { return };
        let made: Vec<_> = [Some(&compiled.path), compiled.debug.as_ref()].into_iter().flatten().collect();
        KnownResult::keep(&request.folder, FILE, &request.key, states, &made, result, self.toolchain);
    }

    fn watched(&self, inputs: &CargoInputs<'_>) -> Option<WatchedPaths> {
        let mut watched = WatchedPaths::default();
        watch_rust(&mut watched, &self.rust, Some(self.target))?;
        for path in &inputs.named {
            // The crates that `Cargo.lock` pins are in these folders.
            let is_pinned = ["registry", "git"].iter().any(|below| path.starts_with(self.cargo_home.join(below)));
            let is_source = path.strip_prefix(inputs.root).is_ok_and(|below| inputs.listing.has_at(below));
            if !is_pinned && !is_source && !path.starts_with(self.compile_folder.root()) {
                watched.add(path, Watch::Tree);
            }
        }
        Some(watched)
    }
}

/// The versions that the Rust for `dir` gives, as `ask` finds them out, or as it said before while nothing of it changed.
pub(in super::super) fn known_rust_version(
    toolchain: &Toolchain<'_>,
    dir: &Path,
    ask: impl FnOnce() -> Result<(InstalledRust, LockedToolchain), Failure>,
) -> Result<LockedToolchain, Failure> {
    let folder = toolchain.compile_folder("survey", &[b"rust version", dir.as_os_str().as_encoded_bytes()]).ok();
    let Some((folder, request)) = folder.zip(rust_request("rust version", toolchain, dir)) else { return Ok(ask()?.1) };
    let request = request.finish();
    if let Some((version, commit, llvm)) = KnownResult::find(&folder, VERSION_FILE, &request, toolchain) {
        return Ok(LockedToolchain { version, commit, llvm, ..LockedToolchain::default() });
    }
    let mut choice = WatchedPaths::default();
    let choice = watch_choice(&mut choice, toolchain, dir).and_then(|()| choice.states(toolchain.blobs));
    let (rust, identity) = ask()?;
    let mut watched = WatchedPaths::default();
    if watch_rust(&mut watched, &rust, None).is_some()
        && let Some(choice) = choice
        && let Some(states) = watched.record(toolchain.blobs, folder.start(), &choice)
    {
        let said = (identity.version.clone(), identity.commit.clone(), identity.llvm.clone());
        KnownResult::keep(&folder, VERSION_FILE, &request, states, &[], said, toolchain);
    }
    Ok(identity)
}

/// The beginning of every request of one `kind` to the Rust for `dir`; none where there is no Rust.
fn rust_request(kind: &str, toolchain: &Toolchain<'_>, dir: &Path) -> Option<RequestKey> {
    let mut key = RequestKey::new(kind, toolchain, dir, &["cargo", "rustc"])?;
    let counts = |name: &str| {
        name.starts_with("CARGO") || name.starts_with("RUST") || ["PATH", "HOME", "TMPDIR"].contains(&name)
    };
    key.add_variables(toolchain, counts);
    Some(key)
}

/// Watches the files by which rustup chooses the toolchain for `dir`.
fn watch_choice(watched: &mut WatchedPaths, toolchain: &Toolchain<'_>, dir: &Path) -> Option<()> {
    for program in ["cargo", "rustc"] {
        watched.add(toolchain.program(program)?, Watch::File);
    }
    for folder in dir.ancestors() {
        watched.add(folder.join("rust-toolchain"), Watch::File);
        watched.add(folder.join("rust-toolchain.toml"), Watch::File);
    }
    if let Some(home) = toolchain.rustup_home() {
        watched.add(home.join("settings.toml"), Watch::File);
    }
    Some(())
}

/// Watches the toolchain itself, with the libraries for this machine and for `target`.
fn watch_rust(watched: &mut WatchedPaths, rust: &InstalledRust, target: Option<&str>) -> Option<()> {
    for file in [rust.cargo.as_path(), rust.compiler()] {
        watched.add(file, Watch::File);
    }
    watched.add(rust.sysroot().join("lib"), Watch::Files);
    let libraries = rust.sysroot().join("lib/rustlib");
    for triple in [Some(rust.host.as_str()), target].into_iter().flatten() {
        watched.add(libraries.join(triple), Watch::Tree);
    }
    // A compiler that is no toolchain of rustup has its libraries elsewhere.
    fs::metadata(libraries.join(target.unwrap_or(&rust.host)).join("lib")).ok().map(drop)
}
