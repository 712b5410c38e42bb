//! What one compile of a workspace can take from another, and what goes into the last link alone.

use std::process::Command;

use super::{cargo_project, program};
use crate::support::{
    case::{Case, scratch},
    judges::{checked, tool},
};

/// The packages that a build compiled, as `--verbose` tells.
fn compiled(case: &Case, recipe: &str) -> Vec<String> {
    let output = case.run(["build", recipe, "--offline", "-v"]).ok().untimed();
    let lines = output.stderr.lines().filter_map(|line| line.strip_prefix("  compile "));
    lines.filter_map(|line| Some(line.split_once(' ')?.1.to_owned())).collect()
}

#[test]
fn a_package_is_compiled_again_for_what_reaches_it_alone() {
    let cache = scratch();
    let case = cargo_project(Case::new(), "").env("XDG_CACHE_HOME", cache.path());
    assert_eq!(compiled(&case, "prog.toml"), ["inner", "prog"]);
    assert_eq!(compiled(&case, "prog.toml"), [""; 0]);
    let recipe = std::fs::read_to_string(case.path("prog.toml")).unwrap();
    let of = |key: &str| recipe.replace("[system]", &format!("{key}\n[system]"));
    let case = case
        .file("unstripped.toml", of("strip = false"))
        .file("bare.toml", of("auditable = false"))
        .file("loud.toml", of("features = [\"loud\"]"))
        .file("README.md", "a word");
    assert_eq!(compiled(&case, "unstripped.toml"), ["prog"], "only the link is another one");
    assert_eq!(compiled(&case, "bare.toml"), ["prog"]);
    assert_eq!(compiled(&case, "loud.toml"), ["prog"]);
    let case = case.edit("prog/src/main.rs", |text| format!("{text}\n// edited\n"));
    assert_eq!(compiled(&case, "prog.toml"), ["prog"], "an edit of a program compiles no library");
    let case = case.edit("prog.toml", |text| format!("# a comment\n{text}"));
    assert_eq!(compiled(&case, "prog.toml"), [""; 0]);
}

#[test]
fn a_program_carries_the_list_of_its_dependencies() {
    let case = cargo_project(Case::new(), "");
    let file = case.path("program");
    std::fs::write(&file, program(&case)).unwrap();
    let list = case.path("list");
    checked(tool("objcopy").args(["-O", "binary", "--only-section=.dep-v0"]).arg(&file).arg(&list));
    let script =
        "import json, sys, zlib; print(json.dumps(json.loads(zlib.decompress(open(sys.argv[1], 'rb').read()))))";
    let said = checked(tool("python3").args(["-c", script]).arg(&list));
    let expected = r#"{"packages": [{"name": "inner", "version": "0.1.0", "source": "local"}, {"name": "prog", "version": "0.1.0", "source": "local", "dependencies": [0], "root": true}], "format": 1}"#;
    assert_eq!(said.trim(), expected);
    let without = case.edit("prog.toml", |text| text.replace("[system]", "auditable = false\n[system]"));
    std::fs::write(&file, program(&without)).unwrap();
    let sections = checked(Command::new("readelf").args(["-SW"]).arg(&file));
    assert!(!sections.contains(".dep-v0"), "{sections}");
}

#[test]
fn debug_information_stays_out_and_names_of_functions_may_stay() {
    let size = |key: &str| {
        let case = cargo_project(Case::new(), "")
            .edit("prog.toml", |text| text.replace("[system]", &format!("{key}\n[system]")));
        program(&case).len()
    };
    let (all, names, nothing) = (size("strip = false"), size("strip = \"debuginfo\""), size("strip = true"));
    assert!(nothing < names && names < all, "{nothing} {names} {all}");
}
