//! Parses references to images in registries, `host[:port]/repository[:tag][@digest]`, as docker does. A reference with
//! a user name or password is refused without showing it.

use std::fmt;

use crate::{
    image::is_repository,
    oci::Digest,
    report::{ErrorName, Failure, Limits, holds_login, shown},
};

/// What people call Docker Hub.
const HUB: &str = "docker.io";
/// Where Docker Hub answers.
const HUB_HOST: &str = "registry-1.docker.io";
/// Where Docker Hub keeps images that are named by one word.
const HUB_LIBRARY: &str = "library";

/// A reference whose host is known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// `host` or `host:port`, in lower case; an IPv6 address in brackets. Docker Hub is `docker.io`.
    host: String,
    /// Components between slashes (distribution-spec, "Pulling manifests").
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Reads a reference as docker has it: without a host it is Docker Hub's.
    ///
    /// # Errors
    /// A name, tag or digest that no registry could have, an upper case repository among them.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        Self::refuse_login(text)?;
        Self::refuse_scheme(text)?;
        let wrong =
            |what: &str| Failure::error(ErrorName::Reference, format!("invalid reference `{}`: {what}", shown(text)));
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => {
                let digest = Digest::parse(digest).map_err(|error| wrong(&format!("the digest is {error}")))?;
                (rest, Some(digest))
            }
            None => (text, None),
        };
        let (host, path) = match rest.split_once('/') {
            Some((host, path)) if is_host_like(host) => (host.to_ascii_lowercase(), path),
            _ => (HUB.to_owned(), rest),
        };
        check_host(&host).map_err(wrong)?;
        // A colon behind the last slash: there is no port any more.
        let (path, tag) = match path.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
            _ => (path, None),
        };
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(wrong(&format!("`{}` is not a valid tag", shown(tag))));
        }
        let host = if matches!(&*host, "index.docker.io" | HUB_HOST) { HUB.to_owned() } else { host };
        let repository = if host == HUB && !path.contains('/') && !path.is_empty() {
            format!("{HUB_LIBRARY}/{path}")
        } else {
            path.to_owned()
        };
        check_repository(&repository).map_err(|what| {
            let failure = wrong(what);
            let lower = repository.to_ascii_lowercase();
            if lower != repository && check_repository(&lower).is_ok() {
                failure.hint("repositories are written in lower case")
            } else {
                failure
            }
        })?;
        Ok(Self { host, repository, tag: tag.map(str::to_owned), digest })
    }

    /// Refuses a text that holds a login, before anything else is said about it.
    ///
    /// # Errors
    /// A name or password in front of the host; nothing of the text is in the failure.
    pub fn refuse_login(text: &str) -> Result<(), Failure> {
        if !holds_login(text) {
            return Ok(());
        }
        let hint = "log in with `docker login`, or `--username` and `--password-stdin`";
        Err(Failure::error(ErrorName::Reference, "the reference holds a user name or password").hint(hint))
    }

    /// Refuses `https://HOST/...`, which is an address and no reference.
    fn refuse_scheme(text: &str) -> Result<(), Failure> {
        let Some((scheme, rest)) = text.split_once("://").filter(|(scheme, _)| {
            !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        }) else {
            return Ok(());
        };
        let what = format!("invalid reference `{}`: it begins with a scheme", shown(text));
        let plain = if scheme.eq_ignore_ascii_case("http") { "; `--plain-http` allows HTTP without TLS" } else { "" };
        let hint = format!("leave the scheme out: `{}`{plain}", shown(rest));
        Err(Failure::error(ErrorName::Reference, what).hint(hint))
    }

    /// Whether `text` is written as a reference with its host: the first component has a dot or a colon, or is
    /// `localhost`.
    pub fn has_host(text: &str) -> bool {
        text.split_once('/').is_some_and(|(host, _)| is_host_like(host))
    }

    /// `host` or `host:port`, as credentials are filed under.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Where requests go.
    pub(super) fn authority(&self) -> &str {
        if self.host == HUB { HUB_HOST } else { &self.host }
    }

    /// The repository, without the host.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag, when one was written.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, when one was written.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// `host/repository`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The same, by this digest.
    #[must_use]
    pub fn pinned(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self.clone() }
    }

    /// The same without its digest: what a tag names.
    #[must_use]
    pub fn unpinned(&self) -> Self {
        Self { digest: None, ..self.clone() }
    }

    /// The same tag and digest of another repository, `host/repository`.
    ///
    /// # Errors
    /// `name` is none.
    pub(super) fn moved_to(&self, name: &str) -> Result<Self, Failure> {
        if !Self::has_host(name) {
            let what = format!("invalid reference `{}`: it has no host", shown(name));
            return Err(Failure::error(ErrorName::Reference, what));
        }
        Ok(Self { tag: self.tag.clone(), digest: self.digest, ..Self::parse(name)? })
    }

    /// Whether it is in Docker Hub.
    pub(super) fn is_docker_hub(&self) -> bool {
        self.host == HUB
    }

    /// Whether the repository is below `registry`, a host and maybe a path, by whole components: `ghcr.io/acme` has
    /// `ghcr.io/acme/x` and not `ghcr.io/acmeevil`.
    pub fn is_below(&self, registry: &str) -> bool {
        let (host, path) = registry.split_once('/').unwrap_or((registry, ""));
        let rest = self.repository.strip_prefix(path);
        host.eq_ignore_ascii_case(&self.host)
            && rest.is_some_and(|rest| path.is_empty() || rest.is_empty() || rest.starts_with('/'))
    }

    /// What a registry is asked for: the digest, which cannot move; else the tag, else `latest`.
    pub(super) fn tag_or_digest(&self) -> String {
        match (self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// docker's rule for what is a host and what the first word of a repository.
fn is_host_like(word: &str) -> bool {
    word == "localhost" || word.contains(['.', ':', '['])
}

fn check_host(host: &str) -> Result<(), &'static str> {
    const WRONG: &str = "the host is invalid";
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(WRONG)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| "the host is not a valid IPv6 address")?;
            (None, port.strip_prefix(':').map_or(if port.is_empty() { Ok(None) } else { Err(WRONG) }, |p| Ok(Some(p)))?)
        }
        None => match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        },
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    if name
        .is_some_and(|name| name.len() > Limits::NAME_BYTES || !name.chars().all(plain) || !name.split('.').all(label))
    {
        return Err(WRONG);
    }
    match port {
        Some(port) if port.starts_with('+') || port.parse::<u16>().map_or(true, |port| port == 0) => {
            Err("the port is invalid")
        }
        _ => Ok(()),
    }
}

