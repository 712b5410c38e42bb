//! [`EngineName`]: the name that an image gets in the engines of this machine.

use std::fmt;

/// A repository and a tag. Engines complete a name without a host each in a way of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EngineName {
    /// `repository:tag`, or `host/repository:tag`.
    text: String,
    has_host: bool,
}

impl EngineName {
    /// The name of `repository`, which begins with a host where `has_host` says so. Both parts are valid, as references have them.
    pub fn new(repository: &str, tag: &str, has_host: bool) -> Self {
        Self { text: format!("{repository}:{tag}"), has_host }
    }

    /// What docker calls it.
    pub(super) fn in_docker(&self) -> String {
        self.text.clone()
    }

    /// What podman itself calls an image that came from no registry; `podman run NAME` finds it.
    pub(super) fn in_podman(&self) -> String {
        if self.has_host { self.text.clone() } else { format!("localhost/{}", self.text) }
    }

    /// The whole name that nerdctl and Kubernetes make of a short one: `image: NAME` finds it.
    pub(super) fn in_containerd(&self) -> String {
        match (self.has_host, self.text.contains('/')) {
            (true, _) => self.text.clone(),
            (false, true) => format!("docker.io/{}", self.text),
            (false, false) => format!("docker.io/library/{}", self.text),
        }
    }
}

impl fmt::Display for EngineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_completes_a_name_in_its_own_way() {
        let all = |name: EngineName| [name.in_docker(), name.in_podman(), name.in_containerd()];
        assert_eq!(all(EngineName::new("app", "1", false)), ["app:1", "localhost/app:1", "docker.io/library/app:1"]);
        assert_eq!(
            all(EngineName::new("acme/app", "1", false)),
            ["acme/app:1", "localhost/acme/app:1", "docker.io/acme/app:1"]
        );
        assert_eq!(all(EngineName::new("localhost:5000/app", "x", true)), ["localhost:5000/app:x"; 3]);
    }
}
