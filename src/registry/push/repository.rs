//! The repository that is pushed to: checks for blobs and manifests, and puts manifests.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use ureq::http::{Method, header};

use crate::{
    image::{
        BlobRef,
        document::{self, ACCEPTED, DocumentKind, ImageDocument},
    },
    oci::Digest,
    registry::{
        auth::TokenScopes,
        http::{
            FaultCause, Payload, RegistryClient, RegistryRequest, RegistryResponse, RequestFailure, is_transient_status,
        },
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
    /// Whether the registry refused a login that it had accepted before: it may do so again, and some lock accounts for that.
    is_login_doubted: AtomicBool,
    /// Whether a tag has to bring the root: it was not put by its digest.
    is_root_due: AtomicBool,
}

/// The answer to a question that a push can do without.
#[derive(Debug)]
pub(super) enum Look<T> {
    /// The registry says so.
    Known(T),
    /// It does not answer such questions, or not to us.
    Refused(RefusedLook),
}

/// A question that a registry did not answer.
#[derive(Debug)]
pub(super) struct RefusedLook {
    /// For a push that depends on the answer.
    failure: Failure,
    /// Whether it may answer the same question by `GET`.
    knows_no_head: bool,
}

impl<T> Look<T> {
    /// What the registry says; what is assumed where it says nothing.
    pub(super) fn or(self, assumed: T) -> T {
        match self {
            Self::Known(known) => known,
            Self::Refused(_) => assumed,
        }
    }

    /// What the registry says, where a push depends on it.
    ///
    /// # Errors
    /// It does not answer.
    pub(super) fn known(self) -> Result<T, Failure> {
        match self {
            Self::Known(known) => Ok(known),
            Self::Refused(refused) => Err(refused.failure),
        }
    }
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
        let wanted = TokenScopes::from([format!("repository:{name}:pull,push")]);
        Self {
            client,
            name: name.to_owned(),
            wanted,
            is_login_doubted: AtomicBool::new(false),
            is_root_due: AtomicBool::new(false),
        }
    }

    /// Whether the registry refused a login that it had accepted before.
    pub(super) fn is_login_doubted(&self) -> bool {
        self.is_login_doubted.load(Ordering::Relaxed)
    }

    /// Whether a tag has to bring the root.
    pub(super) fn is_root_due(&self) -> bool {
        self.is_root_due.load(Ordering::Relaxed)
    }

    /// Says whether a tag has to bring the root.
    pub(super) fn set_root_due(&self, is_due: bool) {
        self.is_root_due.store(is_due, Ordering::Relaxed);
    }

    /// What a mount from `other` takes. Asked for then and not before: who may not pull from there can still push here.
    pub(super) fn wanted_from(&self, other: &str) -> TokenScopes {
        self.wanted.iter().cloned().chain([format!("repository:{other}:pull")]).collect()
    }

    /// The address of `path` in the repository.
    pub(super) fn url(&self, path: &str) -> Result<Url, Failure> {
        self.client.url(&format!("{}/{path}", self.name))
    }

    /// Asks for `path`. None is "not there". What the registry refuses to say is no failure: a push can do without the answer, and
    /// what it cannot do without fails for itself. That is how registries answer whose logins may only push, that know no `HEAD`, or
    /// that stand behind something which lets no `HEAD` through.
    ///
    /// # Errors
    /// No answer at all, or one that says to come back later; `what` is what was asked for.
    fn ask(&self, method: Method, path: &str, what: &str) -> Result<Look<Option<RegistryResponse>>, Failure> {
        let call = RegistryRequest::new(method, self.url(path)?, &self.wanted);
        let call = if path.starts_with("manifests/") { call.header(header::ACCEPT, ACCEPTED.join(", ")) } else { call };
        let told = |name: ErrorName, why: &str| Failure::error(name, format!("cannot check for the {what}: {why}"));
        let mut answer = match self.client.send(&call) {
            Ok(answer) => answer,
            Err(fault) if matches!(fault.cause, FaultCause::LoginRefused | FaultCause::NoChallenge) => {
                self.is_login_doubted.fetch_or(fault.cause == FaultCause::LoginRefused, Ordering::Relaxed);
                let refused = told(ErrorName::RegistryLogin, &fault.failure.what);
                let failure = Failure { hint: fault.failure.hint, ..refused };
                return Ok(Look::Refused(RefusedLook { failure, knows_no_head: false }));
            }
            Err(fault) => return Err(fault.failure),
        };
        match answer.status {
            200 => Ok(Look::Known(Some(answer))),
            404 => Ok(Look::Known(None)),
            status => {
                let failure = told(answer.error_name(), &answer.refusal());
                if is_transient_status(status) {
                    return Err(failure);
                }
                Ok(Look::Refused(RefusedLook { failure, knows_no_head: matches!(status, 405 | 501) }))
            }
        }
    }

    /// Whether the blob is there.
    pub(super) fn has_blob(&self, blob: &BlobRef) -> Result<Look<bool>, Failure> {
        let path = format!("blobs/{}", blob.digest);
        Ok(match self.ask(Method::HEAD, &path, &format!("blob `{}`", blob.digest))? {
            // A blob of another size is damaged and is uploaded again.
            Look::Known(Some(answer)) => {
                Look::Known(answer.header("content-length").is_none_or(|length| length == blob.size.to_string()))
            }
            Look::Known(None) => Look::Known(false),
            Look::Refused(refused) => Look::Refused(refused),
        })
    }

    /// The digest of the manifest that a tag or digest names; none when there is none.
    pub(super) fn manifest_digest(&self, reference: &str) -> Result<Look<Option<Digest>>, Failure> {
        let (path, what) = (format!("manifests/{reference}"), format!("manifest `{}`", shown(reference)));
        match self.ask(Method::HEAD, &path, &what)? {
            Look::Known(None) => return Ok(Look::Known(None)),
            Look::Known(Some(answer)) => {
                if let Some(digest) = stored_digest(&answer) {
                    return Ok(Look::Known(Some(digest)));
                }
            }
            Look::Refused(refused) if !refused.knows_no_head => return Ok(Look::Refused(refused)),
            Look::Refused(_) => {}
        }
        // Not every registry says it in a header, some say it by another algorithm, and some know no `HEAD`.
        let mut answer = match self.ask(Method::GET, &path, &what)? {
            Look::Known(Some(answer)) => answer,
            Look::Known(None) => return Ok(Look::Known(None)),
            Look::Refused(refused) => return Ok(Look::Refused(refused)),
        };
        let bytes = answer.read_body(Limits::MANIFEST_BYTES).map_err(|error| {
            let what = format!("cannot read the manifest `{}`: {}", shown(reference), shown(&error.to_string()));
            Failure::error(ErrorName::of_io(&error), what)
        })?;
        Ok(Look::Known(Some(Digest::of(&bytes))))
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
                None => match self.manifest_digest(reference).map_err(|failure| inner(&failure))? {
                    Look::Known(found) => found,
                    // A page of a proxy does not answer 201, and the registry gives no digest to compare.
                    Look::Refused(_) if status == 201 => Some(blob.digest),
                    Look::Refused(refused) => return Err(inner(&refused.failure)),
                },
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
        if is_transient_status(status)
            && self.manifest_digest(reference).is_ok_and(|look| look.or(None) == Some(blob.digest))
        {
            return Ok(StoredManifest { is_listed: false });
        }
        let mut refused = told(answer.error_name(), &refusal);
        if let (ManifestRefusal::Refused(failure), Some(hint)) = (&mut refused, hint(status, blob, bytes)) {
            failure.hint = Some(hint.to_owned());
        }
        Err(refused)
    }
}

/// The digest that an answer about a manifest names, where that is one of ours.
fn stored_digest(answer: &RegistryResponse) -> Option<Digest> {
    Digest::parse(answer.header("docker-content-digest")?).ok()
}

/// What may help where a registry does not take a manifest: some know no index, some no zstd.
fn hint(status: u16, blob: &BlobRef, bytes: &[u8]) -> Option<&'static str> {
    if is_transient_status(status) || matches!(status, 401 | 403 | 404 | 413) {
        return None;
    }
    if DocumentKind::of(&blob.media_type) == DocumentKind::Index {
        return Some(
            "if the registry takes no index, push an image of one platform: `hardpan build --platform linux/amd64`",
        );
    }
    let Ok(ImageDocument::Manifest(manifest, _)) = document::parse_manifest_or_index(&blob.media_type, bytes) else {
        return None;
    };
    let has_zstd = manifest.layers().iter().any(|layer| layer.media_type().to_string().ends_with("zstd"));
    has_zstd.then_some("if the registry takes no zstd, write `compression = \"gzip\"` into the recipe")
}
