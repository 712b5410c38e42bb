//! What a toolchain is called, as far as it decides about the bytes of a program.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use super::{Toolchain, cargo_config::Configuration, child::Child, environment::Environment, go, rust::Rust, zig};
use crate::{
    oci::Digest,
    recipe::{CCompilerRequest, GnuTarget, LockedToolchain, ToolchainRequest},
    report::{Failure, printable},
};

impl Toolchain<'_> {
    /// The Go that compiles in `dir`: `go version`, without the platform that it runs on; and the C compilers of programs
    /// with cgo, whose variables have been replaced.
    pub fn go_identity(
        &self,
        dir: &Path,
        compilers: &BTreeMap<String, CCompilerRequest>,
    ) -> Result<LockedToolchain, Failure> {
        let go = go::installed(self, dir)?;
        let mut environment = self.fetching();
        environment.insert("GOENV".into(), "off".into());
        environment.insert("GOWORK".into(), "off".into());
        let ended = Child::new(&go.program, dir, &environment).args(["version"]).run()?;
        if !ended.status.success() {
            return Err(ended.failure("go version"));
        }
        let text = ended.text();
        let said = text.strip_prefix("go version ").and_then(|said| said.rsplit_once(' '));
        let (version, _) =
            said.ok_or_else(|| Failure::new(format!("`go version` says `{}`, which is no version", printable(&text))))?;
        let (mut cc, mut libc) = (BTreeMap::new(), BTreeMap::new());
        for (key, request) in compilers {
            let (name, library) =
                self.c_identity(dir, request, &environment).map_err(|failure| failure.at(&request.origin))?;
            cc.insert(key.clone(), name);
            libc.extend(library.map(|library| (key.clone(), library)));
        }
        Ok(LockedToolchain { version: plain(version), cc, libc, ..LockedToolchain::default() })
    }

    /// How a C compiler names itself, and the C library that it links into static programs, if it says where that is.
    fn c_identity(
        &self,
        dir: &Path,
        request: &CCompilerRequest,
        environment: &Environment,
    ) -> Result<(String, Option<Digest>), Failure> {
        let program = go::c_compiler(self, request.named.as_ref(), dir, &request.platform)?;
        let version = version_of(&program, dir, environment)?;
        let ended = Child::new(&program, dir, environment).args(["-print-file-name=libc.a"]).run()?;
        let path = PathBuf::from(ended.text());
        let library = (ended.status.success() && path.is_absolute()).then(|| digest_of(&path)).transpose()?;
        Ok((version, library))
    }

    /// The Rust that compiles in `dir`: `rustc -vV`, without the platform that it runs on, and the C library that it links
    /// into programs for each gnu target; and what `cc` and `linker` of the recipe name, whose variables have been
    /// replaced.
    pub fn rust_identity(&self, dir: &Path, request: &ToolchainRequest) -> Result<LockedToolchain, Failure> {
        let (rust, environment, _bench) = self.rust_environment(dir)?;
        let first = rust.verbose.lines().next().unwrap_or_default();
        let said = |name: &str| {
            let line = rust.verbose.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| plain(value.trim())).filter(|value| !value.is_empty() && value != "unknown")
        };
        let (mut cc, mut libc) = (BTreeMap::new(), BTreeMap::new());
        for (key, written) in &request.cc {
            let version = self.named_identity(dir, written, &environment);
            cc.insert(key.clone(), version.map_err(|failure| failure.at(&written.origin))?);
        }
        for (key, written) in &request.gnu {
            let digest = self.libc(dir, written, &rust, &environment);
            libc.insert(key.clone(), digest.map_err(|failure| failure.at(&written.origin))?);
        }
        Ok(LockedToolchain {
            version: plain(first.strip_prefix("rustc ").unwrap_or(first)),
            commit: said("commit-hash:"),
            llvm: said("LLVM version:"),
            libc,
            cc,
        })
    }

    /// How a program names itself that `cc` or `linker` of a Rust program names.
    fn named_identity(
        &self,
        dir: &Path,
        written: &CCompilerRequest,
        environment: &Environment,
    ) -> Result<String, Failure> {
        let name = written.named.as_ref().map_or("", |named| named.value.as_str());
        if zig::is_named(name) {
            // It answers another word than `--version`, and may be in a Python package.
            let target = written.target.as_deref().unwrap_or_default();
            return Ok(plain(&self.chosen_c_compiler(dir, name, target, false)?.version));
        }
        version_of(&self.named_program(name, dir)?, dir, environment)
    }

    /// The `libc.a` that the linker of a target takes.
    fn libc(&self, dir: &Path, written: &GnuTarget, rust: &Rust, environment: &Environment) -> Result<Digest, Failure> {
        let target = written.target.as_str();
        let linker = self.linker(dir, written, rust, environment)?;
        // As rustc calls it.
        let width = match target.split('-').next() {
            Some("x86_64") => Some("-m64"),
            Some("i586" | "i686") => Some("-m32"),
            _ => None,
        };
        let arguments = width.into_iter().chain(["-print-file-name=libc.a"]);
        let ended = Child::new(&linker, dir, environment).args(arguments).run()?;
        let path = PathBuf::from(ended.text());
        if !ended.status.success() || !path.is_absolute() {
            let what = format!("the linker of `{}` knows no `libc.a`", printable(target));
            return Err(Failure::new(what).hint("on Debian it is in `libc6-dev`"));
        }
        digest_of(&path)
    }

    /// The linker of a target: the recipe's, the checkout's, else `cc` (The Cargo Book, `target.<triple>.linker`).
    fn linker(
        &self,
        dir: &Path,
        written: &GnuTarget,
        rust: &Rust,
        environment: &Environment,
    ) -> Result<PathBuf, Failure> {
        if let Some(named) = &written.linker {
            return self.named_program(&named.value, dir);
        }
        let configuration = Configuration::read(dir, self.checkout, &self.folder("CARGO_HOME", ".cargo")?)?;
        let configured =
            configuration.linker(&written.target, &|flags| rust.cfgs(&written.target, flags, dir, environment))?;
        let linker = configured.unwrap_or_else(|| PathBuf::from("cc"));
        if linker.is_absolute() {
            return Ok(linker);
        }
        let name = linker.to_string_lossy();
        self.program(&name).ok_or_else(|| Failure::new(format!("the linker `{}` is not in `PATH`", printable(&name))))
    }
}

/// The first line that a program says about itself.
fn version_of(program: &Path, dir: &Path, environment: &Environment) -> Result<String, Failure> {
    let ended = Child::new(program, dir, environment).args(["--version"]).run()?;
    let said = ended.text();
    let first = said.lines().find(|line| !line.trim().is_empty()).filter(|_| ended.status.success());
    let first = first.ok_or_else(|| {
        let what =
            "this program does not say its version when it is called with `--version`, and a lock names it by that";
        Failure::new(what).in_path(program)
    })?;
    Ok(plain(first.trim()))
}

/// The digest of a C library.
fn digest_of(path: &Path) -> Result<Digest, Failure> {
    let fault = |error: &std::io::Error| Failure::io("read the C library", path, error);
    let mut file = File::open(path).map_err(|error| fault(&error))?;
    Digest::of_reader(&mut file).map_err(|error| fault(&error))
}

/// What a program said, as one line without anything that a terminal would act on.
fn plain(text: &str) -> String {
    printable(text).into_owned()
}
