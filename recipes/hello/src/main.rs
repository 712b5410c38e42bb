//! A small HTTP service that does what services in containers do: it reads a file, answers
//! requests, calls another service over HTTPS, and stops when it is told to. It needs nothing from
//! the image but its own binary and the PEM file that `SSL_CERT_FILE` names.

use std::io::{self, Cursor, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{self, ExitCode};
use std::time::Duration;
use std::{env, fs, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tiny_http::{Header, Method, Request, Response, Server};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, config::Config, http::Uri};

const USAGE: &str = "usage: hello [--port N]";
const DEFAULT_PORT: u16 = 8080;
const GREETING_FILE: &str = "/etc/hello/greeting.txt";
const DEFAULT_GREETING: &str = "hello from rust\n";

/// How many requests are answered at the same time. A slow upstream occupies one of these, never
/// more.
const WORKERS: usize = 16;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a longer upstream body, only the beginning is passed on.
const FETCH_LIMIT: u64 = 64 * 1024;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What all requests share. Nothing in it changes while the service runs.
struct Service {
    greeting: String,
    /// The HTTPS client, or why there is none. The service starts without certificates: only
    /// `/fetch` needs them.
    client: Result<Agent, String>,
}

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let Some(port) = parse_args(&args) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(port) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hello: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse_args(args: &[String]) -> Option<u16> {
    match args {
        [] => Some(DEFAULT_PORT),
        [flag, port] if flag == "--port" => port.parse().ok(),
        [arg] => arg.strip_prefix("--port=")?.parse().ok(),
        _ => None,
    }
}

fn run(port: u16) -> Result<(), Error> {
    // First of all, so that no signal is missed: as process 1 of a container, a process without a
    // handler ignores SIGTERM, and is killed ten seconds later.
    exit_on_signal()?;

    let service = Service { greeting: load_greeting()?, client: https_client().map_err(|error| error.to_string()) };

    let server = Server::http((Ipv4Addr::UNSPECIFIED, port))
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", server.server_addr())?;
    stdout.flush()?;

    // `recv` fails when no more connections can be accepted, because the file descriptors ran out.
    // tiny_http stops listening then, so the worker that learns of it ends the process.
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    match server.recv() {
                        Ok(request) => service.answer(request),
                        Err(error) => {
                            eprintln!("hello: cannot accept connections: {error}");
                            process::exit(1);
                        }
                    }
                }
            });
        }
    });
    Ok(())
}

/// Ends the process with status 0 on SIGTERM or SIGINT. Requests in progress are cut off: nothing
/// here is worth waiting for.
fn exit_on_signal() -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    thread::spawn(move || {
        signals.forever().next();
        process::exit(0);
    });
    Ok(())
}

fn load_greeting() -> Result<String, Error> {
    match fs::read_to_string(GREETING_FILE) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(DEFAULT_GREETING.to_owned()),
        Err(error) => Err(format!("cannot read {GREETING_FILE}: {error}").into()),
    }
}

/// An HTTPS client that trusts the certificates in `SSL_CERT_FILE`, and no others.
fn https_client() -> Result<Agent, Error> {
    let path = env::var_os("SSL_CERT_FILE").ok_or("SSL_CERT_FILE is not set")?;
    let pem = fs::read(&path).map_err(|error| format!("cannot read SSL_CERT_FILE {}: {error}", path.display()))?;
    let roots = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
        .collect::<Result<Vec<Certificate>, _>>()?;
    if roots.is_empty() {
        return Err(format!("no certificate in SSL_CERT_FILE {}", path.display()).into());
    }

    // Fails only when there is a default already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let config = Agent::config_builder()
        .https_only(true)
        .http_status_as_error(false)
        .proxy(None)
        .timeout_global(Some(FETCH_TIMEOUT))
        .user_agent(concat!("hello/", env!("CARGO_PKG_VERSION")))
        .tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots)).build())
        .build();
    Ok(Agent::with_parts(config, DefaultConnector::default(), LocalhostResolver::default()))
}

/// Knows what `localhost` is (RFC 6761) even where no `/etc/hosts` says so, as in a bare scratch
/// image. All other names go to the C library, which is linked in; addresses never get that far.
#[derive(Debug, Default)]
struct LocalhostResolver(DefaultResolver);

impl Resolver for LocalhostResolver {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if uri.host().is_some_and(|host| host.eq_ignore_ascii_case("localhost")) {
            let port = uri.port_u16().unwrap_or(443);
            let mut addresses = self.empty();
            addresses.push(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            return Ok(addresses);
        }
        self.0.resolve(uri, config, timeout)
    }
}

impl Service {
    fn answer(&self, request: Request) {
        let url = request.url();
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let response = match (request.method(), path) {
            (Method::Get, "/") => text(200, self.greeting.as_str()),
            (Method::Get, "/healthz") => text(200, "ok\n"),
            (Method::Get, "/fetch") => {
                self.fetch(query).unwrap_or_else(|error| text(502, one_line(&error.to_string())))
            }
            _ => text(404, "not found\n"),
        };
        // A client that went away is not this service's problem.
        let _ = request.respond(response);
    }

    /// Makes the request that `?url=` asks for. An example: a real service would not let its
    /// callers choose the host.
    fn fetch(&self, query: &str) -> Result<Response<Cursor<Vec<u8>>>, Error> {
        let client = self.client.as_ref().map_err(String::as_str)?;
        let (_, url) = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "url")
            .ok_or("the url parameter is missing")?;

        let mut upstream = client.get(url.as_ref()).call()?;
        let status = Header::from_bytes("X-Upstream-Status", upstream.status().as_str())
            .expect("a status code is a valid header value");
        let mut body = Vec::new();
        upstream.body_mut().as_reader().take(FETCH_LIMIT).read_to_end(&mut body)?;
        Ok(text(200, body).with_header(status))
    }
}

fn text(status: u16, body: impl Into<Vec<u8>>) -> Response<Cursor<Vec<u8>>> {
    let plain = Header::from_bytes("Content-Type", "text/plain; charset=utf-8").expect("the header is valid");
    Response::from_data(body).with_status_code(status).with_header(plain)
}

/// Messages may quote what the caller or the upstream sent, so line breaks and other control
/// characters are replaced.
fn one_line(message: &str) -> String {
    let mut line = message.replace(char::is_control, " ");
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(args: &[&str]) -> Option<u16> {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        parse_args(&args)
    }

    #[test]
    fn arguments() {
        assert_eq!(port(&[]), Some(DEFAULT_PORT));
        assert_eq!(port(&["--port", "0"]), Some(0));
        assert_eq!(port(&["--port=81"]), Some(81));
        assert_eq!(port(&["--port"]), None);
        assert_eq!(port(&["--port", "65536"]), None);
        assert_eq!(port(&["--port", "1", "2"]), None);
    }

    #[test]
    fn reasons_stay_on_one_line() {
        assert_eq!(one_line("a\r\nb\u{1b}"), "a  b \n");
    }

    #[test]
    fn fetch_without_certificates_says_why() {
        let service = Service { greeting: String::new(), client: Err("SSL_CERT_FILE is not set".to_owned()) };
        let error = service.fetch("url=https%3A%2F%2Flocalhost%2F").err();
        assert_eq!(error.unwrap().to_string(), "SSL_CERT_FILE is not set");
    }
}
