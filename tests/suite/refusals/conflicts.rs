//! Paths that two entries both want, or that need a folder where there is none.

use super::{app, recipe, refusal};

#[test]
fn two_files() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/a"
[[file]]
text = "a"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/a` is on line 3 already
      |
    6 | to = "/a"
      |      ^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn two_folders() {
    let said = refusal(
        2,
        &app(r#"[[dir]]
to = "/a"
[[dir]]
to = "/a"
writable = true"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:6: `/a` is on line 2 already
      |
    4 | to = "/a"
      |      ^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn a_file_and_a_link() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/a"
[[symlink]]
to = "/a"
target = "b""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:5:6: `/a` is on line 3 already
      |
    5 | to = "/a"
      |      ^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn a_binary_and_a_file() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/usr/bin/app""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/usr/bin/app` is on line 3 already
      |
    6 | to = "/usr/bin/app"
      |      ^^^^^^^^^^^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn two_binaries() {
    let said = refusal(2, &app("[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\""));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/usr/bin/app` is on line 3 already
      |
    6 | to = "/usr/bin/app"
      |      ^^^^^^^^^^^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn a_tree_and_a_file() {
    let said = refusal(2, &app(
        "[[file]]\ntext = \"a\"\nto = \"/srv/a.html\"\n[[tree]]\nfrom = \"static\"\nto = \"/srv\"\ninclude = \"*.html\"",
    )
    .file("static/a.html", "a"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/srv/a.html` is on line 3 already
      |
    6 | to = "/srv"
      |      ^^^^^^
    hint: one path has one entry; `exclude` leaves a file out of a tree
    "#);
}

