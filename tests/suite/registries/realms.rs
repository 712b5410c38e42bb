//! Whom a registry may send us to for a token, by names that only a proxy of the tests knows.

use super::{case, digest, logged_in, login};
use crate::support::{
    case::Case,
    output::Output,
    proxy::Proxy,
    registry::{Fault, Lock, Registry, Request, Setup},
};

/// A registry behind TLS that is called `registry.example.com`, and sends for tokens to `realm`.
struct World {
    registry: Registry,
    /// `elsewhere.example.net`, which knows another login.
    elsewhere: Registry,
    proxy: Proxy,
    case: Case,
}

const NAME: &str = "registry.example.com/app:1";

impl World {
    fn new(realm: &str) -> Self {
        let setup = |realm: Option<&str>, login: &str| Setup {
            lock: Lock::Bearer(login.to_owned(), 1000),
            tls: true,
            realm: realm.map(str::to_owned),
            ..Setup::default()
        };
        let registry = Registry::with(setup(Some(realm), &login().2));
        let elsewhere = Registry::with(setup(None, "ZWxzZTp3aGVyZQ=="));
        let proxy = Proxy::start(&[
            ("registry.example.com:443", registry.port()),
            ("auth.example.com:443", registry.port()),
            ("elsewhere.example.net:443", elsewhere.port()),
        ]);
        let authorities = format!("{}{}", registry.ca_pem(), elsewhere.ca_pem());
        let case =
            logged_in(case(), "registry.example.com").file("ca.pem", authorities).env("https_proxy", proxy.url());
        Self { registry, elsewhere, proxy, case }
    }

    fn run(&self, words: &[&str]) -> Output {
        let output = self.case.run(words.iter().copied().chain(["-vv", "--ca-file", "ca.pem"]));
        let (_, password, encoded) = login();
        let all = format!("{}{}", output.stdout, output.stderr);
        let is_token = |at: usize| all[at + "token-".len()..].starts_with(|c: char| c.is_ascii_digit());
        let shows_token = all.match_indices("token-").any(|(at, _)| is_token(at));
        assert!(!all.contains(&password) && !all.contains(&encoded) && !shows_token, "{all}");
        // Nobody but the registry and its neighbour saw it, in no field and no body.
        for request in self.elsewhere.requests() {
            assert!(!shown(&request).contains(&encoded) && !shown(&request).contains(&password), "{request:?}");
        }
        output
    }
}

fn shown(request: &Request) -> String {
    format!("{request:?}{}", String::from_utf8_lossy(&request.body))
}

#[test]
fn a_neighbour_of_the_registry_gets_the_login() {
    let world = World::new("https://auth.example.com/token");
    world.run(&["push", "out/app", NAME]).ok();
    assert_eq!(world.registry.tag("app", "1"), Some(digest(&world.case)));
    world.run(&["inspect", NAME]).ok();
    let tokens: Vec<_> = world.registry.requests().into_iter().filter(|r| r.target.starts_with("/token")).collect();
    assert!(!tokens.is_empty() && tokens.iter().all(|r| r.field("host") == Some("auth.example.com")));
    assert!(world.proxy.asked().contains(&"auth.example.com:443".to_owned()));
}

#[test]
fn a_stranger_gets_no_login_but_its_own() {
    let world = World::new("https://elsewhere.example.net/token");
    let refused = world.run(&["push", "out/app", NAME]).fails(2);
    let refused = refused.says("the token realm of the registry is https://elsewhere.example.net/token");
    refused.says("the login is for `registry.example.com` alone").says("`docker login elsewhere.example.net`");
    assert!(world.elsewhere.requests().is_empty(), "no anonymous push");
    // To pull, it is asked as nobody, which is not enough here.
    world.run(&["inspect", NAME]).fails(2).says("the login is for `registry.example.com` alone");
    assert!(!world.elsewhere.requests().is_empty());
    assert!(world.elsewhere.requests().iter().all(|request| request.field("authorization").is_none()));
    // Who logged in there gives that login, and a token of a stranger is still no token here.
    let both = format!(
        "{{\"auths\":{{\"registry.example.com\":{{\"auth\":\"{}\"}},\"elsewhere.example.net\":{{\"auth\":\"ZWxzZTp3aGVyZQ==\"}}}}}}",
        login().2
    );
    let world = World { case: world.case.file("docker-registry.example.com/config.json", both), ..world };
    world.run(&["push", "out/app", NAME]).fails(2);
    let last = world.elsewhere.requests().pop().expect("a request");
    assert_eq!(last.field("authorization"), Some("Basic ZWxzZTp3aGVyZQ=="));
}

