//! Whether a checkout differs from its commit. Files that hardpan itself writes do not count, so that a build does not
//! change the version of the next one.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{ChildOutput, Toolchain, require_success};
use crate::{
    build::outputs::{OutputFinder, OutputKind},
    output::is_staging_name,
    report::Failure,
};

/// A path that `git status` names and that is no output of hardpan. `git` runs in the recipe's folder.
///
/// `out/` is passed over, at the top or beside the recipe; so is what this call writes, and what is an output by its content
/// ([`outputs`](crate::build::outputs)), wherever it is. Recipes and locks are sources here, as git has them.
pub(super) fn changed_path(
    toolchain: &Toolchain<'_>,
    git: &dyn Fn(&[&str]) -> Result<ChildOutput, Failure>,
) -> Result<Option<PathBuf>, Failure> {
    let few = status(git, "normal")?;
    if few.is_empty() {
        return Ok(None);
    }
    let top = require_success(git(&["rev-parse", "--show-toplevel"])?, "git rev-parse")?;
    let top = top.stdout.strip_suffix(b"\n").unwrap_or(&top.stdout);
    let mut judge =
        OutputFilter { toolchain, top: Path::new(OsStr::from_bytes(top)).to_owned(), finder: OutputFinder::default() };
    // A folder without a file that git knows stands for all that is in it, which is listed only when all depends on it.
    let is_folder = |path: &PathBuf| path.as_os_str().as_bytes().ends_with(b"/");
    if let Some(path) = few.iter().find(|path| !is_folder(path) && !judge.is_output(path)) {
        return Ok(Some(path.clone()));
    }
    let all = if few.iter().any(is_folder) { status(git, "all")? } else { Vec::new() };
    Ok(all.into_iter().find(|path| !judge.is_output(path)))
}

/// The files below `top` that the commit does not have and that are outputs of hardpan, relative to `top`.
pub(in super::super) fn untracked_outputs(
    toolchain: &Toolchain<'_>,
    top: &Path,
    git: &dyn Fn(&[&str]) -> Result<ChildOutput, Failure>,
) -> Result<Vec<PathBuf>, Failure> {
    let ended =
        require_success(git(&["ls-files", "--others", "--exclude-standard", "-z", "--", ":(top)"])?, "git ls-files")?;
    let mut judge = OutputFilter { toolchain, top: top.to_owned(), finder: OutputFinder::default() };
    let paths = ended.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    Ok(paths.map(|path| PathBuf::from(OsStr::from_bytes(path))).filter(|path| judge.is_output(path)).collect())
}

/// The paths that `git status` names, from the top of the checkout.
fn status(git: &dyn Fn(&[&str]) -> Result<ChildOutput, Failure>, untracked: &str) -> Result<Vec<PathBuf>, Failure> {
    let untracked = format!("--untracked-files={untracked}");
    let arguments = [
        "status",
        "--porcelain=v1",
        "-z",
        "--no-renames",
        &untracked,
        "--ignore-submodules=none",
        "--",
        ":(top)",
        ":(top,exclude)out",
        ":(exclude)out",
    ];
    let ended = require_success(git(&arguments)?, "git status")?;
    // Two letters and a blank are before each path. What is shorter would be another form of git's, and no path of ours.
    let lines = ended.stdout.split(|byte| *byte == 0).filter(|line| !line.is_empty());
    Ok(lines.map(|line| PathBuf::from(OsStr::from_bytes(line.get(3..).unwrap_or(line)))).collect())
}

/// Decides which paths are outputs of hardpan and not changes.
struct OutputFilter<'a> {
    toolchain: &'a Toolchain<'a>,
    /// The top of the checkout.
    top: PathBuf,
    finder: OutputFinder,
}

impl OutputFilter<'_> {
    fn is_output(&mut self, path: &Path) -> bool {
        let host = self.top.join(path);
        host.ancestors().any(|above| self.toolchain.written.contains(above))
            || path.iter().any(is_staging_name)
            || self.finder.find(&host, &self.top).is_some_and(|(_, what)| what != OutputKind::Lock)
    }
}
