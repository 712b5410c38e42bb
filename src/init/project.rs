//! Which project lies in a folder, and which of its programs the image is about.

use std::path::Path;

use super::{Toolchains, cargo, draft::Program, folder, go, prebuilt, quoted};
use crate::report::Failure;

/// How deep below the folder a module or package is looked for.
const DEPTH: usize = 3;
/// How many of them are asked about.
const PROJECTS: usize = 12;
/// Folders whose programs are for the project's own people: examples, tests, tools of the build.
const ASIDE: [&str; 18] = [
    "example",
    "examples",
    "test",
    "tests",
    "e2e",
    "testing",
    "hack",
    "tools",
    "tool",
    "scripts",
    "script",
    "docs",
    "bench",
    "benches",
    "benchmarks",
    "xtask",
    "fuzz",
    "internal",
];
/// What names a project of another kind.
const OTHERS: [(&str, &str); 14] = [
    ("package.json", "Node.js"),
    ("pyproject.toml", "Python"),
    ("requirements.txt", "Python"),
    ("setup.py", "Python"),
    ("pom.xml", "Java"),
    ("build.gradle", "Java"),
    ("build.gradle.kts", "Java"),
    ("Gemfile", "Ruby"),
    ("composer.json", "PHP"),
    ("mix.exs", "Elixir"),
    ("build.zig", "Zig"),
    ("CMakeLists.txt", "C or C++"),
    ("Makefile", "make"),
    ("deno.json", "Deno"),
];

/// A project with at least one program.
pub(super) struct Project {
    /// What it is, as the end of a sentence: "the Go module `example.com/x`".
    pub(super) what: String,
    /// The best one first.
    pub(super) candidates: Vec<Candidate>,
    /// What was noticed on the way.
    pub(super) said: Vec<String>,
}

/// A program that could be the image's.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) program: Program,
    /// The folder of its package, relative to the project's, empty for the same one.
    pub(super) folder: String,
    /// The import path of a Go package, `package/binary` of a Cargo one, the path of a file.
    pub(super) id: String,
    pub(super) rank: Rank,
}

/// What makes one program the likelier one; the smallest is the best. Fields in the order they count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    /// In a folder for examples, tests or tools.
    pub(super) aside: bool,
    /// Cargo: not among `default-members`.
    pub(super) not_default: bool,
    /// Cargo: not `default-run` though the package has one.
    pub(super) not_default_run: bool,
    /// Has not the name of its module or package.
    pub(super) not_named: bool,
    /// Neither at the root nor right below `cmd`.
    pub(super) hidden: bool,
    pub(super) depth: usize,
    pub(super) folder: String,
    pub(super) name: String,
}

impl Rank {
    /// The rank of a program called `name` in `folder`; `named` is whether it has its project's name.
    pub(super) fn new(folder: &str, name: &str, named: bool) -> Self {
        let parts: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
        Self {
            aside: parts.iter().any(|part| ASIDE.contains(part)),
            not_default: false,
            not_default_run: false,
            not_named: !named,
            hidden: !(parts.is_empty() || parts.len() == 2 && parts.first() == Some(&"cmd")),
            depth: parts.len(),
            folder: folder.to_owned(),
            name: name.to_owned(),
        }
    }
}

impl Project {
    /// Why `chosen`, which was the first of the candidates, is the one.
    pub(super) fn why(&self, chosen: &Candidate) -> String {
        let Some(next) = self.candidates.first() else { return "the only one here".into() };
        let (one, other) = (&chosen.rank, &next.rank);
        let others = self.candidates.len();
        let rest = format!("{others} more in the recipe as {}", if others == 1 { "a comment" } else { "comments" });
        let why = if one.aside != other.aside {
            "the others are examples, tests or tools"
        } else if one.not_default != other.not_default {
            "a default member of the workspace"
        } else if one.not_default_run != other.not_default_run {
            "the package's `default-run`"
        } else if one.not_named != other.not_named {
            "it has the project's name"
        } else {
            "the first one; no program has the project's name"
        };
        let why = if !one.not_named && !other.not_named && one.depth != other.depth {
            "the one nearest to the root"
        } else {
            why
        };
        format!("{why}; {rest}")
    }
}

/// Finds the project of `dir`, which is canonical: Go, then Cargo, then a prebuilt program.
pub(super) fn find(dir: &Path, tools: &dyn Toolchains) -> Result<Project, Failure> {
    let mut refused: Option<Failure> = None;
    let (modules, packages) = (manifests(dir, "go.mod"), manifests(dir, "Cargo.toml"));
    let here = |list: &[String]| list.first().is_some_and(String::is_empty);
    let go_first = here(&modules) || !here(&packages);
    let both = [("go.mod", &modules), ("Cargo.toml", &packages)];
    let order = if go_first { [both[0], both[1]] } else { [both[1], both[0]] };
    for (file, folders) in order {
        if folders.is_empty() {
            continue;
        }
        let found =
            if file == "go.mod" { go::project(dir, folders, tools) } else { cargo::project(dir, folders, tools) };
        match found {
            Ok(mut project) => {
                project.candidates.sort_by(|one, other| one.rank.cmp(&other.rank));
                return Ok(project);
            }
            // The first answer is about the language that lies nearer.
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    match (prebuilt::project(dir, tools), refused) {
        (_, Some(failure)) => Err(failure),
        (found, None) => found?.ok_or_else(|| nothing(dir)),
    }
}

/// The folders that hold a file of this name, nearest first; only the nearest when it is `dir` itself.
fn manifests(dir: &Path, name: &str) -> Vec<String> {
    let found = folder::files(dir, DEPTH, |file| file == name);
    found.iter().map(|path| folder::parent(path).to_owned()).take(PROJECTS).collect()
}

/// There is no project; says what there is instead.
fn nothing(dir: &Path) -> Failure {
    let hint = "hardpan makes images of static programs: run `init` where a `go.mod`, a `Cargo.toml` or a prebuilt \
                program is";
    let other = OTHERS.iter().find(|(file, _)| dir.join(file).is_file());
    let Some((file, language)) = other else {
        return Failure::new("no `go.mod`, no `Cargo.toml` and no prebuilt program in this folder")
            .in_path(dir)
            .hint(hint);
    };
    Failure::new(format!(
        "this is a {language} project ({}), and its program is none that hardpan can make",
        quoted(file)
    ))
    .in_path(dir)
    .hint(hint)
}
