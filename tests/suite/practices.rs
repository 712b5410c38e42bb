//! `docs/practices.md` against the catalogue: every rule of others that a rule of ours names as its source is in the table,
//! with that rule; and every rule that the page names is there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::case::Case;

const PAGE: &str = include_str!("../../docs/practices.md");

/// Whether a source is a rule of hadolint or dockle.
fn is_theirs(source: &str) -> bool {
    ["DL", "CIS-DI-", "DKL-"]
        .iter()
        .any(|start| source.strip_prefix(start).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit())))
}

/// The catalogue: each rule's name and sources.
fn catalogue() -> BTreeMap<String, Vec<String>> {
    let output = Case::new().run(["audit", "--list-rules", "--json"]).ok();
    let rules: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let sources = |rule: &Value| rule["sources"].as_array().expect("sources").iter().map(text).collect();
    rules.as_array().expect("rules").iter().map(|rule| (text(&rule["name"]), sources(rule))).collect()
}

/// The rows of a line's table: its cells.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    PAGE.lines().filter(|line| line.starts_with("| ")).map(cells).collect()
}

/// The names between backticks that could be rules: small letters and hyphens, with at least one hyphen or known.
fn named(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn table_of_other_linters() {
    let catalogue = catalogue();
    let mut table = BTreeMap::new();
    for row in rows().into_iter().filter(|row| is_theirs(row[0])) {
        assert_eq!(row.len(), 3, "{row:?}");
        assert!(table.insert(row[0], row[2]).is_none(), "{} is there twice", row[0]);
    }
    for (rule, sources) in &catalogue {
        for source in sources.iter().filter(|source| is_theirs(source)) {
            let ours = table.get(source.as_str()).unwrap_or_else(|| panic!("{source} of `{rule}` is not in the table"));
            assert!(named(ours).contains(rule), "{source}: `{rule}` is not in `{ours}`");
        }
    }
    for (theirs, ours) in &table {
        let known = named(ours).iter().any(|name| catalogue.contains_key(name));
        let told = ours.strip_prefix("not applicable: ").is_some_and(|why| !why.is_empty());
        assert!(known || told, "{theirs} has neither a rule nor a reason: {ours}");
    }
    // All that dockle documents, and the first and last that hadolint does.
    let all = (1..=11).map(|number| format!("CIS-DI-{number:04}"));
    let all = all.chain((1..=6).map(|number| format!("DKL-DI-{number:04}")));
    let all = all.chain((1..=3).map(|number| format!("DKL-LI-{number:04}")));
    for theirs in all.chain(["DL3000", "DL3066", "DL4006"].map(str::to_owned)) {
        assert!(table.contains_key(theirs.as_str()), "{theirs}");
    }
}

#[test]
fn practices_and_their_rules() {
    let catalogue = catalogue();
    let mut practices = 0;
    for row in rows() {
        let [.., build, audit] = row.as_slice() else { panic!("{row:?}") };
        if *audit == "Audit" || *audit == "Ours" {
            continue;
        }
        let names = named(audit);
        let is_rule = |name: &String| name.contains('-') && !name.contains(' ') && !name.starts_with('-');
        for name in names.iter().filter(|name| is_rule(name)) {
            assert!(catalogue.contains_key(name), "`{name}` in {row:?}");
        }
        if !is_theirs(row[0]) {
            practices += 1;
            assert!(!build.is_empty() && names.iter().any(|name| catalogue.contains_key(name)), "{row:?}");
        }
    }
    assert!(practices > 20, "{practices}");
}
