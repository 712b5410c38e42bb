//! [`LoaderSearch`]: finds the loader and the libraries of a dynamic program, for audits and for planned images alike.
//!
//! It finds what `ld.so(8)` of glibc and musl's `ldso/dynlink.c` would: `RPATH` and `RUNPATH` with `$ORIGIN`,
//! `LD_LIBRARY_PATH`, `/etc/ld.so.cache`, musl's `/etc/ld-musl-ARCH.path`, and the usual directories. `/etc/ld.so.conf` is
//! no part of it: only `ldconfig` reads that, and writes the cache.

#[doc(hidden)]
pub mod fuzzing;
mod ld_cache;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use super::parent;
use crate::{elf::Elf, report::Limits};
use ld_cache::LdCache;
#[cfg(test)]
pub(crate) use ld_cache::tests::cache as ld_cache;

/// Where glibc's loader looks when a file does not say: Debian's directories and Fedora's.
const GLIBC: [&str; 8] = ["/lib/{}", "/usr/lib/{}", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32"];
/// Where musl's loader looks.
const MUSL: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];
/// Libraries of one file that are followed; real ones have a hundred at most.
const NEEDED: usize = 1000;
/// The cache of glibc's loader.
const CACHE: &str = "/etc/ld.so.cache";

/// The files of an image, as far as the search asks for them.
pub trait ProgramFiles {
    /// Names a regular file.
    type File: Clone + Ord;

    /// The regular file that an absolute path leads to, links followed.
    fn file(&self, path: &str) -> Option<Self::File>;

    /// The headers of a file; an error says whether it may still be a library, because not all of a large file was kept.
    fn headers(&self, file: &Self::File) -> Result<Cow<'_, Elf>, NotRead>;

    /// Whether its mode lets any user execute it.
    fn is_executable(&self, file: &Self::File) -> bool;

    /// The whole of the small file that a path leads to. `Err` is a file that was not kept.
    fn text(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, NotRead>;

    /// The value of a variable of the container's environment.
    fn variable(&self, name: &str) -> Option<Cow<'_, str>>;
}

/// Why the headers or the text of a file are not available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotRead {
    /// It is no ELF file.
    NotElf,
    /// It was not kept, or not all of it.
    TooLarge,
}

/// The loader (`PT_INTERP`) of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loader<F> {
    /// The program needs none.
    NotNeeded,
    /// It needs libraries, and names no loader that would find them.
    Unnamed,
    /// It is not in the image.
    Missing(String),
    /// It is there, and no user may execute it, so that the kernel does not start it (`execve(2)`, EACCES).
    NotExecutable(F),
    /// It is there.
    Found(F),
}

/// A search in one image. Remembers where libraries are.
pub struct LoaderSearch<'i, I: ProgramFiles> {
    image: &'i I,
    /// The folders of `LD_LIBRARY_PATH`.
    variable: Vec<String>,
    cache: Result<LdCache, NotRead>,
    /// The folders of musl's configuration, which replace the usual ones, by the path of the configuration.
    musl: BTreeMap<String, Option<Vec<String>>>,
    /// Files by the path that was looked at, for a machine.
    known: BTreeMap<(String, u16, u8), Option<I::File>>,
    steps: usize,
}

impl<'i, I: ProgramFiles> LoaderSearch<'i, I> {
    /// In that image.
    pub fn new(image: &'i I) -> Self {
        let variable = image.variable("LD_LIBRARY_PATH").unwrap_or_default();
        let variable = variable.split([':', ';']).filter(|part| part.starts_with('/')).map(str::to_owned).collect();
        let cache = image.text(CACHE).map(|text| text.map(|text| LdCache::read(&text)).unwrap_or_default());
        Self { image, variable, cache, musl: BTreeMap::new(), known: BTreeMap::new(), steps: 0 }
    }

    /// Whether more was looked for than [`Limits::AUDIT_LIBRARIES`]: what was not found then is unknown.
    pub fn is_exhausted(&self) -> bool {
        self.steps > Limits::AUDIT_LIBRARIES
    }

    /// Whether glibc's cache is there and could not be read: what was not found then is unknown.
    pub fn lacks_cache(&self) -> bool {
        self.cache.is_err()
    }

    /// The loader of a program.
    pub fn loader(&self, program: &Elf) -> Loader<I::File> {
        let Some(path) = &program.loader else {
            return if program.needed.is_empty() { Loader::NotNeeded } else { Loader::Unnamed };
        };
        match self.image.file(path) {
            None => Loader::Missing(path.clone()),
            Some(file) if !self.image.is_executable(&file) => Loader::NotExecutable(file),
            Some(file) => Loader::Found(file),
        }
    }

    /// The libraries, of the program at `start` and of its libraries, that are not in the image.
    pub fn missing(&mut self, start: &str, program: &Elf) -> Vec<String> {
        let mut missing = Vec::new();
        self.each(start, program, |name, found| {
            if found.is_none() {
                missing.push(name.to_owned());
            }
        });
        missing
    }

