//! `hardpan check`: what is wrong with recipes is told without a compiler, another program or a socket.

use serde_json::{Value, json};

use crate::support::{
    case::{APP, Case},
    elf,
    output::Output,
};

/// The digest of nothing that is anywhere.
const NONE: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn app() -> Case {
    Case::new().recipe(APP).file("app", elf::static_amd64())
}

/// The first lines of all errors.
fn errors(output: &Output) -> Vec<&str> {
    output.stderr.lines().filter(|line| line.starts_with("error")).collect()
}

/// Runs hardpan under strace, and gives its calls about processes and sockets besides those of threads.
fn calls(case: &Case, words: &[&str]) -> (Output, Vec<String>) {
    let (output, calls) = case.traced(&["--trace=process,network"], words);
    let harmless = |line: &String| {
        let call = line.split_once(' ').map_or(line.as_str(), |(_, call)| call.trim_start());
        // The pair by which a signal wakes its thread leads nowhere else.
        let of_signals = call.starts_with("socketpair(AF_UNIX,")
            || (call.starts_with("sendto(") && call.contains("NULL, 0)"))
            || call.starts_with("recvfrom(");
        ["exit", "wait", "<...", "+++", "---"].iter().any(|start| call.starts_with(start))
            || call.contains("CLONE_THREAD")
            || of_signals
    };
    // The first is strace's own start of hardpan.
    (output, calls.into_iter().filter(|line| !harmless(line)).skip(1).collect())
}

#[test]
fn all_errors_of_all_recipes_in_their_order() {
    let two = "[[file]]\nfrom = \"one\"\nto = \"/one\"\n\n[[file]]\nfrom = \"two\"\nto = \"/two\"\n";
    let base = format!("base = \"elsewhere.example.com/base:1@{NONE}\"\n");
    let case = app()
        .file("b.toml", "name = \"b\n")
        .file("c.toml", format!("{base}{APP}{two}"))
        .file("d.toml", APP.replace("path = \"app\"", "path = \"nothing\""))
        .file("policy.toml", "[policy]\nregistries = [\"registry.example.com\"]\n");
    let expected = [
        "error[recipe-syntax]: b.toml:1:10: not valid TOML: invalid basic string, expected `\"`",
        "error[base-not-allowed]: c.toml:1:8: the base `elsewhere.example.com/base` is from none of the policy's registries",
        "error[input-not-found]: c.toml:6:8: `one` does not exist",
        "error[input-not-found]: c.toml:10:8: `two` does not exist",
        "error[input-not-found]: d.toml:2:8: `nothing` does not exist",
    ];
    for jobs in ["1", "2", "8"] {
        let words = ["check", "--jobs", jobs, "--policy", "policy.toml", "app.toml", "b.toml", "c.toml", "d.toml"];
        let output = case.run(words).fails(2);
        assert_eq!(errors(&output), expected, "{jobs} jobs");
    }
    let output = case.run(["check", "app.toml"]).ok();
    assert_eq!((&*output.stdout, &*output.stderr), ("", "1 recipe checked\n"));
    case.run(["check", "none.toml", "app.toml", "--policy", "none"]).fails(2).says("cannot read the policy");
    case.run(["check"]).fails(2).says("no recipe");
}

#[test]
fn two_images_of_one_name_are_refused_as_a_build_refuses_them() {
    let case = app().file("b.toml", format!("name = \"app\"\n{APP}")).file("c.toml", APP);
    case.run(["build", "app.toml", "b.toml"]).fails(2).says("error[output-conflict]");
    let output = case.run(["check", "app.toml", "b.toml", "c.toml", "app.toml"]).fails(2);
    assert_eq!(errors(&output), ["error[output-conflict]: b.toml: its image is `app`, as is that of `app.toml`"]);
}

#[test]
fn refusals_alone_end_with_1() {
    let case = app().file("b.toml", format!("base = \"registry.example.com/base:1\"\n{APP}"));
    case.run(["check", "app.toml", "b.toml"]).fails(1).says("error[unpinned-base]: b.toml:1:8");
    case.run(["check", "app.toml", "b.toml", "c.toml"]).fails(2).says("error[unpinned-base]").says("c.toml");
}

