//! What a Go program is made of, for its record: while nothing of it changed, Go is not asked.
//!
//! Go chooses the packages of a program by the files of their folders, by the modules of `go.mod` and by the folders that
//! could hold a package as well. All of that is watched, with Go itself. Not remembered are programs with cgo, with
//! `vcs`, in a workspace, or with a profile of their own: what these read is not all known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    super::{
        Compiled, Toolchain,
        compile_folder::CompileFolder,
        known_result::{KnownResult, RequestKey, UNCHANGED},
        shared_program::{SharedKey, SharedRequest},
        stable_paths::{StableRoot, StableRoots},
        watched_paths::{Watch, WatchedPaths, WatchedState},
    },
    GoJob, ListedProgram,
    embeds::{EmbeddedFiles, check_embeds},
    go_directives::GoDirectives,
    go_root, ldflags,
    packages::{GoPackage, GoPackages},
    values,
};
use crate::{cache::Fingerprint, oci::Platform, recipe::GoBinary, report::Failure};

/// The record of a program in the folder of its compile.
const FILE: &str = "program";
/// The record of the version of Go.
const VERSION_FILE: &str = "go-version";

/// A Go program that was compiled, with what a build reports beside it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct GoResult {
    name: String,
    path: PathBuf,
    /// A line about packages that differ without cgo.
    note: Option<String>,
    /// The files that packages of the checkout embed.
    embedded: Vec<EmbeddedFiles>,
}

/// A request for a Go program that may be known.
pub(super) struct GoRequest {
    pub(super) key: Fingerprint,
    /// The caller's settings of Go, before Go was asked anything.
    pub(super) settings: Vec<WatchedState>,
    /// The same request, for programs that other checkouts and machines compiled.
    pub(super) shared: Option<SharedRequest>,
}

/// A module of the checkout, or one that `go.mod` replaces by a folder.
struct LocalModule {
    path: String,
    folder: PathBuf,
}

impl GoRequest {
    /// The request, where a record of it can be trusted.
    pub(super) fn new(toolchain: &Toolchain<'_>, binary: &GoBinary, dir: &Path, platform: &Platform) -> Option<Self> {
        let has_profile = binary.flags.iter().any(|flag| flag.value.contains("pgo"));
        let has_workspace = binary.env.get("GOWORK").is_some_and(|work| work.value != "off");
        if binary.cgo || binary.vcs.is_some() || has_profile || has_workspace {
            return None;
        }
        let mut key = go_request("go program", toolchain, dir)?;
        let said = format!("{:?} {:?} {} {:?}", values(binary), ldflags(binary), platform, binary.strip);
        key.add(binary.package.value.as_bytes());
        key.add(said.as_bytes());
        let shared = || -> Option<SharedRequest> {
            let mut key = SharedKey::new("go program", toolchain, dir)?;
            key.add(binary.package.value.as_bytes());
            key.add(said.as_bytes());
            Some(key.into_request(stable_roots(toolchain, dir)?))
        };
        Some(Self { key: key.finish(), settings: settings(toolchain, dir)?, shared: shared() })
    }

    /// The program, if a compile of the same request is known whose inputs are all as they were.
    ///
    /// # Errors
    /// It embeds what this call writes.
    pub(super) fn find(
        &self,
        toolchain: &Toolchain<'_>,
        folder: &CompileFolder,
        binary: &GoBinary,
    ) -> Result<Option<Compiled>, Failure> {
        if self.shared.as_ref().is_some_and(|shared| shared.verifies(toolchain)) {
            return Ok(None);
        }
        let known = KnownResult::<GoResult>::find(folder, FILE, &self.key, toolchain);
        let is_known = known.is_some();
        let Some(known) = known.or_else(|| self.find_shared(toolchain)) else { return Ok(None) };
        check_embeds(toolchain, &binary.package.origin, &known.embedded)?;
        if is_known {
            toolchain.progress.detail(UNCHANGED);
        }
        known.note.iter().for_each(|note| toolchain.progress.step(note));
        Ok(Some(Compiled { path: known.path, name: known.name, debug: None, objections: Vec::new() }))
    }

