//! What git knows of the difference between a commit and the working tree, for `hardpan affected`: changed files, files that
//! git does not have, and files that it ignores. Nothing is fetched, and nothing is written.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    Toolchain,
    child::ChildOutput,
    environment::Environment,
    git::{self, require_success, short},
};
use crate::report::{ErrorName, Failure, parallel, printable};

/// Settings of a clone by which git would see less than there is, or reach for the network: each is turned off.
const SETTINGS: [&str; 10] = [
    "-c",
    "core.checkStat=default",
    "-c",
    "core.trustctime=true",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.ignoreStat=false",
    // The objects that a partial clone lacks are not fetched.
    "-c",
    "protocol.allow=never",
];

/// How git writes the mode of a submodule.
const SUBMODULE_MODE: &[u8] = b"160000";

/// Submodules that are looked into, one inside of the other included.
const MOST_SUBMODULES: usize = 256;
/// Merge bases of two commits; more have never been seen.
const MOST_BASES: usize = 16;

/// Why a path is not what the commit has there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeKind {
    /// It differs, or is on one side only.
    Changed,
    /// A submodule: another commit, or files in it that differ. It stands for all that is in it.
    Submodule,
    /// Git does not know it, and does not ignore it either.
    Untracked,
    /// Attributes of git changed, which say how files below this folder are checked out.
    Attributes,
    /// Git was told not to look at it (`assume-unchanged`, a sparse checkout).
    Unwatched,
}

/// The difference between commits and a working tree. Paths are absolute, below the top.
#[derive(Debug, Default)]
pub struct CheckoutChanges {
    /// The top of the checkout, canonical.
    pub top: PathBuf,
    /// The commits that the working tree was compared with: one, or several merge bases.
    pub bases: Vec<String>,
    /// The commit that is checked out.
    pub head: String,
    /// What differs. A path stands for all that is below it.
    pub changed: BTreeMap<PathBuf, ChangeKind>,
    /// Files and folders that git ignores: whether they changed is unknown. A folder stands for all of it.
    pub ignored: BTreeSet<PathBuf>,
    /// The submodules that are checked out.
    pub submodules: BTreeSet<PathBuf>,
    /// Every `Cargo.toml` that git knows or would know.
    pub cargo_manifests: BTreeSet<PathBuf>,
}

/// Git in one checkout.
struct CheckoutGit {
    git: PathBuf,
    environment: Environment,
    top: PathBuf,
}

impl Toolchain<'_> {
    /// Compares the working tree around `dir` with the commit that `since` names: for `REV` the merge base of REV and
    /// `HEAD`, for `A...B` that of A and B, for `A..B` A itself.
    ///
    /// # Errors
    /// No git and no checkout, a commit that is not there, and history that a shallow clone lacks.
    pub fn changes_since(&self, since: &str, dir: &Path) -> Result<CheckoutChanges, Failure> {
        let git = CheckoutGit::open(self, dir)?;
        let (bases, head) = git.bases(since)?;
        let mut changes = CheckoutChanges { top: git.top.clone(), bases, head, ..CheckoutChanges::default() };
        git.compare(&mut changes)?;
        Ok(changes)
    }

    /// The file at `path` (absolute, in the checkout of `changes`) as the commits that it was compared with have it; none
    /// where none of them has a file there.
    ///
    /// # Errors
    /// Git cannot be run.
    pub fn file_before(&self, changes: &CheckoutChanges, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        let git = CheckoutGit::open(self, &changes.top)?;
        let Ok(below) = path.strip_prefix(&changes.top) else { return Ok(None) };
        let Some(below) = below.to_str() else { return Ok(None) };
        for base in &changes.bases {
            let ended = git.ask(&git.top, &["cat-file", "blob", &format!("{base}:{below}")])?;
            if ended.status.success() {
                return Ok(Some(ended.stdout));
            }
        }
        Ok(None)
    }
}

