//! Values of keys that the text alone shows to be wrong.

use super::{app, refusal};

#[test]
fn a_format_of_the_future() {
    let said = refusal(2, &app("format = 2"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:10: format 2 is not known to this version
      |
    1 | format = 2
      |          ^
    hint: write `format = 1`, or leave it out
    ");
}

#[test]
fn a_name_with_a_slash() {
    let said = refusal(2, &app(r#"name = "acme/hello""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: `acme/hello` is no good name
      |
    1 | name = "acme/hello"
      |        ^^^^^^^^^^^^
    hint: a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and is at most 128 long
    "#);
}

#[test]
fn an_empty_name() {
    let said = refusal(2, &app(r#"name = """#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: `name` is empty
      |
    1 | name = ""
      |        ^^
    hint: a name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, and is at most 128 long
    "#);
}

#[test]
fn a_platform_without_an_architecture() {
    let said = refusal(2, &app(r#"platforms = ["linux"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: a platform is `os/architecture` or `os/architecture/variant`
      |
    1 | platforms = ["linux"]
      |              ^^^^^^^
    hint: write it as in `linux/amd64`
    "#);
}

#[test]
fn a_platform_of_another_system() {
    let said = refusal(2, &app(r#"platforms = ["windows/amd64"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: `windows` images are not built here, only `linux`
      |
    1 | platforms = ["windows/amd64"]
      |              ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_unknown_architecture() {
    let said = refusal(2, &app(r#"platforms = ["linux/amd46"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: unknown architecture `amd46`
      |
    1 | platforms = ["linux/amd46"]
      |              ^^^^^^^^^^^^^
    hint: known architectures: amd64, arm64, arm, 386, riscv64, ppc64le, s390x, loong64, mips64le
    "#);
}

#[test]
fn an_unknown_variant() {
    let said = refusal(2, &app(r#"platforms = ["linux/arm/v9"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: unknown variant `arm/v9`
      |
    1 | platforms = ["linux/arm/v9"]
      |              ^^^^^^^^^^^^^^
    "#);
}

#[test]
fn one_platform_in_two_spellings() {
    let said = refusal(2, &app(r#"platforms = ["linux/arm64", "linux/arm64/v8"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:29: the platform `linux/arm64` is named twice
      |
    1 | platforms = ["linux/arm64", "linux/arm64/v8"]
      |                             ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn no_platforms() {
    let said = refusal(2, &app("platforms = []"));
    insta::assert_snapshot!(said, @"
    error: app.toml:1:13: `platforms` is empty
      |
    1 | platforms = []
      |             ^^
    hint: leave it out for the default, or name one, such as `linux/amd64`
    ");
}

#[test]
fn a_base() {
    let said = refusal(2, &app(r#"base = "debian:12""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:8: the base `debian:12` names no registry
      |
    1 | base = "debian:12"
      |        ^^^^^^^^^^^
    hint: write its host, as in `docker.io/library/alpine`; a path begins with `./` or `/`
    "#);
}

#[test]
fn an_unknown_compression() {
    let said = refusal(2, &app(r#"compression = "brotli""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:15: unknown compression `brotli`
      |
    1 | compression = "brotli"
      |               ^^^^^^^^
    hint: known: `gzip`, `zstd`, `none`
    "#);
}

#[test]
fn an_annotation_of_containerds() {
    let said = refusal(2, &app(r#"annotations = { "containerd.io/distribution.source.ghcr.io" = "x" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:17: `containerd.io/distribution.source.ghcr.io` belongs to containerd, not to an image
      |
    1 | annotations = { "containerd.io/distribution.source.ghcr.io" = "x" }
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_annotation_without_a_key() {
    let said = refusal(2, &app(r#"annotations = { "" = "x" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:17: the key of an annotation is empty
      |
    1 | annotations = { "" = "x" }
      |                 ^^
    "#);
}

#[test]
fn a_variable_that_is_taken() {
    let said = refusal(2, &app(r#"vars.arch = "amd64""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:6: `arch` is a variable already
      |
    1 | vars.arch = "amd64"
      |      ^^^^
    "#);
}

#[test]
fn a_variable_with_a_bad_name() {
    let said = refusal(2, &app(r#"vars.Channel = "stable""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:6: `Channel` is no name of a variable
      |
    1 | vars.Channel = "stable"
      |      ^^^^^^^
    hint: a name begins with a small letter and has small letters, digits, `_` and `-`
    "#);
}

#[test]
fn an_unknown_variable() {
    let said = refusal(
        2,
        &app(r#"vars.channel = "stable"
run.args = ["--channel={chanel}"]"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:24: unknown variable `chanel`
      |
    2 | run.args = ["--channel={chanel}"]
      |                        ^^^^^^^^
    hint: did you mean `channel`?
    "#);
}

#[test]
fn a_variable_with_spaces() {
    let said = refusal(2, &app(r#"run.env = { QUERY = "{ id }" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:22: unknown variable ` id `
      |
    1 | run.env = { QUERY = "{ id }" }
      |                      ^^^^^^
    hint: write `{{` and `}}` for braces
    "#);
}

#[test]
fn a_lone_opening_brace() {
    let said = refusal(2, &app(r#"run.args = ["{"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: a `{` stands alone
      |
    1 | run.args = ["{"]
      |              ^
    hint: write `{{` for a brace, or `{name}` for a variable
    "#);
}

#[test]
fn a_lone_closing_brace() {
    let said = refusal(2, &app(r#"run.args = ["ends here }"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:24: a `}` stands alone
      |
    1 | run.args = ["ends here }"]
      |                        ^
    hint: write `}}` for a brace, or `{name}` for a variable
    "#);
}

#[test]
fn a_control_character_in_a_variable() {
    let said = refusal(2, &app(r#"vars.channel = "a\u001bb""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:16: the variable `channel` has a control character
      |
    1 | vars.channel = "a\u001bb"
      |                ^^^^^^^^^^
    "#);
}

#[test]
fn a_control_character_in_an_argument() {
    let said = refusal(2, &app(r#"run.args = ["a\nb"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:13: an argument has a control character
      |
    1 | run.args = ["a\nb"]
      |             ^^^^^^
    "#);
}
