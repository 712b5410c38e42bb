//! Entrypoints that are none.

use super::{app, recipe, refusal};
use crate::support::elf;

#[test]
fn an_entrypoint_that_is_not_there() {
    let said = refusal(2, &app(r#"run.entrypoint = ["/usr/bin/ap"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: the entrypoint `/usr/bin/ap` is not in the image
      |
    1 | run.entrypoint = ["/usr/bin/ap"]
      |                  ^^^^^^^^^^^^^^^
    hint: the image has `/usr/bin/app`
    "#);
}

#[test]
fn an_entrypoint_that_is_a_folder() {
    let said = refusal(2, &app(r#"run.entrypoint = ["/usr/bin"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: the entrypoint `/usr/bin` is a folder
      |
    1 | run.entrypoint = ["/usr/bin"]
      |                  ^^^^^^^^^^^^
    "#);
}

#[test]
fn an_entrypoint_that_is_a_shell() {
    let said = refusal(2, &app(r#"run.entrypoint = ["/bin/sh", "-c", "app"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: the entrypoint `/bin/sh` is not in the image
      |
    1 | run.entrypoint = ["/bin/sh", "-c", "app"]
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^
    hint: the image has `/usr/bin/app`
    "#);
}

#[test]
fn an_entrypoint_through_a_file() {
    let said = refusal(2, &app(r#"run.entrypoint = ["/usr/bin/app/app"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: the entrypoint `/usr/bin/app/app` is not in the image
      |
    1 | run.entrypoint = ["/usr/bin/app/app"]
      |                  ^^^^^^^^^^^^^^^^^^^^
    hint: the image has `/usr/bin/app`
    "#);
}

#[test]
fn an_entrypoint_that_is_a_text() {
    let said = refusal(
        2,
        &app(r#"run.entrypoint = ["/a"]
[[file]]
text = "hello"
to = "/a"
mode = "0555""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:8: the entrypoint `/a` is no ELF program
      |
    3 | text = "hello"
      |        ^^^^^^^
    "#);
}

#[test]
fn an_entrypoint_that_cannot_be_executed() {
    let said = refusal(
        1,
        &app(r#"run.entrypoint = ["/a"]
[[file]]
from = "app"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error[entrypoint-not-executable]: app.toml:4:6: the run user cannot execute the entrypoint `/a`: its mode is 0444
      |
    4 | to = "/a"
      |      ^^^^
    hint: add `mode = "0555"` to its `[[file]]`, or `executable = "..."` to its `[[tree]]`
    "#);
}

#[test]
fn an_entrypoint_in_a_tree_that_cannot_be_executed() {
    let said = refusal(
        1,
        &app("run.entrypoint = [\"/srv/a\"]\n[[tree]]\nfrom = \"static\"\nto = \"/srv\"\ninclude = \"*\"")
            .file("static/a", elf::static_amd64()),
    );
    insta::assert_snapshot!(said, @r#"
    error[entrypoint-not-executable]: app.toml:4:6: the run user cannot execute the entrypoint `/srv/a`: its mode is 0444
      |
    4 | to = "/srv"
      |      ^^^^^^
    hint: add `mode = "0555"` to its `[[file]]`, or `executable = "..."` to its `[[tree]]`
    "#);
}

#[test]
fn two_binaries_and_no_entrypoint() {
    let said =
        refusal(2, &recipe("[[binary]]\npath = \"app\"\nto = \"/a\"\n[[binary]]\npath = \"app\"\nto = \"/b\"\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:1: 2 binaries, and no `entrypoint` says which of them runs
      |
    4 | [[binary]]
      | ^^^^^^^^^^
    hint: add `entrypoint = ["/a"]` to `[run]`
    "#);
}

#[test]
fn no_binary_for_one_platform() {
    let said = refusal(
        2,
        &recipe(
            "platforms = [\"linux/amd64\", \"linux/arm64\"]\n[[binary]]\npath = \"app\"\nto = \"/a\"\nplatforms = [\"linux/amd64\"]\n",
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: the image for linux/arm64 has no entrypoint, because the recipe has no binary for it
      |
    1 | platforms = ["linux/amd64", "linux/arm64"]
      | ^
    hint: add a `[[binary]]`, or name a file with `entrypoint` in `[run]`
    "#);
}
