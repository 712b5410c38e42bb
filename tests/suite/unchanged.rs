//! Programs whose inputs are as they were: no toolchain is started for them, and whatever changes is noticed.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    thread,
    time::Duration,
};

use crate::support::{
    case::{Case, scratch, share_go_builds},
    output::Output,
};

const RECIPE: &str = r#"
vars = { stamp = "one" }

[[binary]]
go = "./cmd/app"
ldflags = ["-X main.stamp={stamp}"]
to = "/usr/bin/app"
"#;

/// A module with a package beside the program, embedded files, assembly, and a module in a folder in the place of another.
fn go_module() -> Case {
    Case::new()
        .recipe(RECIPE)
        .file("go.mod", "module example.com/app\n\ngo 1.24\n\nrequire example.com/local v0.0.0\n\nreplace example.com/local => ./local\n")
        .file(
            "cmd/app/main.go",
            "package main\n\nimport (\n\t\"embed\"\n\t\"fmt\"\n\n\t\"example.com/app/lib\"\n\t\"example.com/local\"\n)\n\n\
             //go:embed page all:site\nvar files embed.FS\n\nvar stamp string\n\nfunc main() {\n\tfmt.Println(stamp, lib.Name(), local.Name, files)\n}\n",
        )
        .file("cmd/app/page/index.html", "<p>one</p>\n")
        .file("cmd/app/site/a/b.txt", "b\n")
        .file("lib/lib.go", "package lib\n\nvar name = \"lib\"\n\nfunc Name() string { return name }\n\nfunc add(a, b int64) int64\n")
        .file("lib/add_amd64.s", "#include \"add.h\"\n\nTEXT ·add(SB), 4, $0-24\n\tMOVQ a+0(FP), AX\n\tADDQ b+8(FP), AX\n\tADDQ $NUMBER, AX\n\tMOVQ AX, ret+16(FP)\n\tRET\n")
        .file("lib/add.h", "#define NUMBER 1\n")
        .file("local/go.mod", "module example.com/local\n\ngo 1.24\n")
        .file("local/local.go", "package local\n\nconst Name = \"local\"\n")
}

/// `hardpan build` and how often it started `program`.
fn starts(case: &Case, program: &str, more: &[&str]) -> (Output, usize) {
    let (output, trace) = case.traced(&["--trace=execve"], [&["build", "app.toml"], more].concat());
    let ended = format!("/{program}\"");
    let started = trace.iter().filter(|line| line.contains("execve(\"") && line.ends_with("= 0"));
    let of_it = started.filter(|line| line.split(',').next().is_some_and(|first| first.ends_with(&ended)));
    (output, of_it.count())
}

/// The image of a build that knows nothing, or nothing where it fails.
fn cold(case: &Case, more: &[&str]) -> Option<String> {
    let cache = scratch();
    share_go_builds(cache.path());
    let words = [&["build", "app.toml", "--output", "../cold"], more].concat();
    let output = case.clone().env("XDG_CACHE_HOME", cache.path()).run(words);
    (output.code == 0).then(|| output.digest())
}

/// Builds until nothing is left to learn: what is written in the tick in which a compile begins is not remembered.
#[track_caller]
fn settle(case: &Case, program: &str) -> String {
    for _ in 0..4 {
        let (output, count) = starts(case, program, &[]);
        let digest = output.ok().digest();
        if count == 0 {
            return digest;
        }
    }
    panic!("{program} is asked again and again");
}

fn replace(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{old}");
    fs::write(path, text.replace(old, new)).unwrap();
}

#[test]
fn an_unchanged_go_program_starts_no_go() {
    let case = go_module();
    let first = case.build().ok().digest();
    assert_eq!(settle(&case, "go"), first);
    assert_eq!(cold(&case, &[]).as_ref(), Some(&first));
    // What reaches no program is no change: tests, documents, times, and files under names that Go passes over.
    let case =
        case.file("local/local_test.go", "package local\n").file("README.md", "read me\n").file("cmd/app/_old.go", "?");
    let text = fs::read(case.path("local/local.go")).unwrap();
    fs::write(case.path("local/local.go"), text).unwrap();
    let (output, count) = starts(&case, "go", &[]);
    assert_eq!((output.ok().digest(), count), (first.clone(), 0));
    // `go version` of a locked build is known as well.
    case.run(["lock", "app.toml"]).ok();
    case.run(["build", "--locked", "app.toml"]).ok();
    let (output, count) = starts(&case, "go", &["--locked"]);
    assert_eq!((output.ok().digest(), count), (first, 0));
}

