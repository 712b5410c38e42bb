//! An HTTPS server on the loopback, with a certificate authority of its own.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a server's certificate is for: this machine, and names that a proxy of the tests knows.
const NAMES: [&str; 5] =
    ["127.0.0.1", "localhost", "registry.example.com", "auth.example.com", "elsewhere.example.net"];

/// Answers every request with one body until it is dropped.
pub struct TlsServer {
    port: u16,
    ca_pem: String,
    requests: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl TlsServer {
    /// Starts a server with a new authority and a certificate for 127.0.0.1
    /// and `localhost`. Two servers do not trust each other's.
    pub fn start(body: &str) -> Self {
        let (config, ca_pem) = identity();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let requests = Arc::new(AtomicUsize::new(0));
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::spawn({
            let (requests, stop) = (Arc::clone(&requests), Arc::clone(&stop));
            let body = body.to_owned();
            move || serve(&listener, &config, &body, &requests, &stop)
        });
        Self { port, ca_pem, requests, stop, thread: Some(thread) }
    }

    /// The authority's certificate, for `extra-certificates`.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// How many requests were answered, that is: by clients who trusted us.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread up.
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// A new authority, and what it says of 127.0.0.1 and `localhost`.
struct Papers {
    ca_pem: String,
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// The PEM of a new authority, of a certificate for this machine that it signed, and of the key to it.
pub fn papers() -> (String, String, String) {
    let papers = sign();
    (papers.ca_pem, papers.certificate.pem(), papers.key.serialize_pem())
}

fn sign() -> Papers {
    let mut ca = CertificateParams::default();
    ca.distinguished_name = common_name("hardpan test authority");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate().expect("a key");
    let ca = CertifiedIssuer::self_signed(ca, ca_key).expect("an authority");

    let names = NAMES.map(str::to_owned).to_vec();
    let mut leaf = CertificateParams::new(names).expect("names");
    leaf.distinguished_name = common_name("hardpan test server");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().expect("a key");
    let certificate = leaf.signed_by(&key, &ca).expect("a certificate");
    Papers { ca_pem: ca.pem(), certificate, key }
}

/// A server's configuration, and the PEM of the authority behind it.
pub fn identity() -> (Arc<ServerConfig>, String) {
    let Papers { ca_pem, certificate, key } = sign();
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .expect("a certificate and its key");
    (Arc::new(config), ca_pem)
}

fn common_name(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn serve(
    listener: &TcpListener,
    config: &Arc<ServerConfig>,
    body: &str,
    requests: &Arc<AtomicUsize>,
    stop: &AtomicBool,
) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let (config, body) = (Arc::clone(config), body.to_owned());
        let requests = Arc::clone(requests);
        // A client that does not trust us hangs up: no failure of ours.
        thread::spawn(move || answer(stream, config, &body, &requests).ok());
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>, body: &str, requests: &AtomicUsize) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    requests.fetch_add(1, Ordering::SeqCst);
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.conn.send_close_notify();
    stream.flush()
}
