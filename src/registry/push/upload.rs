//! Uploads one blob to a repository, or mounts it from another one of the same registry.
//!
//! The blob goes in one `PATCH`, which every registry takes. When the connection breaks, the registry is asked how many
//! bytes it has, and the upload is resumed from there. A registry that keeps nothing of a broken request gets smaller
//! pieces.

use std::time::Duration;

use ureq::http::{Method, header};

use super::repository::PushRepository;
use crate::{
    image::BlobRef,
    oci::Open,
    registry::{
        http::{BlobPiece, Payload, RegistryRequest, RegistryResponse, RequestFailure, is_transient_status, wait},
        url::Url,
    },
    report::{ErrorName, Failure, Limits, Task},
};

/// The media type of upload requests.
const BYTES: &str = "application/octet-stream";

/// How a blob got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlobTransfer {
    /// From another repository of the registry.
    Mounted,
    /// It was sent.
    Uploaded,
}

/// A blob on its way.
pub(super) struct BlobUpload<'a> {
    pub(super) to: &'a PushRepository,
    pub(super) blob: &'a BlobRef,
    pub(super) bytes: &'a dyn Open,
    pub(super) task: &'a dyn Task,
}

/// An upload that the registry has opened.
struct UploadSession {
    url: Url,
    /// No piece but the last may be smaller.
    least: u64,
}

/// The response to a request for a mount.
enum MountOutcome {
    /// The blob is there.
    Done,
    /// Not that, but an upload is open.
    Opened(UploadSession),
    /// Neither.
    Declined,
}

impl UploadSession {
    /// What a 202 opens, when it says where.
    fn from_response(answer: &RegistryResponse) -> Option<Self> {
        let least = answer.header("oci-chunk-min-length").and_then(|least| least.parse().ok()).unwrap_or(0);
        Some(Self { url: location(answer)?, least })
    }
}

/// Why an upload session failed.
enum SessionError {
    /// A new session may succeed.
    Again(Failure),
    /// No session will succeed.
    Final(Failure),
}

impl From<RequestFailure> for SessionError {
    fn from(RequestFailure { failure, is_transient }: RequestFailure) -> Self {
        if is_transient { Self::Again(failure) } else { Self::Final(failure) }
    }
}

