//! Makes the HTTP agents (TLS, proxy, timeouts) and turns their errors into failures: DNS, connection refused, timeout,
//! TLS.

use std::{io, time::Duration};

use ureq::{
    Agent, Error, Timeout,
    unversioned::{
        resolver::DefaultResolver,
        transport::{ConnectProxyConnector, Connector as _, RustlsConnector, TcpConnector},
    },
};

use super::{
    connect_deadline::ConnectDeadline,
    proxy::{self, ChosenProxy},
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
/// Until there is a connection, proxy, TLS and all.
const CONNECT: Duration = Duration::from_secs(30);
/// Until the whole head of an answer is there, from the end of the request on.
pub(super) const ANSWER: Duration = Duration::from_secs(60);
/// Until something moves on a connection, and until the answer to the bytes of a blob is there: a registry may take a while to put
/// a large one in its place.
pub(in crate::registry) const STALL: Duration = Duration::from_secs(120);
/// Connections that are kept open to one host: as many as there are looks and uploads at once.
const KEPT: usize = 16;

/// Speaks with one host, directly or through a proxy.
#[derive(Debug, Clone)]
pub(crate) struct HostAgent {
    /// What sends requests.
    pub(crate) agent: Agent,
    proxy: Option<ChosenProxy>,
}

impl HostAgent {
    /// The agent for `url`, which the user knows as `host`; `named_by` says whether the user or a registry named it.
    ///
    /// # Errors
    /// A proxy or certificate that cannot be used.
    pub(crate) fn new(access: &Access, url: &Url, host: &str, named_by: HostOrigin) -> Result<Self, Failure> {
        Self::with_limit(access, url, host, named_by, CONNECT)
    }

    /// The same, with a limit of its own for connecting.
    fn with_limit(
        access: &Access,
        url: &Url,
        host: &str,
        named_by: HostOrigin,
        connect: Duration,
    ) -> Result<Self, Failure> {
        let proxy = proxy::choose(access, url)?;
        let mut config = Agent::config_builder()
            // Whatever the environment says was read by then, and is a value.
            .proxy(proxy.as_ref().map(|chosen| chosen.proxy.clone()))
            .user_agent(concat!("hardpan/", env!("CARGO_PKG_VERSION")))
            // Bytes are hashed as they are stored.
            .accept_encoding("identity")
            .http_status_as_error(false)
            // Followed by us, who know which of them may see a password.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_idle_connections(KEPT)
            .max_idle_connections_per_host(KEPT)
            .timeout_resolve(Some(RESOLVE))
            .timeout_connect(Some(connect))
            .timeout_recv_response(Some(ANSWER))
            .timeout_per_read(Some(STALL))
            .timeout_per_write(Some(STALL));
        if url.https {
            config = config.tls_config(roots::trust(access, host)?);
        }
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(ConnectDeadline)
                .chain(RustlsConnector::default());
        let agent = match &proxy {
            // The only name that is resolved here is the proxy's then, and the user named that.
            Some(_) => Agent::with_parts(config.build(), connector, DefaultResolver::default()),
            None => Agent::with_parts(config.build(), connector, GuardedResolver::new(named_by)),
        };
        Ok(Self { agent, proxy })
    }

    /// Why there was no response, and whether a retry may help.
    pub(crate) fn explain(&self, error: &Error, url: &Url) -> (Failure, Passing) {
        let Some(proxy) = &self.proxy else { return explain(error, url) };
        let (mut failure, passing) = through_proxy(error, proxy, url).unwrap_or_else(|| {
            let (failure, passing) = explain(error, url);
            (Failure { what: format!("{}, through {proxy}", failure.what), ..failure }, passing)
        });
        if failure.hint.is_none() && failure.name == Some(ErrorName::RegistryUnreachable) {
            failure = failure.hint("`no_proxy` names hosts that are reached without the proxy");
        }
        (failure, passing)
    }
}

/// What a proxy is to blame for: nothing else is connected with where there is one.
fn through_proxy(error: &Error, proxy: &ChosenProxy, url: &Url) -> Option<(Failure, Passing)> {
    let host = shown(&url.authority());
    let unreachable = |what: String| Failure::error(ErrorName::RegistryUnreachable, what);
    Some(match error {
        Error::HostNotFound => (unreachable(format!("the host name of {proxy} cannot be resolved")), Passing::No),
        Error::Io(error) if is_unknown_name(error) => {
            (unreachable(format!("the host name of {proxy} cannot be resolved")), unknown_name(error))
        }
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            (unreachable(format!("connection refused by {proxy}")), Passing::WithServer)
        }
        Error::Timeout(Timeout::Connect) => {
            (unreachable(format!("timeout: {proxy} gives no connection to {host}")), Passing::Yes)
        }
        Error::ConnectProxyFailed(reason) => {
            // The last word of ureq's text is the status, where there was an answer.
            let status = reason.rsplit('/').next().and_then(|status| status.parse::<u16>().ok());
            let Some(status) = status else {
                return Some((
                    unreachable(format!("{proxy} closed the connection and gave none to {host}")),
                    Passing::Yes,
                ));
            };
            let failure = unreachable(format!("{proxy} does not connect to {host}: it answered HTTP {status}"));
            match status {
                407 => (failure.hint("the proxy wants a login: `http://USER:PASSWORD@HOST:PORT`"), Passing::No),
                400..=499 if !super::is_transient_status(status) => (failure, Passing::No),
                _ => (failure, Passing::Yes),
            }
        }
        _ => return None,
    })
}

