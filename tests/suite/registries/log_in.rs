//! `hardpan login` and `logout`: checked by the registry, kept where other programs look, and never shown.

use std::{
    fs::{self, File},
    io::Write as _,
    process::Stdio,
};

use super::{case, login};
use crate::support::{
    case::Case,
    judges::{checked, tool},
    registry::{Lock, Registry},
};

/// A case with a home of its own.
fn at_home() -> Case {
    let case = case();
    let home = case.path("home");
    case.folder("home").folder("run").env("HOME", home).without_env("XDG_RUNTIME_DIR")
}

/// What a login that ends with `code` says.
#[track_caller]
fn log_in(case: &Case, host: &str, name: &str, password: &str, code: i32) -> String {
    let case = case.clone().file("password", format!("{password}\n"));
    let stdin = File::open(case.path("password")).expect("the password");
    let mut command = case.command(["-vv", "login", host, "--username", name, "--password-stdin"]);
    let output = command.stdin(stdin).output().expect("hardpan");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty() && !said.contains(password) && !said.contains(&login().2), "{said}");
    said
}

#[test]
fn a_login_is_checked_first_and_then_found_by_hardpan_crane_and_podman() {
    let (name, password, encoded) = login();
    for lock in [Lock::Basic(encoded.clone()), Lock::Bearer(encoded.clone(), 1000)] {
        let registry = Registry::locked(lock);
        let case = at_home();
        let config = case.path("home/.docker/config.json");
        assert!(log_in(&case, &registry.host(), &name, "wrong", 2).contains("error[registry-login]"));
        assert!(!config.exists(), "a login that is not accepted is not kept");
        assert!(log_in(&case, &registry.host(), &name, &password, 0).contains("config.json`, unencrypted"));
        let reference = format!("{}/app:1", registry.host());
        case.run(["push", "out/app", &reference]).ok();
        let home = |program: &str| {
            let mut command = tool(program);
            command.env("HOME", case.path("home")).env("XDG_RUNTIME_DIR", case.path("run"));
            command.env_remove("DOCKER_CONFIG").env_remove("REGISTRY_AUTH_FILE");
            command
        };
        checked(home("crane").args(["digest", "--insecure", &reference]));
        assert_eq!(checked(home("podman").args(["login", "--get-login", &registry.host()])).trim(), name);
        case.run(["logout", &registry.host()]).ok().says("removed from");
        case.run(["inspect", &reference]).fails(2).says("there is no login for");
        case.run(["logout", &registry.host()]).ok().says("there is no login for");
    }
}

#[test]
fn a_host_that_podman_knows_stays_in_podmans_file() {
    let (name, password, encoded) = login();
    let registry = Registry::locked(Lock::Basic(encoded));
    let case = at_home();
    let run = case.path("run");
    let case = case.env("XDG_RUNTIME_DIR", &run);
    let old = format!("{{\"auths\":{{\"{}\":{{\"auth\":\"b2xkOm9sZA==\"}}}}}}", registry.host());
    let case = case.file("run/containers/auth.json", old);
    assert!(log_in(&case, &registry.host(), &name, &password, 0).contains("containers/auth.json"));
    assert!(!case.path("home/.docker").exists());
    let mut podman = tool("podman");
    podman.env("XDG_RUNTIME_DIR", &run).args(["login", "--get-login", &registry.host()]);
    assert_eq!(checked(&mut podman).trim(), name);
    case.run(["push", "out/app", &format!("{}/app:1", registry.host())]).ok();
}

#[test]
fn nobody_checks_a_login_that_nobody_asks_for() {
    let registry = Registry::start();
    let case = at_home();
    assert!(log_in(&case, &registry.host(), "me", "secret-word", 0).contains("nobody has checked this one"));
    case.run(["login", "--username", "me", &registry.host()]).fails(2).says("there is no terminal to ask");
    case.run(["login", "ghcr.io/acme"]).fails(2).says("a login is for a host");
    let output = case.run(["login", &registry.host(), "--username", "me", "--password", "secret-word"]).fails(2);
    assert!(!output.stderr.contains("secret-word"), "{}", output.stderr);
}

#[test]
fn a_password_is_typed_at_a_terminal_that_does_not_show_it() {
    let (name, password, encoded) = login();
    let registry = Registry::locked(Lock::Basic(encoded));
    let case = at_home();
    let hardpan = format!("{} login {}", crate::support::case::HARDPAN, registry.host());
    let mut script = tool("script");
    script.args(["--quiet", "--return", "--flush", "--command", &hardpan, "/dev/null"]);
    script.env("HOME", case.path("home")).env_remove("XDG_RUNTIME_DIR").env_remove("DOCKER_CONFIG");
    let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script");
    let mut keys = child.stdin.take().expect("a keyboard");
    // The terminal itself shows what comes before anybody has switched that off, so each line waits for its question.
    let mut shown = String::new();
    let mut screen = child.stdout.take().expect("a screen");
    for (question, answer) in [("User name for", &name), ("Password of", &password)] {
        while !shown.contains(question) {
            let mut byte = [0];
            std::io::Read::read_exact(&mut screen, &mut byte).expect("a question");
            shown.push(char::from(byte[0]));
        }
        if question.starts_with("Password") {
            while !shown.ends_with("(not shown): ") {
                let mut byte = [0];
                std::io::Read::read_exact(&mut screen, &mut byte).expect("the question's end");
                shown.push(char::from(byte[0]));
            }
        }
        keys.write_all(format!("{answer}\r").as_bytes()).expect("keys");
    }
    std::io::Read::read_to_string(&mut screen, &mut shown).ok();
    assert!(child.wait().expect("script").success(), "{shown}");
    assert!(!shown.contains(&password), "{shown}");
    assert!(fs::read_to_string(case.path("home/.docker/config.json")).expect("the login").contains("auth"));
}