impl BlobUpload<'_> {
    /// Brings the blob there, from the repository `mount` if the registry likes.
    ///
    /// # Errors
    /// The registry does not take it, or breaks off more often than [`Limits`] allows.
    pub(super) fn run(&self, mount: Option<&str>) -> Result<BlobTransfer, Failure> {
        let mut opened = match mount.map(|from| self.request_mount(from)) {
            Some(MountOutcome::Done) => return Ok(BlobTransfer::Mounted),
            Some(MountOutcome::Opened(session)) => Some(session),
            Some(MountOutcome::Declined) | None => None,
        };
        let mut piece = u64::MAX;
        let (mut sessions, mut patience) = (0, self.to.client.own_patience());
        loop {
            let session = opened.take().map_or_else(|| self.open_session(), Ok);
            let trouble = match session.and_then(|session| self.send_bytes(session, &mut piece)) {
                Ok(()) => return Ok(BlobTransfer::Uploaded),
                Err(SessionError::Final(failure)) => return Err(self.with_blob(failure)),
                Err(SessionError::Again(failure)) => failure,
            };
            // The blob may have arrived although the response was lost.
            if self.to.has_blob(self.blob).map_err(|failure| self.with_blob(failure))? {
                return Ok(BlobTransfer::Uploaded);
            }
            // `--retry` is about time, not about sessions that come to nothing.
            match patience.pause(None).filter(|_| sessions < Limits::UPLOAD_SESSIONS) {
                Some(pause) => wait(pause),
                None => return Err(self.with_blob(trouble)),
            }
            sessions += 1;
        }
    }

    fn with_blob(&self, failure: Failure) -> Failure {
        let what =
            format!("cannot upload the blob `{}` of {} bytes: {}", self.blob.digest, self.blob.size, failure.what);
        Failure { what, ..failure }
    }

    /// Asks for a mount. Whatever is said instead of "done" (there are registries that answer 401, 404 and 405), the
    /// blob can still be sent.
    fn request_mount(&self, from: &str) -> MountOutcome {
        let Ok(url) = self.to.url("blobs/uploads/") else { return MountOutcome::Declined };
        let url = url.with_parameter("mount", &self.blob.digest.to_string()).with_parameter("from", from);
        let wanted = self.to.wanted_from(from);
        let mut call = RegistryRequest::new(Method::POST, url, &wanted);
        call.is_repeatable = false;
        match self.to.client.send(&call) {
            Ok(answer) if answer.status == 201 => MountOutcome::Done,
            Ok(answer) if answer.status == 202 => {
                UploadSession::from_response(&answer).map_or(MountOutcome::Declined, MountOutcome::Opened)
            }
            Ok(_) | Err(_) => MountOutcome::Declined,
        }
    }

    fn open_session(&self) -> Result<UploadSession, SessionError> {
        let url = self.to.url("blobs/uploads/").map_err(SessionError::Final)?;
        let mut answer = self.to.client.send(&RegistryRequest::new(Method::POST, url, &self.to.wanted))?;
        if answer.status != 202 {
            return Err(refusal_error(&mut answer));
        }
        UploadSession::from_response(&answer).ok_or_else(|| {
            SessionError::Again(Failure::error(
                ErrorName::RegistryProtocol,
                "the registry answered HTTP 202 to an upload without a valid `Location`",
            ))
        })
    }

    /// Sends the bytes and closes the session. `piece` is the most that one request carries.
    fn send_bytes(&self, mut session: UploadSession, piece: &mut u64) -> Result<(), SessionError> {
        let (mut at, mut stalls, mut patience) = (0, 0, self.to.client.own_patience());
        while at < self.blob.size {
            let length = (*piece).min(self.blob.size - at);
            let (result, pause) = match self.send_piece(&session, at, length) {
                Ok(answer) if matches!(answer.status, 200..=204) => {
                    let sent = at + length;
                    // Some tell less than they were sent; what they do not have they get again.
                    let stands = range_end(&answer).filter(|stands| (1..sent).contains(stands)).unwrap_or(sent);
                    session.url = location(&answer).unwrap_or(session.url);
                    stalls = if stands > at { 0 } else { stalls + 1 };
                    if stalls == 0 {
                        patience.renew();
                    }
                    at = stands;
                    if stalls > Limits::RETRIES {
                        return Err(SessionError::Final(Failure::error(
                            ErrorName::RegistryProtocol,
                            "the registry accepts the bytes of the upload and does not store them",
                        )));
                    }
                    continue;
                }
                Ok(mut answer) => {
                    let pause = patience.pause(Some(answer.headers()));
                    match answer.status {
                        413 if length <= session.least.max(Limits::PIECE_BYTES) => {
                            return Err(SessionError::Final(answer.refusal_failure()));
                        }
                        // What helps is less at a time, not waiting.
                        413 | 416 => {
                            let pause = pause.or((stalls < Limits::RETRIES).then_some(Duration::ZERO));
                            (answer.refusal_failure(), pause)
                        }
                        status if is_transient_status(status) => (answer.refusal_failure(), pause),
                        _ => return Err(refusal_error(&mut answer)),
                    }
                }
                Err(RequestFailure { failure, is_transient: true }) => (failure, patience.pause(None)),
                Err(fault) => return Err(fault.into()),
            };
            let Some(pause) = pause else { return Err(SessionError::Again(result)) };
            let smaller = (length / 4).max(session.least).max(Limits::PIECE_BYTES);
            let Some(stands) = self.received_bytes(&mut session)? else {
                // docker-registry forgets a session that was cut. Less at a time may get through.
                *piece = smaller;
                return Err(SessionError::Again(result));
            };
            if stands > at {
                stalls = 0;
                patience.renew();
            } else {
                // Nothing of it was kept.
                *piece = smaller;
                stalls += 1;
                wait(pause);
            }
            at = stands;
        }
        self.close_session(&session)
    }

    fn send_piece(&self, session: &UploadSession, start: u64, length: u64) -> Result<RegistryResponse, RequestFailure> {
        let piece = BlobPiece { bytes: self.bytes, blob: self.blob, start, length, task: self.task };
        let mut call = RegistryRequest {
            method: Method::PATCH,
            url: session.url.clone(),
            wanted: &self.to.wanted,
            headers: Vec::new(),
            payload: Payload::BlobPiece(piece),
            // Where the registry stands after a fault is for it to say.
            is_repeatable: false,
            is_long: false,
        }
        .header(header::CONTENT_TYPE, BYTES);
        // The whole blob at once is no piece, and some registries know no pieces.
        if start > 0 || length < self.blob.size {
            call = call.header(header::CONTENT_RANGE, format!("{start}-{}", start + length - 1));
        }
        self.to.client.send(&call)
    }

    /// How many bytes the registry has (distribution-spec, end-13); none when it has lost the session or cannot say.
    fn received_bytes(&self, session: &mut UploadSession) -> Result<Option<u64>, SessionError> {
        let answer = self.to.client.send(&RegistryRequest::new(Method::GET, session.url.clone(), &self.to.wanted))?;
        if !answer.is_good() {
            return Ok(None);
        }
        let stands = range_end(&answer).unwrap_or(0);
        session.url = location(&answer).unwrap_or_else(|| session.url.clone());
        Ok((stands <= self.blob.size).then_some(stands))
    }

    /// Gives the session its digest.
    fn close_session(&self, session: &UploadSession) -> Result<(), SessionError> {
        let url = session.url.with_parameter("digest", &self.blob.digest.to_string());
        let mut patience = self.to.client.own_patience();
        loop {
            let mut call =
                RegistryRequest::new(Method::PUT, url.clone(), &self.to.wanted).header(header::CONTENT_TYPE, BYTES);
            call.is_repeatable = false;
            let (failure, pause) = match self.to.client.send(&call) {
                Ok(answer) if answer.is_good() => {
                    let digest = self.blob.digest.to_string();
                    return match answer.header("docker-content-digest").filter(|named| *named != digest) {
                        Some(_) => Err(SessionError::Again(Failure::error(
                            ErrorName::RegistryProtocol,
                            "the registry stored a blob with another digest",
                        ))),
                        None => Ok(()),
                    };
                }
                Ok(mut answer) if is_transient_status(answer.status) => {
                    let pause = patience.pause(Some(answer.headers()));
                    (answer.refusal_failure(), pause)
                }
                Ok(mut answer) => return Err(refusal_error(&mut answer)),
                Err(RequestFailure { failure, is_transient: true }) => (failure, patience.pause(None)),
                Err(fault) => return Err(fault.into()),
            };
            let Some(pause) = pause else { return Err(SessionError::Again(failure)) };
            wait(pause);
            if self.to.has_blob(self.blob).map_err(SessionError::Final)? {
                return Ok(());
            }
        }
    }
}

/// What a refusal means for the upload: a new session helps where this one is lost, and not against 401, 403 and the like.
fn refusal_error(answer: &mut RegistryResponse) -> SessionError {
    let failure = answer.refusal_failure();
    match answer.status {
        // The session is gone, or what it holds is not what we sent.
        400 | 404 | 409 | 416 => SessionError::Again(failure),
        status if is_transient_status(status) => SessionError::Again(failure),
        _ => SessionError::Final(failure),
    }
}

/// Where the session goes on; taken as it is, relative or not.
fn location(answer: &RegistryResponse) -> Option<Url> {
    answer.url.join(answer.header("location")?)
}

/// How many bytes there are: `0-N` counts from 0 with the last one in it, so that `0-0` is one byte in theory, and in
/// practice none.
fn range_end(answer: &RegistryResponse) -> Option<u64> {
    let range = answer.header("range")?;
    let end = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.parse::<u64>().ok()?;
    Some(if end == 0 { 0 } else { end.saturating_add(1) })
}
