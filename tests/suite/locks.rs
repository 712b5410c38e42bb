//! The lock beside a recipe: what it pins stays, what moved is told, and a build never writes it.

mod compilers;
mod contradictions;
mod shared;

use std::fs;

use serde_json::json;

use crate::support::{
    base::{Base, Family, Stage},
    case::{APP, Case},
    elf,
    layout::sha256,
    registry::{Fault, Registry, Request},
};

const MODEL: &str = "weights of a model\n";

/// Where an image keeps the roots it trusts.
const BUNDLE: &str = "etc/ssl/certs/ca-certificates.crt";

/// A server that has `MODEL` at `/model`.
fn server() -> Registry {
    let server = Registry::start();
    server.spoil(|request: &Request| {
        Some(if request.target == "/model" {
            Fault::Answer(200, Vec::new(), MODEL.to_owned())
        } else {
            Fault::status(404)
        })
    });
    server
}

/// A recipe with a download, around a prebuilt program.
fn case(server: &Registry) -> Case {
    let hex = sha256(MODEL.as_bytes())["sha256:".len()..].to_owned();
    let url = format!("http://{}/model", server.host());
    let case = Case::new()
        .recipe(&format!("{APP}[[file]]\nurl = \"{url}\"\nsha256 = \"{hex}\"\nto = \"/srv/model\"\n"))
        .file("app", elf::static_amd64());
    let cache = case.path("cache");
    case.env("XDG_CACHE_HOME", cache)
}

fn lock(case: &Case) -> String {
    fs::read_to_string(case.path("app.lock")).expect("the lock")
}

#[test]
fn a_lock_is_written_once_and_made_to_be_read() {
    let server = server();
    let case = case(&server);
    let written = case.run(["lock", "app.toml"]).ok().says("write app.lock");
    assert_eq!(written.stdout, "app.lock\n");
    let text = lock(&case);
    let hex = &sha256(MODEL.as_bytes())["sha256:".len()..];
    let expected = format!(
        "# What app.toml asks for and what could move, pinned. Commit it beside the recipe.\n\
         # Written by `hardpan lock`, which keeps what is asked for still; `--update NAME` moves one pin,\n\
         # `--check` says whether recipes ask for anything else.\n\
         \n\
         version = 1\n\
         format = 1\n\
         \n\
         [certificates]\n\
         name = \"mozilla\"\n\
         version = \"1.0.11\"\n\
         digest = \"{}\"\n\
         \n\
         [[file]]\n\
         url = \"http://{}/model\"\n\
         sha256 = \"{hex}\"\n\
         size = {}\n",
        sha256(&case.build().ok().layout().image().entry(BUNDLE).content),
        server.host(),
        MODEL.len()
    );
    assert_eq!(text, expected);
    let before = fs::metadata(case.path("app.lock")).expect("it").modified().expect("a time");
    let again = case.run(["lock", "app.toml"]).ok().says("app.lock is up to date");
    assert_eq!(again.stdout, "");
    assert_eq!(fs::metadata(case.path("app.lock")).expect("it").modified().expect("a time"), before);
    case.run(["lock", "--check", "app.toml"]).ok();
    // One download for all of it, and none to see whether the lock fits.
    assert_eq!(server.requests().len(), 1);
    case.run(["lock", "--offline", "app.toml"]).ok();
    let json = case.run(["lock", "--json", "app.toml"]).ok().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["locks"][0]["written"], false);
    assert_eq!(json["locks"][0]["path"], "app.lock");
}

