//! One lock for all recipes of a workspace.

use std::fs;

use super::publish;
use crate::support::{
    case::{APP, Case},
    elf,
    layout::sha256,
    registry::{Fault, Registry, Request},
};

const WORKSPACE: &str = "lock = true\nrecipes = [\"svc/*/hardpan.toml\", \"tool.toml\"]\n";

/// A recipe on the base of the registry.
fn service(registry: &Registry, name: &str, more: &str) -> String {
    format!(
        "name = \"{name}\"\nbase = \"{}/acme/base:1\"\n{more}[[binary]]\npath = \"../../app\"\nto = \"/usr/bin/{name}\"\n",
        registry.host()
    )
}

/// Three services on one base, and a tool with roots.
fn fleet(registry: &Registry) -> Case {
    let services = ["one", "two", "three"]
        .iter()
        .fold(Case::new(), |case, name| case.file(format!("svc/{name}/hardpan.toml"), service(registry, name, "")));
    services.file("hardpan.workspace.toml", WORKSPACE).file("tool.toml", APP).file("app", elf::static_amd64())
}

fn lock(case: &Case) -> String {
    fs::read_to_string(case.path("hardpan.workspace.lock")).expect("the lock")
}

#[test]
fn a_tag_that_moves_is_a_diff_of_a_few_lines() {
    let registry = Registry::start();
    let first = publish(&registry, "first");
    let case = fleet(&registry);
    registry.spoil(|_| None);
    let written = case.run(["lock"]).ok();
    assert_eq!(written.stdout, "hardpan.workspace.lock\n");
    let (name, text) = (format!("{}/acme/base:1", registry.host()), lock(&case));
    written.says(&format!("the base `{name}`: {first}  (one, three, two)\n")).says("Mozilla's roots: 1.0.11  (tool)\n");
    assert_eq!(text.matches("[[base]]").count(), 1, "{text}");
    let asked = registry.requests().iter().filter(|request| request.target.ends_with("/manifests/1")).count();
    assert!(asked <= 2, "a base is looked up once, whatever number of recipes has it: {asked}");
    case.run(["lock"]).ok().says("hardpan.workspace.lock is up to date");
    case.run(["lock", "--check"]).ok();
    let recipes = ["svc/one/hardpan.toml", "svc/two/hardpan.toml", "svc/three/hardpan.toml", "tool.toml"];
    case.run(["build", "--locked"]).ok();
    assert!(!case.path("tool.lock").exists() && !case.path("svc/one/hardpan.lock").exists());
    let second = publish(&registry, "second");
    case.run(["lock", "--update", "base", "--dry-run"]).ok().says(&format!("{first} -> {second}  (one, three, two)\n"));
    assert_eq!(lock(&case), text);
    case.run(["lock", "--update", "base", recipes[1]]).ok().says(&format!("{first} -> {second}  (two)\n"));
    let moved = lock(&case);
    let differ = text.lines().zip(moved.lines()).filter(|(was, now)| was != now).count();
    assert_eq!((differ, text.lines().count()), (2, moved.lines().count()), "{moved}");
    // Every recipe is on the new one, and all of them have what they need.
    case.run(["lock", "--check"]).ok();
    let built = case.run(["build", "--locked", recipes[0]]).ok().layout().image();
    assert_eq!(built.manifest["annotations"]["org.opencontainers.image.base.digest"], second.as_str());
}

