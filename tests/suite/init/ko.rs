//! `init --from .ko.yaml` and `kodata`: what ko builds, as a recipe that builds, and a list of the rest.

use std::fs;

use super::{MAIN_GO, told};
use crate::support::{
    case::Case,
    judges::{checked, tool},
};

const VERSIONS: &str = "package main\n\nvar version, commit, short, tag, date, label, stamp string\n\nfunc main() { \
                        println(version, commit, short, tag, date, label, stamp) }\n";

/// Every key that ko reads, some that it does not, and values that a recipe cannot say.
const EVERYTHING: &str = "\
defaultBaseImage: cgr.dev/chainguard/static
baseImageOverrides:
  example.com/shop/cmd/job: alpine:3
defaultPlatforms: [linux/amd64, linux/arm64, windows/amd64, all]
defaultEnv: [GOEXPERIMENT=none]
defaultFlags: -v -tags=default
defaultLdflags:
- -X main.version=default
verbosity: 3
builds:
- id: api
  main: ./cmd/api/main.go
  env: [CGO_ENABLED=0, GOPRIVATE=example.com, 'LABEL=one two', GOAMD64=v3, GOFLAGS=-mod=mod -tags=flagged, PATH=/x]
  flags:
  - -tags
  - netgo,osusergo
  - -trimpath
  - -race
  - -gcflags
  - all=-l
  - -tags={{.Env.TAGS}}
  ldflags:
  - -s -w
  - -extldflags \"-static\"
  - -X main.version={{.Env.VERSION}} -X 'main.label={{ .Env.LABEL }}'
  - -X main.commit={{.Git.FullCommit}} -X main.short={{.Git.ShortCommit}} -X main.tag={{.Git.Tag}}
  - -X main.date={{ .Date }} -X main.stamp={{.Timestamp}}
  - -X main.state={{.Git.TreeState}} -X main.go={{.GoEnv.GOVERSION}}
  - '{{ .Env.LDFLAGS }}'
  - -linkmode external
  linux_capabilities: net_bind_service
  goos: [linux]
";

fn shop(ko: &str) -> Case {
    Case::new()
        .file("go.mod", "module example.com/shop\n\ngo 1.21\n")
        .file("cmd/api/main.go", VERSIONS)
        .file("cmd/job/main.go", MAIN_GO)
        .file(".ko.yaml", ko)
}

fn committed(case: &Case) {
    let git = |arguments: &[&str]| checked(tool("git").args(arguments).current_dir(case.dir()));
    git(&["init", "--quiet"]);
    git(&["add", "--all"]);
    git(&["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message", "x"]);
}

#[test]
fn every_key_of_a_ko_file_is_in_the_recipe_or_in_the_list() {
    let case = shop(EVERYTHING);
    committed(&case);
    let run = case.run(["init", "--from", ".ko.yaml"]);
    insta::assert_snapshot!("init_ko_everything", told(&case, &run));
    run.ok();
    case.run(["build", "--set", "version=7"]).ok();
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
    assert!(recipe.contains("\"-X main.commit={git.revision}\""), "{recipe}");
}

#[test]
fn git_values_without_a_checkout() {
    let case = shop("builds:\n- main: ./cmd/api\n  ldflags: ['-X main.commit={{.Git.FullCommit}}']\n");
    case.run(["init", "--from", ".ko.yaml"]).ok().says("--set git-revision=");
    case.run(["build"]).ok();
}

#[test]
fn of_several_builds_or_programs_the_caller_chooses() {
    let builds = "builds:\n- id: a\n  main: cmd/api\n- id: b\n  dir: ./cmd\n  main: job\n  flags: -tags=jobs\n";
    let case = shop(builds);
    case.run(["init", "--from", ".ko.yaml"]).fails(2).says("./cmd/api").says("./cmd/job");
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
    assert!(!recipe.contains("\n[[binary]]") && recipe.contains("# tags = [\"jobs\"]"), "{recipe}");
    case.run(["init", "--force", "--from", ".ko.yaml", "--binary", "job"]).ok();
    assert_eq!(case.run(["build"]).ok().printed().0, "job");
    // Without builds, the programs of the project are those to choose from, with the defaults.
    let case = shop("defaultFlags: [-tags=all]\n");
    case.run(["init", "--from", ".ko.yaml"]).fails(2).says("./cmd/job");
    case.run(["init", "--force", "--from", ".ko.yaml", "--binary", "api"]).ok();
    let recipe = fs::read_to_string(case.path("hardpan.toml")).unwrap();
    assert!(recipe.contains("\ntags = [\"all\"]\nto = \"/ko-app/api\""), "{recipe}");
    case.run(["plan"]).ok();
}

