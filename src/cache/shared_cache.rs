//! [`SharedCache`]: the cache of this user, with a store of other machines behind it where there is one.
//!
//! A record of the store is believed where its signature is by a trusted key, a blob where its bytes are those of its name.
//! Everything else is a miss: it is made here. A store that fails repeatedly is not asked again in this call, so that an outage
//! costs time and nothing else. What is stored has passed the gate.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use parking_lot::Mutex;

use super::{
    Cache, CachePublicKey, CacheSigner, CacheTrust, CachedBlob, Fingerprint, InputLists, RecordShelf, RemoteFault,
    RemoteKind, RemoteStore,
    signed_record::{RecordFault, open_record, record_name, sign_record},
};
use crate::{
    oci::{Digest, Open},
    report::{Failure, Limits, shown},
};

/// The cache of this user and the store behind it. A handle: copies are the same.
#[derive(Debug, Clone)]
pub struct SharedCache(Arc<SharedInner>);

#[derive(Debug)]
struct SharedInner {
    local: Cache,
    remote: Option<RemoteCache>,
    /// Of a hundred keys, how many are made again and compared.
    verified_percent: u8,
    /// What was compiled and has not passed the gate yet, by the content of the program.
    pending: Mutex<BTreeMap<Fingerprint, Vec<PendingProgram>>>,
    refused: Mutex<BTreeSet<String>>,
    counts: Counters,
}

/// A store of other machines, and whom to believe.
#[derive(Debug)]
pub struct RemoteCache {
    /// The store.
    pub store: Box<dyn RemoteStore>,
    /// Whose records are used.
    pub trust: CacheTrust,
    /// Signs what this job adds; none in a job that only reads.
    pub signer: Option<CacheSigner>,
    /// Requests that failed so far, and why the last one did.
    pub faults: RemoteFaults,
}

/// Requests of one call that failed.
#[derive(Debug, Default)]
pub struct RemoteFaults {
    count: AtomicU32,
    is_slow: AtomicBool,
    last: Mutex<Option<RemoteFault>>,
}

/// A compiled program whose record is stored once an image with it has passed the gate.
#[derive(Debug, Clone)]
pub struct PendingProgram {
    /// The key of the request, for the record of its inputs.
    pub request: Fingerprint,
    /// The list of its inputs, to be added to those that are there.
    pub inputs: Vec<u8>,
    /// The key of request and inputs together.
    pub key: Fingerprint,
    /// The record of the program. It begins with the digest of the blob.
    pub record: Vec<u8>,
    /// The program.
    pub path: PathBuf,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// What was asked of the store and what came of it, in one call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SharedCounts {
    /// Programs that were compiled and have a record.
    pub compiled: u64,
    /// Requests, whatever their answer.
    pub requests: u64,
    /// Bytes that came.
    pub received: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Records that were stored.
    pub stored: u64,
    /// Records that were believed.
    pub taken: u64,
    /// Keys that were made again and found to be the same.
    pub verified: u64,
}

#[derive(Debug, Default)]
struct Counters {
    compiled: AtomicU64,
    requests: AtomicU64,
    received: AtomicU64,
    sent: AtomicU64,
    stored: AtomicU64,
    taken: AtomicU64,
    verified: AtomicU64,
}

impl SharedCache {
    /// The cache of this user alone.
    pub fn local(local: Cache) -> Self {
        Self::new(local, None, 0)
    }

    /// The cache of this user with `remote` behind it. Of a hundred keys, `verified_percent` are made again and compared.
    pub fn new(local: Cache, remote: Option<RemoteCache>, verified_percent: u8) -> Self {
        Self(Arc::new(SharedInner {
            local,
            remote,
            verified_percent,
            pending: Mutex::default(),
            refused: Mutex::default(),
            counts: Counters::default(),
        }))
    }

    /// The cache of this user.
    pub fn local_cache(&self) -> &Cache {
        &self.0.local
    }

    /// Whether what is cached under this key is made again and compared: by the key alone, so that every call and machine
    /// chooses the same ones.
    pub fn verifies(&self, key: &Fingerprint) -> bool {
        let [first, second, third, ..] = *key.bytes();
        let number = u32::from_le_bytes([first, second, third, 0]) % 100;
        number < u32::from(self.0.verified_percent)
    }

    /// Notes that a key was made again and is the same.
    pub fn note_verified(&self) {
        self.0.counts.verified.fetch_add(1, Ordering::Relaxed);
    }