#[test]
fn what_no_recipe_asks_for_is_told_and_removed() {
    let registry = Registry::start();
    publish(&registry, "first");
    let case = fleet(&registry);
    case.run(["lock"]).ok();
    let text = lock(&case);
    // A recipe that wants more has a message at its line; the others build.
    let more = case.clone().edit("svc/one/hardpan.toml", |text| {
        text.replace("base = ", "platforms = [\"linux/amd64\", \"linux/arm64\"]\nbase = ")
    });
    more.run(["lock", "--check"])
        .fails(1)
        .says("svc/one/hardpan.toml:3:8: the base `")
        .says("for linux/arm64 has no pin in `hardpan.workspace.lock`");
    more.run(["build", "--locked", "svc/two/hardpan.toml"]).ok();
    more.run(["build", "--locked", "svc/one/hardpan.toml"]).fails(1).says("for linux/arm64 has no pin");
    let case = more.file("svc/one/hardpan.toml", service(&registry, "one", ""));
    // No recipe with roots any more: `--check` says so, a lock of one recipe keeps it, and one of all removes it.
    let case = case.edit("tool.toml", |text| text + "[system]\ncertificates = \"none\"\n");
    let orphan = "hardpan.workspace.lock:8:1: no recipe of the workspace asks for Mozilla's roots any more";
    case.run(["lock", "--check"]).fails(1).says(orphan).says("hint: `hardpan lock` without a recipe removes it");
    case.run(["lock", "--check", "tool.toml"]).fails(1).says(orphan);
    case.run(["build", "--locked", "tool.toml"]).ok();
    case.run(["lock", "svc/one/hardpan.toml"]).ok().says("is up to date");
    assert_eq!(lock(&case), text);
    case.run(["lock"]).ok().says("Mozilla's roots: no longer asked for\n");
    assert!(!lock(&case).contains("mozilla") && lock(&case).contains("[[base]]"));
    // The same thing missing in several recipes is one answer.
    let case = case.edit("hardpan.workspace.lock", |text| text.split("[[base]]").next().unwrap().to_owned());
    let stale = case.run(["lock", "--check"]).fails(1);
    assert_eq!(stale.stderr.matches("has no pin in").count(), 1, "{}", stale.stderr);
    stale.says("(svc/one/hardpan.toml, svc/three/hardpan.toml, svc/two/hardpan.toml)");
    let json = case.run(["lock", "--check", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON, whatever the answer");
    assert_eq!((json.code, document["errors"].as_array().unwrap().len()), (1, 1), "{document}");
    assert_eq!(document["locks"][0]["recipes"].as_array().unwrap().len(), 4);
}

#[test]
fn a_pin_of_another_recipe_affects_none() {
    let registry = Registry::start();
    publish(&registry, "first");
    let case = fleet(&registry).edit("svc/one/hardpan.toml", |text| text + "[system]\ntimezones = true\n");
    case.run(["lock"]).ok();
    let git = |words: &[&str]| {
        let mut git = crate::support::judges::tool("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(words).current_dir(case.dir());
        crate::support::judges::checked(git.env("GIT_CONFIG_GLOBAL", "/dev/null"))
    };
    for words in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "all"]] {
        git(words);
    }
    let affected = || case.run(["affected", "--since", "HEAD"]).ok().stdout;
    assert_eq!(affected(), "");
    let text = lock(&case);
    let all = "svc/one/hardpan.toml\nsvc/three/hardpan.toml\nsvc/two/hardpan.toml\n";
    let digest = text.lines().find_map(|line| line.strip_prefix("\"linux/amd64\" = ")).expect("the base");
    for (from, to, recipes) in [
        ("version = \"1.0.11\"", "version = \"1.0.12\"", "tool.toml\n"),
        ("[timezones]\nversion = \"", "[timezones]\nversion = \"x", "svc/one/hardpan.toml\n"),
        (digest, &format!("\"{}\"", sha256(b"moved")), all),
        ("# Written by", "# written by", ""),
    ] {
        let moved = text.replace(from, to);
        assert_ne!(moved, text, "{from}");
        fs::write(case.path("hardpan.workspace.lock"), moved).unwrap();
        assert_eq!(affected(), recipes, "{from}");
    }
    // What cannot be read is no answer for any of them, and a recipe that goes is named.
    fs::write(case.path("hardpan.workspace.lock"), "x").unwrap();
    assert_eq!(affected(), format!("{all}tool.toml\n"));
    fs::write(case.path("hardpan.workspace.lock"), &text).unwrap();
    fs::remove_file(case.path("svc/two/hardpan.toml")).unwrap();
    case.run(["affected", "--since", "HEAD"]).ok().says("svc/two/hardpan.toml");
}

#[test]
fn recipes_that_share_a_lock_agree_and_are_named() {
    let server = Registry::start();
    server.spoil(|request: &Request| {
        Some(if request.target == "/a" { Fault::Answer(200, Vec::new(), "a\n".to_owned()) } else { Fault::status(404) })
    });
    let file = |sha256: &str| {
        format!("{APP}[[file]]\nurl = \"http://{}/a\"\nsha256 = \"{sha256}\"\nto = \"/a\"\n", server.host())
    };
    let right = sha256(b"a\n")["sha256:".len()..].to_owned();
    let case = Case::new()
        .file("hardpan.workspace.toml", "lock = true\n")
        .file("recipes/a.toml", file(&right))
        .file("recipes/b.toml", file(&"0".repeat(64)))
        .file("recipes/app", elf::static_amd64());
    for words in [&["lock"][..], &["lock", "recipes/a.toml"], &["lock", "--check"]] {
        case.run(words).fails(2).says(
            "recipes/b.toml:6:10: this `url` has another digest at recipes/a.toml:6:10, and both recipes share a lock",
        );
    }
    let case = case.file("recipes/b.toml", file(&right)).file("else/c.toml", APP).file("recipes/a.lock", "");
    case.run(["lock", "else/c.toml"])
        .fails(2)
        .says("else/c.toml: the recipe is below a workspace whose recipes share a lock, and is not one of them")
        .says("hint: name it by `recipes` of `hardpan.workspace.toml`");
    assert!(!case.path("hardpan.workspace.lock").exists());
    // Locks of before are told of, and those of others are not ours.
    let single = case.clone().file("hardpan.workspace.toml", "");
    fs::remove_file(case.path("recipes/a.lock")).unwrap();
    single.run(["lock"]).ok();
    let case = single.file("hardpan.workspace.toml", "lock = true\n").file("recipes/Cargo.lock", "version = 4\n");
    let lock = case.run(["lock"]).ok();
    for name in ["a", "b"] {
        lock.clone()
            .says(&format!("warning: recipes/{name}.lock: no build reads this lock any more"))
            .says(&format!("hint: remove it: `rm recipes/{name}.lock`"));
    }
    assert!(!lock.stderr.contains("Cargo.lock"), "{}", lock.stderr);
    case.run(["build", "--locked"]).ok();
    let off = case.file("hardpan.workspace.toml", "");
    off.run(["lock"]).ok().says("warning: hardpan.workspace.lock: no build reads this lock: the workspace beside it");
}

#[test]
fn a_lock_without_a_recipe_is_told() {
    let case =
        Case::new().file("recipes/a.toml", APP).file("recipes/b.toml", APP).file("recipes/app", elf::static_amd64());
    case.run(["lock"]).ok();
    fs::remove_file(case.path("recipes/b.toml")).unwrap();
    for words in [&["lock"][..], &["lock", "--check"]] {
        case.run(words).ok().says("warning: recipes/b.lock: this lock has no recipe");
    }
    assert!(!case.run(["lock", "recipes/a.toml"]).ok().stderr.contains("b.lock"));
}
