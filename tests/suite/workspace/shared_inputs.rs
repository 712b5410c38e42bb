//! Shared files are inputs: `affected` names them, and no build takes a change of them for none.

use std::{fs, process::Command};

use serde_json::Value;

use super::Case;
use crate::support::{
    case::APP,
    elf,
    judges::{checked, tool},
};

fn git(case: &Case, words: &[&str]) {
    let mut command: Command = tool("git");
    command.args(["-c", "user.name=t", "-c", "user.email=t@example.com"]).args(words).current_dir(case.dir());
    checked(command.env("GIT_CONFIG_GLOBAL", "/dev/null"));
}

/// The names of affected images, and the paths that make them so.
fn affected(case: &Case) -> (Vec<String>, Vec<String>) {
    let output =
        case.run(["affected", "--since", "HEAD", "--format", "json", "a/one.toml", "a/two.toml", "b/three.toml"]).ok();
    let answer: Value = serde_json::from_str(&output.stdout).unwrap();
    let all = answer["affected"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut paths: Vec<String> =
        all.iter().flat_map(|one| one["reasons"].as_array().unwrap()).map(|reason| text(&reason["path"])).collect();
    paths.dedup();
    (all.iter().map(|one| text(&one["name"])).collect(), paths)
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn a_change_of_a_shared_file_affects_those_that_take_from_it() {
    let case = Case::new()
        .file("a/one.toml", format!("extends = \"../common.toml\"\n{APP}"))
        .file("a/two.toml", APP)
        .file("b/three.toml", APP)
        .file("b/hardpan.workspace.toml", "[defaults]\n")
        .file("common.toml", "extends = \"more.toml\"\n")
        .file("more.toml", "[[file]]\nfrom = \"motd.txt\"\nto = \"/motd\"\n")
        .file("motd.txt", "one\n")
        .file("a/app", elf::static_amd64())
        .file("b/app", elf::static_amd64());
    git(&case, &["init", "-q", "-b", "main"]);
    git(&case, &["add", "-A"]);
    git(&case, &["commit", "-q", "-m", "all"]);
    let digests = || -> Vec<String> {
        let recipes = ["a/one.toml", "a/two.toml", "b/three.toml"];
        recipes.iter().map(|recipe| case.run(["build", recipe]).ok().digest()).collect()
    };
    let before = digests();
    let labels = "[defaults.run.labels]\na = \"b\"\n";
    for (path, text, names, paths) in [
        ("common.toml", "extends = \"more.toml\"\n[run.labels]\na = \"b\"\n", &["one"][..], &["common.toml"][..]),
        ("more.toml", "[run.labels]\na = \"b\"\n", &["one"], &["more.toml"]),
        ("motd.txt", "two\n", &["one"], &["motd.txt"]),
        // A workspace that was not there, for all below it, but for those with a nearer one.
        ("hardpan.workspace.toml", labels, &["one", "two"], &["hardpan.workspace.toml"]),
        ("a/hardpan.workspace.toml", labels, &["one", "two"], &["a/hardpan.workspace.toml"]),
        ("b/hardpan.workspace.toml", labels, &["three"], &["b/hardpan.workspace.toml"]),
    ] {
        let was = fs::read(case.path(path)).ok();
        let changed = case.clone().file(path, text);
        let (found, why) = affected(&changed);
        assert_eq!((found, why), (owned(names), owned(paths)), "{path}");
        // The next build takes it, whatever it remembers of the last one.
        let differ: Vec<bool> = digests().iter().zip(&before).map(|(now, was)| now != was).collect();
        let expected: Vec<bool> = ["one", "two", "three"].iter().map(|name| names.contains(name)).collect();
        assert_eq!(differ, expected, "{path}");
        match was {
            Some(was) => fs::write(case.path(path), was).unwrap(),
            None => fs::remove_file(case.path(path)).unwrap(),
        }
    }
    // One that goes away.
    fs::remove_file(case.path("b/hardpan.workspace.toml")).unwrap();
    assert_eq!(affected(&case).0, ["three"]);
    let explained = case.run(["affected", "--since", "HEAD", "b/three.toml", "--explain", "three"]).ok();
    assert!(
        explained.stdout.contains("`b/hardpan.workspace.toml` changed: the workspace of the recipe"),
        "{}",
        explained.stdout
    );
}
