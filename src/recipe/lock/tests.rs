#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;

use super::*;
use crate::{
    oci::{Digest, Platform},
    recipe::{parse, parse_lock},
};

fn digest(seed: u64) -> Digest {
    Digest::of(&seed.to_le_bytes())
}

/// Anything that a recipe, a registry or a compiler may say: no control characters, not empty.
fn words() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,24}"
}

prop_compose! {
    fn base()(seed in any::<u64>(), names in prop::sample::subsequence(vec!["linux/386", "linux/amd64", "linux/arm/v7", "linux/arm64"], 0..4))
        -> LockedBase {
        let platforms = names.iter().zip(seed..).map(|(name, seed)| (Platform::parse(name).unwrap(), digest(seed)));
        LockedBase { digest: digest(seed), platforms: platforms.collect() }
    }
}

prop_compose! {
    fn toolchain()(
        version in words(),
        commit in prop::option::of(words()),
        llvm in prop::option::of(words()),
        files in prop::collection::btree_map(
            words(),
            prop::collection::btree_map(words(), any::<u64>().prop_map(digest), 1..3),
            0..3,
        ),
        cc in prop::collection::btree_map(words(), words(), 0..3),
    ) -> LockedToolchain {
        LockedToolchain { version, commit, llvm, files, cc }
    }
}

