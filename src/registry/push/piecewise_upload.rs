//! [`PiecewiseUpload`]: sends a blob in as few pieces as get through.
//!
//! What the registry took is there: its own word about that (`Range`) lags behind in some of them. The word counts where a request
//! broke, and where a piece does not fit behind the others; when it does not fit where the registry wants it either, all that was
//! sent may be there, which the digest decides.

use std::time::Duration;

use super::{
    upload::BlobUpload,
    upload_session::{
        SendingWay, SessionError, UploadSession, is_put_off, location, pause_after, range_end, refusal_error,
    },
};
use crate::{
    registry::http::{Patience, RegistryResponse, RequestFailure, is_transient_status, wait},
    report::{ErrorName, Failure, Limits},
};

/// The bytes of one session.
pub(super) struct PiecewiseUpload<'a> {
    upload: &'a BlobUpload<'a>,
    session: UploadSession,
    way: &'a mut SendingWay,
    /// Where the next piece begins.
    at: u64,
    /// Requests in a row that have brought nothing.
    stalls: u32,
    /// Pieces since the last success that do not fit (HTTP 416).
    misfits: u32,
    /// Whether a request broke since the last success: then `at` is what the registry told.
    is_broken: bool,
    /// Whether anything went wrong in this session.
    has_faults: bool,
    /// Whether the registry told less than it took.
    lags: bool,
    patience: Patience,
}

impl<'a> PiecewiseUpload<'a> {
    /// At the beginning of a session.
    pub(super) fn new(upload: &'a BlobUpload<'a>, session: UploadSession, way: &'a mut SendingWay) -> Self {
        let patience = upload.to.client.own_patience();
        Self {
            upload,
            session,
            way,
            at: 0,
            stalls: 0,
            misfits: 0,
            is_broken: false,
            has_faults: false,
            lags: false,
            patience,
        }
    }

    /// Sends all bytes, and closes the session.
    pub(super) fn run(mut self) -> Result<(), SessionError> {
        while self.at < self.upload.blob.size {
            let length = self.way.piece.min(self.upload.blob.size - self.at);
            match self.upload.send_piece(&self.session, self.at, length) {
                Ok(answer) if matches!(answer.status, 200..=204) => self.took(&answer, length)?,
                Ok(mut answer) => match answer.status {
                    413 if length <= self.session.least.max(Limits::PIECE_BYTES) => {
                        return Err(SessionError::Final(answer.refusal_failure()));
                    }
                    // What helps is less at a time, not waiting.
                    413 => self.way.piece = self.session.smaller(length),
                    416 => {
                        if self.may_be_whole(&mut answer, length)? {
                            break;
                        }
                    }
                    status if is_transient_status(status) => {
                        let pause = pause_after(&mut self.patience, &mut answer)?;
                        if is_put_off(status) {
                            wait(pause);
                            continue;
                        }
                        self.broke(answer.refusal_failure(), pause, length)?;
                    }
                    _ => return Err(refusal_error(&mut answer)),
                },
                Err(RequestFailure { failure, is_transient: true, .. }) => match self.patience.pause(None) {
                    Some(pause) => self.broke(failure, pause, length)?,
                    None => return Err(SessionError::Again(failure)),
                },
                Err(fault) => return Err(fault.into()),
            }
        }
        let closed = self.upload.close_session(&self.session);
        if let Err(SessionError::Again(_)) = closed {
            if self.has_faults {
                self.way.piece = self.session.smaller(self.way.piece.min(self.upload.blob.size));
            }
            self.way.keeps_less = self.lags && !self.has_faults;
        }
        closed
    }

    /// The registry took a piece.
    fn took(&mut self, answer: &RegistryResponse, length: u64) -> Result<(), SessionError> {
        let sent = self.at + length;
        let told = range_end(answer).filter(|told| (1..sent).contains(told));
        self.lags |= told.is_some();
        let stands = told.filter(|_| self.way.keeps_less).unwrap_or(sent);
        if let Some(url) = location(answer) {
            self.session.url = url;
        }
        (self.is_broken, self.misfits) = (false, 0);
        if stands > self.at {
            self.stalls = 0;
            self.patience.renew();
        } else {
            self.stalls += 1;
        }
        self.at = stands;
        if self.stalls > Limits::RETRIES {
            return Err(SessionError::Final(Failure::error(
                ErrorName::RegistryProtocol,
                "the registry accepts the bytes of the upload and does not store them",
            )));
        }
        Ok(())
    }

    /// A piece does not fit behind what is there. The registry is asked once where it stands; tells whether it may have all of it.
    fn may_be_whole(&mut self, answer: &mut RegistryResponse, length: u64) -> Result<bool, SessionError> {
        self.has_faults = true;
        self.misfits += 1;
        if self.misfits > 1 {
            return Ok(true);
        }
        let Some(told) = self.upload.received_bytes(&mut self.session)? else {
            self.way.piece = self.session.smaller(length);
            return Err(SessionError::Again(answer.refusal_failure()));
        };
        if told != self.at {
            self.at = told;
            return Ok(false);
        }
        if self.is_broken {
            return Ok(true);
        }
        // It stands where the piece begins: what does not fit is the size.
        self.way.piece = self.session.smaller(length);
        (self.misfits, self.stalls) = (0, self.stalls + 1);
        if self.stalls > Limits::RETRIES {
            return Err(SessionError::Again(answer.refusal_failure()));
        }
        Ok(false)
    }

    /// A request broke: what came of it is for the registry to say.
    fn broke(&mut self, failure: Failure, pause: Duration, length: u64) -> Result<(), SessionError> {
        (self.is_broken, self.has_faults) = (true, true);
        let Some(told) = self.upload.received_bytes(&mut self.session)? else {
            // docker-registry forgets a session that was cut. Less at a time may get through.
            self.way.piece = self.session.smaller(length);
            return Err(SessionError::Again(failure));
        };
        if told > self.at {
            (self.at, self.stalls) = (told, 0);
            self.patience.renew();
        } else {
            // Nothing of it was kept.
            self.way.piece = self.session.smaller(length);
            self.stalls += 1;
            wait(pause);
        }
        Ok(())
    }
}
