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

use super::packed::{FileUnpacker, PackedBudget, PackedFindings, UnreadPart};
use crate::{
    elf::Sparse,
    layer::foreign_tar::{Tape, TapeItem},
    report::{Limits, Rule},
    secrets::{ScannedSecrets, SecretHit, SecretScanner, scan_header},
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
    /// Secrets in the headers of entries, in their names and in padding, by the index of the entry.
    pub(crate) header_secrets: Vec<(usize, SecretHit)>,
    /// Whether some headers, or what follows the end of the tar, are more than is searched for secrets.
    pub(crate) is_around_cut: bool,
    /// What is inside of packed files, and what could not be read.
    pub(crate) packed: PackedFindings,
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
        let mut tape = if depth == ScanDepth::Full { Tape::with_around(reader) } else { Tape::new(reader) };
        let walked = walk(&mut tape, &mut scan, depth, room);
        let drained = walked.and_then(|()| io::copy(&mut tape, &mut io::sink()));
        scan.unpacked_size = tape.position();
        scan.weight = size_of::<Self>() + (before - room.bytes);
        scan.fault = drained.err().map(|error| fault(&error));
        scan
    }
}

impl LayerScan {
    /// Takes what was found in the file `index` itself, and what of it was not searched.
    fn take_secrets(&mut self, (index, path): (usize, &str), found: ScannedSecrets, room: &PackedBudget) {
        if let Some(part) = found.unread {
            FileUnpacker::unread_file((index, path), part.reason.words(), room, &mut self.packed);
        }
        for hit in found.hits {
            // Members that are stored as they are have been found where they are.
            if self.secrets.len() < Limits::AUDIT_SECRETS && !self.packed.holds(index, hit.fingerprint) {
                self.secrets.push((index, hit));
            }
        }
    }

    /// Searches what stands around the content of the entry `index`, and its attributes, which may be packed there.
    fn search_header<R: io::BufRead>(&mut self, tape: &mut Tape<R>, index: usize, xattrs: &[(String, Vec<u8>)]) {
        let around = tape.take_around();
        self.is_around_cut |= around.is_cut;
        let texts = xattrs.iter().map(|(_, value)| value.as_slice()).chain([around.bytes.as_slice()]);
        for hit in texts.flat_map(scan_header) {
            if self.header_secrets.len() < Limits::AUDIT_SECRETS {
                self.header_secrets.push((index, hit));
            }
        }
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
    let packed_room = PackedBudget::default();
    let full = |what: String| io::Error::new(io::ErrorKind::QuotaExceeded, what);
    loop {
        match tape.next()? {
            TapeItem::End(flaw) => {
                let last = scan.entries.len().saturating_sub(1);
                scan.search_header(tape, last, &[]);
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
                    if depth == ScanDepth::Full {
                        let before = scan.packed.weight();
                        let mut content = tape.content_reader();
                        let mut observe = |chunk: &[u8]| reader.push(chunk);
                        let file = (index, entry.path.as_str(), entry.size);
                        FileUnpacker::read(file, &mut content, &mut observe, &packed_room, &mut scan.packed);
                        content.finish()?;
                        room.take_bytes(scan.packed.weight() - before).map_err(full)?;
                    } else {
                        tape.content(|chunk| reader.push(chunk))?;
                    }
                    let found = reader.finish(&mut entry);
                    if let Some(FileContent::Elf(file)) = &found.content
                        && depth == ScanDepth::Full
                        && file.is_unread()
                    {
                        scan.packed.add_unread(UnreadPart {
                            entry: index,
                            member: None,
                            reason: "its headers lead farther from its beginning than the audit looks".into(),
                            credential: None,
                        });
                    }
                    if let Some(content) = found.content {
                        room.take_bytes(content.cost()).map_err(full)?;
                        scan.contents.insert(index, content);
                    }
                    scan.take_secrets((index, &entry.path), found.secrets, &packed_room);
                } else {
                    // A kind of its maker's own may have a content, which no runtime unpacks and the layer has.
                    let mut secrets = (depth == ScanDepth::Full).then(|| SecretScanner::sniffing(&entry.path));
                    tape.content(|chunk| {
                        if let Some(secrets) = &mut secrets {
                            secrets.push(chunk);
                        }
                    })?;
                    let found = secrets.map(SecretScanner::finish).unwrap_or_default();
                    scan.take_secrets((index, &entry.path), found, &packed_room);
                }
                scan.search_header(tape, index, entry.xattrs());
                scan.entries.push(entry);
            }
        }
    }
}
