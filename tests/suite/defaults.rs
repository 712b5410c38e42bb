//! A default that is written out changes nothing: every key that the schema gives a default, and those whose default is
//! words.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{
    case::{APP, Case},
    elf,
};

/// Where each table of the schema is in the recipe below.
const TABLES: [(&str, &str); 8] = [
    ("Binary", "[[binary]]\n"),
    ("File", "[[file]]\n"),
    ("Tree", "[[tree]]\n"),
    ("Directory", "[[dir]]\n"),
    ("Symlink", "[[symlink]]\n"),
    ("Run", "[run]\n"),
    ("System", "[system]\n"),
    ("Policy", "[policy]\n"),
];

/// Everything at its default, with each table there.
const PLAIN: &str = r#"
[[binary]]
path = "app"
to = "/usr/bin/app"
[[file]]
text = "a"
to = "/etc/a"
[[tree]]
from = "static"
to = "/srv"
include = "**/*"
[[dir]]
to = "/var/lib/a"
[[symlink]]
to = "/srv/b"
target = "a"
[run]
[system]
[policy]
"#;

/// Defaults that the schema says in words, or that are what a key holds nothing of; `Recipe` is the top.
const WORDS: [(&str, &str); 26] = [
    ("Recipe", "name = \"app\""),
    ("Recipe", "platforms = [\"linux/amd64\"]"),
    ("Recipe", "annotations = {}"),
    ("Recipe", "vars = {}"),
    ("Binary", "platforms = [\"linux/amd64\"]"),
    ("File", "platforms = [\"linux/amd64\"]"),
    ("Tree", "platforms = [\"linux/amd64\"]"),
    ("Tree", "exclude = []"),
    ("Tree", "executable = []"),
    ("Directory", "platforms = [\"linux/amd64\"]"),
    ("Symlink", "platforms = [\"linux/amd64\"]"),
    ("Run", "entrypoint = [\"/usr/bin/app\"]"),
    ("Run", "args = []"),
    ("Run", "env = {}"),
    ("Run", "ports = []"),
    ("Run", "labels = {}"),
    ("System", "certificates = \"mozilla\""),
    ("System", "extra-certificates = []"),
    ("System", "passwd = true"),
    ("Policy", "profile = \"hardened\""),
    ("Policy", "fail-on = \"medium\""),
    ("Policy", "severity = {}"),
    ("Policy", "registries = []"),
    ("Policy", "allow = []"),
    // These two are of programs that are compiled, see below.
    ("Binary", "dir"),
    ("Binary", "target"),
];

/// Keys whose default is words, and that have no value to write: what they say depends on the machine or the checkout.
const WITHOUT_A_VALUE: [(&str, &str); 3] = [("Binary", "linker"), ("Binary", "to"), ("Allow", "path")];
/// Keys of programs that are compiled.
const COMPILED: [&str; 7] = ["auditable", "cgo", "dir", "profile", "strip", "target", "vcs"];

fn case() -> Case {
    Case::new().file("app", elf::static_amd64()).file("static/a", "a")
}

/// The recipe with a line more in a table.
fn with(table: &str, line: &str) -> String {
    match TABLES.iter().find(|(name, _)| *name == table) {
        Some((_, header)) => PLAIN.replace(header, &format!("{header}{line}\n")),
        None => format!("{line}\n{PLAIN}"),
    }
}

/// The properties of every table, by table and key.
fn properties() -> BTreeMap<(String, String), Value> {
    let schema: Value = serde_json::from_str(&Case::new().run(["schema"]).ok().stdout).expect("JSON");
    let tables = schema["definitions"].as_object().expect("definitions").iter();
    let tables = tables.map(|(name, table)| (name.as_str(), table)).chain([("Recipe", &schema)]);
    let of = |(name, table): (&str, &Value)| -> Vec<_> {
        let properties = table["properties"].as_object().into_iter().flatten();
        properties.map(|(key, property)| ((name.to_owned(), key.clone()), property.clone())).collect()
    };
    tables.flat_map(of).collect()
}

