//! The run user in the accounts of a base.

use super::{cached, layers};
use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
    judges,
    layout::Image,
};

/// The smallest program, run by 1000:2000, on a base whose layer is `tar`, and more of a recipe.
fn over(tar: Tar, more: &str) -> Case {
    let text = format!("base = \"./base\"\n{APP}[run]\nuser = \"1000:2000\"\n{more}");
    let case = Case::new().recipe(&text).file("app", elf::static_amd64());
    let stage = Stage::new(Family::Oci, "amd64").layer(tar, Packed::Gzip);
    Base::of([stage]).layout(cached(case), "base")
}

/// A base with these accounts.
fn etc(passwd: &str, group: &str) -> Tar {
    Tar::new().folder("etc").file("etc/passwd", 0o644, passwd).file("etc/group", 0o644, group)
}

fn text(image: &Image, path: &str) -> String {
    String::from_utf8(image.entry(path).content).expect("accounts")
}

/// Both files of the image that is built on `tar`.
fn accounts(tar: Tar) -> (String, String) {
    let image = over(tar, "").build().ok().layout().image();
    (text(&image, "/etc/passwd"), text(&image, "/etc/group"))
}

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n_apt:x:100:65534::/nonexistent:/usr/sbin/nologin\n";
const GROUP: &str = "root:x:0:\nadm:x:4:\n";
const USER: &str = "nonroot:x:1000:2000:nonroot:/nonexistent:/sbin/nologin\n";

#[test]
fn the_accounts_of_the_base_are_kept_and_the_run_user_is_added() {
    let case = over(etc(PASSWD, GROUP), "");
    let layout = case.build().ok().layout();
    let image = layout.image();
    assert_eq!(text(&image, "/etc/passwd"), format!("{PASSWD}{USER}"));
    assert_eq!(text(&image, "/etc/group"), format!("{GROUP}nonroot:x:2000:\n"));
    let system: Vec<_> = image.layers[1].entries.iter().map(|entry| (entry.path.as_str(), entry.mode)).collect();
    assert_eq!(system, [("etc/group", 0o444), ("etc/passwd", 0o444)]);
    judges::skopeo(&layout);
    assert_eq!(judges::runc(&layout), "hello from a static binary\n");
    case.run(["audit", "--profile", "hardened", "out/app"]).ok();
    case.run(["plan", "app.toml"]).ok();
    // The same again, and from the cache.
    assert_eq!(layers(&case.build().ok().layout().image()), layers(&image));
}

#[test]
fn a_base_that_has_the_number_under_any_name_gets_nothing() {
    let passwd = format!("{PASSWD}app:x:1000:7:app:/home/app:/bin/sh\n");
    let group = format!("{GROUP}staff:x:2000:app");
    let image = over(etc(&passwd, &group), "").build().ok().layout().image();
    assert_eq!(image.layers.len(), 2, "the base's layer and the program's");
    assert_eq!(text(&image, "/etc/passwd"), passwd);
    // Of two files, only the one that lacks it is written.
    let image = over(etc(&passwd, GROUP), "").build().ok().layout().image();
    let system: Vec<_> = image.layers[1].entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(system, ["etc/group"]);
}

#[test]
fn taken_name_and_unfinished_last_line() {
    let taken = "root:x:0:0:root:/root:/bin/sh\nnonroot:x:65532:65532::/:/sbin/nologin";
    let (passwd, group) = accounts(etc(taken, "root:x:0:\nnonroot:x:65532:\nnonroot-2000:x:5:"));
    assert_eq!(passwd, format!("{taken}\n{}", USER.replacen("nonroot", "nonroot-1000", 1)));
    assert_eq!(group, "root:x:0:\nnonroot:x:65532:\nnonroot-2000:x:5:\nnonroot-2000-2:x:2000:\n");
}

#[test]
fn a_base_without_accounts_gets_both_files() {
    let whole =
        ("root:x:0:0:root:/nonexistent:/sbin/nologin\n".to_owned() + USER, "root:x:0:\nnonroot:x:2000:\n".into());
    assert_eq!(accounts(Tar::new().folder("srv")), whole);
    assert_eq!(
        accounts(etc("", "")),
        (USER.to_owned(), "nonroot:x:2000:\n".to_owned()),
        "empty files are kept as that"
    );
}

#[test]
fn links_of_the_base_are_followed_inside_of_it() {
    let tar = Tar::new()
        .folder("usr")
        .folder("usr/etc")
        .file("usr/etc/users", 0o644, PASSWD)
        .file("usr/etc/nobody", 0o644, "")
        .symlink("etc", "usr/etc")
        .symlink("usr/etc/passwd", "/etc/users")
        .symlink("usr/etc/group", "../../usr/etc/nobody");
    let image = over(tar, "").build().ok().layout().image();
    assert_eq!(text(&image, "/usr/etc/users"), format!("{PASSWD}{USER}"));
    assert_eq!(text(&image, "/usr/etc/nobody"), "nonroot:x:2000:\n");
    assert!(image.layers[1].entries.iter().all(|entry| entry.path.starts_with("usr/")), "the links stay");
}

#[test]
fn accounts_that_cannot_be_read_are_refused_with_both_ways_out() {
    let hint =
        "hint: in `[system]`, `passwd = true` with `replace = true` writes it, and `passwd = false` leaves it as it is";
    let group = || Tar::new().folder("etc").file("etc/group", 0o644, GROUP);
    let cases = [
        (group().symlink("etc/passwd", "/nowhere"), "is a dangling link"),
        (group().symlink("etc/passwd", "passwd"), "is a dangling link"),
        (group().folder("etc/passwd"), "is not a file"),
        (
            group().file("etc/passwd", 0o644, "x".repeat((1 << 20) + 1)),
            "has no line of an account at its beginning, or more than 1 MiB",
        ),
        (
            group().file("etc/x", 0o644, "# mine\n").symlink("etc/passwd", "x"),
            "has no line of an account at its beginning",
        ),
    ];
    for (tar, said) in cases {
        let refused = over(tar, "").build().fails(2);
        refused.says(&format!("app.toml:1:8: `/etc/passwd` of the base {said}")).says(hint);
    }
}

#[test]
fn the_recipe_writes_them_itself_or_leaves_them_alone() {
    let none = over(etc(PASSWD, GROUP), "[system]\npasswd = false\n").build().ok().layout().image();
    assert_eq!((none.layers.len(), text(&none, "/etc/passwd")), (2, PASSWD.to_owned()));
    let refused = over(etc(PASSWD, GROUP), "[system]\npasswd = true\n").build().fails(2);
    refused.says("the base has `/etc/passwd` already").says("`replace = true` in `[system]`");
    let image = over(etc(PASSWD, GROUP), "[system]\npasswd = true\nreplace = true\n").build().ok().layout().image();
    assert_eq!(text(&image, "/etc/passwd"), format!("root:x:0:0:root:/nonexistent:/sbin/nologin\n{USER}"));
    // A file of the recipe is the author's.
    let file = |line: &str| format!("[[file]]\ntext = \"{line}\\n\"\nto = \"/etc/passwd\"\nreplace = true\n");
    let refused = over(etc(PASSWD, GROUP), &file("root:x:0:0:root:/:/x")).build().fails(1);
    refused.says("`/etc/passwd` of the recipe does not have the run user 1000").says("unknown-user");
    let own = over(etc(PASSWD, GROUP), &file("a:x:1000:2000:a:/:/x")).build().ok().layout().image();
    assert_eq!(text(&own, "/etc/passwd"), "a:x:1000:2000:a:/:/x\n");
}
