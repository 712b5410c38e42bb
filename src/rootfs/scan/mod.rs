//! [`LayerScan`]: one layer, read once as a stream into its entries and the facts about their contents.

mod content;
mod data_kind;
mod markers;
mod program_kind;
mod read_ahead;
mod setting_file;

use std::{collections::BTreeMap, io};

pub(crate) use crate::layer::foreign_tar::{Flaw, Magic, TarEntry, TarEntryKind, name};
pub(crate) use content::{ElfFile, FileContent, ScanDepth};
pub(crate) use data_kind::DataKind;
pub(crate) use program_kind::ProgramKind;
pub(crate) use setting_file::is_setting_file;

use crate::{
    elf::Sparse,
    layer::foreign_tar::{Tape, TapeItem},
    report::{Limits, Rule},
    secrets::SecretHit,
};
use content::ContentReader;

/// Bytes of a read.
const BUFFER: usize = 64 << 10;

/// The scan of one layer.
#[derive(Debug, Default)]
pub(crate) struct LayerScan {
    /// In the order of the tar.
    pub(crate) entries: Vec<TarEntry>,
    /// Facts about contents, by the index of their entry.
    pub(crate) contents: BTreeMap<usize, FileContent>,
    /// The flaws of the tar, with the index of their entry.
    pub(crate) flaws: Vec<(usize, Flaw)>,
    /// Secrets, by the index of the entry they are in.
    pub(crate) secrets: Vec<(usize, SecretHit)>,
    /// Bytes of the tar.
    pub(crate) unpacked_size: u64,
    /// The header of the gzip stream, where it is one and holds more than it must.
    pub(crate) gzip: Option<String>,
    /// What the layer is packed as and what its media type says, where these differ.
    pub(crate) mislabelled: Option<String>,
    /// Why it could not be read to the end, and the rule that says so, if one does.
    pub(crate) fault: Option<(String, Option<Rule>)>,
    /// Bytes of memory that all this takes, about.
    pub(crate) weight: usize,
}

/// The memory that the entries of an audit may still take.
#[derive(Debug)]
pub(crate) struct ScanBudget {
    bytes: usize,
    entries: usize,
}

impl Default for ScanBudget {
    fn default() -> Self {
        Self { bytes: Limits::AUDIT_BYTES, entries: Limits::ENTRIES }
    }
}

impl ScanBudget {
    /// Counts one entry.
    fn take(&mut self, entry: &TarEntry) -> Result<(), String> {
        // The merged view has the path a second time.
        let names = 64 + 2 * entry.path.len() + entry.target().map_or(0, str::len);
        let xattrs: usize = entry.xattrs().iter().map(|(name, value)| name.len() + value.len() + 48).sum();
        self.entries = self.entries.checked_sub(1).ok_or("it has too many entries")?;
        self.take_bytes(size_of::<TarEntry>() + names + xattrs)
    }

    /// Counts what else is kept.
    pub(crate) fn take_bytes(&mut self, bytes: usize) -> Result<(), String> {
        self.bytes = self.bytes.checked_sub(bytes).ok_or("what is in it takes too much memory")?;
        Ok(())
    }
}

impl LayerScan {
    /// Reads the tar of a layer to its end. What cannot be read ends the scan, with what was found until there.
    pub(crate) fn unpacked(tar: io::Result<Box<dyn io::Read + Send>>, depth: ScanDepth, room: &mut ScanBudget) -> Self {
        match tar {
            // A full scan takes as long as unpacking does, which has a thread of its own then.
            Ok(reader) if depth == ScanDepth::Full => Self::of(read_ahead::read_ahead(reader), depth, room),
            Ok(reader) => Self::of(io::BufReader::with_capacity(BUFFER, reader), depth, room),
            Err(error) => Self { fault: Some(fault(&error)), ..Self::default() },
        }
    }

    /// Reads a tar to its end, and to that of the stream it is in.
    pub(crate) fn of<R: io::BufRead>(reader: R, depth: ScanDepth, room: &mut ScanBudget) -> Self {
        let mut scan = Self::default();
        let before = room.bytes;
        let mut tape = Tape::new(reader);
        let walked = walk(&mut tape, &mut scan, depth, room);
        let drained = walked.and_then(|()| io::copy(&mut tape, &mut io::sink()));
        scan.unpacked_size = tape.position();
        scan.weight = size_of::<Self>() + (before - room.bytes);
        scan.fault = drained.err().map(|error| fault(&error));
        scan
    }
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

fn walk<R: io::BufRead>(
    tape: &mut Tape<R>,
    scan: &mut LayerScan,
    depth: ScanDepth,
    room: &mut ScanBudget,
) -> io::Result<()> {
    let mut counts = [0; Flaw::KINDS];
    let mut spare = Sparse::default();
    let full = |what: String| io::Error::new(io::ErrorKind::QuotaExceeded, what);
    loop {
        match tape.next()? {
            TapeItem::End(flaw) => {
                let last = scan.entries.len().saturating_sub(1);
                scan.flaws.extend(flaw.map(|flaw| (last, flaw)));
                return Ok(());
            }
            TapeItem::Entry(mut entry, flaws) => {
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
                if entry.kind == TarEntryKind::File {
                    let mut reader = ContentReader::new(&entry, &mut spare, depth);
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
