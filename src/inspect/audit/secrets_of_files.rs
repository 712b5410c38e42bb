//! The seam between the walk over a layer and the search for secrets: the walk knows no more of the scanner than this.

use super::secrets::{SecretHit, SecretScanner};

/// A secret in a file.
pub(super) type Hit = SecretHit;

/// Looks for secrets in one file while it passes by.
#[derive(Debug)]
pub(super) struct FileSearch(SecretScanner);

impl FileSearch {
    /// Of the file at `path`, absolute.
    pub(super) fn new(path: &str) -> Self {
        Self(SecretScanner::sniffing(path))
    }

    /// Takes what comes next.
    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.0.push(chunk);
    }

    /// What was found.
    pub(super) fn finish(self) -> Vec<Hit> {
        self.0.finish()
    }
}
