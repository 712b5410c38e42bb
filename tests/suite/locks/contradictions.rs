//! Locks that contradict the recipe, the world or themselves, and what may be told about them.

use std::fs;

use super::{MODEL, case, lock, publish, server};
use crate::support::{
    base::{Base, Family, Stage},
    case::{APP, Case},
    elf,
    layout::sha256,
    registry::{Fault, Registry},
};

#[test]
fn size_of_a_download() {
    let server = server();
    let case = case(&server);
    case.run(["lock", "app.toml"]).ok();
    let text = lock(&case);
    for wrong in ["5", "20"] {
        let case = case.clone().file("app.lock", text.replace("size = 19", &format!("size = {wrong}")));
        let said = format!("/model` has 19 bytes, not {wrong}");
        for build in [&["build", "app.toml", "--locked"][..], &["build", "app.toml"]] {
            case.run(build).fails(1).says("app.lock:16:8: `http://").says(&said);
            fs::remove_dir_all(case.path("cache")).expect("the cache");
            case.run(build).fails(1).says("app.lock:16:8: `http://").says(&said).says("hint: `hardpan lock --update");
        }
        let moved = case.run(["lock", "--update", "url", "--dry-run", "app.toml"]).ok();
        moved.says(&format!("/model`: size {wrong} -> 19  (app)"));
        case.run(["lock", "--update", &format!("http://{}/model", server.host()), "app.toml"]).ok();
        assert_eq!(lock(&case), text);
    }
}

#[test]
fn check_of_downloads() {
    let server = server();
    let case = case(&server);
    case.run(["lock", "app.toml"]).ok();
    server.spoil(|_| Some(Fault::Answer(200, Vec::new(), "something else\n".into())));
    // Past the cache, and never into the lock.
    let (found, text) = (sha256(b"something else\n"), lock(&case));
    for update in ["all", "url", &format!("http://{}/model", server.host())] {
        let moved = case.run(["lock", "--update", update, "app.toml"]).fails(2);
        moved.says("error[download-digest]: app.toml:5:7: ").says(&found).says("examine it before");
    }
    assert_eq!(lock(&case), text);
    server.spoil(|_| Some(Fault::status(404)));
    case.run(["lock", "--update", "url", "--dry-run", "app.toml"]).fails(2).says("/model answered HTTP 404");
    case.run(["lock", "--check", "app.toml"]).ok();
    // What is here is built all the same.
    case.run(["build", "app.toml", "--locked"]).ok();
}

#[test]
fn the_query_of_an_address_is_never_shown() {
    let server = Registry::start();
    server.spoil(|_| Some(Fault::Answer(200, Vec::new(), MODEL.to_owned())));
    let case = case(&server).edit("app.toml", |text| text.replace("/model\"", "/model?token=hunter2hunter2\""));
    let hidden = |words: &[&str], code| {
        let output = case.run(words).fails(code);
        assert!(!output.stderr.contains("hunter2") && !output.stdout.contains("hunter2"), "{}", output.stderr);
        output
    };
    let json = case.run(["lock", "--json", "app.toml"]).ok().stdout;
    assert!(json.contains("/model\"") && !json.contains("hunter2"), "{json}");
    hidden(&["lock", "--update", "nope", "app.toml"], 2).says("/model`");
    let text = fs::read_to_string(case.path("app.toml")).expect("the recipe");
    let unasked = text.split("[[file]]").next().expect("a recipe").to_owned();
    for (recipe, code, said) in [
        (unasked, 1, "/model` any more"),
        (text.replace("sha256 =", "#"), 2, "needs its digest"),
        (text.replace("hunter2\"", "hunter2#a\""), 2, "has a fragment"),
        (text.replace("hunter2\"", "hunter2 \""), 2, "the `url` has ` `"),
        (text.replace("http://127", "ftp://127"), 2, "begins with `https://`"),
    ] {
        fs::write(case.path("app.toml"), recipe).expect("write");
        hidden(&["build", "app.toml", "--locked"], code).says(said);
    }
    fs::write(case.path("app.toml"), text).expect("write");
    // Nor has anybody to write it.
    case.run(["lock", "--update", &format!("http://{}/model", server.host()), "app.toml"]).ok();
}

#[test]
fn lock_of_another_base() {
    let registry = Registry::start();
    let stages = ["amd64", "arm64"].map(|architecture| Stage::distroless(Family::Oci, architecture));
    let digest = Base::of(stages).push(&registry, "acme/base", "1");
    let name = format!("{}/acme/base:1@{digest}", registry.host());
    let case = Case::new()
        .recipe(&format!(
            "base = \"{name}\"\nplatforms = [\"linux/amd64\", \"linux/arm64\"]\n\
             [[binary]]\npath = \"app-{{arch}}\"\nto = \"/usr/bin/app\"\n"
        ))
        .file("app-amd64", elf::static_amd64())
        .file("app-arm64", elf::static_arm64());
    case.run(["lock", "app.toml"]).ok();
    case.run(["build", "app.toml", "--locked"]).ok();
    let text = lock(&case);
    let other = sha256(b"another");
    let line = format!("\ndigest = \"{digest}\"");
    assert!(text.contains(&line), "{text}");
    let case = case.file("app.lock", text.replace(&line, &format!("\ndigest = \"{other}\"")));
    let stale = case.run(["build", "app.toml", "--locked"]).fails(1);
    stale
        .says("app.lock:10:10: the base `")
        .says(&format!("is `{other}` here, and the recipe says otherwise at app.toml"));
    case.build().ok().says("warning: app.lock:10:10: the base `");
    case.run(["lock", "app.toml"]).ok().says("write app.lock");
    assert_eq!(lock(&case), text);
    // The images of two platforms, each in the other's place.
    let pins: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("\"linux/")?.split('"').nth(2)).collect();
    assert_eq!(pins.len(), 2, "{text}");
    let swapped = text.replace(pins[0], "x").replace(pins[1], pins[0]).replace(" \"x\"", &format!(" \"{}\"", pins[1]));
    let case = case.file("app.lock", swapped);
    for build in [&["build", "app.toml", "--locked"][..], &["plan", "app.toml"]] {
        let said = format!("has `{}` for linux/amd64, not `{}`", pins[0], pins[1]);
        case.run(build).fails(1).says("app.lock:13:17: the base `").says(&said).says("hint: `hardpan lock --update");
    }
    case.run(["lock", "--update", &name, "app.toml"]).ok();
    assert_eq!(lock(&case), text);
    let case = case.edit("app.lock", |text| {
        text.lines().filter(|line| !line.contains("arm64")).fold(String::new(), |all, line| all + line + "\n")
    });
    case.run(["build", "app.toml", "--locked"]).fails(1).says("for linux/arm64 has no pin in `app.lock`");
}

#[test]
fn a_pin_that_stays_is_from_the_registries_of_the_policy_too() {
    let registry = Registry::start();
    publish(&registry, "first");
    let case = Case::new()
        .recipe(&format!("base = \"{}/acme/base:1\"\n{APP}", registry.host()))
        .file("app", elf::static_amd64())
        .file("pol.toml", "[policy]\nregistries = [\"ghcr.io/acme\"]\n");
    case.run(["lock", "app.toml"]).ok();
    case.run(["lock", "app.toml", "--policy", "pol.toml"]).fails(1).says("base-not-allowed");
}
