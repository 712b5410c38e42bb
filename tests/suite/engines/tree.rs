//! A tree of files as an engine leaves it on disk, or as hardpan says it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    fmt::Write as _,
    fs,
    os::unix::{
        ffi::OsStringExt as _,
        fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::Path,
};

use serde_json::Value;

use super::archive::printable;

/// Every path below the root, without a slash at the front; the root itself is "".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(pub BTreeMap<Vec<u8>, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// In hardpan's words: `file`, `directory`, `symlink`, ...
    pub kind: String,
    /// 12 bits. Linux keeps none for symbolic links: theirs is 0777 here.
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    /// Length and CRC-32 of a file's content.
    pub content: Option<(u64, String)>,
    /// What a symbolic link points to.
    pub target: Option<Vec<u8>>,
    /// The number of a device, `major:minor`.
    pub device: Option<String>,
    /// Of a file with one name, in seconds; 0 where Linux has no such time. Nobody keeps those of folders alike, and a file
    /// with several names may have that of each.
    pub mtime: Option<u64>,
    /// Those of a file that engines keep and that processes can see.
    pub xattrs: BTreeMap<String, String>,
}

impl Tree {
    /// The same with no modification times, which are not compared then.
    pub fn without_times(mut self) -> Self {
        self.0.values_mut().for_each(|node| node.mtime = None);
        self
    }

    /// Reads what lies in a folder.
    pub fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        let mut ahead = vec![(Vec::new(), root.to_owned())];
        while let Some((name, path)) = ahead.pop() {
            let Some(node) = Node::read(&path) else { continue };
            if node.kind == "directory" {
                for entry in fs::read_dir(&path).expect("a folder") {
                    let entry = entry.expect("an entry of a folder");
                    let below = entry.file_name().into_vec();
                    let whole = if name.is_empty() { below } else { [&name[..], b"/", &below].concat() };
                    ahead.push((whole, entry.path()));
                }
            }
            tree.0.insert(name, node);
        }
        tree
    }

    /// Reads a list of a report of `hardpan inspect`.
    pub fn of_report(list: &Value) -> Self {
        let list = list.as_array().expect("a list of what is in an image");
        let nodes = list.iter().map(|one| {
            let path = bytes_of(one["path"].as_str().expect("a path"));
            (path.strip_prefix(b"/").expect("an absolute path").to_owned(), Node::of_report(one))
        });
        let tree = Self(nodes.collect());
        assert_eq!(tree.0.len(), list.len(), "a path twice in hardpan's list");
        tree
    }

    /// A line for every path of which hardpan's tree, this one, has something else than an engine's.
    pub fn differences(&self, engine: &Self) -> Vec<String> {
        let paths: BTreeSet<_> = self.0.keys().chain(engine.0.keys()).collect();
        let sides = paths.into_iter().map(|path| (path, self.0.get(path), engine.0.get(path)));
        let side = |node: Option<&Node>| node.map_or("nothing".to_owned(), Node::to_string);
        sides
            .filter(|(_, seen, there)| !seen.zip(*there).is_some_and(|(seen, there)| seen.is_left_as(there)))
            .map(|(path, seen, there)| format!("/{}: {} | {}", printable(path), side(seen), side(there)))
            .collect()
    }
}

impl Node {
    /// Whether what an engine left is what is seen here. Of extended attributes hardpan may see more: those that only other
    /// readers know, and those of a header that the engine does not take.
    pub fn is_left_as(&self, engine: &Self) -> bool {
        let plain = |node: &Self| Self { mtime: None, xattrs: BTreeMap::new(), ..node.clone() };
        plain(self) == plain(engine)
            && self.mtime.zip(engine.mtime).is_none_or(|(seen, there)| seen == there)
            && engine.xattrs.iter().all(|(name, value)| self.xattrs.get(name) == Some(value))
    }

