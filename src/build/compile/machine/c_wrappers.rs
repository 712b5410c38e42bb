//! Writes the scripts by which build scripts and Go call the C compiler. Each lists the headers that the compiler
//! reads.
//!
//! gcc and clang say it themselves when a variable asks them to (`SUNPRO_DEPENDENCIES`, "Environment Variables Affecting
//! GCC"; `CC_PRINT_HEADERS_FILE` of clang). With `-MD`, as cmake calls it, gcc writes that list alone and ignores the
//! variable; then the script lets gcc read the headers a second time.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
};

use super::{
    super::{
        Toolchain,
        compile_folder::remove_folder,
        shell_script::{quoted, write_script},
    },
    KERNEL_HEADERS, MachineFile, MachineFiles, MachineInputs,
    c_library::HeaderKind,
    headers,
    link_trace::library_hint,
    prerequisites,
};
use crate::report::{ErrorName, Failure, printable};

/// The ending of the mark that a script leaves when a program other than a C compiler is called: `<number>.<name>.tool`.
pub(in super::super) const TOOL: &str = "tool";

/// The scripts of one compile.
pub(in super::super) struct CWrappers<'a> {
    pub(in super::super) toolchain: &'a Toolchain<'a>,
    /// The folder of the scripts, of which those in [`IN_PATH`](Self::IN_PATH) are to be found in `PATH`.
    pub(in super::super) folder: &'a Path,
    /// The path of `folder` in the compile.
    pub(in super::super) inside: &'a Path,
    /// Where the scripts leave their lists, as the compile calls that folder.
    pub(in super::super) lists: &'a Path,
}

impl CWrappers<'_> {
    /// The folder in the folder of the scripts that belongs into `PATH`.
    pub(in super::super) const IN_PATH: &'static str = "path";

    /// Removes the scripts of the last compile, which may have had other compilers.
    pub(in super::super) fn clear(folder: &Path) -> Result<(), Failure> {
        remove_folder(folder)
    }

    /// Writes the script for `command`, and gives the word by which build scripts call it.
    ///
    /// That is the compiler's own name where `PATH` finds this compiler by it: C code writes the word into programs, and a
    /// name is the same on all machines. Other compilers are called by a path, so that nothing that means the machine's
    /// own compiler gets them. `is_cxx` says that it compiles C++, whatever a source is called.
    pub(in super::super) fn write(&self, command: &[OsString], is_cxx: bool) -> Result<OsString, Failure> {
        let program = command.first().map_or(Path::new("cc"), Path::new);
        let name = program.file_name().unwrap_or(OsStr::new("cc"));
        let is_in_path =
            command.len() == 1 && self.toolchain.program(&name.to_string_lossy()).as_deref() == Some(program);
        let below = if is_in_path { Self::IN_PATH } else { "named" };
        let text = script(&quoted(command)?, &quoted(&[self.lists.as_os_str().to_owned()])?, is_cxx);
        write_script(&self.folder.join(below), name, &text)?;
        Ok(if is_in_path { name.to_owned() } else { self.inside.join(below).join(name).into_os_string() })
    }
}

/// The script. A path with a blank ends where the blank is for gcc, which then gets the open file.
///
/// Drivers choose the language by the source's name ("Options Controlling the Kind of Output"), each with a compiler of its
/// own: the script notes C++, and what is neither C nor C++.
fn script(command: &str, logs: &str, is_cxx: bool) -> String {
    let cxx = if is_cxx { "1" } else { "" };
    let (open, list) =
        if logs.contains(char::is_whitespace) { ("exec 7>>\"$log.d\"\n", "/proc/self/fd/7") } else { ("", "$log.d") };
    format!(
        r#"#!/bin/sh
log={logs}/$$
own=
cxx={cxx}
for argument do
  case $argument in
    -M | -MM | -MD | -MMD) own=1 ;;
    *.cc | *.cp | *.cxx | *.cpp | *.CPP | *.c++ | *.C | *.ii | c++ | c++-cpp-output | -xc++*) cxx=1 ;;
    *.m | *.mi | *.mm | *.M | *.mii | *.f | *.for | *.ftn | *.F | *.FOR | *.f[0-9][0-9] | *.F[0-9][0-9] | *.d | *.adb | *.ads)
      : >"$log.language" ;;
  esac
done
[ -z "$cxx" ] || : >"$log.cxx"
export CC_PRINT_HEADERS=1 CC_PRINT_HEADERS_FILE="$log.h"
{open}if [ -z "$own" ]; then
  export SUNPRO_DEPENDENCIES="{list}"
  exec {command} "$@"
fi
{command} "$@" || exit
skip=
for argument do
  shift
  if [ -n "$skip" ]; then skip=; continue; fi
  case $argument in
    -MF | -MT | -MQ | -o) skip=1 ;;
    -M* | -c | -S | -E | -o?*) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
export SUNPRO_DEPENDENCIES="{list}"
{command} "$@" -E -o /dev/null >/dev/null 2>&1 || : >"$log.failed"
exit 0
"#
    )
}

