//! [`TokenRealm`]: a host that the user trusts to make the tokens of registries.

use super::url::Url;
use crate::report::{ErrorName, Failure, printable};

/// A host that may see the login of a registry which names it as its token realm, although it is not of the registry's own domain:
/// that of a GitLab, say, whose registry has a domain of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRealm {
    /// `https://HOST/` or `https://HOST:PORT/`.
    url: Url,
    /// Whether a port was written; any port is meant otherwise.
    has_port: bool,
}

impl TokenRealm {
    /// Parses `HOST` or `HOST:PORT`.
    ///
    /// # Errors
    /// Anything else, a scheme or a path among it.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let url = Url::parse(&format!("https://{text}/"));
        let is_host = !text.is_empty() && !text.contains(['/', '?', '#', '@']);
        let url = url.filter(|_| is_host).ok_or_else(|| {
            let what = format!("`{}` is no host of a token realm", printable(text));
            Failure::error(ErrorName::Usage, what).hint("write the host alone, such as `gitlab.example.com`")
        })?;
        let has_port = text.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        Ok(Self { url, has_port: has_port && !text.ends_with(']') })
    }

    /// Whether an address is at this host.
    pub(super) fn is_host_of(&self, url: &Url) -> bool {
        if self.has_port { self.url.authority() == url.authority() } else { self.url.same_host(url) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_realm_is_a_host_and_nothing_below_or_beside_it() {
        for (text, url, is_it) in [
            ("auth.example.net", "https://auth.example.net/jwt/auth", true),
            ("AUTH.example.net", "https://auth.example.net:8443/jwt", true),
            ("auth.example.net:8443", "https://auth.example.net:8443/jwt", true),
            ("auth.example.net:8443", "https://auth.example.net/jwt", false),
            ("auth.example.net", "https://x.auth.example.net/jwt", false),
            ("auth.example.net", "https://example.net/jwt", false),
            ("[2001:db8::1]", "https://[2001:db8::1]:5/jwt", true),
            ("[2001:db8::1]:5", "https://[2001:db8::1]:6/jwt", false),
        ] {
            assert_eq!(TokenRealm::parse(text).unwrap().is_host_of(&Url::parse(url).unwrap()), is_it, "{text} {url}");
        }
        for text in [
            "",
            "https://auth.example.net",
            "auth.example.net/jwt",
            "me@auth.example.net",
            "*.example.net",
            "a b",
            ":5",
        ] {
            assert!(TokenRealm::parse(text).is_err(), "{text}");
        }
    }
}
