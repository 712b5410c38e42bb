//! `docs/practices.md` against the catalogue: every rule of others that a rule of ours names as its source is in the table,
//! with that rule; and every rule that the page names is there. The table of every rule is generated from the catalogue.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
};

use serde_json::Value;

use crate::support::case::Case;

const PAGE: &str = include_str!("../../docs/practices.md");

/// Whether a source is a rule of hadolint or dockle.
fn is_theirs(source: &str) -> bool {
    ["DL", "CIS-DI-", "DKL-"]
        .iter()
        .any(|start| source.strip_prefix(start).is_some_and(|rest| rest.ends_with(|c: char| c.is_ascii_digit())))
}

/// The heading of what is generated, to the end of the page.
const GENERATED: &str = "## Every rule of hardpan\n";

/// The columns of the generated table: the heading, and what sources begin with that belong there.
const COLUMNS: [(&str, &[&str]); 6] = [
    ("CIS Docker", &["CIS "]),
    ("NIST SP 800-190", &["NIST "]),
    ("Pod Security", &["PSS"]),
    ("dockle", &["CIS-DI-", "DKL-"]),
    ("hadolint", &["DL"]),
    ("trivy", &["DS-"]),
];

/// The catalogue: each rule's name and sources.
fn catalogue() -> BTreeMap<String, Vec<String>> {
    ordered_catalogue().into_iter().collect()
}

/// The same, in its own order.
fn ordered_catalogue() -> Vec<(String, Vec<String>)> {
    let output = Case::new().run(["audit", "--list-rules", "--json"]).ok();
    let rules: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let sources = |rule: &Value| rule["sources"].as_array().expect("sources").iter().map(text).collect();
    rules.as_array().expect("rules").iter().map(|rule| (text(&rule["name"]), sources(rule))).collect()
}

/// The rows of a line's table: its cells.
fn rows() -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    let (written, _) = PAGE.split_once(GENERATED).unwrap_or((PAGE, ""));
    written.lines().filter(|line| line.starts_with("| ")).map(cells).collect()
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

/// The part of the page that is generated, without its heading.
fn generated() -> String {
    let mut text = "
<!-- Generated: `HARDPAN_BLESS=1 cargo test --test suite -- practices` writes this part anew. -->

Where others ask for the same: the CIS Docker Benchmark; the countermeasures of NIST SP 800-190 (4.1.1 vulnerabilities, 4.1.2
configuration, 4.1.3 malware, 4.1.4 secrets, 4.1.5 trust); the fields that Kubernetes' Pod Security Standards look at under
\"restricted\"; and the checks of dockle, hadolint and trivy. A rule without any is hardpan's own.

"
    .to_owned();
    let headings: Vec<&str> = COLUMNS.iter().map(|(heading, _)| *heading).collect();
    writeln!(text, "| Rule | {} |\n|{}", headings.join(" | "), "---|".repeat(COLUMNS.len() + 1)).unwrap();
    for (rule, sources) in ordered_catalogue() {
        write!(text, "| `{rule}` |").unwrap();
        for (_, starts) in COLUMNS {
            let of_column = |source: &&String| starts.iter().any(|start| source.starts_with(start));
            let names: Vec<&str> = sources.iter().filter(of_column).map(|source| plain(source)).collect();
            write!(text, " {} |", names.join(", ")).unwrap();
        }
        text.push('\n');
    }
    text
}

/// A source without the name of its book, which is that of its column.
fn plain(source: &str) -> &str {
    ["CIS ", "NIST ", "PSS "].iter().find_map(|book| source.strip_prefix(book)).unwrap_or(source)
}

/// `HARDPAN_BLESS=1 cargo test --test suite -- practices` writes the table anew.
#[test]
fn table_of_every_rule() {
    let expected = generated();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/practices.md");
    if std::env::var_os("HARDPAN_BLESS").is_some() {
        let page = fs::read_to_string(path).unwrap();
        let (written, _) = page.split_once(GENERATED).expect("the heading");
        fs::write(path, format!("{written}{GENERATED}{expected}")).unwrap();
        return;
    }
    let (_, found) = PAGE.split_once(GENERATED).expect("the heading");
    assert_eq!(found, expected, "`HARDPAN_BLESS=1 cargo test --test suite -- practices` writes the table anew");
    // The table is of no use where nothing is in it.
    for (heading, starts) in COLUMNS {
        let has_any = |(_, sources): &(String, Vec<String>)| {
            sources.iter().any(|source| starts.iter().any(|start| source.starts_with(start)))
        };
        assert!(ordered_catalogue().iter().any(has_any), "{heading}");
    }
}
