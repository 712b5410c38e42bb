//! Extended headers of the tar of an archive: PAX records and GNU's long names.
//!
//! Read here and not by the `tar` crate, which would take as much memory as they claim.

use std::io::{self, Read};

use tar::EntryType;

use crate::report::Limits;

/// What extended headers said about the next entry.
#[derive(Debug, Default)]
pub struct Extended {
    /// Its name.
    pub path: Option<Vec<u8>>,
    /// The target of a link.
    pub link: Option<Vec<u8>>,
    /// Bytes of its content.
    pub size: Option<u64>,
    /// Owner.
    pub uid: Option<u64>,
    /// Group.
    pub gid: Option<u64>,
}

impl Extended {
    /// Whether an entry of this kind is an extended header.
    pub fn is(kind: EntryType) -> bool {
        matches!(kind, EntryType::XHeader | EntryType::XGlobalHeader | EntryType::GNULongName | EntryType::GNULongLink)
    }

    /// Reads an extended header; at most [`Limits::PAX_BYTES`] of it are in memory.
    ///
    /// # Errors
    /// One that is larger, or that cannot be read.
    pub fn take(&mut self, kind: EntryType, entry: &mut impl Read) -> io::Result<()> {
        let mut bytes = Vec::new();
        entry.take(Limits::PAX_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > Limits::PAX_BYTES {
            return Err(io::Error::other("an extended header is larger than 1 MiB"));
        }
        let unended = |bytes: Vec<u8>| bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        match kind {
            EntryType::GNULongName => give(&mut self.path, unended(bytes))?,
            EntryType::GNULongLink => give(&mut self.link, unended(bytes))?,
            EntryType::XHeader => self.pax(&bytes)?,
            // A global header sets defaults that nothing here shows.
            _ => {}
        }
        Ok(())
    }

    fn pax(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let broken = || io::Error::other("an extended header cannot be read");
            let (key, value, after) = record(rest).ok_or_else(broken)?;
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(broken);
            match key {
                b"path" => give(&mut self.path, value.to_vec())?,
                b"linkpath" => give(&mut self.link, value.to_vec())?,
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                _ => {}
            }
            rest = after;
        }
        Ok(())
    }
}

/// Keeps a name; refuses another one than was given before, of which readers take one or the other.
fn give(known: &mut Option<Vec<u8>>, name: Vec<u8>) -> io::Result<()> {
    if known.as_ref().is_some_and(|known| *known != name) {
        return Err(io::Error::other("an entry has two names; readers would disagree about which one counts"));
    }
    *known = Some(name);
    Ok(())
}

/// The first record, `LENGTH KEY=VALUE\n`, and what follows it. The length counts, not the line break: a value may hold
/// one (the `tar` crate splits there, and would tell another name than every runtime extracts).
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let (record, after) = bytes.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_long_as_it_says() {
        assert_eq!(record(b"13 path=a\nb=c\nmore"), None, "the length ends inside of the value");
        assert_eq!(record(b"14 path=a\nb=c\nmore"), Some((&b"path"[..], &b"a\nb=c"[..], &b"more"[..])));
        assert_eq!(record(b"99 path=a\n"), None);
        assert_eq!(record(b"path=a\n"), None);
        assert_eq!(record(b"3 \n"), None);
    }
}
