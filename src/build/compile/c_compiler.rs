//! Finds the C and C++ compiler for a Rust target or for cgo on this machine, or says what to install.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use super::{
    Toolchain,
    c_packages::{CNeed, CPackage},
    child::Child,
    environment::Environment,
    zig,
};
use crate::{
    oci::Platform,
    report::{ErrorName, Failure, printable},
};

/// The C compiler for a target, and the C++ compiler of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CCompiler {
    /// The program, and the arguments that come before those of each call.
    pub(super) command: Vec<OsString>,
    /// The command for C++.
    pub(super) cxx: Option<Vec<OsString>>,
    /// The first line of its version, which the lock records.
    pub(super) version: String,
    /// It is zig, which build scripts can only call by way of the wrappers of `zig`.
    pub(super) is_zig: bool,
}

/// Finds programs and runs them.
pub(super) struct ProgramLookup<'a> {
    /// Where a program is in `PATH`.
    pub(super) find: &'a dyn Fn(&str) -> Option<PathBuf>,
    /// The output of a command that succeeded. It runs in the caller's environment: a zig that pip has installed is
    /// found by way of the home.
    pub(super) ask: &'a dyn Fn(&[OsString]) -> Option<String>,
}

impl CCompiler {
    /// The compiler for `target` on a machine whose Rust is for `host`; for C++, too, if `needs_cxx`.
    ///
    /// The gnu compiler of another architecture or of this machine is never one for a musl target: its headers are
    /// glibc's, and what they declare is not in musl.
    pub(super) fn find(target: &str, host: &str, needs_cxx: bool, programs: &ProgramLookup<'_>) -> Option<Self> {
        let pairs = candidates(target, host);
        let found = pairs.into_iter().find_map(|(c, cxx)| {
            Self::probe(&c, cxx.as_deref(), programs).filter(|found| !needs_cxx || found.cxx.is_some())
        });
        found.or_else(|| if is_musl(target) { zig::find_zig(target, programs) } else { None })
    }

    /// The refusal where a program with cgo has no compiler.
    pub(super) fn missing_for_cgo(platform: &Platform, target: &str, host: &str) -> Failure {
        let tried: Vec<_> = candidates(target, host).into_iter().map(|(name, _)| format!("`{name}`")).collect();
        let what =
            format!("`cgo = true` needs a C compiler for {platform}, and {} is not in `PATH`", tried.join(" or "));
        Failure::error(ErrorName::ToolMissing, what)
            .hint(format!("{}, or name one by `cc = \"...\"`", install_hint(target, host, false)))
    }

    /// The compiler that the recipe names: a program, and arguments after it.
    pub(super) fn from_recipe(
        words: &str,
        target: &str,
        needs_cxx: bool,
        programs: &ProgramLookup<'_>,
    ) -> Result<Self, Failure> {
        let mut words_left = words.split_whitespace();
        let name = words_left.next().unwrap_or_default();
        let shown = printable(words);
        let arguments: Vec<_> = words_left.collect();
        if zig::names_zig(name) {
            return zig::find_zig(target, programs).ok_or_else(|| {
                let what = format!("the C compiler `{shown}` of the recipe cannot be used for `{target}`");
                let (name, hint) = if is_musl(target) {
                    (ErrorName::ToolMissing, "zig must be in `PATH`: `pip install ziglang`")
                } else {
                    (ErrorName::ToolUnsupported, "zig has no static C library but musl, which programs in Rust take")
                };
                Failure::error(name, what).hint(hint)
            });
        }
        let mut found = Self::probe(name, cxx_name(name).as_deref(), programs).ok_or_else(|| {
            let place = if name.contains('/') { "there" } else { "in `PATH`" };
            let what =
                format!("the C compiler `{shown}` of the recipe was not found {place}, or its `--version` failed");
            Failure::error(ErrorName::ToolMissing, what)
                .hint("`cc` takes the name of a program in `PATH`, or a path relative to `dir`")
        })?;
        for command in [Some(&mut found.command), found.cxx.as_mut()].into_iter().flatten() {
            command.extend(arguments.iter().map(OsString::from));
        }
        if needs_cxx && found.cxx.is_none() {
            let name = cxx_name(name).unwrap_or_else(|| "c++".to_owned());
            return Err(Failure::error(
                ErrorName::ToolMissing,
                format!("the C++ compiler `{}` is not in `PATH`", printable(&name)),
            )
            .hint("a dependency compiles C++, and the C++ compiler has to be of the same kind as the recipe's `cc`"));
        }
        Ok(found)
    }

    fn probe(c: &str, cxx: Option<&str>, programs: &ProgramLookup<'_>) -> Option<Self> {
        let command = vec![(programs.find)(c)?.into_os_string()];
        let version = (programs.ask)(&with_argument(&command, "--version"))?.lines().next()?.trim().to_owned();
        let cxx = cxx.and_then(|name| Some(vec![(programs.find)(name)?.into_os_string()]));
        Some(Self { command, cxx, version, is_zig: false })
    }

    /// The refusal where there is no compiler: `package` is one of those that need it.
    pub(super) fn missing(package: &CPackage, target: &str, host: &str) -> Failure {
        let needs_cxx = package.needs.contains(&CNeed::Cxx);
        let language = if needs_cxx { "C++" } else { "C" };
        let (name, version) = (printable(&package.name), printable(&package.version));
        let what =
            format!("`{name}` {version} compiles {language}, and there is no {language} compiler for `{target}`");
        Failure::error(ErrorName::ToolMissing, what).hint(install_hint(target, host, needs_cxx))
    }
}

