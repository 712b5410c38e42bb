//! The canonical tar writer: one list of entries has exactly one archive.
//!
//! ustar (POSIX.1-2017, `pax`), with PAX records only where ustar cannot say it. Decided here, for `format = 1`:
//!
//! * entries in the order of their paths' bytes; directories end with `/`; no name begins with `/`;
//! * times are 0; no names of owners; device numbers are zeros; symlinks have mode `0777`;
//! * a name of more than 100 bytes is split at the last `/` that leaves at most 155 bytes before it;
//! * names and link targets that do not fit or are not ASCII go to PAX records, as Go's `archive/tar` does it;
//!   where they are not UTF-8 either, `hdrcharset=BINARY` says that they are bytes;
//! * two blocks of zeros at the end, and no padding of the whole to records of 10 KiB.

mod header;
mod records;
#[cfg(test)]
mod tests;

use std::{
    borrow::Borrow,
    io::{self, Read, Write},
};

use self::{
    header::{BLOCK_BYTES, LARGEST_ID, LARGEST_SIZE, NAME_BYTES, PREFIX_BYTES, TarHeader, TypeFlag},
    records::Records,
};
use super::{EntryKind, LayerEntry};
use crate::{
    oci::{ImagePath, Open},
    report::{ErrorName, Failure, Limits, printable},
};

/// Bytes of one read. Any size gives the same archive.
const READ_BYTES: usize = 64 << 10;

/// Why there is no tar.
#[derive(Debug)]
pub enum TarError {
    /// An entry cannot be written or its content cannot be read.
    Entry(Failure),
    /// The writer failed.
    Write(io::Error),
}

/// Writes `entries` as one archive. Nothing is written when an entry is none that a layer can have, or is not
/// above the one before it.
///
/// # Errors
/// An entry that cannot be written or read, as opposed to a writer that fails.
pub fn write<T: Borrow<LayerEntry>>(entries: &[T], out: &mut dyn Write) -> Result<(), TarError> {
    check(entries).map_err(TarError::Entry)?;
    let largest = entries.iter().map(|entry| entry.borrow().kind.size()).max().unwrap_or_default();
    let mut buffer = vec![0; READ_BYTES.min(usize::try_from(largest).unwrap_or(READ_BYTES)).max(1)];
    for entry in entries.iter().map(Borrow::borrow) {
        out.write_all(&head(entry)).map_err(TarError::Write)?;
        if let EntryKind::File { size, content } = &entry.kind {
            copy(&entry.path, *size, content.as_ref(), &mut buffer, out)?;
        }
    }
    out.write_all(&[0; 2 * BLOCK_BYTES]).map_err(TarError::Write)
}

/// The bytes of the archive of `entries`, but for what PAX records of some take: to show how far it is.
pub fn size<T: Borrow<LayerEntry>>(entries: &[T]) -> u64 {
    let block = BLOCK_BYTES as u64;
    let blocks = entries.iter().map(|entry| 1 + entry.borrow().kind.size().div_ceil(block));
    (blocks.sum::<u64>() + 2) * block
}

/// Refuses what would not be one canonical archive. Whoever made the entries made a mistake.
fn check<T: Borrow<LayerEntry>>(entries: &[T]) -> Result<(), Failure> {
    let all = || entries.iter().map(Borrow::borrow);
    for (entry, next) in all().zip(all().skip(1)) {
        if entry.path >= next.path {
            let what = format!("`{}` comes before `{}` in a layer", entry.path, next.path);
            return Err(Failure::error(ErrorName::Internal, what));
        }
    }
    for entry in all() {
        if entry.path.is_root() {
            return Err(Failure::error(ErrorName::Internal, "a layer has no entry for `/`"));
        }
        if let EntryKind::Symlink { target } = &entry.kind
            && (target.is_empty() || target.contains(&0) || target.len() >= Limits::PATH_BYTES)
        {
            let what = format!("the symbolic link `{}` has a target that Linux cannot follow", entry.path);
            return Err(Failure::error(ErrorName::InputLink, what));
        }
    }
    Ok(())
}

