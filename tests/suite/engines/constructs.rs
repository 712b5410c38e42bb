//! What sound tools do not write: each construct as the entries of a layer and of the next.

use super::{
    archive::{Entry, Magic, base_256, record},
    decorations::CAPABILITY,
};
use crate::support::walks::Dice;

/// Makes the entries of two layers, the lower first.
pub type Construct = (&'static str, fn(&mut Dice) -> [Vec<Entry>; 2]);

/// All constructs, each in words that the statistics count by.
pub const CONSTRUCTS: &[Construct] = &[
    // Links.
    ("file through a link of a lower layer", |dice| [linked(dice), vec![file("w/link/new")]]),
    ("file through a link of the same layer", |dice| one([linked(dice), vec![file("w/link/new")]].concat())),
    ("folder entry over a link to a folder", |dice| [linked(dice), vec![folder("w/link"), file("w/link/new")]]),
    ("folder entry over a link, same layer", |dice| one([linked(dice), vec![folder("w/link")]].concat())),
    ("whiteout through a link", |dice| [linked(dice), vec![whiteout("w/link/.wh.old")]]),
    ("whiteout of a link", |dice| [linked(dice), vec![whiteout("w/.wh.link")]]),
    ("opaque whiteout in a link", |dice| [linked(dice), vec![whiteout("w/link/.wh..wh..opq")]]),
    ("file through a link to nothing", |dice| {
        let target = dice.one_of(&["nothing", "/nothing", "link", "w/link", "nothing/below"]);
        [vec![folder("w"), Entry::symlink("w/link", target)], vec![file("w/link/new")]]
    }),
    ("folder under a link", |dice| [linked(dice), vec![folder("w/link/new"), file("w/link/new/file")]]),
    ("link over a folder with content", |dice| {
        [linked(dice), vec![folder("w"), folder("w/other"), Entry::symlink("w/real", "other")]]
    }),
    // Hard links.
    ("hard link to a lower layer", |_| [vec![folder("w"), file("w/old")], vec![hard("w/new", "w/old")]]),
    ("hard link with another mode", |dice| {
        let link = hard("w/new", "w/old").mode(dice.one_of(&[0o600, 0o4755])).owner(0, dice.one_of(&[0, 5]));
        one(vec![folder("w"), file("w/old"), link])
    }),
    ("hard link through a link", |dice| one([linked(dice), vec![hard("w/new", "w/link/old")]].concat())),
    ("hard link through a link of a lower layer", |dice| [linked(dice), vec![hard("w/new", "w/link/old")]]),
    ("hard link to a link", |dice| one([linked(dice), vec![hard("w/new", "w/link").mode(0o777)]].concat())),
    ("hard link to a folder", |_| one(vec![folder("w"), folder("w/old"), hard("w/new", "w/old")])),
    ("hard link before its target", |_| one(vec![folder("w"), hard("w/new", "w/old"), file("w/old")])),
    ("hard link to itself", |_| one(vec![folder("w"), file("w/old"), hard("w/old", "w/old")])),
    ("hard link, then its target is whited out", |_| {
        [vec![folder("w"), file("w/old"), hard("w/new", "w/old")], vec![whiteout("w/.wh.old")]]
    }),
    ("hard link, then its target is replaced", |_| {
        [vec![folder("w"), file("w/old"), hard("w/new", "w/old")], vec![Entry::file("w/old", "replaced")]]
    }),
    ("hard link, and its target replaced in the layer", |_| {
        one(vec![folder("w"), file("w/old"), hard("w/new", "w/old"), Entry::file("w/old", "replaced")])
    }),
    ("hard link, and its target whited out in the layer", |_| {
        [vec![folder("w"), file("w/old")], vec![hard("w/new", "w/old"), whiteout("w/.wh.old")]]
    }),
    ("hard link to a target that a whiteout took", |_| {
        [vec![folder("w"), file("w/old")], vec![whiteout("w/.wh.old"), hard("w/new", "w/old")]]
    }),
    ("hard link to a fifo", |_| one(vec![folder("w"), Entry::new(b'6', "w/old"), Entry::hard_link("w/new", "w/old")])),
    ("hard link with content", |_| one(vec![folder("w"), file("w/old"), hard("w/new", "w/old").content("more")])),
    ("hard link over a file", |_| [vec![folder("w"), file("w/new")], vec![file("w/old"), hard("w/new", "w/old")]]),
    ("hard link over a folder", |_| {
        [vec![folder("w"), folder("w/new"), file("w/new/x")], vec![file("w/old"), hard("w/new", "w/old")]]
    }),
    ("hard link to an odd name", |dice| {
        let target = dice.one_of(&["w//old", "w/./old", "./w/old", "/w/old", "w/old/", "w/x/../old", "//w/old"]);
        one(vec![folder("w"), folder("w/x"), file("w/old"), hard("w/new", target)])
    }),
    ("hard link with another owner", |dice| {
        one(vec![folder("w"), file("w/old").owner(3, 4), hard("w/new", "w/old").owner(dice.one_of(&[0, 5]), 4)])
    }),
    ("hard link with an xattr", |_| {
        one(vec![folder("w"), file("w/old"), hard("w/new", "w/old").pax("SCHILY.xattr.user.a", "b")])
    }),
    ("hard link with the xattr of its file", |dice| {
        let (key, value) = xattr(dice);
        one(vec![folder("w"), file("w/old").pax(key, value), hard("w/new", "w/old").pax(key, value)])
    }),
    ("hard link without the xattr of its file", |dice| {
        let (key, value) = xattr(dice);
        one(vec![folder("w"), file("w/old").pax(key, value), hard("w/new", "w/old")])
    }),
    ("hard link with an xattr that its file has not", |dice| {
        let (key, value) = xattr(dice);
        one(vec![folder("w"), file("w/old"), hard("w/new", "w/old").pax(key, value)])
    }),
    ("xattr of a link", |dice| {
        let (key, value) = xattr(dice);
        one(vec![folder("w"), Entry::symlink("w/link", "nothing").pax(key, value)])
    }),
    ("file with an xattr replaced by one without", |dice| {
        let (key, value) = xattr(dice);
        [vec![folder("w"), file("w/x").pax(key, value)], vec![folder("w"), Entry::file("w/x", "again")]]
    }),
    ("entry of the root", |dice| {
        let root = Entry::new(b'5', dice.one_of(&["./", "/", ".", "./."]));
        let root = root.mode(dice.one_of(&[0o755, 0o700, 0o1777, 0o555])).owner(dice.one_of(&[0, 0, 65_532]), 0);
        if dice.below(2) == 0 { one(vec![root]) } else { [vec![], vec![root]] }
    }),
    ("hard link with a size and no content", |dice| {
        let link = hard("w/new", "w/old").field(124, *dice.one_of(&[b"00000000005\0", b"00000001000\0"]));
        one(vec![folder("w"), file("w/old"), link, file("w/y")])
    }),
    ("hard link to both layers' file", |_| {
        let upper = vec![folder("w"), Entry::file("w/old", "again"), hard("w/new", "w/old")];
        [vec![folder("w"), file("w/old"), hard("w/other", "w/old")], upper]
    }),
    ("file through a link whose end is whited out", |dice| {
        let mut upper = vec![whiteout("w/.wh.real"), file("w/link/new")];
        upper.rotate_left(dice.below(2));
        [linked(dice), upper]
    }),
    ("link whited out, then a folder", |dice| [linked(dice), vec![whiteout("w/.wh.link"), file("w/link/new")]]),
    // Whiteouts.
    ("whiteout twice", |dice| {
        let name = dice.one_of(&["w/.wh.old", "w/.wh..wh..opq"]);
        [vec![folder("w"), file("w/old")], vec![folder("w"), whiteout(name), whiteout(name)]]
    }),
    ("whiteout and opaque whiteout", |_| {
        let lower = vec![folder("w"), file("w/old"), file("w/x")];
        [lower, vec![folder("w"), whiteout("w/.wh.old"), whiteout("w/.wh..wh..opq")]]
    }),
    ("whiteout of a folder with a hard link's target", |_| {
        let lower = vec![folder("w"), folder("w/d"), file("w/d/old"), hard("w/new", "w/d/old")];
        [lower, vec![folder("w"), whiteout("w/.wh.d")]]
    }),
    ("whiteout with no name", |dice| {
        let name = dice.one_of(&["w/.wh.", "w/.wh..", "w/.wh...", "w/.wh..wh.", ".wh.", "w/.wh..wh.old"]);
        [vec![folder("w"), file("w/old")], vec![whiteout(name)]]
    }),
    ("whiteout of nothing", |_| [vec![folder("w")], vec![whiteout("w/.wh.nothing"), whiteout("z/.wh.nothing")]]),
    ("whiteout that is no file", |dice| {
        let name = dice.one_of(&["w/.wh.old", "w/.wh..wh..opq"]);
        let entry = match dice.below(3) {
            0 => folder(name),
            1 => Entry::symlink(name, "x"),
            _ => Entry::new(b'6', name),
        };
        [vec![folder("w"), file("w/old")], vec![entry]]
    }),
    ("whiteout with content", |_| [vec![folder("w"), file("w/old")], vec![Entry::file("w/.wh.old", "content")]]),
    ("whiteout before the file", |_| {
        [vec![folder("w"), file("w/old")], vec![whiteout("w/.wh.old"), Entry::file("w/old", "again")]]
    }),
    ("whiteout after the file", |_| {
        [vec![folder("w"), file("w/old")], vec![Entry::file("w/old", "again"), whiteout("w/.wh.old")]]
    }),
    ("whiteout after an entry below it", |_| {
        [vec![folder("w"), folder("w/old"), file("w/old/x")], vec![file("w/old/y"), whiteout("w/.wh.old")]]
    }),
    ("whiteout before an entry below it", |_| {
        [vec![folder("w"), folder("w/old"), file("w/old/x")], vec![whiteout("w/.wh.old"), file("w/old/y")]]
    }),
    ("whiteout of what the same layer alone has", |_| one(vec![folder("w"), file("w/old"), whiteout("w/.wh.old")])),
    ("opaque whiteout without its folder", |_| {
        [vec![folder("w"), folder("w/old"), file("w/old/x")], vec![whiteout("w/old/.wh..wh..opq")]]
    }),
    ("opaque whiteout of nothing", |_| [vec![folder("w")], vec![whiteout("w/new/.wh..wh..opq")]]),
    ("opaque whiteout of a file", |_| [vec![folder("w"), file("w/old")], vec![whiteout("w/old/.wh..wh..opq")]]),
    ("opaque whiteout of the root", |_| [vec![folder("w"), file("w/old")], vec![whiteout(".wh..wh..opq"), file("n")]]),
    ("opaque whiteout before its folder", |_| {
        [vec![folder("w"), file("w/old")], vec![whiteout("w/.wh..wh..opq"), folder("w"), file("w/new")]]
    }),
    ("opaque whiteout after entries", |_| {
        let lower = vec![folder("w"), file("w/old"), folder("w/d"), file("w/d/old")];
        [lower, vec![folder("w"), file("w/new"), file("w/d/new"), whiteout("w/.wh..wh..opq")]]
    }),
    ("opaque whiteout in the first layer", |_| one(vec![folder("w"), file("w/old"), whiteout("w/.wh..wh..opq")])),
    ("marker of AUFS", |dice| {
        let name = dice.one_of(&["w/.wh..wh.plnk", "w/.wh..wh.aufs", ".wh..wh.orph"]);
        one(vec![folder("w"), folder(name), file(&format!("{name}/x"))])
    }),
    ("name below a whiteout's", |_| [vec![folder("w"), file("w/old")], vec![file("w/.wh.old/x")]]),
    // Names told twice.
    ("file twice", |dice| one(twice(dice, file("w/x"), Entry::file("w/x", "again")))),
    ("folder twice, the same", |dice| one(twice(dice, folder("w/x"), folder("w/x")))),
    ("folder twice, another mode", |dice| one(twice(dice, folder("w/x"), folder("w/x").mode(0o700)))),
    ("folder with content, then a file", |_| one(vec![folder("w"), folder("w/x"), file("w/x/y"), file("w/x")])),
    ("empty folder, then a file", |dice| one(twice(dice, folder("w/x"), file("w/x")))),
    ("file, then a folder", |dice| one(twice(dice, file("w/x"), folder("w/x")))),
    ("link, then a folder", |dice| one(twice(dice, Entry::symlink("w/x", "y"), folder("w/x")))),
    ("folder, then a link", |dice| one(twice(dice, folder("w/x"), Entry::symlink("w/x", "y")))),
    ("link, then a file", |dice| one(twice(dice, Entry::symlink("w/x", "y"), file("w/x")))),
    ("link twice", |dice| one(twice(dice, Entry::symlink("w/x", "y"), Entry::symlink("w/x", "z")))),
    ("fifo twice", |dice| one(twice(dice, Entry::new(b'6', "w/x"), Entry::new(b'6', "w/x").mode(0o600)))),
    // Names of files that are no folders.
    ("file below a file of a lower layer", |_| [vec![folder("w"), file("w/x")], vec![file("w/x/y")]]),
    ("file below a file", |_| one(vec![folder("w"), file("w/x"), file("w/x/y")])),
    ("folder below a fifo", |_| [vec![folder("w"), Entry::new(b'6', "w/x")], vec![folder("w/x/y")]]),
    ("file before its folder", |dice| {
        let mode = dice.one_of(&[0o755, 0o700]);
        one(vec![file("w/x"), folder("w").mode(mode)])
    }),
    ("no folders at all", |_| [vec![file("w/x/y/z")], vec![file("w/x/v/u")]]),
    ("lower folder of another mode without an entry", |dice| {
        let mode = dice.one_of(&[0o700, 0o1777, 0o2775]);
        let owner = dice.one_of(&[0, 1000]);
        [vec![folder("w").mode(mode).owner(owner, owner), file("w/x")], vec![file("w/y")]]
    }),
    ("deep lower folder of another mode without an entry", |_| {
        [vec![folder("w").mode(0o711), folder("w/x").mode(0o700).owner(7, 7)], vec![folder("w/x/y"), file("w/x/y/z")]]
    }),
    ("folder over a folder with another mode", |dice| {
        [vec![folder("w").mode(0o700), file("w/x")], vec![folder("w").mode(dice.one_of(&[0o755, 0o2755])).owner(1, 2)]]
    }),
    ("file over a folder", |_| [vec![folder("w"), folder("w/x"), file("w/x/y")], vec![file("w/x")]]),
    ("folder over a file", |_| [vec![folder("w"), file("w/x")], vec![folder("w/x"), file("w/x/y")]]),
    ("folder over a file, without its entry", |_| [vec![folder("w"), file("w/x")], vec![file("w/x/y/z")]]),
    // Names.
    ("odd name", |dice| one(vec![folder("w"), file_of(dice.one_of(ODD_NAMES))])),
    ("odd name of a folder", |dice| {
        let name = dice.one_of(ODD_NAMES);
        one(vec![folder("w"), folder_of(name), file_of(&[name, b"/x"].concat())])
    }),
    ("odd name over a lower one", |dice| [vec![folder("w"), file("w/x")], vec![file_of(dice.one_of(ODD_NAMES))]]),
    ("whiteout by an odd name", |dice| {
        let name: &[u8] = dice.one_of(&[
            &b"w/.wh.x/"[..],
            b"w//.wh.x",
            b"./w/.wh.x",
            b"/w/.wh.x",
            b"w/./.wh.x",
            b"w/.wh.\xff",
            b"w/y/../.wh.x",
        ]);
        let lower = vec![folder("w"), folder("w/y"), file("w/x"), file_of(b"w/\xff")];
        [lower, vec![Entry::file(name, "")]]
    }),
    ("odd target of a link", |dice| {
        let target: &[u8] = dice.one_of(&[
            &b"a\xffb"[..],
            b"a\\b",
            b"a\nb",
            b"x/",
            b"x//y",
            b"./x",
            b"/",
            b".",
            b"..",
            b"../..",
            b" x",
            b"x ",
            b"",
            b"\xc3\xa9",
            b"a\x01b",
        ]);
        one(vec![folder("w"), Entry::symlink("w/link", target)])
    }),
    ("long name", |dice| {
        let name = format!("w/{}/{}", "n".repeat(60 + dice.below(60)), "m".repeat(40 + dice.below(120)));
        one(vec![folder("w"), file(&name).magic(dice.one_of(&[Magic::Ustar, Magic::Gnu]))])
    }),
    ("long target of a link", |dice| {
        let magic = dice.one_of(&[Magic::Ustar, Magic::Gnu]);
        one(vec![folder("w"), Entry::symlink("w/link", "t/".repeat(60 + dice.below(30))).magic(magic)])
    }),
    ("name with a slash that is no folder's", |dice| {
        let kind = dice.one_of(b"0\x007162");
        let entry = Entry::new(kind, "w/x/").magic(dice.one_of(&[Magic::Ustar, Magic::Gnu, Magic::Old]));
        let link = if matches!(kind, b'1' | b'2') { "w/y" } else { "" };
        one(vec![folder("w"), file("w/y"), Entry { link: link.into(), ..entry }])
    }),
    ("file with a slash and content", |dice| {
        one(vec![folder("w"), Entry::file("w/x/", "content").of_kind(dice.one_of(b"0\x007"))])
    }),
    ("folder without a slash", |_| one(vec![folder("w"), Entry::new(b'5', "w/x").mode(0o755), file("w/x/y")])),
    ("entry for the root", |dice| {
        let name = dice.one_of(&["./", ".", "/", ""]);
        let root = Entry::new(b'5', name).mode(dice.one_of(&[0o755, 0o700, 0o1777])).owner(0, dice.one_of(&[0, 9]));
        if dice.below(2) == 0 { [vec![root, folder("w")], vec![file("w/x")]] } else { [vec![folder("w")], vec![root]] }
    }),
    ("root that is no folder", |dice| {
        let entry = if dice.below(2) == 0 { Entry::symlink("./", "w") } else { file("./") };
        one(vec![folder("w"), entry, file("x")])
    }),
    // Headers.
    ("prefix of ustar", |_| one(vec![folder("w"), folder("w/p"), file("x").field(345, *b"w/p")])),
    ("prefix of GNU without times", |_| {
        one(vec![folder("w"), folder("w/p"), file("x").magic(Magic::Gnu).field(345, *b"w/p")])
    }),
    ("prefix of GNU with times", |_| {
        let times = *b"00000000001\x0000000000002\0w/p";
        one(vec![folder("w"), folder("w/p"), file("x").magic(Magic::Gnu).field(345, times)])
    }),
    ("prefix without a magic", |_| one(vec![folder("w"), file("x").magic(Magic::Old).field(345, *b"w")])),
    ("prefix of ustar with a long name in pax", |_| {
        one(vec![folder("w"), file("x").field(345, *b"w/p").pax("path", "w/pax")])
    }),
    ("prefix of ustar of a hard link", |_| one(vec![folder("w"), file("w/x"), hard("y", "w/x").field(345, *b"w")])),
    ("prefix of GNU after a long name", |_| {
        one(vec![folder("w"), file(&format!("w/{}", "n".repeat(120))).magic(Magic::Gnu).field(345, *b"w/p")])
    }),
    ("odd magic", |dice| {
        let magic: &[u8] = dice.one_of(&[&b"ustar\x0001"[..], b"ustar   ", b"ustar\0  ", b"USTAR\x0000", b"tar\0    "]);
        one(vec![folder("w"), file("x").field(257, magic).field(345, *b"w")])
    }),
    ("prefix of star", |_| {
        let star = b"w\0".to_vec();
        one(vec![folder("w"), file("x").field(345, star).field(508, *b"tar\0")])
    }),
    ("size in base 256", |_| one(vec![folder("w"), Entry::file("w/x", "four").field(124, base_256(4, 12))])),
    ("size of NULs and digits", |dice| {
        let size: &[u8] = dice.one_of(&[
            &b"\0\0\0\0\0\0\0\x00004\0"[..],
            b"4\0\0\0\0\0\0\0\0\0\0\0",
            b"          4\0",
            b" 4          ",
            b"4           ",
            b"000000000004",
            b"00000000004 ",
            b"\0\0\0\0\0\0\0\0\x00004",
            b"4\x00777777777\0",
        ]);
        one(vec![folder("w"), Entry::file("w/x", "four").field(124, size)])
    }),
    ("broken size", |dice| {
        let size: &[u8] = dice.one_of(&[
            &b"-0000000004\0"[..],
            b"0x000000004\0",
            b"00000000008\0",
            b"4.000000000\0",
            b"+0000000004\0",
            b"\0\0\0\0\0\0\0\0\0\0\0\0",
            b"            ",
        ]);
        one(vec![folder("w"), Entry::file("w/x", "four").field(124, size), file("w/y")])
    }),
    ("odd mode", |dice| {
        let mode: &[u8] = dice.one_of(&[
            &b"0100644\0"[..],
            b"0177777\0",
            b"777     ",
            b"    644\0",
            b"\0\0\0\0\0\0\0\0",
            b"        ",
            b"\x80\0\0\0\0\0\x01\xa4",
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"0000abc\0",
            b"0040755\0",
        ]);
        one(vec![folder("w"), file("w/x").field(100, mode)])
    }),
    ("odd uid", |dice| {
        let uid: &[u8] = dice.one_of(&[
            &b"\x80\0\0\0\0\x01\0\0"[..],
            b"\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x80\0\0\0\xff\xff\xff\xff",
            b"\x80\0\0\x01\0\0\0\x05",
            b"7777777\0",
            b"77777777",
            b"-000001\0",
            b"\0\0\0\0\0\0\0\0",
            b"12 34\0\0\0",
        ]);
        one(vec![folder("w"), file("w/x").field(dice.one_of(&[108, 116]), uid)])
    }),
    ("odd time", |dice| {
        let time: &[u8] = dice.one_of(&[
            &b"77777777777\0"[..],
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\0\0\0\0\0\0\0\0\0\0\0\0",
            b"xyz\0\0\0\0\0\0\0\0\0",
            b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
        ]);
        one(vec![folder("w"), file("w/x").field(136, time)])
    }),
    ("unknown type", |dice| {
        let kind = dice.one_of(b"Z7ADEMNSVXIa89Lz!\x01\xff");
        one(vec![folder("w"), Entry::file("w/x", "content").of_kind(kind), file("w/y")])
    }),
    ("unknown type over a lower file", |dice| {
        let kind = dice.one_of(b"Z7ADEMNSVXIa89!\x01\xff");
        [vec![folder("w"), file("w/x")], vec![Entry::file("w/x", "again").of_kind(kind)]]
    }),
    ("content of what has none", |dice| {
        let kind = dice.one_of(b"2566");
        let link = if kind == b'2' { "y" } else { "" };
        one(vec![folder("w"), Entry { link: link.into(), ..Entry::file("w/x", "content").of_kind(kind) }, file("w/y")])
    }),
    ("device", |dice| {
        let (major, minor) = dice.one_of(&[(1, 3), (0, 0), (300, 70_000), (8, 1)]);
        one(vec![folder("w"), Entry::new(dice.one_of(b"34"), "w/x").device(major, minor)])
    }),
    ("device over a lower file", |dice| {
        let (major, minor) = dice.one_of(&[(1, 3), (0, 0)]);
        [vec![folder("w"), file("w/x")], vec![Entry::new(b'3', "w/x").device(major, minor)]]
    }),
    ("link's name in a file's header", |_| one(vec![folder("w"), Entry { link: b"w/y".to_vec(), ..file("w/x") }])),
    // Extended headers.
    ("pax path", |dice| {
        let path: &[u8] = dice.one_of(ODD_NAMES);
        one(vec![folder("w"), file("w/header").pax("path", path)])
    }),
    ("pax path of a folder", |dice| {
        let path = dice.one_of(&["w/pax/", "w/pax", "w/pax//"]);
        let name = dice.one_of(&["w/header", "w/header/"]);
        one(vec![folder("w"), Entry::new(dice.one_of(b"50\0"), name).pax("path", path)])
    }),
    ("pax linkpath", |dice| {
        let link = Entry::symlink("w/link", "header").pax("linkpath", dice.one_of(&["pax", "", "p\u{e9}x", "pax/"]));
        one(vec![folder("w"), link])
    }),
    ("pax size of another number", |dice| {
        let entry = Entry::file("w/x", "content").pax("size", dice.one_of(&["3", "7", "007", "", "0", "7.0", "-7"]));
        one(vec![folder("w"), entry, file("w/y")])
    }),
    ("pax size of what has no content", |dice| {
        let kind = dice.one_of(b"1256");
        let entry = Entry { link: b"w/old".to_vec(), ..Entry::new(kind, "w/x") };
        one(vec![folder("w"), file("w/old"), entry.pax("size", "512"), file("w/y"), file("w/z")])
    }),
    ("pax owner", |dice| {
        let key = dice.one_of(&["uid", "gid"]);
        let value = dice.one_of(&["5", "", "-1", "4294967295", "4294967296", "05", "5.5", "0x5", " 5", "99999999999"]);
        one(vec![folder("w"), file("w/x").owner(3, 3).pax(key, value)])
    }),
    ("pax time", |dice| {
        let key = dice.one_of(&["mtime", "atime", "ctime"]);
        one(vec![
            folder("w"),
            file("w/x").pax(key, dice.one_of(&["-1.5", "", "1e9", "99999999999999", "1.", ".5", "x"])),
        ])
    }),
    ("pax key twice", |dice| {
        let (key, first, second) = dice.one_of(&[("path", "w/1", "w/2"), ("uid", "1", "2"), ("path", "w/1", "")]);
        one(vec![folder("w"), file("w/x").pax(key, first).pax(key, second)])
    }),
    ("pax with a NUL", |dice| {
        let key = dice.one_of(&["path", "linkpath", "uname", "comment", "SCHILY.xattr.user.a"]);
        one(vec![folder("w"), file("w/x").pax(key, *b"w/p\0q")])
    }),
    ("pax xattr", |dice| {
        let key = dice.one_of(&[
            "SCHILY.xattr.user.a",
            "SCHILY.xattr.trusted.overlay.opaque",
            "LIBARCHIVE.xattr.user.a",
            "SCHILY.xattr.",
            "SCHILY.acl.access",
            "SCHILY.xattr.user.overlay.whiteout",
            "RHT.security.selinux",
            "SCHILY.xattr.trusted.overlay.redirect",
            "SCHILY.xattr.security.capability",
        ]);
        let entry = if dice.below(2) == 0 { folder("w/x") } else { file("w/x") };
        [vec![folder("w"), folder("w/x"), file("w/x/y")], vec![entry.pax(key, "y")]]
    }),
    ("pax sparse", |dice| {
        let entry = Entry::file("w/x", "content");
        let (major, minor) = dice.one_of(&[("0", "0"), ("0", "1"), ("1", "0")]);
        let entry =
            entry.pax("GNU.sparse.major", major).pax("GNU.sparse.minor", minor).pax("GNU.sparse.name", "w/sparse");
        let entry = entry.pax("GNU.sparse.realsize", "20").pax("GNU.sparse.size", "20");
        one(vec![folder("w"), entry.pax("GNU.sparse.map", "0,3,10,4").pax("GNU.sparse.numblocks", "2"), file("w/y")])
    }),
    ("pax of another charset", |_| {
        one(vec![folder("w"), file("w/x").pax("hdrcharset", "BINARY").pax("path", *b"w/\xff")])
    }),
    ("pax for all entries", |dice| {
        let (key, value) =
            dice.one_of(&[("uid", "5"), ("path", "w/all"), ("comment", "x"), ("mtime", "5"), ("size", "3")]);
        one(vec![folder("w"), file("w/x").global(key, value), file("w/y")])
    }),
    ("pax then long name of GNU", |_| {
        one(vec![folder("w"), file(&format!("w/{}", "n".repeat(110))).magic(Magic::Gnu).pax("path", "w/pax")])
    }),
    ("pax before a whiteout", |_| {
        [vec![folder("w"), file("w/old"), file("w/.wh")], vec![whiteout("w/header").pax("path", "w/.wh.old")]]
    }),
    ("pax at the end", |dice| {
        let kind = dice.one_of(b"xgLK");
        one(vec![folder("w"), file("w/x"), Entry::file("last", "11 path=x\n\0").of_kind(kind)])
    }),
    ("broken pax record", |dice| {
        let content: &[u8] = dice.one_of(&[
            &b"99 path=w/pax\n"[..],
            b"12 path=w/a\n",
            b"path=w/pax\n",
            b"11 path=w/ab",
            b"5 a=\n5 a=\n",
            b"\0\0\0",
            b"",
            b"9 =value\n",
            b"011 path=x\n",
            b"11 path=w/a\n\0\0",
        ]);
        one(vec![folder("w"), Entry::file("pax", content).of_kind(b'x'), file("w/x")])
    }),
    ("two pax headers", |dice| {
        let pax = |key, value: &str| Entry::file("pax", record(key, value.as_bytes())).of_kind(b'x');
        let (first, second) = dice.one_of(&[(("path", "w/1"), ("uid", "5")), (("path", "w/1"), ("path", "w/2"))]);
        one(vec![folder("w"), pax(first.0, first.1), pax(second.0, second.1), file("w/x")])
    }),
    ("two long names of GNU", |_| {
        let long = |name: &str| Entry::file("././@LongLink", format!("{name}\0")).of_kind(b'L').magic(Magic::Gnu);
        one(vec![folder("w"), long("w/1"), long("w/2"), file("w/x").magic(Magic::Gnu)])
    }),
    ("long name of GNU without a NUL", |dice| {
        let name = dice.one_of(&["w/long", "w/long\0more", "", "\0", "w/long/"]);
        let long = Entry::file("././@LongLink", name).of_kind(b'L').magic(Magic::Gnu);
        one(vec![folder("w"), long, file("w/x").magic(dice.one_of(&[Magic::Gnu, Magic::Ustar]))])
    }),
    ("long name of GNU, then pax", |dice| {
        let long = Entry::file("././@LongLink", "w/gnu\0").of_kind(b'L').magic(Magic::Gnu);
        one(vec![folder("w"), long, file("w/x").pax(dice.one_of(&["path", "comment"]), "w/pax")])
    }),
    ("long target of GNU of a file", |_| {
        let long = Entry::file("././@LongLink", "w/gnu\0").of_kind(b'K').magic(Magic::Gnu);
        one(vec![folder("w"), long, file("w/x").magic(Magic::Gnu)])
    }),
    ("signed checksum", |_| one(vec![folder("w"), Entry { signed_sum: true, ..file_of(b"w/\xff\xfe") }])),
    ("blocks of zeros between entries", |dice| {
        let zeros = Entry::file("", "").of_kind(0).magic(Magic::Old);
        let zeros = zeros.field(100, vec![0; 400]);
        one([vec![folder("w"), file("w/x")], vec![zeros; 1 + dice.below(2)], vec![file("w/y")]].concat())
    }),
    ("old folder by its slash", |dice| {
        let magic = dice.one_of(&[Magic::Old, Magic::Gnu, Magic::Ustar]);
        one(vec![folder("w"), Entry::new(dice.one_of(b"\x000"), "w/x/").mode(0o755).magic(magic), file("w/x/y")])
    }),
];

/// Names of a file in the folder `w`, among them some of `w/x` itself.
const ODD_NAMES: &[&[u8]] = &[
    b"w/\xff",
    b"w/a\xc3\x28",
    b"w/\xc3\xa9",
    b"w/e\xcc\x81",
    b"w/a\\b",
    b"w/a\nb",
    b"./w/x",
    b".//w/x",
    b"w//x",
    b"w/./x",
    b"/w/x",
    b"//w/x",
    b"w/x/.",
    b"w/y/../x",
    b"w/ x",
    b"w/x ",
    b"w/\x01",
    b"w/\xf4\x8f\xbe\x80",
    b"w/\xef\xbf\xbd",
    b"w/\xed\xa0\x80",
    b"w/x\t",
    b"w/...",
    b"w/..x",
    b"w/\xe2\x80\xae",
    b"w\\x",
    b"C:x",
    b"w/X",
    b"w/-x",
    b"w/*",
];

fn one(entries: Vec<Entry>) -> [Vec<Entry>; 2] {
    [entries, Vec::new()]
}

fn file(name: &str) -> Entry {
    file_of(name.as_bytes())
}

/// A file whose content is its name, so that one is never taken for another.
fn file_of(name: &[u8]) -> Entry {
    Entry::file(name, name)
}

fn folder(name: &str) -> Entry {
    Entry::folder(name)
}

fn folder_of(name: &[u8]) -> Entry {
    Entry::folder(name)
}

fn hard(name: &str, target: &str) -> Entry {
    Entry::hard_link(name, target)
}

/// An extended attribute that engines keep: a record of a pax header.
fn xattr(dice: &mut Dice) -> (&'static str, &'static [u8]) {
    dice.one_of(&[
        ("SCHILY.xattr.user.color", b"blue"),
        ("SCHILY.xattr.security.capability", &CAPABILITY),
        ("SCHILY.xattr.security.capability", &CAPABILITY),
    ])
}

fn whiteout(name: &str) -> Entry {
    Entry::file(name, "")
}

/// A folder `w/real` with a file `old`, and `w/link`, which leads there.
fn linked(dice: &mut Dice) -> Vec<Entry> {
    let target = dice.one_of(&["real", "/w/real", "./real", "../w/real", "chain"]);
    let chain = Entry::symlink("w/chain", "real");
    vec![folder("w"), folder("w/real"), file("w/real/old"), chain, Entry::symlink("w/link", target)]
}

/// Two entries of one path, the second by the same name or by another for it.
fn twice(dice: &mut Dice, first: Entry, second: Entry) -> Vec<Entry> {
    let dots = dice.one_of(&["", "", "./", "/"]).as_bytes();
    let name = [dots, &second.name].concat();
    vec![folder("w"), first, Entry { name, ..second }]
}
