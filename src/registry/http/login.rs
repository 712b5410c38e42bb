//! Answers 401 challenges: finds the credential, gets a token, and keeps tokens by their scopes for all threads of a
//! client.

use ureq::http::{Method, header};

use super::{
    FaultCause, Payload, RegistryClient, RegistryRequest, RegistryResponse, RequestFailure, login_state::LoginState,
    realm,
};
use crate::{
    registry::{
        auth::{self, AuthToken, Challenge, Credential, TokenScopes},
        url::Url,
    },
    report::{ErrorName, Failure, Limits, shown},
};

impl RegistryClient {
    /// The token for what is wanted: one that is there already; or, where the registry has named its realm, one that is asked for
    /// ahead, which spares the request that would be refused without it.
    pub(super) fn token(&self, wanted: &TokenScopes) -> Option<AuthToken> {
        let mut gate = self.gate.lock();
        if let Some(known) = gate.tokens.get(wanted) {
            return Some(known.clone());
        }
        if gate.not_ahead.contains(wanted) {
            return None;
        }
        let (realm, service) = gate.realm.clone()?;
        // Where this fails, the registry's own answer says why.
        gate.not_ahead.insert(wanted.clone());
        let credential = self.credential(&mut gate, repository(wanted)).ok()?;
        let token = match credential {
            Some(Credential::Registry(token)) => AuthToken::Bearer(token),
            credential => {
                let credential = self.credential_for_realm(&mut gate, &realm, wanted, credential.as_ref()).ok()?;
                self.fetch_token(&realm, service.as_deref(), wanted, credential.as_ref()).ok()?
            }
        };
        gate.tokens.insert(wanted.clone(), token.clone());
        Some(token)
    }

    /// Answers the challenge of a 401. `used` is what was sent with the request and did not do.
    ///
    /// One thread at a time: the others find its token, or why there is none.
    pub(super) fn log_in(
        &self,
        mut answer: RegistryResponse,
        wanted: &TokenScopes,
        used: Option<&AuthToken>,
    ) -> Result<(), RequestFailure> {
        let (mut gate, has_waited) = match self.gate.try_lock() {
            Some(gate) => (gate, false),
            None => (self.gate.lock(), true),
        };
        if let Some((_, failure)) = gate.failed.as_ref().filter(|(scopes, _)| has_waited && scopes == wanted) {
            return Err(failure.clone());
        }
        let known = gate.tokens.get(wanted);
        if known.is_some() && known != used {
            return Ok(());
        }
        let fields = answer.headers().get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenge = auth::choose_challenge(fields).map_err(|schemes| {
            let asked: Vec<_> = schemes.iter().map(|scheme| format!("`{}`", shown(scheme))).collect();
            let what = match asked.as_slice() {
                [] => "the registry answered HTTP 401 without a `WWW-Authenticate` header".to_owned(),
                asked => {
                    format!("the registry wants authentication by {}, which hardpan does not support", asked.join(", "))
                }
            };
            let cause = if asked.is_empty() { FaultCause::NoChallenge } else { FaultCause::Other };
            RequestFailure { cause, ..RequestFailure::lasting(Failure::error(ErrorName::RegistryLogin, what)) }
        })?;
        let credential = self.credential(&mut gate, repository(wanted)).map_err(RequestFailure::lasting)?;
        let is_known = credential.is_some();
        let token = match (&challenge, credential.as_ref()) {
            (_, Some(Credential::Registry(token))) => AuthToken::Bearer(token.clone()),
            (Challenge::Basic, Some(Credential::Login(login))) => AuthToken::Basic(login.clone()),
            (Challenge::Basic, _) => return Err(self.login_refused(&mut answer, is_known)),
            (Challenge::Bearer { realm, service, scopes }, credential) => {
                let asked = wanted;
                // What we need, and what the registry says that we need.
                let scopes = scopes.iter().take(Limits::CHALLENGES).filter(|scope| !auth::covers_scope(wanted, scope));
                let wanted = wanted.iter().chain(scopes).cloned().collect();
                let url = self.realm_url(realm).map_err(RequestFailure::lasting)?;
                let credential =
                    self.credential_for_realm(&mut gate, &url, &wanted, credential).map_err(RequestFailure::lasting)?;
                let token = self.fetch_token(&url, service.as_deref(), &wanted, credential.as_ref());
                // Anonymous access was refused: report that the login was withheld from the realm.
                let token = token.map_err(|fault| gate.withheld.clone().map_or(fault, RequestFailure::lasting));
                gate.failed = token.as_ref().err().map(|failure| (asked.clone(), failure.clone()));
                let token = token?;
                gate.realm = Some((url, service.clone()));
                token
            }
        };
        if used == Some(&token) {
            // The same token again would bring the same 401.
            return Err(self.login_refused(&mut answer, is_known));
        }
        gate.tokens.insert(wanted.clone(), token);
        Ok(())
    }

