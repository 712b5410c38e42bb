//! The HTTP client of one registry: authentication, retries, redirects.
//!
//! `remote_repository` reads with it, `push` writes. Credentials are sent to the registry itself and to the token realm
//! that it names, where [`realm`] allows it; never to the target of a redirect or of an upload location.

pub(crate) mod agent;
mod connect_deadline;
mod fault_cause;
mod login;
mod login_state;
mod payload;
mod proxy;
mod realm;
mod registry_origin;
pub(crate) mod resolver;
mod response;
pub(crate) mod retry_pause;
mod roots;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use ureq::{
    Agent, AsSendBody, Body, SendBody,
    http::{HeaderValue, Method, Request, Response, header},
};

use super::{
    Access, Reference, Secret,
    auth::{AuthToken, TokenScopes},
    url::Url,
};
use crate::report::{ErrorName, Failure, Limits};
use agent::HostAgent;
pub(super) use agent::STALL;
pub(super) use fault_cause::FaultCause;
use login_state::LoginState;
pub(super) use payload::{BlobPiece, Payload};
use registry_origin::RegistryOrigin;
use resolver::{HostOrigin, InsideNetwork};
pub(super) use response::RegistryResponse;
pub(crate) use retry_pause::Patience;
pub(super) use retry_pause::{backoff, wait};

/// The timeout of a whole document; 4 MiB in that time is a slow connection.
const DOCUMENT: Duration = Duration::from_secs(30);

/// A registry, with what was learned about it so far.
#[derive(Debug)]
pub(super) struct RegistryClient {
    access: Access,
    /// As references have it.
    host: String,
    origin: RegistryOrigin,
    agents: Mutex<BTreeMap<String, HostAgent>>,
    /// Whether the registry is in this machine or its networks.
    inside: InsideNetwork,
    gate: Mutex<LoginState>,
    /// The secrets of every credential that was looked up: text of the registry that repeats one is not shown.
    secrets: Mutex<Vec<Secret>>,
    /// Whether a request has waited in vain for as long as `--retry` says, and none was answered since.
    is_given_up: AtomicBool,
}

/// A request, which may be sent several times.
#[derive(Debug)]
pub(super) struct RegistryRequest<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    /// What a token must allow.
    pub(super) wanted: &'a TokenScopes,
    /// Besides those that every request has.
    pub(super) headers: Vec<(header::HeaderName, String)>,
    pub(super) payload: Payload<'a>,
    /// Whether it may be sent again after a fault that may pass: it does the same however often it arrives.
    pub(super) is_repeatable: bool,
    /// Whether its answer may take any time, as long as something comes: a blob, not a document.
    pub(super) is_long: bool,
    /// Until the head of its answer is there.
    pub(super) answer_limit: Duration,
}

/// Why there is no response.
#[derive(Debug, Clone)]
pub(super) struct RequestFailure {
    pub(super) failure: Failure,
    /// Whether it is transient, so that a retry may help.
    pub(super) is_transient: bool,
    /// The cause, where callers ask for it.
    pub(super) cause: FaultCause,
}

impl RequestFailure {
    fn lasting(failure: Failure) -> Self {
        Self { failure, is_transient: false, cause: FaultCause::Other }
    }
}

impl<'a> RegistryRequest<'a> {
    /// A request without a body that may be repeated.
    pub(super) fn new(method: Method, url: Url, wanted: &'a TokenScopes) -> Self {
        Self {
            method,
            url,
            wanted,
            headers: Vec::new(),
            payload: Payload::None,
            is_repeatable: true,
            is_long: false,
            answer_limit: agent::ANSWER,
        }
    }

    #[must_use]
    pub(super) fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

impl RegistryClient {
    /// Gets ready for the registry of `reference`. Nothing is sent, but for a handshake to one that is insecure.
    ///
    /// # Errors
    /// `--offline`; a host that no URL can have; an insecure registry that does not answer.
    pub(super) fn new(reference: &Reference, access: &Access) -> Result<Self, Failure> {
        if access.offline {
            return Err(Failure::error(
                ErrorName::Offline,
                "the image is in a registry, and `--offline` forbids network access",
            ));
        }
        let is_insecure = access.insecure_host.as_deref() == Some(reference.host());
        let origin = RegistryOrigin::new(reference.authority(), is_insecure, access)?;
        let client = Self {
            access: access.clone(),
            host: reference.host().to_owned(),
            agents: Mutex::default(),
            // Behind a proxy its name is not resolved here; otherwise the resolver updates this.
            inside: InsideNetwork::new(origin.base().is_inward()),
            origin,
            gate: Mutex::default(),
            secrets: Mutex::default(),
            is_given_up: AtomicBool::new(false),
        };
        // Its port for TLS may be another one than that without.
        if is_insecure && !access.plain_http {
            client.asked_for_tls().map_err(|fault| fault.failure)?;
        }
        Ok(client)
    }

