//! An archive of the cache: signed records, and the blobs that they name, in one tar that is the same for the same cache.
//!
//! ```text
//! ac/inputs/<key> ac/layers/<key> ac/programs/<key>   signed records
//! cas/<sha256>                                        the blobs of layers and programs
//! ```
//!
//! Records come before blobs, so that a reader knows which blobs it wants. Pipelines keep the file in their own cache.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, BufReader, Read, Write},
    sync::Arc,
};

use crate::{
    cache::{
        Cache, CacheSigner, CacheTrust, CachedBlob, Fingerprint, InputLists, RecordShelf, blob_of_record, open_record,
        sign_record,
    },
    layer::{
        EntryKind, LayerEntry, TarError,
        foreign_tar::{Tape, TapeItem, TarEntryKind},
        write_tar,
    },
    oci::{Digest, ImagePath, Open},
    report::{ErrorName, Failure, Limits, printable},
};

/// The folder of records.
const RECORDS: &str = "/ac/";
/// The two blocks of zeros at the end of a tar.
const END_BYTES: u64 = 1024;
/// The folder of blobs.
const BLOBS: &str = "/cas/";

/// How much an archive has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchivedCache {
    /// Records.
    pub records: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of both.
    pub bytes: u64,
}

/// Writes what is worth keeping of a cache: the programs and layers that were used last, up to `limit` bytes, signed.
///
/// # Errors
/// The cache or the archive cannot be used.
pub fn export_cache(
    cache: &Cache,
    signer: &CacheSigner,
    limit: u64,
    out: &mut dyn Write,
) -> Result<ArchivedCache, Failure> {
    let mut archived = ArchivedCache::default();
    let mut entries: BTreeMap<String, LayerEntry> = BTreeMap::new();
    let mut held = 0;
    for (shelf, key) in cache.shared_keys()? {
        let Some((body, blob)) = cache.shared_entry(shelf, &key) else { continue };
        let sealed = sign_record(shelf, &key, &body, signer);
        let name = blob.as_ref().map(|blob| format!("{BLOBS}{}", blob.digest().hex()));
        let blob = blob.filter(|_| name.as_ref().is_some_and(|name| !entries.contains_key(name)));
        let record_bytes = sealed.len() as u64;
        let bytes = record_bytes + blob.as_ref().map_or(0, CachedBlob::size);
        if archived.bytes.saturating_add(bytes) > limit || held + record_bytes > Limits::CACHE_ARCHIVE_BYTES {
            continue;
        }
        held += record_bytes;
        archived.bytes += bytes;
        archived.records += 1;
        let path = format!("{RECORDS}{}/{}", shelf.name(), key.hex());
        entries.insert(path.clone(), entry(&path, sealed.len() as u64, Arc::new(sealed))?);
        if let (Some(name), Some(blob)) = (name, blob) {
            archived.blobs += 1;
            entries.insert(name.clone(), entry(&name, blob.size(), Arc::new(blob))?);
        }
    }
    let entries: Vec<_> = entries.into_values().collect();
    write_tar(&entries, out).map_err(|error| match error {
        TarError::Entry(failure) => failure,
        TarError::Write(error) => Failure::io("write the archive of the cache", "stdout", &error),
    })?;
    out.flush().map_err(|error| Failure::io("write the archive of the cache", "stdout", &error))?;
    Ok(archived)
}

fn entry(path: &str, size: u64, content: Arc<dyn Open>) -> Result<LayerEntry, Failure> {
    let path = ImagePath::parse(path).map_err(|error| Failure::error(ErrorName::Internal, error.to_string()))?;
    Ok(LayerEntry { path, mode: 0o444, uid: 0, gid: 0, kind: EntryKind::File { size, content } })
}

/// A record of an archive whose signature was found good.
struct VerifiedRecord {
    shelf: RecordShelf,
    key: Fingerprint,
    body: Vec<u8>,
    blob: Option<(Digest, u64)>,
}

