//! Packed files of every format, read as files of a layer are.

#![allow(clippy::unwrap_used)]

use std::io::{BufReader, Cursor, Read as _, Write as _};

use super::{FileUnpacker, PackedBudget, PackedFindings};
use crate::report::Severity;

/// A key in PEM that parses, written in two parts: this file holds none.
fn key() -> Vec<u8> {
    let begin = ["-----BEGIN", " PRIVATE", " KEY-----"].concat();
    let end = begin.replace("BEGIN", "END");
    // Ed25519, PKCS #8.
    format!("{begin}\nMC4CAQAwBQYDK2VwBCIEIFf3Xk2pQm8sZr1tLw9Yc4Ab7uEdVhJ0iKg5nNoPqRsT\n{end}\n").into_bytes()
}

/// What is found in a file of that name and content, given in pieces of that size: members with secrets, members and reasons
/// that are unread. The file itself passes by whole.
fn scan(path: &str, bytes: &[u8], piece: usize) -> (Vec<String>, Vec<(String, String)>) {
    let mut findings = PackedFindings::default();
    let mut seen = Vec::new();
    let mut observe = |chunk: &[u8]| seen.extend_from_slice(chunk);
    let mut source = BufReader::with_capacity(piece, bytes);
    let file = (0, path, bytes.len() as u64);
    FileUnpacker::read(file, &mut source, &mut observe, &PackedBudget::default(), &mut findings);
    assert!(seen == bytes, "every byte of the file is shown once and in order: {} of {}", seen.len(), bytes.len());
    let unread = findings
        .unread
        .iter()
        .map(|part| (part.member.as_deref().unwrap_or_default().to_owned(), part.reason.clone().into_owned()));
    let mut secrets: Vec<String> = findings.secrets.iter().map(|secret| secret.member.clone().into()).collect();
    secrets.dedup();
    (secrets, unread.collect())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::bufread::DeflateEncoder::new(bytes, flate2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    bzip2::bufread::BzEncoder::new(bytes, bzip2::Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ::zstd::encode_all(bytes, 1).unwrap()
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn ar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in files {
        writeln!(archive, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, 100_644, bytes.len()).unwrap();
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(2), b'\n');
    }
    archive
}

fn cpio(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files.iter().copied().chain([("TRAILER!!!", &[][..])]) {
        let fields = [1, 0o100_644, 0, 0, 1, 0, bytes.len(), 0, 0, 0, 0, name.len() + 1, 0];
        archive.extend_from_slice(b"070701");
        for field in fields {
            write!(archive, "{field:08X}").unwrap();
        }
        archive.extend_from_slice(name.as_bytes());
        archive.push(0);
        archive.resize(archive.len().next_multiple_of(4), 0);
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(4), 0);
    }
    archive
}

/// A member of a zip, with what is said of it in two places.
struct ZipMember {
    name: &'static str,
    /// What the directory calls it.
    listed: Option<&'static str>,
    method: u16,
    flags: u16,
    packed: Vec<u8>,
    size: usize,
}

fn stored(name: &'static str, bytes: &[u8]) -> ZipMember {
    ZipMember { name, listed: Some(name), method: 0, flags: 0, packed: bytes.to_vec(), size: bytes.len() }
}

fn deflated(name: &'static str, bytes: &[u8]) -> ZipMember {
    ZipMember { method: 8, packed: deflate(bytes), ..stored(name, bytes) }
}

/// A zip of these members behind `before`; offsets count from its own beginning.
fn zip_behind(before: &[u8], members: &[ZipMember]) -> Vec<u8> {
    let (mut archive, mut directory, mut count) = (before.to_vec(), Vec::new(), 0_u16);
    let short = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let name_length = |name: &str| u16::try_from(name.len()).unwrap().to_le_bytes();
    for member in members {
        let offset = archive.len() - before.len();
        let is_later = member.flags & 8 != 0;
        let sizes = [short(0), short(member.packed.len()), short(member.size)].concat();
        let common = [20_u16, member.flags, member.method, 0, 0].map(u16::to_le_bytes).concat();
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&common);
        archive.extend_from_slice(if is_later { &[0; 12] } else { &sizes });
        archive.extend_from_slice(&name_length(member.name));
        archive.extend_from_slice(&[0; 2]);
        archive.extend_from_slice(member.name.as_bytes());
        archive.extend_from_slice(&member.packed);
        if is_later {
            archive.extend_from_slice(b"PK\x07\x08");
            archive.extend_from_slice(&sizes);
        }
        let Some(listed) = member.listed else { continue };
        count += 1;
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&sizes);
        directory.extend_from_slice(&name_length(listed));
        directory.extend_from_slice(&[0; 12]);
        directory.extend_from_slice(&short(offset));
        directory.extend_from_slice(listed.as_bytes());
    }
    let begin = archive.len() - before.len();
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&[count.to_le_bytes(), count.to_le_bytes()].concat());
    archive.extend_from_slice(&[short(directory.len()), short(begin)].concat());
    archive.extend_from_slice(&[0; 2]);
    archive
}

