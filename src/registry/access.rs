//! How registries are accessed: login, TLS roots, `--plain-http`, `--offline` and the environment, as values from
//! `cli`.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
    time::Duration,
};

use super::{RegistryWarnings, Secret, TokenRealm};

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
    /// The one registry, as references name it, that may be spoken to without TLS and whose certificate is not looked at: the
    /// `insecure` of the user's `registries.conf`.
    pub insecure_host: Option<String>,
    /// `--token-realm`, and what the policy file says: they may see the login of a registry that names them as its realm.
    pub token_realms: Vec<TokenRealm>,
    /// `--ca-file`: trusted besides the system's roots.
    pub ca_files: Vec<PathBuf>,
    /// The client certificate for whatever is reached by this; without one those of `certs.d` count.
    pub client: Option<ClientFiles>,
    /// `--offline`: no socket is opened.
    pub offline: bool,
    /// `--retry`: how long pauses between tries are in all, for faults that may pass; five short ones where it says nothing.
    pub retry: Option<Duration>,
    /// Where warnings of registries go.
    pub notices: RegistryWarnings,
}

/// The files of a client certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The certificate, and those that it is signed by.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Who.
    pub username: String,
    /// What only they know.
    pub password: Secret,
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
