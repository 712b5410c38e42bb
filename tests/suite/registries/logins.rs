//! Who we are to a registry, whom we trust, and who never learns it.

use std::fs;

use super::{case, logged_in, login};
use crate::{
    examples,
    support::{
        case::{APP, Case},
        output::Output,
        registry::{Fault, Lock, Registry},
        tls,
    },
};

#[test]
fn expired_token_and_wrong_login() {
    let registry = Registry::locked(Lock::Bearer(login().2, 5));
    let case = case();
    let reference = format!("{}/app:1", registry.host());
    case.run(["push", "out/app", &reference]).fails(2).says("there is no login for");
    let case = logged_in(case, &registry.host());
    case.run(["push", "out/app", &reference]).ok();
    assert!(registry.count("GET", "/token") > 2);
    case.run(["inspect", &reference]).ok();
    let basic = Registry::locked(Lock::Basic(login().2));
    let reference = format!("{}/app:1", basic.host());
    let (name, password, _) = login();
    fs::write(case.path("password"), password + "\n").expect("a file");
    let with = |password: &str| {
        let mut command = case.command(["push", "--username", &name, "--password-stdin", "out/app", &reference]);
        command.stdin(fs::File::open(case.path(password)).expect("it")).output().expect("hardpan")
    };
    assert!(with("password").status.success());
    let wrong = with("app.toml");
    assert_eq!(wrong.status.code(), Some(2));
    fs::write(case.path("other"), "wrong\n").expect("a file");
    let wrong = String::from_utf8_lossy(&with("other").stderr).into_owned();
    assert!(wrong.contains("the login is not accepted"), "{wrong}");
}

#[test]
fn a_password_goes_to_the_registry_and_nowhere_else() {
    let (_, password, encoded) = login();
    let registry = Registry::locked(Lock::Basic(encoded.clone()));
    let case = logged_in(case(), &registry.host());
    let said = |output: &Output| {
        let all = format!("{}{}", output.stdout, output.stderr);
        assert!(!all.contains(&password) && !all.contains(&encoded), "{all}");
    };
    let verbose = case.run(["-vvv", "push", "out/app", &format!("{}/app:1", registry.host())]).ok();
    said(&verbose);
    // Another port is another host: redirects, upload locations and challenges of it.
    let other = Registry::locked(Lock::Basic("other".into()));
    let to = format!("http://{}", other.host());
    for (part, method) in [("blobs", "GET"), ("manifests", "HEAD"), ("uploads", "POST")] {
        let location = format!("{to}/v2/elsewhere");
        registry.spoil(move |request| {
            let status = if method == "POST" { 202 } else { 307 };
            request.is(method, part).then(|| Fault::fields(status, &[("location", location.as_str())]))
        });
        let reference = format!("{}/app:2", registry.host());
        let output = match method {
            "GET" => case.run(["inspect", &format!("{}/app:1", registry.host())]),
            _ => case.edit_and_push(&reference),
        };
        said(&output);
    }
    assert!(!other.requests().is_empty());
    for request in other.requests() {
        assert!(!format!("{request:?}").contains(&encoded) && request.field("authorization").is_none(), "{request:?}");
    }
    // Realms that must not be asked.
    for (realm, why) in [
        (format!("{to}/token"), "cannot get a token"),
        ("http://registry.example.com/token".into(), "which is not TLS"),
        ("http://169.254.169.254/token".into(), "which is not TLS"),
        ("https://169.254.169.254/token".into(), "in a private network"),
        ("https://me:you@registry.example.com/token".into(), "which is not a valid URL"),
        ("file:///etc/passwd".into(), "which is not a valid URL"),
    ] {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\"");
        registry.spoil(move |_| Some(Fault::fields(401, &[("www-authenticate", challenge.as_str())])));
        let output = case.run(["-vv", "inspect", &format!("{}/app:1", registry.host())]).fails(2);
        said(&output);
        assert!(output.stderr.contains(why), "{realm}: {}", output.stderr);
    }
}

impl Case {
    /// Pushes an image that the registry does not have.
    fn edit_and_push(&self, reference: &str) -> Output {
        let args = format!("{APP}[run]\nargs = [\"{reference}\"]\n");
        self.clone().recipe(&args).run(["build", "app.toml"]).ok();
        self.run(["push", "out/app", reference])
    }
}

#[test]
fn trusted_certificates() {
    let (ca, certificate, key) = tls::papers();
    let case = case().file("ca.pem", ca).file("server.pem", certificate).file("server.key", key);
    let lines = format!(
        "  tls:\n    certificate: {}\n    key: {}\n",
        case.path("server.pem").display(),
        case.path("server.key").display()
    );
    let registry = examples::Registry::with(&lines);
    let host = format!("127.0.0.1:{}", registry.port);
    let reference = format!("{host}/app:1");
    case.run(["push", "out/app", &reference]).fails(2).says("is signed by an unknown authority");
    case.run(["push", "--plain-http", "out/app", &reference]).fails(2);
    case.run(["push", "--ca-file", "ca.pem", "out/app", &reference]).ok();
    let ca = fs::read(case.path("ca.pem")).expect("the authority");
    let case = case
        .clone()
        .file(format!("config/containers/certs.d/{host}/ca.crt"), ca)
        .env("XDG_CONFIG_HOME", case.path("config"));
    case.run(["inspect", &reference]).ok();
    case.run(["inspect", "--ca-file", "app.toml", &reference]).fails(2).says("holds no certificate in PEM");
}
