//! How it is served, well or badly.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::super::layout::sha256;
use super::{Fault, Lock, Request, Serving, held};

/// Status, fields and body.
type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

impl Serving {
    pub(super) fn connection(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            // TLS begins with this byte; whoever speaks it is told by the end of the connection.
            if reader.fill_buf()?.first().is_none_or(|first| !first.is_ascii_uppercase()) {
                return stream.shutdown(Shutdown::Both);
            }
            let mut request = head(&mut reader)?;
            let alike = |before: &&Request| before.method == request.method && before.kind() == request.kind();
            request.nth = held(&self.state).requests.iter().filter(alike).count();
            let length: usize = request.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
            let fault = (self.plan)(&request);
            let most = match fault {
                Some(Fault::Cut(most) | Fault::Drop(most)) => most.min(length),
                _ => length,
            };
            let mut body = vec![0; most];
            reader.read_exact(&mut body)?;
            request.received = most;
            held(&self.state).requests.push(request.clone());
            let (status, mut fields, content) = match &fault {
                Some(Fault::Answer(status, fields, body)) => (*status, fields.clone(), body.clone().into_bytes()),
                Some(Fault::Cut(_)) => {
                    self.append(&request.target, &body);
                    return stream.shutdown(Shutdown::Both);
                }
                Some(Fault::Drop(_)) => return stream.shutdown(Shutdown::Both),
                Some(Fault::Forget) => {
                    held(&self.state).uploads.clear();
                    (404, Vec::new(), Vec::new())
                }
                _ => self.serve(&request, body),
            };
            if let Some(Fault::Lost) = fault {
                return stream.shutdown(Shutdown::Both);
            }
            if let Some(Fault::Fields(instead)) = fault {
                fields.retain(|(name, _)| !instead.iter().any(|(other, _)| other == name));
                fields.extend(instead.into_iter().filter(|(_, value)| !value.is_empty()));
            }
            let closes = fields.iter().any(|(_, value)| value == "close");
            let mut answer = format!("HTTP/1.1 {status} X\r\n");
            if !fields.iter().any(|(name, _)| *name == "content-length") {
                fields.push(("content-length", content.len().to_string()));
            }
            for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
                answer.extend([name, ": ", &value, "\r\n"]);
            }
            let mut stream = stream;
            stream.write_all((answer + "\r\n").as_bytes())?;
            if request.method != "HEAD" {
                stream.write_all(&content)?;
            }
            if closes {
                return stream.shutdown(Shutdown::Both);
            }
        }
    }

    fn serve(&self, request: &Request, body: Vec<u8>) -> Reply {
        let path = request.target.split('?').next().unwrap_or_default();
        if path == "/token" {
            return self.token(request);
        }
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else { return plain(200) };
        if let Some((name, rest)) = path.split_once("/blobs/uploads/") {
            return self.upload(request, name, rest, body);
        }
        let state = held(&self.state);
        if let Some((name, digest)) = path.split_once("/blobs/") {
            let Some(blob) = state.blobs.get(&(name.to_owned(), digest.to_owned())) else {
                return error(404, "BLOB_UNKNOWN");
            };
            let start =
                request.field("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
            return match start {
                Some(start) => {
                    let range = format!("bytes {start}-{}/{}", blob.len() - 1, blob.len());
                    (206, vec![("content-range", range)], blob[start..].to_vec())
                }
                None => (200, vec![("content-length", blob.len().to_string())], blob.clone()),
            };
        }
        drop(state);
        match path.split_once("/manifests/") {
            Some((name, reference)) => self.manifest(request, name, reference, &body),
            None => error(404, "NAME_UNKNOWN"),
        }
    }

    fn manifest(&self, request: &Request, name: &str, reference: &str, body: &[u8]) -> Reply {
        let mut state = held(&self.state);
        if request.method == "PUT" {
            let text = String::from_utf8_lossy(body);
            // Whatever the document is, every digest that it names must be there.
            let named = text.split('"').filter(|word| word.starts_with("sha256:") && word.len() == 71);
            let there = |digest: &&str| {
                let key = (name.to_owned(), (*digest).to_owned());
                state.blobs.get(&key).is_some_and(|bytes| sha256(bytes) == **digest)
                    || state.manifests.contains_key(&key)
            };
            if let Some(missing) = named.into_iter().find(|digest| !there(digest)) {
                return (
                    400,
                    Vec::new(),
                    format!("{{\"errors\":[{{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"{missing}\"}}]}}")
                        .into_bytes(),
                );
            }
            let (digest, kind) = (sha256(body), request.field("content-type").unwrap_or_default().to_owned());
            for key in [reference, &digest] {
                state.manifests.insert((name.to_owned(), key.to_owned()), (kind.clone(), body.to_vec()));
            }
            return (201, vec![("docker-content-digest", digest)], Vec::new());
        }
        match state.manifests.get(&(name.to_owned(), reference.to_owned())) {
            Some((kind, bytes)) => {
                let fields = vec![
                    ("content-type", kind.clone()),
                    ("content-length", bytes.len().to_string()),
                    ("docker-content-digest", sha256(bytes)),
                ];
                (200, fields, bytes.clone())
            }
            None => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn upload(&self, request: &Request, name: &str, id: &str, body: Vec<u8>) -> Reply {
        let mut state = held(&self.state);
        let parameter = |name: &str| {
            let query = request.target.split_once('?').map_or("", |(_, query)| query);
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
        };
        let session = |id: &str, length: usize| {
            let location = format!("/v2/{name}/blobs/uploads/{id}?state=a%2Fb");
            vec![("location", location), ("range", format!("0-{}", length.saturating_sub(1)))]
        };
        match request.method.as_str() {
            "POST" => {
                if let (Some(digest), Some(from)) = (parameter("mount"), parameter("from"))
                    && let Some(bytes) = state.blobs.get(&(from, digest.clone())).cloned()
                {
                    state.blobs.insert((name.to_owned(), digest), bytes);
                    return plain(201);
                }
                state.next += 1;
                let id = format!("u{}", state.next);
                state.uploads.insert(id.clone(), Vec::new());
                (202, session(&id, 0), Vec::new())
            }
            _ if !state.uploads.contains_key(id) => error(404, "BLOB_UPLOAD_UNKNOWN"),
            "GET" => (204, session(id, state.uploads[id].len()), Vec::new()),
            "PATCH" => {
                let upload = state.uploads.get_mut(id).expect("the session");
                let start = request.field("content-range").and_then(|range| range.split('-').next()?.parse().ok());
                if start.unwrap_or(0) != upload.len() {
                    return (416, session(id, upload.len()), Vec::new());
                }
                upload.extend(body);
                let length = upload.len();
                (202, session(id, length), Vec::new())
            }
            _ => {
                let mut bytes = state.uploads.remove(id).expect("the session");
                bytes.extend(body);
                let digest = parameter("digest").unwrap_or_default();
                if sha256(&bytes) != digest {
                    return error(400, "DIGEST_INVALID");
                }
                state.blobs.insert((name.to_owned(), digest.clone()), bytes);
                (201, vec![("docker-content-digest", digest)], Vec::new())
            }
        }
    }

    /// Keeps what came of a `PATCH`.
    fn append(&self, target: &str, body: &[u8]) {
        let id = target.split_once("/uploads/").map_or("", |(_, id)| id.split('?').next().unwrap_or_default());
        if let Some(upload) = held(&self.state).uploads.get_mut(id) {
            upload.extend(body);
        }
    }

    fn refusal(&self, request: &Request) -> Option<Reply> {
        let sent = request.field("authorization").unwrap_or_default();
        let challenge = match &self.lock {
            Lock::Open => return None,
            Lock::Basic(login) if sent == format!("Basic {login}") => return None,
            Lock::Basic(_) => "Basic realm=\"a registry\"".to_owned(),
            Lock::Bearer(..) => {
                let mut state = held(&self.state);
                let uses = sent.strip_prefix("Bearer ").and_then(|token| state.tokens.get_mut(token));
                if let Some(uses) = uses.filter(|uses| **uses > 0) {
                    *uses -= 1;
                    return None;
                }
                format!("Bearer realm=\"http://{}/token\",service=\"here\"", self.host)
            }
        };
        Some((401, vec![("www-authenticate", "Negotiate".to_owned()), ("www-authenticate", challenge)], Vec::new()))
    }

    fn token(&self, request: &Request) -> Reply {
        let Lock::Bearer(login, uses) = &self.lock else { return plain(404) };
        if request.field("authorization") != Some(&format!("Basic {login}")) {
            return plain(401);
        }
        let mut state = held(&self.state);
        state.next += 1;
        let token = format!("token-{}", state.next);
        state.tokens.insert(token.clone(), *uses);
        (200, Vec::new(), format!("{{\"token\":\"{token}\"}}").into_bytes())
    }
}

fn plain(status: u16) -> Reply {
    (status, Vec::new(), Vec::new())
}

fn error(status: u16, code: &str) -> Reply {
    (status, Vec::new(), format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"so it is\"}}]}}").into_bytes())
}

fn head(reader: &mut BufReader<TcpStream>) -> io::Result<Request> {
    let mut line = || -> io::Result<String> {
        let mut line = String::new();
        if reader.by_ref().take(64 << 10).read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut fields = BTreeMap::new();
    loop {
        let field = line()?;
        match field.split_once(':') {
            Some((name, value)) => fields.insert(name.to_ascii_lowercase(), value.trim().to_owned()),
            None => return Ok(Request { method, target, fields, received: 0, nth: 0 }),
        };
    }
}
