#![allow(clippy::unwrap_used)]

use std::{io::Write as _, os::unix::fs::MetadataExt as _};

use super::*;
use crate::report::Limits;

fn blob(seed: u8) -> (Vec<u8>, Digest) {
    let bytes = vec![seed; usize::try_from(Limits::REREAD_BYTES).unwrap() + 1];
    let digest = Digest::of(&bytes);
    (bytes, digest)
}

fn put(cache: &Cache, bytes: &[u8]) -> CachedBlob {
    let mut draft = cache.draft().unwrap();
    draft.write_all(bytes).unwrap();
    draft.seal(Digest::of(bytes), bytes.len() as u64).unwrap()
}

/// Long enough for the clock of any file system of our tests.
fn tick() {
    std::thread::sleep(std::time::Duration::from_millis(25));
}

#[test]
fn what_was_put_is_found_and_what_is_damaged_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    let digest = Digest::of(b"layer");
    assert!(cache.blob(digest, 5).is_none());
    let kept = put(&cache, b"layer");
    let mut bytes = Vec::new();
    kept.open().unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, b"layer");
    assert!(cache.blob(digest, 5).is_some());
    assert!(cache.blob(digest, 6).is_none(), "another size is another blob");

    let mut draft = cache.draft().unwrap();
    draft.write_all(b"other").unwrap();
    assert!(draft.seal(digest, 5).is_err(), "only the bytes of its name");

    let kept = put(&cache, b"layer");
    fs::write(&kept.path, b"lawyer").unwrap();
    assert!(cache.blob(digest, 5).is_none());
    assert!(!kept.path.exists());
}

#[test]
fn a_blob_that_was_changed_under_its_old_time_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, digest) = blob(7);
    let size = bytes.len() as u64;
    let kept = put(&Cache::new(folder.path()), &bytes);
    tick();
    let cache = Cache::new(folder.path());
    assert!(cache.blob(digest, size).is_some());
    cache.save().unwrap();

    // Known by its state alone, in another process.
    let cache = Cache::new(folder.path());
    cache.enter().unwrap();
    assert!(cache.knows_blob(&File::open(&kept.path).unwrap(), digest, size));
    let before = fs::metadata(&kept.path).unwrap();
    let mut changed = bytes.clone();
    changed[1000] ^= 1;
    fs::write(&kept.path, &changed).unwrap();
    File::options().write(true).open(&kept.path).unwrap().set_modified(before.modified().unwrap()).unwrap();
    let after = fs::metadata(&kept.path).unwrap();
    assert_eq!((before.len(), before.mtime_nsec()), (after.len(), after.mtime_nsec()));
    let cache = Cache::new(folder.path());
    assert!(!cache.knows_blob(&File::open(&kept.path).unwrap(), digest, size));
    assert!(cache.blob(digest, size).is_none());
}

#[test]
fn a_blob_that_shares_its_file_with_an_image_is_known_after_a_rename() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(&folder.path().join("cache"));
    let (bytes, digest) = blob(9);
    let size = bytes.len() as u64;
    let (staged, placed) = (folder.path().join("staged"), folder.path().join("placed"));
    fs::write(&staged, &bytes).unwrap();
    cache.saw_blob(&File::open(&staged).unwrap(), digest);
    cache.keep_blob(&staged, digest, size).unwrap();
    fs::rename(&staged, &placed).unwrap();
    cache.settle_blob(&placed);
    cache.save().unwrap();
    let cache = Cache::new(&folder.path().join("cache"));
    assert!(cache.knows_blob(&File::open(&placed).unwrap(), digest, size));
    assert!(cache.knows_blob(&File::open(cache.blob_path(digest)).unwrap(), digest, size));
    // Whoever writes into the image changes the cache's blob, which shows.
    tick();
    File::options().write(true).open(&placed).unwrap().write_all(b"x").unwrap();
    assert!(cache.blob(digest, size).is_none());
}