    /// The address of the registry, as far as it is known whether it speaks TLS.
    fn base(&self) -> &Url {
        self.origin.base()
    }

    /// The same with another patience: how long requests are repeated, as `--retry` says it.
    pub(super) fn set_retry(&mut self, retry: Option<Duration>) {
        self.access.retry = retry;
    }

    /// The address of `path` below `/v2/`.
    pub(super) fn url(&self, path: &str) -> Result<Url, Failure> {
        self.base().join(path).ok_or_else(|| Failure::error(ErrorName::Reference, "the URL of the request is invalid"))
    }

    /// Sends a request and gives its answer, also when that is a refusal.
    pub(super) fn send(&self, call: &RegistryRequest<'_>) -> Result<RegistryResponse, RequestFailure> {
        let mut patience = self.patience();
        loop {
            let result = self.attempt(call);
            let (is_transient, headers) = match &result {
                Ok(answer) => (is_transient_status(answer.status), Some(answer.headers())),
                Err(fault) => (fault.is_transient, None),
            };
            if !is_transient {
                // The registry is back.
                self.is_given_up.store(false, Ordering::Relaxed);
                return result;
            }
            if !call.is_repeatable {
                return result;
            }
            match patience.pause(headers).filter(|_| !self.has_given_up()) {
                Some(pause) => wait(pause),
                None => return self.give_up(result, &patience),
            }
        }
    }

    /// The patience for one request.
    fn patience(&self) -> Patience {
        Patience::new(self.access.retry)
    }

    /// Whether a request has waited in vain for as long as `--retry` says, and none was answered since.
    pub(super) fn has_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// The patience of a caller that repeats requests in a way of its own.
    pub(super) fn own_patience(&self) -> Patience {
        if self.has_given_up() { Patience::new(Some(Duration::ZERO)) } else { self.patience() }
    }

    /// Says how often and how long the caller waited. Other requests do not wait as long again: `--retry` is how long the
    /// registry may be away.
    fn give_up(
        &self,
        result: Result<RegistryResponse, RequestFailure>,
        patience: &Patience,
    ) -> Result<RegistryResponse, RequestFailure> {
        self.is_given_up.store(self.access.retry.is_some(), Ordering::Relaxed);
        let account = patience.account();
        result.map(|answer| answer.with_account(&account)).map_err(|mut fault| {
            fault.failure.what.push_str(&account);
            fault
        })
    }

    /// One attempt, with the logins and redirects that belong to it.
    fn attempt(&self, call: &RegistryRequest<'_>) -> Result<RegistryResponse, RequestFailure> {
        let mut url = call.url.clone();
        let (mut logins, mut redirects) = (0, 0);
        loop {
            url = url.with_scheme_of(self.base());
            self.check_address(&url).map_err(RequestFailure::lasting)?;
            // Only the registry itself gets a token: challenges of other hosts are not answered.
            let ours = url.same_origin(self.base());
            let is_open = self.origin.speaks_tls().is_none();
            let token = if ours { self.token(call.wanted) } else { None };
            let result = self.once(&url, call, token.as_ref());
            if ours && is_open && self.learns_tls(&result)? {
                url = call.url.clone();
                continue;
            }
            let mut answer = result?;
            if matches!(answer.status, 300..=399 | 401) {
                // A connection whose answer was read is used again.
                answer.drain();
            }
            match answer.status {
                401 if ours && logins < Limits::LOGINS => {
                    logins += 1;
                    self.log_in(answer, call.wanted, token.as_ref())?;
                }
                401 if ours && self.withheld().is_some() => {
                    let failure = self
                        .withheld()
                        .unwrap_or_else(|| Failure::error(ErrorName::RegistryLogin, "the registry answered HTTP 401"));
                    return Err(RequestFailure::lasting(failure));
                }
                301 | 302 | 303 | 307 | 308 => {
                    redirects += 1;
                    if redirects > Limits::REDIRECTS {
                        let what =
                            format!("more than {} redirects, the last one from {}", Limits::REDIRECTS, url.shown());
                        return Err(RequestFailure::lasting(Failure::error(ErrorName::RegistryProtocol, what)));
                    }
                    let next = answer.header("location").and_then(|location| url.join(location));
                    url = next.ok_or_else(|| {
                        RequestFailure::lasting(Failure::error(
                            ErrorName::RegistryProtocol,
                            format!("{} redirects without a valid `Location`", url.shown()),
                        ))
                    })?;
                }
                _ => return Ok(answer),
            }
        }
    }

