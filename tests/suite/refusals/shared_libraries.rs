//! Programs that are linked dynamically and find everything in the image. Those that do not are in
//! `tests/refusals/libraries`.

use crate::support::{
    case::{APP, Case},
    elf::{Elf, Machine},
};

const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// A program `app` that needs `libfoo.so` and looks for it in `runpath`, in an image with these files.
fn linked(runpath: Option<&str>, files: &[(&str, Vec<u8>)]) -> Case {
    let program = program("libfoo.so");
    let program = runpath.map_or(program.clone(), |folders| program.runpath(folders));
    with_files(&program.bytes(), files)
}

fn with_files(program: &[u8], files: &[(&str, Vec<u8>)]) -> Case {
    let mut case = Case::new().file("app", program);
    let mut text = APP.to_owned();
    for (at, (to, content)) in files.iter().enumerate() {
        let entry = format!("[[file]]\nfrom = \"file{at}\"\nto = \"{to}\"\nmode = \"0555\"\n");
        text.push_str(&entry);
        case = case.file(format!("file{at}"), content);
    }
    case.recipe(&text)
}

fn program(library: &str) -> Elf {
    Elf::executable(Machine::Amd64).interpreter(LOADER).needs(library)
}

/// A library, as simple as they come; also a stand-in for a loader.
fn library(needs: &[&str]) -> Vec<u8> {
    needs.iter().fold(Elf::shared_object(Machine::Amd64, "lib.so"), |elf, name| elf.needs(name)).bytes()
}

#[test]
fn folders_that_loaders_search() {
    let loader = || (LOADER, library(&[]));
    for (runpath, folder) in [
        (None, "/lib"),
        (None, "/usr/lib"),
        (None, "/lib64"),
        (None, "/usr/lib/x86_64-linux-gnu"),
        (Some("/opt/lib"), "/opt/lib"),
        (Some("/nowhere:/opt/lib/"), "/opt/lib"),
        (Some("$ORIGIN/../lib/app"), "/usr/lib/app"),
        (Some("${ORIGIN}"), "/usr/bin"),
    ] {
        let path = format!("{folder}/libfoo.so");
        linked(runpath, &[loader(), (&path, library(&[]))]).build().ok();
    }
}

#[test]
fn links_to_a_loader_and_a_library() {
    let case =
        linked(None, &[("/usr/lib64/ld-linux-x86-64.so.2", library(&[])), ("/usr/lib64/libfoo.so.1.2", library(&[]))]);
    let links = "[[symlink]]\nto = \"/lib64\"\ntarget = \"usr/lib64\"\n\
        [[symlink]]\nto = \"/usr/lib64/libfoo.so\"\ntarget = \"libfoo.so.1.2\"\n";
    case.edit("app.toml", |text| text + links).build().ok();
}

#[test]
fn libraries_that_need_each_other() {
    let files = [
        (LOADER, library(&[])),
        ("/lib/libfoo.so", library(&["libbar.so"])),
        ("/lib/libbar.so", library(&["libfoo.so"])),
    ];
    linked(None, &files).build().ok();
}

#[test]
fn the_loader_of_musl() {
    let program = Elf::executable(Machine::Amd64).interpreter("/lib/ld-musl-x86_64.so.1").needs("libc.so");
    let loader = ("/lib/ld-musl-x86_64.so.1", library(&[]));
    with_files(&program.bytes(), std::slice::from_ref(&loader)).build().ok();
    let program = program.needs("libgcc_s.so.1");
    with_files(&program.bytes(), &[loader]).build().fails(1).says("the image lacks `libgcc_s.so.1`\n");
}
