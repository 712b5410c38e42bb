//! Compiles Rust programs with `cargo rustc`: static, stripped, and with the paths of this machine mapped away.
//!
//! One workspace has one folder in the cache, which all of its programs, recipes and, where compiles run at fixed paths,
//! checkouts share: cargo keeps variants of a unit apart, [`freshness`] decides by content which of them may be used
//! again. What only the last link needs (the linker, what is stripped, the dependency list) is said to that link alone.

mod artifacts;
mod c_code;
mod compile_paths;
mod dep_info;
mod failures;
mod freshness;
pub(super) mod fuzzing;
mod known_cargo;
mod linker;
mod machine;
mod program;
mod run;
mod tools;
mod workspace;
mod workspace_folder;
mod workspace_sources;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

pub(super) use self::known_cargo::{known_inputs, known_rust_version};
pub(in crate::build) use self::workspace_sources::has_cache_tag;
use self::{
    artifacts::Artifacts,
    c_code::CCode,
    compile_paths::CompilePaths,
    freshness::{CompileInputs, Freshness},
    known_cargo::{CargoInputs, CargoRequest},
    linker::Linker,
    workspace::{CargoWorkspace, package_folders},
    workspace_folder::{open_compile_folder, workspace_root},
    workspace_sources::WorkspaceSources,
};
use super::{
    CompileRequest, Compiled, Toolchain, c_flags,
    cargo_config::{CargoConfiguration, CompileContext, SettledConfig},
    cargo_graph::CargoGraph,
    cargo_metadata::CargoMetadata,
    child::{Child, ChildOutput},
    chosen_binary::ChosenBinary,
    compile_folder::CompileFolder,
    dependency_list,
    enclosure::Enclosure,
    environment::{self, Environment},
    installed_rust::InstalledRust,
    machine::{MachineFiles, MachineInputs},
};
use crate::{
    cache::note_size,
    oci::{Digest, Platform},
    recipe::CargoBinary,
    report::{ErrorName, Failure, Silent, Task, printable},
};

/// A program is linked against a C library that is part of it.
const STATIC: &str = "-Ctarget-feature=+crt-static";

/// The note where a program depends on more of a clone than its files.
const ASKS_GIT: &str = "note: a build script or a macro asks git: the program is the same only where commit, tags and depth of the clone are";

/// A cargo program and where it is compiled.
struct CargoJob<'a> {
    toolchain: &'a Toolchain<'a>,
    running: &'a dyn Task,
    binary: &'a CargoBinary,
    dir: &'a Path,
    target: &'a str,
    cargo_home: PathBuf,
    compile_folder: CompileFolder,
    /// In the paths of this machine.
    environment: Environment,
    rust: InstalledRust,
    paths: CompilePaths,
    /// Arguments of cargo that override this machine's cargo configuration.
    overrides: Vec<String>,
    /// The digest of every configuration of cargo that this compile meets.
    configuration: String,
}

/// A compile that is ready to begin.
struct CargoCompile<'a> {
    job: CargoJob<'a>,
    root: PathBuf,
    workspace: CargoWorkspace,
    choice: ChosenBinary,
    code: CCode,
    linker: Linker,
    machine: MachineInputs,
}

/// Compiles `binary` in `dir`.
pub(super) fn compile(
    toolchain: &Toolchain<'_>,
    binary: &CargoBinary,
    dir: &Path,
    order: &CompileRequest<'_>,
) -> Result<Compiled, Failure> {
    let request = CargoRequest::new(toolchain, binary, dir, order.platform);
    if let Some(request) = &request
        && let Some(known) = request.find(toolchain, order)?
    {
        return Ok(known);
    }
    let request = request.and_then(|request| request.note_settings(toolchain, dir));
    let prepared = prepare(toolchain, binary, dir, order.platform, order.running)?;
    (order.pinned)(&prepared.machine.files)?;
    prepared.build(order, request.as_ref())
}

/// The files of this machine that `binary` would take, without compiling it; and the version of the C compiler, where there
/// is C in the program.
pub(super) fn inspect_machine(
    toolchain: &Toolchain<'_>,
    binary: &CargoBinary,
    dir: &Path,
    platform: &Platform,
) -> Result<(MachineFiles, Option<String>), Failure> {
    let prepared = prepare(toolchain, binary, dir, platform, &Silent)?;
    // What the recipe names has a line of its own.
    let compiler = prepared.code.compiler.map(|compiler| compiler.version).filter(|_| binary.cc.is_none());
    Ok((prepared.machine.all_files(), compiler))
}

