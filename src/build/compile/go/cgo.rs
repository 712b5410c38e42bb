//! Sets up a Go compile with cgo: the C compiler, a static link, and the files of this machine that the program takes.

use std::{
    env::{self, consts::ARCH},
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        CompileRequest, Toolchain,
        c_compiler::CCompiler,
        child::ChildOutput,
        compile_folder::CompileFolder,
        environment::Environment,
        machine::{
            CompiledCode, Inquiry, MachineFiles, MachineInputs, ProbeLink,
            c_wrappers::CWrappers,
            link_trace::LinkerFlags,
            own_folders,
            pkg_config::{self, PkgConfigSearch},
        },
        shell_script::{quoted as shell_quoted, write_script},
    },
    packages::GoPackages,
};
use crate::{
    oci::Platform,
    recipe::{GoBinary, Located, native_for_c},
    report::{ErrorName, Failure, printable},
};

/// Go's own packages in Go alone: those in C would ask the C library, which in a static program looks for the shared
/// libraries of the machine that linked it.
pub(super) const TAGS: [&str; 2] = ["osusergo", "netgo"];

/// The value of `CXX` and `FC` where programs may not use such a compiler: a name that is not in `PATH`.
const NO_COMPILER: &str = "no-compiler-that-a-lock-pins";

/// The C side of a compile with cgo: compiled C, kept apart for each state of this machine, because Go
/// itself compares only the version of a compiler.
pub(super) struct CgoCompile {
    /// The build cache of Go, and the lists of the headers that were read for it.
    compile_folder: CompileFolder,
    machine: MachineInputs,
    pub(super) has_cxx: bool,
}

/// Adds what makes a compile one with cgo. What the recipe says of `CGO_CFLAGS` and its siblings stays.
pub(super) fn add(
    environment: &mut Environment,
    toolchain: &Toolchain<'_>,
    binary: &GoBinary,
    dir: &Path,
    order: &CompileRequest<'_>,
    compile_folder: &CompileFolder,
) -> Result<CgoCompile, Failure> {
    // gcc and clang take the first `=` of a prefix map for its middle.
    if toolchain.checkout.as_os_str().as_encoded_bytes().contains(&b'=') {
        let failure = Failure::error(
            ErrorName::InputName,
            "the path of this checkout has a `=`, which breaks `-ffile-prefix-map`: the path would be in the program",
        );
        return Err(failure.in_path(toolchain.checkout).hint("move the checkout to a path without one"));
    }
    let compiler = c_compiler(toolchain, binary.cc.as_ref(), dir, order.platform)?;
    let machine = inspect_machine(toolchain, &binary.libraries, &compiler, dir, (environment, compile_folder))?;
    (order.pinned)(&machine.files)?;
    let own = toolchain.compile_folder("go", &[b"cgo", format!("{:?}", machine.state()).as_bytes()])?;
    let cgo = CgoCompile { compile_folder: own, machine, has_cxx: compiler.cxx.is_some() };
    cgo.compiled().remove_unless(order.pinned, &cgo.machine)?;
    environment.insert("GOCACHE".into(), cgo.compile_folder.target().into());
    environment.insert("CGO_ENABLED".into(), "1".into());
    let lists = cgo.header_lists();
    fs::create_dir_all(&lists).map_err(|error| Failure::io("create the folder", &lists, &error))?;
    let tools = compile_folder.root().join("tools");
    CWrappers::clear(&tools)?;
    let wrappers = CWrappers { toolchain, folder: &tools, inside: &tools, lists: &lists };
    environment.insert("CC".into(), quoted(Path::new(&wrappers.write(&compiler.command, false)?))?);
    let cxx = compiler.cxx.as_ref().map(|cxx| wrappers.write(cxx, true)).transpose()?;
    environment.insert("CXX".into(), quoted(Path::new(&cxx.unwrap_or_else(|| NO_COMPILER.into())))?);
    environment.insert("FC".into(), NO_COMPILER.into());
    let path = environment.get(OsStr::new("PATH")).cloned().unwrap_or_default();
    let folders = std::iter::once(tools.join(CWrappers::IN_PATH)).chain(env::split_paths(&path));
    let path = env::join_paths(folders).map_err(|_| {
        Failure::error(ErrorName::InputName, "this folder has a `:` in its path, which cannot be in `PATH`")
            .in_path(compile_folder.root())
    })?;
    environment.insert("PATH".into(), path);
    // `pkg-config` finds only the libraries that the recipe names: others would not be pinned.
    let folder = library_folder(compile_folder);
    fs::create_dir_all(&folder).map_err(|error| Failure::io("create the folder", &folder, &error))?;
    for (name, value) in pkg_config::variables(&folder, false) {
        environment.entry(name.into()).or_insert(value);
    }
    if let Some(program) = toolchain.program("pkg-config").filter(|_| !binary.libraries.is_empty()) {
        write_static_pkg_config(&compile_folder.root().join("tools").join(CWrappers::IN_PATH), &program)?;
    }
    // Set although they are Go's defaults.
    for name in ["CGO_CFLAGS", "CGO_CXXFLAGS", "CGO_FFLAGS", "CGO_LDFLAGS"] {
        environment.entry(name.into()).or_insert_with(|| "-g -O2".into());
    }
    environment.entry("CGO_CPPFLAGS".into()).or_default();
    Ok(cgo)
}

