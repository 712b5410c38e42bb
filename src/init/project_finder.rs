//! Finds the project in a folder: Go, Cargo or a prebuilt program.

use std::path::Path;

use super::{
    Toolchains, cargo, folder, go, prebuilt,
    project::{Candidate, Project},
    rank::{self, Rank},
};
use crate::report::{ErrorName, Failure, quoted};

/// The greatest depth at which a module or package is found.
const DEPTH: usize = 3;

/// Files by which a project of another language is recognized.
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

/// Finds the project of `dir`, which is canonical: Go, then Cargo, then a prebuilt program.
pub(super) fn find(dir: &Path, tools: &dyn Toolchains) -> Result<Project, Failure> {
    let mut refused: Option<Failure> = None;
    let (modules, packages) = (manifests(dir, "go.mod"), manifests(dir, "Cargo.toml"));
    let here = |list: &[String]| list.first().is_some_and(String::is_empty);
    let has_work = dir.join("go.work").is_file();
    let go_first = has_work || here(&modules) || !here(&packages);
    let equal = here(&modules) == here(&packages);
    let both = [("go.mod", &modules), ("Cargo.toml", &packages)];
    let order = if go_first { [both[0], both[1]] } else { [both[1], both[0]] };
    for (at, (file, folders)) in order.into_iter().enumerate() {
        let is_go = file == "go.mod";
        if folders.is_empty() && !(is_go && has_work) {
            continue;
        }
        let found = if is_go { go::project(dir, folders, tools) } else { cargo::project(dir, folders, tools) };
        match found {
            Ok(mut project) => {
                if let Some((other, [first, ..])) = order.get(at + 1).map(|(file, folders)| (file, folders.as_slice()))
                {
                    project.said.push(format!("not read: the `{other}` in {}", quoted(display_folder(first))));
                    if equal {
                        // A project with two languages has the name of neither.
                        let nested = |candidate: &&mut Candidate| !first.is_empty() && !candidate.folder.is_empty();
                        for candidate in project.candidates.iter_mut().filter(nested) {
                            candidate.rank.not_named |= !rank::is_aside_path(first);
                        }
                        let why = format!("the `{other}` in {} was not read", quoted(display_folder(first)));
                        project.passed_over.push((why, Rank::unknown(first)));
                    }
                }
                project.candidates.sort_by(|one, other| one.rank.cmp(&other.rank));
                project.passed_over.sort_by(|one, other| one.1.cmp(&other.1));
                return Ok(project);
            }
            // The first failure is about the nearer language.
            Err(failure) => refused = refused.or(Some(failure)),
        }
    }
    match (prebuilt::project(dir, tools), refused) {
        (_, Some(failure)) => Err(failure),
        (found, None) => found?.ok_or_else(|| no_project_failure(dir)),
    }
}

/// The folders that hold a file of this name, nearest first; those of examples, tests and tools come last.
fn manifests(dir: &Path, name: &str) -> Vec<String> {
    let found = folder::files(dir, DEPTH, |file| file == name);
    let mut folders: Vec<_> = found.iter().map(|path| folder::parent(path).to_owned()).collect();
    folders.sort_by_key(|folder| rank::is_aside_path(folder));
    folders
}

/// A folder of the project for a message.
fn display_folder(folder: &str) -> &str {
    if folder.is_empty() { "." } else { folder }
}

/// The failure for a folder without a project, which names the language if it is recognized.
fn no_project_failure(dir: &Path) -> Failure {
    let hint = "hardpan makes images of static programs: run `init` where a `go.mod`, a `Cargo.toml` or a prebuilt \
                program is";
    let other = OTHERS.iter().find(|(file, _)| dir.join(file).is_file());
    let Some((file, language)) = other else {
        return Failure::error(
            ErrorName::ProjectUnknown,
            "no `go.mod`, no `Cargo.toml` and no prebuilt program in this folder",
        )
        .in_path(dir)
        .hint(hint);
    };
    Failure::error(
        ErrorName::ProjectUnknown,
        format!("this is a {language} project ({}), and hardpan builds only Go and Rust programs", quoted(file)),
    )
    .in_path(dir)
    .hint(hint)
}
