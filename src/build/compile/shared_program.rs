//! Compiled programs that other checkouts and other machines may take: found by what was asked for and by the state of
//! everything that the compile has read.
//!
//! ```text
//! request ─▶ lists of paths that a compile of it has read (`inputs`)
//! request, list, state of each path of it ─▶ the program (`programs`)
//! ```
//!
//! A list says where to look, never what is there: the states are read on this machine. A program is taken only if the compile
//! that made it read the same list in the same states. So a list that is missing or useless costs a compile, and records of
//! programs never change.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{
    Toolchain,
    known_result::SOURCES,
    stable_paths::{StablePath, StableRoot, StableRoots},
    watched_paths::WatchedState,
};
use crate::{
    build::pinned::PinnedFile,
    cache::{Fingerprint, Fingerprinter, InputLists, PendingProgram, RecordShelf, SharedCache, blob_of_record},
    oci::Digest,
    report::{Failure, printable},
};

/// Begins every key. Another encoding or meaning needs another number: old records are then never found.
const FORMAT: &[u8] = b"hardpan shared program 1";

/// Bytes of a digest and a size.
const BLOB_BYTES: usize = 40;

/// What `-v` says of a program that was taken from the cache.
const TAKEN: &str = "  compiled before from the same inputs";

/// A request for a program that other machines may have answered.
#[derive(Debug)]
pub(super) struct SharedRequest {
    key: Fingerprint,
    roots: StableRoots,
}

/// The fingerprint of a request, without anything of this machine or checkout.
#[derive(Debug)]
pub(super) struct SharedKey(Fingerprinter);

/// The paths that a compile has read, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct InputList {
    paths: Vec<StablePath>,
    workspace: Option<SharedWorkspace>,
}

/// A cargo workspace, all of whose files are inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SharedWorkspace {
    /// Its folder, below the checkout.
    pub(super) root: PathBuf,
    /// The folders of its packages, relative to that.
    pub(super) packages: BTreeSet<PathBuf>,
}

/// What a record says of a program, behind digest and size of its blob.
#[derive(Debug, Serialize, Deserialize)]
struct ProgramRecord<T> {
    /// The states of paths in the modules of Go, which need not be there: `go.sum` pins them.
    modules: Vec<[u8; 32]>,
    result: T,
}

impl SharedWorkspace {
    /// Its folder in a checkout.
    pub(super) fn folder(&self, checkout: &Path) -> PathBuf {
        // Joined with nothing, a path would end with a slash.
        if self.root.as_os_str().is_empty() { checkout.to_owned() } else { checkout.join(&self.root) }
    }
}

/// Reads the state of all files of a workspace in the folder.
pub(super) type ReadWorkspace<'a> = &'a dyn Fn(&Path, &BTreeSet<PathBuf>) -> Option<String>;

impl SharedKey {
    /// The key of requests of one `kind` to a toolchain that runs in `dir`; none where that is outside of the checkout. Another
    /// version or build of hardpan has another key.
    pub(super) fn new(kind: &str, toolchain: &Toolchain<'_>, dir: &Path) -> Option<Self> {
        let below = dir.strip_prefix(toolchain.checkout).ok()?;
        let mut key = Self(Fingerprinter::default());
        key.add(FORMAT);
        key.add(kind.as_bytes());
        key.add(env!("CARGO_PKG_VERSION").as_bytes());
        key.add(SOURCES.as_bytes());
        key.add(below.as_os_str().as_encoded_bytes());
        Some(key)
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: &[u8]) {
        self.0.update_part(value);
    }

    /// The request, with the `roots` of this machine.
    pub(super) fn into_request(self, roots: StableRoots) -> SharedRequest {
        SharedRequest { key: self.0.finish(), roots }
    }
}

impl SharedRequest {
    /// Whether the program is compiled again, to compare it with the cache.
    pub(super) fn verifies(&self, toolchain: &Toolchain<'_>) -> bool {
        toolchain.shared.is_some_and(|shared| shared.verifies(&self.key))
    }

    /// The program, where one was compiled of the same request from the same inputs; with what the record says of it.
    pub(super) fn find<T: DeserializeOwned>(
        &self,
        toolchain: &Toolchain<'_>,
        read: ReadWorkspace<'_>,
    ) -> Option<(PathBuf, T)> {
        let shared = toolchain.shared.filter(|shared| !shared.verifies(&self.key))?;
        let local = InputLists::of(shared.local_cache().record(RecordShelf::Inputs, &self.key).as_deref());
        let take = |list: &[u8]| self.take(toolchain, shared, &postcard::from_bytes(list).ok()?, read);
        let found = local.newest_first().find_map(take).or_else(|| {
            let remote = InputLists::of(shared.remote_record(RecordShelf::Inputs, &self.key).as_deref());
            let mut new = remote.newest_first().filter(|list| !local.has(list));
            let (list, found) = new.find_map(|list| Some((list, take(list)?)))?;
            shared.keep_inputs(&self.key, list);
            Some(found)
        })?;
        toolchain.progress.detail(TAKEN);
        Some(found)
    }

