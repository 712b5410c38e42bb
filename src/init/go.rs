//! Finds the programs of Go modules by `go mod edit -json` and `go list`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::{
    Toolchains,
    draft::{DraftProgram, ProgramSource},
    folder,
    project::{self, Candidate, Project},
    rank::Rank,
    workspace::GoWorkspace,
};
use crate::report::{ErrorName, Failure, printable, quoted};

/// `go mod edit -json` (`go help mod edit`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoModFile {
    #[serde(rename = "Module")]
    own: GoModulePath,
    require: Option<Vec<GoModulePath>>,
    replace: Option<Vec<GoReplacement>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoModulePath {
    path: String,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GoReplacement {
    old: GoModulePath,
    new: GoModulePath,
}

/// A package of `go list -json` (`go help list`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GoListPackage {
    import_path: String,
    name: String,
    dir: PathBuf,
    dep_only: bool,
    standard: bool,
    go_files: Vec<String>,
    cgo_files: Vec<String>,
    deps: Vec<String>,
    error: Option<GoListError>,
    deps_errors: Vec<GoListError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GoListError {
    err: String,
}

/// Reads one module: `go mod edit -json`, then `go list` with and without cgo.
struct ModulePrograms {
    path: String,
    place: String,
    candidates: Vec<Candidate>,
    /// Programs that need a C compiler.
    cgo: Vec<NeedsCgo>,
}

/// A program that cannot be compiled without cgo.
struct NeedsCgo {
    package: String,
    /// The file that imports "C".
    file: String,
    rank: Rank,
}

/// Finds the programs of the modules in these folders of `dir`: of those that a `go.work` of `dir` uses, else of the
/// one in `dir` itself. Other modules are read when these have only programs of examples, tests or tools.
pub(super) fn project(dir: &Path, folders: &[String], tools: &dyn Toolchains) -> Result<Project, Failure> {
    let work = GoWorkspace::of(dir, tools)?;
    let (mut all, mut said): (Vec<ModulePrograms>, Vec<String>) = (Vec::new(), Vec::new());
    let mut passed_over = Vec::new();
    let used = work.as_ref().map(|work| work.used.as_slice()).unwrap_or_default();
    for place in used {
        all.push(module(dir, place, work.as_ref(), tools)?);
    }
    let meant = |found: &ModulePrograms| found.candidates.iter().any(|candidate| !candidate.rank.aside);
    let (mut enough, mut refused) = (all.iter().any(meant), None);
    let others: Vec<_> = folders.iter().filter(|place| !used.contains(place)).cloned().collect();
    for (at, place) in others.iter().enumerate() {
        if enough {
            break;
        }
        if at >= project::PROJECTS {
            passed_over.extend(project::list_not_asked(others.get(at..).unwrap_or_default(), "module"));
            break;
        }
        match module(dir, place, work.as_ref(), tools) {
            Ok(found) => {
                enough |= place.is_empty() && meant(&found);
                all.push(found);
            }
            // The failure of the project's own or only module is the result.
            Err(failure) if place.is_empty() || others.len() == 1 => return Err(failure),
            Err(failure) => {
                let what = failure.what.replace('\n', " ");
                let why = format!("the module in {} cannot be read: {what}", quoted(place));
                said.push(format!("not {}: {what}", quoted(place)));
                passed_over.push((why, Rank::unknown(place)));
                refused = refused.or(Some(failure));
            }
        }
    }
    if let (true, Some(failure)) = (all.is_empty(), refused) {
        return Err(failure);
    }
    assemble_project(dir, all, passed_over, said)
}

/// Joins the programs of all modules into one project.
fn assemble_project(
    dir: &Path,
    mut all: Vec<ModulePrograms>,
    mut passed_over: Vec<(String, Rank)>,
    noticed: Vec<String>,
) -> Result<Project, Failure> {
    // The name of a module means the project only where there is one, or the module is the project's own.
    let meant = |found: &ModulePrograms| {
        let mut ranks = found.candidates.iter().map(|one| &one.rank).chain(found.cgo.iter().map(|one| &one.rank));
        ranks.any(|rank| !rank.aside)
    };
    let unknown = passed_over.iter().filter(|(_, rank)| !rank.aside).count();
    let several = all.iter().filter(|found| meant(found)).count() + unknown > 1;
    for found in all.iter_mut().filter(|found| several && !found.place.is_empty()) {
        for candidate in &mut found.candidates {
            candidate.rank.not_named = true;
        }
    }
    let paths: Vec<_> = all.iter().map(|found| quoted(&found.path)).collect();
    let modules = format!("{} {}", if paths.len() == 1 { "module" } else { "modules" }, paths.join(", "));
    let mut said = vec![format!("project: Go, {modules}")];
    said.extend(noticed);
    let mut first_cgo = None;
    for NeedsCgo { package, file, rank } in all.iter_mut().flat_map(|found| found.cgo.drain(..)) {
        said.push(format!("not `{package}`: `{file}` imports \"C\", and hardpan compiles without cgo"));
        let why =
            format!("`{package}` cannot be taken, because `{file}` imports \"C\" and hardpan compiles without cgo");
        passed_over.push((why, rank));
        first_cgo = first_cgo.or(Some((package, file)));
    }
    let candidates: Vec<_> = all.into_iter().flat_map(|found| found.candidates).collect();
    if candidates.is_empty() {
        return Err(no_program_failure(dir, &paths, first_cgo));
    }
    Ok(Project { what: format!("the Go {modules}"), candidates, passed_over, said })
}

fn no_program_failure(dir: &Path, paths: &[String], cgo: Option<(String, String)>) -> Failure {
    if let Some((package, file)) = cgo {
        let what = format!("`{package}` needs cgo: `{file}` imports \"C\", and nothing stands in for it without cgo");
        let hint =
            "hardpan writes no recipe with cgo by itself: write a `[[binary]]` with `go = \"...\"` and `cgo = true`";
        return Failure::error(ErrorName::ProjectUnknown, what).in_path(dir).hint(hint);
    }
    let what = format!("the Go module {} is a library: it has no `package main` for Linux", paths.join(", "));
    Failure::error(ErrorName::ProjectUnknown, what)
        .in_path(dir)
        .hint("run `init` in the folder of a module that has a program")
}

/// The programs of one module.
fn module(
    dir: &Path,
    place: &str,
    work: Option<&GoWorkspace>,
    tools: &dyn Toolchains,
) -> Result<ModulePrograms, Failure> {
    let at = folder::within(dir, place);
    let unread = |what: &str| {
        Failure::error(ErrorName::ToolUnsupported, format!("the output of `{what}` is not valid JSON")).in_path(&at)
    };
    let module: GoModFile = serde_json::from_slice(&tools.go_module(&at)?).map_err(|_| unread("go mod edit -json"))?;
    let not_used = work.is_some_and(|work| !work.uses(place));
    let work = work.filter(|_| !not_used);
    let list = |cgo| -> Result<Vec<GoListPackage>, Failure> {
        let text = tools.go_packages(&at, work.map(|work| work.file.as_path()), cgo)?;
        let packages: Result<Vec<_>, _> = serde_json::Deserializer::from_slice(&text).into_iter().collect();
        packages.map_err(|_| unread("go list"))
    };
    let (pure, with_cgo) = (list(false)?, list(true)?);
    let blocked = needs_cgo(&pure, &with_cgo);
    let programs = |packages: &'_ [GoListPackage]| -> Vec<usize> {
        (0..packages.len())
            .filter(|at| {
                packages
                    .get(*at)
                    .is_some_and(|package| package.name == "main" && !package.dep_only && !package.standard)
            })
            .collect()
    };
    let base = program_name(&module.own.path);
    let rank = |inside: &str, package: &GoListPackage| rank_of(place, inside, package, base, not_used);
    let (mut candidates, mut cgo) = (Vec::new(), Vec::new());
    let mut known = BTreeSet::new();
    for package in programs(&pure).into_iter().filter_map(|at| pure.get(at)) {
        known.insert(package.import_path.as_str());
        let Some(inside) = folder::below(&at, &package.dir) else { continue };
        if let Some(file) =
            package.deps.iter().chain([&package.import_path]).find_map(|path| blocked.get(path.as_str()))
        {
            cgo.push(NeedsCgo { package: package_argument(&inside), file: file.clone(), rank: rank(&inside, package) });
            continue;
        }
        candidates.push(candidate(&module, place, &inside, package, rank(&inside, package)));
        check_sums(&at, &module, package, work.is_some())?;
    }
    for package in programs(&with_cgo).into_iter().filter_map(|at| with_cgo.get(at)) {
        if let (false, Some(inside)) = (known.contains(package.import_path.as_str()), folder::below(&at, &package.dir))
        {
            let file = package.cgo_files.first().cloned().unwrap_or_default();
            let (package, rank) = (package_argument(&inside), rank(&inside, package));
            cgo.push(NeedsCgo { package, file: join(&inside, &file), rank });
        }
    }
    for candidate in &mut candidates {
        candidate.program.work = work.map(|_| GoWorkspace::from_module(place));
    }
    Ok(ModulePrograms { path: module.own.path, place: place.to_owned(), candidates, cgo })
}

