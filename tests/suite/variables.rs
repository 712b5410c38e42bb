//! Variables in what a compiler is told: they are replaced, and what they bring in is held to the same rules as a
//! text that is written down.

use std::process::Command;

use crate::support::{case::Case, judges::checked, judges::tool};

/// A Go program that prints two strings of its own and whether a tag is on.
fn go_project(recipe: &str) -> Case {
    Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("main.go", "package main\n\nvar version = \"none\"\n\nfunc main() {\n\tprintln(version, tagged)\n}\n")
        .file("on.go", "//go:build fancy\n\npackage main\n\nconst tagged = true\n")
        .file("off.go", "//go:build !fancy\n\npackage main\n\nconst tagged = false\n")
        .file("prog.toml", recipe)
}

/// A Cargo program that prints what its compiler and its build script were told, and whether a feature is on.
fn cargo_project(recipe: &str) -> Case {
    Case::new()
        .file(
            "Cargo.toml",
            "[package]\nname = \"prog\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[features]\nloud = []\n\n[workspace]\n",
        )
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"prog\"\nversion = \"0.1.0\"\n")
        .file(
            "build.rs",
            "fn main() {\n    println!(\"cargo::rerun-if-env-changed=CHANNEL\");\n    \
             println!(\"cargo::rustc-env=SEEN={}\", std::env::var(\"CHANNEL\").unwrap_or_default());\n}\n",
        )
        .file(
            "src/main.rs",
            "fn main() {\n    println!(\"{:?} {} {}\", option_env!(\"GIT_SHA\"), env!(\"SEEN\"), cfg!(feature = \"loud\"));\n}\n",
        )
        .file("prog.toml", recipe)
}

/// What the program of the image prints.
fn printed(case: &Case, arguments: &[&str]) -> String {
    let arguments = ["build", "prog.toml", "--offline"].iter().chain(arguments);
    let program = case.run(arguments).ok().layout().image().entry("/usr/bin/prog").content;
    let path = case.path("prog.bin");
    let _ = std::fs::remove_file(&path);
    std::fs::write(&path, program).unwrap();
    checked(tool("chmod").arg("755").arg(&path));
    let output = Command::new(&path).output().unwrap();
    assert!(output.status.success());
    // Go's `println` writes to standard error.
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap().trim().to_owned()
}

#[test]
fn the_revision_reaches_a_cargo_program_by_its_environment() {
    let case = cargo_project(
        "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\ntarget = \"x86_64-unknown-linux-gnu\"\nfeatures = [\"{feature}\"]\n\
         flags = [\"--{mode}\"]\nenv = { GIT_SHA = \"{git.revision}\", CHANNEL = \"the {channel} one\" }\n[system]\ncertificates = \"none\"\n\
         [vars]\nchannel = \"stable\"\nfeature = \"loud\"\nmode = \"no-default-features\"\n",
    );
    let git = |words: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        checked(tool("git").args(who).args(words).current_dir(case.dir()))
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    let revision = git(&["rev-parse", "HEAD"]).trim().to_owned();
    assert_eq!(printed(&case, &[]), format!("Some(\"{revision}\") the stable one true"));
    assert_eq!(printed(&case, &["--set", "channel=beta"]), format!("Some(\"{revision}\") the beta one true"));
}

#[test]
fn variables_reach_the_tags_and_the_flags_of_a_go_program() {
    let case = go_project(
        "name = \"prog\"\n[[binary]]\ngo = \".\"\ntags = [\"{tag}\"]\nflags = [\"{flag}\", \"-gcflags=all={gc}\"]\n\
         env = { GOEXPERIMENT = \"{experiment}\" }\n[vars]\ntag = \"fancy\"\nflag = \"-v\"\ngc = \"-l\"\nexperiment = \"none\"\n",
    );
    assert_eq!(printed(&case, &[]), "none true");
    assert_eq!(printed(&case, &["--set", "tag=plain"]), "none false");
    // Where one of these stayed the text it is written as, Go would fail: it has no such flag and no such experiment.
    case.run(["build", "prog.toml", "--offline", "--set", "experiment=wrongword"]).fails(2).says("wrongword");
}

