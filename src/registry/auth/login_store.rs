//! Keeps logins where podman and docker look for them, and takes them out again.

use std::{
    fs::{self, DirBuilder},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use base64ct::{Base64, Encoding as _};
use serde_json::{Map, Value, json};

use super::{
    credential::{Credential, normalized_key, stored_name},
    credential_helper::CredentialHelper,
    credential_place::{CredentialPlace, CredentialRules},
    credentials_file::{self, CredentialsFile, NamedHelper},
};
use crate::{
    registry::{Access, Login},
    report::{AtomicFile, ErrorName, Failure, FileAccess, folder_of, printable},
};

/// Where a login is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPlace {
    /// The file.
    pub path: PathBuf,
    /// The helper that the file names for the host, `docker-credential-NAME`; without one the password is in the file.
    pub helper: Option<String>,
}

/// What became of a login that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLogin {
    /// Where it is.
    pub place: LoginPlace,
    /// What has another login for the host, and counts before it.
    pub hidden_by: Option<PathBuf>,
}

/// Keeps `login` for `host`: in the first file that has a login for it, else in the file that `REGISTRY_AUTH_FILE` names, else in
/// docker's `config.json`, which docker, podman and skopeo read. A helper that the file names for the host gets it.
///
/// # Errors
/// There is no place for it; a file cannot be read or written; a helper fails.
pub(in crate::registry) fn store(access: &Access, host: &str, login: &Login) -> Result<StoredLogin, Failure> {
    let places = CredentialPlace::all(access);
    let mut hidden_by = None;
    let mut chosen = None;
    for place in &places {
        if place.look_up(access, host, "")?.is_none() {
            continue;
        }
        match place {
            CredentialPlace::File { path, rules } => {
                chosen = Some((path.clone(), *rules));
                break;
            }
            // It cannot be written.
            CredentialPlace::Variable => hidden_by = Some(place.shown().into_owned()),
        }
    }
    let Some((path, rules)) = chosen.or_else(|| default_file(access, &places)) else {
        let failure = Failure::error(
            ErrorName::Credentials,
            "there is no file for logins: neither HOME nor DOCKER_CONFIG is set",
        );
        return Err(failure.hint("name one with `REGISTRY_AUTH_FILE=/path/of/auth.json`"));
    };
    let bytes = credentials_file::read_bytes(&path)?.unwrap_or_default();
    let in_path = |failure: Failure| failure.or_in_path(&path);
    let file = CredentialsFile::parse(&bytes).map_err(in_path)?;
    let mut document = LoginDocument::parse(&bytes).map_err(in_path)?;
    let helper = match helper_of(&file, rules, host) {
        Some(named) => {
            let helper = CredentialHelper::find(named.name, access).map_err(in_path)?;
            helper.store(host, login).map_err(in_path)?;
            Some(helper.program().to_owned())
        }
        None => None,
    };
    let key = match rules {
        CredentialRules::Docker => stored_name(host),
        CredentialRules::Podman => host,
    };
    document.set(host, key, login, helper.is_some()).map_err(in_path)?;
    document.write(&path)?;
    let kept = Some(Credential::Login(login.clone()));
    if hidden_by.is_none() && super::stored_credential(access, host, "")? != kept {
        let before = places.iter().take_while(|place| *place.shown() != *path);
        hidden_by = before.map(|place| place.shown().into_owned()).last();
    }
    Ok(StoredLogin { place: LoginPlace { path, helper }, hidden_by })
}

/// Takes the login for `host` out of every file and helper where it would be found. Gives the places that had one, and what still has
/// one and cannot be written.
///
/// # Errors
/// A file cannot be read or written; a helper fails.
pub(in crate::registry) fn remove(access: &Access, host: &str) -> Result<(Vec<LoginPlace>, Option<PathBuf>), Failure> {
    let (mut removed, mut left) = (Vec::new(), None);
    for place in CredentialPlace::all(access) {
        let CredentialPlace::File { path, rules } = &place else {
            if place.look_up(access, host, "")?.is_some() {
                left = Some(place.shown().into_owned());
            }
            continue;
        };
        let Some(bytes) = credentials_file::read_bytes(path)? else { continue };
        let in_path = |failure: Failure| failure.or_in_path(path);
        let file = CredentialsFile::parse(&bytes).map_err(in_path)?;
        let store = file.store().filter(|_| *rules == CredentialRules::Podman);
        for named in helper_of(&file, *rules, host).into_iter().chain(store) {
            let helper = CredentialHelper::find(named.name, access).map_err(in_path)?;
            if helper.erase(host, named.key).map_err(in_path)? {
                removed.push(LoginPlace { path: path.clone(), helper: Some(helper.program().to_owned()) });
            }
        }
        let mut document = LoginDocument::parse(&bytes).map_err(in_path)?;
        let had_login = document.remove(host);
        if had_login.is_some() {
            document.write(path)?;
        }
        if had_login == Some(true) {
            removed.push(LoginPlace { path: path.clone(), helper: None });
        }
    }
    Ok((removed, left))
}

