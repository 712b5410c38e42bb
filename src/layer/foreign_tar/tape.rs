//! [`Tape`]: reads a tar as a stream, in the way Go's reader does, because containerd and docker unpack with that.
//!
//! Where other readers take an entry otherwise, the entry has a [`Flaw`].

use std::io::{self, BufRead, Read, Seek};

use tar::{EntryType, Header};

use super::{
    entry::{Flaw, Magic, RareFields, TarEntry, TarEntryKind, clean},
    extended::Extended,
    header,
    path_text::path_text,
};
use crate::report::Limits;

/// Bytes of a header, and what contents are padded to.
const BLOCK: usize = 512;

/// A tar that is read once.
pub(crate) struct Tape<R> {
    reader: R,
    position: u64,
    /// Bytes of the current entry's content, and of the padding after it, that were not read yet.
    left: u64,
    padding: u64,
    /// What stands around contents, for who asked for it.
    around: Option<AroundContents>,
}

/// The bytes of a tar that are no content of a file: headers, extended headers, padding, and what follows the end.
#[derive(Debug, Default)]
pub(crate) struct AroundContents {
    /// Those of the last entry, or of the end.
    pub(crate) bytes: Vec<u8>,
    /// Whether there are more than [`Limits::TAR_AROUND_BYTES`], and the rest is not here.
    pub(crate) is_cut: bool,
}

/// The next item of a tar: an entry, or the end.
pub(crate) enum TapeItem {
    Entry(TarEntry, Vec<Flaw>),
    /// The end, and what was odd about it.
    End(Option<Flaw>),
}

