//! [`ContentReader`]: examines the content of one file as a stream, and keeps the facts that rules need.

use super::{
    Magic, TarEntry,
    data_kind::{DataKind, DataSearch},
    markers::{Marks, Search},
    setting_file::is_setting_file,
};
use crate::{
    elf::{self, Elf, Hardening, NotElf, Sparse},
    report::Limits,
    secrets::{ScannedSecrets, SecretScanner},
};

/// How much of file contents a scan examines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScanDepth {
    /// All that rules ask for.
    Full,
    /// What the headers of programs say, and what is in files that a build on this image reads: accounts and
    /// certificates. No secrets, no checksums, no words in programs.
    Structure,
}

/// Files that rules read whole, by path.
const KEPT: [&str; 9] = [
    "/etc/apk/world",
    "/etc/passwd",
    "/etc/group",
    "/etc/shadow",
    "/etc/master.passwd",
    "/etc/shells",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.preload",
];

/// Beginnings of paths whose files are kept like those.
const KEPT_FOLDERS: [&str; 2] = ["/etc/ld.so.conf.d/", "/etc/ld-musl-"];

/// Names of files that a build on this image reads, wherever they lie: a link may lead there. With the bytes of one.
const KEPT_NAMES: [(&str, u64); 3] = [
    ("passwd", Limits::AUDIT_KEPT_BYTES as u64),
    ("group", Limits::AUDIT_KEPT_BYTES as u64),
    ("ca-certificates.crt", Limits::CERTIFICATE_BYTES),
];

/// How many bytes are kept of the file of that entry; `None` where its path does not ask for it.
fn kept_bytes(entry: &TarEntry, depth: ScanDepth) -> Option<usize> {
    let path = entry.path.as_str();
    if depth == ScanDepth::Structure
        && let Some((_, most)) = KEPT_NAMES.iter().find(|(name, _)| *name == entry.name())
    {
        return usize::try_from(*most).ok();
    }
    if depth == ScanDepth::Full && is_setting_file(path) {
        return Some(Limits::AUDIT_SETTING_BYTES);
    }
    let is_kept = KEPT.contains(&path) || KEPT_FOLDERS.iter().any(|folder| path.starts_with(folder));
    is_kept.then_some(Limits::AUDIT_KEPT_BYTES)
}

/// The facts about a file's content that rules read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum FileContent {
    /// A file that a rule reads; cut at [`Limits::AUDIT_KEPT_BYTES`]. `longest` is its longest line.
    Kept { text: Vec<u8>, longest: usize },
    /// The line behind `#!`.
    Script(String),
    /// An ELF file.
    Elf(Box<ElfFile>),
    /// What a process or a database left.
    Data(DataKind),
}

/// An ELF file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ElfFile {
    /// Its headers.
    pub(crate) headers: Result<Elf, NotElf>,
    /// The hardening; `None` if the headers are inconsistent, or the part that shows it was not kept.
    pub(crate) hardening: Option<Hardening>,
    /// The markers in the rest of the file.
    pub(crate) marks: Marks,
}

impl ElfFile {
    /// Whether rules about it have no answer, because not all of it was kept.
    pub(super) fn is_unread(&self) -> bool {
        self.headers == Err(NotElf::TooFar) || self.headers.is_ok() && self.hardening.is_none()
    }
}

impl FileContent {
    /// The memory that it takes.
    pub(super) fn cost(&self) -> usize {
        64 + match self {
            Self::Kept { text, .. } => text.len(),
            Self::Script(line) => line.len(),
            Self::Data(_) => 0,
            Self::Elf(file) => {
                let names = file
                    .headers
                    .as_ref()
                    .map_or(0, |elf| elf.needed.iter().chain(&elf.search).map(|name| name.len() + 24).sum::<usize>());
                size_of::<ElfFile>() + names + file.marks.paths.iter().map(String::len).sum::<usize>()
            }
        }
    }
}

/// The reader of one file's content.
pub(super) struct ContentReader<'s> {
    depth: ScanDepth,
    secrets: Option<SecretScanner>,
    checksum: crc32fast::Hasher,
    /// The first bytes, for what a file begins with and for a script's line.
    head: Vec<u8>,
    kept: Option<(Vec<u8>, LongestLine)>,
    /// Bytes of a file that are kept at most.
    most: usize,
    /// Where an ELF file goes; the memory is that of the one before it.
    sparse: &'s mut Sparse,
    is_elf: bool,
    search: Option<Search>,
    begun: bool,
    /// The search for what is no program and no setting; only of a full scan.
    data: Option<DataSearch>,
}

/// The result of reading one file's content.
pub(super) struct ScannedContent {
    pub(super) content: Option<FileContent>,
    pub(super) secrets: ScannedSecrets,
}

/// The longest line so far.
#[derive(Debug, Default)]
struct LongestLine {
    longest: usize,
    current: usize,
}

/// Bytes of a script's first line that matter; Linux reads 256.
const HEAD: usize = 256;

