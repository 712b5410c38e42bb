//! `hardpan affected`: never a recipe that is called unaffected although its image differs, and few that are called affected
//! for nothing.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use crate::support::{
    case::Case,
    judges::{checked, tool},
};

mod fleet;
mod forms;
mod history;
mod inputs;

/// git in the case's folder, or in one below it.
fn git_in(case: &Case, folder: &str, words: &[&str]) -> String {
    let who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"];
    let mut command: Command = tool("git");
    command.args(who).args(words).current_dir(case.path(folder));
    checked(command.env("GIT_CONFIG_GLOBAL", "/dev/null"))
}

fn git(case: &Case, words: &[&str]) -> String {
    git_in(case, "", words)
}

/// Makes the folder a checkout whose one commit has everything.
fn committed(case: Case) -> Case {
    git(&case, &["init", "-q", "-b", "main"]);
    commit(&case);
    case
}

fn commit(case: &Case) {
    git(case, &["add", "-A"]);
    git(case, &["commit", "-q", "--allow-empty", "-m", "more"]);
}

/// What `affected --format json` says.
fn asked(case: &Case, words: &[&str]) -> Value {
    let words = ["affected", "--format", "json"].iter().chain(words);
    serde_json::from_str(&case.run(words).ok().stdout).expect("JSON")
}

/// The names in one list of the answer.
fn names(answer: &Value, list: &str) -> BTreeSet<String> {
    let all = answer[list].as_array().expect("a list");
    all.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

/// The names of the images that are affected.
fn affected(case: &Case, words: &[&str]) -> BTreeSet<String> {
    names(&asked(case, words), "affected")
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A recipe that takes one file.
fn taking(file: &str) -> String {
    format!("[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n[[file]]\nfrom = \"{file}\"\nto = \"/data\"\n")
}
