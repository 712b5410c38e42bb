//! Blobs on their way in (distribution-spec, "Pushing blobs").

use super::content::{digest_as, is_digest};
use super::serve::{Reply, error, plain};
use super::{Request, Serving, held};

/// An upload that is open.
#[derive(Debug, Default)]
pub(super) struct Upload {
    name: String,
    bytes: Vec<u8>,
    /// A piece came that was too small to have one behind it.
    is_small: bool,
    /// How many bytes the first that came were.
    first: Option<usize>,
}

impl Serving {
    pub(super) fn upload(&self, request: &Request, name: &str, id: &str, body: Vec<u8>) -> Reply {
        match request.method.as_str() {
            "POST" => self.open(request, name, body),
            _ if held(&self.state).uploads.get(id).is_none_or(|upload| upload.name != name) => {
                error(404, "BLOB_UPLOAD_UNKNOWN")
            }
            "GET" => self.session(204, id),
            "DELETE" => {
                held(&self.state).uploads.remove(id);
                plain(204)
            }
            "PATCH" if body.len() > self.setup.most => error(413, "SIZE_INVALID"),
            "PATCH" => self.patch(request, id, &body),
            "PUT" if !body.is_empty() && !self.setup.takes_whole => error(405, "UNSUPPORTED"),
            "PUT" => self.close(request, name, id, &body),
            _ => error(405, "UNSUPPORTED"),
        }
    }

    fn open(&self, request: &Request, name: &str, body: Vec<u8>) -> Reply {
        let mut state = held(&self.state);
        if let Some(digest) = request.parameter("mount") {
            let from = request.parameter("from");
            let found = state
                .blobs
                .iter()
                .find(|((known, other), _)| *other == digest && from.as_ref().is_none_or(|from| from == known));
            if let Some(bytes) = found.map(|(_, bytes)| bytes.clone()) {
                state.blobs.insert((name.to_owned(), digest.clone()), bytes);
                return stored(name, digest);
            }
        } else if let Some(digest) = request.parameter("digest") {
            if digest_as(&digest, &body).as_ref() != Some(&digest) {
                return error(400, "DIGEST_INVALID");
            }
            state.blobs.insert((name.to_owned(), digest.clone()), body);
            return stored(name, digest);
        }
        state.next += 1;
        let id = format!("u{}", state.next);
        state.uploads.insert(id.clone(), Upload { name: name.to_owned(), ..Upload::default() });
        drop(state);
        self.session(202, &id)
    }

    /// Where a session stands.
    fn session(&self, status: u16, id: &str) -> Reply {
        let state = held(&self.state);
        let Some(upload) = state.uploads.get(id) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        let start = match (self.setup.forgets_tls, self.setup.absolute) {
            (true, _) => format!("http://{}", self.host),
            (false, true) => self.origin(),
            (false, false) => String::new(),
        };
        let location = format!("{start}/v2/{}/blobs/uploads/{id}?state=a%2Fb", upload.name);
        let told = upload.first.filter(|_| self.setup.lags).unwrap_or(upload.bytes.len());
        let range = format!("0-{}", told.saturating_sub(1));
        let mut fields = vec![("location", location), ("range", range)];
        if self.setup.least > 0 {
            fields.push(("oci-chunk-min-length", self.setup.least.to_string()));
        }
        (status, fields, Vec::new())
    }

    fn patch(&self, request: &Request, id: &str, body: &[u8]) -> Reply {
        let mut state = held(&self.state);
        let Some(upload) = state.uploads.get_mut(id) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        if !follows(request, upload, body) {
            drop(state);
            return self.session(416, id);
        }
        if upload.is_small {
            return error(400, "BLOB_UPLOAD_INVALID");
        }
        upload.is_small = body.len() < self.setup.least;
        upload.extend(body);
        drop(state);
        self.session(202, id)
    }

    fn close(&self, request: &Request, name: &str, id: &str, body: &[u8]) -> Reply {
        let mut state = held(&self.state);
        let Some(upload) = state.uploads.get_mut(id) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        if request.field("content-range").is_some() && !follows(request, upload, body) {
            drop(state);
            return self.session(416, id);
        }
        let mut bytes = state.uploads.remove(id).expect("the session").bytes;
        bytes.extend(body);
        let digest = request.parameter("digest").unwrap_or_default();
        if !is_digest(&digest) || digest_as(&digest, &bytes).as_ref() != Some(&digest) {
            return error(400, "DIGEST_INVALID");
        }
        state.blobs.insert((name.to_owned(), digest.clone()), bytes);
        stored(name, digest)
    }

    /// Keeps what came of a `PATCH`.
    pub(super) fn append(&self, request: &Request, body: &[u8]) {
        if let Some(upload) = held(&self.state).uploads.get_mut(id(request)) {
            upload.extend(body);
        }
    }

    /// Stores what was sent under its digest without its last byte, and calls that good.
    pub(super) fn truncate(&self, request: &Request, body: Vec<u8>) -> Reply {
        let mut state = held(&self.state);
        let Some(upload) = state.uploads.remove(id(request)) else { return error(404, "BLOB_UPLOAD_UNKNOWN") };
        let digest = request.parameter("digest").unwrap_or_default();
        let mut bytes = upload.bytes;
        bytes.extend(body);
        bytes.pop();
        state.blobs.insert((upload.name.clone(), digest.clone()), bytes);
        stored(&upload.name, digest)
    }
}

impl Upload {
    fn extend(&mut self, body: &[u8]) {
        self.bytes.extend(body);
        self.first.get_or_insert(self.bytes.len());
    }
}

fn id(request: &Request) -> &str {
    request.path().split_once("/uploads/").map_or("", |(_, id)| id)
}

/// Whether a piece begins where the upload stands.
fn follows(request: &Request, upload: &Upload, body: &[u8]) -> bool {
    let Some(range) = request.field("content-range") else { return upload.bytes.is_empty() };
    let ends = range.split_once('-').and_then(|(start, end)| Some((start.parse().ok()?, end.parse::<usize>().ok()?)));
    ends.is_some_and(|(start, end)| start == upload.bytes.len() && (end + 1).checked_sub(start) == Some(body.len()))
}

fn stored(name: &str, digest: String) -> Reply {
    let location = format!("/v2/{name}/blobs/{digest}");
    (201, vec![("location", location), ("docker-content-digest", digest)], Vec::new())
}
