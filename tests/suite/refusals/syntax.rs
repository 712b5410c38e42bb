//! What is no TOML, or TOML of another shape than a recipe's.

use super::{app, recipe, refusal};

#[test]
fn an_unknown_key() {
    let said = refusal(2, &app(r#"nmae = "x""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: unknown key `nmae`
      |
    1 | nmae = "x"
      | ^^^^
    hint: did you mean `name`?
    "#);
}

#[test]
fn an_unknown_key_of_a_table() {
    let said = refusal(
        2,
        &app(r#"[run]
usr = "1:1""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:1: unknown key `usr`
      |
    2 | usr = "1:1"
      | ^^^
    hint: did you mean `user`?
    "#);
}

#[test]
fn an_unknown_table() {
    let said = refusal(2, &app("[runn]"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:2: unknown key `runn`
      |
    1 | [runn]
      |  ^^^^
    hint: did you mean `run`?
    ");
}

#[test]
fn a_key_of_another_table() {
    let said = refusal(
        2,
        &app(r#"[system]
user = "1:1""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:1: unknown key `user`
      |
    2 | user = "1:1"
      | ^^^^
    hint: `user` is a key of `[run]`
    "#);
}

#[test]
fn a_key_of_the_recipe_below_a_table() {
    let said = refusal(2, &recipe("[[binary]]\npath = \"app\"\nto = \"/app\"\nname = \"x\"\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:1: unknown key `name`
      |
    4 | name = "x"
      | ^^^^
    hint: `name` is a key of the recipe itself; write it above the first table
    "#);
}

#[test]
fn a_duplicate_key() {
    let said = refusal(
        2,
        &app(r#"name = "x"
name = "y""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:1: duplicate key `name`, it is on line 1 already
      |
    2 | name = "y"
      | ^^^^
    "#);
}

#[test]
fn a_duplicate_table() {
    let said = refusal(
        2,
        &app(r#"[run]
user = "1:1"
[run]
args = []"#),
    );
    insta::assert_snapshot!(said, @"
    error: app.toml:3:2: duplicate key `run`, it is on line 1 already
      |
    3 | [run]
      |  ^^^
    ");
}

#[test]
fn a_duplicate_variable() {
    let said = refusal(2, &app(r#"run.env = { A = "1", "A" = "2" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:22: duplicate key `"A"`, it is on line 1 already
      |
    1 | run.env = { A = "1", "A" = "2" }
      |                      ^^^
    "#);
}

#[test]
fn a_number_for_a_string() {
    let said = refusal(2, &app("name = 1"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: expected a string, found an integer
      |
    1 | name = 1
      |        ^
    hint: write it in quotes: `"1"`
    "#);
}

#[test]
fn a_string_for_a_table() {
    let said = refusal(2, &app(r#"run = "1:1""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:7: expected a table, found a string
      |
    1 | run = "1:1"
      |       ^^^^^
    "#);
}

#[test]
fn an_array_for_a_table() {
    let said = refusal(2, &app(r#"run = [{ user = "1:1" }]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:7: expected a table, found an array
      |
    1 | run = [{ user = "1:1" }]
      |       ^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_table_for_an_array_of_tables() {
    let said = refusal(2, &recipe("[binary]\npath = \"app\"\nto = \"/app\"\n"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:1: expected an array, found a table
      |
    1 | [binary]
      | ^^^^^^^^
    hint: write `[[binary]]`
    ");
}

#[test]
fn a_string_for_an_array() {
    let said = refusal(2, &app(r#"run.args = "--port""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:12: expected an array, found a string
      |
    1 | run.args = "--port"
      |            ^^^^^^^^
    hint: write it in brackets: `["--port"]`
    "#);
}

#[test]
fn a_string_for_a_boolean() {
    let said = refusal(2, &app(r#"system.tmp = "true""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: expected a boolean, found a string
      |
    1 | system.tmp = "true"
      |              ^^^^^^
    hint: write it without quotes
    "#);
}

#[test]
fn a_date_for_a_string() {
    let said = refusal(2, &app("name = 2026-01-01"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: expected a string, found a date
      |
    1 | name = 2026-01-01
      |        ^^^^^^^^^^
    hint: write it in quotes: `"2026-01-01"`
    "#);
}

#[test]
fn an_array_that_mixes_kinds() {
    let said = refusal(2, &app(r#"run.args = ["--port", 8080]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:23: expected a string, found an integer
      |
    1 | run.args = ["--port", 8080]
      |                       ^^^^
    hint: write it in quotes: `"8080"`
    "#);
}

#[test]
fn a_string_that_does_not_end() {
    let said = refusal(2, &app(r#"name = "x"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:10: not valid TOML: invalid basic string, expected `"`
      |
    1 | name = "x
      |          ^
    "#);
}

#[test]
fn an_array_that_does_not_end() {
    let said = refusal(2, &app(r#"platforms = ["linux/amd64""#));
    insta::assert_snapshot!(said, @"
    error: app.toml:2:1: not valid TOML: missing comma between array elements, expected `,`
      |
    2 | [[binary]]
      | ^
    ");
}

#[test]
fn a_value_that_is_missing() {
    let said = refusal(2, &app("name ="));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:7: not valid TOML: a value is missing
      |
    1 | name =
      |       ^
    ");
}

#[test]
fn a_shell_word_for_a_value() {
    let said = refusal(2, &app("name = hello"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: not valid TOML: `hello` is no value
      |
    1 | name = hello
      |        ^^^^^
    hint: a text is in quotes: `"hello"`
    "#);
}

#[test]
fn a_yaml_recipe() {
    let said = refusal(2, &app("name: hello"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:7: not valid TOML: key with no value, expected `=`
      |
    1 | name: hello
      |       ^
    ");
}
