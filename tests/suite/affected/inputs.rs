//! Inputs that git sees badly or not at all, and names that are hard to read.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt as _};

use serde_json::Value;

use super::{BTreeSet, Case, affected, asked, commit, committed, git, set, taking};
use crate::support::elf;

fn one(recipe: &str) -> Case {
    Case::new().file("app", elf::static_amd64()).file("hardpan.toml", format!("name = \"x\"\n{recipe}"))
}

/// How the changes of the only recipe are called.
fn changes(case: &Case) -> BTreeSet<String> {
    let answer = asked(case, &["--since", "HEAD"]);
    let reasons =
        answer["affected"].as_array().unwrap().iter().flat_map(|one| one["reasons"].as_array().unwrap().clone());
    reasons.map(|reason| reason["change"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_git_cannot_see_is_never_called_unaffected() {
    let case = committed(one(&taking("made/data")).file(".gitignore", "/made\n"));
    assert_eq!(changes(&case), set(&["missing"]), "an input that a step before makes");
    let case = case.file("made/data", "x");
    assert_eq!(changes(&case), set(&["ignored"]));
    let case = committed(one(&taking("../data")).file("../data", "x"));
    assert_eq!(changes(&case), set(&["outside"]));
    let case = committed(one(&taking("data")).link("data", "../data").file("../data", "x"));
    assert_eq!(changes(&case), set(&["outside"]), "by a link");
    let case = committed(one(&taking("data")).file("data", "x"));
    assert_eq!(changes(&case), set(&[]));
    assert_eq!(changes(&committed(one(&taking(".git/HEAD")))), set(&["unknown"]), "the state of git");
    for flag in ["--assume-unchanged", "--skip-worktree"] {
        git(&case, &["update-index", flag, "data"]);
        assert_eq!(changes(&case), set(&["unwatched"]), "{flag}");
        git(&case, &["update-index", &flag.replace("--", "--no-"), "data"]);
    }
    // Attributes decide what is checked out of the same commit.
    let case = case.file(".gitattributes", "*.txt text eol=crlf\n");
    assert_eq!(changes(&case), set(&["attributes"]));
    commit(&case);
    // Another checkout within this one, which git passes over.
    let case = case.file("hardpan.toml", format!("name = \"x\"\n{}", taking("inner/data"))).file("inner/data", "x");
    git(&case, &["-C", "inner", "init", "-q"]);
    let case = case.file(".gitignore", "/inner\n");
    commit(&case);
    assert!(!changes(&case).is_empty());
}

#[test]
fn a_file_is_what_its_links_and_folders_make_of_it() {
    let case = one(&taking("link/data")).file("a/data", "one").file("b/data", "two").link("link", "a");
    let case = committed(case);
    assert_eq!(changes(&case), set(&[]));
    let case = case.file("a/data", "three");
    assert_eq!(changes(&case), set(&["changed"]));
    commit(&case);
    fs::remove_file(case.path("link")).unwrap();
    let case = case.link("link", "b");
    assert_eq!(changes(&case), set(&["changed"]));
    commit(&case);
    // A folder in the place of a link, and a file in the place of a folder.
    fs::remove_file(case.path("link")).unwrap();
    let case = case.file("link/data", "two");
    assert!(!changes(&case).is_empty());
    let case = committed(one(&taking("data")).file("data", "x"));
    fs::remove_file(case.path("data")).unwrap();
    assert_eq!(changes(&case), set(&["changed"]), "gone");
    git(&case, &["checkout", "-q", "."]);
    // The mode of a file reaches no image, and is git's to tell all the same.
    let case = case.mode("data", 0o755);
    assert_eq!(changes(&case), set(&["changed"]));
}

#[test]
fn a_tree_follows_its_patterns() {
    let tree = "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n[[tree]]\nfrom = \"site\"\nto = \"/srv\"\n\
                include = [\"**/*.html\", \".well-known/*\"]\nexclude = [\"drafts\", \"*.old.html\"]\n";
    let case =
        one(tree).file("site/a.html", "x").file("site/.well-known/x", "x").file(".gitignore", "/site/made\n/out\n");
    let case = committed(case);
    for (path, count) in [
        ("site/b.html", 1),
        ("site/deep/b.html", 1),
        ("site/.well-known/y", 1),
        ("site/made/b.html", 1),
        ("site/b.css", 0),
        ("site/drafts/b.html", 0),
        ("site/b.old.html", 0),
        ("site/.hidden/b.html", 0),
        ("site/made/b.css", 0),
        ("other/b.html", 0),
    ] {
        let case = case.clone().file(path, "x");
        assert_eq!(affected(&case, &["--since", "HEAD"]).len(), count, "{path}");
        fs::remove_file(case.path(path)).unwrap();
    }
    fs::remove_file(case.path("site/a.html")).unwrap();
    assert_eq!(changes(&case), set(&["changed"]));
}

#[test]
fn names_that_are_hard_to_read_are_read() {
    let case = one(&taking("däta x")).file("däta x", "x");
    let strange = OsStr::from_bytes(b"site/a\nb\xff.html");
    let case = case.file("site/x", "x").file(strange, "x");
    let tree = "name = \"t\"\n[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n[[tree]]\nfrom = \"site\"\nto = \"/srv\"\ninclude = [\"*\"]\n";
    let case = committed(
        case.file("tree.toml", tree)
            .file("new\nline.toml", taking("app").replace("[[binary]]", "name = \"n\"\n[[binary]]")),
    );
    let all = ["--since", "HEAD", "hardpan.toml", "tree.toml", "new\nline.toml"];
    assert_eq!(affected(&case, &all), set(&[]));
    let case = case.file(strange, "y");
    assert_eq!(affected(&case, &all), set(&["t"]));
    let case = case.file("däta x", "y");
    assert!(affected(&case, &all).contains("x"));
    fs::remove_file(case.path("new\nline.toml")).unwrap();
    let answer = asked(&case, &["--since", "HEAD", "hardpan.toml", "tree.toml"]);
    assert_eq!(answer["removed"][0]["name"], "n");
}

#[test]
fn outputs_of_hardpan_and_its_cache_are_no_changes_of_a_whole_checkout() {
    let script = "fn main() {}\n";
    let package = "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let case = Case::new()
        .file("hardpan.toml", "[[binary]]\ncargo = \"x\"\n")
        .file("other.toml", "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n")
        .file("app", elf::static_amd64())
        .file("Cargo.toml", package)
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\n")
        .file("src/main.rs", "fn main() {}\n")
        .file("build.rs", script);
    let case = committed(case);
    let cache = case.path(".cache");
    let case = case.env("XDG_CACHE_HOME", cache);
    case.run(["build", "other.toml"]).ok();
    let case = case.file("target/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n").file("target/x", "");
    let case = case.file(".git/info/exclude", "/target\n");
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&[]));
    let case = case.file("notes", "x");
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["x"]));
}