/// Why there was no response from the host itself.
fn explain(error: &Error, url: &Url) -> (Failure, Passing) {
    let host = shown(&url.authority());
    match error {
        Error::HostNotFound => (unresolved(url), Passing::No),
        Error::Timeout(_) => {
            (Failure::error(ErrorName::RegistryUnreachable, format!("timeout: {host} does not answer")), Passing::Yes)
        }
        Error::Rustls(error) => (tls(error, &host), Passing::No),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(error) => (tls(error, &host), Passing::No),
            None if is_unknown_name(error) => (unresolved(url), unknown_name(error)),
            None => connection(error, &host),
        },
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

fn unresolved(url: &Url) -> Failure {
    let what = format!("the host name `{}` cannot be resolved", shown(url.host()));
    Failure::error(ErrorName::RegistryUnreachable, what)
}

/// Whether a name could not be resolved: the standard library has no kind for it.
fn is_unknown_name(error: &io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address")
}

fn unknown_name(error: &io::Error) -> Passing {
    if error.to_string().contains("Temporary failure") { Passing::Yes } else { Passing::No }
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

/// Whether the server did not answer in HTTP: what one does that expects TLS.
pub(super) fn speaks_no_http(error: &Error) -> bool {
    match error {
        Error::Protocol(_) | Error::Http(_) | Error::Timeout(_) | Error::LargeResponseHeader(..) => true,
        Error::Io(error) => is_closed(error),
        _ => false,
    }
}

/// Whether the other side closed the connection.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | ConnectionAborted | BrokenPipe)
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
            None => is_closed(error),
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{Read as _, Write as _},
        net::{Ipv4Addr, TcpListener, TcpStream},
        thread,
    };

    use super::*;
    use crate::registry::http::resolver::InsideNetwork;

    /// Shorter than anybody waits, longer than a busy machine takes.
    const SOON: Duration = Duration::from_secs(3);

    /// A server that does this with each connection.
    fn server(serve: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serve = serve.clone();
                thread::spawn(move || serve(stream));
            }
        });
        port
    }

    /// What is said of a request through a proxy.
    fn said(proxy: &str) -> (Failure, Passing) {
        let environment = [("https_proxy".into(), format!("http://me:hunter2@{proxy}").into())].into();
        let access = Access { environment, ..Access::default() };
        let url = Url::parse("https://registry.example.com/v2/").unwrap();
        let inside = HostOrigin::User(InsideNetwork::default());
        let agent = HostAgent::with_limit(&access, &url, "registry.example.com", inside, SOON).unwrap();
        let error = agent.agent.get(url.to_string()).call().unwrap_err();
        agent.explain(&error, &url)
    }

    #[test]
    fn a_proxy_that_is_dead_silent_or_unwilling_is_named() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let answer = |text: &'static str| {
            server(move |mut stream| {
                // To the end of the head: what is left unread when the connection is closed takes the answer with it.
                let (mut head, mut piece) = (Vec::new(), [0; 4096]);
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read(&mut piece) {
                        Ok(count) if count > 0 => head.extend_from_slice(&piece[..count]),
                        _ => return,
                    }
                }
                stream.write_all(text.as_bytes()).ok();
            })
        };
        let silent = server(|stream| {
            thread::sleep(SOON * 10);
            drop(stream);
        });
        // One byte at a time is no answer either.
        let dripping = server(|mut stream| {
            for byte in b"HTTP/1.1 200 OK\r\nx: ".iter().chain([b'x'].iter().cycle()) {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                thread::sleep(SOON / 10);
            }
        });
        for (port, part, passing) in [
            (free, "connection refused by the proxy 127.0.0.1:", Passing::WithServer),
            (silent, "timeout: the proxy 127.0.0.1:", Passing::Yes),
            (dripping, "timeout: the proxy 127.0.0.1:", Passing::Yes),
            (answer("HTTP/1.1 403 No\r\n\r\n"), "registry.example.com:443: it answered HTTP 403", Passing::No),
            (answer("HTTP/1.1 407 No\r\n\r\n"), "registry.example.com:443: it answered HTTP 407", Passing::No),
            (answer("HTTP/1.1 503 No\r\n\r\n"), "registry.example.com:443: it answered HTTP 503", Passing::Yes),
            (answer(""), "(`https_proxy`) closed the connection and gave none to", Passing::Yes),
            (answer("HTTP/1.1 200 OK\r\n\r\n"), "through the proxy 127.0.0.1:", Passing::Yes),
            (answer("hello\r\n\r\n"), "through the proxy 127.0.0.1:", Passing::No),
        ] {
            let (failure, found) = said(&format!("127.0.0.1:{port}"));
            assert!(failure.what.contains(part) && failure.what.contains("`https_proxy`"), "{part}: {failure}");
            assert!(!failure.to_string().contains("hunter2"), "{failure}");
            assert_eq!(found, passing, "{part}: {failure}");
        }
        let (unknown, _) = said("proxy.invalid:3128");
        assert_eq!(unknown.what, "the host name of the proxy proxy.invalid:3128 (`https_proxy`) cannot be resolved");
    }
}