#[test]
fn two_trees() {
    let said = refusal(2, &app(
        "[[tree]]\nfrom = \"one\"\nto = \"/srv\"\ninclude = \"*\"\n[[tree]]\nfrom = \"two\"\nto = \"/srv\"\ninclude = \"*\"",
    )
    .file("one/a", "a")
    .file("two/a", "a"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:7:6: `/srv/a` is on line 3 already
      |
    7 | to = "/srv"
      |      ^^^^^^
    hint: one path has one entry; `exclude` leaves a file out of a tree
    "#);
}

#[test]
fn a_tree_and_a_binary() {
    let said =
        refusal(2, &app("[[tree]]\nfrom = \"static\"\nto = \"/usr/bin\"\ninclude = \"app\"").file("static/app", "a"));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:7:6: `/usr/bin/app` is on line 3 already
      |
    7 | to = "/usr/bin/app"
      |      ^^^^^^^^^^^^^^
    hint: one path has one entry; `exclude` leaves a file out of a tree
    "#);
}

#[test]
fn a_file_and_passwd() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/passwd""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/etc/passwd` is in `[system]` already
      |
    3 | to = "/etc/passwd"
      |      ^^^^^^^^^^^^^
    hint: `passwd = false`, `certificates = "none"`, `tmp = false` and `timezones = false` in `[system]` leave its files out
    "#);
}

#[test]
fn a_file_and_the_certificates() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/ssl/certs/ca-certificates.crt""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/etc/ssl/certs/ca-certificates.crt` is in `[system]` already
      |
    3 | to = "/etc/ssl/certs/ca-certificates.crt"
      |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    hint: `passwd = false`, `certificates = "none"`, `tmp = false` and `timezones = false` in `[system]` leave its files out
    "#);
}

#[test]
fn a_folder_and_tmp() {
    let said = refusal(
        2,
        &app(r#"system.tmp = true
[[dir]]
to = "/tmp"
writable = true"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/tmp` is in `[system]` already
      |
    3 | to = "/tmp"
      |      ^^^^^^
    hint: `passwd = false`, `certificates = "none"`, `tmp = false` and `timezones = false` in `[system]` leave its files out
    "#);
}

#[test]
fn one_path_on_one_of_two_platforms() {
    let said = refusal(
        2,
        &recipe(
            r#"
platforms = ["linux/amd64", "linux/arm64"]
[[binary]]
path = "app"
to = "/app"
platforms = ["linux/amd64"]
[[binary]]
path = "app"
to = "/app"
platforms = ["linux/arm64", "linux/amd64"]
"#,
        ),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:9:6: `/app` is on line 5 already
      |
    9 | to = "/app"
      |      ^^^^^^
    hint: one path has one entry; `platforms` may tell them apart
    "#);
}

#[test]
fn a_file_where_a_folder_is_needed() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/srv"
[[file]]
text = "a"
to = "/srv/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/srv/a` needs a folder at `/srv`, which is a file (on line 3)
      |
    6 | to = "/srv/a"
      |      ^^^^^^^^
    "#);
}

#[test]
fn a_binary_where_a_folder_is_needed() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/usr/bin/app/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/usr/bin/app/a` needs a folder at `/usr/bin/app`, which is a file (on line 6)
      |
    3 | to = "/usr/bin/app/a"
      |      ^^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn passwd_where_a_folder_is_needed() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/etc/passwd/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:6: `/etc/passwd/a` needs a folder at `/etc/passwd`, which is a file (in `[system]`)
      |
    3 | to = "/etc/passwd/a"
      |      ^^^^^^^^^^^^^^^
    "#);
}

#[test]
fn a_link_where_a_folder_is_needed() {
    let said = refusal(
        2,
        &app(r#"[[symlink]]
to = "/srv"
target = "/opt"
[[file]]
text = "a"
to = "/srv/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:6:6: `/srv/a` needs a folder at `/srv`, which is a link (on line 2)
      |
    6 | to = "/srv/a"
      |      ^^^^^^^^
    "#);
}

#[test]
fn a_workdir_that_is_a_file() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/srv"
[run]
workdir = "/srv""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:5:11: the working directory `/srv` is a file
      |
    5 | workdir = "/srv"
      |           ^^^^^^
    "#);
}

#[test]
fn a_workdir_that_leads_nowhere() {
    let said = refusal(
        2,
        &app(r#"run.workdir = "/srv"
[[symlink]]
to = "/srv"
target = "gone""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:10: the link `/srv` to `gone` leads to nothing in the image
      |
    4 | target = "gone"
      |          ^^^^^^
    hint: links may also lead below `/dev`, `/proc`, `/sys`, `/run` or a writable `[[dir]]`
    "#);
}

#[test]
fn a_link_that_leads_to_nothing() {
    let said = refusal(
        2,
        &app(r#"[[symlink]]
to = "/srv/current"
target = "v2""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the link `/srv/current` to `v2` leads to nothing in the image
      |
    3 | target = "v2"
      |          ^^^^
    hint: links may also lead below `/dev`, `/proc`, `/sys`, `/run` or a writable `[[dir]]`
    "#);
}

#[test]
fn a_link_that_leads_to_itself() {
    let said = refusal(
        2,
        &app(r#"[[symlink]]
to = "/a"
target = "b"
[[symlink]]
to = "/b"
target = "a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: the link `/a` to `b` leads back to itself
      |
    3 | target = "b"
      |          ^^^
    error: app.toml:6:10: the link `/b` to `a` leads back to itself
      |
    6 | target = "a"
      |          ^^^
    "#);
}

#[test]
fn a_writable_folder_around_the_program() {
    let said = refusal(
        2,
        &app(r#"[[dir]]
to = "/usr/bin"
writable = true"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: the run user could replace `/usr/bin/app`, because `/usr/bin` is writable
      |
    2 | to = "/usr/bin"
      |      ^^^^^^^^^^
    hint: make a folder of its own writable
    "#);
}

#[test]
fn a_writable_folder_around_the_certificates() {
    let said = refusal(
        2,
        &app(r#"[[dir]]
to = "/etc"
writable = true"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:6: the run user could replace `/etc/group`, because `/etc` is writable
      |
    2 | to = "/etc"
      |      ^^^^^^
    hint: make a folder of its own writable
    "#);
}