    /// What the program that [`find`](Self::find) gave was compiled from, but for the modules of Go, which `go.sum` pins; and the
    /// cargo workspace that it was compiled from.
    pub(super) fn inputs<T: DeserializeOwned>(
        &self,
        toolchain: &Toolchain<'_>,
        read: ReadWorkspace<'_>,
    ) -> Option<(Vec<WatchedState>, Option<SharedWorkspace>)> {
        let shared = toolchain.shared?;
        let lists = InputLists::of(shared.local_cache().record(RecordShelf::Inputs, &self.key).as_deref());
        lists.newest_first().find_map(|list| {
            let list: InputList = postcard::from_bytes(list).ok()?;
            self.take::<T>(toolchain, shared, &list, read)?;
            Some((self.states(toolchain, &list)?, list.workspace))
        })
    }

    /// The states of now of the paths in a list, without those in modules of Go.
    fn states(&self, toolchain: &Toolchain<'_>, list: &InputList) -> Option<Vec<WatchedState>> {
        let own = list.paths.iter().filter(|stable| stable.root != StableRoot::GoModules);
        let state = |stable: &StablePath| {
            let path = self.roots.path(stable)?;
            let state = toolchain.states.state(&path, stable.watch, toolchain.blobs)?;
            Some(WatchedState::new(path, stable.watch, state))
        };
        own.map(state).collect()
    }

    /// The program of the list in the states of now.
    fn take<T: DeserializeOwned>(
        &self,
        toolchain: &Toolchain<'_>,
        shared: &SharedCache,
        list: &InputList,
        read: ReadWorkspace<'_>,
    ) -> Option<(PathBuf, T)> {
        let states: Vec<_> = self.states(toolchain, list)?.iter().map(|state| *state.state()).collect();
        let workspace = match &list.workspace {
            Some(workspace) => Some(read(&workspace.folder(toolchain.checkout), &workspace.packages)?),
            None => None,
        };
        let key = self.key_of(list, &states, workspace.as_deref())?;
        let bytes = shared.record(RecordShelf::Programs, &key)?;
        let (digest, size) = blob_of_record(RecordShelf::Programs, &bytes)?;
        let record: ProgramRecord<T> = postcard::from_bytes(bytes.get(BLOB_BYTES..)?).ok()?;
        if !self.has_modules(toolchain, list, &record.modules) {
            return None;
        }
        let blob = shared.blob(digest, size)?;
        Some((blob.path().to_owned(), record.result))
    }

    /// Whether the modules of Go that are here are those of the compile. Those that are not here would be: `go.sum`, whose
    /// state was compared, has their digests.
    fn has_modules(&self, toolchain: &Toolchain<'_>, list: &InputList, recorded: &[[u8; 32]]) -> bool {
        let paths = list.paths.iter().filter(|stable| stable.root == StableRoot::GoModules);
        let is_it = |(stable, recorded): (&StablePath, &[u8; 32])| {
            let Some(path) = self.roots.path(stable) else { return false };
            let state = || toolchain.states.state(&path, stable.watch, toolchain.blobs);
            fs::symlink_metadata(&path).is_err() || state().is_some_and(|state| state.bytes() == recorded)
        };
        paths.clone().count() == recorded.len() && paths.zip(recorded).all(is_it)
    }

    /// The key of a program: the request, the list, and the state of each path of it that is not a module of Go.
    fn key_of(&self, list: &InputList, states: &[[u8; 32]], workspace: Option<&str>) -> Option<Fingerprint> {
        let mut key = SharedKey(Fingerprinter::default());
        key.add(self.key.bytes());
        key.add(&postcard::to_allocvec(list).ok()?);
        for state in states {
            key.add(state);
        }
        key.add(workspace.unwrap_or_default().as_bytes());
        Some(key.0.finish())
    }

