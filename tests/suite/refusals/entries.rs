//! What `[system]`, `[[file]]`, `[[tree]]`, `[[symlink]]` and `[policy]` may not say.

use super::{app, refusal};

#[test]
fn certificates_of_a_base() {
    let said = refusal(2, &app(r#"system.certificates = "base""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:23: the certificates are those of a `base`, and the recipe has none
      |
    1 | system.certificates = "base"
      |                       ^^^^^^
    hint: `mozilla` is the default without a base
    "#);
}

#[test]
fn unknown_certificates() {
    let said = refusal(2, &app(r#"system.certificates = "debian""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:23: unknown certificates `debian`
      |
    1 | system.certificates = "debian"
      |                       ^^^^^^^^
    hint: known: `mozilla`, `none`, `base`, or `{ file = "roots.pem" }`
    "#);
}

#[test]
fn a_file_from_a_url_without_its_digest() {
    let said = refusal(
        2,
        &app(r#"[[file]]
url = "https://example.com/a"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:7: a `url` is never without its digest
      |
    2 | url = "https://example.com/a"
      |       ^^^^^^^^^^^^^^^^^^^^^^^
    hint: add `sha256 = "..."`, the 64 digits that `sha256sum` prints of a copy you have looked at
    "#);
}

#[test]
fn a_file_from_a_url_with_a_login_in_it() {
    let said = refusal(
        2,
        &app(r#"[[file]]
url = "https://me:pw@example.com/a"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:7: the `url` holds a login, which would be in the recipe for everybody to read
    hint: name a place that needs none, or fetch the file before the build
    "#);
}

#[test]
fn a_digest_without_a_url() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
sha256 = "00"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: `sha256` goes with `url`
      |
    3 | sha256 = "00"
      |          ^^^^
    "#);
}

#[test]
fn a_mode_for_the_owner_only() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = "0400""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:8: a file has mode `0444` or `0555`, not `0400`
      |
    4 | mode = "0400"
      |        ^^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn a_mode_without_quotes() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a"
to = "/a"
mode = 0o444"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:8: expected a string, found an integer
      |
    4 | mode = 0o444
      |        ^^^^^
    hint: write `"0444"`, or `"0555"` for a file that is run
    "#);
}

#[test]
fn a_file_from_nothing() {
    let said = refusal(
        2,
        &app(r#"[[file]]
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: a file needs one of `from`, `text` and `url`
      |
    1 | [[file]]
      | ^^^^^^^^
    hint: add `from = "path/of/the/file"`
    "#);
}

#[test]
fn a_file_from_two_places() {
    let said = refusal(
        2,
        &app(r#"[[file]]
from = "app"
text = "a"
to = "/a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:8: a file has exactly one of `from`, `text` and `url`, this one has `from` and `text`
      |
    3 | text = "a"
      |        ^^^
    "#);
}

#[test]
fn a_file_to_nowhere() {
    let said = refusal(
        2,
        &app(r#"[[file]]
text = "a""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: missing key `to`
      |
    1 | [[file]]
      | ^^^^^^^^
    hint: add `to = "/path/in/the/image"`
    "#);
}

#[test]
fn a_tree_of_everything() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:1: a tree names what it takes
      |
    1 | [[tree]]
      | ^^^^^^^^
    hint: write `include = ["**/*"]` for everything but dotfiles
    "#);
}

#[test]
fn a_pattern_that_leaves_its_folder() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = ["../**"]"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:12: the pattern `../**` leaves the folder
      |
    4 | include = ["../**"]
      |            ^^^^^^^
    "#);
}

#[test]
fn a_pattern_that_is_no_pattern() {
    let said = refusal(
        2,
        &app(r#"[[tree]]
from = "static"
to = "/srv"
include = ["[a"]"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:12: `[a` is no pattern: unclosed character class; missing ']'
      |
    4 | include = ["[a"]
      |            ^^^^
    "#);
}

#[test]
fn a_link_to_nothing_at_all() {
    let said = refusal(
        2,
        &app(r#"[[symlink]]
to = "/a"
target = """#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: `target` is empty
      |
    3 | target = ""
      |          ^^
    "#);
}

#[test]
fn a_size_without_a_unit() {
    let said = refusal(2, &app(r#"policy.max-size = "30""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:19: `30` is no size
      |
    1 | policy.max-size = "30"
      |                   ^^^^
    hint: write a number with a unit, such as `30MB`; known: `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`
    "#);
}

#[test]
fn a_size_in_small_letters() {
    let said = refusal(2, &app(r#"policy.max-size = "30mb""#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:19: `30mb` is no size
      |
    1 | policy.max-size = "30mb"
      |                   ^^^^^^
    hint: write a number with a unit, such as `30MB`; known: `B`, `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`
    "#);
}

#[test]
fn a_registry_with_a_scheme() {
    let said = refusal(2, &app(r#"policy.registries = ["https://ghcr.io"]"#));
    insta::assert_snapshot!(said, @r#"
    error: app.toml:1:22: `https://ghcr.io` is no registry
      |
    1 | policy.registries = ["https://ghcr.io"]
      |                      ^^^^^^^^^^^^^^^^^
    hint: write a host and maybe a path, such as `ghcr.io/acme`
    "#);
}

#[test]
fn an_exception_to_an_unknown_rule() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "privat-key"
reason = "x"
until = 2099-01-01"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:2:8: unknown rule `privat-key`
      |
    2 | rule = "privat-key"
      |        ^^^^^^^^^^^^
    hint: did you mean `private-key`?
    "#);
}

#[test]
fn an_exception_for_no_reason() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "private-key"
reason = "  "
until = 2099-01-01"#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:3:10: an exception has a reason, this one is blank
      |
    3 | reason = "  "
      |          ^^^^
    "#);
}

#[test]
fn an_exception_without_an_end() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "private-key"
reason = "x""#),
    );
    insta::assert_snapshot!(said, @"
    error: app.toml:1:1: missing key `until`
      |
    1 | [[policy.allow]]
      | ^^^^^^^^^^^^^^^^
    hint: add `until = 2027-06-30`
    ");
}

#[test]
fn an_exception_until_a_text() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "private-key"
reason = "x"
until = "2099-01-01""#),
    );
    insta::assert_snapshot!(said, @r#"
    error: app.toml:4:9: expected a date, found a string
      |
    4 | until = "2099-01-01"
      |         ^^^^^^^^^^^^
    hint: write it without quotes, such as `until = 2027-06-30`
    "#);
}

#[test]
fn an_exception_until_an_hour() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "private-key"
reason = "x"
until = 2099-01-01T12:00:00Z"#),
    );
    insta::assert_snapshot!(said, @"
    error: app.toml:4:9: `until` is a day, without a time
      |
    4 | until = 2099-01-01T12:00:00Z
      |         ^^^^^^^^^^^^^^^^^^^^
    hint: write it as in `until = 2027-06-30`
    ");
}

#[test]
fn an_exception_until_no_day() {
    let said = refusal(
        2,
        &app(r#"[[policy.allow]]
rule = "private-key"
reason = "x"
until = 2099-02-30"#),
    );
    insta::assert_snapshot!(said, @"
    error: app.toml:4:9: not valid TOML: invalid date, expected day between 01 and 28
      |
    4 | until = 2099-02-30
      |         ^^^^^^^^^^
    ");
}
