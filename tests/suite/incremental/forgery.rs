//! Who can write to the cache, and knows every format, makes nothing that is believed: the key is elsewhere.

use std::{
    fs::{self, File},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
};

use super::{cached, three_layers, tick, unchanged};
use crate::support::{
    case::Case,
    elf_writer,
    seals::{FORGER, seal, unkeyed_seal},
};

/// What records begin with.
const RECORD: &[u8] = b"hardpan record 2\n";
const MEMO_HEADER: usize = 64;

/// Writes a record as hardpan would, under each seal that can be made without the key.
fn forgeries(shelf: &str, path: &Path, content: &[u8]) -> [Vec<u8>; 3] {
    let key = hex(path.file_name().unwrap().to_str().unwrap());
    let parts = [shelf.as_bytes(), &key, content];
    let whole = |seal: [u8; 32]| [RECORD, &seal, content].concat();
    [whole(seal(&FORGER, &parts)), whole(unkeyed_seal(&parts)), whole([0; 32])]
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn a_forged_record_of_a_layer_is_as_if_it_were_not_there() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    let layers = cached(&case, "layers");
    assert_eq!(layers.len(), 3);
    for way in 0..3 {
        let contents: Vec<_> =
            layers.iter().map(|path| fs::read(path).unwrap()[RECORD.len() + 32..].to_vec()).collect();
        // Every layer is another one, whose blob is sound.
        for (path, content) in layers.iter().zip(contents.iter().cycle().skip(1)) {
            fs::write(path, &forgeries("layers", path, content)[way]).unwrap();
        }
        fs::remove_dir_all(case.path("out")).unwrap();
        let built = case.build().ok();
        assert_eq!((built.digest(), unchanged(&built).len()), (digest.clone(), 0), "way {way}");
    }
    // `verify` says so as well, and recomputes what it calls sound.
    let content = fs::read(&layers[1]).unwrap()[RECORD.len() + 32..].to_vec();
    fs::write(&layers[0], &forgeries("layers", &layers[0], &content)[0]).unwrap();
    let verified = case.run(["cache", "verify"]);
    let name = layers[0].file_name().unwrap().to_str().unwrap();
    assert_eq!((verified.code, verified.stdout), (1, format!("layers/{name}\n")));
}

#[test]
fn a_forged_verdict_says_nothing() {
    let case = three_layers();
    tick();
    let digest = case.build().ok().digest();
    let [verdict] = cached(&case, "verdicts").try_into().unwrap();
    let sound = fs::read(&verdict).unwrap();
    let mut says: serde_json::Value = serde_json::from_slice(&sound[RECORD.len() + 32..]).unwrap();
    says["details"] = serde_json::json!(["this was forged"]);
    for forged in forgeries("verdicts", &verdict, &serde_json::to_vec(&says).unwrap()) {
        fs::write(&verdict, forged).unwrap();
        let built = case.run(["build", "app.toml", "-v"]).ok();
        assert!(built.digest() == digest && !built.stderr.contains("forged"), "{}", built.stderr);
        assert_eq!(fs::read(&verdict).unwrap(), sound, "the verdict was found again");
    }
}

/// An unsigned number as postcard writes it.
fn number(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return bytes;
        }
    }
}

/// The state of a file as the memo has it, without its device.
fn state(path: &Path) -> Vec<u8> {
    let meta = fs::metadata(path).unwrap();
    let signed = |value: i64| number(u64::try_from(value).unwrap() * 2);
    let nanos = |value: i64| number(u64::try_from(value).unwrap());
    let parts = [number(meta.ino()), number(meta.size()), signed(meta.mtime()), signed(meta.ctime())];
    [parts.concat(), nanos(meta.mtime_nsec()), nanos(meta.ctime_nsec())].concat()
}

#[test]
fn a_forged_memo_passes_off_no_changed_file_as_the_old_one() {
    let case = three_layers();
    tick();
    let old = case.build().ok().digest();
    let (memo, data) = (case.path("cache/hardpan/memo"), case.path("data"));
    let was = state(&data);
    let known = fs::read(&memo).unwrap();
    let at = memchr::memmem::find(&known, &was).expect("the memo knows the state of the file");
    fs::write(&data, elf_writer::noise(300_001).split_off(1)).unwrap();
    let forged = [&known[MEMO_HEADER..at], &state(&data), &known[at + was.len()..]].concat();
    let parts = [&b"memo"[..], &known[..32], &forged];
    let fresh = case.clone().env("XDG_CACHE_HOME", case.path("../fresh"));
    let new = fresh.run(["build", "app.toml", "--output", "fresh"]).ok().digest();
    assert_ne!(old, new);
    for seal in [seal(&FORGER, &parts), unkeyed_seal(&parts), [0; 32]] {
        fs::write(&memo, [&known[..32], &seal, &forged].concat()).unwrap();
        assert_eq!(case.build().ok().digest(), new);
    }
}

