//! Makes the HTTP agents (TLS, proxy, timeouts) and turns their errors into failures: DNS, connection refused, timeout,
//! TLS.

use std::{io, time::Duration};

use ureq::{Agent, Error, unversioned::transport::DefaultConnector};

use super::{
    proxy,
    resolver::{GuardedResolver, HostOrigin, PrivateAddressError},
    retry_pause::Passing,
    roots,
};
use crate::{
    registry::{Access, url::Url},
    report::{ErrorName, Failure, shown},
};

/// Until a name is an address.
const RESOLVE: Duration = Duration::from_secs(20);
/// Until there is a connection, TLS and all.
const CONNECT: Duration = Duration::from_secs(30);
/// Until something moves on a connection. A registry may take a while to put a large blob in its place.
const STALL: Duration = Duration::from_secs(120);

/// The agent for `url`, which the user knows as `host`; `named_by` says whether the user or a registry named it.
pub(crate) fn agent(access: &Access, url: &Url, host: &str, named_by: HostOrigin) -> Result<Agent, Failure> {
    let proxy = proxy::choose(access, url)?;
    let has_proxy = proxy.is_some();
    let mut config = Agent::config_builder()
        // Whatever the environment says was read by then, and is a value.
        .proxy(proxy)
        .user_agent(concat!("hardpan/", env!("CARGO_PKG_VERSION")))
        // Bytes are hashed as they are stored.
        .accept_encoding("identity")
        .http_status_as_error(false)
        // Followed by us, who know which of them may see a password.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_resolve(Some(RESOLVE))
        .timeout_connect(Some(CONNECT))
        .timeout_per_read(Some(STALL))
        .timeout_per_write(Some(STALL));
    if url.https {
        config = config.tls_config(roots::trust(access, host)?);
    }
    let config = config.build();
    // The only name that is resolved here is the proxy's then, and the user named that.
    if has_proxy {
        return Ok(config.into());
    }
    Ok(Agent::with_parts(config, DefaultConnector::default(), GuardedResolver::new(named_by)))
}

/// Why there was no response, and whether a retry may help.
pub(crate) fn explain(error: &Error, url: &Url) -> (Failure, Passing) {
    let host = shown(&url.authority());
    match error {
        Error::HostNotFound => (
            Failure::error(
                ErrorName::RegistryUnreachable,
                format!("the host name `{}` cannot be resolved", shown(url.host())),
            ),
            Passing::No,
        ),
        Error::Timeout(_) => {
            (Failure::error(ErrorName::RegistryUnreachable, format!("timeout: {host} does not answer")), Passing::Yes)
        }
        Error::Rustls(error) => (tls(error, &host), Passing::No),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => (tls(error, &host), Passing::No),
            // The standard library has no kind for it.
            None if error.to_string().starts_with("failed to lookup address") => {
                let is_temporary = error.to_string().contains("Temporary failure");
                (
                    Failure::error(
                        ErrorName::RegistryUnreachable,
                        format!("the host name `{}` cannot be resolved", shown(url.host())),
                    ),
                    if is_temporary { Passing::Yes } else { Passing::No },
                )
            }
            None => connection(error, &host),
        },
        Error::ConnectProxyFailed(_) => (
            Failure::error(ErrorName::RegistryUnreachable, format!("the proxy cannot connect to {host}")),
            Passing::Yes,
        ),
        Error::LargeResponseHeader(..) => (
            Failure::error(ErrorName::RegistryProtocol, format!("the header of {host}'s answer is too large")),
            Passing::No,
        ),
        // Only kinds: their details could hold what was sent.
        Error::Protocol(_) | Error::Http(_) => {
            (Failure::error(ErrorName::RegistryProtocol, format!("{host} does not speak HTTP")), Passing::No)
        }
        Error::Other(error) => match error.downcast_ref::<PrivateAddressError>() {
            Some(PrivateAddressError(address)) => {
                let what = format!(
                    "a redirect, upload location or token realm leads to {host}, whose address {address} is in a private network"
                );
                (Failure::error(ErrorName::RegistryProtocol, what), Passing::No)
            }
            None => (no_connection(&host), Passing::Yes),
        },
        _ => (no_connection(&host), Passing::Yes),
    }
}

fn no_connection(host: &str) -> Failure {
    Failure::error(ErrorName::RegistryUnreachable, format!("cannot connect to {host}"))
}

fn connection(error: &io::Error, host: &str) -> (Failure, Passing) {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            Failure::error(ErrorName::RegistryUnreachable, format!("connection refused by {host}")),
            Passing::WithServer,
        ),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
            (Failure::error(ErrorName::RegistryUnreachable, format!("timeout: {host} does not answer")), Passing::Yes)
        }
        io::ErrorKind::PermissionDenied => (
            Failure::error(
                ErrorName::RegistryUnreachable,
                format!("permission denied: this machine does not allow connections to {host}"),
            ),
            Passing::No,
        ),
        _ => (Failure::error(ErrorName::RegistryUnreachable, format!("{host} closed the connection")), Passing::Yes),
    }
}

fn tls(error: &rustls::Error, host: &str) -> Failure {
    use rustls::{CertificateError, Error, InvalidMessage};
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => Failure::error(
            ErrorName::RegistryTls,
            format!("the TLS certificate of {host} is signed by an unknown authority"),
        )
        .hint("`--ca-file F` adds an authority; so does a file in `certs.d`"),
        Error::InvalidCertificate(error) => Failure::error(
            ErrorName::RegistryTls,
            format!("the TLS certificate of {host} is not valid: {}", shown(&error.to_string())),
        ),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            Failure::error(ErrorName::RegistryTls, format!("{host} does not speak TLS"))
                .hint("`--plain-http` allows HTTP without TLS")
        }
        error => Failure::error(
            ErrorName::RegistryTls,
            format!("the TLS handshake with {host} failed: {}", shown(&error.to_string())),
        ),
    }
}

/// Whether the server cannot speak TLS at all, as against one whose certificate is not trusted.
pub(super) fn speaks_no_tls(error: &Error) -> bool {
    use rustls::{Error as Tls, InvalidMessage};
    let garbled = |error: &Tls| matches!(error, Tls::InvalidMessage(InvalidMessage::InvalidContentType));
    match error {
        Error::Rustls(error) => garbled(error),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(error) => garbled(error),
            // Some servers close the connection on bytes that are no request.
            None => matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
            ),
        },
        _ => false,
    }
}
