#![allow(clippy::unwrap_used)]

use std::io::{Read, SeekFrom, Write as _};

use tar::EntryType;

use super::*;
use Stretch::{Bytes, Hole};

fn header(kind: EntryType, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// An entry whose name is taken as it is, as no careful writer would.
fn named(name: &[u8], kind: EntryType, link: &[u8], content: &[u8]) -> Vec<u8> {
    let mut header = header(kind, content.len() as u64);
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A regular file.
fn file(name: &[u8]) -> Vec<u8> {
    named(name, EntryType::Regular, b"", b"content")
}

/// A regular file of one byte, with these bytes in its header.
fn patched(patches: &[(usize, &[u8])]) -> Vec<u8> {
    let mut header = header(EntryType::Regular, 1);
    header.as_old_mut().name[0] = b'a';
    for (at, bytes) in patches {
        header.as_mut_bytes()[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    header.set_cksum();
    [&header.as_bytes()[..], &[b'x'; 512]].concat()
}

fn pax(records: &[u8]) -> Vec<u8> {
    named(b"x", EntryType::XHeader, b"", records)
}

/// What a file is made of.
#[derive(Clone)]
enum Stretch {
    Bytes(Vec<u8>),
    /// So many zeros that take no room.
    Hole(u64),
}

fn holed(stretches: &[Stretch]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    for stretch in stretches {
        match stretch {
            Bytes(bytes) => file.write_all(bytes).unwrap(),
            Hole(length) => file.seek_relative(i64::try_from(*length).unwrap()).unwrap(),
        }
    }
    let length = file.stream_position().unwrap();
    file.set_len(length).unwrap();
    file.rewind().unwrap();
    file
}

fn scan(entries: &[Vec<u8>]) -> io::Result<ArchiveMembers> {
    ArchiveMembers::scan(&holed(&[Bytes(entries.concat()), Bytes(vec![0; 1024])]))
}

/// Why an archive of these entries is refused.
#[track_caller]
fn refusal(entries: &[Vec<u8>]) -> String {
    scan(entries).unwrap_err().to_string()
}

#[test]
fn files_are_found_where_they_lie_and_docker_links_are_followed_once() {
    let members = scan(&[
        named(b"./a/layer.tar", EntryType::Regular, b"", b"one"),
        named(b"b/", EntryType::Directory, b"", b""),
        named(b"b/layer.tar", EntryType::Symlink, b"../a/layer.tar", b""),
        named(b"c", EntryType::Symlink, b"b/layer.tar", b""),
        named(b"d", EntryType::Link, b"a/layer.tar", b""),
        named(b"e", EntryType::Fifo, b"", b""),
    ])
    .unwrap();
    let span = Span { start: 512, size: 3 };
    for name in ["a/layer.tar", "b/layer.tar", "d"] {
        assert_eq!(members.span(name).unwrap(), span, "{name}");
    }
    assert_eq!(members.span("c").unwrap_err().to_string(), "`c` is a link to no file of the archive");
    assert_eq!(members.span("e").unwrap_err().to_string(), "`e` is not a regular file");
    assert_eq!(members.span("x").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(members.file_span("d").is_err() && members.file_span("x").unwrap().is_none());
    assert_eq!(members.below("a/").collect::<Vec<_>>(), ["a/layer.tar"]);
}

#[test]
fn names_and_links_that_lead_out_are_refused_wherever_they_are() {
    for name in [&b"/etc/passwd"[..], b"../x", b"a/../../x"] {
        let said = refusal(&[file(name)]);
        assert!(said.ends_with("leads out of the archive"), "{said}");
    }
    assert_eq!(refusal(&[file(b"a/../b")]), "the name of `/b` has `..`");
    for (kind, link) in [(EntryType::Symlink, &b"../../x"[..]), (EntryType::Symlink, b"/x"), (EntryType::Link, b"../x")]
    {
        let said = refusal(&[named(b"a/b", kind, link, b"")]);
        assert!(said.ends_with("leads out of the archive"), "{said}");
    }
}

#[test]
fn entries_and_names_are_bounded_and_names_hold_no_nul() {
    let folder = named(b"folder/", EntryType::Directory, b"", b"");
    assert!(scan(&vec![folder.clone(); Limits::ARCHIVE_ENTRIES]).is_ok());
    let said = refusal(&vec![folder; Limits::ARCHIVE_ENTRIES + 1]);
    assert_eq!(said, "it has more than 100000 entries");
    let long = |number: usize, length: usize| {
        let mut name = format!("{number:0length$}").into_bytes();
        name.iter_mut().take(length - 20).skip(100).step_by(100).for_each(|byte| *byte = b'/');
        [named(b"L", EntryType::GNULongName, b"", &name), named(b"", EntryType::Fifo, b"", b"")].concat()
    };
    assert!(scan(&[long(1, Limits::PATH_BYTES)]).is_ok());
    assert_eq!(refusal(&[long(1, Limits::PATH_BYTES + 1)]), "a path in it is longer than Linux can open");
    let most = Limits::ARCHIVE_NAMES_BYTES / Limits::PATH_BYTES;
    let all: Vec<_> = (0..=most).map(|number| long(number, Limits::PATH_BYTES)).collect();
    assert!(scan(&all[..most]).is_ok());
    assert_eq!(refusal(&all), "its names take more than 16 MiB");
    assert_eq!(refusal(&[pax(b"12 path=a\0b\n"), file(b"a")]), "a name of `/a\\u{0}b` holds a NUL");
    let link = named(b"a", EntryType::Symlink, b"b", b"");
    assert_eq!(refusal(&[pax(b"16 linkpath=b\0c\n"), link]), "a name of `/a` holds a NUL");
}

#[test]
fn names_that_are_no_text_are_different_members() {
    let members = scan(&[file(b"\xff"), file(b"\xfe"), file("\u{fffd}".as_bytes())]).unwrap();
    assert_eq!(members.0.len(), 3);
    assert_eq!(members.span("\u{fffd}").unwrap(), Span { start: 2560, size: 7 });
    // A document cannot name bytes that are no text, not even by the characters that stand for them here.
    assert_eq!(members.span("\u{10ffff}").unwrap_err().kind(), io::ErrorKind::NotFound);
    assert!(scan(&[file("\u{10ffff}".as_bytes())]).unwrap().span("\u{10ffff}").is_ok());
    assert!(refusal(&[file(b"\xff"), file(b"./\xff")]).ends_with("readers would disagree about which one counts"));
}

#[test]
fn a_member_that_is_there_twice_or_ends_behind_the_end_is_refused() {
    assert!(refusal(&[file(b"a"), file(b"./a")]).starts_with("`a` is there twice"));
    let mut cut = header(EntryType::Regular, 9999);
    cut.set_path("a").unwrap();
    cut.set_cksum();
    assert_eq!(refusal(&[cut.as_bytes().to_vec()]), "it ends inside of `a`");
}

#[test]
fn two_names_of_one_member_are_refused() {
    let long = |name: &[u8]| named(b"././@LongLink", EntryType::GNULongName, b"", name);
    let path = pax(b"11 path=b\n\n");
    for headers in [[long(b"a\0"), path.clone()], [path.clone(), long(b"a\0")]] {
        let said = refusal(&[headers.concat(), file(b"c")]);
        assert_eq!(said, "readers would disagree about `/a`: several headers before it name it");
    }
    assert!(scan(&[long(b"b\n\0"), path, file(b"c")]).unwrap().span("b\n").is_ok());
    let global = named(b"g", EntryType::XGlobalHeader, b"", b"9 path=b\n");
    let said = refusal(&[global, file(b"c")]);
    assert_eq!(said, "readers would disagree about `/c`: a global header renames or resizes all entries");
    let comment = named(b"g", EntryType::XGlobalHeader, b"", b"16 comment=made\n");
    assert!(scan(&[comment, file(b"c")]).unwrap().span("c").is_ok());
}

#[test]
fn a_prefix_in_a_gnu_header_is_refused_where_go_takes_it() {
    let (gnu, posix) = (&b"ustar  \0"[..], &b"ustar\x0000"[..]);
    let prefix = &b"blobs"[..];
    assert_eq!(
        refusal(&[patched(&[(257, gnu), (345, prefix)])]),
        "readers would disagree about `/blobs/a`: its name has a prefix that not every reader takes"
    );
    assert!(scan(&[patched(&[(257, gnu), (345, b"14500000000\0")])]).unwrap().span("a").is_ok());
    assert!(scan(&[patched(&[(257, posix), (345, prefix)])]).unwrap().span("blobs/a").is_ok());
}

#[test]
fn a_size_is_octal_or_base_256_and_there_once() {
    const SIZE: usize = 124;
    const NINE_GIB: u64 = 9 << 30;
    for octal in [&b"00000000001\0"[..], b"          1 ", b"1\0\0\0\0\0\0\0\0\0\0\0"] {
        assert_eq!(scan(&[patched(&[(SIZE, octal)])]).unwrap().span("a").unwrap(), Span { start: 512, size: 1 });
    }
    let small = refusal(&[patched(&[(SIZE, b"\x80\0\0\0\0\0\0\0\0\0\0\x01")])]);
    assert!(small.ends_with("its size is written in a way that not every reader knows"), "{small}");
    for no_size in [&b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"0000000000x\0"] {
        assert_eq!(refusal(&[patched(&[(SIZE, no_size)])]), "the size in a header of it is no number");
    }
    let largest = refusal(&[patched(&[(SIZE, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff")])]);
    assert_eq!(largest, "it ends inside of `a`");
    let sizes = refusal(&[pax(b"12 size=999\n"), file(b"a")]);
    assert_eq!(sizes, "readers would disagree about `/a`: it gives two sizes");
    // Above 8 GiB octal digits end; GNU tar and Go go on in these ways.
    let base_256 = patched(&[(SIZE, b"\x80\0\0\0\0\0\0\x02\x40\0\0\0")])[..512].to_vec();
    let record = [pax(b"19 size=9663676416\n"), patched(&[(SIZE, b"00000000000\0")])[..512].to_vec()].concat();
    for head in [base_256, record] {
        let start = head.len() as u64;
        let members =
            ArchiveMembers::scan(&holed(&[Bytes(head), Hole(NINE_GIB), Bytes(file(b"b")), Bytes(vec![0; 1024])]))
                .unwrap();
        assert_eq!(members.span("a").unwrap(), Span { start, size: NINE_GIB });
        assert_eq!(members.span("b").unwrap(), Span { start: start + NINE_GIB + 512, size: 7 });
    }
}

#[test]
fn files_with_holes_are_refused_in_every_form() {
    let gnu = named(b"a", EntryType::GNUSparse, b"", b"");
    assert_eq!(refusal(&[gnu]), "a sparse file in it cannot be read");
    let said = refusal(&[pax(b"22 GNU.sparse.major=1\n"), file(b"a")]);
    assert_eq!(said, "readers would disagree about `/a`: it is a sparse file, which few readers know");
}

#[test]
fn an_archive_ends_with_zeros_and_nothing_behind_them() {
    let scan = |pieces: &[&[u8]]| ArchiveMembers::scan(&holed(&[Bytes(pieces.concat())])).map(|_| ());
    let refusal = |pieces: &[&[u8]]| scan(pieces).unwrap_err().to_string();
    let (entry, zeros) = (file(b"a"), [0; 1024]);
    scan(&[&entry, &zeros[..512]]).unwrap();
    scan(&[&entry, &[0; 20 * 512]]).unwrap();
    assert_eq!(refusal(&[&entry]), "its end is cut off");
    assert_eq!(refusal(&[&entry, &zeros[..511]]), "it ends inside of a header");
    assert_eq!(refusal(&[&entry, &entry[..300]]), "it ends inside of a header");
    assert_eq!(refusal(&[&entry, &zeros, &file(b"b"), &zeros]), "there are entries behind its end");
    assert_eq!(refusal(&[&entry, &zeros, b"more"]), "something follows its end");
    // A header without an entry.
    let said = refusal(&[&entry, &pax(b"9 path=b\n"), &zeros]);
    assert_eq!(said, "something that is no entry follows its last one");
    assert_eq!(refusal(&[&entry, &[b'x'; 512]]), "the checksum of a header in it is wrong");
}

/// Counts the bytes that are read of an archive.
struct CountingFile {
    file: File,
    count: u64,
}

impl Read for CountingFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buf)?;
        self.count += read as u64;
        Ok(read)
    }
}

impl Seek for CountingFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

#[test]
fn contents_are_passed_over_and_nothing_is_read_without_end() {
    const FIVE_GIB: u64 = 5 << 30;
    let entry = |name| {
        let mut header = header(EntryType::Regular, FIVE_GIB - 1);
        header.set_path(name).unwrap();
        header.set_cksum();
        Bytes(header.as_bytes().to_vec())
    };
    let hole = Hole(FIVE_GIB);
    let read = |stretches: &[Stretch], limit| {
        let file = holed(stretches);
        let mut scan = MemberScan { found: BTreeMap::new(), names: 0, length: file.metadata().unwrap().len(), end: 0 };
        let mut counting = CountingFile { file, count: 0 };
        let outcome = scan.entries(&mut Tape::new(HeaderReader::buffered(&mut counting, limit)));
        (outcome.map(|()| scan.found).map_err(|error| error.to_string()), counting.count)
    };
    let archive = [entry("a"), hole.clone(), entry("b"), hole.clone(), Bytes(vec![0; 1024])];
    let (found, count) = read(&archive, Limits::ARCHIVE_HEADERS_BYTES);
    let found = found.unwrap();
    assert_eq!(found["a"], ArchiveMember::File(Span { start: 512, size: FIVE_GIB - 1 }));
    assert_eq!(found["b"], ArchiveMember::File(Span { start: 1024 + FIVE_GIB, size: FIVE_GIB - 1 }));
    assert!(count <= 16 << 10, "{count} bytes");
    // What follows the end is read, because entries may hide there.
    let (failure, count) = read(&[Bytes(file(b"a")), hole, Bytes(file(b"b"))], 1 << 20);
    assert_eq!((failure.unwrap_err().as_str(), count), ("its headers take more than 1 MiB", 1 << 20));
}