    fn read(path: &Path) -> Option<Self> {
        // overlayfs lists its whiteouts in a folder that no lower layer has; but there is nothing.
        let status = fs::symlink_metadata(path).ok()?;
        let kind = status.file_type();
        let kind = match () {
            () if kind.is_dir() => "directory",
            () if kind.is_file() => "file",
            () if kind.is_symlink() => "symlink",
            () if kind.is_char_device() => "character-device",
            () if kind.is_block_device() => "block-device",
            () if kind.is_fifo() => "fifo",
            () => "socket",
        };
        let is_file = kind == "file";
        let content = || {
            let content = fs::read(path).expect("a file");
            (content.len() as u64, crc32(&content))
        };
        Some(Self {
            kind: kind.to_owned(),
            mode: status.mode() & 0o7777,
            uid: status.uid().into(),
            gid: status.gid().into(),
            content: is_file.then(content),
            mtime: (is_file && status.nlink() == 1).then(|| time(status.mtime())),
            xattrs: if is_file { xattrs(path) } else { BTreeMap::new() },
            target: (kind == "symlink").then(|| fs::read_link(path).expect("a target").into_os_string().into_vec()),
            device: kind.ends_with("-device").then(|| device(status.rdev())),
        })
    }

    fn of_report(one: &Value) -> Self {
        let text = |key: &str| one[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {one}")).to_owned();
        let number = |key: &str| one[key].as_u64().unwrap_or_else(|| panic!("no `{key}` in {one}"));
        let kind = text("type");
        let mode = u32::from_str_radix(&text("mode"), 8).expect("an octal mode");
        Self {
            mode: if kind == "symlink" { 0o777 } else { mode },
            uid: number("uid"),
            gid: number("gid"),
            content: (kind == "file").then(|| (number("size"), text("crc32"))),
            target: (kind == "symlink").then(|| bytes_of(&text("target"))),
            device: kind.ends_with("-device").then(|| text("device")),
            mtime: (kind == "file").then(|| time(number("mtime").cast_signed())),
            xattrs: if kind == "file" { xattrs_of(&one["xattrs"]) } else { BTreeMap::new() },
            kind,
        }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:04o} {}:{}", self.kind, self.mode, self.uid, self.gid)?;
        if let Some((size, sum)) = &self.content {
            write!(f, " {size} bytes {sum}")?;
        }
        if let Some(target) = &self.target {
            write!(f, " -> {}", printable(target))?;
        }
        if let Some(mtime) = self.mtime {
            write!(f, " time {mtime}")?;
        }
        for (name, value) in &self.xattrs {
            write!(f, " {name}={value}")?;
        }
        self.device.as_ref().map_or(Ok(()), |device| write!(f, " device {device}"))
    }
}

/// Times that some file system cannot hold are none.
fn time(seconds: i64) -> u64 {
    u32::try_from(seconds).map_or(0, u64::from)
}

/// The attributes of a file that are compared, with their values in hexadecimal digits.
fn xattrs(path: &Path) -> BTreeMap<String, String> {
    let mut names = vec![0; 4096];
    // Where the file system has none, there are none.
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let names = names[..length].split(|byte| *byte == 0).filter_map(|name| std::str::from_utf8(name).ok());
    let mut value = vec![0; 4096];
    let mut found = BTreeMap::new();
    for name in names.filter(|name| is_compared(name)) {
        let length = rustix::fs::lgetxattr(path, name, &mut value[..]).expect("an attribute");
        found.insert(name.to_owned(), hex(&value[..length]));
    }
    found
}

fn xattrs_of(map: &Value) -> BTreeMap<String, String> {
    let all = map.as_object().into_iter().flatten();
    let all = all.map(|(name, value)| (name.clone(), value.as_str().expect("digits").to_owned()));
    all.filter(|(name, _)| is_compared(name)).collect()
}

/// `trusted.*` and labels belong to the engine.
fn is_compared(name: &str) -> bool {
    name.starts_with("user.") || matches!(name, "security.capability" | "system.posix_acl_access")
}

fn device(number: u64) -> String {
    format!("{}:{}", rustix::fs::major(number), rustix::fs::minor(number))
}

/// A CRC-32 in hex digits, as reports write it.
fn crc32(content: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(content))
}

/// The bytes of a path in a report, where a byte that is no UTF-8 is the character U+10FF00 + byte.
fn bytes_of(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for character in text.chars() {
        match u32::from(character).checked_sub(0x0010_ff00).and_then(|byte| u8::try_from(byte).ok()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(character.encode_utf8(&mut [0; 4]).bytes()),
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
