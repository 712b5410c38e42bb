//! Archives that want out: the cases of containerd's `TestBreakouts`, and what other unpackers fell for. An audit unpacks
//! nothing; it has to say what it saw, end, and leave the disk as it was.

use serde_json::json;

use super::{audit, rules, run};
use crate::support::{
    case::Case,
    foreign::{Foreign, Tar, listing},
};

/// One archive: what containerd calls it, its layers, and a rule that must be found.
pub type Breakout = (&'static str, Vec<Tar>, &'static str);

fn folders() -> Tar {
    Tar::new().folder("etc").file("etc/passwd", 0o644, "root:x:0:0::/:/none\n")
}

/// A file whose name is written as it is.
fn named(mut tar: Tar, name: &[u8]) -> Tar {
    tar.entry(b'0', name, b"", (0o644, (0, 0), 0));
    tar
}

fn symlinks() -> Vec<Breakout> {
    let through = "symlink-parent";
    vec![
        ("SymlinkAbsolute", vec![folders().symlink("localetc", "/etc").file("localetc/unbroken", 0o644, "x")], through),
        (
            "SymlinkUpAndOut",
            vec![folders().folder("dummy").symlink("localetc", "../../../../../etc").file(
                "localetc/unbroken",
                0o644,
                "x",
            )],
            "symlink-escape",
        ),
        (
            "SymlinkMultipleAbsolute",
            vec![folders().symlink("localetc", "/etc").symlink("localetc2", "/localetc").file(
                "localetc2/unbroken",
                0o644,
                "x",
            )],
            through,
        ),
        (
            "SymlinkMultipleRelative",
            vec![folders().symlink("dummy", "etc").symlink("localetc", "dummy").file("/localetc/unbroken", 0o644, "x")],
            "path-escape",
        ),
        ("SymlinkToSocket", vec![Tar::new().symlink("engine", "/var/run/docker.sock")], "symlink-escape"),
        ("SymlinkOfLowerLayer", vec![folders().symlink("out", "/etc"), Tar::new().file("out/x", 0o644, "x")], through),
        (
            "SymlinkCircle",
            vec![Tar::new().symlink("a", "b").symlink("b", "a").file("a/x", 0o644, "x").file("b/x", 0o644, "x")],
            through,
        ),
        ("SymlinkRoot", vec![Tar::new().symlink(".", "/etc").file("x", 0o644, "x")], "symlink-parent"),
    ]
}

fn hard_links() -> Vec<Breakout> {
    let escape = "hard-link-escape";
    let link = |target: &str| vec![folders().folder("breakouts").hard_link("breakouts/wow", target)];
    vec![
        ("HardlinkRelative", link("../../etc/passwd"), escape),
        ("HardlinkDownAndOut", link("breakouts/../../../etc/passwd"), escape),
        ("HardlinkRelativeUpAndOut", link("../../../../../../../etc/passwd"), escape),
        ("HardlinkToNothing", vec![Tar::new().folder("breakouts").hard_link("breakouts/wow", "/etc/hostname")], escape),
        (
            "HardlinkSymlinkBeforeCreateTarget",
            vec![Tar::new().symlink("etc/passwd", "localpasswd").hard_link("localpasswd-dup", "etc/passwd").file(
                "etc/localpasswd",
                0o644,
                "x",
            )],
            escape,
        ),
        (
            "HardlinkSymlinkAbsolute",
            vec![folders().symlink("localetc", "/etc").hard_link("localpasswd", "localetc")],
            escape,
        ),
        ("HardlinkForward", vec![Tar::new().hard_link("a", "b").file("b", 0o644, "x")], escape),
        ("HardlinkToItself", vec![Tar::new().hard_link("a", "a")], escape),
    ]
}

fn whiteouts() -> Vec<Breakout> {
    let invalid = "invalid-whiteout";
    let second = |name: &str| vec![folders(), Tar::new().file(name, 0o644, "")];
    vec![
        ("WhiteoutRootDirectory", second("etc/.wh...."), ""),
        ("WhiteoutParentDirectory", second("etc/.wh..."), invalid),
        ("WhiteoutCurrentDirectory", second("etc/.wh.."), invalid),
        ("WhiteoutRoot", second(".wh."), invalid),
        ("WhiteoutCurrentOfRoot", second(".wh.."), invalid),
        ("WhiteoutOfWhiteout", second("etc/.wh..wh.passwd"), invalid),
        (
            "WhiteoutThroughSymlink",
            vec![folders().symlink("out", "/etc"), Tar::new().file("out/.wh.passwd", 0o644, "")],
            "",
        ),
        ("WhiteoutIsAFolder", vec![folders(), Tar::new().folder("etc/.wh.passwd")], invalid),
        (
            "WhiteoutAndFile",
            vec![folders(), Tar::new().file("etc/.wh.passwd", 0o644, "").file("etc/passwd", 0o644, "x")],
            invalid,
        ),
    ]
}

