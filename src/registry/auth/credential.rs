//! [`Credential`]: a login or token for a registry, and the names under which it may be stored.

use crate::registry::{Login, Secret};

/// A login or token for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::registry) enum Credential {
    /// Name and password.
    Login(Login),
    /// A long-lived token that others are had for (docker's `identitytoken`, an OAuth refresh token).
    Identity(Secret),
    /// A token that is sent as it is (docker's `registrytoken`).
    Registry(Secret),
}

/// The keys under which the login for a host may be stored: Docker Hub has had several.
pub(super) fn aliases(host: &str) -> Vec<&str> {
    match host {
        "docker.io" => vec!["index.docker.io", "docker.io", "registry-1.docker.io"],
        host => vec![host],
    }
}
