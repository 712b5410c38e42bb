//! Uploads one blob to a repository, or mounts it from another one of the same registry.
//!
//! A small blob goes in the request that closes its upload. Where that does not get through, and with a larger blob, it goes in one
//! `PATCH`, which every registry takes. When the connection breaks, the registry is asked how many bytes it has, and the upload is
//! resumed from there. A registry that keeps nothing of a broken request gets smaller pieces.

use ureq::http::{Method, header};

use super::{
    piecewise_upload::PiecewiseUpload,
    repository::PushRepository,
    upload_session::{
        SendingWay, SessionError, UploadSession, is_put_off, location, pause_after, range_end, refusal_error,
    },
};
use crate::{
    image::BlobRef,
    oci::Open,
    registry::http::{
        BlobPiece, Payload, RegistryRequest, RegistryResponse, RequestFailure, STALL, is_transient_status, wait,
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
    /// Whether it may go in the request that closes its upload, when it is small enough.
    pub(super) is_whole: bool,
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
        let mut way = SendingWay::first(self.blob, self.is_whole);
        let (mut sessions, mut patience) = (0, self.to.client.own_patience());
        loop {
            let session = opened.take().map_or_else(|| self.open_session(), Ok);
            let trouble = match session.and_then(|session| self.send_bytes(session, &mut way)) {
                Ok(()) => return Ok(BlobTransfer::Uploaded),
                Err(SessionError::Final(failure)) => return Err(self.with_blob(failure)),
                Err(SessionError::Again(failure)) => Some(failure),
                Err(SessionError::InPieces) => None,
            };
            // The blob may have arrived although the response was lost.
            if self.is_there().map_err(|failure| self.with_blob(failure))? {
                return Ok(BlobTransfer::Uploaded);
            }
            // A session more for pieces is none of those that came to nothing.
            let Some(trouble) = trouble else { continue };
            // `--retry` is about time, not about sessions that come to nothing.
            match patience.pause(None).filter(|_| sessions < Limits::UPLOAD_SESSIONS) {
                Some(pause) => wait(pause),
                None => return Err(self.with_blob(trouble)),
            }
            sessions += 1;
        }
    }

    /// Whether the registry says that it has the blob. One that does not answer such questions does not.
    fn is_there(&self) -> Result<bool, Failure> {
        Ok(self.to.has_blob(self.blob)?.or(false))
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

    /// Sends the bytes and closes the session.
    fn send_bytes(&self, session: UploadSession, way: &mut SendingWay) -> Result<(), SessionError> {
        if way.is_whole {
            way.is_whole = false;
            return self.send_whole(&session, way);
        }
        PiecewiseUpload::new(self, session, way).run()
    }

    /// Sends all bytes in the request that closes the session. Whatever comes of it but a refused login, pieces may get through.
    fn send_whole(&self, session: &UploadSession, way: &mut SendingWay) -> Result<(), SessionError> {
        let piece = BlobPiece { bytes: self.bytes, blob: self.blob, start: 0, length: self.blob.size, task: self.task };
        let call = RegistryRequest { payload: Payload::BlobPiece(piece), ..self.closing_request(session) };
        let mut patience = self.to.client.own_patience();
        let mut result = self.to.client.send(&call);
        // Nothing was done with it.
        while let Ok(answer) = &mut result
            && is_put_off(answer.status)
        {
            wait(pause_after(&mut patience, answer)?);
            result = self.to.client.send(&call);
        }
        match result {
            Ok(answer) if answer.is_good() => self.check_stored(&answer),
            Ok(mut answer) => match answer.status {
                401 | 403 => Err(SessionError::Final(answer.refusal_failure())),
                413 => {
                    way.piece = session.smaller(self.blob.size);
                    Err(SessionError::InPieces)
                }
                status if is_transient_status(status) => {
                    wait(pause_after(&mut patience, &mut answer)?);
                    Err(SessionError::InPieces)
                }
                _ => Err(SessionError::InPieces),
            },
            Err(RequestFailure { failure, is_transient: true, .. }) => {
                wait(patience.pause(None).ok_or(SessionError::Again(failure))?);
                Err(SessionError::InPieces)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    pub(super) fn send_piece(
        &self,
        session: &UploadSession,
        start: u64,
        length: u64,
    ) -> Result<RegistryResponse, RequestFailure> {
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
            answer_limit: STALL,
        }
        .header(header::CONTENT_TYPE, BYTES);
        // The whole blob at once is no piece, and some registries know no pieces.
        if start > 0 || length < self.blob.size {
            call = call.header(header::CONTENT_RANGE, format!("{start}-{}", start + length - 1));
        }
        self.to.client.send(&call)
    }

    /// How many bytes the registry has (distribution-spec, end-13); none when it has lost the session or cannot say.
    pub(super) fn received_bytes(&self, session: &mut UploadSession) -> Result<Option<u64>, SessionError> {
        let answer = self.to.client.send(&RegistryRequest::new(Method::GET, session.url.clone(), &self.to.wanted))?;
        if !answer.is_good() {
            return Ok(None);
        }
        let stands = range_end(&answer).unwrap_or(0);
        session.url = location(&answer).unwrap_or_else(|| session.url.clone());
        Ok((stands <= self.blob.size).then_some(stands))
    }

    /// The request that gives the session its digest.
    fn closing_request(&self, session: &UploadSession) -> RegistryRequest<'_> {
        let url = session.url.with_parameter("digest", &self.blob.digest.to_string());
        let call = RegistryRequest::new(Method::PUT, url, &self.to.wanted).header(header::CONTENT_TYPE, BYTES);
        RegistryRequest { is_repeatable: false, answer_limit: STALL, ..call }
    }

    /// Closes the session when all bytes were sent.
    pub(super) fn close_session(&self, session: &UploadSession) -> Result<(), SessionError> {
        let mut patience = self.to.client.own_patience();
        loop {
            let pause = match self.to.client.send(&self.closing_request(session)) {
                Ok(answer) if answer.is_good() => return self.check_stored(&answer),
                Ok(mut answer) if is_transient_status(answer.status) => pause_after(&mut patience, &mut answer)?,
                Ok(mut answer) => return Err(refusal_error(&mut answer)),
                Err(RequestFailure { failure, is_transient: true, .. }) => {
                    patience.pause(None).ok_or(SessionError::Again(failure))?
                }
                Err(fault) => return Err(fault.into()),
            };
            wait(pause);
            if self.is_there().map_err(SessionError::Final)? {
                return Ok(());
            }
        }
    }

    /// Whether the registry says that it stored what it was to store.
    fn check_stored(&self, answer: &RegistryResponse) -> Result<(), SessionError> {
        let digest = self.blob.digest.to_string();
        match answer.header("docker-content-digest").filter(|named| *named != digest) {
            Some(_) => Err(SessionError::Again(Failure::error(
                ErrorName::RegistryProtocol,
                "the registry stored a blob with another digest",
            ))),
            None => Ok(()),
        }
    }
}
