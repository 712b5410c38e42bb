//! Answers that are not what they look like, and words that must not be said again.

use std::fs;

use super::{assert_untouched_and_well_again, built_anew, case, digest, login, push};
use crate::support::{
    case::{APP, Case},
    registry::{Fault, Lock, Registry, Request},
};

/// What is answered by the page, and what is said of it.
type Spoiled = (&'static str, fn(&Request) -> bool, &'static str);

/// A page for whoever has not paid yet.
fn portal() -> Fault {
    Fault::Answer(200, vec![("content-type", "text/html".to_owned())], "<html>pay here</html>".to_owned())
}

#[test]
fn page_that_answers_200_to_everything() {
    let case = case();
    let put = "cannot put the manifest `sha256:";
    let plans: [Spoiled; 3] = [
        ("everything", |_| true, ""),
        ("manifests", |request| request.target.contains("manifests"), put),
        ("PUT alone", |request| request.is("PUT", "manifests"), put),
    ];
    for (name, plan, said) in plans {
        let registry = Registry::start();
        registry.spoil(move |request| plan(request).then(portal));
        let output = push(&case, &registry).fails(2).says(said);
        assert_eq!(output.stdout, "", "{name}");
        assert!(output.stderr.contains(&registry.host()), "{name}: {}", output.stderr);
        assert_untouched_and_well_again(&case, &registry, name);
    }
}

#[test]
fn a_tag_whose_digest_is_of_another_algorithm_is_there() {
    let (case, registry, first) = built_anew();
    let reference = format!("{}/app:1", registry.host());
    registry.spoil(|request| {
        let other = format!("sha512:{}", "0".repeat(128));
        request.target.contains("manifests").then(|| Fault::Fields(vec![("docker-content-digest", other)]))
    });
    let fail = case.run(["push", "--tag-policy", "fail", "out/app", &reference]).fails(1);
    fail.says(&format!("the tag `1` is `{first}` already"));
    case.run(["push", "--tag-policy", "keep", "out/app", &reference]).ok().says(&format!("stays with {first}"));
    assert_eq!(registry.tag("app", "1"), Some(first));
    push(&case, &registry).ok();
    assert_eq!(registry.tag("app", "1"), Some(digest(&case)));
}

#[test]
fn a_login_that_an_answer_repeats_is_not_said() {
    let (case, (name, password, encoded)) = (case(), login());
    fs::write(case.path("password"), &password).expect("a file");
    let cases = [(401, false), (403, false), (400, true), (401, true)];
    for lock in [Lock::Basic(encoded.clone()), Lock::Bearer(encoded.clone(), 9)] {
        let registry = Registry::locked(lock.clone());
        let reference = format!("{}/app:1", registry.host());
        for secret in [&password, &encoded, &password.to_uppercase()] {
            for (status, at_token) in cases.into_iter().filter(|(_, at)| !at || matches!(lock, Lock::Bearer(..))) {
                let message = format!("no, `{secret}` is wrong");
                registry.spoil(move |request| {
                    let is_token = request.target.starts_with("/token");
                    let sent = request.field("authorization").is_some();
                    let body = format!("{{\"errors\":[{{\"code\":\"UNAUTHORIZED\",\"message\":\"{message}\"}}]}}");
                    let warning = ("warning", format!("299 - \"{message}\""));
                    let challenge = ("www-authenticate", "Basic realm=\"x\"".to_owned());
                    (sent && is_token == at_token && request.method != "HEAD")
                        .then(|| Fault::Answer(status, vec![warning, challenge], body))
                });
                let mut command = case.command(["-vvv", "push", "--username", &name, "--password-stdin"]);
                let command = command.args(["out/app", &reference]);
                let output = command.stdin(fs::File::open(case.path("password")).expect("it")).output();
                let output = output.expect("hardpan");
                let all = [output.stdout, output.stderr].concat();
                let all = String::from_utf8_lossy(&all).into_owned();
                assert_eq!(output.status.code(), Some(2), "{lock:?} {status} {at_token}: {all}");
                assert!(!all.contains(secret), "{lock:?} {status} {at_token}: {all}");
                // What is no secret is still told.
                if (status, at_token) != (401, true) {
                    assert!(all.contains(&format!("answered HTTP {status}, UNAUTHORIZED: ***")), "{all}");
                }
            }
        }
    }
}

#[test]
fn a_reference_with_a_login_is_not_printed() {
    let case = case();
    let recipe = |base: &str| {
        let case = Case::new().recipe(&format!("base = \"{base}\"\n{APP}"));
        case.file("app", "not reached")
    };
    for reference in [
        "user:hunter2@127.0.0.1:5731/x:1",
        "docker://user:hunter2@registry.example.com/x",
        "hunter2@registry.example.com/x",
        "user:hun/ter2@registry.example.com/x",
        "https://user:hunter2@registry.example.com/x",
        "user:hunter2@registry.example.com",
    ] {
        let commands: [&[&str]; 5] = [
            &["-vvv", "push", "out/app", reference],
            &["-vvv", "push", reference, "registry.example.com/x"],
            &["-vvv", "inspect", reference],
            &["-vvv", "audit", reference],
            &["-vvv", "build", "app.toml", "--push", reference],
        ];
        let own = commands.map(|arguments| case.run(arguments));
        let based = recipe(reference);
        let based = [&["build", "app.toml"][..], &["lock", "app.toml"], &["lock", "--check", "app.toml"]]
            .map(|arguments| based.run(arguments));
        for output in own.into_iter().chain(based) {
            let output = output.fails(2).says("holds a ").says("hint: log in with `docker login`");
            let all = format!("{}{}", output.stdout, output.stderr);
            assert!(!all.contains("hunter2") && !all.contains("ter2@"), "{reference}: {all}");
        }
    }
}
