//! Finds the login for a registry: `--username`, then the variables, files and helpers of `docker login` and `podman login`.
//!
//! `http::login` asks for it only when the registry answers 401, and only for the host that did. Which place counts before which
//! is in [`CredentialPlace`]: within a file the order of the program that wrote it, among files our own.

mod auth_token;
mod challenge;
mod credential;
mod credential_helper;
mod credential_place;
mod credentials_file;
mod helper_run;
mod login_store;

use super::Access;
use crate::report::Failure;
pub(super) use auth_token::{AuthToken, TokenScopes, covers_scope, parse_token, token_request};
pub(super) use challenge::{Challenge, choose_challenge};
pub(super) use credential::Credential;
pub(super) use credential_helper::parse_answer as parse_helper_answer;
use credential_place::CredentialPlace;
pub(super) use credentials_file::CredentialsFile;
pub use login_store::{LoginPlace, StoredLogin};
pub(super) use login_store::{remove, store};

/// The credential for `repository` at `host`, as [`Reference`](super::Reference) has them; none without a login.
///
/// `--username` counts before every place of [`CredentialPlace::all`].
///
/// # Errors
/// A file that is there and cannot be read; a helper that is named and fails.
pub(super) fn credential(access: &Access, host: &str, repository: &str) -> Result<Option<Credential>, Failure> {
    if let Some(login) = &access.login {
        return Ok(Some(Credential::Login(login.clone())));
    }
    stored_credential(access, host, repository)
}

