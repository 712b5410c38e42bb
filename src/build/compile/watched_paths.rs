//! The states of the paths that a result depends on: kept beside the result, and compared before it is used again.
//!
//! A state is made of names and contents, never of times, so that a fresh clone of the same commit has the same ones. The
//! contents of files that did not change are not read again ([`PinnedFile`]).

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::Read as _,
    os::unix::ffi::OsStrExt as _,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::{
    compile_start::CompileStart,
    go::{GoSource, is_go_source},
};
use crate::{
    build::pinned::PinnedFile,
    cache::{Cache, Fingerprint, Fingerprinter},
    report::Limits,
};

/// Above this many entries in one tree, its state cannot be told.
const MOST_ENTRIES: usize = 20_000;
/// Folders of version control systems, which no `//go:embed` can name.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".bzr"];

/// The state of a path with nothing at it.
const ABSENT: &[u8] = b"absent";

/// What of a path is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Watch {
    /// The content of a file, or that there is none.
    File,
    /// The files of a folder that Go looks at where nothing is in assembly, or that there is no folder.
    GoFiles,
    /// All files of a folder, without the folders in it.
    Files,
    /// Everything below a folder, or the content of a file.
    Tree,
    /// As [`GoFiles`](Self::GoFiles), but of Go sources only what `go list` reads.
    GoHeads,
}

/// The paths that a result depends on.
#[derive(Debug, Default)]
pub(super) struct WatchedPaths(BTreeSet<(PathBuf, Watch)>);

/// A watched path with its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WatchedState {
    path: PathBuf,
    watch: Watch,
    state: [u8; 32],
}

/// The states that were read in this call, so that programs of several recipes share the work. A handle.
///
/// A file that changes while a call runs may count as it was when the call began.
#[derive(Debug, Clone, Default)]
pub struct StatesOfCall {
    paths: Arc<Mutex<StateTable>>,
    workspaces: Arc<Mutex<WorkspaceTable>>,
}

/// By path and what of it is watched; `None` where it cannot be told.
type StateTable = BTreeMap<(PathBuf, Watch), Option<Fingerprint>>;

/// By the folder of a cargo workspace and those of its packages.
type WorkspaceTable = BTreeMap<(PathBuf, BTreeSet<PathBuf>), Option<String>>;

impl WatchedPaths {
    /// Watches a path.
    pub(super) fn add(&mut self, path: impl Into<PathBuf>, watch: Watch) {
        self.0.insert((path.into(), watch));
    }

    /// The state of all of them now; none where one cannot be told.
    pub(super) fn states(self, cache: Option<&Cache>) -> Option<Vec<WatchedState>> {
        self.read(&StateReader { cache, start: None })
    }

    /// The state of all of them after a compile, and the `early` states, which were read before it; none where one cannot be
    /// told, or may have changed since the `start` of the compile, which may have read either state.
    ///
    /// Early are paths that the compile depends on whatever it reads, in folders that change for many reasons: of a file that
    /// is not there, no time tells whether it was there meanwhile.
    pub(super) fn record(
        self,
        cache: Option<&Cache>,
        start: CompileStart,
        early: &[WatchedState],
    ) -> Option<Vec<WatchedState>> {
        let mut states = self.read(&StateReader { cache, start: Some(start) })?;
        let are_same = early.iter().all(|state| state.holds(cache));
        states.extend(early.iter().cloned());
        are_same.then_some(states)
    }

    fn read(self, reader: &StateReader<'_>) -> Option<Vec<WatchedState>> {
        let state = |(path, watch): (PathBuf, Watch)| {
            let state = *reader.state(&path, watch)?.bytes();
            Some(WatchedState { path, watch, state })
        };
        self.0.into_iter().map(state).collect()
    }
}

impl WatchedState {
    /// What was read of a path just now.
    pub(super) fn new(path: PathBuf, watch: Watch, state: Fingerprint) -> Self {
        Self { path, watch, state: *state.bytes() }
    }

    /// The state of a file that was just made, and is no source.
    pub(super) fn of_made_file(path: &Path, cache: Option<&Cache>) -> Option<Self> {
        let state = *StateReader { cache, start: None }.state(path, Watch::File)?.bytes();
        Some(Self { path: path.to_owned(), watch: Watch::File, state })
    }