/// The packages of the module that cannot be compiled without cgo, each with a file that imports "C". Packages with
/// replacement files (`//go:build !cgo`) are not among them.
fn needs_cgo(pure: &[GoListPackage], with_cgo: &[GoListPackage]) -> BTreeMap<String, String> {
    let mut blocked = BTreeMap::new();
    for package in with_cgo.iter().filter(|package| !package.dep_only && !package.standard) {
        let Some(file) = package.cgo_files.first() else { continue };
        let without = pure.iter().find(|other| other.import_path == package.import_path);
        let stands_in = without.is_some_and(|other| other.go_files.iter().any(|file| !package.go_files.contains(file)));
        if !stands_in && !without.is_some_and(|other| is_optional(package, other)) {
            let name = package.dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            blocked.insert(package.import_path.clone(), printable(&join(&name, file)).into_owned());
        }
    }
    blocked
}

/// Whether a program compiles without its files that import "C": it has other files, which call none of their
/// functions.
fn is_optional(package: &GoListPackage, without: &GoListPackage) -> bool {
    let read = |file: &String| std::fs::read_to_string(package.dir.join(file)).unwrap_or_default();
    let others: String = without.go_files.iter().map(read).collect();
    let is_used = |name: &str| others.contains(&format!("{name}("));
    let of_c: String = package.cgo_files.iter().map(read).collect();
    let mut functions = of_c.lines().filter_map(|line| line.strip_prefix("func ")?.split_once('('));
    package.name == "main"
        && !others.is_empty()
        && !functions.any(|(name, _)| !name.is_empty() && name != "init" && is_used(name))
}

