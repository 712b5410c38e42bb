//! Whether programs find what they load: ELF001, ELF002 and ELF010.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{
        merged::{At, parent},
        notes::Notes,
        scan::{Content, Entry, Kind},
        view::{Entrypoint, View},
    },
    Check,
    loader::is_writable,
};
use crate::{
    elf::{Elf, NotElf},
    report::{Limits, Rule, Severity},
};

pub(super) const CHECK: Check =
    Check { rules: &[Rule::DynamicBinary, Rule::MissingLibrary, Rule::LibraryPath], files: true, look };

/// Where glibc's loader looks when a file does not say: Debian's folders and Fedora's.
const GLIBC: [&str; 8] = ["/lib/{}", "/usr/lib/{}", "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/lib32", "/usr/lib32"];
/// Where musl's loader looks.
const MUSL: [&str; 3] = ["/lib", "/usr/local/lib", "/usr/lib"];

/// Libraries of one file that are followed; real ones have a hundred at most.
const NEEDED: usize = 1000;

/// What the search for libraries knows of an image.
struct Search<'v, 'a> {
    view: &'v View<'a>,
    /// The folders of `LD_LIBRARY_PATH` and of the loader's configuration.
    extra: Vec<String>,
    /// Files of a folder that the loader would not look in, by name: something else may name the folder (a cache).
    known: BTreeMap<(String, String), Option<At>>,
    /// Libraries that were looked for, in all.
    steps: usize,
}

fn look(view: &View<'_>, notes: &mut Notes) {
    let mut search = Search { view, extra: extra_folders(view), known: BTreeMap::new(), steps: 0 };
    let needed = matter(&mut search);
    for (path, node, entry) in view.files() {
        let Some(elf) = headers(view, node.inode) else { continue };
        let matters = needed.contains(&node.inode);
        let weight = |rule: Rule| if matters { rule.facts().severity } else { Severity::Low };
        // A layer that was not read may have it.
        if let Some(loader) = elf.loader.as_ref().filter(|loader| view.complete && !is_file(view, loader)) {
            let message = format!("the loader of `{path}` is not in the image: `{loader}`");
            notes.weigh(Rule::DynamicBinary, weight(Rule::DynamicBinary), view.place(node.inode), message);
        }
        // A library is judged with the program that loads it.
        if view.complete && is_started(entry, elf) {
            let missing = search.missing(path, elf);
            if search.steps > Limits::AUDIT_LIBRARIES {
                notes.unknown(Rule::MissingLibrary, view.place(node.inode), "there are too many libraries to look for");
                return;
            }
            if !missing.is_empty() {
                let names = missing.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let message = format!("libraries of `{path}` are not in the image: {names}");
                notes.weigh(Rule::MissingLibrary, weight(Rule::MissingLibrary), view.place(node.inode), message);
            }
        }
        for folder in elf.search.iter().take(NEEDED) {
            if let Some(why) = bad_folder(view, path, folder) {
                let message = format!("`{path}` looks for libraries in `{folder}`, which {why}");
                notes.weigh(Rule::LibraryPath, weight(Rule::LibraryPath), view.place(node.inode), message);
            }
        }
    }
}

fn headers<'a>(view: &View<'a>, at: At) -> Option<&'a Elf> {
    view.elf(at)?.headers.as_ref().ok()
}

/// Whether a file is a program of its own, and no library.
fn is_started(entry: &Entry, elf: &Elf) -> bool {
    elf.loader.is_some() && entry.mode & 0o111 != 0
}

fn is_file(view: &View<'_>, path: &str) -> bool {
    view.find(path).is_ok_and(|(_, _, entry)| entry.kind == Kind::File)
}

/// The files that the service needs: its entrypoint, the interpreters of it, and all that these load.
fn matter(search: &mut Search<'_, '_>) -> BTreeSet<At> {
    let view = search.view;
    let mut needed = BTreeSet::new();
    let Entrypoint::At(path, _) = view.entrypoint() else { return needed };
    let mut open = vec![path.clone()];
    while let Some(path) = open.pop() {
        let Ok((path, node, _)) = view.find(&path) else { continue };
        if !needed.insert(node.inode) {
            continue;
        }
        if let Some(Content::Script(line)) = view.content(node.inode) {
            open.extend(line.split_ascii_whitespace().next().map(str::to_owned));
        }
        if let Some(elf) = headers(view, node.inode) {
            open.extend(elf.loader.clone());
            for name in elf.needed.iter().take(NEEDED) {
                open.extend(search.library(&path, elf, (&path, elf), name).map(|(path, _)| path));
            }
        }
    }
    needed
}

