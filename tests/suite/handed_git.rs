//! What a pipeline hands in: commits and branches where git has no answer, or another one than the pipeline thinks.

use crate::support::{
    case::{APP, Case},
    elf,
    judges::{checked, tool},
};

/// A recipe whose labels are what git says.
fn labelled(words: &[&str]) -> Case {
    let labels: Vec<_> = words.iter().map(|word| format!("\"{word}\" = \"{{git.{word}}}\"")).collect();
    let recipe = format!("{APP}[run]\nlabels = {{ {} }}\n", labels.join(", "));
    Case::new().recipe(&recipe).file("app", elf::static_amd64())
}

/// A label of the image that a build with these arguments makes.
#[track_caller]
fn label(case: &Case, word: &str, arguments: &[&str]) -> String {
    let built = case.run([&["build", "app.toml"], arguments].concat()).ok();
    built.layout().image().config["config"]["Labels"][word].as_str().expect("the label").to_owned()
}

fn git(case: &Case, arguments: &[&str]) -> String {
    let who = ["-c", "user.name=a", "-c", "user.email=a@example.com"];
    checked(tool("git").args(who).args(arguments).current_dir(case.dir())).trim().to_owned()
}

fn committed(case: &Case) -> String {
    git(case, &["init", "--quiet", "--initial-branch=main"]);
    git(case, &["add", "."]);
    git(case, &["commit", "--quiet", "-m", "one"]);
    git(case, &["rev-parse", "HEAD"])
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

#[test]
fn a_commit_is_handed_in_where_there_is_no_checkout() {
    let case = labelled(&["revision"]).file("pipeline.toml", "[git]\nrevision-from = \"CI_COMMIT_SHA\"\n");
    case.run(["build", "app.toml"]).fails(2).says("this folder is in no git checkout").says("`--git-revision`");
    assert_eq!(label(&case, "revision", &["--git-revision", COMMIT]), COMMIT);
    let pipeline = case.env("CI_COMMIT_SHA", COMMIT);
    // A variable of the environment counts where the pipeline's own file says so, and nowhere else.
    pipeline.run(["build", "app.toml"]).fails(2).says("this folder is in no git checkout");
    assert_eq!(label(&pipeline, "revision", &["--policy", "pipeline.toml"]), COMMIT);
    assert_eq!(label(&pipeline, "revision", &["--policy", "pipeline.toml", "--git-revision", OTHER]), OTHER);
    let bad = pipeline.env("CI_COMMIT_SHA", "v1.0");
    let said = bad.run(["build", "app.toml", "--policy", "pipeline.toml"]).fails(2);
    said.says("error[environment]: `CI_COMMIT_SHA` is `v1.0`, which is not the full name of a commit");
    bad.run(["build", "app.toml", "--git-revision", "HEAD"]).fails(2).says("error[usage]: `--git-revision` is `HEAD`");
}

#[test]
fn a_commit_that_is_not_checked_out_is_refused() {
    let case = labelled(&["revision"]);
    let commit = committed(&case);
    assert_eq!(label(&case, "revision", &["--git-revision", &commit]), commit);
    let said = case.run(["build", "app.toml", "--git-revision", COMMIT]).fails(2);
    said.says(&format!("`--git-revision` is `{COMMIT}`, and the checkout is at `{commit}`")).says("hint: ");
}

#[test]
fn a_branch_is_written_as_a_tag_can_have_it() {
    let case = labelled(&["branch"]);
    committed(&case);
    assert_eq!(label(&case, "branch", &[]), "main");
    git(&case, &["checkout", "--quiet", "-b", "feature/login"]);
    assert_eq!(label(&case, "branch", &[]), "feature-login-df7c7aeb");
    let said = case.run(["build", "app.toml", "--git-branch", "main"]).fails(2);
    said.says("`--git-branch` is `main`, and the checkout is at `feature/login`");
    git(&case, &["checkout", "--quiet", "--detach"]);
    case.run(["build", "app.toml"])
        .fails(2)
        .says("no branch is checked out (detached `HEAD` at `")
        .says("`--git-branch`");
    assert_eq!(label(&case, "branch", &["--git-branch", "Feature/Login"]), "feature-login-1ce27709");
}
