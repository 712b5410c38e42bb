//! ELF001, ELF002 and ELF010: whether programs find their loader and libraries.

use std::collections::BTreeSet;

use super::{
    super::{
        image_view::{Entrypoint, ImageView},
        rule_notes::RuleNotes,
    },
    loader::is_writable,
    rule_check::RuleCheck,
};
use crate::rootfs::{
    EntryIndex, FileContent, TarEntry,
    programs::{Loader, LoaderSearch, with_origin},
};
use crate::{
    elf::Elf,
    report::{Rule, Severity},
};

/// Search folders of one program that are looked at.
const FOLDERS: usize = 1000;

pub(super) const CHECK: RuleCheck = RuleCheck {
    rules: &[Rule::DynamicBinary, Rule::MissingLibrary, Rule::LibraryPath],
    files: true,
    run: check_libraries,
};

fn check_libraries(view: &ImageView<'_>, notes: &mut RuleNotes) {
    let mut search = LoaderSearch::new(view);
    let needed = service_files(view, &mut search);
    let entrypoint = match view.entrypoint() {
        Entrypoint::At(path, _) => Some(path.as_str()),
        Entrypoint::Unset | Entrypoint::Lost(..) => None,
    };
    for (path, node, entry) in view.files() {
        let Some(elf) = headers(view, node.inode) else { continue };
        let matters = needed.contains(&node.inode);
        let weight = |rule: Rule| if matters { rule.facts().severity } else { Severity::Low };
        // A layer that was not read may have it.
        if view.complete
            && let Some(message) = loader_fault(&search, path, elf, entrypoint == Some(path))
        {
            notes.weigh(Rule::DynamicBinary, weight(Rule::DynamicBinary), view.place(node.inode), message);
        }
        // A library is judged with the program that loads it.
        if view.complete && is_started(entry, elf) {
            let missing = search.missing(path, elf);
            if search.is_exhausted() {
                notes.unknown(Rule::MissingLibrary, view.place(node.inode), "there are too many libraries to look for");
                return;
            }
            if !missing.is_empty() && search.lacks_cache() {
                let reason = "`/etc/ld.so.cache` leads to a file that was not read, and may name the libraries";
                notes.unknown(Rule::MissingLibrary, view.place(node.inode), reason);
            } else if !missing.is_empty() {
                let names = missing.iter().take(8).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let message = format!("libraries of `{path}` are not in the image: {names}{}", unmade_cache(view));
                notes.weigh(Rule::MissingLibrary, weight(Rule::MissingLibrary), view.place(node.inode), message);
            }
        }
        for folder in elf.search.iter().take(FOLDERS) {
            if let Some(why) = bad_folder(view, path, folder) {
                let message = format!("`{path}` looks for libraries in `{folder}`, which {why}");
                notes.weigh(Rule::LibraryPath, weight(Rule::LibraryPath), view.place(node.inode), message);
            }
        }
    }
}

/// Why folders that the loader's configuration names do not count.
fn unmade_cache(view: &ImageView<'_>) -> &'static str {
    if view.exists("/etc/ld.so.conf") && !view.exists("/etc/ld.so.cache") {
        " (the loader reads `/etc/ld.so.cache`, which `ldconfig` makes of `/etc/ld.so.conf`, and it is not there)"
    } else {
        ""
    }
}

/// Why the loader cannot start the program at `path`. Only for the entrypoint it is certain that the file is a program: a
/// library that needs others looks like a program that names no loader.
fn loader_fault(
    search: &LoaderSearch<'_, ImageView<'_>>,
    path: &str,
    elf: &Elf,
    is_entrypoint: bool,
) -> Option<String> {
    match search.loader(elf) {
        Loader::Missing(loader) => Some(format!("the loader of `{path}` is not in the image: `{loader}`")),
        Loader::NotExecutable(_) => {
            let loader = elf.loader.as_deref().unwrap_or_default();
            Some(format!("the loader of `{path}` cannot be executed: `{loader}`"))
        }
        Loader::Unnamed if is_entrypoint => {
            Some(format!("`{path}` is linked dynamically, and names no loader that would find its libraries"))
        }
        Loader::Unnamed | Loader::NotNeeded | Loader::Found(_) => None,
    }
}

fn headers<'a>(view: &ImageView<'a>, at: EntryIndex) -> Option<&'a Elf> {
    view.elf(at)?.headers.as_ref().ok()
}

/// Whether a file is a program of its own, and no library.
fn is_started(entry: &TarEntry, elf: &Elf) -> bool {
    elf.loader.is_some() && entry.mode & 0o111 != 0
}

/// The files that the service needs: its entrypoint, the interpreters of it, and all that these load.
fn service_files(view: &ImageView<'_>, search: &mut LoaderSearch<'_, ImageView<'_>>) -> BTreeSet<EntryIndex> {
    let mut needed = BTreeSet::new();
    let Entrypoint::At(path, _) = view.entrypoint() else { return needed };
    let mut open = vec![path.clone()];
    while let Some(path) = open.pop() {
        let Ok((path, node, _)) = view.find(&path) else { continue };
        if !needed.insert(node.inode) {
            continue;
        }
        if let Some(FileContent::Script(line)) = view.content(node.inode) {
            open.extend(line.split_ascii_whitespace().next().map(str::to_owned));
        }
        if let Some(elf) = headers(view, node.inode) {
            needed.extend(search.loaded(&path, elf));
        }
    }
    needed
}

