//! Parses docker's `config.json` and podman's `auth.json`. Messages about them never show their values.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use super::credential::{Credential, aliases};
use crate::{
    registry::{Login, Secret},
    report::{ErrorName, Failure, Limits, printable},
};

/// What of the file is about registries.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::registry) struct CredentialsFile {
    auths: Option<BTreeMap<String, AuthEntry>>,
    cred_helpers: Option<BTreeMap<String, String>>,
    creds_store: Option<String>,
}

/// One login.
#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

/// The file at `path`; none when there is none.
pub(super) fn read_credentials(path: &Path) -> Result<Option<CredentialsFile>, Failure> {
    let fault = |error: io::Error| Failure::io("read the credentials", path, &error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(fault(error)),
    };
    let mut bytes = Vec::new();
    file.take(Limits::AUTH_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > Limits::AUTH_FILE_BYTES {
        return Err(
            Failure::error(ErrorName::Credentials, "the file of credentials is larger than 1 MiB").in_path(path)
        );
    }
    CredentialsFile::parse(&bytes).map_err(|failure| failure.in_path(path))
}

impl CredentialsFile {
    /// The content of a file; none where it has nothing but blanks.
    pub(in crate::registry) fn parse(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        // Where, but not what: the error of a wrong type shows the value.
        serde_json::from_slice(bytes).map(Some).map_err(|error| {
            let what = format!("is not a valid file of credentials: line {}, column {}", error.line(), error.column());
            Failure::error(ErrorName::Credentials, what).hint("`docker login` and `podman login` write such")
        })
    }

    /// The helper for this one host.
    pub(in crate::registry) fn helper(&self, host: &str) -> Option<&str> {
        let helpers = self.cred_helpers.as_ref()?;
        let mut named = aliases(host).into_iter().filter_map(|alias| helpers.get(alias));
        named.next().map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The helper for all hosts.
    pub(in crate::registry) fn store(&self) -> Option<&str> {
        self.creds_store.as_deref().filter(|name| !name.is_empty())
    }

    /// What is written for the host; podman's keys may go into its repositories, and the longest one counts.
    pub(in crate::registry) fn written(&self, host: &str, repository: &str) -> Result<Option<Credential>, String> {
        let Some(auths) = &self.auths else { return Ok(None) };
        for alias in aliases(host) {
            let whole = format!("{alias}/{repository}");
            let mut key = whole.as_str();
            loop {
                let found = auths.iter().find(|(known, _)| file_key(known) == key);
                if let Some(credential) = found.map(|(key, entry)| entry.credential(key)).transpose()?.flatten() {
                    return Ok(Some(credential));
                }
                match key.rsplit_once('/') {
                    Some((shorter, _)) => key = shorter,
                    None => break,
                }
            }
        }
        Ok(None)
    }
}

/// Older dockers filed a host as an address, `https://index.docker.io/v1/`.
fn file_key(key: &str) -> &str {
    match key.split_once("://") {
        Some(("https" | "http", rest)) => rest.split('/').next().unwrap_or_default(),
        _ => key.trim_end_matches('/'),
    }
}

impl AuthEntry {
    fn credential(&self, key: &str) -> Result<Option<Credential>, String> {
        let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        if let Some(token) = some(&self.identitytoken) {
            return Ok(Some(Credential::Identity(Secret::new(token))));
        }
        if let Some(token) = some(&self.registrytoken) {
            // It is sent as it is: what could end the header field is no token.
            if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(format!("`registrytoken` of `{}` holds what no token can hold", printable(key)));
            }
            return Ok(Some(Credential::Registry(Secret::new(token))));
        }
        if let Some(auth) = some(&self.auth) {
            let login = Base64::decode_vec(auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            // docker pads with zeros what it decodes.
            let login = login.as_deref().map(|login| login.trim_end_matches('\0'));
            return match login.and_then(|login| login.split_once(':')) {
                Some((username, password)) => Ok(Some(Credential::Login(Login {
                    username: username.to_owned(),
                    password: Secret::new(password),
                }))),
                None => Err(format!("`auth` of `{}` is not a name and a password in base64", printable(key))),
            };
        }
        Ok(some(&self.username)
            .zip(some(&self.password))
            .map(|(username, password)| Credential::Login(Login { username, password: Secret::new(password) })))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn parsed(text: &str) -> CredentialsFile {
        serde_json::from_str(text).unwrap()
    }

    fn name(credential: Option<Credential>) -> String {
        match credential {
            Some(Credential::Login(login)) => login.username,
            Some(Credential::Identity(_)) => "identity".into(),
            Some(Credential::Registry(_)) => "registry".into(),
            None => "none".into(),
        }
    }

    #[test]
    fn the_longest_key_counts_and_old_addresses_are_hosts() {
        let auth = |login: &str| Base64::encode_string(login.as_bytes());
        let text = format!(
            r#"{{"auths":{{"r.example":{{"auth":"{}"}},"r.example/a":{{"auth":"{}"}},
            "https://index.docker.io/v1/":{{"auth":"{}"}},"e.example":{{}},"https://o.example/v2/":{{"identitytoken":"i"}},
            "t.example":{{"registrytoken":"t"}}}}}}"#,
            auth("host:x"),
            auth("path:x:y:p\u{e4}\u{df}w\u{f6}rd"),
            auth("hub:x")
        );
        let file = parsed(&text);
        for (host, repository, who) in [
            ("r.example", "b", "host"),
            ("r.example", "a", "path"),
            ("r.example", "a/b/c", "path"),
            ("r.example", "ab", "host"),
            ("docker.io", "library/alpine", "hub"),
            ("e.example", "a", "none"),
            ("o.example", "a", "identity"),
            ("t.example", "a", "registry"),
            ("r.example:5000", "a", "none"),
            ("example", "a", "none"),
        ] {
            assert_eq!(name(file.written(host, repository).unwrap()), who, "{host}/{repository}");
        }
        let Some(Credential::Login(login)) = file.written("r.example", "a").unwrap() else { unreachable!() };
        assert_eq!(login.password.reveal(), "x:y:p\u{e4}\u{df}w\u{f6}rd", "only the first colon parts them");
    }

    #[test]
    fn what_cannot_be_read_is_told_without_what_is_in_it() {
        let bad = parsed(r#"{"auths":{"r.example":{"auth":"c2VjcmV0"}}}"#).written("r.example", "a").unwrap_err();
        assert_eq!(bad, "`auth` of `r.example` is not a name and a password in base64");
        for token in ["hunter2\\n", "hunter2 x", "hunter2\\u00e4"] {
            let text = format!(r#"{{"auths":{{"r.example":{{"registrytoken":"{token}"}}}}}}"#);
            let bad = parsed(&text).written("r.example", "a").unwrap_err();
            assert_eq!(bad, "`registrytoken` of `r.example` holds what no token can hold");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        assert!(read_credentials(&path).unwrap().is_none());
        fs::write(&path, "\n").unwrap();
        assert!(read_credentials(&path).unwrap().is_none());
        fs::write(&path, r#"{"auths":"hunter2"}"#).unwrap();
        let said = format!("{:?}", read_credentials(&path).map(|_| ()).unwrap_err());
        assert!(said.contains("line 1") && !said.contains("hunter2"), "{said}");
        fs::write(&path, " ".repeat(2 << 20)).unwrap();
        assert!(read_credentials(&path).is_err());
    }
}