/// Does everything that comes before the compile: crates are fetched, compilers found, and all refusals made that need
/// no compiler.
fn prepare<'a>(
    toolchain: &'a Toolchain<'a>,
    binary: &'a CargoBinary,
    dir: &'a Path,
    platform: &'a Platform,
    running: &'a dyn Task,
) -> Result<CargoCompile<'a>, Failure> {
    let target = binary.target.as_ref().map_or(platform.rust_target(), |target| target.value.as_str());
    refuse_target(binary, target)?;
    if !toolchain.offline {
        // Before anything of it is started.
        toolchain.check_fetch(dir)?;
    }
    let cargo_home = toolchain.cargo_home()?;
    let configuration = CargoConfiguration::read(dir, toolchain.checkout, &cargo_home)?;
    let (rust, root) = {
        let (rust, environment, _compile_folder) = toolchain.rust_environment(dir)?;
        let root = workspace_root(toolchain, &rust, dir, &environment)?;
        (rust, root)
    };
    let (compile_folder, paths) =
        open_compile_folder(toolchain, &root, &rust, &cargo_home, !configuration.is_above(&cargo_home))?;
    let mut environment = toolchain.compile_environment(&compile_folder);
    cargo_variables(&mut environment, toolchain, &compile_folder, &cargo_home);
    rust.add_to(&mut environment);
    toolchain.pass_rustc_wrapper(&mut environment)?;
    environment::add_recipe(&mut environment, &binary.env, is_reserved).map_err(|failure| {
        failure.hint("flags of the compiler belong into `rustflags`, or a `.cargo/config.toml` of the checkout")
    })?;
    let overrides = Vec::new();
    let said = format!("{configuration:?}").replace(&*toolchain.checkout.to_string_lossy(), "");
    let digest = Digest::of(said.as_bytes()).hex();
    let mut job = CargoJob {
        toolchain,
        running,
        binary,
        dir,
        target,
        cargo_home,
        compile_folder,
        environment,
        rust,
        paths,
        overrides,
        configuration: digest,
    };
    let settled = job.settle_configuration(&configuration, &root)?;
    job.overrides.clone_from(&settled.overrides);
    if !binary.flags.iter().any(|flag| flag.value.starts_with("-Zbuild-std")) {
        job.require_target(platform)?;
    }
    let workspace = job.workspace(&root)?;
    let choice = workspace.own_metadata()?.choose(binary)?;
    let code = job.c_code(&workspace.tree)?;
    let linker = job.linker(settled.linker.as_deref(), &code)?;
    let machine = job.inspect_machine(&linker, &code, &settled.rustflags)?;
    // Libraries of this machine that nothing names are no input.
    for (name, value) in job.library_variables() {
        job.environment.entry(name.into()).or_insert(value);
    }
    for (name, value) in job.c_variables(&code)? {
        job.environment.insert(name.into(), value);
    }
    job.write_tools(&code.tools)?;
    let maps = job.paths.maps((&job.rust.library_source, &job.rust.library_name), &workspace.from_git)?;
    // C code writes these flags into programs (`OpenSSL_version`): the folder of the toolchain, in which there is none of
    // it, stays out of them.
    let of_c: Vec<_> = maps.iter().filter(|(from, _)| *from != job.rust.library_source).cloned().collect();
    c_flags::add(&mut job.environment, &configuration.own, &of_c);
    let flags = job.rustflags(settled.rustflags, &maps);
    job.environment.insert("CARGO_ENCODED_RUSTFLAGS".into(), flags.join("\u{1f}").into());
    Ok(CargoCompile { job, root, workspace, choice, code, linker, machine })
}

/// Refuses a target that is no triple.
fn refuse_target(binary: &CargoBinary, target: &str) -> Result<(), Failure> {
    let is_triple = target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !is_triple || target.starts_with(['-', '.']) || target.to_ascii_lowercase().ends_with("json") {
        let failure = Failure::error(ErrorName::RecipeValue, format!("`{}` is not a target triple", printable(target)));
        return Err(binary.target.as_ref().map_or(failure.clone(), |target| failure.at(&target.origin)));
    }
    Ok(())
}