    fn credential(&self, gate: &mut LoginState, repository: &str) -> Result<Option<Credential>, Failure> {
        if let Some(known) = gate.credentials.get(repository) {
            return Ok(known.clone());
        }
        let found = auth::credential(&self.access, &self.host, repository)?;
        self.keep_secret(found.as_ref());
        gate.credentials.insert(repository.to_owned(), found.clone());
        Ok(found)
    }

    /// Records secrets that must not be shown when a registry repeats them.
    fn keep_secret(&self, credential: Option<&Credential>) {
        let mut secrets = self.secrets.lock();
        for secret in credential.map(Credential::secrets).unwrap_or_default() {
            if !secrets.contains(&secret) {
                secrets.push(secret);
            }
        }
    }

    /// Why a login was not given to the realm that the registry named, when that happened.
    pub(super) fn withheld(&self) -> Option<Failure> {
        self.gate.lock().withheld.clone()
    }

    /// Whether a login was sent: the registry asked for one.
    ///
    /// # Errors
    /// It was withheld from the realm that the registry named, so that nobody has looked at it.
    pub(in crate::registry) fn has_logged_in(&self) -> Result<bool, Failure> {
        let gate = self.gate.lock();
        gate.withheld.clone().map_or_else(|| Ok(!gate.tokens.is_empty()), Err)
    }

    /// The credential to send to the realm: that of the registry where the realm may receive it, else one of the realm's own
    /// host, else none.
    fn credential_for_realm(
        &self,
        gate: &mut LoginState,
        url: &Url,
        wanted: &TokenScopes,
        credential: Option<&Credential>,
    ) -> Result<Option<Credential>, Failure> {
        if credential.is_none() || realm::may_receive_login(self.base(), url) || self.is_named_realm(url) {
            return Ok(credential.cloned());
        }
        let realm = url.host();
        if let Some(own) = auth::stored_credential(&self.access, realm, "")? {
            self.keep_secret(Some(&own));
            return Ok(Some(own));
        }
        let (host, realm) = (shown(&self.host), shown(realm));
        let what = format!("the token realm of the registry is {}, and the login is for `{host}` alone", url.shown());
        let hint = format!(
            "if the registry's tokens are made there, pass `--token-realm {realm}`, or name it in the policy file: `[registry] \
             token-realms`; or log in there: `docker login {realm}`"
        );
        let failure = Failure::error(ErrorName::RegistryLogin, what).hint(hint);
        // Anonymous push: refuse, because no registry accepts it.
        if wanted.iter().any(|scope| scope.contains("push")) {
            return Err(failure);
        }
        gate.withheld = Some(failure);
        Ok(None)
    }

