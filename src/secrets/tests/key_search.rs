//! The search for private keys alone finds what any scanner finds, and is asked to find no more.

use proptest::prelude::*;

use super::{streams::hostile, *};
use crate::report::Rule;

/// Paths that change what a file is read as, or what a key in it weighs.
const PATHS: [&str; 14] = [
    "",
    "/srv/server.key",
    "/srv/tests/server.pem",
    "/usr/lib/python3/test/keycert.pem",
    "/usr/share/doc/x/README",
    "/usr/bin/app",
    "/usr/lib/libx.so",
    "/srv/module.pyc",
    "/srv/settings.json",
    "/srv/.env",
    "/root/.kube/config",
    "/root/.ssh/id_ed25519",
    "/etc/shadow",
    "/srv/service-account.json",
];

/// Whether a scanner finds a private key in the file at `path`.
fn finds_key(path: &str, bytes: &[u8]) -> bool {
    let mut scanner = SecretScanner::sniffing(path);
    scanner.push(bytes);
    scanner.finish().hits.iter().any(|hit| hit.rule == Rule::PrivateKey)
}

fn search(chunks: &[&[u8]]) -> Option<u64> {
    let mut search = KeySearch::new();
    for chunk in chunks {
        search.push(chunk);
    }
    search.finish()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A PEM block of that label with a body of that many characters.
fn block(label: &str, body: usize) -> String {
    pem_of(label, &[], "\n").replacen("\n\n", &format!("\n{}\n", noise(ALNUM, body)), 1)
}

fn putty(encryption: &str, key: usize) -> String {
    let name = ["PuTTY-User-Key-", "File-3: ssh-ed25519"].concat();
    format!(
        "{name}\nEncryption: {encryption}\nComment: x\nPublic-Lines: 1\nAAAA\nPrivate-Lines: 1\n{}\n",
        noise(ALNUM, key)
    )
}

/// Files that hold a private key, and files that nearly do.
fn samples() -> Vec<(&'static str, bool, Vec<u8>)> {
    let text = |name, is_key, text: String| (name, is_key, text.into_bytes());
    let pgp: Vec<u8> = [0x95].into_iter().chain(noise(ALNUM, 120).bytes()).collect();
    let sealed: Vec<u8> = [0x30, 0x3e, 0x30, 0x1a, 6].into_iter().chain(noise(ALNUM, 59).bytes()).collect();
    vec![
        text("pem", true, pem()),
        text("pem after a certificate", true, block("CERTIFICATE", 400) + &pem()),
        text("pem with CRLF", true, pem().replace('\n', "\r\n")),
        text("pem in JSON", true, format!("{{\"key\": \"{}\"}}", pem().replace('\n', "\\n"))),
        ("pem in UTF-16", true, utf16(&format!("\u{feff}{}", pem()))),
        ("pem in a program", true, [b"\x7fELF\0\0\0\0", pem().as_bytes()].concat()),
        text("OpenSSH", true, openssh("none")),
        text("OpenSSH with a password", true, openssh("aes256-ctr")),
        text("encrypted PKCS#8", true, pem_of("ENCRYPTED PRIVATE KEY", &sealed, "\n")),
        text("PGP", true, pem_of("PGP PRIVATE KEY BLOCK", &pgp, "\n")),
        text("PuTTY", true, putty("none", 48)),
        text("PuTTY with a password", true, putty("aes256-cbc", 48)),
        text("age", true, age()),
        text("pem in base64", true, format!("users:\n    client-key-data: {}\n", base64(pem().as_bytes()))),
        text("der in base64", true, format!("key={}", base64(&der()))),
        text("certificate in base64", false, base64(block("CERTIFICATE", 400).as_bytes())),
        ("der", true, der()),
        text("damaged", true, pem_of("PRIVATE KEY", &[der(), vec![0; 3]].concat(), "\n")),
        text("short", false, block("PRIVATE KEY", 32)),
        text("nearly long enough", false, block("RSA PRIVATE KEY", 63)),
        text("noise of the length of a key", false, block("PRIVATE KEY", 64)),
        text("header alone", false, pem_of("PRIVATE KEY", &[], "\n")),
        text("certificate", false, block("CERTIFICATE", 400)),
        text("PuTTY's name alone", false, putty("none", 8)),
        text("age's prefix alone", false, ["AGE-SECRET-", "KEY-1", &noise(UPPER, 58)].concat()),
        ("der and a byte more", false, [der(), vec![0]].concat()),
        ("nothing", false, Vec::new()),
    ]
}

#[test]
fn the_search_and_the_scanners_agree_on_every_kind_of_key() {
    for (name, is_key, bytes) in samples() {
        assert_eq!(search(&[&bytes]).is_some(), is_key, "{name}");
        assert_eq!(finds_key("/srv/a", &bytes), is_key, "{name}");
        for path in PATHS {
            assert!(is_key || !finds_key(path, &bytes), "{name} at {path}");
        }
    }
}

#[test]
fn what_only_a_name_says_is_known_by_the_path() {
    assert!(path_is_of_keys("/root/.gnupg/private-keys-v1.d/a.key") && key_by_name("/root/.kube/config").is_none());
    assert!(!path_is_of_keys("/srv/server.key"), "such a name says nothing without a content");
}

#[test]
fn the_search_says_where_the_first_one_is() {
    let text = format!("{}\n{}{}", "x".repeat(100_000), pem(), age());
    assert_eq!(search(&[text.as_bytes()]), Some(100_001));
}

/// Any bytes around the samples.
fn files() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<Vec<u8>> = samples()
        .into_iter()
        .map(|(_, _, bytes)| bytes)
        .chain(tokens().into_iter().map(|(_, token)| token.into_bytes()))
        .chain(hostile().into_iter().map(String::into_bytes))
        .collect();
    let sample = proptest::sample::select(words);
    let piece = prop_oneof![
        4 => (sample, any::<prop::sample::Index>(), 0_u8..4).prop_map(|(bytes, at, way)| match way {
            // Cut off, or with a byte changed.
            0 => bytes[..at.index(bytes.len() + 1)].to_vec(),
            1 if !bytes.is_empty() => {
                let mut changed = bytes.clone();
                changed[at.index(bytes.len())] ^= 1;
                changed
            }
            _ => bytes,
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => Just(b"\n".to_vec()),
        1 => (0_usize..70_000).prop_map(|length| vec![b'z'; length]),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn no_scanner_finds_a_key_that_the_search_does_not(bytes in files(), size in 1_usize..90_000,
        path in proptest::sample::select(&PATHS[..]))
    {
        let whole = search(&[&bytes]);
        prop_assert!(whole.is_some() || !finds_key(path, &bytes) || path_is_of_keys(path), "{}", path);
        let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
        prop_assert_eq!(search(&chunks).is_some(), whole.is_some(), "{}", size);
    }
}
