//! [`FaultCause`]: the causes of failed requests that callers treat in ways of their own.

/// Why there is no answer, or none that can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::registry) enum FaultCause {
    /// Any that the failure tells.
    Other,
    /// What came was not HTTP, or the connection was closed.
    NotHttp,
    /// The registry answers 401 and does not say how to log in (no `WWW-Authenticate`).
    NoChallenge,
    /// The registry gave a token or knows the login, and refuses this one request all the same.
    LoginRefused,
}
