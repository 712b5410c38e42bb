//! The git checkout that `vcs = true` stamps, found by Go's rules. Refuses clones that lack history, tags or files
//! which the stamp depends on.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use super::super::{
    Toolchain,
    child::ChildOutput,
    environment::Environment,
    git::{self, require_success, short},
};
use crate::report::{ErrorName, Failure, printable};

/// The hint where Go cannot stamp.
const ELSEWHERE: &str = "or leave `vcs` out, and stamp by `ldflags`, such as `-X main.revision={git.revision}`";

/// A checkout with a `.git` folder at its top.
#[derive(Debug)]
pub(super) struct GitCheckout {
    git: PathBuf,
    environment: Environment,
    root: PathBuf,
}

impl GitCheckout {
    /// The checkout around `dir`: as for Go, the nearest folder with a folder `.git`.
    ///
    /// Go passes over a *file* `.git`, which a worktree and a submodule have, and would stamp what is around it.
    pub(super) fn find(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Self, Failure> {
        let Some(git) = toolchain.program("git") else {
            let failure = Failure::error(ErrorName::Git, "`vcs = true` asks `git`, which is not in `PATH`");
            return Err(failure.hint("install git, or leave `vcs` out"));
        };
        let within = dir.ancestors().take_while(|folder| folder.starts_with(toolchain.checkout));
        let Some(root) = within.into_iter().find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok()) else {
            let what = "`vcs = true` stamps the revision of a git checkout, and this folder is in none";
            let hint = format!("build where the `.git` folder is; {ELSEWHERE_WITHOUT}");
            return Err(Failure::error(ErrorName::Git, what).in_path(dir).hint(hint));
        };
        let folder = root.join(".git");
        if !folder.is_dir() {
            let what = "Go reads a `.git` folder, and this is none, as in a worktree or a submodule";
            let hint = format!("build in a clone of its own, which `git clone` makes; {ELSEWHERE}");
            return Err(Failure::error(ErrorName::Git, what).in_path(folder).hint(hint));
        }
        let mut environment = git::environment(toolchain);
        environment.insert("GIT_DIR".into(), folder.into());
        environment.insert("GIT_WORK_TREE".into(), root.into());
        // Both replace commits, and with them the history.
        environment.insert("GIT_NO_REPLACE_OBJECTS".into(), "1".into());
        environment.insert("GIT_GRAFT_FILE".into(), "/dev/null".into());
        Ok(Self { git, environment, root: root.to_path_buf() })
    }

    /// The folder that `.git` is in.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Asks git, with more variables than those of the checkout.
    pub(super) fn ask_with(&self, variables: &Environment, arguments: &[&str]) -> Result<ChildOutput, Failure> {
        let mut environment = self.environment.clone();
        environment.extend(variables.iter().map(|(name, value)| (name.clone(), value.clone())));
        git::run_git(&self.git, &environment, &self.root, arguments)
    }

    fn ask(&self, arguments: &[&str]) -> Result<ChildOutput, Failure> {
        self.ask_with(&Environment::new(), arguments)
    }