/// Where the descriptions are of the libraries that the recipe names.
fn library_folder(compile_folder: &CompileFolder) -> PathBuf {
    compile_folder.home().join("pkg-config")
}

/// A `pkg-config` that names all that a static program needs, which `#cgo pkg-config:` seldom asks for.
fn write_static_pkg_config(folder: &Path, program: &Path) -> Result<(), Failure> {
    let text = format!("#!/bin/sh\nexec {} --static \"$@\"\n", shell_quoted(&[program.as_os_str().to_owned()])?);
    write_script(folder, "pkg-config", &text).map(drop)
}

/// Asks the C compiler of a program with cgo what it uses, for programs at a fixed place and at any, and finds the
/// libraries that the recipe names. `room` is the environment and the folder of the compile.
pub(in super::super) fn inspect_machine(
    toolchain: &Toolchain<'_>,
    names: &[Located<String>],
    compiler: &CCompiler,
    dir: &Path,
    room: (&Environment, &CompileFolder),
) -> Result<MachineInputs, Failure> {
    let (environment, compile_folder) = room;
    let has_libraries = !names.is_empty();
    let driver = compiler.command.as_slice();
    let (program, first) = driver.split_first().map_or((Path::new(""), &[][..]), |(cc, first)| (Path::new(cc), first));
    let mut machine = MachineInputs::default();
    for form in ["-static", "-static-pie"] {
        let arguments = [form, "-pthread", "probe.c", "-o", "probe"].map(OsString::from);
        let arguments = first.iter().cloned().chain(arguments).collect();
        let source = ("probe.c", "int main(void) { return 0; }\n");
        let flags = LinkerFlags::Driver;
        let link = ProbeLink { program, arguments, source, flags, has_optional: true, toolchain: Vec::new() };
        let languages = &["c"];
        let inquiry = Inquiry { toolchain, dir, environment, driver, languages, has_libraries, link: Some(link) };
        machine.join(inquiry.resolve_inputs()?);
    }
    if let Some(driver) = &compiler.cxx {
        let languages = &["c++"];
        let inquiry = Inquiry { toolchain, dir, environment, driver, languages, has_libraries, link: None };
        machine.join_cxx(inquiry.resolve_inputs()?);
    }
    if has_libraries {
        let program = pkg_config::pkg_config(toolchain, None, names)?;
        let folder = library_folder(compile_folder);
        let search = PkgConfigSearch { toolchain, dir, environment, program: &program, folder: &folder };
        search.add(names, &mut machine)?;
    }
    Ok(machine)
}

impl CgoCompile {
    /// The code in Go's build cache.
    fn compiled(&self) -> CompiledCode<'_> {
        CompiledCode { compile_folder: &self.compile_folder, folder: "target" }
    }

    /// Where the scripts of the C compilers leave the lists of headers.
    fn header_lists(&self) -> PathBuf {
        self.compile_folder.root().join("headers")
    }

    fn link_list(compile_folder: &CompileFolder) -> PathBuf {
        compile_folder.root().join("linked")
    }

    /// The flags of the linker, which the C compiler calls. A program that may be anywhere needs another flag.
    pub(super) fn linker(&self, flags: &[Located<String>], compile_folder: &CompileFolder) -> Result<String, Failure> {
        let mut words = flags.iter().map(|flag| flag.value.trim_start_matches('-'));
        let is_pie = words.clone().any(|flag| flag == "buildmode=pie") || {
            words.by_ref().any(|flag| flag == "buildmode") && words.next() == Some("pie")
        };
        let form = if is_pie { "-static-pie" } else { "-static" };
        let list = Self::link_list(compile_folder);
        let trace = self.machine.trace.map(|trace| LinkerFlags::Driver.of_trace(trace, &list));
        let trace = trace.unwrap_or_default();
        let trace = trace.to_str().filter(|text| !text.contains(['\'', '"']));
        let trace = trace.ok_or_else(|| {
            Failure::error(
                ErrorName::InputName,
                "this path has quotes or is not UTF-8, and Go passes no such path to the linker",
            )
            .in_path(&list)
        })?;
        Ok(format!("-linkmode external '-extldflags={form} \"{trace}\"'"))
    }

    /// Refuses a program that was made of files of this machine which nothing names; gives the conditional ones that it
    /// took. `own` are the folders of the sources, of Go and of the compile itself.
    pub(super) fn check(&self, compile_folder: &CompileFolder, own: &[&Path]) -> Result<MachineFiles, Failure> {
        let own: Vec<_> = own.iter().copied().chain([self.compile_folder.root()]).collect();
        let own = own_folders(&own);
        let mut needed = MachineFiles::default();
        if let Some(form) = self.machine.trace {
            needed = self.machine.check_linked(&form.read(&Self::link_list(compile_folder))?, &own)?;
        }
        let same = |path: &Path| path.to_path_buf();
        needed.0.extend(self.machine.check_code(&self.compiled(), &self.header_lists(), &same, &own)?.0);
        Ok(needed)
    }
}

