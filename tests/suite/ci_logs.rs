//! What a CI system makes of stderr: groups, annotations, sections, and no order that came from a pull request. And the time
//! that `-v` puts before each line.

use crate::support::{
    case::{APP, Case},
    elf,
    output::Output,
};

/// Three recipes of one program, of which `bad` is too large.
fn case() -> Case {
    Case::new()
        .file("app", elf::static_amd64())
        .recipe(APP)
        .file("other.toml", format!("{APP}[run]\nargs = [\"other\"]\n"))
        .file("bad.toml", format!("{APP}[policy]\nmax-size = \"10B\"\n"))
}

fn github(case: Case) -> Case {
    case.env("GITHUB_ACTIONS", "true").env("CI", "true")
}

/// The lines that GitHub's runner takes for commands: blanks before them do not count.
fn commands(output: &Output) -> Vec<&str> {
    let lines = output.stderr.split(['\n', '\r']);
    lines.filter(|line| line.trim_start().starts_with("::") || line.contains("##[")).collect()
}

/// The groups with their lines, which must not nest; lines outside of groups are not there.
fn groups(output: &Output) -> Vec<(String, Vec<String>)> {
    let (mut groups, mut open) = (Vec::new(), None::<(String, Vec<String>)>);
    for line in output.stderr.lines() {
        if let Some(title) = line.strip_prefix("::group::") {
            assert!(open.replace((title.to_owned(), Vec::new())).is_none(), "a group in a group: {}", output.stderr);
        } else if line == "::endgroup::" {
            groups.push(open.take().expect("a group"));
        } else if let Some((_, lines)) = &mut open {
            lines.push(line.to_owned());
        }
    }
    assert!(open.is_none(), "a group without an end: {}", output.stderr);
    groups
}

#[test]
fn github_folds_the_lines_of_each_image() {
    let mut seen = Vec::new();
    for jobs in ["1", "4"] {
        let case = github(case());
        let output = case.run(["build", "app.toml", "other.toml", "--jobs", jobs]).ok();
        let groups = groups(&output);
        assert_eq!(groups.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(), ["app", "other"]);
        for (title, lines) in &groups {
            let layer = format!("{title}: layer ");
            assert!(!lines.is_empty() && lines.iter().all(|line| line.starts_with(&layer)), "{lines:?}");
        }
        assert!(
            output.stderr.contains("::endgroup::\napp: write out/app\n"),
            "what was made is not folded: {}",
            output.stderr
        );
        assert_eq!(output.stdout.lines().count(), 2);
        assert!(output.stdout.starts_with("app@sha256:"), "stdout has data alone: {}", output.stdout);
        seen.push(output.stderr.clone());
        // Nothing is in a group where nothing is said.
        assert_eq!(case.run(["build", "app.toml", "other.toml", "--jobs", jobs]).ok().stderr, "");
        let more = case.run(["build", "-v", "app.toml", "other.toml", "--jobs", jobs]).ok();
        assert_eq!(self::groups(&more).len(), 2, "{}", more.stderr);
        assert_eq!(case.run(["build", "app.toml", "-q", "--output", "new"]).ok().stderr, "");
    }
    assert_eq!(seen[0], seen[1]);
    let alone = github(case()).run(["build", "app.toml"]).ok();
    assert!(commands(&alone).is_empty(), "one image needs no group: {}", alone.stderr);
    let unset = case().env("GITHUB_ACTIONS", "false").run(["build", "app.toml", "other.toml"]).ok();
    assert!(commands(&unset).is_empty(), "{}", unset.stderr);
    let plan = github(case()).run(["plan", "app.toml", "other.toml", "-v"]).ok();
    assert!(groups(&plan).iter().all(|(_, lines)| !lines.is_empty()), "{}", plan.stderr);
}

