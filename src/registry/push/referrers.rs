//! Who refers to an image, where the registry does not keep that list itself.
//!
//! A registry with the referrers API lists what it is sent, and says so (`OCI-Subject`). For one without, the list is an
//! index under a tag that is made of the subject's digest, and whoever pushes keeps it (distribution-spec, "Referrers Tag
//! Schema"). Two who do that at once can overwrite each other, and nothing in the protocol stops them: each looks again
//! a moment later whether it is still in the list, and enters itself anew if it is not.

use serde_json::{Value, json};
use ureq::http::{Method, header};

use super::{contents::PushDocument, repository::PushRepository};
use crate::{
    image::{
        BlobRef,
        document::{self, ACCEPTED},
    },
    oci::{Digest, canonical_json},
    registry::http::{RegistryRequest, backoff, wait},
    report::{ErrorName, Failure, Limits, shown},
};

/// What the list is.
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Sees to it that `sent`, which is in the repository, is listed as one that refers to `subject`.
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
                format!("the tag `{tag}` is no list of what refers to `{subject}`"),
            ));
        };
        let own = sent.blob.digest.to_string();
        if entries.iter().any(|entry| entry.get("digest").and_then(Value::as_str) == Some(&own)) {
            return Ok(());
        }
        entries.push(list_entry(sent));
        let written = canonical_json(&index)
            .map_err(|_| Failure::error(ErrorName::Internal, format!("the list `{tag}` cannot be written")))?;
        if written.len() as u64 > Limits::MANIFEST_BYTES {
            return Err(Failure::error(
                ErrorName::RegistryLimit,
                format!("the list `{tag}` is full: a registry takes no larger manifest"),
            ));
        }
        let blob = BlobRef { media_type: INDEX.to_owned(), digest: Digest::of(&written), size: written.len() as u64 };
        repository.put_manifest(&tag, &blob, &written).map_err(super::ManifestRefusal::failure)?;
        wait(backoff(attempt));
    }
    Err(Failure::error(
        ErrorName::RegistryLimit,
        format!("others overwrite the list `{tag}` of what refers to `{subject}` all the time"),
    ))
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
            let what = format!("cannot look who refers to `{subject}`: {}", answer.refusal());
            Err(Failure::error(answer.error_name(), what))
        }
    }
}

/// The list under `tag`, or an empty one.
fn read_list(repository: &PushRepository, tag: &str) -> Result<Value, Failure> {
    let call = RegistryRequest::new(Method::GET, repository.url(&format!("manifests/{tag}"))?, &repository.wanted);
    let call = call.header(header::ACCEPT, ACCEPTED.join(", "));
    let mut answer = repository.client.send(&call).map_err(|fault| fault.failure)?;
    let wrong =
        |name: ErrorName, what: &str| Failure::error(name, format!("cannot read the list `{tag}`: {}", shown(what)));
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

/// What a list says of one that refers.
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
