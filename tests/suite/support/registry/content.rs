//! What is kept: blobs, manifests, tags, and who refers to whom.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::super::layout::sha256;
use super::serve::{Reply, error, plain};
use super::{Request, Serving, State, held};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Whether it is a digest that could be a blob's here.
pub(super) fn is_digest(text: &str) -> bool {
    [("sha256:", 64), ("sha512:", 128)].into_iter().any(|(name, length)| {
        text.strip_prefix(name).is_some_and(|hex| hex.len() == length && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// The digest of `bytes` by the algorithm of `like`.
pub(super) fn digest_as(like: &str, bytes: &[u8]) -> Option<String> {
    match like.split(':').next()? {
        "sha256" => Some(sha256(bytes)),
        "sha512" => {
            let mut digest = "sha512:".to_owned();
            for byte in Sha512::digest(bytes) {
                write!(digest, "{byte:02x}").expect("a string takes all");
            }
            Some(digest)
        }
        _ => None,
    }
}

impl State {
    fn has(&self, name: &str, digest: &str) -> bool {
        let key = (name.to_owned(), digest.to_owned());
        let is_whole = |bytes: &Vec<u8>| digest_as(digest, bytes).as_deref() == Some(digest);
        self.blobs.get(&key).is_some_and(is_whole) || self.manifests.contains_key(&key)
    }
}

impl Serving {
    pub(super) fn blob(&self, request: &Request, name: &str, digest: &str) -> Reply {
        let mut state = held(&self.state);
        let key = (name.to_owned(), digest.to_owned());
        if request.method == "DELETE" {
            return if state.blobs.remove(&key).is_some() { plain(202) } else { error(404, "BLOB_UNKNOWN") };
        }
        let Some(blob) = state.blobs.get(&key) else { return error(404, "BLOB_UNKNOWN") };
        let mut fields = vec![
            ("content-type", "application/octet-stream".to_owned()),
            ("docker-content-digest", digest.to_owned()),
            ("accept-ranges", "bytes".to_owned()),
        ];
        let Some(range) = request.field("range").and_then(|range| range.strip_prefix("bytes=")) else {
            fields.push(("content-length", blob.len().to_string()));
            return (200, fields, blob.clone());
        };
        let (start, end) = range.split_once('-').unwrap_or_default();
        let last = blob.len().saturating_sub(1);
        let (start, end) = match (start.parse().ok(), end.parse::<usize>().ok()) {
            (Some(start), end) => (start, end.map_or(last, |end| end.min(last))),
            // The last so many.
            (None, Some(count)) => (blob.len() - count.min(blob.len()), last),
            (None, None) => (usize::MAX, last),
        };
        if start > end || blob.is_empty() {
            return (416, vec![("content-range", format!("bytes */{}", blob.len()))], Vec::new());
        }
        fields.push(("content-range", format!("bytes {start}-{end}/{}", blob.len())));
        (206, fields, blob[start..=end].to_vec())
    }

    pub(super) fn manifest(&self, request: &Request, name: &str, reference: &str, body: &[u8]) -> Reply {
        let mut state = held(&self.state);
        let digest = if reference.contains(':') {
            Some(reference.to_owned())
        } else {
            state.tags.get(&(name.to_owned(), reference.to_owned())).cloned()
        };
        let key = digest.map(|digest| (name.to_owned(), digest));
        match request.method.as_str() {
            "PUT" if self.setup.by_tag_alone && reference.contains(':') => error(405, "UNSUPPORTED"),
            "PUT" => {
                let (status, mut fields, content) = put(&mut state, request, name, reference, body);
                // Only who keeps a list says so.
                fields.retain(|(name, _)| self.setup.referrers || *name != "oci-subject");
                (status, fields, content)
            }
            "DELETE" if !reference.contains(':') => {
                let tag = (name.to_owned(), reference.to_owned());
                if state.tags.remove(&tag).is_some() { plain(202) } else { error(404, "MANIFEST_UNKNOWN") }
            }
            "DELETE" => {
                if key.and_then(|key| state.manifests.remove(&key)).is_none() {
                    return error(404, "MANIFEST_UNKNOWN");
                }
                state.tags.retain(|(known, _), digest| known != name || digest != reference);
                plain(202)
            }
            _ => match key.and_then(|key| Some((key.1.clone(), state.manifests.get(&key)?))) {
                Some((digest, (kind, bytes))) => {
                    let fields = vec![
                        ("content-type", kind.clone()),
                        ("content-length", bytes.len().to_string()),
                        ("docker-content-digest", digest),
                    ];
                    (200, fields, bytes.clone())
                }
                None => error(404, "MANIFEST_UNKNOWN"),
            },
        }
    }

    pub(super) fn tags(&self, request: &Request, name: &str) -> Reply {
        let state = held(&self.state);
        let own = state.tags.keys().filter(|(known, _)| known == name).map(|(_, tag)| tag.clone());
        let mut tags: Vec<String> = own.collect();
        if tags.is_empty() && !state.manifests.keys().any(|(known, _)| known == name) {
            return error(404, "NAME_UNKNOWN");
        }
        tags.sort();
        if let Some(last) = request.parameter("last") {
            tags.retain(|tag| *tag > last);
        }
        let most = request.parameter("n").and_then(|n| n.parse().ok()).unwrap_or(self.setup.page);
        let mut fields = vec![("content-type", "application/json".to_owned())];
        if tags.len() > most {
            tags.truncate(most);
            let last = tags.last().map_or("", String::as_str);
            fields.push(("link", format!("</v2/{name}/tags/list?n={most}&last={last}>; rel=\"next\"")));
        }
        (200, fields, json!({ "name": name, "tags": tags }).to_string().into_bytes())
    }

    pub(super) fn referrers(&self, request: &Request, name: &str, digest: &str) -> Reply {
        if !self.setup.referrers {
            return error(404, "UNSUPPORTED");
        }
        if !is_digest(digest) {
            return error(400, "DIGEST_INVALID");
        }
        let state = held(&self.state);
        let mut fields = vec![("content-type", INDEX.to_owned())];
        let mut found: Vec<Value> = state
            .manifests
            .iter()
            .filter(|((known, _), _)| known == name)
            .filter_map(|((_, own), (kind, bytes))| descriptor(own, kind, bytes, digest))
            .collect();
        if let Some(kind) = request.parameter("artifactType") {
            found.retain(|one| one["artifactType"] == kind.as_str());
            fields.push(("oci-filters-applied", "artifactType".to_owned()));
        }
        let start: usize = request.parameter("start").and_then(|start| start.parse().ok()).unwrap_or(0);
        if found.len() > start + self.setup.page {
            let next = start + self.setup.page;
            fields.push(("link", format!("</v2/{name}/referrers/{digest}?start={next}>; rel=\"next\"")));
        }
        let page: Vec<_> = found.into_iter().skip(start).take(self.setup.page).collect();
        let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": page });
        (200, fields, index.to_string().into_bytes())
    }
}

fn put(state: &mut State, request: &Request, name: &str, reference: &str, body: &[u8]) -> Reply {
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return error(400, "MANIFEST_INVALID") };
    let is_digest = reference.contains(':');
    let digest = if is_digest { digest_as(reference, body).unwrap_or_default() } else { sha256(body) };
    if is_digest && digest != reference {
        return error(400, "DIGEST_INVALID");
    }
    if let Some(missing) = named(&document).into_iter().find(|digest| !state.has(name, digest)) {
        let refusal = format!("{{\"errors\":[{{\"code\":\"MANIFEST_BLOB_UNKNOWN\",\"message\":\"{missing}\"}}]}}");
        return (400, Vec::new(), refusal.into_bytes());
    }
    let kind = request.field("content-type").unwrap_or_default().to_owned();
    state.manifests.insert((name.to_owned(), digest.clone()), (kind, body.to_vec()));
    if !is_digest {
        state.tags.insert((name.to_owned(), reference.to_owned()), digest.clone());
    }
    let location = format!("/v2/{name}/manifests/{digest}");
    let mut fields = vec![("location", location), ("docker-content-digest", digest)];
    if let Some(subject) = document["subject"]["digest"].as_str() {
        fields.push(("oci-subject", subject.to_owned()));
    }
    (201, fields, Vec::new())
}

/// What a document needs to be there; a subject may come later, and some layers never do.
fn named(document: &Value) -> Vec<String> {
    let list = |key: &str| document[key].as_array().cloned().unwrap_or_default();
    let all = [document["config"].clone()].into_iter().chain(list("layers")).chain(list("manifests"));
    let here = all.filter(|one| !one["mediaType"].as_str().is_some_and(|kind| kind.contains("nondistributable")));
    here.filter_map(|one| one["digest"].as_str().map(str::to_owned)).collect()
}

/// What a list of referrers says of a manifest whose subject is `digest`.
fn descriptor(own: &str, kind: &str, bytes: &[u8], digest: &str) -> Option<Value> {
    let document: Value = serde_json::from_slice(bytes).ok()?;
    if document["subject"]["digest"].as_str() != Some(digest) {
        return None;
    }
    let mut one = json!({ "mediaType": kind, "digest": own, "size": bytes.len() });
    let artifact = document["artifactType"].as_str().filter(|kind| !kind.is_empty());
    if let Some(artifact) = artifact.or_else(|| document["config"]["mediaType"].as_str()) {
        one["artifactType"] = artifact.into();
    }
    if document["annotations"].is_object() {
        one["annotations"] = document["annotations"].clone();
    }
    Some(one)
}
