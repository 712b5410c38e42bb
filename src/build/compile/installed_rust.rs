//! Finds the installed Rust toolchain and asks it about targets, folders and `cfg` values.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use cargo_platform::Cfg;

use super::{Toolchain, child::Child, environment::Environment};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, printable},
};

/// The installed `cargo` and the compiler beside it.
#[derive(Debug)]
pub(super) struct InstalledRust {
    /// `cargo`.
    pub(super) cargo: PathBuf,
    /// The triple of this machine.
    pub(super) host: String,
    /// Where the standard library's sources are when they are installed (`rust-src`).
    pub(super) library_source: PathBuf,
    /// The name of that folder in debug information where they are not installed.
    pub(super) library_name: String,
    /// The output of `rustc -vV`.
    pub(super) verbose: String,
    sysroot: PathBuf,
    rustc: PathBuf,
}

impl InstalledRust {
    /// Asks the compiler that `dir` gets in `environment`.
    pub(super) fn query(toolchain: &Toolchain<'_>, dir: &Path, environment: &Environment) -> Result<Self, Failure> {
        let missing = |name: &str| {
            Failure::error(ErrorName::ToolMissing, format!("Rust is not installed: `{name}` is not in `PATH`"))
                .hint("install it from https://rustup.rs")
        };
        let cargo = toolchain.program("cargo").ok_or_else(|| missing("cargo"))?;
        let found = toolchain.program("rustc").ok_or_else(|| missing("rustc"))?;
        let ended = Child::new(&found, dir, environment).args(["--print", "sysroot"]).run()?;
        if !ended.status.success() {
            return Err(ended.failure(ErrorName::ToolUnsupported, "rustc --print sysroot"));
        }
        let sysroot = PathBuf::from(ended.text());
        // What is in `PATH` may be rustup's proxy, which finds the toolchain anew in every call, by the folder.
        let own = |name: &str, found: PathBuf| {
            Some(sysroot.join("bin").join(name)).filter(|own| own.is_file()).unwrap_or(found)
        };
        let (cargo, rustc) = (own("cargo", cargo), own("rustc", found));
        let answer = |arguments: &[&str], what: &str| {
            let ended = Child::new(&rustc, dir, environment).args(arguments).run()?;
            if ended.status.success() { Ok(ended.text()) } else { Err(ended.failure(ErrorName::ToolUnsupported, what)) }
        };
        let version = answer(&["-vV"], "rustc -vV")?;
        let said = |name: &str| {
            version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim).unwrap_or_default().to_owned()
        };
        // A distribution's compiler knows no commit and names the folder after the release (rustc's bootstrap).
        let commit = Some(said("commit-hash:")).filter(|hash| !hash.is_empty() && hash != "unknown");
        Ok(Self {
            cargo,
            host: said("host:"),
            library_source: sysroot.join("lib/rustlib/src/rust"),
            library_name: format!("/rustc/{}", commit.unwrap_or_else(|| said("release:"))),
            verbose: version,
            sysroot,
            rustc,
        })
    }

    /// Lets a compile find this toolchain first, whatever folder it runs in.
    pub(super) fn add_to(&self, environment: &mut Environment) {
        let path = environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
        let folders = self.rustc.parent().map(Path::to_path_buf).into_iter().chain(env::split_paths(&path));
        if let Ok(path) = env::join_paths(folders) {
            environment.insert("PATH".into(), path);
        }
        environment.insert("RUSTC".into(), self.rustc.clone().into());
    }

    /// The toolchain's own linker, for a target that comes with a C library and start files of its own.
    pub(super) fn self_contained(&self, target: &str) -> Option<PathBuf> {
        let libraries = self.sysroot.join("lib/rustlib").join(target).join("lib/self-contained");
        let linker = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/rust-lld");
        (libraries.join("crt1.o").is_file() && linker.is_file()).then_some(linker)
    }

    /// `rustc`.
    pub(super) fn compiler(&self) -> &Path {
        &self.rustc
    }

    /// The folder of the toolchain.
    pub(super) fn sysroot(&self) -> &Path {
        &self.sysroot
    }

    /// Where the libraries are that the compiler and its tools are linked with.
    pub(super) fn libraries_of_compiler(&self) -> PathBuf {
        self.sysroot.join("lib")
    }

    /// The toolchain's own `objcopy`.
    pub(super) fn objcopy(&self) -> Option<PathBuf> {
        let objcopy = self.sysroot.join("lib/rustlib").join(&self.host).join("bin/rust-objcopy");
        objcopy.is_file().then_some(objcopy)
    }

    /// Refuses a `target` whose standard library is not there; `chosen` is when the recipe names it.
    pub(super) fn require_target(
        &self,
        target: &str,
        chosen: bool,
        platform: &Platform,
        dir: &Path,
        environment: &Environment,
    ) -> Result<(), Failure> {
        let Some(folder) = self.libraries(target, dir, environment)? else {
            return Err(self.unknown_target(target, dir, environment));
        };
        if has_library(&folder) {
            return Ok(());
        }
        let mut hint = format!("`rustup target add {target}`");
        let gnu = target.replace("-musl", "-gnu");
        if !chosen && platform.rust_target() == target && gnu == self.host && self.has_target(&gnu, dir, environment)? {
            hint = format!("{hint}, or say `target = \"{gnu}\"` in the recipe, which is installed");
        }
        Err(Failure::error(ErrorName::ToolMissing, format!("the standard library for `{target}` is not installed"))
            .hint(hint))
    }

    /// Whether the standard library for `target` is there.
    pub(super) fn has_target(&self, target: &str, dir: &Path, environment: &Environment) -> Result<bool, Failure> {
        Ok(self.libraries(target, dir, environment)?.is_some_and(|folder| has_library(&folder)))
    }

    /// The configuration of `target` when it is compiled with `flags`: what `cfg(...)` is decided by.
    pub(super) fn cfgs(
        &self,
        target: &str,
        flags: &[String],
        dir: &Path,
        environment: &Environment,
    ) -> Result<Vec<Cfg>, Failure> {
        let child = Child::new(&self.rustc, dir, environment).args(["--print", "cfg", "--target", target]);
        let ended = child.args(flags).run()?;
        if !ended.status.success() {
            return Err(ended.failure(ErrorName::ToolUnsupported, "rustc --print cfg"));
        }
        // Cargo ignores a line that does not parse, too.
        Ok(ended.text().lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// Where the standard library for `target` would be; `None` for a target the compiler does not know.
    fn libraries(&self, target: &str, dir: &Path, environment: &Environment) -> Result<Option<PathBuf>, Failure> {
        let usual = self.sysroot.join("lib/rustlib").join(target).join("lib");
        if has_library(&usual) {
            return Ok(Some(usual));
        }
        let arguments = ["--print", "target-libdir", "--target", target];
        let ended = Child::new(&self.rustc, dir, environment).args(arguments).run()?;
        Ok(ended.status.success().then(|| PathBuf::from(ended.text())))
    }

    /// The failure for a target that the compiler does not know; the hint is the most similar one.
    fn unknown_target(&self, target: &str, dir: &Path, environment: &Environment) -> Failure {
        let failure =
            Failure::error(ErrorName::ToolUnsupported, format!("this Rust has no target `{}`", printable(target)));
        let list = Child::new(&self.rustc, dir, environment).args(["--print", "target-list"]).run();
        let list = list.map(|ended| ended.text()).unwrap_or_default();
        match closest(target, list.lines()) {
            Some(like) => failure.hint(format!("did you mean `{like}`?")),
            None => failure.hint("`rustc --print target-list` lists them"),
        }
    }
}

/// The candidate that is most similar to `word`, if one is similar.
pub(super) fn closest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = candidates.map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    rated.min().filter(|(distance, candidate)| *distance <= 1 + candidate.len() / 5).map(|(_, candidate)| candidate)
}

/// Whether a target's folder holds a standard library, not only the folder.
fn has_library(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // `libstd` where there is one; a target without an operating system has `libcore` alone.
        name.starts_with("libstd-") || name.starts_with("libcore-")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let names = ["x86_64-unknown-linux-gnu", "x86_64-unknown-linux-musl"];
        assert_eq!(closest("x86_64-unknown-linux-mulc", names.into_iter()), Some("x86_64-unknown-linux-musl"));
        assert_eq!(closest("vax", names.into_iter()), None);
        assert_eq!(closest("hello", std::iter::empty()), None);
    }

    #[test]
    fn a_folder_without_a_library_is_no_target() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!has_library(folder.path()));
        assert!(!has_library(&folder.path().join("none")));
        fs::write(folder.path().join("libstd-1234.rlib"), "").unwrap();
        assert!(has_library(folder.path()));
    }
}
