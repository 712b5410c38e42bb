//! A file of the cache is sound or as if it were not there; what is sound is written as the same bytes.

use std::fs;

use hardpan::cache::{
    Cache, CacheTrust, Fingerprint, InputLists, RecordFault, RecordShelf, blob_of_record, open_record,
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
    let file = folder.path().join(RecordShelf::Layers.name()).join(key.hex());
    fs::create_dir(folder.path().join(RecordShelf::Layers.name())).unwrap();
    fs::write(&file, bytes).unwrap();
    let cache = Cache::new(folder.path());
    match cache.record(RecordShelf::Layers, &key) {
        Some(content) => {
            cache.keep_record(RecordShelf::Layers, &key, &content).unwrap();
            assert_eq!(fs::read(&file).unwrap(), bytes);
            // Under no other name.
            let other = file.with_file_name(Fingerprint::of(b"other").hex());
            fs::rename(&file, other).unwrap();
            assert_eq!(cache.record(RecordShelf::Layers, &Fingerprint::of(b"other")), None);
        }
        None => assert!(!file.exists(), "what is damaged is removed"),
    }
    // The memo is read when the first file is looked up.
    fs::write(folder.path().join("memo"), bytes).unwrap();
    let cache = Cache::new(folder.path());
    cache.enter().unwrap();
    cache.save().unwrap();
}