fn zip(members: &[ZipMember]) -> Vec<u8> {
    zip_behind(b"", members)
}

/// Bytes that do not pack.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_le_bytes()[7]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// What `xz` made of the key: nothing here packs it.
fn xz() -> Vec<u8> {
    unhex(XZ)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

include!("tests/packed_key.rs");

const PIECES: [usize; 4] = [1, 7, 600, 1 << 20];

/// Every format, and a way to hide in it: the file, its bytes, the member.
fn packed_keys() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let (key, text) = (key(), b"nothing is in it\n".repeat(50));
    let later = |member: ZipMember| ZipMember { flags: 8, ..member };
    vec![
        ("/srv/k.pem.gz", gzip(&key), "k.pem"),
        ("/srv/k", [gzip(&text), gzip(&key)].concat(), "k"),
        ("/srv/k.zst", zstd(&key), "k"),
        ("/srv/k.zst", [b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec(), zstd(&text), zstd(&key)].concat(), "k"),
        ("/srv/k.bz2", [bzip2(&text), bzip2(&key)].concat(), "k"),
        ("/srv/k.xz", [xz(), xz()].concat(), "k"),
        ("/srv/b.tar", tar(&[("a", &text), ("d/k.pem", &key)]), "d/k.pem"),
        ("/srv/b.tgz", gzip(&tar(&[("a", &text), ("d/k.pem", &key)])), "d/k.pem"),
        ("/srv/b.tar.zst", zstd(&tar(&[("k.pem", &key)])), "k.pem"),
        (
            "/srv/b.deb",
            ar(&[("debian-binary", b"2.0\n\n"), ("data.tar.gz", &gzip(&tar(&[("etc/k", &key)])))]),
            "data.tar.gz!/etc/k",
        ),
        ("/boot/initrd", gzip(&cpio(&[("a", b"abc"), ("etc/k", &key)])), "etc/k"),
        ("/srv/a.jar", zip(&[deflated("a", &text), deflated("k", &key)]), "k"),
        ("/srv/a.jar", zip(&[stored("a", &text), stored("k", &key)]), "k"),
        ("/srv/a.jar", zip(&[later(deflated("a", &text)), later(deflated("k", &key))]), "k"),
        ("/srv/a.zip", zip(&[ZipMember { method: 93, packed: zstd(&key), ..stored("k", &key) }]), "k"),
        ("/srv/a.zip", zip(&[ZipMember { method: 12, packed: bzip2(&key), ..stored("k", &key) }]), "k"),
        ("/srv/a.zip", zip(&[ZipMember { method: 95, packed: xz(), ..stored("k", &key) }]), "k"),
        ("/srv/boot.jar", zip_behind(&b"#!/bin/sh\nexec java -jar \"$0\"\n".repeat(40), &[deflated("k", &key)]), "k"),
        ("/srv/installer", zip_behind(&[b"\x7fELF".to_vec(), noise(70_000)].concat(), &[deflated("k", &key)]), "k"),
        ("/srv/hidden.zip", zip(&[deflated("a", &text), ZipMember { listed: None, ..deflated("k", &key) }]), "k"),
        ("/srv/a.war", zip(&[stored("lib/b.jar", &zip(&[deflated("k", &key)]))]), "lib/b.jar!/k"),
    ]
}

#[test]
fn a_key_is_found_in_every_format_however_the_bytes_come() {
    for (path, bytes, member) in packed_keys() {
        for piece in PIECES {
            let (secrets, unread) = scan(path, &bytes, piece);
            assert_eq!(secrets, [member], "{path} by {piece}");
            assert_eq!(unread, [], "{path} by {piece}");
        }
    }
}

#[test]
fn what_is_cut_short_or_changed_is_unread_and_never_ends_in_a_panic() {
    for (path, bytes, member) in packed_keys() {
        for cut in (1..bytes.len()).step_by(bytes.len() / 60 + 1) {
            let (secrets, unread) = scan(path, &bytes[..cut], 600);
            let is_found = secrets.iter().any(|found| found == member);
            // What is shorter than a header is no archive, and neither is a script or a program without one. A tar may end
            // behind any of its files.
            let may_end = ["boot.jar", "installer", "b.tar", "b.deb"].iter().any(|name| path.ends_with(name));
            assert!(is_found || !unread.is_empty() || cut < 512 || may_end, "{path} {cut}");
            let mut changed = bytes.clone();
            changed[cut] ^= 0x55;
            scan(path, &changed, 4096);
        }
    }
}

