//! `cargo build`, static, stripped, and with the paths of this machine mapped away.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Compiled, Toolchain,
    bench::Bench,
    c_flags, cargo_config,
    child::{Child, Ended},
    environment::{self, Environment},
    freshness,
    packages::{Choice, Metadata},
    rust::Rust,
};
use crate::{
    oci::Platform,
    recipe::{CargoBinary, Strip},
    report::{Failure, printable},
};

/// Flags that lead out of the checkout, replace the compiler, or that hardpan gives itself. The parser refuses them
/// with a line; this is the second look.
const ESCAPING: [&str; 14] = [
    "-C",
    "-p",
    "--all-targets",
    "--artifact-dir",
    "--bin",
    "--build-dir",
    "--config",
    "--lockfile-path",
    "--manifest-path",
    "--message-format",
    "--out-dir",
    "--package",
    "--target",
    "--target-dir",
];
/// A table that is true everywhere and that no project writes. Ours go here, because cargo joins every table that
/// is true, while a list of ours in `target.<triple>` could not join a checkout's text there.
const TABLE: &str = "cfg(all(all(), all()))";

/// A cargo program and where it is compiled.
struct Job<'a> {
    toolchain: &'a Toolchain<'a>,
    binary: &'a CargoBinary,
    dir: &'a Path,
    target: &'a str,
    cargo_home: PathBuf,
    bench: Bench,
    environment: Environment,
    rust: Rust,
}

/// One line of `--message-format=json` (The Cargo Book, "External tools").
#[derive(Debug, Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    package_id: String,
    #[serde(default)]
    manifest_path: PathBuf,
    target: Option<Made>,
    executable: Option<PathBuf>,
}

/// What an artifact is of.
#[derive(Debug, Deserialize)]
struct Made {
    name: String,
    kind: Vec<String>,
}

/// Compiles `binary` in `dir`.
pub(super) fn compile(
    toolchain: &Toolchain<'_>,
    binary: &CargoBinary,
    dir: &Path,
    platform: &Platform,
) -> Result<Compiled, Failure> {
    let target = binary.target.as_ref().map_or(platform.rust_target(), |target| target.value.as_str());
    refuse_words(binary, target)?;
    let cargo_home = toolchain.folder("CARGO_HOME", ".cargo")?;
    let own = cargo_config::read(dir, toolchain.checkout, &cargo_home)?;
    let carried = cargo_config::carried_flags(&own, target)?;
    let bench = toolchain.bench("cargo", &key(binary, dir, target))?;
    let mut environment = toolchain.hermetic(&bench);
    cargo_variables(&mut environment, toolchain, &bench, &cargo_home)?;
    environment::add_recipe(&mut environment, &binary.env, is_reserved)
        .map_err(|failure| failure.hint("flags of the compiler belong in a `.cargo/config.toml` of the checkout"))?;
    let rust = Rust::ask(toolchain, dir, &environment)?;
    let mut job = Job { toolchain, binary, dir, target, cargo_home, bench, environment, rust };
    let metadata = job.metadata()?;
    let choice = metadata.choose(binary)?;
    if !binary.flags.iter().any(|flag| flag.value.starts_with("-Zbuild-std")) {
        job.require_target(platform)?;
    }
    job.fetch()?;
    let maps = job.maps(&metadata.workspace_root);
    c_flags::add(&mut job.environment, &own, &maps);
    job.build(&metadata, &choice, carried, maps)
}

/// What makes a compile another one. Packages of one workspace share a folder: cargo keeps them apart.
fn key<'a>(binary: &'a CargoBinary, dir: &'a Path, target: &'a str) -> Vec<&'a [u8]> {
    let mut key = vec![
        dir.as_os_str().as_encoded_bytes(),
        target.as_bytes(),
        match binary.strip {
            Strip::Symbols => b"s",
            Strip::DebugInfo => b"d",
            Strip::Nothing => b"-",
        },
    ];
    for list in [&binary.flags, &binary.features] {
        key.extend(list.iter().map(|word| word.value.as_bytes()));
        key.push(b"");
    }
    key.extend(binary.env.iter().flat_map(|(name, value)| [name.as_bytes(), value.value.as_bytes()]));
    key
}

