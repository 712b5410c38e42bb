//! Zip archives, read from the first byte to the last: nothing that some reader of zips would find is passed over.
//!
//! A zip says everything twice: in front of each member, and in a directory at its end, by which most programs read it. Each
//! member is read where it stands; then the directory must tell the same of the same members, or the archive is unread. So
//! what only the directory knows is reported, what only stands there is searched, and members that overlap are read once.

mod directory;
mod header;
mod walk;

use std::io::{self, BufRead, BufReader, Read as _};

use super::{lookahead::Lookahead, member::Member, unpacker::FileUnpacker};
use crate::report::Limits;
use header::{LocalHeader, Method};
use walk::{ZipItem, ZipWalk};

/// Bytes of a decoder's output that are searched at once.
const BUFFER: usize = 32 << 10;

/// Reads an archive that begins as a zip does.
pub(super) fn read<R: BufRead>(
    unpacker: &mut FileUnpacker<'_>,
    member: &Member,
    depth: usize,
    input: Lookahead<R>,
) -> io::Result<()> {
    let mut walk = ZipWalk::new(input, true);
    read_members(unpacker, member, depth, &mut walk)?;
    if !walk.is_whole() {
        unpacker.unread(member, "a zip without a directory at its end");
    }
    Ok(())
}

/// Looks for an archive behind other bytes: a script, or a program, that unpacks itself. Unless it reaches to the end of the
/// file, it is an archive for the program alone, whose members are read, and which may be anything else as well.
pub(super) fn read_embedded<R: BufRead>(
    unpacker: &mut FileUnpacker<'_>,
    member: &Member,
    depth: usize,
    input: Lookahead<R>,
) -> io::Result<()> {
    let before = unpacker.unread_mark();
    let mut walk = ZipWalk::new(input, false);
    let read = read_members(unpacker, member, depth, &mut walk);
    if read.is_ok() && !walk.is_whole() {
        unpacker.forget_unread(before);
    }
    // A stream that cannot be read is no fault of an archive that may not be there.
    if unpacker.is_spent() { read } else { Ok(()) }
}

fn read_members<R: BufRead>(
    unpacker: &mut FileUnpacker<'_>,
    archive: &Member,
    depth: usize,
    walk: &mut ZipWalk<R>,
) -> io::Result<()> {
    let mut is_told = false;
    loop {
        match walk.next()? {
            ZipItem::Member(header) if depth > Limits::PACKED_DEPTH => {
                if !is_told {
                    unpacker.unread(archive, "packed inside of too many other files");
                }
                is_told = true;
                if !unpacker.pass_member() {
                    return Err(io::ErrorKind::QuotaExceeded.into());
                }
                walk.pass(&header);
            }
            ZipItem::Member(header) => read_member(unpacker, archive, depth, walk, &header)?,
            ZipItem::Contradiction(name, what) => match name {
                Some(name) => unpacker.unread(&archive.child(&name, depth), what),
                None => unpacker.unread(archive, what),
            },
            ZipItem::End => return Ok(()),
        }
    }
}

/// Reads the member whose header was taken, and goes to its end.
fn read_member<R: BufRead>(
    unpacker: &mut FileUnpacker<'_>,
    archive: &Member,
    depth: usize,
    walk: &mut ZipWalk<R>,
    header: &LocalHeader,
) -> io::Result<()> {
    let member = archive.child(&header.name, depth);
    let begin = walk.input.position();
    let mut content = walk.input.by_ref().take(header.size.unwrap_or(u64::MAX));
    let read = match header.method {
        _ if header.is_encrypted => Err("encrypted"),
        Method::Stored if header.size == Some(0) => Ok(Ok(())),
        Method::Stored if header.size.is_none() => Err("stored without its size in front"),
        Method::Stored => Ok(unpacker.member(&member, &mut content)),
        Method::Deflate => Ok(read_stream(unpacker, &member, flate2::bufread::DeflateDecoder::new(content))),
        Method::Bzip2 => Ok(read_stream(unpacker, &member, bzip2::bufread::BzDecoder::new(content))),
        Method::Zstd => Ok(zstd_decoder(content).and_then(|decoder| read_stream(unpacker, &member, decoder))),
        Method::Xz => {
            let most_kib = (1 << (Limits::PACKED_WINDOW_LOG - 10)) + (1 << 10);
            Ok(read_stream(unpacker, &member, lzma_rust2::XzReader::new_mem_limit(content, false, most_kib)))
        }
        Method::Unknown => Err("compressed by a method that the audit cannot read"),
    };
    let is_read = matches!(read, Ok(Ok(())));
    let is_passed = read.is_err() || header.method == Method::Stored && header.size == Some(0);
    if is_passed && !unpacker.pass_member() {
        return Err(io::ErrorKind::QuotaExceeded.into());
    }
    match read {
        Err(why) => unpacker.unread(&member, why),
        Ok(Err(error)) if unpacker.is_spent() => return Err(error),
        Ok(Err(error)) => unpacker.unread(&member, format!("it cannot be unpacked to its end: {error}")),
        Ok(Ok(())) => {}
    }
    // Where its length is told behind it, it is as long as what was unpacked. Behind compressed data that ends early, a
    // member may hold anything: the walk goes on there.
    let used = walk.input.position() - begin;
    walk.seen(header, header.size.or(is_read.then_some(used)));
    Ok(())
}

fn read_stream(unpacker: &mut FileUnpacker<'_>, member: &Member, decoder: impl io::Read) -> io::Result<()> {
    unpacker.member(member, &mut BufReader::with_capacity(BUFFER, decoder))
}

fn zstd_decoder<R: BufRead>(content: R) -> io::Result<::zstd::Decoder<'static, R>> {
    let mut decoder = ::zstd::Decoder::with_buffer(content)?.single_frame();
    decoder.window_log_max(Limits::PACKED_WINDOW_LOG)?;
    Ok(decoder)
}
