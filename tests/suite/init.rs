//! `hardpan init`: the recipe it writes builds at once, or it says exactly what is missing and writes nothing.

mod choices;
mod ko;

use std::{fs, path::Path};

use crate::support::{
    case::Case,
    elf,
    judges::{checked, tool},
    output::Output,
};

const MAIN_GO: &str = "package main\n\nfunc main() {}\n";
const MAIN_RS: &str = "fn main() {}\n";

/// A module of two programs, and the files that Dockerfiles copy.
fn go_project(case: Case) -> Case {
    case.file("go.mod", "module example.com/server\n\ngo 1.21\n")
        .file(
            "cmd/server/main.go",
            "package main\n\nimport \"fmt\"\n\nvar version = \"none\"\n\nfunc main() { fmt.Println(version) }\n",
        )
        .file("cmd/migrate/main.go", MAIN_GO)
        .file("static/index.html", "<p>hello</p>\n")
        .file("static/css/style.css", "p {}\n")
        .file("config.yaml", "a: 1\n")
        .file("more/one.sql", "select 1;\n")
        .file("entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n")
        .file("vendor.tar.gz", "no archive\n")
        .file("dist/server-amd64", elf::static_amd64())
}

fn cargo_package(name: &str, more: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}")
}

fn cargo_lock(names: &[&str]) -> String {
    let packages = names.iter().map(|name| format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n"));
    format!("version = 4\n{}", packages.collect::<String>())
}

/// A package with one program.
fn rust_project(case: Case) -> Case {
    case.file("Cargo.toml", cargo_package("server", "\n[features]\nloud = []\n"))
        .file("Cargo.lock", cargo_lock(&["server"]))
        .file("src/main.rs", MAIN_RS)
}

/// What `init` wrote and said, for a snapshot.
fn told(case: &Case, run: &Output) -> String {
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap_or_else(|_| "(no recipe)\n".into());
    format!("{}\n--- stderr, exit code {}\n{}", recipe, run.code, run.messages())
}

/// `init` with these arguments, then `build` without an edit.
#[track_caller]
fn builds(case: &Case, arguments: &[&str]) -> Output {
    case.run([&["init"], arguments].concat()).ok();
    case.run(["build"]).ok()
}

#[test]
fn dockerfiles_become_recipes_and_a_list_of_what_is_left_out() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/fixtures/dockerfiles");
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 24, "two seeds and twenty more");
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().replace(".Dockerfile", "");
        let cannot = ["seed", "node", "python", "java"].iter().any(|kind| name.starts_with(kind));
        let case = Case::new().file("Dockerfile", fs::read(&path).unwrap());
        let case = if name.starts_with("rust") {
            rust_project(case)
        } else if cannot {
            case.file("package.json", "{}\n").file("api.py", "").file("requirements.txt", "")
        } else {
            go_project(case)
        };
        let run = case.run(["init", "--from", "Dockerfile"]);
        insta::assert_snapshot!(format!("init_{name}"), told(&case, &run));
        if cannot || name == "scratch-missing" {
            run.fails(2);
        } else {
            assert_eq!(run.ok().stdout, "hardpan.toml\n");
            case.run(["build"]).ok();
        }
    }
}

#[test]
fn a_go_module_with_one_program() {
    let case = Case::new().file("go.mod", "module example.com/one/v2\n\ngo 1.21\n").file("main.go", MAIN_GO);
    assert_eq!(builds(&case, &[]).printed().0, "one");
}

#[test]
fn go_module_with_several_programs() {
    let case = go_project(Case::new()).file("examples/demo/main.go", MAIN_GO);
    let built = builds(&case, &[]);
    assert_eq!(built.printed().0, "server");
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
    assert!(recipe.contains("# go = \"./cmd/migrate\"") && recipe.contains("# go = \"./examples/demo\""), "{recipe}");
    // Each of the comments is a table that builds as well.
    let other = recipe.replace("\ngo = \"./cmd/server\"", "\ngo = \"./cmd/migrate\"");
    fs::write(case.path("hardpan.toml"), other).unwrap();
    assert_eq!(case.run(["build"]).ok().printed().0, "migrate");
}

#[test]
fn a_nested_go_module_and_a_workspace_of_the_checkout() {
    let case = Case::new()
        .file("go.mod", "module example.com/lib\n\ngo 1.21\n")
        .file("lib.go", "package lib\n\nfunc Word() string { return \"x\" }\n")
        .file("go.work", "go 1.21\n\nuse (\n\t.\n\t./tool // nested\n)\n")
        .file("tool/go.mod", "module example.com/lib/tool\n\ngo 1.21\n")
        .file("tool/main.go", "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.Word()) }\n");
    assert_eq!(builds(&case, &[]).printed().0, "tool");
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
    assert!(recipe.contains("dir = \"tool\"") && recipe.contains("GOWORK = \"../go.work\""), "{recipe}");
}

