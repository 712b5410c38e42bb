//! A registry, or the way to it, that misbehaves: what passes costs nothing but time, what stays is told, and no tag
//! ever names half an image.

use std::{fs, net::TcpListener, process::Stdio, time::Duration};

use super::{case, digest, push};
use crate::support::{
    case::wait,
    registry::{Fault, Registry, Request},
};

#[test]
fn an_upload_that_is_cut_every_64_kib_goes_on_where_the_registry_stands() {
    let (case, registry) = (case(), Registry::start());
    registry.spoil(|request| request.is("PATCH", "").then_some(Fault::Cut(64 << 10)));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    let patches: Vec<_> = registry.requests().into_iter().filter(|request| request.method == "PATCH").collect();
    assert!(patches.len() > 16, "{}", patches.len());
    // Nothing came twice.
    let received: usize = patches.iter().map(|request| request.received).sum();
    let sizes: u64 = registry
        .blobs("app")
        .iter()
        .map(|digest| {
            fs::metadata(case.path("out/app/blobs/sha256").join(digest.trim_start_matches("sha256:")))
                .expect("a blob")
                .len()
        })
        .sum();
    assert_eq!(received as u64, sizes);
}

/// What goes wrong, and for which request.
type Plan = fn(&Request) -> Option<Fault>;

#[test]
fn faults_that_pass_cost_nothing_but_time() {
    let case = case();
    let plans: [(&str, Plan); 19] = [
        ("HEAD 500", |r| (r.is("HEAD", "blobs") && r.nth == 1).then(|| Fault::status(500))),
        ("429 in seconds", |r| {
            (r.is("HEAD", "") && r.nth == 0)
                .then(|| Fault::Answer(429, vec![("retry-after", "1".into())], String::new()))
        }),
        ("429 by date", |r| {
            (r.is("HEAD", "") && r.nth == 0).then(|| {
                Fault::Answer(
                    429,
                    vec![
                        ("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT".into()),
                        ("date", "Sun, 06 Nov 1994 08:49:37 GMT".into()),
                    ],
                    String::new(),
                )
            })
        }),
        ("429 without a word", |r| (r.is("HEAD", "") && r.nth == 0).then(|| Fault::status(429))),
        ("POST 503", |r| (r.is("POST", "") && r.nth == 0).then(|| Fault::status(503))),
        ("POST without a location", |r| {
            (r.is("POST", "") && r.nth == 0).then(|| Fault::Fields(vec![("location", String::new())]))
        }),
        ("PATCH cut and kept", |r| (r.is("PATCH", "") && r.nth < 2).then_some(Fault::Cut(70_000))),
        ("PATCH cut and lost", |r| (r.is("PATCH", "") && r.nth < 2).then_some(Fault::Drop(0))),
        ("PATCH 502 after all came", |r| (r.is("PATCH", "") && r.nth == 0).then(|| Fault::status(502))),
        ("PATCH done, answer lost", |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Lost)),
        ("PATCH 416", |r| (r.is("PATCH", "") && r.nth == 0).then(|| Fault::status(416))),
        ("session lost", |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Forget)),
        ("session lost before PUT", |r| (r.is("PUT", "uploads") && r.nth == 0).then_some(Fault::Forget)),
        ("PUT digest invalid once", |r| {
            (r.is("PUT", "uploads") && r.nth == 0)
                .then(|| Fault::Answer(400, Vec::new(), "{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}".into()))
        }),
        ("PUT done, answer lost", |r| (r.is("PUT", "uploads") && r.nth == 0).then_some(Fault::Lost)),
        ("manifest stored, answer lost", |r| (r.is("PUT", "manifests") && r.nth < 4).then_some(Fault::Lost)),
        ("manifest 502", |r| (r.is("PUT", "manifests") && r.nth < 4).then(|| Fault::status(502))),
        ("HEAD says there and is wrong", |r| {
            r.is("HEAD", "blobs").then(|| Fault::Answer(200, vec![("content-length", String::new())], String::new()))
        }),
        ("keep-alive is closed", |r| (r.nth < 3).then(|| Fault::Fields(vec![("connection", "close".into())]))),
    ];
    for (name, plan) in plans {
        let registry = Registry::start();
        registry.spoil(plan);
        let output = push(&case, &registry);
        assert_eq!(output.code, 0, "{name}: {}", output.stderr);
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{name}");
        registry.spoil(|_| None);
        case.run(["inspect", &format!("{}/app:1", registry.host())]).ok();
    }
}

