//! What a recipe may not say to `go` and `cargo`. Refused before either is looked for.

use super::{recipe, refusal};

#[test]
fn no_source_of_a_binary() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
to = "/app"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: a binary needs one of `go`, `cargo` and `path`
      |
    1 | [[binary]]
      | ^^^^^^^^^^
    hint: add `go = "."` for a Go package, `cargo = "name"` for a Cargo package
    "#);
}

#[test]
fn two_sources_of_a_binary() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
cargo = "hello"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:9: a binary has exactly one of `go`, `cargo` and `path`, this one has `go` and `cargo`
      |
    3 | cargo = "hello"
      |         ^^^^^^^
    "#);
}

#[test]
fn a_prebuilt_binary_to_nowhere() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
path = "app"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: a binary with `path` needs `to`
      |
    1 | [[binary]]
      | ^^^^^^^^^^
    hint: add `to = "/usr/bin/..."`
    "#);
}

#[test]
fn a_key_of_go_with_cargo() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
tags = ["netgo"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:8: `tags` goes with `go`, not with `cargo`
      |
    3 | tags = ["netgo"]
      |        ^^^^^^^^^
    "#);
}

#[test]
fn a_key_of_a_compiler_with_a_path() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
path = "app"
to = "/app"
strip = false
"#,
        ),
    );
    insta::assert_snapshot!(said, @"
    error: app.toml:4:9: `strip` goes with `go` and `cargo`, not with `path`
      |
    4 | strip = false
      |         ^^^^^
    ");
}

#[test]
fn several_go_packages() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "./..."
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: `./...` means several packages; a binary is one
      |
    2 | go = "./..."
      |      ^^^^^^^
    "#);
}

#[test]
fn a_go_file() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "main.go"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: `main.go` is a file
      |
    2 | go = "main.go"
      |      ^^^^^^^^^
    hint: name the folder of the package, such as `./cmd/server`
    "#);
}

#[test]
fn a_go_package_that_is_a_flag() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "-toolexec=sh"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: `-toolexec=sh` is no Go package
      |
    2 | go = "-toolexec=sh"
      |      ^^^^^^^^^^^^^^
    hint: write `.`, `./cmd/server`, or an import path of the module
    "#);
}

#[test]
fn a_cargo_package_that_is_a_path() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "crates/hello/bin"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:9: `crates/hello/bin` is no Cargo package
      |
    2 | cargo = "crates/hello/bin"
      |         ^^^^^^^^^^^^^^^^^^
    hint: write `package`, or `package/binary` for one of several
    "#);
}

#[test]
fn a_target_that_is_a_file() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
cargo = "hello"
target = "x86_64.json"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: `target` is the name of a target, not a file
      |
    3 | target = "x86_64.json"
      |          ^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_absolute_dir() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
dir = "/srv"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:7: `dir` is relative to the recipe, and begins with neither `/` nor `-`
      |
    3 | dir = "/srv"
      |       ^^^^^^
    hint: write it as `./...` or `../...`
    "#);
}

#[test]
fn a_go_flag_that_runs_a_program() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["-toolexec=sh"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-toolexec` is not allowed in a recipe
      |
    3 | flags = ["-toolexec=sh"]
      |          ^^^^^^^^^^^^^^
    hint: a recipe runs no programs besides the compilers
    "#);
}

#[test]
fn a_go_flag_with_two_dashes() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["--overlay=x.json"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-overlay` is not allowed in a recipe
      |
    3 | flags = ["--overlay=x.json"]
      |          ^^^^^^^^^^^^^^^^^^
    hint: have the files in the checkout as they are to be compiled
    "#);
}

