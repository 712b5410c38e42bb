//! What hardpan says about itself: help, manual pages, completions. None of it may drift from the program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{
    case::Case,
    judges::{checked, tool},
};

/// What `hardpan` prints on stdout.
fn says(arguments: &[&str]) -> String {
    Case::new().run(arguments).ok().stdout
}

/// The verbs, as `hardpan --help` lists them.
pub fn verbs() -> Vec<String> {
    let help = says(&["--help"]);
    let list = help.split_once("Commands:\n").expect("a list of verbs").1;
    let verbs = list.lines().take_while(|line| !line.is_empty());
    // A line that goes on from the one before is indented further.
    verbs
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The long help of hardpan itself and of every verb.
pub fn helps() -> Vec<(String, String)> {
    let mut helps = vec![("hardpan".to_owned(), says(&["--help"]))];
    helps.extend(verbs().into_iter().map(|verb| (verb.clone(), says(&[verb.as_str(), "--help"]))));
    helps
}

#[test]
fn every_verb_has_a_short_help_and_a_long_one_that_teaches() {
    for (verb, long) in helps() {
        for part in ["Usage: ", "Examples:\n  hardpan ", "Exit codes:\n  0  done"] {
            assert!(long.contains(part), "no `{part}` in the help of {verb}:\n{long}");
        }
        if verb == "hardpan" {
            continue;
        }
        let short = says(&[verb.as_str(), "-h"]);
        assert!(short.lines().count() < long.lines().count(), "-h of {verb} is as long as --help:\n{short}");
        assert!(short.contains("`--help` says more"), "{short}");
        assert_eq!(says(&["help", &verb]), long, "`hardpan help {verb}`");
        let general = long.split_once("\nOptions:\n").map_or("", |(_, rest)| rest.split("\n\n").next().unwrap_or(""));
        for option in long.split_whitespace().filter(|word| word.starts_with("--")) {
            let general_one = ["--quiet", "--verbose", "--help"].contains(&option);
            assert!(general_one || !general.contains(option), "{option} of {verb} has no heading (`pages::heading`)");
        }
    }
}

#[test]
fn typing_errors_find_their_word_and_later_verbs_say_so() {
    let case = Case::new();
    for (words, answer) in [
        (["buidl", "x"], "'build'"),
        (["build", "--offlin"], "'--offline'"),
        (["help", "paln"], "`plan`"),
        (["verify", "--help"], "`verify` is not in this version yet"),
        (["verify", "out/hello"], "`verify` is not in this version yet"),
        (["help", "scan"], "`scan` is not in this version yet"),
        (["lock", "--chekc"], "'--check'"),
        (["completions", "tcsh"], "fish"),
    ] {
        case.run(words).fails(2).says(answer);
    }
    // Words of the recipe's author are never taken for options.
    case.run(["build", "no.toml"]).fails(2).says("no.toml");
}

#[test]
fn manual_pages_convince_mandoc() {
    let case = Case::new();
    let mut pages: Vec<(String, Vec<String>)> = vec![("hardpan".to_owned(), vec!["man".to_owned()])];
    for topic in verbs().into_iter().chain(["recipe".to_owned()]) {
        pages.push((topic.clone(), vec!["man".to_owned(), topic]));
    }
    for (topic, words) in pages {
        let page = case.run(&words).ok().stdout;
        let case = case.clone().file("page", &page);
        let lint =
            tool("mandoc").args(["-T", "lint", "-W", "warning"]).arg(case.path("page")).output().expect("mandoc");
        let lint = String::from_utf8_lossy(&lint.stdout).into_owned();
        // A date would make the page another one every day; the line breaks around values are clap_mangen's.
        let known = ["missing date", "skipping paragraph macro: br"];
        let faults: Vec<_> = lint.lines().filter(|line| !known.iter().any(|words| line.contains(words))).collect();
        assert!(faults.is_empty(), "{topic}: {faults:#?}");
        let text = checked(tool("mandoc").args(["-T", "utf8", "-O", "width=120"]).arg(case.path("page")));
        // Bold is a letter, a backspace and the letter again.
        let mut plain = String::new();
        for letter in text.chars() {
            if letter == '\u{8}' {
                plain.pop();
            } else {
                plain.push(letter);
            }
        }
        let wanted = if topic == "recipe" { "[[binary]]" } else { "EXIT CODES" };
        assert!(plain.contains(wanted) && plain.contains("NAME"), "{topic}:\n{plain}");
        for line in examples_of(&says(&["help", &topic.replace("hardpan", "help")])) {
            assert!(plain.contains(line.trim_end()) || topic == "hardpan", "{topic} has no `{line}`:\n{plain}");
        }
    }
}

/// The lines of an `Examples:` section.
pub fn examples_of(help: &str) -> Vec<String> {
    let section = help.split_once("Examples:\n").map_or("", |(_, rest)| rest);
    section.lines().take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn completions_complete() {
    let case = Case::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = case.run(["completions", shell]).ok().stdout;
        for word in ["build", "offline", "completions"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        case.clone().file(shell, script);
    }
    let at = |shell: &str| case.path(shell).display().to_string();
    let bash = format!(
        "source {}; COMP_WORDS=(hardpan inspect --js); COMP_CWORD=2; COMP_LINE='hardpan inspect --js'; \
         _hardpan hardpan --js inspect; echo \"${{COMPREPLY[@]}}\"",
        at("bash")
    );
    assert_eq!(checked(tool("bash").args(["--norc", "-c", &bash])).trim(), "--json");
    let fish = format!("source {}; complete --do-complete 'hardpan insp'", at("fish"));
    let fish = checked(tool("fish").env("HOME", case.dir()).args(["--no-config", "--command", &fish]));
    assert!(fish.starts_with("inspect\t"), "{fish}");
    // zsh completes only at a terminal; elvish and PowerShell are not asked.
    checked(tool("zsh").arg("-n").arg(case.path("zsh")));
}

/// Key and line of everything that the cheat sheet shows, by table.
fn sheet() -> BTreeMap<String, BTreeMap<String, String>> {
    let mut tables: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let mut table = String::new();
    for line in says(&["help", "recipe"]).lines() {
        if line.starts_with('[') {
            let name = line.split('#').next().unwrap_or("").trim();
            name.trim_matches(['[', ']']).clone_into(&mut table);
            tables.entry(table.clone()).or_default();
            continue;
        }
        let bare = line.strip_prefix("# ").unwrap_or(line);
        let Some((key, _)) = bare.split_once('=') else { continue };
        let key = key.trim_end();
        if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        {
            tables.entry(table.clone()).or_default().insert(key.to_owned(), bare.to_owned());
        }
    }
    tables
}

#[test]
fn the_cheat_sheet_has_the_keys_and_defaults_of_the_schema() {
    let schema: Value = serde_json::from_str(&says(&["schema"])).expect("JSON");
    let mut sheet = sheet();
    let tables = [
        ("binary", "Binary"),
        ("file", "File"),
        ("tree", "Tree"),
        ("dir", "Directory"),
        ("symlink", "Symlink"),
        ("run", "Run"),
        ("system", "System"),
        ("policy", "Policy"),
        ("policy.allow", "Allow"),
    ];
    let definitions: BTreeSet<_> = schema["definitions"].as_object().expect("definitions").keys().cloned().collect();
    assert_eq!(definitions, tables.iter().map(|(_, name)| (*name).to_owned()).collect(), "a table without a line here");
    assert!(sheet.remove("vars").is_some());
    let headers: BTreeSet<String> = sheet.keys().cloned().collect();
    for (table, properties) in tables
        .iter()
        .map(|(table, name)| (*table, &schema["definitions"][name]["properties"]))
        .chain([("", &schema["properties"])])
    {
        let lines = sheet.remove(table).unwrap_or_default();
        let inner = |key: &str| if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") };
        let wanted: BTreeSet<&String> = properties
            .as_object()
            .expect("properties")
            .keys()
            .filter(|key| !headers.contains(&inner(key)) && inner(key) != "vars")
            .collect();
        assert_eq!(lines.keys().collect::<BTreeSet<_>>(), wanted, "the keys of [{table}]");
        for (key, line) in &lines {
            let default = &properties[key]["default"];
            if default.is_null() || default.as_array().is_some_and(Vec::is_empty) || default.is_object() {
                continue;
            }
            let value: toml::Table = toml::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
            let value = serde_json::to_value(&value[key.as_str()]).expect("JSON");
            assert!(value == *default || line.contains(&format!("default: {default}")), "{line}: not {default}");
        }
    }
    assert!(sheet.is_empty(), "not in the schema: {sheet:?}");
}
