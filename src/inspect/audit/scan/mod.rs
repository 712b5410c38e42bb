//! One layer, read once as a stream: its entries, and what their contents are.

mod ahead;
mod content;
mod markers;

use std::{collections::BTreeMap, io};

pub(super) use crate::layer::foreign_tar::{Entry, Flaw, Kind, Magic, name};
pub(super) use content::{Content, ElfFile};

use crate::{
    elf::Sparse,
    layer::foreign_tar::{Tape, Tell},
    place::{Packing, StoredLayer, drain},
    report::{Limits, Rule},
    secrets::SecretHit,
};
use content::Reader;

/// What one layer holds.
#[derive(Debug, Default)]
pub(super) struct LayerScan {
    /// In the order of the tar.
    pub(super) entries: Vec<Entry>,
    /// What contents told, by the index of their entry.
    pub(super) contents: BTreeMap<usize, Content>,
    /// What is wrong with the tar, with the index of the entry it is about.
    pub(super) flaws: Vec<(usize, Flaw)>,
    /// Secrets, by the index of the entry they are in.
    pub(super) secrets: Vec<(usize, SecretHit)>,
    /// Bytes of the tar.
    pub(super) unpacked_size: u64,
    /// The header of the gzip stream, where it is one and holds more than it must.
    pub(super) gzip: Option<String>,
    /// Why it could not be read to the end, and the rule that says so, if one does.
    pub(super) fault: Option<(String, Option<Rule>)>,
    /// Bytes of memory that all this takes, about.
    pub(super) weight: usize,
}

/// What is left of the memory that all entries of an audit may take.
#[derive(Debug)]
pub(super) struct Room {
    bytes: usize,
    entries: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: Limits::AUDIT_BYTES, entries: Limits::ENTRIES }
    }
}

impl Room {
    /// Counts one entry.
    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        // The merged view has the path a second time.
        let names = 64 + 2 * entry.path.len() + entry.target().map_or(0, str::len);
        let xattrs: usize = entry.xattrs().iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        self.entries = self.entries.checked_sub(1).ok_or("it has too many entries")?;
        self.take_bytes(size_of::<Entry>() + names + xattrs)
    }

    /// Counts what else is kept.
    pub(super) fn take_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or("what is in it takes too much memory")?;
        Ok(())
    }
}

/// Reads a layer to its end. What cannot be read ends the scan, with what was found until there.
pub(super) fn layer(stored: &StoredLayer, room: &mut Room) -> LayerScan {
    let mut scan = match stored.open_tar() {
        Ok(reader) => stream(ahead::ahead(reader), room),
        Err(error) => LayerScan { fault: Some(fault(&error)), ..LayerScan::default() },
    };
    scan.gzip = gzip_header(stored);
    scan
}

/// Reads a tar to its end, and to that of the stream it is in.
pub(super) fn stream<R: io::BufRead>(reader: R, room: &mut Room) -> LayerScan {
    let mut scan = LayerScan::default();
    let before = room.bytes;
    let mut tape = Tape::new(reader);
    let walked = walk(&mut tape, &mut scan, room);
    let drained = walked.and_then(|()| drain(&mut tape));
    scan.unpacked_size = tape.position();
    scan.weight = size_of::<LayerScan>() + (before - room.bytes);
    scan.fault = drained.err().map(|error| fault(&error));
    scan
}

/// Why a layer could not be read, and the rule that says so, if one does.
fn fault(error: &io::Error) -> (String, Option<Rule>) {
    (error.to_string(), blame(error))
}

/// The rule that an error of reading is about.
fn blame(error: &io::Error) -> Option<Rule> {
    match error.kind() {
        io::ErrorKind::QuotaExceeded => Some(Rule::ResourceBomb),
        io::ErrorKind::InvalidData if error.to_string().contains("times its size") => Some(Rule::ResourceBomb),
        // A gzip member, and then bytes that are none.
        io::ErrorKind::InvalidInput if error.to_string().contains("gzip header") => Some(Rule::AmbiguousTar),
        io::ErrorKind::InvalidData if error.to_string().contains("sha256:") => Some(Rule::DigestMismatch),
        _ => None,
    }
}

/// What the gzip header holds that depends on when and where it was made.
fn gzip_header(stored: &StoredLayer) -> Option<String> {
    use io::Read as _;
    if Packing::of(&stored.descriptor.media_type) != Packing::Gzip {
        return None;
    }
    let mut head = [0; 10];
    stored.blob.open().ok()?.read_exact(&mut head).ok()?;
    let [0x1f, 0x8b, 8, flags, time @ .., _, system] = head else { return None };
    let time = u32::from_le_bytes(time.get(..4)?.try_into().ok()?);
    let mut told = Vec::new();
    if time != 0 {
        told.push(format!("the time {time}"));
    }
    for (bit, what) in [(8, "a file name"), (16, "a comment"), (4, "an extra field")] {
        if flags & bit != 0 {
            told.push(what.to_owned());
        }
    }
    // 3 is Unix and 255 unknown, which is what compressors write everywhere.
    if !matches!(system, 3 | 255) {
        told.push(format!("the system {system}"));
    }
    (!told.is_empty()).then(|| told.join(" and "))
}

fn walk<R: io::BufRead>(tape: &mut Tape<R>, scan: &mut LayerScan, room: &mut Room) -> io::Result<()> {
    let mut counts = [0; Flaw::KINDS];
    let mut spare = Sparse::default();
    let full = |what: String| io::Error::new(io::ErrorKind::QuotaExceeded, what);
    loop {
        match tape.next()? {
            Tell::End(flaw) => {
                let last = scan.entries.len().saturating_sub(1);
                scan.flaws.extend(flaw.map(|flaw| (last, flaw)));
                return Ok(());
            }
            Tell::Entry(mut entry, flaws) => {
                let index = scan.entries.len();
                room.take(&entry).map_err(full)?;
                for flaw in flaws {
                    // So many of each kind: a flood of one hides no other.
                    let Some(count) = counts.get_mut(flaw.number()) else { continue };
                    *count += 1;
                    if *count <= Limits::AUDIT_FLAWS {
                        scan.flaws.push((index, flaw));
                    }
                }
                if entry.kind == Kind::File {
                    let mut reader = Reader::new(&entry, &mut spare);
                    tape.content(|chunk| reader.push(chunk))?;
                    let found = reader.finish(&mut entry);
                    if let Some(content) = found.content {
                        room.take_bytes(content.cost()).map_err(full)?;
                        scan.contents.insert(index, content);
                    }
                    if scan.secrets.len() < Limits::AUDIT_SECRETS {
                        scan.secrets.extend(found.secrets.into_iter().map(|hit| (index, hit)));
                    }
                } else {
                    tape.content(|_| ())?;
                }
                scan.entries.push(entry);
            }
        }
    }
}