/// The file for a login of a host that has none yet.
fn default_file(access: &Access, places: &[CredentialPlace]) -> Option<(PathBuf, CredentialRules)> {
    // `REGISTRY_AUTH_FILE` leaves no other file.
    let files: Vec<_> = places.iter().filter(|place| matches!(place, CredentialPlace::File { .. })).collect();
    let only = match files.as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    };
    match only.or_else(|| CredentialPlace::docker(access))? {
        CredentialPlace::File { path, rules } => Some((path, rules)),
        CredentialPlace::Variable => None,
    }
}

/// The helper that keeps the login for `host`, by the rules of the program that wrote the file.
fn helper_of<'f>(file: &'f CredentialsFile, rules: CredentialRules, host: &str) -> Option<NamedHelper<'f>> {
    let own = file.helper(host);
    let helper = match rules {
        CredentialRules::Docker => own.or_else(|| file.store()),
        CredentialRules::Podman => own,
    };
    helper.filter(|helper| !helper.name.is_empty())
}

/// A file of logins as JSON, with everything that is not about logins.
struct LoginDocument(Map<String, Value>);

impl LoginDocument {
    fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(Map::new()));
        }
        // The text is not shown: it holds passwords.
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            _ => Err(Failure::error(ErrorName::Credentials, "is not a valid file of credentials")),
        }
    }

    /// Sets the entry of `host`, which is filed under `key`. With a helper it is empty, as docker writes it.
    fn set(&mut self, host: &str, key: &str, login: &Login, has_helper: bool) -> Result<(), Failure> {
        let pair = format!("{}:{}", login.username, login.password.reveal());
        let entry = if has_helper { json!({}) } else { json!({ "auth": Base64::encode_string(pair.as_bytes()) }) };
        let auths = self.0.entry("auths").or_insert_with(|| json!({}));
        if auths.is_null() {
            *auths = json!({});
        }
        let Some(auths) = auths.as_object_mut() else {
            return Err(Failure::error(ErrorName::Credentials, "`auths` is no object"));
        };
        // One entry a host: an older spelling would count in another program.
        auths.retain(|known, _| known == key || normalized_key(known) != host);
        auths.insert(key.to_owned(), entry);
        Ok(())
    }

    /// Removes the entries of `host`, and says whether one of them had a login; none where there was no entry.
    fn remove(&mut self, host: &str) -> Option<bool> {
        let auths = self.0.get_mut("auths")?.as_object_mut()?;
        let is_own = |key: &String| normalized_key(key) == host;
        let had: Vec<_> = auths.iter().filter(|(key, _)| is_own(key)).map(|(_, entry)| entry != &json!({})).collect();
        auths.retain(|key, _| !is_own(key));
        if had.is_empty() { None } else { Some(had.contains(&true)) }
    }

    /// Writes the file whole, readable by the user alone. A link stays one.
    fn write(&self, path: &Path) -> Result<(), Failure> {
        let fault = |error: io::Error| Failure::io("write the logins", path, &error);
        let real = fs::canonicalize(path).or_else(|_| fs::read_link(path).map(|target| folder_of(path).join(target)));
        let real = real.unwrap_or_else(|_| path.to_owned());
        let folder = folder_of(&real);
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(fault)?;
        let mut text = serde_json::to_vec_pretty(&self.0)
            .map_err(|_| Failure::error(ErrorName::Internal, "the logins cannot be written as JSON"))?;
        text.push(b'\n');
        let mut file = AtomicFile::create(folder, ".hardpan-login-", FileAccess::Private).map_err(fault)?;
        file.write_all(&text).and_then(|()| file.sync()).map_err(fault)?;
        file.replace(&real).map_err(fault)?;
        Ok(())
    }
}