    /// The commit that is checked out.
    pub(super) fn commit(&self) -> Result<String, Failure> {
        let head = self.ask(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"])?;
        if head.status.success() {
            return Ok(head.text());
        }
        let answer = self.ask(&["rev-parse", "--git-dir"])?;
        let failure = if answer.status.success() {
            Failure::error(ErrorName::Git, "the git checkout has no commit yet")
                .hint("`git commit` makes one, or leave `vcs` out")
        } else {
            let failure = Failure::error(
                ErrorName::Git,
                "git cannot read this `.git` folder, so that there is no revision to stamp",
            );
            failure.hint(format!("build in a whole clone; {ELSEWHERE_WITHOUT}"))
        };
        Err(failure.in_path(self.root.join(".git")))
    }

    /// Refuses a clone that lacks what the version of a module is made of: the history with its tags, and every file.
    pub(super) fn refuse_incomplete(&self) -> Result<(), Failure> {
        let refuse = |what: &str, hint: &str| {
            Err(Failure::error(ErrorName::Git, what)
                .in_path(self.root.join(".git"))
                .hint(format!("{hint}; {ELSEWHERE}")))
        };
        let shallow = require_success(self.ask(&["rev-parse", "--is-shallow-repository"])?, "git rev-parse")?;
        if shallow.text() != "false" {
            return refuse(
                "the version that Go stamps depends on history that this shallow clone lacks",
                "`git fetch --unshallow --tags` brings it; in GitHub Actions `fetch-depth: 0` of `actions/checkout`",
            );
        }
        if self.has_setting(r"^(extensions\.partialclone|remote\..*\.(promisor|partialclonefilter))$", "")? {
            return refuse(
                "the version that Go stamps depends on files that this partial clone may lack",
                "clone without `--filter`",
            );
        }
        if self.has_setting(r"^core\.sparsecheckout$", "true")? {
            return refuse(
                "this checkout is sparse: its files are not those of the commit that Go would stamp",
                "`git sparse-checkout disable` brings the others",
            );
        }
        if self.has_setting(r"^remote\..*\.tagopt$", "--no-tags")? {
            return refuse(
                "the version that Go stamps depends on tags, and this clone is set up to have none",
                "`git config --unset remote.origin.tagOpt`, then `git fetch --tags`",
            );
        }
        Ok(())
    }

    /// Whether the clone's own settings have one whose name fits `names`, with `value` unless that is empty.
    fn has_setting(&self, names: &str, value: &str) -> Result<bool, Failure> {
        let answer = self.ask(&["config", "--get-regexp", names])?;
        // The settings that come with the call itself have other names.
        let mut said = answer.text();
        said.make_ascii_lowercase();
        match answer.status.code() {
            Some(0) => Ok(value.is_empty() || said.lines().any(|line| line.split(' ').nth(1) == Some(value))),
            Some(1) => Ok(false),
            _ => Err(answer.failure(ErrorName::Git, "git config")),
        }
    }

    /// The tags of `commit` and of its ancestors, each as its object and its full name: those that every clone with this
    /// history gets. Those of other branches are in some clones only; Go 1.26 itself does not count them.
    pub(super) fn tags(&self, commit: &str) -> Result<Vec<u8>, Failure> {
        let merged = format!("--merged={commit}");
        let format = "--format=%(objectname) %(refname)";
        let tags = require_success(
            self.ask(&["for-each-ref", "--sort=refname", &merged, format, "refs/tags"])?,
            "git for-each-ref",
        )?;
        Ok(tags.stdout)
    }

    /// Where the objects are.
    pub(super) fn objects(&self) -> Result<OsString, Failure> {
        let answer = require_success(self.ask(&["rev-parse", "--git-path", "objects"])?, "git rev-parse")?;
        Ok(self.root.join(answer.text()).into_os_string())
    }

    /// Whether the names of objects are SHA-256.
    pub(super) fn has_sha256(&self) -> Result<bool, Failure> {
        // Git before 2.28 has no such names, and no such setting.
        self.has_setting(r"^extensions\.objectformat$", "sha256")
    }

    /// Refuses a module that is not part of `commit`: what is around it is another project.
    pub(super) fn refuse_foreign(&self, commit: &str, module: &Path) -> Result<(), Failure> {
        let below = module.strip_prefix(&self.root).unwrap_or(module);
        let path = format!("{commit}:{}", below.to_string_lossy());
        if self.ask(&["cat-file", "-e", &path])?.status.success() {
            return Ok(());
        }
        let what = format!(
            "this file is not in the commit `{}` of `{}`, which Go would stamp",
            short(commit),
            printable(&self.root.to_string_lossy())
        );
        Err(Failure::error(ErrorName::Git, what).in_path(module).hint(format!("commit it; {ELSEWHERE_WITHOUT}")))
    }
}

/// The hint where git cannot answer.
const ELSEWHERE_WITHOUT: &str =
    "or leave `vcs` out, and stamp by `ldflags` what `--set` brings, such as `-X main.version={version}`";
