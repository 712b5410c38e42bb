//! Images in registries: sent, read back, and what happens when the registry or the way to it misbehaves.

mod conformance;
mod credential_order;
mod faults;
mod kills;
mod lies;
mod log_in;
mod logins;
mod mirrors;
mod optional;
mod pieces;
mod realms;
mod redirects;
mod referrers;
mod retries;
mod rounds;
mod tags;
mod tokens;

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    net::{IpAddr, Ipv6Addr, TcpListener},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    examples,
    support::{
        case::{APP, Case},
        elf,
        judges::{checked, tool},
        output::Output,
        registry::{Fault, Lock, Registry, Setup},
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
    let index: Value = serde_json::from_str(&index).expect("JSON");
    index["manifests"][0]["digest"].as_str().expect("a digest").to_owned()
}

/// A registry with an image that was built anew since; the digest of what it has.
fn built_anew() -> (Case, Registry, String) {
    let (case, registry) = (case(), Registry::start());
    push(&case, &registry).ok();
    let first = digest(&case);
    let case = case.edit("app.toml", |text| text + "[run]\nargs = [\"x\"]\n");
    case.build().ok();
    (case, registry, first)
}

/// A push that failed has moved no tag, and the next one, which nothing spoils, does.
fn assert_untouched_and_well_again(case: &Case, registry: &Registry, name: &str) {
    assert!(registry.tags("app").is_empty(), "{name}");
    registry.spoil(|_| None);
    push(case, registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(case)), "{name}");
}

/// The layers' digests, the lowest first.
fn layers(case: &Case) -> Vec<String> {
    let path = case.path("out/app/blobs/sha256").join(digest(case).trim_start_matches("sha256:"));
    let manifest: Value = serde_json::from_slice(&fs::read(path).expect("the manifest")).expect("JSON");
    let layers = manifest["layers"].as_array().expect("layers");
    layers.iter().map(|layer| layer["digest"].as_str().expect("a digest").to_owned()).collect()
}

/// The same name and password, in base64 as it is sent, put together here.
pub(crate) fn login() -> (String, String, String) {
    let (name, password) = ("somebody".to_owned(), ["correct", "horse", "battery"].join("-"));
    let pair = format!("{name}:{password}");
    let mut base64 =
        Command::new("base64").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("base64");
    base64.stdin.take().expect("its input").write_all(pair.as_bytes()).expect("the pair");
    let encoded = base64.wait_with_output().expect("base64").stdout;
    (name, password, String::from_utf8(encoded).expect("text"))
}

pub(crate) fn logged_in(case: Case, registry: &str) -> Case {
    let auth = format!("{{\"auths\":{{\"{registry}\":{{\"auth\":\"{}\"}}}}}}", login().2);
    let folder = format!("docker-{registry}");
    let config = case.path(&folder);
    case.file(format!("{folder}/config.json"), auth).env("DOCKER_CONFIG", config)
}