impl CheckoutGit {
    fn open(toolchain: &Toolchain<'_>, dir: &Path) -> Result<Self, Failure> {
        let git = toolchain.program("git").ok_or_else(|| {
            Failure::error(ErrorName::Git, "what changed is a question for `git`, which is not in `PATH`")
                .hint("install git, or build all recipes")
        })?;
        let mut environment = git::environment(toolchain);
        environment.insert("GIT_NO_LAZY_FETCH".into(), "1".into());
        let mut new = Self { git, environment, top: dir.to_path_buf() };
        let ended = new.ask(dir, &["rev-parse", "--show-toplevel"])?;
        let top = ended.stdout.strip_suffix(b"\n").unwrap_or(&ended.stdout);
        if !ended.status.success() || top.is_empty() {
            let failure = if ended.complains("not a git repository") || ended.status.success() {
                Failure::error(ErrorName::Git, "this folder is in no git checkout, and only git knows what changed")
            } else {
                ended.failure(ErrorName::Git, "git rev-parse")
            };
            return Err(failure.in_path(dir).hint("`--all-when-unknown` takes all recipes then"));
        }
        let top = PathBuf::from(OsStr::from_bytes(top));
        new.top = fs::canonicalize(&top).map_err(|error| Failure::io("open the folder", &top, &error))?;
        Ok(new)
    }

    fn ask(&self, dir: &Path, words: &[&str]) -> Result<ChildOutput, Failure> {
        let all: Vec<&str> = SETTINGS.iter().chain(words).copied().collect();
        git::run_git(&self.git, &self.environment, dir, &all)
    }

    /// The paths that a command with `-z` prints.
    fn paths(&self, dir: &Path, words: &[&str]) -> Result<Vec<PathBuf>, Failure> {
        let what = format!("git {}", words.first().copied().unwrap_or_default());
        let ended = require_success(self.ask(dir, words)?, &what)?;
        let names = ended.stdout.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        // A folder ends with a slash, which a path has not.
        Ok(names.map(|name| dir.join(OsStr::from_bytes(name.strip_suffix(b"/").unwrap_or(name)))).collect())
    }