#[test]
fn missing_or_stale_lock() {
    let server = server();
    let case = case(&server);
    case.run(["build", "app.toml", "--locked"]).fails(1).says("app.lock: there is no lock");
    case.run(["plan", "app.toml", "--locked"]).fails(1).says("hint: `hardpan lock` writes it");
    case.run(["lock", "--check", "app.toml"]).fails(1).says("app.lock: there is no lock");
    case.run(["lock", "app.toml"]).ok();
    let first = case.run(["build", "app.toml", "--locked"]).ok().digest();
    // A label is no request.
    let labelled = case.clone().edit("app.toml", |text| text + "[run.labels]\na = \"b\"\n");
    labelled.run(["build", "app.toml", "--locked"]).ok();
    let before = lock(&case);
    let case =
        case.edit("app.toml", |text| text.replace("[run.labels]\na = \"b\"\n", "[system]\ncertificates = \"none\"\n"));
    let stale = case.run(["build", "app.toml", "--locked"]).fails(1);
    stale.says("app.lock:8:1: nothing asks for Mozilla's roots any more").says("hint: `hardpan lock` brings");
    case.run(["lock", "--check", "app.toml"]).fails(1).says("app.lock:8:1: nothing asks for");
    // Without it, it is a warning, and what fits is used.
    let built = case.build().ok().says("warning: app.lock:8:1: nothing asks for");
    assert_ne!(built.digest(), first);
    assert_eq!(lock(&case), before, "a build writes no lock");
    let case = case.edit("app.toml", |text| {
        text + "[[file]]\nurl = \"https://files.example.com/b\"\nsha256 = \"" + &"0".repeat(64) + "\"\nto = \"/b\"\n"
    });
    case.run(["plan", "app.toml", "--locked"])
        .fails(1)
        .says("app.toml:11:7: `https://files.example.com/b` has no pin in `app.lock`");
}

#[test]
fn a_lock_of_older_roots_builds_to_the_older_bytes() {
    let server = server();
    let case = case(&server);
    let newest = case.build().ok();
    case.run(["lock", "app.toml"]).ok();
    assert_eq!(case.build().ok().digest(), newest.digest());
    let digest = sha256(&newest.layout().image().entry(BUNDLE).content);
    // From the crate itself, version 0.26.8, put together by another program.
    let older = "sha256:cb2378e30c9682a8243fa93f68681aa072c49b56b73e53992b61a03edacb056f";
    let case = case.edit("app.lock", |text| text.replace("1.0.11", "0.26.8").replace(&digest, older));
    let built = case.run(["build", "app.toml", "--locked"]).ok();
    assert_eq!(sha256(&built.layout().image().entry(BUNDLE).content), older);
    // The lock keeps what it has; the world has moved, which is told and is not done unasked.
    case.run(["lock", "app.toml"]).ok().says("is up to date");
    case.run(["lock", "--check", "app.toml"]).ok();
    let before = lock(&case);
    let moved = case.run(["lock", "--update", "all", "--dry-run", "app.toml"]).ok();
    moved.says("Mozilla's roots: 0.26.8 -> 1.0.11  (app)\n").says("would write app.lock");
    assert_eq!(lock(&case), before);
    case.run(["lock", "--update", "certificates", "app.toml"]).ok().says("Mozilla's roots: 0.26.8 -> 1.0.11  (app)");
    assert_eq!(case.run(["build", "app.toml", "--locked"]).ok().digest(), newest.digest());
    // Roots that nobody has, and others than the lock says.
    let case = case.edit("app.lock", |text| text.replace("1.0.11", "9.9.9"));
    for words in [["build", "app.toml"], ["lock", "app.toml"]] {
        case.run(words).fails(2).says("app.lock:10:11: this hardpan does not carry version `9.9.9` of Mozilla's roots");
    }
    let case = case.edit("app.lock", |text| text.replace("9.9.9", "0.26.8"));
    case.build().fails(2).says("app.lock:11:10: version `0.26.8` of Mozilla's roots is `sha256:cb2378");
    case.run(["lock", "--update", "certificates", "app.toml"]).ok();
    assert_eq!(case.run(["build", "app.toml", "--locked"]).ok().digest(), newest.digest());
}

