//! Tar archives written field by field, for layers that no well-behaved tool would write.

use std::fmt::Write as _;

/// One entry of a layer: what its header says, and the headers before it.
#[derive(Debug, Clone)]
pub struct Entry {
    pub kind: u8,
    pub name: Vec<u8>,
    pub link: Vec<u8>,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub content: Vec<u8>,
    pub magic: Magic,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// Records of a pax header before the entry.
    pub pax: Vec<(String, Vec<u8>)>,
    /// A pax header of type `g` before the entry.
    pub global: Vec<(String, Vec<u8>)>,
    /// Bytes put over the finished header at these offsets. The checksum is that of the result.
    pub fields: Vec<(usize, Vec<u8>)>,
    /// Whether the checksum takes bytes as signed, as some old tools did.
    pub signed_sum: bool,
}

/// The dialect of a header, which says where a name of more than 100 bytes goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Magic {
    /// In the prefix field, or else in a pax header.
    Ustar,
    /// In an entry `././@LongLink`.
    Gnu,
    /// Neither magic nor prefix: names are cut.
    Old,
}

impl Entry {
    pub fn new(kind: u8, name: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            name: name.into(),
            link: Vec::new(),
            mode: 0o644,
            uid: 0,
            gid: 0,
            content: Vec::new(),
            magic: Magic::Ustar,
            device: (0, 0),
            pax: Vec::new(),
            global: Vec::new(),
            fields: Vec::new(),
            signed_sum: false,
        }
    }

    pub fn file(name: impl Into<Vec<u8>>, content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), ..Self::new(b'0', name) }
    }

    /// A folder; its name gets the slash at the end that tools write.
    pub fn folder(name: impl Into<Vec<u8>>) -> Self {
        let mut name = name.into();
        name.push(b'/');
        Self { mode: 0o755, ..Self::new(b'5', name) }
    }

    pub fn symlink(name: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self { link: target.into(), mode: 0o777, ..Self::new(b'2', name) }
    }

    pub fn hard_link(name: impl Into<Vec<u8>>, target: impl Into<Vec<u8>>) -> Self {
        Self { link: target.into(), ..Self::new(b'1', name) }
    }

    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub fn owner(self, uid: u64, gid: u64) -> Self {
        Self { uid, gid, ..self }
    }

    pub fn magic(self, magic: Magic) -> Self {
        Self { magic, ..self }
    }

    pub fn device(self, major: u32, minor: u32) -> Self {
        Self { device: (major, minor), ..self }
    }

    pub fn content(self, content: impl Into<Vec<u8>>) -> Self {
        Self { content: content.into(), ..self }
    }

    pub fn pax(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.pax.push((key.to_owned(), value.into()));
        self
    }

    pub fn global(mut self, key: &str, value: impl Into<Vec<u8>>) -> Self {
        self.global.push((key.to_owned(), value.into()));
        self
    }

    pub fn field(mut self, offset: usize, bytes: impl Into<Vec<u8>>) -> Self {
        self.fields.push((offset, bytes.into()));
        self
    }

    /// The entry's blocks.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if !self.global.is_empty() {
            extended(&mut bytes, b'g', &self.global);
        }
        let mut records = self.pax.clone();
        let (mut name, mut link, mut prefix) = (&self.name[..], &self.link[..], &b""[..]);
        match self.magic {
            Magic::Ustar => {
                if let Some((head, tail)) = split(name) {
                    (prefix, name) = (head, tail);
                } else if name.len() > 100 {
                    records.push(("path".to_owned(), name.to_owned()));
                }
                if link.len() > 100 {
                    records.push(("linkpath".to_owned(), link.to_owned()));
                }
            }
            Magic::Gnu => {
                for (kind, text) in [(b'L', name), (b'K', link)] {
                    if text.len() > 100 {
                        let long = [text, b"\0"].concat();
                        bytes.extend(Self::file("././@LongLink", long).of_kind(kind).magic(Magic::Gnu).bytes());
                    }
                }
            }
            Magic::Old => {}
        }
        if !records.is_empty() {
            extended(&mut bytes, b'x', &records);
        }
        name = &name[..name.len().min(100)];
        link = &link[..link.len().min(100)];
        bytes.extend(self.header(name, link, prefix));
        bytes.extend(&self.content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    pub fn of_kind(self, kind: u8) -> Self {
        Self { kind, ..self }
    }

    fn header(&self, name: &[u8], link: &[u8], prefix: &[u8]) -> [u8; 512] {
        let mut header = [0; 512];
        let mut put = |offset: usize, bytes: &[u8]| header[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(0, name);
        put(100, &number(self.mode.into(), 8));
        put(108, &number(self.uid, 8));
        put(116, &number(self.gid, 8));
        put(124, &number(self.content.len() as u64, 12));
        put(136, &number(0, 12));
        put(156, &[self.kind]);
        put(157, link);
        match self.magic {
            Magic::Ustar => put(257, b"ustar\x0000"),
            Magic::Gnu => put(257, b"ustar  \0"),
            Magic::Old => {}
        }
        if self.magic != Magic::Old {
            put(329, &number(self.device.0.into(), 8));
            put(337, &number(self.device.1.into(), 8));
            put(345, prefix);
        }
        for (offset, bytes) in &self.fields {
            put(*offset, bytes);
        }
        put(148, b"        ");
        let signed: i64 = header.iter().map(|byte| i64::from(byte.cast_signed())).sum();
        let unsigned: i64 = header.iter().map(|byte| i64::from(*byte)).sum();
        let sum = if self.signed_sum { signed } else { unsigned };
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header
    }

    /// A line of the table that a failing test prints.
    pub fn line(&self) -> String {
        let mut line = format!("{:?} {}", char::from(self.kind), printable(&self.name));
        if !self.link.is_empty() {
            write!(line, " -> {}", printable(&self.link)).expect("a string");
        }
        write!(line, "  {:04o} {}:{}", self.mode, self.uid, self.gid).expect("a string");
        if !self.content.is_empty() {
            write!(line, " {:?}", printable(&self.content)).expect("a string");
        }
        if self.magic != Magic::Ustar {
            write!(line, " {:?}", self.magic).expect("a string");
        }
        if self.device != (0, 0) {
            write!(line, " device {:?}", self.device).expect("a string");
        }
        if self.signed_sum {
            line.push_str(" signed checksum");
        }
        for (word, records) in [("pax", &self.pax), ("global", &self.global)] {
            for (key, value) in records {
                write!(line, " {word}[{key}={}]", printable(value)).expect("a string");
            }
        }
        for (offset, bytes) in &self.fields {
            write!(line, " bytes[{offset}]={}", printable(bytes)).expect("a string");
        }
        line
    }
}

/// The number in a field of that many bytes: octal digits and a NUL, or in base 256 where digits do not suffice.
fn number(value: u64, length: usize) -> Vec<u8> {
    let digits = length - 1;
    if value < 1 << (3 * digits) {
        return format!("{value:0digits$o}\0").into_bytes();
    }
    base_256(value, length)
}

/// The number in base 256, as GNU tar writes those that are too large for octal digits.
pub fn base_256(value: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length.saturating_sub(8)];
    let all = value.to_be_bytes();
    bytes.extend(&all[8 - length.min(8)..]);
    bytes[0] |= 0x80;
    bytes
}

/// A name of more than 100 bytes in two that fit, where it has a slash in the right place.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= 100 {
        return None;
    }
    let at = (name.len() - 101..name.len() - 1).find(|at| name[*at] == b'/')?;
    (at <= 155 && at > 0).then(|| (&name[..at], &name[at + 1..]))
}

fn extended(bytes: &mut Vec<u8>, kind: u8, records: &[(String, Vec<u8>)]) {
    let mut content = Vec::new();
    for (key, value) in records {
        content.extend(record(key, value));
    }
    bytes.extend(Entry::file("PaxHeaders/x", content).of_kind(kind).bytes());
}

/// A record of a pax header: `LENGTH KEY=VALUE`, the length counting itself.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}

/// Bytes as a person reads them: what is no printable ASCII is escaped.
pub fn printable(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
