//! Parses the text of `base`: a reference in a registry, or a layout or archive on the disk.

use crate::{
    image::LocalReference,
    oci::Digest,
    registry::Reference,
    report::{ErrorName, Failure, printable},
};

/// skopeo's prefix of a reference, behind which Docker Hub needs no host.
const REGISTRY: &str = "docker://";

/// Where a base is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseName {
    /// In a registry.
    Registry(Reference),
    /// A layout or an archive: a path that begins with `.` or `/`, or is behind skopeo's transport.
    Disk {
        /// The digest that follows it.
        pinned: bool,
    },
}

impl BaseName {
    /// Reads the text of `base`, which is not `scratch`.
    ///
    /// # Errors
    /// No path, and no reference with a host; a digest that is none.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(reference) = text.strip_prefix(REGISTRY) {
            return Reference::parse(reference).map(Self::Registry);
        }
        if text.starts_with(['.', '/']) || LocalReference::has_transport(text) {
            let (_, digest) = split_digest(text, |_| false)?;
            return Ok(Self::Disk { pinned: digest.is_some() });
        }
        if text.starts_with("docker-daemon:") {
            let what = "a base in docker's daemon is not supported by this version yet";
            return Err(Failure::error(ErrorName::Base, what).hint("`docker save` writes an archive, which is"));
        }
        Reference::refuse_login(text)?;
        if !Reference::has_host(text) {
            let failure =
                Failure::error(ErrorName::Reference, format!("the base `{}` names no registry", printable(text)));
            let hint = "write its host, as in `docker.io/library/alpine`; a path begins with `./` or `/`";
            return Err(failure.hint(hint));
        }
        Reference::parse(text).map(Self::Registry)
    }
}

/// The text of a base on the disk, without the digest that may follow it. A path that exists is taken whole.
///
/// # Errors
/// A digest that is none.
pub(super) fn split_digest(text: &str, exists: impl Fn(&str) -> bool) -> Result<(&str, Option<Digest>), Failure> {
    match text.rsplit_once("@sha256:") {
        Some((path, hex)) if !exists(text) => {
            let digest = Digest::parse_hex(hex).map_err(|error| {
                Failure::error(ErrorName::Reference, format!("the digest of the base `{}` is {error}", printable(text)))
            })?;
            Ok((path, Some(digest)))
        }
        _ => Ok((text, None)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_base_is_a_path_or_a_reference_with_its_host() {
        let digest = Digest::of(b"");
        let registry = |text: &str| BaseName::Registry(Reference::parse(text).unwrap());
        for (text, name) in [
            ("r.example/a:1", Some(registry("r.example/a:1"))),
            (&format!("r.example/a@{digest}"), Some(registry(&format!("r.example/a@{digest}")))),
            ("docker://alpine:3", Some(registry("docker.io/library/alpine:3"))),
            ("./base", Some(BaseName::Disk { pinned: false })),
            ("../base.tar", Some(BaseName::Disk { pinned: false })),
            ("oci:base:1", Some(BaseName::Disk { pinned: false })),
            (&format!("/base@{digest}"), Some(BaseName::Disk { pinned: true })),
            ("./base@sha256:12", None),
            ("alpine:3", None),
            ("base", None),
            ("docker-daemon:alpine:3", None),
            ("r.example/A:1", None),
        ] {
            assert_eq!(BaseName::parse(text).ok(), name, "{text}");
        }
    }
}