    /// The program, if another checkout or another machine compiled it from the same inputs.
    fn find_shared(&self, toolchain: &Toolchain<'_>) -> Option<GoResult> {
        let (path, result) = self.shared.as_ref()?.find::<GoResult>(toolchain, &|_, _| None)?;
        let moved = |files: &EmbeddedFiles| files.moved(Path::new(""), toolchain.checkout);
        let embedded = result.embedded.iter().map(moved).collect::<Option<_>>()?;
        Some(GoResult { path, embedded, ..result })
    }

    /// What the program in the record was compiled from, if everything is still as it was; none where that is not known.
    pub(super) fn inputs(&self, toolchain: &Toolchain<'_>, folder: &CompileFolder) -> Option<Vec<WatchedState>> {
        let known = KnownResult::<GoResult>::find_with_inputs(folder, FILE, &self.key, toolchain);
        let own = known.map(|(_, inputs)| inputs);
        own.or_else(|| Some(self.shared.as_ref()?.inputs::<GoResult>(toolchain, &|_, _| None)?.0))
    }

    /// Notes the program for other checkouts and machines.
    ///
    /// # Errors
    /// It was compiled to compare it with the cache, and is another one.
    fn note_shared(
        &self,
        toolchain: &Toolchain<'_>,
        states: &[WatchedState],
        result: &GoResult,
    ) -> Result<(), Failure> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let moved = |files: &EmbeddedFiles| files.moved(toolchain.checkout, Path::new(""));
        let Some(embedded) = result.embedded.iter().map(moved).collect() else { return Ok(()) };
        let (name, note) = (result.name.clone(), result.note.clone());
        shared.note(toolchain, states, None, &result.path, GoResult { name, note, embedded, ..GoResult::default() })
    }
}

impl GoJob<'_> {
    /// Keeps the record of a compile that has just ended in the program's own `folder`, if everything it read can be watched.
    ///
    /// # Errors
    /// The program was compiled to compare it with the cache, and is another one.
    pub(super) fn keep_record(
        &self,
        request: &GoRequest,
        folder: &CompileFolder,
        listed: &ListedProgram,
        module: &Path,
        compiled: &Compiled,
    ) -> Result<(), Failure> {
        let watched = self.watched(&listed.packages, &listed.with_cgo, module, false);
        let Some(watched) = watched.filter(|_| listed.fallbacks.stubs.is_empty()) else { return Ok(()) };
        let result = GoResult {
            name: compiled.name.clone(),
            path: compiled.path.clone(),
            note: listed.fallbacks.note(),
            embedded: EmbeddedFiles::of(&listed.packages, self.toolchain),
        };
        let states = watched.record(self.toolchain.blobs, folder.start(), &request.settings);
        let Some(states) = states else { return Ok(()) };
        // Where `go env -w` has moved the modules, other machines would look for them elsewhere.
        if Some(&self.go.module_cache) == module_cache(self.toolchain).as_ref() {
            request.note_shared(self.toolchain, &states, &result)?;
        }
        KnownResult::keep(folder, FILE, &request.key, states, &[&compiled.path], result, self.toolchain);
        Ok(())
    }

    /// Everything that a program with these packages depends on, or with `only_heads` what the list of them depends on; none
    /// where that is not known.
    pub(super) fn watched(
        &self,
        packages: &GoPackages,
        with_cgo: &GoPackages,
        module: &Path,
        only_heads: bool,
    ) -> Option<WatchedPaths> {
        let mut watched = WatchedPaths::default();
        watch_go(&mut watched, self.toolchain, &self.go.program)?;
        let modules = local_modules(module)?;
        for file in [module.to_owned(), module.with_file_name("go.sum"), module.with_file_name("vendor/modules.txt")] {
            watched.add(file, Watch::File);
        }
        for local in &modules {
            watched.add(local.folder.join("go.mod"), Watch::File);
        }
        // The closest one is that of the program.
        let folders = self.dir.ancestors().take_while(|folder| Some(*folder) != module.parent());
        folders.for_each(|folder| watched.add(folder.join("go.mod"), Watch::File));
        for package in packages.iter().chain(with_cgo.iter()) {
            let is_own = package.dir.starts_with(self.toolchain.checkout);
            watch_package(&mut watched, package, &modules, only_heads && is_own)?;
        }
        Some(watched)
    }
}

