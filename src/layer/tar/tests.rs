#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, sync::Arc};

use ::tar::{Archive, EntryType};
use proptest::prelude::*;

use super::*;
use crate::{oci::Digest, report::ErrorName};

/// The path that these bytes are; `/` is put before it.
fn at(path: &[u8]) -> ImagePath {
    path.split(|byte| *byte == b'/').try_fold(ImagePath::root(), |path, name| path.join(name)).unwrap()
}

fn entry(path: &[u8], kind: EntryKind) -> LayerEntry {
    LayerEntry { path: at(path), mode: 0o555, uid: 0, gid: 0, kind }
}

fn file(path: &[u8], content: &[u8]) -> LayerEntry {
    entry(path, EntryKind::File { size: content.len() as u64, content: Arc::new(content.to_vec()) })
}

fn symlink(path: &[u8], target: &[u8]) -> LayerEntry {
    entry(path, EntryKind::Symlink { target: target.to_vec() })
}

fn archive(entries: &[LayerEntry]) -> Vec<u8> {
    let mut out = Vec::new();
    write(entries, &mut out).unwrap();
    out
}

/// Every field of one entry.
#[derive(Debug, PartialEq, Eq)]
struct Fields {
    name: Vec<u8>,
    kind: EntryType,
    mode: u32,
    ids: (u64, u64),
    target: Vec<u8>,
    content: Vec<u8>,
}

/// What the `tar` crate finds.
fn read(archive: &[u8]) -> Vec<Fields> {
    let mut archive = Archive::new(archive);
    let entries = archive.entries().unwrap().map(Result::unwrap);
    let fields = entries.map(|mut entry| {
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        let header = entry.header();
        assert_eq!(header.mtime().unwrap(), 0);
        assert!(header.username_bytes().unwrap().is_empty() && header.groupname_bytes().unwrap().is_empty());
        assert_eq!((header.device_major().unwrap(), header.device_minor().unwrap()), (Some(0), Some(0)));
        Fields {
            name: entry.path_bytes().into_owned(),
            kind: header.entry_type(),
            mode: header.mode().unwrap(),
            ids: (header.uid().unwrap(), header.gid().unwrap()),
            target: entry.link_name_bytes().unwrap_or_default().into_owned(),
            content,
        }
    });
    fields.collect()
}

/// What the reader should find.
fn expected(entry: &LayerEntry) -> Fields {
    let mut name = entry.path.relative().to_vec();
    let (kind, mode, target, content) = match &entry.kind {
        EntryKind::Directory => {
            name.push(b'/');
            (EntryType::Directory, entry.mode, Vec::new(), Vec::new())
        }
        EntryKind::File { content, .. } => {
            let mut bytes = Vec::new();
            content.open().unwrap().read_to_end(&mut bytes).unwrap();
            (EntryType::Regular, entry.mode, Vec::new(), bytes)
        }
        EntryKind::Symlink { target } => (EntryType::Symlink, 0o777, target.clone(), Vec::new()),
    };
    Fields { name, kind, mode, ids: (entry.uid.into(), entry.gid.into()), target, content }
}

/// A path of exactly `length` bytes with components of at most `component`.
fn long(length: usize, component: usize) -> Vec<u8> {
    let mut path: Vec<u8> = (0..length).map(|at| if at % (component + 1) == component { b'/' } else { b'n' }).collect();
    if let Some(last) = path.last_mut() {
        *last = b'e';
    }
    path
}

#[test]
fn the_bytes_of_format_1() {
    let mut entries = vec![
        entry(b"etc", EntryKind::Directory),
        file(b"etc/passwd", b"root:x:0:0:root:/root:/sbin/nologin\n"),
        LayerEntry { uid: 65532, gid: 65532, mode: 0o700, ..entry(b"var", EntryKind::Directory) },
        LayerEntry { uid: 2_097_152, gid: 2_147_483_647, ..file(b"var/far", &[7; 513]) },
        symlink(b"var/link", &[b't'; 101]),
        symlink("var/ärger".as_bytes(), b"../etc"),
        file("var/\u{ff}".as_bytes(), &[0; 512]),
        file(&long(100, 50), b""),
        file(&long(256, 100), b"x"),
        file(&long(257, 100), b"y"),
        entry(&long(300, 255), EntryKind::Directory),
    ];
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    let out = archive(&entries);
    assert_eq!(
        Digest::of(&out).to_string(),
        "sha256:35230d430c97533366d75971da88a59d5bab32bf0f419531dc3a6a432feb9b58",
        "`format = 1` has other bytes than before"
    );
    assert_eq!(read(&out), entries.iter().map(expected).collect::<Vec<_>>());
}

