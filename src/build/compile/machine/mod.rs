//! The files of this machine, beside the sources and the toolchain, that become part of a program or decide about its
//! bytes: compiler drivers, compilers, assemblers and linkers, start files, the archives of the C library, and headers.
//!
//! A driver is asked once what it uses ([`Inquiry`]); the lock pins these files by digest, the freshness of compiled code
//! depends on them, and what a compile really read ([`link_trace`], [`c_wrappers`]) must be among them.

mod c_library;
pub(super) mod c_wrappers;
mod compiled_code;
mod headers;
mod inquiry;
pub(super) mod link_trace;
mod make_rule;
pub(super) mod pkg_config;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use self::c_library::HeaderKind;
pub(in crate::build) use self::inquiry::file_digest;
pub(super) use self::{
    compiled_code::CompiledCode,
    inquiry::{Inquiry, ProbeLink},
    link_trace::TraceForm,
    make_rule::prerequisites,
};
use super::Toolchain;
use crate::{build::pinned::PinnedFile, cache::Fingerprint, oci::Digest, report::Failure};

/// How the lock calls the headers of the compiler and the C library.
const HEADERS: &str = "headers";
/// How the lock calls all headers that C++ code is compiled with, those of the C library among them.
const CXX_HEADERS: &str = "headers of C++";
/// How the lock calls those of the kernel that the C library does not read.
const KERNEL_HEADERS: &str = "kernel headers";

/// A file of this machine, or all headers of the C library together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineFile {
    /// Where it is; of headers, the first folder.
    pub path: PathBuf,
    /// SHA-256 of its content; of headers, of the names and contents of all of them.
    pub digest: Digest,
}

/// The files of this machine that reach the programs of one scope, by their names in the lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineFiles(pub BTreeMap<String, MachineFile>);

/// The files of this machine that one compile uses.
#[derive(Debug, Default)]
pub(super) struct MachineInputs {
    /// The files that the lock pins.
    pub(super) files: MachineFiles,
    /// Where the C compiler looks for headers, in its order, as it calls these folders.
    include: Vec<PathBuf>,
    /// Headers that lie elsewhere, to which links in these folders lead. Canonical.
    elsewhere: BTreeMap<PathBuf, HeaderKind>,
    /// Where the linker looks for archives.
    libraries: Vec<PathBuf>,
    /// The files that the link of an empty program reads. Canonical.
    linked: BTreeSet<PathBuf>,
    /// Files that a link may read where the program needs them: the other archives of the compiler and the C library.
    pub(super) optional: MachineFiles,
    /// Files that C++ code is compiled with. They count where there is C++ code.
    cxx: MachineFiles,
    /// The recipe names libraries of this machine: all headers that lie where the compiler looks are pinned.
    has_libraries: bool,
    /// How the linker says what it read; `None` where no link was asked about, or it cannot.
    pub(super) trace: Option<TraceForm>,
}

impl MachineFiles {
    /// Adds a file. Of two that have the same name and other bytes, the later one gets a number.
    fn add(&mut self, name: &str, file: &MachineFile) {
        let names = std::iter::once(name.to_owned()).chain((2_usize..).map(|number| format!("{name} ({number})")));
        for name in names {
            let known = self.0.entry(name).or_insert_with(|| file.clone());
            if known.digest == file.digest {
                return;
            }
        }
    }

    /// The lines of the lock for programs of `scope`: `<scope> <name>`.
    pub fn lines(&self, scope: &str) -> BTreeMap<String, Digest> {
        self.0.iter().map(|(name, file)| (format!("{scope} {name}"), file.digest)).collect()
    }
}

impl MachineInputs {
    /// Takes what another part of the same compile uses.
    pub(super) fn join(&mut self, other: Self) {
        for (name, file) in other.files.0 {
            self.files.add(&name, &file);
        }
        self.include.extend(other.include);
        self.elsewhere.extend(other.elsewhere);
        self.libraries.extend(other.libraries);
        self.linked.extend(other.linked);
        for (name, file) in other.optional.0 {
            self.optional.add(&name, &file);
        }
        for (name, file) in other.cxx.0 {
            self.cxx.add(&name, &file);
        }
        self.has_libraries |= other.has_libraries;
        self.trace = self.trace.or(other.trace);
    }