    /// The record of this key: that of this user's cache, else one of the store, which is then kept here.
    pub fn record(&self, on: RecordShelf, key: &Fingerprint) -> Option<Vec<u8>> {
        if let Some(record) = self.0.local.record(on, key) {
            return Some(record);
        }
        let record = self.remote_record(on, key)?;
        // A cache that cannot be written asks the store again.
        let _ = self.0.local.keep_record(on, key, &record);
        Some(record)
    }

    /// The record of this key in the store.
    pub fn remote_record(&self, on: RecordShelf, key: &Fingerprint) -> Option<Vec<u8>> {
        let remote = self.remote()?;
        let (name, mut bytes) = (record_name(on, key), Vec::new());
        let found = remote.store.get(RemoteKind::Record, &name, Limits::SHARED_RECORD_BYTES, &mut bytes);
        self.count_received(self.note(remote, found)??);
        match open_record(on, key, &bytes, &remote.trust) {
            Ok(body) => {
                self.0.counts.taken.fetch_add(1, Ordering::Relaxed);
                Some(body.to_vec())
            }
            Err(fault) => {
                self.refuse(remote, &name, fault);
                None
            }
        }
    }

    /// The blob of this digest and size: that of this user's cache, else that of the store, which is then kept here.
    pub fn blob(&self, digest: Digest, size: u64) -> Option<CachedBlob> {
        if let Some(blob) = self.0.local.blob(digest, size) {
            return Some(blob);
        }
        let remote = self.remote()?;
        let mut draft = self.0.local.draft().ok()?;
        let found = remote.store.get(RemoteKind::Blob, &digest.hex(), size, &mut draft);
        self.count_received(self.note(remote, found)??);
        draft.flush().ok()?;
        match draft.seal(digest, size) {
            Ok(blob) => Some(blob),
            Err(failure) => {
                let what = format!("the blob `{digest}` of {} is not used: {}", remote.store.address(), failure.what);
                self.0.refused.lock().insert(what);
                None
            }
        }
    }

    /// Keeps in mind what was compiled, until an image with it has passed the gate.
    pub fn note_pending(&self, content: Fingerprint, program: PendingProgram) {
        self.0.counts.compiled.fetch_add(1, Ordering::Relaxed);
        self.0.pending.lock().entry(content).or_default().push(program);
    }

    /// The programs with this content that were compiled and are not stored yet; they are not given again.
    pub fn take_pending(&self, content: &Fingerprint) -> Vec<PendingProgram> {
        self.0.pending.lock().remove(content).unwrap_or_default()
    }

    /// Adds a list of inputs to those of this user's cache.
    pub fn keep_inputs(&self, request: &Fingerprint, list: &[u8]) {
        let local = &self.0.local;
        let mut lists = InputLists::of(local.record(RecordShelf::Inputs, request).as_deref());
        if lists.add(list) {
            // Where it cannot be kept, the store is asked again.
            let _ = local.keep_record(RecordShelf::Inputs, request, &lists.encode());
        }
    }

    /// Stores a program that has passed the gate: the blob, its record, and the list of its inputs.
    ///
    /// That it cannot be stored is no failure: another build compiles it again.
    pub fn store_program(&self, program: &PendingProgram) {
        let PendingProgram { request, inputs, key, record, path, digest, size } = program;
        let local = &self.0.local;
        if local.keep_blob(path, *digest, *size).is_err() {
            return;
        }
        let Some(blob) = local.blob(*digest, *size) else { return };
        let _ = local.keep_record(RecordShelf::Programs, key, record);
        self.keep_inputs(request, inputs);
        if !self.store(RecordShelf::Programs, key, record, Some(&blob)) {
            return;
        }
        // Another job may write the same record at the same time, and the last one wins: it is looked at again.
        for _ in 0..MERGES {
            let mut lists = InputLists::of(self.remote_record(RecordShelf::Inputs, request).as_deref());
            if !lists.add(inputs) || !self.store(RecordShelf::Inputs, request, &lists.encode(), None) {
                return;
            }
        }
    }