/// Whether a name, made clean, lies in a directory.
fn has_directory(name: &[u8]) -> bool {
    name.split(|byte| *byte == b'/').filter(|part| !matches!(*part, b"" | b".")).count() > 1
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl<R: BufRead> Tape<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: 0, left: 0, padding: 0, around: None }
    }

    /// A tape that keeps what stands around contents.
    pub(crate) fn with_around(reader: R) -> Self {
        Self { around: Some(AroundContents::default()), ..Self::new(reader) }
    }

    /// What stands around contents since the last call. Without padding until the content was read.
    pub(crate) fn take_around(&mut self) -> AroundContents {
        self.around.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Keeps a header, its texts apart from each other: in ustar a user's name follows the digits of the version.
    fn keep_header(&mut self, block: &[u8; BLOCK]) {
        if self.around.is_some() {
            let mut rest = block.as_slice();
            for length in [100, 57, 100, 8, 32, 32, 16, 155, 12] {
                let (field, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
                self.keep_around(field);
                self.keep_around(&[0]);
                rest = after;
            }
        }
    }

    /// Keeps bytes that are no content.
    fn keep_around(&mut self, bytes: &[u8]) {
        if let Some(around) = &mut self.around {
            around.is_cut |= around.bytes.len() + bytes.len() > Limits::TAR_AROUND_BYTES;
            if !around.is_cut {
                around.bytes.extend_from_slice(bytes);
            }
        }
    }

    /// Bytes so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes of the current entry's content that were not read yet; the content begins at [`position`](Self::position).
    pub(crate) fn content_left(&self) -> u64 {
        self.left
    }

    /// The next entry; its content is to be read with [`content`](Self::content), or passed over with
    /// [`skip_content`](Self::skip_content), before the next call.
    pub(crate) fn next(&mut self) -> io::Result<TapeItem> {
        let mut extended = Extended::default();
        loop {
            let Some(block) = self.block()? else {
                // Every reader takes the end of the stream for that of the tar.
                return Ok(TapeItem::End(None));
            };
            if block == [0; BLOCK] {
                return self.end();
            }
            self.keep_header(&block);
            let header = Header::from_byte_slice(&block);
            if checksum(&block) != header.cksum().ok() {
                return Err(broken("the checksum of a header in it is wrong"));
            }
            let (size, _) = header::size(&block)?;
            match header.entry_type() {
                EntryType::XHeader => {
                    if let Some(flaw) = process_id(&header.path_bytes()) {
                        extended.flaws.push(flaw);
                    }
                    let bytes = self.read_whole(size)?;
                    extended.replace(&bytes)?;
                }
                EntryType::XGlobalHeader => {
                    let bytes = self.read_whole(size)?;
                    let mut global = Extended::default();
                    global.records(&bytes)?;
                    if global.is_about_entries() {
                        extended.flaws.push(Flaw::Ambiguous("a global header renames or resizes all entries"));
                    }
                    if has_directory(&header.path_bytes()) {
                        extended.flaws.push(Flaw::Ambiguous("a global header has a folder, which some engines make"));
                    }
                    extended.forget();
                }
                EntryType::GNULongName => extended.long_name(&self.read_whole(size)?),
                EntryType::GNULongLink => extended.long_link(&self.read_whole(size)?),
                EntryType::GNUSparse => return Err(broken("a sparse file in it cannot be read")),
                _ => return self.entry(&block, extended),
            }
        }
    }

    /// The rest of an entry's header.
    fn entry(&mut self, block: &[u8; BLOCK], mut extended: Extended) -> io::Result<TapeItem> {
        let header = Header::from_byte_slice(block);
        let (own, odd_prefix) = header::name(block);
        if odd_prefix && extended.path().is_none() {
            extended.flaws.push(Flaw::Ambiguous("its name has a prefix that not every reader takes"));
        }
        let raw = extended.path().unwrap_or(own);
        let link = extended.link().or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        if raw.len().max(link.as_ref().map_or(0, Vec::len)) > Limits::PATH_BYTES {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "a path in it is longer than Linux can open"));
        }
        let mut flaws = extended.flaws;
        let (path, wrong) = clean(&raw);
        flaws.extend(wrong);
        if raw.split(|byte| *byte == b'/').any(|name| name.len() > Limits::NAME_BYTES) {
            flaws.push(Flaw::Ambiguous("a name in it is longer than Linux can open"));
        }
        let kind = kind(block, &raw, &mut flaws);
        let (stated, odd_size) = header::size(block)?;
        if odd_size {
            flaws.push(Flaw::Ambiguous("its size is written in a way that not every reader knows"));
        }
        let size = extended.size.unwrap_or(stated);
        // Where size is in the extended header only because ustar cannot hold it, ustar has 0.
        if extended.size.is_some_and(|size| size != stated && (stated != 0 || size < 1 << 33)) {
            flaws.push(Flaw::Ambiguous("it gives two sizes"));
        }
        let has_content = matches!(kind, TarEntryKind::File | TarEntryKind::Other);
        if !has_content && size != 0 {
            flaws.push(Flaw::Ambiguous("it has a size, but is of a kind without content"));
        }
        self.expect(if has_content { size } else { 0 })?;
        let is_device = matches!(kind, TarEntryKind::CharDevice | TarEntryKind::BlockDevice);
        let named = |name: Option<&[u8]>| name.is_some_and(|name| !matches!(name, b"" | b"root"));
        let field = |from, length, what| header::demanded(block, from, length, what);
        let target = link
            .filter(|_| matches!(kind, TarEntryKind::Symlink | TarEntryKind::HardLink))
            .map(|link| path_text(&link).into_owned());
        if target.as_ref().is_some_and(|target| target.contains('\0')) {
            flaws.push(Flaw::Nul);
        }
        let device = is_device.then(|| Some((header.device_major().ok()??, header.device_minor().ok()??))).flatten();
        let rare = RareFields { target, xattrs: extended.xattrs, device };
        let is_rare = rare.target.is_some() || !rare.xattrs.is_empty() || rare.device.is_some();
        let uid = extended.uid.map_or_else(|| field(108, 8, "uid"), Ok)?;
        let gid = extended.gid.map_or_else(|| field(116, 8, "gid"), Ok)?;
        // chown(2) takes -1 for "as it is", which is root's while an engine unpacks, and no more than 32 bits.
        if uid.max(gid) >= u64::from(u32::MAX) {
            flaws.push(Flaw::Ambiguous("its owner is above 4294967294, for which engines take another"));
        }
        let entry = TarEntry {
            path,
            kind,
            mode: u32::try_from(field(100, 8, "mode")? & 0o7777).unwrap_or(0),
            uid,
            gid,
            size: if kind == TarEntryKind::File { size } else { 0 },
            // What is no time, or one before 1970, is as good as 1970 here.
            mtime: extended.mtime.or_else(|| header::number(block.get(136..148)?)).unwrap_or(0),
            rare: is_rare.then(|| Box::new(rare)),
            fine_times: extended.fine_times,
            names: extended.names || named(header.username_bytes()) || named(header.groupname_bytes()),
            magic: Magic::Empty,
            checksum: 0,
        };
        Ok(TapeItem::Entry(entry, flaws))
    }

    /// A content of `size` bytes, and its padding, come next.
    fn expect(&mut self, size: u64) -> io::Result<()> {
        let end = size.checked_next_multiple_of(BLOCK as u64).ok_or_else(|| broken("a size in it is none"))?;
        (self.left, self.padding) = (size, end - size);
        Ok(())
    }

    /// Passes the content of the last entry to `take`, in pieces of any size.
    pub(crate) fn content(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<()> {
        while self.left > 0 {
            let bytes = match self.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                result => result?,
            };
            let read = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            if read == 0 {
                return Err(broken("it ends inside of a file"));
            }
            take(bytes.get(..read).unwrap_or_default());
            self.reader.consume(read);
            self.left -= read as u64;
            self.position += read as u64;
        }
        let padding = usize::try_from(self.padding).unwrap_or(0);
        self.padding = 0;
        let mut pad = [0; BLOCK];
        if let Some(room) = pad.get_mut(..padding) {
            // A tar may end without the padding of its last file.
            self.fill(room)?;
            if room.iter().any(|byte| *byte != 0) {
                self.keep_around(&pad);
            }
        }
        Ok(())
    }

    /// A reader of the content of the last entry; [`TapeContent::finish`] goes to its end.
    pub(crate) fn content_reader(&mut self) -> TapeContent<'_, R> {
        TapeContent { tape: self, failure: None }
    }

    /// A small content as a whole.
    fn read_whole(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > Limits::PAX_BYTES {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, "an extended header is larger than 1 MiB"));
        }
        self.expect(size)?;
        let mut bytes = Vec::new();
        self.content(|chunk| bytes.extend_from_slice(chunk))?;
        self.keep_around(&bytes);
        Ok(bytes)
    }

    /// The next block; `None` at the end.
    fn block(&mut self) -> io::Result<Option<[u8; BLOCK]>> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            0 => Ok(None),
            BLOCK => Ok(Some(block)),
            _ => Err(broken("it ends inside of a header")),
        }
    }

    /// After the first block of zeros: what follows is no part of the tar, and should be zeros too.
    fn end(&mut self) -> io::Result<TapeItem> {
        let (mut hidden, mut other) = (false, false);
        let mut block = [0; BLOCK];
        loop {
            let read = self.fill(&mut block)?;
            let bytes = block.get(..read).unwrap_or_default();
            if bytes.iter().any(|byte| *byte != 0) {
                other = true;
                self.keep_around(bytes);
                hidden |= read == BLOCK && checksum(&block) == Header::from_byte_slice(&block).cksum().ok();
            }
            // A last piece shorter than a block cannot be a header.
            if read < BLOCK {
                break;
            }
        }
        Ok(TapeItem::End(if hidden {
            Some(Flaw::Ambiguous("there are entries behind its end"))
        } else {
            other.then_some(Flaw::Trailing)
        }))
    }

    /// Fills `room` as far as there are bytes.
    fn fill(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest)? {
                0 => break,
                read => filled += read,
            }
        }
        Ok(filled)
    }
}

