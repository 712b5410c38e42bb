//! The folder of a checkout is in no program, whatever it is called, and whether the kernel allows namespaces or not.

use std::process::Command;

use super::{cargo_project, digest, holds, program};
use crate::support::{
    case::Case,
    judges::{checked, tool},
};

/// A program that keeps the two folders that no prefix map reaches.
fn with_folders(case: Case, folder: &str) -> Case {
    cargo_project(case, folder).edit(format!("{folder}prog/src/main.rs"), |text| {
        text.replace(
            "fn main() {",
            "fn main() {\n    println!(\"{} {}\", env!(\"CARGO_MANIFEST_DIR\"), env!(\"OUT_DIR\"));",
        )
    })
}

/// hardpan where neither mount nor user namespaces are to be had, as in a container with a default seccomp filter: without
/// the right to mount, and in a changed root, where Linux makes no user namespace.
fn without_namespaces<'a>(case: &Case, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let root = case.path("../root");
    std::fs::create_dir_all(&root).unwrap();
    let script = "mount --rbind / \"$0\" && dir=$PWD && exec chroot \"$0\" \
                  setpriv --bounding-set=-sys_admin -- sh -c 'cd \"$0\" && exec \"$@\"' \"$dir\" \"$@\"";
    let root = root.canonicalize().unwrap().to_string_lossy().into_owned();
    case.command_under(["unshare", "--mount", "sh", "-c", script, &root], arguments)
}

#[test]
fn program_that_keeps_its_folders() {
    let (one, other) = (with_folders(Case::new(), ""), with_folders(Case::new().folder("a b='\"\\"), "a b='\"\\/"));
    let other = other.cwd("a b='\"\\");
    assert_eq!(digest(&one), digest(&other));
    let bytes = program(&other);
    assert!(holds(&bytes, "/build/source/prog") && holds(&bytes, "/build/target/"));
    assert!(!holds(&bytes, &other.dir().to_string_lossy()), "the checkout's path is in the program");
}

#[test]
fn programs_without_namespaces() {
    let plain = cargo_project(Case::new(), "");
    let at_fixed_paths = digest(&plain);
    let said = checked(&mut without_namespaces(&plain, ["build", "prog.toml", "--offline", "-v"]));
    assert_eq!(said.trim(), format!("prog@{at_fixed_paths}"), "another program in place");
    let kept = with_folders(Case::new(), "");
    let refused = without_namespaces(&kept, ["build", "prog.toml", "--offline"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("error[host-path]") && stderr.contains("the checkout"), "{stderr}");
}

/// A repository with the crate `dep`, at the end of `path`; and its commit.
fn dependency(case: &Case, path: &str) -> String {
    let dir = case.path(path);
    let git = |arguments: &[&str]| {
        let mut git = tool("git");
        git.current_dir(&dir).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        git.env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z").env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
        checked(&mut git)
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "all"]);
    git(&["rev-parse", "HEAD"]).trim().to_owned()
}

/// A program with a dependency from git, that this machine fetches from a mirror at the folder `mirror`.
fn with_mirror(mirror: &str, kept: &str) -> Case {
    const URL: &str = "https://example.invalid/dep.git";
    let at = |path: &str| format!("../{mirror}/{path}");
    let case = Case::new()
        .file(at("Cargo.toml"), "[package]\nname = \"dep\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file(at("src/lib.rs"), format!("pub fn place() -> &'static str {{\n    {kept}\n}}\n"));
    let commit = dependency(&case, &format!("../{mirror}"));
    let mirrored = case.path(format!("../{mirror}")).canonicalize().unwrap();
    let config = format!(
        "[source.\"git+{URL}?rev={commit}\"]\ngit = \"{URL}\"\nrev = \"{commit}\"\nreplace-with = \"mirror\"\n\
         [source.mirror]\ngit = \"file://{}\"\nrev = \"{commit}\"\n",
        mirrored.display()
    );
    let home = case.path("../cargo-home");
    cargo_project(case, "")
        .file("../cargo-home/config.toml", config)
        .env("CARGO_HOME", home)
        .edit("prog/Cargo.toml", |text| format!("{text}dep = {{ git = \"{URL}\", rev = \"{commit}\" }}\n"))
        .edit("prog/src/main.rs", |text| {
            text.replace("fn main() {", "fn main() {\n    println!(\"{}\", dep::place());")
        })
        .edit("Cargo.lock", |text| {
            let source = format!("git+{URL}?rev={commit}#{commit}");
            let dep = format!("[[package]]\nname = \"dep\"\nversion = \"0.1.0\"\nsource = \"{source}\"\n\n");
            let text = text.replace(" \"inner\",\n", " \"dep\",\n \"inner\",\n");
            text.replacen("[[package]]", &format!("{dep}[[package]]"), 1)
        })
}

#[test]
fn mirror_of_a_git_dependency() {
    let place = "std::panic::Location::caller().file()";
    let (one, other) = (with_mirror("one", place), with_mirror("deeper/another", place));
    let digest = |case: &Case| case.run(["build", "prog.toml"]).ok().digest();
    assert_eq!(digest(&one), digest(&other));
    let bytes = program(&other);
    assert!(holds(&bytes, "/build/git/dep-") && !holds(&bytes, "another"), "the mirror is in the program");
    // Cargo hands the folder itself to the crate.
    let kept = with_mirror("one", "env!(\"CARGO_MANIFEST_DIR\")");
    let refused = kept.run(["build", "prog.toml"]).fails(1);
    refused.says("error[host-path]").says("of `one` in the folder of git dependencies");
}
