//! [`Credential`]: a login or token for a registry, and the names under which it may be stored.

use crate::registry::{Login, Secret};

/// What people call Docker Hub.
const HUB: &str = "docker.io";
/// The other hosts of Docker Hub under which logins were stored.
const HUB_HOSTS: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
/// What docker calls its own registry where it stores logins.
pub(super) const HUB_ADDRESS: &str = "https://index.docker.io/v1/";

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

/// Under what the login for `host` is stored by `docker login`.
pub(super) fn stored_name(host: &str) -> &str {
    if host == HUB { HUB_ADDRESS } else { host }
}

/// The names of `host` to ask a helper for, docker's own first.
pub(super) fn asked_names(host: &str) -> Vec<&str> {
    if host == HUB { vec![HUB_ADDRESS, HUB_HOSTS[0], HUB, HUB_HOSTS[1]] } else { vec![host] }
}

/// The key of a file of credentials as `host` or `host/namespace`: without scheme and trailing slashes, the host in lower case,
/// and one name for Docker Hub.
///
/// Older dockers filed a host as an address, `https://index.docker.io/v1/`, whose path says nothing.
pub(super) fn normalized_key(key: &str) -> String {
    let (rest, is_address) = match key.split_once("://") {
        Some((scheme, rest)) if matches!(&*scheme.to_ascii_lowercase(), "https" | "http") => (rest, true),
        _ => (key, false),
    };
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.to_ascii_lowercase();
    let is_hub = HUB_HOSTS.contains(&&*host);
    let host = if is_hub { HUB.to_owned() } else { host };
    let is_api = host == HUB && matches!(path, "v1" | "v2");
    if is_address || is_api || path.is_empty() { host } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_one_host_are_one_key() {
        for (key, normalized) in [
            ("ghcr.io", "ghcr.io"),
            ("GHCR.io/", "ghcr.io"),
            ("https://ghcr.io", "ghcr.io"),
            ("https://ghcr.io/", "ghcr.io"),
            ("HTTPS://ghcr.io/v2/", "ghcr.io"),
            ("http://r.example:5000/v1/", "r.example:5000"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("index.docker.io/v1/", "docker.io"),
            ("registry-1.docker.io", "docker.io"),
            ("docker.io/acme", "docker.io/acme"),
            ("r.example/v1", "r.example/v1"),
            ("r.example/Acme", "r.example/Acme"),
            ("https://[::1]:5000/", "[::1]:5000"),
        ] {
            assert_eq!(normalized_key(key), normalized, "{key}");
        }
    }
}
