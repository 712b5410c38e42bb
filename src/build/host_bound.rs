//! The folder that host paths must stay in: the git checkout of a recipe, else its workspace, else its own folder. Every path
//! of a recipe is resolved here, links followed, before it is opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::git_answers::GitAnswers;
use crate::{
    recipe::{Located, WORKSPACE_FILE},
    report::{ErrorName, Failure, printable},
};

/// The folders that host paths are measured against.
#[derive(Debug, Clone)]
pub struct HostBound {
    /// The recipe's folder, canonical: what relative paths begin at.
    pub folder: PathBuf,
    /// The git root that holds it, else the folder of its workspace, else the folder itself; canonical. Host paths stay below
    /// it.
    pub root: PathBuf,
    /// The nearest `hardpan.workspace.toml` in the folder or above it, not above the git root.
    pub workspace: Option<PathBuf>,
    /// `--allow-outside`.
    pub allow_outside: bool,
    /// The paths that this call writes, canonical. They are no inputs.
    pub written: Arc<BTreeSet<PathBuf>>,
    /// What git has answered about the folder.
    pub(super) git: Arc<GitAnswers>,
}

/// The bounds of recipes, each folder looked up once.
#[derive(Debug, Default)]
pub struct HostBounds(Mutex<BTreeMap<PathBuf, HostBound>>);

impl HostBounds {
    /// The bound of a recipe in `folder`.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn of(&self, folder: &Path, allow_outside: bool) -> Result<HostBound, Failure> {
        let mut known = self.0.lock();
        if let Some(bound) = known.get(folder) {
            return Ok(bound.clone());
        }
        let bound = HostBound::of(folder, allow_outside)?;
        known.insert(folder.to_owned(), bound.clone());
        Ok(bound)
    }
}

impl HostBound {
    /// The bound of a recipe in `folder`.
    pub fn of(folder: &Path, allow_outside: bool) -> Result<Self, Failure> {
        let shown = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let folder = fs_err::canonicalize(shown)
            .map_err(|error| Failure::io("open the folder", shown, &system_error(&error)))?;
        let git = folder.ancestors().find(|above| above.join(".git").exists());
        let workspace = workspace_of(&folder, git)?;
        let root = git.or_else(|| workspace.as_deref()?.parent()).unwrap_or(&folder).to_path_buf();
        Ok(Self { folder, root, workspace, allow_outside, written: Arc::default(), git: Arc::default() })
    }

    /// The canonical path of `text`, links followed, which must exist and lie within the bound.
    ///
    /// `shown` is the text after its variables were replaced.
    pub fn resolve(&self, text: &Located<String>, shown: &str) -> Result<PathBuf, Failure> {
        if shown.is_empty() || shown.contains('\0') {
            return Err(Failure::error(ErrorName::RecipeValue, "the path is empty").at(&text.origin));
        }
        let path = self.folder.join(shown);
        let name = printable(shown);
        let real = std::fs::canonicalize(&path).map_err(|error| unresolved(&path, &name, &error).at(&text.origin))?;
        self.check_inside(&real, &name)
            .and_then(|()| self.check_written(&real, &name))
            .map_err(|failure| failure.at(&text.origin))?;
        Ok(real)
    }

    /// The bound of what a toolchain may read its configuration from when it runs in `dir`, which is canonical.
    pub fn checkout(&self, dir: &Path) -> PathBuf {
        if dir.starts_with(&self.root) {
            return self.root.clone();
        }
        // `--allow-outside`: that folder's own checkout.
        dir.ancestors().find(|above| above.join(".git").exists()).unwrap_or(dir).to_path_buf()
    }

    /// Refuses a canonical path that this call writes, or that lies in an image that it writes.
    fn check_written(&self, real: &Path, name: &str) -> Result<(), Failure> {
        let Some(written) = real.ancestors().find(|above| self.written.contains(*above)) else { return Ok(()) };
        let what = if written == real {
            format!("`{name}` is an output of this build")
        } else {
            let folder = written.strip_prefix(&self.folder).unwrap_or(written).to_string_lossy();
            format!("`{name}` lies in `{}`, an output of this build", printable(&folder))
        };
        Err(Failure::error(ErrorName::OutputConflict, what)
            .hint("name another path here, or let the build write elsewhere"))
    }

    /// Refuses a canonical path that lies outside the bound.
    pub fn check_inside(&self, real: &Path, name: &str) -> Result<(), Failure> {
        if self.allow_outside || real.starts_with(&self.root) {
            return Ok(());
        }
        let bound = match &self.workspace {
            _ if self.root == self.folder => "the recipe's folder",
            Some(_) if !self.root.join(".git").exists() => "the workspace",
            _ => "the git checkout",
        };
        Err(Failure::error(ErrorName::InputOutside, format!("`{name}` is outside of {bound}"))
            .hint("copy it into the checkout, or pass `--allow-outside`"))
    }
}

/// The nearest `hardpan.workspace.toml` at `folder` or above it, not above the git root.
///
/// # Errors
/// The system does not say whether there is one. Without git: it belongs to a user who is neither root, nor this one, nor the
/// owner of the folder, and could so change what is built in a folder such as `/tmp/mine`.
fn workspace_of(folder: &Path, git: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    for above in folder.ancestors().take_while(|above| git.is_none_or(|git| above.starts_with(git))) {
        let path = above.join(WORKSPACE_FILE);
        let meta = match path.symlink_metadata() {
            Ok(meta) => meta,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::io("look for a workspace", &path, &error)),
        };
        let owner = |path: &Path| path.metadata().ok().map(|meta| meta.uid());
        let trusted = [Some(0), Some(rustix::process::geteuid().as_raw()), owner(folder)];
        if git.is_none() && !trusted.contains(&Some(meta.uid())) {
            let what = "the workspace belongs to another user than the recipe's folder";
            return Err(Failure::error(ErrorName::PermissionDenied, what)
                .in_path(&path)
                .hint("move the recipe out of its folder, or change its owner"));
        }
        return Ok(Some(path));
    }
    Ok(None)
}

/// The failure for a path that could not be resolved: dangling, missing, a loop, or the system's reason.
fn unresolved(path: &Path, name: &str, error: &io::Error) -> Failure {
    let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match error.kind() {
        io::ErrorKind::NotFound if is_link => {
            Failure::error(ErrorName::InputLink, format!("`{name}` is a link to nothing"))
        }
        io::ErrorKind::NotFound => Failure::error(ErrorName::InputNotFound, format!("`{name}` does not exist")),
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Failure::error(ErrorName::InputLink, format!("`{name}` is a link that leads back to itself"))
        }
        _ => Failure::io("open", name, error),
    }
}

/// The system's error inside one of `fs_err`, which adds the path that our messages have already.
pub(super) fn system_error(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}