fn check_repository(repository: &str) -> Result<(), &'static str> {
    if repository.len() > Limits::NAME_BYTES {
        return Err("the repository name has more than 255 characters");
    }
    if repository.split('/').all(is_repository) { Ok(()) } else { Err("the repository name is invalid") }
}

/// distribution-spec, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
fn is_tag(tag: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    (1..=128).contains(&tag.len()) && tag.chars().all(plain) && !tag.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn references_are_read_as_docker_reads_them() {
        let digest = Digest::of(b"").to_string();
        for (text, shown, authority, wanted) in [
            ("alpine", "docker.io/library/alpine", HUB_HOST, "latest"),
            ("acme/app:1", "docker.io/acme/app:1", HUB_HOST, "1"),
            ("index.docker.io/alpine", "docker.io/library/alpine", HUB_HOST, "latest"),
            ("docker.io/acme/app", "docker.io/acme/app", HUB_HOST, "latest"),
            ("localhost/app", "localhost/app", "localhost", "latest"),
            ("GHCR.io/a/b/c:v1", "ghcr.io/a/b/c:v1", "ghcr.io", "v1"),
            ("127.0.0.1:5000/app", "127.0.0.1:5000/app", "127.0.0.1:5000", "latest"),
            ("[::1]:5000/a/app:2", "[::1]:5000/a/app:2", "[::1]:5000", "2"),
            ("[2001:db8::1]/app", "[2001:db8::1]/app", "[2001:db8::1]", "latest"),
            (&format!("r.example/a@{digest}"), &format!("r.example/a@{digest}"), "r.example", &digest),
            (&format!("r.example/a:1@{digest}"), &format!("r.example/a:1@{digest}"), "r.example", &digest),
        ] {
            let reference = Reference::parse(text).unwrap();
            assert_eq!(reference.to_string(), shown);
            assert_eq!(reference.authority(), authority, "{text}");
            assert_eq!(reference.tag_or_digest(), wanted, "{text}");
        }
    }

    #[test]
    fn what_no_registry_could_have_is_refused_here() {
        for text in [
            "",
            "/",
            "a//b",
            "r.example/",
            "r.example/a:",
            "r.example/a:.x",
            "r.example/a b",
            "r.example/../b",
            "r.example:0/a",
            "r.example:99999/a",
            "r.example:+80/a",
            "[::1/a",
            "[::g]/a",
            "[::1]5000/a",
            "-r.example/a",
            "r..example/a",
            "user@r.example/a",
            "r.example/a@sha256:00",
            "r.example/a@md5:00",
            "r.example/a:b/c:d:e",
            "r.example/a?b",
            "r.example/a#b",
            "r.example/a%2e",
            "user:pw@r.example/a",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
        let upper = Reference::parse("r.example/Acme/app").unwrap_err();
        assert_eq!(upper.hint.as_deref(), Some("repositories are written in lower case"));
        assert!(Reference::parse(&format!("r.example/{}", "a".repeat(256))).is_err());
        for (text, hint) in [
            ("https://r.example/app:1", "leave the scheme out: `r.example/app:1`"),
            (
                "HTTP://r.example:5000/app",
                "leave the scheme out: `r.example:5000/app`; `--plain-http` allows HTTP without TLS",
            ),
            ("oci://r.example/app", "leave the scheme out: `r.example/app`"),
        ] {
            assert_eq!(Reference::parse(text).unwrap_err().hint.as_deref(), Some(hint));
        }
    }

    #[test]
    fn a_repository_is_below_whole_components() {
        let below = |text: &str, registry| Reference::parse(text).unwrap().is_below(registry);
        assert!(below("ghcr.io/acme/x:1", "ghcr.io/acme"));
        assert!(below("ghcr.io/acme/x", "ghcr.io/acme/x"));
        assert!(below("ghcr.io/acme/x", "GHCR.io"));
        assert!(!below("ghcr.io/acmeevil/x", "ghcr.io/acme"));
        assert!(!below("ghcr.io/acme", "ghcr.io/acme/x"));
        assert!(!below("ghcr.io.evil/acme/x", "ghcr.io"));
        assert!(!below("ghcr.io:5000/acme/x", "ghcr.io"));
        assert!(below("alpine", "docker.io/library"));
    }

    #[test]
    fn a_host_is_known_by_its_looks() {
        for (text, has) in [
            ("r.example/a", true),
            ("localhost/a", true),
            ("r:1/a", true),
            ("[::1]/a", true),
            ("a/b", false),
            ("a", false),
        ] {
            assert_eq!(Reference::has_host(text), has, "{text}");
        }
    }
}