    /// Whether the path has this state now.
    pub(super) fn holds(&self, cache: Option<&Cache>) -> bool {
        let state = StateReader { cache, start: None }.state(&self.path, self.watch);
        state.is_some_and(|state| *state.bytes() == self.state)
    }

    /// Where.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The same without `..` in it, as macros name `src/../text`; none where nothing is there any more.
    pub(super) fn tidy_path(&self) -> Option<Cow<'_, Path>> {
        let has_parent = self.path.components().any(|part| part == Component::ParentDir);
        if has_parent { fs::canonicalize(&self.path).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(&self.path)) }
    }

    /// What of it.
    pub(super) fn watch(&self) -> Watch {
        self.watch
    }

    /// Of names and contents alone: the same wherever the path is.
    pub(super) fn state(&self) -> &[u8; 32] {
        &self.state
    }

    /// Whether nothing was there.
    pub(super) fn is_absent(&self) -> bool {
        self.state == *Fingerprint::of(ABSENT).bytes()
    }
}

impl StatesOfCall {
    /// Whether all paths have the states that were recorded.
    pub(super) fn hold(&self, recorded: &[WatchedState], cache: Option<&Cache>) -> bool {
        let reader = StateReader { cache, start: None };
        let is_same = |one: &WatchedState| {
            self.read(&one.path, one.watch, &reader).is_some_and(|state| *state.bytes() == one.state)
        };
        recorded.iter().all(is_same)
    }

    /// The state of a path; none where it cannot be told.
    pub(super) fn state(&self, path: &Path, watch: Watch, cache: Option<&Cache>) -> Option<Fingerprint> {
        self.read(path, watch, &StateReader { cache, start: None })
    }

    fn read(&self, path: &Path, watch: Watch, reader: &StateReader<'_>) -> Option<Fingerprint> {
        let key = (path.to_owned(), watch);
        let known = self.paths.lock().get(&key).copied();
        // Two threads may read the same state: that costs time alone.
        known.unwrap_or_else(|| {
            let state = reader.state(path, watch);
            self.paths.lock().insert(key, state);
            state
        })
    }
}

impl StatesOfCall {
    /// The state of all files of a cargo workspace, which `read` tells.
    pub(super) fn workspace(
        &self,
        root: &Path,
        packages: &BTreeSet<PathBuf>,
        read: impl FnOnce() -> Option<String>,
    ) -> Option<String> {
        let key = (root.to_owned(), packages.clone());
        if let Some(known) = self.workspaces.lock().get(&key) {
            return known.clone();
        }
        let state = read();
        self.workspaces.lock().insert(key, state.clone());
        state
    }
}

/// Reads states.
struct StateReader<'a> {
    cache: Option<&'a Cache>,
    /// Whatever changed since then has no state.
    start: Option<CompileStart>,
}