#[test]
fn a_cargo_package_a_workspace_and_several_binaries() {
    assert_eq!(builds(&rust_project(Case::new()), &[]).printed().0, "server");
    let workspace = Case::new()
        .file(
            "Cargo.toml",
            "[workspace]\nmembers = [\"crates/*\"]\ndefault-members = [\"crates/app\"]\nresolver = \"2\"\n",
        )
        .file("Cargo.lock", cargo_lock(&["a-tool", "app", "base"]))
        .file("crates/app/Cargo.toml", cargo_package("app", ""))
        .file("crates/app/src/main.rs", MAIN_RS)
        .file("crates/a-tool/Cargo.toml", cargo_package("a-tool", ""))
        .file("crates/a-tool/src/main.rs", MAIN_RS)
        .file("crates/base/Cargo.toml", cargo_package("base", ""))
        .file("crates/base/src/lib.rs", "");
    assert_eq!(builds(&workspace, &[]).printed().0, "app");
    let several = Case::new()
        .file("Cargo.toml", cargo_package("many", "default-run = \"serve\"\n\n[features]\ncli = []\n\n[[bin]]\nname = \"serve\"\npath = \"src/main.rs\"\nrequired-features = [\"cli\"]\n"))
        .file("Cargo.lock", cargo_lock(&["many"]))
        .file("src/main.rs", MAIN_RS)
        .file("src/bin/a.rs", MAIN_RS);
    assert_eq!(builds(&several, &[]).printed().0, "serve");
    let recipe = fs::read_to_string(several.path("hardpan.toml")).unwrap();
    assert!(recipe.contains("cargo = \"many/serve\"\nfeatures = [\"cli\"]"), "{recipe}");
    assert!(recipe.contains("# cargo = \"many/a\""), "{recipe}");
}

#[test]
fn prebuilt_programs_for_one_and_two_platforms() {
    let one = Case::new().file("target/release/tool", elf::static_pie_amd64());
    assert_eq!(builds(&one, &[]).printed().0, "tool");
    let two = Case::new().file("dist/app-amd64", elf::static_amd64()).file("dist/app-arm64", elf::static_arm64());
    let layout = builds(&two, &["--name", "both"]).layout();
    assert_eq!(layout.name(), "both");
    let arm = Case::new().file("app", elf::static_arm64());
    builds(&arm, &[]);
    let dynamic = Case::new().file("bin/app", elf::dynamic_amd64());
    dynamic.run(["init"]).fails(2).says("is dynamic");
}

#[test]
fn the_recipe_goes_where_it_is_told_and_never_over_another_one() {
    let case = go_project(Case::new()).file("sub/keep", "");
    case.run(["init", "--output", "-"]).ok();
    assert!(!case.path("hardpan.toml").exists());
    // Outside of git the recipe's folder is the bound of its paths; a recipe that would not build is not written.
    case.run(["init", "--output", "sub/server.toml"]).fails(2).says("is outside of the recipe's folder");
    assert!(!case.path("sub/server.toml").exists());
    checked(tool("git").args(["init", "--quiet"]).current_dir(case.dir()));
    case.run(["init", "--output", "sub/server.toml"]).ok();
    case.run(["build", "sub/server.toml"]).ok();
    let case = case.file("hardpan.toml", "mine\n");
    case.run(["init"]).fails(2).says("the recipe exists already");
    assert_eq!(fs::read_to_string(case.path("hardpan.toml")).unwrap(), "mine\n");
    assert_eq!(case.run(["init", "--force"]).ok().stdout, "hardpan.toml\n");
    case.run(["build"]).ok();
    let linked = go_project(Case::new()).link("hardpan.toml", "elsewhere");
    linked.run(["init", "--force"]).fails(2);
    assert!(!linked.path("elsewhere").exists());
}

#[test]
fn what_is_missing_is_said_and_nothing_is_written() {
    let package = cargo_package("x", "");
    for (files, says) in [
        (vec![("go.mod", "module example.com/x\n\ngo 1.21\n"), ("x.go", "package x\n")], "is a library"),
        (
            vec![
                ("go.mod", "module example.com/x\n\ngo 1.21\n"),
                ("main.go", "package main\n\nimport \"C\"\n\nfunc main() {}\n"),
            ],
            "main.go",
        ),
        (
            vec![("go.mod", "module example.com/x\n\ngo 1.21\n\nrequire example.com/y v1.0.0\n"), ("main.go", MAIN_GO)],
            "there is no `go.sum`, and `go.mod` requires `example.com/y`",
        ),
        (vec![("Cargo.toml", package.as_str()), ("src/main.rs", MAIN_RS)], "there is no `Cargo.lock`"),
        (
            vec![("Cargo.toml", package.as_str()), ("Cargo.lock", "version = 4\n"), ("src/lib.rs", "")],
            "`x` is a library",
        ),
        (
            // What a module's archive keeps of a vendor folder: the list, and nothing of what it lists.
            vec![
                ("go.mod", "module example.com/x\n\ngo 1.21\n\nrequire example.com/y v1.0.0\n"),
                ("vendor/modules.txt", "# example.com/y v1.0.0\n## explicit\nexample.com/y\n"),
                ("main.go", "package main\n\nimport _ \"example.com/y\"\n\nfunc main() {}\n"),
            ],
            "the `vendor` folder does not have what the sources import",
        ),
        (vec![("package.json", "{}")], "this is a Node.js project"),
        (vec![("pyproject.toml", "")], "this is a Python project"),
        (vec![("notes.txt", "")], "no `go.mod`, no `Cargo.toml` and no prebuilt program"),
    ] {
        let case = files.into_iter().fold(Case::new(), |case, (path, text)| case.file(path, text));
        let before = fs::read_dir(case.dir()).unwrap().count();
        case.run(["init"]).fails(2).says(says);
        assert_eq!(fs::read_dir(case.dir()).unwrap().count(), before, "{says}: something was written");
    }
    Case::new().run(["init", "--from", "Nothing"]).fails(2).says("Nothing");
    Case::new().file("Dockerfile", "RUN x\n").run(["init", "--from", "Dockerfile"]).fails(2).says("it has no `FROM`");
}

