//! Parses extended headers: pax records and GNU long names.

use std::io;

use base64ct::{Base64Unpadded, Encoding as _};

use super::{entry::Flaw, path_text::path_text};
use crate::report::Limits;

/// The values of extended headers for the next entry.
#[derive(Debug, Default)]
pub(super) struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// GNU's long name and long link, which count more.
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<u64>,
    pub(super) fine_times: bool,
    pub(super) names: bool,
    pub(super) xattrs: Vec<(String, Vec<u8>)>,
    pub(super) flaws: Vec<Flaw>,
    /// A pax header was read.
    records: bool,
}

impl Extended {
    /// The name, where one was given.
    pub(super) fn path(&self) -> Option<Vec<u8>> {
        self.long_name.clone().or_else(|| self.path.clone())
    }

    /// The target of a link, where one was given.
    pub(super) fn link(&self) -> Option<Vec<u8>> {
        self.long_link.clone().or_else(|| self.link.clone())
    }

    /// Whether a global header says something that would be about entries.
    pub(super) fn is_about_entries(&self) -> bool {
        self.path.is_some() || self.link.is_some() || self.size.is_some() || self.uid.is_some() || self.gid.is_some()
    }

    /// GNU's long name: the bytes before the first NUL.
    pub(super) fn long_name(&mut self, bytes: &[u8]) {
        let name = bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        self.twice(self.long_name.is_some() || self.path.as_ref().is_some_and(|path| *path != name));
        self.long_name = Some(name).filter(|name| !name.is_empty());
    }

    /// GNU's long link, likewise.
    pub(super) fn long_link(&mut self, bytes: &[u8]) {
        let link = bytes.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        self.twice(self.long_link.is_some() || self.link.as_ref().is_some_and(|path| *path != link));
        self.long_link = Some(link).filter(|link| !link.is_empty());
    }

    fn twice(&mut self, is: bool) {
        if is {
            self.flaws.push(Flaw::Ambiguous("several headers before it name it"));
        }
    }

    /// A global header ends what was said before it.
    pub(super) fn forget(&mut self) {
        let lost = self.is_about_entries() || self.long_name.is_some() || self.long_link.is_some();
        let mut flaws = std::mem::take(&mut self.flaws);
        if lost {
            flaws.push(Flaw::Ambiguous("a global header stands between its headers"));
        }
        *self = Self { flaws, ..Self::default() };
    }

    /// Reads a pax header; one before it no longer counts.
    pub(super) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut new = Self::default();
        new.records(bytes)?;
        new.flaws.append(&mut self.flaws);
        let named = |new: &Self, old: &Self| new.path.as_ref().zip(old.long_name.as_ref()).is_some_and(|(a, b)| a != b);
        if self.records || named(&new, self) {
            new.flaws.push(Flaw::Ambiguous("several headers before it name it"));
        }
        (new.long_name, new.long_link) = (self.long_name.take(), self.long_link.take());
        *self = new;
        Ok(())
    }

    /// Reads pax records (POSIX.1-2001, "pax Extended Header").
    pub(super) fn records(&mut self, bytes: &[u8]) -> io::Result<()> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, "an extended header cannot be read");
        self.records = true;
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (key, value, after) = record(rest).ok_or_else(broken)?;
            rest = after;
            if matches!(key, b"path" | b"linkpath" | b"size" | b"uid" | b"gid") {
                if seen.contains(&key) {
                    self.flaws.push(Flaw::Ambiguous("a header of it says one thing twice"));
                }
                seen.push(key);
            }
            // Nothing for a value is as if the record were not there.
            if value.is_empty() {
                continue;
            }
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(broken);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.link = Some(value.to_vec()),
                b"size" => self.size = Some(number()?),
                b"uid" => self.uid = Some(number()?),
                b"gid" => self.gid = Some(number()?),
                b"mtime" => {
                    let text = std::str::from_utf8(value).map_err(|_| broken())?;
                    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
                    // Before 1970 is as good as 1970 here.
                    self.mtime = Some(whole.parse().unwrap_or_default());
                    self.fine_times |= part.bytes().any(|digit| digit != b'0');
                }
                b"atime" | b"ctime" | b"LIBARCHIVE.creationtime" => self.fine_times = true,
                b"uname" | b"gname" => self.names |= value != b"root",
                b"hdrcharset" => self.flaws.push(Flaw::Ambiguous("it changes how names are written")),
                _ if is_sparse(key) => {
                    // Go takes this for the name.
                    if key == b"GNU.sparse.name" {
                        self.path = Some(value.to_vec());
                    }
                    self.flaws.push(Flaw::Ambiguous("it is a sparse file, which few readers know"));
                }
                _ => self.attribute(key, value)?,
            }
        }
        Ok(())
    }

    /// An extended attribute, if it is one. libarchive writes names in percent encoding and values in base64.
    ///
    /// # Errors
    /// There are more than [`Limits::AUDIT_XATTRS`]: what the rest would set is not known.
    fn attribute(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        let plain = key.strip_prefix(b"SCHILY.xattr.").map(|name| (name.to_vec(), value.to_vec()));
        let packed = || {
            let name = key.strip_prefix(b"LIBARCHIVE.xattr.")?;
            let text = std::str::from_utf8(value).ok().map(|text| text.trim_end_matches('=')).unwrap_or_default();
            let value = Base64Unpadded::decode_vec(text).unwrap_or_else(|_| value.to_vec());
            Some((unescaped(name), value))
        };
        let Some((name, mut value)) = plain.or_else(packed) else { return Ok(()) };
        let name = path_text(&name).into_owned();
        value.truncate(Limits::AUDIT_XATTR_BYTES);
        let count = self.xattrs.len();
        match self.xattrs.iter_mut().find(|(known, _)| *known == name) {
            // libarchive writes each one in both forms.
            Some((_, known)) if *known == value => {}
            // The last one counts for Go.
            Some((_, known)) => {
                *known = value;
                self.flaws.push(Flaw::Ambiguous("it has an extended attribute twice"));
            }
            None if count == Limits::AUDIT_XATTRS => {
                let what = format!("an entry in it has more than {} extended attributes", Limits::AUDIT_XATTRS);
                return Err(io::Error::other(what));
            }
            None => self.xattrs.push((name, value)),
        }
        Ok(())
    }
}

