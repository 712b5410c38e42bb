//! Answers the `{git...}` variables of recipes: revision, tag, description, dirty. git runs without user settings,
//! hooks and monitors, so that the answer depends on the checkout alone.

mod dirty;

pub(super) use dirty::untracked_outputs;

use std::{
    ffi::OsString,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    Toolchain,
    child::{Child, ChildOutput},
    environment::{Environment, GIT_SETTINGS},
};
use crate::{
    recipe::GitWord,
    report::{ErrorName, Failure},
};

/// The value of `{git...}` for the checkout that holds `dir`.
pub(super) fn resolve_git_word(toolchain: &Toolchain<'_>, word: GitWord, dir: &Path) -> Result<String, Failure> {
    let Some(git) = toolchain.program("git") else {
        return Err(Failure::error(ErrorName::Git, "`git` is not in `PATH`")
            .hint("install git, or leave out the `{git...}` variables"));
    };
    let environment = environment(toolchain);
    let git = |arguments: &[&str]| run_git(&git, &environment, dir, arguments);
    let head = git(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    if !head.status.success() {
        return Err(no_commit(&git(&["rev-parse", "--git-dir"])?, dir));
    }
    match word {
        GitWord::Revision => Ok(head.text()),
        GitWord::Tag => {
            let tags = require_success(git(&["tag", "--points-at", "HEAD", "--sort=refname"])?, "git tag")?;
            let first = tags.text().lines().next().map(str::to_owned);
            first.ok_or_else(|| {
                Failure::error(ErrorName::Git, format!("no tag names the commit `{}`", short(&head.text())))
                    .in_path(dir)
                    .hint(format!("`git tag` gives it one; {ELSEWHERE}"))
            })
        }
        GitWord::Describe => {
            let described = describe_head(&git, &head.text(), dir)?;
            let is_dirty = resolve_git_word(toolchain, GitWord::Dirty, dir)? == "true";
            Ok(if is_dirty { format!("{described}-dirty") } else { described })
        }
        GitWord::Branch => branch(&git)?.ok_or_else(|| {
            let what = format!("no branch is checked out (detached `HEAD` at `{}`)", short(&head.text()));
            Failure::error(ErrorName::Git, what).in_path(dir).hint(
                "`--git-branch` hands it in, such as `--git-branch \"$CI_COMMIT_BRANCH\"` or `\"$GITHUB_REF_NAME\"`",
            )
        }),
        GitWord::Dirty => Ok(dirty::changed_path(toolchain, &git)?.is_some().to_string()),
    }
}

/// The commit of the checkout that holds `dir`; none where there is no git or no checkout.
pub(super) fn commit(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Option<String>, Failure> {
    let Some(git) = toolchain.program("git") else { return Ok(None) };
    let environment = environment(toolchain);
    let git = |arguments: &[&str]| run_git(&git, &environment, dir, arguments);
    let head = git(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
    if head.status.success() {
        return Ok(Some(head.text()));
    }
    let git_dir = git(&["rev-parse", "--git-dir"])?;
    if git_dir.complains(NO_CHECKOUT) { Ok(None) } else { Err(no_commit(&git_dir, dir)) }
}

/// A path of the checkout that holds `dir` whose content is not that of the commit; none where there is no checkout.
pub(super) fn changed_path(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(git) = toolchain.program("git") else { return Ok(None) };
    if commit(toolchain, dir)?.is_none() {
        return Ok(None);
    }
    let environment = environment(toolchain);
    dirty::changed_path(toolchain, &|arguments| run_git(&git, &environment, dir, arguments))
}

/// The branch that is checked out there; none where there is none, no git or no checkout.
pub(super) fn checked_out_branch(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Option<String>, Failure> {
    let Some(git) = toolchain.program("git") else { return Ok(None) };
    let environment = environment(toolchain);
    branch(&|arguments| run_git(&git, &environment, dir, arguments))
}

fn branch(git: &dyn Fn(&[&str]) -> Result<ChildOutput, Failure>) -> Result<Option<String>, Failure> {
    let answer = git(&["symbolic-ref", "--quiet", "HEAD"])?;
    let name = answer.text().strip_prefix("refs/heads/").map(str::to_owned);
    Ok(name.filter(|_| answer.status.success()))
}

/// What git reports about the revision of the checkout that holds `dir`: commit, branch and all tags. Empty without git.
/// Changes of files are detected elsewhere.
pub(super) fn revision_fingerprint(toolchain: &Toolchain<'_>, dir: &Path) -> String {
    let Some(git) = toolchain.program("git") else { return String::new() };
    let environment = environment(toolchain);
    let questions: [&[&str]; 3] =
        [&["rev-parse", "HEAD"], &["symbolic-ref", "--quiet", "HEAD"], &["show-ref", "--tags", "--dereference"]];
    let answers = questions.map(|words| run_git(&git, &environment, dir, words).map(|ended| ended.text()));
    answers.map(Result::unwrap_or_default).join("\n")
}

/// What git says of a folder that is in no checkout.
const NO_CHECKOUT: &str = "not a git repository";

/// The hint for a version that no tag has.
const ELSEWHERE: &str = "or declare `version = \"dev\"` in `[vars]`, write `{version}`, and call `--set version=...`";

/// A commit as `{git.describe}` and messages name it.
pub(super) fn short(commit: &str) -> String {
    commit.chars().take(12).filter(char::is_ascii_hexdigit).collect()
}

/// The nearest tag, and where the commit is another one, how many commits are between them and which one it is. Git
/// itself makes the commit's name as long as the clone needs it, which depends on what else was fetched.
fn describe_head(
    git: &dyn Fn(&[&str]) -> Result<ChildOutput, Failure>,
    head: &str,
    dir: &Path,
) -> Result<String, Failure> {
    let answer = git(&["describe", "--tags", "--long", "--abbrev=64", "HEAD"])?;
    let text = answer.text();
    let mut parts = text.rsplitn(3, '-');
    let (commit, distance, tag) = (parts.next(), parts.next(), parts.next());
    let exact = answer.status.success() && distance == Some("0");
    // The missing history may have a nearer tag, and more commits.
    let shallow = require_success(git(&["rev-parse", "--is-shallow-repository"])?, "git rev-parse")?.text();
    if !exact && shallow != "false" {
        let what = format!(
            "`{{git.describe}}` of the commit `{}` depends on history that this shallow clone lacks",
            short(head)
        );
        let hint = "`git fetch --unshallow --tags` brings it; in GitHub Actions `fetch-depth: 0` of `actions/checkout`";
        return Err(Failure::error(ErrorName::Git, what).in_path(dir).hint(hint));
    }
    match (tag, distance, commit) {
        (Some(tag), Some(distance), Some(commit)) if answer.status.success() => Ok(if exact {
            tag.to_owned()
        } else {
            format!("{tag}-{distance}-g{}", short(commit.trim_start_matches('g')))
        }),
        _ if answer.complains("No names found") || answer.complains("No tags can describe") => {
            let what = format!("no tag is among the ancestors of the commit `{}`", short(head));
            let hint = format!("`git tag` makes one, `git fetch --tags` brings those of a remote; {ELSEWHERE}");
            Err(Failure::error(ErrorName::Git, what).in_path(dir).hint(hint))
        }
        _ => Err(answer.failure(ErrorName::Git, "git describe").in_path(dir)),
    }
}

/// The failure for a missing `HEAD`: no checkout, one that git refuses to read, or no commit.
fn no_commit(git_dir: &ChildOutput, dir: &Path) -> Failure {
    let failure = if git_dir.status.success() {
        Failure::error(ErrorName::Git, "the git checkout has no commit yet")
    } else if git_dir.complains(NO_CHECKOUT) {
        Failure::error(ErrorName::Git, "this folder is in no git checkout")
    } else {
        git_dir.failure(ErrorName::Git, "git rev-parse")
    };
    failure.in_path(dir).hint(
        "the `{git...}` variables need a commit: `--git-revision` hands in `{git.revision}`, `[vars]` and `--set` anything else",
    )
}

/// The output of the git command `what`, or its failure.
pub(super) fn require_success(ended: ChildOutput, what: &str) -> Result<ChildOutput, Failure> {
    if ended.status.success() { Ok(ended) } else { Err(ended.failure(ErrorName::Git, what)) }
}

/// Runs `git -C dir` without user settings, hooks and fsmonitor.
pub(super) fn run_git(
    git: &Path,
    environment: &Environment,
    dir: &Path,
    arguments: &[&str],
) -> Result<ChildOutput, Failure> {
    let mut all = vec![OsString::from("-C"), dir.into()];
    for (key, value) in GIT_SETTINGS {
        all.push("-c".into());
        all.push(format!("{key}={value}").into());
    }
    all.extend(arguments.iter().map(OsString::from));
    Child::new(git, dir, environment).args(all).run()
}

/// `PATH` and what keeps git to this checkout; nothing of the caller's `GIT_*`, no home, hence no user settings.
pub(super) fn environment(toolchain: &Toolchain<'_>) -> Environment {
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

    struct TestRepository {
        folder: tempfile::TempDir,
        caller: Environment,
    }

    impl TestRepository {
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
            let ended = run_git(&toolchain.program("git").unwrap(), &environment, path, &arguments).unwrap();
            assert!(ended.status.success(), "{ended:?}");
        }

        fn commit(&self) {
            std::fs::write(self.folder.path().join("a"), "a").unwrap();
            self.git(&["add", "a"]);
            self.git(&["commit", "-qm", "a"]);
        }

        fn ask(&self, word: GitWord) -> Result<String, Failure> {
            let path = self.folder.path().canonicalize().unwrap();
            resolve_git_word(&toolchain(&self.caller, &path, &path), word, &path)
        }
    }

    #[test]
    fn a_commit_has_a_name_and_the_first_of_its_tags() {
        let repository = TestRepository::new();
        assert_eq!(repository.ask(GitWord::Revision).unwrap_err().what, "the git checkout has no commit yet");
        repository.commit();
        let revision = repository.ask(GitWord::Revision).unwrap();
        assert!(revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let failure = repository.ask(GitWord::Tag).unwrap_err();
        assert_eq!(failure.what, format!("no tag names the commit `{}`", &revision[..12]));
        assert!(failure.hint.unwrap().contains("`--set version=...`"));
        repository.git(&["tag", "v2"]);
        repository.git(&["tag", "-a", "-m", "x", "v1"]);
        assert_eq!(repository.ask(GitWord::Tag).unwrap(), "v1");
    }

    #[test]
    fn a_description_is_the_nearest_tag_the_distance_and_twelve_digits() {
        let repository = TestRepository::new();
        repository.commit();
        let first = repository.ask(GitWord::Revision).unwrap();
        let failure = repository.ask(GitWord::Describe).unwrap_err();
        assert_eq!(failure.what, format!("no tag is among the ancestors of the commit `{}`", &first[..12]));
        repository.git(&["tag", "v1.0-rc-1"]);
        assert_eq!(repository.ask(GitWord::Describe).unwrap(), "v1.0-rc-1");
        // However long git would make the name of the commit.
        repository.git(&["config", "core.abbrev", "20"]);
        for _ in 0..2 {
            repository.git(&["commit", "-qm", "more", "--allow-empty"]);
        }
        let revision = repository.ask(GitWord::Revision).unwrap();
        let described = format!("v1.0-rc-1-2-g{}", &revision[..12]);
        assert_eq!(repository.ask(GitWord::Describe).unwrap(), described);
        std::fs::write(repository.folder.path().join("new"), "").unwrap();
        assert_eq!(repository.ask(GitWord::Describe).unwrap(), format!("{described}-dirty"));
    }

    #[test]
    fn a_shallow_clone_is_described_only_where_its_history_does_not_matter() {
        let origin = TestRepository::new();
        for tag in ["v1", "v2"] {
            std::fs::write(origin.folder.path().join("a"), tag).unwrap();
            origin.git(&["add", "a"]);
            origin.git(&["commit", "-qm", "a"]);
            origin.git(&["tag", tag]);
        }
        let url = format!("file://{}", origin.folder.path().display());
        let shallow = |depth: &str| {
            let clone = TestRepository { folder: tempfile::tempdir().unwrap(), caller: origin.caller.clone() };
            clone.git(&["clone", "-q", "--depth", depth, &url, "."]);
            clone
        };
        assert_eq!(shallow("1").ask(GitWord::Describe).unwrap(), "v2");
        origin.git(&["commit", "-qm", "more", "--allow-empty"]);
        // The tag is there with a depth of two, and yet the count could be another one.
        for depth in ["1", "2"] {
            let failure = shallow(depth).ask(GitWord::Describe).unwrap_err();
            assert!(failure.what.ends_with("depends on history that this shallow clone lacks"), "{failure}");
            assert!(failure.hint.unwrap().contains("--unshallow"));
        }
    }

    #[test]
    fn dirty_is_everything_but_out_and_runs_no_monitor() {
        let repository = TestRepository::new();
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
        let failure = resolve_git_word(&toolchain(&caller, &path, &path), GitWord::Dirty, &path).unwrap_err();
        assert_eq!(failure.what, "this folder is in no git checkout");
    }
}
