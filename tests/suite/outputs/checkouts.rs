//! Outputs in a checkout: they are no change of it, and nothing that a compiler reads.

use crate::support::{
    case::{APP, Case},
    elf,
    judges::{checked, tool},
};

/// A checkout with one commit, whose recipe writes down whether it is dirty.
fn checkout() -> Case {
    let recipe = format!("{APP}[run]\nlabels = {{ dirty = \"{{git.dirty}}\" }}\n");
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64());
    git(&case, &["init", "-q"]);
    git(&case, &["add", "."]);
    git(&case, &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "a"]);
    case
}

fn git(case: &Case, arguments: &[&str]) {
    checked(tool("git").args(arguments).current_dir(case.dir()));
}

fn dirty(case: &Case, more: &[&str]) -> String {
    let output = case.run(["build", "app.toml"].iter().chain(more)).ok();
    let label = output.layout().image().config["config"]["Labels"]["dirty"].clone();
    label.as_str().expect("a label").to_owned()
}

#[test]
fn outputs_anywhere_in_a_checkout_do_not_make_it_dirty() {
    let case = checkout();
    let more = ["--output", "image", "--digest-file", "digest", "--metadata-file", "meta.json"];
    for _ in 0..3 {
        assert_eq!(dirty(&case, &more), "false");
    }
    // What an earlier call wrote elsewhere, also beside other files that are ignored.
    case.run(["build", "app.toml", "--format", "oci-archive", "--output", "pack/age"]).ok();
    case.run(["build", "app.toml", "--output", "pack/layout"]).ok();
    assert_eq!(dirty(&case, &[]), "false");
    let case = case.file("pack/source", "x");
    assert_eq!(dirty(&case, &[]), "true");
    std::fs::remove_file(case.path("pack/source")).unwrap();
    assert_eq!(dirty(&case, &[]), "false");
    case.run(["lock", "app.toml"]).ok();
    assert_eq!(dirty(&case, &[]), "true", "a lock is a source");
}

#[test]
fn a_digest_that_is_committed_makes_nothing_dirty_when_it_moves() {
    let case = checkout().file("digest", format!("sha256:{}", "0".repeat(64)));
    git(&case, &["add", "."]);
    git(&case, &["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "b"]);
    for _ in 0..2 {
        assert_eq!(dirty(&case, &["--digest-file", "digest"]), "false");
    }
    assert_eq!(dirty(&case, &[]), "false");
    let case = case.file("digest", "edited");
    assert_eq!(dirty(&case, &[]), "true");
}

const CARGO: &str = "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\ntarget = \"x86_64-unknown-linux-gnu\"\n";

#[test]
fn outputs_in_a_cargo_checkout_do_not_make_the_compile_stale() {
    let case = Case::new()
        .file("Cargo.toml", "[package]\nname = \"prog\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"prog\"\nversion = \"0.1.0\"\n")
        .file("src/main.rs", "fn main() {}\n")
        .file("prog.toml", CARGO);
    let build = |more: &[&str]| {
        let words = ["build", "prog.toml", "--offline", "-vv"];
        let said = case.run(words.iter().chain(more)).ok();
        let is_stale = said.stderr.contains("compiled again");
        (said.digest(), is_stale)
    };
    let receipts = ["--output", "src/image", "--digest-file", "src/digest", "--metadata-file", "meta.json"];
    let (digest, _) = build(&receipts);
    for more in
        [&receipts[..], &[], &["--format", "oci-archive", "--output", "image"], &["--digest-file", "another"], &[]]
    {
        assert_eq!(build(more), (digest.clone(), false), "{more:?}");
    }
}

#[test]
fn a_go_program_that_embeds_what_the_build_writes_is_refused() {
    let case = Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("data/page", "page")
        .file(
            "main.go",
            "package main\n\nimport \"embed\"\n\n//go:embed data\nvar data embed.FS\n\nfunc main() { println(len(os())) }\n\n\
             func os() []string { entries, _ := data.ReadDir(\"data\"); names := []string{}; for _, e := range entries { names = append(names, e.Name()) }; return names }\n",
        )
        .file("prog.toml", "name = \"prog\"\n[[binary]]\ngo = \".\"\n");
    let words = ["build", "prog.toml", "--offline", "--output", "data/image"];
    case.run(words).ok();
    case.run(words)
        .fails(2)
        .says("the Go package `example.com/prog` embeds `data/image/")
        .says("an output of this build")
        .says("hint:");
    // What another call wrote may be meant, and is said.
    let other = case.run(["build", "prog.toml", "--offline"]).ok();
    assert!(other.stderr.contains("note: the Go package `example.com/prog` embeds `data/image`"), "{}", other.stderr);
}