/// GNU tar's and star's records of files with holes.
fn is_sparse(key: &[u8]) -> bool {
    key.starts_with(b"GNU.sparse.") || matches!(key, b"SCHILY.realsize" | b"SCHILY.filetype")
}

/// `%3d` and the like as the byte it stands for.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            out.push(*first);
            rest = after;
        }
    }
    out
}

/// The first record, `LENGTH KEY=VALUE\n`, and what follows it. The length counts, not the line break: a value may hold one.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length: usize = std::str::from_utf8(bytes.get(..blank)?).ok()?.parse().ok()?;
    let (record, after) = bytes.split_at_checked(length)?;
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((record.get(..equals)?, record.get(equals + 1..)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_as_long_as_they_say_and_broken_ones_are_faults() {
        let mut found = Extended::default();
        assert!(found.records(b"14 path=a\nb=c\n").is_ok());
        assert_eq!(found.path.as_deref(), Some(&b"a\nb=c"[..]));
        for broken in [&b"13 path=a\nb=c\n"[..], b"99 path=a\n", b"path=a\n", b"3 \n", b"12 size=-1\n\n", b"0 "] {
            assert!(Extended::default().records(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_later_header_counts_alone_and_an_empty_value_says_nothing() {
        let mut found = Extended::default();
        assert!(found.replace(b"9 path=a\n").is_ok());
        assert!(found.replace(b"10 gid=12\n8 size=\n").is_ok());
        assert_eq!((found.path(), found.size, found.gid, found.flaws.len()), (None, None, Some(12), 1));
        found.long_name(b"long\0x");
        assert_eq!(found.path(), Some(b"long".to_vec()));
        found.forget();
        assert_eq!((found.path(), found.gid, found.flaws.len()), (None, None, 2));
    }

    #[test]
    fn parts_of_seconds_and_attributes_are_kept() {
        let mut found = Extended::default();
        assert!(found.records(b"15 mtime=12.50\n").is_ok());
        assert_eq!((found.mtime, found.fine_times), (Some(12), true));
        assert!(found.records(b"30 SCHILY.xattr.user.thing=va\n").is_ok());
        assert_eq!(found.xattrs, [("user.thing".to_owned(), b"va".to_vec())]);
        assert!(found.records(b"36 LIBARCHIVE.xattr.user.a%3db=AQID\n").is_ok());
        assert_eq!(found.xattrs.get(1), Some(&("user.a=b".to_owned(), vec![1, 2, 3])));
    }
}