/// The C compiler for a platform: the recipe's `cc`, else the one for the gnu target of Rust.
pub(in super::super) fn c_compiler(
    toolchain: &Toolchain<'_>,
    named: Option<&Located<String>>,
    dir: &Path,
    platform: &Platform,
) -> Result<CCompiler, Failure> {
    let target = platform.rust_target().replace("-musl", "-gnu");
    if let Some(named) = named {
        let compiler = toolchain.chosen_c_compiler(dir, &named.value, &target, false);
        return compiler.map_err(|failure| failure.at(&named.origin));
    }
    let host = format!("{ARCH}-unknown-linux-gnu");
    toolchain.c_compiler(dir, &target, &host, false).ok_or_else(|| CCompiler::missing_for_cgo(platform, &target, &host))
}

/// A path as Go reads it from `CC`: it splits at white space, outside of quotes.
fn quoted(path: &Path) -> Result<OsString, Failure> {
    let text = path.to_str().filter(|text| !text.contains(['\'', '"']));
    let text = text.ok_or_else(|| {
        Failure::error(ErrorName::InputName, "this path has quotes or is not UTF-8, and Go takes no such path in `CC`")
            .in_path(path)
    })?;
    Ok(if text.contains(char::is_whitespace) { format!("'{text}'").into() } else { text.into() })
}

/// Refuses code in languages whose compilers are not pinned, and C++ where there is no compiler for it.
pub(super) fn refuse_languages(packages: &GoPackages, has_cxx: bool) -> Result<(), Failure> {
    for package in packages.iter().filter(|package| !package.standard) {
        let languages = [
            ("SWIG", package.swig().next()),
            ("Fortran", package.fortran.first()),
            ("Objective-C", package.objective_c.first()),
        ];
        let name = printable(&package.import_path);
        if let Some((language, _)) = languages.into_iter().find(|(_, file)| file.is_some()) {
            let what = format!("the package `{name}` has {language} code, for which a lock can pin no compiler");
            return Err(Failure::error(ErrorName::MachineInput, what).in_path(&package.dir));
        }
        if !has_cxx && !package.cxx.is_empty() {
            let what = format!("the package `{name}` has C++ code, and there is no C++ compiler beside the one for C");
            return Err(Failure::error(ErrorName::ToolMissing, what)
                .in_path(&package.dir)
                .hint("`apt install g++` on Debian and Ubuntu"));
        }
    }
    Ok(())
}

/// Refuses a `#cgo` line that asks for the processor of this machine, which Go allows, in the program or in a module.
pub(super) fn refuse_native(packages: &GoPackages) -> Result<(), Failure> {
    for package in packages.iter().filter(|package| !package.standard) {
        let Some(flag) = package.c_flags().find_map(|flag| native_for_c(flag)) else { continue };
        let lines = package.cgo_files.iter().find_map(|name| {
            let path = package.dir.join(name);
            let text = fs::read(&path).ok()?;
            let text = String::from_utf8_lossy(&text);
            let is_it = |line: &str| line.contains("#cgo") && native_for_c(line) == Some(flag);
            let at = text.lines().position(is_it)?;
            Some(format!("{}:{}", path.display(), at + 1))
        });
        let place = lines.unwrap_or_else(|| package.dir.display().to_string());
        let what = format!(
            "the package `{}` has `{flag}` in a `#cgo` line, which makes a program for the machine that compiles it",
            printable(&package.import_path)
        );
        return Err(Failure::error(ErrorName::CompilerFlag, what)
            .in_path(place)
            .hint("name the CPU, such as `-march=x86-64-v3`"));
    }
    Ok(())
}

/// The failure of a compile with cgo, with what to do where the C side is to blame.
pub(super) fn explain(ended: &ChildOutput, failure: Failure) -> Failure {
    if ended.complains("pkg-config") {
        return failure.hint(
            "`pkg-config` finds the libraries of this machine that the recipe names: `libraries = [\"...\"]`; the lock pins them",
        );
    }
    if ended.complains("cannot find -l") {
        return failure.hint("the program is linked statically: the library is needed as an archive, `lib....a`");
    }
    if ended.complains("fatal error: ") && ended.complains("No such file or directory") {
        return failure
            .hint("the C compiler does not find a header: on Debian headers are in packages that end with `-dev`");
    }
    failure
}