    /// The files that the program at `start` loads, and those that these load.
    pub fn loaded(&mut self, start: &str, program: &Elf) -> BTreeSet<I::File> {
        let mut loaded = BTreeSet::new();
        if let Loader::Found(file) | Loader::NotExecutable(file) = self.loader(program) {
            loaded.insert(file);
        }
        self.each(start, program, |_, found| loaded.extend(found.cloned()));
        loaded
    }

    /// Looks for each library that is needed, once.
    fn each(&mut self, start: &str, program: &Elf, mut found: impl FnMut(&str, Option<&I::File>)) {
        let musl = is_musl(program);
        let mut seen = BTreeSet::new();
        let mut open = vec![(start.to_owned(), Cow::Borrowed(program))];
        while let Some((path, elf)) = open.pop() {
            for name in elf.needed.iter().take(NEEDED) {
                self.steps += 1;
                if self.is_exhausted() {
                    return;
                }
                if !seen.insert(name.clone()) || musl && is_in_musls_loader(name) {
                    continue;
                }
                let library = self.library((&path, &elf), (start, program), name);
                found(name, library.as_ref().map(|(_, file)| file));
                let image = self.image;
                if let Some((path, file)) = library
                    && let Ok(elf) = image.headers(&file)
                {
                    open.push((path, elf));
                }
            }
        }
    }

    /// The library of that name for `elf` at `path`, which the program brought: where it was found, and the file.
    fn library(
        &mut self,
        (path, elf): (&str, &Elf),
        (started, program): (&str, &Elf),
        name: &str,
    ) -> Option<(String, I::File)> {
        if name.contains('/') {
            return self.at(&with_origin(name, path), elf);
        }
        // A program's own directories count for its libraries too, where it has RPATH and not RUNPATH.
        let written = elf.search.iter().map(|folder| with_origin(folder, path));
        let of_program = program.search.iter().map(|folder| with_origin(folder, started));
        let variable = self.variable.iter().cloned();
        let mut candidates: Vec<String> =
            written.chain(of_program).chain(variable).map(|folder| format!("{folder}/{name}")).collect();
        if is_musl(program) {
            let folders = self.musl_folders(program);
            candidates.extend(folders.iter().map(|folder| format!("{folder}/{name}")));
        } else {
            candidates.extend(self.cache.iter().flat_map(|cache| cache.paths(name)).map(str::to_owned));
            let triple = triple(elf);
            candidates.extend(GLIBC.iter().map(|folder| format!("{}/{name}", folder.replace("{}", triple))));
        }
        candidates.iter().find_map(|candidate| self.at(candidate, elf))
    }

    /// Where musl's loader of that program looks: what its configuration says, which replaces the usual directories.
    fn musl_folders(&mut self, program: &Elf) -> Vec<String> {
        let loader = program.loader.as_deref().unwrap_or_default();
        let name = loader.rsplit('/').next().unwrap_or_default();
        let path = format!("/etc/{}.path", name.strip_suffix(".so.1").unwrap_or(name));
        let image = self.image;
        let read = |path: &String| {
            let text = image.text(path).ok()??;
            let text = String::from_utf8_lossy(&text).into_owned();
            Some(text.split([':', '\n']).filter(|part| !part.is_empty()).map(str::to_owned).collect())
        };
        let written = self.musl.entry(path).or_insert_with_key(read);
        written.clone().unwrap_or_else(|| MUSL.map(str::to_owned).to_vec())
    }

    /// The library at a path, if it is for the same machine.
    fn at(&mut self, path: &str, elf: &Elf) -> Option<(String, I::File)> {
        let key = (path.to_owned(), elf.machine.number, elf.machine.bits);
        let image = self.image;
        let look_up = |key: &(String, u16, u8)| {
            image.file(&key.0).filter(|file| match image.headers(file) {
                Ok(library) => library.machine.same_cpu(elf.machine),
                // So large that what says so was not kept, as where BOLT moved the program headers: it is there.
                Err(NotRead::TooLarge) => true,
                Err(NotRead::NotElf) => false,
            })
        };
        let found = self.known.entry(key).or_insert_with_key(look_up);
        found.clone().map(|file| (path.to_owned(), file))
    }
}

/// `folder` with `$ORIGIN` replaced by the directory of `path`.
pub fn with_origin(folder: &str, path: &str) -> String {
    let origin = parent(path);
    folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
}

/// Debian's name of the machine.
fn triple(elf: &Elf) -> &'static str {
    match elf.machine.number {
        62 => "x86_64-linux-gnu",
        183 => "aarch64-linux-gnu",
        40 => "arm-linux-gnueabihf",
        3 => "i386-linux-gnu",
        243 => "riscv64-linux-gnu",
        21 => "powerpc64le-linux-gnu",
        22 => "s390x-linux-gnu",
        _ => "none",
    }
}

fn is_musl(elf: &Elf) -> bool {
    elf.loader.as_ref().is_some_and(|loader| loader.contains("/ld-musl-"))
}

/// Whether musl's loader is that library itself (`load_library` in `ldso/dynlink.c`).
fn is_in_musls_loader(name: &str) -> bool {
    let own = ["c.", "pthread.", "rt.", "m.", "dl.", "util.", "xnet."];
    name.strip_prefix("lib").is_some_and(|rest| own.iter().any(|own| rest.starts_with(own)))
}

#[cfg(test)]
mod tests;
