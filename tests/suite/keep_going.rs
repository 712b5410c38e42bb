//! `build --keep-going`: a recipe that fails stops no other one, and every recipe ends with a status. And the look at all
//! recipes before the first compiler runs, with and without it.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::support::{
    case::{APP, Case},
    clock::tick,
    elf,
    layout::Layout,
    output::Output,
    registry::{Fault, Registry, Request},
};

/// A Go program that does not compile.
const BROKEN: &str = "package main\n\nfunc main() { nothing() }\n";

/// Two recipes that are good, and four that are not: too large, without a file, not TOML, not there.
fn case() -> Case {
    Case::new()
        .file("app", elf::static_amd64())
        .recipe(APP)
        .file("big.toml", format!("{APP}[policy]\nmax-size = \"10B\"\n"))
        .file("missing.toml", format!("{APP}[[file]]\nfrom = \"x\"\nto = \"/x\"\n"))
        .file("syntax.toml", "name =")
        .file("other.toml", format!("{APP}[run]\nargs = [\"other\"]\n"))
}

const ALL: [&str; 6] = ["app.toml", "big.toml", "missing.toml", "syntax.toml", "none.toml", "other.toml"];

fn build(case: &Case, words: &[&str]) -> Output {
    case.run(["build", "--keep-going"].iter().chain(words))
}

/// The last line, without how long it took.
fn summary(output: &Output) -> &str {
    output.stderr.lines().last().and_then(|line| line.rsplit_once(", ")).map(|(line, _)| line).unwrap_or_default()
}

/// The first lines of all errors.
fn errors(output: &Output) -> Vec<&str> {
    output.stderr.lines().filter(|line| line.starts_with("error")).collect()
}

