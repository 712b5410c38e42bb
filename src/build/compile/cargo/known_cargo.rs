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
        known_inputs::CompileInput,
        known_result::{KnownResult, RequestKey, UNCHANGED},
        machine::MachineFiles,
        shared_program::{SharedKey, SharedRequest, SharedWorkspace, has_settings_above},
        stable_paths::{StableRoot, StableRoots},
        watched_paths::{Watch, WatchedPaths, WatchedState},
    },
    CargoJob,
    workspace_sources::{SourceListing, WorkspaceSources},
};
use crate::{
    cache::Fingerprint,
    oci::Platform,
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
    /// The same request, for programs that other checkouts and machines compiled.
    shared: Option<SharedRequest>,
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
        platform: &Platform,
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
            platform.to_string(),
            binary.debug_file.is_some(),
            binary.auditable,
        );
        key.add(said.as_bytes());
        let key = key.finish();
        let shared = if binary.debug_file.is_none() { shared_request(toolchain, dir, &said) } else { None };
        let folder = toolchain.compile_folder("survey", &[b"known program", key.bytes()]).ok()?;
        Some(Self { key, folder, settings: Vec::new(), shared })
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
        if self.shared.as_ref().is_some_and(|shared| shared.verifies(toolchain)) {
            return Ok(None);
        }
        let known = KnownResult::<CargoResult>::find(&self.folder, FILE, &self.key, toolchain);
        let known = known
            .filter(|known| workspace_state(toolchain, &known.root, &known.packages).as_ref() == Some(&known.sources));
        let Some(known) = known else { return self.find_shared(toolchain, order) };
        (order.pinned)(&MachineFiles::default())?;
        toolchain.progress.detail(UNCHANGED);
        // `hardpan cache prune` keeps what the next edit needs.
        touch_compile_folder(&known.folder);
        let CargoResult { name, path, debug, .. } = known;
        Ok(Some(Compiled { path, name, debug, objections: Vec::new() }))
    }

    /// The program, if another checkout or another machine compiled it from the same inputs.
    fn find_shared(&self, toolchain: &Toolchain<'_>, order: &CompileRequest<'_>) -> Result<Option<Compiled>, Failure> {
        let Some(shared) = self.shared.as_ref().filter(|_| toolchain.shared.is_some()) else { return Ok(None) };
        if has_settings_above(toolchain.checkout) {
            return Ok(None);
        }
        let read = |root: &Path, packages: &BTreeSet<PathBuf>| workspace_state(toolchain, root, packages);
        let Some((path, name)) = shared.find::<String>(toolchain, &read) else { return Ok(None) };
        (order.pinned)(&MachineFiles::default())?;
        Ok(Some(Compiled { path, name, debug: None, objections: Vec::new() }))
    }
}

/// What the last compile of `binary` has read: the paths outside of its workspace, and the packages of the workspace; none
/// where that is not all known, or something changed.
pub(in super::super) fn known_inputs(
    toolchain: &Toolchain<'_>,
    binary: &CargoBinary,
    dir: &Path,
    platform: &Platform,
) -> Option<(Vec<WatchedState>, Vec<CompileInput>)> {
    let request = CargoRequest::new(toolchain, binary, dir, platform)?;
    let found = KnownResult::<CargoResult>::find_with_inputs(&request.folder, FILE, &request.key, toolchain);
    if let Some((known, inputs)) = found
        && workspace_state(toolchain, &known.root, &known.packages).as_ref() == Some(&known.sources)
    {
        return Some((inputs, package_inputs(toolchain, &known.root, &known.packages)?));
    }
    let read = |root: &Path, packages: &BTreeSet<PathBuf>| workspace_state(toolchain, root, packages);
    let (inputs, workspace) = request.shared.as_ref()?.inputs::<String>(toolchain, &read)?;
    let workspace = workspace?;
    Some((inputs, package_inputs(toolchain, &workspace.folder(toolchain.checkout), &workspace.packages)?))
}

