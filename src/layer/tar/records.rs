//! PAX extended header records (POSIX.1-2017, `pax`, "pax Extended Header"): what ustar cannot say.

use super::header::{BLOCK_BYTES, TarHeader, TypeFlag};

/// The values of one entry that its ustar header cannot hold.
#[derive(Debug, Default)]
pub(super) struct Records<'a> {
    pub(super) gid: Option<u32>,
    pub(super) link: Option<&'a [u8]>,
    pub(super) path: Option<&'a [u8]>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u32>,
}

impl Records<'_> {
    /// The header block of typeflag `x` with its padded content; empty when ustar says everything.
    pub(super) fn encode(&self) -> Vec<u8> {
        let content = self.content();
        if content.is_empty() {
            return Vec::new();
        }
        let header = TarHeader {
            // The name that Python's `tarfile` gives to it; most writers put a process id into theirs.
            name: b"././@PaxHeader",
            prefix: b"",
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: content.len() as u64,
            kind: TypeFlag::Records,
            link: b"",
        };
        let mut blocks = header.encode().to_vec();
        blocks.extend_from_slice(&content);
        blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
        blocks
    }

    /// The records, sorted by key but for `hdrcharset`, which is about those behind it.
    fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        if [self.link, self.path].into_iter().flatten().any(|bytes| str::from_utf8(bytes).is_err()) {
            // Records are UTF-8 unless this says that they are bytes, as they are.
            push(&mut content, "hdrcharset", b"BINARY");
        }
        if let Some(gid) = self.gid {
            push(&mut content, "gid", gid.to_string().as_bytes());
        }
        if let Some(link) = self.link {
            push(&mut content, "linkpath", link);
        }
        if let Some(path) = self.path {
            push(&mut content, "path", path);
        }
        if let Some(size) = self.size {
            push(&mut content, "size", size.to_string().as_bytes());
        }
        if let Some(uid) = self.uid {
            push(&mut content, "uid", uid.to_string().as_bytes());
        }
        content
    }
}

/// Adds `"<length> <key>=<value>\n"`, where the length counts its own digits too.
fn push(content: &mut Vec<u8>, key: &str, value: &[u8]) {
    let digits = |number: usize| number.to_string().len();
    let rest = " =\n".len() + key.len() + value.len();
    // One digit more may bring the length over the next power of ten, but never over two of them.
    let length = rest + digits(rest + digits(rest));
    content.extend_from_slice(format!("{length} {key}=").as_bytes());
    content.extend_from_slice(value);
    content.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_record_counts_its_own_digits() {
        for length in 1..1_200 {
            let mut record = Vec::new();
            push(&mut record, "path", &vec![b'a'; length]);
            let text = String::from_utf8_lossy(&record);
            let said = text.split(' ').next().and_then(|digits| digits.parse().ok());
            assert_eq!(said, Some(record.len()));
        }
    }

    #[test]
    fn nothing_to_say_is_no_block_and_the_character_set_comes_first() {
        assert!(Records::default().encode().is_empty());
        let records = Records { gid: Some(7), path: Some(b"a\xff"), ..Records::default() };
        assert_eq!(records.content(), b"21 hdrcharset=BINARY\n8 gid=7\n11 path=a\xff\n");
    }
}