/// The content of one entry, as a reader. An error of it stays: whoever reads it may take an error for something else.
pub(crate) struct TapeContent<'a, R> {
    tape: &'a mut Tape<R>,
    failure: Option<io::Error>,
}

impl<R: BufRead> TapeContent<'_, R> {
    /// Bytes that were not read yet.
    pub(crate) fn left(&self) -> u64 {
        self.tape.left
    }

    /// Goes to the end of the content, and says how reading it failed, if it did.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.failure {
            Some(failure) => Err(failure),
            None => self.tape.content(|_| ()),
        }
    }
}

impl<R: BufRead> BufRead for TapeContent<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.tape.left == 0 {
            return Ok(&[]);
        }
        if let Some(failure) = &self.failure {
            return Err(failure.kind().into());
        }
        // Asked twice, because a failure must be kept: the second answer is in memory.
        let failure = loop {
            match self.tape.reader.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok([]) => break broken("it ends inside of a file"),
                Ok(_) => {
                    let most = usize::try_from(self.tape.left).unwrap_or(usize::MAX);
                    let bytes = self.tape.reader.fill_buf()?;
                    return Ok(bytes.get(..most).unwrap_or(bytes));
                }
                Err(error) => break error,
            }
        };
        let kind = failure.kind();
        self.failure = Some(failure);
        Err(kind.into())
    }

    fn consume(&mut self, bytes: usize) {
        self.tape.reader.consume(bytes);
        self.tape.left = self.tape.left.saturating_sub(bytes as u64);
        self.tape.position += bytes as u64;
    }
}

