//! Reads the list of files that a linker read, and refuses those of this machine that the recipe does not name.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{MachineFiles, MachineInputs, prerequisites};
use crate::report::{ErrorName, Failure, printable};

/// How a linker says what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) enum TraceForm {
    /// `--dependency-file`: GNU ld from 2.36, lld, mold.
    DependencyFile,
    /// The `LOAD` lines of `-Map`: older GNU ld, gold.
    Map,
}

/// How a compiler takes a flag of the linker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum LinkerFlags {
    /// A compiler driver: `-Wl,`.
    Driver,
    /// rustc, whose linker is a compiler driver.
    RustcDriver,
    /// rustc, whose linker is called without a driver.
    RustcBare,
}

impl TraceForm {
    /// All of them, the best first.
    pub(super) const ALL: [Self; 2] = [Self::DependencyFile, Self::Map];

    /// The files that the linker's `list` names, as it calls them.
    pub(in super::super) fn read(self, list: &Path) -> Result<Vec<PathBuf>, Failure> {
        let text = fs::read(list).map_err(|error| Failure::io("read what the linker wrote", list, &error))?;
        let text = String::from_utf8_lossy(&text);
        Ok(match self {
            Self::DependencyFile => prerequisites(&text),
            Self::Map => text.lines().filter_map(|line| line.strip_prefix("LOAD ")).map(PathBuf::from).collect(),
        })
    }
}

impl LinkerFlags {
    /// The flag by which the linker writes its list to `file`.
    pub(in super::super) fn of_trace(self, form: TraceForm, file: &Path) -> OsString {
        let before = match self {
            Self::Driver => "-Wl,",
            Self::RustcDriver => "-Clink-arg=-Wl,",
            Self::RustcBare => "-Clink-arg=",
        };
        let option = match form {
            TraceForm::DependencyFile => "--dependency-file=",
            TraceForm::Map => "-Map=",
        };
        let mut flag = OsString::from(format!("{before}{option}"));
        flag.push(file);
        flag
    }
}

impl MachineInputs {
    /// Refuses a link that `read` a file of this machine which nothing names: `own` says which files are of the sources,
    /// the toolchain or the compile itself. Gives the optional files that were read.
    pub(in super::super) fn check_linked(
        &self,
        read: &[PathBuf],
        own: &dyn Fn(&Path) -> bool,
    ) -> Result<MachineFiles, Failure> {
        let mut needed = MachineFiles::default();
        let optional = self.optional.0.iter();
        let optional: BTreeMap<_, _> =
            optional.filter_map(|(name, one)| Some((fs::canonicalize(&one.path).ok()?, (name, one)))).collect();
        for path in read.iter().filter(|path| path.is_absolute() && !own(path)) {
            let Ok(file) = fs::canonicalize(path) else { continue };
            if own(&file) || self.linked.contains(&file) {
                continue;
            }
            if let Some((name, one)) = optional.get(&file) {
                needed.add(name, one);
                continue;
            }
            let what = format!(
                "the linker takes `{}` of this machine into the program, and nothing in the recipe names it",
                printable(&file.to_string_lossy())
            );
            return Err(Failure::error(ErrorName::MachineInput, what).hint(library_hint(&file)));
        }
        Ok(needed)
    }
}

/// The hint for an archive or a header of this machine.
pub(super) fn library_hint(path: &Path) -> String {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = printable(name.strip_prefix("lib").unwrap_or(&name)).into_owned();
    format!(
        "`libraries = [\"{name}\"]` takes the library that pkg-config knows by this name, and the lock pins it; or compile \
         it from source by a feature of the crate, often `vendored`, `bundled` or `static`"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn both_lists_of_linkers_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list");
        fs::write(&file, "Archive member\n\nLOAD /usr/lib/crt1.o\nLOAD a.o\nSTART GROUP\nLOAD /usr/lib/libc.a\n")
            .unwrap();
        let expected = ["/usr/lib/crt1.o", "a.o", "/usr/lib/libc.a"].map(PathBuf::from);
        assert_eq!(TraceForm::Map.read(&file).unwrap(), expected);
        fs::write(&file, "p: \\\n /usr/lib/crt1.o \\\n a.o \\\n /usr/lib/libc.a\n").unwrap();
        assert_eq!(TraceForm::DependencyFile.read(&file).unwrap(), expected);
        assert!(TraceForm::Map.read(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_file_that_no_probe_read_is_refused_by_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let paths = ["libc.a", "libz.a", "own.o"].map(|name| root.join(name));
        for path in &paths {
            fs::write(path, "").unwrap();
        }
        let machine = MachineInputs { linked: [paths[0].clone()].into(), ..MachineInputs::default() };
        let own = |path: &Path| path.ends_with("own.o");
        machine.check_linked(&[paths[0].clone(), paths[2].clone(), "x.o".into()], &own).unwrap();
        let failure = machine.check_linked(&paths, &own).unwrap_err().to_string();
        assert!(failure.contains("libz.a` of this machine"), "{failure}");
    }
}
