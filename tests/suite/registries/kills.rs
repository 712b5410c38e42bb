//! Pushes that end in the middle, and pushes that meet.

use std::{
    collections::BTreeSet,
    fs,
    process::{Child, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{digest, push};
use crate::support::{
    case::{APP, Case, wait},
    elf,
    registry::{Fault, Registry},
};

const TAGS: [&str; 3] = ["1", "1.2", "latest"];

/// Two platforms; `mark` tells one image from the other.
pub(super) fn case(mark: &str) -> Case {
    let recipe =
        format!("platforms = [\"linux/amd64\", \"linux/arm64\"]\n{APP}\n[[file]]\ntext = \"{mark}\"\nto = \"/mark\"\n")
            .replace("path = \"app\"", "path = \"app-{arch}\"");
    let case =
        Case::new().recipe(&recipe).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    case.build().ok();
    case
}

fn begin(case: &Case, registry: &Registry) -> Child {
    let references = TAGS.map(|tag| format!("{}/app:{tag}", registry.host()));
    let args = ["push", "out/app"].into_iter().chain(references.iter().map(String::as_str));
    case.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hardpan")
}

fn end(mut child: Child) -> bool {
    wait(&mut child, Duration::from_secs(120)).is_some_and(|status| status.success())
}

/// Stops the world at one request until whoever sent it is dead.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, bool)>,
    turn: Condvar,
}

impl Gate {
    /// The registry is at the request, and waits.
    fn stop(&self) {
        let mut state = self.state.lock().expect("the gate");
        state.0 = true;
        self.turn.notify_all();
        while !state.1 {
            state = self.turn.wait(state).expect("the gate");
        }
    }

    /// Whether the registry got to the request, while `child` lived.
    fn reached(&self, child: &mut Child) -> bool {
        let mut state = self.state.lock().expect("the gate");
        loop {
            if state.0 {
                return true;
            }
            if child.try_wait().expect("its state").is_some() {
                return false;
            }
            state = self.turn.wait_timeout(state, Duration::from_millis(5)).expect("the gate").0;
        }
    }

    fn open(&self) {
        self.state.lock().expect("the gate").1 = true;
        self.turn.notify_all();
    }
}

/// Both ways: the registry had not begun with the request, or does it all the same.
#[test]
fn killed_push() {
    let (old, new) = (case("old"), case("new"));
    let whole = Registry::start();
    assert!(end(begin(&old, &whole)));
    let before = whole.tags("app");
    let first = whole.copy();
    assert_eq!(before.len(), TAGS.len());
    whole.spoil(|_| None);
    assert!(end(begin(&new, &whole)));
    let requests = whole.requests();
    // The tags are the last that happens, one right behind the other.
    let (rest, tags) = requests.split_at(requests.len() - TAGS.len());
    let put: Vec<_> = tags.iter().map(|request| (request.method.as_str(), request.target.as_str())).collect();
    assert_eq!(put, TAGS.map(|tag| format!("/v2/app/manifests/{tag}")).each_ref().map(|path| ("PUT", path.as_str())));
    assert!(!rest.iter().any(|r| r.is("PUT", "/manifests/") && !r.target.contains("sha256:")));
    let blobs = whole.blobs("app");
    for (die_at, acts) in (0..requests.len()).flat_map(|at| [(at, false), (at, true)]) {
        let registry = first.copy();
        let (gate, count) = (Arc::new(Gate::default()), AtomicUsize::new(0));
        registry.spoil({
            let gate = Arc::clone(&gate);
            move |_| {
                if count.fetch_add(1, Ordering::SeqCst) != die_at {
                    return None;
                }
                gate.stop();
                (!acts).then_some(Fault::Drop(0))
            }
        });
        let mut child = begin(&new, &registry);
        let reached = gate.reached(&mut child);
        child.kill().ok();
        child.wait().expect("its end");
        gate.open();
        registry.settle();
        assert!(reached, "{die_at}: it ends before");
        if die_at < rest.len() {
            assert_eq!(registry.tags("app"), before, "{die_at} {acts}");
        }
        registry.spoil(|_| None);
        let there = registry.blobs("app");
        assert!(end(begin(&new, &registry)), "{die_at} {acts}");
        assert_eq!(registry.tags("app"), whole.tags("app"), "{die_at} {acts}");
        assert_eq!(registry.blobs("app"), blobs);
        let sent: BTreeSet<_> = registry.requests().iter().filter_map(|r| r.parameter("digest")).collect();
        let missing: BTreeSet<_> = blobs.difference(&there).cloned().collect();
        assert!(sent.is_subset(&missing), "{die_at} {acts}: {sent:?} {missing:?}");
        assert_eq!(registry.count("PUT", "/uploads/"), sent.len(), "each once");
    }
}

#[test]
fn two_pushes_of_one_tag_leave_one_of_them() {
    let (one, other) = (case("one"), case("other"));
    let registry = Registry::start();
    // Every answer takes its time, so that they meet.
    registry.spoil(|_| {
        std::thread::sleep(Duration::from_millis(3));
        None
    });
    let children = [begin(&one, &registry), begin(&other, &registry), begin(&one, &registry)];
    assert!(children.map(end).iter().all(|good| *good));
    for tag in TAGS {
        let named = registry.tag("app", tag).expect("the tag");
        assert!([digest(&one), digest(&other)].contains(&named));
        one.run(["inspect", &format!("{}/app:{tag}", registry.host())]).ok();
    }
    // A push that comes in between has the last word, and is whole.
    push(&one, &registry).ok();
    let first = begin(&other, &registry);
    push(&one, &registry).ok();
    assert!(end(first));
    push(&one, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&one)));
    for image in [&one, &other] {
        let index = fs::read(image.path("out/app/blobs/sha256").join(digest(image).trim_start_matches("sha256:")));
        assert_eq!(registry.manifest("app", &digest(image)), index.ok());
    }
}
