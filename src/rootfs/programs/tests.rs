//! Searches in an image that is a few maps.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::elf::{ElfMachine, GoBuild};

const AMD64: ElfMachine = ElfMachine { number: 62, bits: 64, little_endian: true, abi: 0 };
const ARM64: ElfMachine = ElfMachine { number: 183, ..AMD64 };
const GLIBCS_LOADER: &str = "/lib64/ld-linux-x86-64.so.2";
const MUSLS_LOADER: &str = "/lib/ld-musl-x86_64.so.1";

/// An image: the headers of each file, texts, and the value of `LD_LIBRARY_PATH`.
#[derive(Default)]
struct ListedFiles {
    headers: BTreeMap<String, Result<Elf, NotRead>>,
    /// Of those, the files that no user may execute.
    locked: BTreeSet<String>,
    texts: BTreeMap<String, Vec<u8>>,
    variable: Option<String>,
}

impl ProgramFiles for ListedFiles {
    type File = String;

    fn file(&self, path: &str) -> Option<String> {
        self.headers.contains_key(path).then(|| path.to_owned())
    }

    fn headers(&self, file: &String) -> Result<Cow<'_, Elf>, NotRead> {
        self.headers[file].as_ref().map(Cow::Borrowed).map_err(|error| *error)
    }

    fn is_executable(&self, file: &String) -> bool {
        !self.locked.contains(file)
    }

    fn text(&self, path: &str) -> Result<Option<Cow<'_, [u8]>>, NotRead> {
        Ok(self.texts.get(path).map(|text| Cow::Borrowed(text.as_slice())))
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, str>> {
        self.variable.as_deref().filter(|_| name == "LD_LIBRARY_PATH").map(Cow::Borrowed)
    }
}

impl ListedFiles {
    /// Libraries for amd64 that need nothing.
    fn of(paths: &[&str]) -> Self {
        let mut files = Self::default();
        for path in paths {
            files.add(path, elf(None, &[], &[]));
        }
        files
    }

    fn add(&mut self, path: &str, elf: Elf) {
        self.headers.insert(path.to_owned(), Ok(elf));
    }

    /// What the program `/app/bin/main` loads, and what of it is missing.
    fn search(&self, program: &Elf) -> (Vec<String>, Vec<String>) {
        let loaded = LoaderSearch::new(self).loaded("/app/bin/main", program);
        (loaded.into_iter().collect(), LoaderSearch::new(self).missing("/app/bin/main", program))
    }
}

fn elf(loader: Option<&str>, needed: &[&str], search: &[&str]) -> Elf {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let loader = loader.map(str::to_owned);
    Elf { machine: AMD64, starts: true, loader, needed: owned(needed), search: owned(search), go: GoBuild::Unsaid }
}

/// What a program of glibc that needs `libx.so` and has that search path loads of these libraries.
fn loaded(search: &[&str], files: &ListedFiles) -> Vec<String> {
    files.search(&elf(Some(GLIBCS_LOADER), &["libx.so"], search)).0
}

#[test]
fn a_library_is_where_the_first_of_the_search_has_it() {
    let mut places = vec![
        "/app/lib/libx.so",
        "/srv/libx.so",
        "/opt/x/libx.so",
        "/lib/x86_64-linux-gnu/libx.so",
        "/usr/lib/x86_64-linux-gnu/libx.so",
        "/lib64/libx.so",
        "/usr/lib64/libx.so",
        "/lib/libx.so",
        "/usr/lib/libx.so",
    ];
    while let Some(first) = places.first().copied() {
        let mut files = ListedFiles::of(&places);
        files.variable = Some("/srv".to_owned());
        files.texts.insert(CACHE.to_owned(), ld_cache(&[("libx.so", "/opt/x/libx.so")]));
        assert_eq!(loaded(&["$ORIGIN/../lib", "/app/lib"], &files), [first]);
        places.remove(0);
    }
}

#[test]
fn the_directory_of_a_file_is_its_own_in_both_spellings_and_in_names() {
    for folder in ["$ORIGIN/lib", "${ORIGIN}/lib"] {
        assert_eq!(
            loaded(&[folder], &ListedFiles::of(&["/app/bin/lib/libx.so"])),
            ["/app/bin/lib/libx.so"],
            "{folder}"
        );
    }
    // The program's path is for its libraries too, and from the program on.
    let mut files = ListedFiles::of(&["/app/bin/y/liby.so", "/app/bin/z/libz.so", "/app/bin/x/own/liby.so"]);
    files.add("/app/bin/x/libx.so", elf(None, &["liby.so", "$ORIGIN/../z/libz.so"], &[]));
    let expected = ["/app/bin/x/libx.so", "/app/bin/x/../z/libz.so", "/app/bin/y/liby.so"];
    files.add("/app/bin/x/../z/libz.so", elf(None, &[], &[]));
    let found: BTreeSet<String> = loaded(&["$ORIGIN/x", "$ORIGIN/y"], &files).into_iter().collect();
    assert_eq!(found, expected.map(str::to_owned).into());
    // A library's own path is from the library on.
    files.add("/app/bin/x/libx.so", elf(None, &["liby.so"], &["$ORIGIN/own"]));
    assert_eq!(loaded(&["$ORIGIN/x", "$ORIGIN/y"], &files), ["/app/bin/x/libx.so", "/app/bin/x/own/liby.so"]);
}

