//! `hardpan audit` from the outside: images as other tools leave them, and hardpan's own.

pub mod articles;
pub mod baselines;
pub mod breakouts;
pub mod fleets;
pub mod forms;
pub mod habits;
pub mod words;

use std::{fs, process::Command};

use serde_json::Value;

use crate::support::{case::Case, judges::checked, layout::Layout, output::Output};

/// The exit code and the one report of `hardpan audit --json IMAGE MORE...`.
#[track_caller]
fn audit(case: &Case, image: &str, more: &[&str]) -> (i32, Value) {
    let output = run(case, image, &[&["--json"], more].concat());
    let json: Value = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {}\nstderr: {}", output.stdout, output.stderr));
    let audits = json["audits"].as_array().expect("audits");
    assert_eq!(audits.len(), 1, "one name, one report");
    (output.code, audits[0].clone())
}

/// `hardpan audit IMAGE MORE...`.
fn run(case: &Case, image: &str, more: &[&str]) -> Output {
    case.run([&["audit", image], more].concat())
}

/// An image of this project: nothing at or above medium in any rule, every rule answered, and no trace of a secret.
#[track_caller]
pub fn passes(layout: &Layout) {
    let (code, report) = audit(&Case::new(), &layout.dir().display().to_string(), &["--profile", "hardened"]);
    assert_eq!(code, 0, "{}", table(&report));
    let secrets = ["key", "token", "secret", "credential", "login"];
    let about_secrets = |rule: &&String| secrets.iter().any(|word| rule.contains(word));
    assert_eq!(rules(&report).iter().find(about_secrets), None, "{}", table(&report));
}

/// Every finding of a report: those of its images, then those of its name.
fn findings(audit: &Value) -> Vec<&Value> {
    let images = audit["images"].as_array().expect("images");
    let lists = images.iter().map(|image| &image["findings"]).chain([&audit["findings"]]);
    lists.filter_map(Value::as_array).flatten().collect()
}

/// The rules of all findings, each once, sorted.
fn rules(audit: &Value) -> Vec<String> {
    let mut rules: Vec<String> =
        findings(audit).into_iter().map(|finding| finding["rule"].as_str().expect("a rule").to_owned()).collect();
    rules.sort();
    rules.dedup();
    rules
}

/// A line a finding: severity, rule and place; what a person would look up.
fn table(audit: &Value) -> String {
    let mut lines: Vec<String> = findings(audit)
        .into_iter()
        .map(|finding| {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let place = &finding["place"];
            let at = if place["path"].is_string() { word(&place["path"]) } else { word(&place["key"]) };
            format!("{:<8} {} {at}", word(&finding["severity"]), word(&finding["rule"])).trim_end().to_owned()
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// A program of C as hardened as a static one can be, in the case's folder: it prints its first argument.
fn hardened_program(case: &Case, name: &str) {
    let source =
        "#include <stdio.h>\nint main(int n, char **a) { printf(\"%s\\n\", n > 1 ? a[1] : \"\"); return 0; }\n";
    fs::write(case.path("main.c"), source).expect("a source");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-static-pie", "-fstack-protector-strong", "-s", "-Wl,-z,relro,-z,now", "-o"]);
    checked(cc.arg(case.path(name)).arg(case.path("main.c")));
    fs::remove_file(case.path("main.c")).expect("the source");
}
