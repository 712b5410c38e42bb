//! Parses indexes, manifests, configs, the `oci-layout` file and docker's `manifest.json`.
//!
//! Every reader of images uses these functions. A document that two readers could understand differently is refused;
//! error texts are safe to print.

use oci_spec::image::{ImageConfiguration, ImageIndex, ImageManifest, MediaType, OciLayout};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{
    image::{
        json_shape::{ARCHIVE, CONFIG, DOCUMENT, LAYOUT},
        strict_json::parse_strict,
    },
    oci::media_type::{INDEX, MANIFEST},
    report::shown,
};

/// Docker's name of a manifest.
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's name of an index.
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's name of a config.
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Docker's name of a manifest before 2016, which has no config and names layers by their compressed bytes alone.
const DOCKER_SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1";
/// The `Accept` header of requests for manifests.
pub(crate) const ACCEPTED: [&str; 4] = [INDEX, MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST];

/// The kind of document that a media type stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    Index,
    Manifest,
    /// Any other blob.
    Other,
}

/// A parsed document, and the same as it stands there, with keys that the specification does not have.
#[derive(Debug, Clone)]
pub(crate) enum ImageDocument {
    Index(Box<ImageIndex>, Value),
    Manifest(Box<ImageManifest>, Value),
}

/// The index of a place, `index.json`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlaceIndex {
    pub(crate) index: ImageIndex,
    /// The same as it stands there.
    pub(crate) document: Value,
}

impl DocumentKind {
    pub(crate) fn of(media_type: &str) -> Self {
        match media_type {
            INDEX | DOCKER_INDEX => Self::Index,
            MANIFEST | DOCKER_MANIFEST => Self::Manifest,
            _ => Self::Other,
        }
    }
}

/// Whether a config of this media type is one of an image.
pub(crate) fn is_image_config(media_type: &MediaType) -> bool {
    matches!(media_type, MediaType::ImageConfig) || media_type.as_ref() == DOCKER_CONFIG
}

/// Reads an index or a manifest, which a descriptor of `media_type` pointed at.
///
/// # Errors
/// A sentence about the document, safe to print.
pub(crate) fn parse_manifest_or_index(media_type: &str, bytes: &[u8]) -> Result<ImageDocument, String> {
    match DocumentKind::of(media_type) {
        DocumentKind::Index => Ok(ImageDocument::Index(Box::new(parse_index(bytes)?), as_written(bytes)?)),
        DocumentKind::Manifest => {
            let manifest: ImageManifest = parse_strict(bytes, &DOCUMENT)?;
            check_kind(manifest.schema_version(), manifest.media_type().as_ref(), DocumentKind::Manifest)?;
            Ok(ImageDocument::Manifest(Box::new(manifest), as_written(bytes)?))
        }
        DocumentKind::Other => Err(format!("`{}` is no manifest and no index", shown(media_type))),
    }
}

/// The media type of a document that a registry sent with the `Content-Type` `said`: its own `mediaType`, where it has one.
///
/// # Errors
/// It is neither an index nor a manifest, or calls itself something else than the registry does.
pub(crate) fn media_type(said: &str, bytes: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct DeclaredType {
        #[serde(rename = "mediaType", default)]
        media_type: Option<String>,
    }
    if is_schema_1(said) {
        return Err("it is an image of Docker's schema 1, which is not read".to_owned());
    }
    let own: DeclaredType = parse_strict(bytes, &DOCUMENT)?;
    match own.media_type {
        Some(own) if DocumentKind::of(said) != DocumentKind::Other && own != said => {
            Err(format!("it calls itself `{}`, the registry says `{}`", shown(&own), shown(said)))
        }
        Some(own) if DocumentKind::of(&own) != DocumentKind::Other => Ok(own),
        None if DocumentKind::of(said) != DocumentKind::Other => Ok(said.to_owned()),
        other => Err(format!("`{}` is no manifest and no index", shown(other.as_deref().unwrap_or(said)))),
    }
}

/// Whether a registry calls a document an image of Docker's schema 1.
pub(crate) fn is_schema_1(media_type: &str) -> bool {
    media_type.starts_with(DOCKER_SCHEMA_1)
}

/// The media type of a document that was named by its digest alone, without a descriptor or a `Content-Type`.
///
/// # Errors
/// It is neither an index nor a manifest.
pub(crate) fn own_media_type(bytes: &[u8]) -> Result<String, String> {
    #[derive(Deserialize)]
    struct DeclaredFields {
        #[serde(rename = "mediaType", default)]
        media_type: Option<String>,
        #[serde(default)]
        manifests: Option<IgnoredAny>,
    }
    let own: DeclaredFields = parse_strict(bytes, &DOCUMENT)?;
    // OCI's documents need not say it; `strict` has refused what is both.
    let usual = if own.manifests.is_some() { INDEX } else { MANIFEST };
    media_type(own.media_type.as_deref().unwrap_or(usual), bytes)
}

/// Reads an index, such as a layout's `index.json`.
pub(crate) fn parse_index(bytes: &[u8]) -> Result<ImageIndex, String> {
    let index: ImageIndex = parse_strict(bytes, &DOCUMENT)?;
    check_kind(index.schema_version(), index.media_type().as_ref(), DocumentKind::Index)?;
    Ok(index)
}

/// Reads the `index.json` of a layout or an archive.
pub(crate) fn parse_place_index(bytes: &[u8]) -> Result<PlaceIndex, String> {
    Ok(PlaceIndex { index: parse_index(bytes)?, document: as_written(bytes)? })
}

