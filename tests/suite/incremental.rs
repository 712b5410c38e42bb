//! What was made before is not made again, and is never believed when it should not be.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::Duration,
};

use crate::support::{
    case::{APP, Case},
    clock::tick,
    elf, elf_writer, judges,
    layout::Layout,
    output::Output,
};

mod corruption;
mod forgery;
mod gate;
mod many;
mod verb;

/// What is at `cache/hardpan` in these cases, which share nothing with anybody.
fn case(recipe: &str) -> Case {
    let case = Case::new().recipe(recipe).file("app", elf::static_amd64_of(200_000));
    let cache = case.path("cache");
    case.env("XDG_CACHE_HOME", cache)
}

/// Entries of three layers.
fn recipe() -> String {
    format!(
        "{APP}\n[[file]]\nfrom = \"data\"\nto = \"/srv/data\"\n\n[[tree]]\nfrom = \"many\"\nto = \"/srv/many\"\n\
         include = [\"**/*.txt\"]\n"
    )
}

fn three_layers() -> Case {
    let mut case = case(&recipe()).file("data", elf_writer::noise(300_000));
    for number in 0..20 {
        case = case.file(format!("many/folder-{}/file-{number}.txt", number % 3), format!("text {number}\n"));
    }
    case
}

/// The layers that a build took as they were.
fn unchanged(output: &Output) -> BTreeSet<String> {
    let lines = output.stderr.lines().filter(|line| line.starts_with("layer ") && line.ends_with(", unchanged"));
    lines.map(|line| line.split(' ').nth(1).unwrap().to_owned()).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A build of `app.toml` and its system calls of these names, with the path of every file descriptor: files are opened
/// from their folders.
fn traced(case: &Case, calls: &str) -> (Output, Vec<String>) {
    let (output, calls) = case.traced(&["-y", &format!("--trace={calls}")], ["build", "app.toml"]);
    (output.ok(), calls)
}

/// What was opened of the cases' inputs, folders left out.
fn opened(calls: &[String]) -> Vec<String> {
    let inputs = ["/work/app\"", "/work/data", "/work/many/"];
    let is_input = |call: &&String| inputs.iter().any(|input| call.contains(input));
    calls.iter().filter(is_input).filter(|call| !call.contains("O_DIRECTORY")).cloned().collect()
}

#[test]
fn of_what_has_not_changed_nothing_is_opened_written_or_synced() {
    let case = three_layers();
    tick();
    let (cold, calls) = traced(&case, "open,openat");
    assert!(opened(&calls).len() >= 22, "the trace sees inputs that are read: {calls:#?}");
    assert_eq!(unchanged(&cold), names(&[]));
    let layout = case.path("out/app");
    let before = fs::metadata(layout.join("index.json")).unwrap();
    let (warm, calls) = traced(&case, "open,openat,fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat");
    assert_eq!(opened(&calls), Vec::<String>::new());
    let writes = ["sync(", "syncfs(", "rename", "link", "O_WRONLY"];
    let wrote: Vec<_> = calls.iter().filter(|call| writes.iter().any(|write| call.contains(write))).collect();
    assert_eq!(wrote, Vec::<&String>::new());
    assert_eq!(unchanged(&warm), names(&["system", "files", "binaries"]));
    assert_eq!((warm.digest(), &warm.stdout), (cold.digest(), &cold.stdout));
    let after = fs::metadata(layout.join("index.json")).unwrap();
    assert_eq!((before.ino(), before.ctime_nsec()), (after.ino(), after.ctime_nsec()));

    // The same where the layout is gone: the cache has all of it.
    fs::remove_dir_all(case.path("out")).unwrap();
    let (again, calls) = traced(&case, "open,openat");
    assert_eq!(opened(&calls), Vec::<String>::new());
    assert_eq!(again.digest(), cold.digest());
    assert_eq!(judges::imagespec_problems(&layout), Vec::<String>::new());
}

#[test]
fn only_the_layer_of_what_changed_is_made_again() {
    let case = three_layers();
    tick();
    let cold = case.build().ok();
    let case = case.file("many/folder-0/file-0.txt", "other");
    let files = case.build().ok();
    assert_eq!(unchanged(&files), names(&["system", "binaries"]));
    let case = case.file("app", elf::static_amd64_of(200_001));
    assert_eq!(unchanged(&case.build().ok()), names(&["system", "files"]));
    // What it was before is still known, whoever built something else between.
    let case = case.file("app", elf::static_amd64_of(200_000)).file("many/folder-0/file-0.txt", "text 0\n");
    let back = case.build().ok();
    assert_eq!(unchanged(&back), names(&["system", "files", "binaries"]));
    assert_eq!(back.digest(), cold.digest());
}

#[test]
fn date_labels_and_names_move_no_layer() {
    let case = three_layers();
    tick();
    let cold = case.build().ok();
    let all = names(&["system", "files", "binaries"]);
    let dated = case.run(["build", "app.toml", "--source-date", "1700000000"]).ok();
    assert_eq!(unchanged(&dated), all);
    assert_ne!(dated.digest(), cold.digest());
    let case = case.edit("app.toml", |recipe| recipe + "\n[run]\nlabels = { a = \"b\" }\n");
    let labelled = case.build().ok();
    assert_eq!(unchanged(&labelled), all);
    let labels = &labelled.layout().image().config["config"]["Labels"];
    assert_eq!(labels["a"], "b");
}

#[test]
fn owners_of_a_layer() {
    // Without accounts, which would tell the layers apart as well, and with a file that makes the layer worth keeping.
    let recipe = |user: &str| {
        let dir = "[[file]]\nfrom = \"data\"\nto = \"/srv/data\"\n\n[[dir]]\nto = \"/var/lib/app\"\nwritable = true\n";
        format!("{APP}\n{dir}\n[run]\nuser = \"{user}\"\n\n[system]\npasswd = false\n")
    };
    let case = case(&recipe("65532:65532")).file("data", elf_writer::noise(300_000));
    tick();
    // Each differs from the one before in its user alone, or in its group alone.
    for (uid, gid, is_known) in [(65532, 65532, false), (65532, 1234, false), (4321, 1234, false), (65532, 1234, true)]
    {
        let output = case.clone().recipe(&recipe(&format!("{uid}:{gid}"))).build().ok();
        let entry = output.layout().image().entry("/var/lib/app");
        assert_eq!((entry.uid, entry.gid), (uid, gid));
        assert_eq!(unchanged(&output).contains("files"), is_known, "{uid}:{gid}");
    }
}

#[test]
fn cold_warm_and_no_cache_give_the_same_image() {
    let case = three_layers();
    let none = case.clone().without_env("XDG_CACHE_HOME").without_env("HOME").env("HOME", "relative");
    let digest = none.build().ok().digest();
    assert!(!case.path("cache").exists());
    fs::remove_dir_all(case.path("out")).unwrap();
    for round in 0..3 {
        assert_eq!(case.build().ok().digest(), digest, "round {round}");
        let problems = judges::imagespec_problems(&case.path("out/app"));
        assert_eq!(problems, Vec::<String>::new());
    }
    for format in ["oci-archive", "docker-archive"] {
        let out = format!("{format}.tar");
        let args = ["build", "app.toml", "--format", format, "--output", &out];
        let archives = [none.run(args).ok(), case.run(args).ok()].map(|_| fs::read(case.path(&out)).unwrap());
        case.run(args).ok();
        assert!(archives.iter().all(|archive| *archive == fs::read(case.path(&out)).unwrap()), "{format}");
    }
}

#[test]
fn an_archive_is_written_again_only_when_it_is_another_one() {
    let case = three_layers();
    for format in ["oci-archive", "docker-archive"] {
        let path = case.path(format!("{format}.tar"));
        let build = |name: &str| {
            fs::write(case.path("app.toml"), format!("name = \"app-{name}\"\n{}", recipe())).unwrap();
            let args = ["build", "app.toml", "--format", format, "--output", path.to_str().unwrap()];
            tick();
            case.run(args).ok();
            (fs::metadata(&path).unwrap().ino(), fs::read(&path).unwrap())
        };
        let first = build("one");
        assert_eq!(build("one").0, first.0, "{format}");
        let other = build("two");
        assert!(other.0 != first.0 && other.1 != first.1, "another name");
        assert_eq!(build("one").1, first.1);
        // Damaged in place, with the times as they were.
        let modified = fs::metadata(&path).unwrap().modified().unwrap();
        let mut damaged = first.1.clone();
        damaged[5000] ^= 1;
        fs::write(&path, damaged).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        assert_eq!(build("one").1, first.1, "{format}");
        fs::remove_file(&path).unwrap();
        assert_eq!(build("one").1, first.1, "{format}");
    }
}

#[test]
fn a_cache_that_cannot_be_used_costs_nothing_but_time() {
    let case = three_layers();
    let digest = case.build().ok().digest();
    let case = case.file("no-folder", "a file");
    let at = |case: &Case, path: &str| case.clone().env("XDG_CACHE_HOME", case.path(path));
    let output = at(&case, "no-folder/x").run(["build", "app.toml", "-v"]).ok().untimed();
    assert_eq!(output.digest(), digest);
    let output = output.says("built without a cache: ");
    assert_eq!(unchanged(&output), names(&[]));
    // One without a word is as good.
    assert_eq!(at(&case, "no-folder/x").run(["build", "app.toml", "--quiet"]).ok().stderr, "");
}

#[test]
fn a_file_that_was_written_again_in_the_same_tick_is_read_again() {
    let case = case(&format!("{APP}\n[[file]]\nfrom = \"data\"\nto = \"/srv/data\"\n"));
    let path = case.path("data");
    let mut last = String::new();
    for round in 0..30 {
        // As fast as possible, the size and the time always the same.
        fs::write(&path, format!("content {round:02}")).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::new(1_600_000_000, 7)).unwrap();
        let digest = case.run(["build", "--quiet", "app.toml"]).ok().digest();
        assert_ne!(digest, last, "round {round}");
        last = digest;
    }
    let image = Layout::open(case.path("out/app"), None).image();
    assert_eq!(image.entry("/srv/data").content, b"content 29");
}

/// The files of a folder of the cache.
fn cached(case: &Case, folder: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(case.path("cache/hardpan").join(folder)) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