/// A cache with the key at `key`, and the same cache with another key.
fn with_key(case: &Case, key: &str) -> Case {
    case.clone().env("HARDPAN_CACHE_KEY_FILE", case.path(key))
}

#[test]
fn what_was_remembered_under_another_key_is_as_if_it_were_not_there() {
    let case = three_layers();
    tick();
    let ours = with_key(&case, "../keys/ours");
    let digest = ours.build().ok().digest();
    assert_eq!(unchanged(&ours.build().ok()).len(), 3);
    let key = case.path("../keys/ours");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let other = with_key(&case, "../keys/other").build().ok();
    assert_eq!((other.digest(), unchanged(&other).len()), (digest.clone(), 0));
    // A copy of the key is the key: that is how runners share a cache.
    fs::copy(case.path("../keys/other"), case.path("../keys/copy")).unwrap();
    assert_eq!(unchanged(&with_key(&case, "../keys/copy").build().ok()).len(), 3);
    // The place of a user's own key.
    let state = case.clone().env("XDG_STATE_HOME", case.path("../state"));
    state.build().ok();
    assert!(case.path("../state/hardpan/cache.key").is_file());
    let home = case.clone().env("HOME", case.path("../home")).folder("../home");
    assert_eq!(home.build().ok().digest(), digest);
    assert!(case.path("../home/.local/state/hardpan/cache.key").is_file());
}

#[test]
fn a_key_that_is_no_secret_is_not_used_and_never_fails_a_build() {
    let case = three_layers();
    tick();
    let ours = with_key(&case, "../key");
    let digest = ours.build().ok().digest();
    let key = case.path("../key");
    let remembered = fs::read(case.path("cache/hardpan/memo")).unwrap();
    for (mode, content) in [(0o644, None), (0o660, None), (0o600, Some("no key"))] {
        let sound = fs::read(&key).unwrap();
        if let Some(content) = content {
            fs::write(&key, content).unwrap();
        }
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let built = ours.build().ok();
        assert_eq!((built.digest(), unchanged(&built).len()), (digest.clone(), 0));
        assert_eq!(built.stderr.matches("what the cache remembers is not used").count(), 1, "{}", built.stderr);
        ours.run(["cache", "verify"]).fails(2).says("error[cache-key]").says("hint:");
        fs::write(&key, sound).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert_eq!(fs::read(case.path("cache/hardpan/memo")).unwrap(), remembered, "what others believe is as it was");
    // No place at all.
    let homeless = case.clone().without_env("HOME");
    let built = homeless.build().ok().says("neither `HARDPAN_CACHE_KEY_FILE`, `XDG_STATE_HOME` nor `HOME` is set");
    assert_eq!((built.digest(), unchanged(&built).len()), (digest, 0));
    assert_eq!(unchanged(&ours.build().ok()).len(), 3);
}

#[test]
fn builds_that_make_the_key_at_once_have_one() {
    let case = three_layers();
    tick();
    let ours = with_key(&case, "../keys/deep/key");
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let ours = &ours;
            scope.spawn(move || ours.run(["build", "app.toml", "--output", &format!("out-{worker}")]).ok());
        }
    });
    assert_eq!(fs::read_dir(case.path("../keys/deep")).unwrap().count(), 1);
    ours.run(["cache", "verify"]).ok().says("damaged or forged, and removed: 0");
    assert_eq!(unchanged(&ours.build().ok()).len(), 3);
}

#[test]
fn verify_unpacks_layers_and_compares_them_with_their_records() {
    let case = three_layers();
    tick();
    case.build().ok();
    let verified = case.run(["cache", "verify"]).ok();
    let sound = |output: &crate::support::output::Output| -> u64 {
        output.stderr.split_once("sound: ").unwrap().1.split(' ').next().unwrap().parse().unwrap()
    };
    // Three blobs and the records of them.
    assert_eq!(sound(&verified), 6, "{}", verified.stderr);
    // Without its blob a record says nothing that could be made again.
    let blob = cached(&case, "blobs").remove(0);
    fs::remove_file(blob).unwrap();
    let verified = case.run(["cache", "verify"]).ok();
    assert_eq!(sound(&verified), 4, "{}", verified.stderr);
    drop(File::create(case.path("cache/hardpan/layers/.draft-of-a-killed-build")).unwrap());
    case.run(["cache", "verify"]).ok();
    assert_eq!(cached(&case, "layers").len(), 3);
}