    /// The commit of that name.
    fn commit(&self, name: &str) -> Result<Option<String>, Failure> {
        let ended = self.ask(&self.top, &["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")])?;
        Ok(ended.status.success().then(|| ended.text()))
    }

    fn is_shallow(&self) -> Result<bool, Failure> {
        let ended = self.ask(&self.top, &["rev-parse", "--is-shallow-repository"])?;
        Ok(require_success(ended, "git rev-parse")?.text() != "false")
    }

    /// The commits to compare with, and `HEAD`.
    fn bases(&self, since: &str) -> Result<(Vec<String>, String), Failure> {
        let Some(head) = self.commit("HEAD")? else {
            let failure = Failure::error(ErrorName::Git, "the git checkout has no commit yet").in_path(&self.top);
            return Err(failure.hint("`--all-when-unknown` takes all recipes then"));
        };
        let (from, to, is_exact) = match (since.split_once("..."), since.split_once("..")) {
            (Some((from, to)), _) => (from, to, false),
            (None, Some((from, to))) => (from, to, true),
            (None, None) => (since, "", false),
        };
        let named = |name: &str| if name.is_empty() { Ok(head.clone()) } else { self.known_commit(name) };
        let (from, to_commit) = (named(from)?, named(to)?);
        if to_commit != head {
            // What that commit has and this working tree has not would be overlooked.
            let ended = self.ask(&self.top, &["merge-base", "--is-ancestor", &to_commit, &head])?;
            if !ended.status.success() {
                let what = format!("`{}` is not in what is checked out here", printable(to));
                let hint = format!("`git switch --detach {}` checks it out", printable(to));
                return Err(Failure::error(ErrorName::Git, what).in_path(&self.top).hint(hint));
            }
        }
        let bases = if is_exact { vec![from] } else { self.merge_bases(&from, &to_commit, since)? };
        Ok((bases, head))
    }

    /// The commit that a caller names.
    fn known_commit(&self, name: &str) -> Result<String, Failure> {
        let is_option = name.starts_with('-') || name.chars().any(char::is_control);
        if !is_option && let Some(commit) = self.commit(name)? {
            return Ok(commit);
        }
        let what = format!("the commit `{}` is not in this clone", printable(name));
        let failure = Failure::error(ErrorName::Git, what).in_path(&self.top);
        let remote = format!("origin/{name}");
        Err(if !is_option && self.commit(&remote)?.is_some() {
            failure.hint(format!("did you mean `{}`?", printable(&remote)))
        } else {
            failure.hint(self.deepen_hint()?)
        })
    }

    /// How a clone gets more history.
    fn deepen_hint(&self) -> Result<&'static str, Failure> {
        Ok(if self.is_shallow()? {
            "this clone is shallow: `git fetch --deepen=100 origin REV` brings more of it, in GitHub Actions `fetch-depth: 0` of \
             `actions/checkout`; `--all-when-unknown` takes all recipes then"
        } else {
            "`git fetch origin` brings the branches of the remote; `--all-when-unknown` takes all recipes then"
        })
    }

    /// Every merge base of two commits; refuses an answer that history which is missing here could change.
    fn merge_bases(&self, from: &str, to: &str, since: &str) -> Result<Vec<String>, Failure> {
        let ended = self.ask(&self.top, &["merge-base", "--all", from, to])?;
        let bases: Vec<String> = ended.text().lines().map(str::to_owned).collect();
        let refuse = |what: String, hint: &str| Err(Failure::error(ErrorName::Git, what).in_path(&self.top).hint(hint));
        let shown = printable(since);
        if !ended.status.success() || bases.is_empty() {
            let what = format!("`{shown}` and what is checked out have no common ancestor in this clone");
            if self.is_shallow()? {
                return refuse(what, self.deepen_hint()?);
            }
            return refuse(what, "`REV..` compares with REV itself, not with the merge base");
        }
        if bases.len() > MOST_BASES {
            return refuse(format!("`{shown}` has more than {MOST_BASES} merge bases"), "name one of them: `REV..`");
        }
        if self.is_shallow()? && self.is_cut(from, to, &bases)? {
            let what = format!("the merge base of `{shown}` depends on history that this shallow clone lacks");
            return refuse(what, self.deepen_hint()?);
        }
        Ok(bases)
    }

    /// Whether the history of two commits since their merge bases meets the end of a shallow clone, behind which there may be
    /// a later merge base.
    fn is_cut(&self, from: &str, to: &str, bases: &[String]) -> Result<bool, Failure> {
        let place = require_success(self.ask(&self.top, &["rev-parse", "--git-path", "shallow"])?, "git rev-parse")?;
        let Ok(ends) = fs::read_to_string(self.top.join(place.text())) else { return Ok(true) };
        let ends: BTreeSet<&str> = ends.lines().map(str::trim).collect();
        let words = ["rev-list", from, to, "--not"].into_iter().chain(bases.iter().map(String::as_str));
        let listed = require_success(self.ask(&self.top, &words.collect::<Vec<_>>())?, "git rev-list")?;
        Ok(listed.text().lines().any(|commit| ends.contains(commit)))
    }

    /// Fills in what differs.
    fn compare(&self, changes: &mut CheckoutChanges) -> Result<(), Failure> {
        let bases = changes.bases.clone();
        let manifests = || {
            let words = ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ":(glob)**/Cargo.toml"];
            self.paths(&self.top, &words)
        };
        let differing = || bases.iter().map(|base| self.differing(base)).collect::<Result<Vec<_>, _>>();
        let ((differing, manifests), listed) =
            parallel::both("git", || parallel::both("git", differing, manifests), || self.list_checkouts());
        let (untracked, unwatched, ignored, submodules) = listed?;
        changes.changed.extend(unwatched.into_iter().map(|path| (path, ChangeKind::Unwatched)));
        changes.changed.extend(untracked.into_iter().map(|path| (path, ChangeKind::Untracked)));
        changes.changed.extend(differing?.into_iter().flatten());
        let attributes = changes.changed.keys().filter(|path| path.ends_with(".gitattributes"));
        let below: Vec<_> = attributes.filter_map(|path| path.parent()).map(Path::to_path_buf).collect();
        changes.changed.extend(below.into_iter().map(|folder| (folder, ChangeKind::Attributes)));
        (changes.ignored, changes.submodules) = (ignored, submodules);
        changes.cargo_manifests = manifests?.into_iter().collect();
        Ok(())
    }

    /// The paths whose files in the working tree are not those of the commit. A submodule is one path.
    fn differing(&self, base: &str) -> Result<Vec<(PathBuf, ChangeKind)>, Failure> {
        let words = ["diff", "--raw", "-z", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", base, "--"];
        let ended =
            require_success(self.ask(&self.top, &words)?, "git diff").map_err(|failure| self.explain(failure))?;
        // `:100644 100644 <object> <object> M`, and the path, each with a zero byte behind it.
        let mut fields = ended.stdout.split(|byte| *byte == 0).filter(|field| !field.is_empty());
        let mut changes = Vec::new();
        while let (Some(about), Some(path)) = (fields.next(), fields.next()) {
            let is_submodule = about.split(|byte| *byte == b' ').take(2).any(|mode| mode.ends_with(SUBMODULE_MODE));
            let kind = if is_submodule { ChangeKind::Submodule } else { ChangeKind::Changed };
            changes.push((self.top.join(OsStr::from_bytes(path)), kind));
        }
        Ok(changes)
    }

    /// A failure of a comparison in a clone that lacks objects.
    fn explain(&self, failure: Failure) -> Failure {
        failure.in_path(&self.top).hint("a partial clone lacks trees or files: `git fetch --refetch` brings them")
    }

    /// What git knows nothing of, in the checkout and in its submodules: untracked, unwatched and ignored paths; and the
    /// submodules.
    fn list_checkouts(&self) -> Result<Listed, Failure> {
        let (mut untracked, mut unwatched) = (Vec::new(), Vec::new());
        let (mut ignored, mut submodules) = (BTreeSet::new(), BTreeSet::new());
        let mut waiting = vec![self.top.clone()];
        while let Some(dir) = waiting.pop() {
            untracked.extend(self.paths(&dir, &["ls-files", "-z", "--others", "--exclude-standard"])?);
            let words = ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];
            ignored.extend(self.paths(&dir, &words)?);
            unwatched.extend(self.unwatched(&dir)?);
            for submodule in self.submodules(&dir)? {
                if submodule.join(".git").exists() && submodules.insert(submodule.clone()) {
                    waiting.push(submodule);
                }
            }
            if submodules.len() > MOST_SUBMODULES {
                let what = format!("the checkout has more than {MOST_SUBMODULES} submodules");
                return Err(Failure::error(ErrorName::Git, what).in_path(&self.top));
            }
        }
        Ok((untracked, unwatched, ignored, submodules))
    }

    /// Files that git was told not to look at.
    fn unwatched(&self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        let ended = require_success(self.ask(dir, &["ls-files", "-v", "-z"])?, "git ls-files")?;
        let entries = ended.stdout.split(|byte| *byte == 0).filter_map(|entry| Some((entry.first()?, entry.get(2..)?)));
        let unwatched = entries.filter(|(tag, _)| tag.is_ascii_lowercase() || **tag == b'S');
        Ok(unwatched.map(|(_, name)| dir.join(OsStr::from_bytes(name))).collect())
    }

    /// The folders that `.gitmodules` names.
    fn submodules(&self, dir: &Path) -> Result<Vec<PathBuf>, Failure> {
        if !dir.join(".gitmodules").is_file() {
            return Ok(Vec::new());
        }
        let ended =
            self.ask(dir, &["config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"])?;
        let entries = ended.stdout.split(|byte| *byte == 0);
        let values = entries.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\n').nth(1));
        let folders = values.map(|value| dir.join(OsStr::from_bytes(value)));
        Ok(folders.filter(|folder| folder.starts_with(&self.top) && *folder != dir).collect())
    }
}

/// Untracked, unwatched and ignored paths, and submodules.
type Listed = (Vec<PathBuf>, Vec<PathBuf>, BTreeSet<PathBuf>, BTreeSet<PathBuf>);

impl CheckoutChanges {
    /// The name of the commit that the working tree was compared with, for messages.
    pub fn base(&self) -> String {
        self.bases.iter().map(|base| short(base)).collect::<Vec<_>>().join(", ")
    }

    /// Whether another commit is checked out than the one that was compared with.
    pub fn has_moved(&self) -> bool {
        self.bases.iter().any(|base| *base != self.head)
    }
}
