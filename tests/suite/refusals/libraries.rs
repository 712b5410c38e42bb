//! Programs that are linked dynamically: those that find everything in the image build, the others name what they lack.

use super::refusal;
use crate::support::{
    case::{APP, Case},
    elf::{self, Elf, Machine},
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
fn libraries_are_found_where_loaders_look() {
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
fn links_lead_to_loaders_and_libraries() {
    let case =
        linked(None, &[("/usr/lib64/ld-linux-x86-64.so.2", library(&[])), ("/usr/lib64/libfoo.so.1.2", library(&[]))]);
    let links = "[[symlink]]\nto = \"/lib64\"\ntarget = \"usr/lib64\"\n\
        [[symlink]]\nto = \"/usr/lib64/libfoo.so\"\ntarget = \"libfoo.so.1.2\"\n";
    case.edit("app.toml", |text| text + links).build().ok();
}

#[test]
fn libraries_of_libraries_count_and_may_need_each_other() {
    let files = [
        (LOADER, library(&[])),
        ("/lib/libfoo.so", library(&["libbar.so"])),
        ("/lib/libbar.so", library(&["libfoo.so"])),
    ];
    linked(None, &files).build().ok();
}

#[test]
fn the_loader_of_musl_is_its_own_c_library() {
    let program = Elf::executable(Machine::Amd64).interpreter("/lib/ld-musl-x86_64.so.1").needs("libc.so");
    let loader = ("/lib/ld-musl-x86_64.so.1", library(&[]));
    with_files(&program.bytes(), std::slice::from_ref(&loader)).build().ok();
    let program = program.needs("libgcc_s.so.1");
    with_files(&program.bytes(), &[loader]).build().fails(1).says("the image lacks `libgcc_s.so.1`\n");
}

#[test]
fn a_library_that_a_library_lacks() {
    let said = refusal(
        1,
        &linked(
            None,
            &[(LOADER, library(&[])), ("/lib/libfoo.so", library(&["libbar.so"])), ("/opt/libbar.so", library(&[]))],
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `libbar.so`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_library_for_another_machine() {
    let said = refusal(
        1,
        &linked(
            None,
            &[(LOADER, library(&[])), ("/lib/libfoo.so", Elf::shared_object(Machine::Arm64, "lib.so").bytes())],
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `libfoo.so`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_library_that_is_a_text() {
    let said = refusal(1, &linked(None, &[(LOADER, library(&[])), ("/lib/libfoo.so", b"INPUT(libfoo.so.1)".to_vec())]));
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `libfoo.so`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn libraries_without_a_loader_that_finds_them() {
    let said = refusal(1, &with_files(&elf::needs_without_loader_amd64(), &[("/lib/libfoo.so", library(&[]))]));
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and names no loader that would find its libraries
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}
