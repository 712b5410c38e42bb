//! Which commit the working tree is compared with, and what is said where nobody knows.

use std::fs;

use super::{Case, affected, asked, commit, committed, git, git_in, names, set, taking};
use crate::support::elf;

/// Two recipes with a file each.
fn two() -> Case {
    committed(
        Case::new()
            .file("recipes/app", elf::static_amd64())
            .file("recipes/a.toml", taking("a.txt"))
            .file("recipes/b.toml", taking("b.txt"))
            .file("recipes/a.txt", "one\n")
            .file("recipes/b.txt", "one\n"),
    )
}

#[test]
fn a_branch_is_compared_with_its_merge_base_and_a_commit_with_itself() {
    let case = two();
    git(&case, &["switch", "-q", "-c", "branch"]);
    let case = case.file("recipes/a.txt", "two\n");
    commit(&case);
    git(&case, &["switch", "-q", "main"]);
    let case = case.file("recipes/b.txt", "two\n");
    commit(&case);
    git(&case, &["switch", "-q", "branch"]);
    for since in ["main", "main...branch", "main...", "main...HEAD"] {
        assert_eq!(affected(&case, &["--since", since]), set(&["a"]), "{since}");
    }
    // What main has since then differs as well.
    for since in ["main..", "main..HEAD"] {
        assert_eq!(affected(&case, &["--since", since]), set(&["a", "b"]), "{since}");
    }
    case.run(["affected", "--since", "branch...main"])
        .fails(2)
        .says("error[git]: [DIR]/work: `main` is not in what is checked out here");
    // Uncommitted files count, and so does what is staged alone.
    let case = case.file("recipes/b.txt", "three\n");
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["b"]));
    git(&case, &["add", "-A"]);
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["b"]));
    assert_eq!(affected(&case, &["--since", "main"]), set(&["a", "b"]));
}

#[test]
fn new_removed_and_renamed_recipes_are_told_apart() {
    let case = two();
    fs::rename(case.path("recipes/a.toml"), case.path("recipes/c.toml")).unwrap();
    let answer = asked(&case, &["--since", "HEAD"]);
    assert_eq!(names(&answer, "affected"), set(&["c"]));
    assert_eq!(names(&answer, "unaffected"), set(&["b"]));
    assert_eq!(answer["removed"][0]["recipe"], "recipes/a.toml");
    assert_eq!((&answer["removed"][0]["name"], &answer["removed"][0]["now"]), (&"a".into(), &serde_json::Value::Null));
    // The image of a recipe that only moved keeps its name.
    let case = case.file("recipes/c.toml", format!("name = \"a\"\n{}", taking("a.txt")));
    assert_eq!(asked(&case, &["--since", "HEAD"])["removed"][0]["now"], "recipes/c.toml");
    case.run(["affected", "--since", "HEAD"])
        .ok()
        .says("removed: recipes/a.toml (`a`), its image is of recipes/c.toml now");
    // Named recipes: one that is gone is no failure.
    let answer = asked(&case, &["--since", "HEAD", "recipes/a.toml", "recipes/b.toml"]);
    assert_eq!(answer["removed"][0]["recipe"], "recipes/a.toml");
    assert_eq!(names(&answer, "unaffected"), set(&["b"]));
    case.run(["affected", "--since", "HEAD", "recipes/none.toml"]).fails(2).says("error[file-not-found]");
    // All of them gone.
    for name in ["b.toml", "c.toml"] {
        fs::remove_file(case.path("recipes").join(name)).unwrap();
    }
    assert_eq!(asked(&case, &["--since", "HEAD"])["removed"].as_array().unwrap().len(), 2);
}

