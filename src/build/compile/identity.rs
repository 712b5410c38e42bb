//! What a toolchain is called, as far as it decides about the bytes of a program.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use super::{Toolchain, cargo_config::Configuration, child::Child, environment::Environment, go, rust::Rust};
use crate::{
    oci::Digest,
    recipe::{GnuTarget, LockedToolchain},
    report::{Failure, printable},
};

impl Toolchain<'_> {
    /// The Go that compiles in `dir`: `go version`, without the platform that it runs on.
    pub fn go_identity(&self, dir: &Path) -> Result<LockedToolchain, Failure> {
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
        Ok(LockedToolchain { version: plain(version), ..LockedToolchain::default() })
    }

    /// The Rust that compiles in `dir`: `rustc -vV`, without the platform that it runs on, and the C library that it links
    /// into programs for each gnu target.
    pub fn rust_identity(&self, dir: &Path, targets: &BTreeMap<String, GnuTarget>) -> Result<LockedToolchain, Failure> {
        let (rust, environment, _bench) = self.rust_environment(dir)?;
        let first = rust.verbose.lines().next().unwrap_or_default();
        let said = |name: &str| {
            let line = rust.verbose.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| plain(value.trim())).filter(|value| !value.is_empty() && value != "unknown")
        };
        let mut libc = BTreeMap::new();
        for (target, written) in targets {
            let digest =
                self.libc(dir, target, written, &rust, &environment).map_err(|failure| failure.at(&written.origin))?;
            libc.insert(target.clone(), digest);
        }
        Ok(LockedToolchain {
            version: plain(first.strip_prefix("rustc ").unwrap_or(first)),
            commit: said("commit-hash:"),
            llvm: said("LLVM version:"),
            libc,
        })
    }

    /// The `libc.a` that the linker of a target takes.
    fn libc(
        &self,
        dir: &Path,
        target: &str,
        written: &GnuTarget,
        rust: &Rust,
        environment: &Environment,
    ) -> Result<Digest, Failure> {
        let linker = self.linker(dir, target, written, rust, environment)?;
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
        let mut file = File::open(&path).map_err(|error| Failure::io("read the C library", &path, &error))?;
        Digest::of_reader(&mut file).map_err(|error| Failure::io("read the C library", &path, &error))
    }

    /// The linker of a target: the recipe's, the checkout's, else `cc` (The Cargo Book, `target.<triple>.linker`).
    fn linker(
        &self,
        dir: &Path,
        target: &str,
        written: &GnuTarget,
        rust: &Rust,
        environment: &Environment,
    ) -> Result<PathBuf, Failure> {
        let configuration = Configuration::read(dir, self.checkout, &self.folder("CARGO_HOME", ".cargo")?)?;
        let configured = configuration.linker(target, &|flags| rust.cfgs(target, flags, dir, environment))?;
        let named = written.linker.as_ref().map(|name| if name.contains('/') { dir.join(name) } else { name.into() });
        let linker = named.or(configured).unwrap_or_else(|| PathBuf::from("cc"));
        if linker.is_absolute() {
            return Ok(linker);
        }
        let name = linker.to_string_lossy();
        self.program(&name).ok_or_else(|| Failure::new(format!("the linker `{}` is not in `PATH`", printable(&name))))
    }
}

/// What a program said, as one line without anything that a terminal would act on.
fn plain(text: &str) -> String {
    printable(text).into_owned()
}
