//! What a recipe may not say to `cargo`, and variables of either compiler.

use super::{recipe, refusal, refusal_of};
use crate::support::case::Case;

#[test]
fn a_cargo_config() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
flags = ["--config=build.rustc-wrapper='sh'"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `--config` is not allowed in a recipe
      |
    3 | flags = ["--config=build.rustc-wrapper='sh'"]
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: write it into `.cargo/config.toml` of the checkout
    "#);
}

#[test]
fn a_cargo_flag_that_has_a_key() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
flags = ["--features=tls"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `--features` has a key of its own
      |
    3 | flags = ["--features=tls"]
      |          ^^^^^^^^^^^^^^^^
    hint: write it under `features`
    "#);
}

#[test]
fn an_unstable_cargo_flag() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
flags = ["-Zbuild-std"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-Z` is not allowed in a recipe
      |
    3 | flags = ["-Zbuild-std"]
      |          ^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_cargo_flag_in_a_cluster() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
flags = ["-vrq"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-r` is not allowed in a recipe
      |
    3 | flags = ["-vrq"]
      |          ^^^^^^
    hint: not needed: `release` is the profile, unless `profile` names another one
    "#);
}

#[test]
fn a_variable_that_hardpan_sets_for_go() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
env = { GOFLAGS = "-mod=mod" }
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:9: the variable `GOFLAGS` is not for a recipe to set
      |
    3 | env = { GOFLAGS = "-mod=mod" }
      |         ^^^^^^^
    hint: write its flags under `flags`, those of `-tags` under `tags`, and those of `-ldflags` under `ldflags`
    "#);
}

#[test]
fn a_variable_that_hardpan_sets_for_cargo() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
env = { RUSTFLAGS = "-C linker=sh" }
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:9: the variable `RUSTFLAGS` is not for a recipe to set
      |
    3 | env = { RUSTFLAGS = "-C linker=sh" }
      |         ^^^^^^^^^
    hint: write its flags under `rustflags`
    "#);
}

#[test]
fn a_linker_by_variable() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
env = { CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER = "sh" }
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:9: the variable `CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER` is not for a recipe to set
      |
    3 | env = { CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER = "sh" }
      |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: name the linker by `linker`
    "#);
}

#[test]
fn a_preloaded_library() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
env = { LD_PRELOAD = "/tmp/x.so" }
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:9: the variable `LD_PRELOAD` is not for a recipe to set
      |
    3 | env = { LD_PRELOAD = "/tmp/x.so" }
      |         ^^^^^^^^^^
    "#);
}

#[test]
fn a_workspace_that_is_absolute() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
env = { GOWORK = "/go.work" }
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:18: `GOWORK` is `off`, or a path relative to `dir`
      |
    3 | env = { GOWORK = "/go.work" }
      |                  ^^^^^^^^^^
    "#);
}

#[test]
fn a_variable_that_brings_in_another_linker() {
    let said = refusal_of(
        2,
        &Case::new()
            .file("go.mod", "module hello\n")
            .recipe("vars.flags = \"-s\"\n[[binary]]\ngo = \".\"\nldflags = \"{flags}\"\n"),
        ["build", "app.toml", "--set", "flags=-extld=/tmp/ld"],
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:11: the flag `-extld` is not allowed in a recipe
      |
    4 | ldflags = "{flags}"
      |           ^^^^^^^^^
    hint: name the C compiler by `cc`
    "#);
}
