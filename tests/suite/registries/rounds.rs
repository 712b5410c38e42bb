//! How many waits for an answer a call costs, one after the other. A line to a registry takes its time, whatever a machine does.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::{case, digest, kills, layers, push};
use crate::support::{
    base::{Base, Family, Stage},
    case::{APP, Case},
    elf,
    registry::{Registry, Request},
};

/// Holds requests of one round until all of them are there; a round that is never complete is given up after a while.
#[derive(Default)]
struct Round {
    arrived: Mutex<usize>,
    turn: Condvar,
    /// Whether a request waited in vain for the others.
    is_incomplete: AtomicBool,
}

impl Round {
    /// Longer than a machine under load takes to send what it sends at once.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn wait_for(&self, all: usize) {
        let mut arrived = self.arrived.lock().expect("the round");
        *arrived += 1;
        self.turn.notify_all();
        let is_short = |arrived: &mut usize| *arrived < all;
        let (_arrived, waited) = self.turn.wait_timeout_while(arrived, Self::PATIENCE, is_short).expect("the round");
        self.is_incomplete.fetch_or(waited.timed_out(), Ordering::SeqCst);
    }

    /// How many requests there were, when all of them were there before one was answered.
    fn complete(&self) -> Option<usize> {
        let arrived = *self.arrived.lock().expect("the round");
        (!self.is_incomplete.load(Ordering::SeqCst)).then_some(arrived)
    }
}

/// Requests by method and what they are about.
fn counted(registry: &Registry) -> BTreeMap<(String, &'static str), usize> {
    let kind = |request: &Request| {
        let parts =
            [("/uploads/", "upload"), ("/blobs/", "blob"), ("/manifests/sha256:", "digest"), ("/manifests/", "tag")];
        parts.into_iter().find(|(part, _)| request.target.contains(part)).map_or("other", |(_, kind)| kind)
    };
    let mut counts = BTreeMap::new();
    for request in registry.requests() {
        *counts.entry((request.method.clone(), kind(&request))).or_default() += 1;
    }
    counts
}

fn counts<const N: usize>(all: [(&str, &'static str, usize); N]) -> BTreeMap<(String, &'static str), usize> {
    all.into_iter().map(|(method, kind, count)| ((method.to_owned(), kind), count)).collect()
}

#[test]
fn a_new_image_takes_a_look_an_upload_in_two_requests_and_its_tag() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let blobs = layers(&case).len() + 1;
    let expected = counts([
        ("HEAD", "tag", 1),
        ("HEAD", "digest", 1),
        ("HEAD", "blob", blobs),
        ("POST", "upload", blobs),
        ("PUT", "upload", blobs),
        ("PUT", "tag", 1),
    ]);
    assert_eq!(counted(&registry), expected);
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
}

#[test]
fn all_looks_are_on_their_way_before_one_is_answered_and_so_are_uploads() {
    let case = case();
    let blobs = layers(&case).len() + 1;
    for (method, part, all) in [("HEAD", "", blobs + 2), ("POST", "", blobs), ("PUT", "/uploads/", blobs)] {
        let (registry, round) = (Registry::start(), Arc::new(Round::default()));
        let seen = Arc::clone(&round);
        registry.spoil(move |request| {
            if request.is(method, part) {
                seen.wait_for(all);
            }
            None
        });
        push(&case, &registry).ok();
        assert_eq!(round.complete(), Some(all), "{method} {part}");
    }
}

#[test]
fn manifests_of_platforms_are_put_at_once_and_the_index_behind_them() {
    let (case, registry, round) = (kills::case("x"), Registry::start(), Arc::new(Round::default()));
    let seen = Arc::clone(&round);
    registry.spoil(move |request| {
        if request.is("PUT", "/manifests/sha256:") {
            seen.wait_for(2);
        }
        None
    });
    push(&case, &registry).ok();
    assert_eq!(round.complete(), Some(2), "the index comes by its tag");
    let last = registry.requests().pop().expect("a request");
    assert!(last.is("PUT", "/v2/app/manifests/1"), "{last:?}");
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
}

#[test]
fn an_unchanged_image_takes_no_wait_but_the_one_for_its_tag() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    // Whatever else is asked is asked at the same time as the tag, and nothing behind it.
    let (round, all) = (Arc::new(Round::default()), layers(&case).len() + 3);
    let seen = Arc::clone(&round);
    registry.spoil(move |_| {
        seen.wait_for(all);
        None
    });
    push(&case, &registry).ok().says("is that already");
    assert_eq!(round.complete(), Some(all));
    assert!(counted(&registry).into_keys().all(|(method, _)| method == "HEAD"));
}

/// Each document and each layer is asked for once, and nothing else is.
#[test]
fn what_is_read_is_asked_for_once() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let reference = format!("{}/app:1", registry.host());
    registry.spoil(|_| None);
    case.run(["inspect", &reference]).ok();
    let expected = counts([("GET", "tag", 1), ("GET", "blob", layers(&case).len() + 1)]);
    assert_eq!(counted(&registry), expected, "inspect");
    let digest = Base::of([Stage::distroless(Family::Oci, "amd64")]).push(&registry, "base", "1");
    let host = registry.host();
    let recipe = |base: String| {
        let case = Case::new().recipe(&format!("base = \"{base}\"\n{APP}")).file("app", elf::static_amd64());
        let cache = case.path("../cache");
        case.env("XDG_CACHE_HOME", cache)
    };
    let moving = recipe(format!("{host}/base:1"));
    registry.spoil(|_| None);
    moving.run(["lock", "app.toml"]).ok();
    let of_lock = counted(&registry);
    assert_eq!(of_lock.get(&("GET".to_owned(), "tag")), Some(&1), "lock: {of_lock:?}");
    assert!(of_lock.keys().all(|(method, _)| method == "GET"), "lock: {of_lock:?}");
    assert!(registry.requests().len() <= 3, "lock: {:#?}", registry.requests());
    registry.spoil(|_| None);
    recipe(format!("{host}/base@{digest}")).build().ok();
    let mut targets: Vec<_> = registry.requests().into_iter().map(|request| request.target).collect();
    let all = targets.len();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), all, "a base is read once: {targets:#?}");
}
