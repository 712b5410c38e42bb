//! Images as other tools leave them, written without hardpan: a config in words of JSON, layers entry by entry, in the
//! three forms that images lie around in.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};

use super::{case::Case, layout::sha256};

/// One layer's tar in the making.
#[derive(Debug, Clone, Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

/// An image of one platform.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// The whole config but for `rootfs`.
    config: Value,
    layers: Vec<Vec<u8>>,
    name: String,
}

impl Tar {
    pub fn new() -> Self {
        Self::default()
    }

    /// A file of root's.
    pub fn file(self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.owned(path, mode, (0, 0), content)
    }

    /// A file of somebody's.
    pub fn owned(mut self, path: &str, mode: u32, owner: (u64, u64), content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let size = content.len() as u64;
        self.entry(b'0', path.as_bytes(), b"", (mode, owner, size));
        self.bytes.extend(content);
        self.pad();
        self
    }

    /// A folder of root's with mode 0755.
    pub fn folder(self, path: &str) -> Self {
        self.owned_folder(path, 0o755, (0, 0))
    }

    pub fn owned_folder(mut self, path: &str, mode: u32, owner: (u64, u64)) -> Self {
        self.entry(b'5', format!("{}/", path.trim_end_matches('/')).as_bytes(), b"", (mode, owner, 0));
        self
    }

    pub fn symlink(mut self, path: &str, target: &str) -> Self {
        self.entry(b'2', path.as_bytes(), target.as_bytes(), (0o777, (0, 0), 0));
        self
    }

    pub fn hard_link(mut self, path: &str, target: &str) -> Self {
        self.entry(b'1', path.as_bytes(), target.as_bytes(), (0o644, (0, 0), 0));
        self
    }

    /// A PAX header (`x`, or `g` for all that follows) with these records, for the next entry.
    pub fn records(mut self, kind: u8, records: &[(&str, &str)]) -> Self {
        let record = |(key, value): &(&str, &str)| {
            let rest = format!(" {key}={value}\n");
            // The length counts itself.
            let length = (1..9999).find(|length: &usize| length.to_string().len() + rest.len() == *length);
            format!("{}{rest}", length.expect("a length"))
        };
        let text = records.iter().map(record).collect::<Vec<_>>().concat();
        self.entry(kind, b"PaxHeaders/0", b"", (0o644, (0, 0), text.len() as u64));
        self.bytes.extend(text.as_bytes());
        self.pad();
        self
    }

    /// An entry of any type, its name written as it is, however wrong. A long name goes into a header of GNU's.
    pub fn entry(&mut self, kind: u8, path: &[u8], target: &[u8], (mode, owner, size): (u32, (u64, u64), u64)) {
        for (long, name) in [(b'L', path), (b'K', target)] {
            if name.len() > 100 {
                self.header(long, b"././@LongLink", b"", (0o644, (0, 0), name.len() as u64 + 1));
                self.bytes.extend(name);
                self.bytes.push(0);
                self.pad();
            }
        }
        self.header(kind, path, target, (mode, owner, size));
    }

    fn header(&mut self, kind: u8, path: &[u8], target: &[u8], (mode, owner, size): (u32, (u64, u64), u64)) {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::new(kind));
        let old = header.as_old_mut();
        for (field, text) in [(&mut old.name, path), (&mut old.linkname, target)] {
            let length = text.len().min(100);
            field[..length].copy_from_slice(&text[..length]);
        }
        header.set_mode(mode);
        header.set_uid(owner.0);
        header.set_gid(owner.1);
        header.set_mtime(0);
        header.set_size(size);
        header.set_cksum();
        self.bytes.extend(header.as_bytes());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }

    /// The finished tar.
    pub fn bytes(mut self) -> Vec<u8> {
        self.bytes.resize(self.bytes.len() + 1024, 0);
        self.bytes
    }
}

impl Foreign {
    /// An image for linux/amd64 without anything.
    pub fn new(name: &str) -> Self {
        let config = json!({ "architecture": "amd64", "os": "linux", "config": {}, "history": [] });
        Self { config, layers: Vec::new(), name: name.to_owned() }
    }

    /// Sets a key of the run config.
    pub fn set(mut self, key: &str, value: Value) -> Self {
        self.config["config"][key] = value;
        self
    }

