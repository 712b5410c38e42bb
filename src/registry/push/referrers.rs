//! Keeps the referrers index of a subject, for registries without the referrers API.
//!
//! A registry with the API lists what it is sent, and says so (`OCI-Subject`). For one without, the list is an index
//! under a tag made of the subject's digest, which the client that pushes updates (distribution-spec, "Referrers Tag
//! Schema"). Two clients can overwrite each other, and the protocol does not prevent it: each reads the index again a
//! moment later, and adds its entry anew if it is gone.

use serde_json::{Value, json};
use ureq::http::{Method, header};

use super::{
    contents::PushDocument,
    repository::{ManifestRefusal, PushRepository},
};
use crate::{
    image::{
        BlobRef,
        document::{self, ACCEPTED},
    },
    oci::{Digest, canonical_json},
    registry::http::{RegistryRequest, backoff, wait},
    report::{ErrorName, Failure, Limits, shown},
};

/// The media type of the list.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Lists `sent`, which is in the repository, as a referrer of `subject`, unless the registry does so itself.
///
/// # Errors
/// A list that cannot be read or written, or that others overwrite all the time.
pub(super) fn list_referrer(repository: &PushRepository, sent: &PushDocument, subject: &Digest) -> Result<(), Failure> {
    if keeps_lists(repository, subject)? {
        return Ok(());
    }
    let tag = subject.to_string().replacen(':', "-", 1);
    for attempt in 0..=Limits::RETRIES {
        let mut index = read_list(repository, &tag)?;
        let Some(entries) = index.get_mut("manifests").and_then(Value::as_array_mut) else {
            return Err(Failure::error(
                ErrorName::RegistryProtocol,
                format!("the tag `{tag}` is not an index of referrers of `{subject}`"),
            ));
        };
        let own = sent.blob.digest.to_string();
        if entries.iter().any(|entry| entry.get("digest").and_then(Value::as_str) == Some(&own)) {
            return Ok(());
        }
        entries.push(list_entry(sent));
        let written = canonical_json(&index).map_err(|_| {
            Failure::error(ErrorName::Internal, format!("the referrers index `{tag}` cannot be written"))
        })?;
        if written.len() as u64 > Limits::MANIFEST_BYTES {
            return Err(Failure::error(
                ErrorName::RegistryLimit,
                format!("the referrers index `{tag}` would be larger than a manifest may be"),
            ));
        }
        let blob = BlobRef { media_type: INDEX.to_owned(), digest: Digest::of(&written), size: written.len() as u64 };
        repository.put_manifest(&tag, &blob, &written).map_err(ManifestRefusal::failure)?;
        wait(backoff(attempt));
    }
    Err(Failure::error(ErrorName::RegistryLimit, format!("other clients keep overwriting the referrers index `{tag}`")))
}

/// Whether the registry has the referrers API.
fn keeps_lists(repository: &PushRepository, subject: &Digest) -> Result<bool, Failure> {
    let call = RegistryRequest::new(Method::GET, repository.url(&format!("referrers/{subject}"))?, &repository.wanted);
    let mut answer = repository.client.send(&call).map_err(|fault| fault.failure)?;
    match answer.status {
        200 => Ok(true),
        // Some have no such address at all, and some no such word.
        400 | 404 | 405 | 501 => Ok(false),
        _ => {
            let what = format!("cannot list the referrers of `{subject}`: {}", answer.refusal());
            Err(Failure::error(answer.error_name(), what))
        }
    }
}

/// The list under `tag`, or an empty one.
fn read_list(repository: &PushRepository, tag: &str) -> Result<Value, Failure> {
    let call = RegistryRequest::new(Method::GET, repository.url(&format!("manifests/{tag}"))?, &repository.wanted);
    let call = call.header(header::ACCEPT, ACCEPTED.join(", "));
    let mut answer = repository.client.send(&call).map_err(|fault| fault.failure)?;
    let wrong = |name: ErrorName, what: &str| {
        Failure::error(name, format!("cannot read the referrers index `{tag}`: {}", shown(what)))
    };
    match answer.status {
        404 => return Ok(json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] })),
        200 => {}
        _ => return Err(wrong(answer.error_name(), &answer.refusal())),
    }
    let bytes = answer
        .read_body(Limits::MANIFEST_BYTES)
        .map_err(|error| wrong(ErrorName::of_io(&error), &error.to_string()))?;
    document::parse_index(&bytes).map_err(|what| wrong(ErrorName::RegistryProtocol, &what))?;
    serde_json::from_slice(&bytes).map_err(|_| wrong(ErrorName::RegistryProtocol, "it is no JSON"))
}

/// The entry of a referrer in the index.
fn list_entry(sent: &PushDocument) -> Value {
    let mut entry = json!({
        "mediaType": sent.blob.media_type, "digest": sent.blob.digest.to_string(), "size": sent.blob.size,
    });
    let document: Value = serde_json::from_slice(&sent.bytes).unwrap_or_default();
    let own = document.get("artifactType").and_then(Value::as_str).filter(|kind| !kind.is_empty());
    let config = || document.get("config")?.get("mediaType")?.as_str();
    if let (Some(kind), Some(entry)) = (own.or_else(config), entry.as_object_mut()) {
        entry.insert("artifactType".to_owned(), kind.into());
    }
    if let (Some(annotations @ Value::Object(_)), Some(entry)) = (document.get("annotations"), entry.as_object_mut()) {
        entry.insert("annotations".to_owned(), annotations.clone());
    }
    entry
}
