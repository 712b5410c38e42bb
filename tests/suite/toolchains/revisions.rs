//! `vcs = true`: what a program is stamped with hangs on the commit and the files, or the build is refused.

use std::{fs, path::Path};

use super::{digest, go_project, holds, program};
use crate::support::{
    case::Case,
    judges::{checked, tool},
};

/// Runs git as a user without settings, at one time.
fn git(dir: &Path, arguments: &[&str]) -> String {
    let mut git = tool("git");
    git.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
    git.env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z").env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z");
    checked(git.args(arguments))
}

/// A repository of [`go_project`] whose recipe stamps: `v1.2.3`, a commit after it, and a later version elsewhere.
fn origin() -> Case {
    let case = go_project().edit("prog.toml", |text| text.replace("ldflags", "vcs = true\nldflags"));
    let case = case.file("README.md", "one\n");
    let dir = case.dir();
    git(&dir, &["init", "-q"]);
    git(&dir, &["config", "uploadpack.allowFilter", "true"]);
    git(&dir, &["add", "."]);
    git(&dir, &["commit", "-q", "-m", "one"]);
    git(&dir, &["tag", "v1.2.3"]);
    git(&dir, &["checkout", "-q", "-b", "other"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "other"]);
    git(&dir, &["tag", "v1.9.0"]);
    git(&dir, &["checkout", "-q", "main"]);
    git(&dir, &["commit", "-q", "--allow-empty", "-m", "two"]);
    case
}

/// A clone of `origin` in a case of its own.
fn clone(origin: &Case, arguments: &[&str]) -> Case {
    let case = Case::new();
    let url = format!("file://{}", origin.dir().display());
    git(&case.dir(), &[&["clone", "-q"], arguments, &[&url, "."]].concat());
    case
}

#[test]
fn clones_of_one_commit_give_one_digest() {
    let origin = origin();
    let reference = digest(&origin);
    let bytes = program(&origin);
    let commit = git(&origin.dir(), &["rev-parse", "HEAD"]);
    assert!(holds(&bytes, &format!("vcs.revision={}", commit.trim())) && holds(&bytes, "vcs.modified=false"));
    assert!(holds(&bytes, &format!("v1.2.4-0.20260102030405-{}", &commit[..12])), "the version is another one");
    let whole = clone(&origin, &[]);
    assert_eq!(digest(&whole), reference, "a whole clone");
    let foreign = clone(&origin, &[]);
    checked(tool("chown").args(["-R", "12345:12345", "."]).current_dir(foreign.dir()));
    assert_eq!(digest(&foreign), reference, "a clone of another owner");
    let settings = clone(&origin, &[]);
    git(&settings.dir(), &["config", "core.worktree", "/nonexistent"]);
    assert_eq!(digest(&settings), reference, "core.worktree");
}

#[test]
fn tags_of_other_branches_do_not_move_the_version() {
    let origin = origin();
    git(&origin.dir(), &["tag", "-d", "v1.2.3"]);
    let one = clone(&origin, &["--single-branch"]);
    assert_eq!(git(&one.dir(), &["tag"]), "", "`v1.9.0` is on a branch that this clone does not have");
    assert!(holds(&program(&one), "v0.0.0-20260102030405-"));
    assert_eq!(digest(&clone(&origin, &[])), digest(&one));
}

#[test]
fn modes_of_files_do_not_reach_the_stamp() {
    let origin = origin();
    for mode in ["true", "false"] {
        let other = clone(&origin, &[]).mode("cmd/prog/main.go", 0o755).mode("go.mod", 0o600);
        git(&other.dir(), &["config", "core.fileMode", mode]);
        assert_eq!(digest(&other), digest(&origin), "core.fileMode={mode}");
    }
}

/// What a clone has of its own to say who the parents of a commit are.
#[test]
fn replaced_and_grafted_commits_do_not_move_the_stamp() {
    let origin = origin();
    let replaced = clone(&origin, &[]);
    git(&replaced.dir(), &["replace", "HEAD", "HEAD~1"]);
    assert_eq!(digest(&replaced), digest(&origin), "git replace");
    let commit = git(&origin.dir(), &["rev-parse", "HEAD"]);
    // One without parents.
    let grafted = clone(&origin, &[]).file(".git/info/grafts", commit);
    assert_eq!(git(&grafted.dir(), &["rev-list", "--count", "HEAD"]).trim(), "1", "git does not know the graft");
    assert_eq!(digest(&grafted), digest(&origin), "info/grafts");
}

