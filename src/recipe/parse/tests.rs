#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::{
    oci::User,
    recipe::{BinarySource, Certificates, FileSource, Passwd, Strip},
    report::{FailurePlace, Rule},
};

const FULL: &str = include_str!("tests/full.toml");

/// `line:column: what` of the failure of `text`.
fn refused(text: &str) -> String {
    refusal("hello.toml", text).to_string().strip_prefix("hello.toml:").unwrap().to_owned()
}

fn refusal(path: &str, text: &str) -> Failure {
    match parse(path, text) {
        Ok(_) => panic!("read without complaint: {text}"),
        Err(failure) => failure,
    }
}

#[test]
fn one_line_of_intent_gets_the_hardened_defaults() {
    let recipe = parse("recipes/hello.toml", "[[binary]]\ngo = \"./cmd/server\"\n").unwrap();
    assert_eq!(recipe.name.as_deref(), Some("hello"));
    assert_eq!(recipe.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["linux/amd64"]);
    assert_eq!(recipe.run.user, User::default());
    assert_eq!(recipe.system.certificates, Certificates::Mozilla);
    assert!(recipe.system.passwd == Passwd::Written && !recipe.system.tmp);
    let BinarySource::Go(go) = &recipe.binaries[0].source else { panic!("{recipe:?}") };
    assert!(go.strip == Strip::Symbols && go.vcs.is_none() && go.dir.is_none() && recipe.binaries[0].to.is_none());
}

#[test]
fn everything_a_recipe_can_say_is_read() {
    let recipe = parse("x.toml", FULL).unwrap();
    assert_eq!(recipe.platforms.iter().map(ToString::to_string).collect::<Vec<_>>(), ["linux/amd64", "linux/arm64"]);
    let BinarySource::Go(go) = &recipe.binaries[0].source else { panic!("{recipe:?}") };
    assert_eq!(
        (go.tags.len(), go.ldflags.len(), go.flags.len(), go.vcs.is_some(), go.strip),
        (2, 1, 4, true, Strip::Nothing)
    );
    assert_eq!(go.ldflags[0].origin.to_string(), "x.toml:17:11");
    let BinarySource::Cargo(cargo) = &recipe.binaries[1].source else { panic!("{recipe:?}") };
    assert_eq!((cargo.package.value.as_str(), cargo.binary.as_deref()), ("hello", Some("tool")));
    assert_eq!(recipe.binaries[1].platforms.as_ref().map(Vec::len), Some(1));
    let FileSource::Text(text) = &recipe.files[1].source else { panic!("{recipe:?}") };
    assert_eq!((text.value.as_str(), recipe.files[1].mode), ("{ \"braces\": \"stay\" }\n", 0o555));
    assert_eq!((recipe.run.user.uid, recipe.run.user.gid), (1000, 2000));
    assert_eq!(recipe.run.ports.iter().map(|port| port.value.as_str()).collect::<Vec<_>>(), ["8080/tcp", "53/udp"]);
    assert_eq!(recipe.policy.max_size.as_ref().map(|size| size.value), Some(1_500_000));
    let allow = &recipe.policy.allow[0];
    assert_eq!((allow.rule, allow.until), (Rule::PrivilegedPort, (2027, 6, 30)));
    assert!(matches!(&recipe.system.certificates, Certificates::File(file) if file.value == "roots.pem"));
}

#[test]
fn the_name_is_the_files_stem_unless_it_is_hardpan() {
    let name = |path| parse(path, "").map(|recipe| recipe.name);
    assert_eq!(name("a/b/hello.toml").unwrap().as_deref(), Some("hello"));
    assert_eq!(name("v1.2.toml").unwrap().as_deref(), Some("v1.2"));
    assert_eq!(name("hello.tml").unwrap().as_deref(), Some("hello.tml"));
    assert_eq!(name("a/hardpan.toml").unwrap(), None);
    for bad in [".toml", "größe.toml", "-.toml", "a/", "a b.toml", ".hidden.toml"] {
        assert_eq!(name(bad).unwrap_err().hint.as_deref(), Some("write `name = \"...\"`"), "{bad}");
    }
    assert!(refused(&format!("name = \"{}\"", "x".repeat(129))).starts_with("1:8: `xxx"));
}