#[test]
fn a_header_says_what_posix_says() {
    let out = archive(&[LayerEntry { uid: 65532, gid: 7, mode: 0o104_755, ..file(b"usr/bin/server", b"abc") }]);
    assert_eq!(out.len(), 4 * 512);
    let mut expected = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| expected[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"usr/bin/server");
    put(100, b"0004755\x000177774\x000000007\x0000000000003\x0000000000000\x00");
    put(148, b"012067\x00 0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\x00");
    assert_eq!(String::from_utf8_lossy(&out[..512]), String::from_utf8_lossy(&expected));
    assert!(out[512..].starts_with(b"abc\0") && out[515..].iter().all(|byte| *byte == 0));
}

#[test]
fn records_appear_only_where_ustar_cannot_say_it() {
    let records = |entry: &LayerEntry| {
        let head = head(entry);
        (head.len() > 512).then(|| head[512..head.len() - 512].split(|byte| *byte == 0).next().unwrap().to_vec())
    };
    let plain = [
        file(&long(100, 99), b""),
        file(&long(256, 155), b""),
        entry(&long(255, 155), EntryKind::Directory),
        file(b"line\nbreak \x1b", b""),
        symlink(b"l", &[b't'; 100]),
        LayerEntry { uid: LARGEST_ID, gid: LARGEST_ID, ..file(b"a", b"") },
    ];
    for entry in &plain {
        assert_eq!(records(entry), None, "{}", entry.path);
    }
    let text = |entry| String::from_utf8_lossy(&records(&entry).unwrap()).into_owned();
    assert_eq!(text(file(&[b'x'; 101], b"")), format!("111 path={}\n", "x".repeat(101)));
    assert_eq!(text(entry(&[b'x'; 100], EntryKind::Directory)), format!("111 path={}/\n", "x".repeat(100)));
    assert_eq!(text(symlink(b"l", &[b't'; 101])), format!("115 linkpath={}\n", "t".repeat(101)));
    assert_eq!(text(file("ü".as_bytes(), b"")), "11 path=ü\n");
    assert_eq!(text(symlink(b"l", b"\xfe")), "21 hdrcharset=BINARY\n14 linkpath=\u{fffd}\n");
    assert_eq!(text(file("ü\n9 path=x\n".as_bytes(), b"")), "21 path=ü\n9 path=x\n\n");
    assert_eq!(text(LayerEntry { uid: LARGEST_ID + 1, ..file(b"a", b"") }), "15 uid=2097152\n");
    let nine_gib = EntryKind::File { size: 9 << 30, content: Arc::new(Vec::new()) };
    assert_eq!(text(entry(b"a", nine_gib)), "19 size=9663676416\n");
}

#[test]
fn names_of_every_length_come_back() {
    for component in [1, 50, 99, 100, 101, 155, 156, 255] {
        for length in [1, 99, 100, 101, 102, 154, 155, 156, 157, 254, 255, 256, 257, 258, 300, 1024, 4000, 4094] {
            let path = long(length, component);
            if path.split(|byte| *byte == b'/').any(|name| name.is_empty() || name.len() > 255) {
                continue;
            }
            for entry in [entry(&path, EntryKind::Directory), file(&path, b"c"), symlink(b"link", &path)] {
                assert_eq!(read(&archive(std::slice::from_ref(&entry))), [expected(&entry)], "{length}/{component}");
            }
        }
    }
}

#[test]
fn what_is_no_layer_is_refused_before_the_first_byte() {
    let directory = |path| entry(path, EntryKind::Directory);
    let root = LayerEntry { path: ImagePath::root(), ..directory(b"a") };
    let cases: [(Vec<LayerEntry>, &str); 7] = [
        (vec![directory(b"a"), directory(b"a")], "`/a` comes before `/a` in a layer"),
        (vec![directory(b"b"), directory(b"a")], "`/b` comes before `/a` in a layer"),
        (vec![directory(b"a/b"), directory(b"a-b"), directory(b"c")], "`/a/b` comes before `/a-b` in a layer"),
        (vec![root], "a layer has no entry for `/`"),
        (vec![symlink(b"a", b"")], "the symbolic link `/a` has a target that Linux cannot follow"),
        (vec![symlink(b"a", b"b\0")], "the symbolic link `/a` has a target that Linux cannot follow"),
        (vec![symlink(b"a\nb", &[b'b'; 4096])], "the symbolic link `/a\\nb` has a target that Linux cannot follow"),
    ];
    for (entries, why) in cases {
        let mut out = Vec::new();
        match write(&entries, &mut out) {
            Err(TarError::Entry(failure)) => assert_eq!(failure.to_string(), why),
            other => panic!("{other:?}"),
        }
        assert!(out.is_empty());
    }
    assert_eq!(archive(&[]), [0; 1024]);
}

/// Gives `bytes` in small pieces, then `end`.
#[derive(Debug, Clone)]
struct MeteredSource {
    bytes: usize,
    piece: usize,
    end: Option<io::ErrorKind>,
}