#[test]
fn a_commit_whose_name_is_a_sha_256_is_stamped() {
    let case = go_project().edit("prog.toml", |text| text.replace("ldflags", "vcs = true\nldflags"));
    git(&case.dir(), &["init", "-q", "--object-format=sha256"]);
    git(&case.dir(), &["add", "."]);
    git(&case.dir(), &["commit", "-q", "-m", "one"]);
    let commit = git(&case.dir(), &["rev-parse", "HEAD"]);
    assert_eq!(commit.trim().len(), 64);
    let program = program(&case);
    assert!(holds(&program, &format!("vcs.revision={}", commit.trim())) && holds(&program, "vcs.modified=false"));
}

/// Go stamps programs of the main module alone, and leaves others without a stamp in silence.
#[test]
fn a_program_that_go_does_not_stamp_is_refused() {
    let case = origin()
        .edit("go.mod", |text| format!("{text}\nrequire example.com/dep v1.0.0\n\nreplace example.com/dep => ./dep\n"))
        .file("dep/go.mod", "module example.com/dep\n\ngo 1.21\n")
        .file("dep/main.go", "package main\n\nvar version string\n\nfunc main() { println(version) }\n")
        .edit("prog.toml", |text| text.replace("./cmd/prog", "example.com/dep"));
    git(&case.dir(), &["add", "."]);
    git(&case.dir(), &["commit", "-q", "-m", "dep"]);
    let said = case.run(["build", "prog.toml", "--offline"]).fails(2);
    said.says("Go did not stamp the revision of this checkout into the program").says("hint: ");
}

/// A program of git that changes a file each time after it said whether files were changed: hardpan asks it first, and Go next.
#[test]
fn a_checkout_that_changes_before_go_looks_at_it_is_refused() {
    let case = origin();
    let (real, note) = (tool("git"), case.path("README.md"));
    let script = format!(
        "#!/bin/sh\n'{}' \"$@\"\ncode=$?\ncase \"$*\" in *'status --porcelain'*) echo >> '{}' ;; esac\nexit $code\n",
        real.get_program().to_str().unwrap(),
        note.display(),
    );
    let tools = Case::new().file("git", script).mode("git", 0o755);
    let path = format!("{}:{}", tools.dir().display(), std::env::var("PATH").unwrap());
    let said = case.env("PATH", path).run(["build", "prog.toml", "--offline"]).fails(2);
    said.says("files of the checkout changed while the program was compiled");
}

#[test]
fn nothing_of_a_clone_hides_a_change() {
    let origin = origin();
    let with_source = |clone: Case| clone.file("cmd/prog/more.go", "package main\n\nfunc init() { println() }\n");
    let reference = digest(&with_source(clone(&origin, &[])));
    assert!(holds(&program(&with_source(clone(&origin, &[]))), "vcs.modified=true"));
    let global = with_source(clone(&origin, &[])).file("../home/.config/git/ignore", "more.go\n");
    let home = global.path("../home");
    let go = home.join("go");
    let global = global.env("GOPATH", go).env("HOME", home).env("CARGO_HOME", "/nonexistent");
    assert_eq!(digest(&global), reference, "a global gitignore");
    let exclude = with_source(clone(&origin, &[])).file(".git/info/exclude", "more.go\n");
    assert_eq!(digest(&exclude), reference, "info/exclude");
    let setting = with_source(clone(&origin, &[]));
    git(&setting.dir(), &["config", "status.showUntrackedFiles", "no"]);
    assert_eq!(digest(&setting), reference, "status.showUntrackedFiles");
    let edited = |clone: Case| clone.edit("inner/inner.go", |text| format!("{text}\nvar Changed = 1\n"));
    let reference = digest(&edited(clone(&origin, &[])));
    for mark in ["--assume-unchanged", "--skip-worktree"] {
        let marked = clone(&origin, &[]);
        git(&marked.dir(), &["update-index", mark, "inner/inner.go"]);
        assert_eq!(digest(&edited(marked)), reference, "{mark}");
    }
}

