//! A small fleet: Go programs with shared packages, embedded files, a replaced module and a workspace; Rust programs with path
//! dependencies, a build script and an included file; prebuilt programs with trees, certificates, a base and a link. Each of its
//! files changes in turn.

#![allow(clippy::print_stderr, reason = "the long walk tells its figures")]

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

use super::{BTreeSet, Case, affected, commit, committed, git, set};
use crate::support::{elf, tls, walks};

/// The programs in Go, of the module at the top.
const GO: [&str; 4] = ["gateway", "worker", "tool", "stamped"];
const RUST: [&str; 4] = ["api", "plain", "script", "outer"];
/// What every change affects: `{git.revision}`, a build script, and a package that includes a file from outside.
const ALWAYS: [&str; 3] = ["stamped", "script", "outer"];

/// Files and their content, in which `one` becomes `two`.
const FILES: &[(&str, &str)] = &[
    ("README.md", "one\n"),
    (".gitignore", "/target/\n/one/\n"),
    (
        "go.mod",
        "module example.com/mono // one\n\ngo 1.24\n\nrequire example.com/tool v0.0.0\n\nreplace example.com/tool => ./libs/tool\n",
    ),
    ("shared/log/log.go", "package log\n\n// Text is a text.\nconst Text = \"one\"\n"),
    ("shared/log/log_test.go", "package log\n\n// one\n"),
    ("shared/log/other_windows.go", "package log\n\n// one\n"),
    (
        "shared/conf/conf.go",
        "package conf\n\nimport \"embed\"\n\n//go:embed defaults/*.txt\nvar Files embed.FS\n\nconst Text = \"one\"\n",
    ),
    ("shared/conf/defaults/a.txt", "one\n"),
    ("shared/conf/README.md", "one\n"),
    (
        "services/gateway/main.go",
        "package main\n\nimport \"example.com/mono/shared/log\"\n\nfunc main() { println(log.Text, \"one\") }\n",
    ),
    ("services/gateway/README.md", "one\n"),
    (
        "services/worker/main.go",
        "package main\n\nimport (\n\t\"embed\"\n\n\t\"example.com/mono/shared/conf\"\n)\n\n//go:embed static\nvar static embed.FS\n\nfunc main() {\n\tfirst, _ := conf.Files.ReadFile(\"defaults/a.txt\")\n\tsecond, _ := static.ReadFile(\"static/index.html\")\n\tprintln(conf.Text, string(first), string(second), \"one\")\n}\n",
    ),
    ("services/worker/static/index.html", "one\n"),
    ("services/worker/other.txt", "one\n"),
    (
        "services/tool/main.go",
        "package main\n\nimport \"example.com/tool\"\n\nfunc main() { println(tool.Text, \"one\") }\n",
    ),
    ("libs/tool/go.mod", "module example.com/tool // one\n\ngo 1.24\n"),
    ("libs/tool/tool.go", "package tool\n\nconst Text = \"one\"\n"),
    (
        "services/stamped/main.go",
        "package main\n\nvar version = \"none\"\n\nfunc main() { println(version, \"one\") }\n",
    ),
    ("work/go.work", "go 1.24 // one\n\nuse (\n\t./one\n\t./two\n)\n"),
    ("work/one/go.mod", "module example.com/work/one // one\n\ngo 1.24\n"),
    (
        "work/one/main.go",
        "package main\n\nimport \"example.com/work/two\"\n\nfunc main() { println(two.Text, \"one\") }\n",
    ),
    ("work/two/go.mod", "module example.com/work/two // one\n\ngo 1.24\n"),
    ("work/two/two.go", "package two\n\nconst Text = \"one\"\n"),
    ("Cargo.toml", "# one\n[workspace]\nresolver = \"3\"\nmembers = [\"rust/*\"]\n"),
    (
        "Cargo.lock",
        "# one\nversion = 4\n\n[[package]]\nname = \"api\"\nversion = \"0.1.0\"\ndependencies = [\n \"common\",\n]\n\n[[package]]\nname = \"common\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"outer\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"plain\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"script\"\nversion = \"0.1.0\"\n",
    ),
    (
        "rust/api/Cargo.toml",
        "# one\n[package]\nname = \"api\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\ncommon = { path = \"../common\" }\n",
    ),
    ("rust/api/src/main.rs", "fn main() {\n    println!(\"{} one\", common::TEXT);\n}\n"),
    ("rust/common/Cargo.toml", "# one\n[package]\nname = \"common\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("rust/common/src/lib.rs", "pub const TEXT: &str = \"one\";\n"),
    ("rust/plain/Cargo.toml", "# one\n[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    ("rust/plain/src/main.rs", "fn main() {\n    println!(\"one\");\n}\n"),
    ("rust/script/Cargo.toml", "# one\n[package]\nname = \"script\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    (
        "rust/script/build.rs",
        "fn main() {\n    println!(\"cargo::rustc-env=SEED={} one\", std::fs::read_to_string(\"data/seed.txt\").unwrap().trim());\n}\n",
    ),
    ("rust/script/data/seed.txt", "one\n"),
    ("rust/script/src/main.rs", "fn main() {\n    println!(\"{} one\", env!(\"SEED\"));\n}\n"),
    ("rust/outer/Cargo.toml", "# one\n[package]\nname = \"outer\"\nversion = \"0.1.0\"\nedition = \"2024\"\n"),
    (
        "rust/outer/src/main.rs",
        "fn main() {\n    println!(\"{} one\", include_str!(\"../../../notes/motd.txt\"));\n}\n",
    ),
    ("notes/motd.txt", "one\n"),
    ("notes/unused.txt", "one\n"),
    (".cargo/config.toml", "# one\n[build]\nrustflags = [\"-Cdebuginfo=0\"]\n"),
    ("site/index.html", "one\n"),
    ("site/drafts/idea.html", "one\n"),
    ("site/.hidden.html", "one\n"),
    ("site/notes.txt", "one\n"),
    ("data/v1/config", "one\n"),
    ("data/v2/config", "two\n"),
];

fn go(package: &str, more: &str) -> String {
    format!("[[binary]]\ngo = \"./services/{package}\"\ndir = \"..\"\n{more}[system]\ncertificates = \"none\"\n")
}

fn rust(package: &str) -> String {
    format!("[[binary]]\ncargo = \"{package}\"\ndir = \"..\"\n[system]\ncertificates = \"none\"\n")
}

fn prebuilt(more: &str) -> String {
    format!("[[binary]]\npath = \"../bin/app\"\nto = \"/usr/bin/app\"\n{more}")
}

/// The recipes, in the folder `recipes`.
fn recipes() -> BTreeMap<&'static str, String> {
    let tree = "[[tree]]\nfrom = \"../site\"\nto = \"/srv\"\ninclude = [\"**/*.html\"]\nexclude = [\"drafts\"]\n";
    BTreeMap::from([
        ("gateway", go("gateway", "")),
        ("worker", go("worker", "")),
        ("tool", go("tool", "")),
        ("stamped", go("stamped", "ldflags = [\"-X main.version={git.revision}\"]\n")),
        ("one", "[[binary]]\ngo = \".\"\ndir = \"../work/one\"\nenv = { GOWORK = \"../go.work\" }\n[system]\ncertificates = \"none\"\n".to_owned()),
        ("api", rust("api")),
        ("plain", rust("plain")),
        ("script", rust("script")),
        ("outer", rust("outer")),
        ("site", prebuilt(tree)),
        ("files", prebuilt("[system]\nextra-certificates = [\"../certs/root.pem\"]\n[[file]]\nfrom = \"../data/{channel}/config\"\nto = \"/config\"\n[vars]\nchannel = \"v1\"\n")),
        ("linked", prebuilt("[system]\ncertificates = \"none\"\n[[file]]\nfrom = \"../links/current/config\"\nto = \"/config\"\n")),
        ("based", format!("base = \"../bases/layout\"\n{}", prebuilt(""))),
    ])
}

/// The fleet, committed.
fn fleet() -> Case {
    let mut case = Case::new();
    for (path, text) in FILES.iter().copied() {
        case = case.file(path, text);
    }
    for (name, text) in recipes() {
        case = case.file(format!("recipes/{name}.toml"), format!("# one\n{text}"));
    }
    let case = case
        .file("bin/app", elf::static_amd64())
        .file("bin/other", elf::static_amd64())
        .file("certs/root.pem", tls::papers().0)
        .file("policy.toml", "# one\n[policy]\n")
        .file("base.toml", "name = \"base\"\n[[binary]]\npath = \"bin/other\"\nto = \"/usr/bin/other\"\n")
        .folder("links")
        .link("links/current", "../data/v1");
    case.run(["build", "base.toml", "--output", "bases/layout"]).ok();
    case.run(["lock", "recipes/site.toml"]).ok();
    fs::remove_file(case.path("base.toml")).unwrap();
    committed(case)
}

/// For each file: the recipes whose images follow it, and those that are called affected for nothing.
fn table() -> BTreeMap<String, (Vec<&'static str>, Vec<&'static str>)> {
    let mut table: BTreeMap<String, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    let mut add = |path: &str, real: &[&'static str], idle: &[&'static str]| {
        table.insert(path.to_owned(), (real.to_vec(), idle.to_vec()));
    };
    for (path, real) in [
        ("shared/log/log.go", "gateway"),
        ("shared/conf/conf.go", "worker"),
        ("shared/conf/defaults/a.txt", "worker"),
        ("services/gateway/main.go", "gateway"),
        ("services/worker/main.go", "worker"),
        ("services/worker/static/index.html", "worker"),
        ("services/tool/main.go", "tool"),
        ("libs/tool/tool.go", "tool"),
        ("services/stamped/main.go", "stamped"),
        ("work/one/main.go", "one"),
        ("work/two/two.go", "one"),
        ("rust/api/src/main.rs", "api"),
        ("rust/common/src/lib.rs", "api"),
        ("rust/plain/src/main.rs", "plain"),
        ("rust/script/build.rs", "script"),
        ("rust/script/data/seed.txt", "script"),
        ("rust/script/src/main.rs", "script"),
        ("rust/outer/src/main.rs", "outer"),
        ("notes/motd.txt", "outer"),
        ("site/index.html", "site"),
        ("links/current", "linked"),
    ] {
        add(path, &[real], &[]);
    }
    add("data/v1/config", &["files", "linked"], &[]);
    add("bin/app", &["site", "files", "linked", "based"], &[]);
    for path in ["bases/layout/index.json", "bases/layout/oci-layout"] {
        add(path, &[], &["based"]);
    }
    add("certs/root.pem", &[], &["files"]);
    add("shared/log/other_windows.go", &[], &["gateway"]);
    for path in ["go.mod", "libs/tool/go.mod"] {
        add(path, &[], &GO);
    }
    for path in ["work/go.work", "work/one/go.mod", "work/two/go.mod"] {
        add(path, &[], &["one"]);
    }
    for path in ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"] {
        add(path, &[], &RUST);
    }
    for (path, idle) in
        [("rust/api/Cargo.toml", "api"), ("rust/common/Cargo.toml", "api"), ("rust/plain/Cargo.toml", "plain")]
    {
        add(path, &[], &[idle]);
    }
    for name in recipes().into_keys() {
        add(&format!("recipes/{name}.toml"), &[], &[name]);
    }
    // It lies where macros look for their settings.
    add("policy.toml", &[], &["api", "plain"]);
    add("recipes/site.lock", &[], &["site"]);
    table
}

