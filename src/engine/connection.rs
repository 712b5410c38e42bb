//! HTTP/1.1 over a unix socket, as much of RFC 9112 as the Docker Engine API needs: one request a connection, request
//! bodies streamed in chunks.

use std::{
    io::{self, BufWriter, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::{layer::TarError, report::Limits};

/// Bytes of one chunk.
const CHUNK: usize = 64 << 10;
/// Header fields of an answer; docker sends about ten.
const FIELDS: usize = 64;
/// The timeout of requests that need no work.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection for one request.
#[derive(Debug)]
pub(super) struct EngineConnection(UnixStream);

/// The response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EngineResponse {
    /// 200 and the like.
    pub(super) status: u16,
    /// Whole; at most [`Limits::CHILD_OUTPUT_BYTES`].
    pub(super) body: String,
}

impl EngineConnection {
    /// Connects to the socket at `path`.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        UnixStream::connect(path).map(Self)
    }

    /// `GET`. `target` is an absolute path without anything that would need to be escaped.
    pub(super) fn get(mut self, target: &str) -> io::Result<EngineResponse> {
        self.0.set_read_timeout(Some(PATIENCE))?;
        self.0.set_write_timeout(Some(PATIENCE))?;
        write!(self.0, "GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        self.answer()
    }

    /// `POST` without a body. `target` is as that of [`get`](Self::get).
    pub(super) fn post(mut self, target: &str) -> io::Result<EngineResponse> {
        self.0.set_read_timeout(Some(PATIENCE))?;
        self.0.set_write_timeout(Some(PATIENCE))?;
        write!(self.0, "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
        self.answer()
    }

    /// `POST` of a tar that `write` writes. Takes as long as the other side needs.
    ///
    /// # Errors
    /// [`TarError::Write`] for everything that is the connection's fault.
    pub(super) fn post_tar(
        mut self,
        target: &str,
        write: impl FnOnce(&mut dyn Write) -> Result<(), TarError>,
    ) -> Result<EngineResponse, TarError> {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        self.0.write_all(head.as_bytes()).map_err(TarError::Write)?;
        let mut body = BufWriter::with_capacity(CHUNK, ChunkedBody(&mut self.0));
        let written = write(&mut body).and_then(|()| body.flush().map_err(TarError::Write));
        // Not flushed when it is dropped: after a failure the request must stay without its end.
        let (_, _) = body.into_parts();
        let written = written.and_then(|()| self.0.write_all(b"0\r\n\r\n").map_err(TarError::Write));
        match written {
            Ok(()) => self.answer().map_err(TarError::Write),
            // A server that closes the connection has usually sent the reason.
            Err(TarError::Write(error)) => self.answer().map_err(|_| TarError::Write(error)),
            Err(error) => Err(error),
        }
    }

    fn answer(self) -> io::Result<EngineResponse> {
        let mut bytes = Vec::new();
        (&self.0).take(Limits::CHILD_OUTPUT_BYTES).read_to_end(&mut bytes)?;
        parse(&bytes).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it does not speak HTTP"))
    }
}

/// The answer in all the bytes of a connection.
pub(super) fn parse(bytes: &[u8]) -> Option<EngineResponse> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes).ok()? else { return None };
    let body = bytes.get(length..)?;
    let chunked = head.headers.iter().any(|field| {
        field.name.eq_ignore_ascii_case("transfer-encoding") && field.value.eq_ignore_ascii_case(b"chunked")
    });
    let body = if chunked { unchunk(body)? } else { body.to_vec() };
    Some(EngineResponse { status: head.code?, body: String::from_utf8_lossy(&body).into_owned() })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let httparse::Status::Complete((start, size)) = httparse::parse_chunk_size(rest).ok()? else { return None };
        if size == 0 {
            return Some(body);
        }
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        body.extend_from_slice(rest.get(start..end)?);
        rest = rest.get(end..)?.strip_prefix(b"\r\n")?;
    }
}

/// Each write is one chunk.
struct ChunkedBody<'a>(&'a mut UnixStream);

impl Write for ChunkedBody<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        // A chunk without bytes would be the end.
        if !buf.is_empty() {
            write!(self.0, "{:x}\r\n", buf.len())?;
            self.0.write_all(buf)?;
            self.0.write_all(b"\r\n")?;
        }
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::thread;

    use super::*;

    fn parsed(text: &str) -> Option<(u16, String)> {
        parse(text.as_bytes()).map(|answer| (answer.status, answer.body))
    }

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        assert_eq!(parsed("HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody"), Some((200, "body".into())));
        let chunked = "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(parsed(&format!("{chunked}3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")), Some((500, "abcde".into())));
        for cut in ["", "3\r\nab", "3\r\nabc", "3\r\nabc\r\n", "3\r\nabcd\r\n0\r\n\r\n", "ffffffffffffffff\r\nabc\r\n"]
        {
            assert_eq!(parsed(&format!("{chunked}{cut}")), None, "{cut:?}");
        }
        assert_eq!(parsed("SSH-2.0-OpenSSH_9\r\n"), None);
        assert_eq!(parsed("HTTP/1.1 200 OK\r\n"), None);
        assert_eq!(parsed(""), None);
    }

    #[test]
    fn a_request_that_failed_half_way_has_no_end_and_one_that_was_refused_brings_the_answer() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let reader = thread::spawn(move || {
            let mut all = Vec::new();
            theirs.read_to_end(&mut all).unwrap();
            String::from_utf8_lossy(&all).into_owned()
        });
        let failure = crate::report::Failure::error(crate::report::ErrorName::Internal, "no blob");
        let result = EngineConnection(ours).post_tar("/x", |out| {
            out.write_all(b"abc").map_err(TarError::Write)?;
            Err(TarError::Entry(failure))
        });
        assert!(matches!(result, Err(TarError::Entry(_))));
        assert!(!reader.join().unwrap().contains("0\r\n\r\n"));

        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"HTTP/1.1 403 No\r\nConnection: close\r\n\r\n{}").unwrap();
        drop(theirs);
        let result =
            EngineConnection(ours).post_tar("/x", |out| out.write_all(&vec![0; 1 << 20]).map_err(TarError::Write));
        // The head may not even fit: then there is nothing to say but that.
        assert!(matches!(result, Ok(EngineResponse { status: 403, .. }) | Err(TarError::Write(_))), "{result:?}");
    }
}
