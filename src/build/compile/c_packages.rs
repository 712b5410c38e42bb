//! Finds the packages of a Rust program whose build scripts need a C compiler, a library or a program of the system.
//! The cargo compile and `hardpan init` use it to refuse early, before anything is compiled.

use std::collections::BTreeSet;

use super::{
    cargo_tree::{CargoTree, TreePackage},
    known_c_packages::{CPackageNeeds, known_needs},
};
use crate::report::{ErrorName, Failure};

/// A package whose build script needs more than Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CPackage {
    pub(super) name: String,
    pub(super) version: String,
    /// Compilers of the target, programs and libraries. Never empty.
    pub(super) needs: BTreeSet<CNeed>,
}

/// A need of a build script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CNeed {
    /// A C compiler for the target.
    C,
    /// A C++ compiler for the target.
    Cxx,
    /// A program of the host.
    Program(CProgram),
    /// A program of the host that writes code, where the build script does not do without it.
    Generator(CProgram),
    /// A library for the target that is on this machine, and that pkg-config finds.
    SystemLibrary {
        /// The feature of the package that compiles the library from source in place of it.
        vendored_by: Option<&'static str>,
    },
}

/// A program that build scripts start, or a library that they load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CProgram {
    Capnp,
    Cmake,
    Flatc,
    Go,
    Make,
    Nasm,
    Perl,
    Protoc,
    /// No program: bindgen loads it, from many places. It is not looked for.
    Libclang,
}

/// The packages of `tree` that need something, in the order of their names.
pub(super) fn c_packages(tree: &CargoTree, target: &str) -> Vec<CPackage> {
    let found = tree.packages.iter().map(|((name, version), package)| CPackage {
        name: name.clone(),
        version: version.clone(),
        needs: needs(name, package, tree, target),
    });
    found.filter(|package| !package.needs.is_empty()).collect()
}

/// The needs of one package: by the table of well-known packages, else by the dependencies of its build script.
fn needs(name: &str, package: &TreePackage, tree: &CargoTree, target: &str) -> BTreeSet<CNeed> {
    let tools = || {
        package.build_dependencies.iter().flat_map(|tool| {
            // Sources of a library with a function that compiles them, and not a build script of its own.
            let compiles = || tree.host_dependencies(tool).any(|helper| matches!(helper, "cc" | "cmake" | "autotools"));
            let is_source = tool.0.ends_with("-src") && compiles();
            // A builder of the workspace itself uses a generator as another one does.
            let helpers = tree.host_dependencies(tool).flat_map(tool_needs).copied();
            let generators = helpers.filter(|need| matches!(need, CNeed::Generator(_)));
            tool_needs(&tool.0).iter().copied().chain(generators).chain(is_source.then_some(CNeed::C))
        })
    };
    let has = |features: &[&str]| features.iter().any(|feature| package.features.contains(*feature));
    match known_needs(name) {
        Some(CPackageNeeds::NoC) => BTreeSet::new(),
        Some(CPackageNeeds::Needs(needs)) => needs.iter().copied().collect(),
        Some(CPackageNeeds::CxxWithout(features)) if has(features) => BTreeSet::new(),
        Some(CPackageNeeds::SystemWithout(features, _)) if !has(features) => {
            BTreeSet::from([CNeed::SystemLibrary { vendored_by: features.first().copied() }])
        }
        Some(CPackageNeeds::SystemWith(features)) if has(features) => {
            BTreeSet::from([CNeed::SystemLibrary { vendored_by: None }])
        }
        // On x86 its build script goes without a C compiler; elsewhere but on arm64 there is no C.
        Some(CPackageNeeds::Blake3) => {
            let is_neon = has(&["neon"]) || target.starts_with("aarch64-") && !has(&["pure", "no_neon"]);
            if is_neon { BTreeSet::from([CNeed::C]) } else { BTreeSet::new() }
        }
        Some(CPackageNeeds::Cxx | CPackageNeeds::CxxWithout(_)) => {
            tools().filter(is_compiled).chain([CNeed::C, CNeed::Cxx]).collect()
        }
        Some(CPackageNeeds::SystemWithout(..) | CPackageNeeds::SystemWith(_)) => {
            tools().filter(is_compiled).chain([CNeed::C]).collect()
        }
        None => {
            let mut needs: BTreeSet<_> = tools().collect();
            // A package that can compile its library does so where pkg-config does not find it.
            if needs.contains(&CNeed::C) {
                needs.retain(is_compiled);
            }
            needs
        }
    }
}

