//! The cache of packed layers: the key of a layer, which covers everything that reaches its bytes, and the record of
//! its blob.

use super::plan::{LayerGroup, Plan};
use crate::{
    cache::{Fingerprint, Fingerprinter, RecordShelf, SharedCache},
    layer::{EntryKind, WrittenLayer},
    oci::{Descriptor, DiffId, Digest},
};

/// A digest of the sources of the encoder and the tar writer: a change of them makes other layers.
const SOURCES: &str = env!("HARDPAN_LAYER_SOURCES");
/// Bytes that are collected before they are hashed.
const PIECE: usize = 64 << 10;

/// Layers are made of bytes that were compared with the fingerprints in the key. Older versions of hardpan did not compare,
/// and may have cached layers of other bytes.
const MADE: &str = "compared";

/// A fingerprint of everything that reaches the bytes of a layer.
pub(super) fn layer_key(plan: &Plan, group: &LayerGroup) -> Fingerprint {
    let mut sum = Fingerprinter::default();
    let mut piece = Vec::new();
    for part in ["format 1", MADE, SOURCES, plan.compression.name()] {
        push_part(&mut piece, part.as_bytes());
    }
    for planned in &group.entries {
        let entry = &planned.entry;
        let (kind, size, target) = match &entry.kind {
            EntryKind::Directory => (0_u8, 0, &b""[..]),
            EntryKind::File { size, .. } => (1, *size, &b""[..]),
            EntryKind::Symlink { target } => (2, 0, target.as_slice()),
        };
        piece.push(kind);
        for number in [entry.mode, entry.uid, entry.gid] {
            piece.extend_from_slice(&number.to_le_bytes());
        }
        piece.extend_from_slice(&size.to_le_bytes());
        push_part(&mut piece, planned.fingerprint.as_ref().map_or(&b""[..], |print| &print.bytes()[..]));
        push_part(&mut piece, entry.path.as_bytes());
        push_part(&mut piece, target);
        if piece.len() >= PIECE {
            sum.update(&piece);
            piece.clear();
        }
    }
    sum.update(&piece);
    sum.finish()
}

/// Appends a part with its length, so that two lists of parts never give the same bytes.
fn push_part(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text);
}

/// The cached layer of that key, of this user or of others.
pub(super) fn find_layer(cache: &SharedCache, key: &Fingerprint, media_type: &'static str) -> Option<WrittenLayer> {
    let record = cache.record(RecordShelf::Layers, key)?;
    let (digest, rest) = record.split_first_chunk::<32>()?;
    let (diff_id, rest) = rest.split_first_chunk::<32>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let unpacked_size = u64::from_le_bytes(rest.try_into().ok()?);
    let blob = Descriptor {
        media_type,
        digest: Digest::from_bytes(*digest),
        size: u64::from_le_bytes(*size),
        platform: None,
        annotations: std::collections::BTreeMap::new(),
    };
    Some(WrittenLayer { diff_id: DiffId::new(Digest::from_bytes(*diff_id)), blob, unpacked_size })
}

/// Records the blob of the layer of that key, for this user and, where this job may, for others.
pub(super) fn keep_layer(cache: &SharedCache, key: &Fingerprint, layer: &WrittenLayer) -> std::io::Result<()> {
    let mut record = Vec::with_capacity(80);
    record.extend_from_slice(&layer.blob.digest.bytes());
    record.extend_from_slice(&layer.diff_id.digest().bytes());
    record.extend_from_slice(&layer.blob.size.to_le_bytes());
    record.extend_from_slice(&layer.unpacked_size.to_le_bytes());
    let local = cache.local_cache();
    local.keep_record(RecordShelf::Layers, key, &record)?;
    if let Some(blob) = local.blob(layer.blob.digest, layer.blob.size) {
        cache.store(RecordShelf::Layers, key, &record, Some(&blob));
    }
    Ok(())
}
