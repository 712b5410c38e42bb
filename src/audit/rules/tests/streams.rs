//! Tars that readers take differently, gzip streams of several members, and tars that do not end.

use std::io::Write as _;

use super::*;

const NAME: usize = 0;
const MODE: usize = 100;
const SIZE: usize = 124;
const KIND: usize = 156;
const LINK: usize = 157;
const MAGIC: usize = 257;
const PREFIX: usize = 345;

/// A header with these fields written over it, and its content.
fn entry(fields: &[(usize, &[u8])], content: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..1].copy_from_slice(b"x");
    header.set_mode(0o444);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_entry_type(tar::EntryType::Regular);
    for (at, bytes) in fields {
        header.as_mut_bytes()[*at..*at + bytes.len()].copy_from_slice(bytes);
    }
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(content);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn records(text: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (key, value) in text {
        let body = key.len() + value.len() + 3;
        let length = (body + 1..body + 9).find(|length| body + length.to_string().len() == *length).unwrap();
        out.extend(format!("{length} {key}={value}\n").bytes());
    }
    entry(&[(KIND, b"x")], &out)
}

fn audit_of(parts: &[Vec<u8>]) -> Audit {
    let mut tar = parts.concat();
    tar.extend([0; 1024]);
    clean().tar(tar).audit()
}

fn paths(audit: &Audit) -> Vec<String> {
    let largest = audit.images[0].layers[1].largest.iter();
    largest.map(|one| one.path.clone()).collect()
}

fn is_ambiguous(audit: &Audit) -> bool {
    broken(audit).contains(&Rule::AmbiguousTar)
}

#[test]
fn a_prefix_counts_whatever_the_version_is() {
    let found = audit_of(&[entry(&[(NAME, b"passwd"), (PREFIX, b"etc")], b"root::0:0::/:\n")]);
    assert_eq!((paths(&found), is_ambiguous(&found)), (vec!["/etc/passwd".to_owned()], false));
    let odd = audit_of(&[entry(&[(NAME, b"passwd"), (PREFIX, b"etc"), (MAGIC, b"ustar\x00  ")], b"root::0:0::/:\n")]);
    assert_eq!(paths(&odd), ["/etc/passwd"]);
    assert!(is_ambiguous(&odd) && broken(&odd).contains(&Rule::EmptyPassword));
    let gnu = audit_of(&[entry(&[(NAME, b"passwd"), (PREFIX, b"etc"), (MAGIC, b"ustar  \x00")], b"x")]);
    assert_eq!(paths(&gnu), ["/etc/passwd"], "Go takes what is no time for a prefix");
    assert!(is_ambiguous(&gnu));
    let time = entry(&[(NAME, b"passwd"), (PREFIX, b"00000000001\x00"), (MAGIC, b"ustar  \x00")], b"x");
    let timed = audit_of(&[time]);
    assert_eq!((paths(&timed), is_ambiguous(&timed)), (vec!["/passwd".to_owned()], false));
}

/// A file of this name and content, or a folder or link.
fn named(name: &[u8], kind: &[u8], link: &[u8], content: &[u8]) -> Vec<u8> {
    entry(&[(NAME, name), (MODE, b"0000755\0"), (KIND, kind), (LINK, link)], content)
}

#[test]
fn names_that_are_no_utf_8_are_as_many_as_there_are() {
    let found = audit_of(&[
        named(b"\xff", b"5", b"", b""),
        named(b"\xff/sh", b"0", b"", b"\x7fELF"),
        named(b"\xfe", b"0", b"", b""),
    ]);
    assert!(broken(&found).contains(&Rule::Shell));
    let shell = &found.images[0].findings.iter().find(|finding| finding.rule == Rule::Shell).unwrap().place;
    assert_eq!(crate::report::printable(shell.path.as_deref().unwrap()), "/\\xff/sh");
}

#[test]
fn a_whiteout_deletes_what_is_there_when_its_turn_comes_and_nothing_behind_a_link() {
    let of = |upper: &[Vec<u8>]| {
        let lower = [named(b"bin", b"5", b"", b""), named(b"bin/sh", b"0", b"", b"#!"), named(b"a", b"2", b"bin", b"")];
        let end = |parts: &[Vec<u8>]| [parts.concat(), vec![0; 1024]].concat();
        broken(&clean().tar(end(&lower)).tar(end(upper)).audit())
    };
    let whiteout = |name: &[u8]| named(name, b"0", b"", b"");
    assert!(!of(&[whiteout(b"bin/.wh.sh")]).contains(&Rule::Shell));
    for behind in [&b"a/.wh.sh"[..], b"a/.wh..wh..opq"] {
        let rules = of(&[whiteout(behind)]);
        assert!(rules.contains(&Rule::Shell) && rules.contains(&Rule::InvalidWhiteout), "{rules:?}");
        // The folder has taken the place of the link before.
        assert!(of(&[named(b"a", b"5", b"", b""), whiteout(behind)]).contains(&Rule::Shell));
        // The link takes the place of a folder afterwards.
        let rules = of(&[named(b"b", b"5", b"", b""), whiteout(b"b/.wh.sh"), named(b"b", b"2", b"bin", b"")]);
        assert!(rules.contains(&Rule::Shell), "{rules:?}");
    }
}

