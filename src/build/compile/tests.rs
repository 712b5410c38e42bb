//! The real compilers, with programs small enough for a unit test: two folders, two environments, one digest.
#![allow(clippy::unwrap_used)]

use std::{env, fs, num::NonZeroUsize, path::Path, sync::Arc};

use super::{environment::Environment, *};
use crate::{oci::Digest, recipe::Located, report::SourceText};

fn located(value: &str) -> Located<String> {
    let source = Arc::new(SourceText { path: "r.toml".into(), text: "x".into() });
    Located { value: value.into(), origin: Origin::new(&source, 0..1) }
}

fn write(root: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// This process's environment with `more`; the homes of the toolchains are named, so that `HOME` can move.
fn caller(more: &[(&str, &str)]) -> Environment {
    let mut caller: Environment = env::vars_os().collect();
    let home = env::var("HOME").unwrap();
    for (name, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        caller.entry(name.into()).or_insert_with(|| format!("{home}/{folder}").into());
    }
    caller.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
    caller
}

/// Compiles with `compile` in `<temporary>/<folder>`, a copy of `files`; the program's bytes, free of host paths.
fn bytes(
    folder: &str,
    more: &[(&str, &str)],
    files: &[(&str, &str)],
    compile: impl Fn(&Toolchain<'_>, &Path) -> Result<Compiled, Failure>,
) -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let checkout = root.join(folder);
    write(&checkout, files);
    let (caller, cache) = (caller(more), root.join(format!("cache-of-{folder}")));
    let jobs = NonZeroUsize::new(2).unwrap();
    let toolchain = Toolchain {
        caller: &caller,
        passed: &PassedVariables::default(),
        offline: true,
        jobs,
        program: None,
        cache: Some(&cache),
        scratch: Arc::new(ScratchFolder::below(env::temp_dir())),
        checkout: &checkout,
        blobs: None,
        shared: None,
        states: StatesOfCall::default(),
        ignored: &[],
        written: std::sync::Arc::default(),
        progress: &crate::report::Silent,
    };
    let made = compile(&toolchain, &checkout).unwrap();
    let bytes = fs::read(made.path).unwrap();
    let named = memchr::memmem::find(&bytes, root.to_str().unwrap().as_bytes());
    assert_eq!(named, None, "the program names the folder it was made in");
    bytes
}

#[test]
fn a_go_program_is_the_same_from_every_folder_and_environment() {
    let files = [
        (
            "app/go.mod",
            "module example.com/app\n\ngo 1.20\n\nrequire example.com/lib v0.0.0\nreplace example.com/lib => ../lib\n",
        ),
        ("app/main.go", "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Where()) }\n"),
        ("app/sub/sub.go", "package sub\n"),
        ("lib/go.mod", "module example.com/lib\n\ngo 1.20\n"),
        (
            "lib/lib.go",
            "package lib\n\nimport \"runtime\"\n\nfunc Where() string { _, file, _, _ := runtime.Caller(0); return file }\n",
        ),
    ];
    let go = |package: &str| GoBinary::new(located(package));
    let platform = Platform::parse("linux/arm64").unwrap();
    let compile = |toolchain: &Toolchain<'_>, checkout: &Path| {
        let (dir, origin) = (checkout.join("app"), located("x").origin);
        let waived = |_: &str, failure| Err(failure);
        let order = CompileRequest {
            platform: &platform,
            origin: &origin,
            running: &crate::report::Silent,
            pinned: &|_| Ok(()),
            waived: &waived,
        };
        let failure = toolchain.go(&go("./sub"), &dir, &order).unwrap_err();
        assert_eq!(failure.what, "`./sub` is a library, not a program");
        assert_eq!(failure.hint.unwrap(), "the programs here: `.`");
        let made = toolchain.go(&go("."), &dir, &order)?;
        assert_eq!(made.name, "app");
        Ok(made)
    };
    let plain = bytes("one", &[], &files, compile);
    let strange =
        [("GOFLAGS", "-mod=mod -tags=x"), ("GOARCH", "386"), ("GOWORK", "/nonexistent"), ("TZ", "Asia/Tokyo")];
    let other = bytes("another-one", &strange, &files, compile);
    assert_eq!(Digest::of(&plain), Digest::of(&other));
}

#[test]
fn a_rust_program_is_the_same_from_every_folder_and_environment() {
    let files = [
        ("Cargo.toml", "[workspace]\nmembers = [\"app\", \"lib\"]\nresolver = \"2\"\n"),
        (
            "Cargo.lock",
            "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"lib\",\n]\n\n[[package]]\nname = \"lib\"\nversion = \"0.1.0\"\n",
        ),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nlib = { path = \"../lib\" }\n",
        ),
        (
            "app/build.rs",
            "fn main() { let out = std::env::var(\"OUT_DIR\").unwrap(); std::fs::write(out + \"/made.rs\", \"fn made() -> &'static str { file!() }\").unwrap(); }",
        ),
        (
            "app/src/main.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\nfn main() { println!(\"{} {}\", made(), lib::pick(&[1, 2, 3])); }\n",
        ),
        ("lib/Cargo.toml", "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
        ("lib/src/lib.rs", "pub fn pick(of: &[u8]) -> u8 { of[std::env::args().count()] }\n"),
    ];
    let platform = Platform::parse("linux/amd64").unwrap();
    let compile = |toolchain: &Toolchain<'_>, checkout: &Path| {
        let target = Some(located(&format!("{}-unknown-linux-gnu", env::consts::ARCH)));
        let binary = CargoBinary { target, ..CargoBinary::new(located("app")) };
        let (origin, waived) = (located("x").origin, |_: &str, failure| Err(failure));
        let order = CompileRequest {
            platform: &platform,
            origin: &origin,
            running: &crate::report::Silent,
            pinned: &|_| Ok(()),
            waived: &waived,
        };
        toolchain.cargo(&binary, checkout, &order)
    };
    let plain = bytes("one", &[], &files, compile);
    let strange = [
        ("RUSTFLAGS", "-Copt-level=1"),
        ("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"),
        ("CARGO_TARGET_DIR", "/nonexistent"),
        ("RUSTC_WRAPPER", "/nonexistent"),
        ("HOME", "/nonexistent"),
        ("TZ", "Asia/Tokyo"),
    ];
    let other = bytes("another-one", &strange, &files, compile);
    assert_eq!(Digest::of(&plain), Digest::of(&other));
}