/// What is changed, and how.
type Change<'a> = (&'a str, Box<dyn Fn() + 'a>);

#[test]
fn every_change_of_what_a_go_program_is_made_of_is_noticed() {
    let case = go_module();
    let path = |name: &str| case.path(name);
    let write = |name: &str, text: &str| {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), text).unwrap();
    };
    let remove = |name: &str| fs::remove_file(path(name)).unwrap();
    let changes: Vec<Change<'_>> = vec![
        ("a source", Box::new(|| replace(&path("lib/lib.go"), "\"lib\"", "\"bil\""))),
        ("a new source", Box::new(|| write("lib/more.go", "package lib\n\nfunc init() { name = \"more\" }\n"))),
        ("a source that is gone", Box::new(|| remove("lib/more.go"))),
        (
            "an import in a source that was there",
            Box::new(|| {
                write("side/side.go", "package side\n\nfunc init() { println(1) }\n");
                replace(&path("lib/lib.go"), "package lib\n", "package lib\n\nimport _ \"example.com/app/side\"\n");
            }),
        ),
        ("the package that it imports", Box::new(|| replace(&path("side/side.go"), "println(1)", "println(2)"))),
        (
            "a file that is embedded from now on",
            Box::new(|| {
                write("side/side.txt", "side\n");
                let text = "package side\n\nimport _ \"embed\"\n\n//go:embed side.txt\nvar text string\n\nfunc init() { println(text) }\n";
                write("side/side.go", text);
            }),
        ),
        ("another file that is embedded", Box::new(|| write("side/side.txt", "edis\n"))),
        ("a source for another system", Box::new(|| write("lib/more_windows.go", "package lib\n"))),
        ("a source in C", Box::new(|| write("local/more.c", "int more;\n"))),
        ("and none again", Box::new(|| remove("local/more.c"))),
        ("assembly where none was", Box::new(|| write("local/more_amd64.s", "TEXT ·more(SB), 4, $0-0\n\tRET\n"))),
        ("a header of the assembly", Box::new(|| write("lib/add.h", "#define NUMBER 2\n"))),
        ("an embedded file", Box::new(|| write("cmd/app/page/index.html", "<p>two</p>\n"))),
        ("a new embedded file", Box::new(|| write("cmd/app/site/a/new/c.txt", "c\n"))),
        ("a hidden embedded file", Box::new(|| write("cmd/app/site/a/.hidden", "h\n"))),
        ("a module inside of the embedded files", Box::new(|| write("cmd/app/site/a/new/go.mod", "module x\n"))),
        ("and it is gone", Box::new(|| remove("cmd/app/site/a/new/go.mod"))),
        ("the module in a folder", Box::new(|| replace(&path("local/local.go"), "\"local\"", "\"other\""))),
        (
            "the setting of a module",
            Box::new(|| replace(&path("go.mod"), "go 1.24\n", "go 1.24\n\ngodebug panicnil=1\n")),
        ),
        ("a module between", Box::new(|| write("lib/go.mod", "module example.com/app/lib\n"))),
        ("and it is gone again", Box::new(|| remove("lib/go.mod"))),
        ("a second package of that name", Box::new(|| write("vendor/modules.txt", "# nothing\n"))),
        ("no vendor folder again", Box::new(|| fs::remove_dir_all(path("vendor")).unwrap())),
        (
            "a program in place of a package",
            Box::new(|| replace(&path("local/local.go"), "package local", "package main")),
        ),
        ("and back", Box::new(|| replace(&path("local/local.go"), "package main", "package local"))),
        ("an older source", Box::new(|| replace(&path("lib/lib.go"), "\"bil\"", "\"lib\""))),
    ];
    settle(&case, "go");
    for (what, change) in &changes {
        change();
        let warm = case.build();
        let warm = (warm.code == 0).then(|| warm.digest());
        assert_eq!(warm, cold(&case, &[]), "{what}");
    }
    settle(&case, "go");
    let stamp = ["--set", "stamp=two"];
    let warm = case.run([&["build", "app.toml"], &stamp[..]].concat()).ok().digest();
    assert_eq!(Some(warm), cold(&case, &stamp), "a variable");
}

