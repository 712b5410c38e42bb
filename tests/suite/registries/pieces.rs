//! Blobs that go in several pieces, because the way or the registry wants it so.

use std::fs;

use super::{case, digest, layers, push};
use crate::support::{
    case::Case,
    registry::{Fault, Registry, Request, Setup},
};

/// What goes wrong, and for which request.
type Plan = fn(&Request) -> Option<Fault>;

/// How many configs and layers an image has.
fn stored_blobs(case: &Case) -> usize {
    layers(case).len() + 1
}

/// Bytes of all blobs of a repository, as they were built.
fn stored(case: &Case, registry: &Registry) -> usize {
    let path = |digest: &String| case.path("out/app/blobs/sha256").join(digest.trim_start_matches("sha256:"));
    registry.blobs("app").iter().map(|digest| fs::read(path(digest)).expect("a blob").len()).sum()
}

/// An image with a layer of about 12 MiB, which goes in pieces where the way is bad.
fn large() -> Case {
    let case = case();
    let noise = fs::read(case.path("noise")).expect("the noise");
    // No two blocks are the same, so nothing of it compresses.
    let large: Vec<u8> = (0..12_u8).flat_map(|n| noise.iter().map(move |byte| byte ^ n)).collect();
    let case = case.file("noise", large);
    case.build().ok();
    case
}

/// The large blob arrives in one upload session, besides those that other blobs take.
#[test]
fn a_range_that_lags_is_not_taken_for_what_is_there() {
    const CHUNK: usize = 3 << 20;
    let case = large();
    let blobs = stored_blobs(&case);
    let cut_once: Plan = |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Cut(CHUNK));
    let cut_twice: Plan = |r| (r.is("PATCH", "") && r.nth < 2).then_some(Fault::Cut(CHUNK));
    let lost: Plan = |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Lost);
    let lost_later: Plan = |r| match r.nth {
        0 if r.is("PATCH", "") => Some(Fault::Cut(CHUNK)),
        1 if r.is("PATCH", "") => Some(Fault::Lost),
        _ => None,
    };
    let pieces: Plan =
        |r| (r.is("PATCH", "") && r.received == 0 && r.field("content-range").is_none()).then(|| Fault::status(413));
    for (name, plan, sessions) in [
        ("nothing happens", (|_| None) as Plan, 1),
        ("cut once", cut_once, 1),
        // What came of the second is nowhere told: from the beginning once more.
        ("cut twice", cut_twice, 2),
        ("the answer is lost", lost, 1),
        ("cut, and the answer is lost", lost_later, 1),
        ("in pieces", pieces, 1),
    ] {
        let registry = Registry::with(Setup { lags: true, ..Setup::default() });
        registry.spoil(plan);
        let output = push(&case, &registry);
        assert_eq!(output.code, 0, "{name}: {}", output.stderr);
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{name}");
        assert_eq!(registry.count("POST", "") - (blobs - 1), sessions, "{name}: {:#?}", registry.requests());
    }
}

/// A few registries keep less than they take, and say so.
#[test]
fn a_range_that_tells_less_is_heeded_when_the_digest_is_wrong() {
    let (case, registry) = (large(), Registry::start());
    registry.spoil(|r| (r.is("PATCH", "") && r.field("content-range").is_none()).then_some(Fault::Keep(5 << 20)));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
}

/// What a line or a registry does to a blob that is sent whole leaves it to pieces, and no try is lost.
#[test]
fn a_small_blob_that_does_not_get_through_whole_goes_in_pieces() {
    let case = case();
    let is_whole =
        |r: &Request| r.is("PUT", "uploads") && r.field("content-length").is_some_and(|length| length != "0");
    let faults = [
        Fault::status(400),
        Fault::status(404),
        Fault::status(405),
        Fault::status(411),
        Fault::status(413),
        Fault::status(416),
        Fault::status(501),
        Fault::status(503),
        Fault::Forget,
        Fault::Drop(70_000),
        Fault::Cut(70_000),
        Fault::Lost,
        Fault::Done(502),
        Fault::Truncate,
    ];
    for fault in faults {
        let registry = Registry::start();
        let spoils = fault.clone();
        registry.spoil(move |r| is_whole(r).then(|| spoils.clone()));
        let output = push(&case, &registry);
        assert_eq!(output.code, 0, "{fault:?}: {}", output.stderr);
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{fault:?}");
        // What is put off is sent again as it is, and what is refused is not.
        let whole = registry.requests().iter().filter(|r| is_whole(r)).count();
        assert!(matches!(fault, Fault::Answer(503, ..)) || whole <= 2 * stored_blobs(&case), "{fault:?}: {whole}");
    }
    // A login that is refused stays refused.
    let registry = Registry::start();
    registry.spoil(move |r| is_whole(r).then(|| Fault::error(403, "DENIED", "no")));
    push(&case, &registry).fails(2).says("answered HTTP 403, DENIED: no");
    assert_eq!(registry.count("PATCH", ""), 0);
}

#[test]
fn a_location_without_tls_of_a_registry_with_tls_is_an_address_with_tls() {
    let registry = Registry::with(Setup { tls: true, forgets_tls: true, ..Setup::default() });
    for case in [case(), large()] {
        let case = case.file("ca.pem", registry.ca_pem());
        let to = format!("{}/app:1", registry.host());
        case.run(["push", "--ca-file", "ca.pem", "out/app", &to]).ok();
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    }
}

#[test]
fn upload_cut_every_64_kib() {
    const CHUNK: usize = 64 << 10;
    let pieces = || Registry::with(Setup { takes_whole: false, ..Setup::default() });
    let (case, registry) = (case(), pieces());
    registry.spoil(|request| request.is("PATCH", "").then_some(Fault::Cut(CHUNK)));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    let patches: Vec<_> = registry.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert!(patches.len() > 16, "{}", patches.len());
    // What the registry kept did not come twice; what it lost is at most a chunk each time.
    let received: usize = patches.iter().map(|request| request.received).sum();
    assert_eq!(received, stored(&case, &registry));
    let lossy = pieces();
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
    let case = large();
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