    /// Takes what the C++ compiler uses beside the C compiler, which was joined before.
    pub(super) fn join_cxx(&mut self, mut other: Self) {
        for (name, file) in std::mem::take(&mut other.files).0 {
            match self.files.0.get(&name) {
                Some(known) if known.digest == file.digest => {}
                Some(_) => other.cxx.add(&format!("{name} of C++"), &file),
                None => other.cxx.add(&name, &file),
            }
        }
        self.join(other);
    }

    /// The files that count for a program only where it needs them.
    fn conditional(&self) -> impl Iterator<Item = (&String, &MachineFile)> {
        self.optional.0.iter().chain(&self.cxx.0)
    }

    /// All files that a lock pins, those that a program may need included.
    pub(super) fn all_files(&self) -> MachineFiles {
        let mut files = self.files.clone();
        for (name, file) in self.conditional() {
            files.add(name, file);
        }
        files
    }

    /// Everything that compiled code depends on: the files, and the names where compilers and linkers look for others, so
    /// that a library which is installed later counts.
    pub(super) fn state(&self) -> BTreeMap<String, String> {
        // Two kinds of headers have the same folder.
        let files = self.files.0.iter().chain(self.conditional());
        let files = files.map(|(name, file)| (format!("{name}: {}", file.path.display()), file.digest.to_string()));
        let mut state: BTreeMap<_, _> = files.collect();
        let shared = self.include.iter().filter(|folder| headers::is_shared(folder));
        let headers = shared.map(|folder| (folder, file_names(folder)));
        let is_library = |name: &String| {
            name.starts_with("lib")
                && Path::new(name).extension().is_some_and(|extension| extension == "a" || extension == "so")
        };
        let libraries = self.libraries.iter().map(|folder| {
            let names = file_names(folder).into_iter().filter(is_library).collect::<Vec<_>>();
            (folder, names)
        });
        for (folder, names) in headers.chain(libraries) {
            let digest = Digest::of(names.join("\n").as_bytes());
            state.insert(format!("names in {}", folder.display()), digest.to_string());
        }
        state
    }
}

impl Toolchain<'_> {
    /// The fingerprint of a file of this machine.
    fn fingerprint(&self, path: &Path) -> Result<Fingerprint, Failure> {
        let real = std::fs::canonicalize(path).map_err(|error| Failure::io("resolve the path", path, &error))?;
        Ok(PinnedFile::pin(&real, &real.to_string_lossy(), self.blobs)?.fingerprint())
    }
}

/// Whether a path is in one of `folders`, by their names or where these lead: rustc follows links, linkers do not.
pub(super) fn own_folders(folders: &[&Path]) -> impl Fn(&Path) -> bool {
    let real = folders.iter().filter_map(|folder| std::fs::canonicalize(folder).ok());
    let all: Vec<_> = folders.iter().map(|folder| folder.to_path_buf()).chain(real).collect();
    move |path| all.iter().any(|folder| path.starts_with(folder))
}

/// The file names in a folder, sorted; empty where there is no folder.
pub(super) fn file_names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_same_name_and_other_bytes_stay_apart() {
        let file =
            |path: &str, content: &str| MachineFile { path: path.into(), digest: Digest::of(content.as_bytes()) };
        let mut files = MachineFiles::default();
        for (path, content) in [("/a/cc", "1"), ("/b/cc", "2"), ("/c/cc", "1"), ("/d/cc", "2"), ("/e/cc", "3")] {
            files.add("cc", &file(path, content));
        }
        let paths: Vec<_> =
            files.0.iter().map(|(name, file)| (name.as_str(), file.path.to_string_lossy().into_owned())).collect();
        let expected = [("cc", "/a/cc"), ("cc (2)", "/b/cc"), ("cc (3)", "/e/cc")];
        assert_eq!(paths, expected.map(|(name, path)| (name, path.to_owned())));
    }
}