/// The needs of a build script that uses the package `tool`.
fn tool_needs(tool: &str) -> &'static [CNeed] {
    match tool {
        "cc" | "gcc" => &[CNeed::C],
        "luajit-src" => &[CNeed::Program(CProgram::Make)],
        "cmake" => &[CNeed::C, CNeed::Program(CProgram::Cmake)],
        "autotools" => &[CNeed::C, CNeed::Program(CProgram::Make)],
        "openssl-src" => &[CNeed::Program(CProgram::Make), CNeed::Program(CProgram::Perl)],
        "cxx-build" | "cpp_build" | "autocxx-build" => &[CNeed::C, CNeed::Cxx],
        "nasm-rs" => &[CNeed::Program(CProgram::Nasm)],
        "bindgen" => &[CNeed::Program(CProgram::Libclang)],
        "prost-build" | "tonic-build" | "tonic-prost-build" | "prost-wkt-build" | "protobuf-codegen"
        | "protobuf-build" | "protoc-rust" | "protoc-rust-grpc" | "grpcio-compiler" | "pbjson-build" => {
            &[CNeed::Generator(CProgram::Protoc)]
        }
        "flatbuffers-build" | "flatc-rust" => &[CNeed::Generator(CProgram::Flatc)],
        "capnpc" => &[CNeed::Generator(CProgram::Capnp)],
        "pkg-config" | "system-deps" => &[CNeed::SystemLibrary { vendored_by: None }],
        _ => &[],
    }
}

fn is_compiled(need: &CNeed) -> bool {
    !matches!(need, CNeed::SystemLibrary { .. })
}

impl CPackage {
    /// Whether a variable of the recipe configures where the system's library is.
    pub(super) fn is_configured_by<'a>(&self, variables: impl IntoIterator<Item = &'a str>) -> bool {
        let own = match known_needs(&self.name) {
            Some(CPackageNeeds::SystemWithout(_, prefix)) => prefix,
            _ => "PKG_CONFIG",
        };
        variables.into_iter().any(|name| name.contains(own) || name.contains("PKG_CONFIG"))
    }

    /// A program that the build script starts is not in `PATH`.
    pub(super) fn missing_program(&self, is_there: impl Fn(&str) -> bool) -> Option<Failure> {
        let programs = self.needs.iter().filter_map(|need| match need {
            CNeed::Program(program) => program.in_path().map(|name| (name, *program)),
            _ => None,
        });
        let (name, program) = programs.into_iter().find(|(name, _)| !is_there(name))?;
        let what = format!("`{}` {} needs the program `{name}`, which is not in `PATH`", self.name, self.version);
        Some(Failure::error(ErrorName::ToolMissing, what).hint(format!("`apt install {}`", program.debian())))
    }

    /// The library of the system that this package needs was not found, or cannot be for a target that is not this
    /// machine's.
    pub(super) fn missing_library(&self, target: &str) -> Option<Failure> {
        let feature = self.needs.iter().find_map(|need| match need {
            CNeed::SystemLibrary { vendored_by } => Some(*vendored_by),
            _ => None,
        })?;
        let what = format!(
            "`{}` {} needs a library of this system for `{target}`, which pkg-config does not find",
            self.name, self.version
        );
        let failure = Failure::error(ErrorName::ToolMissing, what);
        // The version, because two versions cannot link the same library.
        let version = self.version.split('+').next().unwrap_or(&self.version);
        Some(match feature {
            Some(feature) => failure.hint(format!(
                "`cargo add {}@{version} --features {feature}` in the program's package compiles it from source",
                self.name
            )),
            None => failure.hint(
                "`cargo tree --target all --invert NAME` shows which dependency brings it".replace("NAME", &self.name),
            ),
        })
    }
}

impl CProgram {
    /// The name of the program, where it is one.
    pub(super) fn in_path(self) -> Option<&'static str> {
        match self {
            Self::Capnp => Some("capnp"),
            Self::Cmake => Some("cmake"),
            Self::Flatc => Some("flatc"),
            Self::Go => Some("go"),
            Self::Make => Some("make"),
            Self::Nasm => Some("nasm"),
            Self::Perl => Some("perl"),
            Self::Protoc => Some("protoc"),
            Self::Libclang => None,
        }
    }

    /// Debian's package.
    pub(super) fn debian(self) -> &'static str {
        match self {
            Self::Libclang => "libclang-dev",
            Self::Go => "golang-go",
            Self::Capnp => "capnproto",
            Self::Flatc => "flatbuffers-compiler",
            Self::Protoc => "protobuf-compiler",
            other => other.in_path().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
