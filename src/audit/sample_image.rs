//! [`SampleImage`]: builds images in memory for tests.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use std::{io::Write as _, sync::Arc};

use serde_json::{Value, json};

mod sample_program;

use super::{Audit, AuditQuery, Finding, audit};
use crate::{
    image::{BlobRef, ImageSet, StoredImage, StoredLayer},
    oci::{DiffId, Digest, Open},
    policy::Policy,
    report::Rule,
};
pub(super) use sample_program::{SampleProgram, elf};

/// An image to be audited.
#[derive(Clone, Debug)]
pub(super) struct SampleImage {
    document: Value,
    manifest: Value,
    layers: Vec<Vec<u8>>,
    descriptor: Vec<(String, Value)>,
    gzip: Option<u32>,
    /// The media type of layers, where it is not that of how they are packed.
    called: Option<String>,
    damaged: bool,
}

/// An entry of a layer.
#[derive(Clone, Debug)]
pub(super) struct SampleFile {
    path: String,
    kind: tar::EntryType,
    content: Vec<u8>,
    target: String,
    mode: u32,
    owner: (u64, u64),
    mtime: u64,
    names: (String, String),
    device: (u32, u32),
    pax: Vec<(String, Vec<u8>)>,
}

impl SampleFile {
    pub(super) fn new(path: &str, content: &[u8]) -> Self {
        Self {
            path: path.to_owned(),
            kind: tar::EntryType::Regular,
            content: content.to_vec(),
            target: String::new(),
            mode: 0o444,
            owner: (0, 0),
            mtime: 0,
            names: Default::default(),
            device: (0, 0),
            pax: Vec::new(),
        }
    }

    fn of(path: &str, kind: tar::EntryType, mode: u32) -> Self {
        Self { kind, mode, ..Self::new(path, b"") }
    }

    pub(super) fn text(path: &str, text: &str) -> Self {
        Self::new(path, text.as_bytes())
    }

    pub(super) fn folder(path: &str) -> Self {
        Self::of(path, tar::EntryType::Directory, 0o755)
    }

    pub(super) fn symlink(path: &str, target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::of(path, tar::EntryType::Symlink, 0o777) }
    }

    pub(super) fn hard_link(path: &str, target: &str) -> Self {
        Self { target: target.to_owned(), ..Self::of(path, tar::EntryType::Link, 0o444) }
    }

    pub(super) fn device(path: &str, major: u32, minor: u32) -> Self {
        Self { device: (major, minor), ..Self::of(path, tar::EntryType::Char, 0o600) }
    }

    pub(super) fn fifo(path: &str) -> Self {
        Self::of(path, tar::EntryType::Fifo, 0o600)
    }

    /// The mark that deletes `path` from the layers below.
    pub(super) fn whiteout(path: &str) -> Self {
        let (folder, name) =
            path.rsplit_once('/').map_or((String::new(), path), |(folder, name)| (format!("{folder}/"), name));
        Self::text(&format!("{folder}.wh.{name}"), "")
    }

    pub(super) fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn owner(self, uid: u64, gid: u64) -> Self {
        Self { owner: (uid, gid), ..self }
    }

    pub(super) fn mtime(self, mtime: u64) -> Self {
        Self { mtime, ..self }
    }

    pub(super) fn names(self, user: &str, group: &str) -> Self {
        Self { names: (user.to_owned(), group.to_owned()), ..self }
    }

    pub(super) fn pax(mut self, key: &str, value: &[u8]) -> Self {
        self.pax.push((key.to_owned(), value.to_vec()));
        self
    }

    pub(super) fn xattr(self, name: &str, value: &[u8]) -> Self {
        self.pax(&format!("SCHILY.xattr.{name}"), value)
    }

    fn write(&self, out: &mut Vec<u8>) {
        if !self.pax.is_empty() {
            let mut records = Vec::new();
            for (key, value) in &self.pax {
                let body = key.len() + value.len() + 3;
                let mut length = body + 1;
                while body + length.to_string().len() != length {
                    length += 1;
                }
                records.extend(format!("{length} {key}=").bytes());
                records.extend(value);
                records.push(b'\n');
            }
            block(out, "pax", tar::EntryType::XHeader, &records, |_| ());
        }
        block(out, &self.path, self.kind, &self.content, |header| {
            let old = header.as_old_mut();
            old.linkname[..self.target.len()].copy_from_slice(self.target.as_bytes());
            header.set_mode(self.mode);
            header.set_uid(self.owner.0);
            header.set_gid(self.owner.1);
            header.set_mtime(self.mtime);
            header.set_username(&self.names.0).unwrap();
            header.set_groupname(&self.names.1).unwrap();
            header.set_device_major(self.device.0).unwrap();
            header.set_device_minor(self.device.1).unwrap();
        });
    }
}

