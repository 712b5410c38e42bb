//! Files that come from a `url`: fetched once, checked by their digest, and nothing of the caller's goes along.

use std::{fs, path::Path};

use crate::support::{
    case::{APP, Case},
    elf,
    layout::sha256,
    registry::{Fault, Registry, Request},
    tls::TlsServer,
};

const MODEL: &str = "weights of a model\n";

/// A case whose recipe has `MODEL` from `url`, and a cache of its own.
fn case(url: &str) -> Case {
    let digest = sha256(MODEL.as_bytes());
    let hex = digest.trim_start_matches("sha256:");
    let case = Case::new()
        .recipe(&format!("{APP}[[file]]\nurl = \"{url}\"\nsha256 = \"{hex}\"\nto = \"/srv/model\"\n"))
        .file("app", elf::static_amd64());
    let cache = case.path("cache");
    case.env("XDG_CACHE_HOME", cache)
}

/// A server that has `MODEL` at `/model`.
fn server() -> Registry {
    let server = Registry::start();
    server.spoil(|request| Some(model(request)));
    server
}

fn model(request: &Request) -> Fault {
    match request.target.as_str() {
        "/model" => Fault::Answer(200, Vec::new(), MODEL.to_owned()),
        "/moved" => Fault::Answer(302, vec![("location", "/model".into())], String::new()),
        "/on" => Fault::Answer(302, vec![("location", "/on".into())], String::new()),
        _ => Fault::status(404),
    }
}

fn at(server: &Registry, path: &str) -> String {
    format!("http://{}{path}", server.host())
}

fn blobs(case: &Case) -> usize {
    fs::read_dir(case.path("cache/hardpan/blobs")).map_or(0, Iterator::count)
}

#[test]
fn a_download_is_fetched_once_and_then_served_from_the_cache() {
    let server = server();
    let case = case(&at(&server, "/model"));
    // A login for that host lies in every place where one is kept.
    let netrc = "machine 127.0.0.1 login me password correct-horse\n";
    let auth = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"bWU6Y29ycmVjdC1ob3JzZQ==\"}}}}}}", server.host());
    let (home, config) = (case.path("home"), case.path("home/docker"));
    let case = case.file("home/.netrc", netrc).file("home/docker/config.json", auth);
    let case = case.env("HOME", home).env("DOCKER_CONFIG", config);
    let first = case.build().ok().says("download http://127.0.0.1");
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].field("authorization").is_none() && requests[0].field("cookie").is_none());
    let layout = first.layout();
    let image = layout.image();
    let entry = image.entry("srv/model");
    assert_eq!((entry.mode, entry.content.as_slice()), (0o444, MODEL.as_bytes()));
    assert_eq!(case.run(["build", "app.toml", "--offline"]).ok().digest(), first.digest());
    assert_eq!(server.requests().len(), 1);
    // A copy that somebody changed costs a download, never a wrong image.
    let name = sha256(MODEL.as_bytes()).trim_start_matches("sha256:").to_owned();
    let copy = find(&case.path("cache"), &name).expect("the copy");
    let mut mode = fs::metadata(&copy).expect("it").permissions();
    #[allow(clippy::permissions_set_readonly_false, reason = "whoever spoils a cache does so")]
    mode.set_readonly(false);
    fs::set_permissions(&copy, mode).expect("chmod");
    fs::write(&copy, MODEL.replace("model", "madel")).expect("spoil");
    assert_eq!(case.build().ok().digest(), first.digest());
    assert_eq!(server.requests().len(), 2);
}

fn find(folder: &Path, name: &str) -> Option<std::path::PathBuf> {
    fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| if path.is_dir() { find(&path, name) } else { path.ends_with(name).then_some(path) })
}

#[test]
fn without_a_cache_it_is_fetched_each_time_and_nothing_is_left() {
    let server = server();
    let case = case(&at(&server, "/moved")).without_env("XDG_CACHE_HOME").folder("tmp");
    let temporary = case.path("tmp");
    // Not absolute, so that it is no folder to keep anything in. Unset, it would be asked of the system.
    let case = case.env("HOME", "nowhere").env("TMPDIR", &temporary);
    case.build().ok();
    let again = case.build().ok();
    assert_eq!(again.layout().image().entry("srv/model").content, MODEL.as_bytes());
    assert_eq!(server.requests().len(), 4, "two redirects and two downloads");
    assert_eq!(fs::read_dir(temporary).expect("the folder").count(), 0);
}