impl std::fmt::Display for LoginPlace {
    /// For people.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.path.to_string_lossy();
        match &self.helper {
            Some(helper) => write!(f, "`{}`, which `{}` names", printable(helper), printable(&path)),
            None => write!(f, "`{}`", printable(&path)),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::registry::Secret;

    fn login(name: &str) -> Login {
        Login { username: name.into(), password: Secret::new("p:\u{e4}") }
    }

    fn who(access: &Access, host: &str) -> Option<String> {
        match super::super::stored_credential(access, host, "").unwrap() {
            Some(Credential::Login(login)) => Some(login.username),
            _ => None,
        }
    }

    #[test]
    fn a_login_is_found_where_it_was_kept_and_gone_when_it_was_removed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let access = Access { home: Some(at("home")), ..Access::default() };
        let stored = store(&access, "r.example", &login("me")).unwrap();
        assert_eq!(
            stored,
            StoredLogin { place: LoginPlace { path: at("home/.docker/config.json"), helper: None }, hidden_by: None }
        );
        assert_eq!(fs::metadata(&stored.place.path).unwrap().permissions().mode() & 0o777, 0o600);
        store(&access, "docker.io", &login("hub")).unwrap();
        let text = fs::read_to_string(&stored.place.path).unwrap();
        assert!(text.contains("https://index.docker.io/v1/") && !text.contains('\u{e4}'), "{text}");
        assert_eq!((who(&access, "r.example"), who(&access, "docker.io")), (Some("me".into()), Some("hub".into())));
        // A host that podman knows already stays in podman's file, and what else is in a file stays as it is.
        fs::create_dir_all(at("home/.config/containers")).unwrap();
        let old = r#"{"auths":{"https://p.example/":{"auth":"b2xkOng="},"p.example/ns":{"auth":"bnM6eA=="}},"other":[1,{"a":null}]}"#;
        fs::write(at("home/.config/containers/auth.json"), old).unwrap();
        let stored = store(&access, "p.example", &login("new")).unwrap();
        assert_eq!(stored.place.path, at("home/.config/containers/auth.json"));
        let text = fs::read_to_string(&stored.place.path).unwrap();
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["other"], json!([1, { "a": null }]));
        assert_eq!(parsed["auths"].as_object().unwrap().len(), 2, "{text}");
        assert_eq!(who(&access, "p.example"), Some("new".into()));
        let (removed, left) = remove(&access, "p.example").unwrap();
        assert_eq!((removed.len(), left), (1, None));
        assert_eq!(who(&access, "p.example"), None);
        assert_eq!(who(&access, "r.example"), Some("me".into()));
        assert!(fs::read_to_string(at("home/.config/containers/auth.json")).unwrap().contains("p.example/ns"));
        assert_eq!(remove(&access, "p.example").unwrap().0, []);
    }

    #[test]
    fn a_helper_keeps_what_its_file_names_it_for_and_a_variable_that_hides_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        let script = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nIFS= read -r line\ncase $1 in\n\
            store) printf %s \"$line\" > kept;;\n\
            get) if test -e kept; then cat kept; else echo credentials not found in native keychain; exit 1; fi;;\n\
            erase) rm kept;;\nesac\n";
        fs::write(at("docker-credential-x"), script).unwrap();
        fs::set_permissions(at("docker-credential-x"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all(at("home/.docker")).unwrap();
        fs::write(at("home/.docker/config.json"), r#"{"credsStore":"x","psFormat":"table"}"#).unwrap();
        let mut access = Access { home: Some(at("home")), ..Access::default() };
        access.environment.insert("PATH".into(), format!("{}:/usr/bin:/bin", dir.path().display()).into());
        let stored = store(&access, "r.example", &login("me")).unwrap();
        assert_eq!(stored.place.helper.as_deref(), Some("docker-credential-x"));
        let kept: Value = serde_json::from_str(&fs::read_to_string(at("kept")).unwrap()).unwrap();
        assert_eq!(kept, json!({ "ServerURL": "r.example", "Username": "me", "Secret": "p:\u{e4}" }));
        let text = fs::read_to_string(at("home/.docker/config.json")).unwrap();
        let parsed: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed, json!({ "credsStore": "x", "psFormat": "table", "auths": { "r.example": {} } }));
        assert_eq!(who(&access, "r.example"), Some("me".into()));
        access.environment.insert("DOCKER_AUTH_CONFIG".into(), r#"{"auths":{"r.example":{"auth":"dmFyOng="}}}"#.into());
        let stored = store(&access, "r.example", &login("me")).unwrap();
        assert_eq!(stored.hidden_by, Some("DOCKER_AUTH_CONFIG".into()));
        let (removed, left) = remove(&access, "r.example").unwrap();
        assert_eq!(removed.iter().map(|place| place.helper.is_some()).collect::<Vec<_>>(), [true]);
        assert_eq!(left, Some("DOCKER_AUTH_CONFIG".into()));
        assert!(!at("kept").exists());
    }
}
