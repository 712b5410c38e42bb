//! How a recipe's entries go over a base.

use serde_json::json;

use super::{annotations, cached, layers, on};
use crate::support::{
    base::{Base, Family, Packed, Stage},
    case::{APP, Case},
    elf,
    foreign::Tar,
};

fn distroless() -> Stage {
    Stage::distroless(Family::Oci, "amd64")
}

/// The smallest program on `stage`, and more of a recipe.
fn over(stage: Stage, more: &str) -> Case {
    let case = Case::new().recipe(&format!("base = \"./base\"\n{APP}{more}")).file("app", elf::static_amd64());
    Base::of([stage]).layout(cached(case), "base")
}

#[test]
fn a_file_of_the_base_is_replaced_only_when_the_entry_says_so() {
    let stage = || {
        distroless().layer(
            Tar::new()
                .folder("srv")
                .file("srv/a", 0o644, "base")
                .folder("usr")
                .folder("usr/bin")
                .file("usr/bin/app", 0o755, elf::static_amd64())
                .symlink("srv/link", "a"),
            Packed::Gzip,
        )
    };
    let file = "[[file]]\ntext = \"own\"\nto = \"/srv/a\"\n";
    let tree = "[[tree]]\nfrom = \"t\"\nto = \"/srv\"\ninclude = [\"*\"]\n";
    let link = "[[symlink]]\nto = \"/srv/link\"\ntarget = \"/etc/passwd\"\n";
    let dir = "[[dir]]\nto = \"/srv\"\n";
    for (entry, path) in [(file, "/srv/a"), (tree, "/srv/a"), (link, "/srv/link"), (dir, "/srv")] {
        // The program itself is over the base's, too.
        let case = |flag: &str| {
            let case = over(stage(), &format!("replace = true\n{entry}{flag}"));
            case.file("t/a", "own")
        };
        let refused = case("").build().fails(2);
        refused.says(&format!("the base has `{path}` already")).says("hint: `replace = true` in its entry");
        let image = case("replace = true\n").build().ok().layout().image();
        assert!(
            image.layers[2..]
                .iter()
                .flat_map(|layer| &layer.entries)
                .any(|entry| { entry.path.trim_end_matches('/') == &path[1..] })
        );
    }
    over(stage(), "").build().fails(2).says("app.toml:4:6: the base has `/usr/bin/app` already");
}

#[test]
fn folders_and_links_to_folders_are_never_replaced() {
    let stage = || {
        let tar = Tar::new().folder("usr").folder("usr/data").file("usr/data/x", 0o644, "").symlink("data", "usr/data");
        distroless().layer(tar.symlink("loop", "loop"), Packed::Gzip)
    };
    let file = |to: &str| format!("[[file]]\ntext = \"\"\nto = \"{to}\"\nreplace = true\n");
    over(stage(), &file("/usr/data")).build().fails(2).says("a folder in the base with something in it");
    over(stage(), &file("/data")).build().fails(2).says("`/data` is a link to a folder in the base");
    over(stage(), &file("/loop/x")).build().fails(2).says("a link of the base that leads to itself");
    over(stage(), &file("/usr/data/x/y"))
        .build()
        .fails(2)
        .says("needs a folder at `/usr/data/x`, which is a file in the base");
    let twice = format!("{}[[file]]\ntext = \"\"\nto = \"/usr/data/new\"\n", file("/data/new"));
    over(stage(), &twice).build().fails(2).says("`/usr/data/new` is on line").says("already");
}

#[test]
fn whiteouts_and_opaque_folders_of_the_base_are_respected() {
    let stage = distroless()
        .layer(
            Tar::new().folder("srv").file("srv/a", 0o644, "1").folder("opt").file("opt/b", 0o644, "1").folder("opt/c"),
            Packed::Gzip,
        )
        .layer(
            Tar::new().folder("srv").file("srv/.wh.a", 0o644, "").folder("opt").file("opt/d", 0o644, "").file(
                "opt/.wh..wh..opq",
                0o644,
                "",
            ),
            Packed::Gzip,
        );
    let gone = "[[file]]\ntext = \"\"\nto = \"/srv/a\"\n[[file]]\ntext = \"\"\nto = \"/opt/b\"\n";
    over(stage.clone(), gone).build().ok();
    let there = "[[file]]\ntext = \"\"\nto = \"/opt/d\"\n";
    over(stage, there).build().fails(2).says("the base has `/opt/d` already");
}