impl<'s> ContentReader<'s> {
    pub(super) fn new(entry: &TarEntry, sparse: &'s mut Sparse, depth: ScanDepth) -> Self {
        let most = kept_bytes(entry, depth);
        Self {
            depth,
            secrets: (depth == ScanDepth::Full).then(|| SecretScanner::sniffing(&entry.path)),
            checksum: crc32fast::Hasher::new(),
            head: Vec::new(),
            kept: most.map(|_| Default::default()),
            most: most.unwrap_or(Limits::AUDIT_KEPT_BYTES),
            sparse,
            is_elf: false,
            search: None,
            begun: false,
            data: (depth == ScanDepth::Full).then(DataSearch::default),
        }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        if let Some(secrets) = &mut self.secrets {
            secrets.push(chunk);
            self.checksum.update(chunk);
        }
        if let Some(data) = &mut self.data {
            data.push(chunk);
        }
        self.push_kept(chunk);
        if self.is_elf {
            self.push_program(chunk);
            return;
        }
        if self.head.len() < HEAD {
            let room = (HEAD - self.head.len()).min(chunk.len());
            let (head, rest) = chunk.split_at(room);
            self.head.extend_from_slice(head);
            // The first four bytes tell; a shorter beginning waits for what comes next.
            if !self.begun && self.head.len() >= 4 {
                self.begun = true;
                if self.head.starts_with(b"\x7fELF") {
                    self.sparse.clear();
                    self.is_elf = true;
                    self.search = (self.depth == ScanDepth::Full).then(Search::default);
                    let head = self.head.clone();
                    self.push_program(&head);
                    self.push_program(rest);
                }
            }
            // A link may make it `/etc/passwd`.
            if self.head.len() == HEAD && self.kept.is_none() && is_accounts(&self.head) {
                self.keep();
                self.push_kept(rest);
            }
        }
    }

    /// Takes what comes next of an ELF file.
    fn push_program(&mut self, chunk: &[u8]) {
        self.sparse.push(chunk);
        if let Some(search) = &mut self.search {
            search.push(chunk);
        }
    }

    fn push_kept(&mut self, chunk: &[u8]) {
        if let Some((text, lines)) = &mut self.kept {
            lines.push(chunk);
            let room = self.most.saturating_sub(text.len()).min(chunk.len());
            text.extend_from_slice(chunk.get(..room).unwrap_or_default());
        }
    }

    /// Keeps the file although its path does not ask for it.
    fn keep(&mut self) {
        self.kept = Some(Default::default());
        let head = self.head.clone();
        self.push_kept(&head);
    }

    /// Writes what the content is into `entry`, and tells the rest.
    pub(super) fn finish(mut self, entry: &mut TarEntry) -> ScannedContent {
        if self.kept.is_none() && self.head.len() < HEAD && is_accounts(&self.head) {
            self.keep();
        }
        entry.checksum = self.checksum.finalize();
        entry.magic = match self.head.as_slice() {
            [] => Magic::Empty,
            head if head.starts_with(b"\x7fELF") => Magic::Elf,
            head if head.starts_with(b"#!") => Magic::Script,
            head if head.starts_with(b"!<arch>") => Magic::Archive,
            _ => Magic::Other,
        };
        let data = self.data.take().and_then(DataSearch::finish);
        let content = if let Some(kind) = data.filter(|kind| *kind == DataKind::Core || !self.is_elf) {
            Some(FileContent::Data(kind))
        } else if self.is_elf {
            let sparse = &*self.sparse;
            let mut headers = elf::headers(sparse);
            if matches!(headers, Err(NotElf::Broken(_))) && sparse.has_missed() {
                headers = Err(NotElf::TooFar);
            }
            let is_full = self.depth == ScanDepth::Full;
            let hardening = if is_full && headers.is_ok() { elf::read_hardening(sparse) } else { None };
            // Sections without names that were not kept may be anything.
            let hardening = hardening.filter(|found| !(found.unread_names && sparse.has_missed()));
            let marks = self.search.map(|search| search.finish(sparse)).unwrap_or_default();
            Some(FileContent::Elf(Box::new(ElfFile { headers, hardening, marks })))
        } else if let Some((text, lines)) = self.kept {
            Some(FileContent::Kept { text, longest: lines.longest })
        } else if let Some(rest) = self.head.strip_prefix(b"#!") {
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            Some(FileContent::Script(String::from_utf8_lossy(line).trim().to_owned()))
        } else {
            None
        };
        ScannedContent { content, secrets: self.secrets.map(SecretScanner::finish).unwrap_or_default() }
    }
}

/// Whether a file begins as passwd, group or shadow do.
fn is_accounts(head: &[u8]) -> bool {
    let mut lines =
        head.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty() && !line.starts_with(b"#"));
    let is_account = |line: &[u8]| {
        let mut fields = line.split(|byte| *byte == b':');
        let name = fields.next().unwrap_or_default();
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.$+".contains(byte);
        !name.is_empty() && name.len() <= 64 && name.iter().all(is_name) && fields.count() >= 3
    };
    lines.next().is_some_and(is_account)
}

impl LongestLine {
    fn push(&mut self, chunk: &[u8]) {
        for (number, part) in chunk.split(|byte| *byte == b'\n').enumerate() {
            if number > 0 {
                self.current = 0;
            }
            self.current += part.len();
            self.longest = self.longest.max(self.current);
        }
    }
}
