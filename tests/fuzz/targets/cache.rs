//! A file of the cache is sound or as if it were not there; what is sound is written as the same bytes.

use std::fs;

use hardpan::cache::{
    Cache, CacheTrust, Fingerprint, InputLists, RecordFault, RecordShelf, SealKeyPlace, blob_of_record, open_record,
};

pub fn run(bytes: &[u8]) {
    if let Some(memo) = hardpan::cache::fuzzing::memo(bytes) {
        // Behind the header.
        assert_eq!(hardpan::cache::fuzzing::memo(&memo[64..]), Some(memo));
    }
    let lists = InputLists::of(Some(bytes));
    assert_eq!(InputLists::of(Some(&lists.encode())), lists);
    let key = Fingerprint::of(b"fuzz");
    for shelf in [RecordShelf::Layers, RecordShelf::Programs, RecordShelf::Verdicts] {
        let names_blob = blob_of_record(shelf, bytes).is_some();
        assert!(!names_blob || (shelf != RecordShelf::Verdicts && bytes.len() >= 40));
        // No key is trusted.
        let fault = open_record(shelf, &key, bytes, &CacheTrust::default()).expect_err("nothing is trusted");
        assert!(!matches!(fault, RecordFault::Forged(_)), "{fault}");
    }
    let folder = tempfile::tempdir().unwrap();
    let (root, place) = (folder.path().join("cache"), SealKeyPlace::File(folder.path().join("key")));
    let cache = Cache::at(&root, 0, place.clone());
    // What nobody sealed is none.
    let path = |key: &Fingerprint| root.join(RecordShelf::Layers.name()).join(key.hex());
    fs::create_dir_all(path(&key).parent().unwrap()).unwrap();
    fs::write(path(&key), bytes).unwrap();
    assert_eq!(cache.record(RecordShelf::Layers, &key), None);
    // What is sealed comes back under its own name, and under no other one.
    cache.keep_record(RecordShelf::Layers, &key, bytes).unwrap();
    assert_eq!(cache.record(RecordShelf::Layers, &key).as_deref(), Some(bytes));
    let other = Fingerprint::of(b"other");
    fs::rename(path(&key), path(&other)).unwrap();
    assert_eq!(cache.record(RecordShelf::Layers, &other), None);
    // The memo is read when the first file is looked up.
    fs::write(root.join("memo"), bytes).unwrap();
    let cache = Cache::at(&root, 0, place);
    cache.enter().unwrap();
    cache.save().unwrap();
}