/// Variables by which a recipe would replace hardpan's own flags and folders.
fn is_reserved(name: &str) -> bool {
    let exact =
        ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET", "CARGO_BUILD_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"];
    let rustup = ["RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    exact.contains(&name) || rustup.contains(&name) || name.ends_with("RUSTFLAGS")
}

/// Sets the variables that make cargo independent of this machine.
pub(super) fn cargo_variables(
    environment: &mut Environment,
    toolchain: &Toolchain<'_>,
    compile_folder: &CompileFolder,
    cargo_home: &Path,
) {
    let fixed = [
        // An incremental compile splits the code by what was compiled before.
        ("CARGO_INCREMENTAL", "0"),
        ("CARGO_NET_OFFLINE", "true"),
        ("CARGO_TERM_COLOR", "never"),
        ("CARGO_TERM_PROGRESS_WHEN", "never"),
        // rustup's own: a compile downloads no toolchain.
        ("RUSTUP_AUTO_INSTALL", "0"),
    ];
    for (name, value) in fixed {
        environment.insert(name.into(), value.into());
    }
    environment.insert("CARGO_HOME".into(), cargo_home.into());
    environment.extend(toolchain.rustup_home().map(|home| ("RUSTUP_HOME".into(), home.into())));
    // Where a registry is may be said by a variable as well as by a configuration. A token is not taken along.
    for (name, value) in toolchain.caller {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_REGISTRIES_") && text.ends_with("_INDEX") {
            environment.insert(name.clone(), value.clone());
        }
    }
    // A configuration may move what is in between elsewhere; it belongs into the folder of the compile.
    environment.insert("CARGO_BUILD_BUILD_DIR".into(), compile_folder.target().into());
}

/// `cargo metadata --no-deps` of the workspace of `dir`, as bytes and parsed; refuses one outside of the checkout, and one
/// without a lock.
pub(super) fn metadata(
    toolchain: &Toolchain<'_>,
    cargo: &Path,
    dir: &Path,
    environment: &Environment,
) -> Result<(Vec<u8>, CargoMetadata), Failure> {
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let ended = Child::new(cargo, dir, environment).args(arguments).run()?;
    if ended.complains("could not find `Cargo.toml`") {
        let hint = "`dir` in the recipe is the folder with the `Cargo.toml`";
        return Err(Failure::error(ErrorName::SourceInvalid, "there is no `Cargo.toml` in this folder")
            .in_path(dir)
            .hint(hint));
    }
    if ended.complains("failed to load manifest for workspace member") && ended.complains("referenced via `") {
        let hint = "`members` takes every folder, also one that is no package: `exclude` in `[workspace]` leaves it out, and \
                    `--output` has hardpan write elsewhere than `out`";
        return Err(ended.failure(ErrorName::SourceInvalid, "cargo metadata").hint(hint));
    }
    if !ended.status.success() {
        return Err(ended.failure(ErrorName::SourceInvalid, "cargo metadata"));
    }
    let metadata = CargoMetadata::read(&ended.stdout)?;
    let root = &metadata.workspace_root;
    if !root.starts_with(toolchain.checkout) {
        return Err(
            Failure::error(ErrorName::SourceUnpinned, "the cargo workspace is outside of the checkout").in_path(root)
        );
    }
    if !root.join("Cargo.lock").is_file() {
        let hint = "`cargo generate-lockfile` writes it; commit it with the program";
        return Err(Failure::error(ErrorName::SourceUnpinned, "there is no `Cargo.lock`").in_path(root).hint(hint));
    }
    Ok((ended.stdout, metadata))
}

impl CargoJob<'_> {
    /// Runs cargo in the compile's environment, at the paths of this machine.
    fn cargo_in_place<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<ChildOutput, Failure> {
        let cargo = Child::new(&self.rust.cargo, self.dir, &self.environment).args(&self.overrides);
        cargo.args(arguments).with_progress(self.toolchain.progress).run()
    }

    /// The effective cargo configuration of this compile.
    fn settle_configuration(
        &self,
        configuration: &CargoConfiguration,
        workspace: &Path,
    ) -> Result<SettledConfig, Failure> {
        configuration.settle(&CompileContext {
            target: self.target,
            host: &self.rust.host,
            profile: self.profile(),
            workspace,
            environment: &self.environment,
            ask: &|flags| {
                let own = self.binary.rustflags.iter().map(|flag| flag.value.clone());
                let flags: Vec<_> = flags.iter().cloned().chain(own).chain([STATIC.to_owned()]).collect();
                self.rust.cfgs(self.target, &flags, self.dir, &self.environment)
            },
        })
    }

    /// The profile of the compile.
    fn profile(&self) -> &str {
        self.binary.profile.as_ref().map_or("release", |profile| &profile.value)
    }

    /// Refuses a target that is not installed.
    fn require_target(&self, platform: &Platform) -> Result<(), Failure> {
        let chosen = self.binary.target.as_ref();
        let required = self.rust.require_target(self.target, chosen.is_some(), platform, self.dir, &self.environment);
        required.map_err(|failure| match chosen {
            Some(target) => failure.at(&target.origin),
            None => failure,
        })
    }

    /// Fetches the crates, in the caller's environment. For the host too, because build scripts run there.
    ///
    /// Offline it only unpacks: the folders of unpacked crates must be there when the flags name them.
    fn fetch(&self) -> Result<(), Failure> {
        let mut arguments = vec!["fetch", "--quiet", "--locked", "--target", self.target];
        if self.rust.host != self.target && !self.rust.host.is_empty() {
            arguments.extend(["--target", &self.rust.host]);
        }
        let ended = if self.toolchain.offline {
            self.cargo_in_place(arguments.into_iter().chain(["--offline"]))?
        } else {
            let environment = self.toolchain.cargo_fetch_environment(self.dir, &self.rust)?;
            let watch = Enclosure::watched(self.toolchain.program);
            let cargo = Child::new(&self.rust.cargo, self.dir, &environment).in_enclosure(watch.as_ref());
            cargo.args(&self.overrides).args(arguments).with_progress(self.toolchain.progress).run()?
        };
        if ended.status.success() {
            Ok(())
        } else {
            let failure = self.explain(&ended, ErrorName::CompileNetwork, "cargo fetch");
            Err(self.toolchain.with_withheld_hint(&ended, failure))
        }
    }
}

