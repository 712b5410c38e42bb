//! What hardpan refuses, and what it says then: every message whole, so that a reader can judge it as the person who gets
//! it would. Each folder of `tests/refusals` is one test, and its README says how to write another.

mod neighbours;
mod private_keys;
mod runner;
mod shared_libraries;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::support::{
    case::{APP, Case},
    elf,
};

/// The list of all cases, and a test for each.
macro_rules! cases {
    ($($group:ident { $($name:ident)* })*) => {
        /// The names of all cases, by their groups.
        const CASES: &[(&str, &[&str])] = &[$((stringify!($group), &[$(stringify!($name)),*])),*];

        $(mod $group {
            $(#[test]
            fn $name() {
                super::runner::check(stringify!($group), stringify!($name));
            })*
        })*
    };
}

include!("refusals/cases.rs");

/// The list of tests is written by hand or by `HARDPAN_BLESS=1`, because a macro cannot read folders.
#[test]
fn every_folder_is_a_test() {
    let mut found = BTreeMap::new();
    for group in folders(&runner::root()) {
        let names = folders(&runner::root().join(&group));
        assert!(!names.is_empty(), "tests/refusals/{group} has no cases");
        found.insert(group, names);
    }
    let listed: BTreeMap<String, Vec<String>> = CASES
        .iter()
        .map(|(group, names)| ((*group).to_owned(), names.iter().map(|name| (*name).to_owned()).collect()))
        .collect();
    if runner::blessing() && found != listed {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/refusals/cases.rs");
        fs::write(file, list(&found)).expect("the list");
        panic!("tests/suite/refusals/cases.rs is new; once more, and the new cases are run");
    }
    assert_eq!(listed, found, "`HARDPAN_BLESS=1 cargo test --test suite -- refusals` writes cases.rs anew");
}

/// The text of `cases.rs`.
fn list(groups: &BTreeMap<String, Vec<String>>) -> String {
    let mut text = "// The folders of `tests/refusals`. `HARDPAN_BLESS=1 cargo test --test suite -- refusals` writes this file.\n\n\
                    cases! {\n"
        .to_owned();
    for (group, names) in groups {
        writeln!(text, "    {group} {{").expect("a text grows");
        for name in names {
            writeln!(text, "        {name}").expect("a text grows");
        }
        text.push_str("    }\n");
    }
    text + "}\n"
}

/// The folders in a folder, in order.
fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("a case"));
    let mut names: Vec<_> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().expect("a name in UTF-8"))
        .collect();
    names.sort();
    names
}

/// A case with a good program `app` and a recipe around it that begins with `top`. Alone, it builds.
fn app(top: &str) -> Case {
    Case::new().file("app", elf::static_amd64()).recipe(&format!("{top}\n{APP}"))
}