impl<R: BufRead> Read for TapeContent<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buf)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: BufRead + Seek> Tape<R> {
    /// Passes over what is left of the current entry's content, and its padding, without reading it. The reader may end
    /// before the content does: a caller that knows its length compares it with [`content_left`](Self::content_left).
    pub(crate) fn skip_content(&mut self) -> io::Result<()> {
        // Both fit: `expect` has computed the sum.
        let bytes = self.left + self.padding;
        let offset = i64::try_from(bytes).map_err(|_| broken("a size in it is none"))?;
        let end = self.position.checked_add(bytes).ok_or_else(|| broken("a size in it is none"))?;
        self.reader.seek_relative(offset)?;
        (self.left, self.padding, self.position) = (0, 0, end);
        Ok(())
    }
}

impl<R: Read> Read for Tape<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = loop {
            match self.reader.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.position += read as u64;
        Ok(read)
    }
}

/// The kind of an entry by its header.
fn kind(block: &[u8; BLOCK], raw: &[u8], flaws: &mut Vec<Flaw>) -> TarEntryKind {
    let flag = block.get(156).copied().unwrap_or_default();
    match EntryType::new(flag) {
        // A name with a slash at its end is a folder in archives older than ustar, which have a NUL for the kind.
        EntryType::Regular if flag == 0 && raw.ends_with(b"/") => TarEntryKind::Directory,
        EntryType::Regular if raw.ends_with(b"/") => {
            flaws.push(Flaw::Ambiguous("it is a file, and its name is that of a folder"));
            TarEntryKind::File
        }
        EntryType::Regular => TarEntryKind::File,
        EntryType::Continuous => {
            flaws.push(Flaw::Ambiguous("it is a file of a kind that runtimes refuse"));
            TarEntryKind::File
        }
        EntryType::Link => TarEntryKind::HardLink,
        EntryType::Symlink => TarEntryKind::Symlink,
        EntryType::Directory => TarEntryKind::Directory,
        EntryType::Char => TarEntryKind::CharDevice,
        EntryType::Block => TarEntryKind::BlockDevice,
        EntryType::Fifo => TarEntryKind::Fifo,
        _ => TarEntryKind::Other,
    }
}

/// The sum of a header's bytes, its own field taken as blanks.
fn checksum(block: &[u8; BLOCK]) -> Option<u32> {
    let field = block.get(148..156)?;
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    let own: u32 = field.iter().map(|byte| u32::from(*byte)).sum();
    Some(sum - own + 8 * u32::from(b' '))
}

/// `PaxHeaders.1234/name`, as GNU tar writes it.
fn process_id(path: &[u8]) -> Option<Flaw> {
    let at = memchr::memmem::find(path, b"PaxHeaders.")?;
    let digit = path.get(at + b"PaxHeaders.".len())?;
    // GNU tar writes 0 when it is asked for reproducible archives.
    (digit.is_ascii_digit() && *digit != b'0').then_some(Flaw::ProcessId)
}