#[test]
fn pushed_image_as_others_read_it() {
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
    let parse = |output: &Output| serde_json::from_str::<Value>(&output.stdout).expect("JSON");
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
    let manifests = requests.iter().filter(|request| request.is("HEAD", "/manifests/1"));
    let authorised =
        manifests.filter(|request| request.field("authorization").is_some_and(|sent| sent.starts_with("Bearer")));
    assert_eq!(authorised.count(), 1, "{requests:#?}");
    assert_eq!(registry.count("GET", "/token"), 1);
    assert!(requests.iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
}

#[test]
fn an_unchanged_push_with_several_tags_asks_for_each_once() {
    let (case, registry) = (case(), Registry::start());
    let tags = ["1", "1.2", "latest"].map(|tag| format!("{}/app:{tag}", registry.host()));
    let push = || case.run(["push", "out/app"].into_iter().chain(tags.iter().map(String::as_str))).ok();
    push();
    registry.spoil(|_| None);
    push();
    let mut asked: Vec<_> = registry.requests().into_iter().map(|request| (request.method, request.target)).collect();
    // Besides the tags something else may be asked, where the first answer takes its time.
    asked.retain(|(method, target)| method != "HEAD" || !target.contains("sha256:"));
    asked.sort();
    let expected = ["1", "1.2", "latest"].map(|tag| ("HEAD".to_owned(), format!("/v2/app/manifests/{tag}")));
    assert_eq!(asked, expected, "no tag tells of another");
}

/// What a dry run promises: digests to upload, to mount and from where, manifests, tags.
fn promised(plan: &Value) -> [BTreeSet<String>; 4] {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let list = |key: &str| plan[key].as_array().expect("a list").clone();
    let fates = |fate: &str| list("blobs").into_iter().filter(|blob| blob["fate"] == fate).collect::<Vec<_>>();
    let tags = list("tags").into_iter().filter(|tag| tag["put"] == true).map(|tag| text(&tag["name"])).collect();
    [
        fates("upload").iter().map(|blob| text(&blob["digest"])).collect(),
        fates("mount").iter().map(|blob| format!("{} {}", text(&blob["digest"]), text(&blob["from"]))).collect(),
        list("manifests").iter().map(text).collect(),
        tags,
    ]
}

/// The same, of what a registry was then asked to do in a repository.
fn asked(registry: &Registry, repository: &str) -> [BTreeSet<String>; 4] {
    let mut all: [BTreeSet<String>; 4] = Default::default();
    let start = format!("/v2/{repository}/");
    for request in registry.requests().into_iter().filter(|request| request.target.starts_with(&start)) {
        let last = request.path().rsplit('/').next().unwrap_or_default().to_owned();
        match request.method.as_str() {
            "PUT" if request.is("PUT", "/uploads/") => all[0].insert(request.parameter("digest").expect("a digest")),
            "POST" if request.target.contains("mount=") => {
                let [digest, from] = ["mount", "from"].map(|name| request.parameter(name).expect("it"));
                all[1].insert(format!("{digest} {from}"))
            }
            "PUT" if last.contains(':') => all[2].insert(last),
            "PUT" => all[3].insert(last),
            _ => false,
        };
    }
    all
}

#[test]
fn a_dry_run_says_what_a_push_then_does() {
    let (case, registry) = (case(), Registry::start());
    let references = ["app:1", "app:latest", "other:1"].map(|name| format!("{}/{name}", registry.host()));
    let args = |words: &[&str]| {
        let words: Vec<_> = words.iter().copied().chain(references.iter().map(String::as_str)).collect();
        case.run(words).ok()
    };
    // First everything, then a new binary on what is there, then nothing.
    for round in 0..3 {
        if round == 1 {
            case.clone().edit("app.toml", |text| text + "[run]\nargs = [\"x\"]\n").build().ok();
        }
        registry.spoil(|_| None);
        let dry = args(&["push", "--dry-run", "--json", "out/app"]);
        let told = args(&["push", "--dry-run", "out/app"]);
        assert!(registry.requests().iter().all(|request| matches!(request.method.as_str(), "GET" | "HEAD")));
        registry.spoil(|_| None);
        let pushed = args(&["push", "out/app"]);
        let dry: Value = serde_json::from_str(&dry.stdout).expect("JSON");
        let plans = dry["repositories"].as_array().expect("repositories");
        assert_eq!(plans.len(), 2);
        let mut sum = 0;
        for (plan, repository) in plans.iter().zip(["app", "other"]) {
            let promised = promised(plan);
            assert_eq!(asked(&registry, repository), promised, "{round} {repository}");
            assert_eq!(promised[2].is_empty(), round == 2, "{plan:#}");
            let uploads = plan["blobs"].as_array().expect("blobs").iter().filter(|blob| blob["fate"] == "upload");
            let bytes: u64 = uploads.map(|blob| blob["size"].as_u64().expect("a size")).sum();
            assert!(told.stdout.contains(&format!("  {bytes} bytes to upload\n")), "{}", told.stdout);
            assert!(bytes == 0 || pushed.stderr.contains(&format!("({bytes} bytes)")), "{}", pushed.stderr);
            sum += bytes;
        }
        let received: usize =
            registry.requests().iter().filter(|r| r.target.contains("/uploads/")).map(|r| r.received).sum();
        assert_eq!(received as u64, sum, "{round}");
    }
}

#[test]
fn tags_move_stay_or_stop_the_push_as_the_policy_says() {
    let (case, registry, first) = built_anew();
    let reference = format!("{}/app:1", registry.host());
    case.run(["push", "--tag-policy", "fail", "out/app", &reference])
        .fails(1)
        .says("error[tag-exists]")
        .says("lets no tag move");
    assert_eq!(registry.tag("app", "1").as_ref(), Some(&first));
    case.run(["push", "--tag-policy", "keep", "out/app", &reference]).ok().says(&format!("stays with {first}"));
    assert_eq!(registry.tag("app", "1").as_ref(), Some(&first));
    push(&case, &registry).ok().says(&format!("moved, it was {first}"));
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
    case.run(["push", "--tag-policy", "never", "out/app", &reference]).fails(2).says("is not one of");
}

#[test]
fn reads_from_a_registry() {
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
    assert_eq!(registry.count("PUT", "/uploads/"), 0);
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
    let (case, registry) =
        (case(), Registry::with(Setup { address: IpAddr::V6(Ipv6Addr::LOCALHOST), ..Setup::default() }));
    push(&case, &registry).ok();
    case.run(["inspect", &format!("{}/app:1", registry.host())]).ok();
}

#[test]
fn what_a_registry_warns_of_is_shown_once() {
    let (case, registry) = (case(), Registry::start());
    registry.spoil(|_| Some(Fault::Fields(vec![("warning", "299 - \"it ends \u{202e}soon\"".to_owned())])));
    let line = format!("warning: {} says: it ends \\u{{202e}}soon", registry.host());
    let pushed = push(&case, &registry).ok();
    assert_eq!(pushed.stderr.matches(&line).count(), 1, "{}", pushed.stderr);
    let read = case.run(["--quiet", "inspect", &format!("{}/app:1", registry.host())]).ok();
    assert_eq!(read.stderr.trim(), line);
}
