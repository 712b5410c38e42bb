//! The registry that the other tests push to, judged by those who wrote the specification.

use std::{fs, process::Stdio, time::Duration};

use crate::support::{
    case::{scratch, wait},
    judges::tool,
    registry::Registry,
};

/// The suite of distribution-spec: pulls, pushes in one piece and in many, mounts, lists, deletions, referrers.
#[test]
fn the_registry_of_the_tests_keeps_the_specification() {
    let (registry, scratch) = (Registry::start(), scratch());
    let log = fs::File::create(scratch.path().join("log")).expect("a log");
    let mut child = tool("conformance")
        .current_dir(scratch.path())
        .env_clear()
        .env("OCI_REGISTRY", registry.host())
        .env("OCI_TLS", "disabled")
        .env("OCI_REPO1", "conformance/one")
        .env("OCI_REPO2", "conformance/two")
        .env("OCI_RESULTS_DIR", scratch.path().join("results"))
        .env("OCI_API_BLOBS_DIGEST_HEADER", "true")
        .env("OCI_API_BLOBS_UPLOAD_CANCEL", "true")
        .env("OCI_API_MANIFESTS_DIGEST_HEADER", "true")
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("the log"))
        .stderr(log)
        .spawn()
        .expect("the conformance suite");
    let status = wait(&mut child, Duration::from_secs(300));
    let said = fs::read_to_string(scratch.path().join("log")).expect("the log");
    assert!(status.is_some_and(|status| status.success()), "{said}");
    // Nor was anything left out: but for tags as parameters, which version 1.1 does not have.
    let apis = said.split("API conformance:").nth(1).and_then(|rest| rest.split("Data conformance:").next());
    let apis: Vec<_> = apis.expect("a list").lines().filter_map(|line| line.split_once("..")).collect();
    assert!(apis.len() > 20, "{said}");
    for (api, verdict) in apis {
        assert!(verdict.ends_with(" Pass") || api.trim() == "Manifest put with tag params", "{api}: {verdict}");
    }
}
