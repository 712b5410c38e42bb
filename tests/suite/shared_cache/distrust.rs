//! What is not signed, signed by others, changed or moved is not used, and said.

use std::fs;

use super::{Machine, Store, new_key, words};
use crate::support::case::Case;

#[test]
fn a_poisoned_record_or_blob_is_noticed_and_not_used() {
    let store = Store::start();
    let (writer, reader) = (store.writer(), store.reader());
    let first = Machine::go().aged(2).build("go", &words(&writer)).0.ok().digest();
    let (records, blobs) = (store.nginx.files("ac"), store.nginx.files("cas"));
    let sound: Vec<_> = records.iter().chain(&blobs).map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    let flip = |path: &std::path::Path| {
        let mut bytes = fs::read(path).unwrap();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let poisons: [(&str, &str, &dyn Fn()); 5] = [
        ("records with a flipped bit", "was changed, or is another record", &|| {
            for path in &records {
                flip(path);
            }
        }),
        ("records under each other's names", "is another record", &|| {
            records.iter().zip(records.iter().skip(1)).for_each(|(to, from)| {
                fs::copy(from, to).unwrap();
            });
        }),
        ("no records", "is not a signed record", &|| records.iter().for_each(|path| fs::write(path, "{}").unwrap())),
        ("records cut short", "is not used", &|| {
            for path in &records {
                fs::write(path, &fs::read(path).unwrap()[..90]).unwrap();
            }
        }),
        ("blobs with a flipped bit", "the blob `sha256:", &|| blobs.iter().for_each(|path| flip(path))),
    ];
    for (what, said, poison) in poisons {
        poison();
        let (output, count) = Machine::go().aged(1).build("go", &words(&reader));
        let output = output.ok().says(said).says(&store.nginx.url());
        assert_eq!(output.digest(), first, "{what}");
        assert!(count > 0, "{what}: {}", output.stderr);
        for (path, bytes) in &sound {
            fs::write(path, bytes).unwrap();
        }
    }
    let (output, count) = Machine::go().aged(1).build("go", &words(&reader));
    assert_eq!((output.ok().digest(), count), (first, 0));
}

#[test]
fn what_a_key_signed_that_is_not_trusted_is_not_used() {
    let store = Store::start();
    let first = Machine::go().aged(2).build("go", &words(&store.writer())).0.ok().digest();
    let (url, other) = (store.nginx.url(), new_key(&store.keys.path().join("other")));
    let (output, count) = Machine::go().aged(1).build("go", &["--cache-url", &url, "--cache-trust", &other]);
    let output = output.ok().says(&format!("it is signed with the key `{}`, which is not trusted", store.public));
    assert!(count > 0 && output.digest() == first);
    // The variables of a pipeline, and a file of keys.
    let machine = Machine::go().aged(1);
    let trusted = machine.case.path("../trusted");
    fs::write(&trusted, format!("# the pipeline of main\n{other}\n{}\n", store.public)).unwrap();
    let case = machine.case.clone().env("HARDPAN_CACHE_URL", &url).env("HARDPAN_CACHE_TRUST", &trusted);
    let (output, count) = Machine { case, cache: machine.cache }.build("go", &[]);
    assert_eq!((output.ok().digest(), count), (first, 0));
}

#[test]
fn a_shared_cache_without_keys_or_with_a_login_in_its_address_is_refused() {
    let case = Case::new().recipe("[[file]]\ntext = \"x\"\nto = \"/x\"\n");
    let refused = |more: &[&str]| case.run([&["build", "app.toml"], more].concat()).fails(2);
    refused(&["--cache-url", "http://127.0.0.1:1"]).says("keys that are trusted").says("hint:");
    let key = new_key(&case.path("key"));
    let trust = ["--cache-trust", &key];
    let output = refused(&[&["--cache-url", "https://me:hunter2@cache.example"], &trust[..]].concat());
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    refused(&[&["--cache-url", "http://cache.example"], &trust[..]].concat()).says("is not TLS");
    refused(&["--cache-url", "http://127.0.0.1:1", "--cache-trust", "key"]).says("is not a public key");
    refused(&["--cache-url", "http://127.0.0.1:1", "--cache-sign", "app.toml"]).says("no private Ed25519 key");
    case.run(["cache", "key", "--new", "key"]).fails(2).says("hint:");
    assert_eq!(case.run(["cache", "key", "key"]).ok().stdout.trim(), key);
}

/// A program that is another one each time it is compiled.
fn restless() -> Machine {
    let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let case = Case::new()
        .recipe("[[binary]]\ncargo = \"app\"\ndir = \"app\"\n")
        .file("app/Cargo.toml", package)
        .file("app/Cargo.lock", "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n")
        .file("app/src/main.rs", "fn main() { println!(\"{}\", env!(\"ID\")); }\n")
        .file(
            "app/build.rs",
            "fn main() {\n    let id = std::fs::read_to_string(\"/proc/sys/kernel/random/uuid\").unwrap();\n    \
             println!(\"cargo:rustc-env=ID={}\", id.trim());\n    println!(\"cargo:rerun-if-changed=build.rs\");\n}\n",
        );
    Machine::of(case)
}

#[test]
fn verify_cache_makes_it_again_and_fails_where_it_is_not_the_same() {
    let store = Store::start();
    let (writer, reader) = (store.writer(), store.reader());
    let first = Machine::go().aged(2).build("go", &words(&writer)).0.ok().digest();
    let all = ["--verify-cache", "100"];
    let (output, count) = Machine::go().aged(1).build("go", &[&words(&reader)[..], &all].concat());
    let output = output.ok().says("verified the cache: 3 programs and layers were made again and are the same");
    assert!(count > 0 && output.digest() == first);

    let first = restless().aged(2).build("rustc", &words(&writer)).0.ok().digest();
    let other = restless().aged(1);
    assert_eq!(other.build("rustc", &words(&reader)).0.ok().digest(), first, "it is believed");
    let other = restless().aged(1);
    let (output, _) = other.build("rustc", &[&words(&reader)[..], &all].concat());
    output.fails(1).says("the cache has `sha256:").says("from the same inputs it was compiled to `sha256:");
    assert!(!other.case.path("out").exists());
}