/// The version that the Go for `dir` gives, as `ask` finds it out, or as it said before while nothing of it changed.
pub(in super::super) fn known_version(
    toolchain: &Toolchain<'_>,
    dir: &Path,
    ask: impl FnOnce() -> Result<(PathBuf, String), Failure>,
) -> Result<String, Failure> {
    let folder = toolchain.compile_folder("survey", &[dir.as_os_str().as_encoded_bytes()]).ok();
    let Some((folder, request)) = folder.zip(go_request("go version", toolchain, dir)) else { return Ok(ask()?.1) };
    let request = request.finish();
    if let Some(version) = KnownResult::find(&folder, VERSION_FILE, &request, toolchain) {
        return Ok(version);
    }
    let settings = settings(toolchain, dir);
    let (program, version) = ask()?;
    let mut watched = WatchedPaths::default();
    if watch_go(&mut watched, toolchain, &program).is_some()
        && let Some(settings) = settings
        && let Some(states) = watched.record(toolchain.blobs, folder.start(), &settings)
    {
        KnownResult::keep(&folder, VERSION_FILE, &request, states, &[], version.clone(), toolchain);
    }
    Ok(version)
}

/// The beginning of every request of one `kind` to the Go for `dir`; none where there is no Go.
fn go_request(kind: &str, toolchain: &Toolchain<'_>, dir: &Path) -> Option<RequestKey> {
    let mut key = RequestKey::new(kind, toolchain, dir, &["go"])?;
    let homes = ["PATH", "HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"];
    key.add_variables(toolchain, |name| name.starts_with("GO") || homes.contains(&name));
    Some(key)
}

/// Watches Go itself: its tools and its settings. Its packages are among those of a program. None where the `go` in `PATH`
/// chooses another one by files of its own, as version managers do.
fn watch_go(watched: &mut WatchedPaths, toolchain: &Toolchain<'_>, program: &Path) -> Option<()> {
    let found = toolchain.program("go")?;
    let real = fs::canonicalize(program).ok()?;
    if fs::canonicalize(&found).ok()? != real {
        return None;
    }
    watched.add(found, Watch::File);
    let root = go_root(program);
    for file in ["VERSION", "go.env", "src/go.mod", "src/vendor/modules.txt"] {
        watched.add(root.join(file), Watch::File);
    }
    watched.add(root.join("pkg"), Watch::Tree);
    Some(())
}

/// Where on this machine the roots are that a Go program is made from; none without a `go` in `PATH`.
fn stable_roots(toolchain: &Toolchain<'_>, dir: &Path) -> Option<StableRoots> {
    let found = toolchain.program("go")?;
    let program = fs::canonicalize(&found).ok()?;
    let roots = StableRoots::default()
        .with(StableRoot::Checkout, toolchain.checkout)
        .with(StableRoot::GoRoot, go_root(&program))
        .with(StableRoot::GoProgram, found)
        .with(StableRoot::GoModules, module_cache(toolchain)?)
        .with(StableRoot::GoSettings, caller_settings(toolchain, dir));
    Some(roots)
}