#[test]
fn what_the_directory_of_a_zip_says_otherwise_is_unread() {
    let key = key();
    let reason = |bytes: &[u8]| {
        let (_, unread) = scan("/a.zip", bytes, 4096);
        unread.into_iter().map(|(member, reason)| format!("{member}: {reason}")).collect::<Vec<_>>().join("; ")
    };
    let renamed = zip(&[ZipMember { listed: Some("b"), ..deflated("k", &key) }]);
    assert!(reason(&renamed).starts_with("b: the directory of the archive calls a member so"), "{}", reason(&renamed));
    // The directory points into the data of the member that stands there.
    let inner = zip(&[deflated("k", &key)]);
    let mut overlapping = zip(&[stored("a", &inner), stored("b", b"x")]);
    let entry = memchr::memmem::rfind(&overlapping, b"PK\x01\x02").unwrap();
    overlapping[entry + 42] = 31;
    assert!(
        reason(&overlapping).contains("b: the directory of the archive has it at a place"),
        "{}",
        reason(&overlapping)
    );
    let mut longer = zip(&[deflated("k", &key)]);
    let entry = memchr::memmem::rfind(&longer, b"PK\x01\x02").unwrap();
    longer[entry + 20] ^= 1;
    assert!(reason(&longer).contains("k: the archive says two things"), "{}", reason(&longer));
    let mut counted = zip(&[deflated("k", &key)]);
    let end = counted.len() - 22;
    counted[end + 10] = 2;
    assert!(reason(&counted).contains("a zip whose directory cannot be followed"), "{}", reason(&counted));
    let second = [zip(&[deflated("k", &key)]), b"PK\x05\x06".to_vec(), vec![0; 18]].concat();
    // Programs that take the last end see an empty archive.
    assert!(reason(&second).contains("a zip whose directory cannot be followed"), "{}", reason(&second));
    let bare = zip(&[deflated("k", &key)]);
    let without = &bare[..bare.len() - 22];
    assert!(reason(without).contains("a zip without a directory at its end"), "{}", reason(without));
}

#[test]
fn what_nothing_here_can_read_is_unread_with_the_reason() {
    let locked = ZipMember { flags: 1, ..deflated("k", b"0123456789abcdef") };
    let odd = ZipMember { method: 98, ..stored("k", b"0123456789abcdef") };
    for (bytes, member, reason) in [
        (b"7z\xbc\xaf\x27\x1c\0\x04".to_vec(), "", "a 7z archive"),
        (b"Rar!\x1a\x07\x01\0".to_vec(), "", "a rar archive"),
        (gzip(b"\x04\x22\x4d\x18abc"), "a", "lz4"),
        (b"LUKS\xba\xbe\0\x02".to_vec(), "", "an encrypted disk"),
        (zip(&[locked]), "k", "encrypted"),
        (zip(&[odd]), "k", "a method that the audit cannot read"),
        (
            [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![0; 5000], super::format::ENCRYPTED_PACKAGE.to_vec()]
                .concat(),
            "",
            "Office",
        ),
        ([gzip(b"text"), b"more".to_vec()].concat(), "", "gzip that cannot be read to its end"),
        ([tar(&[("a", b"text")]), vec![7; 600]].concat(), "", "a tar with more bytes behind its end"),
    ] {
        for piece in PIECES {
            let (_, unread) = scan("/srv/a", &bytes, piece);
            assert_eq!(unread.len(), 1, "{reason}: {unread:?}");
            assert!(unread[0].0 == member && unread[0].1.contains(reason), "{reason}: {unread:?}");
        }
    }
    // Ordinary files are no archives.
    let office = [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec(), vec![0; 5000]].concat();
    let program =
        [b"\x7fELF".to_vec(), vec![0; 3000], b"PK\x03\x04".to_vec(), noise(9000), b"PK\x05\x06".to_vec()].concat();
    for bytes in [office, program, b"PKG".repeat(400), vec![0; 2000], noise(5000)] {
        assert_eq!(scan("/srv/a", &bytes, 600), (vec![], vec![]));
    }
}

#[test]
fn archives_inside_of_archives_are_read_three_deep_and_the_next_one_is_unread() {
    let mut bytes = zip(&[deflated("k", &key())]);
    for depth in 1..=4 {
        let (secrets, unread) = scan("/srv/a.jar", &bytes, 4096);
        if depth <= 3 {
            assert_eq!((secrets.len(), unread.len()), (1, 0), "{depth}");
        } else {
            assert_eq!(secrets, Vec::<String>::new());
            assert_eq!(
                unread,
                [("a.jar!/a.jar!/a.jar".to_owned(), "packed inside of too many other files".to_owned())]
            );
        }
        bytes = zip(&[deflated("a.jar", &bytes)]);
    }
    // One that is behind other bytes as well.
    let mut bytes = zip_behind(&[b'x'; 600], &[deflated("k", &key())]);
    for _ in 0..3 {
        bytes = gzip(&bytes);
    }
    let (_, unread) = scan("/srv/a", &bytes, 4096);
    assert_eq!(unread.len(), 1, "{unread:?}");
}