/// The header of `entry`, with the records that it needs before it.
fn head(entry: &LayerEntry) -> Vec<u8> {
    let (kind, mode, size, target) = match &entry.kind {
        EntryKind::Directory => (TypeFlag::Directory, entry.mode, 0, None),
        EntryKind::File { size, .. } => (TypeFlag::File, entry.mode, *size, None),
        EntryKind::Symlink { target } => (TypeFlag::Symlink, 0o777, 0, Some(target.as_slice())),
    };
    let mut name = entry.path.relative().to_vec();
    if matches!(entry.kind, EntryKind::Directory) {
        name.push(b'/');
    }
    let split = split(&name);
    let link = target.filter(|target| target.len() > NAME_BYTES || !target.is_ascii());
    let records = Records {
        gid: Some(entry.gid).filter(|gid| *gid > LARGEST_ID),
        link,
        path: split.is_none().then_some(name.as_slice()),
        size: Some(size).filter(|size| *size > LARGEST_SIZE),
        uid: Some(entry.uid).filter(|uid| *uid > LARGEST_ID),
    };
    let (name_instead, link_instead) = (stand_in(&name), stand_in(target.unwrap_or_default()));
    let (prefix, name) = split.unwrap_or((b"", &name_instead));
    let header = TarHeader {
        name,
        prefix,
        mode: mode & 0o7777,
        uid: entry.uid,
        gid: entry.gid,
        size,
        kind,
        link: if link.is_some() { &link_instead } else { target.unwrap_or_default() },
    };
    let mut head = records.encode();
    head.extend_from_slice(&header.encode());
    head
}

/// `name` as ustar's prefix and name; `None` when it is not ASCII or has no `/` at the right place.
///
/// Between several places ustar does not choose. Go takes the last one that the prefix can hold; so do we.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if !name.is_ascii() {
        return None;
    }
    if name.len() <= NAME_BYTES {
        return Some((b"", name));
    }
    // The slash at the end of a directory belongs to its name.
    let candidates = name.len().saturating_sub(1).min(PREFIX_BYTES + 1);
    let slash = name.get(..candidates)?.iter().rposition(|byte| *byte == b'/')?;
    let (prefix, rest) = name.split_at_checked(slash)?;
    let rest = rest.get(1..)?;
    (slash > 0 && rest.len() <= NAME_BYTES).then_some((prefix, rest))
}

/// The name in the ustar header when a PAX record holds the real one: for readers that do not read records.
fn stand_in(bytes: &[u8]) -> Vec<u8> {
    let mut text: Vec<u8> = bytes.iter().map(|byte| if byte.is_ascii() { *byte } else { b'_' }).collect();
    if text.len() > NAME_BYTES {
        text.truncate(NAME_BYTES);
        // Readers exist that take a file for a directory when this field ends with a slash, whatever the records say.
        while text.last() == Some(&b'/') {
            text.pop();
        }
    }
    text
}

/// Copies exactly `size` bytes of `content` and fills up the last block.
fn copy(
    path: &ImagePath,
    size: u64,
    content: &dyn Open,
    buffer: &mut [u8],
    out: &mut dyn Write,
) -> Result<(), TarError> {
    let mut reader = content.open().map_err(|error| unreadable(path, error))?;
    let mut left = size;
    loop {
        // Reads up to the end also when all bytes are there: a reader that verifies does it there.
        let read = match reader.read(buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(path, error)),
        };
        let bytes = buffer.get(..read).unwrap_or_default();
        left = match left.checked_sub(read as u64) {
            Some(0) if read == 0 => break,
            Some(left) if read > 0 => left,
            _ => return Err(changed(path, size)),
        };
        out.write_all(bytes).map_err(TarError::Write)?;
    }
    let padding = (BLOCK_BYTES as u64 - size % BLOCK_BYTES as u64) % BLOCK_BYTES as u64;
    io::copy(&mut io::repeat(0).take(padding), out).map_err(TarError::Write)?;
    Ok(())
}

/// A content that is longer or shorter than its entry says.
fn changed(path: &ImagePath, size: u64) -> TarError {
    let what = format!("`{path}` changed while it was read: it is no longer {size} bytes");
    TarError::Entry(Failure::error(ErrorName::InputChanged, what))
}

/// A content that cannot be read. A [`Failure`] inside the error is passed on as it is: it knows the place better.
fn unreadable(path: &ImagePath, error: io::Error) -> TarError {
    let failure = match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => {
            let failure = Failure::io(&format!("read the content of `{path}`"), "", &error);
            // The place is one in the image, and is in the sentence; the reason may hold a file name.
            Failure { place: None, what: printable(&failure.what).into_owned(), ..failure }
        }
    };
    TarError::Entry(failure)
}
