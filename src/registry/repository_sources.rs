//! [`RepositorySources`]: the places that an image is pulled from: mirrors of its registry, and the registry itself.
//!
//! A mirror that fails is passed over, which is told with `-v`. Bytes that are not those of the digest end the pull.

use std::{
    fmt::Write as _,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ureq::http::{Method, header};

use super::{
    Access, Reference, RegistryWarnings, RemoteRepository,
    auth::TokenScopes,
    http::{RegistryClient, RegistryRequest, RegistryResponse, RequestFailure},
    mirrors::{self, PullSource},
};
use crate::{
    image::{
        BlobRef,
        document::{self, ACCEPTED},
    },
    oci::Digest,
    report::{ErrorName, Failure, Limits, shown},
};

/// The connections to the places that have the repository, in the order in which they are asked.
pub(crate) struct RepositorySources {
    /// The origin's, for messages.
    pub(super) name: String,
    /// At least one.
    pub(super) connections: Vec<RepositoryConnection>,
    /// The first one that has not failed.
    pub(super) preferred: AtomicUsize,
    notices: RegistryWarnings,
    /// The document that the reference named, and its digest: asked for already.
    pub(super) root: Option<(Digest, Arc<[u8]>)>,
}

/// The connection to one of those places.
pub(super) struct RepositoryConnection {
    /// Made when the first request is: what is known already needs none.
    pub(super) client: OnceLock<RegistryClient>,
    reference: Reference,
    access: Access,
    /// How long the reading of a blob is repeated.
    pub(super) retry: Option<Duration>,
    pub(super) name: String,
    pub(super) wanted: TokenScopes,
}

impl RepositorySources {
    /// The places that have the repository of `reference`. Nothing is sent.
    ///
    /// # Errors
    /// A configuration of mirrors that cannot be read; a registry that is blocked.
    pub(crate) fn of(reference: &Reference, access: &Access) -> Result<Self, Failure> {
        let sources = mirrors::sources(reference, access)?;
        Ok(Self {
            name: reference.name(),
            connections: sources.into_iter().map(RepositoryConnection::of).collect(),
            preferred: AtomicUsize::new(0),
            notices: access.notices.clone(),
            root: None,
        })
    }

    /// Fetches the manifest or index that the reference names, from the first place that has it.
    pub(crate) fn open(mut self) -> Result<(RemoteRepository, BlobRef), Failure> {
        let (index, (root, bytes)) = self.ask(RepositoryConnection::fetch_root)?;
        if let Some(connection) = self.connections.get_mut(index) {
            connection.be_patient();
        }
        self.root = Some((root.digest, bytes));
        Ok((RemoteRepository::new(self), root))
    }

    /// The repository, without a request.
    pub(crate) fn unopened(self) -> RemoteRepository {
        RemoteRepository::new(self)
    }

    /// Runs `ask` on one connection after the other, until one has an answer, and gives its number with it. What is not the bytes
    /// that were asked for ends it: that is no reason to ask elsewhere.
    pub(super) fn ask<T>(
        &self,
        ask: impl Fn(&RepositoryConnection) -> Result<T, Failure>,
    ) -> Result<(usize, T), Failure> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut passed = String::new();
        for (index, connection) in self.connections.iter().enumerate().skip(first) {
            let mut failure = match ask(connection) {
                Ok(answer) => return Ok((index, answer)),
                Err(failure) => failure,
            };
            if failure.name == Some(ErrorName::BlobMismatch) || !self.pass_over(index, &failure.what) {
                failure.what.push_str(&passed);
                return Err(failure);
            }
            // Writing to a String cannot fail.
            let (mirror, why) = (shown(&connection.reference.name()), failure.what.replace(": ", ", "));
            let _ = write!(passed, "; the mirror `{mirror}` failed before it ({why})");
        }
        Err(Failure::error(ErrorName::Internal, "no registry was asked"))
    }

    /// Goes on from the connection `index`, which failed, to the next one, if there is one.
    pub(super) fn pass_over(&self, index: usize, why: &str) -> bool {
        let next = index + 1;
        let Some(connection) = self.connections.get(index).filter(|_| next < self.connections.len()) else {
            return false;
        };
        let mirror = shown(&connection.reference.name());
        self.notices.detail(format!("the mirror `{mirror}` of `{}` is passed over: {why}", shown(&self.name)));
        self.preferred.fetch_max(next, Ordering::Relaxed);
        true
    }
}

impl RepositoryConnection {
    fn of(source: PullSource) -> Self {
        let PullSource { reference, access, retry } = source;
        let name = reference.repository().to_owned();
        let wanted = TokenScopes::from([format!("repository:{name}:pull")]);
        Self { client: OnceLock::new(), reference, access, retry, name, wanted }
    }

    pub(super) fn client(&self) -> Result<&RegistryClient, Failure> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = RegistryClient::new(&self.reference, &self.access)?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Has the patience that the user asked for from now on: what has the image is worth waiting for.
    fn be_patient(&mut self) {
        self.access.retry = self.retry;
        if let Some(client) = self.client.get_mut() {
            client.set_retry(self.retry);
        }
    }

    /// Fetches the manifest or index that the reference names.
    fn fetch_root(&self) -> Result<(BlobRef, Arc<[u8]>), Failure> {
        let mut answer = get_manifest(self, &self.reference.tag_or_digest())?;
        let said = answer.header("content-type").and_then(|said| said.split(';').next()).unwrap_or_default().trim();
        let (said, named) = (said.to_owned(), answer.header("docker-content-digest").map(str::to_owned));
        let bytes = answer.read_body(Limits::MANIFEST_BYTES).map_err(|error| {
            let what = format!("cannot read the manifest: {}", shown(&error.to_string()));
            Failure::error(ErrorName::of_io(&error), what)
        })?;
        let digest = Digest::of(&bytes);
        // What we asked for by digest must be that; what the registry says it is, too.
        if let Some(wanted) = self.reference.digest().filter(|wanted| *wanted != digest) {
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
        Ok((BlobRef { media_type, digest, size: bytes.len() as u64 }, bytes.into()))
    }
}

/// The answer that has the manifest or index with the tag or digest `wanted`.
pub(super) fn get_manifest(repository: &RepositoryConnection, wanted: &str) -> Result<RegistryResponse, Failure> {
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
