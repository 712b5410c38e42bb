//! Which program `init` chooses, and that it chooses none where nothing but the alphabet could.

use std::fs;

use super::{MAIN_GO, MAIN_RS, cargo_lock, cargo_package};
use crate::support::{case::Case, elf};

fn module(path: &str) -> String {
    format!("module example.com/{path}\n\ngo 1.21\n")
}

/// A case with modules in these folders; each package path beside it is a program.
fn modules(list: &[(&str, &[&str])]) -> Case {
    list.iter().fold(Case::new(), |case, (folder, programs)| {
        let at = |path: &str| if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
        let name = if folder.is_empty() { "shop".to_owned() } else { format!("shop/{folder}") };
        let case = case.file(at("go.mod"), module(&name));
        let case = case.file(at("lib/lib.go"), "package lib\n");
        programs
            .iter()
            .fold(case, |case, program| case.file(at(&format!("{program}/main.go").replace("./", "")), MAIN_GO))
    })
}

fn packages(case: Case, list: &[(&str, &str)]) -> Case {
    list.iter().fold(case, |case, (folder, name)| {
        case.file(format!("{folder}/Cargo.toml"), cargo_package(name, ""))
            .file(format!("{folder}/src/main.rs"), MAIN_RS)
    })
}

fn recipe(case: &Case) -> String {
    fs::read_to_string(case.path("hardpan.toml")).unwrap()
}

#[test]
fn the_program_is_chosen_where_a_reason_speaks_for_it() {
    let work = "go 1.21\n\nuse (\n\t./svc\n\t\"./tools/gen\" // generates\n)\n";
    let workspace =
        "[workspace]\nmembers = [\"app\", \"xtask\", \"cli\"]\ndefault-members = [\"app\"]\nresolver = \"2\"\n";
    for (why, case, program, reason) in [
        ("the only one", modules(&[("", &["cmd/api"])]), "go = \"./cmd/api\"", "the only one here"),
        (
            "the module's name",
            modules(&[("", &["cmd/api", "cmd/shop", "cmd/a"])]),
            "go = \"./cmd/shop\"",
            "it has the project's name",
        ),
        ("the root", modules(&[("", &[".", "cmd/shop", "cmd/a"])]), "go = \".\"", "the package at the root"),
        (
            "one below cmd",
            modules(&[("", &["a/gen", "cmd/zeta"])]),
            "go = \"./cmd/zeta\"",
            "the place, or with the name",
        ),
        (
            "one that is not aside",
            modules(&[("", &["contrib/a", "examples/b", "hack/c", "svc/run", "test-server"])]),
            "go = \"./svc/run\"",
            "the others are examples, tests or tools",
        ),
        ("an example alone", modules(&[("", &["examples/b"])]), "go = \"./examples/b\"", "the only one here"),
        (
            "a module that go.work uses",
            modules(&[("contrib/a", &["."]), ("auth", &["."]), ("svc", &["."]), ("tools/gen", &["."])])
                .file("go.work", work),
            "go = \".\"\ndir = \"svc\"\nenv = { GOWORK = \"../go.work\" }",
            "the others are examples, tests or tools",
        ),
        (
            "the project's own module before those that go.work uses",
            modules(&[("", &["cmd/shop"]), ("svc", &["."])]).file("go.work", "go 1.21\n\nuse .\nuse ./svc\n"),
            "go = \"./cmd/shop\"\nenv",
            "it has the project's name",
        ),
        (
            "a default member",
            packages(Case::new().file("Cargo.toml", workspace), &[("app", "app"), ("cli", "cli"), ("xtask", "xtask")])
                .file("Cargo.lock", cargo_lock(&["app", "cli", "xtask"])),
            "cargo = \"app\"",
            "a default member",
        ),
    ] {
        let run = case.run(["init"]).ok();
        let messages = run.messages();
        assert!(messages.contains(reason), "{why}: {messages}");
        let text = recipe(&case);
        assert!(text.contains(&format!("\n[[binary]]\n{program}")), "{why}: {text}");
        assert_eq!(text.matches("\n[[binary]]").count(), 1, "{why}: {text}");
        case.run(["plan"]).ok();
    }
}

/// The tables that stand as comments: the words of `--binary` for them, and their first lines.
type Commented<'a> = &'a [(&'a str, &'a str)];