/// Adds what is in an archive to a cache. Records are added when the whole archive was read and each of them verified.
///
/// # Errors
/// A record that no trusted key signed, a blob that is not what its name says or that no record names, something else in the
/// archive, an archive that is cut short. No record is added then.
pub fn import_cache(cache: &Cache, trust: &CacheTrust, from: &mut dyn Read) -> Result<ArchivedCache, Failure> {
    let mut tape = Tape::new(BufReader::new(from));
    let (mut records, mut held) = (Vec::new(), 0_u64);
    let (mut wanted, mut there) = (BTreeSet::new(), BTreeSet::new());
    let mut archived = ArchivedCache::default();
    let broken = |error: &io::Error| wrong(format!("the archive cannot be read: {}", printable(&error.to_string())));
    loop {
        let before = tape.position();
        let (entry, flaws) = match tape.next().map_err(|error| broken(&error))? {
            TapeItem::Entry(entry, flaws) => (entry, flaws),
            TapeItem::End(None) if tape.position() - before >= END_BYTES => break,
            TapeItem::End(_) => return Err(wrong("the archive is cut short, or something follows its end")),
        };
        let path = printable(&entry.path).into_owned();
        if entry.kind != TarEntryKind::File || !flaws.is_empty() {
            return Err(wrong(format!("`{path}` is no entry of an archive of a cache")));
        }
        archived.bytes = archived.bytes.saturating_add(entry.size);
        if let Some((shelf, key)) = record_of(&entry.path) {
            held = held.saturating_add(entry.size);
            if entry.size > Limits::SHARED_RECORD_BYTES || held > Limits::CACHE_ARCHIVE_BYTES {
                return Err(wrong(format!("`{path}` is larger than a record, or there are too many")));
            }
            let mut bytes = Vec::new();
            tape.content(|piece| bytes.extend_from_slice(piece)).map_err(|error| broken(&error))?;
            let body = open_record(shelf, &key, &bytes, trust).map_err(|fault| {
                Failure::error(
                    ErrorName::CacheUntrusted,
                    format!("the record `{path}` of the archive is not used: {fault}"),
                )
                .hint("`--cache-trust KEY` names a public key that is trusted")
            })?;
            let blob = blob_of_record(shelf, body);
            wanted.extend(blob);
            records.push(VerifiedRecord { shelf, key, body: body.to_vec(), blob });
            continue;
        }
        let digest = entry.path.strip_prefix(BLOBS).and_then(|hex| Digest::parse_hex(hex).ok());
        let blob = digest.map(|digest| (digest, entry.size));
        let Some(blob) = blob.filter(|blob| wanted.contains(blob) && there.insert(*blob)) else {
            return Err(wrong(format!(
                "`{path}` is no entry of an archive of a cache, is in it twice, or is no blob that a record before it names"
            )));
        };
        import_blob(cache, &mut tape, blob)
            .map_err(|failure| Failure { what: format!("`{path}` of the archive: {}", failure.what), ..failure })?;
    }
    for record in records.iter().filter(|record| record.blob.is_none_or(|blob| there.contains(&blob))) {
        let VerifiedRecord { shelf, key, body, .. } = record;
        let mut merged = None;
        if *shelf == RecordShelf::Inputs {
            let mut lists = InputLists::of(cache.record(*shelf, key).as_deref());
            lists.add_all(&InputLists::of(Some(body)));
            merged = Some(lists.encode());
        }
        let kept = cache.keep_record(*shelf, key, merged.as_ref().unwrap_or(body));
        kept.map_err(|error| Failure::io("write to the cache", cache.root(), &error).named(ErrorName::Cache))?;
        archived.records += 1;
    }
    archived.blobs = there.len() as u64;
    Ok(archived)
}

/// Shelf and key of a record's name in an archive.
fn record_of(path: &str) -> Option<(RecordShelf, Fingerprint)> {
    let (shelf, key) = path.strip_prefix(RECORDS)?.split_once('/')?;
    let shelf = RecordShelf::SHARED.into_iter().find(|known| known.name() == shelf)?;
    // Both digests are written alike.
    Some((shelf, Fingerprint::from_bytes(Digest::parse_hex(key).ok()?.bytes())))
}

fn import_blob<R: io::BufRead>(cache: &Cache, tape: &mut Tape<R>, blob: (Digest, u64)) -> Result<(), Failure> {
    let (digest, size) = blob;
    let mut draft = cache.draft()?;
    let mut fault = None;
    let read = tape.content(|piece| {
        if fault.is_none() {
            fault = draft.write_all(piece).err();
        }
    });
    match fault.or(read.err()) {
        Some(error) => Err(Failure::io("read or write it", cache.root(), &error)),
        None => draft.seal(digest, size).map(drop),
    }
}

fn wrong(what: impl Into<String>) -> Failure {
    Failure::error(ErrorName::CacheArchive, what)
}