#[test]
fn the_variable_is_split_at_both_marks_and_relative_folders_are_left_out() {
    for (value, found) in [("/a:/b", true), ("/a;/b", true), ("/a b", false), ("b:/a", false), ("", false)] {
        let mut files = ListedFiles::of(&["/b/libx.so", "b/libx.so"]);
        files.variable = Some(value.to_owned());
        assert_eq!(!loaded(&[], &files).is_empty(), found, "{value}");
    }
}

#[test]
fn a_library_is_one_for_the_same_machine() {
    let foreign = ElfMachine { little_endian: false, ..AMD64 };
    for (headers, found) in [
        (Ok(elf(None, &[], &[])), true),
        (Ok(Elf { machine: ElfMachine { abi: 3, ..AMD64 }, ..elf(None, &[], &[]) }), true),
        (Ok(Elf { machine: ARM64, ..elf(None, &[], &[]) }), false),
        (Ok(Elf { machine: foreign, ..elf(None, &[], &[]) }), false),
        (Err(NotRead::TooLarge), true),
        (Err(NotRead::NotElf), false),
    ] {
        let mut files = ListedFiles::of(&["/usr/lib/libx.so"]);
        files.headers.insert("/lib/libx.so".to_owned(), headers.clone());
        let expected = if found { "/lib/libx.so" } else { "/usr/lib/libx.so" };
        assert_eq!(loaded(&[], &files), [expected], "{headers:?}");
    }
    // Two programs of one image: what the first did not find is there for the second.
    let mut files = ListedFiles::default();
    files.add("/usr/lib/libx.so", Elf { machine: ARM64, ..elf(None, &[], &[]) });
    let program = elf(None, &["libx.so"], &[]);
    let mut search = LoaderSearch::new(&files);
    assert_eq!(search.missing("/a", &program), ["libx.so"]);
    assert_eq!(search.missing("/b", &Elf { machine: ARM64, ..program }), [""; 0]);
}

#[test]
fn debians_folders_are_those_of_the_machine() {
    for (number, folder) in [
        (62, "x86_64-linux-gnu"),
        (183, "aarch64-linux-gnu"),
        (40, "arm-linux-gnueabihf"),
        (3, "i386-linux-gnu"),
        (243, "riscv64-linux-gnu"),
        (21, "powerpc64le-linux-gnu"),
        (22, "s390x-linux-gnu"),
    ] {
        let machine = ElfMachine { number, ..AMD64 };
        let mut files = ListedFiles::default();
        files.add(&format!("/usr/lib/{folder}/libx.so"), Elf { machine, ..elf(None, &[], &[]) });
        let program = Elf { machine, ..elf(None, &["libx.so"], &[]) };
        assert_eq!(LoaderSearch::new(&files).missing("/a", &program), [""; 0], "{folder}");
    }
}

#[test]
fn musls_loader_has_its_own_libraries_and_its_own_configuration() {
    let musl = |needed: &[&str]| elf(Some(MUSLS_LOADER), needed, &[]);
    let missing = |program: &Elf, files: &ListedFiles| files.search(program).1;
    let libc = ["libc.so", "libc.musl-x86_64.so.1", "libpthread.so.0", "libm.so.6"];
    assert_eq!(missing(&musl(&libc), &ListedFiles::default()), [""; 0]);
    assert_eq!(missing(&elf(Some(GLIBCS_LOADER), &libc, &[]), &ListedFiles::default()), libc);
    assert_eq!(
        missing(&musl(&["libcrypto.so", "libmagic.so"]), &ListedFiles::default()),
        ["libcrypto.so", "libmagic.so"]
    );
    let program = musl(&["libx.so"]);
    for (folder, usual) in [("/lib", true), ("/usr/local/lib", true), ("/usr/lib", true), ("/lib64", false)] {
        let files = ListedFiles::of(&[&format!("{folder}/libx.so")]);
        assert_eq!(missing(&program, &files).is_empty(), usual, "{folder}");
        for (text, found) in [("/a:/b", false), (&*format!("/a:{folder}"), true), (&*format!("/a\n{folder}\n"), true)] {
            let mut files = ListedFiles::of(&[&format!("{folder}/libx.so")]);
            files.texts.insert("/etc/ld-musl-x86_64.path".to_owned(), text.as_bytes().to_vec());
            assert_eq!(missing(&program, &files).is_empty(), found, "{folder} {text}");
        }
    }
    let mut files = ListedFiles::of(&["/opt/x/libx.so"]);
    files.texts.insert(CACHE.to_owned(), ld_cache(&[("libx.so", "/opt/x/libx.so")]));
    assert_eq!(missing(&program, &files), ["libx.so"], "the cache is glibc's");
}

#[test]
fn a_loader_is_not_needed_unnamed_missing_locked_or_there_and_loaded() {
    let program = elf(Some("/ld"), &[], &[]);
    let mut files = ListedFiles::of(&["/ld"]);
    assert_eq!(LoaderSearch::new(&files).loader(&elf(None, &[], &[])), Loader::NotNeeded);
    assert_eq!(LoaderSearch::new(&files).loader(&elf(None, &["libx.so"], &[])), Loader::Unnamed);
    assert_eq!(LoaderSearch::new(&ListedFiles::default()).loader(&program), Loader::Missing("/ld".to_owned()));
    assert_eq!(LoaderSearch::new(&files).loader(&program), Loader::Found("/ld".to_owned()));
    assert_eq!(files.search(&program).0, ["/ld"]);
    files.locked.insert("/ld".to_owned());
    assert_eq!(LoaderSearch::new(&files).loader(&program), Loader::NotExecutable("/ld".to_owned()));
    assert_eq!(files.search(&program).0, ["/ld"], "it is loaded, where something else starts it");
}
