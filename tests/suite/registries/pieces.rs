//! Blobs that go in several pieces, because the way or the registry wants it so.

use std::fs;

use super::{case, digest, push};
use crate::support::{
    case::Case,
    registry::{Fault, Registry, Setup},
};

/// Bytes of all blobs of a repository, as they were built.
fn stored(case: &Case, registry: &Registry) -> usize {
    let path = |digest: &String| case.path("out/app/blobs/sha256").join(digest.trim_start_matches("sha256:"));
    registry.blobs("app").iter().map(|digest| fs::read(path(digest)).expect("a blob").len()).sum()
}

#[test]
fn upload_cut_every_64_kib() {
    const CHUNK: usize = 64 << 10;
    let (case, registry) = (case(), Registry::start());
    registry.spoil(|request| request.is("PATCH", "").then_some(Fault::Cut(CHUNK)));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    let patches: Vec<_> = registry.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert!(patches.len() > 16, "{}", patches.len());
    // What the registry kept did not come twice; what it lost is at most a chunk each time.
    let received: usize = patches.iter().map(|request| request.received).sum();
    assert_eq!(received, stored(&case, &registry));
    let lossy = Registry::start();
    lossy.spoil(|r| r.is("PATCH", "").then_some(if r.nth % 2 == 0 { Fault::Drop(CHUNK) } else { Fault::Cut(CHUNK) }));
    push(&case, &lossy).ok();
    let patches: Vec<_> = lossy.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    let received: usize = patches.iter().map(|request| request.received).sum();
    assert!(received <= stored(&case, &lossy) + patches.len() * CHUNK, "{received}");
    assert!(patches.iter().all(|request| request.received <= CHUNK));
}

#[test]
fn locations_may_be_whole_addresses() {
    let (case, registry) = (case(), Registry::with(Setup { absolute: true, ..Setup::default() }));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
}

/// A registry that takes no large piece, and none that is too small but the last.
#[test]
fn a_least_size_of_pieces_is_kept() {
    let (least, most) = (3 << 19, 5 << 20);
    let registry = Registry::with(Setup { least, most, ..Setup::default() });
    let case = case();
    let noise = fs::read(case.path("noise")).expect("the noise");
    // No two blocks are the same, so nothing of it compresses.
    let large: Vec<u8> = (0..12_u8).flat_map(|n| noise.iter().map(move |byte| byte ^ n)).collect();
    let case = case.file("noise", large);
    case.build().ok();
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    let requests = registry.requests();
    let session = |target: &str| target.split('?').next().unwrap_or_default().to_owned();
    let ranged: Vec<_> =
        requests.iter().filter(|r| r.method == "PATCH" && r.field("content-range").is_some()).collect();
    assert!(ranged.len() >= 3, "{}", ranged.len());
    for pair in ranged.windows(2).filter(|pair| session(&pair[0].target) == session(&pair[1].target)) {
        assert!(pair[0].received >= least, "{}", pair[0].received);
    }
}
