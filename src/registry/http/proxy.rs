//! Chooses the HTTP proxy by `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, with the rules of curl and Go.

use std::{fmt, net::IpAddr};

use ureq::Proxy;

use crate::{
    registry::{Access, url::Url},
    report::{ErrorName, Failure, shown},
};

/// The proxy for a host, and the variable that names it.
#[derive(Debug, Clone)]
pub(crate) struct ChosenProxy {
    /// What connections are made with.
    pub(super) proxy: Proxy,
    /// `https_proxy` or another one of its kind.
    variable: &'static str,
}

impl fmt::Display for ChosenProxy {
    /// Its host and port, and where they are set; nothing of its login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = shown(self.proxy.host());
        write!(f, "the proxy {host}:{} (`{}`)", self.proxy.port(), self.variable)
    }
}

/// The proxy for `url`; none for this machine itself and for what `no_proxy` names.
///
/// # Errors
/// A variable that names no HTTP proxy. Its value is not shown: it may hold a password.
pub(super) fn choose(access: &Access, url: &Url) -> Result<Option<ChosenProxy>, Failure> {
    let names: [&str; 4] = if url.https {
        ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
    };
    let Some((name, value)) = names.iter().find_map(|name| Some((*name, access.variable(name)?))) else {
        return Ok(None);
    };
    let except = access.variable("no_proxy").or_else(|| access.variable("NO_PROXY"));
    let except = except.map(|except| except.to_string_lossy().into_owned()).unwrap_or_default();
    if url.is_loopback() || except.split(',').any(|rule| excepts(rule.trim(), url)) {
        return Ok(None);
    }
    let wrong = || Failure::error(ErrorName::Environment, format!("`{name}` is not a valid HTTP proxy"));
    let value = value.to_str().ok_or_else(wrong)?;
    let value = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    if !value.starts_with("http://") && !value.starts_with("https://") {
        return Err(wrong().hint("such as `http://proxy.example.com:3128`; SOCKS is not supported"));
    }
    let proxy = Proxy::new(&value).map_err(|_| wrong().hint("such as `http://proxy.example.com:3128`"))?;
    Ok(Some(ChosenProxy { proxy, variable: name }))
}

/// Go's rules: `*`, a domain with all below it, `.domain` with what is below alone, an address, a network, any of them
/// with a port.
fn excepts(rule: &str, url: &Url) -> bool {
    let host = url.host().trim_matches(['[', ']']).trim_end_matches('.');
    let rule = rule.to_ascii_lowercase();
    if rule == "*" {
        return true;
    }
    if let Some((network, bits)) = rule.split_once('/') {
        return matches!((network.parse(), bits.parse(), host.parse()),
            (Ok(network), Ok(bits), Ok(address)) if within(address, network, bits));
    }
    let (name, port) = match rule.rsplit_once(':') {
        // An IPv6 address without brackets has colons of its own.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (&*rule, None),
    };
    let name = name.trim_matches(['[', ']']);
    if name.is_empty() || port.is_some_and(|port| !url.authority().ends_with(&format!(":{port}"))) {
        return false;
    }
    let domain = name.trim_start_matches("*.").trim_start_matches('.');
    let below = host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    below || (host == domain && !name.starts_with(['.', '*']))
}

fn within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(n)) if bits <= 32 => {
            (a.to_bits() ^ n.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(n)) if bits <= 128 => {
            (a.to_bits() ^ n.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn proxy(variables: &[(&str, &str)], url: &str) -> Result<Option<String>, String> {
        let environment = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let access = Access { environment, ..Access::default() };
        let chosen = choose(&access, &Url::parse(url).unwrap()).map_err(|failure| failure.to_string())?;
        Ok(chosen.map(|chosen| format!("{}:{}", chosen.proxy.host(), chosen.proxy.port())))
    }

    #[test]
    fn the_variable_of_the_scheme_names_the_proxy() {
        let both = [("https_proxy", "http://p:1"), ("HTTP_PROXY", "q:2"), ("ALL_PROXY", "http://a:3")];
        assert_eq!(proxy(&both, "https://r.example/"), Ok(Some("p:1".into())));
        assert_eq!(proxy(&both, "http://r.example/"), Ok(Some("q:2".into())));
        assert_eq!(proxy(&both[2..], "http://r.example/"), Ok(Some("a:3".into())));
        assert_eq!(proxy(&[("https_proxy", "")], "https://r.example/"), Ok(None));
        for loopback in ["https://localhost/", "https://127.0.0.1:5000/", "https://[::1]/"] {
            assert_eq!(proxy(&both, loopback), Ok(None), "{loopback}");
        }
        let socks = proxy(&[("https_proxy", "socks5://me:hunter2@p:1")], "https://r.example/").unwrap_err();
        assert!(socks.contains("`https_proxy`") && !socks.contains("hunter2"), "{socks}");
        let environment = [("HTTPS_PROXY".into(), "http://me:hunter2@p.example".into())].into();
        let access = Access { environment, ..Access::default() };
        let chosen = choose(&access, &Url::parse("https://r.example/").unwrap()).unwrap().unwrap();
        assert_eq!(chosen.to_string(), "the proxy p.example:80 (`HTTPS_PROXY`)");
    }

    #[test]
    fn no_proxy_is_read_as_go_reads_it() {
        for (rule, url, direct) in [
            ("*", "https://r.example/", true),
            ("r.example", "https://r.example/", true),
            ("example", "https://r.example/", true),
            ("EXAMPLE", "https://r.example/", true),
            (".r.example", "https://r.example/", false),
            (".example", "https://r.example/", true),
            ("*.example", "https://r.example/", true),
            ("xample", "https://r.example/", false),
            ("a, r.example:443", "https://r.example/", true),
            ("r.example:80", "https://r.example/", false),
            ("10.0.0.0/8", "https://10.1.2.3/", true),
            ("10.0.0.0/8", "https://11.1.2.3/", false),
            ("0.0.0.0/0", "https://11.1.2.3/", true),
            ("fd00::/8", "https://[fd12::1]/", true),
            ("10.1.2.3", "https://10.1.2.3/", true),
            ("10.0.0.0/99", "https://10.1.2.3/", false),
            ("", "https://r.example/", false),
        ] {
            let chosen = proxy(&[("https_proxy", "http://p:1"), ("no_proxy", rule)], url).unwrap();
            assert_eq!(chosen.is_none(), direct, "{rule} {url}");
        }
    }
}