#[test]
fn a_shallow_clone_is_compared_only_with_what_it_knows() {
    let origin = two();
    for text in ["two\n", "three\n", "four\n"] {
        let origin = origin.clone().file("recipes/a.txt", text);
        commit(&origin);
    }
    let first = git(&origin, &["rev-list", "--max-parents=0", "HEAD"]).trim().to_owned();
    let clone = |depth: &str| {
        let case = Case::new().folder("clone");
        let url = format!("file://{}", origin.dir().display());
        git(&case, &["clone", "-q", "--depth", depth, &url, "clone"]);
        case.cwd("clone")
    };
    let shallow = clone("1");
    for since in [first.as_str(), "HEAD~1", "0000000000000000000000000000000000000000"] {
        let run = shallow.run(["affected", "--since", since]).fails(2);
        let run = run.says("is not in this clone").says("`git fetch --deepen=100 origin REV`");
        assert!(run.stderr.starts_with("error[git]"), "{}", run.stderr);
    }
    let all = shallow.run(["affected", "--since", &first, "--all-when-unknown"]).ok();
    assert_eq!(all.stdout, "recipes/a.toml\nrecipes/b.toml\n");
    assert!(all.stderr.contains("is not in this clone"), "{}", all.stderr);
    assert_eq!(affected(&shallow, &["--since", "HEAD"]), set(&[]));
    assert_eq!(affected(&clone("2"), &["--since", "HEAD~1"]), set(&["a"]));
    // A merge base is there, but a later one may be behind the end of the clone.
    git(&origin, &["switch", "-q", "-c", "side", "HEAD~2"]);
    let origin = origin.file("recipes/b.txt", "side\n");
    commit(&origin);
    let case = Case::new().folder("clone");
    let url = format!("file://{}", origin.dir().display());
    git(&case, &["clone", "-q", "--depth", "1", "--no-single-branch", &url, "clone"]);
    let case = case.cwd("clone");
    case.run(["affected", "--since", "origin/main"]).fails(2).says("have no common ancestor in this clone");
    git_in(&case, "clone", &["fetch", "-q", "--unshallow"]);
    assert_eq!(affected(&case, &["--since", "origin/main"]), set(&["b"]));
    case.run(["affected", "--since", "main"]).fails(2).says("did you mean `origin/main`?");
}

#[test]
fn without_git_or_a_commit_nothing_is_called_unaffected() {
    let case = Case::new().file("recipes/a.toml", taking("a.txt"));
    case.run(["affected", "--since", "HEAD"])
        .fails(2)
        .says("error[git]: [DIR]/work: this folder is in no git checkout");
    git(&case, &["init", "-q", "-b", "main"]);
    case.run(["affected", "--since", "HEAD"]).fails(2).says("the git checkout has no commit yet");
    case.clone().env("PATH", "/nonexistent").run(["affected", "--since", "HEAD"]).fails(2).says("is not in `PATH`");
    assert_eq!(affected(&case, &["--since", "HEAD", "--all-when-unknown"]), set(&["a"]));
    commit(&case);
    case.run(["affected", "--since=-x"]).fails(2).says("the commit `-x` is not in this clone");
    git(&case, &["switch", "-q", "--orphan", "other"]);
    // Not the same commit once more.
    let case = case.file("recipes/a.toml", taking("b.txt"));
    commit(&case);
    case.run(["affected", "--since", "main"]).fails(2).says("`REV..` compares with REV itself");
}

#[test]
fn worktrees_subfolders_and_submodules_are_checkouts() {
    let case = two();
    let below = case.clone().cwd("recipes");
    let case = case.file("recipes/a.txt", "two\n");
    let answer = asked(&below, &["--since", "HEAD", "a.toml", "b.toml"]);
    assert_eq!(names(&answer, "affected"), set(&["a"]));
    git(&case, &["worktree", "add", "-q", "--detach", "../tree", "HEAD"]);
    let tree = case.clone().cwd("../tree");
    assert_eq!(affected(&tree, &["--since", "main"]), set(&[]));
    fs::write(case.path("../tree/recipes/b.txt"), "two\n").unwrap();
    assert_eq!(affected(&tree, &["--since", "main"]), set(&["b"]));
    // A submodule is one path, which stands for all of it.
    let case = two();
    let library = Case::new().file("x.txt", "one\n").file(".gitignore", "*.made\n");
    let library = committed(library);
    git(&case, &["submodule", "add", "-q", &format!("file://{}", library.dir().display()), "recipes/sub"]);
    let tree = "[[binary]]\npath = \"app\"\nto = \"/usr/bin/app\"\n[[tree]]\nfrom = \"sub\"\nto = \"/x\"\ninclude = [\"*.txt\", \"*.made\"]\n";
    let case = case.file("recipes/d.toml", tree).file("recipes/e.toml", taking("sub/x.txt"));
    commit(&case);
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&[]));
    let case = case.file("recipes/sub/x.made", "");
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["d"]), "an ignored file in the submodule");
    fs::remove_file(case.path("recipes/sub/x.made")).unwrap();
    let case = case.file("recipes/sub/x.txt", "two\n");
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["d", "e"]));
    git_in(&case, "recipes/sub", &["commit", "-qam", "two"]);
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&["d", "e"]));
    commit(&case);
    assert_eq!(affected(&case, &["--since", "HEAD~1"]), set(&["d", "e"]));
    assert_eq!(affected(&case, &["--since", "HEAD"]), set(&[]));
    // Gone with all that was in it.
    git(&case, &["rm", "-qf", "recipes/sub"]);
    assert!(affected(&case, &["--since", "HEAD"]).is_superset(&set(&["d", "e"])));
}