#[test]
fn an_edit_of_a_body_starts_go_build_and_nothing_else_of_go() {
    let case = go_module();
    settle(&case, "go");
    replace(&case.path("lib/lib.go"), "return name", "return name + \"!\"");
    thread::sleep(Duration::from_millis(50));
    let (output, trace) = case.traced(&["--trace=execve"], ["build", "app.toml"]);
    assert_eq!(Some(output.ok().digest()), cold(&case, &[]));
    // Go starts itself once more for its telemetry.
    let is_start = |line: &&String| line.contains("/go\", [") && !line.contains("telemetry");
    let started: Vec<_> = trace.iter().filter(is_start).collect();
    assert!(started.len() == 1 && started[0].contains("\"build\""), "{started:?}");
    // What that build recorded is noticed as well.
    assert_eq!(settle(&case, "go"), cold(&case, &[]).unwrap());
}

/// Five programs of one module, two of them of one name, one with flags of its own; each with a recipe.
fn go_services() -> Case {
    let mut case = Case::new()
        .file("go.mod", "module example.com/app\n\ngo 1.24\n")
        .file("shared/shared.go", "package shared\n\nfunc Text() string { return \"shared\" }\n");
    for (number, folder) in ["cmd/a/server", "cmd/b/server", "cmd/c", "cmd/d", "cmd/e"].into_iter().enumerate() {
        let main = format!(
            "package main\n\nimport \"example.com/app/shared\"\n\nvar stamp = \"\"\n\nfunc main() {{ println({number}, stamp, shared.Text()) }}\n"
        );
        let flags = if folder == "cmd/d" { "ldflags = [\"-X main.stamp=d\"]\n" } else { "" };
        let recipe = format!("name = \"r{number}\"\n\n[[binary]]\ngo = \"./{folder}\"\n{flags}to = \"/usr/bin/app\"\n");
        case = case.file(format!("{folder}/main.go"), main).file(format!("r{number}.toml"), recipe);
    }
    case
}

#[test]
fn programs_that_are_compiled_together_are_those_that_are_compiled_alone() {
    let case = go_services();
    let recipes = ["r0.toml", "r1.toml", "r2.toml", "r3.toml", "r4.toml"];
    let (together, trace) = case.traced(&["--trace=execve"], ["build"].into_iter().chain(recipes));
    let together = together.ok();
    // Of one program of each name, of the second one of that name, and of the program with flags of its own.
    assert_eq!(go_builds(&trace), 3);
    for (line, recipe) in together.stdout.lines().zip(recipes) {
        let cache = scratch();
        share_go_builds(cache.path());
        let alone = case.clone().env("XDG_CACHE_HOME", cache.path());
        let alone = alone.run(["build", recipe, "--output", "../alone/{name}"]).ok().digest();
        assert!(line.ends_with(&alone), "{recipe}: {line} is not {alone}");
    }
}

/// The lines of a trace that start `go build`.
fn go_builds(trace: &[String]) -> usize {
    trace.iter().filter(|line| line.contains("/bin/go\", [") && line.contains(", \"build\", \"-v\"")).count()
}

#[test]
fn one_program_for_two_platforms_is_compiled_once_for_each() {
    let platforms = "platforms = [\"linux/amd64\", \"linux/arm64\"]\n\n[[binary]]\ngo = \"./cmd/c\"\n";
    let case = go_services().file("r2.toml", platforms);
    let build = || case.traced(&["--trace=execve"], ["build", "r2.toml"]);
    let (first, trace) = build();
    assert_eq!(go_builds(&trace), 2);
    let cache = scratch();
    share_go_builds(cache.path());
    let alone = case.clone().env("XDG_CACHE_HOME", cache.path());
    let one_thread = alone.run(["build", "r2.toml", "--jobs", "1", "--output", "../alone"]).ok().digest();
    assert_eq!(first.ok().digest(), one_thread);

    replace(&case.path("cmd/c/main.go"), "func main", "const more = 1\n\nfunc main");
    thread::sleep(Duration::from_millis(50));
    let (edited, trace) = build();
    edited.ok();
    assert_eq!(go_builds(&trace), 2);
    let (_, trace) = build();
    assert_eq!(go_builds(&trace), 0);

    // Of one platform alone: the failure is told once, at the line of the recipe.
    let case = case.file("cmd/c/more_arm64.go", "package main\n\nvar _ = undefined()\n");
    let failed = case.run(["build", "r2.toml"]).fails(2).says("r2.toml:3:1:").says("undefined: undefined");
    assert_eq!(failed.stderr.matches("error[").count(), 1, "{}", failed.stderr);
}

