//! One blob into a repository: mounted, or sent in as few pieces as the connection allows.
//!
//! All that is left goes in one request, which every registry takes. When that breaks, the registry is asked where it
//! stands, and the next request goes on from there. A registry that kept nothing of it gets smaller pieces.

use ureq::http::{Method, header};

use super::Repository;
use crate::{
    image::BlobRef,
    oci::Open,
    registry::{
        http::{Answer, Call, Fault, Payload, Piece, backoff, is_passing, pause_before, wait},
        url::Url,
    },
    report::{ErrorName, Failure, Limits, Task},
};

/// What bytes are called while they are sent.
const BYTES: &str = "application/octet-stream";

/// How a blob got there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrived {
    /// From another repository of the registry.
    Mounted,
    /// It was sent.
    Sent,
}

/// A blob on its way.
pub(super) struct Upload<'a> {
    pub(super) to: &'a Repository,
    pub(super) blob: &'a BlobRef,
    pub(super) bytes: &'a dyn Open,
    pub(super) task: &'a dyn Task,
}

/// An upload that the registry has opened.
struct Session {
    url: Url,
    /// No piece but the last may be smaller.
    least: u64,
}

/// What came of the wish for a mount.
enum Mount {
    /// The blob is there.
    Done,
    /// Not that, but an upload is open.
    Opened(Session),
    /// Neither.
    Declined,
}

impl Session {
    /// What a 202 opens, when it says where.
    fn of(answer: &Answer) -> Option<Self> {
        let least = answer.header("oci-chunk-min-length").and_then(|least| least.parse().ok()).unwrap_or(0);
        Some(Self { url: location(answer)?, least })
    }
}

/// Why a session did not end well.
enum Trouble {
    /// Another session may do.
    Session(Failure),
    /// None will.
    Final(Failure),
}

impl From<Fault> for Trouble {
    fn from(Fault { failure, passing }: Fault) -> Self {
        if passing { Self::Session(failure) } else { Self::Final(failure) }
    }
}