#[test]
fn root_is_refused_by_name_in_every_spelling() {
    for user in [
        "0",
        "00",
        "0:0",
        "root",
        "root:root",
        "65532:0",
        "1000:root",
        "000:1",
        "Root:1",
        " 0:1",
        "+0:1",
        "0x0:1",
        "-0",
    ] {
        let failure = refusal("x.toml", &format!("[run]\nuser = \"{user}\""));
        assert_eq!(failure.rule, Some(Rule::RootUser), "{user}");
    }
    assert_eq!(refusal("x.toml", "run.user = 0").rule, Some(Rule::RootUser));
    for user in
        ["app", "1000", "1000:app", "+1:1", "1:-1", "1 :1", "1:1:1", "2147483648:1", "", ":", "1:", ":1", "01:1"]
    {
        let failure = refusal("x.toml", &format!("[run]\nuser = \"{user}\""));
        assert_eq!(failure.rule, None, "{user}");
    }
    assert_eq!(refusal("x.toml", "run.user = 1000").hint.as_deref(), Some("write `\"1000:1000\"`"));
    assert_eq!(parse("x.toml", "run.user = \"2147483647:1\"").unwrap().run.user.uid, 2_147_483_647);
}

#[test]
fn modes_are_two_and_dangerous_ones_have_a_rule() {
    let mode = |mode: &str| refusal("x.toml", &format!("[[file]]\ntext = \"\"\nto = \"/a\"\nmode = {mode}")).rule;
    assert_eq!(mode("\"4755\""), Some(Rule::Setuid));
    assert_eq!(mode("\"2555\""), Some(Rule::Setuid));
    assert_eq!(mode("\"0o6777\""), Some(Rule::Setuid));
    assert_eq!(mode("\"0666\""), Some(Rule::WorldWritable));
    assert_eq!(mode("\"777\""), Some(Rule::WorldWritable));
    for other in ["\"0644\"", "\"1555\"", "\"444\"", "\"\"", "\"rwx\"", "\"0999\"", "444", "\"99999999999999999999\""] {
        assert_eq!(mode(other), None, "{other}");
    }
}

#[test]
fn flags_that_lead_out_are_refused_in_every_spelling() {
    let go = |flags: &str| parse("x.toml", &format!("[[binary]]\ngo = \".\"\nflags = {flags}")).is_ok();
    for flag in [
        "-race",
        "-toolexec=x",
        "--toolexec=x",
        "-toolexec",
        "-overlay=x",
        "-o=x",
        "-o",
        "-C=x",
        "-modfile=x",
        "-pkgdir=x",
        "-exec=x",
        "-n",
        "-buildmode=plugin",
        "-buildmode",
        "-mod=mod",
        "-trimpath=false",
        "-buildvcs",
        "-ldflags=-s",
        "-tags=x",
        "-gcflags=-o=x",
        "-gcflags=all=-cpuprofile=x",
        "-asmflags=@file",
        "-gcflags",
        "--",
        "-",
        "---o",
        "x",
        "",
    ] {
        assert!(!go(&format!("[\"{flag}\"]")), "{flag}");
    }
    assert!(!go("[\"-buildmode\", \"c-shared\"]") && !go("[\"-p=4\", \"./other\"]") && !go("[\"-toolexec\", \"x\"]"));
    assert!(go("[\"-buildmode\", \"pie\", \"-p=2\"]") && go("\"-p=4\"") && go("[\"-p\", \"4\"]"));
    let cargo = |flags: &str| parse("x.toml", &format!("[[binary]]\ncargo = \"x\"\nflags = {flags}")).is_ok();
    for flag in [
        "--target-dir=x",
        "--target",
        "--config=x",
        "--manifest-path",
        "--out-dir",
        "--artifact-dir=x",
        "--lockfile-path",
        "-C",
        "-Cx",
        "-Z",
        "-Zfoo",
        "-vZfoo",
        "-qvpfoo",
        "--profile=dev",
        "--release",
        "-r",
        "-p",
        "-pfoo",
        "--package=x",
        "--bin=x",
        "--bins",
        "--message-format=json",
        "-F",
        "-Fx",
        "--features=x",
        "--",
        "-",
        "x",
        "-h",
    ] {
        assert!(!cargo(&format!("[\"{flag}\"]")), "{flag}");
    }
    assert!(cargo("[\"--no-default-features\", \"--jobs\", \"2\", \"-j2\", \"-vv\", \"--locked\"]"));
    let ldflags = |flags: &str| parse("x.toml", &format!("[[binary]]\ngo = \".\"\nldflags = '''{flags}'''")).is_ok();
    for flags in ["-extld=x", "-s -w --extldflags=-static", "-linkmode external", "\"-o\" x", "-s\t-o=x", "@file"] {
        assert!(!ldflags(flags), "{flags}");
    }
    assert!(ldflags("-X 'main.flag=a -o b' -s"));
}

