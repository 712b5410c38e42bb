//! Runs the toolchains: `go build` and `cargo rustc`, in an environment built from nothing. The resolver, `hardpan
//! lock` and `hardpan init` use [`Toolchain`].
//!
//! # Two phases
//!
//! *Fetch* (`go list -deps`, `cargo fetch`) runs in the caller's environment, because proxies, credentials and
//! mirrors are the caller's; it writes to the module cache and the cargo home, never to the checkout. *Compile* runs
//! offline, with `PATH` and the places of toolchains and caches as the only words from the caller. Both use the
//! toolchain that the checkout (`rust-toolchain.toml`) or the machine's default names: `RUSTUP_TOOLCHAIN`,
//! `GOTOOLCHAIN` and `GOROOT` of the caller are ignored. A note names the variables of the caller that have no
//! effect and could have had one ([`ignored_variables`](Toolchain::ignored_variables)).
//!
//! # Same bytes everywhere, and where that ends
//!
//! Measured with cargo 1.95 and Go 1.26 (two checkouts, caches, homes and environments; equal digests):
//!
//! * Go: `-trimpath`, `-buildvcs=false` and `-buildid=` are enough. With `vcs = true` git answers from a repository of
//!   the compile's own, because a clone's settings and the module cache would have a say.
//! * Cargo leaves `--remap-path-prefix` out of `-C metadata`, `-C extra-filename` and the names under `build/`, so
//!   flags that name this machine's folders change neither symbols nor their order.
//! * C code that build scripts compile gets `-ffile-prefix-map` by way of `CFLAGS` and `CXXFLAGS`.
//! * Path dependencies outside of the *workspace* root enter `-C metadata` with their absolute path. No flag changes
//!   that, so they are refused ([`cargo`](Toolchain::cargo)).
//! * `env!("OUT_DIR")` and `env!("CARGO_MANIFEST_DIR")` are strings that no remapping reaches. Where the kernel grants
//!   namespaces, the compile runs at the paths that the maps lead to ([`enclosure`]), so they are the same everywhere;
//!   elsewhere a program that holds a folder of the machine is refused ([`host_paths`]).

mod c_compiler;
mod c_flags;
mod c_packages;
mod caller_folders;
mod cargo;
mod cargo_config;
mod cargo_graph;
mod cargo_lock;
mod cargo_metadata;
mod cargo_tree;
mod child;
mod chosen_binary;
mod compile_folder;
mod compile_start;
mod dependency_list;
mod dependency_object;
mod descendants;
mod enclosure;
mod environment;
mod fetch_guard;
#[doc(hidden)]
pub mod fuzzing;
mod git;
mod git_changes;
mod git_crates;
mod go;
mod host_paths;
mod identity;
mod ignored_variables;
mod installed_rust;
mod known_c_packages;
mod known_inputs;
mod known_result;
mod machine;
mod passed_tools;
mod shared_program;
mod shell_script;
mod stable_paths;
mod survey;
#[cfg(test)]
mod tests;
mod watched_paths;
mod zig;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ffi::OsString,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    build::passed_variables::PassedVariables,
    cache::{Cache, SharedCache},
    oci::Platform,
    output::ScratchFolder,
    recipe::{CargoBinary, GitWord, GoBinary},
    report::{Failure, Origin, Progress, Task, parallel},
};

pub use descendants::end_descendants;
pub use git_changes::{ChangeKind, CheckoutChanges};
pub use known_inputs::{CompileInput, InputPart};

pub(in crate::build) use cargo::has_cache_tag;
pub(crate) use enclosure::{VERB as ENCLOSURE, run as enclose};
pub(in crate::build) use git_crates::crate_that_asks_git;
use go::GoGroup;
pub(in crate::build) use go::{GoDirectives, GoSource, is_go_source};
pub(in crate::build) use machine::file_digest;
pub use machine::{MachineFile, MachineFiles};
pub use shared_program::store_programs;
pub use watched_paths::StatesOfCall;

/// The toolchains of this machine and the settings of a compile.
#[derive(Debug, Clone)]
pub struct Toolchain<'a> {
    /// The caller's whole environment: the fetch runs in it; the compile takes only what it must from it.
    pub caller: &'a BTreeMap<OsString, OsString>,
    /// What of it reaches toolchains because the caller says so.
    pub passed: &'a PassedVariables,
    /// Skip the fetch.
    pub offline: bool,
    /// Threads of the compilers.
    pub jobs: NonZeroUsize,
    /// hardpan's own executable, which makes enclosures; none in a program that only has the library.
    pub program: Option<&'a Path>,
    /// Where compilers put what they make; kept between builds. Absolute, not in the checkout. Git needs none.
    pub cache: Option<&'a Path>,
    /// Where this call works, where `cache` or the caller's home cannot be written.
    pub scratch: Arc<ScratchFolder>,
    /// The cache of file fingerprints.
    pub blobs: Option<&'a Cache>,
    /// Programs that other checkouts and machines compiled; none where the caller has no cache.
    pub shared: Option<&'a SharedCache>,
    /// The states of files that other programs of this call are made of, too.
    pub states: StatesOfCall,
    /// The recipe, its lock and the cache: no sources of a program.
    pub ignored: &'a [PathBuf],
    /// Paths that this call writes: no sources either, and no change of the checkout.
    pub written: Arc<BTreeSet<PathBuf>>,
    /// The bound of host paths: the git root, or the recipe's folder. Canonical.
    pub checkout: &'a Path,
    /// Receives what the toolchains print.
    pub progress: &'a dyn Progress,
}

