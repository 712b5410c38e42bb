//! When the makers of distributions and of languages end their support, by their own announcements.
//!
//! The dates are the last days on which everybody gets fixes for security: with the long-term support of Debian, which is
//! for all, and without what has to be bought. A release after the last one of a table is taken for supported, one before
//! the first for ended.

/// A day: year, month, day.
pub(super) type Day = (u16, u8, u8);

/// The releases of a distribution or a language, the oldest first, each with the last day of its support.
pub(super) type Releases = &'static [(&'static str, Day)];

/// Distributions, by `ID` of `/etc/os-release`; a release is `VERSION_ID`, or its beginning.
pub(super) const DISTRIBUTIONS: [(&str, Releases); 14] = [
    ("alpine", ALPINE),
    ("debian", DEBIAN),
    ("ubuntu", UBUNTU),
    ("centos", CENTOS),
    ("rhel", RHEL),
    ("fedora", FEDORA),
    ("amzn", AMAZON),
    ("ol", ORACLE),
    ("almalinux", ALMA),
    ("rocky", ROCKY),
    ("opensuse-leap", LEAP),
    ("photon", PHOTON),
    ("mageia", MAGEIA),
    ("azurelinux", AZURE),
];

/// Languages, by the variable in which their official images say the version.
pub(super) const LANGUAGES: [(&str, &str, Releases); 4] = [
    ("PYTHON_VERSION", "Python", PYTHON),
    ("NODE_VERSION", "Node.js", NODE),
    ("RUBY_VERSION", "Ruby", RUBY),
    ("PHP_VERSION", "PHP", PHP),
];

const ALPINE: Releases = &[
    ("3.8", (2020, 5, 1)),
    ("3.9", (2020, 11, 1)),
    ("3.10", (2021, 5, 1)),
    ("3.11", (2021, 11, 1)),
    ("3.12", (2022, 5, 1)),
    ("3.13", (2022, 11, 1)),
    ("3.14", (2023, 5, 1)),
    ("3.15", (2023, 11, 1)),
    ("3.16", (2024, 5, 23)),
    ("3.17", (2024, 11, 22)),
    ("3.18", (2025, 5, 9)),
    ("3.19", (2025, 11, 1)),
    ("3.20", (2026, 4, 1)),
    ("3.21", (2026, 11, 1)),
    ("3.22", (2027, 5, 1)),
    ("3.23", (2027, 11, 1)),
];

const DEBIAN: Releases = &[
    ("8", (2020, 6, 30)),
    ("9", (2022, 6, 30)),
    ("10", (2024, 6, 30)),
    ("11", (2026, 8, 31)),
    ("12", (2028, 6, 30)),
    ("13", (2030, 6, 30)),
];

const UBUNTU: Releases = &[
    ("14.04", (2019, 4, 30)),
    ("16.04", (2021, 4, 30)),
    ("18.04", (2023, 5, 31)),
    ("20.04", (2025, 5, 31)),
    ("20.10", (2021, 7, 22)),
    ("21.04", (2022, 1, 20)),
    ("21.10", (2022, 7, 14)),
    ("22.04", (2027, 4, 1)),
    ("22.10", (2023, 7, 20)),
    ("23.04", (2024, 1, 25)),
    ("23.10", (2024, 7, 11)),
    ("24.04", (2029, 5, 31)),
    ("24.10", (2025, 7, 10)),
    ("25.04", (2026, 1, 15)),
    ("25.10", (2026, 7, 31)),
];

/// CentOS Stream has the same names for its releases as the CentOS that ended before it.
const CENTOS: Releases = &[("7", (2024, 6, 30)), ("8", (2024, 5, 31)), ("9", (2027, 5, 31)), ("10", (2030, 1, 1))];

const RHEL: Releases = &[("7", (2024, 6, 30)), ("8", (2029, 5, 31)), ("9", (2032, 5, 31)), ("10", (2035, 5, 31))];

const FEDORA: Releases = &[
    ("38", (2024, 5, 21)),
    ("39", (2024, 11, 26)),
    ("40", (2025, 5, 13)),
    ("41", (2025, 12, 15)),
    ("42", (2026, 5, 13)),
    ("43", (2026, 12, 9)),
];

const AMAZON: Releases = &[("2018.03", (2023, 12, 31)), ("2", (2026, 6, 30)), ("2023", (2029, 6, 30))];

const ORACLE: Releases = &[("6", (2021, 3, 31)), ("7", (2024, 12, 31)), ("8", (2029, 7, 31)), ("9", (2032, 6, 30))];

const ALMA: Releases = &[("8", (2029, 3, 1)), ("9", (2032, 5, 31))];

const ROCKY: Releases = &[("8", (2029, 5, 31)), ("9", (2032, 5, 31))];

const LEAP: Releases = &[
    ("15.3", (2022, 12, 31)),
    ("15.4", (2023, 12, 7)),
    ("15.5", (2024, 12, 31)),
    ("15.6", (2026, 4, 30)),
    ("16.0", (2027, 10, 31)),
];

