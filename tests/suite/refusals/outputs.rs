//! Output paths that are taken, and several recipes at once.

use std::fs;

use super::{app, everything, recipe, refusal, refusal_of};
use crate::support::{
    case::{APP, Case},
    elf,
};

#[test]
fn an_empty_output() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--output", ""]);
    insta::assert_snapshot!(said, @"error: `--output` is empty");
}

#[test]
fn an_output_that_is_a_file() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--output", "app"]);
    insta::assert_snapshot!(said, @"
    error: app: is there and is not an OCI layout
    hint: name another path, or remove it first
    ");
}

#[test]
fn an_output_below_a_file() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--output", "app/out"]);
    insta::assert_snapshot!(said, @"error: app/out: cannot look at the output: not a directory");
}

#[test]
fn an_output_that_is_another_folder() {
    let said = refusal_of(2, &app("").file("precious/letter", "a"), ["build", "app.toml", "--output", "precious"]);
    insta::assert_snapshot!(said, @"
    error: precious: is there and is not an OCI layout
    hint: name another path, or remove it first
    ");
}

#[test]
fn an_output_that_is_a_link() {
    let said = refusal_of(
        2,
        &app("").folder("elsewhere").link("link", "elsewhere"),
        ["build", "app.toml", "--output", "link"],
    );
    insta::assert_snapshot!(said, @"
    error: link: is a symbolic link, which is not followed
    hint: name the folder that it points at
    ");
}

#[test]
fn an_output_that_is_a_link_with_a_slash() {
    let said = refusal_of(
        2,
        &app("").folder("elsewhere").link("link", "elsewhere"),
        ["build", "app.toml", "--output", "link/"],
    );
    insta::assert_snapshot!(said, @"
    error: link: is a symbolic link, which is not followed
    hint: name the folder that it points at
    ");
}

#[test]
fn an_output_with_an_unknown_variable() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--output", "out/{nmae}"]);
    insta::assert_snapshot!(said, @"
    error: `--output`: unknown variable `nmae`
    hint: did you mean `name`?
    ");
}

#[test]
fn an_output_with_a_lone_brace() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--output", "out/{name"]);
    insta::assert_snapshot!(said, @"
    error: `--output`: a `{` stands alone
    hint: write `{{` for a brace, or `{name}` for a variable
    ");
}

#[test]
fn an_output_with_the_platform_of_several() {
    let said = refusal_of(
        2,
        &recipe("platforms = [\"linux/amd64\", \"linux/arm64\"]\n[[binary]]\npath = \"app\"\nto = \"/app\"\n"),
        ["build", "app.toml", "--output", "out/{arch}"],
    );
    insta::assert_snapshot!(said, @"error: `--output`: `{arch}` has no single value for several platforms");
}

#[test]
fn several_recipes_into_one_output() {
    let said = refusal_of(2, &app("").file("b.toml", APP), ["build", "app.toml", "b.toml", "--output", "out/x"]);
    insta::assert_snapshot!(said, @"
    error: several recipes, and `--output out/x` is one path
    hint: put `{name}` into it, as in `out/{name}`
    ");
}

#[test]
fn two_recipes_of_one_name() {
    let said = refusal_of(
        2,
        &app("").file("sub/app.toml", APP).file("sub/app", elf::static_amd64()),
        ["build", "app.toml", "sub/app.toml"],
    );
    insta::assert_snapshot!(said, @"
    error: out/app: `app` and `app` would both be written there
    hint: give one of them another `name`
    ");
}

#[test]
fn one_bad_recipe_of_two() {
    let said = refusal_of(2, &app("").file("b.toml", "nmae = 1\n"), ["build", "app.toml", "b.toml"]);
    insta::assert_snapshot!(said, @"
    error: b.toml:1:1: unknown key `nmae`
      |
    1 | nmae = 1
      | ^^^^
    hint: did you mean `name`?
    ");
}

#[test]
fn one_refused_recipe_of_two() {
    let said = refusal_of(
        1,
        &app("").file("b.toml", format!("run.user = \"0\"\n{APP}")),
        ["build", "app.toml", "b.toml", "--quiet"],
    );
    insta::assert_snapshot!(said, @r#"
    error[root-user]: b.toml:1:12: the run user is root
      |
    1 | run.user = "0"
      |            ^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn one_program_that_is_none_of_two() {
    let said = refusal_of(
        2,
        &app("").file("b.toml", APP.replace("\"app\"", "\"text\"")).file("text", "a"),
        ["build", "app.toml", "b.toml", "--quiet"],
    );
    insta::assert_snapshot!(said, @r#"
    error: b.toml:2:8: the entrypoint `/usr/bin/app` is no ELF program
      |
    2 | path = "text"
      |        ^^^^^^
    "#);
}

#[test]
fn a_recipe_without_a_name() {
    let said = refusal_of(
        2,
        &Case::new()
            .file("app", elf::static_amd64())
            .file("hardpan.toml", "[run]\nentrypoint = [\"/app\"]\n[[file]]\nfrom = \"app\"\nto = \"/app\"\n"),
        ["build"],
    );
    insta::assert_snapshot!(said, @r#"
    error: hardpan.toml:1:1: the image has no name
      |
    1 | [run]
      | ^
    hint: add a `[[binary]]`, after which it is named, or `name = "..."` at the top
    "#);
}

#[test]
fn an_output_in_a_folder_that_may_not_be_written() {
    let case = app("").folder("locked").mode("locked", 0o555);
    let before = everything(&case);
    let without = "--bounding-set=-dac_override,-dac_read_search";
    let output = case.run_under(["setpriv", without], ["build", "app.toml", "--output", "locked/x"]).fails(2);
    assert_eq!(everything(&case), before, "something was written");
    insta::assert_snapshot!(output.messages(), @"error: locked/x: cannot write an OCI layout there: permission denied");
}

/// A refusal leaves the layout of the last good build as it is, byte for byte.
#[test]
fn a_layout_that_is_there_already() {
    let case = app("");
    let digest = case.build().ok().digest();
    let case = case.file("app", elf::dynamic_amd64());
    insta::assert_snapshot!(refusal(1, &case), @r#"
    error[dynamic-binary]: app.toml:3:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `/lib64/ld-linux-x86-64.so.2`, `libfoo.so`, `libc.so.6`
      |
    3 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
    let index = fs::read_to_string(case.path("out/app/index.json")).expect("the old index");
    assert!(index.contains(&digest), "{index}");
}
