//! The caller's environment: variables without an effect are named once, and a checkout may be another user's.

use std::{env, fs, path::PathBuf};

use super::{cargo_project, digest, go_project};
use crate::support::{
    case::Case,
    judges::{checked, tool},
};

const NOTE: &str = "no effect on the compile";

#[test]
fn ignored_variables() {
    let reference = digest(&cargo_project(Case::new(), ""));
    let case = cargo_project(Case::new(), "")
        .file(
            "more.toml",
            "[[binary]]\ncargo = \"prog\"\nto = \"/usr/bin/more\"\ntarget = \"x86_64-unknown-linux-gnu\"\n",
        )
        .edit("prog.toml", |text| {
            let second =
                "[run]\nentrypoint = [\"/usr/bin/prog\"]\n[[binary]]\ncargo = \"prog\"\nto = \"/usr/bin/more\"\n";
            format!("{text}{second}target = \"x86_64-unknown-linux-gnu\"\n")
        })
        .env("RUSTFLAGS", "-Copt-level=0")
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("GOFLAGS", "-race")
        .env("CARGO_TARGET_DIR", "/nonexistent")
        .env("CFLAGS", "");
    let built = case.run(["build", "prog.toml", "--offline"]).ok();
    let line =
        "note: `CARGO_PROFILE_RELEASE_LTO`, `RUSTFLAGS` are set in the environment and have no effect on the compile";
    assert!(built.stderr.lines().any(|said| said == line), "{}", built.stderr);
    assert_eq!(built.stderr.matches(NOTE).count(), 1, "{}", built.stderr);
    assert!(!built.stderr.contains("opt-level=0"), "{}", built.stderr);
    // As `cargo run` starts it.
    let quiet = cargo_project(Case::new(), "")
        .env("RUSTUP_TOOLCHAIN", "nightly")
        .env("RUST_RECURSION_COUNT", "1")
        .env("CARGO_MANIFEST_DIR", "/nonexistent")
        .env("CGO_ENABLED", "1");
    let built = quiet.run(["build", "prog.toml", "--offline"]).ok();
    assert!(!built.stderr.contains(NOTE), "{}", built.stderr);
    assert_eq!(built.digest(), reference);
}

#[test]
fn variables_of_go_are_named_for_go() {
    // A value that Go does not know stops neither the questions to Go nor a fetch.
    let case = go_project()
        .networked()
        .env("GOEXPERIMENT", "nonsense")
        .env("GO111MODULE", "off")
        .env("CGO_ENABLED", "1")
        .env("RUSTFLAGS", "-Cx");
    let built = case.run(["build", "prog.toml"]).ok();
    let built = built.says("note: `CGO_ENABLED`, `GO111MODULE`, `GOEXPERIMENT` are set in the environment");
    assert!(!built.stderr.contains("RUSTFLAGS"), "{}", built.stderr);
}

#[test]
fn a_checkout_of_another_owner_is_fetched_for_and_compiled() {
    for case in [go_project(), cargo_project(Case::new(), "")] {
        for arguments in [&["init", "-q"][..], &["add", "."], &["commit", "-q", "-m", "all"]] {
            let mut git = tool("git");
            checked(git.current_dir(case.dir()).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments));
        }
        // Git's own switch for its tests of `safe.directory`.
        let foreign = case.networked().env("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1");
        foreign.run(["build", "prog.toml"]).ok();
    }
}

#[test]
fn go_env_file() {
    let reference = digest(&go_project());
    let root = checked(tool("go").args(["env", "GOROOT"]));
    let root = PathBuf::from(root.trim());
    let mut go = Case::new().file("bin/go", fs::read(root.join("bin/go")).unwrap()).mode("bin/go", 0o755);
    for entry in fs::read_dir(&root).unwrap() {
        let name = entry.unwrap().file_name();
        if name != "bin" && name != "go.env" {
            go = go.link(&name, root.join(&name));
        }
    }
    let path = format!("{}:{}", go.path("bin").display(), env::var("PATH").unwrap());
    let case = go_project().env("PATH", path);
    for (line, what) in [
        ("GOEXPERIMENT=jsonv2", "this Go has `GOEXPERIMENT=jsonv2` among its own defaults"),
        ("GOFLAGS=-modcacherw -tags=other", "this Go has `GOFLAGS=-modcacherw -tags=other` among its own defaults"),
    ] {
        go = go.file("go.env", format!("GOTOOLCHAIN=local\n{line}\n"));
        case.run(["build", "prog.toml", "--offline"])
            .fails(2)
            .says(what)
            .says("/go.env")
            .says("hint: take the line out");
    }
    let _go = go.file("go.env", "GOTOOLCHAIN=local\nGOFLAGS=-modcacherw\nGOFIPS140=latest\nGOAMD64=v3\n");
    assert_eq!(digest(&case), reference);
}
