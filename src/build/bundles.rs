//! Every bundle of Mozilla's root certificates that hardpan ever shipped, so that a lock of an older one builds the
//! same bytes. The system layer and `hardpan lock` use it.
//!
//! The newest is the crate `webpki-root-certs`. Cargo takes one patch version of a crate, and most roots stay for years,
//! so an older bundle is stored as its differences to the next one: the roots that only it has, in PEM, and the digests of
//! those that it lacks. Whenever a bundle is put together, the digest of its whole text is verified.
//!
//! A new version of the crate: put what the one so far says into a file (`hardpan lock` names version and digest, an image
//! has the text), raise the version in `Cargo.toml`, write the two lists of [`OlderBundle`] beside the others, and move the
//! constants. The lists of the ones before stay as they are: each counts from the one after it.

use std::collections::BTreeSet;

use super::certificates::RootCertificates;
use crate::{
    oci::Digest,
    report::{ErrorName, Failure},
};

/// The version of the bundle that images get without a lock: that of the `webpki-root-certs` crate. Part of `format = 1`.
pub const MOZILLA_VERSION: &str = "1.0.11";

/// The SHA-256 of its PEM.
const MOZILLA_DIGEST: &str = "448ea15f2d597b3b3124dcb16064c8f31acf1371ef71696b8ed98a5df4800048";

/// A bundle by its differences to the one after it.
struct OlderBundle {
    version: &'static str,
    /// The SHA-256 of its PEM.
    digest: &'static str,
    /// Roots that the next one has not, in PEM.
    with: &'static str,
    /// The digests of roots that the next one has and this one has not, one a line.
    without: &'static str,
}

/// The older ones, the newest first.
const OLDER: [OlderBundle; 1] = [OlderBundle {
    version: "0.26.8",
    digest: "cb2378e30c9682a8243fa93f68681aa072c49b56b73e53992b61a03edacb056f",
    with: include_str!("bundles/0.26.8.pem"),
    without: include_str!("bundles/0.26.8.without"),
}];

/// The versions that this hardpan carries, the newest first.
pub fn versions() -> impl Iterator<Item = &'static str> {
    std::iter::once(MOZILLA_VERSION).chain(OLDER.iter().map(|older| older.version))
}

/// The SHA-256 of the PEM of a version; `None` for a version that this hardpan does not have.
pub fn digest(version: &str) -> Option<Digest> {
    let older = OLDER.iter().map(|older| (older.version, older.digest));
    let mut all = std::iter::once((MOZILLA_VERSION, MOZILLA_DIGEST)).chain(older);
    all.find(|(known, _)| *known == version).and_then(|(_, hex)| Digest::parse_hex(hex).ok())
}

/// The roots of a version.
///
/// # Errors
/// A version that this hardpan does not carry.
pub(super) fn roots(version: &str) -> Result<RootCertificates, Failure> {
    let mut roots = RootCertificates::mozilla();
    if version == MOZILLA_VERSION {
        return Ok(roots);
    }
    for older in &OLDER {
        let without: BTreeSet<&str> = older.without.lines().collect();
        roots.retain(|digest| !without.contains(&*digest.hex()));
        // No warnings: what has expired in Mozilla's own list is not the user's to correct.
        roots.add_pem(older.version, older.with.as_bytes(), 0)?;
        if older.version == version {
            let found = Digest::of(&roots.to_pem()?);
            if Some(found) == digest(version) {
                return Ok(roots);
            }
            return Err(Failure::error(
                ErrorName::Internal,
                format!("this hardpan's copy of Mozilla's roots {version} is damaged"),
            ));
        }
    }
    Err(unknown(version))
}

/// The failure for a version that this hardpan does not have.
pub fn unknown(version: &str) -> Failure {
    let known: Vec<_> = versions().map(|version| format!("`{version}`")).collect();
    let version = crate::report::printable(version);
    let what = format!("this hardpan does not carry version `{version}` of Mozilla's roots, but {}", known.join(", "));
    Failure::error(ErrorName::LockStale, what)
        .hint("a newer hardpan does; or `hardpan lock --update certificates` takes the newest that is here")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A bundle as its crate has it.
    fn of(ders: &[impl AsRef<[u8]>]) -> RootCertificates {
        ders.iter().map(|der| der.as_ref().to_vec()).collect()
    }

    #[test]
    fn every_bundle_is_what_its_crate_has() {
        let crates = [
            (MOZILLA_VERSION, of(webpki_root_certs::TLS_SERVER_ROOT_CERTS)),
            ("0.26.8", of(webpki_root_certs_0_26::TLS_SERVER_ROOT_CERTS)),
        ];
        assert_eq!(versions().collect::<Vec<_>>(), crates.each_ref().map(|(version, _)| *version));
        for (version, theirs) in &crates {
            let ours = roots(version).unwrap();
            assert!(ours == *theirs, "{version}");
            assert_eq!(Some(Digest::of(&ours.to_pem().unwrap())), digest(version), "{version}");
        }
        assert!(crates[0].1 != crates[1].1);
        assert!(roots("1.0.12").unwrap_err().to_string().contains("`1.0.12`"));
        assert_eq!(digest("1.0.12"), None);
    }

    /// `HARDPAN_BLESS=1 cargo test bundles` writes the lists anew.
    #[test]
    fn the_committed_lists_are_no_longer_than_they_must_be() {
        let (new, old) =
            (of(webpki_root_certs::TLS_SERVER_ROOT_CERTS), of(webpki_root_certs_0_26::TLS_SERVER_ROOT_CERTS));
        let mut only_old = old.clone();
        only_old.retain(|digest| new.digests().all(|known| known != digest));
        let mut only_new = new.clone();
        only_new.retain(|digest| old.digests().all(|known| known != digest));
        let pem = String::from_utf8(only_old.to_pem().unwrap()).unwrap();
        let without: String = only_new.digests().map(|digest| digest.hex() + "\n").collect();
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/build/bundles");
        if std::env::var_os("HARDPAN_BLESS").is_some() {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(format!("{folder}/0.26.8.pem"), &pem).unwrap();
            std::fs::write(format!("{folder}/0.26.8.without"), &without).unwrap();
        }
        assert_eq!(std::fs::read_to_string(format!("{folder}/0.26.8.pem")).unwrap(), pem);
        assert_eq!(std::fs::read_to_string(format!("{folder}/0.26.8.without")).unwrap(), without);
    }
}
