//! Lists the files of this machine that a Rust program takes (compilers, start files, archives, headers) before the
//! compile, and compares the list with what the compile really read.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        CompileRequest,
        c_compiler::CCompiler,
        machine::{
            CompiledCode, Inquiry, MachineFiles, MachineInputs, ProbeLink, TraceForm,
            link_trace::LinkerFlags,
            own_folders,
            pkg_config::{self, PkgConfigSearch},
        },
    },
    CargoJob, STATIC,
    c_code::CCode,
    linker::Linker,
};
use crate::{
    oci::Digest,
    report::{ErrorName, Failure, printable},
};

/// An empty program in Rust.
const PROBE: (&str, &str) = ("probe.rs", "fn main() {}\n");
/// An empty program in C, for where no Rust standard library is compiled yet.
const C_PROBE: (&str, &str) = ("probe.c", "int main(void) { return 0; }\n");

impl CargoJob<'_> {
    /// Asks the C compilers and the linker what they use. The toolchain's own linker takes nothing of the machine.
    pub(super) fn inspect_machine(
        &self,
        linker: &Linker,
        code: &CCode,
        rustflags: &[String],
    ) -> Result<MachineInputs, Failure> {
        let mut machine = MachineInputs::default();
        if let Some(compiler) = &code.compiler {
            self.add_compiler(compiler, &mut machine)?;
        }
        self.add_tools(&code.tools, &mut machine)?;
        if let Some(library) = self.binary.libraries.first().filter(|_| !self.target.contains("-linux-gnu")) {
            let what = format!("`libraries` are those of this machine, which are not for `{}`", printable(self.target));
            let hint = "name a gnu target, such as `target = \"x86_64-unknown-linux-gnu\"`";
            return Err(Failure::error(ErrorName::RecipeConflict, what).at(&library.origin).hint(hint));
        }
        if matches!(linker, Linker::SelfContained(_)) {
            machine.trace = Some(TraceForm::DependencyFile);
            return Ok(machine);
        }
        // zig links by its own linker with its own files, and does not say which.
        if !code.compiler.as_ref().is_some_and(|compiler| compiler.is_zig && code.has_cxx) {
            machine.join(self.linking(linker, code, rustflags)?);
        }
        if !self.binary.libraries.is_empty() {
            let target = Some(self.target).filter(|target| *target != self.rust.host);
            let program = pkg_config::pkg_config(self.toolchain, target, &self.binary.libraries)?;
            let search = PkgConfigSearch {
                toolchain: self.toolchain,
                dir: self.dir,
                environment: &self.environment,
                program: &program,
                folder: &self.library_folder(),
            };
            search.add(&self.binary.libraries, &mut machine)?;
        }
        Ok(machine)
    }

    fn add_compiler(&self, compiler: &CCompiler, machine: &mut MachineInputs) -> Result<(), Failure> {
        let (c, cxx): (&[&str], &[&str]) = if compiler.is_zig { (&[], &[]) } else { (&["c"], &["c++"]) };
        machine.join(self.inquiry(&compiler.command, c, None).resolve_inputs()?);
        if let Some(command) = &compiler.cxx {
            machine.join_cxx(self.inquiry(command, cxx, None).resolve_inputs()?);
        }
        Ok(())
    }

    /// The folder of the units for the target, relative to the compile folder.
    fn units_folder(&self) -> String {
        format!("target/{}", self.target)
    }

    /// Removes the units of the target where they were compiled with other files than those of the lock.
    pub(super) fn remove_unpinned(&self, machine: &MachineInputs, order: &CompileRequest<'_>) -> Result<(), Failure> {
        CompiledCode { compile_folder: &self.compile_folder, folder: &self.units_folder() }
            .remove_unless(order.pinned, machine)
    }

    /// Where the descriptions are of the libraries that the recipe names.
    fn library_folder(&self) -> PathBuf {
        let names: Vec<_> = self.binary.libraries.iter().map(|name| name.value.as_str()).collect();
        let name: String = Digest::of(names.join("\n").as_bytes()).hex().chars().take(16).collect();
        self.compile_folder.target().join("pkg-config").join(name)
    }

    /// The variables by which build scripts find libraries: those that the recipe names, else none.
    pub(super) fn library_variables(&self) -> BTreeMap<&'static str, OsString> {
        if self.binary.libraries.is_empty() {
            return BTreeMap::from([("PKG_CONFIG_LIBDIR", self.compile_folder.home().into_os_string())]);
        }
        pkg_config::variables(&self.library_folder(), self.target != self.rust.host)
    }

    fn inquiry<'a>(
        &'a self,
        driver: &'a [OsString],
        languages: &'a [&'a str],
        link: Option<ProbeLink<'a>>,
    ) -> Inquiry<'a> {
        Inquiry {
            toolchain: self.toolchain,
            dir: self.dir,
            environment: &self.environment,
            driver,
            languages,
            has_libraries: !self.binary.libraries.is_empty(),
            link,
        }
    }

    /// Asks the linker by way of an empty program.
    fn linking(&self, linker: &Linker, code: &CCode, rustflags: &[String]) -> Result<MachineInputs, Failure> {
        let driver = match linker {
            Linker::Driver(driver) => driver.clone(),
            _ => self.toolchain.named_program("cc", self.dir)?,
        };
        let rustflags: Vec<_> =
            rustflags.iter().cloned().chain(self.binary.rustflags.iter().map(|flag| flag.value.clone())).collect();
        let is_std_built = self.binary.flags.iter().any(|flag| flag.value.starts_with("-Zbuild-std"));
        let has_optional = code.compiler.is_some();
        let link = if is_std_built {
            let words = ["-static", C_PROBE.0, "-o", "probe"].map(OsString::from);
            let arguments = words.into();
            let (program, flags) = (driver.as_path(), LinkerFlags::Driver);
            ProbeLink { program, arguments, source: C_PROBE, flags, has_optional: true, toolchain: Vec::new() }
        } else {
            let words = ["--crate-name=probe", "--edition=2021", "--print=link-args", "--target", self.target];
            let words = words.into_iter().chain([PROBE.0, "-o", "probe", STATIC]).map(str::to_owned);
            let words = words.chain(rustflags).chain(linker.flags());
            ProbeLink {
                program: self.rust.compiler(),
                arguments: words.map(OsString::from).collect(),
                source: PROBE,
                flags: linker.trace_flags(),
                has_optional,
                toolchain: vec![self.rust.sysroot().to_path_buf()],
            }
        };
        let command = [driver.clone().into_os_string()];
        self.inquiry(&command, &[], Some(link)).resolve_inputs()
    }

    /// Where the scripts of the C compilers are, under the compilers' own names.
    pub(super) fn tools_folder(&self) -> PathBuf {
        self.compile_folder.target().join("tools")
    }

    /// Where these scripts leave the lists of headers, beside the units that they are about.
    pub(super) fn header_lists(&self) -> PathBuf {
        self.compile_folder.target().join(self.target).join("headers")
    }

    /// Makes the folder of the lists. Lists of a compile that was cut off stay, because they were not checked yet.
    pub(super) fn make_header_lists(&self) -> Result<(), Failure> {
        let folder = self.header_lists();
        fs::create_dir_all(&folder).map_err(|error| Failure::io("create the folder", &folder, &error))
    }

    /// Refuses a program with files of this machine that the recipe does not name; the conditional files that it took.
    /// `trace` is the list of the linker, and `archives` what build scripts ask for.
    pub(super) fn check_machine(
        &self,
        machine: &MachineInputs,
        trace: Option<&(TraceForm, PathBuf)>,
        archives: &[PathBuf],
    ) -> Result<MachineFiles, Failure> {
        let folders = [self.toolchain.checkout, &self.cargo_home, self.compile_folder.root(), self.rust.sysroot()];
        let own = own_folders(&folders);
        let host = |path: &Path| self.paths.host(path);
        let mut read: Vec<_> = archives.iter().map(|path| host(path)).filter(|path| path.is_file()).collect();
        if let Some((form, list)) = trace {
            read.extend(form.read(list)?.iter().map(|path| host(path)));
        }
        let mut needed = machine.check_linked(&read, &own)?;
        let units = CompiledCode { compile_folder: &self.compile_folder, folder: &self.units_folder() };
        needed.0.extend(machine.check_code(&units, &self.header_lists(), &host, &own)?.0);
        Ok(needed)
    }
}

/// The files and tools of this machine that compiled code depends on.
pub(super) fn tools(machine: &MachineInputs, code: &CCode) -> BTreeMap<String, String> {
    let mut tools = machine.state();
    if let Some(compiler) = &code.compiler {
        tools.insert("the C compiler".to_owned(), compiler.command.join(OsStr::new(" ")).to_string_lossy().into());
    }
    tools
}
