//! Images in registries: sent, read back, and what happens when the registry or the way to it misbehaves.

mod faults;
mod logins;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    net::{IpAddr, Ipv6Addr, TcpListener},
    process::{Command, Stdio},
};

use crate::{
    examples,
    support::{
        case::{APP, Case},
        elf,
        judges::{checked, tool},
        output::Output,
        registry::{Fault, Lock, Registry},
    },
};

/// An image with a layer of about 1 MiB that does not compress.
fn case() -> Case {
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(1 << 20)
    .collect();
    let recipe = format!("{APP}\n[[file]]\nfrom = \"noise\"\nto = \"/noise\"\n");
    let case = Case::new().recipe(&recipe).file("app", elf::static_amd64()).file("noise", noise);
    case.build().ok();
    case
}

fn push(case: &Case, registry: &Registry) -> Output {
    case.run(["push", "out/app", &format!("{}/app:1", registry.host())])
}

fn digest(case: &Case) -> String {
    let index = fs::read_to_string(case.path("out/app/index.json")).expect("the layout");
    let index: serde_json::Value = serde_json::from_str(&index).expect("JSON");
    index["manifests"][0]["digest"].as_str().expect("a digest").to_owned()
}

/// The layers' digests, the lowest first.
fn layers(case: &Case) -> Vec<String> {
    let path = case.path("out/app/blobs/sha256").join(digest(case).trim_start_matches("sha256:"));
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(path).expect("the manifest")).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    layers.iter().map(|layer| layer["digest"].as_str().expect("a digest").to_owned()).collect()
}

/// The same name and password, in base64 as it is sent, put together here.
fn login() -> (String, String, String) {
    let (name, password) = ("somebody".to_owned(), ["correct", "horse", "battery"].join("-"));
    let pair = format!("{name}:{password}");
    let mut base64 =
        Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64");
    base64.stdin.take().expect("its input").write_all(pair.as_bytes()).expect("the pair");
    let encoded = base64.wait_with_output().expect("base64").stdout;
    (name, password, String::from_utf8(encoded).expect("text"))
}

fn logged_in(case: Case, registry: &str) -> Case {
    let auth = format!("{{\"auths\":{{\"{registry}\":{{\"auth\":\"{}\"}}}}}}", login().2);
    let config = case.path("docker");
    case.file("docker/config.json", auth).env("DOCKER_CONFIG", config)
}

#[test]
fn what_is_pushed_is_what_was_built_for_docker_registry_skopeo_and_crane() {
    let (case, registry) = (case(), examples::Registry::start());
    let name = format!("127.0.0.1:{}/acme/app", registry.port);
    let pushed = case.run(["push", "out/app", &format!("{name}:1"), &format!("{name}:latest")]).ok();
    assert_eq!(pushed.stdout, format!("{name}@{}\n", digest(&case)));
    for tag in ["1", "latest"] {
        let reference = format!("{name}:{tag}");
        assert_eq!(checked(tool("crane").args(["digest", &reference])).trim(), digest(&case));
        checked(tool("crane").args(["validate", "--remote", &reference]));
    }
    let copy = format!("dir:{}", case.path("copy").display());
    checked(tool("skopeo").args(["copy", "--quiet", "--src-tls-verify=false", &format!("docker://{name}:1"), &copy]));
    for layer in layers(&case) {
        let hex = layer.trim_start_matches("sha256:");
        let built = fs::read(case.path("out/app/blobs/sha256").join(hex)).expect("a layer");
        assert!(fs::read(case.path("copy").join(hex)).expect("skopeo's copy") == built, "{layer}");
    }
    let here = case.run(["inspect", "--json", "out/app"]).ok();
    let there = case.run(["inspect", "--json", &format!("{name}:1")]).ok();
    let parse = |output: &Output| serde_json::from_str::<serde_json::Value>(&output.stdout).expect("JSON");
    assert_eq!(parse(&here)["contents"][0]["images"], parse(&there)["contents"][0]["images"]);
    // And once more from there to another repository, and by a build.
    case.run(["push", &format!("docker://{name}:1"), &format!("{name}2:1")]).ok().says("0 blobs uploaded (0 bytes), ");
    let built = case.run(["build", "app.toml", "--push", &format!("127.0.0.1:{}/{{name}}:b", registry.port)]).ok();
    assert_eq!(built.stdout, format!("127.0.0.1:{}/app@{}\n", registry.port, digest(&case)));
}

