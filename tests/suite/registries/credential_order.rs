//! Which of several logins counts, in the words of the programs that wrote them: crane's for docker's file, and podman's.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::Value;

use super::case;
use crate::support::{
    case::Case,
    judges::tool,
    registry::{Fault, Registry},
};

/// The five places: `credHelpers` and `auths` of podman's file, `credHelpers`, `credsStore` and `auths` of docker's.
const PLACES: [&str; 5] = ["phelper", "pauths", "helper", "store", "auths"];

/// Writes the places that are bits of `present`, each with a login that is named after it.
fn write(case: &Case, host: &str, present: usize) {
    let has =
        |place: &str| PLACES.iter().position(|known| *known == place).is_some_and(|bit| present & (1 << bit) != 0);
    let helper = |name: &str| has(name).then(|| format!("\"credHelpers\":{{\"{host}\":\"{name}\"}}"));
    let auths = |name: &str| {
        let encoded = base64(&format!("{name}:secret"));
        has(name).then(|| format!("\"auths\":{{\"{host}\":{{\"auth\":\"{encoded}\"}}}}"))
    };
    let store = has("store").then(|| "\"credsStore\":\"store\"".to_owned());
    let file =
        |parts: [Option<String>; 3]| format!("{{{}}}", parts.into_iter().flatten().collect::<Vec<_>>().join(","));
    fs::write(case.path("run/containers/auth.json"), file([helper("phelper"), auths("pauths"), None]))
        .expect("podman's");
    fs::write(case.path("home/.docker/config.json"), file([helper("helper"), store, auths("auths")]))
        .expect("docker's");
}

fn base64(text: &str) -> String {
    let script = format!("printf %s '{text}' | base64 -w0");
    String::from_utf8(Command::new("sh").args(["-c", &script]).output().expect("base64").stdout).expect("text")
}

/// The variables by which each program finds the files.
fn environment(command: &mut Command, case: &Case) {
    let path = format!("{}:{}", case.path("bin").display(), std::env::var("PATH").expect("PATH"));
    command.env("PATH", path).env("XDG_RUNTIME_DIR", case.path("run")).env("HOME", case.path("home"));
    // With `DOCKER_CONFIG` podman's own file is docker's.
    for variable in ["REGISTRY_AUTH_FILE", "DOCKER_CONFIG", "XDG_CONFIG_HOME"] {
        command.env_remove(variable);
    }
}

/// Whose login crane takes from docker's file, or from podman's where there is none.
fn of_crane(case: &Case, host: &str) -> Option<String> {
    let mut crane = tool("crane");
    crane.args(["auth", "get", host]);
    environment(&mut crane, case);
    let said: Value = serde_json::from_slice(&crane.output().expect("crane").stdout).ok()?;
    said["Username"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

fn of_podman(case: &Case, host: &str) -> Option<String> {
    let mut podman = tool("podman");
    podman.args(["login", "--get-login", host]);
    environment(&mut podman, case);
    let output = podman.output().expect("podman");
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !name.is_empty()).then_some(name)
}

/// Whose login hardpan sends.
fn of_hardpan(case: &Case, registry: &Registry) -> Option<String> {
    registry.spoil(|request| {
        let is_known = request.field("authorization").is_some();
        let challenge = [("www-authenticate", "Basic realm=\"x\"")];
        Some(if is_known { Fault::status(404) } else { Fault::fields(401, &challenge) })
    });
    let mut hardpan = case.command(["inspect", &format!("{}/app:1", registry.host())]);
    environment(&mut hardpan, case);
    hardpan.output().expect("hardpan");
    let sent = registry.requests().iter().find_map(|request| request.field("authorization").map(str::to_owned))?;
    PLACES.into_iter().find(|place| sent == format!("Basic {}", base64(&format!("{place}:secret")))).map(str::to_owned)
}

fn helpers(folder: &Path) {
    for name in ["phelper", "helper", "store"] {
        let path = folder.join(format!("docker-credential-{name}"));
        let script =
            format!("#!/bin/sh\necho '{{\"ServerURL\":\"x\",\"Username\":\"{name}\",\"Secret\":\"secret\"}}'\n");
        fs::write(&path, script).expect("a helper");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
}

/// Within docker's file hardpan takes what crane takes, within podman's what podman takes, and podman's file counts first.
#[test]
fn five_places_count_as_crane_and_podman_have_them() {
    let registry = Registry::start();
    let host = registry.host();
    let case = case().folder("run/containers").folder("home/.docker").folder("bin");
    helpers(&case.path("bin"));
    for present in 0..1 << PLACES.len() {
        write(&case, &host, present);
        let (crane, podman, ours) = (of_crane(&case, &host), of_podman(&case, &host), of_hardpan(&case, &registry));
        let names: Vec<_> = PLACES.iter().enumerate().filter(|(bit, _)| present & (1 << bit) != 0).collect();
        let is_podmans = present & 0b11 != 0;
        if is_podmans {
            assert_eq!(ours, podman, "{names:?}: podman's file");
        } else {
            assert_eq!(ours, crane, "{names:?}: docker's file");
        }
        // The two differ where podman does not read a store, and only there.
        if !is_podmans && podman != crane {
            assert_eq!(crane.as_deref(), Some("store"), "{names:?}");
        }
    }
}