#[test]
fn a_default_that_is_written_out_moves_no_digest() {
    let case = case();
    let digest = |recipe: &str| case.clone().file("app.toml", recipe).run(["build", "app.toml", "-q"]).ok().digest();
    let plain = digest(PLAIN);
    let mut lines: Vec<(String, String)> = WORDS
        .iter()
        .filter(|(_, line)| line.contains('='))
        .map(|(table, line)| ((*table).to_owned(), (*line).to_owned()))
        .collect();
    for ((table, key), property) in properties() {
        let Some(default) = property.get("default") else { continue };
        // A default of serde's own is that of an empty list or table, which are above.
        if (default.is_array() || default.is_object()) || (table == "Binary" && COMPILED.contains(&key.as_str())) {
            continue;
        }
        lines.push((table, format!("{key} = {default}")));
    }
    assert!(lines.len() > 38, "{lines:?}");
    for (table, line) in &lines {
        assert_eq!(digest(&with(table, line)), plain, "[{table}] {line}");
    }
    // And all of them at once.
    let mut all = PLAIN.to_owned();
    for (table, line) in lines.iter().rev() {
        let header = TABLES.iter().find(|(name, _)| name == table).map_or("", |(_, header)| header);
        all = if header.is_empty() {
            format!("{line}\n{all}")
        } else {
            all.replace(header, &format!("{header}{line}\n"))
        };
    }
    assert_eq!(digest(&all), plain, "{all}");
}

#[test]
fn every_key_whose_default_is_words_is_in_this_test() {
    for ((table, key), property) in properties() {
        let in_words = property["description"].as_str().is_some_and(|text| text.contains("Default:"));
        let is_known = WORDS.iter().any(|(name, line)| *name == table && line.split(' ').next() == Some(&key))
            || WITHOUT_A_VALUE.contains(&(&table, &key));
        assert!(!in_words || is_known, "[{table}] {key}");
    }
}

#[test]
fn the_defaults_of_programs_that_are_compiled_move_no_digest() {
    let case = Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("main.go", "package main\n\nfunc main() { println(\"go\") }\n")
        .file("Cargo.toml", "[package]\nname = \"prog\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("Cargo.lock", "version = 4\n\n[[package]]\nname = \"prog\"\nversion = \"0.1.0\"\n")
        .file("src/main.rs", "fn main() { println!(\"cargo\") }\n");
    let shared = "dir = \".\"\nto = \"/usr/bin/prog\"\nflags = []\nenv = {}\nstrip = true\n";
    for (source, keys) in [
        ("go = \".\"", "tags = []\nldflags = []\nvcs = false\ncgo = false\n"),
        (
            "cargo = \"prog\"",
            "target = \"x86_64-unknown-linux-musl\"\nfeatures = []\nprofile = \"release\"\nrustflags = []\nauditable = true\n",
        ),
    ] {
        let recipe = format!("name = \"prog\"\n[[binary]]\n{source}\n");
        let digest = |recipe: &str| {
            case.clone().file("prog.toml", recipe).run(["build", "prog.toml", "--offline"]).ok().digest()
        };
        assert_eq!(digest(&format!("{recipe}{shared}{keys}")), digest(&recipe), "{source}");
    }
}

#[test]
fn order_of_platforms() {
    let recipe = "platforms = [\"linux/arm64\", \"linux/amd64\", \"linux/riscv64\"]\n[[binary]]\npath = \"app-{arch}\"\nto = \"/app\"\n";
    let case = Case::new().recipe(recipe).file("app-amd64", elf::static_amd64()).file("app-arm64", elf::static_arm64());
    let built = |platforms: &[&str]| {
        let options = platforms.iter().map(|platform| format!("--platform=linux/{platform}"));
        let output = case.run(["build".to_owned(), "app.toml".to_owned()].into_iter().chain(options)).ok();
        let architectures: Vec<_> =
            output.layout().images().iter().map(crate::support::layout::Image::platform).collect();
        (output.digest(), architectures)
    };
    let expected = built(&["arm64", "amd64"]);
    assert_eq!(expected.1, ["linux/arm64", "linux/amd64"]);
    assert_eq!(built(&["amd64", "arm64"]), expected);
    assert_eq!(built(&["amd64", "arm64", "amd64"]), expected);
    let help = case.run(["help", "build"]).ok().stdout;
    assert!(help.contains("the recipe's order"), "{help}");
    // Platforms that the recipe does not name follow, in the order in which they are given.
    let other =
        case.clone().recipe(&recipe.replace("\"linux/arm64\", \"linux/amd64\", \"linux/riscv64\"", "\"linux/amd64\""));
    let output = other.run(["build", "app.toml", "--platform=linux/arm64", "--platform=linux/amd64"]).ok();
    assert_eq!(output.layout().images()[0].platform(), "linux/amd64");
}

#[test]
fn a_signal_that_is_not_the_default_is_written() {
    let recipe = format!("{APP}[run]\nstop-signal = \"SIGINT\"\nworkdir = \"/srv\"\n");
    let image = Case::new().recipe(&recipe).file("app", elf::static_amd64()).build().ok().layout().image();
    assert_eq!(image.config["config"]["StopSignal"], "SIGINT");
    assert_eq!(image.config["config"]["WorkingDir"], "/srv");
}
