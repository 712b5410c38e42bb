//! A registry, or the way to it, that misbehaves: what passes costs nothing but time, what stays is told, and no tag
//! ever names half an image.
//!
//! The faults of the design's list, and who tries them. *passes* and *stays* are the two tables below.
//!
//! |  # | fault | test |
//! |---:|---|---|
//! |  1 | nobody there, no such name | `who_does_not_answer_is_named` |
//! |    | a certificate nobody signed | `logins::trusted_certificates` |
//! |  2 | 401, a scope that is not enough | `realms::a_mount_asks_for_both_repositories_and_an_upload_for_one` |
//! |  3 | the token's endpoint fails, is endless, says nonsense | `tokens::an_answer_that_is_no_token_is_told` |
//! |    | `access_token` alone | `tokens::an_identity_token_is_sent_as_a_form_and_nowhere_else` |
//! |    | it expires in the middle | `logins::expired_token_and_wrong_login` |
//! |  4 | realm without TLS, in this network, elsewhere | `logins::a_password_goes_to_the_registry_and_nowhere_else`, `realms::*` |
//! |  5 | Basic; Negotiate and Bearer | `logins::*`: every lock of the test's registry asks for Negotiate first |
//! |    | a question that needs no answer gets none | `optional::*` |
//! |  6 | HEAD 500, 429 with seconds, date, nothing | *passes*; 429 forever, or for a day: *stays* |
//! |  7 | HEAD says there, and it is not | *passes* |
//! |  8 | no location; elsewhere without TLS | *passes*; *stays*; relative ones have a query always |
//! |    | a whole address | `pieces::locations_may_be_whole_addresses` |
//! |  9 | mount 201, 202, 401, 404, 405, 500 | `a_mount_that_is_declined_is_an_upload`, `realms::a_mount_*` |
//! | 10 | PATCH cut, 413, 416, 502 with and without its bytes | *passes*; *stays*; `pieces::*` |
//! |    | the same of a `PUT` with the blob | `pieces::a_small_blob_that_does_not_get_through_whole_goes_in_pieces` |
//! |    | `Range` that lags behind, or tells less | `pieces::a_range_*` |
//! |    | no `100 Continue`, slow reading | *passes*: nobody waits for the former |
//! | 11 | the session is lost before PUT | *passes* |
//! | 12 | PUT 400 `DIGEST_INVALID`, of a blob, a manifest, a tag | once: *passes*; always: *stays* |
//! | 13 | PUT 201, and the blob is short | *passes* |
//! | 14 | another `Docker-Content-Digest` | *stays*; of another algorithm: `lies::a_tag_whose_digest_*` |
//! |    | 200 to everything | `lies::a_page_that_answers_200_*` |
//! | 15 | manifest stored, the answer 502 or lost | *passes* |
//! | 16 | manifest 400, 404, 405, 413, 415 | *stays* |
//! | 17 | 307 to another host | `logins::a_password_goes_to_the_registry_and_nowhere_else`; a loop: *stays* |
//! | 18 | pieces have a least size | `pieces::a_least_size_of_pieces_is_kept` |
//! | 19 | HTML, gzip, no end, no UTF-8 | *stays*; `what_is_read_has_an_end` |
//! | 20 | kill -9 | `kills::killed_push` |
//! | 21 | two pushes of one tag | `kills::two_pushes_of_one_tag_leave_one_of_them` |
//! |    | two lists of referrers at once | `referrers::without_the_api_the_list_is_a_tag_that_two_can_write` |
//! | 22 | no referrers API | `referrers::debians_registry_has_no_api_and_the_list_is_there_for_others` |
//! | 23 | lists of referrers on several pages | nothing here reads them: `push` asks only whether there are any |
//! | 24 | HTTP/1.0, every connection closed | *passes*; IPv6: `super::an_ipv6_registry_is_written_in_brackets` |
//! |    | upper case | `who_does_not_answer_is_named` |

use std::{net::TcpListener, thread, time::Duration};

use super::{case, digest, push};
use crate::support::{
    case::{APP, Case},
    registry::{Fault, Registry, Request, Setup},
};

/// What goes wrong, and for which request.
type Plan = fn(&Request) -> Option<Fault>;

