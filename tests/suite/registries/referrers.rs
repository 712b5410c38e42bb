//! Artifacts that are about an image: listed by the registry, or under a tag where it keeps no lists.

use std::{
    process::Stdio,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

use super::{case, digest, push};
use crate::{
    examples,
    support::{
        case::{Case, wait},
        judges::{checked, tool},
        layout::sha256,
        registry::{Fault, Registry, Setup},
    },
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// An artifact about the image at `out/app`, as a layout in `name`; tells its digest.
fn artifact(case: Case, name: &str) -> (Case, String) {
    let subject = digest(&case);
    let size = std::fs::metadata(case.path("out/app/blobs").join(subject.replacen(':', "/", 1))).expect("it").len();
    let mut case = case;
    let mut blob = |media_type: &str, bytes: &[u8]| {
        let digest = sha256(bytes);
        case = case.clone().file(format!("{name}/blobs/{}", digest.replacen(':', "/", 1)), bytes);
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    };
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "text/x-note",
        "config": blob("application/vnd.oci.empty.v1+json", b"{}"),
        "layers": [blob("text/plain", name.as_bytes())],
        "subject": { "mediaType": MANIFEST, "digest": subject, "size": size },
        "annotations": { "note": name },
    });
    let root = blob(MANIFEST, manifest.to_string().as_bytes());
    let index = json!({ "schemaVersion": 2, "manifests": [root] });
    let case = case
        .file(format!("{name}/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
        .file(format!("{name}/index.json"), index.to_string());
    (case, root["digest"].as_str().expect("a digest").to_owned())
}

fn tag(case: &Case) -> String {
    digest(case).replacen(':', "-", 1)
}

/// The digests in a list.
fn entries(list: &Value) -> Vec<String> {
    let entries = list["manifests"].as_array().expect("a list");
    entries.iter().map(|entry| entry["digest"].as_str().expect("a digest").to_owned()).collect()
}

fn listed(case: &Case, registry: &Registry) -> Vec<String> {
    let Some(digest) = registry.tag("app", &tag(case)) else { return Vec::new() };
    let list = registry.manifest("app", &digest).expect("the list");
    entries(&serde_json::from_slice(&list).expect("JSON"))
}

#[test]
fn a_registry_with_the_api_keeps_the_list_itself() {
    let ((case, _), registry) = (artifact(case(), "note"), Registry::start());
    push(&case, &registry).ok();
    case.run(["push", "note", &format!("{}/app", registry.host())]).ok();
    assert_eq!(registry.tag("app", &tag(&case)), None);
    assert_eq!(registry.count("GET", "/referrers/"), 0, "it said so");
}

#[test]
fn without_the_api_the_list_is_a_tag_that_two_can_write() {
    let setup = Setup { referrers: false, ..Setup::default() };
    let registry = Registry::with(setup);
    let (case, one) = artifact(case(), "one");
    let (case, other) = artifact(case, "other");
    let (case, third) = artifact(case, "third");
    push(&case, &registry).ok();
    let reference = format!("{}/app", registry.host());
    // What ended between the artifact and the list is made up for by the next.
    registry.spoil(|r| r.is("PUT", "/manifests/sha256-").then(|| Fault::status(403)));
    case.run(["push", "one", &reference]).fails(2).says("cannot put the manifest").says("answered HTTP 403");
    assert!(registry.manifests("app").contains(&one) && listed(&case, &registry).is_empty());
    registry.spoil(|_| None);
    case.run(["push", "one", &reference]).ok();
    assert_eq!(listed(&case, &registry), std::slice::from_ref(&one));
    // Two that read the same list and both write theirs: neither reads before both are there.
    let (both, reads) = (Barrier::new(2), AtomicUsize::new(0));
    registry.spoil(move |r| {
        if r.is("GET", "/manifests/sha256-") && reads.fetch_add(1, Ordering::SeqCst) < 2 {
            both.wait();
        }
        None
    });
    let begin = |name: &str| {
        case.command(["push", name, &reference]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hardpan")
    };
    for mut child in [begin("other"), begin("third")] {
        assert!(wait(&mut child, Duration::from_secs(60)).is_some_and(|status| status.success()));
    }
    let mut all = listed(&case, &registry);
    all.sort();
    let mut expected = [one, other, third];
    expected.sort();
    assert_eq!(all, expected);
    // Nothing moves when nothing is new.
    registry.spoil(|_| None);
    case.run(["push", "third", &reference]).ok();
    assert!(registry.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
}

#[test]
fn debians_registry_has_no_api_and_the_list_is_there_for_others() {
    let ((case, own), registry) = (artifact(case(), "note"), examples::Registry::start());
    let name = format!("127.0.0.1:{}/acme/app", registry.port);
    case.run(["push", "out/app", &format!("{name}:1")]).ok();
    case.run(["push", "note", &name]).ok();
    let list = checked(tool("crane").args(["manifest", &format!("{name}:{}", tag(&case))]));
    let list: Value = serde_json::from_str(&list).expect("JSON");
    assert_eq!(entries(&list), [own]);
    assert_eq!(list["manifests"][0]["artifactType"], "text/x-note");
    assert_eq!(list["manifests"][0]["annotations"]["note"], "note");
    checked(tool("crane").args(["validate", "--remote", &format!("{name}:1")]));
}