/// The credential for a host from files and helpers alone, without `--username`, which is for the registry itself.
pub(super) fn stored_credential(access: &Access, host: &str, repository: &str) -> Result<Option<Credential>, Failure> {
    for place in CredentialPlace::all(access) {
        if let Some(found) = place.look_up(access, host, repository)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;
    use crate::registry::{Login, Secret};

    #[test]
    fn files_are_asked_one_after_the_other() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let mut access = Access { home: Some(at("home")), ..Access::default() };
        access.environment.insert("XDG_RUNTIME_DIR".into(), at("run").into());
        let write = |path: &str, user: &str| {
            fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            let text = format!(r#"{{"auths":{{"r.example":{{"username":"{user}","password":"x"}}}}}}"#);
            fs::write(at(path), text).unwrap();
        };
        let who = |access: &Access| match credential(access, "r.example", "a").unwrap() {
            Some(Credential::Login(login)) => login.username,
            other => format!("{other:?}"),
        };
        assert_eq!(who(&access), "None");
        for (path, user) in [
            ("home/.docker/config.json", "docker"),
            ("home/.config/containers/auth.json", "podman"),
            ("run/containers/auth.json", "session"),
        ] {
            write(path, user);
            assert_eq!(who(&access), user);
        }
        write("own.json", "own");
        access.environment.insert("REGISTRY_AUTH_FILE".into(), at("own.json").into());
        assert_eq!(who(&access), "own");
        access.login = Some(Login { username: "flag".into(), password: Secret::new("x") });
        assert_eq!(who(&access), "flag");
        assert!(!format!("{access:?}").contains("\"x\""));
    }

    /// What a place of the table says of the host.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Said {
        /// The place is not there.
        Absent,
        /// It has a login, which is named after the place.
        Login,
        /// It is a helper that says that it has no credentials.
        Nothing,
    }

    /// docker's rule, which crane shares: one helper or the file, never both.
    fn dockers(helper: Said, store: Said, auths: Said) -> Option<&'static str> {
        match (helper, store, auths) {
            (Said::Login, ..) => Some("helper"),
            (Said::Nothing, ..) | (_, Said::Nothing, _) => None,
            (_, Said::Login, _) => Some("store"),
            (_, _, Said::Login) => Some("auths"),
            _ => None,
        }
    }

    /// podman's rule within one file, which knows no store.
    fn podmans(helper: Said, auths: Said) -> Option<&'static str> {
        match (helper, auths) {
            (Said::Login, _) => Some("helper"),
            (Said::Absent, Said::Login) => Some("auths"),
            _ => None,
        }
    }

    /// All combinations of the five places: `credHelpers` and `auths` of podman's file; `credHelpers`, `credsStore` and `auths` of
    /// docker's.
    #[test]
    fn five_places_count_in_the_order_of_docker_and_podman() {
        use Said::{Absent, Login as Has, Nothing};
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let script = "#!/bin/sh\ncase $0 in\n*-nothing) echo credentials not found in native keychain; exit 1;;\nesac\n\
            echo \"{\\\"Username\\\":\\\"${0##*-}\\\",\\\"Secret\\\":\\\"s\\\"}\"\n";
        for name in ["helper", "store", "phelper", "nothing"] {
            let path = at(&format!("docker-credential-{name}"));
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let mut access = Access { home: Some(at("home")), ..Access::default() };
        access.environment.insert("XDG_RUNTIME_DIR".into(), at("run").into());
        access.environment.insert("PATH".into(), format!("{}:/usr/bin:/bin", dir.path().display()).into());
        fs::create_dir_all(at("run/containers")).unwrap();
        fs::create_dir_all(at("home/.docker")).unwrap();
        let helpers = |said: Said, name: &str| match said {
            Absent => None,
            Has => Some(format!(r#""credHelpers":{{"r.example":"{name}"}}"#)),
            Nothing => Some(r#""credHelpers":{"r.example":"nothing"}"#.to_owned()),
        };
        let store = |said: Said| match said {
            Absent => None,
            Has => Some(r#""credsStore":"store""#.to_owned()),
            Nothing => Some(r#""credsStore":"nothing""#.to_owned()),
        };
        let auths = |said: Said, name: &str| {
            (said == Has).then(|| format!(r#""auths":{{"r.example":{{"username":"{name}","password":"x"}}}}"#))
        };
        let file =
            |parts: &[Option<String>]| format!("{{{}}}", parts.iter().flatten().cloned().collect::<Vec<_>>().join(","));
        let all = [Absent, Has, Nothing];
        let mut seen = 0;
        for (podman_helper, podman_auths) in all.iter().flat_map(|helper| [(*helper, Absent), (*helper, Has)]) {
            for (helper, stored) in all.iter().flat_map(|helper| all.map(|store| (*helper, store))) {
                for written in [Absent, Has] {
                    seen += 1;
                    fs::write(
                        at("run/containers/auth.json"),
                        file(&[helpers(podman_helper, "phelper"), auths(podman_auths, "pauths")]),
                    )
                    .unwrap();
                    let docker = file(&[helpers(helper, "helper"), store(stored), auths(written, "auths")]);
                    fs::write(at("home/.docker/config.json"), docker).unwrap();
                    let podman = podmans(podman_helper, podman_auths).map(|name| format!("p{name}"));
                    let docker = dockers(helper, stored, written).map(str::to_owned);
                    // Kinder than docker: a helper without credentials does not hide those of the file.
                    let kind = (written == Has).then(|| "auths".to_owned());
                    let found = match credential(&access, "r.example", "a").unwrap() {
                        Some(Credential::Login(login)) => Some(login.username),
                        None => None,
                        other => Some(format!("{other:?}")),
                    };
                    let combination = [podman_helper, podman_auths, helper, stored, written];
                    assert_eq!(found, podman.or(docker).or(kind), "{combination:?}");
                }
            }
        }
        assert_eq!(seen, 108);
    }

    #[test]
    fn gitlabs_variable_counts_before_files_and_behind_the_one_file_that_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let auths =
            |host: &str, user: &str| format!(r#"{{"auths":{{"{host}":{{"username":"{user}","password":"x"}}}}}}"#);
        fs::create_dir_all(at("home/.docker")).unwrap();
        fs::write(at("home/.docker/config.json"), auths("r.example", "docker")).unwrap();
        fs::write(at("own.json"), auths("r.example", "own")).unwrap();
        let mut access = Access { home: Some(at("home")), ..Access::default() };
        let who = |access: &Access, host: &str| match credential(access, host, "a") {
            Ok(Some(Credential::Login(login))) => login.username,
            Ok(other) => format!("{other:?}"),
            Err(failure) => failure.to_string(),
        };
        let variable = |access: &mut Access, text: &str| {
            access.environment.insert("DOCKER_AUTH_CONFIG".into(), text.into());
        };
        variable(&mut access, &auths("https://r.example", "variable"));
        assert_eq!(who(&access, "r.example"), "variable");
        variable(&mut access, &auths("o.example", "variable"));
        assert_eq!(who(&access, "r.example"), "docker");
        access.environment.insert("REGISTRY_AUTH_FILE".into(), at("own.json").into());
        assert_eq!(who(&access, "r.example"), "own");
        assert_eq!(who(&access, "o.example"), "variable");
        variable(&mut access, r#"{"auths":{"hunter2":"hunter2"}}"#);
        let said = who(&access, "o.example");
        assert!(said.contains("DOCKER_AUTH_CONFIG") && !said.contains("hunter2"), "{said}");
        variable(&mut access, "");
        assert_eq!(who(&access, "o.example"), "None");
    }

    #[test]
    fn helpers_fail_by_name_and_podmans_file_asks_a_store_last() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let script = "#!/bin/sh\nread host\ncase \"$1 $host\" in\n\
            'get r.example') echo '{\"ServerURL\":\"x\",\"Username\":\"helper\",\"Secret\":\"s\"}';;\n\
            'get t.example') echo '{\"Username\":\"<token>\",\"Secret\":\"s\"}';;\n\
            'get slow.example') sleep 60;;\n\
            'get bad.example') echo no; exit 3;;\n\
            *) echo credentials not found in native keychain; exit 1;;\nesac\n";
        fs::write(at("docker-credential-x"), script).unwrap();
        fs::set_permissions(at("docker-credential-x"), fs::Permissions::from_mode(0o755)).unwrap();
        let mut access = Access::default();
        access.environment.insert("REGISTRY_AUTH_FILE".into(), at("auth.json").into());
        access.environment.insert("PATH".into(), format!("{}:/usr/bin:/bin", dir.path().display()).into());
        let written = r#""auths":{"r.example":{"username":"file","password":"x"},"u.example":{}}"#;
        let ask = |text: String, host: &str| {
            fs::write(at("auth.json"), text).unwrap();
            credential(&access, host, "a")
        };
        let login = |username: &str, password: &str| {
            Some(Credential::Login(Login { username: username.into(), password: Secret::new(password) }))
        };
        let host = format!(r#"{{{written},"credHelpers":{{"r.example":"x"}}}}"#);
        assert_eq!(ask(host, "r.example").unwrap(), login("helper", "s"));
        let store = format!(r#"{{{written},"credsStore":"x"}}"#);
        assert_eq!(ask(store.clone(), "r.example").unwrap(), login("file", "x"));
        assert_eq!(ask(store.clone(), "u.example").unwrap(), None);
        assert_eq!(ask(store.clone(), "t.example").unwrap(), Some(Credential::Identity(Secret::new("s"))));
        let bad = ask(store, "bad.example").unwrap_err();
        assert!(bad.what.contains("`docker-credential-x`") && bad.what.ends_with(": no"), "{bad}");
        for name in ["../x", "x/y", "", "-x", "none"] {
            let failure = ask(format!(r#"{{"credsStore":"{name}"}}"#), "r.example");
            assert!(if name.is_empty() { failure.unwrap().is_none() } else { failure.is_err() }, "{name}");
        }
    }
}