#[test]
fn a_go_flag_that_has_a_key() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["-tags=netgo"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-tags` has a key of its own
      |
    3 | flags = ["-tags=netgo"]
      |          ^^^^^^^^^^^^^
    hint: write it under `tags`
    "#);
}

#[test]
fn a_go_build_mode_that_gives_a_library() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["-buildmode=c-shared"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the build mode `c-shared` gives no program
      |
    3 | flags = ["-buildmode=c-shared"]
      |          ^^^^^^^^^^^^^^^^^^^^^
    hint: known here: `pie`, `exe`, `default`
    "#);
}

#[test]
fn a_compiler_flag_that_writes_elsewhere() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["-gcflags=all=-cpuprofile=/tmp/x"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the flag `-cpuprofile` is not allowed in a recipe
      |
    3 | flags = ["-gcflags=all=-cpuprofile=/tmp/x"]
      |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn another_linker_for_go() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
ldflags = "-s -extld=/tmp/ld"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:11: the flag `-extld` is not allowed in a recipe
      |
    3 | ldflags = "-s -extld=/tmp/ld"
      |           ^^^^^^^^^^^^^^^^^^^
    hint: name the C compiler by `cc`
    "#);
}

#[test]
fn a_go_response_file() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
ldflags = "@flags"
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:11: `@flags` is a response file
      |
    3 | ldflags = "@flags"
      |           ^^^^^^^^
    "#);
}

#[test]
fn a_flag_without_a_dash() {
    let said = refusal(
        2,
        &recipe(
            r#"[[binary]]
go = "."
flags = ["race"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: `race` is no flag
      |
    3 | flags = ["race"]
      |          ^^^^^^
    hint: a flag begins with `-`; its value may follow as the next text
    "#);
}

#[test]
fn what_a_recipe_cannot_say_comes_with_what_to_write_instead() {
    for (toolchain, line, what, hint) in [
        ("go", "env = { GOAMD64 = \"v3\" }", "the variable `GOAMD64`", "`platforms = [\"linux/amd64/v3\"]`"),
        ("go", "env = { GOARM = \"6\" }", "the variable `GOARM`", "`platforms = [\"linux/arm/v7\"]`, or `v6`"),
        ("go", "env = { GO386 = \"softfloat\" }", "the variable `GO386`", "`linux/386`"),
        ("go", "env = { GOARCH = \"arm64\" }", "the variable `GOARCH`", "`platforms = [\"linux/arm64\"]`"),
        ("go", "env = { CGO_ENABLED = \"0\" }", "the variable `CGO_ENABLED`", "`cgo = true`"),
        ("go", "env = { GOFLAGS = \"-tags=x\" }", "the variable `GOFLAGS`", "under `tags`"),
        ("go", "env = { CC = \"clang\" }", "the variable `CC`", "name the C compiler by `cc`"),
        ("go", "env = { GOTOOLCHAIN = \"auto\" }", "the variable `GOTOOLCHAIN`", "`hardpan lock` pins its version"),
        ("go", "flags = [\"-race\"]", "the flag `-race`", "it is for tests"),
        ("go", "flags = [\"--trimpath\"]", "the flag `-trimpath`", "not needed"),
        ("go", "flags = [\"-mod=vendor\"]", "the flag `-mod`", "not needed"),
        ("go", "flags = [\"-work\"]", "the flag `-work`", "not needed"),
        ("go", "ldflags = \"-extldflags=-static\"", "the flag `-extldflags`", "not needed: programs are static"),
        ("go", "ldflags = \"-linkmode external\"", "the flag `-linkmode`", "not needed"),
        ("cargo", "env = { CC = \"clang\" }", "the variable `CC`", "name the C compiler by `cc`"),
        ("cargo", "env = { CARGO_TARGET_X_LINKER = \"x\" }", "the variable `CARGO_TARGET_X_LINKER`", "by `linker`"),
        (
            "cargo",
            "env = { CARGO_PROFILE_RELEASE_LTO = \"fat\" }",
            "the variable `CARGO_PROFILE_RELEASE_LTO`",
            "`profile`",
        ),
        ("cargo", "env = { CARGO_BUILD_TARGET = \"x\" }", "the variable `CARGO_BUILD_TARGET`", "by `target`"),
        (
            "cargo",
            "env = { RUSTUP_TOOLCHAIN = \"nightly\" }",
            "the variable `RUSTUP_TOOLCHAIN`",
            "`rust-toolchain.toml`",
        ),
        ("cargo", "flags = [\"--release\"]", "the flag `--release`", "not needed"),
        ("cargo", "flags = [\"--profile=dist\"]", "the flag `--profile`", "write it under `profile`"),
    ] {
        let said = refusal(2, &recipe(&format!("[[binary]]\n{toolchain} = \"x\"\n{line}\n")));
        assert!(said.contains(what) && said.contains("hint: ") && said.contains(hint), "{line}: {said}");
    }
}