impl MachineInputs {
    /// Refuses C code that read a header of this machine which nothing names; gives the conditional files that it was
    /// compiled with. `logs` is the folder of the lists on this machine, `host` translates the paths of the compile, and
    /// `own` says which files are of the sources, the toolchain or the compile itself.
    pub(super) fn check_headers(
        &self,
        logs: &Path,
        host: &dyn Fn(&Path) -> PathBuf,
        own: &dyn Fn(&Path) -> bool,
    ) -> Result<MachineFiles, Failure> {
        let mut needed = MachineFiles::default();
        for name in super::file_names(logs) {
            let path = logs.join(&name);
            if let Some(called) = self.marked_files(&path) {
                called.for_each(|(name, file)| needed.add(name, file));
                continue;
            }
            let text = fs::read(&path).map_err(|error| Failure::io("read a list of headers", &path, &error))?;
            let text = String::from_utf8_lossy(&text);
            let read = match path.extension().and_then(OsStr::to_str) {
                Some("d") => prerequisites(&text),
                Some("h") => text.lines().map(PathBuf::from).collect(),
                Some("language") => {
                    let what = "a dependency compiles a language other than C and C++, whose compiler no lock pins";
                    return Err(Failure::error(ErrorName::MachineInput, what));
                }
                _ => {
                    let what = "the headers that the C compiler read are unknown: preprocessing (`-E`) failed after the compile had succeeded";
                    return Err(Failure::error(ErrorName::ToolUnsupported, what));
                }
            };
            for header in read.iter().filter(|header| header.is_absolute()).map(|header| host(header)) {
                let is_kernel = self.check_header(&header, own)? == HeaderKind::Kernel;
                if let Some(file) = self.optional.0.get(KERNEL_HEADERS).filter(|_| is_kernel) {
                    needed.add(KERNEL_HEADERS, file);
                }
            }
        }
        Ok(needed)
    }

    /// The files that a mark of a script stands for, where `path` is one: [`TOOL`], or that C++ is compiled.
    fn marked_files(&self, path: &Path) -> Option<impl Iterator<Item = (&String, &MachineFile)>> {
        let (is_cxx, is_tool) = match path.extension()?.to_str()? {
            "cxx" => (true, false),
            TOOL => (false, true),
            _ => return None,
        };
        let tool = path.file_stem().map(Path::new).and_then(Path::extension).and_then(OsStr::to_str);
        let tools = self.optional.0.iter().filter(move |(name, _)| is_tool && Some(name.as_str()) == tool);
        Some(self.cxx.0.iter().filter(move |_| is_cxx).chain(tools))
    }

    fn check_header(&self, header: &Path, own: &dyn Fn(&Path) -> bool) -> Result<HeaderKind, Failure> {
        if own(header) {
            return Ok(HeaderKind::Base);
        }
        // A header that a build script made and removed again is none of this machine.
        let Ok(real) = fs::canonicalize(header) else { return Ok(HeaderKind::Base) };
        if own(&real) {
            return Ok(HeaderKind::Base);
        }
        let named = self.elsewhere.get(&real).copied().or_else(|| headers::header_kind(header, &self.include));
        match named.or_else(|| headers::header_kind(&real, &self.include)) {
            Some(HeaderKind::Other) if self.has_libraries => return Ok(HeaderKind::Base),
            None | Some(HeaderKind::Other) => {}
            Some(kind) => return Ok(kind),
        }
        let what = format!(
            "C code of the program is compiled with the header `{}` of this machine, and nothing in the recipe names it",
            printable(&real.to_string_lossy())
        );
        Err(Failure::error(ErrorName::MachineInput, what).hint(library_hint(&real)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    use super::*;

    /// The headers that are noted when `cc` is called with `arguments` by way of the script.
    fn noted(folder: &Path, arguments: &[&str]) -> Vec<PathBuf> {
        let logs = folder.join("logs");
        fs::create_dir_all(&logs).unwrap();
        let text = script("'/usr/bin/cc'", &quoted(&[logs.as_os_str().to_owned()]).unwrap(), false);
        let cc = write_script(folder, "cc", &text).unwrap();
        fs::write(folder.join("x.h"), "#define X 1\n").unwrap();
        fs::write(folder.join("x.c"), "#include <stdio.h>\n#include \"x.h\"\nint x = X;\n").unwrap();
        let status = Command::new(&cc).args(arguments).current_dir(folder).status().unwrap();
        assert!(status.success());
        let lists = super::super::file_names(&logs);
        let read = lists.iter().flat_map(|name| prerequisites(&fs::read_to_string(logs.join(name)).unwrap()));
        read.collect()
    }

    #[test]
    fn headers_are_noted_whether_or_not_the_compiler_has_a_list_of_its_own_to_write() {
        for name in ["plain", "with a blank"] {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            let stdio = Path::new("/usr/include/stdio.h").to_path_buf();
            assert!(noted(&folder, &["-c", "x.c", "-o", "x.o"]).contains(&stdio), "{name}");
            fs::remove_dir_all(folder.join("logs")).unwrap();
            let read = noted(&folder, &["-MD", "-MT", "x", "-MF", "x.d", "-c", "x.c", "-ox.o"]);
            assert!(read.contains(&stdio), "{name}: {read:?}");
            assert!(fs::read_to_string(folder.join("x.d")).unwrap().starts_with("x:"), "{name}");
            assert!(folder.join("x.o").is_file());
        }
    }

    #[test]
    fn a_header_of_another_library_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let (logs, header) = (root.join("logs"), root.join("include/z.h"));
        fs::create_dir_all(&logs).unwrap();
        fs::create_dir_all(root.join("include")).unwrap();
        fs::write(&header, "").unwrap();
        fs::write(logs.join("1.h"), format!("{}\n/usr/include/stdio.h\nx.h\n", header.display())).unwrap();
        let machine = MachineInputs { include: vec!["/usr/include".into()], ..MachineInputs::default() };
        let same = |path: &Path| path.to_path_buf();
        machine.check_headers(&logs, &same, &|path| path.starts_with(&root)).unwrap();
        let failure = machine.check_headers(&logs, &same, &|_| false).unwrap_err().to_string();
        assert!(failure.contains("include/z.h` of this machine"), "{failure}");
        fs::write(logs.join("2.failed"), "").unwrap();
        let failure = machine.check_headers(&logs, &same, &|path| path.starts_with(&root)).unwrap_err().to_string();
        assert!(failure.contains("are unknown"), "{failure}");
    }
}