#[test]
fn links_in_a_rust_package_belong_to_it() {
    let case = Case::new()
        .file("hardpan.toml", "[[binary]]\ncargo = \"x\"\n")
        .file("Cargo.toml", "[workspace]\nmembers = [\"x\"]\nresolver = \"3\"\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"x\"\nversion = \"0.1.0\"\n")
        .file("x/Cargo.toml", "[package]\nname = \"x\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .file("x/src/main.rs", "mod made;\nfn main() {}\n")
        .file("made/mod.rs", "// one\n")
        .file("other/text", "one\n")
        .link("x/src/made", "../../made");
    let case = committed(case);
    assert_eq!(changes(&case), set(&[]));
    for (path, text, count) in [
        ("made/mod.rs", "// two\n", 1),
        ("other/text", "two\n", 0),
        ("x/askama.toml", "dirs = [\"../other\"]\n", 1),
        ("x/.env", "A=1\n", 1),
        (".env", "A=1\n", 1),
        (".cargo/config.toml", "[build]\n", 1),
        ("rust-toolchain", "1.90\n", 1),
        ("clippy.md", "x\n", 1),
        ("deep/folder/x", "x\n", 0),
    ] {
        let case = case.clone().file(path, text);
        assert_eq!(affected(&case, &["--since", "HEAD"]).len(), count, "{path}");
        git(&case, &["stash", "-qu"]);
        git(&case, &["stash", "drop", "-q"]);
    }
    // A source that is a link, and what it leads to.
    let case = case.link("made/deep.rs", "../other/text");
    commit(&case);
    let case = case.file("deep/folder/x", "x\n");
    assert_eq!(changes(&case), set(&[]));
    let case = case.file("other/text", "two\n");
    assert_eq!(changes(&case), set(&["changed"]));
    commit(&case);
    // A source that leads out of its package makes all of the checkout count.
    let case = case.file("x/src/main.rs", "const A: &str = include_str!(\"../../other/text\");\nfn main() {}\n");
    commit(&case);
    let case = case.file("deep/folder/y", "x\n");
    assert_eq!(changes(&case), set(&["untracked"]));
}

/// A key that names an input and is not judged would be a wrong answer; this list is here so that whoever adds a key reads
/// `src/build/affected/recipe_judge.rs`.
#[test]
fn every_key_of_a_recipe_is_known_to_the_judge() {
    let schema: Value = serde_json::from_str(&Case::new().run(["schema"]).ok().stdout).unwrap();
    let keys = |table: &Value| -> Vec<String> { table["properties"].as_object().unwrap().keys().cloned().collect() };
    let known = [
        "annotations",
        "base",
        "binary",
        "compression",
        "dir",
        "extends",
        "file",
        "format",
        "name",
        "platforms",
        "policy",
        "run",
        "symlink",
        "system",
        "tree",
        "vars",
    ];
    assert_eq!(keys(&schema), known);
    for (table, known) in [
        (
            "Binary",
            "auditable cargo cc cgo debug-file dir env features flags go ldflags libraries linker path platforms profile replace \
             rustflags strip tags target to vcs",
        ),
        ("File", "from mode platforms raw replace sha256 text to url"),
        ("System", "certificates extra-certificates passwd replace timezones tmp"),
        ("Tree", "exclude executable from include platforms replace to"),
        ("Policy", "allow fail-on max-size profile registries severity waivers"),
    ] {
        assert_eq!(keys(&schema["definitions"][table]).join(" "), known, "{table}");
    }
}