#[test]
fn other_bytes_are_refused_by_both_digests_and_not_kept() {
    let server = server();
    let case = case(&at(&server, "/model"));
    server.spoil(|_| Some(Fault::Answer(200, Vec::new(), "something else\n".into())));
    let output = case.build().fails(2);
    let (found, wanted) = (sha256(b"something else\n"), sha256(MODEL.as_bytes()));
    let output = output.says(&format!("app.toml:6:10: `http://{}/model` is `{found}`", server.host()));
    output.says(&format!("and the recipe says `{wanted}`"));
    assert!(!case.path("out").exists());
    assert_eq!(blobs(&case), 0);
}

#[test]
fn what_cannot_be_fetched_is_one_clear_sentence() {
    let server = server();
    let offline = case(&at(&server, "/model")).run(["build", "app.toml", "--offline"]).fails(2);
    offline.says("is not in the cache, and `--offline` forbids network access");
    assert!(server.requests().is_empty());
    case(&at(&server, "/none")).build().fails(2).says("/none answered HTTP 404");
    case(&at(&server, "/on")).build().fails(2).says("redirects");
    case("http://files.example.com/model").build().fails(2).says("is not TLS");
    let secret = case("https://me:correct-horse-battery@files.example.com/model").build().fails(2);
    let secret = secret.says("app.toml:5:7: the `url` holds a login");
    assert!(!secret.stderr.contains("correct-horse"), "{}", secret.stderr);
}

#[test]
fn a_connection_that_breaks_is_taken_up_where_it_was() {
    let server = server();
    server.spoil(|request| {
        let start =
            request.field("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let start: usize = start.unwrap_or(0);
        let mut fields = vec![("content-length", (MODEL.len() - start).to_string()), ("connection", "close".into())];
        if start > 0 {
            fields.push(("content-range", format!("bytes {start}-{}/{}", MODEL.len() - 1, MODEL.len())));
        }
        // Five bytes a connection.
        let piece = MODEL[start..].chars().take(5).collect();
        Some(Fault::Answer(if start > 0 { 206 } else { 200 }, fields, piece))
    });
    let case = case(&at(&server, "/model"));
    case.build().ok();
    let ranges: Vec<_> = server.requests().iter().map(|request| request.field("range").map(str::to_owned)).collect();
    assert_eq!(ranges, [None, Some("bytes=5-".into()), Some("bytes=10-".into()), Some("bytes=15-".into())]);
}

#[test]
fn an_address_without_tls_is_refused_whatever_is_in_the_cache() {
    let server = server();
    let case = case(&at(&server, "/model"));
    case.build().ok();
    let case = case.edit("app.toml", |text| text.replace(&server.host(), "files.example.com"));
    case.build().fails(2).says("app.toml:5:7: `http://files.example.com/model` is not TLS");
    case.run(["build", "app.toml", "--plain-http"]).ok();
}

#[test]
fn tls_is_by_the_trust_of_registries() {
    let server = TlsServer::start(MODEL);
    let case = case(&server.url("/model")).file("ca.pem", server.ca_pem());
    case.build().fails(2).says("is signed by an unknown authority");
    assert_eq!(server.requests(), 0);
    case.run(["build", "app.toml", "--ca-file", "ca.pem"]).ok();
    assert_eq!(server.requests(), 1);
}

#[test]
fn a_download_passes_the_same_checks_as_any_file() {
    let body = "-----BEGIN RSA PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIOVzf1VZ0mJp3hPTSTF4ebYAtGy2xKzZb0h8T0bCqGx1\n";
    let server = Registry::start();
    server.spoil(move |_| Some(Fault::Answer(200, Vec::new(), body.to_owned())));
    let hex = sha256(body.as_bytes());
    let case = case(&at(&server, "/model"))
        .edit("app.toml", |text| text.replace(&sha256(MODEL.as_bytes())[7..], &hex["sha256:".len()..]));
    case.build().fails(1).says("private-key");
}
