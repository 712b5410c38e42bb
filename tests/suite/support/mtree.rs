//! Reads the `.mtree` that umoci writes of what it unpacked: a list of paths,
//! modes and owners by a program that nobody here wrote.

use std::collections::{BTreeMap, HashMap};

/// One path that umoci unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// `file`, `dir`, `link`, ...
    pub kind: String,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub size: u64,
    /// Seconds since 1970.
    pub time: u64,
    /// What a symbolic link points to.
    pub link: Option<String>,
    /// In hex, for files.
    pub sha256: Option<String>,
}

/// Every path below the root, without a slash at either end; the root is ".".
pub fn parse(text: &str) -> BTreeMap<String, Unpacked> {
    let mut defaults: HashMap<&str, &str> = HashMap::new();
    let mut folders: Vec<String> = Vec::new();
    let mut all = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        let (name, keywords) = line.split_once(' ').unwrap_or((line, ""));
        if name.is_empty() || name.starts_with('#') {
            continue;
        }
        if name == ".." {
            folders.pop();
            continue;
        }
        let words = keywords.split(' ').filter_map(|word| word.split_once('='));
        if name == "/set" {
            defaults.extend(words);
            continue;
        }
        let mut values = defaults.clone();
        values.extend(words);
        let name = unescape(name);
        let path = match folders.last() {
            None => name,
            Some(folder) if folder == "." => name,
            Some(folder) => format!("{folder}/{name}"),
        };
        let entry = unpacked(&values);
        if entry.kind == "dir" {
            folders.push(path.clone());
        }
        assert!(all.insert(path, entry).is_none(), "twice in an mtree: {line}");
    }
    assert!(folders.is_empty(), "an mtree that ends in {folders:?}");
    all
}

fn unpacked(values: &HashMap<&str, &str>) -> Unpacked {
    let number = |key: &str| {
        let whole = values.get(key).copied().unwrap_or("0").split('.').next();
        whole.and_then(|n| n.parse().ok()).expect("a number in an mtree")
    };
    Unpacked {
        kind: (*values.get("type").expect("a type")).to_owned(),
        mode: u32::from_str_radix(values.get("mode").expect("a mode"), 8).expect("octal"),
        uid: number("uid"),
        gid: number("gid"),
        size: number("size"),
        time: number("tar_time"),
        link: values.get("link").map(|link| unescape(link)),
        sha256: values.get("sha256digest").map(|hex| (*hex).to_owned()),
    }
}

/// Undoes vis(3) as mtree uses it: a backslash and three octal digits.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).and_then(|digits| str::from_utf8(digits).ok());
        let escaped = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let (b'\\', Some(value)) = (byte, escaped) {
            bytes.push(value);
            rest = &after[3..];
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
