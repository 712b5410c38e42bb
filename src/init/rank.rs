//! Ranks the programs of a project by how likely the image is meant for them, and names the reason.

/// Folders with programs of the project's developers: examples, tests, build tools.
const ASIDE: [&str; 38] = [
    "example",
    "examples",
    "sample",
    "samples",
    "demo",
    "demos",
    "playground",
    "test",
    "tests",
    "testing",
    "testdata",
    "testutil",
    "testutils",
    "testcmd",
    "e2e",
    "integration",
    "conformance",
    "hack",
    "tools",
    "tool",
    "scripts",
    "script",
    "build",
    "ci",
    "docs",
    "doc",
    "website",
    "misc",
    "bench",
    "benches",
    "benchmark",
    "benchmarks",
    "xtask",
    "fuzz",
    "codegen",
    "contrib",
    "third_party",
    "internal",
];
/// The same names as a part of a longer one: `server-tests`, `test_client`.
const ASIDE_WORDS: [&str; 6] = ["test", "tests", "e2e", "example", "examples", "fuzz"];

/// The order of candidates; the smallest is the likeliest. Fields in the order in which they count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// In a folder for examples, tests or tools.
    pub(super) aside: bool,
    /// Go: the `go.work` of the project does not use its module.
    pub(super) not_used: bool,
    /// Cargo: not among `default-members`.
    pub(super) not_default: bool,
    /// Cargo: not `default-run` though the package has one.
    pub(super) not_default_run: bool,
    /// Its name is not that of its module or package.
    pub(super) not_named: bool,
    /// Go: not the package at the root of the project's own module.
    pub(super) not_root: bool,
    /// Go: neither at the root of a module nor right below `cmd`. Cargo: has not the name of its package.
    pub(super) hidden: bool,
    /// The fields from here on sort a list and are no reason to choose.
    pub(super) depth: usize,
    pub(super) folder: String,
    pub(super) name: String,
}

impl Rank {
    /// The rank of a program called `name` in `folder`; `named` is whether it has its project's name.
    pub(super) fn new(folder: &str, name: &str, named: bool) -> Self {
        let parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
        // `cmd/fuzz` of the module `fuzz` is the project's program, whatever else the word means.
        let telling = parts.strip_suffix(&[name]).filter(|_| named).unwrap_or(&parts);
        Self {
            aside: telling.iter().any(|part| is_aside(part)),
            not_used: false,
            not_default: false,
            not_default_run: false,
            not_named: !named,
            not_root: false,
            hidden: !(parts.is_empty() || parts.len() == 2 && parts.first() == Some(&"cmd")),
            depth: parts.len(),
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }

    /// The rank of a program of which only the folder is known.
    pub(super) fn unknown(folder: &str) -> Self {
        Self { hidden: false, ..Self::new(folder, "", false) }
    }

    /// The reason to prefer this program to `other`, which does not rank before it; `None` when only depth or the
    /// alphabet decides.
    pub(super) fn reason_over(&self, other: &Self) -> Option<&'static str> {
        let reasons = [
            (self.aside, other.aside, "the others are examples, tests or tools"),
            (self.not_used, other.not_used, "`go.work` uses its module"),
            (self.not_default, other.not_default, "a default member of the workspace"),
            (self.not_default_run, other.not_default_run, "the package's `default-run`"),
            (self.not_named, other.not_named, "it has the project's name"),
            (self.not_root, other.not_root, "the package at the root of the module"),
            (self.hidden, other.hidden, "the only one in the place, or with the name, of a main program"),
        ];
        reasons.into_iter().find(|(own, others, _)| own != others).map(|(.., why)| why)
    }
}

/// Whether a folder or package of this name is for the project's developers.
pub(super) fn is_aside(name: &str) -> bool {
    ASIDE.contains(&name)
        || name.starts_with(['_', '.'])
        || name.contains(['-', '_']) && name.split(['-', '_']).any(|word| ASIDE_WORDS.contains(&word))
}

/// The same for a path below the project's folder: one of its folders is.
pub(super) fn is_aside_path(path: &str) -> bool {
    path.split('/').any(|part| !part.is_empty() && is_aside(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_examples_tests_and_tools_stand_aside() {
        for folder in ["contrib/x", "examples", "_examples/a", "test-server", "hack", "server_test", "a/e2e/b"] {
            assert!(is_aside_path(folder), "{folder}");
        }
        for folder in ["", "cmd/testkube", "server", "cmd/attest", "latest", "cmd/contributor", "cmd/toolbox"] {
            assert!(!is_aside_path(folder), "{folder}");
        }
        assert!(!Rank::new("cmd/fuzz", "fuzz", true).aside && Rank::new("cmd/fuzz", "fuzz", false).aside);
    }

    #[test]
    fn depth_and_the_alphabet_are_no_reasons() {
        let near = Rank::new("cmd/api", "api", false);
        assert_eq!(near.reason_over(&Rank::new("cmd/worker", "worker", false)), None);
        assert_eq!(Rank::new("a", "a", true).reason_over(&Rank::new("b/c", "c", true)), None);
        assert!(near.reason_over(&Rank::new("pkg/x", "x", false)).is_some());
        assert!(near.reason_over(&Rank::new("contrib/x", "x", true)).is_some());
    }
}
