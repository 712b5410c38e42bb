//! The folder that host paths must stay in: the git checkout of a recipe, or its own folder. Every path of a recipe is
//! resolved here, links followed, before it is opened.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use super::git_answers::GitAnswers;
use crate::{
    recipe::Located,
    report::{ErrorName, Failure, printable},
};

/// The folders that host paths are measured against.
#[derive(Debug, Clone)]
pub struct HostBound {
    /// The recipe's folder, canonical: what relative paths begin at.
    pub folder: PathBuf,
    /// The git root that holds it, else the folder itself; canonical. Host paths stay below it.
    pub root: PathBuf,
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
        let root = folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(&folder).to_path_buf();
        Ok(Self { folder, root, allow_outside, written: Arc::default(), git: Arc::default() })
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
        let bound = if self.root == self.folder { "the recipe's folder" } else { "the git checkout" };
        Err(Failure::error(ErrorName::InputOutside, format!("`{name}` is outside of {bound}"))
            .hint("copy it into the checkout, or pass `--allow-outside`"))
    }
}

/// The failure for a path that could not be resolved: dangling, missing, a loop, or the system's reason.
fn unresolved(path: &Path, name: &str, error: &std::io::Error) -> Failure {
    let is_link = path.symlink_metadata().is_ok_and(|meta| meta.is_symlink());
    match error.kind() {
        std::io::ErrorKind::NotFound if is_link => {
            Failure::error(ErrorName::InputLink, format!("`{name}` is a link to nothing"))
        }
        std::io::ErrorKind::NotFound => Failure::error(ErrorName::InputNotFound, format!("`{name}` does not exist")),
        _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            Failure::error(ErrorName::InputLink, format!("`{name}` is a link that leads back to itself"))
        }
        _ => Failure::io("open", name, error),
    }
}

/// The system's error inside one of `fs_err`, which adds the path that our messages have already.
pub(super) fn system_error(error: &std::io::Error) -> std::io::Error {
    error
        .raw_os_error()
        .map_or_else(|| std::io::Error::new(error.kind(), error.to_string()), std::io::Error::from_raw_os_error)
}