#[test]
fn variables_that_hardpan_sets_are_not_for_a_recipe() {
    let set = |kind: &str, name: &str| {
        parse("x.toml", &format!("[[binary]]\n{kind} = \"x\"\nenv = {{ \"{name}\" = \"off\" }}")).is_ok()
    };
    for name in [
        "PATH",
        "HOME",
        "GOFLAGS",
        "GOPROXY",
        "GOTOOLCHAIN",
        "CGO_ENABLED",
        "RUSTFLAGS",
        "CARGO_BUILD_RUSTC",
        "CARGO_TARGET_DIR",
        "CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER",
        "CARGO_PROFILE_RELEASE_STRIP",
        "LD_PRELOAD",
        "SOURCE_DATE_EPOCH",
        "A B",
        "A=B",
        "1A",
        "",
        "Ä",
    ] {
        assert!(!set("go", name) && !set("cargo", name), "{name}");
    }
    assert!(set("go", "GOWORK") && !set("cargo", "GOWORK"));
    assert!(set("cargo", "CC_x86_64_unknown_linux_musl") && set("go", "_x1"));
}

#[test]
fn two_entries_for_one_path_name_both_lines() {
    let two = |first: &str, second: &str| {
        format!("[[file]]\ntext = \"\"\nto = \"/a\"\n{first}\n[[dir]]\nto = \"/a\"\n{second}")
    };
    assert_eq!(refused(&two("", "")), "6:6: `/a` is on line 3 already");
    assert_eq!(
        refused(&two("platforms = [\"linux/arm64/v8\"]", "platforms = [\"linux/arm64\"]")).get(..4),
        Some("6:6:")
    );
    assert!(parse("x.toml", &two("platforms = [\"linux/arm64\"]", "platforms = [\"linux/amd64\"]")).is_ok());
}

