//! How registries are accessed: login, TLS roots, `--plain-http`, `--offline` and the environment, as values from
//! `cli`.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
};

use super::RegistryWarnings;

/// How registries are reached.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The whole environment: where credentials are kept, proxies, `SSL_CERT_FILE`, and what credential helpers read.
    pub environment: BTreeMap<OsString, OsString>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// `--username` and the password beside it: before anything that is kept in a file.
    pub login: Option<Login>,
    /// `--plain-http`: any registry may be spoken to without TLS.
    pub plain_http: bool,
    /// `--ca-file`: trusted besides the system's roots.
    pub ca_files: Vec<PathBuf>,
    /// `--offline`: no socket is opened.
    pub offline: bool,
    /// Where warnings of registries go.
    pub notices: RegistryWarnings,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub username: String,
    /// What only they know.
    pub password: Secret,
}

/// What must never be shown: a password, a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text out of sight.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Foreign text as it may be shown: nothing of it, when one of `secrets` is in it. What is left around a secret that
    /// was cut out can tell as much.
    pub(super) fn hide(secrets: &[Self], text: String) -> String {
        let lower = text.to_lowercase();
        let holds = |secret: &Self| !secret.0.is_empty() && lower.contains(&secret.0.to_lowercase());
        if secrets.iter().any(holds) { "***".to_owned() } else { text }
    }

    /// The text itself, for a request.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Access {
    /// A variable; an empty one is none.
    pub(super) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// A variable that names a path.
    pub(super) fn path(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_secret_in_them_are_not_shown() {
        let secrets = [Secret::new("Hunter2"), Secret::new("")];
        let hide = |text: &str| Secret::hide(&secrets, text.to_owned());
        assert_eq!(hide("bad hunter2secret"), "***");
        assert_eq!(hide("bad login"), "bad login");
        assert_eq!(hide(""), "");
    }
}