    /// One request and its answer.
    fn once(
        &self,
        url: &Url,
        call: &RegistryRequest<'_>,
        token: Option<&AuthToken>,
    ) -> Result<RegistryResponse, RequestFailure> {
        let host = self.agent(url).map_err(RequestFailure::lasting)?;
        let agent = &host.agent;
        let mut request = Request::builder().method(call.method.clone()).uri(url.to_string());
        for (name, value) in &call.headers {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token.header().reveal());
        }
        // Nothing of the request is in this: it may hold a token.
        let unsendable =
            |_| RequestFailure::lasting(Failure::error(ErrorName::Internal, "the request cannot be written"));
        let response = match &call.payload {
            Payload::None if matches!(call.method, Method::GET | Method::HEAD) => {
                run(agent, request.body(SendBody::none()).map_err(unsendable)?, call)
            }
            Payload::None => run(agent, request.body(&[][..]).map_err(unsendable)?, call),
            Payload::Bytes(bytes) => run(agent, request.body(*bytes).map_err(unsendable)?, call),
            Payload::BlobPiece(piece) => {
                let mut reader = piece.open().map_err(RequestFailure::lasting)?;
                let request = request.header(header::CONTENT_LENGTH, piece.length);
                let body = SendBody::from_reader(&mut reader);
                let sent = run(agent, request.body(body).map_err(unsendable)?, call);
                if let Some(failure) = reader.failure() {
                    return Err(RequestFailure::lasting(failure));
                }
                sent
            }
        };
        match response {
            Ok(response) => {
                let mut secrets = self.secrets.lock().clone();
                secrets.extend(token.map(AuthToken::secrets).unwrap_or_default());
                let warnings = response.headers().get_all(header::WARNING);
                if url.same_origin(self.base()) {
                    self.access.notices.record(url, warnings.iter().map(HeaderValue::as_bytes), &secrets);
                }
                Ok(RegistryResponse::new(response, url.clone(), secrets))
            }
            Err(error) => {
                let (failure, passing) = host.explain(&error, url);
                let cause = if agent::speaks_no_http(&error) { FaultCause::NotHttp } else { FaultCause::Other };
                Err(RequestFailure { failure, is_transient: passing.is_transient(self.access.retry), cause })
            }
        }
    }

    /// Refuses an address that a registry may not send us to: without TLS, unless that is allowed there; into this
    /// machine or a private network, from outside of it.
    fn check_address(&self, url: &Url) -> Result<(), Failure> {
        let base = self.base();
        let plain = url.is_loopback() || self.access.plain_http || (!base.https && url.same_host(base));
        if !url.https && (base.https || !plain) && !url.same_origin(base) {
            return Err(Failure::error(
                ErrorName::RegistryProtocol,
                format!("a redirect or upload location of the registry is {}, which is not TLS", url.shown()),
            ));
        }
        if url.is_inward() && !url.same_host(base) && !base.is_inward() {
            let what = format!(
                "a redirect or upload location of the registry is {}, which is in a private network",
                url.shown()
            );
            return Err(Failure::error(ErrorName::RegistryProtocol, what));
        }
        Ok(())
    }

    /// The agent for an address: one each, because trust and proxy depend on the host.
    fn agent(&self, url: &Url) -> Result<HostAgent, Failure> {
        let key = format!("{}{}", url.https, url.authority());
        if let Some(agent) = self.agents.lock().get(&key) {
            return Ok(agent.clone());
        }
        let authority = url.authority();
        // What the user called the registry is what the folder in `certs.d` is called.
        let name = if self.origin.is_at(url) { &self.host } else { &authority };
        let inside = self.inside.clone();
        let named_by = match () {
            () if url.same_host(self.base()) => HostOrigin::User(inside),
            () if self.is_named_realm(url) => HostOrigin::User(InsideNetwork::default()),
            () => HostOrigin::Host(inside),
        };
        let agent = HostAgent::new(&self.access, url, name, named_by)?;
        Ok(self.agents.lock().entry(key).or_insert(agent).clone())
    }
}

/// Sends a request. The body of a document must arrive within [`DOCUMENT`], so that a server cannot delay it byte by byte.
fn run<S: AsSendBody>(
    agent: &Agent,
    request: Request<S>,
    call: &RegistryRequest<'_>,
) -> Result<Response<Body>, ureq::Error> {
    let limit = (!call.is_long).then_some(DOCUMENT);
    let request = agent.configure_request(request).timeout_recv_response(Some(call.answer_limit));
    agent.run(request.timeout_recv_body(limit).build())
}

/// HTTP statuses that are retried: those that crane retries.
pub(crate) const fn is_transient_status(status: u16) -> bool {
    matches!(status, 408 | 429 | 499 | 500 | 502 | 503 | 504 | 522)
}
