//! One connection, served well or badly.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use super::wire::{self, Stream};
use super::{Fault, Request, Serving, held};

/// Status, fields and body.
pub(super) type Reply = (u16, Vec<(&'static str, String)>, Vec<u8>);

impl Serving {
    pub(super) fn connection(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(Stream::new(stream, self.tls.as_ref())?);
        loop {
            // TLS begins with another byte; whoever speaks it to us who do not is told by the end of the connection.
            if reader.fill_buf()?.first().is_none_or(|first| !first.is_ascii_uppercase()) {
                return reader.get_mut().close();
            }
            let mut request = wire::head(&mut reader)?;
            let alike = |before: &&Request| before.method == request.method && before.kind() == request.kind();
            request.nth = held(&self.state).requests.iter().filter(alike).count();
            let plan = held(&self.plan).clone();
            let fault = plan(&request);
            let (most, sip) = match fault {
                Some(Fault::Cut(most) | Fault::Drop(most)) => (most, None),
                Some(Fault::Sip(pause)) => (usize::MAX, Some(pause)),
                _ => (usize::MAX, None),
            };
            let mut body = wire::body(&mut reader, &request, most, sip)?;
            if let Some(Fault::Keep(kept)) = fault {
                body.truncate(kept);
            }
            request.keep(&body);
            held(&self.state).requests.push(request.clone());
            let Some(reply) = self.reply(&request, body, fault.as_ref()) else { return reader.get_mut().close() };
            if !write(reader.get_mut(), &request, reply, fault.as_ref())? {
                return reader.get_mut().close();
            }
        }
    }

    /// What is answered; none is the end of the connection.
    fn reply(&self, request: &Request, body: Vec<u8>, fault: Option<&Fault>) -> Option<Reply> {
        match fault {
            Some(Fault::Answer(status, fields, body)) => {
                return Some((*status, fields.clone(), body.clone().into_bytes()));
            }
            Some(Fault::Bytes(status, fields, body)) => return Some((*status, fields.clone(), body.clone())),
            Some(Fault::Endless(status)) => return Some((*status, Vec::new(), Vec::new())),
            Some(Fault::Drop(_)) => return None,
            Some(Fault::Cut(_)) => {
                self.append(request, &body);
                return None;
            }
            Some(Fault::Forget) => {
                held(&self.state).uploads.clear();
                return Some(error(404, "BLOB_UPLOAD_UNKNOWN"));
            }
            Some(Fault::Truncate) => return Some(self.truncate(request, body)),
            _ => {}
        }
        let (status, mut fields, content) = self.serve(request, body);
        match fault {
            Some(Fault::Lost) => None,
            Some(Fault::Done(status)) => Some((*status, Vec::new(), Vec::new())),
            Some(Fault::Fields(instead)) => {
                fields.retain(|(name, _)| !instead.iter().any(|(other, _)| other == name));
                fields.extend(instead.iter().filter(|(_, value)| !value.is_empty()).cloned());
                Some((status, fields, content))
            }
            _ => Some((status, fields, content)),
        }
    }

    fn serve(&self, request: &Request, body: Vec<u8>) -> Reply {
        let path = request.path();
        if path == "/token" {
            return self.token(request);
        }
        if let Some(refusal) = self.refusal(request) {
            return refusal;
        }
        let Some(path) = path.strip_prefix("/v2/").filter(|path| !path.is_empty()) else { return plain(200) };
        if let Some((name, id)) = path.split_once("/blobs/uploads/") {
            return self.upload(request, name, id, body);
        }
        if let Some((name, digest)) = path.split_once("/blobs/") {
            return self.blob(request, name, digest);
        }
        if let Some((name, reference)) = path.split_once("/manifests/") {
            return self.manifest(request, name, reference, &body);
        }
        if let Some((name, digest)) = path.split_once("/referrers/") {
            return self.referrers(request, name, digest);
        }
        match path.strip_suffix("/tags/list") {
            Some(name) => self.tags(request, name),
            None => error(404, "NAME_UNKNOWN"),
        }
    }
}

/// Writes an answer; tells whether the connection goes on.
fn write(stream: &mut Stream, request: &Request, reply: Reply, fault: Option<&Fault>) -> io::Result<bool> {
    let (status, mut fields, content) = reply;
    let (version, is_old) = if let Some(Fault::Old) = fault { ("HTTP/1.0", true) } else { ("HTTP/1.1", false) };
    let closes = is_old || fields.iter().any(|(_, value)| value == "close");
    let is_head = request.method == "HEAD";
    if let Some(Fault::Endless(_)) = fault {
        fields.push(("content-length", "10000000000".to_owned()));
    } else if is_old && !is_head {
        fields.retain(|(name, _)| *name != "content-length");
    } else if !fields.iter().any(|(name, _)| *name == "content-length") && status != 204 {
        fields.push(("content-length", content.len().to_string()));
    }
    let mut answer = format!("{version} {status} X\r\n");
    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_empty()) {
        answer.extend([name, ": ", &value, "\r\n"]);
    }
    stream.write_all((answer + "\r\n").as_bytes())?;
    match fault {
        _ if is_head => {}
        Some(Fault::Endless(_)) => loop {
            stream.write_all(&[b' '; 8 << 10])?;
        },
        Some(Fault::Drip(pause)) => {
            for byte in content {
                stream.write_all(&[byte])?;
                stream.flush()?;
                std::thread::sleep(*pause);
            }
        }
        _ => stream.write_all(&content)?,
    }
    stream.flush()?;
    Ok(!closes)
}

pub(super) fn plain(status: u16) -> Reply {
    (status, Vec::new(), Vec::new())
}

pub(super) fn error(status: u16, code: &str) -> Reply {
    (status, Vec::new(), format!("{{\"errors\":[{{\"code\":\"{code}\",\"message\":\"so it is\"}}]}}").into_bytes())
}
