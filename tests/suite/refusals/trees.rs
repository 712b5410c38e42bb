//! What a tree may not take.

use super::{app, refusal};

#[test]
fn a_pattern_that_matches_nothing() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "*.html""#)
        .file("static/a.css", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:11: no file matches `*.html`
      |
    4 | include = "*.html"
      |           ^^^^^^^^
    hint: `*` stays within one folder, `**/` goes through all of them
    "#);
}

#[test]
fn a_pattern_that_names_a_folder() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "css""#)
        .file("static/css/a.css", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:11: no file matches `css`
      |
    4 | include = "css"
      |           ^^^^^
    hint: it is a folder; write `css/**`
    "#);
}

#[test]
fn a_pattern_for_dotfiles_without_their_dot() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "*""#)
        .file("static/.env", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:11: no file matches `*`
      |
    4 | include = "*"
      |           ^^^
    hint: names that begin with a dot are taken only by a pattern that writes the dot
    "#);
}

#[test]
fn an_executable_that_matches_nothing() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**"
executable = "bin/*""#)
        .file("static/a", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:5:14: no file matches `bin/*`
      |
    5 | executable = "bin/*"
      |              ^^^^^^^
    hint: `*` stays within one folder, `**/` goes through all of them
    "#);
}

#[test]
fn a_whiteout_in_a_tree() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = ".wh.*""#)
        .file("static/.wh.a", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `.wh.a`: a name that begins with `.wh.` means a deletion in an image
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`
    "#);
}

#[test]
fn a_whiteout_folder_in_a_tree() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**/.wh.*/*""#)
        .file("static/.wh.a/b", "a"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: `.wh.a`: a name that begins with `.wh.` means a deletion in an image
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`
    "#);
}

#[test]
fn a_link_in_a_tree_that_leaves_it() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/a", "a")
        .file("b", "b")
        .link("static/link", "../b"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the link `/srv/link` to `../b` leaves the tree
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`; a `[[symlink]]` can say the same link
    "#);
}

#[test]
fn a_link_in_a_tree_that_is_absolute() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/a", "a")
        .link("static/link", "/etc/passwd"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the link `/srv/link` to `/etc/passwd` leaves the tree
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`; a `[[symlink]]` can say the same link
    "#);
}

#[test]
fn a_link_in_a_tree_to_nothing() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/a", "a")
        .link("static/link", "gone"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the link `/srv/link` to `gone` leads to nothing
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`; a `[[symlink]]` can say the same link
    "#);
}

#[test]
fn a_link_in_a_tree_to_itself() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/a", "a")
        .link("static/link", "link"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the link `/srv/link` to `link` leads back to itself
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`; a `[[symlink]]` can say the same link
    "#);
}

#[test]
fn a_link_in_a_tree_to_what_stays_behind() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
        .file("static/a", "a")
        .file("static/.env", "b")
        .link("static/link", ".env"),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: the link `/srv/link` to `.env` leads to what the patterns leave out
      |
    2 | from = "static"
      |        ^^^^^^^^
    hint: leave it out with `exclude`; a `[[symlink]]` can say the same link
    "#);
}
