//! [`FileUnpacker`]: reads what is inside of one file, one packed file inside of the other.

use std::io::{self, BufRead, BufReader, Read};

use super::{
    ar,
    budget::PackedBudget,
    cpio,
    findings::{PackedFindings, UnreadMark, UnreadPart},
    format::{ENCRYPTED_PACKAGE, HEAD, PackedFormat},
    lookahead::Lookahead,
    member::{Member, credential_name},
    observed::Observed,
    zip,
};
use crate::{
    layer::foreign_tar::{Tape, TapeItem},
    report::Limits,
    secrets::{SecretHit, SecretScanner, name_hit},
};

/// Bytes of a decoder's output that are searched at once.
const BUFFER: usize = 32 << 10;

/// The reader of what is inside of one file of a layer.
pub(in crate::rootfs) struct FileUnpacker<'a> {
    /// The index of the file among the entries of the layer.
    entry: usize,
    /// Its path.
    path: &'a str,
    budget: &'a PackedBudget,
    findings: &'a mut PackedFindings,
}

/// An archive whose members stand one behind the other.
pub(super) trait MemberSequence {
    /// Goes to the next member, and gives its name; `None` is the end.
    fn next_member(&mut self) -> io::Result<Option<String>>;

    /// The content of that member.
    fn content(&mut self) -> &mut dyn BufRead;
}