prop_compose! {
    fn locks()(
        bases in prop::collection::btree_map(words(), base(), 0..3),
        urls in prop::collection::btree_map(words(), (any::<u64>(), 0_u64..=1 << 30), 0..4),
        bundle in prop::option::of((words(), any::<u64>())),
        timezones in prop::option::of((words(), any::<u64>())),
        toolchains in prop::collection::btree_map((prop::sample::select(&Compiler::ALL[..]), words()), toolchain(), 0..3),
    ) -> Lock {
        Lock {
            bases,
            urls: urls.into_iter().map(|(url, (seed, size))| (url, LockedUrl { sha256: digest(seed), size })).collect(),
            bundle: bundle.map(|(version, seed)| LockedBundle { version, digest: digest(seed) }),
            timezones: timezones.map(|(version, seed)| LockedBundle { version, digest: digest(seed) }),
            toolchains,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(lock in locks(), name in ".{0,20}") {
        let text = lock.to_text(Some(&name));
        let file = parse_lock("x.lock", &text).unwrap();
        prop_assert_eq!(&file.lock, &lock);
        prop_assert_eq!(&file.lock.to_text(Some(&name)), &text);
        // Every line has a place of its own, which is where its value stands.
        for ((pin, key), value) in lock.lines() {
            let place = file.place(&pin, &key);
            let shown: String = text[place.span.clone()].parse::<toml::Value>().unwrap().as_str().map_or_else(
                || lock.urls[pin.name()].size.to_string(),
                str::to_owned,
            );
            prop_assert_eq!(shown, value);
        }
    }

    #[test]
    fn nothing_makes_the_parser_panic(lock in locks(), cut in any::<prop::sample::Index>(), byte in "\\PC") {
        let mut text = lock.to_text(Some("x"));
        let at = (0..=cut.index(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        text.insert_str(at, &byte);
        let _ = parse_lock("x.lock", &text);
        text.truncate(at);
        let _ = parse_lock("x.lock", &text);
    }
}

/// `line:column: what`, and the hint, of the failure of a lock.
fn refused(text: &str) -> String {
    let failure = parse_lock("x.lock", &format!("version = 1\nformat = 1\n{text}")).unwrap_err();
    let hint = failure.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    failure.to_string().strip_prefix("x.lock:").unwrap().to_owned() + &hint
}

#[test]
fn what_is_no_lock_is_refused_at_its_place() {
    let hex = "a".repeat(64);
    for (text, what) in [
        ("", "missing"),
        ("version = 2\nformat = 1", "1:11: a lock of version 2 is not known to this version"),
        ("version = 1\nformat = 2", "2:10: format 2 is not known to this version"),
        ("version = 1", "missing key `format`"),
        ("version = \"1\"\nformat = 1", "1:11: expected an integer, found a string"),
    ] {
        let failure = parse_lock("x.lock", text).unwrap_err().to_string();
        assert!(failure.contains(what), "{text}: {failure}");
    }
    let file = format!("[[file]]\nurl = \"u\"\nsha256 = \"{hex}\"\nsize = ");
    for (text, what) in [
        ("compression = \"zstd\"".to_owned(), "3:1: unknown key `compression` (known here: `version`"),
        (
            "[certificate]\nname = \"mozilla\"".to_owned(),
            "3:2: unknown key `certificate` (did you mean `certificates`?)",
        ),
        (
            format!("[certificates]\nname = \"debian\"\nversion = \"1\"\ndigest = \"sha256:{hex}\""),
            "4:8: unknown bundle of certificates `debian`",
        ),
        (
            "[certificates]\nname = \"mozilla\"\nversion = \"1\"\ndigest = \"sha256:00\"".to_owned(),
            "6:10: `sha256:00` is not 64 lower",
        ),
        (format!("{file}-1"), "6:8: no download has a size of -1"),
        (format!("{file}9223372036854775807"), "6:8: no download has a size of 9223372036854775807"),
        (format!("{file}99999999999999999999999"), "6:8: "),
        (format!("{file}1\n{file}1"), "8:7: `u` is on line 4 already"),
        (format!("{file}1\nsize = 2"), "7:1: duplicate key `size`, it is on line 6 already"),
        (
            "[[toolchain]]\nname = \"rsut\"\ndir = \".\"\nversion = \"1\"".to_owned(),
            "4:8: unknown toolchain `rsut` (did you mean `rust`?)",
        ),
        (
            "[[toolchain]]\nname = \"rust\"\ndir = \".\"\nversion = \"1\"\n[toolchain.libc]\na = \"b\"".to_owned(),
            "`libc` pins less than programs take of this machine",
        ),
        (
            format!(
                "[[base]]\nname = \"b\"\ndigest = \"sha256:{hex}\"\n[base.platforms]\n\"linux/x86_64\" = \"sha256:{hex}\""
            ),
            "7:1: `linux/x86_64` is no platform",
        ),
        ("base = [1]".to_owned(), "expected a table, found an integer"),
        ("user = 1".to_owned(), "3:1: unknown key `user` (known here"),
        ("[[base]]\nname = \"\"\ndigest = \"\"\nplatforms = {}".to_owned(), "4:8: `name` is empty"),
    ] {
        assert!(refused(&text).contains(what), "{text}: {}", refused(&text));
    }
    let large = "#".repeat(8 << 20) + "\n";
    assert!(parse_lock("x.lock", &large).unwrap_err().to_string().contains("larger than 8 MiB"));
    let nested = format!("x = {}", "[".repeat(5000));
    assert!(refused(&nested).contains("it is nested too deeply"), "{}", refused(&nested));
}

const RECIPE: &str = r#"base = "r.example/base:1"
platforms = ["linux/amd64", "linux/arm64"]
[[file]]
url = "https://x.example/a?token=1"
sha256 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
to = "/a"
[[binary]]
go = "."
dir = "go"
[[binary]]
cargo = "x"
target = "x86_64-unknown-linux-gnu"
[system]
certificates = "mozilla"
"#;

/// The lock that fits [`RECIPE`].
fn fitting() -> Lock {
    let recipe = parse("x.toml", RECIPE).unwrap();
    let requests = Requests::of(&recipe);
    let mut lock = Lock { bundle: Some(LockedBundle { version: "1".into(), digest: digest(0) }), ..Lock::default() };
    let platforms = recipe.platforms.iter().map(|platform| (platform.clone(), digest(1))).collect();
    lock.bases.insert("r.example/base:1".into(), LockedBase { digest: digest(2), platforms });
    for (url, (_, sha256)) in &requests.urls {
        lock.urls.insert(url.clone(), LockedUrl { sha256: sha256.value, size: 1 });
    }
    for (key, request) in &requests.toolchains {
        let scopes = request.scopes.iter().filter(|(_, scope)| scope.has_files).map(|(name, _)| name.clone());
        let files = scopes.map(|name| (name, [("libc.a".to_owned(), digest(3))].into())).collect();
        lock.toolchains
            .insert(key.clone(), LockedToolchain { version: "1".into(), files, ..LockedToolchain::default() });
    }
    lock
}

/// The stale lines of the fitting lock for another recipe.
fn stale(change: impl Fn(&str) -> String) -> Vec<String> {
    let file = parse_lock("x.lock", &fitting().to_text(Some("x.toml"))).unwrap();
    let recipe = parse("x.toml", &change(RECIPE)).unwrap();
    let stale = Requests::of(&recipe).stale(&file);
    assert!(stale.iter().all(|failure| failure.is_answer));
    stale.iter().map(ToString::to_string).collect()
}

#[test]
fn a_lock_is_stale_when_a_request_changed_and_says_where() {
    assert_eq!(stale(str::to_owned), [""; 0]);
    assert_eq!(stale(|recipe| recipe.to_owned() + "[run]\nlabels = { a = \"b\" }\n"), [""; 0]);
    let b = stale(|recipe| recipe.replace("base:1", "base:2"));
    assert_eq!(b[0], "x.toml:1:8: the base `r.example/base:2` has no pin in `x.lock`");
    assert!(
        b[1].ends_with("nothing asks for the base `r.example/base:1` any more") && b[1].starts_with("x.lock:1"),
        "{b:?}"
    );
    let b = stale(|recipe| recipe.replace("linux/arm64", "linux/386"));
    assert_eq!(b[0], "x.toml:1:8: the base `r.example/base:1` for linux/386 has no pin in `x.lock`");
    assert!(b[1].ends_with("nothing asks for the base `r.example/base:1` for `linux/arm64` any more"), "{b:?}");
    let b = stale(|recipe| recipe.replace("aaaaa\"", "aaaab\""));
    assert!(b[0].starts_with("x.lock:") && b[0].ends_with("at x.toml:5:10") && !b[0].contains("token"), "{b:?}");
    let b = stale(|recipe| recipe.replace("\"mozilla\"", "\"none\""));
    assert!(b[0].ends_with("nothing asks for Mozilla's roots any more"), "{b:?}");
    let b = stale(|recipe| recipe.replace("linux-gnu", "linux-musl"));
    assert!(b[0].ends_with("for `x86_64-unknown-linux-gnu` any more"), "{b:?}");
    let b = stale(|recipe| recipe.replace("dir = \"go\"", ""));
    assert_eq!(b[0], "x.toml:8:6: the compiler `go` has no pin in `x.lock`");
    assert!(b[1].ends_with("nothing asks for the compiler `go` in `go` any more"), "{b:?}");
}

#[test]
fn a_base_on_the_disk_is_an_input_like_any_file() {
    for base in ["./base", "/base", "oci:base", "docker-archive:x.tar"] {
        let recipe = parse("x.toml", &format!("base = \"{base}\"")).unwrap();
        assert!(Requests::of(&recipe).base.is_none(), "{base}");
    }
}