#[test]
fn no_extended_attribute_is_passed_over() {
    let capability =
        "\u{1}\u{0}\u{0}\u{2}\u{40}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}";
    let many: Vec<_> = (0..64).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
    let others = || many.iter().map(|name| (name.as_str(), "x"));
    let program = || named(b"srv/y", b"0", b"", b"x");
    let last = [("SCHILY.xattr.security.capability", capability)];
    let found = audit_of(&[records(&others().take(63).chain(last).collect::<Vec<_>>()), program()]);
    assert!(broken(&found).contains(&Rule::FileCapabilities));
    let cut = audit_of(&[records(&others().chain(last).collect::<Vec<_>>()), program()]);
    assert!(cut.is_incomplete(), "what the rest would set is not known");
    let twice = [("SCHILY.xattr.security.capability", "other"), last[0]];
    let found = audit_of(&[records(&twice), program()]);
    assert!(broken(&found).contains(&Rule::FileCapabilities) && is_ambiguous(&found));
}

#[test]
fn a_file_with_the_name_of_a_folder_is_a_file() {
    let found = audit_of(&[entry(&[(NAME, b"srv/x/")], b"content")]);
    assert_eq!(paths(&found), ["/srv/x"]);
    assert!(is_ambiguous(&found));
    let old = audit_of(&[entry(&[(NAME, b"srv/"), (KIND, b"\0")], b"")]);
    assert!(paths(&old).is_empty() && !is_ambiguous(&old));
}

#[test]
fn extended_headers_count_as_go_reads_them() {
    let x = |content: &[u8]| entry(&[], content);
    let last = audit_of(&[records(&[("path", "a")]), records(&[("mtime", "0")]), x(b"content")]);
    assert_eq!((paths(&last), is_ambiguous(&last)), (vec!["/x".to_owned()], true), "two headers");
    let empty = audit_of(&[records(&[("path", ""), ("size", "")]), x(b"content")]);
    assert_eq!((paths(&empty), is_ambiguous(&empty)), (vec!["/x".to_owned()], false), "nothing is no value");
    let twice = audit_of(&[records(&[("path", "a"), ("path", "b")]), x(b"content")]);
    assert_eq!((paths(&twice), is_ambiguous(&twice)), (vec!["/b".to_owned()], true), "twice");
    let long = entry(&[(KIND, b"L")], b"long\0");
    let gnu = audit_of(&[long.clone(), records(&[("path", "a")]), x(b"content")]);
    assert_eq!((paths(&gnu), is_ambiguous(&gnu)), (vec!["/long".to_owned()], true), "GNU's counts more");
    let alone = audit_of(&[long, x(b"content")]);
    assert_eq!((paths(&alone), is_ambiguous(&alone)), (vec!["/long".to_owned()], false));
    let sparse = audit_of(&[records(&[("GNU.sparse.name", "y"), ("GNU.sparse.major", "1")]), x(b"content")]);
    assert_eq!((paths(&sparse), is_ambiguous(&sparse)), (vec!["/y".to_owned()], true));
    let global = entry(&[(KIND, b"g")], b"17 comment=a b c\n");
    let between = audit_of(&[records(&[("path", "a")]), global.clone(), x(b"content")]);
    assert_eq!((paths(&between), is_ambiguous(&between)), (vec!["/x".to_owned()], true), "a global one between");
    assert!(!is_ambiguous(&audit_of(&[global, x(b"content")])));
    let renames = entry(&[(KIND, b"g")], b"9 path=a\n");
    assert!(is_ambiguous(&audit_of(&[renames, x(b"content")])));
}

#[test]
fn sizes_that_are_none_end_the_audit_and_odd_ones_are_found() {
    let base_256 = audit_of(&[entry(&[(SIZE, b"\x80\0\0\0\0\0\0\0\0\0\0\x07")], b"content")]);
    assert!(is_ambiguous(&base_256) && !base_256.is_incomplete());
    for size in [
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"-0000000007 ",
    ] {
        assert!(audit_of(&[entry(&[(SIZE, size)], b"content")]).is_incomplete(), "{size:?}");
        let kinds: [&[u8]; 5] = [b"x", b"g", b"L", b"5", b"7"];
        for kind in kinds {
            assert!(audit_of(&[entry(&[(SIZE, size), (KIND, kind)], b"content")]).is_incomplete(), "{kind:?}");
        }
    }
    let huge = records(&[("size", "18446744073709551615")]);
    assert!(audit_of(&[huge, entry(&[], b"content")]).is_incomplete());
}