#[test]
fn programs_without_a_reason() {
    let members = "[workspace]\nmembers = [\"api\", \"job\"]\nresolver = \"2\"\n";
    let bins = "\n[[bin]]\nname = \"one\"\npath = \"src/main.rs\"\n\n[[bin]]\nname = \"two\"\npath = \"src/two.rs\"\n";
    let cases: [(&str, Case, Commented); 8] = [
        (
            "two below cmd",
            modules(&[("", &["cmd/api", "cmd/job", "tools/gen"])]),
            &[("api", "go = \"./cmd/api\""), ("job", "go = \"./cmd/job\""), ("./tools/gen", "go = \"./tools/gen\"")],
        ),
        (
            "two modules of a go.work, with a third one that it does not use",
            modules(&[("api", &["."]), ("job", &["cmd/job"]), ("about", &["."])])
                .file("go.work", "go 1.21\n\nuse ./job\nuse ./api\n"),
            &[("api", "go = \".\"\n# dir = \"api\""), ("job/cmd/job", "go = \"./cmd/job\"\n# dir = \"job\"")],
        ),
        (
            "two modules",
            modules(&[("deep/api", &["."]), ("job", &["."])]),
            &[("api", "go = \".\"\n# dir = \"deep/api\""), ("example.com/shop/job", "go = \".\"\n# dir = \"job\"")],
        ),
        (
            "programs of one name",
            modules(&[("", &["a/run", "b/run"])]),
            &[("a/run", "go = \"./a/run\""), ("example.com/shop/b/run", "go = \"./b/run\"")],
        ),
        (
            "two members",
            packages(Case::new().file("Cargo.toml", members), &[("api", "api"), ("job", "job")])
                .file("Cargo.lock", cargo_lock(&["api", "job"])),
            &[("api", "cargo = \"api\""), ("job/job", "cargo = \"job\"")],
        ),
        (
            "two binaries of a package",
            Case::new()
                .file("Cargo.toml", cargo_package("shop", bins))
                .file("Cargo.lock", cargo_lock(&["shop"]))
                .file("src/main.rs", MAIN_RS)
                .file("src/two.rs", MAIN_RS),
            &[("one", "cargo = \"shop/one\""), ("shop/two", "cargo = \"shop/two\"")],
        ),
        (
            "two packages beside each other",
            packages(Case::new(), &[("api", "api"), ("job", "job")])
                .file("api/Cargo.lock", cargo_lock(&["api"]))
                .file("job/Cargo.lock", cargo_lock(&["job"])),
            &[("api", "cargo = \"api\"\n# dir = \"api\""), ("job", "cargo = \"job\"\n# dir = \"job\"")],
        ),
        (
            "two prebuilt programs",
            Case::new().file("dist/api", elf::static_amd64()).file("dist/job", elf::static_amd64()),
            &[("api", "path = \"dist/api\""), ("dist/job", "path = \"dist/job\"")],
        ),
    ];
    for (why, case, tables) in cases {
        let run = case.run(["init"]).fails(2).says("it is not clear which of").says("--binary");
        let text = recipe(&case);
        assert!(!text.contains("\n[[binary]]"), "{why}: {text}");
        case.run(["plan"]).fails(2).says("[[binary]]");
        for (word, table) in tables {
            let commented = format!("\n# [[binary]]\n# {table}");
            assert!(text.contains(&commented), "{why}, {word}: {text}");
            let first = table.lines().next().unwrap();
            assert!(run.messages().contains(&format!("`{first}`")), "{why}, {word}: {}", run.messages());
            case.run(["init", "--force", "--binary", word]).ok().says("`--binary` names it");
            let chosen = recipe(&case);
            assert!(chosen.contains(&commented.replace("# ", "")), "{why}, {word}: {chosen}");
            case.run(["plan"]).ok();
        }
        // One of the comments as a table, as the message says.
        let lines = text.split("\n# [[binary]]\n").nth(1).unwrap();
        let table: Vec<_> = lines.lines().take_while(|line| line.starts_with("# ")).collect();
        let taken = text.replacen("\n# [[binary]]\n", "\n[[binary]]\n", 1);
        let taken = table.iter().fold(taken, |text, line| {
            let key = line.strip_prefix("# ").filter(|line| line.contains(" = "));
            key.map_or(text.clone(), |key| text.replacen(line, key, 1))
        });
        fs::write(case.path("hardpan.toml"), taken).unwrap();
        case.run(["plan"]).ok();
    }
}

#[test]
fn the_program_that_the_caller_names_is_there_and_the_only_one() {
    let case = modules(&[("", &["a/run", "b/run"])]);
    case.run(["init", "--binary", "nope"]).fails(2).says("no program of the project has that name").says("./b/run");
    case.run(["init", "--binary", "run"])
        .fails(2)
        .says("several programs have that name")
        .says("example.com/shop/a/run");
    assert!(!case.path("hardpan.toml").exists());
    let case = case.file("Dockerfile", "FROM golang\nRUN go build -o /x ./a/run\nENTRYPOINT [\"/x\"]\n");
    case.run(["init", "--from", "Dockerfile", "--binary", "run"]).fails(2).says("does not go with a Dockerfile");
    case.run(["init", "--output", "-"]).fails(2).says("./b/run");
    assert!(!case.path("hardpan.toml").exists());
}

#[test]
fn a_port_that_the_run_user_may_not_be_allowed_to_open_is_said() {
    let dockerfile = |port: &str| {
        let text = format!("FROM golang\nRUN go build -o /x .\nEXPOSE {port}\nENTRYPOINT [\"/x\"]\n");
        modules(&[("", &["."])]).file("Dockerfile", text)
    };
    let run = dockerfile("80 8080 443/udp").run(["init", "--from", "Dockerfile"]).ok();
    let says = "ports: `80/tcp`, `443/udp` are below 1024";
    assert!(run.messages().contains(says), "{}", run.messages());
    assert!(run.messages().contains("net.ipv4.ip_unprivileged_port_start"), "{}", run.messages());
    let run = dockerfile("8080").run(["init", "--from", "Dockerfile"]).ok();
    assert!(!run.messages().contains("1024"), "{}", run.messages());
}

/// Faults that were there once.
mod regression {
    use super::{MAIN_GO, modules, recipe};

    #[test]
    fn program_that_cannot_be_compiled_here() {
        let cgo = "package main\n\nimport \"C\"\n\nfunc main() {}\n";
        let case = modules(&[("", &["cmd/tool"])]).file("cmd/server/main.go", cgo);
        case.run(["init"]).fails(2).says("cmd/server").says("imports \"C\"");
        assert!(!recipe(&case).contains("\n[[binary]]"));
        let named = modules(&[("", &["cmd/shop"])]).file("cmd/server/main.go", cgo);
        named.run(["init"]).ok();
        let broken = modules(&[("api", &["."])]).file("job/go.mod", "no module\n").file("job/main.go", MAIN_GO);
        broken.run(["init"]).fails(2).says("the module in `job` cannot be read");
    }
}