#[test]
fn build_of_a_nested_module() {
    let case = shop("builds:\n- dir: worker\n")
        .file("worker/go.mod", "module example.com/shop/worker\n\ngo 1.21\n")
        .file("worker/main.go", MAIN_GO);
    case.run(["init", "--from", ".ko.yaml"]).ok();
    assert_eq!(case.run(["build"]).ok().printed().0, "worker");
}

#[test]
fn a_file_that_is_none_of_ko_is_refused_with_its_line() {
    for (text, says) in [
        ("services:\n  a: b\n", ".ko.yaml:1: not a `.ko.yaml`: it has `services`"),
        ("builds:\n- main: ./cmd/api\n  main: x\n", ".ko.yaml:3: duplicate key `main`"),
        ("builds: [\n", "invalid YAML"),
        ("- a\n", "not a `.ko.yaml`"),
        ("builds: x\n", ".ko.yaml:1: `builds` must be a list"),
        ("builds:\n- main: [x]\n", ".ko.yaml:2: `main` must be a string"),
        ("builds:\n- main: ./cmd/none\n", "none of the `builds` is a Go program"),
        ("builds:\n- main: ../x\n", "none of the `builds` is a Go program"),
    ] {
        let case = shop(text);
        case.run(["init", "--from", ".ko.yaml"]).fails(2).says(says);
        assert!(!case.path("hardpan.toml").exists(), "{text}");
    }
    // By its content, whatever it is called.
    let case = shop("").file("ko.conf", "# of ko\nbuilds:\n- main: ./cmd/job\n");
    case.run(["init", "--from", "ko.conf"]).ok().says("./cmd/job");
    case.run(["init", "--force"]).fails(2).says("--from .ko.yaml");
}

#[test]
fn kodata_is_a_tree_and_its_links_that_lead_out_are_listed() {
    for arguments in [&["init", "--binary", "api"][..], &["init", "--from", ".ko.yaml"]] {
        let case = shop("builds: [{main: ./cmd/api}]\n")
            .file("cmd/api/kodata/index.html", "x")
            .file("cmd/api/kodata/.well-known/a/security.txt", "x")
            .file("cmd/api/kodata/a/.hidden", "x")
            .file("cmd/api/kodata/odd [1]/x{y}.txt", "x")
            .file("cmd/api/kodata/third_party/LICENSE", "x")
            .link("cmd/api/kodata/LATEST", "index.html")
            .link("cmd/api/kodata/a/UP", "../index.html")
            .link("cmd/api/kodata/HEAD", "../../../go.mod")
            .link("cmd/api/kodata/GONE", "nothing");
        let run = case.run(arguments).ok();
        run.says("`cmd/api/kodata/HEAD`: the link leads out").says("KO_DATA_PATH");
        let plan = case.run(["plan"]).ok().stdout;
        for path in ["index.html", ".well-known/a/security.txt", "a/.hidden", "odd [1]/x{y}.txt", "third_party/LICENSE"]
        {
            assert!(plan.contains(&format!("/var/run/ko/{path}")), "{path}: {plan}");
        }
        assert!(plan.contains("LATEST -> index.html") && plan.contains("UP -> ../index.html"), "{plan}");
        assert!(!plan.contains("HEAD") && !plan.contains("GONE"), "{plan}");
        assert!(plan.contains("KO_DATA_PATH=/var/run/ko"), "{plan}");
    }
    let empty = shop("").folder("cmd/api/kodata");
    empty.run(["init", "--binary", "api"]).ok().says("the folder has no files");
    empty.run(["plan"]).ok();
}