    /// Sets a key of the whole config.
    pub fn top(mut self, key: &str, value: Value) -> Self {
        self.config[key] = value;
        self
    }

    /// A layer, with the command that made it.
    pub fn layer(mut self, created_by: &str, tar: Tar) -> Self {
        self.layers.push(tar.bytes());
        self.history(json!({ "created_by": created_by }))
    }

    /// A command that made no layer.
    pub fn command(self, created_by: &str) -> Self {
        self.history(json!({ "created_by": created_by, "empty_layer": true }))
    }

    fn history(mut self, line: Value) -> Self {
        self.config["history"].as_array_mut().expect("a history").push(line);
        self
    }

    fn config(&self) -> Vec<u8> {
        let mut config = self.config.clone();
        let diff_ids: Vec<String> = self.layers.iter().map(|tar| sha256(tar)).collect();
        config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        serde_json::to_vec(&config).expect("JSON")
    }

    /// The blobs of the OCI forms, the manifest last, and the index.
    fn blobs(&self) -> (Vec<(String, Vec<u8>)>, Value) {
        let mut blobs = Vec::new();
        let mut add = |media_type: &str, bytes: Vec<u8>| {
            let digest = sha256(&bytes);
            let descriptor = json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() });
            blobs.push((digest.replacen(':', "/", 1), bytes));
            descriptor
        };
        let word = "application/vnd.oci.image.";
        let layers: Vec<Value> =
            self.layers.iter().map(|tar| add(&format!("{word}layer.v1.tar+gzip"), gzip(tar))).collect();
        let config = add(&format!("{word}config.v1+json"), self.config());
        let media_type = format!("{word}manifest.v1+json");
        let manifest = json!({ "schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers });
        let mut root = add(&media_type, serde_json::to_vec(&manifest).expect("JSON"));
        root["annotations"] = json!({ "org.opencontainers.image.ref.name": self.name });
        (blobs, json!({ "schemaVersion": 2, "manifests": [root] }))
    }

    /// Writes an OCI layout.
    pub fn layout(&self, case: Case, path: &str) -> Case {
        let (blobs, index) = self.blobs();
        let case = blobs.iter().fold(case, |case, (name, bytes)| case.file(format!("{path}/blobs/{name}"), bytes));
        case.file(format!("{path}/oci-layout"), MARKER).file(format!("{path}/index.json"), index.to_string())
    }

    /// Writes an OCI archive.
    pub fn oci_archive(&self, case: Case, path: &str) -> Case {
        let (blobs, index) = self.blobs();
        let tar = Tar::new().file("oci-layout", 0o644, MARKER).file("index.json", 0o644, index.to_string());
        let tar = blobs.iter().fold(tar, |tar, (name, bytes)| tar.file(&format!("blobs/{name}"), 0o644, bytes));
        case.file(path, tar.bytes())
    }

    /// Writes a docker archive, its layers as they are, as `docker save` does.
    pub fn docker_archive(&self, case: Case, path: &str) -> Case {
        let config = self.config();
        let hex = |bytes: &[u8]| sha256(bytes).replacen("sha256:", "", 1);
        let mut tar = Tar::new().file(&format!("{}.json", hex(&config)), 0o644, &config);
        let mut layers = Vec::new();
        for layer in &self.layers {
            let name = format!("{}/layer.tar", hex(layer));
            if !layers.contains(&name) {
                tar = tar.file(&name, 0o644, layer);
            }
            layers.push(name);
        }
        let manifest =
            json!([{ "Config": format!("{}.json", hex(&config)), "RepoTags": [self.name], "Layers": layers }]);
        case.file(path, tar.file("manifest.json", 0o644, manifest.to_string()).bytes())
    }
}

const MARKER: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

pub fn gzip(tar: &[u8]) -> Vec<u8> {
    let mut writer = GzBuilder::new().write(Vec::new(), Compression::fast());
    writer.write_all(tar).expect("gzip");
    writer.finish().expect("gzip")
}

/// Every file and link below a folder with its length: what an audit must leave as it was.
pub fn listing(folder: &Path) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry")) {
            let status = entry.path().symlink_metadata().expect("its status");
            if status.is_dir() {
                ahead.push(entry.path());
            }
            all.push((entry.path().display().to_string(), if status.is_file() { status.len() } else { 0 }));
        }
    }
    all.sort();
    all
}
