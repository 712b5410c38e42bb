//! Finds the C compiler for the dependencies of a Rust program, and refuses the build before cargo runs where there is
//! none.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
};

use super::{
    super::{
        c_compiler::{CCompiler, variables},
        c_packages::{CNeed, CPackage, CProgram, c_packages},
        cargo_tree::CargoTree,
        machine::c_wrappers::CWrappers,
        zig::ZigWrappers,
    },
    CargoJob,
};
use crate::report::{Failure, printable};

/// The C code of a program: its compilers and tools.
#[derive(Debug, Default)]
pub(super) struct CCode {
    /// Its compiler; `None` where there is no C code, or variables of the recipe name the compiler.
    pub(super) compiler: Option<CCompiler>,
    /// Some of it is C++, whose library only a driver links.
    pub(super) has_cxx: bool,
    /// Programs and libraries that build scripts run or load, whose output reaches the program.
    pub(super) tools: BTreeSet<CProgram>,
}

impl CargoJob<'_> {
    /// Looks at the packages whose build scripts compile C or need a library or a program, and finds the compiler.
    pub(super) fn c_code(&self, tree: &str) -> Result<CCode, Failure> {
        let packages = c_packages(&CargoTree::read(tree)?, self.target);
        for package in &packages {
            // pkg-config names do not show which package needs a library: a build script that finds none fails.
            let configured = !self.binary.libraries.is_empty()
                || package.is_configured_by(self.binary.env.keys().map(String::as_str));
            if let Some(missing) = package.missing_library(self.target).filter(|_| !configured) {
                return Err(missing);
            }
            if let Some(missing) = package.missing_program(|name| self.toolchain.program(name).is_some()) {
                return Err(missing);
            }
        }
        let tools = packages.iter().flat_map(|package| &package.needs).filter_map(|need| match need {
            // It only calls others.
            CNeed::Program(CProgram::Make) => None,
            CNeed::Program(tool) | CNeed::Generator(tool) => Some(*tool),
            _ => None,
        });
        let tools = tools.collect();
        let needs = |need: CNeed| packages.iter().find(|package| package.needs.contains(&need));
        let has_cxx = needs(CNeed::Cxx).is_some();
        let Some(package) = needs(CNeed::Cxx).or_else(|| needs(CNeed::C)) else {
            return Ok(CCode { compiler: self.chosen_compiler(false)?, has_cxx, tools });
        };
        if self.binary.cc.is_none()
            && variables("CC", self.target).iter().any(|name| self.binary.env.contains_key(name))
        {
            return Ok(CCode { compiler: None, has_cxx, tools });
        }
        let compiler = match self.chosen_compiler(has_cxx)? {
            Some(chosen) => chosen,
            None => self.found_compiler(package, has_cxx)?,
        };
        Ok(CCode { compiler: Some(compiler), has_cxx, tools })
    }

    /// The compiler that the recipe names.
    fn chosen_compiler(&self, has_cxx: bool) -> Result<Option<CCompiler>, Failure> {
        let Some(cc) = &self.binary.cc else { return Ok(None) };
        let chosen = self.toolchain.chosen_c_compiler(self.dir, &cc.value, self.target, has_cxx);
        chosen.map(Some).map_err(|failure| failure.at(&cc.origin))
    }

    fn found_compiler(&self, package: &CPackage, has_cxx: bool) -> Result<CCompiler, Failure> {
        let host = &self.rust.host;
        let found = self.toolchain.c_compiler(self.dir, self.target, host, has_cxx);
        found.ok_or_else(|| CCompiler::missing(package, self.target, host))
    }

    /// The variables by which build scripts find the compiler.
    pub(super) fn c_variables(&self, code: &CCode) -> Result<BTreeMap<String, OsString>, Failure> {
        let mut found = BTreeMap::new();
        CWrappers::clear(&self.tools_folder())?;
        let Some(compiler) = &code.compiler else { return Ok(found) };
        let mut set = |name: &str, value: OsString| {
            let [variable, ..] = variables(name, self.target);
            found.insert(variable, value);
        };
        if compiler.is_zig {
            let wrappers = ZigWrappers::write(self.compile_folder.root(), compiler, self.target)?;
            set("CC", wrappers.cc.into());
            set("CXX", wrappers.cxx.into());
            set("AR", wrappers.ar.into());
            let cache = self.compile_folder.root().join("zig");
            found.extend(
                ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"].map(|name| (name.to_owned(), cache.clone().into())),
            );
            return Ok(found);
        }
        let folder = self.tools_folder();
        let (inside, lists) = (self.paths.inside(&folder), self.paths.inside(&self.header_lists()));
        let wrappers = CWrappers { toolchain: self.toolchain, folder: &folder, inside: &inside, lists: &lists };
        set("CC", wrappers.write(&compiler.command, false)?);
        if let Some(cxx) = &compiler.cxx {
            set("CXX", wrappers.write(cxx, true)?);
        }
        self.toolchain.progress.detail(&format!("  C compiler for {}: {}", self.target, printable(&compiler.version)));
        Ok(found)
    }
}
