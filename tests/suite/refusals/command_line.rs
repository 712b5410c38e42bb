//! What is wrong on the command line, or in the environment.

use super::{app, refusal_of};

#[test]
fn an_unknown_verb() {
    let said = refusal_of(2, &app(""), ["biuld", "app.toml"]);
    insta::assert_snapshot!(said, @"
    error: unrecognized subcommand 'biuld'

      tip: a similar subcommand exists: 'build'

    Usage: hardpan [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_option() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--ouput", "x"]);
    insta::assert_snapshot!(said, @"
    error: unexpected argument '--ouput' found

      tip: a similar argument exists: '--output'

    Usage: hardpan build --output <PATH> <RECIPE>...

    For more information, try '--help'.
    ");
}

#[test]
fn a_platform_that_is_garbage() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--platform", "amd64"]);
    insta::assert_snapshot!(said, @"
    error: `--platform amd64`: a platform is `os/architecture` or `os/architecture/variant`
    hint: such as `linux/arm64`; architectures are amd64, arm64, arm, 386, riscv64, ppc64le, s390x, loong64, mips64le
    ");
}

#[test]
fn a_platform_with_an_escape_sequence() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--platform", "linux/\u{1b}[2J"]);
    insta::assert_snapshot!(said, @r"
    error: `--platform linux/\u{1b}[2J`: unknown architecture `\u{1b}[2j`
    hint: such as `linux/arm64`; architectures are amd64, arm64, arm, 386, riscv64, ppc64le, s390x, loong64, mips64le
    ");
}

#[test]
fn a_variable_that_is_not_declared() {
    let said = refusal_of(2, &app("vars.channel = \"stable\""), ["build", "app.toml", "--set", "chanel=beta"]);
    insta::assert_snapshot!(said, @"
    error: `--set` names `chanel`, which `[vars]` does not declare
    hint: did you mean `channel`?
    ");
}

#[test]
fn a_variable_without_a_value() {
    let said = refusal_of(2, &app("vars.channel = \"stable\""), ["build", "app.toml", "--set", "channel"]);
    insta::assert_snapshot!(said, @"error: `--set` takes `name=value`, not `channel`");
}

#[test]
fn a_variable_with_a_line_break() {
    let said = refusal_of(2, &app("vars.channel = \"stable\""), ["build", "app.toml", "--set", "channel=a\nb"]);
    insta::assert_snapshot!(said, @"error: the value of `channel` in `--set` has a control character");
}

#[test]
fn a_source_date_that_is_garbage() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--source-date", "yesterday"]);
    insta::assert_snapshot!(said, @"
    error: `--source-date` is `yesterday`, not a number of seconds since 1970
    hint: such as `$(git log -1 --format=%ct)`
    ");
}

#[test]
fn a_source_date_epoch_that_is_garbage() {
    let said = refusal_of(2, &app("").env("SOURCE_DATE_EPOCH", "2026-01-01"), ["build", "app.toml"]);
    insta::assert_snapshot!(said, @"
    error: `SOURCE_DATE_EPOCH` is `2026-01-01`, not a number of seconds since 1970
    hint: such as `$(git log -1 --format=%ct)`
    ");
}

#[test]
fn a_source_date_epoch_that_is_negative() {
    let said = refusal_of(2, &app("").env("SOURCE_DATE_EPOCH", "-1"), ["build", "app.toml"]);
    insta::assert_snapshot!(said, @"
    error: `SOURCE_DATE_EPOCH` is `-1`, not a number of seconds since 1970
    hint: such as `$(git log -1 --format=%ct)`
    ");
}

#[test]
fn a_source_date_epoch_that_is_huge() {
    let said = refusal_of(2, &app("").env("SOURCE_DATE_EPOCH", "99999999999999"), ["build", "app.toml"]);
    insta::assert_snapshot!(said, @"
    error: `SOURCE_DATE_EPOCH` is `99999999999999`, not a number of seconds since 1970
    hint: such as `$(git log -1 --format=%ct)`
    ");
}

#[test]
fn a_source_date_epoch_that_is_empty() {
    let said = refusal_of(2, &app("").env("SOURCE_DATE_EPOCH", ""), ["build", "app.toml"]);
    insta::assert_snapshot!(said, @"
    error: `SOURCE_DATE_EPOCH` is empty, not a number of seconds since 1970
    hint: such as `$(git log -1 --format=%ct)`
    ");
}

#[test]
fn no_threads() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--jobs", "0"]);
    insta::assert_snapshot!(said, @"
    error: invalid value '0' for '--jobs <N>': number would be zero for non-zero type

    For more information, try '--help'.
    ");
}

#[test]
fn a_docker_archive_of_two_platforms() {
    let said = refusal_of(
        2,
        &app("platforms = [\"linux/amd64\", \"linux/arm64\"]"),
        ["build", "app.toml", "--format", "docker-archive"],
    );
    insta::assert_snapshot!(said, @"
    error: out/app.tar: a docker archive holds one platform
    hint: `--platform` chooses one, `--format oci-archive` holds all
    ");
}

#[test]
fn a_docker_archive_with_zstd() {
    let said = refusal_of(2, &app("compression = \"zstd\""), ["build", "app.toml", "--format", "docker-archive"]);
    insta::assert_snapshot!(said, @r#"
    error: out/app.tar: a docker archive cannot hold zstd layers; docker before 23 does not unpack them
    hint: use `compression = "gzip"`, or `--format oci-archive`
    "#);
}

#[test]
fn an_archive_over_a_folder() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--format", "oci-archive", "--output", "."]);
    insta::assert_snapshot!(said, @"
    error: .: is there and is not an archive of an image
    hint: name another path, or remove it first
    ");
}

#[test]
fn an_archive_over_another_file() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--format", "oci-archive", "--output", "app"]);
    insta::assert_snapshot!(said, @"
    error: app: is there and is not an archive of an image
    hint: name another path, or remove it first
    ");
}

#[test]
fn an_unknown_format() {
    let said = refusal_of(2, &app(""), ["build", "app.toml", "--format", "zip"]);
    insta::assert_snapshot!(said, @"error: `--format zip` is not one of `layout`, `oci-archive`, `docker-archive`");
}
