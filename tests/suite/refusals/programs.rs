//! Programs that would not start in the image, and entrypoints that are none.

use super::{app, refusal, refusal_of};
use crate::support::{
    case::{APP, Case},
    elf::{self, Elf, Machine},
};

#[test]
fn a_dynamic_program() {
    let said = refusal(1, &Case::new().recipe(APP).file("app", elf::dynamic_amd64()));
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `/lib64/ld-linux-x86-64.so.2`, `libfoo.so`, `libc.so.6`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_dynamic_program_that_is_not_the_entrypoint() {
    let said = refusal(
        1,
        &app("run.entrypoint = [\"/usr/bin/app\"]\n[[binary]]\npath = \"tool\"\nto = \"/usr/bin/tool\"")
            .file("tool", elf::dynamic_amd64()),
    );
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:3:8: `/usr/bin/tool` is linked dynamically, and the image lacks `/lib64/ld-linux-x86-64.so.2`, `libfoo.so`, `libc.so.6`
      |
    3 | path = "tool"
      |        ^^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_dynamic_program_whose_loader_is_there() {
    let said = refusal(
        1,
        &Case::new()
            .recipe(APP)
            .file("app", elf::dynamic_amd64())
            .edit("app.toml", |text| {
                text + "[[file]]\nfrom = \"ld\"\nto = \"/lib64/ld-linux-x86-64.so.2\"\nmode = \"0555\"\n"
            })
            .file("ld", elf::static_amd64()),
    );
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `libfoo.so`, `libc.so.6`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_program_that_needs_libraries_and_no_loader() {
    let said = refusal(1, &Case::new().recipe(APP).file("app", elf::needs_without_loader_amd64()));
    insta::assert_snapshot!(said, @r#"
    error[dynamic-binary]: app.toml:2:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `libfoo.so`
      |
    2 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_program_for_arm64() {
    let said = refusal(1, &Case::new().recipe(APP).file("app", elf::static_arm64()));
    insta::assert_snapshot!(said, @r#"
    error[wrong-architecture]: app.toml:2:8: the entrypoint `/usr/bin/app` is for arm64, the image is for linux/amd64
      |
    2 | path = "app"
      |        ^^^^^
    hint: build it for the image's platform, or limit the entry with `platforms = [..]`
    "#);
}

#[test]
fn a_program_for_amd64_on_arm64() {
    let said = refusal_of(1, &app(""), ["build", "app.toml", "--platform", "linux/arm64"]);
    insta::assert_snapshot!(said, @r#"
    error[wrong-architecture]: app.toml:3:8: the entrypoint `/usr/bin/app` is for amd64, the image is for linux/arm64
      |
    3 | path = "app"
      |        ^^^^^
    hint: build it for the image's platform, or limit the entry with `platforms = [..]`
    "#);
}

#[test]
fn a_program_for_i386() {
    let said = refusal(1, &Case::new().recipe(APP).file("app", elf::wrong_class()));
    insta::assert_snapshot!(said, @r#"
    error[wrong-architecture]: app.toml:2:8: the entrypoint `/usr/bin/app` is for 386, the image is for linux/amd64
      |
    2 | path = "app"
      |        ^^^^^
    hint: build it for the image's platform, or limit the entry with `platforms = [..]`
    "#);
}

#[test]
fn a_big_endian_program() {
    let said = refusal_of(
        1,
        &Case::new().recipe(APP).file("app", elf::big_endian_arm64()),
        ["build", "app.toml", "--platform", "linux/arm64"],
    );
    insta::assert_snapshot!(said, @r#"
    error[wrong-architecture]: app.toml:2:8: the entrypoint `/usr/bin/app` is for machine 183 (64 bits, big endian), the image is for linux/arm64
      |
    2 | path = "app"
      |        ^^^^^
    hint: build it for the image's platform, or limit the entry with `platforms = [..]`
    "#);
}

#[test]
fn a_text_as_a_program() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", "hello\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_script() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", "#!/bin/sh -e\necho hello\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is a script for `/bin/sh -e`, not an ELF program
      |
    2 | path = "app"
      |        ^^^^^
    hint: there is no interpreter in the image; ship a compiled program
    "#);
}

#[test]
fn a_script_with_an_escape_sequence() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", "#!/bin/\u{1b}[2Jsh\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is a script for `/bin/\u{1b}[2Jsh`, not an ELF program
      |
    2 | path = "app"
      |        ^^^^^
    hint: there is no interpreter in the image; ship a compiled program
    "#);
}

#[test]
fn an_empty_program() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", ""));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is empty
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_truncated_program() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", elf::truncated_amd64()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program that can run: its program headers are cut short
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_cut_off_program() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", elf::cut_off_amd64()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program that can run: it is cut short
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_program_of_four_bytes() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", b"\x7fELF"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program that can run: its header is cut short or malformed
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn an_object_file() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", elf::relocatable_amd64()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is an object file that was not linked, not a program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_core_dump() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", core_dump()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is a core dump, not a program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_library() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", elf::shared_object_amd64()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is a library without an entry point, not a program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_library_with_libraries() {
    let said = refusal(
        2,
        &Case::new()
            .recipe(APP)
            .file("app", Elf::shared_object(Machine::Amd64, "libfoo.so").needs("libc.so.6").bytes()),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is a library without an entry point, not a program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_windows_program() {
    let said = refusal(2, &Case::new().recipe(APP).file("app", b"MZ\x90\0"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

/// An ELF file whose type says that it is a core dump.
fn core_dump() -> Vec<u8> {
    let mut bytes = elf::static_amd64();
    bytes[16] = 4;
    bytes
}
