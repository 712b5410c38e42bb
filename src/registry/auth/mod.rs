//! Finds the login for a registry: `--username`, then the files and helpers of `docker login` and `podman login`, in
//! the order in which those programs look for them.
//!
//! `http::login` asks for it only when the registry answers 401, and only for the host that did.

mod auth_token;
mod challenge;
mod credential;
mod credential_helper;
mod credentials_file;

use std::path::PathBuf;

use super::Access;
use crate::report::{ErrorName, Failure};
pub(super) use auth_token::{AuthToken, TokenScopes, covers_scope, parse_token, token_request};
pub(super) use challenge::{Challenge, choose_challenge};
pub(super) use credential::Credential;
pub(super) use credential_helper::parse_answer as parse_helper_answer;
pub(super) use credentials_file::CredentialsFile;

/// The credential for `repository` at `host`, as [`Reference`](super::Reference) has them; none without a login.
///
/// In this order: `--username`; the file that `REGISTRY_AUTH_FILE` names, alone; podman's `auth.json` of this session
/// and of this user; docker's `config.json`. In a file a helper of the host counts before what is written there, and
/// a store of all credentials comes last.
///
/// # Errors
/// A file that is there and cannot be read; a helper that is named and does not answer.
pub(super) fn credential(access: &Access, host: &str, repository: &str) -> Result<Option<Credential>, Failure> {
    if let Some(login) = &access.login {
        return Ok(Some(Credential::Login(login.clone())));
    }
    stored_credential(access, host, repository)
}

/// The credential for a host from files and helpers alone, without `--username`, which is for the registry itself.
pub(super) fn stored_credential(access: &Access, host: &str, repository: &str) -> Result<Option<Credential>, Failure> {
    for path in credential_files(access) {
        let Some(file) = credentials_file::read_credentials(&path)? else { continue };
        if let Some(name) = file.helper(host) {
            return credential_helper::ask(name, host, access).map_err(|failure| failure.or_in_path(&path));
        }
        if let Some(found) = file
            .written(host, repository)
            .map_err(|what| Failure::error(ErrorName::Credentials, what).in_path(&path))?
        {
            return Ok(Some(found));
        }
        if let Some(name) = file.store()
            && let Some(found) =
                credential_helper::ask(name, host, access).map_err(|failure| failure.or_in_path(&path))?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// The files that may hold credentials, in the order of the look-up.
fn credential_files(access: &Access) -> Vec<PathBuf> {
    if let Some(only) = access.path("REGISTRY_AUTH_FILE") {
        return vec![only];
    }
    let mut places = Vec::new();
    places.extend(access.path("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")));
    let config = access.path("XDG_CONFIG_HOME").or_else(|| access.home.as_ref().map(|home| home.join(".config")));
    places.extend(config.map(|folder| folder.join("containers/auth.json")));
    let docker = access.path("DOCKER_CONFIG").or_else(|| access.home.as_ref().map(|home| home.join(".docker")));
    places.extend(docker.map(|folder| folder.join("config.json")));
    places
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;
    use crate::registry::{Login, Secret};

    #[test]
    fn files_are_asked_in_the_order_of_the_programs_that_wrote_them() {
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

    #[test]
    fn helpers_of_a_host_count_before_the_file_and_stores_after_it() {
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