fn names() -> Vec<Breakout> {
    let escape = "path-escape";
    vec![
        ("DotDot", vec![named(Tar::new(), b"../../etc/unbroken")], escape),
        ("DotDotInside", vec![named(folders(), b"etc/../../../unbroken")], escape),
        ("Absolute", vec![named(Tar::new(), b"/etc/unbroken")], escape),
        ("ManySlashes", vec![named(Tar::new(), b"////etc//unbroken")], escape),
        ("Twice", vec![Tar::new().file("a", 0o644, "x").file("./a", 0o644, "y")], "duplicate-path"),
        ("LongName", vec![named(Tar::new(), &b"../".repeat(200))], escape),
    ]
}

/// All of them.
pub fn all() -> impl Iterator<Item = Breakout> {
    [symlinks(), hard_links(), whiteouts(), names()].into_iter().flatten()
}

#[test]
fn breakouts_of_containerds_list() {
    let mut seen = 0;
    for (name, layers, rule) in all() {
        let image = layers.into_iter().fold(Foreign::new("app:1"), |image, tar| image.layer("", tar));
        let case = image.layout(Case::new(), "image");
        let outside = case.dir().parent().expect("the case's outer folder").to_owned();
        let before = listing(&outside);
        let (code, report) = audit(&case, "image", &[]);
        assert!(code == 1 || code == 2, "{name}: {code}");
        let rules = rules(&report);
        assert!(rule.is_empty() || rules.iter().any(|found| found == rule), "{name}: no {rule} in {rules:?}");
        assert_eq!(listing(&outside), before, "{name}");
        assert!(!std::path::Path::new("/etc/unbroken").exists(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 31);
}

/// Where a whiteout deletes a lower folder, or a link leads there, the merged view is the one that runtimes have.
#[test]
fn reach_of_a_whiteout() {
    let secret = format!("gl{}-{}\n", "pat", "a8Kd02mZqLx7TnVw3YpR");
    for (whiteout, rule) in [
        ("srv/.wh.token", "removed-secret"),
        ("srv/.wh..wh..opq", "removed-secret"),
        (".wh.srv", "removed-secret"),
        (".wh..wh..opq", "removed-secret"),
        // These are no whiteouts of it.
        ("srv/.wh.toke", "provider-token"),
        ("srv/.wh..", "provider-token"),
        ("srv/.wh...", "provider-token"),
        (".wh.", "provider-token"),
    ] {
        let lower = Tar::new().folder("srv").file("srv/token", 0o644, &secret);
        let image = Foreign::new("app:1").layer("", lower).layer("", Tar::new().file(whiteout, 0o644, ""));
        let case = image.layout(Case::new(), "image");
        let rules = rules(&audit(&case, "image", &[]).1);
        let found: Vec<_> = rules.iter().filter(|rule| rule.ends_with("-secret") || rule.ends_with("-token")).collect();
        assert_eq!(found, [rule], "{whiteout}");
    }
}

/// What cannot be read is never clean, whichever way it is broken.
#[test]
fn a_layer_that_cannot_be_read_ends_with_2_and_a_sentence() {
    let good = Foreign::new("app:1").layer("", folders()).set("User", json!("65532:65532"));
    let case = good.layout(Case::new(), "image");
    let layer = listing(&case.path("image/blobs/sha256"))
        .into_iter()
        .map(|(path, _)| path)
        .find(|path| std::fs::read(path).expect("a blob").starts_with(&[0x1f, 0x8b]))
        .expect("a layer");
    let whole = std::fs::read(&layer).expect("the layer");
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 0x10;
    let cut = whole[..whole.len() - 9].to_vec();
    for (what, bytes) in
        [("changed", changed), ("cut", cut), ("longer", [&whole[..], b"more"].concat()), ("empty", vec![])]
    {
        std::fs::write(&layer, bytes).expect("a broken layer");
        let output = run(&case, "image", &[]);
        assert_eq!(output.code, 2, "{what}: {}{}", output.stdout, output.stderr);
        let (code, report) = audit(&case, "image", &["--fail-on", "critical"]);
        assert_eq!(code, 2, "{what}");
        assert_eq!(report["outcome"], "unknown", "{what}");
    }
    std::fs::remove_file(&layer).expect("no layer");
    assert_eq!(run(&case, "image", &[]).code, 2);
}

/// Small archives that are large when somebody believes them.
#[test]
fn bombs_end_soon_and_say_what_they_are() {
    let mut many = Tar::new();
    for number in 0..2_000 {
        many = many.symlink(&format!("l{number}"), &format!("l{}", number + 1));
    }
    let mut deep = String::new();
    for _ in 0..1_500 {
        deep.push_str("d/");
    }
    let mut huge = Tar::new();
    huge.entry(b'0', b"huge", b"", (0o644, (0, 0), 7 << 30));
    let mut extended = Tar::new();
    extended.entry(b'x', b"pax", b"", (0o644, (0, 0), 1 << 32));
    for (name, tar, code) in [
        ("a chain of links", many.file("l0/x", 0o644, "x"), 1),
        ("a deep path", Tar::new().folder(&deep), 1),
        ("a size that is not there", huge, 2),
        ("an extended header of 4 GiB", extended, 2),
    ] {
        let case = Foreign::new("app:1").layer("", tar).layout(Case::new(), "image");
        assert_eq!(audit(&case, "image", &[]).0, code, "{name}");
    }
}