/// Header and content, whatever the name is.
fn block(out: &mut Vec<u8>, path: &str, kind: tar::EntryType, content: &[u8], more: impl FnOnce(&mut tar::Header)) {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    more(&mut header);
    header.set_cksum();
    out.extend(header.as_bytes());
    out.extend(content);
    out.resize(out.len().next_multiple_of(512), 0);
}

impl SampleImage {
    /// An image without layers that runs `/usr/bin/server` as 65532.
    pub(super) fn new() -> Self {
        Self {
            document: json!({
                "architecture": "amd64",
                "os": "linux",
                "created": "1970-01-01T00:00:00Z",
                "config": { "User": "65532:65532", "Entrypoint": ["/usr/bin/server"] },
                "rootfs": { "type": "layers", "diff_ids": [] },
            }),
            manifest: json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "layers": [],
            }),
            layers: Vec::new(),
            descriptor: Vec::new(),
            gzip: None,
            called: None,
            damaged: false,
        }
    }

    /// A key of the run config.
    pub(super) fn config(mut self, key: &str, value: Value) -> Self {
        self.document["config"][key] = value;
        self
    }

    /// A key of the config.
    pub(super) fn document(mut self, key: &str, value: Value) -> Self {
        self.document[key] = value;
        self
    }

    /// A key of the manifest.
    pub(super) fn manifest(mut self, key: &str, value: Value) -> Self {
        self.manifest[key] = value;
        self
    }

    /// A key of every layer's descriptor.
    pub(super) fn layer_descriptor(mut self, key: &str, value: Value) -> Self {
        self.descriptor.push((key.to_owned(), value));
        self
    }

    pub(super) fn user(self, user: &str) -> Self {
        self.config("User", json!(user))
    }

    pub(super) fn entrypoint(self, words: &[&str]) -> Self {
        self.config("Entrypoint", json!(words))
    }

    pub(super) fn env(self, lines: &[&str]) -> Self {
        self.config("Env", json!(lines))
    }

    pub(super) fn port(self, port: &str) -> Self {
        self.config("ExposedPorts", json!({ port: {} }))
    }

    pub(super) fn volume(self, path: &str) -> Self {
        self.config("Volumes", json!({ path: {} }))
    }

    pub(super) fn history(self, command: &str) -> Self {
        self.document("history", json!([{ "created_by": command }]))
    }

    /// Layers are packed, with this time in the header.
    pub(super) fn gzip(mut self, time: u32) -> Self {
        self.gzip = Some(time);
        self
    }

    /// Layers have that media type, however they are packed.
    pub(super) fn called(mut self, media_type: &str) -> Self {
        self.called = Some(media_type.to_owned());
        self
    }

    /// The last byte of every layer is another one than its names say.
    pub(super) fn damaged(mut self) -> Self {
        self.damaged = true;
        self
    }

    /// One layer more.
    pub(super) fn layer(self, files: impl IntoIterator<Item = SampleFile>) -> Self {
        self.raw_layer(&[files.into_iter().collect()])
    }

    /// One layer more, of several archives behind each other, each with its end.
    pub(super) fn raw_layer(mut self, archives: &[Vec<SampleFile>]) -> Self {
        let mut bytes = Vec::new();
        for files in archives {
            for file in files {
                file.write(&mut bytes);
            }
            bytes.extend([0; 1024]);
        }
        self.layers.push(bytes);
        self
    }

    /// One layer more, of these bytes.
    pub(super) fn tar(mut self, bytes: Vec<u8>) -> Self {
        self.layers.push(bytes);
        self
    }

    /// The image as a place would give it.
    pub(super) fn set(&self) -> ImageSet {
        let mut manifest = self.manifest.clone();
        let mut document = self.document.clone();
        let mut layers = Vec::new();
        for tar in &self.layers {
            let diff_id = DiffId::new(Digest::of(tar));
            let (kind, mut blob) = match self.gzip {
                None => ("application/vnd.oci.image.layer.v1.tar", tar.clone()),
                Some(time) => {
                    let mut packed =
                        flate2::GzBuilder::new().mtime(time).write(Vec::new(), flate2::Compression::fast());
                    packed.write_all(tar).unwrap();
                    ("application/vnd.oci.image.layer.v1.tar+gzip", packed.finish().unwrap())
                }
            };
            let kind = self.called.as_deref().unwrap_or(kind);
            let digest = Digest::of(&blob);
            if self.damaged {
                *blob.last_mut().unwrap() ^= 1;
            }
            let mut descriptor = json!({ "mediaType": kind, "digest": digest, "size": blob.len() });
            for (key, value) in &self.descriptor {
                descriptor[key] = value.clone();
            }
            manifest["layers"].as_array_mut().unwrap().push(descriptor);
            document["rootfs"]["diff_ids"].as_array_mut().unwrap().push(json!(diff_id));
            let name = BlobRef { media_type: kind.to_owned(), digest, size: blob.len() as u64 };
            layers.push(StoredLayer { descriptor: name, diff_id, blob: Arc::new(blob) as Arc<dyn Open> });
        }
        let config = document.to_string().into_bytes();
        let name = |media_type: &str, bytes: &[u8]| BlobRef {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let config_descriptor = name("application/vnd.oci.image.config.v1+json", &config);
        manifest["config"] = json!({ "mediaType": config_descriptor.media_type, "digest": config_descriptor.digest, "size": config.len() });
        let root = name("application/vnd.oci.image.manifest.v1+json", manifest.to_string().as_bytes());
        let image = StoredImage {
            platform: None,
            descriptor: Some(root.clone()),
            manifest: Some(serde_json::from_value(manifest.clone()).unwrap()),
            manifest_document: manifest,
            config_descriptor,
            config: serde_json::from_value(document.clone()).unwrap(),
            config_document: document,
            layers,
        };
        ImageSet {
            reference: None,
            aliases: Vec::new(),
            root: Some(root),
            images: vec![image],
            skipped: Vec::new(),
            outer_documents: Vec::new(),
        }
    }

    /// Audits by the `default` profile.
    pub(super) fn audit(&self) -> Audit {
        self.audit_by(&Policy::profile("default").unwrap())
    }

    /// Audits by that policy.
    pub(super) fn audit_by(&self, policy: &Policy) -> Audit {
        audit(&self.set(), &AuditQuery { image: "sample", policy, today: (2026, 5, 9) })
    }
}

/// The findings of one rule.
pub(super) fn found(audit: &Audit, rule: Rule) -> Vec<&Finding> {
    let images = audit.images.iter().flat_map(|image| &image.findings);
    audit.findings.iter().chain(images).filter(|finding| finding.rule == rule).collect()
}

/// Those of a family's rules that found something, in the order of the catalogue.
pub(super) fn has(audit: &Audit, family: &[Rule]) -> Vec<Rule> {
    let mut rules: Vec<Rule> = family.iter().copied().filter(|rule| !found(audit, *rule).is_empty()).collect();
    rules.sort_unstable();
    rules
}
