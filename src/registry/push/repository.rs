//! The repository that is pushed to: checks for blobs and manifests, and puts manifests.

use std::sync::Arc;

use ureq::http::{Method, header};

use crate::{
    image::{BlobRef, document::ACCEPTED},
    oci::Digest,
    registry::{
        auth::TokenScopes,
        http::{Payload, RegistryClient, RegistryRequest, RegistryResponse, RequestFailure, is_transient_status},
        url::Url,
    },
    report::{ErrorName, Failure, Limits, shown},
};

/// A repository that is written to.
#[derive(Debug)]
pub(super) struct PushRepository {
    pub(super) client: Arc<RegistryClient>,
    /// Without the host.
    pub(super) name: String,
    /// To pull and push here.
    pub(super) wanted: TokenScopes,
}

/// What came of a manifest that was taken.
pub(super) struct StoredManifest {
    /// Whether the registry listed it as a referrer of its subject (`OCI-Subject`).
    pub(super) is_listed: bool,
}

/// Why a manifest was not taken.
pub(super) enum ManifestRefusal {
    /// A blob that it names is not there after all.
    Incomplete(Failure),
    /// A digest in it is said to be invalid. Registries say so of blobs that arrived a moment ago.
    Doubted(Failure),
    /// Anything else.
    Refused(Failure),
}

impl ManifestRefusal {
    /// The failure, whichever it is.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Incomplete(failure) | Self::Doubted(failure) | Self::Refused(failure) => failure,
        }
    }
}

impl PushRepository {
    /// The repository `name` of a registry.
    pub(super) fn new(client: Arc<RegistryClient>, name: &str) -> Self {
        Self { client, name: name.to_owned(), wanted: TokenScopes::from([format!("repository:{name}:pull,push")]) }
    }

    /// What a mount from `other` takes. Asked for then and not before: who may not pull from there can still push here.
    pub(super) fn wanted_from(&self, other: &str) -> TokenScopes {
        self.wanted.iter().cloned().chain([format!("repository:{other}:pull")]).collect()
    }

    /// The address of `path` in the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url, Failure> {
        self.client.url(&format!("{}/{path}", self.name))
    }

    /// Whether the blob is there.
    pub(super) fn has_blob(&self, blob: &BlobRef) -> Result<bool, Failure> {
        let call = RegistryRequest::new(Method::HEAD, self.url(&format!("blobs/{}", blob.digest))?, &self.wanted);
        let mut answer = self.client.send(&call).map_err(|fault| fault.failure)?;
        match answer.status {
            // A blob of another size is damaged and is uploaded again.
            200 => Ok(answer.header("content-length").is_none_or(|length| length == blob.size.to_string())),
            404 => Ok(false),
            _ => {
                let what = format!("cannot check for the blob `{}`: {}", blob.digest, answer.refusal());
                Err(Failure::error(answer.error_name(), what))
            }
        }
    }

    /// The digest of the manifest that a tag or digest names; none when there is none.
    pub(super) fn manifest_digest(&self, reference: &str) -> Result<Option<Digest>, Failure> {
        let ask = |method| -> Result<Option<RegistryResponse>, Failure> {
            let call = RegistryRequest::new(method, self.url(&format!("manifests/{reference}"))?, &self.wanted);
            let call = call.header(header::ACCEPT, ACCEPTED.join(", "));
            let mut answer = self.client.send(&call).map_err(|fault| fault.failure)?;
            match answer.status {
                200 => Ok(Some(answer)),
                404 => Ok(None),
                _ => {
                    let what = format!("cannot check for the manifest `{}`: {}", shown(reference), answer.refusal());
                    Err(Failure::error(answer.error_name(), what))
                }
            }
        };
        let Some(answer) = ask(Method::HEAD)? else { return Ok(None) };
        if let Some(digest) = stored_digest(&answer) {
            return Ok(Some(digest));
        }
        // Not every registry says it in a header, and some say it by another algorithm.
        let Some(mut answer) = ask(Method::GET)? else { return Ok(None) };
        let bytes = answer.read_body(Limits::MANIFEST_BYTES).map_err(|error| {
            let what = format!("cannot read the manifest `{}`: {}", shown(reference), shown(&error.to_string()));
            Failure::error(ErrorName::of_io(&error), what)
        })?;
        Ok(Some(Digest::of(&bytes)))
    }

    /// Puts a manifest under a tag or its digest.
    pub(super) fn put_manifest(
        &self,
        reference: &str,
        blob: &BlobRef,
        bytes: &[u8],
    ) -> Result<StoredManifest, ManifestRefusal> {
        let told = |name: ErrorName, what: &str| {
            let what = format!("cannot put the manifest `{}` as `{}`: {what}", blob.digest, shown(reference));
            ManifestRefusal::Refused(Failure::error(name, what))
        };
        let inner = |failure: &Failure| told(failure.name.unwrap_or(ErrorName::RegistryRefusal), &failure.what);
        let url = self.url(&format!("manifests/{reference}")).map_err(ManifestRefusal::Refused)?;
        let mut call =
            RegistryRequest::new(Method::PUT, url, &self.wanted).header(header::CONTENT_TYPE, blob.media_type.as_str());
        // The same again is the same: an answer that was lost does no harm.
        call.payload = Payload::Bytes(bytes);
        let mut answer = self.client.send(&call).map_err(|RequestFailure { failure, .. }| inner(&failure))?;
        let status = answer.status;
        if answer.is_good() {
            // A captive portal or error page may be 200, too: only the digest proves that a registry took it.
            let found = match stored_digest(&answer) {
                None => self.manifest_digest(reference).map_err(|failure| inner(&failure))?,
                named => named,
            };
            return match found {
                Some(found) if found == blob.digest => {
                    Ok(StoredManifest { is_listed: answer.header("oci-subject").is_some() })
                }
                Some(other) => {
                    let what = format!("the registry stored something else, `{other}`");
                    Err(told(ErrorName::RegistryProtocol, &what))
                }
                None => {
                    let what =
                        format!("{} answered HTTP {status}, and the manifest is not there", shown(&answer.url.shown()));
                    Err(told(ErrorName::RegistryProtocol, &what))
                }
            };
        }
        let missing = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"].into_iter().any(|code| answer.has_code(code));
        let is_doubted = status == 400 && answer.has_code("DIGEST_INVALID");
        let refusal = answer.refusal();
        if is_doubted {
            return Err(ManifestRefusal::Doubted(told(answer.error_name(), &refusal).failure()));
        }
        if matches!(status, 400 | 404) && missing {
            return Err(ManifestRefusal::Incomplete(told(answer.error_name(), &refusal).failure()));
        }
        // The manifest may have been stored although a gateway answered with an error.
        if is_transient_status(status) && self.manifest_digest(reference).is_ok_and(|found| found == Some(blob.digest))
        {
            return Ok(StoredManifest { is_listed: false });
        }
        Err(told(answer.error_name(), &refusal))
    }
}

/// The digest that an answer about a manifest names, where that is one of ours.
fn stored_digest(answer: &RegistryResponse) -> Option<Digest> {
    Digest::parse(answer.header("docker-content-digest")?).ok()
}
