//! How the answer is printed.

use super::{Case, committed, git, taking};
use crate::support::elf;

fn case() -> Case {
    let case = Case::new()
        .file("recipes/app", elf::static_amd64())
        .file("recipes/a.toml", taking("a.txt"))
        .file("recipes/b.toml", format!("name = \"bee\"\n{}", taking("b.txt")))
        .file("recipes/c.toml", "name = \n")
        .file("recipes/a.txt", "one\n")
        .file("recipes/b.txt", "one\n");
    committed(case).file("recipes/b.txt", "two\n")
}

#[test]
fn lines_matrix_and_json_say_the_same() {
    let case = case();
    // A recipe that cannot be read hides no other one, and is not called unaffected.
    let lines = case.run(["affected", "--since", "HEAD"]).ok().says("2 of 3 recipes are affected");
    assert_eq!(lines.stdout, "recipes/b.toml\nrecipes/c.toml\n");
    let matrix = case.run(["affected", "--since", "HEAD", "--format", "matrix"]).ok().stdout;
    let expected = "{\"include\":[{\"name\":\"bee\",\"recipe\":\"recipes/b.toml\"},{\"name\":\"c\",\"recipe\":\"recipes/c.toml\"}]}\n";
    assert_eq!(matrix, expected);
    let json: serde_json::Value =
        serde_json::from_str(&case.run(["affected", "--since", "HEAD", "--format", "json"]).ok().stdout).unwrap();
    assert_eq!(json["compared-with"][0], git(&case, &["rev-parse", "HEAD"]).trim());
    let reason = &json["affected"][0]["reasons"][0];
    assert_eq!((&reason["path"], &reason["change"]), (&"recipes/b.txt".into(), &"changed".into()));
    assert_eq!(json["unaffected"][0]["name"], "a");
    let none = case.run(["affected", "--since", "HEAD", "--format", "matrix", "recipes/a.toml"]).ok();
    assert_eq!(none.stdout, "{\"include\":[]}\n");
}

#[test]
fn an_explanation_names_the_file() {
    let case = case();
    let explain = |name: &str| case.run(["affected", "--since", "HEAD", "--explain", name]);
    assert_eq!(
        explain("bee").ok().stdout,
        "bee (recipes/b.toml) is affected:\n  `recipes/b.txt` changed: a `[[file]]`, line 6\n"
    );
    assert_eq!(explain("recipes/b.toml").ok().stdout, explain("bee").ok().stdout);
    assert!(
        explain("a").ok().stdout.starts_with("a (recipes/a.toml) is unaffected: none of its inputs changed since ")
    );
    assert!(explain("c").ok().stdout.contains("the recipe cannot be read: "));
    explain("d").fails(2).says("error[usage]: no recipe makes an image `d`").says("there are `a`, `bee`, `c`");
}
