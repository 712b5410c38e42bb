//! What is wrong at once, and the exceptions of `[policy]`.

use super::{app, refusal, secrets::key};
use crate::support::elf;

#[test]
fn a_key_whose_exception_ended() {
    let said = refusal(
        1,
        &app(r#"[[policy.allow]]
rule = "private-key"
path = "/a"
reason = "a key of the tests"
until = 2020-01-01
[[file]]
from = "server.pem"
to = "/a""#)
        .file("server.pem", key()),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:7:8: `server.pem` holds a private key (at byte 0), and `/a` would ship it
    hint: the exception on line 1 ended on 2020-01-01
    ");
}

#[test]
fn a_key_that_the_exception_does_not_name() {
    let said = refusal(
        1,
        &app(r#"[[policy.allow]]
rule = "private-key"
path = "/b"
reason = "a key of the tests"
until = 9999-12-31
[[file]]
from = "server.pem"
to = "/a""#)
        .file("server.pem", key()),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:7:8: `server.pem` holds a private key (at byte 0), and `/a` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    ");
}

#[test]
fn an_exception_to_a_promise() {
    let said = refusal(
        1,
        &app(r#"[[policy.allow]]
rule = "wrong-architecture"
reason = "emulated"
until = 9999-12-31"#)
        .file("app", elf::static_arm64()),
    );
    insta::assert_snapshot!(said, @r#"
    error[wrong-architecture]: app.toml:6:8: the entrypoint `/usr/bin/app` is for arm64, the image is for linux/amd64
      |
    6 | path = "app"
      |        ^^^^^
    hint: no exception waives `wrong-architecture`, not even the one on line 1
    "#);
}

#[test]
fn exceptions_that_hold_let_the_build_pass() {
    let key_in_a_file = app(r#"[[policy.allow]]
rule = "private-key"
path = "/a"
reason = "a key of the tests"
until = 9999-12-31
[[file]]
from = "server.pem"
to = "/a""#)
    .file("server.pem", key());
    key_in_a_file.build().ok();
    let dynamic = app("[[policy.allow]]\nrule = \"dynamic-binary\"\nreason = \"x\"\nuntil = 9999-12-31\n\
                       [[policy.allow]]\nrule = \"missing-library\"\nreason = \"x\"\nuntil = 9999-12-31")
    .file("app", elf::dynamic_amd64());
    dynamic.build().ok();
    let large =
        app("policy.max-size = \"1B\"\n[[policy.allow]]\nrule = \"size-budget\"\nreason = \"x\"\nuntil = 9999-12-31");
    large.build().ok();
}