/// Changes a file as far as its kind allows; a link leads elsewhere.
fn change(case: &Case, path: &str) {
    let at = case.path(path);
    if at.is_symlink() {
        fs::remove_file(&at).unwrap();
        symlink("../data/v2", &at).unwrap();
        return;
    }
    let mut bytes = fs::read(&at).unwrap();
    match String::from_utf8(bytes.clone()) {
        Ok(text) if text.contains("one") => bytes = text.replace("one", "two").into_bytes(),
        // The end of a program, a document or a certificate is followed by anything.
        _ => bytes.push(b'\n'),
    }
    fs::write(&at, bytes).unwrap();
}

/// Every file of the commit.
fn files(case: &Case) -> Vec<String> {
    git(case, &["ls-files"]).lines().map(str::to_owned).collect()
}

#[test]
fn a_change_of_any_file_affects_the_recipes_that_follow_it_and_few_others() {
    let case = fleet();
    let table = table();
    let always = set(&ALWAYS);
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&[]), "nothing changed");
    let all = files(&case);
    assert!(table.keys().all(|path| all.contains(path)), "the table names files that are there");
    for path in all.iter().filter(|path| !path.starts_with("bases/layout/blobs/") && *path != ".gitignore") {
        change(&case, path);
        let (real, idle) = table.get(path).cloned().unwrap_or_default();
        let expected: BTreeSet<String> = &set(&[real, idle].concat()) | &always;
        assert_eq!(affected(&case, &["--since", "HEAD"]), expected, "{path}");
        git(&case, &["checkout", "-q", "--", path]);
    }
    // Committed, the answer is the same.
    change(&case, "shared/log/log.go");
    commit(&case);
    assert_eq!(affected(&case, &["--since", "HEAD~1"]), &set(&["gateway"]) | &always);
    // The policy of the call counts for all, and only where it is given.
    change(&case, "policy.toml");
    let every: BTreeSet<String> = recipes().into_keys().map(str::to_owned).collect();
    assert_eq!(affected(&case, &["--since", "HEAD", "--policy", "policy.toml"]), every);
    assert!(!affected(&case, &["--since", "HEAD"]).contains("gateway"));
    // New files: in a package, embedded, in a tree; and what is none of these.
    for (path, text, real) in [
        ("shared/log/new.go", "package log\n", "gateway"),
        ("services/worker/static/new.css", "x\n", "worker"),
        ("rust/common/src/new.rs", "// x\n", "api"),
        ("site/new.html", "x\n", "site"),
        ("services/go.mod", "module example.com/mono/services\n", "gateway"),
    ] {
        let added = case.clone().file(path, text);
        assert!(affected(&added, &["--since", "HEAD"]).contains(real), "{path}");
        fs::remove_file(added.path(path)).unwrap();
    }
}

