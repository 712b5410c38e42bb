//! What git says about a checkout.

use std::{ffi::OsString, os::unix::ffi::OsStrExt as _, path::Path};

use super::{
    Toolchain,
    child::{Child, Ended},
    environment::{Environment, GIT_SETTINGS},
};
use crate::{
    recipe::GitWord,
    report::{Failure, printable},
};

/// Answers `word` for the checkout that holds `dir`.
pub(super) fn ask(toolchain: &Toolchain<'_>, word: GitWord, dir: &Path) -> Result<String, Failure> {
    let Some(git) = toolchain.program("git") else {
        return Err(Failure::new("`git` is not in `PATH`").hint("install git, or leave out the `{git...}` variables"));
    };
    let environment = environment(toolchain);
    let git = |arguments: &[&str]| run(&git, &environment, dir, arguments);
    let head = git(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    if !head.status.success() {
        return Err(no_commit(&git(&["rev-parse", "--git-dir"])?, dir));
    }
    match word {
        GitWord::Revision => Ok(head.text()),
        GitWord::Tag => {
            let tags = done(git(&["tag", "--points-at", "HEAD", "--sort=refname"])?, "git tag")?;
            let first = tags.text().lines().next().map(str::to_owned);
            first.ok_or_else(|| {
                Failure::new(format!("no tag names the commit `{}`", printable(&head.text())))
                    .in_path(dir)
                    .hint("tag it, or use `{git.revision}`")
            })
        }
        GitWord::Dirty => {
            // `out/` is what hardpan itself writes, at the top or beside the recipe.
            let status = git(&[
                "status",
                "--porcelain",
                "-z",
                "--untracked-files=normal",
                "--ignore-submodules=none",
                "--",
                ":(top)",
                ":(top,exclude)out",
                ":(exclude)out",
            ])?;
            let status = done(status, "git status")?;
            Ok(if status.stdout.is_empty() { "false" } else { "true" }.to_owned())
        }
    }
}

/// Why there is no `HEAD`: no checkout, one that git refuses to read, or one without a commit.
fn no_commit(git_dir: &Ended, dir: &Path) -> Failure {
    let failure = if git_dir.status.success() {
        Failure::new("the git checkout has no commit yet")
    } else if git_dir.complains("not a git repository") {
        Failure::new("this folder is in no git checkout")
    } else {
        git_dir.failure("git rev-parse")
    };
    failure.in_path(dir).hint("the `{git...}` variables need a commit; use `[vars]` and `--set` where there is none")
}

/// `ended`, or the failure of `what`.
fn done(ended: Ended, what: &str) -> Result<Ended, Failure> {
    if ended.status.success() { Ok(ended) } else { Err(ended.failure(what)) }
}

/// Runs `git -C dir` without the settings, the hooks and the monitors of anybody.
fn run(git: &Path, environment: &Environment, dir: &Path, arguments: &[&str]) -> Result<Ended, Failure> {
    let mut all = vec![OsString::from("-C"), dir.into()];
    for (key, value) in GIT_SETTINGS {
        all.push("-c".into());
        all.push(format!("{key}={value}").into());
    }
    all.extend(arguments.iter().map(OsString::from));
    Child::new(git, dir, environment).args(all).run()
}

/// `PATH` and what keeps git to this checkout; nothing of the caller's `GIT_*`, no home, hence no user settings.
fn environment(toolchain: &Toolchain<'_>) -> Environment {
    let mut environment = Environment::from([("PATH".into(), toolchain.path())]);
    let fixed = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_OPTIONAL_LOCKS", "0"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("LC_ALL", "C"),
    ];
    for (name, value) in fixed {
        environment.insert(name.into(), value.into());
    }
    // A repository above the checkout's bound is not the recipe's. A colon would split the path in two.
    if let Some(above) = toolchain.checkout.parent().filter(|above| !above.as_os_str().as_bytes().contains(&b':')) {
        environment.insert("GIT_CEILING_DIRECTORIES".into(), above.into());
    }
    environment
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::environment::tests::toolchain, *};

    struct Repository {
        folder: tempfile::TempDir,
        caller: Environment,
    }

    impl Repository {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut caller = Environment::from([("PATH".into(), std::env::var_os("PATH").unwrap())]);
            // A caller's repository must not be answered for.
            caller.insert("GIT_DIR".into(), "/nonexistent".into());
            let new = Self { folder, caller };
            new.git(&["init", "-q"]);
            new
        }

        fn git(&self, arguments: &[&str]) {
            let path = self.folder.path();
            let toolchain = toolchain(&self.caller, path, path);
            let environment = environment(&toolchain);
            let identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
            let arguments: Vec<_> = identity.iter().chain(arguments).copied().collect();
            let ended = run(&toolchain.program("git").unwrap(), &environment, path, &arguments).unwrap();
            assert!(ended.status.success(), "{ended:?}");
        }

        fn commit(&self) {
            std::fs::write(self.folder.path().join("a"), "a").unwrap();
            self.git(&["add", "a"]);
            self.git(&["commit", "-qm", "a"]);
        }

        fn ask(&self, word: GitWord) -> Result<String, Failure> {
            let path = self.folder.path().canonicalize().unwrap();
            ask(&toolchain(&self.caller, &path, &path), word, &path)
        }
    }

    #[test]
    fn a_commit_has_a_name_and_the_first_of_its_tags() {
        let repository = Repository::new();
        assert_eq!(repository.ask(GitWord::Revision).unwrap_err().what, "the git checkout has no commit yet");
        repository.commit();
        let revision = repository.ask(GitWord::Revision).unwrap();
        assert!(revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(repository.ask(GitWord::Tag).unwrap_err().what, format!("no tag names the commit `{revision}`"));
        repository.git(&["tag", "v2"]);
        repository.git(&["tag", "-a", "-m", "x", "v1"]);
        assert_eq!(repository.ask(GitWord::Tag).unwrap(), "v1");
    }

    #[test]
    fn dirty_is_everything_but_out_and_runs_no_monitor() {
        let repository = Repository::new();
        repository.commit();
        let path = repository.folder.path();
        repository.git(&["config", "core.fsmonitor", "touch ran; false"]);
        std::fs::create_dir(path.join("out")).unwrap();
        std::fs::write(path.join("out/x"), "").unwrap();
        assert_eq!(repository.ask(GitWord::Dirty).unwrap(), "false");
        std::fs::write(path.join("new"), "").unwrap();
        assert_eq!(repository.ask(GitWord::Dirty).unwrap(), "true");
        std::fs::remove_file(path.join("new")).unwrap();
        std::fs::write(path.join("a"), "b").unwrap();
        assert_eq!(repository.ask(GitWord::Dirty).unwrap(), "true");
        assert!(!path.join("ran").exists());
    }

    #[test]
    fn a_folder_without_git_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let caller = Environment::from([("PATH".into(), std::env::var_os("PATH").unwrap())]);
        let failure = ask(&toolchain(&caller, &path, &path), GitWord::Dirty, &path).unwrap_err();
        assert_eq!(failure.what, "this folder is in no git checkout");
    }
}
