//! [`Location`]: how the path of a file changes the severity of a secret in it (tests, examples, packages).

use crate::report::Severity;

/// Folders of examples and tests.
const SAMPLES: [&str; 16] = [
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
    "mock",
    "mocks",
];
/// Folders that are of samples in a package, and may be anything in an application.
const PACKAGED_SAMPLES: [&str; 11] = [
    "demo",
    "demos",
    "doc",
    "docs",
    "man",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "dummyserver",
    "test-fixtures",
];
/// Folders that package managers fill.
const PACKAGES: [&str; 14] = [
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
    "site-library",
    "perl5",
];
/// Folders of them that two names together say.
const NESTED_PACKAGES: [&str; 4] = ["/pkg/mod/", "/.m2/repository/", "/lib/python2", "/lib/python3"];
/// Folders of distributions for files that users do not edit.
const SYSTEM: [&str; 7] =
    ["usr/share/", "usr/lib/", "usr/lib64/", "usr/include/", "usr/libexec/", "usr/local/go/", "lib/"];

/// How sure it is that something found is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// It has the shape, the name or the place of one.
    Guess,
    /// The same, in a program, an archive, a picture.
    BinaryGuess,
    /// A checksum, or what it decodes to, proves it.
    Proof,
}

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
        let is_nested = NESTED_PACKAGES.iter().any(|nested| path.contains(nested));
        let is_packaged = among(&PACKAGES) || is_nested || SYSTEM.iter().any(|folder| path.starts_with(folder));
        let is_test =
            name.starts_with("test_") || name.contains("_test.") || name.contains(".test.") || name.contains(".spec.");
        // Whole words: `resampler.key` is no sample.
        let mut words = name.split(|c: char| !c.is_ascii_alphanumeric());
        let is_example = words.any(|word| matches!(word, "example" | "examples" | "sample" | "samples"));
        let is_page = || {
            let is_page_of_package = folders.ends_with(".egg-info") || folders.ends_with(".dist-info");
            let is_prose = [".md", ".rst", ".html", ".txt", ".adoc", ".map"].iter().any(|end| name.ends_with(end));
            is_page_of_package || (is_prose && !folders.is_empty()) || among(&PACKAGED_SAMPLES)
        };
        Self { is_sample: among(&SAMPLES) || is_test || is_example || (is_packaged && is_page()), is_packaged }
    }

    /// Whether settings here are likely to be the owner's: elsewhere an assignment in a source is no finding.
    pub(super) fn is_own(self) -> bool {
        !self.is_sample && !self.is_packaged
    }

    /// The weight of a finding here.
    ///
    /// A guess weighs one step less in a package, in a sample at most medium, in a package's sample at most low, and in a
    /// package's program at most low. What proves itself is never below high for its place, but in a package's test data:
    /// libraries carry the keys of their tests.
    pub(super) fn weigh(self, severity: Severity, evidence: Evidence) -> Severity {
        let Self { is_sample, is_packaged } = self;
        match evidence {
            _ if is_sample && is_packaged => severity.min(Severity::Low),
            _ if evidence != Evidence::BinaryGuess && self.is_own() => severity,
            Evidence::Proof => severity.min(Severity::High),
            Evidence::BinaryGuess if is_packaged => severity.min(Severity::Low),
            Evidence::BinaryGuess => severity.min(Severity::Medium),
            Evidence::Guess if is_sample => severity.min(Severity::Medium),
            Evidence::Guess => match severity {
                Severity::Critical => Severity::High,
                Severity::High => Severity::Medium,
                Severity::Medium | Severity::Low => Severity::Low,
                Severity::Info => Severity::Info,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_weigh_less_and_never_nothing() {
        let weigh = |path: &str| Location::of(path).weigh(Severity::Critical, Evidence::Guess);
        assert_eq!(weigh("/app/server.key"), Severity::Critical);
        assert_eq!(weigh("app/latest/server.key"), Severity::Critical);
        assert_eq!(weigh("/app/test/server.key"), Severity::Medium);
        assert_eq!(weigh("./usr/lib/python3/test/keycert.pem"), Severity::Low);
        assert_eq!(weigh("usr/lib/ssl/private.pem"), Severity::High);
        assert_eq!(weigh("usr/lib/python3/dist-packages/PyJWT-2.egg-info/PKG-INFO"), Severity::Low);
        assert_eq!(weigh("srv/node_modules/x/docs/a.js"), Severity::Low);
        assert_eq!(weigh("usr/local/lib/python3.12/test/certdata/keycert.pem"), Severity::Low);
        assert_eq!(weigh("root/go/pkg/mod/example.com/x@v1.0.0/x_test.go"), Severity::Low);
        let weigh = |path: &str| Location::of(path).weigh(Severity::Medium, Evidence::BinaryGuess);
        assert_eq!(weigh("usr/lib/x/libgnutls.so.30"), Severity::Low);
        assert_eq!(weigh("app/server"), Severity::Medium);
    }

    #[test]
    fn a_word_in_a_name_or_a_folder_of_an_application_is_no_sample() {
        let weigh = |path: &str| Location::of(path).weigh(Severity::Critical, Evidence::Guess);
        for path in ["etc/tls/resampler.key", "srv/demo/.env", "srv/index.html", "app/docs/a.txt", "app/token.txt"] {
            assert_eq!(weigh(path), Severity::Critical, "{path}");
        }
        assert_eq!(weigh("etc/tls/sample.key"), Severity::Medium);
    }

    #[test]
    fn a_proof_is_never_below_high_outside_of_packaged_test_data() {
        let weigh = |path: &str| Location::of(path).weigh(Severity::Critical, Evidence::Proof);
        for path in ["app/test/server.key", "usr/lib/ssl/private.pem", "usr/lib/x/libx.so", "srv/node_modules/x/a.js"] {
            assert_eq!(weigh(path), Severity::High, "{path}");
        }
        assert_eq!(weigh("usr/bin/svc"), Severity::Critical);
        assert_eq!(weigh("usr/lib/python3/test/keycert.pem"), Severity::Low);
        // A key that a password protects is no more elsewhere.
        assert_eq!(Location::of("app/a").weigh(Severity::Medium, Evidence::Proof), Severity::Medium);
    }
}
