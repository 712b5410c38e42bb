//! Tags that must not move, images that are pushed together, and what a push says of itself.

use std::fs;

use serde_json::{Value, json};

use super::{built_anew, case, digest};
use crate::support::{
    case::{APP, Case},
    elf,
    judges::{checked, tool},
    output::Output,
    registry::{Fault, Registry},
};

/// A refusal by the rule, which names both images; nothing was sent.
#[track_caller]
fn refused(output: Output, registry: &Registry, first: &str, own: &str, because: &str) {
    let said = output.fails(1).says("error[tag-exists]: ").says(because);
    assert!(said.stderr.contains(first) && said.stderr.contains(own), "{}", said.stderr);
    assert_eq!((registry.count("POST", ""), registry.count("PUT", "")), (0, 0), "{because}");
}

#[test]
fn a_tag_that_must_be_new_names_no_other_image() {
    let (case, registry, first) = built_anew();
    let (own, reference) = (digest(&case), format!("{}/app:1", registry.host()));
    let case = case
        .file("fixed.toml", "[push]\nimmutable-tags = [\"[0-9]*\"]\n")
        .file("channels.toml", "[push]\nmoving-tags = [\"edge\"]\n");
    registry.spoil(|_| None);
    for (arguments, because) in [
        (&["push", "out/app", "--new", &reference][..], "`--new` moves no tag"),
        (&["build", "app.toml", "--push-new", &reference], "`--push-new` moves no tag"),
        // A reference that is named twice keeps to the stricter rule.
        (&["build", "app.toml", "--push", &reference, "--push-new", &reference], "`--push-new` moves no tag"),
        (&["push", "out/app", &reference, "--policy", "fixed.toml"], "`immutable-tags` of the policy has `[0-9]*`"),
        (&["build", "app.toml", "--push", &reference, "--policy", "fixed.toml"], "`immutable-tags` of the policy has"),
        (&["push", "out/app", &reference, "--policy", "channels.toml"], "`moving-tags` of the policy has no pattern"),
        (&["push", "out/app", &reference, "--policy", "fixed.toml", "--tag-policy", "replace"], "`immutable-tags`"),
    ] {
        refused(case.run(arguments), &registry, &first, &own, because);
    }
    // Beside one that moves, a new one; and the same again is the same.
    let (moving, new) = (format!("{}/app:edge", registry.host()), format!("{}/app:2", registry.host()));
    for _ in 0..2 {
        case.run(["push", "out/app", &moving, "--new", &new, "--policy", "channels.toml"]).ok();
    }
    assert_eq!(
        registry.tags("app"),
        [("1", &first), ("2", &own), ("edge", &own)].map(|(tag, of)| (tag.into(), of.clone())).into()
    );
}

#[test]
fn a_tag_that_another_client_puts_meanwhile_stays() {
    let (case, registry, first) = built_anew();
    let reference = format!("{}/app:2", registry.host());
    // The first look finds nothing; the second one, before the tag is put, what another client has put.
    let found = first.clone();
    registry.spoil(move |request| {
        let asks = request.method == "HEAD" && request.target.ends_with("/manifests/2");
        asks.then(|| match request.nth {
            0 => Fault::status(404),
            _ => Fault::fields(200, &[("docker-content-digest", &found)]),
        })
    });
    case.run(["push", "out/app", "--new", &reference]).fails(1).says("`--new` moves no tag").says(&first);
    assert_eq!(registry.tag("app", "2"), None);
}

#[test]
fn many_images_are_pushed_in_one_call_with_their_tags_last() {
    let case = Case::new().file("app", elf::static_amd64()).file("one.toml", APP).file("two.toml", APP);
    let case = case.edit("two.toml", |text| format!("{text}[run]\nargs = [\"two\"]\n"));
    case.run(["build", "one.toml", "two.toml"]).ok();
    let registry = Registry::start();
    let to = format!("{}/fleet/{{name}}:1", registry.host());
    let pushed = case.run(["push", "--json", "--to", &to, "out/one", "out/two"]).ok();
    let document: Value = serde_json::from_str(&pushed.stdout).expect("JSON");
    for (at, name) in ["one", "two"].into_iter().enumerate() {
        let (image, repository) = (&document["images"][at], format!("{}/fleet/{name}", registry.host()));
        assert_eq!(
            (&image["image"], &image["repositories"][0]["repository"]),
            (&json!(format!("out/{name}")), &json!(repository))
        );
        assert_eq!(image["repositories"][0]["digest"], json!(registry.tag(&format!("fleet/{name}"), "1")));
    }
    let puts: Vec<_> = registry.requests().into_iter().filter(|request| request.is("PUT", "/manifests/")).collect();
    let tags: Vec<_> = puts.iter().map(|request| request.target.ends_with("/manifests/1")).collect();
    assert!(tags.is_sorted() && tags.iter().filter(|is_tag| **is_tag).count() == 2, "tags are put last: {tags:?}");
    // Two images for one tag, and no image at all.
    let one = format!("{}/fleet/all:1", registry.host());
    case.run(["push", "--to", &one, "out/one", "out/two"]).fails(2).says("put `{name}` into `--to`");
    case.run(["push", "--to", &format!("{one}-{{os}}"), "out/one"]).fails(2).says("`--to`: ");
    case.run(["push", "out/one"]).fails(2);
}

#[test]
fn metadata_has_all_references_as_buildx_writes_them() {
    let (case, registry) = (case(), Registry::start());
    let references = ["app:1", "app:latest", "other/app:1"].map(|name| format!("{}/{name}", registry.host()));
    let push = references.iter().flat_map(|reference| ["--push", reference]);
    let files = ["--metadata-file", "made/for/this/meta.json", "--digest-file", "made/digest"];
    case.run(["build", "app.toml"].into_iter().chain(push).chain(files)).ok();
    let read = |path: &str| fs::read_to_string(case.path(path)).expect("the file");
    let metadata: Value = serde_json::from_str(&read("made/for/this/meta.json")).expect("JSON");
    assert_eq!((&metadata["image.name"], &metadata["hardpan.name"]), (&json!(references.join(",")), &json!("app")));
    assert_eq!(read("made/digest"), digest(&case));
    // A call that fails leaves no folder.
    let failing = case.file("broken.toml", "[[binary]]\npath = \"nothing\"\nto = \"/usr/bin/x\"\n");
    failing.run(["build", "broken.toml", "--digest-file", "new/folder/digest"]).fails(2);
    assert!(!failing.path("new").exists());
}

#[test]
fn a_push_under_a_commit_warns_of_what_is_not_in_it() {
    let (case, registry) = (case(), Registry::start());
    let git = |arguments: &[&str]| {
        let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
        checked(tool("git").args(who).args(arguments).current_dir(case.dir()));
    };
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["commit", "-q", "-m", "one"]);
    let by_commit = format!("{}/app:{{git.revision}}", registry.host());
    let warning = "`{git.revision}` is in the reference that is pushed";
    let clean = case.run(["build", "app.toml", "--push", &by_commit]).ok();
    assert!(!clean.stderr.contains(warning), "{}", clean.stderr);
    let dirty = case.clone().file("noise", "other noise");
    let said =
        dirty.run(["build", "app.toml", "--push", &by_commit]).ok().says(warning).says("`noise` is changed or new");
    assert_eq!(said.stderr.matches(warning).count(), 1);
    let by_name = format!("{}/app:1", registry.host());
    let named = dirty.run(["build", "app.toml", "--push", &by_name]).ok();
    assert!(!named.stderr.contains(warning), "{}", named.stderr);
}
