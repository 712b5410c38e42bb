//! [`RegistryOrigin`]: where a registry is, and whether it speaks TLS.
//!
//! All speak TLS, but for those that `--plain-http` allows to do without, the `insecure` ones of `registries.conf`, which are asked
//! by a handshake before anything is sent, and those on the loopback, which may do either. Such a
//! one is sent its first request without TLS and without a login: a registry that answers in HTTP speaks no TLS, because one port
//! speaks one of the two. What answers otherwise, or says that it expected TLS, is asked by a handshake.

use std::time::Duration;

use parking_lot::Mutex;

use super::{Access, RegistryClient, RegistryResponse, RequestFailure, agent, fault_cause::FaultCause};
use crate::{
    registry::url::Url,
    report::{ErrorName, Failure},
};

/// The limit of the handshake, with its answer.
const PROBE: Duration = Duration::from_secs(10);

/// Where a registry is.
#[derive(Debug)]
pub(super) struct RegistryOrigin {
    with_tls: Url,
    without_tls: Url,
    /// Whether it speaks TLS, when that is known.
    speaks_tls: Mutex<Option<bool>>,
    /// Held by the thread that finds it out.
    probe: Mutex<()>,
}

impl RegistryOrigin {
    /// The registry at `authority`, `host` or `host:port`, which may do without TLS if it is insecure. Nothing is sent.
    ///
    /// # Errors
    /// An authority that no URL can have.
    pub(super) fn new(authority: &str, is_insecure: bool, access: &Access) -> Result<Self, Failure> {
        let url = |https| {
            Url::new(https, authority, "/v2/".to_owned())
                .ok_or_else(|| Failure::error(ErrorName::Reference, "the host of the reference is invalid"))
        };
        let (with_tls, without_tls) = (url(true)?, url(false)?);
        let is_certain = !with_tls.is_loopback() && !is_insecure;
        let speaks_tls = if access.plain_http { Some(false) } else { is_certain.then_some(true) };
        Ok(Self { with_tls, without_tls, speaks_tls: Mutex::new(speaks_tls), probe: Mutex::default() })
    }

    /// Its address, as far as it is known.
    pub(super) fn base(&self) -> &Url {
        if self.speaks_tls() == Some(true) { &self.with_tls } else { &self.without_tls }
    }

    /// Whether `url` is an address of the registry, with TLS or without.
    pub(super) fn is_at(&self, url: &Url) -> bool {
        url.same_origin(&self.with_tls) || url.same_origin(&self.without_tls)
    }

    /// Whether it speaks TLS, when that is known.
    pub(super) fn speaks_tls(&self) -> Option<bool> {
        *self.speaks_tls.lock()
    }

    fn settle(&self, speaks_tls: bool) {
        *self.speaks_tls.lock() = Some(speaks_tls);
    }
}

impl RegistryClient {
    /// Learns whether the registry speaks TLS from what came of a request without TLS, and tells whether the request has to be
    /// sent again, with it.
    ///
    /// # Errors
    /// The registry speaks TLS, and not with us: a certificate that is not trusted.
    pub(super) fn learns_tls(&self, result: &Result<RegistryResponse, RequestFailure>) -> Result<bool, RequestFailure> {
        // Another thread may have been faster.
        if let Some(known) = self.origin.speaks_tls() {
            return Ok(known);
        }
        match result {
            Ok(answer) if !may_expect_tls(answer.status) => {
                self.origin.settle(false);
                return Ok(false);
            }
            // No server answered: nothing is learned.
            Err(fault) if fault.cause != FaultCause::NotHttp => return Ok(false),
            Ok(_) | Err(_) => {}
        }
        self.asked_for_tls()
    }

    /// Whether the registry answers a handshake, which is tried once.
    ///
    /// # Errors
    /// The registry speaks TLS and its certificate is not trusted, or no server answers.
    pub(super) fn asked_for_tls(&self) -> Result<bool, RequestFailure> {
        let _one = self.origin.probe.lock();
        if let Some(known) = self.origin.speaks_tls() {
            return Ok(known);
        }
        let url = &self.origin.with_tls;
        let agent = self.agent(url).map_err(RequestFailure::lasting)?;
        let speaks_tls = match agent.agent.get(url.to_string()).config().timeout_global(Some(PROBE)).build().call() {
            Ok(_) => true,
            Err(error) if agent::speaks_no_tls(&error) => false,
            Err(error) => {
                let (failure, passing) = agent.explain(&error, url);
                let is_transient = passing.is_transient(self.access.retry);
                return Err(RequestFailure { failure, is_transient, cause: FaultCause::Other });
            }
        };
        self.origin.settle(speaks_tls);
        Ok(speaks_tls)
    }
}

/// Whether a server may say so to whom speaks without TLS to it: "bad request" of most of them, a redirect, "misdirected request",
/// "upgrade required".
const fn may_expect_tls(status: u16) -> bool {
    matches!(status, 300..=399 | 400 | 421 | 426)
}
