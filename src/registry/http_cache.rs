//! [`HttpCache`]: a shared cache behind the HTTP cache protocol of Bazel: `GET` and `PUT` of `/ac/<64 hex>` and `/cas/<64 hex>`.
//!
//! bazel-remote speaks it, nginx with WebDAV, and buckets that take a `PUT`. TLS roots, client certificates (`certs.d`) and
//! proxies are those of registries. Nothing is repeated and no redirect is followed: what does not come at once is made here.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use base64ct::{Base64, Encoding as _};
use ureq::{
    AsSendBody, Body, SendBody,
    http::{Method, Request, Response, header},
};

use super::{
    Access, Secret, action_result,
    http::{
        agent::HostAgent,
        resolver::{HostOrigin, InsideNetwork},
    },
    url::Url,
};
use crate::{
    cache::{RemoteFault, RemoteKind, RemoteStore},
    oci::Open,
    report::{ErrorName, Failure, Limits, io_reason},
};

/// Until there is a connection, TLS and all: a cache is near.
const CONNECT: Duration = Duration::from_secs(2);
/// Until an answer begins. A server may take a while to put a large blob in its place.
const ANSWER: Duration = Duration::from_secs(5);
/// Until a body is there, besides what its size takes.
const BODY: Duration = Duration::from_secs(15);
/// Bytes a second below which making a thing again is as fast.
const SLOWEST: u64 = 1 << 20;

/// A shared cache at an address.
#[derive(Debug)]
pub struct HttpCache {
    base: Url,
    agent: HostAgent,
    authorization: Option<Secret>,
}

impl HttpCache {
    /// The cache at `url`; `credentials` is a file with one line, `Bearer TOKEN` or `Basic USER:PASSWORD`. Nothing is sent.
    ///
    /// # Errors
    /// No address of a cache, or one without TLS that is not this machine's, unless `--plain-http` says so; a file without
    /// credentials; a proxy or certificate that cannot be used.
    pub fn new(url: &str, credentials: Option<&Path>, access: &Access) -> Result<Self, Failure> {
        // The text is not shown: it may have a password in it.
        let base = Url::parse(url.trim_end_matches('/')).filter(|_| !url.contains(['?', '#'])).ok_or_else(|| {
            Failure::error(ErrorName::Usage, "`--cache-url` is not the URL of a cache: `https://HOST[:PORT][/PATH]`")
                .hint("credentials are in the file that `--cache-auth-file` names")
        })?;
        if !base.https && !base.is_loopback() && !access.plain_http {
            let what = format!("the shared cache {} is not TLS", base.shown());
            return Err(Failure::error(ErrorName::Usage, what).hint("write `https://`, or pass `--plain-http`"));
        }
        let authority = base.authority();
        let host = authority.strip_suffix(":443").filter(|_| base.https).unwrap_or(&authority).to_owned();
        let agent = HostAgent::new(access, &base, &host, HostOrigin::User(InsideNetwork::new(base.is_inward())))?;
        let authorization = credentials.map(read_credentials).transpose()?;
        Ok(Self { base, agent, authorization })
    }

    fn url(&self, kind: RemoteKind, name: &str) -> String {
        let folder = match kind {
            RemoteKind::Record => "ac",
            RemoteKind::Blob => "cas",
        };
        let base = self.base.to_string();
        format!("{}/{folder}/{name}", base.trim_end_matches('/'))
    }

    fn request(&self, method: Method, kind: RemoteKind, name: &str) -> ureq::http::request::Builder {
        let request = Request::builder().method(method).uri(self.url(kind, name));
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization.reveal()),
            None => request,
        }
    }

    /// Sends a request with a body of `sent` bytes, for an answer with up to `received`, and gives the answer.
    fn run<S: AsSendBody>(&self, request: Request<S>, sent: u64, received: u64) -> Result<Response<Body>, RemoteFault> {
        let sending = Duration::from_secs(sent / SLOWEST);
        let request = self
            .agent
            .agent
            .configure_request(request)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_send_body(Some(BODY + sending))
            .timeout_recv_response(Some(ANSWER + sending))
            .timeout_recv_body(Some(BODY + Duration::from_secs(received / SLOWEST)))
            .build();
        self.agent.agent.run(request).map_err(|error| {
            let is_timeout = matches!(error, ureq::Error::Timeout(_));
            RemoteFault { what: self.agent.explain(&error, &self.base).0.what, is_timeout }
        })
    }
}

