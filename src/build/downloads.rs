//! Downloads the files that a recipe names by `url`, each once, through the cache. Their bytes are verified against
//! `sha256`.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use super::settings::BuildSettings;
use crate::{
    cache::{Cache, CacheDraft},
    oci::Digest,
    output::staging_file,
    recipe::Located,
    registry::{self, Download},
    report::{AtomicFile, Failure, FileAccess, Limits, Progress},
};

/// The downloads of one call, by digest.
#[derive(Debug)]
pub struct Downloads<'a> {
    settings: &'a BuildSettings,
    progress: &'a dyn Progress,
    known: RefCell<BTreeMap<Digest, DownloadedFile>>,
}

/// A file that is here, with the bytes of its digest.
#[derive(Debug, Clone)]
pub struct DownloadedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// Keeps it there, where there is no cache.
    pub(super) kept: Option<Arc<AtomicFile>>,
}

/// A draft in the cache, and why it could not be written: that is no fault of the download.
struct DraftKeeper {
    draft: CacheDraft,
    fault: Option<io::Error>,
}

impl Write for DraftKeeper {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.draft.write(buf).map_err(|error| {
            let same = error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
            self.fault = Some(error);
            same
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.draft.flush()
    }
}

impl<'a> Downloads<'a> {
    /// None yet.
    pub fn new(settings: &'a BuildSettings, progress: &'a dyn Progress) -> Self {
        Self { settings, progress, known: RefCell::default() }
    }

    /// The file at `url`.
    ///
    /// # Errors
    /// A download that fails; with `--offline`, a file that is not in the cache.
    pub fn get(&self, url: &Located<String>, sha256: &Located<Digest>) -> Result<DownloadedFile, Failure> {
        let digest = sha256.value;
        // Before the cache: what a recipe may name does not hang on what was fetched once.
        registry::check_address(&url.value, &self.settings.access).map_err(|failure| failure.at(&url.origin))?;
        if let Some(known) = self.known.borrow().get(&digest) {
            return Ok(known.clone());
        }
        let what = Download { url: &url.value, digest, limit: Limits::DOWNLOAD_BYTES };
        let cached = self.settings.blobs.as_ref().and_then(|cache| cache.blob_of(digest));
        let found = match (cached, &self.settings.blobs) {
            (Some(blob), _) => DownloadedFile { path: blob.path().to_owned(), size: blob.size(), kept: None },
            (None, Some(cache)) => self.fetch_cached(cache, &what).map_err(|failure| failure.at(&sha256.origin))?,
            (None, None) => self.fetch_kept(&what).map_err(|failure| failure.at(&sha256.origin))?,
        };
        self.known.borrow_mut().insert(digest, found.clone());
        Ok(found)
    }

    /// Digest and size of the file at `url` now, past the cache. Nothing is kept.
    ///
    /// # Errors
    /// A download that fails.
    pub fn observe(&self, url: &Located<String>) -> Result<(Digest, u64), Failure> {
        let (access, sink) = (&self.settings.access, &mut io::sink());
        let seen = registry::observe(&url.value, Limits::DOWNLOAD_BYTES, access, sink, self.progress);
        seen.map_err(|failure| failure.at(&url.origin))
    }

    fn fetch_cached(&self, cache: &Cache, what: &Download<'_>) -> Result<DownloadedFile, Failure> {
        // A cache that cannot be written to is none.
        let Ok(draft) = cache.draft() else { return self.fetch_kept(what) };
        let mut keeper = DraftKeeper { draft, fault: None };
        let fetched = registry::download(what, &self.settings.access, &mut keeper, self.progress);
        let DraftKeeper { draft, fault } = keeper;
        let sealed = match (fetched, fault) {
            (Ok(size), _) => draft.seal(what.digest, size),
            (Err(_), Some(error)) => Err(Failure::io("write to the cache", cache.root(), &error)),
            (Err(failure), None) => return Err(failure),
        };
        match sealed {
            Ok(blob) => Ok(DownloadedFile { path: blob.path().to_owned(), size: blob.size(), kept: None }),
            // Where there is room for temporary files it is fetched again.
            Err(failure) => {
                self.progress.step(&format!("note: a download is not kept: {failure}"));
                self.fetch_kept(what)
            }
        }
    }

    fn fetch_kept(&self, what: &Download<'_>) -> Result<DownloadedFile, Failure> {
        let folder = self.settings.scratch.parent();
        let fault = |error: io::Error| Failure::io("keep a download", folder, &error);
        let mut file = staging_file(folder, FileAccess::Private).map_err(fault)?;
        let size = registry::download(what, &self.settings.access, &mut file, self.progress)?;
        // Canonical, as every host path that is pinned.
        let real = std::fs::canonicalize(file.path()).map_err(fault)?;
        Ok(DownloadedFile { path: real, size, kept: Some(Arc::new(file)) })
    }
}
