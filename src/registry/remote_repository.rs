//! A repository as a source of blobs: manifests are fetched whole, blobs are streamed and resumed when a connection
//! breaks.
//!
//! [`open`](super::open) and the bases of `build` read through it. The bytes are not verified here; the store does
//! that.

use std::{
    fmt,
    io::{self, Cursor, Read},
    sync::{Arc, atomic::Ordering},
};

use ureq::http::{Method, header};

use super::{
    http::{Patience, RegistryClient, RegistryRequest, RegistryResponse, wait},
    repository_sources::{RepositoryConnection, RepositorySources, get_manifest},
};
use crate::{
    image::{BlobRef, BlobSource, StoredBytes, document::DocumentKind},
    oci::Digest,
    report::{ErrorName, Failure, NamedReason},
};

/// A repository that is read: in its registry, or in mirrors of it.
#[derive(Clone)]
pub(crate) struct RemoteRepository(Arc<RepositorySources>);

impl fmt::Debug for RemoteRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.name).finish()
    }
}

impl RemoteRepository {
    /// The repository behind `sources`.
    pub(super) fn new(sources: RepositorySources) -> Self {
        Self(Arc::new(sources))
    }

    /// A reader of a manifest or blob. What it gives is not checked yet.
    fn open_blob(&self, blob: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
        if let Some((digest, bytes)) = &self.0.root
            && *digest == blob.digest
        {
            return Ok(Box::new(Cursor::new(Arc::clone(bytes))));
        }
        if DocumentKind::of(&blob.media_type) != DocumentKind::Other {
            let wanted = blob.digest.to_string();
            let (_, answer) = self.0.ask(|connection| get_manifest(connection, &wanted)).map_err(reader_error)?;
            return Ok(Box::new(answer.into_reader()));
        }
        let source = self.0.preferred.load(Ordering::Relaxed);
        let mut reader = BlobReader {
            remote: self.clone(),
            source,
            digest: blob.digest,
            at: 0,
            size: blob.size,
            body: None,
            patience: Patience::new(None),
        };
        reader.renew_patience();
        while let Err(fault) = reader.connect() {
            if !reader.pass_over(&fault) {
                return Err(fault);
            }
        }
        Ok(Box::new(reader))
    }
}

/// A failure as an error of a reader, with its name.
fn reader_error(failure: Failure) -> io::Error {
    let name = failure.name.unwrap_or(ErrorName::RegistryRefusal);
    NamedReason::error(name, io::ErrorKind::Other, failure.what)
}

/// The connection to the registry broke.
fn unreachable_error(kind: io::ErrorKind, what: impl Into<String>) -> io::Error {
    NamedReason::error(ErrorName::RegistryUnreachable, kind, what)
}

/// Reads a blob, and goes on where it was when the connection breaks.
struct BlobReader {
    remote: RemoteRepository,
    /// Which of the connections is read from.
    source: usize,
    digest: Digest,
    at: u64,
    size: u64,
    body: Option<Box<dyn Read + Send>>,
    /// For connections in a row that bring nothing.
    patience: Patience,
}

impl BlobReader {
    /// The connection that is read from.
    fn connection(&self) -> Option<&RepositoryConnection> {
        self.remote.0.connections.get(self.source)
    }

    fn renew_patience(&mut self) {
        self.patience = Patience::new(self.connection().and_then(|connection| connection.retry));
    }

    /// Goes on where the reader is, but from the next place that may have the blob. Its digest says whether the parts fit.
    fn pass_over(&mut self, fault: &io::Error) -> bool {
        if !self.remote.0.pass_over(self.source, &fault.to_string()) {
            return false;
        }
        self.source += 1;
        self.renew_patience();
        true
    }

    fn connect(&mut self) -> io::Result<()> {
        let Some(repository) = self.connection() else { return Err(io::ErrorKind::NotFound.into()) };
        let client = repository.client().map_err(reader_error)?;
        let url = client.url(&format!("{}/blobs/{}", repository.name, self.digest)).map_err(reader_error)?;
        let mut call = RegistryRequest::new(Method::GET, url, &repository.wanted);
        call.is_long = true;
        if self.at > 0 {
            call = call.header(header::RANGE, format!("bytes={}-", self.at));
        }
        let mut answer = client.send(&call).map_err(|fault| reader_error(fault.failure))?;
        let skip = match answer.status {
            206 if range_start(&answer) == Some(self.at) => 0,
            // Not every registry can begin in the middle.
            200 => self.at,
            404 => return Err(io::Error::new(io::ErrorKind::NotFound, "the registry does not have it")),
            // 416: there are no more bytes, and a retry brings none.
            416 => {
                let what = "the answer of the registry ends too early";
                return Err(NamedReason::error(ErrorName::RegistryProtocol, io::ErrorKind::InvalidData, what));
            }
            _ => return Err(reader_error(answer.refusal_failure())),
        };
        let mut body = answer.into_reader();
        if io::copy(&mut body.by_ref().take(skip), &mut io::sink())? < skip {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.body = Some(Box::new(body));
        Ok(())
    }
}

impl BlobSource for RemoteRepository {
    fn open(&self, blob: &BlobRef) -> io::Result<Option<StoredBytes>> {
        Ok(Some(StoredBytes::stream(self.open_blob(blob)?)))
    }
}

/// The first byte of a partial answer: `bytes 5-9/10`.
fn range_start(answer: &RegistryResponse) -> Option<u64> {
    answer.header("content-range")?.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let result = match &mut self.body {
                Some(body) => body.read(buf),
                None => self.connect().and_then(|()| self.body.as_mut().map_or(Ok(0), |body| body.read(buf))),
            };
            let fault = match result {
                Ok(read) if read > 0 => {
                    self.at = self.at.saturating_add(read as u64);
                    self.patience.renew();
                    return Ok(read);
                }
                // The end; the store verifies size and digest.
                Ok(_) if self.at >= self.size || buf.is_empty() => return Ok(0),
                Ok(_) => unreachable_error(io::ErrorKind::UnexpectedEof, "the answer of the registry ends too early"),
                Err(error) if ErrorName::of_io(&error) == ErrorName::FileError => {
                    unreachable_error(error.kind(), error.to_string())
                }
                Err(error) => error,
            };
            // The connection is broken; the bytes so far are kept.
            self.body = None;
            let lasts = matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData);
            let client = self.connection().and_then(|connection| connection.client.get());
            let has_given_up = client.is_some_and(RegistryClient::has_given_up);
            match self.patience.pause(None).filter(|_| !lasts && !has_given_up) {
                Some(pause) => wait(pause),
                None if self.pass_over(&fault) => {}
                None => return Err(fault),
            }
        }
    }
}