impl Open for MeteredSource {
    fn open(&self) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(self.clone()))
    }
}

impl Read for MeteredSource {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let now = self.bytes.min(self.piece).min(buffer.len());
        if now == 0 {
            return self.end.map_or(Ok(0), |kind| Err(kind.into()));
        }
        // Every second call is interrupted, as a signal would.
        self.piece = if self.piece.is_multiple_of(2) { self.piece + 1 } else { self.piece - 1 };
        if self.piece.is_multiple_of(2) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.bytes -= now;
        Ok(now)
    }
}

#[test]
fn a_content_of_another_length_changed_while_it_was_read() {
    let written = |size: u64, bytes: usize, end| {
        let content = Arc::new(MeteredSource { bytes, piece: 101, end });
        let mut out = Vec::new();
        write(&[entry(b"a\x1b", EntryKind::File { size, content })], &mut out).map(|()| out.len())
    };
    for bytes in [0, 1, 511, 512, 513, 70_000] {
        assert_eq!(written(bytes as u64, bytes, None).unwrap(), 512 + bytes.next_multiple_of(512) + 1024);
        for size in [bytes as u64 + 1, (bytes as u64).saturating_sub(1), 600] {
            if size == bytes as u64 {
                continue;
            }
            let Err(TarError::Entry(failure)) = written(size, bytes, None) else { panic!("{bytes} for {size}") };
            let why = format!("`/a\\u{{1b}}` changed while it was read: it is no longer {size} bytes");
            assert_eq!(failure.to_string(), why);
        }
        let Err(TarError::Entry(failure)) = written(bytes as u64, bytes, Some(io::ErrorKind::UnexpectedEof)) else {
            panic!("the error at the end was not seen")
        };
        assert_eq!(failure.to_string(), "cannot read the content of `/a\\u{1b}`: unexpected end of file");
    }
}

#[test]
fn a_failure_inside_a_read_error_keeps_what_it_knows() {
    #[derive(Debug)]
    struct Refuses;
    impl Open for Refuses {
        fn open(&self) -> io::Result<Box<dyn Read + Send>> {
            Err(io::Error::other(
                Failure::error(ErrorName::InputNotFound, "gone").in_path("/src/app").hint("build it first"),
            ))
        }
    }
    let kind = EntryKind::File { size: 1, content: Arc::new(Refuses) };
    let Err(TarError::Entry(failure)) = write(&[entry(b"a", kind)], &mut Vec::new()) else { panic!("was read") };
    assert_eq!(failure, Failure::error(ErrorName::InputNotFound, "gone").in_path("/src/app").hint("build it first"));
}

#[test]
fn a_writer_that_fails_anywhere_is_an_error() {
    let entries = [entry(b"a", EntryKind::Directory), file(b"a/b", &[1; 700]), symlink("z\u{e4}".as_bytes(), b"a/b")];
    let whole = archive(&entries);
    for length in 0..whole.len() {
        let mut room = vec![0; length];
        let outcome = write(&entries, &mut room.as_mut_slice());
        assert!(matches!(outcome, Err(TarError::Write(_))), "{length}");
        assert_eq!(room, whole[..length]);
    }
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    // No line breaks: the `tar` crate takes one inside a record for the record's end. Other readers do not.
    let odd = prop::char::range('\u{1}', '\u{10feff}').prop_filter("a line break", |c| *c != '\n');
    let name = prop::collection::vec(prop_oneof![8 => prop::char::range('a', 'z'), 1 => odd], 1..60).prop_map(|name| {
        let name: String = name.into_iter().map(|c| if c == '/' { '_' } else { c }).collect();
        if name.starts_with('.') { name.replacen('.', "-", 1) } else { name }
    });
    prop::collection::vec(name, 1..7).prop_map(|names| names.join("/").into_bytes())
}

fn kinds() -> impl Strategy<Value = EntryKind> {
    prop_oneof![
        Just(EntryKind::Directory),
        prop::collection::vec(any::<u8>(), 0..1600)
            .prop_map(|bytes| EntryKind::File { size: bytes.len() as u64, content: Arc::new(bytes) }),
        names().prop_map(|target| EntryKind::Symlink { target }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn any_entries_come_back_as_they_are(
        found in prop::collection::vec((names(), kinds(), 0..=0o7777u32, 0..=0x7fff_ffffu32, 0..3_000_000u32), 0..12),
    ) {
        let entries = found.into_iter().map(|(path, kind, mode, uid, gid)| {
            let path = at(&path);
            (path.clone(), LayerEntry { path, mode, uid, gid, kind })
        });
        let entries: Vec<LayerEntry> = entries.collect::<BTreeMap<_, _>>().into_values().collect();
        let out = archive(&entries);
        prop_assert_eq!(out.len() % 512, 0);
        prop_assert_eq!(read(&out), entries.iter().map(expected).collect::<Vec<_>>());
    }
}
