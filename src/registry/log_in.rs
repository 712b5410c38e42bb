//! Logins of users: checked by the registry, and kept where podman and docker look for them.

use ureq::http::Method;

use super::{
    Access, Login, Reference,
    auth::{self, LoginPlace, StoredLogin, TokenScopes},
    http::{RegistryClient, RegistryRequest},
};
use crate::report::{ErrorName, Failure, shown};

/// A registry that one logs in to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryHost(Reference);

/// What a registry says of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginVerdict {
    /// It is good.
    Accepted,
    /// The registry lets everybody in and did not ask for it.
    NotAsked,
}

impl RegistryHost {
    /// Reads `host` or `host:port`; a scheme and what `docker login` writes behind the host are taken as well.
    ///
    /// # Errors
    /// No host, or one with a repository.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Reference::refuse_login(text)?;
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let host = bare.trim_end_matches('/');
        let host = ["/v1", "/v2"].iter().find_map(|end| host.strip_suffix(end)).unwrap_or(host);
        let wrong = |what: &str| Failure::error(ErrorName::Reference, format!("`{}` {what}", shown(text)));
        if host.contains('/') {
            return Err(wrong("has a repository, and a login is for a host").hint("leave out what follows the host"));
        }
        let name = format!("{host}/x");
        if host.is_empty() || !Reference::has_host(&name) {
            return Err(
                wrong("is no host of a registry").hint("such as `ghcr.io`, `docker.io` or `registry.example.com:5000`")
            );
        }
        Reference::parse(&name).map(Self)
    }

    /// `host` or `host:port`; Docker Hub is `docker.io`.
    pub fn name(&self) -> &str {
        self.0.host()
    }
}

/// Lets the registry look at `login`.
///
/// # Errors
/// The registry cannot be reached, or does not accept the login.
pub fn check_login(host: &RegistryHost, login: &Login, access: &Access) -> Result<LoginVerdict, Failure> {
    let access = Access { login: Some(login.clone()), ..access.clone() };
    let client = RegistryClient::new(&host.0, &access)?;
    let wanted = TokenScopes::new();
    let call = RegistryRequest::new(Method::GET, client.url("")?, &wanted);
    let mut answer = client.send(&call).map_err(|fault| fault.failure)?;
    match answer.status {
        200..300 if client.has_logged_in()? => Ok(LoginVerdict::Accepted),
        200..300 => Ok(LoginVerdict::NotAsked),
        404 => {
            let what = format!("`{}` is no registry: {}", shown(host.name()), answer.refusal());
            Err(Failure::error(ErrorName::RegistryProtocol, what))
        }
        _ => Err(answer.refusal_failure()),
    }
}

/// Keeps `login` where hardpan, podman and docker find it.
///
/// # Errors
/// There is no place for it; a file cannot be read or written; a credential helper fails.
pub fn store_login(host: &RegistryHost, login: &Login, access: &Access) -> Result<StoredLogin, Failure> {
    auth::store(access, host.name(), login)
}

/// Takes the login out of every place where hardpan would find it. Gives those that had one, and the name of one that still has it and
/// cannot be written.
///
/// # Errors
/// A file cannot be read or written; a credential helper fails.
pub fn remove_login(
    host: &RegistryHost,
    access: &Access,
) -> Result<(Vec<LoginPlace>, Option<std::path::PathBuf>), Failure> {
    auth::remove(access, host.name())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_host_is_read_as_people_write_it() {
        for (text, name) in [
            ("ghcr.io", "ghcr.io"),
            ("https://GHCR.io/", "ghcr.io"),
            ("localhost:5000", "localhost:5000"),
            ("index.docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(RegistryHost::parse(text).unwrap().name(), name, "{text}");
        }
        for text in ["", "ghcr", "ghcr.io/acme", "https://", "a b.example", "me:pw@ghcr.io", "ghcr.io:x"] {
            let failure = RegistryHost::parse(text).unwrap_err();
            assert_eq!(failure.name, Some(ErrorName::Reference), "{text}");
            assert!(!failure.what.contains("pw"), "{failure}");
        }
    }
}
