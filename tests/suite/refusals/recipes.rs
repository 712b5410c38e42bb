//! Recipe files that are absent, odd, or hostile.

use super::{recipe, refusal, refusal_of};
use crate::support::case::{APP, Case};

#[test]
fn behind_a_byte_order_mark() {
    let said = refusal(2, &recipe("\u{feff}nmae = 1\n"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:1: unknown key `nmae`
      |
    1 | nmae = 1
      | ^^^^
    hint: did you mean `name`?
    ");
}

#[test]
fn with_windows_line_ends() {
    let said = refusal(2, &recipe("format = 1\r\n\r\nnmae = 1\r\n"));
    insta::assert_snapshot!(said, @"
    error: app.toml:3:1: unknown key `nmae`
      |
    3 | nmae = 1
      | ^^^^
    hint: did you mean `name`?
    ");
}

#[test]
fn with_old_mac_line_ends() {
    let said = refusal(2, &recipe("format = 1\rname = \"x\"\r"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:12: not valid TOML: carriage return must be followed by newline, expected newline
      |
    1 | format = 1\rname = "x"
      |             ^
    "#);
}

#[test]
fn a_nul() {
    let said = refusal(2, &recipe("name = \"x\"\0\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:11: not valid TOML: unexpected key or value, expected newline, `#`
      |
    1 | name = "x"\u{0}
      |           ^
    "#);
}

#[test]
fn an_escape_sequence_in_a_key() {
    let said = refusal(2, &recipe("\"\\u001b[2J\" = 1\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: unknown key `\u001b[2J`
      |
    1 | "\u001b[2J" = 1
      | ^^^^^^^^^^^
    hint: known here: `format`, `name`, `platforms`, `base`, `compression`, `annotations`, `vars`, `binary`, `file`, `tree`, `dir`, `symlink`, `run`, `system`, `policy`
    "#);
}

#[test]
fn a_right_to_left_override_in_a_value() {
    let said = refusal(2, &recipe("base = \"debian\u{202e}\"\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: the base `debian\u{202e}` names no registry
      |
    1 | base = "debian\u{202e}"
      |        ^^^^^^^^^^^^^^^^
    hint: write its host, as in `docker.io/library/alpine`; a path begins with `./` or `/`
    "#);
}

#[test]
fn a_recipe_of_100_mb() {
    let said = refusal(2, &Case::new().recipe(&"#".repeat(100 << 20)));
    insta::assert_snapshot!(said, @"error: app.toml: the recipe is larger than 1 MiB");
}

#[test]
fn deeply_nested_arrays() {
    let said = refusal(2, &recipe(&format!("vars = {}", "[".repeat(10_000))));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:88: the recipe is nested too deeply
      |
    1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                            ^
    ");
}

#[test]
fn deeply_nested_tables() {
    let said = refusal(2, &recipe(&format!("[{}]", vec!["a"; 10_000].join("."))));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:20002: the recipe is nested too deeply
      |
    1 | ...a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a]
      |                                            ^
    ");
}

#[test]
fn a_long_line() {
    let said = refusal(2, &recipe(&format!("name = \"{}\"", "x".repeat(5_000))));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: `xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...` is no good name
      |
    1 | name = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and is at most 128 long
    "#);
}

#[test]
fn a_recipe_that_is_not_utf_8() {
    let said = refusal(2, &Case::new().file("app.toml", b"name = \"x\"\n# gr\xf6\xdfe\n"));
    insta::assert_snapshot!(said, @"
    error: app.toml:2:5: the recipe is not UTF-8
      |
    2 | # gr��e
      |     ^
    hint: save it as UTF-8
    ");
}

#[test]
fn a_recipe_in_utf_16() {
    let said = refusal(2, &Case::new().file("app.toml", b"\xff\xfen\0a\0m\0e\0"));
    insta::assert_snapshot!(said, @r"
    error: app.toml:1:1: the recipe is not UTF-8
      |
    1 | ��n\u{0}a\u{0}m\u{0}e\u{0}
      | ^
    hint: save it as UTF-8
    ");
}

#[test]
fn an_empty_recipe() {
    let said = refusal(2, &Case::new().recipe(""));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:1: the image for linux/amd64 has no entrypoint, because the recipe has no binary for it
    hint: add a `[[binary]]`, or name a file with `entrypoint` in `[run]`
    ");
}

#[test]
fn no_recipe_of_that_name() {
    let said = refusal(2, &Case::new());
    insta::assert_snapshot!(said, @"error: app.toml: cannot read the recipe: no such file or directory");
}

#[test]
fn a_folder_as_a_recipe() {
    let said = refusal(2, &Case::new().folder("app.toml"));
    insta::assert_snapshot!(said, @"
    error: app.toml: cannot read the recipe: is a directory
    hint: it is a folder; name the recipe in it
    ");
}

#[test]
fn no_recipe_at_all() {
    let said = refusal_of(2, &Case::new(), ["build"]);
    insta::assert_snapshot!(said, @"
    error: no recipe: neither `hardpan.toml` nor `recipes/*.toml` is here
    hint: name one: `hardpan build path/to/recipe.toml`
    ");
}

#[test]
fn a_recipe_whose_name_is_no_name() {
    let said = refusal_of(2, &Case::new().file("größe.toml", APP), ["build", "größe.toml"]);
    insta::assert_snapshot!(said, @r#"
    error: größe.toml:1:1: the file's name gives no good name for the image: `größe`
      |
    1 | [[binary]]
      | ^
    hint: write `name = "..."`
    "#);
}