#[test]
fn faults_that_stay_are_told_and_move_no_tag() {
    let case = case();
    let plans: [(&str, Plan, &str); 12] = [
        ("429 forever", |r| r.is("HEAD", "").then(|| Fault::status(429)), "answered 429"),
        (
            "too long a pause",
            |r| r.is("HEAD", "").then(|| Fault::Answer(429, vec![("retry-after", "86400".into())], String::new())),
            "answered 429",
        ),
        (
            "POST denied",
            |r| {
                r.is("POST", "").then(|| {
                    Fault::Answer(
                        403,
                        Vec::new(),
                        "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not\\u001b[2J you\"}]}".into(),
                    )
                })
            },
            "answered 403, DENIED: not\\u{1b}[2J you",
        ),
        (
            "location without TLS elsewhere",
            |r| r.is("POST", "").then(|| Fault::Fields(vec![("location", "http://registry.example.com/u".into())])),
            "which is not TLS",
        ),
        ("PATCH 413", |r| r.is("PATCH", "").then(|| Fault::status(413)), "answered 413"),
        ("PUT digest invalid", |r| r.is("PUT", "uploads").then(|| Fault::status(400)), "answered 400"),
        ("manifest refused", |r| r.is("PUT", "manifests").then(|| Fault::status(415)), "answered 415"),
        (
            "another digest",
            |r| {
                r.is("PUT", "manifests")
                    .then(|| Fault::Fields(vec![("docker-content-digest", format!("sha256:{}", "0".repeat(64)))]))
            },
            "stored something else",
        ),
        (
            "redirects without end",
            |r| r.is("HEAD", "").then(|| Fault::Answer(307, vec![("location", "/v2/again".into())], String::new())),
            "leads on and on",
        ),
        (
            "HTML",
            |r| {
                r.is("HEAD", "")
                    .then(|| Fault::Answer(404, Vec::new(), String::new()))
                    .or_else(|| r.is("POST", "").then(|| Fault::Answer(418, Vec::new(), "<html>".repeat(100_000))))
            },
            "answered 418",
        ),
        (
            "invalid UTF-8 and no end",
            |r| {
                r.is("POST", "").then(|| {
                    Fault::Answer(
                        418,
                        vec![("content-length", "10000000000".into()), ("connection", "close".into())],
                        "\u{1b}".into(),
                    )
                })
            },
            "answered 418",
        ),
        ("nothing is kept", |r| r.is("PATCH", "").then_some(Fault::Drop(1000)), "ended the connection"),
    ];
    for (name, plan, said) in plans {
        let registry = Registry::start();
        registry.spoil(plan);
        let output = push(&case, &registry);
        assert_eq!(output.code, 2, "{name}: {}", output.stderr);
        assert!(output.stderr.contains(said), "{name}: {}", output.stderr);
        assert!(output.stderr.contains(&format!("{}/app", registry.host())), "{name}: {}", output.stderr);
        assert_eq!(registry.tag("app", "1"), None, "{name}");
        registry.spoil(|_| None);
        push(&case, &registry).ok();
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{name}");
    }
}

#[test]
fn a_mount_that_is_declined_is_an_upload() {
    let case = case();
    for status in [202, 401, 404, 405, 500] {
        let registry = Registry::start();
        let from = format!("{}/from:1", registry.host());
        case.run(["push", "out/app", &from]).ok();
        registry.spoil(move |request| {
            request.is("POST", "mount=").then(|| match status {
                202 => Fault::Answer(202, vec![("location", "/v2/x/blobs/uploads/gone".into())], String::new()),
                status => Fault::status(status),
            })
        });
        case.run(["push", &from, &format!("{}/to:1", registry.host())]).ok();
        assert_eq!(registry.tag("to", "1"), Some(digest(&case)), "{status}");
    }
}

#[test]
fn a_push_that_is_killed_moves_no_tag_and_the_next_one_sends_the_rest() {
    let case = case();
    let whole = Registry::start();
    push(&case, &whole).ok();
    let requests = whole.requests().len();
    for die_at in 1..requests {
        let registry = Registry::start();
        let mut command = case.command(["push", "out/app", &format!("{}/app:1", registry.host())]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("hardpan");
        while registry.requests().len() < die_at && child.try_wait().expect("its state").is_none() {
            std::thread::sleep(Duration::from_micros(100));
        }
        child.kill().ok();
        wait(&mut child, Duration::from_secs(10));
        // What it had sent may still be on its way.
        std::thread::sleep(Duration::from_millis(50));
        let before = registry.blobs("app");
        let tag = registry.tag("app", "1");
        assert!(tag.is_none() || tag == Some(digest(&case)));
        registry.spoil(|_| None);
        push(&case, &registry).ok();
        assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
        let sent = registry.count("PUT", "uploads");
        assert!(sent <= registry.blobs("app").len() - before.len(), "only the missing ones");
    }
}

#[test]
fn who_does_not_answer_is_named() {
    let case = case();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    case.run(["push", "out/app", &format!("127.0.0.1:{free}/app:1")])
        .fails(2)
        .says(&format!("nobody answers at 127.0.0.1:{free}"));
    case.run(["inspect", "nowhere.invalid/app:1"]).fails(2);
    for (reference, said) in [
        ("registry.example.com/App:1", "hint: repositories are written in lower case"),
        ("app:1", "names no registry"),
        ("registry.example.com/app@sha256:00", "is no reference to an image"),
    ] {
        case.run(["push", "out/app", reference]).fails(2).says(said);
    }
    case.run(["build", "app.toml", "--offline", "--push", "registry.example.com/app:1"])
        .fails(2)
        .says("opens no socket");
}
