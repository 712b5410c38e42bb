//! Downloads files by URL and digest, for `url` in recipes.
//!
//! The same TLS roots, proxies and timeouts as for registries, but no credentials: no login, no `.netrc`. A connection
//! that breaks is resumed where it ended; the digest is checked at the end.

use std::io::{self, Read, Write};

use ureq::{
    Body,
    http::{HeaderMap, Response, header},
};

use crate::{
    oci::{Digest, Sha256},
    registry::{
        Access,
        http::{
            agent::HostAgent,
            is_transient_status,
            resolver::{HostOrigin, InsideNetwork},
            retry_pause::{self, Patience},
        },
        url::Url,
    },
    report::{ErrorName, Failure, Limits, Progress, Task, shown},
};

/// Bytes of one read.
const CHUNK: usize = 64 << 10;

/// What is to be fetched.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// `https://...`, or `http://...` of this machine.
    pub url: &'a str,
    /// What is there.
    pub digest: Digest,
    /// The most that it may have.
    pub limit: u64,
}

/// Writes what is at the address to `to`, and gives its size. What was written before a failure is worth nothing.
///
/// # Errors
/// `--offline`; an address without TLS that is not this machine's, unless `--plain-http` says so; no answer, or a
/// refusal; more than the limit; other bytes than those of the digest.
pub fn download(
    what: &Download<'_>,
    access: &Access,
    to: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<u64, Failure> {
    let (found, size) = observe(what.url, what.limit, access, to, progress)?;
    if found != what.digest {
        let name = Url::parse(what.url).map_or_else(String::new, |url| shown(&url.shown()));
        let what = format!("`{name}` is `{found}`, and the recipe says `{}`", what.digest);
        return Err(Failure::error(ErrorName::DownloadDigest, what)
            .hint("the file at that URL was changed; inspect it before you trust it"));
    }
    Ok(size)
}

/// Refuses an address that may not be spoken with, whether what is there is here already or not.
///
/// # Errors
/// No address, or one without TLS that is not this machine's, unless `--plain-http` says so.
pub fn check_address(url: &str, access: &Access) -> Result<(), Failure> {
    address(url, access).map(drop)
}

fn address(text: &str, access: &Access) -> Result<Url, Failure> {
    let told = || shown(text.split('?').next().unwrap_or_default());
    let url = Url::parse(text)
        .ok_or_else(|| Failure::error(ErrorName::RecipeValue, format!("`{}` is not a valid URL", told())))?;
    if !url.https && !may_be_plain(&url, access) {
        let failure = Failure::error(ErrorName::Download, format!("`{}` is not TLS", shown(&url.shown())));
        return Err(failure.hint("write `https://`, or pass `--plain-http`"));
    }
    Ok(url)
}

/// Writes what is at the address to `to`, whatever it is, and gives its digest and size.
///
/// # Errors
/// Those of [`download`], but for the digest.
pub fn observe(
    url: &str,
    limit: u64,
    access: &Access,
    to: &mut dyn Write,
    progress: &dyn Progress,
) -> Result<(Digest, u64), Failure> {
    let url = address(url, access)?;
    let name = shown(&url.shown());
    if access.offline {
        return Err(Failure::error(
            ErrorName::Offline,
            format!("`{name}` is not in the cache, and `--offline` forbids network access"),
        )
        .hint("build or lock once without `--offline`"));
    }
    let failed = |why: String| Failure::error(ErrorName::Download, format!("cannot download `{name}`: {why}"));
    let mut source = ResumingDownload {
        access,
        url: &url,
        limit,
        at: 0,
        counted: 0,
        patience: Patience::new(access.retry),
        total: None,
    };
    let line = format!("download {name}");
    let mut task: Option<std::sync::Arc<dyn Task>> = None;
    let mut hasher = Sha256::new();
    let mut body = None;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = source
            .read(&mut body, &mut chunk)
            .map_err(|failure| Failure { what: failed(failure.what).what, ..failure })?;
        let bytes = chunk.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            break;
        }
        if source.at > limit {
            return Err(failed(too_large(limit)).named(ErrorName::FileTooLarge));
        }
        hasher.update(bytes);
        to.write_all(bytes)
            .map_err(|error| failed(format!("it cannot be written: {error}")).named(ErrorName::of_io(&error)))?;
        task.get_or_insert_with(|| progress.task(&line, source.total)).advance(bytes.len() as u64);
    }
    progress.step(&line);
    Ok((hasher.finish(), source.at))
}

fn too_large(limit: u64) -> String {
    format!("it has more than the {limit} bytes allowed")
}

/// Whether plain HTTP is allowed for a URL.
fn may_be_plain(url: &Url, access: &Access) -> bool {
    url.is_loopback() || access.plain_http
}

