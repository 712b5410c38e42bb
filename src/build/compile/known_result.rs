//! The record of what a toolchain made or said: everything it read, and the result. While all of that is as it was, the
//! result is taken again and no toolchain is started.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Toolchain, compile_folder::CompileFolder, watched_paths::WatchedState};
use crate::cache::{Fingerprint, Fingerprinter};

/// Begins every record. Another encoding or meaning needs another number: an old record is then none.
const FORMAT: &[u8] = b"hardpan result 2\n";

/// A digest of the sources of hardpan: another build of it may compile otherwise under the same version.
pub(super) const SOURCES: &str = env!("HARDPAN_SOURCES");

/// What `-v` says of a program that is taken from its record.
pub(super) const UNCHANGED: &str = "  unchanged since its last compile";

/// A result with what it was made from.
///
/// What is unknown has no record: a compile with an input that cannot be watched is done again each time.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KnownResult<T> {
    request: [u8; 32],
    watched: Vec<WatchedState>,
    /// The files that hold the result.
    made: Vec<WatchedState>,
    result: T,
}

/// The fingerprint of all that is asked of a toolchain: the values of the recipe, the platform, the caller's variables that
/// count, and hardpan itself.
pub(super) struct RequestKey(Fingerprinter);

impl RequestKey {
    /// The key of requests of one `kind` to the toolchain whose `programs` are in `PATH`, where it runs in `dir`; none where
    /// one of them is not there. Another version of hardpan has another key, and so has another build of it.
    pub(super) fn new(kind: &str, toolchain: &Toolchain<'_>, dir: &Path, programs: &[&str]) -> Option<Self> {
        let mut key = Self(Fingerprinter::default());
        key.add(kind.as_bytes());
        key.add(env!("CARGO_PKG_VERSION").as_bytes());
        key.add(SOURCES.as_bytes());
        for path in [toolchain.checkout, dir] {
            key.add(path.as_os_str().as_encoded_bytes());
        }
        for program in programs {
            key.add(toolchain.program(program)?.as_os_str().as_encoded_bytes());
        }
        Some(key)
    }

    /// Adds a value.
    pub(super) fn add(&mut self, value: &[u8]) {
        self.0.update_part(value);
    }

    /// Adds the caller's variables whose name `counts`.
    pub(super) fn add_variables(&mut self, toolchain: &Toolchain<'_>, counts: impl Fn(&str) -> bool) {
        for (name, value) in toolchain.caller {
            if counts(&name.to_string_lossy()) {
                self.add(name.as_encoded_bytes());
                self.add(value.as_encoded_bytes());
            }
        }
    }

    /// The fingerprint.
    pub(super) fn finish(&self) -> Fingerprint {
        self.0.finish()
    }
}

impl<T: Serialize + DeserializeOwned> KnownResult<T> {
    /// The result in the record called `file` of a compile folder, if it answers `request` and everything is still as it
    /// was.
    pub(super) fn find(
        folder: &CompileFolder,
        file: &str,
        request: &Fingerprint,
        toolchain: &Toolchain<'_>,
    ) -> Option<T> {
        Self::find_with_inputs(folder, file, request, toolchain).map(|(result, _)| result)
    }

    /// As [`find`](Self::find), with everything that the result was made from.
    pub(super) fn find_with_inputs(
        folder: &CompileFolder,
        file: &str,
        request: &Fingerprint,
        toolchain: &Toolchain<'_>,
    ) -> Option<(T, Vec<WatchedState>)> {
        let known = folder.records(file).find_map(|record| Self::read(&record, request, toolchain))?;
        Some((known.result, known.watched))
    }

    /// What a record holds, if it answers `request` and everything is still as it was.
    fn read(record: &[u8], request: &Fingerprint, toolchain: &Toolchain<'_>) -> Option<Self> {
        let known: Self = postcard::from_bytes(record.strip_prefix(FORMAT)?).ok()?;
        // Another recipe of this call may have made them anew, so that their states are read each time.
        let holds = known.request == *request.bytes()
            && known.made.iter().all(|made| made.holds(toolchain.blobs))
            && toolchain.states.hold(&known.watched, toolchain.blobs);
        holds.then_some(known)
    }

    /// Writes the record of a result that was just made from `watched`; `made` are the files that hold it.
    ///
    /// That it cannot be written is no failure: the next build asks the toolchain again.
    pub(super) fn keep(
        folder: &CompileFolder,
        file: &str,
        request: &Fingerprint,
        watched: Vec<WatchedState>,
        made: &[&PathBuf],
        result: T,
        toolchain: &Toolchain<'_>,
    ) {
        let made: Option<Vec<_>> = made.iter().map(|made| WatchedState::of_made_file(made, toolchain.blobs)).collect();
        let Some(made) = made else { return };
        let known = Self { request: *request.bytes(), watched, made, result };
        if let Ok(encoded) = postcard::to_allocvec(&known) {
            let _ = folder.keep(file, &[FORMAT, &encoded].concat());
        }
    }
}