#[test]
fn an_input_is_known_in_its_state_once_that_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    fs::write(&path, "one").unwrap();
    let identity = Identity::of(&fs::metadata(&path).unwrap());
    let input = Input { fingerprint: Fingerprint::of(b"one"), possible_key: Some(3), note: b"elf".to_vec() };
    let cache = Cache::of_tests(&folder.path().join("cache"), 1_700_000_000, 1);
    tick();
    assert!(identity.is_settled(cache.moment(&identity, &File::open(&path).unwrap()).unwrap()));
    assert!(cache.input(&identity, &path).is_none());
    cache.remember_input(&identity, input.clone());
    assert_eq!(cache.input(&identity, &path), Some(input.clone()));
    cache.save().unwrap();
    let cache = Cache::of_tests(&folder.path().join("cache"), 1_700_000_000, 1);
    assert_eq!(cache.input(&identity, &path), Some(input));
    fs::write(&path, "two").unwrap();
    assert!(cache.input(&Identity::of(&fs::metadata(&path).unwrap()), &path).is_none());
}

#[test]
fn a_record_is_there_whole_under_its_name_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    let (one, two) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
    cache.keep_record(RecordShelf::Layers, &one, b"what it is").unwrap();
    assert_eq!(cache.record(RecordShelf::Layers, &one).as_deref(), Some(&b"what it is"[..]));
    assert!(cache.record(RecordShelf::Verdicts, &one).is_none());
    let path = |shelf: &str, key: &Fingerprint| folder.path().join(shelf).join(key.hex());
    let sound = fs::read(path("layers", &one)).unwrap();
    // Under another name, on another shelf.
    fs::write(path("layers", &two), &sound).unwrap();
    assert!(cache.record(RecordShelf::Layers, &two).is_none());
    assert!(!path("layers", &two).exists());
    fs::create_dir_all(folder.path().join("scans")).unwrap();
    fs::write(path("scans", &one), &sound).unwrap();
    assert!(cache.record(RecordShelf::Scans, &one).is_none());
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 1;
        fs::write(path("layers", &one), &damaged).unwrap();
        assert!(cache.record(RecordShelf::Layers, &one).is_none(), "byte {at}");
        fs::write(path("layers", &one), &sound[..at]).unwrap();
        assert!(cache.record(RecordShelf::Layers, &one).is_none(), "cut at {at}");
    }
}

#[test]
fn the_oldest_go_first_and_everything_goes_when_all_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::of_tests(folder.path(), 1_700_000_000, 1);
    let kept: Vec<_> = (1..=4).map(|seed| put(&cache, &blob(seed).0)).collect();
    for (age, blob) in kept.iter().enumerate() {
        let made = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_600_000_000 - 1000 * age as u64);
        File::options().write(true).open(&blob.path).unwrap().set_modified(made).unwrap();
    }
    assert!(!folder.path().join("used").exists(), "what was just made needs no mark");
    // Used again: the third is the youngest now.
    assert!(cache.blob(kept[2].digest, kept[2].size).is_some());
    assert!(folder.path().join("used").join(kept[2].digest.hex()).exists());
    let one = cache.status().unwrap().blobs.bytes / 4;
    let pruned = cache.prune(one * 2).unwrap();
    assert_eq!((pruned.removed.entries, pruned.left.bytes <= one * 2), (2, true));
    let there: Vec<_> = kept.iter().map(|blob| blob.path.exists()).collect();
    assert_eq!(there, [true, false, true, false]);
    cache.keep_record(RecordShelf::Scans, &Fingerprint::of(b""), b"x").unwrap();
    fs::create_dir_all(folder.path().join("go/bench/target")).unwrap();
    fs::write(folder.path().join("go/bench/lock"), "").unwrap();
    assert_eq!(cache.status().unwrap().compilers[0].1.entries, 1);
    assert_eq!(cache.prune(0).unwrap().left, CacheCount::default());
    assert_eq!(cache.status().unwrap().blobs, CacheCount::default());
    assert!(!folder.path().join("go/bench").exists());
}

#[test]
fn what_compilers_keep_counts_in_the_bound() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    let bench = folder.path().join("cargo/bench");
    fs::create_dir_all(bench.join("target")).unwrap();
    fs::write(bench.join("lock"), "").unwrap();
    note_size(&bench).unwrap();
    put(&cache, b"one layer");
    cache.save().unwrap();
    assert!(bench.exists(), "a small folder is no reason to remove anything");
    fs::write(bench.join("size"), (2 * Limits::CACHE_BYTES).to_string()).unwrap();
    put(&cache, b"another layer");
    cache.save().unwrap();
    assert!(!bench.exists());
}

