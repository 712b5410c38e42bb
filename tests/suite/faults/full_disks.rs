//! Disks that are full at some moment of a call: the output's, the cache's, that of temporary files.

use std::fs;

use super::{assert_told, change, digests, leftovers, three};
use crate::support::{
    case::{APP, Case},
    elf, elf_writer,
    mounts::Mount,
    walks::steps,
};

/// Bytes of the program, most of which cannot be compressed.
const BYTES: usize = 400_000;

/// A recipe whose image has about so many bytes, with a base of nothing.
fn case() -> Case {
    let noise = elf_writer::noise(BYTES);
    Case::new().file("app", elf::static_amd64()).file("noise", noise).recipe(&recipe("one"))
}

fn recipe(text: &str) -> String {
    format!(
        "{APP}\n[[file]]\nfrom = \"noise\"\nto = \"/srv/noise\"\n\n[[file]]\ntext = \"{text}\"\nto = \"/etc/text\"\n"
    )
}

/// Sizes from too small for anything to enough for everything, as many as there are steps.
fn sizes(default: u32) -> Vec<usize> {
    let count = steps(default).max(2) as usize;
    (0..count).map(|step| 4096 * (2 + step * 320 / (count - 1))).collect()
}

#[test]
fn the_disk_of_the_output() {
    let case = case().env("XDG_CACHE_HOME", "/dev/null/no-folder");
    let digest = case.run(["build", "--quiet", "app.toml", "--output", "elsewhere"]).ok().digest();
    let mut ends = [0, 0];
    for form in ["layout", "oci-archive"] {
        for size in sizes(8) {
            drop(fs::remove_dir_all(case.path("out")));
            let case = case.clone().folder("out");
            let disk = Mount::small(&case.path("out"), size);
            let output = case.run(["build", "--quiet", "app.toml", "--format", form]);
            assert_told(&output, &format!("{form} {size}"));
            ends[usize::from(output.code == 0)] += 1;
            if output.code == 0 {
                assert_eq!(output.digest(), digest, "{size}");
            } else {
                assert_eq!(output.code, 2);
                assert!(output.stderr.contains("no space left on device"), "{size}: {}", output.stderr);
                assert_eq!(fs::read_dir(case.path("out")).unwrap().count(), 0, "{form} {size}: {}", output.stderr);
            }
            drop(disk);
        }
    }
    assert!(ends[0] > 0 && ends[1] > 0, "{ends:?}");
}

#[test]
fn an_old_image_on_a_disk_that_fills_stays() {
    let case = case().env("XDG_CACHE_HOME", "/dev/null/no-folder");
    let mut ends = [0, 0];
    for size in sizes(8).into_iter().filter(|size| *size > 2 * BYTES / 2 + 80_000) {
        let case = case.clone().recipe(&recipe("one"));
        drop(fs::remove_dir_all(case.path("out")));
        let case = case.folder("out");
        let _disk = Mount::small(&case.path("out"), size);
        let before = case.run(["build", "--quiet", "app.toml"]).ok().digest();
        let case = case.recipe(&recipe("two")).file("noise", elf_writer::noise(BYTES + 1).split_off(1));
        let output = case.run(["build", "--quiet", "app.toml"]);
        assert_told(&output, &format!("{size}"));
        ends[usize::from(output.code == 0)] += 1;
        let layout = crate::support::layout::Layout::open(case.path("out/app"), None);
        let expected = if output.code == 0 { output.digest() } else { before };
        assert_eq!(layout.digest(), expected, "{size}: {}", output.stderr);
        assert_eq!(layout.blobs(), layout.referenced());
        assert_eq!(leftovers(&case.path("out")), Vec::<String>::new());
    }
    assert!(ends[0] > 0 && ends[1] > 0, "{ends:?}");
}

#[test]
fn the_disk_of_the_cache() {
    let case = case();
    let digest =
        case.clone().env("XDG_CACHE_HOME", "/dev/null/no-folder").run(["build", "--quiet", "app.toml"]).ok().digest();
    for size in sizes(6) {
        drop(fs::remove_dir_all(case.path("../small")));
        let case = case.clone().folder("../small").env("XDG_CACHE_HOME", case.path("../small"));
        let _disk = Mount::small(&case.path("../small"), size);
        for _ in 0..2 {
            drop(fs::remove_dir_all(case.path("out")));
            let output = case.run(["build", "--quiet", "app.toml"]);
            assert_eq!(output.ok().layout().digest(), digest, "{size}");
        }
    }
}

#[test]
fn the_disk_of_temporary_files() {
    let case = three("one").file("app.toml", "[[binary]]\ngo = \".\"\nto = \"/app\"\n");
    let case = case
        .file("go.mod", "module example.com/small\n\ngo 1.21\n")
        .file("main.go", "package main\n\nfunc main() {}\n");
    let case = change(case, "one").without_env("HOME");
    for size in sizes(3) {
        drop(fs::remove_dir_all(case.path("../tmp")));
        let case = case.clone().folder("../tmp").env("TMPDIR", case.path("../tmp"));
        let disk = Mount::small(&case.path("../tmp"), size);
        let output = case.run(["build", "--quiet", "app.toml"]);
        assert_told(&output, &format!("{size}"));
        assert_eq!(fs::read_dir(case.path("../tmp")).unwrap().count(), 0, "{size}: {}", output.stderr);
        drop(disk);
    }
    // Nothing of that hurts recipes without a compiler.
    case.run(["build", "--quiet", "a.toml", "b.toml", "c.toml"]).ok();
    assert!(digests(&case).iter().all(Option::is_some));
}
