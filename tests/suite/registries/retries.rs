//! `--retry`: a registry that comes back in time costs nothing but time, in every verb; one that does not is given up, with a
//! message that says after how long.

use std::{
    net::{Ipv4Addr, TcpListener},
    thread,
    time::Duration,
};

use serde_json::json;

use super::{case, push};
use crate::support::{
    base::{Base, Family, Stage},
    case::{APP, Case},
    elf,
    layout::sha256,
    registry::{Fault, Registry, Request, Setup},
};

/// More refusals than a caller without `--retry` has tries, all of which ask for no pause.
const REFUSALS: usize = 9;

fn away(request: &Request) -> Option<Fault> {
    (request.nth < REFUSALS).then(|| Fault::fields(503, &[("retry-after", "0")]))
}

#[test]
fn every_verb_waits_for_a_registry_that_comes_back() {
    let registry = Registry::start();
    let digest = Base::of([Stage::distroless(Family::Oci, "amd64").line(json!({ "created_by": "x" }))])
        .push(&registry, "base", "1");
    let host = registry.host();
    let (base, model) = (format!("{host}/base:1"), "weights");
    let on_base = format!("base = \"{base}@{digest}\"\n{APP}");
    let hex = sha256(model.as_bytes());
    let download = format!(
        "{APP}[[file]]\nurl = \"http://{host}/model\"\nsha256 = \"{}\"\nto = \"/model\"\n",
        hex.trim_start_matches("sha256:")
    );
    let verbs: [(&str, &[&str]); 7] = [
        (&on_base, &["build", "app.toml"]),
        (&on_base, &["plan", "app.toml"]),
        (&on_base, &["lock", "app.toml"]),
        (&download, &["build", "app.toml"]),
        (APP, &["inspect", &base]),
        (APP, &["audit", "--fail-on", "critical", &base]),
        (APP, &["build", "app.toml", "--push", &format!("{host}/app:1")]),
    ];
    for (recipe, arguments) in verbs {
        let fresh = || {
            let case = Case::new().recipe(recipe).file("app", elf::static_amd64());
            let cache = case.path("../cache");
            case.env("XDG_CACHE_HOME", cache)
        };
        let spoil = || {
            registry.spoil(move |request| {
                let found = request.target == "/model";
                away(request).or_else(|| found.then(|| Fault::Answer(200, Vec::new(), model.to_owned())))
            });
        };
        spoil();
        let impatient = fresh().run([arguments, &["--retry", "0s"]].concat()).fails(2);
        assert!(impatient.stderr.contains("HTTP 503"), "{arguments:?}: {}", impatient.stderr);
        spoil();
        fresh().run([arguments, &["--retry", "60s"]].concat()).ok();
    }
}

#[test]
fn a_registry_that_is_not_there_yet_is_waited_for() {
    let case = case();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    drop(listener);
    let target = format!("127.0.0.1:{port}/app:1");
    case.run(["push", "out/app", &target]).fails(2).says("connection refused by 127.0.0.1");
    case.run(["push", "out/app", &target, "--retry", "1s"]).fails(2).says("s of pauses)");
    let later = thread::spawn(move || {
        thread::sleep(Duration::from_millis(500));
        Registry::on_port(port, Setup::default())
    });
    case.run(["push", "out/app", &target, "--retry", "30s"]).ok();
    assert_eq!(later.join().expect("the registry").tags("app").len(), 1);
}

#[test]
fn patience_has_an_end_that_is_said() {
    let (case, registry) = (case(), Registry::start());
    let target = format!("{}/app:1", registry.host());
    registry.spoil(|request| request.is("HEAD", "").then(|| Fault::status(503)));
    let said = case.run(["push", "out/app", &target, "--retry", "1s"]).fails(2);
    assert!(
        said.stderr.contains("answered HTTP 503 (gave up after ")
            && said.stderr.contains(" tries and 1.0 s of pauses)"),
        "{}",
        said.stderr
    );
    // A registry that asks for more than there is gets no second try.
    registry.spoil(|request| request.is("HEAD", "").then(|| Fault::fields(429, &[("retry-after", "2")])));
    let said = case.run(["push", "out/app", &target, "--retry", "1s"]).fails(2).says("answered HTTP 429");
    said.says("(it asks for a pause of 2 s, and `--retry` leaves 1.0 s)");
    assert_eq!(registry.count("HEAD", "/manifests/1"), 1);
    // Once is once, and what does not pass is not asked again.
    registry.spoil(|request| request.is("HEAD", "").then(|| Fault::status(503)));
    case.run(["push", "out/app", &target, "--retry", "0s"]).fails(2).says("answered HTTP 503");
    assert_eq!(registry.count("HEAD", "/manifests/1"), 1);
    for status in [403, 400] {
        registry.spoil(move |request| request.is("GET", "").then(|| Fault::status(status)));
        case.run(["inspect", &target, "--retry", "60s"]).fails(2).says(&format!("answered HTTP {status}"));
        assert_eq!(registry.count("GET", ""), 1, "{status}");
    }
    registry.spoil(|_| None);
    push(&case, &registry).ok();
}

#[test]
fn a_certificate_that_is_not_trusted_stays_so() {
    let registry = Registry::with(Setup { tls: true, ..Setup::default() });
    let said = case().run(["push", "out/app", &format!("{}/app:1", registry.host()), "--retry", "60s"]).fails(2);
    assert!(said.stderr.contains("signed by an unknown authority"), "{}", said.stderr);
    assert!(!said.stderr.contains("gave up"), "{}", said.stderr);
}

#[test]
fn a_time_is_a_number_with_a_unit() {
    for bad in ["60", "soon", "-1s", "25h", ""] {
        let said = Case::new().run(["inspect", "localhost/x:1", &format!("--retry={bad}")]).fails(2);
        said.says("is no time from 0s to 24h").says("`--retry 60s`");
    }
}