#[test]
fn nothing_is_removed_while_a_build_uses_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    let (build, prune) = (Cache::new(folder.path()), Cache::new(folder.path()));
    let kept = put(&build, b"layer");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let pruning = scope.spawn(|| {
            let pruned = prune.prune(0).unwrap();
            assert!(done.load(Ordering::SeqCst), "the build still worked");
            pruned
        });
        tick();
        assert!(kept.path.exists());
        done.store(true, Ordering::SeqCst);
        drop(build);
        assert_eq!(pruning.join().unwrap().removed.entries, 1);
    });
    assert!(!kept.path.exists());
}

#[test]
fn verify_reads_every_byte_and_removes_what_is_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    let kept: Vec<_> = (1..=3).map(|seed| put(&cache, &blob(seed).0)).collect();
    cache.keep_record(RecordShelf::Scans, &Fingerprint::of(b"a"), b"sound").unwrap();
    cache.keep_record(RecordShelf::Scans, &Fingerprint::of(b"b"), b"damaged").unwrap();
    fs::write(folder.path().join("memo"), "no memo").unwrap();
    fs::write(folder.path().join("blobs/.draft-of-a-killed-build"), "").unwrap();
    let record = folder.path().join("scans").join(Fingerprint::of(b"b").hex());
    fs::write(&record, "damaged").unwrap();
    fs::write(&kept[1].path, "damaged").unwrap();
    let unpack = |_: Box<dyn Read + Send>, _: u64| Ok((Digest::of(b""), 0));
    let verified = cache.verify(&unpack).unwrap();
    assert_eq!((verified.sound.entries, verified.sealed.entries), (2, 1));
    let mut names = vec![
        format!("blobs/{}", kept[1].digest.hex()),
        format!("scans/{}", Fingerprint::of(b"b").hex()),
        "memo".to_owned(),
    ];
    names.sort();
    let mut damaged = verified.damaged;
    damaged.sort();
    assert_eq!(damaged, names);
    assert_eq!(cache.verify(&unpack).unwrap().damaged, Vec::<String>::new());
    assert_eq!(fs::read_dir(folder.path().join("blobs")).unwrap().count(), 2);
}

#[test]
fn a_folder_that_cannot_be_used_is_an_empty_cache() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let cache = Cache::new(&folder.path().join("file/cache"));
    assert!(cache.enter().is_err() && cache.enter().is_err());
    assert!(cache.draft().is_err());
    assert!(cache.blob(Digest::of(b""), 0).is_none());
    assert!(cache.record(RecordShelf::Layers, &Fingerprint::of(b"")).is_none());
    cache.keep_record(RecordShelf::Layers, &Fingerprint::of(b""), b"").unwrap();
    cache.save().unwrap();
}

#[test]
fn an_entry_of_the_last_second_that_there_is_is_used_and_ends_nothing() {
    // Where the system keeps such a time; a disk may have an earlier last one.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let cache = Cache::of_tests(folder.path(), 1_800_000_000, 1);
    let key = Fingerprint::of(b"key");
    cache.keep_record(RecordShelf::Layers, &key, b"record").unwrap();
    let kept = put(&cache, b"layer");
    fs::create_dir_all(folder.path().join("go/bench")).unwrap();
    let last = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(i64::MAX.unsigned_abs());
    for path in [kept.path.clone(), folder.path().join("layers").join(key.hex()), folder.path().join("go/bench")] {
        File::open(&path).unwrap().set_modified(last).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), last, "{}", path.display());
    }
    assert_eq!(cache.record(RecordShelf::Layers, &key).as_deref(), Some(&b"record"[..]));
    assert!(cache.blob(Digest::of(b"layer"), 5).is_some());
    cache.save().unwrap();
    assert_eq!(cache.record(RecordShelf::Layers, &key).as_deref(), Some(&b"record"[..]));
}

/// The content that a record of a layer has.
fn layer_record(blob: &CachedBlob, diff_id: Digest, unpacked: u64) -> Vec<u8> {
    [&blob.digest.bytes()[..], &diff_id.bytes(), &blob.size.to_le_bytes(), &unpacked.to_le_bytes()].concat()
}