impl<'a> FileUnpacker<'a> {
    /// Reads the file `path`, of `size` bytes, from `source`. All of them are shown to `observe`, as they are and in their
    /// order, unless the source fails.
    pub(in crate::rootfs) fn read(
        (entry, path, size): (usize, &'a str, u64),
        source: &mut dyn BufRead,
        observe: &mut dyn FnMut(&[u8]),
        budget: &'a PackedBudget,
        findings: &'a mut PackedFindings,
    ) {
        budget.begin_file(size);
        let mut unpacker = FileUnpacker { entry, path, budget, findings };
        let mut stream = Observed::file(source, observe);
        unpacker.open(&Member::file(path), &mut stream);
        // Whoever gave the source knows how it failed.
        let _ = stream.drain();
    }

    /// Reads a member to its end, and searches it.
    ///
    /// # Errors
    /// What it comes from cannot be read on, or too much was unpacked.
    pub(super) fn member(&mut self, member: &Member, source: &mut dyn BufRead) -> io::Result<()> {
        let budget = self.budget;
        if !budget.take_member() {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let mut scanner = SecretScanner::sniffing(&member.path);
        let mut observe = |bytes: &[u8]| scanner.push(bytes);
        let mut stream = Observed::member(source, &mut observe, budget);
        let has_members = self.open(member, &mut stream);
        let read = stream.drain();
        let size = stream.size();
        let mut found = scanner.finish();
        if has_members {
            // Its first bytes were searched before it was known to be packed.
            found.hits.retain(|hit| !self.findings.holds(self.entry, hit.fingerprint));
        }
        if let Some(part) = found.unread {
            self.unread(member, part.reason.words());
        }
        self.note(member, size, found.hits);
        read
    }

    /// Records what was found in a member.
    fn note(&mut self, member: &Member, size: u64, hits: Vec<SecretHit>) {
        let name = member.name.as_deref().unwrap_or_default();
        self.findings.add_secrets(self.entry, name, hits);
        let named = name_hit(&member.path).filter(|named| size > 0 && !named.confirmed_by_content);
        // Where the file itself is one, by its folder for instance, its members add nothing.
        if let Some(named) = named.filter(|_| name_hit(self.path).is_none()) {
            self.findings.add_name(self.entry, name, named);
        }
    }

    /// Counts a member that is not read; `false` where there are too many.
    pub(super) fn pass_member(&mut self) -> bool {
        self.budget.take_member()
    }

    /// Whether no more is unpacked of this file.
    pub(super) fn is_spent(&self) -> bool {
        self.budget.spent().is_some()
    }

    pub(super) fn unread_mark(&self) -> UnreadMark {
        self.findings.unread_mark()
    }

    pub(super) fn forget_unread(&mut self, mark: UnreadMark) {
        self.findings.forget_unread(mark);
    }

    /// Records that the file itself was not searched to its end as its format asks for.
    pub(in crate::rootfs) fn unread_file(
        (entry, path): (usize, &'a str),
        reason: &'static str,
        budget: &'a PackedBudget,
        findings: &'a mut PackedFindings,
    ) {
        FileUnpacker { entry, path, budget, findings }.unread(&Member::file(path), reason);
    }

    /// Records that a member was not read.
    pub(super) fn unread(&mut self, member: &Member, reason: impl Into<std::borrow::Cow<'static, str>>) {
        let named = credential_name(&member.path).or_else(|| credential_name(self.path));
        self.findings.add_unread(UnreadPart {
            entry: self.entry,
            member: member.name.as_deref().map(Into::into),
            reason: reason.into(),
            credential: named.map(|named| named.rule),
        });
    }

    /// Reads what is inside of a stream, and says whether it may hold anything. What is left of the stream then, nobody has
    /// read.
    fn open(&mut self, member: &Member, stream: &mut Observed<'_>) -> bool {
        let mut head = [0; HEAD];
        let length = stream.fill(&mut head);
        let head = head.get(..length).unwrap_or_default();
        let Some(format) = PackedFormat::of(head) else {
            // What is shorter holds no archive.
            if length == HEAD {
                let depth = member.depth_of(false);
                let found = zip::read_embedded(self, member, depth, Lookahead::new(head.chain(stream)));
                self.judge(member, PackedFormat::Zip, found);
            }
            return length == HEAD;
        };
        let depth = member.depth_of(format.is_sequence());
        match format {
            PackedFormat::Unreadable(what) => self.unread(member, what),
            PackedFormat::Compound => {
                if Lookahead::new(head.chain(stream)).find(ENCRYPTED_PACKAGE).unwrap_or(false) {
                    self.unread(member, "an encrypted document of Office");
                }
            }
            _ if depth > Limits::PACKED_DEPTH => self.unread(member, "packed inside of too many other files"),
            _ => {
                stream.mute(format.is_sequence());
                let read = self.unpack(format, member, depth, &mut head.chain(&mut *stream));
                stream.mute(false);
                let read = if stream.has_failed() { Ok(()) } else { read };
                self.judge(member, format, read);
            }
        }
        true
    }

    /// Records why a packed file was not read to its end.
    fn judge(&mut self, member: &Member, format: PackedFormat, read: io::Result<()>) {
        let Err(error) = read else { return };
        let reason = match self.budget.spent() {
            // The innermost file has said so.
            Some(_) if self.budget.tell() => return,
            Some(why) => why.into(),
            None => format!("{} that cannot be read to its end: {error}", format.name()).into(),
        };
        let reason: std::borrow::Cow<'static, str> = reason;
        self.unread(member, reason);
    }

    fn unpack(
        &mut self,
        format: PackedFormat,
        member: &Member,
        depth: usize,
        input: &mut dyn BufRead,
    ) -> io::Result<()> {
        // What is inside of another packed file needs no large window; the outermost may have the largest that packers make.
        let window_log = if member.depth == 0 { Limits::ZSTD_WINDOW_LOG } else { Limits::PACKED_WINDOW_LOG };
        let most_kib = (1_u32 << (window_log - 10)) + (1 << 10);
        match format {
            PackedFormat::Gzip => self.stream(member, flate2::bufread::MultiGzDecoder::new(input)),
            PackedFormat::Bzip2 => self.stream(member, bzip2::bufread::MultiBzDecoder::new(input)),
            PackedFormat::Zstd => {
                let mut decoder = ::zstd::Decoder::with_buffer(input)?;
                decoder.window_log_max(window_log)?;
                self.stream(member, decoder)
            }
            PackedFormat::Xz => self.stream(member, lzma_rust2::XzReader::new_mem_limit(input, true, most_kib)),
            PackedFormat::Lzma => self.stream(member, lzma_rust2::LzmaReader::new_mem_limit(input, most_kib, None)?),
            PackedFormat::Zip => zip::read(self, member, depth, Lookahead::new(input)),
            PackedFormat::Tar => self.tar(member, depth, input),
            PackedFormat::Ar => self.sequence(member, depth, &mut ar::ArMembers::new(input)?),
            PackedFormat::Cpio => self.sequence(member, depth, &mut cpio::CpioMembers::new(input)),
            PackedFormat::Compound | PackedFormat::Unreadable(_) => Ok(()),
        }
    }

    /// Reads what a compressed file holds.
    fn stream(&mut self, member: &Member, decoder: impl Read) -> io::Result<()> {
        self.member(&member.content(), &mut BufReader::with_capacity(BUFFER, decoder))
    }

    fn tar(&mut self, member: &Member, depth: usize, input: &mut dyn BufRead) -> io::Result<()> {
        let mut tape = Tape::new(input);
        loop {
            match tape.next()? {
                TapeItem::End(None) => return Ok(()),
                TapeItem::End(Some(_)) => {
                    self.unread(member, "a tar with more bytes behind its end");
                    return Ok(());
                }
                TapeItem::Entry(entry, _) => {
                    let mut content = tape.content_reader();
                    if content.left() > 0 {
                        self.member(&member.child(&entry.path, depth), &mut content)?;
                    }
                    content.finish()?;
                }
            }
        }
    }

    fn sequence(&mut self, member: &Member, depth: usize, members: &mut dyn MemberSequence) -> io::Result<()> {
        while let Some(name) = members.next_member()? {
            self.member(&member.child(&name, depth), members.content())?;
        }
        Ok(())
    }
}
