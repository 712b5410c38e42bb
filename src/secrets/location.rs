//! [`Location`]: how the path of a file changes the severity of a secret in it (tests, examples, packages).

use crate::report::Severity;

/// Folders of examples and tests.
const SAMPLES: [&str; 20] = [
    "test",
    "tests",
    "testing",
    "testdata",
    "test-data",
    "test_data",
    "__tests__",
    "spec",
    "specs",
    "fixtures",
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "doc",
    "docs",
    "man",
    "mock",
];
/// Folders that package managers fill.
const PACKAGES: [&str; 12] = [
    "site-packages",
    "dist-packages",
    "node_modules",
    "vendor",
    "gems",
    "registry",
    "third_party",
    "bower_components",
    "pkgs",
    "include",
    "jvm",
    "rustlib",
];
/// Folders of distributions for files that users do not edit.
const SYSTEM: [&str; 7] =
    ["usr/share/", "usr/lib/", "usr/lib64/", "usr/include/", "usr/libexec/", "usr/local/go/", "lib/"];

/// Where a file is, as far as it changes the weight of a secret in it.
///
/// A path never hides a secret: a real key in a folder of tests is still one. It only weighs less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    is_sample: bool,
    is_packaged: bool,
}

impl Location {
    /// Where `path` is.
    pub(super) fn of(path: &str) -> Self {
        let path = path.trim_start_matches(['.', '/']);
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let among = |names: &[&str]| folders.split('/').any(|folder| names.contains(&folder));
        let is_page = [".md", ".rst", ".html", ".txt", ".adoc", ".map"].iter().any(|end| name.ends_with(end));
        let is_test =
            name.starts_with("test_") || name.contains("_test.") || name.contains(".test.") || name.contains(".spec.");
        let is_page_of_package = folders.ends_with(".egg-info") || folders.ends_with(".dist-info");
        let is_example = name.contains("example") || name.contains("sample");
        Self {
            is_sample: among(&SAMPLES)
                || is_page_of_package
                || is_test
                || is_example
                || (is_page && !folders.is_empty()),
            is_packaged: among(&PACKAGES) || SYSTEM.iter().any(|folder| path.starts_with(folder)),
        }
    }

    /// Whether settings here are likely to be the owner's: elsewhere an assignment in a source is no finding.
    pub(super) fn is_own(self) -> bool {
        !self.is_sample && !self.is_packaged
    }

    /// The weight of a finding here: one step less in a package, in a sample at most medium, in a package's sample at
    /// most low, and in a package's program at most low: libraries carry the keys of their self-tests.
    pub(super) fn weigh(self, severity: Severity, is_binary: bool) -> Severity {
        match (self.is_sample, self.is_packaged) {
            (_, true) if is_binary => severity.min(Severity::Low),
            (true, true) => severity.min(Severity::Low),
            (true, false) => severity.min(Severity::Medium),
            (false, true) => match severity {
                Severity::Critical => Severity::High,
                Severity::High => Severity::Medium,
                Severity::Medium | Severity::Low => Severity::Low,
                Severity::Info => Severity::Info,
            },
            (false, false) => severity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_weigh_less_and_never_nothing() {
        let weigh = |path: &str| Location::of(path).weigh(Severity::Critical, false);
        assert_eq!(weigh("/app/server.key"), Severity::Critical);
        assert_eq!(weigh("app/latest/server.key"), Severity::Critical);
        assert_eq!(weigh("/app/test/server.key"), Severity::Medium);
        assert_eq!(weigh("./usr/lib/python3/test/keycert.pem"), Severity::Low);
        assert_eq!(weigh("usr/lib/ssl/private.pem"), Severity::High);
        assert_eq!(weigh("usr/lib/python3/dist-packages/PyJWT-2.egg-info/PKG-INFO"), Severity::Low);
        assert_eq!(Location::of("usr/lib/x/libgnutls.so.30").weigh(Severity::Medium, true), Severity::Low);
        assert_eq!(Location::of("app/server").weigh(Severity::Medium, true), Severity::Medium);
        assert_eq!(weigh("srv/node_modules/x/docs/a.js"), Severity::Low);
    }
}
