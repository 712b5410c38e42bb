//! HTTP/1.1, as much as clients of registries speak.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// No line of a head is longer.
const LINE: u64 = 64 << 10;
/// As much of a body is kept for tests to look at.
const KEPT: usize = 64 << 10;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case.
    pub fields: BTreeMap<String, String>,
    /// Bytes of the body that came.
    pub received: usize,
    /// The beginning of the body.
    pub body: Vec<u8>,
    /// Requests of this method and kind before it.
    pub nth: usize,
}

impl Request {
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.method == method && self.target.contains(part)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str)
    }

    /// The path, without a query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// A parameter of the query, as it is written.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.parameters(name).next()
    }

    pub fn parameters<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let values = query.split('&').filter_map(move |pair| pair.strip_prefix(name)?.strip_prefix('='));
        values.map(unescape)
    }

    /// What it is about.
    pub(super) fn kind(&self) -> Option<&'static str> {
        ["/uploads/", "/blobs/", "/manifests/"].into_iter().find(|part| self.target.contains(part))
    }

    pub(super) fn keep(&mut self, body: &[u8]) {
        self.received = body.len();
        self.body = body[..body.len().min(KEPT)].to_vec();
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex: Vec<u8> = if byte == b'%' { rest.by_ref().take(2).collect() } else { Vec::new() };
        let value = std::str::from_utf8(&hex).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(value.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    pub(super) fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> io::Result<Self> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        let Some(config) = tls else { return Ok(Self::Plain(stream)) };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, stream))))
    }

    /// The end, as the peer sees it at once.
    pub(super) fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Both),
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush().ok();
                stream.sock.shutdown(Shutdown::Both)
            }
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            Self::Tls(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(buf),
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// Request line and fields.
pub(super) fn head(reader: &mut BufReader<Stream>) -> io::Result<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut fields = BTreeMap::new();
    loop {
        let field = line(reader)?;
        match field.split_once(':') {
            Some((name, value)) => fields.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Ok(Request { method, target, fields, received: 0, body: Vec::new(), nth: 0 }),
        };
    }
}

fn line(reader: &mut BufReader<Stream>) -> io::Result<String> {
    let mut line = String::new();
    if reader.by_ref().take(LINE).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

/// The body, or the first `most` bytes of it; `sip` is the pause between two small reads.
pub(super) fn body(
    reader: &mut BufReader<Stream>,
    request: &Request,
    most: usize,
    sip: Option<Duration>,
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if request.field("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let size = usize::from_str_radix(line(reader)?.split(';').next().unwrap_or_default(), 16);
            let size = size.map_err(io::Error::other)?;
            let start = body.len();
            body.resize(start + size, 0);
            reader.read_exact(&mut body[start..])?;
            line(reader)?;
            if size == 0 || body.len() >= most {
                body.truncate(most);
                return Ok(body);
            }
        }
    }
    let length: usize = request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    body.resize(length.min(most), 0);
    for piece in body.chunks_mut(sip.map_or(usize::MAX, |_| 64 << 10)) {
        reader.read_exact(piece)?;
        if let Some(pause) = sip {
            std::thread::sleep(pause);
        }
    }
    Ok(body)
}
