//! What hardpan refuses, and the words it says then: every message whole, so that a reader can judge it as the person
//! who gets it would. Each run must end with its exit code and leave the file system as it was.

mod bounds;
mod cargo;
mod certificates;
mod command_line;
mod compilers;
mod conflicts;
mod entries;
mod entrypoints;
mod exceptions;
mod gate;
mod inputs;
mod libraries;
mod outputs;
mod paths;
mod private_keys;
mod programs;
mod recipes;
mod rules;
mod run;
mod secrets;
mod syntax;
mod trees;
mod unreadable;
mod values;

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::support::{
    case::{APP, Case},
    elf,
};

/// A case with a good program `app` and a recipe around it that begins with `top`. Alone, it builds.
fn app(top: &str) -> Case {
    recipe(&format!("{top}\n{APP}"))
}

/// A case with a good program `app` and this recipe.
fn recipe(text: &str) -> Case {
    Case::new().file("app", elf::static_amd64()).recipe(text)
}

/// What `hardpan build app.toml` says when it ends with `code`. Fails when it wrote anything.
#[track_caller]
fn refusal(code: i32, case: &Case) -> String {
    refusal_of(code, case, ["build", "app.toml"])
}

/// The same for any other call.
#[track_caller]
fn refusal_of<A: AsRef<OsStr>>(code: i32, case: &Case, args: impl IntoIterator<Item = A>) -> String {
    let before = everything(case);
    let output = case.run(args).fails(code);
    assert_eq!(everything(case), before, "something was written");
    output.messages()
}

/// Every path of the case and around it, with what tells whether it was touched.
fn everything(case: &Case) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    look(case.dir().parent().expect("the case is in a folder"), &mut found);
    found
}

fn look(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the case") {
        let path = entry.expect("its entry").path();
        let meta = path.symlink_metadata().expect("what it is");
        // What appears in a folder and vanishes again changes the folder's time, and nothing that anybody misses.
        let touched = (!meta.is_dir()).then(|| (meta.size(), meta.mtime(), meta.mtime_nsec()));
        found.insert(path.clone(), format!("{:o} {} {touched:?}", meta.mode(), meta.ino()));
        if meta.is_dir() {
            look(&path, found);
        }
    }
}

#[test]
fn the_good_recipe_that_the_wrong_ones_differ_from_builds() {
    app("").build().ok();
}