#[test]
fn bombs_end_at_their_bounds_and_are_unread() {
    // Half a MiB of gzip would be 512 MiB of zeros: more than 200 times its size.
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 256 << 20]).unwrap();
    let bomb = packer.finish().unwrap();
    let (_, unread) = scan("/srv/bomb.gz", &bomb, 1 << 16);
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert!(unread[0].1.contains("it unpacks to more bytes"), "{unread:?}");
    // The same inside of others is told once, and ends all of them.
    let nested = zip(&[deflated("a", &gzip(&bomb)), deflated("k", &key())]);
    let (_, unread) = scan("/srv/bomb.zip", &nested, 1 << 16);
    assert_eq!(unread.len(), 1, "{unread:?}");
    // Members that overlap are read once: a thousand entries of the directory for one member.
    let member = || deflated("a", &vec![0; 1 << 20]);
    let one = zip(&[member()]);
    let entry = memchr::memmem::find(&one, b"PK\x01\x02").unwrap();
    let (front, back) = one.split_at(entry);
    let (line, end) = back.split_at(back.len() - 22);
    let mut end = end.to_vec();
    end[8..12].copy_from_slice(&[0xe8, 3, 0xe8, 3]);
    end[12..16].copy_from_slice(&u32::try_from(1000 * line.len()).unwrap().to_le_bytes());
    let overlapping = [front.to_vec(), line.repeat(1000), end].concat();
    let (_, unread) = scan("/srv/overlap.zip", &overlapping, 1 << 16);
    assert_eq!(unread, []);
}

#[test]
fn too_many_members_are_unread() {
    let budget = PackedBudget::default();
    budget.begin_file(1);
    let taken = std::iter::repeat_with(|| budget.take_member()).take_while(|is_left| *is_left).count();
    assert_eq!(taken, crate::report::Limits::PACKED_MEMBERS);
    assert!(budget.spent().is_some());
    // The next file has its own.
    budget.begin_file(1);
    assert!(budget.take_member());
}

#[test]
fn names_of_members_say_what_they_are() {
    let mut findings = PackedFindings::default();
    let bytes = gzip(&tar(&[("root/.ssh/known_hosts", b"x"), ("a/server.p12", b"x"), ("empty/.ssh/known_hosts", b"")]));
    let mut source = Cursor::new(bytes);
    FileUnpacker::read((3, "/srv/b.tgz", 100), &mut source, &mut |_| (), &PackedBudget::default(), &mut findings);
    let names: Vec<_> = findings.names.iter().map(|found| (found.entry, &*found.member)).collect();
    assert_eq!(names, [(3, "root/.ssh/known_hosts")]);
    // A key store is told by its bytes: this one is none, and weighs little.
    let stores: Vec<_> = findings.secrets.iter().map(|found| (&*found.member, found.hit.severity)).collect();
    assert_eq!(stores, [("a/server.p12", Severity::Low)]);
}

#[test]
fn a_bomb_behind_an_encrypted_member_is_still_told_and_members_that_are_not_read_are_counted() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packer.write_all(&vec![0; 100 << 20]).unwrap();
    let locked = ZipMember { flags: 1, ..stored("a", b"0123456789abcdef") };
    let (_, unread) = scan("/srv/a.zip", &zip(&[locked, stored("bomb", &packer.finish().unwrap())]), 1 << 16);
    assert_eq!(unread.len(), 2, "{unread:?}");
    assert!(unread[1].1.contains("it unpacks to more bytes"), "{unread:?}");
    // Headers alone, of members without content.
    let header = [&b"PK\x03\x04\x14\0\0\0\0\0"[..], &[0; 16], &[1, 0, 0, 0, b'x']].concat();
    let flood = header.repeat(crate::report::Limits::PACKED_MEMBERS + 10);
    let (_, unread) = scan("/srv/flood.zip", &flood, 1 << 16);
    assert!(unread.iter().any(|(_, reason)| reason.contains("more members")), "{unread:?}");
}

#[test]
fn a_zip_whose_end_leads_two_programs_to_two_directories_is_unread() {
    let mut shifted = zip(&[deflated("k", &key())]);
    let end = shifted.len() - 22;
    shifted[end + 16] -= 1;
    let (_, unread) = scan("/srv/a.zip", &shifted, 4096);
    assert_eq!(unread.len(), 1, "{unread:?}");
}