/// The packages of a workspace, each with the state of its files.
fn package_inputs(toolchain: &Toolchain<'_>, root: &Path, packages: &BTreeSet<PathBuf>) -> Option<Vec<CompileInput>> {
    let sources = WorkspaceSources::new(root, packages, toolchain);
    let listing = sources.list()?;
    let groups = sources.groups(&listing).map(|(folder, state)| CompileInput::package(root.join(folder), &state));
    Some(groups.collect())
}

/// The state of all files of a workspace.
fn workspace_state(toolchain: &Toolchain<'_>, root: &Path, packages: &BTreeSet<PathBuf>) -> Option<String> {
    toolchain.states.workspace(root, packages, || {
        let sources = WorkspaceSources::new(root, packages, toolchain);
        sources.list().map(|listing| sources.whole_state(&listing))
    })
}

impl CargoJob<'_> {
    /// Keeps the record of a compile that has just ended, if everything it read can be watched.
    ///
    /// # Errors
    /// The program was compiled to compare it with the cache, and is another one.
    pub(super) fn keep_record(
        &self,
        request: &CargoRequest,
        inputs: &CargoInputs<'_>,
        compiled: &Compiled,
    ) -> Result<(), Failure> {
        let Some(watched) = self.watched(inputs) else { return Ok(()) };
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
        let Some(states) = states else { return Ok(()) };
        // In place, a compile is one of this checkout.
        if let (Some(shared), Some(_)) = (&request.shared, self.paths.enclosure())
            && let Ok(root) = inputs.root.strip_prefix(self.toolchain.checkout)
        {
            let workspace = SharedWorkspace { root: root.to_owned(), packages: inputs.packages.clone() };
            let sources = Some((workspace, result.sources.as_str()));
            shared.note(self.toolchain, &states, sources, &compiled.path, &compiled.name)?;
        }
        let made: Vec<_> = [Some(&compiled.path), compiled.debug.as_ref()].into_iter().flatten().collect();
        KnownResult::keep(&request.folder, FILE, &request.key, states, &made, result, self.toolchain);
        Ok(())
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

/// The request for other checkouts and machines; none where rustup chooses a toolchain by the path of the checkout.
fn shared_request(toolchain: &Toolchain<'_>, dir: &Path, said: &str) -> Option<SharedRequest> {
    let rustup = toolchain.rustup_home();
    let choices = rustup.as_ref().and_then(|rustup| fs::read_to_string(rustup.join("settings.toml")).ok());
    if let Some(settings) = choices {
        let settings: toml::Table = settings.parse().ok()?;
        let overrides = settings.get("overrides").map(toml::Value::as_table);
        if overrides.is_some_and(|overrides| overrides.is_none_or(|table| !table.is_empty())) {
            return None;
        }
    }
    let mut key = SharedKey::new("rust program", toolchain, dir)?;
    key.add(said.as_bytes());
    // The one kind of variable that a compile takes from the caller.
    for (name, value) in toolchain.caller {
        let (name, text) = (name.to_string_lossy(), value.to_string_lossy());
        if name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX") {
            // With a login in it, the key would let others try passwords.
            if text.contains('@') {
                return None;
            }
            key.add(name.as_bytes());
            key.add(value.as_encoded_bytes());
        }
    }
    let rustc = toolchain.program("rustc")?;
    let prefix = fs::canonicalize(&rustc).ok()?.parent()?.parent()?.to_owned();
    let roots = StableRoots::default()
        .with(StableRoot::Checkout, toolchain.checkout)
        .with(StableRoot::RustPrefix, prefix)
        .with(StableRoot::CargoHome, toolchain.cargo_home().ok()?)
        .with(StableRoot::Cargo, toolchain.program("cargo")?)
        .with(StableRoot::Rustc, rustc);
    let roots = rustup.into_iter().fold(roots, |roots, rustup| roots.with(StableRoot::RustupHome, rustup));
    Some(key.into_request(roots))
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