/// A registry of its own for each of them, all at once: most of it is waiting. Where it is about pieces of blobs, the registry takes
/// no blob whole.
fn each<T: Sync>(all: &[T], name: impl Fn(&T) -> &str + Sync, check: impl Fn(&T, &Registry) + Sync) {
    thread::scope(|scope| {
        for one in all {
            let check = &check;
            let is_about_pieces = ["PATCH", "session", "nothing is kept"].iter().any(|word| name(one).contains(word));
            scope.spawn(move || {
                check(one, &Registry::with(Setup { takes_whole: !is_about_pieces, ..Setup::default() }));
            });
        }
    });
}

#[test]
fn faults_that_pass_cost_nothing_but_time() {
    let case = case();
    let plans: [(&str, Plan); 28] = [
        ("HEAD 500", |r| (r.is("HEAD", "blobs") && r.nth == 1).then(|| Fault::status(500))),
        ("429 in seconds", |r| (r.is("HEAD", "") && r.nth == 0).then(|| Fault::fields(429, &[("retry-after", "1")]))),
        ("429 by date", |r| {
            let date = [("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
            (r.is("HEAD", "") && r.nth == 0).then(|| Fault::fields(429, &date))
        }),
        ("429 without a word", |r| (r.is("HEAD", "") && r.nth == 0).then(|| Fault::status(429))),
        ("POST 503", |r| (r.is("POST", "") && r.nth == 0).then(|| Fault::status(503))),
        ("POST without a location", |r| {
            (r.is("POST", "") && r.nth == 0).then(|| Fault::Fields(vec![("location", String::new())]))
        }),
        ("PATCH cut and kept", |r| (r.is("PATCH", "") && r.nth < 2).then_some(Fault::Cut(70_000))),
        ("PATCH cut and lost", |r| (r.is("PATCH", "") && r.nth < 2).then_some(Fault::Drop(0))),
        ("PATCH 502, nothing kept", |r| (r.is("PATCH", "") && r.nth == 0).then(|| Fault::status(502))),
        ("PATCH 502, all kept", |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Done(502))),
        ("PATCH done, answer lost", |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Lost)),
        ("PATCH 416", |r| (r.is("PATCH", "") && r.nth == 0).then(|| Fault::status(416))),
        ("PATCH read slowly", |r| r.is("PATCH", "").then_some(Fault::Sip(Duration::from_millis(20)))),
        ("session lost", |r| (r.is("PATCH", "") && r.nth == 0).then_some(Fault::Forget)),
        ("session lost before PUT", |r| (r.is("PUT", "uploads") && r.nth == 0).then_some(Fault::Forget)),
        ("PUT digest invalid once", |r| {
            (r.is("PUT", "uploads") && r.nth == 0).then(|| Fault::error(400, "DIGEST_INVALID", ""))
        }),
        ("manifest digest invalid once", |r| {
            (r.is("PUT", "manifests") && r.nth == 0).then(|| Fault::error(400, "DIGEST_INVALID", ""))
        }),
        ("tag digest invalid once", |r| {
            (r.is("PUT", "manifests") && r.nth == 1).then(|| Fault::error(400, "DIGEST_INVALID", ""))
        }),
        ("PUT done, answer lost", |r| (r.is("PUT", "uploads") && r.nth == 0).then_some(Fault::Lost)),
        ("PUT 201, and too little is kept", |r| (r.is("PUT", "uploads") && r.nth == 0).then_some(Fault::Truncate)),
        ("manifest stored, answer lost", |r| (r.is("PUT", "manifests") && r.nth < 4).then_some(Fault::Lost)),
        ("manifest stored, answer 502", |r| r.is("PUT", "manifests").then_some(Fault::Done(502))),
        ("manifest 502", |r| (r.is("PUT", "manifests") && r.nth < 4).then(|| Fault::status(502))),
        ("HEAD says there and is wrong", |r| r.is("HEAD", "blobs").then(|| Fault::status(200))),
        ("keep-alive is closed", |_| Some(Fault::Fields(vec![("connection", "close".into())]))),
        ("HTTP/1.0", |_| Some(Fault::Old)),
        ("answers byte by byte", |_| Some(Fault::Drip(Duration::from_millis(1)))),
        ("a digest in no header", |r| {
            r.target.contains("manifests").then(|| Fault::Fields(vec![("docker-content-digest", String::new())]))
        }),
    ];
    each(
        &plans,
        |(name, _)| name,
        |(name, plan), registry| {
            registry.spoil(*plan);
            let output = push(&case, registry);
            assert_eq!(output.code, 0, "{name}: {}", output.stderr);
            assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{name}");
            let waits = registry.requests().iter().any(|request| request.field("expect").is_some());
            assert!(!waits, "{name}: nobody says that the body may come");
            registry.spoil(|_| None);
            case.run(["inspect", &format!("{}/app:1", registry.host())]).ok();
        },
    );
}