    /// Notes a program that was just compiled from the inputs in these `states`, which is stored once an image with it has
    /// passed the gate. A program with an input that has no place on other machines is not noted.
    ///
    /// # Errors
    /// The program was compiled to compare it with the cache, and is another one.
    pub(super) fn note<T: Serialize>(
        &self,
        toolchain: &Toolchain<'_>,
        states: &[WatchedState],
        workspace: Option<(SharedWorkspace, &str)>,
        made: &Path,
        result: T,
    ) -> Result<(), Failure> {
        let (Some(shared), Some(portable)) = (toolchain.shared, self.portable(toolchain, states)) else {
            return Ok(());
        };
        let (workspace, sources) = workspace.unzip();
        let mut list = InputList { paths: Vec::new(), workspace };
        let (mut own, mut modules) = (Vec::new(), Vec::new());
        for (path, state) in portable {
            if path.root == StableRoot::GoModules {
                modules.push(state);
            } else {
                own.push(state);
            }
            list.paths.push(path);
        }
        let pinned = PinnedFile::pin(made, "", toolchain.blobs).ok();
        let digest = File::open(made).and_then(|mut file| {
            let digest = Digest::of_reader(&mut file)?;
            // It is not read again where it becomes a blob.
            shared.local_cache().saw_blob(&file, digest);
            Ok(digest)
        });
        let digest = digest.ok();
        let key = self.key_of(&list, &own, sources);
        let (Some(pinned), Some(digest), Some(key)) = (pinned, digest, key) else { return Ok(()) };
        if shared.verifies(&self.key) && is_verified(shared, &key, digest, made)? {
            return Ok(());
        }
        let size = pinned.size();
        let record = postcard::to_allocvec(&ProgramRecord { modules, result });
        let (Ok(record), Ok(inputs)) = (record, postcard::to_allocvec(&list)) else { return Ok(()) };
        let record = [&digest.bytes()[..], &size.to_le_bytes(), &record].concat();
        let (request, path) = (self.key, made.to_owned());
        shared.note_pending(pinned.fingerprint(), PendingProgram { request, inputs, key, record, path, digest, size });
        Ok(())
    }

    /// The watched paths in the names of every machine, sorted; none where one has no such name.
    fn portable(&self, toolchain: &Toolchain<'_>, states: &[WatchedState]) -> Option<Vec<(StablePath, [u8; 32])>> {
        let mut portable = Vec::with_capacity(states.len());
        for state in states {
            // What is compared is what is there, by whatever way.
            match self.roots.stable(&state.tidy_path()?, state.watch()) {
                Some(path) => portable.push((path, *state.state())),
                // Nothing is there, and find() looks for it above the checkout of its machine.
                None if state.is_absent() && is_setting_above(state.path(), toolchain.checkout) => {}
                None => return None,
            }
        }
        portable.sort();
        portable.dedup();
        Some(portable)
    }
}

/// Whether the cache has a program of this key. A cached program that differs from the compiled one is a failure.
fn is_verified(shared: &SharedCache, key: &Fingerprint, digest: Digest, made: &Path) -> Result<bool, Failure> {
    let record = shared.remote_record(RecordShelf::Programs, key);
    let Some(record) = record.or_else(|| shared.local_cache().record(RecordShelf::Programs, key)) else {
        return Ok(false);
    };
    let cached = blob_of_record(RecordShelf::Programs, &record).map(|(digest, _)| digest);
    if cached == Some(digest) {
        shared.note_verified();
        return Ok(true);
    }
    let cached = cached.map_or_else(|| "nothing".to_owned(), |cached| format!("`{cached}`"));
    let name = made.file_name().unwrap_or_default().to_string_lossy();
    let what = format!(
        "the cache has {cached} for the program `{}` (key `{key}`), and from the same inputs it was compiled to `{digest}`",
        printable(&name)
    );
    Err(Failure::answer(what).hint(
        "either the cache is poisoned, or the compile depends on what is no input; `hardpan cache prune --all` empties this one",
    ))
}

/// What `cargo` and `rustup` look for in a folder and in all folders above it.
const SETTINGS: [&str; 5] =
    [".cargo/config", ".cargo/config.toml", "Cargo.toml", "rust-toolchain", "rust-toolchain.toml"];

/// Whether one of the settings of Rust is in a folder above the checkout. Then a compile is one of this machine.
pub(super) fn has_settings_above(checkout: &Path) -> bool {
    let mut above = checkout.ancestors().skip(1);
    above.any(|folder| SETTINGS.iter().any(|name| fs::symlink_metadata(folder.join(name)).is_ok()))
}

fn is_setting_above(path: &Path, checkout: &Path) -> bool {
    checkout.ancestors().skip(1).any(|folder| SETTINGS.iter().any(|name| path == folder.join(name)))
}

/// Stores the compiled programs with these contents, now that an image with them has passed the gate.
pub fn store_programs(shared: &SharedCache, contents: impl IntoIterator<Item = Fingerprint>) {
    for content in contents {
        shared.take_pending(&content).iter().for_each(|program| shared.store_program(program));
    }
}
