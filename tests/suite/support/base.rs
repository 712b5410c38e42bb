//! Images to build on, written without hardpan: any platforms, either family of media types, any packing, in a registry or
//! on the disk.

use serde_json::{Value, json};

use super::{case::Case, foreign::Tar, layout::sha256, registry::Registry};

/// Whose media types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    Oci,
    Docker,
}

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packed {
    Gzip,
    Zstd,
    Plain,
}

/// The image of one platform.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The whole config but for `rootfs`.
    pub config: Value,
    /// Stored bytes, their media type and the digest of the tar.
    pub layers: Vec<(Vec<u8>, String, String)>,
    family: Family,
}

/// An image, or an index where there are several stages.
#[derive(Debug, Clone)]
pub struct Base {
    family: Family,
    stages: Vec<Stage>,
    /// Whether an index gives the platforms of its images.
    pub names_platforms: bool,
}

/// What a base consists of.
#[derive(Debug, Clone)]
pub struct Written {
    pub blobs: Vec<Vec<u8>>,
    /// Media type and bytes; the root is the last.
    pub manifests: Vec<(String, Vec<u8>)>,
}

impl Stage {
    pub fn new(family: Family, architecture: &str) -> Self {
        let config = json!({ "architecture": architecture, "os": "linux", "config": {}, "history": [] });
        Self { config, layers: Vec::new(), family }
    }

    /// What distroless images have: accounts, certificates, `/tmp`.
    pub fn distroless(family: Family, architecture: &str) -> Self {
        let files = Tar::new()
            .folder("etc")
            .file(
                "etc/passwd",
                0o644,
                "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
            )
            .file("etc/group", 0o644, "root:x:0:\nnonroot:x:65532:\n")
            .folder("etc/ssl")
            .folder("etc/ssl/certs")
            .file("etc/ssl/certs/ca-certificates.crt", 0o644, "")
            .owned_folder("tmp", 0o1777, (0, 0));
        Self::new(family, architecture)
            .set("Env", json!(["PATH=/usr/bin:/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt", "A=base"]))
            .set("Labels", json!({ "base": "yes", "both": "base" }))
            .set("User", json!("0"))
            .layer(files, Packed::Gzip)
    }

    /// Sets a key of the run config.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.config["config"][key] = value;
        self
    }

    /// A layer with its line of history.
    pub fn layer(self, tar: Tar, packed: Packed) -> Self {
        self.raw_layer(&tar.bytes(), packed)
    }

    pub fn raw_layer(mut self, tar: &[u8], packed: Packed) -> Self {
        let (bytes, word) = match packed {
            Packed::Gzip => (super::foreign::gzip(tar), "gzip"),
            Packed::Zstd => (zstd::encode_all(tar, 1).expect("zstd"), "zstd"),
            Packed::Plain => (tar.to_vec(), ""),
        };
        let media_type = match self.family {
            Family::Oci => format!("application/vnd.oci.image.layer.v1.tar+{word}").trim_end_matches('+').to_owned(),
            Family::Docker => {
                format!("application/vnd.docker.image.rootfs.diff.tar.{word}").trim_end_matches('.').to_owned()
            }
        };
        let line =
            json!({ "created": "2020-02-02T02:02:02.123Z", "created_by": format!("layer {}", self.layers.len()) });
        self.layers.push((bytes, media_type, sha256(tar)));
        self.line(line)
    }

    /// A line of history.
    pub fn line(mut self, line: Value) -> Self {
        self.config["history"].as_array_mut().expect("a history").push(line);
        self
    }

    /// Digests of the stored layers, the lowest first.
    pub fn digests(&self) -> Vec<String> {
        self.layers.iter().map(|(bytes, ..)| sha256(bytes)).collect()
    }

    fn write(&self, written: &mut Written) -> Value {
        let (config_type, manifest_type) = match self.family {
            Family::Oci => ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.manifest.v1+json"),
            Family::Docker => (
                "application/vnd.docker.container.image.v1+json",
                "application/vnd.docker.distribution.manifest.v2+json",
            ),
        };
        let mut config = self.config.clone();
        let diff_ids: Vec<&String> = self.layers.iter().map(|(_, _, diff_id)| diff_id).collect();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = serde_json::to_vec(&config).expect("JSON");
        let layers: Vec<Value> = self.layers.iter().map(|(bytes, kind, _)| descriptor(kind, bytes)).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": descriptor(config_type, &config),
            "layers": layers,
        });
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        written.blobs.push(config);
        written.blobs.extend(self.layers.iter().map(|(bytes, ..)| bytes.clone()));
        let mut named = descriptor(manifest_type, &manifest);
        named["platform"] = json!({ "os": self.config["os"], "architecture": self.config["architecture"] });
        written.manifests.push((manifest_type.to_owned(), manifest));
        named
    }
}

impl Base {
    pub fn of(stages: impl IntoIterator<Item = Stage>) -> Self {
        let stages: Vec<_> = stages.into_iter().collect();
        Self { family: stages[0].family, stages, names_platforms: true }
    }

    pub fn write(&self) -> Written {
        let mut written = Written { blobs: Vec::new(), manifests: Vec::new() };
        let mut named: Vec<Value> = self.stages.iter().map(|stage| stage.write(&mut written)).collect();
        if named.len() > 1 {
            if !self.names_platforms {
                named.iter_mut().filter_map(Value::as_object_mut).for_each(|one| drop(one.remove("platform")));
            }
            let kind = match self.family {
                Family::Oci => "application/vnd.oci.image.index.v1+json",
                Family::Docker => "application/vnd.docker.distribution.manifest.list.v2+json",
            };
            let index = json!({ "schemaVersion": 2, "mediaType": kind, "manifests": named });
            written.manifests.push((kind.to_owned(), serde_json::to_vec(&index).expect("JSON")));
        }
        written
    }

    /// Puts it into a registry; returns the digest of the root.
    pub fn push(&self, registry: &Registry, repository: &str, tag: &str) -> String {
        let written = self.write();
        for blob in &written.blobs {
            registry.keep_blob(repository, blob);
        }
        for (kind, manifest) in &written.manifests {
            registry.keep_manifest(repository, &sha256(manifest), kind, manifest);
        }
        let (kind, root) = written.manifests.last().expect("a root");
        registry.keep_manifest(repository, tag, kind, root);
        sha256(root)
    }

    /// Writes an OCI layout into the case.
    pub fn layout(&self, case: Case, path: &str) -> Case {
        let written = self.write();
        let manifests = written.manifests.iter().map(|(_, bytes)| bytes);
        let case = written.blobs.iter().chain(manifests).fold(case, |case, bytes| {
            case.file(format!("{path}/blobs/{}", sha256(bytes).replacen(':', "/", 1)), bytes)
        });
        let (kind, root) = written.manifests.last().expect("a root");
        let index = json!({ "schemaVersion": 2, "manifests": [descriptor(kind, root)] });
        case.file(format!("{path}/oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}")
            .file(format!("{path}/index.json"), index.to_string())
    }
}

fn descriptor(kind: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": kind, "digest": sha256(bytes), "size": bytes.len() })
}
