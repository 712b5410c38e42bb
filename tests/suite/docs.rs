//! The pages of the repository against the repository: what they name is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder with this extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found
}

fn pages() -> Vec<PathBuf> {
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(
        ["CONTRIBUTING.md", "SECURITY.md", "README.md", "crates/deflate/README.md"].map(|name| root().join(name)),
    );
    pages
}

/// The text outside of blocks of code.
fn prose(page: &Path) -> String {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let parts: Vec<_> = text.split("```").step_by(2).map(str::to_owned).collect();
    parts.concat()
}

/// What stands between backticks.
fn code(prose: &str) -> impl Iterator<Item = &str> {
    prose.split('`').skip(1).step_by(2)
}

/// The places that links lead to, but for those on the web and within the page.
fn links(prose: &str) -> impl Iterator<Item = &str> {
    let ends = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    ends.map(|(link, _)| link.split('#').next().unwrap_or_default())
        .filter(|link| !link.is_empty() && !link.contains("://"))
}

/// A path of the repository up to the first part that stands for any name: `NAME`, `*`, `{a,b}`.
fn fixed_part(word: &str) -> Option<PathBuf> {
    const TOP: [&str; 8] = ["src/", "tests/", "docs/", "crates/", "recipes/", "benches/", "schema/", ".ci/"];
    let word = word.trim_end_matches(['.', ',', '/']);
    if !TOP.iter().any(|top| format!("{word}/").starts_with(top)) || word.contains(char::is_whitespace) {
        return None;
    }
    let stands_for_any = |part: &&str| {
        let letters = part.split('.').next().unwrap_or_default();
        part.contains(['*', '{', '<']) || (letters.len() > 1 && letters.chars().all(|c| c.is_ascii_uppercase()))
    };
    Some(word.split('/').take_while(|part| !stands_for_any(part) || *part == "README.md").collect())
}

#[test]
fn every_path_that_a_page_names_is_there() {
    let (mut count, mut missing) = (0, Vec::new());
    for page in pages() {
        let prose = prose(&page);
        let beside = page.parent().unwrap();
        // The page of a crate names the files of the crate.
        let paths = code(&prose).filter_map(fixed_part).map(|path| {
            let found = [root().join(&path), beside.join(&path)].iter().any(|place| place.exists());
            (path, found)
        });
        let linked = links(&prose).map(|link| (PathBuf::from(link), beside.join(link).exists()));
        for (path, found) in paths.chain(linked) {
            count += 1;
            if !found {
                missing.push(format!("{} names {}", page.display(), path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
    assert!(count > 80, "only {count} paths were found, so this test does not read the pages");
}

/// `docs/format-1.md` names a test for each sentence, by its path in the module tree.
#[test]
fn every_test_that_guards_the_format_is_there() {
    let mut tests = BTreeSet::new();
    for folder in ["src", "tests/suite", "crates/deflate/src", "crates/deflate/tests"] {
        for path in files(&root().join(folder), "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split_once('(')).map(|(name, _)| name);
            tests.extend(functions.map(|name| (path.clone(), name.to_owned())));
        }
    }
    let page = prose(&root().join("docs/format-1.md"));
    let (_, fixed) = page.split_once("## What the format fixes").expect("the section of the format");
    let rows: Vec<_> = fixed.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what ")).collect();
    assert!(rows.len() > 30, "{rows:#?}");
    let mut wrong = Vec::new();
    let mut named: Vec<_> = fixed.lines().filter(|line| !line.starts_with("| ")).flat_map(code).collect();
    named.retain(|name| name.contains("::"));
    for row in rows {
        let cell = row.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        if code(cell).next().is_none() {
            wrong.push(format!("no test: {row}"));
        }
        named.extend(code(cell));
    }
    for name in named {
        // Modules within a file do not show in its path.
        let parts: Vec<_> = name.split("::").filter(|part| !["tests", "regression"].contains(part)).collect();
        let (function, modules) = parts.split_last().unwrap();
        let is_it = |(path, found): &(PathBuf, String)| {
            let path = path.with_extension("");
            let folders: Vec<_> = path.iter().filter_map(|part| part.to_str()).collect();
            let folders: Vec<_> = folders.into_iter().filter(|part| !["mod", "tests"].contains(part)).collect();
            found == function && folders.ends_with(modules)
        };
        if !tests.iter().any(is_it) {
            wrong.push(format!("no such test: {name}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn paths_and_links_are_read_from_a_page() {
    let page = "`src/lib.rs`, `tests/refusals/NAME/recipe.toml`, `crates/deflate/README.md`, `out/x`, `a b`, [x](docs/a.md#b) [y](https://z)";
    let paths: Vec<_> = code(page).filter_map(fixed_part).collect();
    assert_eq!(paths, ["src/lib.rs", "tests/refusals", "crates/deflate/README.md"].map(PathBuf::from));
    assert_eq!(links(page).collect::<Vec<_>>(), ["docs/a.md"]);
}
