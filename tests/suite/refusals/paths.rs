//! Paths in the image: what they may be, and what two entries may not both want.

use super::{app, refusal};

#[test]
fn a_relative_path() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "etc/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image begins with `/`
      |
    3 | to = "etc/a"
      |      ^^^^^^^
    "#);
}

#[test]
fn a_path_with_two_dots() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/../a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image has no `..` component
      |
    3 | to = "/etc/../a"
      |      ^^^^^^^^^^^
    "#);
}

#[test]
fn a_path_with_a_dot() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/./a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image has no `.` component
      |
    3 | to = "/./a"
      |      ^^^^^^
    "#);
}

#[test]
fn a_path_with_two_slashes() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc//a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image has no empty component (`//`)
      |
    3 | to = "/etc//a"
      |      ^^^^^^^^^
    "#);
}

#[test]
fn a_path_with_a_slash_at_its_end() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/a/""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image does not end with `/`
      |
    3 | to = "/etc/a/"
      |      ^^^^^^^^^
    "#);
}

#[test]
fn a_path_with_a_control_character() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/a\tb""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a path in the image has no control characters
      |
    3 | to = "/a\tb"
      |      ^^^^^^^
    "#);
}

#[test]
fn a_path_with_a_variable() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/opt/{name}/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `{name}` is not replaced here
      |
    3 | to = "/opt/{name}/a"
      |      ^^^^^^^^^^^^^^^
    hint: variables are for `from`, `path`, `args`, `env`, `labels`, `annotations`, `ldflags`, `tags`, `features`, `flags`, `cc` and `linker`
    "#);
}

#[test]
fn a_link_to_a_variable() {
    let said = refusal(
        2,
        &app(r#"[[symlink]]
to = "/a"
target = "{arch}""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: `{arch}` is not replaced here
      |
    3 | target = "{arch}"
      |          ^^^^^^^^
    hint: variables are for `from`, `path`, `args`, `env`, `labels`, `annotations`, `ldflags`, `tags`, `features`, `flags`, `cc` and `linker`
    "#);
}

#[test]
fn a_whiteout() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/.wh.passwd""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a name that begins with `.wh.` means a deletion in an image
      |
    3 | to = "/etc/.wh.passwd"
      |      ^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_whiteout_of_everything() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/srv/.wh..wh..opq""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: a name that begins with `.wh.` means a deletion in an image
      |
    3 | to = "/srv/.wh..wh..opq"
      |      ^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_name_that_is_too_long() {
    let said = refusal(2, &app(&format!("[[file]]\ntext = \"a\"\nto = \"/{}\"", "x".repeat(256))));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: the path is longer than Linux can open
      |
    3 | to = "/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn the_root_as_a_file() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/` is there in every image and cannot be an entry of its own
      |
    3 | to = "/"
      |      ^^^
    "#);
}

#[test]
fn the_root_as_a_folder() {
    let said = refusal(
        2,
        &app(r#"[[dir]]
to = "/"
writable = true"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: `/` is there in every image and cannot be an entry of its own
      |
    2 | to = "/"
      |      ^^^
    "#);
}
