//! A repository as a source of blobs: manifests are fetched whole, blobs are streamed and resumed when a connection
//! breaks.
//!
//! [`open`](super::open) and the bases of `build` read through it. The bytes are not verified here; the store does
//! that.

use std::{
    fmt,
    io::{self, Cursor, Read},
    sync::{Arc, OnceLock},
};

use ureq::http::{Method, header};

use super::{
    Access, Reference,
    auth::TokenScopes,
    http::{Patience, RegistryClient, RegistryRequest, RegistryResponse, RequestFailure, wait},
};
use crate::{
    image::{
        BlobRef, BlobSource, StoredBytes,
        document::{self, ACCEPTED, DocumentKind},
    },
    oci::Digest,
    report::{ErrorName, Failure, Limits, NamedReason, shown},
};

/// A repository that is read.
#[derive(Clone)]
pub(crate) struct RemoteRepository(Arc<RepositoryConnection>);

struct RepositoryConnection {
    /// Made when the first request is: what is known already needs none.
    client: OnceLock<RegistryClient>,
    reference: Reference,
    access: Access,
    name: String,
    wanted: TokenScopes,
    /// The document that the reference named, and its digest: asked for already.
    root: Option<(Digest, Arc<[u8]>)>,
}

impl RepositoryConnection {
    fn of(reference: &Reference, access: &Access) -> Self {
        let name = reference.repository().to_owned();
        let wanted = TokenScopes::from([format!("repository:{name}:pull")]);
        let (reference, access) = (reference.clone(), access.clone());
        Self { client: OnceLock::new(), reference, access, name, wanted, root: None }
    }

    fn client(&self) -> Result<&RegistryClient, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = RegistryClient::new(&self.reference, &self.access)?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for RemoteRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remote").field(&self.0.name).finish()
    }
}

impl RemoteRepository {
    /// Fetches the manifest or index that `reference` names.
    pub(crate) fn open(reference: &Reference, access: &Access) -> Result<(Self, BlobRef), Failure> {
        let mut repository = RepositoryConnection::of(reference, access);
        let mut answer = get_manifest(&repository, &reference.tag_or_digest())?;
        let said = answer.header("content-type").and_then(|said| said.split(';').next()).unwrap_or_default().trim();
        let (said, named) = (said.to_owned(), answer.header("docker-content-digest").map(str::to_owned));
        let bytes = answer.read_body(Limits::MANIFEST_BYTES).map_err(|error| {
            let what = format!("cannot read the manifest: {}", shown(&error.to_string()));
            Failure::error(ErrorName::of_io(&error), what)
        })?;
        let digest = Digest::of(&bytes);
        // What we asked for by digest must be that; what the registry says it is, too.
        if let Some(wanted) = reference.digest().filter(|wanted| *wanted != digest) {
            return Err(Failure::error(
                ErrorName::BlobMismatch,
                format!("the registry sent `{digest}` for `{wanted}`"),
            ));
        }
        if let Some(named) = named.filter(|named| named.starts_with("sha256:") && *named != digest.to_string()) {
            return Err(Failure::error(
                ErrorName::RegistryProtocol,
                format!("the registry calls `{digest}` `{}`", shown(&named)),
            ));
        }
        let media_type = document::media_type(&said, &bytes).map_err(|what| {
            let is_old = document::is_schema_1(&said);
            let name = if is_old { ErrorName::ImageUnsupported } else { ErrorName::ImageInvalid };
            Failure::error(name, format!("`{digest}`: {what}"))
        })?;
        let root = BlobRef { media_type, digest, size: bytes.len() as u64 };
        repository.root = Some((digest, bytes.into()));
        Ok((Self(Arc::new(repository)), root))
    }

    /// The repository of `reference`, without a request.
    pub(crate) fn later(reference: &Reference, access: &Access) -> Self {
        Self(Arc::new(RepositoryConnection::of(reference, access)))
    }

    /// A reader of a manifest or blob. What it gives is not checked yet.
    fn open_blob(&self, blob: &BlobRef) -> io::Result<Box<dyn Read + Send>> {
        if let Some((digest, bytes)) = &self.0.root
            && *digest == blob.digest
        {
            return Ok(Box::new(Cursor::new(Arc::clone(bytes))));
        }
        if DocumentKind::of(&blob.media_type) != DocumentKind::Other {
            let answer = get_manifest(&self.0, &blob.digest.to_string());
            return Ok(Box::new(answer.map_err(reader_error)?.into_reader()));
        }
        let mut reader = BlobReader {
            remote: self.clone(),
            digest: blob.digest,
            at: 0,
            size: blob.size,
            body: None,
            patience: Patience::new(self.0.access.retry),
        };
        reader.connect()?;
        Ok(Box::new(reader))
    }
}

fn get_manifest(repository: &RepositoryConnection, wanted: &str) -> Result<RegistryResponse, Failure> {
    let client = repository.client()?;
    let url = client.url(&format!("{}/manifests/{wanted}", repository.name))?;
    let call = RegistryRequest::new(Method::GET, url, &repository.wanted).header(header::ACCEPT, ACCEPTED.join(", "));
    let mut answer = client.send(&call).map_err(|RequestFailure { failure, .. }| failure)?;
    match answer.status {
        200 => Ok(answer),
        404 => Err(Failure::error(
            ErrorName::RegistryNotFound,
            format!("the registry has no such image: {}", answer.refusal()),
        )),
        _ => {
            let what = format!("cannot read the manifest: {}", answer.refusal());
            Err(Failure::error(answer.error_name(), what))
        }
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
    digest: Digest,
    at: u64,
    size: u64,
    body: Option<Box<dyn Read + Send>>,
    /// For connections in a row that bring nothing.
    patience: Patience,
}

impl BlobReader {
    fn connect(&mut self) -> io::Result<()> {
        let repository = &self.remote.0;
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
            let has_given_up = self.remote.0.client.get().is_some_and(RegistryClient::has_given_up);
            match self.patience.pause(None).filter(|_| !lasts && !has_given_up) {
                Some(pause) => wait(pause),
                None => return Err(fault),
            }
        }
    }
}