/// What a build refuses of the finished file system is refused here where nothing is compiled, and a key in a file always.
#[test]
fn what_a_build_refuses_without_a_compiler() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
    let go = "name = \"app\"\n[[binary]]\ngo = \".\"\n";
    let file = "[[file]]\nfrom = \"data\"\nto = \"/etc/data\"\n";
    let link = "[[symlink]]\nto = \"/etc/link\"\ntarget = \"nowhere\"\n";
    let case = app()
        .file("data", key)
        .file("text", "#!/bin/sh\n")
        .file("key.toml", format!("{APP}{file}"))
        .file("go.toml", format!("{go}{file}"))
        .file("link.toml", format!("{APP}{link}"))
        .file("to.toml", format!("{go}to = \"/app\"\n{link}"))
        .file("script.toml", APP.replace("\"app\"", "\"text\""));
    for (recipe, what) in [
        ("key.toml", "error[private-key]: key.toml:5:8"),
        ("go.toml", "error[private-key]: go.toml:5:8"),
        ("link.toml", "error[input-link]: link.toml:6:10: the link `/etc/link` to `nowhere` leads to nothing"),
        ("to.toml", "error[input-link]: to.toml:7:10: the link `/etc/link` to `nowhere` leads to nothing"),
        ("script.toml", "error[program-format]: script.toml:2:8: the entrypoint `/usr/bin/app` is a script"),
    ] {
        let output = case.run(["check", recipe]);
        assert!(output.code != 0 && output.stderr.contains(what), "{recipe}: {}", output.stderr);
        if !["go.toml", "to.toml"].contains(&recipe) {
            let built = case.run(["build", recipe]);
            assert_eq!((built.code, errors(&built)), (output.code, errors(&output)), "{recipe}");
        }
    }
}

#[test]
fn the_lock_is_compared_as_a_locked_build_compares_it() {
    let case = app().file("b.toml", APP);
    case.run(["check", "app.toml"]).ok();
    let missing = case.run(["check", "--locked", "app.toml", "b.toml"]).fails(1);
    assert_eq!(errors(&missing), ["error: app.lock: there is no lock", "error: b.lock: there is no lock"]);
    case.run(["lock", "app.toml"]).ok();
    case.run(["check", "--locked", "app.toml"]).ok();
    // The recipe asks for something that the lock does not have, and no longer for something that it has.
    let case = case.edit("app.toml", |text| format!("{text}[system]\ncertificates = \"none\"\ntimezones = true\n"));
    let locked = case.run(["build", "--locked", "app.toml"]).fails(1);
    for more in [&["--locked"][..], &[]] {
        let checked = case.run([&["check", "app.toml"], more].concat()).fails(1);
        assert_eq!(errors(&checked), errors(&locked));
    }
    case.file("app.lock", "version = \"x").run(["check", "app.toml"]).fails(2).says("error[lock-syntax]: app.lock");
}

/// A lock that cannot be read may pin the base: that it does not is not claimed.
#[test]
fn a_broken_lock_is_one_error() {
    let case = app().recipe(&format!("base = \"registry.example.com/base:1\"\n{APP}")).file("app.lock", "?");
    let output = case.run(["check", "app.toml"]).fails(2);
    assert!(matches!(errors(&output)[..], [one] if one.contains("app.lock")), "{}", output.stderr);
}

