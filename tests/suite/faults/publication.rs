//! Several images are published together, or not at all.

use std::{fs, sync::Arc, sync::Mutex};

use serde_json::Value;

use super::{NAMES, build_all, change, digests, leftovers, three, whole_digests};
use crate::support::{
    case::Case,
    output::Output,
    registry::{Fault, Registry, Request},
};

/// Builds under strace, which answers the n-th rename that gives an image its name with an error.
fn build_failing(case: &Case, options: &[&str], at: usize) -> Output {
    let fault = format!("--inject=renameat2:error=EIO:when={at}");
    case.traced(&["--trace=renameat2", &fault], build_all(options)).0
}

/// What is in `out`, as names and bytes of the archives there.
fn archives(case: &Case) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(case.path("out")) else { return Vec::new() };
    let mut all: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn an_error_while_images_get_their_names_undoes_those_that_have_theirs() {
    let case = three("one");
    for at in 1..=3 {
        build_failing(&case, &[], at).fails(2).says("input/output error");
        assert!(!case.path("out").exists(), "new, {at}: {:?}", digests(&case));
    }
    case.run(build_all(&[])).ok();
    let before = digests(&case);
    let case = change(case, "two");
    for at in 1..=3 {
        build_failing(&case, &[], at).fails(2).says("input/output error");
        assert_eq!(digests(&case), before, "over what was there, {at}");
        assert_eq!(leftovers(&case.dir()), Vec::<String>::new());
    }
    // Two that are there and one that is not.
    fs::remove_dir_all(case.path("out/b")).unwrap();
    for at in 1..=3 {
        build_failing(&case, &[], at).fails(2);
        assert_eq!(digests(&case), [before[0].clone(), None, before[2].clone()], "some are there, {at}");
    }
    case.run(build_all(&[])).ok();
    let after = digests(&case);
    assert!(after.iter().zip(&before).all(|(after, before)| after.is_some() && after != before));
}

#[test]
fn archives_are_all_old_or_all_new() {
    for form in ["oci-archive", "docker-archive"] {
        let case = three("one");
        let options = ["--format", form];
        build_failing(&case, &options, 2).fails(2);
        assert_eq!(archives(&case), []);
        case.run(build_all(&options)).ok();
        let before = archives(&case);
        assert_eq!(before.len(), 3);
        let case = change(case, "two");
        for at in 1..=3 {
            build_failing(&case, &options, at).fails(2);
            assert!(archives(&case) == before, "{form}, {at}");
        }
        case.run(build_all(&options)).ok();
        assert!(archives(&case).iter().zip(&before).all(|(after, before)| after.0 == before.0 && after.1 != before.1));
    }
}

#[test]
fn a_file_system_that_cannot_exchange_undoes_as_well() {
    let case = three("one");
    case.run(build_all(&["--format", "oci-archive"])).ok();
    let before = archives(&case);
    let case = change(case, "two");
    // All calls say that they are not supported, and the second plain rename over an archive fails.
    let words = build_all(&["--format", "oci-archive"]);
    let mut failed = 0;
    for at in 1..20 {
        let fault = format!("--inject=rename:error=EIO:when={at}");
        let (output, _) = case.traced(&["--trace=renameat2,rename", "--inject=renameat2:error=EINVAL", &fault], &words);
        if output.code == 0 {
            break;
        }
        failed += 1;
        output.fails(2);
        assert!(archives(&case) == before, "{at}");
    }
    assert_eq!(failed, NAMES.len(), "one rename an archive");
    assert!(archives(&case) != before);
}

#[test]
fn where_the_call_keeps_going_the_others_are_published() {
    let case = three("one");
    case.run(build_all(&[])).ok();
    let before = digests(&case);
    let case = change(case, "two");
    let output = build_failing(&case, &["--keep-going"], 2);
    assert_eq!(output.code, 2, "{}", output.stderr);
    let after = digests(&case);
    assert!(after[0] != before[0] && after[1] == before[1] && after[2] != before[2], "{after:?}");
}

