//! Where tokens are had, and what comes instead of one.

use std::{thread, time::Duration};

use super::{assert_untouched_and_well_again, case, logged_in, login, push};
use crate::support::registry::{Fault, Lock, Registry};

#[test]
fn an_answer_that_is_no_token_is_told() {
    let case = case();
    let token = |body: &str| Fault::Answer(200, Vec::new(), body.to_owned());
    let faults = [
        ("500", Fault::status(500), "cannot get a token: "),
        ("403", Fault::status(403), "does not accept the login"),
        ("404", Fault::status(404), "cannot get a token: "),
        ("1 MiB", token(&format!("{{\"token\":\"{}\"}}", "a".repeat(1 << 20))), "more than the 262144 bytes allowed"),
        ("no end", Fault::Endless(200), "more than the 262144 bytes allowed"),
        ("HTML", token("<html>welcome</html>"), "holds no token"),
        ("empty", token("{\"token\":\"\"}"), "holds no token"),
        ("two lines", token("{\"token\":\"a\\r\\nX: y\"}"), "holds no token"),
        (
            "elsewhere",
            Fault::fields(302, &[("location", "https://registry.example.com/token")]),
            "cannot get a token: ",
        ),
        ("hung up", Fault::Lost, "closed the connection"),
        ("by the byte", Fault::Drip(Duration::from_secs(5)), "cannot be read: "),
    ];
    thread::scope(|scope| {
        for (name, fault, said) in faults {
            let case = &case;
            scope.spawn(move || {
                let registry = Registry::locked(Lock::Bearer(login().2, 1000));
                let case = logged_in(case.clone(), &registry.host());
                registry.spoil(move |request| request.target.starts_with("/token").then(|| fault.clone()));
                let output = push(&case, &registry);
                assert_eq!(output.code, 2, "{name}: {}", output.stderr);
                for said in [said, &format!("{}/app", registry.host())] {
                    assert!(output.stderr.contains(said), "{name}: {said}: {}", output.stderr);
                }
                assert_untouched_and_well_again(&case, &registry, name);
            });
        }
    });
}

#[test]
fn a_token_that_is_late_is_waited_for() {
    let registry = Registry::locked(Lock::Bearer(login().2, 1000));
    let case = logged_in(case(), &registry.host());
    registry.spoil(|r| (r.target.starts_with("/token") && r.nth == 0).then(|| Fault::status(503)));
    push(&case, &registry).ok();
}

#[test]
fn an_identity_token_is_sent_as_a_form_and_nowhere_else() {
    let identity = ["an", "identity", "token"].join("-");
    let registry = Registry::locked(Lock::Bearer(identity.clone(), 1000));
    let case = case();
    let auth = format!("{{\"auths\":{{\"{}\":{{\"identitytoken\":\"{identity}\"}}}}}}", registry.host());
    let config = case.path("docker");
    let case = case.file("docker/config.json", auth).env("DOCKER_CONFIG", config);
    let output = case.run(["-vvv", "push", "out/app", &format!("{}/app:1", registry.host())]).ok();
    assert!(!format!("{}{}", output.stdout, output.stderr).contains(&identity));
    let (asked, others): (Vec<_>, Vec<_>) =
        registry.requests().into_iter().partition(|request| request.target.starts_with("/token"));
    assert!(asked.iter().all(|request| request.method == "POST" && !request.target.contains(&identity)));
    assert!(!asked.is_empty());
    for request in others {
        assert!(!format!("{request:?}").contains(&identity), "{request:?}");
        assert!(!String::from_utf8_lossy(&request.body).contains(&identity));
    }
}