/// A download, over as many connections as it takes.
struct ResumingDownload<'a> {
    access: &'a Access,
    url: &'a Url,
    limit: u64,
    /// Bytes that came.
    at: u64,
    /// Of them, those that had come when breaks were last counted from none.
    counted: u64,
    /// For attempts that fail since then.
    patience: Patience,
    /// How many there will be, where the server says so.
    total: Option<u64>,
}

/// Why a read failed.
struct DownloadInterruption {
    failure: Failure,
    /// Whether a retry may help.
    is_transient: bool,
    /// The header of the answer, where there was one.
    headers: Option<Box<HeaderMap>>,
}

impl DownloadInterruption {
    fn lasting(what: impl Into<String>) -> Self {
        Self::of(Failure::error(ErrorName::Download, what), false)
    }

    const fn of(failure: Failure, is_transient: bool) -> Self {
        Self { failure, is_transient, headers: None }
    }
}

impl ResumingDownload<'_> {
    /// The next bytes, of a new connection where the last one broke.
    fn read(&mut self, body: &mut Option<Box<dyn Read>>, chunk: &mut [u8]) -> Result<usize, Failure> {
        loop {
            let result = match body {
                Some(open) => open.read(chunk).map_err(|error| self.broken(&error)),
                None => match self.connect() {
                    Ok(open) => {
                        *body = Some(open);
                        continue;
                    }
                    Err(fault) => Err(fault),
                },
            };
            let mut fault = match result {
                Ok(0) if self.total.is_some_and(|total| self.at < total) => {
                    self.broken(&io::ErrorKind::UnexpectedEof.into())
                }
                Ok(read) => {
                    self.at = self.at.saturating_add(read as u64);
                    if self.at - self.counted >= Limits::DOWNLOAD_PIECE_BYTES {
                        self.counted = self.at;
                        self.patience.renew();
                    }
                    return Ok(read);
                }
                Err(fault) => fault,
            };
            *body = None;
            if !fault.is_transient {
                return Err(fault.failure);
            }
            let Some(pause) = self.patience.pause(fault.headers.as_deref()) else {
                fault.failure.what.push_str(&self.patience.account());
                return Err(fault.failure);
            };
            retry_pause::wait(pause);
        }
    }

    /// Asks for what did not come yet.
    fn connect(&mut self) -> Result<Box<dyn Read>, DownloadInterruption> {
        let (url, response) = self.ask()?;
        let status = response.status().as_u16();
        let field = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let length: Option<u64> = field(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let skip = match status {
            206 if field(header::CONTENT_RANGE).and_then(range_start) == Some(self.at) => 0,
            // Not every server can begin in the middle.
            200 => self.at,
            status if is_transient_status(status) => {
                let failure =
                    Failure::error(ErrorName::Download, format!("{} answered HTTP {status}", shown(&url.shown())));
                let headers = Some(Box::new(response.headers().clone()));
                return Err(DownloadInterruption { headers, ..DownloadInterruption::of(failure, true) });
            }
            status => {
                return Err(DownloadInterruption::lasting(format!("{} answered HTTP {status}", shown(&url.shown()))));
            }
        };
        let total = length.map(|length| length.saturating_add(self.at - skip));
        if total.is_some_and(|total| total > self.limit) {
            let failure = Failure::error(ErrorName::FileTooLarge, too_large(self.limit));
            return Err(DownloadInterruption::of(failure, false));
        }
        self.total = total;
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let skipped = io::copy(&mut body.by_ref().take(skip), &mut io::sink());
        match skipped {
            Ok(skipped) if skipped == skip => Ok(Box::new(body)),
            Ok(_) => Err(self.broken(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(self.broken(&error)),
        }
    }

    /// One request, with the redirects that belong to it.
    fn ask(&self) -> Result<(Url, Response<Body>), DownloadInterruption> {
        let mut url = self.url.clone();
        let inside = InsideNetwork::new(self.url.is_inward());
        for _ in 0..=Limits::REDIRECTS {
            let authority = url.authority();
            let host = authority.strip_suffix(":443").filter(|_| url.https).unwrap_or(&authority);
            let inside = inside.clone();
            let named_by = if url.same_host(self.url) { HostOrigin::User(inside) } else { HostOrigin::Host(inside) };
            let agent = HostAgent::new(self.access, &url, host, named_by)
                .map_err(|failure| DownloadInterruption::of(failure, false))?;
            let mut request = agent.agent.get(url.to_string());
            if self.at > 0 {
                request = request.header(header::RANGE, format!("bytes={}-", self.at));
            }
            let response = request.call().map_err(|error| {
                let (failure, passing) = agent.explain(&error, &url);
                DownloadInterruption::of(failure.named(ErrorName::Download), passing.is_transient(self.access.retry))
            })?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((url, response));
            }
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| url.join(location));
            let next = next.ok_or_else(|| {
                DownloadInterruption::lasting(format!("{} redirects without a valid `Location`", shown(&url.shown())))
            })?;
            self.check_redirect(&url, &next)?;
            url = next;
        }
        Err(DownloadInterruption::lasting(format!("more than {} redirects", Limits::REDIRECTS)))
    }

    /// Refuses a redirect from TLS to plain HTTP, or from the internet to a private address.
    fn check_redirect(&self, from: &Url, to: &Url) -> Result<(), DownloadInterruption> {
        let place = shown(&to.shown());
        if !to.https && (from.https || !may_be_plain(to, self.access)) {
            return Err(DownloadInterruption::lasting(format!("it redirects to {place}, which is not TLS")));
        }
        if to.is_inward() && !to.same_host(self.url) && !self.url.is_inward() {
            return Err(DownloadInterruption::lasting(format!(
                "it redirects to {place}, which is in a private network"
            )));
        }
        Ok(())
    }

    /// The connection was closed too early or timed out.
    fn broken(&self, error: &io::Error) -> DownloadInterruption {
        let failure = Failure::error(
            ErrorName::Download,
            match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "timeout: no more data".to_owned(),
                _ => format!("the connection ended after {} bytes", self.at),
            },
        );
        DownloadInterruption::of(failure, true)
    }
}