impl Toolchain<'_> {
    /// The C compiler for `target` on this machine, if there is one; `has_cxx` asks for one of C++ beside it.
    pub(super) fn c_compiler(&self, dir: &Path, target: &str, host: &str, has_cxx: bool) -> Option<CCompiler> {
        let find = |name: &str| self.program(name);
        let programs = ProgramLookup { find: &find, ask: &|words| self.query(words, dir) };
        CCompiler::find(target, host, has_cxx, &programs)
    }

    /// The C compiler that a recipe names for `target`.
    pub(super) fn chosen_c_compiler(
        &self,
        dir: &Path,
        name: &str,
        target: &str,
        has_cxx: bool,
    ) -> Result<CCompiler, Failure> {
        let find = |name: &str| self.named_program(name, dir).ok();
        let programs = ProgramLookup { find: &find, ask: &|words| self.query(words, dir) };
        CCompiler::from_recipe(name, target, has_cxx, &programs)
    }

    /// The output of a command in the caller's environment, if it succeeded.
    fn query(&self, words: &[OsString], dir: &Path) -> Option<String> {
        let (program, arguments) = words.split_first()?;
        // One of the checkout gets nothing of the caller.
        let environment = if Path::new(program).starts_with(self.checkout) {
            Environment::from([("PATH".into(), self.path())])
        } else {
            self.fetch_environment().ok()?
        };
        let ended = Child::new(program.as_ref(), dir, &environment).args(arguments).run().ok()?;
        ended.status.success().then(|| ended.text())
    }
}

/// The variables by which the `cc` crate and its like take a compiler for `target`, `CC` or `CXX`, the first that is
/// set wins.
pub(super) fn variables(name: &str, target: &str) -> [String; 4] {
    let upper = target.replace(['-', '.'], "_");
    [format!("{name}_{target}"), format!("{name}_{upper}"), format!("TARGET_{name}"), name.to_owned()]
}

/// `command` and one argument more.
pub(super) fn with_argument(command: &[OsString], argument: impl AsRef<OsStr>) -> Vec<OsString> {
    command.iter().cloned().chain([argument.as_ref().to_owned()]).collect()
}

/// Pairs of a C and a C++ compiler, the best first.
fn candidates(target: &str, host: &str) -> Vec<(String, Option<String>)> {
    let pair = |prefix: &str| (format!("{prefix}gcc"), Some(format!("{prefix}g++")));
    let mut pairs = Vec::new();
    if target == host {
        pairs.extend(
            [("cc", "c++"), ("gcc", "g++"), ("clang", "clang++")].map(|(c, cxx)| (c.to_owned(), Some(cxx.to_owned()))),
        );
    }
    pairs.extend(prefix(target).map(|prefix| pair(&format!("{prefix}-"))));
    if is_musl(target) && architecture(target) == architecture(host) {
        // A shell around the gnu compiler that takes musl's headers. It has none for C++.
        pairs.push(("musl-gcc".to_owned(), None));
    }
    pairs
}

fn is_musl(target: &str) -> bool {
    target.contains("-musl")
}

fn architecture(target: &str) -> &str {
    target.split('-').next().unwrap_or_default()
}

/// The prefix of a target's own compilers: the triple without the vendor.
fn prefix(target: &str) -> Option<String> {
    let (_, library) = target.rsplit_once('-')?;
    let architecture = match architecture(target) {
        "riscv64gc" => "riscv64",
        // Debian calls all of them so; the ABI is in the last word.
        name if name.starts_with("arm") || name.starts_with("thumb") => "arm",
        name => name,
    };
    Some(format!("{architecture}-linux-{library}"))
}

/// The C++ compiler that belongs to a C compiler.
fn cxx_name(c: &str) -> Option<String> {
    // A version may follow: `gcc-14`.
    for (ending, other) in [("gcc", "g++"), ("clang", "clang++"), ("cc", "c++")] {
        if let Some(at) = c.rfind(ending) {
            let (before, after) = (c.get(..at)?, c.get(at + ending.len()..)?);
            if after.is_empty() || after.starts_with('-') {
                return Some(format!("{before}{other}{after}"));
            }
        }
    }
    None
}

/// The hint where there is no compiler for `target`: what to install, or what to write.
pub(super) fn install_hint(target: &str, host: &str, needs_cxx: bool) -> String {
    let gnu = target.replace("-musl", "-gnu");
    let gcc = if needs_cxx { "g++" } else { "gcc" };
    let debian = |target: &str| match prefix(target) {
        Some(prefix) if target != host => format!("{gcc}-{}", prefix.replace('_', "-")),
        _ => format!("{gcc} libc6-dev"),
    };
    if !is_musl(target) {
        return format!("`apt install {}`", debian(target));
    }
    let install = if architecture(target) == architecture(host) && !needs_cxx {
        "`apt install musl-tools`"
    } else {
        "`pip install ziglang`"
    };
    let other = format!("`target = \"{gnu}\"` in the recipe");
    if gnu == host {
        format!("{install}, or {other}")
    } else {
        format!("{install}, or {other} with `apt install {}`", debian(&gnu))
    }
}

#[cfg(test)]
mod tests;