#[test]
fn verify_compares_layers_with_their_records() {
    let folder = tempfile::tempdir().unwrap();
    let cache = Cache::new(folder.path());
    let kept = put(&cache, b"packed");
    let unpack = |_: Box<dyn Read + Send>, size: u64| {
        assert_eq!(size, 6);
        Ok((Digest::of(b"unpacked"), 8))
    };
    let keys = [1_u8, 2, 3, 4].map(|number| Fingerprint::of(&[number]));
    let contents = [
        layer_record(&kept, Digest::of(b"unpacked"), 8),
        layer_record(&kept, Digest::of(b"else"), 8),
        layer_record(&kept, Digest::of(b"unpacked"), 9),
        b"no record".to_vec(),
    ];
    for (key, content) in keys.iter().zip(&contents) {
        cache.keep_record(RecordShelf::Layers, key, content).unwrap();
    }
    let verified = cache.verify(&unpack).unwrap();
    assert_eq!((verified.sound.entries, verified.damaged.len()), (2, 3));
    assert!(cache.record(RecordShelf::Layers, &keys[0]).is_some());
    fs::remove_file(&kept.path).unwrap();
    let verified = cache.verify(&unpack).unwrap();
    assert_eq!((verified.sound.entries, verified.sealed.entries), (0, 1), "without its blob it says nothing");
}

#[test]
fn who_has_every_format_and_another_key_makes_nothing_that_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("cache");
    let (ours, forger) = (|| Cache::of_tests(&root, 1_700_000_000, 1), || Cache::of_tests(&root, 1_700_000_000, 2));
    let key = Fingerprint::of(b"key");
    for on in RecordShelf::ALL {
        forger().keep_record(on, &key, b"forged").unwrap();
        assert_eq!(forger().record(on, &key).as_deref(), Some(&b"forged"[..]));
        assert!(ours().shared_entry(on, &key).is_none(), "{}", on.name());
        assert_eq!(ours().record(on, &key), None, "{}", on.name());
        // Our own record of another name or shelf is none of this one either.
        ours().keep_record(on, &key, b"ours").unwrap();
        let path = |on: RecordShelf, key: &Fingerprint| root.join(on.name()).join(key.hex());
        let sealed = fs::read(path(on, &key)).unwrap();
        fs::write(path(on, &Fingerprint::of(b"other")), &sealed).unwrap();
        assert_eq!(ours().record(on, &Fingerprint::of(b"other")), None);
        for other in RecordShelf::ALL.into_iter().filter(|other| *other != on) {
            fs::create_dir_all(root.join(other.name())).unwrap();
            fs::write(path(other, &key), &sealed).unwrap();
            assert_eq!(ours().record(other, &key), None, "{} as {}", on.name(), other.name());
        }
        assert_eq!(ours().record(on, &key).as_deref(), Some(&b"ours"[..]));
    }
    // The states of files, and of blobs.
    let path = folder.path().join("input");
    fs::write(&path, "one").unwrap();
    let identity = Identity::of(&fs::metadata(&path).unwrap());
    let input = Input { fingerprint: Fingerprint::of(b"forged"), possible_key: None, note: Vec::new() };
    let (bytes, digest) = blob(3);
    tick();
    let cache = forger();
    cache.enter().unwrap();
    cache.remember_input(&identity, input.clone());
    let kept = put(&cache, &bytes);
    cache.save().unwrap();
    assert_eq!(forger().input(&identity, &path), Some(input));
    assert_eq!(ours().input(&identity, &path), None);
    let file = File::open(&kept.path).unwrap();
    assert!(forger().knows_blob(&file, digest, kept.size) && !ours().knows_blob(&file, digest, kept.size));
    assert!(ours().blob(digest, kept.size).is_some(), "its bytes are right");
}

#[test]
fn a_call_without_a_key_remembers_nothing_and_leaves_what_others_believe() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, key) = (Cache::new(folder.path()), Fingerprint::of(b"key"));
    ours.keep_record(RecordShelf::Layers, &key, b"ours").unwrap();
    let without = Cache::at(folder.path(), 0, SealKeyPlace::Nowhere);
    assert!(without.key_fault().is_some() && without.require_key().is_err());
    assert_eq!(without.record(RecordShelf::Layers, &key), None);
    without.keep_record(RecordShelf::Layers, &key, b"theirs").unwrap();
    assert_eq!(ours.record(RecordShelf::Layers, &key).as_deref(), Some(&b"ours"[..]));
    assert_eq!(without.verify(&|_, _| Err(io::ErrorKind::Other.into())).unwrap_err().name, Some(ErrorName::CacheKey));
}
