//! Parses `/etc/ld.so.cache`, which `ldconfig` writes and glibc's loader reads (`sysdeps/generic/dl-cache.h`).

use std::collections::BTreeMap;

/// The magic of the format that every glibc since 2.2 reads. An older format may stand before it.
const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
/// Bytes of the header: magic, number of entries, length of the texts, flags, and four words more.
const HEADER: usize = 48;
/// Bytes of an entry: flags, offsets of name and path from the header, version, capabilities.
const ENTRY: usize = 24;
/// Bytes of all names and paths for each byte of the file: texts share their ends, and a hostile file shares all of them.
const SHARED: usize = 16;

/// Where libraries are, by their names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LdCache(BTreeMap<String, Vec<String>>);

impl LdCache {
    /// Reads a cache. One that the loader would not understand, which it then does without, is empty.
    pub(super) fn read(bytes: &[u8]) -> Self {
        Self::parse(bytes).unwrap_or_default()
    }

    /// The paths at which a library of that name is.
    pub(super) fn paths(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(memchr::memmem::find(bytes, MAGIC)?..)?;
        // In the byte order of the machine; what is not read one way is read the other way.
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        let count = number(MAGIC.len())?;
        let (count, swapped) = if fits(count, bytes) { (count, false) } else { (count.swap_bytes(), true) };
        if !fits(count, bytes) {
            return None;
        }
        let offset = |at: usize| number(at).map(|number| if swapped { number.swap_bytes() } else { number });
        let text = |at: u32| {
            let rest = bytes.get(usize::try_from(at).ok()?..)?;
            let end = memchr::memchr(0, rest)?;
            std::str::from_utf8(rest.get(..end)?).ok().map(str::to_owned)
        };
        let mut cache = Self::default();
        let mut room = bytes.len().saturating_mul(SHARED);
        for entry in 0..usize::try_from(count).ok()? {
            let at = HEADER + entry * ENTRY;
            if let (Some(name), Some(path)) = (text(offset(at + 4)?), text(offset(at + 8)?)) {
                room = room.checked_sub(name.len() + path.len())?;
                cache.0.entry(name).or_default().push(path);
            }
        }
        Some(cache)
    }
}

/// Whether so many entries have room in the file.
fn fits(count: u32, bytes: &[u8]) -> bool {
    usize::try_from(count).is_ok_and(|count| count.saturating_mul(ENTRY).saturating_add(HEADER) <= bytes.len())
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    /// A cache of these libraries, as `ldconfig` lays it out.
    pub(crate) fn cache(libraries: &[(&str, &str)]) -> Vec<u8> {
        let mut texts = Vec::new();
        let start = HEADER + libraries.len() * ENTRY;
        let mut entries = Vec::new();
        for (name, path) in libraries {
            let mut place = |text: &str| {
                let at = u32::try_from(start + texts.len()).unwrap();
                texts.extend_from_slice(text.as_bytes());
                texts.push(0);
                at.to_le_bytes()
            };
            let (name, path) = (place(name), place(path));
            entries.extend([&0x0303_u32.to_le_bytes()[..], &name, &path, &[0; 12]].concat());
        }
        let count = u32::try_from(libraries.len()).unwrap().to_le_bytes();
        let length = u32::try_from(texts.len()).unwrap().to_le_bytes();
        [MAGIC, &count, &length, &[0; 20], &entries, &texts].concat()
    }

    #[test]
    fn libraries_are_found_by_name_also_behind_the_older_format() {
        let bytes = cache(&[("libx.so.1", "/opt/x/libx.so.1"), ("libx.so.1", "/opt/y/libx.so.1"), ("libz.so", "/z")]);
        for bytes in [bytes.clone(), [&b"ld.so-1.7.0\0\0\0\0\0"[..], &bytes].concat()] {
            let cache = LdCache::read(&bytes);
            assert_eq!(cache.paths("libx.so.1").collect::<Vec<_>>(), ["/opt/x/libx.so.1", "/opt/y/libx.so.1"]);
            assert_eq!(cache.paths("libz.so").collect::<Vec<_>>(), ["/z"]);
            assert_eq!(cache.paths("liby.so").count(), 0);
        }
    }

    #[test]
    fn a_cache_of_a_big_endian_machine_is_read_and_one_that_shares_its_texts_too_often_is_not() {
        let mut bytes = cache(&[("libx.so.1", "/opt/x/libx.so.1"), ("libz.so", "/z")]);
        let words = MAGIC.len()..HEADER + 2 * ENTRY;
        for word in bytes.get_mut(words).unwrap().chunks_exact_mut(4) {
            word.reverse();
        }
        let found = LdCache::read(&bytes);
        assert_eq!(
            found.paths("libx.so.1").chain(found.paths("libz.so")).collect::<Vec<_>>(),
            ["/opt/x/libx.so.1", "/z"]
        );
        // Every entry has the same long name.
        let long = "x".repeat(100 * SHARED);
        let entries: Vec<(&str, &str)> = vec![("", ""); 500];
        let mut bytes = cache(&entries);
        let at = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        for entry in bytes.get_mut(HEADER..HEADER + entries.len() * ENTRY).unwrap().chunks_exact_mut(ENTRY) {
            entry.get_mut(4..8).unwrap().copy_from_slice(&at);
        }
        bytes.extend_from_slice(long.as_bytes());
        bytes.push(0);
        assert_eq!(LdCache::read(&bytes), LdCache::default());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes: Vec<u8>, cut in 0_usize..200, count: u32) {
            LdCache::read(&bytes);
            let mut whole = cache(&[("libx.so.1", "/opt/x/libx.so.1")]);
            whole.truncate(whole.len().saturating_sub(cut));
            LdCache::read(&whole);
            if let Some(place) = whole.get_mut(MAGIC.len()..MAGIC.len() + 4) {
                place.copy_from_slice(&count.to_le_bytes());
            }
            LdCache::read(&whole);
        }
    }
}
