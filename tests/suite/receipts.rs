//! What a build leaves for a pipeline, and what it says while it works:
//! `--metadata-file`, `--digest-file`, `--quiet`, `-v`, `--color`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::case::{APP, Case};
use crate::support::elf;
use crate::support::judges::{checked, tool};
use crate::support::layout::Layout;

fn app() -> Case {
    Case::new().recipe(APP).file("app", elf::static_amd64())
}

fn read(case: &Case, path: &str) -> String {
    fs::read_to_string(case.path(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn metadata_file_and_digest_file() {
    let case = app().umask(0o022);
    let output = case.run(["build", "app.toml", "--metadata-file", "meta.json", "--digest-file", "digest"]).ok();
    let layout = output.layout();
    let metadata: Value = serde_json::from_str(&read(&case, "meta.json")).expect("JSON");
    let mut entry = layout.entry();
    entry.as_object_mut().expect("a descriptor").remove("annotations");
    let expected = json!({
        "containerimage.config.digest": layout.image().manifest["config"]["digest"],
        "containerimage.descriptor": entry,
        "containerimage.digest": layout.digest(),
        "image.name": "app",
    });
    assert_eq!(metadata, expected);
    assert_eq!(read(&case, "digest"), layout.digest(), "nothing but the digest");
    let mode = fs::metadata(case.path("digest")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o644, "others may read it");
    // What a pipeline does with it.
    let digest = checked(tool("jq").args(["-r", ".\"containerimage.digest\""]).arg(case.path("meta.json")));
    assert_eq!(digest.trim(), layout.digest());
}

#[test]
fn metadata_of_several_images() {
    let case = app().file("other.toml", APP);
    let both = ["build", "app.toml", "other.toml"];
    case.run(both.into_iter().chain(["--metadata-file", "meta.json", "--digest-file", "{name}.digest"])).ok();
    let metadata: Value = serde_json::from_str(&read(&case, "meta.json")).expect("JSON");
    for name in ["app", "other"] {
        let layout = Layout::open(case.path(format!("out/{name}")), None);
        assert_eq!(metadata[name]["containerimage.digest"], layout.digest());
        assert_eq!(metadata[name]["image.name"], name);
        assert_eq!(read(&case, &format!("{name}.digest")), layout.digest());
    }
    case.run(both.into_iter().chain(["--metadata-file", "{name}.json"])).ok();
    let own: Value = serde_json::from_str(&read(&case, "other.json")).expect("JSON");
    assert_eq!(own, metadata["other"]);

    let what = "error[output-conflict]: several images, and `--digest-file digest` holds one digest\nhint: put `{name}` into it";
    case.run(both.into_iter().chain(["--digest-file", "digest"])).fails(2).says(what);
    assert!(!case.path("digest").exists());
}

#[test]
fn an_index_has_no_one_config() {
    let recipe = "platforms = [\"linux/arm64\", \"linux/amd64\"]\n[[binary]]\npath = \"app-{arch}\"\nto = \"/app\"\n";
    let case = Case::new().recipe(recipe).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    let output = case.run(["build", "app.toml", "--metadata-file", "meta.json"]).ok();
    let metadata: Value = serde_json::from_str(&read(&case, "meta.json")).expect("JSON");
    assert_eq!(metadata["containerimage.digest"], output.digest());
    assert_eq!(metadata["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(metadata.get("containerimage.config.digest"), None);
}

#[test]
fn a_build_that_fails_leaves_the_old_files_and_no_others() {
    let case = app()
        .file("meta.json", "old")
        .file("digest", "old")
        .file("bad.toml", "[[binary]]\npath = \"none\"\nto = \"/a\"\n");
    let files = ["--metadata-file", "meta.json", "--digest-file", "{name}.digest"];
    case.run(["build", "app.toml", "bad.toml"].into_iter().chain(files)).fails(2);
    let names: Vec<_> =
        fs::read_dir(case.dir()).expect("the folder").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(names.len(), 5, "something is left: {names:?}");
    assert_eq!(read(&case, "meta.json"), "old");

    for (path, what) in [
        ("app/digest", "app/digest: cannot read the metadata of the `--digest-file`: not a directory"),
        ("out", "error[output-occupied]: out: `--digest-file` writes a new file, and what is there is no regular file"),
        (
            "link",
            "error[output-occupied]: link: `--digest-file` writes a new file, and what is there is no regular file",
        ),
    ] {
        let case = app().folder("out").link("link", "/dev/null");
        case.run(["build", "app.toml", "--digest-file", path]).fails(2).says(what);
        assert_eq!(fs::read_dir(case.path("out")).expect("out").count(), 0, "an image was written");
    }
    let same = ["--metadata-file", "same", "--digest-file", "same"];
    case.run(["build", "app.toml"].into_iter().chain(same))
        .fails(2)
        .says("`--digest-file` and `--metadata-file` are one file");
}

#[test]
fn quiet_says_nothing_v_says_more_and_neither_moves_a_byte() {
    let go = "name = \"app\"\n[[binary]]\ngo = \".\"\n";
    let case = Case::new()
        .recipe(go)
        .file("go.mod", "module example.com/app\n\ngo 1.21\n")
        .file("main.go", "package main\n\nfunc main() { println(\"hello\") }\n");
    let quiet = case.run(["build", "app.toml", "--quiet"]).ok();
    assert_eq!(quiet.stderr, "");
    let plain = case.run(["build", "app.toml"]).ok();
    let said: Vec<_> = plain.stderr.lines().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(said, ["compile", "layer", "layer", "write", "note:"], "{}", plain.stderr);
    let more = case.run(["build", "app.toml", "-v"]).ok();
    for part in ["took ", " s: compile . (go, linux/amd64)\n", "  sha256:", "(diff_id sha256:", "manifest sha256:"] {
        let more = more.clone();
        more.says(part);
    }
    assert!(!more.stderr.contains("run /"), "{}", more.stderr);
    more.clone().says("  unchanged since its last compile\n");
    // Another text of the same program, so that it is compiled again.
    let case = case.edit("main.go", |text| text + "\n// the end\n");
    let most = case.run(["build", "app.toml", "-vv"]).ok().says("/go build -v -trimpath -buildvcs=false ");
    let digests: Vec<_> = [&quiet, &plain, &more, &most].iter().map(|output| output.digest()).collect();
    assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "{digests:?}");
    case.run(["build", "app.toml", "-v", "-q"]).fails(2);
}

#[test]
fn output_of_toolchains() {
    // A `go` that talks; it is asked for nothing but its environment before it fails.
    let go = "#!/bin/sh\ncase \"$1\" in\nenv) if [ \"$2\" = GOMOD ]; then echo \"$PWD/go.mod\"; else echo '{\"GOROOT\":\"/x\"}'; fi;;\n\
              *) printf 'one\\033[2Jtwo\\n' >&2; exit 1;;\nesac\n";
    let case = Case::new().recipe("name = \"app\"\n[[binary]]\ngo = \".\"\n").file("bin/go", go).mode("bin/go", 0o755);
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    let case = case.file("go.mod", "module a\n").env("PATH", path);
    case.run(["build", "app.toml", "-v"]).fails(2).says("]   one\\u{1b}[2Jtwo\n");
}

#[test]
fn colors_come_when_they_are_asked_for_and_never_else() {
    let case = app();
    let bad = ["build", "none.toml"];
    let escape = '\u{1b}';
    assert!(!case.run(bad).fails(2).stderr.contains(escape));
    assert!(case.run(bad.into_iter().chain(["--color", "always"])).fails(2).stderr.contains(escape));
    assert!(!case.run(bad.into_iter().chain(["--color", "never"])).fails(2).stderr.contains(escape));
    // On a terminal, which `script` makes: colors and a bar, unless NO_COLOR, CI or a dumb one say otherwise.
    let on_terminal = |case: &Case, words: &str| {
        let log = case.path("typescript");
        let command = format!("{} {words}", crate::support::case::HARDPAN);
        let mut script = tool("script");
        script.args(["--quiet", "--command", &command]).arg(&log).current_dir(case.dir());
        script.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("TERM", "xterm").env("HOME", case.dir());
        script
    };
    let shown = checked(&mut on_terminal(&case, "build app.toml"));
    assert!(shown.contains("write out/app") && shown.contains(escape), "{shown:?}");
    let shown = checked(on_terminal(&case, "build app.toml").env("CI", "true").env("NO_COLOR", "1"));
    assert!(shown.contains("write out/app") && !shown.contains(escape), "{shown:?}");
    let shown = checked(on_terminal(&case, "build app.toml").env("TERM", "dumb"));
    assert!(!shown.contains(escape), "{shown:?}");
}
