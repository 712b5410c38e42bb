//! The records of a [`Memo`] in the layout of its file.

use super::{FileKey, MAGIC};
use crate::cache::{Identity, fingerprint::Fingerprinter, identity::Moment};

/// Bytes of a record.
pub(super) const RECORD: usize = 104;
/// An offset of a key that stands for none.
const NO_KEY: u64 = u64::MAX;

/// What the digest of a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cache) enum DigestKind {
    /// The fingerprint of an input.
    Input,
    /// The SHA-256 of a blob.
    Blob,
}

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cache) struct MemoRecord {
    pub(in crate::cache) identity: Identity,
    pub(in crate::cache) kind: DigestKind,
    pub(in crate::cache) digest: [u8; 32],
    /// The byte offset of what may be a private key.
    pub(in crate::cache) possible_key: Option<u64>,
    /// What the caller derived from the content; opaque here.
    pub(in crate::cache) note: Vec<u8>,
    /// The day it was last used, since 1970.
    pub(in crate::cache) day: u32,
}

/// Records and their notes, as they are in the file: tens of thousands take a third of the memory that way.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) records: Vec<u8>,
    pub(super) notes: Vec<u8>,
}

impl MemoRecord {
    pub(super) fn key(&self) -> FileKey {
        (self.identity.device, self.identity.inode)
    }

    /// The record in `bytes`, whose note is in `notes`.
    pub(super) fn read(bytes: &[u8], notes: &[u8]) -> Option<Self> {
        let time = |at: usize| -> Moment { (number(bytes, at).cast_signed(), small(bytes, at + 8)) };
        let (from, length) = (small(bytes, 92) as usize, small(bytes, 96) as usize);
        let possible_key = Some(number(bytes, 84)).filter(|at| *at != NO_KEY);
        Some(Self {
            identity: Identity::new((number(bytes, 0), number(bytes, 8)), number(bytes, 16), time(24), time(36)),
            kind: if small(bytes, 48) == 0 { DigestKind::Input } else { DigestKind::Blob },
            digest: bytes.get(52..84)?.try_into().ok()?,
            possible_key,
            note: notes.get(from..)?.get(..length)?.to_vec(),
            day: small(bytes, 100),
        })
    }
}

impl Sheet {
    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len() / RECORD
    }

    pub(super) fn get(&self, at: usize) -> Option<MemoRecord> {
        MemoRecord::read(self.records.get(at * RECORD..(at + 1) * RECORD)?, &self.notes)
    }

    pub(super) fn push(&mut self, record: &MemoRecord) {
        let (identity, out) = (&record.identity, &mut self.records);
        for number in [identity.device, identity.inode, identity.size] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for (seconds, nanos) in [identity.modified(), identity.changed()] {
            out.extend_from_slice(&seconds.to_le_bytes());
            out.extend_from_slice(&nanos.to_le_bytes());
        }
        out.extend_from_slice(&u32::from(record.kind == DigestKind::Blob).to_le_bytes());
        out.extend_from_slice(&record.digest);
        out.extend_from_slice(&record.possible_key.unwrap_or(NO_KEY).to_le_bytes());
        // Where a note would be that has no place any more, there is none: it is worked out again.
        let (from, length) = (u32::try_from(self.notes.len()), u32::try_from(record.note.len()));
        let (from, length) = from.and_then(|from| Ok((from, length?))).unwrap_or_default();
        for number in [from, length, record.day] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        if length > 0 {
            self.notes.extend_from_slice(&record.note);
        }
    }

    /// What stands before the records in a file.
    pub(super) fn header(&self, boot: [u8; 16]) -> Vec<u8> {
        let mut header = [&MAGIC[..], &boot].concat();
        header.extend_from_slice(&(self.len() as u64).to_le_bytes());
        header.extend_from_slice(&(self.notes.len() as u64).to_le_bytes());
        let mut sum = Fingerprinter::default();
        for part in [&header, &self.records, &self.notes] {
            sum.update(part);
        }
        header.extend_from_slice(sum.finish().bytes());
        header
    }
}

pub(super) fn number(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes)
}

pub(super) fn small(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes)
}