#[test]
fn a_program_that_does_not_compile_among_others_is_reported_at_its_line() {
    let case = go_services();
    fs::write(case.path("cmd/c/main.go"), "package main\n\nfunc main() { undefined() }\n").unwrap();
    let output = case.run(["build", "r0.toml", "r2.toml", "r4.toml"]).fails(2).says("undefined: undefined");
    let alone = case.run(["build", "r2.toml"]).fails(2);
    let error = |output: &Output| output.stderr.lines().find(|line| line.starts_with("error[")).unwrap().to_owned();
    assert_eq!(error(&output), error(&alone));
    assert!(error(&alone).contains("r2.toml:3:1:"), "{}", error(&alone));
}

/// What `plan --inputs` says that compiles read, by name.
fn read_inputs(case: &Case) -> BTreeMap<String, Option<String>> {
    let plan = case.run(["plan", "app.toml", "--inputs", "--json"]).ok().stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    let inputs = plan["plans"][0]["inputs"].as_array().unwrap().iter().filter(|input| input["kind"] == "read");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    inputs.map(|input| (text(&input["name"]).unwrap(), text(&input["digest"]))).collect()
}

/// The names of inputs that are there or as they are in one list alone.
fn changed(before: &BTreeMap<String, Option<String>>, now: &BTreeMap<String, Option<String>>) -> Vec<String> {
    let names: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != now.get(*name)).cloned().collect()
}

#[test]
fn a_plan_lists_what_the_compile_of_a_go_program_reads() {
    let cache = scratch();
    share_go_builds(cache.path());
    let case = go_module().env("XDG_CACHE_HOME", cache.path());
    settle(&case, "go");
    let first = read_inputs(&case);
    for name in ["go.mod", "lib (files)", "cmd/app (Go sources)", "local (Go sources)", "cmd/app/page (tree)"] {
        assert!(first.get(name).is_some_and(Option::is_some), "{name} is not in {first:#?}");
    }
    assert_eq!(first.get("lib/go.mod"), Some(&Some("absent".to_owned())), "{first:#?}");
    // Another checkout of the same sources, with the same cache and with one of its own.
    let elsewhere = go_module();
    assert_eq!(changed(&first, &read_inputs(&elsewhere.clone().env("XDG_CACHE_HOME", cache.path()))), [""; 0]);
    settle(&elsewhere, "go");
    assert_eq!(changed(&first, &read_inputs(&elsewhere)), [""; 0]);
    replace(&case.path("lib/lib.go"), "return name", "return name + \"!\"");
    settle(&case, "go");
    assert_eq!(changed(&first, &read_inputs(&case)), ["lib (files)"]);
    // What a compile with C reads is not all known.
    let with_cgo = case.edit("app.toml", |text| text.replace("[[binary]]\n", "[[binary]]\ncgo = true\n"));
    let unknown = read_inputs(&with_cgo);
    assert_eq!(unknown.values().collect::<Vec<_>>(), [&None], "{unknown:#?}");
}

#[test]
fn a_plan_lists_what_the_compile_of_a_rust_program_reads() {
    let case = cargo_workspace();
    settle(&case, "rustc");
    let first = read_inputs(&case);
    for name in ["workspace/app (package)", "workspace/own (package)", "read.txt", "text.txt"] {
        assert!(first.get(name).is_some_and(Option::is_some), "{name} is not in {first:#?}");
    }
    let elsewhere = cargo_workspace();
    settle(&elsewhere, "rustc");
    assert_eq!(changed(&first, &read_inputs(&elsewhere)), [""; 0]);
    let source = "pub const NAME: &str = concat!(env!(\"READ\"), \"!\");\n";
    for (file, text, name) in
        [("read.txt", "two\n", "read.txt"), ("workspace/own/src/lib.rs", source, "workspace/own (package)")]
    {
        let before = read_inputs(&case);
        fs::write(case.path(file), text).unwrap();
        settle(&case, "rustc");
        assert_eq!(changed(&before, &read_inputs(&case)), [name]);
    }
}

