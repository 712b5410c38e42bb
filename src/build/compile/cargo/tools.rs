//! Programs of this machine that build scripts run or load to generate code: `protoc`, `nasm`, libclang. Their output
//! reaches the program, so the lock pins those that are used.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        c_packages::CProgram,
        machine::{
            Inquiry, MachineInputs,
            c_wrappers::{CWrappers, TOOL},
            file_names,
        },
        shell_script::{quoted, write_script},
    },
    CargoJob,
};
use crate::report::Failure;

/// Asked by build scripts and macros for the revision, which is then part of the program.
const GIT: &str = "git";

/// The variables by which a recipe can name a program that build scripts look for.
const VARIABLES: [(&str, CProgram); 2] = [("PROTOC", CProgram::Protoc), ("CMAKE", CProgram::Cmake)];

/// The folders in which bindgen looks for libclang, as far as their names are known.
const LIBRARIES: [&str; 5] =
    ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/local/lib64", "/usr/lib/x86_64-linux-gnu"];

impl CargoJob<'_> {
    /// Adds the programs in `tools` that are on this machine: they count where a script of [`write_tools`](Self::write_tools)
    /// is called; those that the recipe names, and libclang, count always.
    pub(super) fn add_tools(&self, tools: &BTreeSet<CProgram>, machine: &mut MachineInputs) -> Result<(), Failure> {
        for tool in tools {
            let named = VARIABLES.iter().find(|(_, program)| program == tool);
            let named = named.and_then(|(variable, _)| self.binary.env.get(*variable));
            if let Some(named) = named {
                let found = self.toolchain.named_program(&named.value, self.dir);
                let found = found.map_err(|failure| failure.at(&named.origin))?;
                machine.join(self.file(found)?);
            } else if let Some(path) = tool.in_path().and_then(|name| self.toolchain.program(name)) {
                let mut file = self.file(path)?;
                file.optional = std::mem::take(&mut file.files);
                machine.join(file);
            }
        }
        if tools.contains(&CProgram::Libclang) {
            for library in self.libclang() {
                machine.join(self.file(library)?);
            }
        }
        Ok(())
    }

    /// One file, whose digest is remembered.
    fn file(&self, path: PathBuf) -> Result<MachineInputs, Failure> {
        let driver = [path.into_os_string()];
        let inquiry = Inquiry {
            toolchain: self.toolchain,
            dir: self.dir,
            environment: &self.environment,
            driver: &driver,
            languages: &[],
            has_libraries: false,
            link: None,
        };
        inquiry.resolve_inputs()
    }

    /// Every libclang that bindgen may load: `libclang.so` and `libclang-14.so.1`, in the folder that the recipe names by
    /// `LIBCLANG_PATH`, else where libraries and versions of LLVM are (`clang-sys`, "Environment Variables").
    fn libclang(&self) -> BTreeSet<PathBuf> {
        let mut folders: Vec<PathBuf> = LIBRARIES.map(PathBuf::from).into();
        if let Some(named) = self.binary.env.get("LIBCLANG_PATH") {
            folders = vec![self.dir.join(&named.value)];
        } else {
            let versions = file_names(Path::new("/usr/lib")).into_iter().filter(|name| name.contains("llvm"));
            folders.extend(versions.map(|name| Path::new("/usr/lib").join(name).join("lib")));
        }
        let is_one =
            |name: &String| name.starts_with("libclang.so") || name.starts_with("libclang-") && name.contains(".so");
        let in_folder = |folder: &PathBuf| {
            let folder = folder.clone();
            file_names(&folder).into_iter().filter(is_one).map(move |name| folder.join(name))
        };
        let found = folders.iter().flat_map(in_folder);
        found.filter_map(|path| fs::canonicalize(path).ok()).filter(|path| path.is_file()).collect()
    }

    /// Writes the scripts in place of these programs, and of git, which leave a mark when they are called.
    pub(super) fn write_tools(&self, tools: &BTreeSet<CProgram>) -> Result<(), Failure> {
        let lists = quoted(&[self.paths.inside(&self.header_lists()).into_os_string()])?;
        let folder = self.tools_folder().join(CWrappers::IN_PATH);
        for name in tools.iter().filter_map(|tool| tool.in_path()).chain([GIT]) {
            let Some(path) = self.toolchain.program(name) else { continue };
            let program = quoted(&[path.into_os_string()])?;
            let mark = format!("[ ! -d {lists} ] || : >{lists}/$$.{name}.{TOOL}");
            write_script(&folder, name, &format!("#!/bin/sh\n{mark}\nexec {program} \"$@\"\n"))?;
        }
        Ok(())
    }

    /// Whether a build script or a macro of this compile asked git.
    pub(super) fn asks_git(&self) -> bool {
        let ending = format!(".{GIT}.{TOOL}");
        file_names(&self.header_lists()).iter().any(|name| name.ends_with(&ending))
    }
}
