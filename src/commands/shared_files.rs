//! The files that a recipe takes values from: those that it extends, one after the other, and the workspace above it.

use std::{
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use super::recipe_file::read_text;
use crate::{
    build::HostBound,
    recipe::{self, Located, SharedFile, SharedKind, WorkspaceSettings},
    report::{ErrorName, Failure, Limits, SourceText, printable},
};

/// The `hardpan.workspace.toml` above a recipe.
#[derive(Debug, Clone)]
pub struct RecipeWorkspace {
    /// Where it is, as messages name it.
    pub path: PathBuf,
    /// Its folder, canonical.
    pub folder: PathBuf,
    /// The recipe's folder, from there on; empty for the same one.
    pub below: String,
    /// What it says besides the defaults of recipes.
    pub settings: WorkspaceSettings,
}

/// The files that a recipe shares with others.
#[derive(Debug)]
pub(super) struct SharedFiles {
    /// The nearest first, the workspace last.
    pub(super) files: Vec<SharedFile>,
    /// The workspace.
    pub(super) workspace: Option<RecipeWorkspace>,
}

impl SharedFiles {
    /// Reads the files that the recipe `source` in `folder` shares.
    ///
    /// # Errors
    /// At the line of `extends`: there is no such file, it is outside of the bound, or it extends itself. At its path: the
    /// workspace cannot be read.
    pub(super) fn of(source: &Arc<SourceText>, folder: &Path, allow_outside: bool) -> Result<Self, Failure> {
        let bound = HostBound::of(folder, allow_outside)?;
        let own = source.path.rsplit('/').next().unwrap_or_default();
        let mut chain = Chain {
            folder,
            bound: &bound,
            seen: vec![(bound.folder.join(own), source.path.clone())],
            files: Vec::new(),
        };
        let mut next = recipe::extends_of(source)?;
        while let Some(extends) = next {
            next = chain.follow(&extends)?;
        }
        let mut files = chain.files;
        let workspace = bound.workspace.as_deref().map(|path| workspace(path, folder, &bound)).transpose()?;
        let workspace = workspace.map(|(file, workspace)| {
            files.push(file);
            workspace
        });
        Ok(Self { files, workspace })
    }
}

/// The files of `extends` so far.
struct Chain<'a> {
    /// The recipe's folder, as it was named.
    folder: &'a Path,
    bound: &'a HostBound,
    /// Canonical paths, with the names that messages have for them; the recipe is the first.
    seen: Vec<(PathBuf, String)>,
    files: Vec<SharedFile>,
}

impl Chain<'_> {
    /// Reads the file that the last one extends, and gives what that one extends.
    fn follow(&mut self, extends: &Located<String>) -> Result<Option<Located<String>>, Failure> {
        let text = &extends.value;
        let fault = |name, what: String| Err(Failure::error(name, what).at(&extends.origin));
        if text.is_empty() || text.starts_with('/') || text.ends_with('/') || text.contains(['{', '}', '\0']) {
            let what = "`extends` is the path of a file, relative to this one, without variables".to_owned();
            return fault(ErrorName::RecipeValue, what);
        }
        if self.files.len() >= Limits::EXTENDS_DEPTH {
            let what = format!("more than {} files extend one another", Limits::EXTENDS_DEPTH);
            return fault(ErrorName::RecipeLimit, what);
        }
        let above = self.files.last().map_or("", |file| file.place.as_str());
        let above = above.rfind('/').and_then(|end| above.get(..=end)).unwrap_or_default();
        let place = format!("{above}{text}");
        let located = Located { value: place.clone(), origin: extends.origin.clone() };
        let real = self.bound.resolve(&located, &place)?;
        let shown = tidy(&self.folder.join(&place));
        let name = shown.to_string_lossy().into_owned();
        if let Some(first) = self.seen.iter().position(|(seen, _)| *seen == real) {
            let names = self.seen.iter().skip(first).chain(self.seen.get(first)).map(|(_, name)| name);
            let names: Vec<_> = names.map(|name| format!("`{}`", printable(name))).collect();
            let what = format!("files extend one another in a circle: {}", names.join(", "));
            return fault(ErrorName::RecipeConflict, what);
        }
        let source = read_shared("the file that is extended", &shown).map_err(|failure| failure.at(&extends.origin))?;
        self.seen.push((real, name));
        let next = recipe::extends_of(&source)?;
        self.files.push(SharedFile { kind: SharedKind::Extended, source, place });
        Ok(next)
    }
}

/// Reads the workspace at the canonical `path`, above a recipe in `folder`.
fn workspace(path: &Path, folder: &Path, bound: &HostBound) -> Result<(SharedFile, RecipeWorkspace), Failure> {
    let above = path.parent().unwrap_or(Path::new("/"));
    let below = bound.folder.strip_prefix(above).unwrap_or(Path::new(""));
    let depth = below.components().count();
    let place = format!("{}{}", "../".repeat(depth), recipe::WORKSPACE_FILE);
    let shown = tidy(&folder.join(&place));
    let real = path.canonicalize().map_err(|error| Failure::io("read the workspace", &shown, &error))?;
    bound.check_inside(&real, &printable(&shown.to_string_lossy())).map_err(|failure| failure.or_in_path(&shown))?;
    let source = read_shared("the workspace", &shown)?;
    let settings = recipe::parse_workspace(&source)?;
    let below = below.to_string_lossy().into_owned();
    let workspace = RecipeWorkspace { path: shown, folder: above.to_owned(), below, settings };
    Ok((SharedFile { kind: SharedKind::Workspace, source, place }, workspace))
}

/// The text of a file that recipes share. Never waits for a FIFO, which no recipe of the call was named as.
pub(super) fn read_shared(what: &str, path: &Path) -> Result<Arc<SourceText>, Failure> {
    if path.metadata().is_ok_and(|meta| !meta.is_file()) {
        return Err(Failure::error(ErrorName::FileKind, format!("{what} is no regular file")).in_path(path));
    }
    read_text(what, path)
}

/// The path without `..`, where that is the same file.
fn tidy(path: &Path) -> PathBuf {
    let mut short = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if matches!(short.components().next_back(), Some(Component::Normal(_))) => {
                short.pop();
            }
            Component::CurDir => {}
            component => short.push(component),
        }
    }
    let folder = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize().ok(),
        _ => Path::new(".").canonicalize().ok(),
    };
    if folder(&short).is_some() && folder(&short) == folder(path) { short } else { path.to_owned() }
}
