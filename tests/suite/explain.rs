//! `hardpan explain` and the names in `error[NAME]`.

use std::{fs, path::Path};

use serde_json::Value;

use crate::support::case::Case;

/// The names that `hardpan explain` lists, in its order.
fn names() -> Vec<String> {
    let list = Case::new().run(["explain"]).ok().stdout;
    list.lines().map(|line| line.split_once("  ").expect("a name and its meaning").0.to_owned()).collect()
}

#[test]
fn each_listed_name_is_explained() {
    let case = Case::new();
    let names = names();
    assert!(names.len() > 150 && names.contains(&"usage".to_owned()), "{names:?}");
    for name in names {
        let text = case.run(["explain", &name]).ok().stdout;
        // The name, what it means, what to do about it.
        let parts: Vec<_> = text.split("\n\n").collect();
        assert!(parts.len() >= 3 && parts[0].starts_with(&format!("{name} (")), "{text}");
    }
}

#[test]
fn every_rule_of_the_audit_is_explained_by_name_and_by_code() {
    let case = Case::new();
    let rules: Value = serde_json::from_str(&case.run(["audit", "--list-rules", "--json"]).ok().stdout).expect("JSON");
    let names = names();
    for rule in rules.as_array().expect("rules") {
        let (name, code) = (rule["name"].as_str().expect("a name"), rule["code"].as_str().expect("a code"));
        assert!(names.iter().any(|listed| listed == name), "{name}");
        let text = case.run(["explain", name]).ok().stdout;
        assert_eq!(case.run(["explain", &code.to_lowercase()]).ok().stdout, text);
        assert_eq!(case.run(["audit", "--explain", name]).ok().stdout, text);
        for key in ["severity", "title", "rationale", "remediation"] {
            assert!(text.contains(rule[key].as_str().expect("a text")), "{key} of {name}:\n{text}");
        }
        for source in rule["sources"].as_array().expect("sources") {
            assert!(text.contains(source.as_str().expect("a text")), "{source} of {name}:\n{text}");
        }
    }
}

#[test]
fn an_unknown_name_is_a_usage_error_with_a_suggestion() {
    insta::assert_snapshot!(Case::new().run(["explain", "rot-user"]).fails(2).messages(), @r"
    error[usage]: there is no error or rule `rot-user`
    hint: did you mean `root-user`?
    ");
}

#[test]
fn usage_errors_have_a_name_and_keep_the_usage_lines() {
    insta::assert_snapshot!(Case::new().run(["build", "--offlin"]).fails(2).messages(), @r"
    error[usage]: unexpected argument '--offlin' found

      tip: a similar argument exists: '--offline'

    Usage: hardpan build --offline [RECIPE]...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["build", "--jobs", "0"]).fails(2).messages(), @r"
    error[usage]: invalid value '0' for '--jobs <N>': number would be zero for non-zero type

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["build", "--output"]).fails(2).messages(), @r"
    error[usage]: a value is required for '--output <PATH>' but none was supplied

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["completions", "tcsh"]).fails(2).messages(), @r"
    error[usage]: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["buidl"]).fails(2).messages(), @r"
    error[usage]: unrecognized subcommand 'buidl'

      tip: a similar subcommand exists: 'build'

    Usage: hardpan [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["audit"]).fails(2).messages(), @r"
    error[usage]: the following required arguments were not provided:
      <IMAGE>...

    Usage: hardpan audit <IMAGE>...

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(Case::new().run(["verify"]).fails(2).messages(), @r"
    error[usage]: `verify` is not in this version yet
    hint: `hardpan --help` shows what is
    ");
}

/// A name that no message shows would be a promise about nothing.
#[test]
fn every_error_name_is_one_of_a_message() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table = fs::read_to_string(src.join("report/error_name.rs")).expect("the table");
    let code: String = crate::floors::sources(&src)
        .iter()
        .filter(|path| !path.ends_with("report/error_name.rs"))
        .map(|path| fs::read_to_string(path).expect("a source"))
        .collect();
    let variants =
        table.lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" = \"")).map(|(name, _)| name);
    let variants: Vec<_> = variants.filter(|name| name.chars().all(char::is_alphanumeric)).collect();
    assert!(variants.len() > 60, "{variants:?}");
    for variant in variants {
        let by_system = table.contains(&format!("=> Self::{variant},"));
        assert!(by_system || code.contains(&format!("ErrorName::{variant}")), "no message has the name of {variant}");
    }
}

/// `HARDPAN_BLESS=1 cargo test --test suite -- explain` writes the file anew.
#[test]
fn the_page_of_errors_is_generated() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let generated = Case::new().run(["explain", "--markdown"]).ok().stdout;
    if std::env::var_os("HARDPAN_BLESS").is_some() {
        fs::write(&path, &generated).expect("the page");
    }
    let page = fs::read_to_string(&path).expect("the page");
    assert!(page == generated, "`hardpan explain --markdown > docs/errors.md` is due");
    for name in names() {
        assert!(page.contains(&format!("\n### `{name}`")), "{name}");
    }
}