#[test]
fn what_is_written_wrong_in_a_lock_is_told_at_its_place() {
    let server = server();
    let case = case(&server);
    case.run(["lock", "app.toml"]).ok();
    let text = lock(&case);
    for (from, to, said) in [
        ("size = 19", "size = -1", "app.lock:16:8: no download has a size of -1"),
        ("size = 19", "sise = 19", "app.lock:16:1: unknown key `sise`"),
        ("[[file]]", "[file]", "app.lock:13:1: expected an array, found a table"),
        ("version = 1\n", "version = 3\n", "a lock of version 3 is not known to this version"),
    ] {
        let case = case.clone().file("app.lock", text.replacen(from, to, 1));
        case.build().fails(2).says(said);
    }
    case.clone().file("app.lock", [0xff, 0xfe]).build().fails(2).says("the lock is not UTF-8");
}

#[test]
fn two_recipes_have_two_locks_and_all_are_written_or_none() {
    let server = server();
    let case = case(&server).file("b.toml", APP);
    let both = case.run(["lock", "app.toml", "b.toml"]).ok();
    assert_eq!(both.stdout, "app.lock\nb.lock\n");
    case.run(["build", "app.toml", "b.toml", "--locked"]).ok();
    case.run(["lock", "--update", "nothing", "app.toml", "b.toml"])
        .fails(2)
        .says("nothing is pinned under the name `nothing`")
        .says("hint: pinned here: `certificates`, `http://");
    fs::remove_file(case.path("app.lock")).expect("a lock");
    fs::remove_file(case.path("b.lock")).expect("a lock");
    let case = case.file(
        "c.toml",
        APP.to_owned()
            + "[[file]]\nurl = \"http://127.0.0.1:1/x\"\nsha256 = \""
            + &"0".repeat(64)
            + "\"\nto = \"/c\"\n",
    );
    case.run(["lock", "app.toml", "b.toml", "c.toml"]).fails(2).says("c.toml:6:10: cannot download");
    assert!(!case.path("app.lock").exists() && !case.path("b.lock").exists());
    case.run(["lock", "--check", "--offline", "app.toml", "b.toml"]).fails(1).says("b.lock: there is no lock");
}

