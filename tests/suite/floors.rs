//! The house as `src/lib.rs` documents it: a room imports only what lies on a lower floor.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The Rust files below a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// `//! floor N: a, b` lines of `src/lib.rs`, as room and floor.
fn floors() -> BTreeMap<String, u32> {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    let lines = text.lines().filter_map(|line| line.strip_prefix("//! floor "));
    lines
        .flat_map(|line| {
            let (floor, rooms) = line.split_once(": ").unwrap();
            let floor = floor.parse::<u32>().unwrap();
            rooms.split(", ").map(move |room| (room.to_owned(), floor)).collect::<Vec<_>>()
        })
        .collect()
}

/// The rooms that a source text names behind `crate::`, also inside of braces.
fn imports(text: &str) -> Vec<String> {
    // Comments name rooms that the code does not use.
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            None => rooms.push(name(rest)),
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, c) in group.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        c if start && depth == 0 && c.is_alphabetic() => {
                            rooms.push(name(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    rooms
}

fn name(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn every_room_is_on_a_floor_and_every_import_points_down() {
    let floors = floors();
    assert!(floors.len() >= 9, "{floors:?}");
    let mut wrong = Vec::new();
    for path in sources(&src()) {
        let inside = path.strip_prefix(src()).unwrap().to_string_lossy().into_owned();
        let room = inside.split(['/', '.']).next().unwrap().to_owned();
        if room == "lib" || room == "main" {
            continue;
        }
        let floor = floors.get(&room).unwrap_or_else(|| panic!("src/lib.rs puts `{room}` on no floor"));
        for import in imports(&fs::read_to_string(&path).unwrap()) {
            // The ground is one floor with an order of its own: `oci` stands on `report`.
            let ground = room == "oci" && import == "report";
            let down = floors.get(&import).is_some_and(|other| other < floor);
            if import != room && !down && !ground {
                wrong.push(format!("{inside} imports `{import}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up or sideways: {wrong:#?}");
}

#[test]
fn a_group_of_imports_is_read_as_its_rooms() {
    let text =
        "use crate::{\n    layer::{self, Entry},\n    oci::Digest,\n};\nuse crate::report::Failure;\n// crate::cli\n";
    assert_eq!(imports(text), ["layer", "oci", "report"]);
}

/// Which files may use what: the invariants of `src/lib.rs` that a search can hold.
#[test]
fn only_the_named_rooms_touch_the_world() {
    let rules: [(&[&str], &[&str]); 5] = [
        // Only `cli` reads the environment, the clock and the terminal.
        (&["env::var", "env::vars", "SystemTime::now", "Instant::now", "is_terminal()"], &["cli/"]),
        // `HOME` alone says where it is: the user database cannot be asked from a static program.
        (&["env::home_dir", "getpwuid"], &[]),
        // Only `build::compile`, `engine` and `registry::auth` start a child process.
        (&["Command::new", "process::Command"], &["build/compile/", "engine/", "registry/auth/"]),
        // Only `cli` prints.
        (&["println!", "eprintln!", "io::stdout", "io::stderr"], &["cli/"]),
        // No map without an order anywhere.
        (&["HashMap<", "HashSet<", "HashMap::", "HashSet::"], &[]),
    ];
    let mut wrong = Vec::new();
    for path in sources(&src()) {
        let inside = path.strip_prefix(src()).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        // Unit tests may do as they like.
        let code = text.split("#[cfg(test)]").next().unwrap();
        if inside.ends_with("_tests.rs") || inside.ends_with("/tests.rs") {
            continue;
        }
        for (words, rooms) in &rules {
            let allowed = rooms.iter().any(|room| inside.starts_with(room));
            for word in words.iter().filter(|word| !allowed && code.contains(**word)) {
                wrong.push(format!("{inside} uses `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The encoder's output depends on its input alone, so its crate knows nothing of the machine.
#[test]
fn the_encoder_does_not_ask_the_machine() {
    let words =
        ["env::", "SystemTime", "Instant", "available_parallelism", "is_x86_feature_detected", "HashMap", "fs::"];
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/deflate/src"));
    assert!(sources.len() >= 15, "{sources:?}");
    for path in sources.iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for word in words {
            assert!(!code.contains(word), "{} uses `{word}`", path.display());
        }
    }
}

#[test]
fn rooms_that_open_nothing_open_nothing() {
    for room in ["oci", "report", "policy", "secrets", "recipe"] {
        // The one file that is there to write files for the rooms above.
        let atomic_file = src().join("report/atomic_file.rs");
        for path in sources(&src().join(room)).into_iter().filter(|path| *path != atomic_file) {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for word in ["std::fs", "fs_err", "File::open", "std::net", "rustix::fs", "read_to_string"] {
                assert!(!code.contains(word), "{} uses `{word}`", path.display());
            }
        }
    }
}
