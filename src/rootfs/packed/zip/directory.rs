//! [`ZipDirectory`]: what a zip says of its members twice, held against each other.

use super::header::{DirectoryHeader, EndRecord, LocalHeader};
use crate::report::Limits;

/// The members that stood in an archive, and those of its directory.
#[derive(Debug)]
pub(super) struct ZipDirectory {
    /// Whether the file begins with the archive: its offsets are positions in the file then.
    is_at_start: bool,
    /// By their positions, which rise.
    members: Vec<SeenMember>,
    /// Of the directory that is being read.
    entries: Vec<DirectoryHeader>,
    /// Bytes of the names of all entries.
    name_bytes: usize,
    /// Where that directory begins and ends, and whether its entries follow each other.
    begin: u64,
    end: u64,
    is_broken: bool,
    /// What a large archive says at its end.
    large: Option<EndRecord>,
}

/// A member that stood in the archive.
#[derive(Debug)]
struct SeenMember {
    position: u64,
    method_number: u16,
    size: Option<u64>,
    name: NameHash,
}

/// The digest of a name: a hundred thousand names need no more memory.
type NameHash = [u8; 16];

/// A member, or the whole archive, that two readers take for something else; and why.
pub(super) type Contradiction = (Option<Box<str>>, &'static str);

fn hash(name: &str) -> NameHash {
    let mut short = [0; 16];
    for (byte, whole) in short.iter_mut().zip(blake3::hash(name.as_bytes()).as_bytes()) {
        *byte = *whole;
    }
    short
}

impl ZipDirectory {
    pub(super) fn new(is_at_start: bool) -> Self {
        Self {
            is_at_start,
            members: Vec::new(),
            entries: Vec::new(),
            name_bytes: 0,
            begin: 0,
            end: 0,
            is_broken: false,
            large: None,
        }
    }

    /// A member stood there, and has `size` compressed bytes; `None` where it was not read and does not say.
    pub(super) fn add_member(&mut self, header: &LocalHeader, size: Option<u64>) {
        // What stands in front of a member is no directory of it.
        self.forget_directory();
        self.members.push(SeenMember {
            position: header.position,
            method_number: header.method_number,
            size,
            name: hash(&header.name),
        });
    }

    /// An entry of the directory, from `begin` to `end`.
    pub(super) fn add_entry(&mut self, entry: Option<DirectoryHeader>, begin: u64, end: u64) {
        if self.entries.is_empty() && !self.is_broken {
            self.begin = begin;
        } else if self.end != begin {
            self.is_broken = true;
        }
        self.end = end;
        let Some(entry) = entry else {
            self.is_broken = true;
            return;
        };
        self.name_bytes += entry.name.len();
        if self.entries.len() >= Limits::PACKED_MEMBERS || self.name_bytes > Limits::ARCHIVE_NAMES_BYTES {
            self.is_broken = true;
        } else {
            self.entries.push(entry);
        }
    }

    /// The record of a large archive at the end of the directory, at `position`.
    pub(super) fn add_large_end(&mut self, end: Option<EndRecord>, position: u64) {
        self.is_broken |= position != self.end && !self.entries.is_empty();
        self.large = end;
    }

    /// The record at the end, at `position`: gives what contradicts each other, and forgets the directory.
    pub(super) fn end(&mut self, end: Option<EndRecord>, position: u64) -> Vec<Contradiction> {
        let whole = vec![(None, "a zip whose directory cannot be followed")];
        let large = self.large.take();
        let is_large = large.is_some();
        let Some(end) = end.and_then(|end| if end.is_cut() { large.or(Some(end)) } else { Some(end) }) else {
            return whole;
        };
        let entries = std::mem::take(&mut self.entries);
        let (begin, stop) = if entries.is_empty() { (position, position) } else { (self.begin, self.end) };
        let is_next = stop == position || is_large;
        let is_followed = !self.is_broken && is_next && entries.len() as u64 == end.count && stop - begin == end.size;
        self.forget_directory();
        // Offsets are from the beginning of the archive on, or of the file: what the end says of the directory tells. Where the
        // archive begins the file, some programs would look for the directory at another place than others.
        let shift = begin.wrapping_sub(end.offset);
        if !is_followed || self.is_at_start && shift != 0 {
            return whole;
        }
        let contradictions = entries.into_iter().filter_map(|entry| {
            let why = self.contradiction(&entry, shift)?;
            Some((Some(entry.name), why))
        });
        contradictions.collect()
    }

    /// What the member that an entry names is otherwise.
    fn contradiction(&self, entry: &DirectoryHeader, shift: u64) -> Option<&'static str> {
        let position = entry.offset.wrapping_add(shift);
        let Ok(at) = self.members.binary_search_by_key(&position, |member| member.position) else {
            return Some("the directory of the archive has it at a place that is inside of another member or none");
        };
        let member = self.members.get(at)?;
        let is_same = member.method_number == entry.method_number && member.size.is_none_or(|size| size == entry.size);
        if member.name != hash(&entry.name) {
            return Some("the directory of the archive calls a member so that is called otherwise where it stands");
        }
        (!is_same).then_some("the archive says two things of how it is compressed")
    }

    fn forget_directory(&mut self) {
        self.entries.clear();
        self.name_bytes = 0;
        self.is_broken = false;
    }
}