const PHOTON: Releases = &[("3.0", (2024, 3, 1)), ("4.0", (2026, 3, 1)), ("5.0", (2028, 3, 1))];

const MAGEIA: Releases = &[("8", (2023, 11, 30)), ("9", (2026, 3, 31))];

const AZURE: Releases = &[("3.0", (2027, 7, 31))];

const PYTHON: Releases = &[
    ("2.7", (2020, 1, 1)),
    ("3.5", (2020, 9, 30)),
    ("3.6", (2021, 12, 23)),
    ("3.7", (2023, 6, 27)),
    ("3.8", (2024, 10, 7)),
    ("3.9", (2025, 10, 31)),
    ("3.10", (2026, 10, 31)),
    ("3.11", (2027, 10, 31)),
    ("3.12", (2028, 10, 31)),
    ("3.13", (2029, 10, 31)),
    ("3.14", (2030, 10, 31)),
];

const NODE: Releases = &[
    ("10", (2021, 4, 30)),
    ("11", (2019, 6, 1)),
    ("12", (2022, 4, 30)),
    ("13", (2020, 6, 1)),
    ("14", (2023, 4, 30)),
    ("15", (2021, 6, 1)),
    ("16", (2023, 9, 11)),
    ("17", (2022, 6, 1)),
    ("18", (2025, 4, 30)),
    ("19", (2023, 6, 1)),
    ("20", (2026, 4, 30)),
    ("21", (2024, 6, 1)),
    ("22", (2027, 4, 30)),
    ("23", (2025, 6, 1)),
    ("24", (2028, 4, 30)),
    ("25", (2026, 6, 1)),
];

const RUBY: Releases = &[
    ("2.6", (2022, 4, 12)),
    ("2.7", (2023, 3, 31)),
    ("3.0", (2024, 4, 23)),
    ("3.1", (2025, 3, 26)),
    ("3.2", (2026, 3, 31)),
    ("3.3", (2027, 3, 31)),
    ("3.4", (2028, 3, 31)),
];

const PHP: Releases = &[
    ("7.2", (2020, 11, 30)),
    ("7.3", (2021, 12, 6)),
    ("7.4", (2022, 11, 28)),
    ("8.0", (2023, 11, 26)),
    ("8.1", (2025, 12, 31)),
    ("8.2", (2026, 12, 31)),
    ("8.3", (2027, 12, 31)),
    ("8.4", (2028, 12, 31)),
];

/// The release that a version belongs to, and the last day of its support: `3.18` of `3.18.4`. One before the first has
/// ended with the first; of one that a table does not have nothing is known.
pub(super) fn support_of(releases: Releases, version: &str) -> Option<(&str, Day)> {
    let wanted = numbers(version)?;
    let is_same = |release: &str| numbers(release).is_some_and(|release| wanted.starts_with(&release));
    if let Some((release, day)) = releases.iter().find(|(release, _)| is_same(release)) {
        return Some((release, *day));
    }
    let (first, day) = releases.first()?;
    (wanted < numbers(first)?).then_some((version, *day))
}

/// The numbers of a version; `None` if it does not begin with one.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let digits = part.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        match digits.parse() {
            Ok(number) => numbers.push(number),
            Err(_) => break,
        }
        if digits.len() != part.len() {
            break;
        }
    }
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_date_is_one_and_releases_are_in_their_order() {
        let tables = DISTRIBUTIONS.iter().map(|(_, releases)| *releases);
        for releases in tables.chain(LANGUAGES.iter().map(|(_, _, releases)| *releases)) {
            let all: Vec<_> = releases.iter().map(|(release, _)| numbers(release).unwrap()).collect();
            // Amazon Linux 2 came after 2018.03.
            assert!(all.is_sorted() || releases == AMAZON, "{releases:?}");
            for (release, (year, month, day)) in releases {
                assert!((2015..2040).contains(year) && (1..=12).contains(month) && (1..=31).contains(day), "{release}");
            }
        }
    }

    #[test]
    fn a_version_belongs_to_its_release() {
        assert_eq!(support_of(ALPINE, "3.18.4"), Some(("3.18", (2025, 5, 9))));
        assert_eq!(support_of(ALPINE, "3.1"), Some(("3.1", (2020, 5, 1))), "before the first");
        assert_eq!(support_of(ALPINE, "3.99.0"), None);
        assert_eq!(support_of(ALPINE, "3.21_alpha20240807"), Some(("3.21", (2026, 11, 1))));
        assert_eq!(support_of(NODE, "14.21.3"), Some(("14", (2023, 4, 30))));
        assert_eq!(support_of(AMAZON, "2023"), Some(("2023", (2029, 6, 30))));
        assert_eq!(support_of(AMAZON, "2"), Some(("2", (2026, 6, 30))));
        assert_eq!(support_of(UBUNTU, "22.04"), Some(("22.04", (2027, 4, 1))));
        for unknown in ["", "rolling", "v14", "x"] {
            assert_eq!(support_of(NODE, unknown), None, "{unknown}");
        }
    }
}
