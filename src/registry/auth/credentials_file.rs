//! Parses docker's `config.json` and podman's `auth.json`. Messages about them never show their values.

use std::{collections::BTreeMap, fmt, path::Path};

use base64ct::{Base64, Encoding as _};
use serde::Deserialize;

use super::credential::{Credential, normalized_key, stored_name};
use crate::{
    registry::{Login, Secret, config_files},
    report::{ErrorName, Failure, Limits, printable},
};

/// What of the file is about registries.
#[derive(Debug, Deserialize, Default)]
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

impl fmt::Debug for AuthEntry {
    /// Nothing of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// A helper that a file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) struct NamedHelper<'a> {
    /// What follows `docker-credential-`. Empty where the file says that the host has none.
    pub(in crate::registry) name: &'a str,
    /// The key of the host, as written; empty for the helper of all hosts.
    pub(super) key: &'a str,
}

/// The bytes of the file at `path`; none when there is none.
///
/// # Errors
/// The file cannot be read, or is larger than [`Limits::AUTH_FILE_BYTES`].
pub(super) fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let too_large =
        || Failure::error(ErrorName::Credentials, "the file of credentials is larger than 1 MiB").in_path(path);
    config_files::bytes(path, "read the credentials", Limits::AUTH_FILE_BYTES, too_large)
}

impl CredentialsFile {
    /// Parses the text of a file; an empty one has no credentials.
    ///
    /// # Errors
    /// It is no JSON, or not of that form.
    pub(in crate::registry) fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        // Where, but not what: the error of a wrong type shows the value.
        serde_json::from_slice(bytes).map_err(|error| {
            let what = format!("is not a valid file of credentials: line {}, column {}", error.line(), error.column());
            Failure::error(ErrorName::Credentials, what).hint("`docker login` and `podman login` write such")
        })
    }

    /// The helper for this one host. A key that is written as references have the host counts before other spellings of it.
    pub(in crate::registry) fn helper(&self, host: &str) -> Option<NamedHelper<'_>> {
        let helpers = self.cred_helpers.as_ref()?;
        let exact = helpers.get_key_value(stored_name(host)).or_else(|| helpers.get_key_value(host));
        let found = exact.or_else(|| helpers.iter().find(|(key, _)| normalized_key(key) == host));
        found.map(|(key, name)| NamedHelper { name, key })
    }

    /// The helper for all hosts.
    pub(in crate::registry) fn store(&self) -> Option<NamedHelper<'_>> {
        self.creds_store.as_deref().filter(|name| !name.is_empty()).map(|name| NamedHelper { name, key: "" })
    }

    /// What is written for the host; podman's keys may go into its repositories, and the longest one counts.
    pub(in crate::registry) fn written(&self, host: &str, repository: &str) -> Result<Option<Credential>, String> {
        let Some(auths) = &self.auths else { return Ok(None) };
        let whole = format!("{host}/{repository}");
        let mut wanted = whole.as_str();
        loop {
            let exact = auths.get_key_value(wanted).into_iter();
            let exact = exact.chain((wanted == host).then(|| auths.get_key_value(stored_name(host))).flatten());
            let spelled = auths.iter().filter(|(key, _)| normalized_key(key) == wanted);
            for (key, entry) in exact.chain(spelled) {
                if let Some(credential) = entry.credential(key)? {
                    return Ok(Some(credential));
                }
            }
            match wanted.rsplit_once('/') {
                Some((shorter, _)) => wanted = shorter,
                None => return Ok(None),
            }
        }
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
        assert_eq!(name(CredentialsFile::parse(b"\n").unwrap().written("r.example", "a").unwrap()), "none");
        let said = format!("{:?}", CredentialsFile::parse(br#"{"auths":"hunter2"}"#).unwrap_err());
        assert!(said.contains("line 1") && !said.contains("hunter2"), "{said}");
        for token in ["hunter2\\n", "hunter2 x", "hunter2\\u00e4"] {
            let text = format!(r#"{{"auths":{{"r.example":{{"registrytoken":"{token}"}}}}}}"#);
            let bad = parsed(&text).written("r.example", "a").unwrap_err();
            assert_eq!(bad, "`registrytoken` of `r.example` holds what no token can hold");
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        assert!(read_bytes(&path).unwrap().is_none());
        fs::write(&path, " ".repeat(2 << 20)).unwrap();
        assert!(read_bytes(&path).is_err());
    }

    #[test]
    fn the_helper_of_a_host_is_found_under_every_spelling() {
        for (key, host) in [
            ("ghcr.io", "ghcr.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io"),
            ("GHCR.io", "ghcr.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io", "docker.io"),
            ("docker.io", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("https://r.example:5000/v2/", "r.example:5000"),
        ] {
            let file = parsed(&format!(r#"{{"credHelpers":{{"{key}":"x"}}}}"#));
            assert_eq!(file.helper(host), Some(NamedHelper { name: "x", key }), "{key}");
            assert_eq!(file.helper("other.example"), None, "{key}");
        }
        let both = parsed(r#"{"credHelpers":{"https://ghcr.io":"y","ghcr.io":"x"}}"#);
        assert_eq!(both.helper("ghcr.io").map(|helper| helper.name), Some("x"));
    }
}
