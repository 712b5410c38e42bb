#![allow(clippy::unwrap_used)]

use std::io::Write;

use super::*;

/// A store in memory that can be told to fail.
#[derive(Debug, Default, Clone)]
struct MemoryStore {
    held: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    fails: Arc<AtomicU32>,
    asked: Arc<AtomicU32>,
}

impl MemoryStore {
    fn answer(&self) -> Result<(), RemoteFault> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.fails.load(Ordering::Relaxed) > 0 {
            Err(RemoteFault { what: "HTTP 503".into(), is_timeout: false })
        } else {
            Ok(())
        }
    }

    fn place(kind: RemoteKind, name: &str) -> String {
        format!("{kind:?}/{name}")
    }
}

impl RemoteStore for MemoryStore {
    fn get(&self, kind: RemoteKind, name: &str, limit: u64, to: &mut dyn Write) -> Result<Option<u64>, RemoteFault> {
        self.answer()?;
        let held = self.held.lock();
        let Some(bytes) = held.get(&Self::place(kind, name)) else { return Ok(None) };
        assert!(bytes.len() as u64 <= limit);
        to.write_all(bytes).unwrap();
        Ok(Some(bytes.len() as u64))
    }

    fn has(&self, kind: RemoteKind, name: &str) -> Result<bool, RemoteFault> {
        self.answer()?;
        Ok(self.held.lock().contains_key(&Self::place(kind, name)))
    }

    fn put(&self, kind: RemoteKind, name: &str, _size: u64, content: &dyn Open) -> Result<(), RemoteFault> {
        self.answer()?;
        let mut bytes = Vec::new();
        std::io::copy(&mut content.open().unwrap(), &mut bytes).unwrap();
        self.held.lock().insert(Self::place(kind, name), bytes);
        Ok(())
    }

    fn address(&self) -> String {
        "http://cache".to_owned()
    }
}

/// A machine with a cache of its own before the store.
fn machine(store: &MemoryStore, key: &std::path::Path, signs: bool) -> (tempfile::TempDir, SharedCache) {
    let folder = tempfile::tempdir().unwrap();
    let signer = CacheSigner::read(key).unwrap();
    let mut trust = CacheTrust::default();
    trust.add_key(signer.public());
    let remote = RemoteCache::new(Box::new(store.clone()), trust, signs.then_some(signer));
    let shared = SharedCache::new(Cache::new(folder.path()), Some(remote), 0);
    (folder, shared)
}

fn blob(shared: &SharedCache, bytes: &[u8]) -> CachedBlob {
    let mut draft = shared.local_cache().draft().unwrap();
    draft.write_all(bytes).unwrap();
    draft.seal(Digest::of(bytes), bytes.len() as u64).unwrap()
}

#[test]
fn what_one_machine_stores_another_takes_and_a_reader_adds_nothing() {
    let (store, keys) = (MemoryStore::default(), tempfile::tempdir().unwrap());
    let key_file = keys.path().join("key");
    CacheSigner::create(&key_file).unwrap();
    let (_one, writer) = machine(&store, &key_file, true);
    let (_two, reader) = machine(&store, &key_file, false);
    let (shelf, key) = (RecordShelf::Layers, Fingerprint::of(b"key"));
    assert!(!reader.store(shelf, &key, b"body", Some(&blob(&reader, b"other"))));
    assert!(store.held.lock().is_empty(), "a job without a key adds nothing");
    assert_eq!(reader.record(shelf, &key), None);
    assert!(writer.store(shelf, &key, b"body", Some(&blob(&writer, b"layer"))));
    assert_eq!(reader.record(shelf, &key).as_deref(), Some(&b"body"[..]));
    assert_eq!(reader.blob(Digest::of(b"layer"), 5).unwrap().digest(), Digest::of(b"layer"));
    // Both are here now.
    let asked = store.asked.load(Ordering::Relaxed);
    assert!(reader.record(shelf, &key).is_some() && reader.blob(Digest::of(b"layer"), 5).is_some());
    assert_eq!(store.asked.load(Ordering::Relaxed), asked);
    assert!(reader.warnings().is_empty(), "{:?}", reader.warnings());
}

#[test]
fn a_record_under_another_name_and_a_changed_blob_are_said_and_not_used() {
    let (store, keys) = (MemoryStore::default(), tempfile::tempdir().unwrap());
    let key_file = keys.path().join("key");
    CacheSigner::create(&key_file).unwrap();
    let (_one, writer) = machine(&store, &key_file, true);
    let (one, two) = (Fingerprint::of(b"1"), Fingerprint::of(b"2"));
    let shelf = RecordShelf::Layers;
    writer.store(shelf, &one, b"first", Some(&blob(&writer, b"layer")));
    let signed = store.held.lock().get(&MemoryStore::place(RemoteKind::Record, &record_name(shelf, &one))).cloned();
    let place = MemoryStore::place(RemoteKind::Record, &record_name(shelf, &two));
    store.held.lock().insert(place, signed.unwrap());
    let digest = Digest::of(b"layer");
    store.held.lock().insert(MemoryStore::place(RemoteKind::Blob, &digest.hex()), b"lawyer".to_vec()[..5].to_vec());
    let (_two, reader) = machine(&store, &key_file, false);
    assert_eq!(reader.record(shelf, &two), None);
    assert!(reader.blob(digest, 5).is_none());
    assert!(reader.local_cache().blob(digest, 5).is_none());
    let said: Vec<_> = reader.warnings().iter().map(ToString::to_string).collect();
    let said = said.join("\n");
    assert!(said.contains(&record_name(shelf, &two)) && said.contains("is another record"), "{said}");
    assert!(said.contains(&format!("{digest}")) && said.contains("http://cache"), "{said}");
}

#[test]
fn a_store_that_fails_is_left_alone_after_a_few_requests() {
    let (store, keys) = (MemoryStore::default(), tempfile::tempdir().unwrap());
    let key_file = keys.path().join("key");
    CacheSigner::create(&key_file).unwrap();
    let (_one, shared) = machine(&store, &key_file, true);
    store.fails.store(1, Ordering::Relaxed);
    for number in 0..10_u8 {
        assert_eq!(shared.record(RecordShelf::Layers, &Fingerprint::of(&[number])), None);
    }
    assert_eq!(store.asked.load(Ordering::Relaxed), Limits::SHARED_FAULTS);
    let said: Vec<_> = shared.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(said, ["the shared cache http://cache failed 3 requests, and it was not asked again: HTTP 503"]);
}

#[test]
fn which_keys_are_verified_is_a_matter_of_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let of = |percent| SharedCache::new(Cache::new(folder.path()), None, percent);
    let count =
        |percent| (0..1000_u32).filter(|key| of(percent).verifies(&Fingerprint::of(&key.to_le_bytes()))).count();
    assert_eq!((count(0), count(100)), (0, 1000));
    let tenth = count(10);
    assert!((50..200).contains(&tenth), "{tenth}");
    assert_eq!(count(10), tenth);
}
