//! The URLs of requests, parsed strictly: `http` or `https`, without user names and fragments. [`Url`] resolves
//! redirects and compares origins, so that credentials stay with the host they belong to.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
};

use crate::report::Limits;

/// An absolute `http` or `https` URL, without a fragment and without user information.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    /// Whether TLS is spoken.
    pub(crate) https: bool,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: u16,
    /// Begins with a slash; with the query.
    target: String,
}

impl Url {
    /// The address of `target`, which begins with a slash, at `authority` (`host` or `host:port`).
    pub(crate) fn new(https: bool, authority: &str, target: String) -> Option<Self> {
        let (host, port) = split_authority(authority)?;
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let good = !host.is_empty() && target.starts_with('/') && is_clean(&target);
        good.then(|| Self { https, host: host.to_ascii_lowercase(), port, target })
    }

    /// Reads an absolute address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let https = match &*scheme.to_ascii_lowercase() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at_checked(end)?;
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Self::new(https, authority, target)
    }

    /// Where `location`, absolute or relative, leads from here (RFC 3986, section 5.2, without dot segments, which
    /// registries do not send).
    pub(crate) fn join(&self, location: &str) -> Option<Self> {
        let location = location.split('#').next().unwrap_or_default();
        let has_scheme = location.split(['/', '?']).next().is_some_and(|first| first.contains(':'));
        if has_scheme {
            return Self::parse(location);
        }
        if let Some(rest) = location.strip_prefix("//") {
            return Self::parse(&format!("{}://{rest}", self.scheme()));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = if location.starts_with('/') {
            location.to_owned()
        } else if location.is_empty() || location.starts_with('?') {
            format!("{path}{location}")
        } else {
            format!("{}/{location}", path.rsplit_once('/').map_or("", |(folder, _)| folder))
        };
        is_clean(&target).then(|| Self { target, ..self.clone() })
    }

    /// The same with one more parameter; `value` is escaped.
    pub(crate) fn with_parameter(&self, name: &str, value: &str) -> Self {
        let sign = if self.target.contains('?') { '&' } else { '?' };
        Self { target: format!("{}{sign}{name}={}", self.target, escape(value)), ..self.clone() }
    }

    /// Whether scheme, host and port are the same: credentials are sent to no other origin.
    pub(crate) fn same_origin(&self, other: &Self) -> bool {
        self.https == other.https && self.host == other.host && self.port == other.port
    }

    /// The same with the scheme of the registry at `base`, where it is an address of that registry: the same host and port, or
    /// the default port of HTTP where the registry has that of HTTPS. One port speaks one scheme, and what stands behind
    /// something that terminates TLS often believes that it is reached without.
    pub(crate) fn with_scheme_of(&self, base: &Self) -> Self {
        let is_behind_tls = base.https && base.port == 443 && self.port == 80;
        if self.https != base.https && self.host == base.host && (self.port == base.port || is_behind_tls) {
            return Self { https: base.https, port: base.port, ..self.clone() };
        }
        self.clone()
    }

    /// Whether both are on one machine, as far as names tell.
    pub(crate) fn same_host(&self, other: &Self) -> bool {
        self.host == other.host
    }

    /// The host, without a port.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// `host:port`.
    pub(crate) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host, and the port where it is not the scheme's own.
    pub(crate) fn site(&self) -> String {
        self.origin().split_once("://").map_or_else(String::new, |(_, site)| site.to_owned())
    }

    /// Whether it is the address of a host, without a path and a query.
    pub(crate) fn is_of_host(&self) -> bool {
        self.target == "/"
    }

    fn scheme(&self) -> &'static str {
        if self.https { "https" } else { "http" }
    }

    /// Whether only this machine answers there: `localhost` or a loopback address, as written.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.address().is_some_and(|address| address.is_loopback())
    }

    /// Whether it is an address of this machine or of a private network, cloud metadata services among them: redirects of
    /// hosts on the internet must not lead there.
    pub(crate) fn is_inward(&self) -> bool {
        self.is_loopback() || self.address().is_some_and(is_inward) || self.is_odd_number()
    }

    fn address(&self) -> Option<IpAddr> {
        match self.host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().ok().map(|v6| IpAddr::V6(v6).to_canonical()),
            None => self.host.parse().ok(),
        }
    }

    /// `0x7f.1`, `2130706433`: what the system's resolver takes for an IPv4 address although it is not written as one.
    fn is_odd_number(&self) -> bool {
        let last = self.host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
        number && !self.host.starts_with('[') && self.address().is_none()
    }

    /// The URL without its query, which may hold session secrets: for messages.
    pub(crate) fn shown(&self) -> String {
        let path = self.target.split('?').next().unwrap_or_default();
        format!("{}{path}", self.origin())
    }

    fn origin(&self) -> String {
        let default = if self.https { 443 } else { 80 };
        let port = if self.port == default { String::new() } else { format!(":{}", self.port) };
        format!("{}://{}{port}", self.scheme(), self.host)
    }
}

impl fmt::Display for Url {
    /// The whole address, for requests.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.target)
    }
}