#[test]
fn github_shows_errors_at_their_lines_of_the_checkout() {
    let case = github(case().folder("services"))
        .file("services/app", elf::static_amd64())
        .file("services/two.toml", format!("{APP}[[file]]\nfrom = \"50%, or: none\"\nto = \"/x\"\n"))
        .file("services/key.toml", format!("{APP}[run]\nnmae = 1\n"));
    let workspace = case.dir();
    let case = case.env("GITHUB_WORKSPACE", workspace).cwd("services");
    let output = case.run(["check", "two.toml", "key.toml", "../bad.toml", "none.toml"]).fails(2);
    let told = commands(&output);
    assert_eq!(told.len(), 3, "{}", output.stderr);
    assert!(
        told[0].starts_with(
            "::error file=services/two.toml,line=5,col=8,title=error[input-not-found]::`50%25, or: none` does not exist"
        ),
        "{told:?}"
    );
    assert!(told[1].starts_with("::error file=services/key.toml,line=5,col=1,title=error[recipe-key]::"), "{told:?}");
    assert!(told[1].contains("%0Ahint: "), "{told:?}");
    assert!(told[2].starts_with("::error file=services/none.toml,title=error[file-not-found]::"), "{told:?}");
    // The text for people is there as well.
    assert!(output.stderr.contains("error[recipe-key]: key.toml:5:1: "), "{}", output.stderr);
    let failed = case.run(["build", "two.toml", "../app.toml", "../bad.toml"]).fails(2);
    groups(&failed);
    let failed = case.run(["build", "../app.toml", "../bad.toml"]).fails(1);
    assert_eq!(groups(&failed).last().map(|(title, _)| title.as_str()), Some("bad"), "{}", failed.stderr);
    assert!(
        commands(&failed).iter().any(|line| line.starts_with("::error file=bad.toml,line=5,")),
        "{}",
        failed.stderr
    );
    // A file of another place has no line in the change, and is named in the text.
    let elsewhere = case.env("GITHUB_WORKSPACE", "/elsewhere").run(["check", "key.toml"]).fails(2);
    assert!(
        commands(&elsewhere)[0].starts_with("::error title=error[recipe-key]::key.toml:5:1: "),
        "{}",
        elsewhere.stderr
    );
}

/// Go's output, names and lines of recipes are of the pull request: nothing of them is a command.
#[test]
fn no_order_of_a_pull_request_reaches_the_runner() {
    let go = "#!/bin/sh\ncase \"$1\" in\n\
              env) if [ \"$2\" = GOMOD ]; then echo \"$PWD/go.mod\"; else echo '{\"GOROOT\":\"/x\"}'; fi;;\n\
              *) printf '::stop-commands::x\\n \\t::add-mask::a\\n##[set-env name=A]b\\nq\\r::error::c\\n' >&2; exit 1;;\nesac\n";
    let recipe = "name = \"go\"\n[[binary]]\ngo = \".\"\n";
    let case = github(Case::new())
        .file("go.toml", recipe)
        .file("go.mod", "module a\n")
        .file("bin/go", go)
        .mode("bin/go", 0o755)
        .file("line.toml", "\"##[add-mask]x\" = 1 # ##[group]\n")
        .file("::error::x.toml", "name =\n");
    let path = format!("{}:/usr/bin:/bin", case.path("bin").display());
    let case = case.env("PATH", path);
    for words in [
        &["build", "go.toml"][..],
        &["build", "go.toml", "-v"],
        &["build", "go.toml", "-vv"],
        &["build", "line.toml"],
        &["build", "::error::x.toml"],
        &["check", "::error::x.toml", "line.toml"],
        &["build", "--x\n::stop-commands::y"],
        &["build", "go.toml", "--set", "a\n::x=\r::y"],
    ] {
        let output = case.run(words).fails(2);
        let ours = |line: &&str| line.starts_with("::error ") && line.contains("title=error[") && !line.contains("##[");
        let others: Vec<_> = commands(&output).into_iter().filter(|line| !ours(line)).collect();
        assert!(others.is_empty(), "{words:?}: {others:?}\n{}", output.stderr);
    }
    let shown = case.run(["build", "go.toml"]).fails(2);
    assert!(shown.stderr.contains("\n\\u{3a}:stop-commands::x\n"), "the text is there, readable: {}", shown.stderr);
    let plain = case.without_env("GITHUB_ACTIONS").run(["build", "go.toml"]).fails(2);
    assert!(plain.stderr.contains("\n::stop-commands::x\n"), "elsewhere it is as it was: {}", plain.stderr);
}