#[test]
fn no_other_program_and_no_socket() {
    let recipe = format!(
        "base = \"registry.example.com/base:1@{NONE}\"\n[vars]\nversion = \"1\"\n\
         [[binary]]\ngo = \".\"\nldflags = [\"-X main.version={{git.tag}}\"]\n\
         [[binary]]\ncargo = \"x\"\n[[binary]]\npath = \"app-{{git.revision}}\"\nto = \"/opt/app\"\n\
         [[file]]\nurl = \"https://example.com/x\"\nsha256 = \"{}\"\nto = \"/srv/x\"\n\
         [[file]]\nfrom = \"x-{{git.tag}}\"\nto = \"/srv/y\"\n[[tree]]\nfrom = \"{{git.describe}}\"\nto = \"/srv/t\"\ninclude = [\"*\"]\n\
         [run]\nentrypoint = [\"/usr/bin/x\"]\nlabels = {{ dirty = \"{{git.dirty}}\" }}\n",
        &NONE["sha256:".len()..]
    );
    let case = app().recipe(&format!("name = \"app\"\n{recipe}")).file("Cargo.toml", "");
    case.clone().file("b.toml", APP).run(["lock", "b.toml"]).ok();
    let (output, calls) = calls(&case, &["check", "app.toml", "b.toml", "--json"]);
    assert_eq!(calls, Vec::<String>::new());
    let checked: Value = serde_json::from_str(&output.ok().stdout).expect("JSON");
    let expected = json!({"recipes": [
        {"recipe": "app.toml", "name": "app", "errors": [], "unseen": ["base", "download", "git", "program"]},
        {"recipe": "b.toml", "name": "b", "errors": [], "unseen": []},
    ]});
    assert_eq!(checked, expected);
    case.run(["check", "app.toml", "-v"]).ok().says("] app.toml: not looked at: base, download, git, program\n");
    // The address of a download is looked at, and everything else of such a recipe.
    let more = "[[file]]\nfrom = \"none\"\nto = \"/srv/n\"\n";
    let case = case.edit("app.toml", |text| text.replace("https://", "http://") + more);
    let output = case.run(["check", "app.toml"]).fails(2).says("error[download]: app.toml");
    assert!(
        matches!(errors(&output)[..], [_, missing] if missing.contains("`none` does not exist")),
        "{}",
        output.stderr
    );
    let output = case.run(["check", "app.toml", "--plain-http"]).fails(2).says("`none` does not exist");
    assert_eq!(errors(&output).len(), 1);
}

#[test]
fn the_document_has_every_recipe() {
    let case = app().file("b.toml", "[[file]]\nfrom = \"x\"\nto = \"/x\"\n").file("c.toml", "?");
    let output = case.run(["check", "--json", "app.toml", "b.toml", "c.toml", "none.toml"]);
    assert_eq!(output.code, 2);
    let checked: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let names: Vec<_> = checked["recipes"].as_array().unwrap().iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("app"), Some("b"), None, None]);
    let all = checked["recipes"].as_array().unwrap().iter().flat_map(|one| one["errors"].as_array().unwrap());
    let places: Vec<_> = all.map(|one| [&one["name"], &one["path"], &one["line"], &one["exit"]]).collect();
    assert_eq!(
        places,
        [
            [&json!("input-not-found"), &json!("b.toml"), &json!(2), &json!(2)],
            [&json!("recipe-missing"), &json!("b.toml"), &json!(1), &json!(2)],
            [&json!("recipe-syntax"), &json!("c.toml"), &json!(1), &json!(2)],
            [&json!("file-not-found"), &json!("none.toml"), &Value::Null, &json!(2)],
        ]
    );
}

#[test]
fn what_is_to_be_compiled_is_there() {
    let case = Case::new()
        .file("svc/go.mod", "module example.com/svc\n")
        .recipe("[[binary]]\ngo = \"./cmd/app\"\ndir = \"svc\"\n")
        .file("b.toml", "[[binary]]\ncargo = \"x\"\ndir = \"svc\"\n");
    let output = case.run(["check", "app.toml", "b.toml"]).fails(2);
    assert_eq!(
        errors(&output),
        [
            "error[input-not-found]: app.toml:2:6: the package `./cmd/app` does not exist",
            "error[input-not-found]: b.toml:2:9: there is no `Cargo.toml`, neither in the recipe's `dir` nor above it",
        ]
    );
    case.folder("svc/cmd/app").file("Cargo.toml", "").run(["check", "app.toml", "b.toml"]).ok();
}

/// The same mistake on two platforms is one, and an entry that one platform alone has is looked at.
#[test]
fn every_platform_is_checked() {
    let recipe = "platforms = [\"linux/amd64\", \"linux/arm64\"]\n[[binary]]\npath = \"app-{arch}\"\nto = \"/app\"\n\
                  [[file]]\nfrom = \"x\"\nto = \"/x\"\n[[file]]\nfrom = \"y\"\nto = \"/y\"\nplatforms = [\"linux/arm64\"]\n";
    let case = Case::new().recipe(recipe).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_amd64());
    let output = case.run(["check", "app.toml"]).fails(2);
    let missing = |name: &str, line| format!("error[input-not-found]: app.toml:{line}:8: `{name}` does not exist");
    assert_eq!(errors(&output), [missing("x", 6), missing("y", 9)]);
    // A program of another architecture is refused as a build refuses it.
    case.file("x", "").file("y", "").run(["check", "app.toml"]).fails(1).says("wrong-architecture");
}
