//! One entry in many headers, as sound tools write them.

use super::archive::{Entry, Magic};
use crate::support::walks::Dice;

/// `cap_net_bind_service=ep` in the kernel's words, version 2.
pub const CAPABILITY: [u8; 20] = [1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// Lets the user 65532 write, in the kernel's words: `user::rwx, user:65532:rwx, group::r-x, mask::rwx, other::r-x`.
const ACCESS_LIST: [u8; 44] = [
    2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 252, 255, 0, 0, 4, 0, 5, 0, 255, 255, 255, 255, 16, 0, 7,
    0, 255, 255, 255, 255, 32, 0, 5, 0, 255, 255, 255, 255,
];

/// The entry in another header that says the same, or with more said; and in words what is special about it.
pub fn decorated(dice: &mut Dice, entry: Entry) -> (Option<&'static str>, Entry) {
    let (word, entry) = match dice.below(24) {
        0 => ("GNU header", entry.magic(Magic::Gnu)),
        1 => ("old header", entry.magic(Magic::Old)),
        2 => ("uid beyond 16 bits", entry.owner(70_000, 1_000_000)),
        3 => ("uid in base 256", entry.magic(Magic::Gnu).owner(3_000_000, 4_000_000_000)),
        4 => ("uid in pax", entry.owner(65_532, 65_532).pax("uid", "65532").pax("gid", "65532")),
        5 => ("time in pax", entry.pax("mtime", "1500000000.123456789").pax("atime", "1.5")),
        // Linux has no such attributes of other files.
        6 if matches!(entry.kind, b'0' | b'5') => ("xattr", entry.pax("SCHILY.xattr.user.color", "blue")),
        7 if entry.kind == b'0' => ("capability", entry.pax("SCHILY.xattr.security.capability", CAPABILITY)),
        8 => ("other owner", entry.owner(1000, 100)),
        9 => {
            let name = entry.name.clone();
            ("path in pax", entry.pax("path", name))
        }
        10 if entry.kind == b'2' => {
            let link = entry.link.clone();
            ("linkpath in pax", entry.pax("linkpath", link))
        }
        11 if entry.kind == b'0' => {
            let length = entry.content.len().to_string();
            ("size in pax", entry.pax("size", length))
        }
        12 => ("name with ./", Entry { name: [b"./", &entry.name[..]].concat(), ..entry }),
        13 => ("names of owners", entry.field(265, *b"root").field(297, *b"wheel")),
        14 => ("file type in the mode", with_type_in_mode(entry)),
        15 => ("time of GNU", entry.magic(Magic::Gnu).field(345, *b"00000000001\x0000000000002\0")),
        16 if entry.kind == b'0' => ("old type of a file", entry.of_kind(0)),
        17 => ("comment in pax", entry.pax("comment", "\u{e9}")),
        18 if matches!(entry.kind, b'0' | b'5') => {
            ("access list", entry.pax("SCHILY.xattr.system.posix_acl_access", ACCESS_LIST))
        }
        19 => ("time", entry.field(136, *b"14000000000\0")),
        20 if entry.kind == b'0' => ("xattr of libarchive", entry.pax("LIBARCHIVE.xattr.user.color", "Ymx1ZQ")),
        _ => return (None, entry),
    };
    (Some(word), entry)
}

/// The mode with the bits of `st_mode` that say the type, as old tools write it.
fn with_type_in_mode(entry: Entry) -> Entry {
    let kind = match entry.kind {
        b'5' => 0o040_000,
        b'2' => 0o120_000,
        b'6' => 0o010_000,
        _ => 0o100_000,
    };
    let mode = entry.mode | kind;
    entry.mode(mode)
}