fn candidate(module: &GoModFile, place: &str, inside: &str, package: &GoListPackage, rank: Rank) -> Candidate {
    let name = program_name(&package.import_path).to_owned();
    let program = DraftProgram::new(&name, ProgramSource::Go { package: package_argument(inside) });
    let mut program = program.called(program_name(&module.own.path));
    program.dir = Some(place.to_owned()).filter(|place| !place.is_empty());
    program.comment = format!("The program `{}` of the module `{}`.", printable(&name), printable(&module.own.path));
    Candidate { program, folder: join(place, inside), id: package.import_path.clone(), rank }
}

/// The rank of the program in the folder `inside` of the module in `place`, whose name is `base`.
fn rank_of(place: &str, inside: &str, package: &GoListPackage, base: &str, not_used: bool) -> Rank {
    let name = program_name(&package.import_path);
    let mut rank = Rank::new(&join(place, inside), name, name == base);
    // `x/cmd/x` of a nested module is as near as one of the first.
    rank.hidden = Rank::new(inside, name, true).hidden;
    rank.not_root = !(place.is_empty() && inside.is_empty());
    rank.not_used = not_used;
    rank
}

/// Refuses a module whose `go.sum` or `vendor` folder is incomplete.
fn check_sums(at: &Path, module: &GoModFile, package: &GoListPackage, in_workspace: bool) -> Result<(), Failure> {
    const HINT: &str = "`go mod tidy` writes it; commit it with the program";
    let errors = || package.error.iter().chain(&package.deps_errors).map(|error| error.err.as_str());
    if at.join("vendor/modules.txt").is_file() {
        // A module from a proxy has `vendor/modules.txt` without the vendored packages.
        let missing = errors().find(|error| error.contains("import lookup disabled by -mod=vendor"));
        return missing.map_or(Ok(()), |error| {
            let line = error.lines().next().unwrap_or_default();
            let what = format!("the `vendor` folder does not have what the sources import: {}", printable(line));
            Err(Failure::error(ErrorName::SourceInvalid, what)
                .in_path(at)
                .hint("`go mod vendor` fills it; without the folder, modules are fetched"))
        });
    }
    if in_workspace {
        return Ok(());
    }
    let replaced = |path: &str| {
        module.replace.iter().flatten().any(|replace| replace.old.path == path && replace.new.version.is_empty())
    };
    let needs = module.require.iter().flatten().find(|require| !replaced(&require.path));
    if let Some(needs) = needs.filter(|_| !at.join("go.sum").is_file()) {
        let what = format!("there is no `go.sum`, and `go.mod` requires {}", quoted(&needs.path));
        return Err(Failure::error(ErrorName::SourceUnpinned, what).in_path(at).hint(HINT));
    }
    let telling = ["missing go.sum entry", "no required module provides package", "updates to go.mod needed"];
    for error in errors() {
        if telling.iter().any(|words| error.contains(words)) {
            let line = error.lines().next().unwrap_or_default();
            let what = format!("`go.mod` and `go.sum` do not match the sources: {}", printable(line));
            return Err(Failure::error(ErrorName::SourceInvalid, what)
                .in_path(at)
                .hint("`go mod tidy` brings them up to date"));
        }
    }
    Ok(())
}

/// A package path as `go build` takes it.
fn package_argument(inside: &str) -> String {
    if inside.is_empty() { ".".into() } else { format!("./{inside}") }
}

/// Joins two parts of a path.
fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() || name.is_empty() { format!("{folder}{name}") } else { format!("{folder}/{name}") }
}

/// The name that `go build` gives: the last element of the import path, but no major version (`cmd/go`,
/// `DefaultExecName`).
fn program_name(import_path: &str) -> &str {
    let mut elements = import_path.rsplit('/').filter(|element| !element.is_empty());
    let last = elements.next().unwrap_or(import_path);
    let digits = last.strip_prefix('v').unwrap_or_default();
    let version = !digits.is_empty()
        && digits != "1"
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    if version { elements.next().unwrap_or(last) } else { last }
}
