//! Archives of the cache, which pipelines keep between their runs.

use std::fs;

use super::{Machine, new_key};
use crate::support::{
    case::{Case, scratch},
    judges::{checked, tool},
};

#[test]
fn an_archive_brings_programs_and_layers_to_another_machine() {
    let keys = scratch();
    let key = keys.path().join("key").to_str().unwrap().to_owned();
    let public = new_key(keys.path().join("key").as_path());
    let machine = Machine::go().aged(2);
    let first = machine.build("go", &[]).0.ok().digest();
    let export = ["cache", "export", "--cache-sign", &key];
    machine.case.run([&export[..], &["../one.tar"]].concat()).ok().says("exported 4 records and 3 blobs");
    machine.case.run([&export[..], &["../two.tar"]].concat()).ok();
    let archive = machine.case.path("../one.tar");
    assert_eq!(fs::read(&archive).unwrap(), fs::read(machine.case.path("../two.tar")).unwrap());
    let listed = checked(tool("tar").arg("-tvf").arg(&archive).env("TZ", "UTC"));
    assert!(listed.lines().all(|line| line.contains("0/0") && line.contains("1970-01-01")), "{listed}");
    machine.case.run([&export[..], &["../small.tar", "--max-size", "10KiB"]].concat()).ok().says("and 0 blobs");

    let other = Machine::go().aged(300);
    let import = ["cache", "import", "--cache-trust", &public];
    let archive = archive.to_str().unwrap();
    other.case.run([&import[..], &[archive]].concat()).ok().says("imported 4 records and 3 blobs");
    let (output, count) = other.build("go", &[]);
    assert_eq!((output.ok().digest(), count), (first, 0));
    let status = other.case.run(["cache", "status", "--json"]).ok().stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let entries = |kind: &str| status["kinds"][kind]["entries"].as_u64().unwrap();
    assert_eq!((entries("layers"), entries("programs"), entries("downloads")), (2, 1, 0), "{status}");
}

#[test]
fn an_archive_that_is_not_signed_by_a_trusted_key_or_not_whole_brings_nothing() {
    let keys = scratch();
    let path = |name: &str| keys.path().join(name).to_str().unwrap().to_owned();
    let (public, other) = (new_key(keys.path().join("key").as_path()), new_key(keys.path().join("other").as_path()));
    let machine = Machine::go().aged(2);
    machine.build("go", &[]).0.ok();
    machine.case.run(["cache", "export", &path("sound.tar"), "--cache-sign", &path("key")]).ok();
    let sound = fs::read(path("sound.tar")).unwrap();
    let reader = Machine::of(Case::new());
    let import =
        |name: &str, key: &str| reader.case.run(["cache", "import", &path(name), "--cache-trust", key]).fails(2);
    import("sound.tar", &other).says("error[cache-untrusted]").says("ac/inputs/");
    reader.case.run(["cache", "import", &path("sound.tar")]).fails(2).says("no key is trusted");
    import("nothing.tar", &public);
    let changed = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cut = |at: usize| sound[..at].to_vec();
    for (what, bytes) in [
        ("a flipped bit in the first record", changed(600)),
        ("a flipped bit in a blob", changed(sound.len() - 4096)),
        ("no end", cut(sound.len() - 1024)),
        ("half an end", cut(sound.len() - 512)),
        ("half of it", cut(sound.len() / 2)),
        ("whole entries without an end", cut(512)),
        ("nothing", Vec::new()),
        ("something else", b"PK\x03\x04".repeat(1000)),
    ] {
        fs::write(path("damaged.tar"), bytes).unwrap();
        import("damaged.tar", &public);
        let status: serde_json::Value =
            serde_json::from_str(&reader.case.run(["cache", "status", "--json"]).ok().stdout).unwrap();
        assert_eq!(status["records"]["entries"], 0, "{what}: {status}");
    }
    fs::write(path("more.tar"), &sound).unwrap();
    fs::write(keys.path().join("extra"), "x").unwrap();
    checked(tool("tar").args(["--append", "-f", &path("more.tar"), "-C", keys.path().to_str().unwrap(), "extra"]));
    import("more.tar", &public).says("error[cache-archive]").says("extra");
}