/// Why a folder of RPATH or RUNPATH is none that libraries should come from.
fn bad_folder(view: &ImageView<'_>, path: &str, folder: &str) -> Option<&'static str> {
    if folder.is_empty() {
        return Some("is the working directory");
    }
    let origin = folder.starts_with("$ORIGIN") || folder.starts_with("${ORIGIN}");
    if !folder.starts_with('/') && !origin {
        return Some(if folder.starts_with('$') { return None } else { "is relative" });
    }
    is_writable(view, &with_origin(folder, path)).then_some("the run user can write to")
}

#[cfg(test)]
mod tests {
    use super::super::super::sample_image::{SampleFile, SampleImage, SampleProgram, found, has};
    use super::*;
    use crate::rootfs::programs::ld_cache;

    fn rules(files: Vec<SampleFile>) -> Vec<Rule> {
        has(&SampleImage::new().entrypoint(&["/app"]).layer(files).audit(), CHECK.rules)
    }

    fn app(program: &SampleProgram) -> SampleFile {
        SampleFile::new("app", &program.bytes()).mode(0o555)
    }

    fn library(path: &str, needed: &[&'static str]) -> SampleFile {
        SampleFile::new(path, &SampleProgram { needed: needed.to_vec(), ..SampleProgram::default() }.bytes())
            .mode(0o555)
    }

    #[test]
    fn loaders_and_libraries_are_searched_as_the_loader_does() {
        let program =
            SampleProgram { loader: Some("/lib64/ld.so"), needed: vec!["libx.so.1"], ..SampleProgram::default() };
        let loader = || library("lib64/ld.so", &[]);
        assert_eq!(rules(vec![app(&program)]), [Rule::DynamicBinary, Rule::MissingLibrary]);
        assert_eq!(rules(vec![app(&program), loader()]), [Rule::MissingLibrary]);
        assert_eq!(rules(vec![app(&program), loader(), library("usr/lib/libx.so.1", &[])]), []);
        assert_eq!(
            rules(vec![app(&program), loader(), library("usr/lib/libx.so.1", &["liby.so"])]),
            [Rule::MissingLibrary]
        );
        let linked = [loader(), library("opt/real.so", &[]), SampleFile::symlink("lib/libx.so.1", "../opt/real.so")];
        assert_eq!(rules(linked.into_iter().chain([app(&program)]).collect()), []);
        let configured = || vec![app(&program), loader(), library("opt/x/libx.so.1", &[])];
        let with = |file: SampleFile| rules(configured().into_iter().chain([file]).collect());
        let cache = ld_cache(&[("libx.so.1", "/opt/x/libx.so.1")]);
        assert_eq!(with(SampleFile::new("etc/ld.so.cache", &cache)), []);
        let elsewhere = ld_cache(&[("libx.so.1", "/opt/y/libx.so.1")]);
        assert_eq!(with(SampleFile::new("etc/ld.so.cache", &elsewhere)), [Rule::MissingLibrary]);
        let unmade = with(SampleFile::text("etc/ld.so.conf.d/x.conf", "/opt/x\n"));
        assert_eq!(unmade, [Rule::MissingLibrary], "no loader reads it; `ldconfig` makes the cache of it");
        let unread = vec![SampleFile::symlink("etc/ld.so.cache", "/srv/cache"), SampleFile::new("srv/cache", &cache)];
        let audit = SampleImage::new().entrypoint(&["/app"]).layer(configured().into_iter().chain(unread)).audit();
        assert_eq!(audit.images[0].unknown.iter().map(|one| one.rules[0]).collect::<Vec<_>>(), [Rule::MissingLibrary]);
        assert_eq!(rules(vec![app(&SampleProgram::default())]), [], "static");
        let own = SampleProgram { runpath: Some("/opt/x"), ..program };
        let inherited =
            vec![app(&own), loader(), library("opt/x/libx.so.1", &["liby.so"]), library("opt/x/liby.so", &[])];
        assert_eq!(rules(inherited), [], "by the program's own path");
    }

    #[test]
    fn what_the_service_does_not_need_weighs_little() {
        let program = SampleProgram { loader: Some("/lib64/ld.so"), ..SampleProgram::default() };
        let other = SampleFile::new("opt/other", &program.bytes()).mode(0o555);
        let audit = SampleImage::new().entrypoint(&["/app"]).layer([app(&SampleProgram::default()), other]).audit();
        assert_eq!(found(&audit, Rule::DynamicBinary).first().map(|one| one.severity), Some(Severity::Low));
    }

    #[test]
    fn relative_and_writable_search_folders_are_found() {
        let with = |folder: &'static str, mode| {
            let program = SampleProgram { runpath: Some(folder), ..SampleProgram::default() };
            rules(vec![app(&program), SampleFile::folder("opt/lib").mode(mode)])
        };
        assert_eq!(with("/opt/lib", 0o755), []);
        assert_eq!(with("$ORIGIN/../lib", 0o755), []);
        assert_eq!(with("/opt/lib", 0o777), [Rule::LibraryPath]);
        assert_eq!(with("lib", 0o755), [Rule::LibraryPath]);
        assert_eq!(with("/opt/lib::/x", 0o755), [Rule::LibraryPath]);
    }
}