/// A document that was read strictly before, with every key.
fn as_written(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(bytes).map_err(|error| shown(&error.to_string()))
}

/// Reads the config of an image.
pub(crate) fn parse_config(bytes: &[u8]) -> Result<ImageConfiguration, String> {
    parse_strict(bytes, &CONFIG)
}

/// Reads the version in the `oci-layout` file.
pub(crate) fn parse_layout_version(bytes: &[u8]) -> Result<String, String> {
    parse_strict::<OciLayout>(bytes, &LAYOUT).map(|layout| layout.image_layout_version().clone())
}

/// The document must be what its descriptor said.
fn check_kind(schema_version: u32, media_type: Option<&MediaType>, kind: DocumentKind) -> Result<(), String> {
    if schema_version != 2 {
        return Err(format!("its schema version is {schema_version}, not 2"));
    }
    match media_type {
        Some(own) if DocumentKind::of(own.as_ref()) != kind => {
            Err(format!("it calls itself `{}`, its descriptor says otherwise", shown(own.as_ref())))
        }
        _ => Ok(()),
    }
}

/// One image of docker's `manifest.json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ArchiveEntry {
    /// The member that is the config.
    pub(crate) config: String,
    /// `repository:tag`; none for an image without a name.
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    /// The members that are the layers, the lowest first.
    #[serde(default)]
    pub(crate) layers: Option<Vec<String>>,
}

/// Reads docker's `manifest.json`: the images of an archive.
pub(crate) fn parse_docker_table(bytes: &[u8]) -> Result<Vec<ArchiveEntry>, String> {
    parse_strict(bytes, &ARCHIVE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn refused(media_type: &str, text: &str) -> String {
        parse_manifest_or_index(media_type, text.as_bytes()).unwrap_err()
    }

    #[test]
    fn documents_that_two_readers_could_read_differently_are_refused() {
        let twice = r#"{"schemaVersion":2,"manifests":[],"annotations":{"a":"1","a":"2"}}"#;
        assert!(refused(INDEX, twice).contains("the key `a` is there twice"));
        let both = r#"{"schemaVersion":2,"manifests":[],"layers":[]}"#;
        assert!(refused(INDEX, both).contains("a manifest and an index in one"));
        let spelled = r#"{"schemaVersion":2,"manifests":[],"Manifests":[]}"#;
        assert!(refused(INDEX, spelled).contains("second spelling of `manifests`"));
        let other = r#"{"schemaVersion":2,"manifests":[],"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;
        assert!(refused(INDEX, other).contains("calls itself"));
        assert!(refused(INDEX, r#"{"schemaVersion":1,"manifests":[]}"#).contains("schema version is 1"));
        assert!(refused(INDEX, r#"{"schemaVersion":2,"manifests":[]} x"#).contains("trailing"));
        assert!(refused(MANIFEST, &"[".repeat(100_000)).contains("recursion"));
        let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"User":"1","user":"0"}}"#;
        assert!(parse_config(config.as_bytes()).unwrap_err().contains("second spelling of `User`"));
    }

    #[test]
    fn a_document_is_what_it_and_the_registry_call_it() {
        let called = |own: &str| format!(r#"{{"schemaVersion":2,"mediaType":"{own}","manifests":[]}}"#);
        let kind = |said: &str, text: &str| media_type(said, text.as_bytes());
        let nameless = r#"{"schemaVersion":2,"manifests":[]}"#;
        assert_eq!(kind(INDEX, &called(INDEX)).unwrap(), INDEX);
        assert_eq!(kind(INDEX, nameless).unwrap(), INDEX);
        // A registry that says nothing of use.
        assert_eq!(kind("application/json", &called(DOCKER_INDEX)).unwrap(), DOCKER_INDEX);
        assert!(kind("application/json", nameless).unwrap_err().contains("no manifest and no index"));
        assert!(kind(MANIFEST, &called(INDEX)).unwrap_err().contains("the registry says"));
        assert!(kind(DOCKER_INDEX, &called(INDEX)).unwrap_err().contains("the registry says"));
        for said in [DOCKER_SCHEMA_1.to_owned(), format!("{DOCKER_SCHEMA_1}+prettyjws")] {
            assert!(kind(&said, &called(INDEX)).unwrap_err().contains("schema 1"), "{said}");
        }
        assert_eq!(own_media_type(nameless.as_bytes()).unwrap(), INDEX);
        assert_eq!(own_media_type(br#"{"schemaVersion":2}"#).unwrap(), MANIFEST);
        assert!(own_media_type(called("text/plain").as_bytes()).unwrap_err().contains("no manifest and no index"));
    }

    #[test]
    fn words_of_the_author_may_look_like_fields() {
        let text = r#"{"schemaVersion":2,"manifests":[],"annotations":{"USER":"a","user":"b"}}"#;
        assert!(parse_manifest_or_index(INDEX, text.as_bytes()).is_ok());
        let config = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]},"config":{"Labels":{"user":"b","cmd":"c"},"Env":null,"Volumes":{"/user":{}}}}"#;
        assert!(parse_config(config.as_bytes()).is_ok());
    }

    #[test]
    fn foreign_text_in_a_message_is_printable() {
        let text =
            "{\"schemaVersion\":2,\"manifests\":[],\"x\u{1b}[2J\":1,\"x\u{1b}[2J\":1}".replace('\u{1b}', "\\u001b");
        assert!(refused(INDEX, &text).contains("\\u{1b}"));
        let long = format!("[\"{}\"]", "x".repeat(1 << 20));
        assert!(refused(INDEX, &long).len() < 200);
    }
}
