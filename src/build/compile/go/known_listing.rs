//! What Go said of a program before its sources changed: where its caches are, and which packages the program has.
//!
//! An edit mostly changes the bodies of functions. Then Go would say the same again, and `go build` alone is started.

use std::{ffi::OsStr, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::{
    super::{Toolchain, compile_folder::CompileFolder, known_result::KnownResult, watched_paths::StatesOfCall},
    GoJob,
    installed_go::InstalledGo,
    known_go::GoRequest,
    modules::has_vendor,
    packages::GoPackages,
};
use crate::cache::Fingerprinter;

/// The record in the folder of a compile.
const FILE: &str = "listing";

/// The answers of Go before a compile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct GoListing {
    pub(super) go: InstalledGo,
    /// The `go.mod`.
    pub(super) module: PathBuf,
    /// Whether modules are in a vendor folder.
    pub(super) has_vendor: bool,
    /// The packages of the program, or of several programs.
    pub(super) packages: GoPackages,
    /// The packages that there would be with cgo, where there is none.
    pub(super) with_cgo: GoPackages,
}

impl GoRequest {
    /// The request for the packages of several programs; none where there is none.
    pub(super) fn of_all<'a>(requests: impl Iterator<Item = &'a Self>) -> Option<Self> {
        let mut requests = requests.peekable();
        let settings = requests.peek()?.settings.clone();
        let mut key = Fingerprinter::default();
        requests.for_each(|request| key.update(request.key.bytes()));
        Some(Self { key: key.finish(), settings, shared: None })
    }

    /// What Go would say, if it said so before about files that are the same as far as Go reads them for that.
    ///
    /// Every file is looked at now, after the start of the compile was marked: a state from an earlier moment of this call may
    /// be of a file that was changed since.
    pub(super) fn find_listing(
        &self,
        toolchain: &Toolchain<'_>,
        folder: &CompileFolder,
        work: &OsStr,
    ) -> Option<GoListing> {
        let now = Toolchain { states: StatesOfCall::default(), ..toolchain.clone() };
        let known = KnownResult::<GoListing>::find(folder, FILE, &self.key, &now)?;
        (has_vendor(&known.module, work) == known.has_vendor).then_some(known)
    }
}

impl GoJob<'_> {
    /// Keeps what Go has just said, if everything that it read for that can be watched.
    pub(super) fn keep_listing(&self, request: &GoRequest, listing: &GoListing) {
        // Another call has other caches.
        if listing.go.is_in_scratch(self.toolchain) {
            return;
        }
        let watched = self.watched(&listing.packages, &listing.with_cgo, &listing.module, true);
        let folder = &self.compile_folder;
        let record = |states| {
            KnownResult::keep(folder, FILE, &request.key, states, &[], listing.clone(), self.toolchain);
        };
        let states = watched.and_then(|all| all.record(self.toolchain.blobs, folder.start(), &request.settings));
        states.into_iter().for_each(record);
    }
}
