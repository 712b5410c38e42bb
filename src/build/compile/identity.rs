//! What the lock says about a toolchain: the versions of compilers, and the files of this machine that programs take.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    Toolchain, cargo, child::Child, environment::Environment, go, installed_rust::InstalledRust, machine::MachineFiles,
    zig,
};
use crate::{
    recipe::{CCompilerRequest, LockedToolchain, ToolchainRequest},
    report::{ErrorName, Failure, printable},
};

impl Toolchain<'_> {
    /// The Go that compiles in `dir`: `go version`, without the platform that it runs on; and the C compilers of programs
    /// with cgo, whose variables have been replaced, with the files of this machine if `with_files`.
    pub fn go_identity(
        &self,
        dir: &Path,
        compilers: &BTreeMap<String, CCompilerRequest>,
        with_files: bool,
    ) -> Result<LockedToolchain, Failure> {
        let version = go::known_version(self, dir, || self.ask_go_version(dir))?;
        let mut identity = LockedToolchain { version, ..LockedToolchain::default() };
        for (scope, request) in compilers {
            let at = |failure: Failure| failure.at(&request.origin);
            let compiler = go::c_compiler(self, request.named.as_ref(), dir, &request.platform).map_err(at)?;
            identity.cc.insert(scope.clone(), plain(&compiler.version));
            if with_files {
                let compile_folder = self.compile_folder("survey", &[dir.as_os_str().as_encoded_bytes()])?;
                let environment = self.compile_environment(&compile_folder);
                let machine =
                    go::inspect_machine(self, &request.libraries, &compiler, dir, (&environment, &compile_folder))
                        .map_err(at)?;
                identity.add_files(scope, &machine.all_files());
            }
        }
        Ok(identity)
    }

    /// Asks Go for its version; with the program that answered.
    fn ask_go_version(&self, dir: &Path) -> Result<(PathBuf, String), Failure> {
        let go = go::find_go(self, dir)?;
        let mut environment = self.fetch_environment()?;
        environment.insert("GOENV".into(), "off".into());
        environment.insert("GOWORK".into(), "off".into());
        let ended = Child::new(&go.program, dir, &environment).args(["version"]).run()?;
        if !ended.status.success() {
            return Err(ended.failure(ErrorName::ToolUnsupported, "go version"));
        }
        let text = ended.text();
        let said = text.strip_prefix("go version ").and_then(|said| said.rsplit_once(' '));
        let (version, _) = said.ok_or_else(|| {
            Failure::error(
                ErrorName::ToolUnsupported,
                format!("unexpected output of `go version`: `{}`", printable(&text)),
            )
        })?;
        Ok((go.program, plain(version)))
    }

    /// The Rust that compiles in `dir`: `rustc -vV`, without the platform that it runs on; what `cc` and `linker` of the
    /// recipe name; and, if `with_files`, the files of this machine that its programs take. Variables have been replaced.
    pub fn rust_identity(
        &self,
        dir: &Path,
        request: &ToolchainRequest,
        with_files: bool,
    ) -> Result<LockedToolchain, Failure> {
        let mut identity = cargo::known_rust_version(self, dir, || self.ask_rust_version(dir))?;
        if !request.cc.is_empty() {
            let (_, environment, _compile_folder) = self.rust_environment(dir)?;
            for (key, written) in &request.cc {
                let version = self.named_identity(dir, written, &environment);
                identity.cc.insert(key.clone(), version.map_err(|failure| failure.at(&written.origin))?);
            }
        }
        let scopes = request.scopes.iter().filter(|_| with_files);
        for (scope, programs) in scopes {
            for (program, platform) in &programs.programs {
                let found = cargo::inspect_machine(self, program, dir, platform);
                let (files, compiler) = found.map_err(|failure| failure.at(&programs.origin))?;
                identity.add_files(scope, &files);
                if let Some(version) = compiler {
                    identity.cc.entry(scope.clone()).or_insert_with(|| plain(&version));
                }
            }
        }
        Ok(identity)
    }

    /// Asks Rust for its versions; with the toolchain that answered.
    fn ask_rust_version(&self, dir: &Path) -> Result<(InstalledRust, LockedToolchain), Failure> {
        let (rust, _, _compile_folder) = self.rust_environment(dir)?;
        let first = rust.verbose.lines().next().unwrap_or_default();
        let said = |name: &str| {
            let line = rust.verbose.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| plain(value.trim())).filter(|value| !value.is_empty() && value != "unknown")
        };
        let identity = LockedToolchain {
            version: plain(first.strip_prefix("rustc ").unwrap_or(first)),
            commit: said("commit-hash:"),
            llvm: said("LLVM version:"),
            ..LockedToolchain::default()
        };
        Ok((rust, identity))
    }

    /// How a program names itself that `cc` or `linker` of a Rust program names.
    fn named_identity(
        &self,
        dir: &Path,
        written: &CCompilerRequest,
        environment: &Environment,
    ) -> Result<String, Failure> {
        let name = written.named.as_ref().map_or("", |named| named.value.as_str());
        if zig::names_zig(name) {
            // It answers another word than `--version`, and may be in a Python package.
            let target = written.target.as_deref().unwrap_or_default();
            return Ok(plain(&self.chosen_c_compiler(dir, name, target, false)?.version));
        }
        version_of(&self.named_program(name, dir)?, dir, environment)
    }
}

/// The first line that a program says about itself.
fn version_of(program: &Path, dir: &Path, environment: &Environment) -> Result<String, Failure> {
    let ended = Child::new(program, dir, environment).args(["--version"]).run()?;
    let said = ended.text();
    let first = said.lines().find(|line| !line.trim().is_empty()).filter(|_| ended.status.success());
    let first = first.ok_or_else(|| {
        let what =
            "`--version` of this program failed or printed nothing, and a lock records a compiler by its version";
        Failure::error(ErrorName::ToolUnsupported, what).in_path(program)
    })?;
    Ok(plain(first.trim()))
}

/// The output of a program as one line without control characters.
fn plain(text: &str) -> String {
    printable(text).into_owned()
}

impl LockedToolchain {
    /// Adds the files of one program; other programs of the scope have the same, or more.
    fn add_files(&mut self, scope: &str, files: &MachineFiles) {
        if !files.0.is_empty() {
            let known = self.files.entry(scope.to_owned()).or_default();
            known.extend(files.0.iter().map(|(name, file)| (name.clone(), file.digest)));
        }
    }
}
