//! Any bytes for layers and any config are audited: there is a report, the same one twice, and it can be written.
//!
//! The input is the tar of a layer; or a config and layers, divided by lines of dashes.

use std::sync::Arc;

use hardpan::{
    audit::{AuditQuery, audit},
    image::{BlobRef, ImageSet, StoredImage, StoredLayer},
    oci::{DiffId, Digest},
    policy::Policy,
};

use super::checks;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
/// Layers that are looked at.
const LAYERS: usize = 4;

pub fn run(bytes: &[u8]) {
    let mut tars = checks::parts(bytes);
    let document = if tars.len() > 1 { checks::text(tars.remove(0)) } else { String::new() };
    let mut config: serde_json::Value = serde_json::from_str(&document).unwrap_or_default();
    if !config.is_object() {
        config = serde_json::json!({ "config": { "User": document, "Entrypoint": ["/a"] } });
    }
    let own = |name: &str, value: serde_json::Value| (name.to_owned(), value);
    if let Some(map) = config.as_object_mut() {
        map.extend([own("architecture", "amd64".into()), own("os", "linux".into())]);
        map.extend([own("rootfs", serde_json::json!({ "type": "layers", "diff_ids": [] }))]);
    }
    let Ok(parsed) = serde_json::from_value(config.clone()) else { return };
    let layers = tars.into_iter().take(LAYERS).map(|tar| {
        let tar = checks::checked(tar.to_vec());
        let digest = Digest::of(&tar);
        let descriptor = BlobRef { media_type: TAR.to_owned(), digest, size: tar.len() as u64 };
        StoredLayer { descriptor, diff_id: DiffId::new(digest), blob: Arc::new(tar) }
    });
    let image = StoredImage {
        platform: None,
        descriptor: None,
        manifest: None,
        manifest_document: serde_json::Value::Null,
        config_descriptor: BlobRef { media_type: String::new(), digest: Digest::of(b""), size: 0 },
        config: parsed,
        config_document: config,
        layers: layers.collect(),
    };
    let set = ImageSet {
        reference: None,
        aliases: Vec::new(),
        root: None,
        images: vec![image],
        skipped: Vec::new(),
        outer_documents: Vec::new(),
    };
    let policy = Policy::profile("hardened").unwrap();
    let report = || {
        let audit = audit(&set, &AuditQuery { image: "fuzz", policy: &policy, today: (2026, 1, 1) });
        serde_json::to_string(&audit).unwrap()
    };
    assert_eq!(report(), report());
}