const USES_OTHER: &str = "package main\n\nimport \"example.com/other\"\n\nfunc main() { println(other.Name) }\n";

/// Puts a module into a proxy that is a folder (`go help goproxy`), and gives the address of the proxy.
fn proxy_with_module(case: &Case) -> String {
    let script = r#"
import os, sys, zipfile
folder = os.path.join(sys.argv[1], "example.com/other/@v")
os.makedirs(folder)
mod, name = "module example.com/other\n\ngo 1.24\n", "v1.0.0"
files = {"list": name, name + ".mod": mod, name + ".info": '{"Version":"v1.0.0","Time":"2020-01-01T00:00:00Z"}'}
for path, text in files.items():
    open(os.path.join(folder, path), "w").write(text)
with zipfile.ZipFile(os.path.join(folder, name + ".zip"), "w") as archive:
    archive.writestr("example.com/other@v1.0.0/go.mod", mod)
    archive.writestr("example.com/other@v1.0.0/other.go", "package other\n\nconst Name = \"other\"\n")
"#;
    let folder = case.dir().with_file_name("proxy");
    let made = Command::new("python3").args(["-c", script]).arg(&folder).status().unwrap();
    assert!(made.success());
    format!("file://{}", folder.display())
}

#[test]
fn modules_that_the_first_build_fetches_are_in_its_record() {
    for recipes in [&["r2.toml"][..], &["r2.toml", "r4.toml"]] {
        let case = go_services()
            .file("go.mod", "module example.com/app\n\ngo 1.24\n\nrequire example.com/other v1.0.0\n")
            .file("cmd/c/main.go", USES_OTHER)
            .file("cmd/e/main.go", USES_OTHER);
        let proxy = proxy_with_module(&case);
        let modules = case.dir().with_file_name("modules");
        let case = case.env("GOPROXY", &proxy).env("GOSUMDB", "off").env("GOMODCACHE", &modules);
        let mut sums = Command::new("go");
        sums.args(["mod", "tidy"]).current_dir(case.dir()).env("GOPROXY", &proxy).env("GOSUMDB", "off");
        assert!(sums.env("GOMODCACHE", &modules).env("GOFLAGS", "-modcacherw").status().unwrap().success());
        fs::remove_dir_all(&modules).unwrap();
        // What was written a moment ago may have been read in either state.
        thread::sleep(Duration::from_millis(50));
        let build = || case.traced(&["--trace=execve"], ["build"].iter().chain(recipes));
        let (first, _) = build();
        let (second, trace) = build();
        assert_eq!(first.ok().stdout, second.ok().stdout);
        assert!(!trace.iter().any(|line| line.contains("/go\", [")), "{recipes:?}: Go is started again");
        // What Go knows of a module may go, and its sources stay.
        fs::remove_dir_all(modules.join("cache/download/example.com")).unwrap();
        replace(&case.path("cmd/c/main.go"), "println(", "print(");
        case.run(["build"].iter().chain(recipes)).ok();
    }
}

const CARGO_RECIPE: &str = r#"
[[binary]]
cargo = "app"
dir = "workspace"
"#;

/// A workspace with a library, a build script that reads a file elsewhere, and text that comes from elsewhere.
fn cargo_workspace() -> Case {
    let package = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}")
    };
    Case::new()
        .recipe(CARGO_RECIPE)
        .file("workspace/Cargo.toml", "[workspace]\nmembers = [\"app\", \"own\"]\nresolver = \"2\"\n")
        .file(
            "workspace/Cargo.lock",
            "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"own\",\n]\n\n\
             [[package]]\nname = \"own\"\nversion = \"0.1.0\"\n",
        )
        .file("workspace/app/Cargo.toml", package("app", "\n[dependencies]\nown = { path = \"../own\" }\n"))
        .file("workspace/app/src/main.rs", "fn main() { println!(\"{} {}\", own::NAME, include_str!(\"../../../text.txt\")); }\n")
        .file("workspace/own/Cargo.toml", package("own", ""))
        .file("workspace/own/src/lib.rs", "pub const NAME: &str = env!(\"READ\");\n")
        .file(
            "workspace/own/build.rs",
            "fn main() {\n    let text = std::fs::read_to_string(\"../../read.txt\").unwrap();\n    \
             println!(\"cargo:rustc-env=READ={}\", text.trim());\n    println!(\"cargo:rerun-if-changed=../../read.txt\");\n}\n",
        )
        .file("read.txt", "one\n")
        .file("text.txt", "text\n")
}