    /// Stores a record, after the blob that it names, where this job may add to the store. Gives whether it did.
    pub fn store(&self, on: RecordShelf, key: &Fingerprint, body: &[u8], blob: Option<&CachedBlob>) -> bool {
        let Some((remote, signer)) = self.remote().and_then(|remote| Some((remote, remote.signer.as_ref()?))) else {
            return false;
        };
        if let Some(blob) = blob
            && !self.store_blob(remote, blob)
        {
            return false;
        }
        let sealed = sign_record(on, key, body, signer);
        let stored = remote.store.put(RemoteKind::Record, &record_name(on, key), sealed.len() as u64, &sealed);
        if self.note(remote, stored).is_none() {
            return false;
        }
        self.0.counts.sent.fetch_add(sealed.len() as u64, Ordering::Relaxed);
        self.0.counts.stored.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn store_blob(&self, remote: &RemoteCache, blob: &CachedBlob) -> bool {
        let name = blob.digest().hex();
        let found = remote.store.has(RemoteKind::Blob, &name);
        match self.note(remote, found) {
            Some(true) => true,
            Some(false) => {
                let stored = remote.store.put(RemoteKind::Blob, &name, blob.size(), blob as &dyn Open);
                let is_stored = self.note(remote, stored).is_some();
                if is_stored {
                    self.0.counts.sent.fetch_add(blob.size(), Ordering::Relaxed);
                }
                is_stored
            }
            None => false,
        }
    }

    /// What is to be said of the store at the end of a call.
    pub fn warnings(&self) -> Vec<Failure> {
        let refused = self.0.refused.lock();
        let mut warnings: Vec<_> = refused.iter().take(SHOWN).map(Failure::warning).collect();
        if refused.len() > SHOWN {
            warnings.push(Failure::warning(format!(
                "{} more records and blobs of the shared cache are not used",
                refused.len() - SHOWN
            )));
        }
        let Some(remote) = &self.0.remote else { return warnings };
        if let Some(fault) = &*remote.faults.last.lock() {
            let count = remote.faults.count.load(Ordering::Relaxed);
            let off = if self.remote().is_none() { ", and it was not asked again" } else { "" };
            let requests = if count == 1 { "request" } else { "requests" };
            warnings.push(Failure::warning(format!(
                "the shared cache {} failed {count} {requests}{off}: {}",
                remote.store.address(),
                shown(&fault.what)
            )));
        }
        warnings
    }

    /// What was asked of the store, where there is one.
    pub fn counts(&self) -> Option<SharedCounts> {
        let counts = &self.0.counts;
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (self.0.remote.is_some() || self.0.verified_percent > 0).then(|| SharedCounts {
            compiled: load(&counts.compiled),
            requests: load(&counts.requests),
            received: load(&counts.received),
            sent: load(&counts.sent),
            stored: load(&counts.stored),
            taken: load(&counts.taken),
            verified: load(&counts.verified),
        })
    }

    /// The store, unless it failed too often in this call.
    fn remote(&self) -> Option<&RemoteCache> {
        let remote = self.0.remote.as_ref()?;
        let faults = &remote.faults;
        let is_off =
            faults.is_slow.load(Ordering::Relaxed) || faults.count.load(Ordering::Relaxed) >= Limits::SHARED_FAULTS;
        (!is_off).then_some(remote)
    }

    /// The answer; none where there was a fault, which counts.
    fn note<T>(&self, remote: &RemoteCache, answer: Result<T, RemoteFault>) -> Option<T> {
        self.0.counts.requests.fetch_add(1, Ordering::Relaxed);
        answer
            .map_err(|fault| {
                remote.faults.count.fetch_add(1, Ordering::Relaxed);
                remote.faults.is_slow.fetch_or(fault.is_timeout, Ordering::Relaxed);
                *remote.faults.last.lock() = Some(fault);
            })
            .ok()
    }

    fn count_received(&self, bytes: u64) {
        self.0.counts.received.fetch_add(bytes, Ordering::Relaxed);
    }

    fn refuse(&self, remote: &RemoteCache, name: &str, fault: RecordFault) {
        let what = format!("the record `{name}` of the shared cache {} is not used: {fault}", remote.store.address());
        self.0.refused.lock().insert(what);
    }
}

impl RemoteCache {
    /// A store that nothing was asked of yet. What `signer` signs is believed, too.
    pub fn new(store: Box<dyn RemoteStore>, trust: CacheTrust, signer: Option<CacheSigner>) -> Self {
        let mut trust = trust;
        signer.iter().map(CacheSigner::public).for_each(|key: CachePublicKey| trust.add_key(key));
        Self { store, trust, signer, faults: RemoteFaults::default() }
    }
}

/// How many refused records are named in warnings.
const SHOWN: usize = 5;
/// How often the record of inputs is merged with that of another job that writes it at the same time.
const MERGES: usize = 4;

#[cfg(test)]
#[path = "shared_cache_tests.rs"]
mod tests;
