//! What `[run]` may not say.

use super::{app, refusal};

#[test]
fn a_user_without_a_group() {
    let said = refusal(2, &app(r#"run.user = "1000""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:12: the run user has no group
      |
    1 | run.user = "1000"
      |            ^^^^^^
    hint: write `"1000:1000"`
    "#);
}

#[test]
fn a_user_by_name() {
    let said = refusal(2, &app(r#"run.user = "app:app""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:12: `app:app` is no numeric user
      |
    1 | run.user = "app:app"
      |            ^^^^^^^^^
    hint: write it as `uid:gid`, such as `65532:65532`
    "#);
}

#[test]
fn a_user_beyond_the_last() {
    let said = refusal(2, &app(r#"run.user = "4294967295:1""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:12: a number in `4294967295:1` is above 2147483647, the last id
      |
    1 | run.user = "4294967295:1"
      |            ^^^^^^^^^^^^^^
    "#);
}

#[test]
fn an_empty_entrypoint() {
    let said = refusal(2, &app("run.entrypoint = []"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: `entrypoint` is empty
      |
    1 | run.entrypoint = []
      |                  ^^
    hint: leave it out for the only binary, or write `["/usr/bin/..."]`
    "#);
}

#[test]
fn an_entrypoint_to_look_up() {
    let said = refusal(2, &app(r#"run.entrypoint = ["app"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:19: `app` is no absolute path in the image
      |
    1 | run.entrypoint = ["app"]
      |                   ^^^^^
    hint: leave it out for the only binary, or write `["/usr/bin/..."]`
    "#);
}

#[test]
fn an_entrypoint_as_one_string() {
    let said = refusal(2, &app(r#"run.entrypoint = "/usr/bin/app --port 80""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:18: expected an array, found a string
      |
    1 | run.entrypoint = "/usr/bin/app --port 80"
      |                  ^^^^^^^^^^^^^^^^^^^^^^^^
    hint: write it in brackets: `["/usr/bin/app", "--port", "80"]`
    "#);
}

#[test]
fn a_variable_name_with_an_equals_sign() {
    let said = refusal(2, &app(r#"run.env = { "A=B" = "c" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:13: `A=B` is no name of an environment variable
      |
    1 | run.env = { "A=B" = "c" }
      |             ^^^^^
    hint: write `NAME = "value"`
    "#);
}

#[test]
fn an_environment_as_a_list() {
    let said = refusal(2, &app(r#"run.env = ["A=b"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:11: expected a table, found an array
      |
    1 | run.env = ["A=b"]
      |           ^^^^^^^
    hint: write it as `{ NAME = "value" }`
    "#);
}

#[test]
fn a_relative_workdir() {
    let said = refusal(2, &app(r#"run.workdir = "srv""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:15: a path in the image begins with `/`
      |
    1 | run.workdir = "srv"
      |               ^^^^^
    "#);
}

#[test]
fn a_port_beyond_the_last() {
    let said = refusal(2, &app(r#"run.ports = ["70000/tcp"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: `70000/tcp` is no port; ports are 1 to 65535
      |
    1 | run.ports = ["70000/tcp"]
      |              ^^^^^^^^^^^
    "#);
}

#[test]
fn a_port_without_quotes() {
    let said = refusal(2, &app("run.ports = [8080]"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: expected a string, found an integer
      |
    1 | run.ports = [8080]
      |              ^^^^
    hint: write `"8080/tcp"`
    "#);
}

#[test]
fn a_range_of_ports() {
    let said = refusal(2, &app(r#"run.ports = ["8080-8090/tcp"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: `8080-8090/tcp` is no port
      |
    1 | run.ports = ["8080-8090/tcp"]
      |              ^^^^^^^^^^^^^^^
    hint: write one port, such as `8080/tcp`
    "#);
}

#[test]
fn a_port_of_an_unknown_protocol() {
    let said = refusal(2, &app(r#"run.ports = ["8080/http"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:14: unknown protocol in `8080/http`
      |
    1 | run.ports = ["8080/http"]
      |              ^^^^^^^^^^^
    hint: known: `tcp`, `udp`, `sctp`
    "#);
}

#[test]
fn a_port_twice() {
    let said = refusal(2, &app(r#"run.ports = ["8080", "8080/tcp"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:22: the port `8080/tcp` is named twice
      |
    1 | run.ports = ["8080", "8080/tcp"]
      |                      ^^^^^^^^^^
    "#);
}

#[test]
fn an_unknown_signal() {
    let said = refusal(2, &app(r#"run.stop-signal = "TERM""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:19: unknown signal `TERM`
      |
    1 | run.stop-signal = "TERM"
      |                   ^^^^^^
    hint: did you mean `SIGTERM`?
    "#);
}

#[test]
fn a_signal_without_quotes() {
    let said = refusal(2, &app("run.stop-signal = 15"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:19: expected a string, found an integer
      |
    1 | run.stop-signal = 15
      |                   ^^
    hint: write `"15"`, or its name, such as `"SIGTERM"`
    "#);
}

#[test]
fn a_label_of_containerds() {
    let said = refusal(2, &app(r#"run.labels = { "containerd.io/gc.root" = "x" }"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:16: `containerd.io/gc.root` belongs to containerd, not to an image
      |
    1 | run.labels = { "containerd.io/gc.root" = "x" }
      |                ^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}