/// A GitLab, say, whose registry is on a domain of its own.
#[test]
fn a_realm_that_the_user_names_gets_the_login() {
    let world = World::new("https://elsewhere.example.net/token");
    // Both names are of one server, and no neighbours.
    let proxy = Proxy::start(&[
        ("registry.example.com:443", world.registry.port()),
        ("elsewhere.example.net:443", world.registry.port()),
    ]);
    let policy = "[registry]\ntoken-realms = [\"elsewhere.example.net\"]\n[policy]\nfail-on = \"critical\"\n";
    let case = world.case.clone().env("https_proxy", proxy.url()).file("policy.toml", policy);
    let case = case.file("none.toml", "[registry]\ntoken-realms = [\"other.example.net\", \"example.net\"]\n");
    let world = World { case, ..world };
    let named = ["--token-realm", "elsewhere.example.net"];
    let refused = world.run(&["push", "out/app", NAME]).fails(2).says("the login is for `registry.example.com` alone");
    refused.says("pass `--token-realm elsewhere.example.net`").says("`[registry] token-realms`");
    world.run(&["push", "out/app", NAME, "--policy", "none.toml"]).fails(2);
    world.run(&["push", "out/app", NAME, "--token-realm", "example.net"]).fails(2);
    for (words, tag) in [
        (&["push", "out/app", NAME, named[0], named[1]][..], "1"),
        (&["push", "out/app", "registry.example.com/app:2", "--policy", "policy.toml"], "2"),
        (&["build", "app.toml", "--push", "registry.example.com/app:3", named[0], named[1]], "3"),
        (&["build", "app.toml", "--push", "registry.example.com/app:4", "--policy", "policy.toml"], "4"),
    ] {
        world.run(words).ok();
        assert_eq!(world.registry.tag("app", tag), Some(digest(&world.case)), "{words:?}");
    }
    world.run(&["inspect", NAME]).fails(2);
    world.run(&["inspect", NAME, named[0], named[1]]).ok();
    world.run(&["audit", NAME, "--policy", "policy.toml"]).ok();
    for bad in ["https://elsewhere.example.net", "elsewhere.example.net/token", ""] {
        world.run(&["inspect", NAME, "--token-realm", bad]).fails(2).says("is no host of a token realm");
    }
    let case = world.case.clone().file("bad.toml", "[registry]\ntoken-realms = [\"https://x.example/\"]\n");
    case.run(["push", "out/app", NAME, "--policy", "bad.toml"]).fails(2).says("bad.toml:2:17: ");
}

#[test]
fn a_redirect_or_a_location_over_tls_takes_no_login_along() {
    let world = World::new("https://registry.example.com/token");
    world.run(&["push", "out/app", NAME]).ok();
    for (method, part, status, words) in [
        ("GET", "blobs", 307, ["inspect", NAME].as_slice()),
        ("HEAD", "manifests", 308, ["push", "out/app", "registry.example.com/app:2"].as_slice()),
        ("POST", "uploads", 202, ["push", "out/app", "registry.example.com/other:1"].as_slice()),
        ("POST", "uploads", 307, ["push", "out/app", "registry.example.com/other:1"].as_slice()),
    ] {
        world.elsewhere.spoil(|_| None);
        world.registry.spoil(move |request| {
            let location = [("location", "https://elsewhere.example.net/v2/elsewhere")];
            request.is(method, part).then(|| Fault::fields(status, &location))
        });
        let output = world.run(words);
        // What a look is led to is not needed.
        assert_eq!(output.code, if method == "HEAD" { 0 } else { 2 }, "{}", output.stderr);
        let requests = world.elsewhere.requests();
        assert!(!requests.is_empty(), "{method} {status}");
        assert!(requests.iter().all(|request| request.field("authorization").is_none()), "{requests:?}");
    }
}

#[test]
fn a_mount_asks_for_both_repositories_and_an_upload_for_one() {
    let lock = Lock::Bearer(login().2, 1000);
    let registry = Registry::with(Setup { lock, tls: true, ..Setup::default() });
    let case = logged_in(case(), &registry.host()).file("ca.pem", registry.ca_pem());
    let push = |from: &str, to: &str| {
        let to = format!("{}/{to}", registry.host());
        registry.spoil(|_| None);
        case.run(["push", "--ca-file", "ca.pem", from, &to]).ok()
    };
    let tokens = |request: &Request| request.target.starts_with("/token");
    let from = format!("{}/base:1", registry.host());
    push("out/app", "base:1");
    push(&from, "app:1").says("0 blobs uploaded (0 bytes)");
    let scopes: Vec<Vec<_>> =
        registry.requests().iter().filter(|r| tokens(r)).map(|r| r.parameters("scope").collect()).collect();
    assert!(scopes.contains(&vec!["repository:app:pull,push".to_owned()]), "{scopes:?}");
    let both = ["repository:app:pull,push", "repository:base:pull"].map(str::to_owned).to_vec();
    assert!(scopes.contains(&both), "{scopes:?}");
    assert_eq!(registry.count("PUT", "/uploads/"), 0);
    // Who gets no token for both can still send.
    registry.spoil(move |r| (tokens(r) && r.parameters("scope").count() > 1).then(|| Fault::status(403)));
    let to = format!("{}/third:1", registry.host());
    case.run(["push", "--ca-file", "ca.pem", &from, &to]).ok().says("0 mounted");
    assert_eq!(registry.tag("third", "1"), Some(digest(&case)));
}