#[test]
fn certificates_are_the_bases_unless_the_recipe_says_otherwise() {
    let plain = over(distroless(), "").build().ok().layout().image();
    assert_eq!(plain.layers.len(), 2);
    let mozilla = over(distroless(), "[system]\ncertificates = \"mozilla\"\n").build().fails(2);
    mozilla.says("the base has `/etc/ssl/certs/ca-certificates.crt` already");
    let mozilla = "[system]\ncertificates = \"mozilla\"\nreplace = true\ntmp = true\n";
    let image = over(distroless(), mozilla).build().ok().layout().image();
    assert!(image.entry("/etc/ssl/certs/ca-certificates.crt").size > 100_000);
    let base = over(distroless(), "[system]\ncertificates = \"base\"\n").build().ok();
    assert_eq!(layers(&base.layout().image()), layers(&plain));
}

#[test]
fn an_entrypoint_may_be_a_file_of_the_base() {
    let program = |mode| {
        let tar = Tar::new().folder("usr").folder("usr/bin").file("usr/bin/server", mode, elf::static_amd64());
        distroless().layer(tar, Packed::Gzip)
    };
    let text =
        "base = \"./base\"\n[[file]]\ntext = \"x\"\nto = \"/etc/x\"\n[run]\nentrypoint = [\"/usr/bin/server\"]\n";
    let case = |mode| Base::of([program(mode)]).layout(cached(Case::new().recipe(text)), "base");
    let layout = case(0o755).build().ok().layout();
    assert_eq!(crate::support::judges::runc(&layout), "hello from a static binary\n");
    case(0o644).build().fails(1).says("app.toml:1:8").says("cannot execute the entrypoint `/usr/bin/server`");
}

#[test]
fn findings_in_a_base() {
    let shell = || {
        let tar = Tar::new().folder("usr").folder("usr/bin").file("usr/bin/sh", 0o755, elf::static_amd64());
        distroless().layer(tar, Packed::Gzip)
    };
    over(shell(), "").build().fails(1).says("app.toml:1:8: ").says("shell");
    let allow = "[[policy.allow]]\nrule = \"shell\"\nreason = \"the base has one\"\nuntil = 2999-01-01\n";
    over(shell(), allow).build().ok();
    let secret = format!("ghp_{}", "x".repeat(36));
    let env = distroless().set("Env", json!([format!("GITHUB_TOKEN={secret}")]));
    let refused = over(env, "").build();
    assert!(refused.code == 0 || refused.stderr.contains("app.toml:1:8"), "{}", refused.stderr);
    assert!(!refused.stderr.contains(&secret));
}

#[test]
fn the_annotations_of_the_base_are_not_for_the_recipe() {
    let text = "[annotations]\n\"org.opencontainers.image.base.name\" = \"docker.io/library/scratch\"\n";
    over(distroless(), text).build().fails(2).says("follows from `base`");
    let named = annotations(&over(distroless(), "").build().ok().layout().image());
    assert_eq!(named.len(), 1);
}

#[test]
fn the_size_budget_counts_the_base() {
    let noise: Vec<u8> = elf::static_amd64_of(200_000);
    let stage = || distroless().layer(Tar::new().folder("srv").file("srv/noise", 0o644, &noise), Packed::Gzip);
    over(stage(), "[policy]\nmax-size = \"100kB\"\n").build().fails(1).says("the budget is 100000").says("base ");
    over(stage(), "[policy]\nmax-size = \"1MB\"\n").build().ok();
}

#[test]
fn without_a_base_nothing_is_replaced() {
    let case = Case::new().recipe(&format!("{APP}replace = true\n")).file("app", elf::static_amd64());
    case.build().fails(2).says("app.toml:4:11: `replace` is about files of a `base`");
    on("./nowhere", "").build().fails(2).says("does not exist");
}

/// Faults that were there once.
mod regression {
    use super::{Packed, Tar, distroless, over};

    #[test]
    fn parents_in_each_layer() {
        let mut tar = Tar::new();
        tar.entry(b'5', b"tmp", b"", (0o1777, (0, 0), 0));
        tar.entry(b'5', b"data", b"", (0o700, (1000, 1001), 0));
        let more = "[[file]]\ntext = \"1\"\nto = \"/tmp/x\"\n[[file]]\ntext = \"2\"\nto = \"/data/in/y\"\n";
        let image = over(distroless().layer(tar, Packed::Gzip), more).build().ok().layout().image();
        let own = &image.layers[image.layers.len() - 2];
        let found: Vec<_> = own
            .entries
            .iter()
            .map(|entry| (entry.path.trim_end_matches('/'), entry.mode, entry.uid, entry.gid))
            .collect();
        let expected = [
            ("data", 0o700, 1000, 1001),
            ("data/in", 0o755, 0, 0),
            ("data/in/y", 0o444, 0, 0),
            ("tmp", 0o1777, 0, 0),
            ("tmp/x", 0o444, 0, 0),
        ];
        assert_eq!(found, expected);
    }
}