impl RemoteStore for HttpCache {
    fn get(&self, kind: RemoteKind, name: &str, limit: u64, to: &mut dyn Write) -> Result<Option<u64>, RemoteFault> {
        let request = self.request(Method::GET, kind, name).body(SendBody::none()).map_err(|_| unsendable())?;
        let response = self.run(request, 0, limit)?;
        if !is_there(&response)? {
            return Ok(None);
        }
        let broken = |error: &io::Error| {
            let is_timeout = matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
            RemoteFault { what: format!("the answer broke off: {}", io_reason(error)), is_timeout }
        };
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        match kind {
            RemoteKind::Blob => {
                let read = io::copy(&mut body.take(limit.saturating_add(1)), to).map_err(|error| broken(&error))?;
                if read > limit { Err(too_large(limit)) } else { Ok(Some(read)) }
            }
            RemoteKind::Record => {
                let (mut bytes, most) = (Vec::new(), limit.saturating_add(action_result::MOST_BESIDES));
                body.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| broken(&error))?;
                if bytes.len() as u64 > most {
                    return Err(too_large(limit));
                }
                // What is no message has no signature either, which is said of the record.
                to.write_all(action_result::record(&bytes).unwrap_or(&bytes)).map_err(|error| broken(&error))?;
                Ok(Some(bytes.len() as u64))
            }
        }
    }

    fn has(&self, kind: RemoteKind, name: &str) -> Result<bool, RemoteFault> {
        let request = self.request(Method::HEAD, kind, name).body(SendBody::none()).map_err(|_| unsendable())?;
        is_there(&self.run(request, 0, 0)?)
    }

    fn put(&self, kind: RemoteKind, name: &str, size: u64, content: &dyn Open) -> Result<(), RemoteFault> {
        let unreadable = |error: &io::Error| fault(format!("cannot read what is to be stored: {}", io_reason(error)));
        let mut reader = content.open().map_err(|error| unreadable(&error))?;
        let head = match kind {
            RemoteKind::Blob => Vec::new(),
            RemoteKind::Record => action_result::head(size),
        };
        let length = size.saturating_add(head.len() as u64);
        let mut body = head.as_slice().chain(reader.by_ref().take(size));
        let request = self.request(Method::PUT, kind, name).header(header::CONTENT_LENGTH, length);
        let request = request.body(SendBody::from_reader(&mut body)).map_err(|_| unsendable())?;
        let response = self.run(request, size, 0)?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(refusal(status.as_u16())) }
    }

    fn address(&self) -> String {
        self.base.shown()
    }
}

/// Whether there is something of the name that was asked for.
fn is_there(response: &Response<Body>) -> Result<bool, RemoteFault> {
    match response.status().as_u16() {
        200 => Ok(true),
        404 | 410 => Ok(false),
        status => Err(refusal(status)),
    }
}

fn refusal(status: u16) -> RemoteFault {
    fault(format!("HTTP {status}"))
}

fn too_large(limit: u64) -> RemoteFault {
    fault(format!("the answer has more than the {limit} bytes allowed"))
}

/// Nothing of the request is in this: it may hold a token.
fn unsendable() -> RemoteFault {
    fault("the request cannot be written".to_owned())
}

fn fault(what: String) -> RemoteFault {
    RemoteFault { what, is_timeout: false }
}

/// The header of the credentials in a file.
fn read_credentials(path: &Path) -> Result<Secret, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(Limits::AUTH_FILE_BYTES).read_to_end(&mut bytes));
    read.map_err(|error| Failure::io("read the credentials of the cache", path, &error))?;
    let text = String::from_utf8(bytes).unwrap_or_default();
    let is_plain =
        |value: &&str| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let header = match text.trim().split_once(' ').map(|(scheme, value)| (scheme, value.trim())) {
        Some(("Bearer", token)) => Some(token).filter(is_plain).map(|token| format!("Bearer {token}")),
        Some(("Basic", login)) if login.contains(':') => {
            Some(format!("Basic {}", Base64::encode_string(login.as_bytes())))
        }
        _ => None,
    };
    header.map(Secret::new).ok_or_else(|| {
        Failure::error(ErrorName::Credentials, "is not one line, `Bearer TOKEN` or `Basic USER:PASSWORD`").in_path(path)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_has_no_credentials_and_a_file_of_them_one_line() {
        let access = Access::default();
        let new = |url: &str| HttpCache::new(url, None, &access).map_err(|failure| failure.to_string());
        assert_eq!(new("http://127.0.0.1:1/c/").unwrap().url(RemoteKind::Blob, "ab"), "http://127.0.0.1:1/c/cas/ab");
        assert_eq!(new("http://127.0.0.1:1").unwrap().url(RemoteKind::Record, "ab"), "http://127.0.0.1:1/ac/ab");
        let failure = new("https://me:hunter2@cache.example/").unwrap_err();
        assert!(!failure.contains("hunter2"), "{failure}");
        assert!(new("http://cache.example/").unwrap_err().contains("is not TLS"));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        for (text, header) in [
            ("Bearer abc\n", Some("Bearer abc")),
            ("Basic me:hunter2\n", Some("Basic bWU6aHVudGVyMg==")),
            ("hunter2", None),
            ("Basic hunter2", None),
            ("Bearer a\nb", None),
        ] {
            std::fs::write(&path, text).unwrap();
            let read = read_credentials(&path).map_err(|failure| failure.to_string());
            assert_eq!(read.as_ref().ok().map(Secret::reveal), header, "{text}");
            assert!(read.is_ok() || !format!("{read:?}").contains("hunter2"));
        }
    }
}