#[test]
fn the_compilers_of_a_recipe_are_pinned_and_another_one_is_told() {
    let case = Case::new()
        .recipe("[[binary]]\ngo = \".\"\ndir = \"go\"\n[[binary]]\ncargo = \"hello\"\ndir = \"rust\"\ntarget = \"x86_64-unknown-linux-gnu\"\n[run]\nentrypoint = [\"/usr/bin/hello\"]\n[system]\ncertificates = \"none\"\n")
        .file("go/go.mod", "module example.com/tool\n\ngo 1.21\n")
        .file("go/main.go", "package main\n\nfunc main() {}\n")
        .file("rust/Cargo.toml", "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
        .file("rust/Cargo.lock", "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n")
        .file("rust/src/main.rs", "fn main() {}\n");
    case.run(["lock", "--offline", "app.toml"]).ok();
    let text = lock(&case);
    let version = |words: &[&str]| {
        let output = std::process::Command::new(words[0]).args(&words[1..]).output().expect("a compiler");
        String::from_utf8(output.stdout).expect("text")
    };
    let go = version(&["go", "version"]);
    let go = go.split(' ').nth(2).expect("a version");
    assert!(text.contains(&format!("name = \"go\"\ndir = \"go\"\nversion = \"{go}\"\n")), "{text}");
    let rustc = version(&["rustc", "-vV"]);
    let first = rustc.lines().next().expect("a line").trim_start_matches("rustc ");
    assert!(text.contains(&format!("name = \"rust\"\ndir = \"rust\"\nversion = \"{first}\"\ncommit = \"")), "{text}");
    assert!(!text.contains("host"), "{text}");
    let libc = version(&["cc", "-print-file-name=libc.a"]);
    let libc = sha256(&fs::read(libc.trim()).expect("libc.a"));
    let files = text.split("[toolchain.files.x86_64-unknown-linux-gnu]\n").nth(1).expect("the files of the machine");
    assert!(files.contains(&format!("\"libc.a\" = \"{libc}\"\n")), "{text}");
    let moved = case.clone().edit("app.lock", |text| text.replace(&libc, &sha256(b"another")));
    moved
        .run(["build", "app.toml", "--locked"])
        .fails(1)
        .says(&format!("`libc.a for x86_64-unknown-linux-gnu` is `{libc}` now, not `{}`", sha256(b"another")))
        .says("hint: `hardpan lock --update rust` pins it anew");
    let case = moved.edit("app.lock", |text| text.replace(go, "go1.20"));
    case.run(["build", "app.toml", "--locked"])
        .fails(1)
        .says(&format!("the compiler `go` in `go`: `version` is `{go}` now, not `go1.20`"))
        .says("hint: `hardpan lock --update go` pins it anew");
    // Which compilers this machine has is no question of whether the lock fits.
    case.run(["lock", "--check", "app.toml"]).ok();
    case.run(["lock", "app.toml"]).ok().says("is up to date");
    let moved = case.run(["lock", "--update", "toolchain", "--dry-run", "app.toml"]).ok();
    moved.says(&format!("the compiler `go` in `go`: go1.20 -> {go}  (app)")).says("libc.a for");
    case.run(["lock", "--update", "go", "app.toml"]).ok().says(&format!("go1.20 -> {go}"));
    assert!(lock(&case).contains(&sha256(b"another")), "only what was named moves");
}

/// The digest that `app` is built to, with a label that tells it from others, as `base:1` of the registry.
fn publish(registry: &Registry, label: &str) -> String {
    let recipe = format!("{APP}[run.labels]\nwhich = \"{label}\"\n");
    let base = Case::new().recipe(&recipe).file("app", elf::static_amd64());
    let built = base.build().ok().digest();
    base.run(["push", "out/app", &format!("{}/acme/base:1", registry.host())]).ok();
    built
}

#[test]
fn pin_of_a_moved_tag() {
    let registry = Registry::start();
    let first = publish(&registry, "first");
    let name = format!("{}/acme/base", registry.host());
    let case = Case::new().recipe(&format!("base = \"{name}:1\"\n{APP}")).file("app", elf::static_amd64());
    case.run(["lock", "app.toml"]).ok();
    let pinned = lock(&case);
    let expected = format!(
        "[[base]]\nname = \"{name}:1\"\ndigest = \"{first}\"\n\n[base.platforms]\n\"linux/amd64\" = \"{first}\"\n"
    );
    assert!(pinned.contains(&expected), "{pinned}");
    case.run(["lock", "--check", "app.toml"]).ok();
    let second = publish(&registry, "second");
    assert_ne!(first, second);
    registry.spoil(|_| None);
    case.run(["lock", "app.toml"]).ok().says("app.lock is up to date");
    assert!(registry.requests().is_empty(), "what is pinned is not asked for");
    assert_eq!(lock(&case), pinned);
    case.run(["lock", "--check", "app.toml"]).ok();
    assert!(registry.requests().is_empty(), "whether the lock fits is no question for a registry");
    for update in ["base", "all", &name] {
        let moved = case.run(["lock", "--update", update, "--dry-run", "app.toml"]).ok();
        moved.says(&format!("the base `{name}:1`: {first} -> {second}  (app)\n"));
    }
    // Another platform of what is pinned is asked for by its digest.
    registry.spoil(|request| (!request.target.contains("/manifests/sha256:")).then(|| Fault::status(500)));
    let two = case.clone().edit("app.toml", |text| format!("platforms = [\"linux/amd64\", \"linux/arm64\"]\n{text}"));
    two.run(["lock", "app.toml"]).fails(2).says("arm64");
    case.clone().edit("app.toml", |text| text.replace("platforms = [\"linux/amd64\", \"linux/arm64\"]\n", ""));
    registry.spoil(|_| None);
    case.run(["lock", "--update", &name, "app.toml"]).ok().says(&format!("{first} -> {second}"));
    case.run(["lock", "--check", "app.toml"]).ok();
    // What could not be looked at is no answer.
    case.run(["lock", "--update", "base", "--dry-run", "--offline", "app.toml"]).fails(2);
    registry.spoil(|_| Some(Fault::status(403)));
    case.run(["lock", "--update", "base", "--dry-run", "app.toml"]).fails(2);
    registry.spoil(|_| None);
    let elsewhere = case.edit("app.toml", |text| text + "[policy]\nregistries = [\"ghcr.io/acme\"]\n");
    elsewhere.run(["lock", "--update", &name, "app.toml"]).fails(1).says("base-not-allowed");
    assert!(registry.requests().is_empty(), "nobody is asked for a base that is not allowed");
}

#[test]
fn image_on_a_locked_base() {
    let registry = Registry::start();
    let stages = || ["amd64", "arm64"].map(|architecture| Stage::distroless(Family::Oci, architecture));
    let first = Base::of(stages()).push(&registry, "acme/base", "1");
    let name = format!("{}/acme/base:1", registry.host());
    let text = format!(
        "base = \"{name}\"\nplatforms = [\"linux/arm64\", \"linux/amd64\"]\n\
         [[binary]]\npath = \"app-{{arch}}\"\nto = \"/usr/bin/app\"\n"
    );
    let case = Case::new().recipe(&text);
    let cache = case.path("cache");
    let case = case.env("XDG_CACHE_HOME", cache);
    let case = case.file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    case.build().fails(1).says("unpinned-base").says("hint: `hardpan lock` pins it");
    case.run(["lock", "app.toml"]).ok();
    let text = lock(&case);
    assert!(text.contains(&format!("name = \"{name}\"\ndigest = \"{first}\"\n")), "{text}");
    assert!(!text.contains("[certificates]"), "the roots are the base's: {text}");
    let built = case.run(["build", "app.toml", "--locked"]).ok();
    // One that names the digest itself is the same, layer by layer.
    let named = case.clone().edit("app.toml", |text| text.replace(":1\"", &format!(":1@{first}\"")));
    let pinned = named.run(["build", "app.toml", "--output", "named"]).ok().layout();
    for (image, same) in built.layout().images().iter().zip(pinned.images()) {
        let digests = |image: &crate::support::layout::Image| -> Vec<_> {
            image.layers.iter().map(|layer| layer.digest.clone()).collect()
        };
        assert_eq!(digests(image), digests(&same));
        let platform = image.platform();
        let line = text.lines().find(|line| line.starts_with(&format!("\"{platform}\""))).expect("the platform's pin");
        let manifest =
            image.manifest["annotations"]["org.opencontainers.image.base.digest"].as_str().expect("a digest");
        assert!(line.contains(manifest) || manifest == first, "{line} {manifest}");
    }
    let case = case.edit("app.toml", |text| text.replace(&format!("@{first}"), ""));
    let second = Base::of(stages().map(|stage| stage.set("Env", json!(["A=moved"])))).push(&registry, "acme/base", "1");
    assert_ne!(first, second);
    assert_eq!(case.run(["build", "app.toml", "--locked"]).ok().digest(), built.digest());
    assert_eq!(case.run(["build", "app.toml", "--locked", "--offline"]).ok().digest(), built.digest());
    let moved = case.run(["lock", "--update", "base", "--dry-run", "app.toml"]).ok();
    moved.says(&format!("the base `{name}`: {first} -> {second}  (app)"));
    case.run(["lock", "--update", &name, "app.toml"]).ok();
    assert_ne!(case.run(["build", "app.toml", "--locked"]).ok().digest(), built.digest());
}