#[test]
fn a_clone_that_cannot_be_stamped_truly_is_refused() {
    let origin = origin();
    let refused = |case: &Case, what: &str, hint: &str| {
        let said = case.run(["build", "prog.toml", "--offline"]).fails(2);
        said.says("prog.toml:4:7: ").says(what).says("hint: ").says(hint);
        assert!(!case.path("out").exists());
    };
    refused(&clone(&origin, &["--depth=1"]), "this shallow clone lacks", "`git fetch --unshallow --tags`");
    refused(&clone(&origin, &["--filter=blob:none"]), "this partial clone may lack", "clone without `--filter`");
    refused(&clone(&origin, &["--no-tags"]), "set up to have none", "`git fetch --tags`");
    let sparse = clone(&origin, &[]);
    git(&sparse.dir(), &["sparse-checkout", "set", "cmd", "inner"]);
    refused(&sparse, "this checkout is sparse", "`git sparse-checkout disable`");
    let none = clone(&origin, &[]);
    fs::remove_dir_all(none.path(".git")).unwrap();
    refused(&none, "this folder is in none", "build where the `.git` folder is");
    // Git passes over such a folder, and would answer for a repository around it.
    fs::create_dir(none.path(".git")).unwrap();
    git(&none.path(".."), &["init", "-q"]);
    refused(&none, "git cannot read this `.git` folder", "`-X main.version={version}`");
    let tree = Case::new();
    git(&origin.dir(), &["worktree", "add", "-q", "--detach", tree.path("tree").to_str().unwrap()]);
    refused(&tree.cwd("tree"), "as in a worktree or a submodule", "`git clone`");
    let around = Case::new();
    git(&around.dir(), &["init", "-q"]);
    let url = format!("file://{}", origin.dir().display());
    git(&around.dir(), &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "part"]);
    git(&around.dir(), &["commit", "-q", "-m", "part"]);
    refused(&around.cwd("part"), "as in a worktree or a submodule", "`git clone`");
    let empty = clone(&origin, &[]);
    fs::remove_dir_all(empty.path(".git")).unwrap();
    git(&empty.dir(), &["init", "-q"]);
    refused(&empty, "the git checkout has no commit yet", "`git commit`");
}

#[test]
fn a_module_in_the_checkout_of_another_project_is_refused() {
    let around = clone(&origin(), &[]).file(".gitignore", "/deps/\n");
    let copied = around.file("deps/prog/go.mod", "module example.com/prog\n\ngo 1.21\n");
    let copied = copied.file("deps/prog/cmd/prog/main.go", "package main\n\nvar version string\n\nfunc main() {}\n");
    let recipe = fs::read(copied.path("prog.toml")).unwrap();
    let copied = copied.file("deps/prog/prog.toml", recipe);
    let said = copied.clone().cwd("deps/prog").run(["build", "prog.toml", "--offline"]).fails(2);
    said.says("this file is not in the commit").says("deps/prog/go.mod");
}

#[test]
fn a_version_that_the_module_cache_has_seen_is_not_believed() {
    let case = origin();
    git(&case.dir(), &["tag", "-d", "v1.2.3", "v1.9.0"]);
    let modules = case.path("../modules");
    let case = case.env("GOMODCACHE", &modules);
    assert!(holds(&program(&case), "v0.0.0-20260102030405-"));
    git(&case.dir(), &["tag", "v1.5.0"]);
    let warm = program(&case);
    assert!(holds(&warm, "v1.5.0") && !holds(&warm, "v0.0.0-2026"), "the version is that of the module cache");
    let cold = case.clone().env("GOMODCACHE", case.path("../empty"));
    assert_eq!(digest(&cold), digest(&case));
}

#[test]
fn a_file_behind_a_filter_of_git_is_refused_when_it_differs() {
    let case = origin().file(".gitattributes", "*.bin filter=lfs -text\n").file("data.bin", "pointer\n");
    git(&case.dir(), &["add", "."]);
    git(&case.dir(), &["commit", "-q", "-m", "data"]);
    assert!(holds(&program(&case), "vcs.modified=false"));
    let smudged = case.file("data.bin", "what the pointer is of\n");
    let said = smudged.run(["build", "prog.toml", "--offline"]).fails(2).says("prog.toml:4:7: ");
    said.says("`data.bin` is kept through a filter of git").says("hint: ");
}

#[test]
fn variables_of_git_in_a_recipe_do_not_move_the_stamp() {
    let case = origin().edit("prog.toml", |text| text.replace("vcs", "env = { GIT_DIR = \"elsewhere\" }\nvcs"));
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("`GIT_DIR` is a reserved variable: hardpan sets it");
}

#[test]
fn a_vendor_folder_is_used_whatever_the_caller_says_of_modules() {
    let case = go_project()
        .edit("go.mod", |text| format!("{text}\nrequire example.com/other v1.0.0\n"))
        .edit("cmd/prog/main.go", |text| {
            text.replace("\t\"runtime\"\n", "\t\"runtime\"\n\n\t_ \"example.com/other\"\n")
        })
        .file("vendor/modules.txt", "# example.com/other v1.0.0\n## explicit\nexample.com/other\n")
        .file("vendor/example.com/other/other.go", "package other\n");
    let reference = case.run(["build", "prog.toml"]).ok().digest();
    for flags in ["-mod=mod", "-mod=readonly"] {
        assert_eq!(case.clone().env("GOFLAGS", flags).run(["build", "prog.toml"]).ok().digest(), reference, "{flags}");
    }
    // Without the folder the module is missing; nothing else may stand in for it.
    fs::remove_dir_all(case.path("vendor")).unwrap();
    case.run(["build", "prog.toml", "--offline"]).fails(2).says("example.com/other");
}
