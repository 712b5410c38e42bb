//! [`Toolchains`]: what a draft asks the toolchains and files of this machine.

use std::path::Path;

use crate::{
    oci::Platform,
    report::{ErrorName, Failure},
};

/// Answers of the toolchains and files of this machine. `commands::init` implements it with `build::compile`. `dir` is
/// always canonical.
pub trait Toolchains {
    /// `go mod edit -json`: one document.
    fn go_module(&self, dir: &Path) -> Result<Vec<u8>, Failure>;
    /// `go list -e -deps -json ./...` for Linux, with or without cgo, through the `go.work` of `work`.
    fn go_packages(&self, dir: &Path, work: Option<&Path>, cgo: bool) -> Result<Vec<u8>, Failure>;
    /// `go work edit -json` of a `go.work`: one document.
    fn go_work(&self, file: &Path) -> Result<Vec<u8>, Failure> {
        Err(Failure::error(ErrorName::ToolMissing, "no `go` reads this file here").in_path(file))
    }
    /// `cargo metadata --no-deps`: one document. A missing `Cargo.lock` is a failure.
    fn cargo_workspace(&self, dir: &Path) -> Result<Vec<u8>, Failure>;
    /// The triple of this machine's Rust.
    fn rust_host(&self, dir: &Path) -> Result<String, Failure>;
    /// Whether Rust's standard library for a triple is installed.
    fn has_rust_target(&self, dir: &Path, target: &str) -> Result<bool, Failure>;
    /// Why the Cargo project in `dir` does not build for a triple on this machine, as the end of a sentence; `None`
    /// where it builds, as far as that is known without compiling. `selection` holds cargo's flags for packages and
    /// features; empty for the whole workspace.
    fn target_problem(&self, dir: &Path, target: &str, _selection: &[String]) -> Result<Option<String>, Failure> {
        let missing = !self.has_rust_target(dir, target)?;
        Ok(missing.then(|| missing_target(target)))
    }
    /// A library or program that a compile for a triple needs and that this machine lacks, as far as that is known.
    fn missing_input(&self, _dir: &Path, _target: &str, _selection: &[String]) -> Result<Option<Failure>, Failure> {
        Ok(None)
    }
    /// The value of a variable of git, such as `git.revision`, for the checkout of `dir`.
    fn git(&self, dir: &Path, variable: &str) -> Result<String, Failure> {
        Err(Failure::error(ErrorName::Git, format!("`{variable}` has no value")).in_path(dir))
    }
    /// The platform of a static program; the error is the reason why an image cannot have the program; `None` for
    /// files that are not programs.
    fn prebuilt(&self, file: &Path) -> Option<Result<Platform, String>>;
}

/// The end of a sentence about a target without its standard library.
pub fn missing_target(target: &str) -> String {
    format!("its standard library is not installed (`rustup target add {target}` brings it)")
}