    /// Gets a token from a realm.
    fn fetch_token(
        &self,
        url: &Url,
        service: Option<&str>,
        wanted: &TokenScopes,
        credential: Option<&Credential>,
    ) -> Result<AuthToken, RequestFailure> {
        let question = auth::token_request(url, service, wanted, credential);
        let form = question.form.as_ref().map(|form| form.reveal().as_bytes());
        let mut call = RegistryRequest::new(Method::GET, question.url.clone(), wanted);
        if let Some(form) = form {
            call.method = Method::POST;
            call.payload = Payload::Bytes(form);
            call = call.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let mut patience = self.own_patience();
        let mut answer = loop {
            // Redirects are not followed: the registry did not name their targets as realms.
            let result = self.once(&question.url, &call, question.authorization.as_ref());
            let (is_transient, headers) = match &result {
                Ok(answer) => (super::is_transient_status(answer.status), Some(answer.headers())),
                Err(fault) => (fault.is_transient, None),
            };
            if !is_transient {
                break result?;
            }
            match patience.pause(headers) {
                Some(pause) => super::wait(pause),
                None => break self.give_up(result, &patience)?,
            }
        };
        let host = shown(&url.authority());
        match answer.status {
            200..300 => {}
            401 | 403 if credential.is_some() => {
                let failure = Failure::error(
                    ErrorName::RegistryLogin,
                    format!("{host} does not accept the login for `{}`", shown(&self.host)),
                );
                return Err(RequestFailure::lasting(
                    failure.hint(format!("log in again: `docker login {}`", shown(&self.host))),
                ));
            }
            401 | 403 => return Err(RequestFailure::lasting(self.not_logged_in(&answer.refusal()))),
            _ => {
                let what = format!("cannot get a token: {}", answer.refusal());
                // The realm is no image: what it does not have is a login.
                let name = match answer.error_name() {
                    ErrorName::RegistryNotFound => ErrorName::RegistryLogin,
                    name => name,
                };
                return Err(RequestFailure::lasting(Failure::error(name, what)));
            }
        }
        let body = answer.read_body(Limits::TOKEN_BYTES).map_err(|error| {
            let what = format!("the token of {host} cannot be read: {}", shown(&error.to_string()));
            RequestFailure::lasting(Failure::error(ErrorName::of_io(&error), what))
        })?;
        auth::parse_token(&body).ok_or_else(|| {
            RequestFailure::lasting(Failure::error(
                ErrorName::RegistryProtocol,
                format!("the answer of {host} holds no token"),
            ))
        })
    }

    /// Whether the user named the realm by `--token-realm` or in the policy file.
    pub(super) fn is_named_realm(&self, url: &Url) -> bool {
        self.access.token_realms.iter().any(|realm| realm.is_host_of(url))
    }

    /// The address of a realm, when it may be asked at all: over TLS, or without it on the registry's own host.
    fn realm_url(&self, realm: &str) -> Result<Url, Failure> {
        let url = Url::parse(realm).ok_or_else(|| {
            Failure::error(
                ErrorName::RegistryProtocol,
                format!("the token realm of the registry is `{}`, which is not a valid URL", shown(realm)),
            )
        })?;
        let own = url.same_host(self.base());
        let is_named = self.is_named_realm(&url);
        let may_be_plain = own || (is_named && self.access.plain_http);
        if !url.https && (self.base().https || !may_be_plain) {
            return Err(Failure::error(
                ErrorName::RegistryProtocol,
                format!("the token realm of the registry is {}, which is not TLS", url.shown()),
            ));
        }
        if url.is_inward() && !own && !is_named {
            let what = format!("the token realm of the registry is {}, which is in a private network", url.shown());
            return Err(Failure::error(ErrorName::RegistryProtocol, what));
        }
        Ok(url)
    }

    /// The failure of a 401 that no credential answers.
    fn login_refused(&self, answer: &mut RegistryResponse, is_known: bool) -> RequestFailure {
        let refusal = answer.refusal();
        if is_known {
            let failure = Failure::error(ErrorName::RegistryLogin, format!("the login is not accepted: {refusal}"));
            let failure = failure.hint(format!("log in again: `docker login {}`", shown(&self.host)));
            return RequestFailure { failure, is_transient: false, cause: FaultCause::LoginRefused };
        }
        RequestFailure::lasting(self.not_logged_in(&refusal))
    }

    fn not_logged_in(&self, refusal: &str) -> Failure {
        let failure = Failure::error(
            ErrorName::RegistryLogin,
            format!("authentication required, and there is no login for `{}`: {refusal}", shown(&self.host)),
        );
        failure.hint(format!(
            "`docker login {0}` or `podman login {0}`; or `--username` and `--password-stdin`",
            shown(&self.host)
        ))
    }
}

/// The repository that is pushed to, else one that is pulled from: podman stores credentials by repository, too.
fn repository(wanted: &TokenScopes) -> &str {
    let parts = wanted.iter().filter_map(|scope| scope.strip_prefix("repository:")?.rsplit_once(':'));
    parts.max_by_key(|(_, actions)| actions.contains("push")).map(|(name, _)| name).unwrap_or_default()
}