#[test]
fn what_cannot_be_read_is_never_clean() {
    let mut wrong = entry(&[], b"content");
    wrong[0] = b'y';
    for parts in [
        vec![wrong],
        vec![entry(&[(KIND, b"S")], b"content")],
        vec![entry(&[(KIND, b"x")], b"99 path=a\n"), entry(&[], b"x")],
        vec![entry(&[(SIZE, b"00000100000\0")], b"short")],
        vec![vec![b'x'; 700]],
    ] {
        let audit = audit_of(&parts);
        assert!(audit.is_incomplete(), "{}", parts.len());
        assert!(audit.images[0].unknown.iter().any(|one| one.rules.contains(&Rule::Shell)));
    }
}

#[test]
fn what_is_behind_the_end_is_found() {
    let tar = |tail: &[u8]| {
        let mut tar = entry(&[], b"content");
        tar.extend([0; 1024]);
        tar.extend(tail);
        clean().tar(tar).audit()
    };
    assert_eq!(broken(&tar(&[0; 9000])), []);
    assert_eq!(broken(&tar(&[0; 100])), []);
    assert_eq!(broken(&tar(b"something")), [Rule::AmbiguousTar]);
    assert_eq!(broken(&tar(&entry(&[], b"content"))), [Rule::AmbiguousTar]);
    // Older than ustar.
    assert_eq!(broken(&tar(&entry(&[(MAGIC, &[0; 8])], b"content"))), [Rule::AmbiguousTar]);
    let mut lone = entry(&[], b"content");
    lone.extend([0; 512]);
    lone.extend(entry(&[(NAME, b"y")], b"content"));
    assert_eq!(broken(&clean().tar(lone).audit()), [Rule::AmbiguousTar], "one block of zeros alone");
}

#[test]
fn a_flood_of_small_oddities_hides_no_large_one() {
    let mut list: Vec<SampleFile> = (0..1500).map(|number| SampleFile::text(&format!("/{number:04}"), "")).collect();
    list.push(SampleFile::text("../../etc/x", "x"));
    let audit = files(list);
    let heaviest = audit.images[0].findings.iter().filter(|one| one.rule == Rule::PathEscape).map(|one| one.severity);
    assert_eq!(heaviest.max(), Some(crate::report::Severity::Critical));
}

#[test]
fn gzip_members_are_all_read_and_bytes_behind_them_are_not_passed_over() {
    let mut set = clean().gzip(0).layer([SampleFile::text("usr/lib/x", "x")]).set();
    let pack = |bytes: &[u8]| {
        let mut packed = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::fast());
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    };
    let mut tar = Vec::new();
    std::io::Read::read_to_end(&mut set.images[0].layers[1].open_tar().unwrap(), &mut tar).unwrap();
    let with = |set: &mut ImageSet, bytes: Vec<u8>| {
        let layer = &mut set.images[0].layers[1];
        layer.descriptor.digest = crate::oci::Digest::of(&bytes);
        layer.descriptor.size = bytes.len() as u64;
        layer.blob = Arc::new(bytes);
        let policy = Policy::profile("default").unwrap();
        let request = super::super::super::AuditQuery { image: "sample", policy: &policy, today: (2026, 5, 9) };
        super::super::super::audit(set, &request)
    };
    let (first, second) = tar.split_at(700);
    let two = with(&mut set, [pack(first), pack(second)].concat());
    assert!(!two.is_incomplete() && broken(&two).is_empty());
    let short = with(&mut set, [pack(&tar), b"short".to_vec()].concat());
    assert!(short.is_incomplete());
    let trailing = with(&mut set, [pack(&tar), b"longer than a header".to_vec()].concat());
    assert!(trailing.is_incomplete());
    assert_eq!(broken(&trailing), [Rule::AmbiguousTar], "{:?}", trailing.images[0].unknown);
}

#[test]
fn an_image_for_another_system_is_not_judged_by_the_rules_of_linux() {
    let windows = clean().document("os", "windows".into()).audit();
    assert!(windows.is_incomplete());
    assert_eq!(broken(&windows), [], "what the rules of Linux say of it would be wrong");
    assert!(
        windows.images[0].unknown.iter().any(|one| one.reason.starts_with("not a Linux image: it is for `windows`"))
    );
}