impl Upload<'_> {
    /// Brings the blob there, from the repository `mount` if the registry likes.
    ///
    /// # Errors
    /// The registry does not take it, or breaks off more often than [`Limits`] allows.
    pub(super) fn run(&self, mount: Option<&str>) -> Result<Arrived, Failure> {
        let mut opened = match mount.map(|from| self.mount(from)) {
            Some(Mount::Done) => return Ok(Arrived::Mounted),
            Some(Mount::Opened(session)) => Some(session),
            Some(Mount::Declined) | None => None,
        };
        let mut piece = u64::MAX;
        let mut attempt = 0;
        loop {
            let session = opened.take().map_or_else(|| self.begin(), Ok);
            let trouble = match session.and_then(|session| self.fill(session, &mut piece)) {
                Ok(()) => return Ok(Arrived::Sent),
                Err(Trouble::Final(failure)) => return Err(self.told(failure)),
                Err(Trouble::Session(failure)) => failure,
            };
            // The answer may have been lost, and the blob not.
            if self.to.has_blob(self.blob).map_err(|failure| self.told(failure))? {
                return Ok(Arrived::Sent);
            }
            if attempt >= Limits::UPLOAD_SESSIONS {
                return Err(self.told(trouble));
            }
            wait(backoff(attempt));
            attempt += 1;
        }
    }

    fn told(&self, failure: Failure) -> Failure {
        let what =
            format!("cannot upload the blob `{}` of {} bytes: {}", self.blob.digest, self.blob.size, failure.what);
        Failure { what, ..failure }
    }

    /// Asks for a mount. Whatever is said instead of "done" (there are registries that answer 401, 404 and 405), the
    /// blob can still be sent.
    fn mount(&self, from: &str) -> Mount {
        let Ok(url) = self.to.url("blobs/uploads/") else { return Mount::Declined };
        let url = url.with("mount", &self.blob.digest.to_string()).with("from", from);
        let wanted = self.to.wanted_from(from);
        let mut call = Call::new(Method::POST, url, &wanted);
        call.again = false;
        match self.to.client.send(&call) {
            Ok(answer) if answer.status == 201 => Mount::Done,
            Ok(answer) if answer.status == 202 => Session::of(&answer).map_or(Mount::Declined, Mount::Opened),
            Ok(_) | Err(_) => Mount::Declined,
        }
    }

    fn begin(&self) -> Result<Session, Trouble> {
        let url = self.to.url("blobs/uploads/").map_err(Trouble::Final)?;
        let mut answer = self.to.client.send(&Call::new(Method::POST, url, &self.to.wanted))?;
        if answer.status != 202 {
            return Err(refused(&mut answer));
        }
        Session::of(&answer).ok_or_else(|| {
            Trouble::Session(Failure::error(
                ErrorName::RegistryProtocol,
                "the registry opens an upload and does not say where",
            ))
        })
    }

    /// Sends the bytes and closes the session. `piece` is the most that one request carries.
    fn fill(&self, mut session: Session, piece: &mut u64) -> Result<(), Trouble> {
        let (mut at, mut stalls) = (0, 0);
        while at < self.blob.size {
            let length = (*piece).min(self.blob.size - at);
            let (result, pause) = match self.patch(&session, at, length) {
                Ok(answer) if matches!(answer.status, 200..=204) => {
                    let sent = at + length;
                    // Some tell less than they were sent; what they do not have they get again.
                    let stands = range_end(&answer).filter(|stands| (1..sent).contains(stands)).unwrap_or(sent);
                    session.url = location(&answer).unwrap_or(session.url);
                    stalls = if stands > at { 0 } else { stalls + 1 };
                    at = stands;
                    if stalls > Limits::RETRIES {
                        return Err(Trouble::Final(Failure::error(
                            ErrorName::RegistryProtocol,
                            "the registry takes the bytes and does not keep them",
                        )));
                    }
                    continue;
                }
                Ok(mut answer) => {
                    let pause = pause_before(stalls, Some(&answer));
                    match answer.status {
                        413 if length <= session.least.max(Limits::PIECE_BYTES) => {
                            return Err(Trouble::Final(answer.refusal_failure()));
                        }
                        413 | 416 => (answer.refusal_failure(), pause),
                        status if is_passing(status) => (answer.refusal_failure(), pause),
                        _ => return Err(refused(&mut answer)),
                    }
                }
                Err(Fault { failure, passing: true }) => (failure, pause_before(stalls, None)),
                Err(fault) => return Err(fault.into()),
            };
            let Some(pause) = pause else { return Err(Trouble::Session(result)) };
            let smaller = (length / 4).max(session.least).max(Limits::PIECE_BYTES);
            let Some(stands) = self.stands(&mut session)? else {
                // docker-registry forgets a session that was cut. Less at a time may get through.
                *piece = smaller;
                return Err(Trouble::Session(result));
            };
            if stands > at {
                stalls = 0;
            } else {
                // Nothing of it was kept.
                *piece = smaller;
                stalls += 1;
                wait(pause);
            }
            at = stands;
        }
        self.close(&session)
    }

    fn patch(&self, session: &Session, start: u64, length: u64) -> Result<Answer, Fault> {
        let piece = Piece { bytes: self.bytes, blob: self.blob, start, length, task: self.task };
        let mut call = Call {
            method: Method::PATCH,
            url: session.url.clone(),
            wanted: &self.to.wanted,
            headers: Vec::new(),
            payload: Payload::Piece(piece),
            // Where the registry stands after a fault is for it to say.
            again: false,
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
    fn stands(&self, session: &mut Session) -> Result<Option<u64>, Trouble> {
        let answer = self.to.client.send(&Call::new(Method::GET, session.url.clone(), &self.to.wanted))?;
        if !answer.is_good() {
            return Ok(None);
        }
        let stands = range_end(&answer).unwrap_or(0);
        session.url = location(&answer).unwrap_or_else(|| session.url.clone());
        Ok((stands <= self.blob.size).then_some(stands))
    }

    /// Gives the session its digest.
    fn close(&self, session: &Session) -> Result<(), Trouble> {
        let url = session.url.with("digest", &self.blob.digest.to_string());
        let mut attempt = 0;
        loop {
            let mut call = Call::new(Method::PUT, url.clone(), &self.to.wanted).header(header::CONTENT_TYPE, BYTES);
            call.again = false;
            let (failure, pause) = match self.to.client.send(&call) {
                Ok(answer) if answer.is_good() => {
                    let digest = self.blob.digest.to_string();
                    return match answer.header("docker-content-digest").filter(|named| *named != digest) {
                        Some(_) => Err(Trouble::Session(Failure::error(
                            ErrorName::RegistryProtocol,
                            "the registry stored other bytes",
                        ))),
                        None => Ok(()),
                    };
                }
                Ok(mut answer) if is_passing(answer.status) => {
                    let pause = pause_before(attempt, Some(&answer));
                    (answer.refusal_failure(), pause)
                }
                Ok(mut answer) => return Err(refused(&mut answer)),
                Err(Fault { failure, passing: true }) => (failure, pause_before(attempt, None)),
                Err(fault) => return Err(fault.into()),
            };
            let Some(pause) = pause else { return Err(Trouble::Session(failure)) };
            wait(pause);
            if self.to.has_blob(self.blob).map_err(Trouble::Final)? {
                return Ok(());
            }
            attempt += 1;
        }
    }
}

/// What a refusal means for the upload: who may not, may not in another session either.
fn refused(answer: &mut Answer) -> Trouble {
    let failure = answer.refusal_failure();
    match answer.status {
        // The session is gone, or what it holds is not what we sent.
        400 | 404 | 409 | 416 => Trouble::Session(failure),
        status if is_passing(status) => Trouble::Session(failure),
        _ => Trouble::Final(failure),
    }
}

/// Where the session goes on; taken as it is, relative or not.
fn location(answer: &Answer) -> Option<Url> {
    answer.url.join(answer.header("location")?)
}

/// How many bytes there are: `0-N` counts from 0 with the last one in it, so that `0-0` is one byte in theory, and in
/// practice none.
fn range_end(answer: &Answer) -> Option<u64> {
    let range = answer.header("range")?;
    let end = range.strip_prefix("bytes=").unwrap_or(range).strip_prefix("0-")?.parse::<u64>().ok()?;
    Some(if end == 0 { 0 } else { end.saturating_add(1) })
}
