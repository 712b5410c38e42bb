//! The rules by name: exit code 1.

use super::{app, refusal, refusal_of};
use crate::support::elf_writer::noise;

#[test]
fn root() {
    let said = refusal(1, &app(r#"run.user = "0:0""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "0:0"
      |            ^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_without_a_group() {
    let said = refusal(1, &app(r#"run.user = "0""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "0"
      |            ^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_by_name() {
    let said = refusal(1, &app(r#"run.user = "root""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "root"
      |            ^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn the_group_of_root() {
    let said = refusal(1, &app(r#"run.user = "1000:0""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run group is root
      |
    1 | run.user = "1000:0"
      |            ^^^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn the_group_of_root_by_name() {
    let said = refusal(1, &app(r#"run.user = "1000:root""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run group is root
      |
    1 | run.user = "1000:root"
      |            ^^^^^^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_in_two_digits() {
    let said = refusal(1, &app(r#"run.user = "00:00""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "00:00"
      |            ^^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_in_hexadecimal() {
    let said = refusal(1, &app(r#"run.user = "0x0:1""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "0x0:1"
      |            ^^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_with_a_sign() {
    let said = refusal(1, &app(r#"run.user = "-0:1""#));
    insta::assert_snapshot!(said, @r#"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = "-0:1"
      |            ^^^^^^
    hint: write a numeric user, such as `65532:65532`
    "#);
}

#[test]
fn root_as_a_number() {
    let said = refusal(1, &app("run.user = 0"));
    insta::assert_snapshot!(said, @"
    error[root-user]: app.toml:1:12: the run user is root
      |
    1 | run.user = 0
      |            ^
    hint: write a numeric user, such as `65532:65532`
    ");
}

#[test]
fn setuid() {
    let said = refusal(
        1,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = "4755""#),
    );
    insta::assert_snapshot!(said, @r#"
    error[setuid]: app.toml:4:8: the mode `4755` has setuid or setgid
      |
    4 | mode = "4755"
      |        ^^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn setgid() {
    let said = refusal(
        1,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = "2555""#),
    );
    insta::assert_snapshot!(said, @r#"
    error[setuid]: app.toml:4:8: the mode `2555` has setuid or setgid
      |
    4 | mode = "2555"
      |        ^^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn world_writable() {
    let said = refusal(
        1,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = "0666""#),
    );
    insta::assert_snapshot!(said, @r#"
    error[world-writable]: app.toml:4:8: the mode `0666` lets everybody write
      |
    4 | mode = "0666"
      |        ^^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn world_writable_and_executable() {
    let said = refusal(
        1,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = "0777""#),
    );
    insta::assert_snapshot!(said, @r#"
    error[world-writable]: app.toml:4:8: the mode `0777` lets everybody write
      |
    4 | mode = "0777"
      |        ^^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn a_layer_beyond_the_budget() {
    let said = refusal_of(
        1,
        &app("policy.max-size = \"50kB\"\nsystem.certificates = \"none\"\n[[file]]\nfrom = \"noise\"\nto = \"/noise\"")
            .file("noise", noise(100_000)),
        ["build", "app.toml", "--quiet"],
    );
    insta::assert_snapshot!(said, @r#"
    error[size-budget]: app.toml:1:19: the layers for linux/amd64 take 100624 bytes, the budget is 50000 (system 199, files 100188, binaries 237)
      |
    1 | policy.max-size = "50kB"
      |                   ^^^^^^
    hint: raise `max-size`, or ship less
    "#);
}

#[test]
fn a_layer_beyond_the_budget_whose_exception_ended() {
    let said = refusal_of(1, &app("policy.max-size = \"50kB\"\nsystem.certificates = \"none\"\n[[file]]\nfrom = \"noise\"\nto = \"/noise\"\n[[policy.allow]]\nrule = \"size-budget\"\nreason = \"for a while\"\nuntil = 2020-01-01").file("noise", noise(100_000)), ["build", "app.toml", "--quiet"]);
    insta::assert_snapshot!(said, @r#"
    error[size-budget]: app.toml:1:19: the layers for linux/amd64 take 100624 bytes, the budget is 50000 (system 199, files 100188, binaries 237)
      |
    1 | policy.max-size = "50kB"
      |                   ^^^^^^
    hint: the exception on line 6 ended on 2020-01-01
    "#);
}