/// Whether an address is one of this machine or of networks that are not the internet.
pub(crate) fn is_inward(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast()
                // 100.64.0.0/10, carriers' own.
                || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Host and port; none for an authority with user information before an `@`.
fn split_authority(authority: &str) -> Option<(&str, Option<u16>)> {
    let digits = |port: &str| {
        (!port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(())
            .and_then(|()| port.parse::<u16>().ok())
    };
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        let host = authority.get(..address.len() + 2)?;
        return match port.strip_prefix(':') {
            Some(port) => Some((host, Some(digits(port)?))),
            None => port.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(digits(port)?)),
        None => (authority, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (host.len() <= Limits::NAME_BYTES && host.chars().all(plain)).then_some((host, port))
}

/// Whether a target has nothing that would end the request's line or mean different things to different readers.
fn is_clean(target: &str) -> bool {
    target.len() <= Limits::URL_BYTES
        && target.bytes().all(|byte| byte.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&byte))
}

/// A parameter's value (RFC 3986, "unreserved", and what registries take unescaped in a scope).
pub(crate) fn escape(value: &str) -> String {
    use fmt::Write as _;
    value.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/:,".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn locations_lead_where_rfc_3986_says() {
        let base = url("https://r.example:5000/v2/a/blobs/uploads/?x=1");
        for (location, to) in [
            ("/v2/b?s=1#f", "https://r.example:5000/v2/b?s=1"),
            ("https://o.example/u", "https://o.example/u"),
            ("HTTP://O.example", "http://o.example/"),
            ("//o.example:1/u", "https://o.example:1/u"),
            ("id", "https://r.example:5000/v2/a/blobs/uploads/id"),
            ("?y=2", "https://r.example:5000/v2/a/blobs/uploads/?y=2"),
            ("https://[::1]:5/u?a=b:c", "https://[::1]:5/u?a=b:c"),
        ] {
            assert_eq!(base.join(location).map(|url| url.to_string()).as_deref(), Some(to), "{location}");
        }
        assert_eq!(
            url("https://r.example/u?a=1").with_parameter("digest", "sha256:00").to_string(),
            "https://r.example/u?a=1&digest=sha256:00"
        );
        assert_eq!(url("https://r.example").with_parameter("s", "a b&c").to_string(), "https://r.example/?s=a%20b%26c");
    }

    #[test]
    fn what_would_mean_two_things_is_no_address() {
        for text in [
            "ftp://r.example/",
            "https:r.example",
            "https://",
            "https://user:pw@r.example/",
            "https://r.example:x/",
            "https://r.example:+1/",
            "https://r.example/a b",
            "https://r.example/a\r\nHost: o",
            "https://r.example\\@o/",
            "https://[::1/",
            "https://[1.2.3.4]/",
            "https://ä.example/",
            "https://r.example/ä",
            "file:///etc/passwd",
        ] {
            assert_eq!(Url::parse(text), None, "{text}");
        }
        assert_eq!(url("https://r.example/").join("javascript:1"), None);
        assert_eq!(Url::parse(&format!("https://r.example/{}", "a".repeat(Limits::URL_BYTES))), None);
    }

    #[test]
    fn credentials_end_at_scheme_host_and_port() {
        let base = url("https://r.example/v2/");
        assert!(base.same_origin(&url("https://R.EXAMPLE:443/x")));
        for other in ["http://r.example/", "https://r.example:444/", "https://r.example.evil/", "https://evil/"] {
            assert!(!base.same_origin(&url(other)), "{other}");
        }
    }

    #[test]
    fn an_address_of_the_registry_has_the_scheme_of_the_registry() {
        for (base, location, to) in [
            ("https://r.example/", "http://r.example/v2/u?s=1", "https://r.example/v2/u?s=1"),
            ("https://r.example/", "http://R.example:80/u", "https://r.example/u"),
            ("https://r.example/", "http://r.example:443/u", "https://r.example/u"),
            ("https://r.example:5000/", "http://r.example:5000/u", "https://r.example:5000/u"),
            ("http://r.example:5000/", "https://r.example:5000/u", "http://r.example:5000/u"),
            // Somewhere else.
            ("https://r.example:5000/", "http://r.example/u", "http://r.example/u"),
            ("https://r.example/", "http://r.example:5000/u", "http://r.example:5000/u"),
            ("https://r.example/", "http://o.example/u", "http://o.example/u"),
            ("http://r.example/", "https://r.example/u", "https://r.example/u"),
            ("https://r.example/", "https://o.example/u", "https://o.example/u"),
        ] {
            assert_eq!(url(location).with_scheme_of(&url(base)).to_string(), to, "{base} {location}");
        }
    }

    #[test]
    fn addresses_that_are_not_the_internets_are_known() {
        for inward in [
            "127.0.0.1",
            "localhost",
            "10.1.2.3",
            "192.168.0.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.1.1",
            "[::1]",
            "[fe80::1]",
            "[fd00::1]",
            "[::ffff:10.0.0.1]",
            "2130706433",
            "0x7f.1",
            "127.1",
        ] {
            assert!(url(&format!("https://{inward}/")).is_inward(), "{inward}");
        }
        for outward in ["r.example", "1.1.1.1", "[2606:4700::1]", "10.example", "1e100.net"] {
            assert!(!url(&format!("https://{outward}/")).is_inward(), "{outward}");
        }
        assert!(url("http://127.9.9.9/").is_loopback() && !url("http://localhost.evil/").is_loopback());
    }
}