#[test]
fn an_unchanged_push_asks_once_and_sends_nothing() {
    let registry = Registry::locked(Lock::Bearer(login().2, 1000));
    let case = logged_in(case(), &registry.host());
    push(&case, &registry).ok();
    registry.spoil(|_| None);
    push(&case, &registry).ok().says("is that already");
    let requests = registry.requests();
    let authorised: Vec<_> = requests
        .iter()
        .filter(|request| request.field("authorization").is_some_and(|sent| sent.starts_with("Bearer")))
        .collect();
    assert!(authorised.len() <= 2, "{authorised:#?}");
    assert!(requests.iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
}

#[test]
fn a_dry_run_says_what_a_push_then_does() {
    let (case, registry) = (case(), Registry::start());
    let reference = format!("{}/app:1", registry.host());
    let dry = case.run(["push", "--dry-run", "out/app", &reference]).ok();
    assert!(registry.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
    assert_eq!(registry.tag("app", "1"), None);
    let uploads: BTreeSet<_> = dry
        .stdout
        .lines()
        .filter_map(|line| line.trim().strip_prefix("upload ")?.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    push(&case, &registry).ok();
    assert_eq!(uploads, registry.blobs("app"));
    assert!(case.run(["push", "--dry-run", "out/app", &reference]).ok().stdout.contains("  0 bytes to upload"));
}

#[test]
fn tags_move_stay_or_stop_the_push_as_the_policy_says() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let first = digest(&case);
    let case = case.edit("app.toml", |text| text + "[run]\nargs = [\"x\"]\n");
    case.build().ok();
    let reference = format!("{}/app:1", registry.host());
    case.run(["push", "--tag-policy", "fail", "out/app", &reference]).fails(2).says("lets no tag move");
    assert_eq!(registry.tag("app", "1").as_ref(), Some(&first));
    case.run(["push", "--tag-policy", "keep", "out/app", &reference]).ok().says(&format!("stays with {first}"));
    assert_eq!(registry.tag("app", "1").as_ref(), Some(&first));
    push(&case, &registry).ok().says(&format!("moved, it was {first}"));
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    case.run(["push", "--tag-policy", "never", "out/app", &reference]).fails(2).says("is not one of");
}

#[test]
fn what_a_registry_sends_is_checked_and_only_what_is_read_is_fetched() {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let reference = format!("{}/app:1", registry.host());
    // Cut in the middle, and gone on with.
    registry.spoil(|request| {
        let layer = request.is("GET", "blobs") && request.field("range").is_none();
        layer.then(|| Fault::Fields(vec![("x", "y".into())]))
    });
    case.run(["inspect", &reference]).ok();
    // A push of it elsewhere reads no layer that the target has.
    registry.spoil(|_| None);
    case.run(["push", &reference, &format!("{}/other:1", registry.host())]).ok().says("mounted");
    assert_eq!(registry.count("PATCH", ""), 0);
    for layer in layers(&case) {
        assert_eq!(registry.count("GET", &layer), 0, "{layer}");
    }
    let last = layers(&case).pop().expect("a layer");
    registry.corrupt("app", &last);
    case.run(["inspect", &reference]).fails(2).says("its bytes are `sha256:");
    registry.lose("app", &last);
    case.run(["inspect", &reference]).fails(2).says("the registry does not have it");
    case.run(["inspect", &format!("{}/app:none", registry.host())]).fails(2).says("the registry has no such image");
    let other = format!("{}/app@sha256:{}", registry.host(), "0".repeat(64));
    case.run(["inspect", &other]).fails(2).says("the registry has no such image");
    registry.spoil(|r| r.is("GET", "manifests").then(|| Fault::Fields(vec![("content-type", "text/html".into())])));
    case.run(["inspect", &reference]).fails(2);
}

#[test]
fn an_ipv6_registry_is_written_in_brackets() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return;
    }
    let (case, registry) = (case(), Registry::at(IpAddr::V6(Ipv6Addr::LOCALHOST), Lock::Open));
    push(&case, &registry).ok();
    case.run(["inspect", &format!("{}/app:1", registry.host())]).ok();
}