/// Every flag that is refused when it is written down, as a variable brings it in.
#[test]
fn a_variable_brings_in_no_flag_that_a_recipe_may_not_have() {
    let go = go_project(
        "name = \"prog\"\n[[binary]]\ngo = \".\"\nflags = [\"{x}\"]\n[vars]\nx = \"-v\"\n[system]\ncertificates = \"none\"\n",
    );
    let cargo = cargo_project(
        "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\nflags = [\"{x}\"]\n[vars]\nx = \"-v\"\n[system]\ncertificates = \"none\"\n",
    );
    let go_flags = [
        ("-toolexec=/bin/sh", "the flag `-toolexec` is not allowed in a recipe"),
        ("--toolexec=/bin/sh", "the flag `-toolexec` is not allowed in a recipe"),
        ("-overlay=x.json", "the flag `-overlay` is not allowed in a recipe"),
        ("-C=..", "the flag `-C` has a key of its own"),
        ("-mod=mod", "the flag `-mod` is not allowed in a recipe"),
        ("-trimpath=false", "the flag `-trimpath` is not allowed in a recipe"),
        ("-buildvcs=true", "the flag `-buildvcs` has a key of its own"),
        ("-ldflags=-extld=x", "the flag `-ldflags` has a key of its own"),
        ("-linkshared", "the flag `-linkshared` is not allowed in a recipe"),
        ("-debug-trace=x", "the flag `-debug-trace` is not allowed in a recipe"),
        ("-compiler=gccgo", "the flag `-compiler` is not allowed in a recipe"),
        ("-buildmode=plugin", "the build mode `plugin` gives no program"),
        ("-buildmode", "`-buildmode` needs a value"),
        ("-gcflags=-o=x", "the flag `-o` is not allowed in a recipe"),
        ("-asmflags=all=-o x", "the flag `-o` is not allowed in a recipe"),
        ("-gcflags=@x", "`@x` is a response file"),
        ("./other", "`./other` is no flag"),
        ("--", "`--` is no flag"),
        ("", "a flag is empty once its variables are replaced"),
    ];
    let cargo_flags = [
        ("--config=build.rustc-wrapper='sh'", "the flag `--config` is not allowed in a recipe"),
        ("--target-dir=x", "the flag `--target-dir` is not allowed in a recipe"),
        ("--manifest-path=../Cargo.toml", "the flag `--manifest-path` has a key of its own"),
        ("--release", "the flag `--release` is not allowed in a recipe"),
        ("--profile=dev", "the flag `--profile` "),
        ("--features=loud", "the flag `--features` has a key of its own"),
        ("--workspace", "the flag `--workspace` has a key of its own"),
        ("--message-format=json", "the flag `--message-format` is not allowed in a recipe"),
        ("--help", "the flag `--help` is not allowed in a recipe"),
        ("-Zbuild-std", "the flag `-Z` is not allowed in a recipe"),
        ("-vC..", "the flag `-C` has a key of its own"),
        ("-pother", "the flag `-p` has a key of its own"),
        ("--", "`--` is no flag"),
        ("other", "`other` is no flag"),
        ("", "a flag is empty once its variables are replaced"),
    ];
    for (case, flags) in [(&go, &go_flags[..]), (&cargo, &cargo_flags[..])] {
        for (flag, said) in flags {
            let output = case.run(["build", "prog.toml", "--offline", "--set", &format!("x={flag}")]).fails(2);
            let output = output.says(&format!("prog.toml:4:10: {said}"));
            assert!(
                !output.messages().contains("compile prog (") && !output.messages().contains("compile . ("),
                "{flag}"
            );
        }
    }
}

#[test]
fn variables_in_tags_features_and_compilers() {
    let go = |more: &str| {
        go_project(&format!(
            "name = \"prog\"\n[[binary]]\ngo = \".\"\n{more}\n[vars]\nx = \"good\"\n[system]\ncertificates = \"none\"\n"
        ))
    };
    let cargo = |more: &str| {
        cargo_project(&format!(
            "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\n{more}\n[vars]\nx = \"good\"\n[system]\ncertificates = \"none\"\n"
        ))
    };
    let cases = [
        (go("tags = [\"{x}\"]"), "a b", "`a b` is no name of a build tag"),
        (go("tags = [\"{x}\"]"), "-race", "`-race` is no name of a build tag"),
        (go("tags = [\"{x}\"]"), "", "`` is no name of a build tag"),
        (go("cgo = true\ncc = \"{x}\""), "cc -wrapper sh", "`cc -wrapper sh` names no program"),
        (go("ldflags = [\"{x}\"]"), "-s -extld=sh", "the flag `-extld` is not allowed in a recipe"),
        (cargo("features = [\"{x}\"]"), "a b", "`a b` is no name of a feature"),
        (cargo("features = [\"{x}\"]"), "--config=x", "`--config=x` is no name of a feature"),
        (cargo("linker = \"{x}\""), "-flag", "`-flag` names no program"),
        (cargo("linker = \"{x}\""), "", "`` names no program"),
        (cargo("cc = \"{x}\""), "sh -c true", "`sh -c true` names no program"),
        (cargo("env = { X = \"{x}\" }"), "a\nb", "the value of `x` in `--set` has a control character"),
    ];
    for (case, value, said) in cases {
        case.run(["build", "prog.toml", "--offline", "--set", &format!("x={value}")]).fails(2).says(said);
    }
}

#[test]
fn unknown_variable_in_each_key_of_a_program() {
    let cases = [
        ("go = \".\"\ntags = [\"{nosuch}\"]", "prog.toml:4:10:"),
        ("go = \".\"\nflags = [\"-gcflags={nosuch}\"]", "prog.toml:4:20:"),
        ("go = \".\"\nldflags = [\"-X a.b={nosuch}\"]", "prog.toml:4:20:"),
        ("go = \".\"\nenv = { A = \"{nosuch}\" }", "prog.toml:4:14:"),
        ("cargo = \"prog\"\nfeatures = [\"{nosuch}\"]", "prog.toml:4:14:"),
        ("cargo = \"prog\"\nflags = [\"{nosuch}\"]", "prog.toml:4:11:"),
        ("cargo = \"prog\"\nenv = { A = \"{nosuch}\" }", "prog.toml:4:14:"),
        ("cargo = \"prog\"\nlinker = \"{nosuch}\"", "prog.toml:4:11:"),
        ("cargo = \"prog\"\ncc = \"{nosuch}\"", "prog.toml:4:7:"),
    ];
    for (binary, place) in cases {
        let case = Case::new().file("prog.toml", format!("name = \"prog\"\n[[binary]]\n{binary}\n"));
        case.run(["plan", "prog.toml"]).fails(2).says(&format!("{place} unknown variable `nosuch`"));
    }
    let literal = "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\nrustflags = [\"--cfg={git.revision}\"]\n";
    let case = Case::new().file("prog.toml", literal);
    case.run(["plan", "prog.toml"]).fails(2).says("prog.toml:4:14: `{git.revision}` is not replaced here");
    let control = "name = \"prog\"\n[vars]\nx = \"a\\u0007b\"\n[[binary]]\ncargo = \"prog\"\nenv = { A = \"{x}\" }\n";
    let case = Case::new().file("prog.toml", control);
    case.run(["plan", "prog.toml"]).fails(2).says("control character");
}