/// The digest of a recipe's image; none where it does not build.
fn digest(case: &Case, name: &str) -> Option<String> {
    let output = format!("../images/{name}");
    let recipe = format!("recipes/{name}.toml");
    let run = case.run(["build", "--offline", &recipe, "--output", &output]);
    (run.code == 0).then(|| run.digest())
}

/// `HARDPAN_TEST_STEPS=100` walks over all files.
#[test]
fn what_is_called_unaffected_builds_the_same_image() {
    let case = fleet();
    let names: Vec<&str> = recipes().into_keys().collect();
    let before: BTreeMap<&str, Option<String>> = names.iter().map(|name| (*name, digest(&case, name))).collect();
    assert!(before.values().all(Option::is_some), "every recipe builds: {before:?}");
    let mut paths = files(&case);
    let (first, steps) = (["shared/log/log.go", "rust/common/src/lib.rs", "site/index.html"], walks::steps(3) as usize);
    paths.sort_by_key(|path| (!first.contains(&path.as_str()), path.clone()));
    let (mut asked, mut idle, mut real) = (0, 0, 0);
    for path in paths.iter().take(steps) {
        change(&case, path);
        commit(&case);
        let said = affected(&case, &["--since", "HEAD~1"]);
        for name in &names {
            let differs = digest(&case, name) != before[name];
            assert!(!differs || said.contains(*name), "{path} changes the image {name}, which is called unaffected");
            (asked, real) = (asked + 1, real + usize::from(differs));
            idle += usize::from(!differs && said.contains(*name));
        }
        git(&case, &["reset", "-q", "--hard", "HEAD~1"]);
    }
    eprintln!("{asked} answers: {real} images differ, {idle} more were called affected, {} not", asked - real - idle);
    assert!(Path::new(&case.path("recipes")).is_dir());
}
