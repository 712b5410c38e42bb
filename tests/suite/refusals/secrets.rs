//! Private keys, wherever they are: refused by name, and never shown.

use rcgen::KeyPair;

use super::{app, refusal, refusal_of};
use crate::support::{
    case::{APP, Case},
    elf,
};

#[test]
fn a_key_in_a_file() {
    let said = refusal(
        1,
        &app(r#"[[file]]
from = "server.pem"
to = "/a""#)
        .file("server.pem", format!("{CERTIFICATE}{}", key())),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:8: `server.pem` holds a private key (at byte 59), and `/a` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    ");
}

#[test]
fn a_key_in_der() {
    let said = refusal(
        1,
        &app(r#"[[file]]
from = "server.der"
to = "/a""#)
        .file("server.der", KeyPair::generate().expect("a key").serialize_der()),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:8: `server.der` holds a private key (at byte 0), and `/a` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    ");
}

#[test]
fn a_key_in_a_tree() {
    let said = refusal(
        1,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/certs/server.pem", key()),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:8: `static/certs/server.pem` holds a private key (at byte 0), and `/srv/certs/server.pem` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    ");
}

#[test]
fn a_key_in_a_text() {
    let said = refusal(1, &app(&format!("[[file]]\ntext = '''\n{}'''\nto = \"/a\"", key())));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:8: `/a` holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_a_variable() {
    let said = refusal(1, &app(&format!("run.env = {{ TLS_KEY = '{}' }}", one_line(&key()))));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:23: the variable `TLS_KEY` holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_a_label() {
    let said = refusal(1, &app(&format!("run.labels = {{ key = '{}' }}", one_line(&key()))));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:22: the label `key` holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_an_argument() {
    let said = refusal(1, &app(&format!("run.args = ['--key', '{}']", one_line(&key()))));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:22: an argument holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_the_entrypoint() {
    let said = refusal(1, &app(&format!("run.entrypoint = ['/usr/bin/app', '{}']", one_line(&key()))));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:18: the entrypoint holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_an_annotation() {
    let said = refusal(1, &app(&format!("annotations = {{ key = '{}' }}", one_line(&key()))));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:23: the annotation `key` holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_by_way_of_a_variable() {
    let said = refusal_of(
        1,
        &app("vars.key = \"\"\nrun.args = [\"{key}\"]"),
        ["build", "app.toml", "--set", &format!("key={}", one_line(&key()))],
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:13: an argument holds a private key
    hint: hand secrets over when the container runs
    ");
}

#[test]
fn a_key_in_a_binary() {
    let said = refusal(1, &Case::new().recipe(APP).file("app", [elf::static_amd64(), key().into_bytes()].concat()));
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:2:8: `app` holds a private key (at byte 252), and `/usr/bin/app` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    ");
}

#[test]
fn a_key_among_the_certificates() {
    let said = refusal(
        1,
        &app("system.extra-certificates = \"corp.pem\"").file("corp.pem", format!("{CERTIFICATE}{}", key())),
    );
    insta::assert_snapshot!(said, @"
    error[private-key]: app.toml:1:29: `corp.pem` holds a private key
    hint: a file of roots holds certificates only; take the key out and consider it leaked
    ");
}

#[test]
fn everything_that_is_wrong_at_once() {
    let said = refusal(
        1,
        &app(r#"[[file]]
from = "server.pem"
to = "/a""#)
        .file("server.pem", key())
        .file("app", elf::dynamic_amd64()),
    );
    insta::assert_snapshot!(said, @r#"
    error[private-key]: app.toml:2:8: `server.pem` holds a private key (at byte 0), and `/a` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    error[dynamic-binary]: app.toml:5:8: the entrypoint `/usr/bin/app` is linked dynamically, and the image lacks `/lib64/ld-linux-x86-64.so.2`, `libfoo.so`, `libc.so.6`
      |
    5 | path = "app"
      |        ^^^^^
    hint: link it statically: `CGO_ENABLED=0` for Go, a musl target or `+crt-static` for Rust, `-static` for C
    "#);
}

#[test]
fn a_rule_and_a_fault_at_once() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "server.pem"
to = "/a""#)
        .file("server.pem", key())
        .file("app", "no program"),
    );
    insta::assert_snapshot!(said, @r#"
    error[private-key]: app.toml:2:8: `server.pem` holds a private key (at byte 0), and `/a` would ship it
    hint: mount it when the container runs; an image is readable by everybody who can pull it
    error: app.toml:5:8: the entrypoint `/usr/bin/app` is no ELF program
      |
    5 | path = "app"
      |        ^^^^^
    "#);
}

/// A fresh private key in PEM.
pub(super) fn key() -> String {
    KeyPair::generate().expect("a key").serialize_pem()
}

/// Line breaks as in JSON: what ends up in variables and arguments.
fn one_line(pem: &str) -> String {
    pem.replace('\n', "\\n")
}

/// What often stands before a key in one file; not a key itself.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