/// The first byte of a partial answer: `bytes 5-9/10`.
pub(super) fn range_start(range: &str) -> Option<u64> {
    range.strip_prefix("bytes ")?.split('-').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{
        io::{BufRead as _, BufReader},
        net::{Ipv4Addr, TcpListener},
        thread,
    };

    use super::*;
    use crate::report::Silent;

    /// Serves each request with the next of these answers, the last one again and again, and gives the port.
    fn server(answers: &'static [&'static str]) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for (at, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                lines.take_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).for_each(drop);
                let answer = answers.get(at).or(answers.last()).unwrap();
                let mut going = stream.write_all(answer.as_bytes()).is_ok();
                // An answer without a length has no end.
                while going && !answer.contains("ength") {
                    going = stream.write_all(&[7; 4096]).is_ok();
                }
            }
        });
        port
    }

    fn get(url: &str, of: &[u8], limit: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let what = Download { url, digest: Digest::of(of), limit };
        let got = download(&what, &Access::default(), &mut bytes, &Silent);
        let size = got.map_err(|failure| failure.to_string())?;
        assert_eq!(size, bytes.len() as u64);
        Ok(bytes)
    }

    #[test]
    fn a_body_without_end_stops_at_the_limit_and_one_that_says_so_before_it() {
        let endless = format!("http://127.0.0.1:{}/x", server(&["HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"]));
        let failure = get(&endless, b"", 1 << 20).unwrap_err();
        assert!(failure.ends_with("/x`: it has more than the 1048576 bytes allowed"), "{failure}");
        let large = server(&["HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\nConnection: close\r\n\r\nx"]);
        let failure = get(&format!("http://127.0.0.1:{large}/x"), b"", 1 << 20).unwrap_err();
        assert!(failure.ends_with("it has more than the 1048576 bytes allowed"), "{failure}");
    }

    #[test]
    fn a_server_that_cannot_begin_in_the_middle_begins_again() {
        let port = server(&[
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhel",
            "HTTP/1.1 503 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        ]);
        assert_eq!(get(&format!("http://127.0.0.1:{port}/x"), b"hello", 5).unwrap(), b"hello");
    }

    #[test]
    fn redirects_lead_neither_out_of_tls_nor_inwards() {
        let access = Access { plain_http: true, ..Access::default() };
        let leads = |from: &str, to: &str| {
            let (from, to) = (Url::parse(from).unwrap(), Url::parse(to).unwrap());
            let source = ResumingDownload {
                access: &access,
                url: &from,
                limit: 1,
                at: 0,
                counted: 0,
                patience: Patience::new(access.retry),
                total: None,
            };
            source.check_redirect(&from, &to).is_ok()
        };
        assert!(leads("https://a.example/", "https://b.example/"));
        assert!(leads("http://a.example/", "http://b.example/"));
        assert!(leads("http://127.0.0.1/", "http://127.0.0.1:1/"));
        assert!(!leads("https://a.example/", "http://a.example/"));
        assert!(!leads("https://a.example/", "http://localhost/"));
        assert!(!leads("https://a.example/", "https://169.254.169.254/"));
        assert!(!leads("https://a.example/", "https://localhost/"));
    }
}
