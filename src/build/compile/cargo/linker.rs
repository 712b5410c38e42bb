//! Chooses the linker of a Rust program: the toolchain's own `rust-lld` where it can link, so that no linker of the
//! machine is part of the program; else a compiler driver, which the lock pins.

use std::path::{Path, PathBuf};

use super::{
    super::{c_compiler::CCompiler, machine::link_trace::LinkerFlags, zig::ZigWrappers},
    CargoJob,
    c_code::CCode,
};
use crate::report::{ErrorName, Failure, printable};

/// How the final link of a program is done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Linker {
    /// `rust-lld` of the toolchain with the C library, start files and unwinder that come with the target.
    SelfContained(PathBuf),
    /// A compiler driver, which the recipe, the checkout or this machine names.
    Driver(PathBuf),
    /// The default of rustc: `cc`.
    Default,
}

impl CargoJob<'_> {
    /// The linker: the recipe's, else the checkout's, else `rust-lld` for a musl target that has its own C library, else a
    /// driver for the target.
    pub(super) fn linker(&self, configured: Option<&Path>, code: &CCode) -> Result<Linker, Failure> {
        if let Some(named) = &self.binary.linker {
            let found = self.toolchain.named_program(&named.value, self.dir);
            return found.map(Linker::Driver).map_err(|failure| failure.at(&named.origin));
        }
        if let Some(configured) = configured {
            return self.toolchain.named_program(&configured.to_string_lossy(), self.dir).map(Linker::Driver);
        }
        if let Some(linker) = self.rust.self_contained(self.target).filter(|_| !code.has_cxx) {
            return Ok(Linker::SelfContained(linker));
        }
        if let Some(compiler) = code.compiler.as_ref().filter(|_| code.has_cxx) {
            return self.driver(compiler).map(Linker::Driver);
        }
        if self.target == self.rust.host {
            return Ok(Linker::Default);
        }
        let architecture = self.target.split('-').next().unwrap_or_default();
        let names: &[String] = &if self.target.ends_with("-linux-gnu") {
            vec![format!("{architecture}-linux-gnu-gcc")]
        } else {
            vec![format!("{architecture}-linux-musl-gcc")]
        };
        if let Some(found) = names.iter().find_map(|name| self.toolchain.program(name)) {
            return Ok(Linker::Driver(found));
        }
        if self.target.ends_with("-linux-musl") && self.rust.host.starts_with(architecture) {
            return Ok(Linker::Default);
        }
        let what = format!("there is no linker for `{}` on this machine", printable(self.target));
        let package = format!("gcc-{}-linux-gnu", architecture.replace('_', "-"));
        let hint = if self.target.ends_with("-linux-gnu") {
            format!("on Debian, `apt install {package}`; or name one with `linker = \"...\"`, or take the musl target")
        } else {
            "name one with `linker = \"...\"` in the recipe".to_owned()
        };
        Err(Failure::error(ErrorName::ToolMissing, what).hint(hint))
    }

    /// The driver that links C++: the compiler of the C++ code.
    fn driver(&self, compiler: &CCompiler) -> Result<PathBuf, Failure> {
        if compiler.is_zig {
            return Ok(ZigWrappers::write(self.compile_folder.root(), compiler, self.target)?.cxx);
        }
        let command = compiler.cxx.as_ref().unwrap_or(&compiler.command);
        command
            .first()
            .map(PathBuf::from)
            .ok_or_else(|| Failure::error(ErrorName::Internal, "the command of the C++ compiler is empty"))
    }
}

impl Linker {
    /// Its flags for the final link.
    pub(super) fn flags(&self) -> Vec<String> {
        match self {
            Self::SelfContained(linker) => vec![
                format!("-Clinker={}", linker.display()),
                "-Clinker-flavor=ld.lld".to_owned(),
                "-Clink-self-contained=yes".to_owned(),
            ],
            Self::Driver(driver) => vec![format!("-Clinker={}", driver.display())],
            Self::Default => Vec::new(),
        }
    }

    /// How rustc takes a flag of this linker.
    pub(super) fn trace_flags(&self) -> LinkerFlags {
        if self.is_bare() { LinkerFlags::RustcBare } else { LinkerFlags::RustcDriver }
    }

    /// LinkerFlags by which the section of `symbol` stays in a program. Zig takes no `--undefined=`.
    pub(super) fn undefined(&self, symbol: &str) -> Vec<String> {
        if self.is_bare() {
            ["-u", symbol].map(|word| format!("-Clink-arg={word}")).into()
        } else {
            vec![format!("-Clink-arg=-Wl,-u,{symbol}")]
        }
    }

    /// A flag for a build ID, by which a debugger finds symbols that are kept elsewhere.
    pub(super) fn build_id(&self) -> String {
        let prefix = if self.is_bare() { "" } else { "-Wl," };
        format!("-Clink-arg={prefix}--build-id=sha1")
    }

    /// Whether it is a linker without a compiler driver before it, which takes no `-Wl,`: rustc goes by the name, too.
    fn is_bare(&self) -> bool {
        let name = match self {
            Self::SelfContained(_) => return true,
            Self::Driver(driver) => driver.file_name().unwrap_or_default().to_string_lossy(),
            Self::Default => return false,
        };
        let stem = name.rsplit_once('.').map_or(&*name, |(stem, _)| stem);
        ["ld", "lld", "rust-lld"].contains(&stem) || stem.ends_with("-ld")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linker_without_a_driver_is_told_by_its_name_and_takes_its_flags_bare() {
        for (name, is_bare) in [
            ("ld", true),
            ("/usr/bin/ld.lld", true),
            ("ld.bfd", true),
            ("rust-lld", true),
            ("aarch64-linux-gnu-ld", true),
            ("cc", false),
            ("clang-18", false),
            ("aarch64-linux-gnu-gcc", false),
            ("build", false),
        ] {
            let linker = Linker::Driver(name.into());
            assert_eq!(linker.is_bare(), is_bare, "{name}");
            assert_eq!(linker.build_id().contains("-Wl,"), !is_bare, "{name}");
            assert_eq!(linker.undefined("x").len(), if is_bare { 2 } else { 1 }, "{name}");
        }
    }
}
