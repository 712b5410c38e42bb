//! What goes wrong around a call: a system that fails at any call, disks that are full, limits, signals, other builds, inputs
//! that change. Whatever happens, exit code 0 means the right image, an image that was there is whole, old or new, and there is
//! neither a panic nor a hang.
//!
//! By default each walk is short. `HARDPAN_TEST_STEPS=200` makes it long, and `HARDPAN_TEST_SEED=7` another one.

mod full_disks;
mod injected_errors;
mod limits;
mod publication;
mod signals;
mod together;

use std::{fs, path::Path};

use crate::support::{
    case::{APP, Case},
    elf, judges,
    layout::Layout,
    output::Output,
};

/// The names of the recipes of [`three`].
const NAMES: [&str; 3] = ["a", "b", "c"];

/// Three recipes, `a`, `b` and `c`, whose images have a file with `text`; no cache.
fn three(text: &str) -> Case {
    let case = Case::new().file("app", elf::static_amd64()).env("XDG_CACHE_HOME", "/dev/null/no-folder");
    change(case, text)
}

/// The same recipes with another text.
fn change(case: Case, text: &str) -> Case {
    NAMES.iter().fold(case, |case, name| {
        case.file(format!("{name}.toml"), format!("{APP}\n[[file]]\ntext = \"{name} {text}\"\nto = \"/etc/text\"\n"))
    })
}

/// The words that build the three with further options.
fn build_all<'w>(options: &[&'w str]) -> Vec<&'w str> {
    [&["build", "--quiet"], options, &["a.toml", "b.toml", "c.toml"]].concat()
}

/// The digests of the three layouts in `out`, each of which a judge finds whole; none where there is no layout. There may be blobs
/// too many, which the next publish removes.
fn whole_digests(case: &Case) -> [Option<String>; 3] {
    NAMES.map(|name| {
        let path = case.path(format!("out/{name}"));
        path.exists().then(|| {
            assert_eq!(judges::imagespec_problems(&path), Vec::<String>::new(), "{name}");
            Layout::open(&path, None).digest()
        })
    })
}

/// The same, where there is no blob too many.
fn digests(case: &Case) -> [Option<String>; 3] {
    let digests = whole_digests(case);
    for name in NAMES.iter().filter(|name| case.path(format!("out/{name}")).exists()) {
        let layout = Layout::open(case.path(format!("out/{name}")), None);
        assert_eq!(layout.blobs(), layout.referenced(), "{name}");
    }
    digests
}

/// The paths below a folder that no result has: names that only temporary files have.
fn leftovers(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.map(Result::unwrap) {
        if entry.file_name().to_string_lossy().contains(".hardpan-") {
            found.push(entry.path().display().to_string());
        } else if entry.file_type().unwrap().is_dir() {
            found.extend(leftovers(&entry.path()));
        }
    }
    found
}

/// Asserts what is true of every end: an exit code of hardpan's own, and an error with a name where it is not 0.
#[track_caller]
fn assert_told(output: &Output, what: &str) {
    assert!([0, 1, 2].contains(&output.code), "{what}: ended with {}\n{}", output.code, output.stderr);
    assert!(!output.stderr.contains("panicked"), "{what}: {}", output.stderr);
    // An audit that could not look at everything says so in its report.
    let is_named = output.stderr.contains("error[") || output.stdout.contains("\nincomplete: ");
    assert!(output.code == 0 || is_named, "{what}: no error is named\n{}", output.stderr);
}
