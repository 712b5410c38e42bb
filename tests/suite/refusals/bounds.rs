//! Links that lead nowhere, and paths that leave the folder of the recipe or the git checkout.

use super::{app, recipe, refusal, refusal_of};
use crate::support::{
    case::{APP, Case},
    elf,
};

#[test]
fn a_link_to_nothing() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "link"
to = "/a""#)
        .link("link", "gone"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `link` is a link to nothing
      |
    2 | from = "link"
      |        ^^^^^^
    "#);
}

#[test]
fn a_link_to_itself() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "link"
to = "/a""#)
        .link("link", "link"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `link` is a link that leads back to itself
      |
    2 | from = "link"
      |        ^^^^^^
    "#);
}

#[test]
fn a_file_above_the_recipe() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "../secret"
to = "/a""#)
        .file("../secret", "s"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `../secret` leaves the recipe's folder
      |
    2 | from = "../secret"
      |        ^^^^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_file_by_its_absolute_path() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "/etc/hostname"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `/etc/hostname` leaves the recipe's folder
      |
    2 | from = "/etc/hostname"
      |        ^^^^^^^^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_link_that_leaves_the_folder() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "link"
to = "/a""#)
        .file("../secret", "s")
        .link("link", "../secret"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `link` leaves the recipe's folder
      |
    2 | from = "link"
      |        ^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_folder_link_that_leaves_the_folder() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "link/secret"
to = "/a""#)
        .file("../other/secret", "s")
        .link("link", "../other"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `link/secret` leaves the recipe's folder
      |
    2 | from = "link/secret"
      |        ^^^^^^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_binary_above_the_recipe() {
    let said =
        refusal(2, &recipe("[[binary]]\npath = \"../app\"\nto = \"/app\"\n").file("../app", elf::static_amd64()));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `../app` leaves the recipe's folder
      |
    2 | path = "../app"
      |        ^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_tree_above_the_recipe() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = ".."
to = "/srv"
include = "**/secret""#)
        .file("../other/secret", "s"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `..` leaves the recipe's folder
      |
    2 | from = ".."
      |        ^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_file_above_the_git_checkout() {
    let said = refusal_of(
        2,
        &Case::new().folder(".git").file("sub/app", elf::static_amd64()).file("../secret", "s").file(
            "sub/app.toml",
            format!(
                "{}\n{APP}",
                r#"[[file]]
from = "../../secret"
to = "/a""#
            ),
        ),
        ["build", "sub/app.toml"],
    );
    insta::assert_snapshot!(said, @r#"
    error: sub/app.toml:2:8: `../../secret` leaves the git checkout
      |
    2 | from = "../../secret"
      |        ^^^^^^^^^^^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn compiling_above_the_recipe() {
    let said = refusal(2, &recipe("[[binary]]\ngo = \".\"\ndir = \"..\"\n").file("../go.mod", "module x\n"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:7: `..` leaves the recipe's folder
      |
    3 | dir = ".."
      |       ^^^^
    hint: copy it into the checkout, or pass `--allow-outside`
    "#);
}

#[test]
fn a_host_path_with_an_unknown_variable() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "{file}"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:9: unknown variable `file`
      |
    2 | from = "{file}"
      |         ^^^^^^
    hint: known here: `name`, `os`, `arch`, `variant`, `rust-target`, `git.revision`, `git.tag`, `git.describe`, `git.dirty`, `source-date`
    "#);
}

#[test]
fn the_git_checkout_is_the_bound_and_allow_outside_lifts_it() {
    let inside = Case::new().folder(".git").file("shared", "s").file("sub/app", elf::static_amd64()).file(
        "sub/app.toml",
        format!(
            "{}\n{APP}",
            r#"[[file]]
from = "../shared"
to = "/a""#
        ),
    );
    inside.run(["build", "sub/app.toml"]).ok();
    let outside = app(r#"[[file]]
from = "link"
to = "/a""#)
    .file("../secret", "s")
    .link("link", "../secret");
    outside.run(["build", "app.toml", "--allow-outside"]).ok();
}