#[test]
fn gitlab_has_a_section_for_each_image() {
    let case = case().env("GITLAB_CI", "true");
    let output = case.run(["build", "app.toml", "other.toml", "bad.toml"]).fails(1);
    let (mut open, mut titles, mut names) = (None, Vec::new(), Vec::new());
    for line in output.stderr.lines() {
        if let Some(start) = line.strip_prefix("\x1b[0Ksection_start:") {
            let (marker, title) = start.split_once("[collapsed=true]\r\x1b[0K").expect("a title");
            let (seconds, name) = marker.split_once(':').expect("a name");
            assert!(seconds.parse::<u64>().is_ok_and(|seconds| seconds > 1_700_000_000), "{line:?}");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line:?}");
            assert!(open.replace(name).is_none() && !names.contains(&name), "{}", output.stderr);
            titles.push(title);
            names.push(name);
        } else if let Some(end) = line.strip_prefix("\x1b[0Ksection_end:") {
            let (_, name) = end.strip_suffix("\r\x1b[0K").and_then(|end| end.split_once(':')).expect("an end");
            assert_eq!(open.take(), Some(name));
        } else {
            assert!(!line.contains('\x1b'), "{line:?}");
        }
    }
    assert_eq!((open, titles), (None, vec!["app", "other", "bad"]));
    assert!(output.stderr.contains("\nerror[size-budget]: bad.toml:5:12: "), "{}", output.stderr);
    assert!(!output.stderr.contains("::"), "{}", output.stderr);
}

#[test]
fn v_puts_the_time_before_each_line() {
    let case = case();
    let time = |line: &str| -> Option<f64> { line.strip_prefix('[')?.split_once("s] ")?.0.parse().ok() };
    let output = case.run(["build", "-v", "app.toml", "other.toml", "bad.toml"]).fails(1);
    let (lines, error) = output.stderr.split_once("error[").expect("an error");
    assert!(lines.lines().count() > 6 && lines.lines().all(|line| time(line).is_some()), "{lines}");
    assert!(error.starts_with("size-budget]: bad.toml:5:12: "), "{error}");
    for other in [case.run(["build", "app.toml"]).ok(), case.run(["build", "app.toml", "other.toml"]).ok()] {
        assert!(!other.stderr.contains("s] "), "{}", other.stderr);
    }
    let quiet = case.run(["build", "-v", "--json", "app.toml"]).ok();
    assert!(quiet.stdout.starts_with('{') && !quiet.stdout.contains("s] "), "{}", quiet.stdout);
}

#[test]
fn plan_of_several_recipes_names_them() {
    let recipe = |name: &str| format!("name = \"{name}\"\n[[binary]]\ngo = \".\"\n");
    let case = Case::new()
        .file("a.toml", recipe("one"))
        .file("b.toml", recipe("two"))
        .file("go.mod", "module example.com/app\n\ngo 1.21\n")
        .file("main.go", "package main\n\nfunc main() { println(\"plan\") }\n");
    let output = case.run(["plan", "a.toml", "b.toml"]).ok();
    assert!(output.stderr.starts_with("one: compile . (go, linux/amd64)\n"), "{}", output.stderr);
    assert!(
        output.stderr.lines().all(|line| line.starts_with("one: ") || line.starts_with("two: ")),
        "{}",
        output.stderr
    );
    let alone = case.run(["plan", "a.toml", "-v"]).ok();
    assert!(!alone.stderr.contains("one: "), "{}", alone.stderr);
}
