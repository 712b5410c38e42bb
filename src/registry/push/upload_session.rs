//! [`UploadSession`]: an upload that a registry has opened, and what failures of one teach for the next.

use std::time::Duration;

use crate::{
    image::BlobRef,
    registry::{
        http::{Patience, RegistryResponse, RequestFailure, is_transient_status},
        url::Url,
    },
    report::{Failure, Limits},
};

/// An upload that the registry has opened.
pub(super) struct UploadSession {
    pub(super) url: Url,
    /// No piece but the last may be smaller.
    pub(super) least: u64,
}

impl UploadSession {
    /// What a 202 opens, when it says where.
    pub(super) fn from_response(answer: &RegistryResponse) -> Option<Self> {
        let least = answer.header("oci-chunk-min-length").and_then(|least| least.parse().ok()).unwrap_or(0);
        Some(Self { url: location(answer)?, least })
    }

    /// A size of pieces that may get through where `length` did not.
    pub(super) fn smaller(&self, length: u64) -> u64 {
        (length / 4).max(self.least).max(Limits::PIECE_BYTES)
    }
}

/// Why an upload session failed.
pub(super) enum SessionError {
    /// A new session may succeed.
    Again(Failure),
    /// A new session may succeed that sends the bytes before it is closed.
    InPieces,
    /// No session will succeed.
    Final(Failure),
}

impl From<RequestFailure> for SessionError {
    fn from(RequestFailure { failure, is_transient, .. }: RequestFailure) -> Self {
        if is_transient { Self::Again(failure) } else { Self::Final(failure) }
    }
}

/// How the next session sends the bytes, as the sessions before it have taught.
pub(super) struct SendingWay {
    /// All of them in the request that closes the session.
    pub(super) is_whole: bool,
    /// The most that one request carries before that.
    pub(super) piece: u64,
    /// Whether the registry has what it tells after a piece that it took, and not what it was sent. Of most that tell less the word
    /// lags behind, and a few keep less.
    pub(super) keeps_less: bool,
}

/// What a refusal means for the upload: a new session helps where this one is lost, and not against 401, 403 and the like.
pub(super) fn refusal_error(answer: &mut RegistryResponse) -> SessionError {
    let failure = answer.refusal_failure();
    match answer.status {
        // The session is gone, or what it holds is not what we sent.
        400 | 404 | 409 | 416 => SessionError::Again(failure),
        status if is_transient_status(status) => SessionError::Again(failure),
        _ => SessionError::Final(failure),
    }
}

/// Where the session goes on; taken as it is, relative or not.
pub(super) fn location(answer: &RegistryResponse) -> Option<Url> {
    answer.url.join(answer.header("location")?)
}

/// How many bytes there are: `0-N` counts from 0 with the last one in it, so that `0-0` is one byte in theory, and in
/// practice none.
pub(super) fn range_end(answer: &RegistryResponse) -> Option<u64> {
    answer.header("range").and_then(stored_bytes)
}

/// The bytes that a `Range` of a registry says it has: `0-1023`, as distribution-spec has it, or with a unit before.
pub(in crate::registry) fn stored_bytes(range: &str) -> Option<u64> {
    let end = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.parse::<u64>().ok()?;
    Some(if end == 0 { 0 } else { end.saturating_add(1) })
}

impl SendingWay {
    /// That of the first session.
    pub(super) fn first(blob: &BlobRef, may_be_whole: bool) -> Self {
        Self { is_whole: may_be_whole && blob.size <= Limits::WHOLE_BLOB_BYTES, piece: u64::MAX, keeps_less: false }
    }
}

/// Whether a registry asks to come back later, and has done nothing.
pub(super) const fn is_put_off(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// The pause after an answer that may be another one later.
///
/// # Errors
/// There is no patience left, or less than the registry asks for, and then a new session gets no other answer.
pub(super) fn pause_after(patience: &mut Patience, answer: &mut RegistryResponse) -> Result<Duration, SessionError> {
    patience.pause(Some(answer.headers())).ok_or_else(|| {
        let mut failure = answer.refusal_failure();
        failure.what.push_str(&patience.account());
        if patience.has_declined() { SessionError::Final(failure) } else { SessionError::Again(failure) }
    })
}