/// Refuses flags that no recipe can have, and a target that is no triple.
fn refuse_words(binary: &CargoBinary, target: &str) -> Result<(), Failure> {
    for flag in &binary.flags {
        let name = flag.value.split('=').next().unwrap_or_default();
        let glued = ["-C", "-p"].iter().any(|short| name.starts_with(short));
        if ESCAPING.contains(&name) || glued || name == "--" {
            let what = format!("the flag `{}` cannot be used here", printable(&flag.value));
            return Err(Failure::new(what).at(&flag.origin));
        }
    }
    let is_triple = target.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !is_triple || target.starts_with(['-', '.']) || target.to_ascii_lowercase().ends_with("json") {
        let failure = Failure::new(format!("`{}` is not a target triple", printable(target)));
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

/// Everything that makes cargo the same everywhere.
pub(super) fn cargo_variables(
    environment: &mut Environment,
    toolchain: &Toolchain<'_>,
    bench: &Bench,
    cargo_home: &Path,
) -> Result<(), Failure> {
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
    environment.insert("RUSTUP_HOME".into(), toolchain.folder("RUSTUP_HOME", ".rustup")?.into());
    // Where a registry is may be said by a variable as well as by a configuration. A token is not taken along.
    for (name, value) in toolchain.caller {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_REGISTRIES_") && text.ends_with("_INDEX") {
            environment.insert(name.clone(), value.clone());
        }
    }
    // A configuration may move what is in between elsewhere; it belongs to the bench.
    environment.insert("CARGO_BUILD_BUILD_DIR".into(), bench.target().into());
    Ok(())
}

/// What cargo says about the workspace of `dir`, as it is and read; refuses one outside of the checkout, and one
/// without a lock.
pub(super) fn metadata(
    toolchain: &Toolchain<'_>,
    cargo: &Path,
    dir: &Path,
    environment: &Environment,
) -> Result<(Vec<u8>, Metadata), Failure> {
    let arguments = ["metadata", "--format-version=1", "--no-deps", "--offline"];
    let ended = Child::new(cargo, dir, environment).args(arguments).run()?;
    if ended.complains("could not find `Cargo.toml`") {
        let hint = "`dir` in the recipe is the folder with the `Cargo.toml`";
        return Err(Failure::new("there is no `Cargo.toml` in this folder").in_path(dir).hint(hint));
    }
    if !ended.status.success() {
        return Err(ended.failure("cargo metadata"));
    }
    let metadata: Metadata = serde_json::from_slice(&ended.stdout)
        .map_err(|error| Failure::new(format!("`cargo metadata` answered what cannot be read: {error}")))?;
    let root = &metadata.workspace_root;
    if !root.starts_with(toolchain.checkout) {
        return Err(Failure::new("the cargo workspace is outside of the checkout").in_path(root));
    }
    if !root.join("Cargo.lock").is_file() {
        let hint = "`cargo generate-lockfile` writes it; commit it with the program";
        return Err(Failure::new("there is no `Cargo.lock`").in_path(root).hint(hint));
    }
    Ok((ended.stdout, metadata))
}

impl Job<'_> {
    /// Runs cargo in the compile's environment.
    fn cargo<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Ended, Failure> {
        Child::new(&self.rust.cargo, self.dir, &self.environment).args(arguments).told(self.toolchain.progress).run()
    }

    /// The workspace: inside the checkout, and with a lock.
    fn metadata(&self) -> Result<Metadata, Failure> {
        Ok(metadata(self.toolchain, &self.rust.cargo, self.dir, &self.environment)?.1)
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

    /// Brings the crates, in the caller's environment. For the host too, because build scripts run there.
    ///
    /// Offline it only unpacks: the folders of unpacked crates must be there when the flags name them.
    fn fetch(&self) -> Result<(), Failure> {
        let mut arguments = vec!["fetch", "--quiet", "--locked", "--target", self.target];
        if self.rust.host != self.target && !self.rust.host.is_empty() {
            arguments.extend(["--target", &self.rust.host]);
        }
        let ended = if self.toolchain.offline {
            self.cargo(arguments.into_iter().chain(["--offline"]))?
        } else {
            let mut environment = self.toolchain.fetching();
            // A relative one would be another folder here than where hardpan was started.
            environment.insert("CARGO_HOME".into(), self.cargo_home.clone().into());
            Child::new(&self.rust.cargo, self.dir, &environment).args(arguments).told(self.toolchain.progress).run()?
        };
        if ended.status.success() { Ok(()) } else { Err(self.explain(&ended, "cargo fetch")) }
    }

    /// Compiles, and hands the program over.
    fn build(
        &self,
        metadata: &Metadata,
        choice: &Choice,
        carried: Vec<String>,
        maps: Vec<(PathBuf, String)>,
    ) -> Result<Compiled, Failure> {
        let sources = freshness::state(&metadata.workspace_root);
        if !freshness::is_known(&self.bench, sources.as_deref()) && self.bench.target().exists() {
            self.forget(metadata)?;
        }
        let flags = self.rustflags(carried, maps)?;
        let config = format!("target.{}.rustflags={}", toml::Value::from(TABLE), toml::Value::from(flags));
        let mut arguments = vec![OsString::from("build"), "--quiet".into(), "--locked".into(), "--offline".into()];
        arguments.extend(self.place());
        arguments
            .extend(["--package", &choice.package, "--bin", &choice.binary, "--config", &config].map(OsString::from));
        arguments.push("--message-format=json-render-diagnostics".into());
        arguments.push(format!("--jobs={}", self.toolchain.jobs).into());
        for feature in &self.binary.features {
            arguments.push(format!("--features={}", feature.value).into());
        }
        arguments.extend(self.binary.flags.iter().map(|flag| OsString::from(&flag.value)));
        let ended = self.cargo(arguments)?;
        if !ended.status.success() {
            return Err(self.explain(&ended, "cargo build"));
        }
        let made = executable(&ended.stdout, &choice.binary, &metadata.workspace_root)?;
        // Not the file itself: cargo overwrites it when another package has a binary of this name.
        let copy = self.bench.temporary().join("program");
        fs::copy(&made, &copy).map_err(|error| Failure::io("copy the program", &made, &error))?;
        let path = self.bench.hand_over(&copy, &choice.package, &choice.binary)?;
        freshness::remember(&self.bench, sources.as_deref())?;
        Ok(Compiled { path, name: choice.binary.clone() })
    }

    /// Throws away what the workspace's own packages were compiled to; dependencies stay.
    fn forget(&self, metadata: &Metadata) -> Result<(), Failure> {
        let mut arguments = vec![OsString::from("clean"), "--quiet".into(), "--locked".into(), "--offline".into()];
        arguments.extend(self.place());
        for name in metadata.names() {
            arguments.extend(["--package".into(), name.into()]);
        }
        let ended = self.cargo(arguments)?;
        if ended.status.success() { Ok(()) } else { Err(self.explain(&ended, "cargo clean")) }
    }

    /// Target, folder and profile.
    fn place(&self) -> Vec<OsString> {
        let mut place = vec!["--target".into(), self.target.into(), "--target-dir".into(), self.bench.target().into()];
        let mut flags = self.binary.flags.iter().map(|flag| flag.value.as_str());
        if !flags.any(|flag| flag == "--profile" || flag.starts_with("--profile=")) {
            place.push("--release".into());
        }
        place
    }

    /// The folders of this machine and what programs call them instead. Of several prefixes that fit, compilers take
    /// the last one given, so the longest comes last.
    fn maps(&self, workspace: &Path) -> Vec<(PathBuf, String)> {
        let mut maps = vec![
            (self.rust.library_source.clone(), self.rust.library_name.clone()),
            (self.toolchain.checkout.to_path_buf(), "/build/checkout".to_owned()),
            (workspace.to_path_buf(), "/build/source".to_owned()),
            (self.bench.target(), "/build/target".to_owned()),
            (self.cargo_home.clone(), "/build/cargo".to_owned()),
        ];
        // The names of these folders say which mirror the crates came from.
        for registry in fs::read_dir(self.cargo_home.join("registry/src")).into_iter().flatten().flatten() {
            maps.push((registry.path(), "/build/registry".to_owned()));
        }
        maps.sort_by(|one, other| (one.0.as_os_str().len(), &one.0).cmp(&(other.0.as_os_str().len(), &other.0)));
        maps.retain(|(from, _)| from.parent().is_some());
        maps
    }

    /// The flags of every crate of the target; build scripts and macros, which run here, get none.
    fn rustflags(&self, mut flags: Vec<String>, maps: Vec<(PathBuf, String)>) -> Result<Vec<String>, Failure> {
        flags.push("-Ctarget-feature=+crt-static".to_owned());
        match self.binary.strip {
            Strip::Symbols => flags.push("-Cstrip=symbols".to_owned()),
            Strip::DebugInfo => flags.push("-Cstrip=debuginfo".to_owned()),
            Strip::Nothing => {}
        }
        for (from, to) in maps {
            let Some(from) = from.to_str() else {
                return Err(Failure::new("cargo cannot be told about a path that is not UTF-8").in_path(from));
            };
            flags.push(format!("--remap-path-prefix={from}={to}"));
        }
        Ok(flags)
    }

    /// The failure of `what`, in one sentence where cargo's own needs knowledge of this environment.
    fn explain(&self, ended: &Ended, what: &str) -> Failure {
        if ended.complains("--locked was passed") {
            let hint = "`cargo update --workspace` brings it up to date";
            return Failure::new("`Cargo.lock` does not match `Cargo.toml`").in_path(self.dir).hint(hint);
        }
        let offline = ["--offline was specified", "offline mode", "retry without `--offline`"];
        if self.toolchain.offline && offline.iter().any(|words| ended.complains(words)) {
            return ended.failure(what).hint("crates are missing in the cargo home: build once without `--offline`");
        }
        ended.failure(what)
    }
}

/// The program among cargo's messages; refuses sources whose place enters the program.
fn executable(messages: &[u8], binary: &str, workspace: &Path) -> Result<PathBuf, Failure> {
    let mut found = None;
    for line in messages.split(|byte| *byte == b'\n') {
        // What is no JSON object was printed by something else.
        let Ok(message) = serde_json::from_slice::<Message>(line) else { continue };
        if message.reason != "compiler-artifact" {
            continue;
        }
        if message.package_id.contains("path+file://") && !message.manifest_path.starts_with(workspace) {
            let what = "this path dependency is outside of the cargo workspace, so its own path enters the program";
            let hint = "write a `Cargo.toml` with `[workspace]` in a folder above both, and make it a member";
            return Err(Failure::new(what).in_path(&message.manifest_path).hint(hint));
        }
        if message.target.is_some_and(|made| made.name == binary && made.kind.iter().any(|kind| kind == "bin")) {
            found = message.executable.or(found);
        }
    }
    found.ok_or_else(|| Failure::new(format!("`cargo build` made no binary `{}`", printable(binary))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_program_is_found_among_other_lines() {
        let messages = br#"a word from somewhere
{"reason":"compiler-artifact","package_id":"path+file:///w#0.1.0","manifest_path":"/w/Cargo.toml","target":{"name":"app","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","package_id":"path+file:///w#0.1.0","manifest_path":"/w/Cargo.toml","target":{"name":"app","kind":["bin"]},"executable":"/t/app"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(messages, "app", Path::new("/w")).unwrap(), Path::new("/t/app"));
        let failure = executable(messages, "other", Path::new("/w")).unwrap_err();
        assert_eq!(failure.what, "`cargo build` made no binary `other`");
        let failure = executable(messages, "app", Path::new("/w/app")).unwrap_err();
        assert!(failure.what.contains("outside of the cargo workspace"), "{failure}");
    }

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