/// A program that was compiled.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The file; stays until the next compile of the same program.
    pub path: PathBuf,
    /// The binary's name.
    pub name: String,
    /// The debug symbols for `debug-file`.
    pub debug: Option<PathBuf>,
    /// Refusals of the program that an exception of the recipe can waive.
    pub objections: Vec<Failure>,
}

/// A Go program that a recipe asks for; its variables have been replaced.
#[derive(Debug, Clone)]
pub struct PlannedGo {
    /// What the recipe says.
    pub binary: GoBinary,
    /// Where Go runs. Canonical.
    pub dir: PathBuf,
    /// The bound of host paths, as of [`Toolchain::checkout`].
    pub checkout: PathBuf,
    /// What it is compiled for.
    pub platform: Platform,
}

/// The request to compile one program.
#[derive(Clone, Copy)]
pub struct CompileRequest<'a> {
    /// The platform that the program runs on.
    pub platform: &'a Platform,
    /// The place of failures that have no other one.
    pub origin: &'a Origin,
    /// Receives the name of the package that is being compiled.
    pub running: &'a dyn Task,
    /// Compares the files of this machine that the program takes with those of the lock.
    pub pinned: &'a dyn Fn(&MachineFiles) -> Result<(), Failure>,
    /// Returns a refusal of the program with this name, unless an exception of the recipe waives it.
    pub waived: &'a dyn Fn(&str, Failure) -> Result<(), Failure>,
}

impl Toolchain<'_> {
    /// Compiles a Go package. `dir` is canonical; the variables of `binary` have been replaced.
    pub fn go(&self, binary: &GoBinary, dir: &Path, order: &CompileRequest<'_>) -> Result<Compiled, Failure> {
        go::compile(self, binary, dir, order).map_err(|failure| failure.at(order.origin))
    }

    /// Compiles the Go programs of several recipes and platforms before each recipe asks for its own: one `go build` for those
    /// with the same folder, platform and flags, and those side by side. What fails is left to the compile of the recipe.
    pub fn go_together(&self, programs: &[PlannedGo]) {
        let groups = go::groups(self, programs);
        if groups.iter().map(GoGroup::count).sum::<usize>() < 2 {
            return;
        }
        // All of them together have the threads of one.
        let jobs = self.jobs.get().div_ceil(groups.len());
        let jobs = NonZeroUsize::new(jobs).unwrap_or(NonZeroUsize::MIN);
        let compile = |group: GoGroup<'_>, progress: &dyn Progress| {
            let toolchain = Toolchain { jobs, progress, checkout: group.checkout(), ..self.clone() };
            if let Err(failure) = group.compile(&toolchain) {
                progress.trace(&format!("  each is compiled alone: {}", failure.what));
            }
            Ok::<_, Infallible>(())
        };
        let Ok(_) = parallel::try_map_reporting("go", self.jobs, groups, self.progress, compile);
    }

    /// Compiles a Cargo package. `dir` is canonical; the variables of `binary` have been replaced.
    pub fn cargo(&self, binary: &CargoBinary, dir: &Path, order: &CompileRequest<'_>) -> Result<Compiled, Failure> {
        cargo::compile(self, binary, dir, order).map_err(|failure| failure.at(order.origin))
    }

    /// What the last compile of a Go program has read, sorted; none where that is not all known, or something changed since.
    pub fn go_inputs(
        &self,
        binary: &GoBinary,
        dir: &Path,
        platform: &Platform,
    ) -> Result<Option<Vec<CompileInput>>, Failure> {
        let states = go::known_inputs(self, binary, dir, platform);
        states.map(|states| CompileInput::of_states(self, &states)).transpose()
    }

    /// What the last compile of a Rust program has read, sorted; none where that is not all known, or something changed since.
    pub fn cargo_inputs(
        &self,
        binary: &CargoBinary,
        dir: &Path,
        platform: &Platform,
    ) -> Result<Option<Vec<CompileInput>>, Failure> {
        let Some((states, packages)) = cargo::known_inputs(self, binary, dir, platform) else { return Ok(None) };
        let mut inputs = CompileInput::of_states(self, &states)?;
        inputs.extend(packages);
        inputs.sort();
        Ok(Some(inputs))
    }

    /// The commit of the checkout that holds `dir`, if there is one.
    pub fn commit(&self, dir: &Path) -> Result<Option<String>, Failure> {
        git::commit(self, dir)
    }

    /// A path there whose content is not that of the commit, if there is one.
    pub fn changed_path(&self, dir: &Path) -> Result<Option<PathBuf>, Failure> {
        git::changed_path(self, dir)
    }

    /// The branch that is checked out there, if there is one.
    pub fn branch(&self, dir: &Path) -> Result<Option<String>, Failure> {
        git::checked_out_branch(self, dir)
    }

    /// Asks git about the checkout that holds `dir`, without hooks or fsmonitor.
    pub fn git(&self, word: GitWord, dir: &Path) -> Result<String, Failure> {
        git::resolve_git_word(self, word, dir)
    }
}