#[test]
fn an_unchanged_rust_program_starts_no_cargo_and_every_change_is_noticed() {
    let case = cargo_workspace();
    let first = case.build().ok().digest();
    assert_eq!(settle(&case, "rustc"), first);
    let case = case.file("workspace/README.md", "read me\n");
    let text = fs::read(case.path("workspace/own/src/lib.rs")).unwrap();
    fs::write(case.path("workspace/own/src/lib.rs"), text).unwrap();
    for program in ["cargo", "rustc", "rustup"] {
        let (output, count) = starts(&case, program, &[]);
        assert_eq!((output.ok().digest(), count), (first.clone(), 0), "{program}");
    }
    case.run(["lock", "app.toml"]).ok();
    case.run(["build", "--locked", "app.toml"]).ok();
    let (output, count) = starts(&case, "rustc", &["--locked"]);
    assert_eq!((output.ok().digest(), count), (first, 0));

    let changes: [(&str, &str, &str); 7] = [
        ("a source", "workspace/own/src/lib.rs", "pub const NAME: &str = concat!(env!(\"READ\"), \"!\");\n"),
        ("what a build script reads", "read.txt", "two\n"),
        ("what a macro includes", "text.txt", "tExt\n"),
        (
            "a configuration",
            "workspace/.cargo/config.toml",
            "[profile.release]\npanic = \"abort\"\nopt-level = \"z\"\n",
        ),
        ("a configuration above", "workspace/app/.cargo/config.toml", "[profile.release]\nlto = true\n"),
        ("a new binary", "workspace/app/src/bin/more.rs", "fn main() {}\n"),
        ("a toolchain that is not there", "workspace/rust-toolchain.toml", "[toolchain]\npath = \"/nothing/there\"\n"),
    ];
    for (what, name, text) in changes {
        fs::create_dir_all(case.path(name).parent().unwrap()).unwrap();
        fs::write(case.path(name), text).unwrap();
        let warm = case.build();
        let warm = (warm.code == 0).then(|| warm.digest());
        assert_eq!(warm, cold(&case, &[]), "{what}");
    }
}

#[test]
fn a_workspace_that_claims_a_package_from_above_is_noticed() {
    let case = Case::new()
        .recipe("[[binary]]\ncargo = \"app\"\ndir = \"above/app\"\n")
        .file("above/app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("above/app/Cargo.lock", "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n")
        .file("above/app/src/main.rs", "fn main() {}\n");
    settle(&case, "rustc");
    let case = case.file("above/Cargo.toml", "[workspace]\nmembers = []\n");
    assert_eq!(cold(&case, &[]), None);
    case.build().fails(2);
}

#[test]
fn a_remembered_program_that_was_damaged_is_made_again() {
    let cache = scratch();
    let case = go_module().env("XDG_CACHE_HOME", cache.path());
    let right = settle(&case, "go");
    let programs = |name: &str| {
        let folders = fs::read_dir(cache.path().join("hardpan/go")).unwrap();
        let paths = folders.map(|entry| entry.unwrap().path().join(name));
        paths.filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    for name in ["out/app", "program"] {
        // Nor is there anything for other checkouts.
        for folder in ["inputs", "programs"] {
            let _ = fs::remove_dir_all(cache.path().join("hardpan").join(folder));
        }
        for path in programs(name) {
            let mut bytes = fs::read(&path).unwrap();
            let at = bytes.len() / 2;
            bytes[at] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
        let (output, count) = starts(&case, "go", &[]);
        assert_eq!(output.ok().digest(), right, "{name}");
        assert!(count > 0, "{name}");
        assert_eq!(settle(&case, "go"), right);
    }
}
