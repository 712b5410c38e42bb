//! Any bytes are searched for secrets; the cuts change nothing, and what is shown never holds what was found.

use hardpan::secrets::{SecretScanner, TextContext, name_hit, scan_text};

const PATHS: [&str; 12] = [
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
];

pub fn run(input: (Vec<u8>, u8, u16, u8)) {
    let (bytes, path, cut, repeat) = input;
    let path = PATHS[usize::from(path) % PATHS.len()];
    // Repeated, so that the input reaches beyond one block now and then.
    let bytes = bytes.repeat(1 + usize::from(repeat) * 16);
    let scan = |cut: usize| {
        let mut scanner = SecretScanner::sniffing(path);
        bytes.chunks(cut.max(1)).for_each(|chunk| scanner.push(chunk));
        scanner.finish()
    };
    let whole = scan(usize::MAX);
    assert!(whole == scan(usize::from(cut)));
    assert!(whole.iter().all(|hit| hit.offset <= bytes.len() as u64));
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    let (name, value) = text.split_at(text.char_indices().nth(8).map_or(0, |(at, _)| at));
    for context in
        [TextContext::Env { name }, TextContext::Label { key: name }, TextContext::History, TextContext::Argument]
    {
        for hit in scan_text(context, value) {
            assert!(value.len() < 8 || !hit.masked.contains(value));
        }
    }
    let _ = name_hit(text);
}
