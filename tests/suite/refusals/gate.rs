//! What the audit of an image refuses before the image is written: the same rules as `hardpan audit`, at the line of the
//! recipe.

use super::{app, everything};
use crate::support::{case::Case, elf};

/// What `refusal` gives without the progress of layers: how small they became is another test's.
#[track_caller]
fn refusal(code: i32, case: &Case) -> String {
    without_layers(&super::refusal(code, case))
}

#[track_caller]
fn refusal_of<const N: usize>(code: i32, case: &Case, args: [&str; N]) -> String {
    without_layers(&super::refusal_of(code, case, args))
}

fn without_layers(said: &str) -> String {
    said.lines().filter(|line| !line.starts_with("layer ")).collect::<Vec<_>>().join("\n")
}

/// Something that only looks like a token of a provider, made when the test runs.
fn token() -> String {
    format!("gl{}-{}", "pat", "x7Kq2mZv9TbN4cRwYs8d")
}

/// A program that is a shell to whoever looks for one.
fn with_shell(top: &str) -> Case {
    app(&format!("{top}\n[[file]]\nfrom = \"dash\"\nto = \"/usr/bin/sh\"\nmode = \"0555\""))
        .file("dash", elf::static_amd64_of(40_000))
}

#[test]
fn a_shell() {
    insta::assert_snapshot!(refusal(1, &with_shell("")), @r#"
    error[shell]: app.toml:4:6: a shell is in the image: `/usr/bin/sh`
      |
    4 | to = "/usr/bin/sh"
      |      ^^^^^^^^^^^^^
    hint: build on `scratch`, copy the program and nothing else, and write the entrypoint as an array
    "#);
}

#[test]
fn a_shell_behind_another_name() {
    let mut busybox = elf::static_amd64();
    busybox.extend(b"\0BusyBox v1.36.1 (2024-06-10 07:11:47 UTC) multi-call binary.\0");
    busybox.extend(b"[\0ash\0cat\0chmod\0cp\0ls\0mount\0sh\0tar\0vi\0wget\0");
    let case = app("[[file]]\nfrom = \"tool\"\nto = \"/usr/bin/tool\"\nmode = \"0555\"").file("tool", busybox);
    insta::assert_snapshot!(refusal(1, &case), @r#"
    error[multi-call-binary]: app.toml:3:6: `/usr/bin/tool` is many tools in one: its content is that of busybox
      |
    3 | to = "/usr/bin/tool"
      |      ^^^^^^^^^^^^^^^
    hint: build on `scratch` or on a base without it
    "#);
}

#[test]
fn a_token_in_a_file() {
    let case = app("[[file]]\nfrom = \"settings.txt\"\nto = \"/etc/app/settings\"")
        .file("settings.txt", format!("registry = {}\n", token()));
    let said = refusal(1, &case);
    assert!(!said.contains(&token()), "{said}");
    insta::assert_snapshot!(said, @"
    error[provider-token]: app.toml:3:6: a secret (gitlab-token) is in `/etc/app/settings`: glpa…8d (sha256 4eeaa834)
    hint: revoke the token, then hand a new one over when the container runs
    ");
}

#[test]
fn a_token_in_a_program() {
    let mut program = elf::static_amd64_of(300_000);
    program.extend(format!("\0\0{}\0\0", token()).bytes());
    let said = refusal(1, &app("").file("app", program));
    assert!(!said.contains(&token()), "{said}");
    insta::assert_snapshot!(said, @"
    error[provider-token]: app.toml:4:6: a secret (gitlab-token) is in `/usr/bin/app`: glpa…8d (sha256 4eeaa834)
    hint: revoke the token, then hand a new one over when the container runs
    ");
}

#[test]
fn tokens_in_settings() {
    let top = format!(
        "[run]\nenv = {{ CI_TOKEN = \"{0}\" }}\nlabels = {{ \"com.example\" = \"{0}\" }}\nargs = [\"--token\", \"{0}\"]",
        token()
    );
    let said = refusal(1, &app(&top));
    assert!(!said.contains(&token()), "{said}");
    insta::assert_snapshot!(said, @"
    error[secret-in-env]: app.toml:2:20: a secret (gitlab-token) is in `config.Env[CI_TOKEN]`: glpa…8d (sha256 4eeaa834)
    hint: remove the variable from the image, and set it when the container runs
    error[secret-in-label]: app.toml:3:28: a secret (gitlab-token) is in `config.Labels[com.example]`: glpa…8d (sha256 4eeaa834)
    hint: remove the label, and replace the secret
    error[secret-in-arguments]: app.toml:4:9: a secret (gitlab-token) is in `config.Cmd`: glpa…8d (sha256 4eeaa834)
    hint: hand the secret over in a mounted file when the container runs
    ");
}

#[test]
fn one_finding_on_two_platforms_is_told_once() {
    let case = with_shell("platforms = [\"linux/amd64\", \"linux/arm64\"]")
        .edit("app.toml", |text| text.replace("path = \"app\"", "path = \"app-{arch}\""))
        .file("app-amd64", elf::static_amd64())
        .file("app-arm64", elf::static_arm64());
    assert_eq!(refusal(1, &case).matches("error[").count(), 1);
}

#[test]
fn what_is_refused_leaves_the_old_image() {
    let case = app("");
    case.build().ok();
    let before = everything(&case);
    let shell = with_shell("");
    let case = case.file("app.toml", std::fs::read(shell.path("app.toml")).expect("a recipe"));
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
fn a_named_exception_lets_it_pass_until_its_day() {
    let allow = |until: &str| {
        format!("[[policy.allow]]\nrule = \"shell\"\npath = \"/usr/bin/sh\"\nreason = \"a console\"\nuntil = {until}")
    };
    with_shell(&allow("9999-12-31")).build().ok();
    insta::assert_snapshot!(refusal(1, &with_shell(&allow("2020-01-01"))), @r#"
    warning: app.toml:1:1: the waiver of shell at app.toml:1:1 ended on 2020-01-01
      |
    1 | [[policy.allow]]
      | ^^^^^^^^^^^^^^^^
    hint: renew the waiver with a new date, or remove it
    error[shell]: app.toml:8:6: a shell is in the image: `/usr/bin/sh`
      |
    8 | to = "/usr/bin/sh"
      |      ^^^^^^^^^^^^^
    hint: the exception on line 1 ended on 2020-01-01
    "#);
}

#[test]
fn an_exception_that_excepts_nothing_is_told() {
    let case = app("[[policy.allow]]\nrule = \"TOOL001\"\nreason = \"a console\"\nuntil = 9999-12-31");
    let said = without_layers(&case.build().ok().messages());
    insta::assert_snapshot!(said, @"
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
fn a_recipe_may_demand_more() {
    let said = refusal(1, &app("[policy]\nseverity = { not-pie = \"high\" }"));
    insta::assert_snapshot!(said, @r#"
    error[not-pie]: app.toml:5:6: `/usr/bin/app` is not position independent
      |
    5 | to = "/usr/bin/app"
      |      ^^^^^^^^^^^^^^
    hint: compile with `-fPIE -pie`, for Go with `-buildmode=pie`
    "#);
    refusal(1, &app("policy.fail-on = \"low\""));
    refusal(1, &app("policy.fail-on = \"info\""));
    app("policy.fail-on = \"medium\"").build().ok();
    app("policy.profile = \"hardened\"").build().ok();
}

#[test]
fn a_recipe_cannot_demand_less() {
    insta::assert_snapshot!(refusal(2, &app("policy.fail-on = \"high\"")), @r#"
    error: app.toml:1:18: a recipe cannot loosen the policy: builds fail on `medium`
      |
    1 | policy.fail-on = "high"
      |                  ^^^^^^
    hint: except one rule with `[[policy.allow]]`, with a reason and a day
    "#);
    insta::assert_snapshot!(refusal(2, &app("policy.profile = \"default\"")), @r#"
    error: app.toml:1:18: a recipe cannot loosen the policy: builds keep to `hardened`
      |
    1 | policy.profile = "default"
      |                  ^^^^^^^^^
    hint: except one rule with `[[policy.allow]]`, with a reason and a day
    "#);
    insta::assert_snapshot!(refusal(2, &app("policy.severity = { shell = \"low\" }")), @r#"
    error: app.toml:1:29: a recipe cannot loosen the policy: `shell` weighs `high`
      |
    1 | policy.severity = { shell = "low" }
      |                             ^^^^^
    hint: except it with `[[policy.allow]]`, with a reason and a day
    "#);
    insta::assert_snapshot!(refusal(2, &app("policy.severity = { shell = \"off\" }")), @r#"
    error: app.toml:1:29: a recipe cannot loosen the policy: `shell` weighs `high`
      |
    1 | policy.severity = { shell = "off" }
      |                             ^^^^^
    hint: except it with `[[policy.allow]]`, with a reason and a day
    "#);
    insta::assert_snapshot!(refusal(2, &app("policy.severity = { shel = \"high\" }")), @r#"
    error: app.toml:1:21: unknown rule `shel`
      |
    1 | policy.severity = { shel = "high" }
      |                     ^^^^
    hint: did you mean `shell`?
    "#);
}

/// What `build --policy policy.toml` says when it ends with `code`.
#[track_caller]
fn under(code: i32, policy: &str, case: Case) -> String {
    let case = case.file("policy.toml", policy);
    refusal_of(code, &case, ["build", "--policy", "policy.toml", "app.toml"])
}

#[test]
fn a_policy_file_is_above_the_recipe() {
    const ALLOW: &str = "[[policy.allow]]\nrule = \"shell\"\nreason = \"a console\"\nuntil = 9999-12-31";
    insta::assert_snapshot!(under(1, "[policy]\nwaivers = false", with_shell(ALLOW)), @r#"
    warning: app.toml:1:1: the policy allows no waivers, and app.toml:1:1 is one of shell
      |
    1 | [[policy.allow]]
      | ^^^^^^^^^^^^^^^^
    hint: remove the waiver
    error[shell]: app.toml:7:6: a shell is in the image: `/usr/bin/sh`
      |
    7 | to = "/usr/bin/sh"
      |      ^^^^^^^^^^^^^
    hint: the policy allows no exceptions, not even the one on line 1
    "#);
    insta::assert_snapshot!(under(1, "[policy]\nmax-size = \"2kB\"", app("policy.max-size = \"1GB\"")), @r#"
    error[size-budget]: policy.toml:2:12: the layers for linux/amd64 take 108603 bytes, the budget is 2000 (system 108366, binaries 237)
      |
    2 | max-size = "2kB"
      |            ^^^^^
    hint: raise `max-size`, or ship less
    "#);
    insta::assert_snapshot!(under(1, "[policy]\nfail-on = \"low\"", app("policy.fail-on = \"medium\"")), @r#"
    error[not-pie]: app.toml:4:6: `/usr/bin/app` is not position independent
      |
    4 | to = "/usr/bin/app"
      |      ^^^^^^^^^^^^^^
    hint: compile with `-fPIE -pie`, for Go with `-buildmode=pie`
    "#);
    insta::assert_snapshot!(under(2, "[policy]\nfail_on = \"low\"", app("")), @r#"
    error: policy.toml:2:1: unknown key `fail_on`
      |
    2 | fail_on = "low"
      | ^^^^^^^
    hint: did you mean `fail-on`?
    "#);
    insta::assert_snapshot!(under(2, "max-size = \"1MB\"", app("")), @r#"
    error: policy.toml:1:1: unknown key `max-size`
      |
    1 | max-size = "1MB"
      | ^^^^^^^^
    hint: `max-size` is a key of `[policy]`
    "#);
}

#[test]
fn a_policy_file_may_loosen_and_the_recipe_may_take_it_back() {
    let policy =
        "[policy]\nfail-on = \"critical\"\n[[policy.allow]]\nrule = \"setuid\"\nreason = \"x\"\nuntil = 9999-12-31";
    let args = ["build", "--policy", "policy.toml", "app.toml"];
    with_shell("").file("policy.toml", policy).run(args).ok();
    refusal_of(1, &with_shell("policy.profile = \"hardened\"").file("policy.toml", policy), args);
    refusal_of(1, &with_shell("policy.severity = { shell = \"critical\" }").file("policy.toml", policy), args);
    with_shell("").file("policy.toml", "[policy]\nseverity = { shell = \"off\" }").run(args).ok();
    let most = "[policy]\nseverity = { shell = \"off\" }";
    refusal_of(1, &with_shell("policy.severity = { shell = \"high\" }").file("policy.toml", most), args);
    let allow =
        "[policy]\n[[policy.allow]]\nrule = \"shell\"\npath = \"/usr/bin/*\"\nreason = \"x\"\nuntil = 9999-12-31";
    with_shell("").file("policy.toml", allow).run(args).ok();
}

#[test]
fn a_policy_file_that_is_not_there() {
    let said = refusal_of(2, &app(""), ["build", "--policy", "none.toml", "app.toml"]);
    insta::assert_snapshot!(said, @"error: none.toml: cannot read the policy: no such file or directory");
}