/// Why a folder of RPATH or RUNPATH is none that libraries should come from.
fn bad_folder(view: &View<'_>, path: &str, folder: &str) -> Option<&'static str> {
    if folder.is_empty() {
        return Some("is the working directory");
    }
    let origin = folder.starts_with("$ORIGIN") || folder.starts_with("${ORIGIN}");
    if !folder.starts_with('/') && !origin {
        return Some(if folder.starts_with('$') { return None } else { "is relative" });
    }
    is_writable(view, &with_origin(folder, path)).then_some("the run user can write to")
}

fn with_origin(folder: &str, path: &str) -> String {
    let origin = parent(path);
    folder.replace("${ORIGIN}", origin).replace("$ORIGIN", origin)
}

/// Folders that variables and configuration add.
fn extra_folders(view: &View<'_>) -> Vec<String> {
    let mut folders: Vec<String> = Vec::new();
    for (name, value) in view.env() {
        if name == "LD_LIBRARY_PATH" {
            folders.extend(value.split(':').filter(|folder| folder.starts_with('/')).map(str::to_owned));
        }
    }
    let configured: Vec<String> = view
        .nodes()
        .map(|(path, ..)| path)
        .filter(|path| {
            *path == "/etc/ld.so.conf" || path.starts_with("/etc/ld.so.conf.d/") || path.starts_with("/etc/ld-musl-")
        })
        .map(str::to_owned)
        .collect();
    for path in configured {
        let Some(file) = view.kept(&path) else { continue };
        let text = String::from_utf8_lossy(file.text);
        let lines = text.lines().flat_map(|line| line.split(':')).map(str::trim);
        folders.extend(lines.filter(|line| line.starts_with('/')).map(str::to_owned));
    }
    folders
}

impl Search<'_, '_> {
    /// The libraries, of a program and of its libraries, that are not in the image.
    fn missing(&mut self, start: &str, program: &Elf) -> Vec<String> {
        let musl = is_musl(program);
        let mut missing = Vec::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![(start.to_owned(), program)];
        while let Some((path, elf)) = open.pop() {
            for name in &elf.needed {
                self.steps += 1;
                if self.steps > Limits::AUDIT_LIBRARIES {
                    return missing;
                }
                if !seen.insert(name.clone()) || musl && is_in_musls_loader(name) {
                    continue;
                }
                match self.library(&path, elf, (start, program), name) {
                    None => missing.push(name.clone()),
                    Some((path, at)) => {
                        if let Some(elf) = headers(self.view, at) {
                            open.push((path, elf));
                        }
                    }
                }
            }
        }
        missing
    }

    /// The library of that name for `elf` at `path`, which the program brought.
    fn library(&mut self, path: &str, elf: &Elf, (started, program): (&str, &Elf), name: &str) -> Option<(String, At)> {
        if name.contains('/') {
            return self.at(&with_origin(name, path), elf);
        }
        let folders = if is_musl(program) { &MUSL[..] } else { &GLIBC };
        let triple = match elf.machine.number {
            62 => "x86_64-linux-gnu",
            183 => "aarch64-linux-gnu",
            40 => "arm-linux-gnueabihf",
            3 => "i386-linux-gnu",
            243 => "riscv64-linux-gnu",
            21 => "powerpc64le-linux-gnu",
            22 => "s390x-linux-gnu",
            _ => "none",
        };
        // A program's own folders count for its libraries too, where it has RPATH and not RUNPATH.
        let written = elf.search.iter().map(|folder| with_origin(folder, path));
        let of_program = program.search.iter().map(|folder| with_origin(folder, started));
        let usual = folders.iter().map(|folder| folder.replace("{}", triple));
        let candidates: Vec<String> =
            written.chain(of_program).chain(self.extra.iter().cloned()).chain(usual).collect();
        candidates.into_iter().find_map(|folder| self.at(&format!("{folder}/{name}"), elf))
    }

    /// The library at a path, if it is for the same machine.
    fn at(&mut self, path: &str, elf: &Elf) -> Option<(String, At)> {
        let key = (path.to_owned(), format!("{}:{}", elf.machine.number, elf.machine.bits));
        if let Some(known) = self.known.get(&key) {
            return known.map(|at| (path.to_owned(), at));
        }
        let found = self.view.find(path).ok().map(|(_, node, _)| node.inode);
        let found = found.filter(|at| match self.view.elf(*at).map(|file| &file.headers) {
            Some(Ok(library)) => library.machine.same_cpu(elf.machine),
            // So large that what tells was not kept, as where BOLT moved the program headers: it is there.
            Some(Err(NotElf::Broken(_))) => {
                self.view.entry(*at).is_some_and(|entry| entry.size > Limits::ELF_HEAD_BYTES as u64)
            }
            _ => false,
        });
        self.known.insert(key, found);
        found.map(|at| (path.to_owned(), at))
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
mod tests {
    use super::super::super::sample::{File, Program, Sample, found, has};
    use super::*;

    fn rules(files: Vec<File>) -> Vec<Rule> {
        has(&Sample::new().entrypoint(&["/app"]).layer(files).audit(), CHECK.rules)
    }

    fn app(program: &Program) -> File {
        File::new("app", &program.bytes()).mode(0o555)
    }

    fn library(path: &str, needed: &[&'static str]) -> File {
        File::new(path, &Program { needed: needed.to_vec(), ..Program::default() }.bytes()).mode(0o555)
    }

    #[test]
    fn loaders_and_libraries_are_searched_as_the_loader_does() {
        let program = Program { loader: Some("/lib64/ld.so"), needed: vec!["libx.so.1"], ..Program::default() };
        let loader = || library("lib64/ld.so", &[]);
        assert_eq!(rules(vec![app(&program)]), [Rule::DynamicBinary, Rule::MissingLibrary]);
        assert_eq!(rules(vec![app(&program), loader()]), [Rule::MissingLibrary]);
        assert_eq!(rules(vec![app(&program), loader(), library("usr/lib/libx.so.1", &[])]), []);
        assert_eq!(
            rules(vec![app(&program), loader(), library("usr/lib/libx.so.1", &["liby.so"])]),
            [Rule::MissingLibrary]
        );
        let linked = [loader(), library("opt/real.so", &[]), File::symlink("lib/libx.so.1", "../opt/real.so")];
        assert_eq!(rules(linked.into_iter().chain([app(&program)]).collect()), []);
        let configured = [loader(), library("opt/x/libx.so.1", &[]), File::text("etc/ld.so.conf.d/x.conf", "/opt/x\n")];
        assert_eq!(rules(configured.into_iter().chain([app(&program)]).collect()), []);
        assert_eq!(rules(vec![app(&Program::default())]), [], "static");
        let own = Program { runpath: Some("/opt/x"), ..program };
        let inherited =
            vec![app(&own), loader(), library("opt/x/libx.so.1", &["liby.so"]), library("opt/x/liby.so", &[])];
        assert_eq!(rules(inherited), [], "by the program's own path");
    }

    #[test]
    fn what_the_service_does_not_need_weighs_little() {
        let program = Program { loader: Some("/lib64/ld.so"), ..Program::default() };
        let other = File::new("opt/other", &program.bytes()).mode(0o555);
        let audit = Sample::new().entrypoint(&["/app"]).layer([app(&Program::default()), other]).audit();
        assert_eq!(found(&audit, Rule::DynamicBinary).first().map(|one| one.severity), Some(Severity::Low));
    }

    #[test]
    fn relative_and_writable_search_folders_are_found() {
        let with = |folder: &'static str, mode| {
            let program = Program { runpath: Some(folder), ..Program::default() };
            rules(vec![app(&program), File::folder("opt/lib").mode(mode)])
        };
        assert_eq!(with("/opt/lib", 0o755), []);
        assert_eq!(with("$ORIGIN/../lib", 0o755), []);
        assert_eq!(with("/opt/lib", 0o777), [Rule::LibraryPath]);
        assert_eq!(with("lib", 0o755), [Rule::LibraryPath]);
        assert_eq!(with("/opt/lib::/x", 0o755), [Rule::LibraryPath]);
    }
}
