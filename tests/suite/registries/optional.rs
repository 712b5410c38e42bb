//! Questions that a push can do without: what a registry refuses to say stops nothing, but for tags that may not move.

use super::{built_anew, case, digest, logged_in, login, push};
use crate::support::registry::{Fault, Lock, Registry, Setup};

/// As registries refuse to answer, with logins that may only push, behind something that lets no `HEAD` through.
const REFUSALS: [u16; 8] = [400, 401, 403, 405, 406, 410, 451, 501];

#[test]
fn a_push_needs_no_answer_to_its_questions() {
    let case = case();
    for status in REFUSALS {
        for part in ["manifests", "blobs", ""] {
            let registry = Registry::start();
            registry.spoil(move |r| r.is("HEAD", part).then(|| Fault::status(status)));
            let output = push(&case, &registry);
            assert_eq!(output.code, 0, "{status} {part}: {}", output.stderr);
            assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{status} {part}");
        }
    }
}

/// The login is good, and the token is; the registry refuses every `HEAD` all the same.
#[test]
fn a_login_that_may_only_push_pushes() {
    let case = case();
    for lock in [Lock::Basic(login().2), Lock::Bearer(login().2, 1000)] {
        let is_basic = matches!(lock, Lock::Basic(_));
        let registry = Registry::locked(lock);
        let case = logged_in(case.clone(), &registry.host());
        let realm = format!("Bearer realm=\"http://{}/token\",service=\"here\"", registry.host());
        let challenge = if is_basic { "Basic realm=\"x\"".to_owned() } else { realm };
        registry.spoil(move |r| {
            let fields = vec![("www-authenticate", challenge.clone())];
            r.is("HEAD", "").then(|| Fault::Answer(401, fields, String::new()))
        });
        push(&case, &registry).ok();
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    }
}

#[test]
fn a_wrong_login_is_tried_twice_and_not_by_every_question() {
    let registry = Registry::locked(Lock::Basic("other".to_owned()));
    let case = logged_in(case(), &registry.host());
    push(&case, &registry).fails(2).says("the login is not accepted").says("log in again: `docker login");
    let tried = registry.requests().iter().filter(|request| request.field("authorization").is_some()).count();
    // One by the first question, and one by what has to be sent. On a slow machine questions may be on their way by then.
    assert!((1..=8).contains(&tried), "{tried}");
    assert_eq!(registry.count("PUT", ""), 0);
}

#[test]
fn a_tag_that_may_not_move_has_to_be_known() {
    let (case, registry, first) = built_anew();
    let reference = format!("{}/app:1", registry.host());
    for status in REFUSALS {
        // Behind a proxy without `HEAD`, a `GET` tells as much.
        let gets = matches!(status, 405 | 501);
        registry.spoil(move |r| (r.is("HEAD", "") || (!gets && r.is("GET", ""))).then(|| Fault::status(status)));
        for options in [&["--tag-policy", "fail"][..], &["--tag-policy", "keep"]] {
            let words = [&["push", "out/app", &reference], options].concat();
            let output = case.run(words);
            match (gets, options[1]) {
                (true, "fail") => drop(output.fails(1).says("the tag `1` is").says(&first)),
                (true, _) => drop(output.ok().says("stays with")),
                (false, _) => {
                    let said = output.fails(2);
                    let told = "cannot check for the manifest `1`";
                    assert!(status == 401 || said.stderr.contains(told), "{status}: {}", said.stderr);
                }
            }
            assert_eq!(registry.count("PUT", "/manifests/1"), 0, "{status}");
        }
    }
    assert_eq!(registry.tag("app", "1"), Some(first));
}

#[test]
fn a_registry_that_takes_manifests_by_tags_alone_gets_them_so() {
    let case = case();
    for tags in [&["1"][..], &["1", "latest"]] {
        let registry = Registry::with(Setup { by_tag_alone: true, ..Setup::default() });
        let references: Vec<_> = tags.iter().map(|tag| format!("{}/app:{tag}", registry.host())).collect();
        case.run(["push", "out/app"].into_iter().chain(references.iter().map(String::as_str))).ok();
        for tag in tags {
            assert_eq!(registry.tag("app", tag), Some(digest(&case)), "{tags:?}");
        }
        // Without a tag there is no other way.
        let by_digest = format!("{}/other", registry.host());
        case.run(["push", "out/app", &by_digest]).fails(2).says("cannot put the manifest");
    }
    // What no tag brings either moves none.
    let registry = Registry::start();
    registry.spoil(|r| r.is("PUT", "manifests").then(|| Fault::error(400, "MANIFEST_INVALID", "")));
    let references = ["1", "latest"].map(|tag| format!("{}/app:{tag}", registry.host()));
    case.run(["push", "out/app", &references[0], &references[1]]).fails(2).says("MANIFEST_INVALID");
    assert!(registry.tags("app").is_empty());
}

/// What is said of a registry that does not take an index, or zstd.
#[test]
fn a_refused_manifest_has_a_hint_where_one_helps() {
    let refuses = |part: &'static str| {
        let registry = Registry::start();
        registry.spoil(move |r| {
            let is_it = r.field("content-type").is_some_and(|kind| kind.contains(part));
            (r.is("PUT", "manifests") && is_it).then(|| Fault::error(415, "MANIFEST_INVALID", "no"))
        });
        registry
    };
    let plain = case();
    let hints = ["if the registry takes no index", "if the registry takes no zstd"];
    let said = push(&plain, &refuses("manifest.v1")).fails(2);
    assert!(hints.iter().all(|hint| !said.stderr.contains(hint)), "{}", said.stderr);
    let zstd = plain.clone().edit("app.toml", |text| format!("compression = \"zstd\"\n{text}"));
    zstd.build().ok();
    push(&zstd, &refuses("manifest.v1")).fails(2).says(hints[1]).says("`compression = \"gzip\"`");
    let index = super::kills::case("x");
    push(&index, &refuses("index.v1")).fails(2).says(hints[0]).says("--platform linux/amd64");
}