/// Each refusal at its place; one line a case.
#[test]
fn what_the_text_alone_can_tell_is_refused_at_its_place() {
    for (text, what) in [
        ("format = 2", "1:10: format 2 is not known to this version"),
        ("base = \"r.example/{name}\"", "1:8: `{name}` is not replaced here"),
        ("compression = \"xz\"", "1:15: unknown compression `xz`"),
        ("system.certificates = \"base\"", "1:23: the certificates are those of a `base`, and the recipe has none"),
        (
            "dir = [{ to = \"/a\", replace = true }]",
            "1:31: `replace` is about files of a `base`, and the recipe has none",
        ),
        ("file = [{ url = \"u\", to = \"/a\" }]", "1:17: a `url` needs its digest"),
        ("platforms = []", "1:13: `platforms` is empty"),
        ("vars = { os = \"x\" }", "1:10: `os` is a variable already"),
        ("vars = { a = \"\\n\" }", "1:14: the variable `a` has a control character"),
        ("run.args = [\"a\\u0000\"]", "1:13: an argument has a control character"),
        ("run.env = { \"A=B\" = \"\" }", "1:13: `A=B` is no name of an environment variable"),
        (
            "run.labels = { \"containerd.io/x\" = \"\" }",
            "1:16: `containerd.io/x` belongs to containerd, not to an image",
        ),
        ("run.ports = [\"0\"]", "1:14: `0` is no port; ports are 1 to 65535"),
        ("run.ports = [\"80/http\"]", "1:14: unknown protocol in `80/http`"),
        ("run.ports = [\"80\", \"80/tcp\"]", "1:20: the port `80/tcp` is named twice"),
        ("run.stop-signal = \"65\"", "1:19: unknown signal `65`"),
        ("run.stop-signal = \"SIGRTMIN+31\"", "1:19: unknown signal `SIGRTMIN+31`"),
        ("run.entrypoint = []", "1:18: `entrypoint` is empty"),
        ("run.entrypoint = [\"server\"]", "1:19: `server` is no absolute path in the image"),
        ("run.workdir = \"/a/\"", "1:15: a path in the image does not end with `/`"),
        ("symlink = [{ to = \"/a\", target = \"\" }]", "1:34: `target` is empty"),
        ("dir = [{ to = \"/\" }]", "1:15: `/` is there in every image and cannot be an entry of its own"),
        ("tree = [{ from = \"a\", to = \"/\" }]", "1:9: a tree names what it takes"),
        ("tree = [{ from = \"a\", to = \"/\", include = \"../a\" }]", "1:43: the pattern `../a` leaves the folder"),
        ("tree = [{ from = \"a\", to = \"/\", include = [\"/a\"] }]", "1:44: the pattern `/a` begins with `/`"),
        ("binary = [{ go = \"./...\" }]", "1:18: `./...` means several packages; a binary is one"),
        ("binary = [{ go = \"-o\" }]", "1:18: `-o` is no Go package"),
        ("binary = [{ go = \"main.go\" }]", "1:18: `main.go` is a file"),
        (
            "binary = [{ go = \".\", dir = \"-x\" }]",
            "1:29: `dir` is relative to the recipe, and begins with neither `/` nor `-`",
        ),
        ("binary = [{ cargo = \"a/b/c\" }]", "1:21: `a/b/c` is no Cargo package"),
        ("binary = [{ cargo = \"a\", target = \"a.json\" }]", "1:35: `target` is the name of a target, not a file"),
        (
            "binary = [{ path = \"a\", to = \"/a\", strip = true }]",
            "1:44: `strip` goes with `go` and `cargo`, not with `path`",
        ),
        ("policy.max-size = \"0MB\"", "1:19: `0MB` is no size"),
        ("policy.registries = \"https://ghcr.io\"", "1:21: `https://ghcr.io` is no registry"),
        ("run = [\"1:1\"]", "1:7: expected a table, found an array"),
        ("name = 1970-01-01", "1:8: expected a string, found a date"),
        ("run.env = { A = \"1\", A = \"2\" }", "1:22: duplicate key `A`, it is on line 1 already"),
        (
            "[run]\nuser = \"1:1\"\nenv = { A = \"1\" }\nuser = \"1:1\"",
            "4:1: duplicate key `user`, it is on line 2 already",
        ),
        ("[run]\n[system]\n[run]", "3:2: duplicate key `run`, it is on line 1 already"),
    ] {
        assert_eq!(refused(text), what, "{text}");
    }
}