/// Real programs, by name: `(module@version, package in it)`, both as `go install` takes them. Those that have to be
/// named, because the module has several and none of them has its name, follow a `?`.
const MODULES: [(&str, &str); 6] = [
    ("rsc.io/2fa@v1.2.0", "2fa"),
    ("github.com/rakyll/hey@v0.1.4", "hey"),
    ("golang.org/x/example/hello@v0.0.0-20240925201653-1a5e218e5455", "hello"),
    ("mvdan.cc/gofumpt@v0.7.0", "gofumpt"),
    ("github.com/google/go-containerregistry@v0.20.2", "?crane"),
    ("github.com/mattn/go-sqlite3@v1.14.24", ""),
];

#[test]
fn real_go_modules() {
    for (module, program) in MODULES {
        let case = Case::new().networked();
        let mut go = tool("go");
        let answer = checked(go.args(["mod", "download", "-json", module]).current_dir(case.dir()));
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        checked(tool("cp").arg("-r").arg(format!("{}/.", answer["Dir"].as_str().unwrap())).arg(case.dir()));
        checked(tool("chmod").args(["-R", "u+w"]).arg(case.dir()));
        // A module's archive holds the list of a vendor folder and none of its packages; a checkout has both.
        checked(tool("rm").arg("-rf").arg(case.path("vendor")));
        let run = case.run(["init"]);
        if program.is_empty() {
            run.fails(2).says("library");
            continue;
        }
        let program = if let Some(named) = program.strip_prefix('?') {
            run.fails(2).says(&format!("./cmd/{named}"));
            case.run(["init", "--force", "--binary", named]).ok();
            named
        } else {
            run.ok();
            program
        };
        assert_eq!(case.run(["build"]).ok().printed().0, program, "{module}");
    }
}

/// Real crates, `(name, version, program)`; an empty program is a library.
const CRATES: [(&str, &str, &str); 4] =
    [("hexyl", "0.14.0", "hexyl"), ("sd", "1.0.0", "sd"), ("just", "1.36.0", "just"), ("itoa", "1.0.11", "")];

#[test]
fn real_crates() {
    for (name, version, program) in CRATES {
        let case = Case::new().networked();
        // cargo itself brings the sources, into its registry.
        let fetcher = case.clone().file("../fetch/src/lib.rs", "").file(
            "../fetch/Cargo.toml",
            format!("[package]\nname = \"fetch\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n{name} = \"={version}\"\n"),
        );
        let manifest = fetcher.path("../fetch/Cargo.toml");
        let mut cargo = tool("cargo");
        checked(cargo.args(["fetch", "--quiet", "--manifest-path"]).arg(&manifest));
        let source = in_registry(&format!("{name}-{version}"));
        checked(tool("cp").arg("-r").arg(source.join(".")).arg(case.dir()));
        let run = case.run(["init"]);
        if program.is_empty() {
            run.fails(2).says("Cargo.lock");
        } else {
            run.ok();
            assert_eq!(case.run(["build"]).ok().printed().0, program, "{name}");
        }
    }
}

/// Where cargo has unpacked a crate.
fn in_registry(folder: &str) -> std::path::PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(std::path::PathBuf::from);
    let home = home.or_else(|| Some(std::path::PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap();
    let sources = fs::read_dir(home.join("registry/src")).unwrap();
    sources.map(|entry| entry.unwrap().path().join(folder)).find(|path| path.exists()).unwrap()
}

/// Faults that were there once.
mod regression {
    use super::{Case, builds};

    #[test]
    fn cgo_file_with_a_substitute() {
        let case = Case::new()
            .file("go.mod", "module example.com/x\n\ngo 1.21\n")
            .file("main.go", "package main\n\nfunc main() { word() }\n")
            .file("with.go", "package main\n\nimport \"C\"\n\nfunc word() {}\n")
            .file("without.go", "//go:build !cgo\n\npackage main\n\nfunc word() {}\n");
        builds(&case, &[]);
    }
}
