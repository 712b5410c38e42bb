//! What is close to a refusal: recipes that differ little from a refused one and build, and the image that a refusal leaves
//! where it is.

use std::fs;

use rcgen::KeyPair;

use super::{app, runner::everything};
use crate::support::{
    case::{APP, Case},
    elf,
};

/// A program that is a shell to whoever looks for one.
fn with_shell(top: &str) -> Case {
    app(&format!("{top}\n[[file]]\nfrom = \"dash\"\nto = \"/usr/bin/sh\"\nmode = \"0555\""))
        .file("dash", elf::static_amd64_of(40_000))
}

#[test]
fn the_recipe_that_the_refused_ones_differ_from() {
    app("").build().ok();
}

#[test]
fn a_file_of_the_git_checkout_and_one_that_is_allowed_outside() {
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

#[test]
fn waivers_that_hold() {
    let key_in_a_file = app(r#"[[policy.allow]]
rule = "private-key"
path = "/a"
reason = "a key of the tests"
until = 9999-12-31
[[file]]
from = "server.pem"
to = "/a""#)
    .file("server.pem", KeyPair::generate().expect("a key").serialize_pem());
    key_in_a_file.build().ok();
    let dynamic = app("[[policy.allow]]\nrule = \"dynamic-binary\"\nreason = \"x\"\nuntil = 9999-12-31\n\
                       [[policy.allow]]\nrule = \"missing-library\"\nreason = \"x\"\nuntil = 9999-12-31")
    .file("app", elf::dynamic_amd64());
    dynamic.build().ok();
    let large =
        app("policy.max-size = \"1B\"\n[[policy.allow]]\nrule = \"size-budget\"\nreason = \"x\"\nuntil = 9999-12-31");
    large.build().ok();
}

#[test]
fn the_old_image_after_a_refusal_by_the_audit() {
    let case = app("");
    case.build().ok();
    let before = everything(&case);
    let shell = with_shell("");
    let case = case.file("app.toml", fs::read(shell.path("app.toml")).expect("a recipe"));
    let case = case.file("dash", elf::static_amd64_of(40_000));
    let (recipe, dash) = (case.path("app.toml"), case.path("dash"));
    case.build().fails(1);
    let after = everything(&case);
    for (path, state) in &before {
        assert!(*path == recipe || *path == dash || after.get(path) == Some(state), "{} changed", path.display());
    }
    assert_eq!(after.len(), before.len() + 1, "only `dash` is new");
}

#[test]
fn a_waiver_before_its_last_day() {
    let allow =
        "[[policy.allow]]\nrule = \"shell\"\npath = \"/usr/bin/sh\"\nreason = \"a console\"\nuntil = 9999-12-31";
    with_shell(allow).build().ok();
}

#[test]
fn a_waiver_of_nothing() {
    let case = app("[[policy.allow]]\nrule = \"TOOL001\"\nreason = \"a console\"\nuntil = 9999-12-31");
    let messages = case.build().ok().messages();
    let said: Vec<_> = messages.lines().filter(|line| !line.starts_with("layer ")).collect();
    insta::assert_snapshot!(said.join("\n"), @"
    warning: app.toml:1:1: the waiver of shell at app.toml:1:1 excepts nothing
      |
    1 | [[policy.allow]]
      | ^^^^^^^^^^^^^^^^
    hint: remove the waiver
    write out/app
    note: 3 findings below the gate (1 low, 2 info): hardpan audit out/app
    ");
}

#[test]
fn a_recipe_that_demands_what_the_image_has() {
    app("policy.fail-on = \"medium\"").build().ok();
    app("policy.profile = \"hardened\"").build().ok();
}

#[test]
fn a_policy_file_that_loosens() {
    for policy in [
        "[policy]\nfail-on = \"critical\"\n[[policy.allow]]\nrule = \"setuid\"\nreason = \"x\"\nuntil = 9999-12-31",
        "[policy]\nseverity = { shell = \"off\" }",
        "[policy]\n[[policy.allow]]\nrule = \"shell\"\npath = \"/usr/bin/*\"\nreason = \"x\"\nuntil = 9999-12-31",
    ] {
        with_shell("").file("policy.toml", policy).run(["build", "--policy", "policy.toml", "app.toml"]).ok();
    }
}

/// A refusal leaves the layout of the last good build as it is, byte for byte.
#[test]
fn the_old_image_after_a_refusal_before_packing() {
    let case = app("");
    let digest = case.build().ok().digest();
    let case = case.file("app", elf::dynamic_amd64());
    let before = everything(&case);
    case.build()
        .fails(1)
        .says("error[dynamic-binary]: app.toml:3:8: the entrypoint `/usr/bin/app` is linked dynamically");
    assert_eq!(everything(&case), before, "something was written");
    let index = fs::read_to_string(case.path("out/app/index.json")).expect("the old index");
    assert!(index.contains(&digest), "{index}");
}