impl CargoCompile<'_> {
    /// Compiles, and hands the program over.
    fn build(self, order: &CompileRequest<'_>, request: Option<&CargoRequest>) -> Result<Compiled, Failure> {
        let Self { job, root, workspace, choice, code, linker, machine: inputs } = self;
        let folders = package_folders(&workspace.packages);
        let sources = WorkspaceSources::new(&root, &folders, job.toolchain);
        let target_dir = job.compile_folder.target();
        let freshness = Freshness {
            compile_folder: &job.compile_folder,
            target_dir: &target_dir,
            paths: &job.paths,
            root: &root,
            sources: &sources,
            packages: &workspace.packages,
        };
        let env = job.binary.env.iter().map(|(name, value)| (name.as_str(), value.value.as_str())).collect();
        let mut env: BTreeMap<_, _> = env;
        // What `[env]` of a configuration says reaches units as a variable of the recipe does.
        env.insert("the configuration of cargo", job.configuration.as_str());
        let surroundings =
            CompileInputs { env, target: job.target, tools: machine::tools(&inputs, &code), revision: String::new() };
        let has_machine_code = code.compiler.is_some() || !code.tools.is_empty() || !surroundings.tools.is_empty();
        let graph = CargoGraph::read(&workspace.metadata, &choice.package)?;
        let before = freshness.prepare(workspace.listing, surroundings, job.toolchain)?;
        job.remove_unpinned(&inputs, order)?;
        job.make_header_lists()?;
        let inside = job.paths.inside(&root);
        let packages = dependency_list::used(&graph);
        let artifacts = Artifacts::new(&choice.binary, &inside, packages, job.running, job.toolchain.progress);
        let variant = job.variant(&choice.package);
        let trace = inputs.trace.map(|form| (form, target_dir.join(format!("linked-{variant}"))));
        let ended = job.run_cargo(&choice, &linker, trace.as_ref(), &graph, &artifacts)?;
        if !ended.status.success() {
            return Err(job.explain(&ended, ErrorName::CompileFailed, "cargo rustc"));
        }
        let asks_git = job.asks_git();
        if asks_git || before.asked_git() {
            job.toolchain.progress.step(ASKS_GIT);
        }
        (order.pinned)(&job.check_machine(&inputs, trace.as_ref(), &artifacts.archives())?)?;
        let compiled = artifacts.compiled();
        let made = job.paths.host(&artifacts.program()?);
        let host_path = job.find_host_path(&made, &choice.binary)?;
        // Not the file itself: cargo overwrites it when another recipe compiles this program.
        let copy = job.compile_folder.temporary().join("program");
        fs::copy(&made, &copy).map_err(|error| Failure::io("copy the program", &made, &error))?;
        let debug = job
            .split_debug_symbols(&copy)?
            .map(|symbols| job.compile_folder.hand_over(&symbols, &variant, "symbols"))
            .transpose()?;
        let path = job.compile_folder.hand_over(&copy, &variant, &choice.binary)?;
        let asks_git = asks_git || before.asked_git();
        let listing = freshness.remember(before, asks_git)?;
        if compiled {
            // Without it the folder counts as empty, and is removed later than it could be.
            let _ = note_size(job.compile_folder.root());
        }
        let objections = host_path.into_iter().collect();
        let compiled = Compiled { path, name: choice.binary.clone(), debug, objections };
        let is_known = !asks_git && !has_machine_code && compiled.objections.is_empty();
        if let (Some(request), Some(listing), true) = (request, &listing, is_known) {
            let inputs = CargoInputs { root: &root, packages: &folders, listing, named: freshness.all_named() };
            job.keep_record(request, &inputs, &compiled)?;
        }
        Ok(compiled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_of_the_compiler_are_reserved_in_every_spelling() {
        for name in
            ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "CARGO_HOME"]
        {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!is_reserved("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER"));
        assert!(!is_reserved("SQLX_OFFLINE"));
    }
}