/// The names in `out`.
fn published(case: &Case) -> Vec<String> {
    let Ok(entries) = fs::read_dir(case.path("out")) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_good_is_written_and_every_recipe_has_a_status() {
    let mut told = Vec::new();
    for jobs in ["1", "2", "16"] {
        let case = case();
        let output = build(&case, &[&ALL[..], &["--jobs", jobs]].concat());
        assert_eq!(output.code, 2);
        let failed = "4 failed (big: size-budget, missing: input-not-found, syntax.toml: recipe-syntax, none.toml: file-not-found)";
        assert_eq!(summary(&output), format!("6 images: 2 built, {failed}"));
        let names: Vec<_> = output.stdout.lines().filter_map(|line| line.split('@').next()).collect();
        assert_eq!((names, published(&case)), (vec!["app", "other"], vec!["app".to_owned(), "other".to_owned()]));
        // The same again, and after a change of one.
        assert_eq!(summary(&build(&case, &ALL)), format!("6 images: 2 unchanged, {failed}"));
        let case = case.edit("other.toml", |text| text.replace("other", "another"));
        assert_eq!(summary(&build(&case, &ALL)), format!("6 images: 1 unchanged, 1 built, {failed}"));
        let lines = output.stderr.lines().collect::<Vec<_>>();
        told.push(lines[..lines.len() - 1].join("\n"));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[test]
fn the_exit_code_is_that_of_the_worst_failure() {
    let case = case();
    let good = build(&case, &["app.toml", "other.toml"]).ok();
    assert_eq!(summary(&good), "2 images: 2 built");
    assert_eq!(summary(&build(&case, &["app.toml"]).ok()), "1 image: 1 unchanged");
    assert_eq!(build(&case, &["big.toml", "app.toml"]).code, 1);
    assert_eq!(build(&case, &["big.toml"]).code, 1);
    assert_eq!(build(&case, &["missing.toml", "big.toml", "app.toml"]).code, 2);
    let many: Vec<_> = (0..12).map(|number| format!("n{number}.toml")).collect();
    let many = build(&case, &many.iter().map(String::as_str).collect::<Vec<_>>());
    let failed = (0..8).fold(String::new(), |all, number| all + &format!("n{number}.toml: file-not-found, "));
    assert_eq!(summary(&many), format!("12 images: 12 failed ({failed}and 4 more)"));
    assert_eq!((many.code, errors(&many).len()), (2, 12));
    let quiet = build(&case, &["app.toml", "big.toml", "--quiet"]);
    assert!(quiet.code == 1 && quiet.stderr.starts_with("error[size-budget]"), "{}", quiet.stderr);
    assert!(!quiet.stderr.contains("2 images"), "{}", quiet.stderr);
}

/// An archive that was there is the same one, as far as that is known without reading it.
#[test]
fn an_archive_that_is_there_is_unchanged() {
    let case = case();
    let words = ["app.toml", "big.toml", "--format", "oci-archive"];
    tick();
    assert!(summary(&build(&case, &words)).starts_with("2 images: 1 built, 1 failed"));
    assert!(summary(&build(&case, &words)).starts_with("2 images: 1 unchanged, 1 failed"));
    fs::write(case.path("out/app.tar"), &fs::read(case.path("out/app.tar")).unwrap()[..512]).ok();
    assert_eq!(build(&case, &words).code, 2, "what is there is no archive any more");
}

#[test]
fn documents_have_every_recipe() {
    let case = case();
    let files = ["--json", "--metadata-file", "build.json", "--digest-file", "{name}.digest"];
    let output = build(&case, &[&ALL[..], &files].concat());
    let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let images = document["images"].as_array().unwrap();
    let told: Vec<_> = images.iter().map(|one| [&one["name"], &one["recipe"], &one["status"]]).collect();
    let expected = [
        [json!("app"), json!("app.toml"), json!("built")],
        [json!("big"), json!("big.toml"), json!("failed")],
        [json!("missing"), json!("missing.toml"), json!("failed")],
        [Value::Null, json!("syntax.toml"), json!("failed")],
        [Value::Null, json!("none.toml"), json!("failed")],
        [json!("other"), json!("other.toml"), json!("built")],
    ];
    assert_eq!(told, expected.each_ref().map(<[Value; 3]>::each_ref));
    assert_eq!(images[1]["errors"][0]["name"], "size-budget");
    assert_eq!(images[1]["errors"][0]["line"], 5);
    assert!(images[1].get("digest").is_none() && images[0].get("errors").is_none());
    let metadata: Value = serde_json::from_str(&fs::read_to_string(case.path("build.json")).unwrap()).expect("JSON");
    assert_eq!(metadata.as_object().unwrap().len(), 6);
    for (name, digest) in [("app", &images[0]["digest"]), ("other", &images[5]["digest"])] {
        assert_eq!(
            (&metadata[name]["hardpan.status"], &metadata[name]["containerimage.digest"]),
            (&json!("built"), digest)
        );
        assert_eq!(fs::read_to_string(case.path(format!("{name}.digest"))).unwrap(), digest.as_str().unwrap());
    }
    assert_eq!(metadata["big"]["hardpan.errors"], images[1]["errors"]);
    assert_eq!(metadata["syntax.toml"]["hardpan.status"], "failed");
    assert_eq!(metadata["syntax.toml"]["image.name"], Value::Null);
    assert!(!case.path("big.digest").exists() && !case.path("missing.digest").exists());
    // A file for each: those of which the name is known.
    build(&case, &[&ALL[..], &["--metadata-file", "{name}.json"]].concat());
    for (name, status) in [("app", "unchanged"), ("big", "failed"), ("missing", "failed")] {
        let text = fs::read_to_string(case.path(format!("{name}.json"))).unwrap();
        let own: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&own["image.name"], &own["hardpan.status"]), (&json!(name), &json!(status)));
    }
    // Without the option the documents are as ever.
    let plain = case.run(["build", "app.toml", "--json", "--metadata-file", "plain.json"]).ok();
    assert!(
        !plain.stdout.contains("status") && !fs::read_to_string(case.path("plain.json")).unwrap().contains("hardpan")
    );
}

/// What would be written to one path or is a mistake of the command line is a failure of the call: nothing is written.
#[test]
fn conflicts_are_failures_of_the_call() {
    let case = case().file("twice.toml", format!("name = \"app\"\n{APP}"));
    for (words, what) in [
        (&["app.toml", "twice.toml", "missing.toml"][..], "`app` and `app` would both be written there"),
        (&["app.toml", "app.toml"], "`app` and `app` would both be written there"),
        (
            &["app.toml", "other.toml", "--digest-file", "one"],
            "several images, and `--digest-file one` holds one digest",
        ),
        (&["app.toml", "other.toml", "--policy", "none"], "cannot read the policy"),
    ] {
        let output = build(&case, &[words, &["--json"]].concat());
        assert!(output.code == 2 && output.stderr.contains(what), "{}", output.stderr);
        assert_eq!(published(&case), Vec::<String>::new());
        let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let is_tried = |one: &Value| one["status"] != "not tried" && one["status"] != "failed";
        assert!(!document["images"].as_array().unwrap().iter().any(is_tried), "{document:#}");
        assert_eq!(document["errors"].as_array().unwrap().len(), 1);
    }
    let output = build(&case, &["app.toml", "twice.toml", "missing.toml"]);
    assert_eq!(summary(&output), "3 images: 3 not tried");
    build(&case, &[]).fails(2).says("no recipe");
}

#[test]
fn a_place_that_is_taken_stops_its_own_image() {
    let case = case().file("out/app", "the user's");
    let output = build(&case, &["app.toml", "other.toml"]);
    assert_eq!((output.code, summary(&output)), (2, "2 images: 1 built, 1 failed (app: output-occupied)"));
    assert_eq!(fs::read_to_string(case.path("out/app")).unwrap(), "the user's");
    assert_eq!(published(&case), ["app", "other"]);
}

#[test]
fn a_program_that_does_not_compile_among_good_ones() {
    let go = |dir: &str| format!("[[binary]]\ngo = \".\"\ndir = \"{dir}\"\nto = \"/app\"\n");
    let case = case()
        .file("good/go.mod", "module example.com/good\n\ngo 1.21\n")
        .file("good/main.go", "package main\n\nfunc main() {}\n")
        .file("bad/go.mod", "module example.com/bad\n\ngo 1.21\n")
        .file("bad/main.go", BROKEN)
        .file("one.toml", go("bad"))
        .file("two.toml", go("good"));
    for jobs in ["1", "4"] {
        let output = build(&case, &["app.toml", "one.toml", "two.toml", "missing.toml", "--jobs", jobs]);
        assert_eq!(output.code, 2);
        let ends = [
            "4 images: 2 built, 2 failed (one: compile-failed, missing: input-not-found)",
            "4 images: 2 unchanged, 2 failed (one: compile-failed, missing: input-not-found)",
        ];
        assert!(ends.contains(&summary(&output)), "{}", output.stderr);
        assert!(output.stderr.contains("undefined: nothing"), "{}", output.stderr);
        assert_eq!(published(&case), ["app", "two"]);
    }
    // Without the option nothing is written.
    fs::remove_dir_all(case.path("out")).unwrap();
    case.run(["build", "app.toml", "one.toml", "two.toml"]).fails(2);
    assert_eq!(published(&case), Vec::<String>::new());
}

#[test]
fn a_registry_that_refuses_one_image() {
    let registry = Registry::start();
    registry.spoil(|request: &Request| request.target.contains("/other/").then(|| Fault::status(403)));
    let case = case().file("third.toml", APP);
    let push = format!("{}/{{name}}:1", registry.host());
    let output = build(&case, &["app.toml", "other.toml", "third.toml", "big.toml", "--push", &push, "--json"]);
    assert_eq!(output.code, 2);
    assert!(summary(&output).starts_with("4 images: 2 built, 2 failed (other: "), "{}", output.stderr);
    // What a registry answers to questions is no refusal; what it was sent came when all images were on the disk.
    assert_eq!(published(&case), ["app", "other", "third"]);
    assert!(output.stderr.contains("`other` is new at `out/other`"), "{}", output.stderr);
    let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
    for (index, name) in [(0, "app"), (2, "third")] {
        let digest = Layout::open(case.path(format!("out/{name}")), None).digest();
        assert_eq!(registry.tag(name, "1").as_deref(), Some(&*digest));
        assert_eq!(document["images"][index]["digest"], digest);
        assert_eq!(document["images"][index]["pushed"].as_array().unwrap().len(), 1);
    }
    assert_eq!(registry.tag("other", "1"), None);
    assert_eq!(registry.tag("big", "1"), None);
    // The blobs of one fail, after all registries were asked.
    let registry = Registry::start();
    registry.spoil(|request: &Request| {
        (request.method == "PUT" && request.target.contains("/app/manifests")).then(|| Fault::status(400))
    });
    let push = format!("{}/{{name}}:2", registry.host());
    let output = build(&case, &["app.toml", "third.toml", "--push", &push]);
    assert!(summary(&output).starts_with("2 images: 1 unchanged, 1 failed (app: "), "{}", output.stderr);
    assert!(registry.tag("app", "2").is_none() && registry.tag("third", "2").is_some());
}

/// A podman that knows some images and refuses another one.
#[test]
fn an_engine_that_refuses_one_image() {
    let podman = "#!/bin/sh\ncase \"$1\" in\nload) cat > /dev/null;;\n\
                  *) name=${5#localhost/}; cat \"$PODMAN_HAS/${name%:latest}\" || exit 1;;\nesac\n";
    let case = case().file("bin/podman", podman).mode("bin/podman", 0o755).folder("has");
    let digest = case.run(["build", "other.toml"]).ok().digest();
    let case = case.file("has/other", format!("{} {digest}\n", &digest["sha256:".len()..]));
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    let has = case.path("has");
    let case = case.env("PATH", path).env("PODMAN_HAS", has);
    let output = build(&case, &["app.toml", "other.toml", "--load", "podman"]);
    assert_eq!((output.code, summary(&output)), (2, "2 images: 1 unchanged, 1 failed (app: engine-failed)"));
    assert_eq!(published(&case), ["other"]);
    assert!(output.stderr.contains("other: load podman: localhost/other:latest"), "{}", output.stderr);
    // An engine that is not there at all is told before anything is built.
    let case = case.env("PATH", "/nowhere");
    let output = build(&case, &["app.toml", "other.toml", "--load", "podman"]);
    assert_eq!((output.code, summary(&output)), (2, "2 images: 2 not tried"));
}

/// A reader that goes away early ends nothing.
#[test]
fn a_closed_pipe_is_no_failure() {
    let case = case();
    for (words, code) in [(vec!["app.toml", "other.toml"], 0), (vec!["app.toml", "big.toml"], 1)] {
        let mut child = case.command(["build", "--keep-going", "--json"].iter().chain(&words));
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert!(published(&case).contains(&"app".to_owned()));
    }
}

/// A `go` that would leave a file behind if it were run.
fn without_go(case: Case) -> Case {
    let go = "#!/bin/sh\ntouch \"$0.ran\"\nexit 1\n";
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    case.file("bin/go", go).mode("bin/go", 0o755).env("PATH", path)
}

#[test]
fn what_needs_no_compiler_is_told_of_all_recipes_before_one_runs() {
    let case = without_go(case())
        .file("go.mod", "module example.com/a\n\ngo 1.21\n")
        .file("go.toml", "name = \"go\"\n[[binary]]\ngo = \".\"\n")
        .file("two.toml", format!("{APP}[[file]]\nfrom = \"y\"\nto = \"/y\"\n[[file]]\nfrom = \"z\"\nto = \"/z\"\n"))
        .file("tag.toml", format!("{APP}[run]\nlabels = {{ tag = \"{{git.tag}}\" }}\n"));
    let expected = [
        "error[recipe-syntax]: syntax.toml:1:7: not valid TOML: a value is missing",
        "error[input-not-found]: missing.toml:5:8: `x` does not exist",
        "error[input-not-found]: two.toml:5:8: `y` does not exist",
        "error[input-not-found]: two.toml:8:8: `z` does not exist",
    ];
    for jobs in ["1", "4"] {
        let words = ["build", "--jobs", jobs, "go.toml", "syntax.toml", "missing.toml", "app.toml", "two.toml"];
        let output = case.run(words.iter().chain(&["tag.toml"])).fails(2);
        let told = errors(&output);
        assert_eq!(told[..4], expected[..]);
        assert!(matches!(told[4..], [git] if git.starts_with("error[git]: tag.toml:5:")), "{}", output.stderr);
        assert!(!case.path("bin/go.ran").exists(), "a compiler ran");
        assert_eq!(published(&case), Vec::<String>::new());
    }
    // One that keeps going compiles the others.
    let output = build(&case, &["go.toml", "missing.toml", "app.toml"]);
    assert!(case.path("bin/go.ran").exists() && published(&case) == ["app"], "{}", output.stderr);
    assert!(summary(&output).starts_with("3 images: 1 built, 2 failed (go: "), "{}", output.stderr);
}

#[test]
fn each_line_names_its_image_where_there_are_several() {
    let case = case();
    let alone = case.run(["build", "app.toml"]).ok();
    assert!(alone.stderr.starts_with("layer ") && alone.stderr.contains("\nwrite out/app\n"), "{}", alone.stderr);
    let both = case.run(["build", "app.toml", "other.toml"]).ok();
    assert!(both.stderr.lines().count() > 1, "{}", both.stderr);
    assert!(both.stderr.lines().all(|line| line.starts_with("other: ")), "app is unchanged: {}", both.stderr);
    assert!(both.stderr.contains("\nother: write out/other\n"), "{}", both.stderr);
    assert_eq!(case.run(["build", "app.toml", "other.toml"]).ok().stderr, "");
    let more = case.run(["build", "-v", "app.toml", "other.toml"]).ok();
    for name in ["app", "other"] {
        assert!(more.stderr.contains(&format!("{name}: write out/{name}\n")), "{}", more.stderr);
        assert!(more.stderr.contains(&format!("{name}: layer ")), "{}", more.stderr);
    }
    let alone = case.run(["build", "app.toml"]).ok();
    assert!(alone.stderr.contains("write out/app\n"), "one image says what it did: {}", alone.stderr);
    // What goes before a failure is told.
    let failed = case.run(["build", "app.toml", "big.toml"]).fails(1);
    assert!(failed.stderr.contains("big: layer ") && !failed.stderr.contains("app: "), "{}", failed.stderr);
}