/// What goes wrong and stays so, and what is said of it: the step, with the digest where it is about one, and why.
type Lasting = (&'static str, Plan, &'static str, &'static str);

const UPLOAD: &str = "cannot upload the blob `sha256:";
const PUT: &str = "cannot put the manifest `sha256:";
const LOOK: &str = "cannot check for the manifest `1`";

/// Faults of the way to the blobs.
const LASTING_BLOBS: [Lasting; 13] = [
    ("429 forever", |r| r.is("HEAD", "").then(|| Fault::status(429)), LOOK, "answered HTTP 429"),
    (
        "too long a pause",
        |r| r.is("HEAD", "").then(|| Fault::fields(429, &[("retry-after", "86400")])),
        LOOK,
        "HTTP 429 (it asks for a pause of 86400 s, and without `--retry` no pause is longer than 120 s)",
    ),
    (
        "too long a pause for a blob",
        |r| r.is("PUT", "uploads").then(|| Fault::fields(429, &[("retry-after", "86400")])),
        UPLOAD,
        "HTTP 429 (it asks for a pause of 86400 s, and without `--retry` no pause is longer than 120 s)",
    ),
    (
        "POST denied",
        |r| r.is("POST", "").then(|| Fault::error(403, "DENIED", "not\\u001b[2J you")),
        UPLOAD,
        "answered HTTP 403, DENIED: not\\u{1b}[2J you",
    ),
    (
        "location without TLS elsewhere",
        |r| r.is("POST", "").then(|| Fault::fields(202, &[("location", "http://registry.example.com/u")])),
        UPLOAD,
        "which is not TLS",
    ),
    ("PATCH 413", |r| r.is("PATCH", "").then(|| Fault::status(413)), UPLOAD, "answered HTTP 413"),
    ("PUT digest invalid", |r| r.is("PUT", "uploads").then(|| Fault::status(400)), UPLOAD, "answered HTTP 400"),
    ("nothing is kept", |r| r.is("PATCH", "").then_some(Fault::Drop(1000)), UPLOAD, "closed the connection"),
    (
        "redirects without end",
        |r| r.is("HEAD", "").then(|| Fault::fields(307, &[("location", "/v2/again")])),
        "",
        "redirects",
    ),
    (
        "HTML",
        |r| r.is("POST", "").then(|| Fault::Answer(418, Vec::new(), "<html>".repeat(100_000))),
        UPLOAD,
        "answered HTTP 418",
    ),
    (
        "gzip",
        |r| {
            r.is("POST", "")
                .then(|| Fault::Bytes(418, vec![("content-encoding", "gzip".into())], vec![0x1f, 0x8b, 8, 0, 0]))
        },
        UPLOAD,
        "answered HTTP 418",
    ),
    (
        "no UTF-8",
        |r| r.is("POST", "").then(|| Fault::Bytes(418, Vec::new(), b"{\"errors\":[{\"code\":\"\xff\xfe\"}]}".to_vec())),
        UPLOAD,
        "answered HTTP 418",
    ),
    ("no end", |r| r.is("POST", "").then_some(Fault::Endless(418)), UPLOAD, "answered HTTP 418"),
];

/// Faults of the manifests.
const LASTING_MANIFESTS: [Lasting; 9] = [
    (
        "manifest 400",
        |r| r.is("PUT", "manifests").then(|| Fault::error(400, "MANIFEST_INVALID", "")),
        PUT,
        "answered HTTP 400, MANIFEST_INVALID",
    ),
    (
        "manifest digest invalid",
        |r| r.is("PUT", "manifests").then(|| Fault::error(400, "DIGEST_INVALID", "")),
        PUT,
        "answered HTTP 400, DIGEST_INVALID",
    ),
    ("manifest 404", |r| r.is("PUT", "manifests").then(|| Fault::status(404)), PUT, "answered HTTP 404"),
    ("manifest 405", |r| r.is("PUT", "manifests").then(|| Fault::status(405)), PUT, "answered HTTP 405"),
    ("manifest 413", |r| r.is("PUT", "manifests").then(|| Fault::status(413)), PUT, "answered HTTP 413"),
    ("manifest 415", |r| r.is("PUT", "manifests").then(|| Fault::status(415)), PUT, "answered HTTP 415"),
    (
        "blobs unknown",
        |r| r.is("PUT", "manifests").then(|| Fault::error(400, "MANIFEST_BLOB_UNKNOWN", "gone")),
        PUT,
        "MANIFEST_BLOB_UNKNOWN: gone",
    ),
    (
        "another digest",
        |r| {
            let other = format!("sha256:{}", "0".repeat(64));
            r.is("PUT", "manifests").then(|| Fault::Fields(vec![("docker-content-digest", other)]))
        },
        PUT,
        "stored something else",
    ),
    ("manifest 502", |r| r.is("PUT", "manifests").then(|| Fault::status(502)), PUT, "answered HTTP 502"),
];

#[test]
fn faults_that_stay_are_told_and_move_no_tag() {
    let case = case();
    let all: Vec<_> = LASTING_BLOBS.into_iter().chain(LASTING_MANIFESTS).collect();
    each(
        &all,
        |(name, ..)| name,
        |(name, plan, step, why), registry| {
            registry.spoil(*plan);
            let output = push(&case, registry);
            assert_eq!(output.code, 2, "{name}: {}", output.stderr);
            for said in [*step, *why, &format!("{}/app", registry.host())] {
                assert!(output.stderr.contains(said), "{name}: {said}: {}", output.stderr);
            }
            assert_eq!(output.stdout, "", "{name}");
            // Where a tag brings the manifest, what a registry has made of both is known behind it.
            assert!(registry.tags("app").is_empty() || *name == "another digest", "{name}");
            registry.spoil(|_| None);
            push(&case, registry).ok();
            assert_eq!(registry.tag("app", "1"), Some(digest(&case)), "{name}");
        },
    );
}

#[test]
fn what_is_read_has_an_end() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let reference = format!("{}/app:1", registry.host());
    registry.spoil(|r| r.is("GET", "manifests").then_some(Fault::Endless(200)));
    case.run(["inspect", &reference]).fails(2).says("more than the 4194304 bytes allowed");
    registry.spoil(|r| r.is("GET", "blobs").then_some(Fault::Endless(200)));
    case.run(["inspect", &reference]).fails(2);
    registry.spoil(|r| r.is("GET", "blobs").then_some(Fault::Endless(500)));
    case.run(["inspect", &reference]).fails(2).says("answered HTTP 500");
    registry.spoil(|_| None);
    case.run(["inspect", &reference]).ok();
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
                202 => Fault::fields(202, &[("location", "/v2/x/blobs/uploads/gone")]),
                status => Fault::status(status),
            })
        });
        case.run(["push", &from, &format!("{}/to:1", registry.host())]).ok();
        assert_eq!(registry.tag("to", "1"), Some(digest(&case)), "{status}");
    }
}

#[test]
fn who_does_not_answer_is_named() {
    let case = case();
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number").port();
    case.run(["push", "out/app", &format!("127.0.0.1:{free}/app:1")])
        .fails(2)
        .says(&format!("connection refused by 127.0.0.1:{free}"));
    case.run(["inspect", "nowhere.invalid/app:1"]).fails(2);
    for (reference, said) in [
        ("registry.example.com/App:1", "hint: repositories are written in lower case"),
        ("https://registry.example.com/app:1", "hint: leave the scheme out: `registry.example.com/app:1`"),
        ("http://localhost:5000/app:1", "hint: leave the scheme out: `localhost:5000/app:1`"),
        ("app:1", "names no registry"),
        ("registry.example.com/app@sha256:00", "invalid reference"),
    ] {
        case.run(["push", "out/app", reference]).fails(2).says(said);
        if said.contains("scheme") {
            case.run(["inspect", reference]).fails(2).says(said);
            let based = Case::new().recipe(&format!("base = \"{reference}\"\n{APP}")).file("app", "not reached");
            based.build().fails(2).says(said);
        }
    }
    case.run(["build", "app.toml", "--offline", "--push", "registry.example.com/app:1"])
        .fails(2)
        .says("needs the network, and `--offline` forbids it");
}