#[test]
fn line_ends_and_byte_order_marks_move_no_place() {
    assert_eq!(refused("\u{feff}format = 1\r\n\r\nnmae = \"x\"\r\n"), "3:1: unknown key `nmae`");
    assert_eq!(refused("\u{feff}nmae = 1"), "1:1: unknown key `nmae`");
    assert!(refused("# a \u{0} b").starts_with("1:5: not valid TOML"));
}

#[test]
fn hostile_sizes_end_in_a_sentence() {
    for text in [
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]", vec!["a"; 100_000].join(".")),
        "a = [".repeat(100_000),
        format!("name = \"{}\"", "x".repeat(1_000_000)),
        format!("{} = 1", "x".repeat(1_000_000)),
        format!("run.user = \"{}\"", "0".repeat(1_000_000)),
    ] {
        let failure = refusal("x.toml", &text);
        assert!(failure.to_string().len() < 400, "{}", failure.to_string().len());
    }
    let large = refusal("x.toml", &"#".repeat((1 << 20) + 1));
    assert_eq!(large.to_string(), "x.toml: the recipe is larger than 1 MiB");
    assert!(matches!(large.place, Some(FailurePlace::Path(_))));
}

#[test]
fn no_cut_and_no_changed_byte_makes_it_panic() {
    for cut in (0..FULL.len()).filter(|cut| FULL.is_char_boundary(*cut)) {
        let _ = parse("x.toml", &FULL[..cut]);
        let _ = parse("x.toml", &FULL[cut..]);
    }
    for at in 0..FULL.len() {
        for byte in *b"\n\"[}=.0" {
            let mut bytes = FULL.as_bytes().to_vec();
            bytes[at] = byte;
            if let Err(failure) = parse("x.toml", &String::from_utf8(bytes).unwrap()) {
                assert!(matches!(failure.place, Some(FailurePlace::Recipe(_))), "{failure}");
            }
        }
    }
}

#[test]
fn an_address_is_plain_and_has_one_digest() {
    let file = |url: &str| format!("[[file]]\nurl = \"{url}\"\nsha256 = \"{}\"\nto = \"/a\"\n", "a".repeat(64));
    for good in ["https://x.example/a?b=c%20d", "HTTPS://x.example:444", "http://127.0.0.1:5000/a", "https://[::1]/"] {
        let recipe = parse("hello.toml", &file(good)).unwrap();
        let FileSource::Url { url, sha256 } = &recipe.files[0].source else { panic!("{recipe:?}") };
        assert_eq!((url.value.as_str(), sha256.value.hex()), (good, "a".repeat(64)));
    }
    for (bad, what) in [
        ("ftp://x.example/a", "begins with `https://`"),
        ("x.example/a", "begins with `https://`"),
        ("https:///a", "names no host"),
        ("https://me@x.example/a", "holds a login"),
        ("https://me:pw@x.example?a", "holds a login"),
        ("https://x.example/a#b", "has a fragment"),
        ("https://x.example/a b", "has ` `, which is written as"),
        ("https://x.example/ä", "has `ä`, which is written as"),
        ("https://x.example/{name}", "`{name}` is not replaced here"),
        ("https://x.example/{a}", "has `{`, which is written as"),
        ("", "is empty"),
    ] {
        assert!(refused(&file(bad)).contains(what), "{bad}: {}", refused(&file(bad)));
    }
    let two =
        file("https://x.example/a") + &file("https://x.example/a").replace("aaaa", "aaab").replace("/a\"\n", "/b\"\n");
    assert!(refused(&two.replace("x.example/b", "x.example/a")).contains("another digest on line 3"), "{two}");
    for (sha256, what) in [("abc", "`sha256` is not 64 lower"), (&"A".repeat(64), "`sha256` is not 64 lower")] {
        assert!(refused(&file("https://x.example/").replace(&"a".repeat(64), sha256)).contains(what));
    }
    let recipe = format!("file = [{{ from = \"x\", sha256 = \"{}\", to = \"/a\" }}]", "a".repeat(64));
    assert!(refused(&recipe).contains("`sha256` goes with `url`"));
}
