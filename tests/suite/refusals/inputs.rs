//! Files of the host: absent or odd.

use std::{os::unix::net::UnixListener, process::Command};

use super::{app, refusal, refusal_of};
use crate::support::{
    case::{APP, Case},
    elf,
};

#[test]
fn a_file_that_is_not_there() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "gone"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `gone` does not exist
      |
    2 | from = "gone"
      |        ^^^^^^
    "#);
}

#[test]
fn a_binary_that_is_not_there() {
    let said = refusal(2, &Case::new().recipe(APP));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `app` does not exist
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_tree_that_is_not_there() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "gone"
to = "/srv"
include = "**""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `gone` does not exist
      |
    2 | from = "gone"
      |        ^^^^^^
    "#);
}

#[test]
fn a_binary_that_one_platform_lacks() {
    let said = refusal(
        2,
        &Case::new().file("app-amd64", elf::static_amd64()).recipe(
            "platforms = [\"linux/amd64\", \"linux/arm64\"]\n[[binary]]\npath = \"app-{arch}\"\nto = \"/app\"\n",
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:8: `app-arm64` does not exist
      |
    3 | path = "app-{arch}"
      |        ^^^^^^^^^^^^
    "#);
}

#[test]
fn a_folder_as_a_file() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "static"
to = "/a""#)
        .folder("static"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `static` is a folder, not a file
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: `[[tree]]` takes folders, by patterns
    "#);
}

#[test]
fn a_folder_as_a_binary() {
    let said = refusal(2, &Case::new().recipe(APP).folder("app"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `app` is a folder, not a file
      |
    2 | path = "app"
      |        ^^^^^
    "#);
}

#[test]
fn a_file_as_a_tree() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "app"
to = "/srv"
include = "**""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `app` is not a folder
      |
    2 | from = "app"
      |        ^^^^^
    hint: `[[file]]` takes a single file
    "#);
}

#[test]
fn a_path_through_a_file() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "app/a"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: cannot open `app/a`: not a directory
      |
    2 | from = "app/a"
      |        ^^^^^^^
    "#);
}

#[test]
fn a_fifo() {
    let said = refusal(
        2,
        &with_fifo(
            app(r#"[[file]]
from = "pipe"
to = "/a""#),
            "pipe",
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `pipe` is a FIFO, not a file
      |
    2 | from = "pipe"
      |        ^^^^^^
    "#);
}

#[test]
fn a_fifo_in_a_tree() {
    let said = refusal(
        2,
        &with_fifo(
            app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
            .folder("static"),
            "static/pipe",
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `pipe` is neither a file, a folder nor a link
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`
    "#);
}

#[test]
fn a_socket() {
    let case = app(r#"[[file]]
from = "socket"
to = "/a""#);
    let _listener = UnixListener::bind(case.path("socket")).expect("a socket");
    insta::assert_snapshot!(refusal(2, &case), @r#"
    error: app.toml:2:8: `socket` is a socket, not a file
      |
    2 | from = "socket"
      |        ^^^^^^^^
    "#);
}

#[test]
fn a_device() {
    let said = refusal_of(
        2,
        &app(r#"[[file]]
from = "/dev/null"
to = "/a""#),
        ["build", "app.toml", "--allow-outside"],
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `/dev/null` is a device, not a file
      |
    2 | from = "/dev/null"
      |        ^^^^^^^^^^^
    "#);
}

/// `case` with a FIFO at `path`, which would hold up whoever opens it.
fn with_fifo(case: Case, path: &str) -> Case {
    let made = Command::new("mkfifo").arg(case.path(path)).status().expect("mkfifo");
    assert!(made.success());
    case
}