#[test]
fn registries_are_sent_nothing_before_all_images_are_on_the_disk() {
    let case = three("one");
    let registry = Registry::start();
    let push = format!("{}/{{name}}:1", registry.host());
    let changes = |request: &Request| ["POST", "PUT", "PATCH"].contains(&request.method.as_str());
    build_failing(&case, &["--push", &push], 3).fails(2);
    assert!(!registry.requests().iter().any(changes), "{:?}", registry.requests());
    assert!(!case.path("out").exists());
    // What is there when the first change arrives.
    let seen = Arc::new(Mutex::new(None));
    let (first, paths) = (Arc::clone(&seen), NAMES.map(|name| case.path(format!("out/{name}/index.json"))));
    registry.spoil(move |request: &Request| {
        if changes(request) {
            first.lock().unwrap().get_or_insert_with(|| paths.iter().filter(|path| path.exists()).count());
        }
        None
    });
    case.run(build_all(&["--push", &push])).ok();
    assert_eq!(*seen.lock().unwrap(), Some(3));
    for (name, digest) in NAMES.iter().zip(digests(&case)) {
        assert_eq!(registry.tag(name, "1"), digest);
    }
}

#[test]
fn what_is_new_although_the_call_failed_is_told() {
    let case = three("one");
    let registry = Registry::start();
    registry.spoil(|request: &Request| {
        (request.method == "PUT" && request.target.contains("/b/manifests")).then(|| Fault::status(400))
    });
    let push = format!("{}/{{name}}:1", registry.host());
    let output = case.run(build_all(&["--push", &push, "--metadata-file", "m.json", "--json"]));
    assert_eq!(output.code, 2, "{}", output.stderr);
    let document: Value = serde_json::from_str(&output.stdout).expect("JSON");
    for (index, digest) in digests(&case).into_iter().enumerate() {
        let (name, digest) = (NAMES[index], digest.expect("an image"));
        let left = &document["images"][index]["left"];
        assert_eq!((left["path"].as_str(), left["digest"].as_str()), (Some(&*format!("out/{name}")), Some(&*digest)));
        assert!(output.stderr.contains(&format!("`{name}` is new at `out/{name}` ({digest})")), "{}", output.stderr);
        assert_eq!(registry.tag(name, "1"), None, "tags are put when all is sent");
    }
    assert_eq!(document["errors"].as_array().unwrap().len(), 1);
    assert!(!case.path("m.json").exists() && leftovers(&case.dir()).is_empty());
    // A failure that leaves nothing new has no document, and a good call nothing about it.
    let output = case.run(build_all(&["--push", &push, "--json"]));
    assert!(output.code == 2 && output.stdout.is_empty(), "{}", output.stdout);
    let good = case.run(build_all(&["--json"])).ok();
    assert!(!good.stdout.contains("left") && !good.stderr.contains("warning"));
}

#[test]
fn an_image_in_place_whose_name_is_not_durable_is_told() {
    let case = three("one");
    case.run(build_all(&[])).ok();
    let before = digests(&case);
    let case = change(case, "two");
    let mut told = 0;
    for at in 1..40 {
        let fault = format!("--inject=fsync:error=EIO:when={at}");
        let (output, _) = case.traced(&["--trace=fsync", &fault], build_all(&[]));
        let after = whole_digests(&case);
        match output.code {
            0 => break,
            _ if after == before => {}
            _ => {
                let all_new = after.iter().zip(&before).all(|(after, before)| after != before);
                assert!(all_new, "{at}: {after:?}");
                assert!(output.stderr.contains("is new at `out/a`"), "{at}: {}", output.stderr);
                told += 1;
                break;
            }
        }
        output.fails(2);
    }
    assert!(told > 0, "no sync failed behind the names");
}

#[test]
fn a_link_of_the_checkout_is_not_written_through() {
    let case = three("one").folder("../elsewhere").link("out", "../elsewhere");
    let nothing = |case: &Case| fs::read_dir(case.path("../elsewhere")).unwrap().count() == 0;
    let absolute = case.path("out/{name}").display().to_string();
    for options in [&[][..], &["--output", "out/x/{name}"], &["--output", &absolute], &["--format", "oci-archive"]] {
        case.run(build_all(options)).fails(2).says("error[output-occupied]: ").says("the link `");
        assert!(nothing(&case), "{options:?}");
    }
    for option in ["--metadata-file", "--digest-file"] {
        case.run(build_all(&["--output", "images/{name}", option, "out/{name}.txt"])).fails(2).says("the link `out`");
        assert!(nothing(&case) && !case.path("images").exists());
    }
    // A link further up is the user's own way to say where.
    let case = case.folder("../real").link("../way", "real");
    let output = case.path("../way/{name}").display().to_string();
    case.run(build_all(&["--output", &output])).ok();
    assert_eq!(fs::read_dir(case.path("../real")).unwrap().count(), 3);
}
