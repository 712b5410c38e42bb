//! Any bytes are searched for secrets, as each kind of file; the cuts change nothing, what is shown never holds what was
//! found, and a secret is where it is said to be.

use hardpan::{
    report::Rule,
    secrets::{
        ContentKind, KeySearch, SecretHit, SecretScanner, TextContext, name_hit, path_is_of_keys, scan_arguments,
        scan_text,
    },
};

/// One of each way in which a file is read.
const PATHS: [&str; 18] = [
    "srv/a",
    "root/.netrc",
    "srv/.env",
    "root/.npmrc",
    "root/.pgpass",
    "etc/shadow",
    "root/.kube/config",
    "srv/.git/config",
    "root/.vault-token",
    "srv/app.yaml",
    "root/.docker/config.json",
    "srv/key.pem",
    "srv/app.json",
    "srv/app.tfstate",
    "srv/settings.xml",
    "srv/run.sh",
    "srv/store.p12",
    "srv/master.key",
];
/// Inputs up to this size are also read again and again, so that they reach beyond one block.
const SHORT: usize = 32;

pub fn run(bytes: &[u8]) {
    for path in PATHS {
        search(path, bytes);
    }
    if (1..=SHORT).contains(&bytes.len()) {
        let path = PATHS[bytes.iter().map(|byte| usize::from(*byte)).sum::<usize>() % PATHS.len()];
        search(path, &bytes.repeat(100_000 / bytes.len()));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (name, value) = text.split_at(text.char_indices().nth(8).map_or(0, |(at, _)| at));
    for context in
        [TextContext::Env { name }, TextContext::Label { key: name }, TextContext::History, TextContext::Argument]
    {
        for hit in scan_text(context, value) {
            // What is shown of any secret holds the words that stand for one.
            assert!(value.len() < 8 || hit.masked.contains("hidden") || !hit.masked.contains(value));
            assert!(hit.offset <= value.len() as u64);
        }
    }
    let words: Vec<&str> = text.split(' ').collect();
    assert!(scan_arguments(&words).iter().all(|hit| hit.offset <= text.len() as u64));
    let _ = name_hit(text);
}

fn search(path: &str, bytes: &[u8]) {
    let scan = |cut: usize| {
        let mut scanner = SecretScanner::sniffing(path);
        bytes.chunks(cut.max(1)).for_each(|chunk| scanner.push(chunk));
        scanner.finish()
    };
    let whole = scan(usize::MAX);
    assert!(whole == scan(1 + bytes.len() / 3));
    assert!(whole.unread.is_none_or(|unread| unread.offset < bytes.len() as u64), "{path}: {:?}", whole.unread);
    for hit in &whole.hits {
        place(path, bytes, hit);
    }
    let mut keys = KeySearch::new();
    keys.push(bytes);
    let has_key = whole.hits.iter().any(|hit| hit.rule == Rule::PrivateKey);
    assert!(!has_key || keys.finish().is_some() || path_is_of_keys(path), "{path}: a key that the search overlooks");
}

/// A hit is inside of the file, and behind the word that announces it.
fn place(path: &str, bytes: &[u8], hit: &SecretHit) {
    let at = usize::try_from(hit.offset).unwrap();
    assert!(at < bytes.len(), "{path}: {} at {at} of {}", hit.detector, bytes.len());
    if let Some(line) = hit.line {
        // Of UTF-16 the bytes between two line breaks say nothing.
        let lines = bytes[..at].split(|byte| *byte == b'\n').count() as u64;
        let is_text = ContentKind::of(path, bytes) == ContentKind::Text;
        assert!(!is_text || line == lines, "{path}: {} at {at} is not in line {line}", hit.detector);
    }
    if ContentKind::of(path, bytes) == ContentKind::Text && hit.detector == "netrc" {
        let before = bytes[..at].trim_ascii_end();
        assert!(before.len() < at && before.ends_with(b"password"), "{path}: not at {at}");
    }
}
