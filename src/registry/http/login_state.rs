//! [`LoginState`]: what a client knows of logins, for all its threads.

use std::collections::{BTreeMap, BTreeSet};

use super::RequestFailure;
use crate::{
    registry::{
        auth::{AuthToken, Credential, TokenScopes},
        url::Url,
    },
    report::Failure,
};

/// The tokens and credentials of a client.
#[derive(Debug, Default)]
pub(super) struct LoginState {
    pub(super) tokens: BTreeMap<TokenScopes, AuthToken>,
    /// Where the last token came from, and for which service it was asked.
    pub(super) realm: Option<(Url, Option<String>)>,
    /// For which no token is asked ahead: that was done.
    pub(super) not_ahead: BTreeSet<TokenScopes>,
    /// By repository, because podman files them so; looked up when the registry asks for the first time.
    pub(super) credentials: BTreeMap<String, Option<Credential>>,
    /// Why the last token could not be had, and for what it was asked: threads that waited for it do not ask again.
    pub(super) failed: Option<(TokenScopes, RequestFailure)>,
    /// Why a login was not given to the realm that the registry named.
    pub(super) withheld: Option<Failure>,
}
