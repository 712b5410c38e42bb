//! Files that the user may not read.

use super::{app, everything};
use crate::support::case::Case;

#[test]
fn a_file_that_may_not_be_read() {
    let case = app(r#"[[file]]
from = "locked"
to = "/a""#)
    .file("locked", "a")
    .mode("locked", 0o000);
    insta::assert_snapshot!(refusal_without_privileges(&case), @r#"
    error: app.toml:2:8: cannot read `locked`: permission denied
      |
    2 | from = "locked"
      |        ^^^^^^^^
    "#);
}

#[test]
fn a_tree_that_may_not_be_read() {
    let case = app(r#"[[tree]]
from = "static"
to = "/srv"
include = "**""#)
    .file("static/locked/a", "a")
    .mode("static/locked", 0o000);
    insta::assert_snapshot!(refusal_without_privileges(&case), @r#"
    error: app.toml:2:8: cannot read the folder `[DIR]/work/static/locked`: permission denied
      |
    2 | from = "static"
      |        ^^^^^^^^
    "#);
}

#[test]
fn a_recipe_that_may_not_be_read() {
    let case = app("").mode("app.toml", 0o000);
    insta::assert_snapshot!(refusal_without_privileges(&case), @"error: app.toml: cannot read the recipe: permission denied");
}

/// The refusal of a build by a user who may not read every file: root would.
fn refusal_without_privileges(case: &Case) -> String {
    let before = everything(case);
    let without = "--bounding-set=-dac_override,-dac_read_search";
    let output = case.run_under(["setpriv", without], ["build", "app.toml"]).fails(2);
    assert_eq!(everything(case), before, "something was written");
    output.messages()
}