/// `GOMODCACHE`, as the variables of the caller say (`go help environment`).
fn module_cache(toolchain: &Toolchain<'_>) -> Option<PathBuf> {
    let variable = |name| toolchain.caller_variable(name).map(PathBuf::from);
    if let Some(folder) = variable("GOMODCACHE") {
        return Some(folder);
    }
    let first = toolchain.caller_variable("GOPATH").and_then(|path| std::env::split_paths(path).next());
    Some(first.or_else(|| Some(variable("HOME")?.join("go")))?.join("pkg/mod"))
}

/// The state of the caller's settings of Go now.
fn settings(toolchain: &Toolchain<'_>, dir: &Path) -> Option<Vec<WatchedState>> {
    let mut watched = WatchedPaths::default();
    watched.add(caller_settings(toolchain, dir), Watch::File);
    watched.states(toolchain.blobs)
}

/// The file that `go env -w` writes (`go help environment`, GOENV). The value `off` is taken for a file that is never there.
fn caller_settings(toolchain: &Toolchain<'_>, dir: &Path) -> PathBuf {
    let variable = |name| toolchain.caller_variable(name).map(PathBuf::from);
    if let Some(file) = variable("GOENV") {
        return dir.join(file);
    }
    let config = variable("XDG_CONFIG_HOME").or_else(|| Some(toolchain.home()?.join(".config")));
    // Without a home Go gets an empty home of this call, which has no settings.
    config.map_or_else(|| dir.join("off"), |config| config.join("go/env"))
}

/// A package with everything by which Go finds it and chooses its files; `only_heads` leaves out what only compilers read.
fn watch_package(
    watched: &mut WatchedPaths,
    package: &GoPackage,
    modules: &[LocalModule],
    only_heads: bool,
) -> Option<()> {
    if package.import_path == "unsafe" || package.import_path == "C" {
        return Some(());
    }
    if !package.dir.is_absolute() {
        // Not found: it may be there in the next build.
        return None;
    }
    let sources = if only_heads { Watch::GoHeads } else { Watch::GoFiles };
    watched.add(&package.dir, if package.has_assembly() && !only_heads { Watch::Files } else { sources });
    for pattern in &package.embed_patterns {
        watched.add(package.dir.join(literal_part(pattern)), Watch::Tree);
    }
    if package.standard {
        return Some(());
    }
    for module in modules {
        // A folder of a module in the checkout that could be the package as well.
        if let Some(below) = below_module(&package.import_path, &module.path) {
            watched.add(module.folder.join(below), sources);
        }
        // A `go.mod` between the module and the package would make it a package of another module.
        let between = package.dir.ancestors().take_while(|folder| *folder != module.folder);
        if package.dir.starts_with(&module.folder) {
            between.for_each(|folder| watched.add(folder.join("go.mod"), Watch::File));
        }
    }
    Some(())
}

/// What an import path has below that of a module.
fn below_module<'a>(import_path: &'a str, module: &str) -> Option<&'a str> {
    let below = import_path.strip_prefix(module)?;
    if below.is_empty() { Some("") } else { below.strip_prefix('/') }
}

/// The folder or file below which a pattern of `//go:embed` finds all that it can find.
fn literal_part(pattern: &str) -> PathBuf {
    let pattern = pattern.strip_prefix("all:").unwrap_or(pattern);
    pattern.split('/').take_while(|element| !element.contains(['*', '?', '[', '\\'])).collect()
}

/// The module of `go.mod` and those that its `replace` lines take from folders; none where that cannot be read.
fn local_modules(file: &Path) -> Option<Vec<LocalModule>> {
    let folder = file.parent()?;
    let GoDirectives { module, replaced, .. } = GoDirectives::parse(&fs::read_to_string(file).ok()?)?;
    let mut modules = vec![LocalModule { path: module?, folder: folder.to_owned() }];
    for (path, to) in replaced {
        modules.push(LocalModule { path, folder: fs::canonicalize(folder.join(to)).ok()? });
    }
    Some(modules)
}