impl StateReader<'_> {
    fn state(&self, path: &Path, watch: Watch) -> Option<Fingerprint> {
        let Ok(real) = fs::canonicalize(path) else { return self.absent(path) };
        let mut hasher = Fingerprinter::default();
        let metadata = fs::metadata(&real).ok()?;
        match watch {
            Watch::File | Watch::Tree if metadata.is_file() => hasher.update(self.file(&real)?.bytes()),
            // Not a file, which is all that a reader of a file can tell.
            Watch::File if metadata.is_dir() => hasher.update(b"folder"),
            Watch::GoFiles | Watch::GoHeads | Watch::Files if metadata.is_dir() => {
                self.files(&real, watch, &mut hasher)?;
            }
            Watch::GoFiles | Watch::GoHeads | Watch::Files if metadata.is_file() => hasher.update(b"file"),
            Watch::Tree if metadata.is_dir() => {
                let mut left = MOST_ENTRIES;
                self.tree(&real, &mut left, &mut hasher)?;
            }
            _ => return None,
        }
        Some(hasher.finish())
    }

    /// The state of a path with nothing at it. What is not there may have been there before only if its folder changed.
    fn absent(&self, path: &Path) -> Option<Fingerprint> {
        if fs::symlink_metadata(path).is_ok() {
            // A link that leads nowhere, or a folder that cannot be entered.
            return None;
        }
        let above = path.ancestors().skip(1).find(|above| above.is_dir())?;
        self.is_unchanged(above).then(|| Fingerprint::of(ABSENT))
    }

    fn is_unchanged(&self, path: &Path) -> bool {
        self.start.is_none_or(|start| start.is_after(path))
    }

    fn file(&self, real: &Path) -> Option<Fingerprint> {
        if !self.is_unchanged(real) {
            return None;
        }
        PinnedFile::pin(real, "", self.cache).ok().map(|file| file.fingerprint())
    }

    /// The names and contents of the files in the folder `real`.
    fn files(&self, real: &Path, watch: Watch, hasher: &mut Fingerprinter) -> Option<()> {
        if !self.is_unchanged(real) {
            return None;
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(real).ok()? {
            let entry = entry.ok()?;
            let (name, kind) = (entry.file_name(), entry.file_type().ok()?);
            if !kind.is_dir() && (watch == Watch::Files || is_go_source(&name)) {
                names.push((name, kind.is_symlink()));
            }
        }
        names.sort();
        let regular: Vec<_> = names.iter().filter(|(_, is_link)| !is_link).map(|(name, _)| name.as_bytes()).collect();
        let mut pinned = PinnedFile::pin_beside(real, &regular, self.cache).into_iter();
        for (name, is_link) in &names {
            let path = real.join(name);
            let content = if *is_link {
                self.link(&path, hasher)?
            } else {
                let pinned = pinned.next()??;
                let head = (watch == Watch::GoHeads && path.extension().is_some_and(|end| end == "go"))
                    .then(|| head(&path))
                    .flatten();
                self.is_unchanged(&path).then(|| head.unwrap_or_else(|| pinned.fingerprint()))?
            };
            hasher.update_part(name.as_bytes());
            hasher.update(content.bytes());
        }
        Some(())
    }

    /// A link counts by where it leads, and by the file there; folders behind links are not entered, as Go has it.
    fn link(&self, path: &Path, hasher: &mut Fingerprinter) -> Option<Fingerprint> {
        hasher.update_part(fs::read_link(path).ok()?.as_os_str().as_bytes());
        match fs::canonicalize(path) {
            Ok(real) if real.is_file() => self.file(&real),
            Ok(real) if real.is_dir() => Some(Fingerprint::of(b"folder")),
            Ok(_) => None,
            Err(_) => Some(Fingerprint::of(b"nothing")),
        }
    }

    /// Everything below the folder `real`; `left` counts down the entries that may still come.
    fn tree(&self, real: &Path, left: &mut usize, hasher: &mut Fingerprinter) -> Option<()> {
        let mut folders = BTreeSet::new();
        for entry in fs::read_dir(real).ok()? {
            let entry = entry.ok()?;
            *left = left.checked_sub(1)?;
            let is_hidden = VERSION_CONTROL.iter().any(|hidden| entry.file_name() == *hidden);
            if entry.file_type().ok()?.is_dir() && !is_hidden {
                folders.insert(entry.file_name());
            }
        }
        self.files(real, Watch::Files, hasher)?;
        for folder in folders {
            hasher.update_part(folder.as_bytes());
            hasher.update(b"{");
            self.tree(&real.join(folder), left, hasher)?;
            hasher.update(b"}");
        }
        Some(())
    }
}

/// The fingerprint of what `go list` reads of a Go source; none where only the whole of it can be told.
fn head(path: &Path) -> Option<Fingerprint> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(Limits::CHILD_OUTPUT_BYTES).read_to_end(&mut bytes).ok()?;
    if u64::try_from(bytes.len()).ok()? == Limits::CHILD_OUTPUT_BYTES {
        return None;
    }
    let mut hasher = Fingerprinter::default();
    hasher.update(b"head");
    for text in GoSource::listed_parts(std::str::from_utf8(&bytes).ok()?)? {
        hasher.update_part(text.as_bytes());
    }
    Some(hasher.finish())
}
