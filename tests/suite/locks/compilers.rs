//! The C compilers and linkers that a recipe names for Rust programs are in the lock as they name themselves.

use super::lock;
use crate::support::case::Case;

const RECIPE: &str = "[[binary]]\ncargo = \"hello\"\nlinker = \"./tools/{arch}-cc\"\ncc = \"tools/cc\"\n[system]\ncertificates = \"none\"\n";

/// A script that calls `program` and says that it is of `version`.
fn script(program: &str, version: &str) -> String {
    format!(
        "#!/bin/sh\ncase \"$1\" in --version) echo; echo '{version}'; echo more; exit ;; esac\nexec {program} \"$@\"\n"
    )
}

fn hello() -> Case {
    Case::new()
        .recipe(RECIPE)
        .file("Cargo.toml", "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n")
        .file("src/main.rs", "fn main() {}\n")
        .file("tools/amd64-cc", script("cc", "link 1"))
        .file("tools/cc", script("cc", "compile 1"))
        .mode("tools/amd64-cc", 0o755)
        .mode("tools/cc", 0o755)
}

#[test]
fn locked_cc_and_linker() {
    let case = hello();
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = lock(&case);
    let expected =
        "[toolchain.cc]\n\"linux/amd64 ./tools/{arch}-cc\" = \"link 1\"\n\"linux/amd64 tools/cc\" = \"compile 1\"\n";
    assert!(text.contains(expected), "{text}");
    case.run(["build", "app.toml", "--locked", "--offline"]).ok();
    for (path, program, was, now, key) in [
        ("tools/amd64-cc", "cc", "link 1", "link 2", "cc linux/amd64 ./tools/{arch}-cc"),
        ("tools/cc", "cc", "compile 1", "compile 2", "cc linux/amd64 tools/cc"),
    ] {
        let moved = case.clone().file(path, script(program, now)).mode(path, 0o755);
        moved
            .run(["build", "app.toml", "--locked", "--offline"])
            .fails(1)
            .says(&format!("the compiler `rust`: `{key}` is `{now}` now, not `{was}`"))
            .says("hint: `hardpan lock --update rust` pins it anew");
        let dry = moved.run(["lock", "--update", "rust", "--dry-run", "--offline", "app.toml"]).ok();
        dry.says("the compiler `rust`: ").says(&format!("{key} {was} -> {now}"));
        moved.file(path, script(program, was)).mode(path, 0o755);
    }
    case.run(["lock", "--check", "--offline", "app.toml"]).ok();
}

#[test]
fn stale_cc_and_linker() {
    let case = hello();
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = lock(&case);
    let lacking = case.edit("app.lock", |text| text.replace("\"linux/amd64 tools/cc\" = \"compile 1\"\n", ""));
    lacking
        .run(["build", "app.toml", "--locked", "--offline"])
        .fails(1)
        .says("app.toml:4:6: `cc` or `linker` for `linux/amd64 tools/cc` has no pin in `app.lock`");
    lacking.run(["lock", "--offline", "app.toml"]).ok();
    assert_eq!(lock(&lacking), text);
    let surplus = lacking.edit("app.toml", |text| text.replace("cc = \"tools/cc\"\n", ""));
    surplus
        .run(["build", "app.toml", "--locked", "--offline"])
        .fails(1)
        .says("nothing asks for the compiler `rust` for `cc linux/amd64 tools/cc` any more");
    let silent = surplus.file("tools/amd64-cc", "#!/bin/sh\nexit 1\n").mode("tools/amd64-cc", 0o755);
    silent
        .run(["lock", "--offline", "--update", "rust", "app.toml"])
        .fails(2)
        .says("app.toml:3:10:")
        .says("`--version` of this program failed or printed nothing");
}

#[test]
fn locked_files_of_a_gnu_program() {
    let case = hello()
        .edit("app.toml", |text| text.replace("cc = \"tools/cc\"", "target = \"x86_64-unknown-linux-gnu\""))
        .file("tools/amd64-cc", script("cc", "link 1"))
        .mode("tools/amd64-cc", 0o755);
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = lock(&case);
    let scope = "x86_64-unknown-linux-gnu (./tools/{arch}-cc)";
    let files = text.split(&format!("[toolchain.files.\"{scope}\"]\n")).nth(1).expect("the files of the scope");
    for name in ["amd64-cc", "collect2", "\"crtbeginS.o\"", "\"libc.a\"", "\"libgcc.a\"", "\"rcrt1.o\""] {
        assert!(files.lines().any(|line| line.starts_with(&format!("{name} = \"sha256:"))), "{name}: {text}");
    }
    case.run(["build", "app.toml", "--locked", "--offline"]).ok();
    // Start files of its own are what another version of a compiler has.
    let found = std::process::Command::new("cc").arg("-print-file-name=crtbeginS.o").output().expect("cc");
    let found = String::from_utf8(found.stdout).expect("text");
    let mut other = std::fs::read(found.trim()).expect("crtbeginS.o");
    other.push(0);
    let driver = script(&format!("cc -B {}", case.path("start").display()), "link 1");
    let case = case.file("start/crtbeginS.o", other).file("tools/amd64-cc", driver).mode("tools/amd64-cc", 0o755);
    let amd64_cc = text.lines().find(|line| line.starts_with("amd64-cc = ")).expect("the driver").to_owned();
    let digest = crate::support::layout::sha256(&std::fs::read(case.path("tools/amd64-cc")).expect("the driver"));
    let case = case.edit("app.lock", |text| text.replace(&amd64_cc, &format!("amd64-cc = \"{digest}\"")));
    case.run(["build", "app.toml", "--locked", "--offline"])
        .fails(1)
        .says(&format!("the compiler `rust`: `crtbeginS.o for {scope}` is `sha256:"))
        .says("hint: `hardpan lock --update rust` pins it anew");
    let build = case.run(["build", "app.toml", "--offline"]).ok();
    build.says("warning").says("crtbeginS.o");
    case.run(["lock", "--offline", "--update", "rust", "app.toml"]).ok();
    case.run(["build", "app.toml", "--locked", "--offline"]).ok();
}
