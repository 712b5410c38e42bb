//! A file that looks as it did before is believed only where a change could not look like that.

use std::{
    fs::{self, File, FileTimes},
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, SystemTime},
};

use crate::support::{
    case::{APP, Case, scratch},
    clock::tick,
    elf, elf_writer,
    judges::{checked, imagespec_problems, tool},
    mounts::Mount,
    walks::{Dice, Ground, kill, steps},
};

/// Inputs in a folder that may be on another file system.
const RECIPE: &str = "[[file]]\nfrom = \"in/data\"\nto = \"/srv/data\"\n\n[[tree]]\nfrom = \"in/many\"\nto = \"/srv/many\"\ninclude = [\"*\"]\n";
/// What the same input makes another layer of.
const ELSEWHERE: &str = "[[file]]\nfrom = \"in/data\"\nto = \"/srv/elsewhere\"\n";

fn case() -> Case {
    let mut case = Case::new()
        .recipe(&format!("{APP}\n{RECIPE}"))
        .file("other.toml", format!("{APP}\n{ELSEWHERE}"))
        .file("app", elf::static_amd64_of(200_000))
        .file("in/data", elf_writer::noise(300_000));
    for number in 0..4 {
        case = case.file(format!("in/many/{number}"), format!("text {number} 0\n"));
    }
    let cache = case.path("cache");
    case.env("XDG_CACHE_HOME", cache)
}

/// Changes a file as far as its size and its modification time do not tell.
fn replace(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    let size = bytes.len();
    change(&mut bytes);
    assert_eq!(bytes.len(), size);
    fs::write(path, bytes).unwrap();
    age(path);
}

/// Gives a file the modification time that all of them have.
fn age(path: &Path) {
    set_modified(path, SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000));
}

/// Sets the time of the last access, too: bindfs ignores who sets one of both.
fn set_modified(path: &Path, time: SystemTime) {
    let times = FileTimes::new().set_accessed(time).set_modified(time);
    File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

fn age_all(case: &Case) {
    for name in NAMES {
        age(&case.path("in").join(name));
    }
}

/// The inputs, in their folder.
const NAMES: [&str; 5] = ["many/0", "many/1", "many/2", "many/3", "data"];

/// All that a look at a file tells.
fn state(path: &Path) -> impl PartialEq + std::fmt::Debug + use<> {
    let meta = fs::metadata(path).unwrap();
    let (modified, changed) = ((meta.mtime(), meta.mtime_nsec()), (meta.ctime(), meta.ctime_nsec()));
    (meta.dev(), meta.ino(), meta.size(), modified, changed)
}

/// The digest of a build that knows nothing.
fn cold(case: &Case) -> String {
    let cache = scratch();
    case.clone().env("XDG_CACHE_HOME", cache.path()).run(["build", "app.toml", "--output", "cold"]).ok().digest()
}

/// Makes the inputs a repository of git with two branches, whose files differ under the same sizes.
fn branches(inputs: &Path) {
    git(inputs, &["init", "-q"]);
    for branch in ["one", "two"] {
        git(inputs, &["checkout", "-q", "-b", branch]);
        for number in 0..4 {
            fs::write(inputs.join(format!("many/{number}")), format!("text {number} {}\n", &branch[..1])).unwrap();
        }
        git(inputs, &["add", "."]);
        git(inputs, &["commit", "-q", "-m", branch]);
    }
}

fn git(dir: &Path, arguments: &[&str]) {
    let mut git = tool("git");
    git.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"]);
    checked(git.args(arguments));
}

/// Files change in place under their sizes and times, are replaced by a rename, swapped, become those of another branch, and
/// go back; builds are killed.
#[track_caller]
fn warm_is_cold(ground: &str, default_steps: u32) {
    let case = case();
    // After some renames fuse-overlayfs shows git a file that is there as one that is not.
    let has_branches = ground != "fuse-overlayfs";
    branches(&case.path("in"));
    let mut ground = Ground::new(ground, &case.path("in"));
    let inputs = ground.stage();
    let files: Vec<PathBuf> = NAMES.iter().map(|name| inputs.join(name)).collect();
    let age_all = || files.iter().for_each(|file| age(file));
    age_all();
    tick();
    let mut dice = Dice::new();
    for step in 0..steps(default_steps) {
        let file = &files[dice.below(files.len())];
        let letter = dice.one_of(b"012");
        let change = |bytes: &mut Vec<u8>| {
            let at = bytes.len() - 2;
            bytes[at] = letter;
        };
        match dice.below(6) {
            0 => {
                let new = file.with_extension("new");
                fs::copy(file, &new).unwrap();
                replace(&new, change);
                fs::rename(&new, file).unwrap();
            }
            1 => {
                let (one, two) = (&files[0], &files[1 + dice.below(3)]);
                let aside = one.with_extension("aside");
                fs::rename(one, &aside).unwrap();
                fs::rename(two, one).unwrap();
                fs::rename(&aside, two).unwrap();
            }
            2 if has_branches => {
                git(&inputs, &["checkout", "-q", "-f", dice.one_of(&["one", "two"])]);
                age_all();
            }
            _ => replace(file, change),
        }
        ground.show();
        if dice.below(2) == 0 {
            tick();
        }
        if dice.below(4) == 0 {
            kill(&mut case.command(["build", "app.toml"]), Duration::from_micros(dice.below(40_000) as u64));
        }
        assert_eq!(case.build().ok().digest(), cold(&case), "step {step}");
    }
}

#[test]
fn a_warm_build_is_a_cold_one_on_the_file_system_of_the_tests() {
    warm_is_cold("here", 45);
}

#[test]
fn a_warm_build_is_a_cold_one_on_ext4() {
    warm_is_cold("ext4", 10);
}

#[test]
fn a_warm_build_is_a_cold_one_on_tmpfs() {
    warm_is_cold("tmpfs", 30);
}

#[test]
fn a_warm_build_is_a_cold_one_through_fuse() {
    warm_is_cold("fuse", 15);
}

#[test]
fn a_warm_build_is_a_cold_one_on_an_overlay() {
    warm_is_cold("overlay", 15);
}

#[test]
fn a_warm_build_is_a_cold_one_on_an_overlay_through_fuse() {
    warm_is_cold("fuse-overlayfs", 10);
}

#[test]
fn a_warm_build_is_a_cold_one_on_a_squashfs() {
    warm_is_cold("squashfs", 10);
}

#[test]
fn a_warm_build_is_a_cold_one_on_images_of_an_ext4() {
    warm_is_cold("image", 5);
}

/// The fault: an input that was believed, read for a layer, and other bytes than those of the layer's key. A build on a
/// good file system, whose inputs had the bytes of the key, shipped a file that is in none of its inputs.
#[test]
fn no_layer_is_kept_under_the_fingerprint_of_other_bytes() {
    let case = case();
    let (data, original) = (case.path("in/data"), fs::read(case.path("in/data")).unwrap());
    {
        let _mount = Mount::fuse(&case.path("in"));
        age_all(&case);
        case.build().ok();
        replace(&data, |bytes| bytes[1000] ^= 1);
        case.run(["build", "other.toml"]).ok();
    }
    fs::write(&data, &original).unwrap();
    let image = case.run(["build", "other.toml"]).ok().layout().image();
    assert!(image.entry("/srv/elsewhere").content == original, "the image has bytes that are in no input");
}

/// A process that keeps a file in a mapping that is shared, and stores a letter at its second to last byte for each line.
struct Mapping(Child, BufReader<std::process::ChildStdout>);

impl Mapping {
    fn of(path: &Path) -> Self {
        let script = "import mmap, sys\nfile = open(sys.argv[1], 'r+b')\nmapping = mmap.mmap(file.fileno(), 0)\n\
                      mapping[-2]\nprint('open', flush=True)\n\
                      for line in sys.stdin:\n    mapping[-2] = ord(line[0])\n    print('stored', flush=True)\n";
        let mut python = tool("python3");
        python.args(["-c", script]).arg(path).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().expect("python3");
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut mapping = Self(child, output);
        mapping.answer();
        mapping
    }

    fn store(&mut self, letter: char) {
        writeln!(self.0.stdin.as_ref().unwrap(), "{letter}").unwrap();
        self.answer();
    }

    fn answer(&mut self) {
        let mut line = String::new();
        assert!(self.1.read_line(&mut line).unwrap() > 0, "python3 ended");
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_store_through_a_mapping_on_tmpfs_is_seen_by_the_next_build() {
    let case = case();
    let _mount = Mount::tmpfs(&case.path("in"));
    let data = case.path("in/data");
    let mut mapping = Mapping::of(&data);
    tick();
    let first = case.build().ok().digest();
    let before = state(&data);
    mapping.store('y');
    assert_eq!(state(&data), before, "a store moves a time, and this test shows nothing");
    let warm = case.build().ok().digest();
    assert_ne!(warm, first);
    assert_eq!(warm, cold(&case));
}

/// A program whose compile runs `script`, beside the inputs, which are pinned before anything is compiled.
fn with_script(script: &str) -> Case {
    case()
        .file("prog/Cargo.toml", "[package]\nname = \"prog\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
        .file("prog/Cargo.lock", "version = 4\n\n[[package]]\nname = \"prog\"\nversion = \"0.1.0\"\n")
        .file("prog/src/main.rs", "fn main() {}\n")
        .file("prog/build.rs", format!("fn main() {{\n    let root = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/..\");\n{script}}}\n"))
        .file(
            "prog.toml",
            format!(
                "name = \"prog\"\n[[binary]]\ncargo = \"prog\"\ndir = \"prog\"\ntarget = \"x86_64-unknown-linux-gnu\"\n{RECIPE}"
            ),
        )
        .file(".git/HEAD", "")
}

#[test]
fn input_changed_during_a_build() {
    let case = with_script(
        "    let path = format!(\"{root}/in/data\");\n\
        \x20   let old = std::fs::metadata(&path).unwrap().modified().unwrap();\n\
        \x20   let mut bytes = std::fs::read(&path).unwrap();\n    bytes[1000] ^= 1;\n    std::fs::write(&path, bytes).unwrap();\n\
        \x20   std::fs::File::options().write(true).open(&path).unwrap()\n\
        \x20       .set_times(std::fs::FileTimes::new().set_accessed(old).set_modified(old)).unwrap();\n",
    );
    let _mount = Mount::fuse(&case.path("in"));
    age_all(&case);
    // The input is known, and no layer is that has it there.
    case.run(["build", "other.toml"]).ok();
    let before = state(&case.path("in/data"));
    let failed = case.run(["build", "prog.toml", "--offline"]).fails(2);
    assert_eq!(state(&case.path("in/data")), before, "the script has changed the file, and no time tells");
    failed.says("in/data` changed while it was read");
    assert!(!case.path("out/prog").exists());
}

/// Faults that were there once.
mod regression {
    use std::os::unix::fs::MetadataExt as _;

    use super::{
        Mapping, Mount, age_all, case, cold, fs, imagespec_problems, replace, set_modified, state, tick, with_script,
    };

    #[test]
    fn ctime_that_is_the_mtime() {
        let case = case();
        let _mount = Mount::fuse(&case.path("in"));
        age_all(&case);
        let data = case.path("in/data");
        let (before, first) = (state(&data), case.build().ok().digest());
        replace(&data, |bytes| bytes[1000] ^= 1);
        assert_eq!(state(&data), before, "the file system tells changes, and this test shows nothing");
        let warm = case.build().ok().digest();
        assert_ne!(warm, first);
        assert_eq!(warm, cold(&case));
    }

    /// Of a file whose mode or owner was changed, such an overlay has the times in the upper layer and the bytes in the
    /// lower one.
    #[test]
    fn times_in_another_overlay_layer() {
        let case = case();
        let _mount = Mount::overlay_of_split_files(&case.path("in"));
        let data = case.path("in/data");
        tick();
        let (before, first) = (state(&data), case.build().ok().digest());
        let below = case.path("in.layers/lower/data");
        let mut bytes = fs::read(&below).unwrap();
        bytes[1000] ^= 1;
        fs::write(&below, &bytes).unwrap();
        assert_eq!(
            (state(&data), fs::read(&data).unwrap()),
            (before, bytes),
            "the times tell, and this test shows nothing"
        );
        let warm = case.build().ok().digest();
        assert_ne!(warm, first);
        assert_eq!(warm, cold(&case));
    }

    /// The cache and the image are on such a file system, where blobs are links, and one of them is damaged there.
    #[test]
    fn cached_blob_with_a_ctime_that_is_the_mtime() {
        let case = case().folder("cache");
        let _mount = Mount::fuse(&case.path("cache"));
        let build = || case.run(["build", "app.toml", "--output", "cache/out/app"]).ok().digest();
        let first = build();
        fs::remove_dir_all(case.path("cache/out")).unwrap();
        let blobs = fs::read_dir(case.path("cache/hardpan/blobs")).unwrap().map(|entry| entry.unwrap().path());
        let blob = blobs.max_by_key(|path| fs::metadata(path).unwrap().size()).unwrap();
        let modified = fs::metadata(&blob).unwrap().modified().unwrap();
        let mut bytes = fs::read(&blob).unwrap();
        bytes[5000] ^= 1;
        let before = state(&blob);
        fs::write(&blob, bytes).unwrap();
        set_modified(&blob, modified);
        assert_eq!(state(&blob), before);
        assert_eq!(build(), first);
        assert_eq!(imagespec_problems(&case.path("cache/out/app")), Vec::<String>::new());
    }

    /// On a disk, too, a store moves no time as long as the page was not written to it: the state is believed once, wrongly.
    /// What is found when the bytes are read fails the build by the file's name, and the next one reads the file.
    #[test]
    fn stored_page_after_a_look() {
        let case = case();
        let _mount = Mount::ext4(&case.path("in"));
        let data = case.path("in/data");
        for letter in 'b'..'h' {
            let mut mapping = Mapping::of(&data);
            mapping.store('a');
            tick();
            case.build().ok();
            let before = state(&data);
            mapping.store(letter);
            if state(&data) != before {
                // The system has written the page meanwhile; then the state tells.
                continue;
            }
            let layers = || fs::read_dir(case.path("cache/hardpan/layers")).unwrap().count();
            let kept = layers();
            let failed = case.run(["build", "other.toml"]).fails(2);
            failed.says("in/data` changed while it was read").says("build from files that nothing else is writing");
            assert!(!case.path("out/other").exists());
            assert_eq!(layers(), kept);
            let image = case.run(["build", "other.toml"]).ok().layout().image();
            assert!(image.entry("/srv/elsewhere").content == fs::read(&data).unwrap());
            return;
        }
        panic!("each store moved a time, and this test shows nothing");
    }

    /// The same on a disk, by a store into a page that is not written to it yet.
    #[test]
    fn stored_page_during_a_build() {
        let case = with_script(
            "    std::fs::write(format!(\"{root}/waits\"), \"\").unwrap();\n\
            \x20   while !std::path::Path::new(&format!(\"{root}/goes-on\")).exists() {\n\
            \x20       std::thread::sleep(std::time::Duration::from_millis(2));\n    }\n",
        );
        let _mount = Mount::ext4(&case.path("in"));
        let mut mapping = Mapping::of(&case.path("in/data"));
        mapping.store('a');
        tick();
        let output = std::thread::scope(|scope| {
            let build = scope.spawn(|| case.run(["build", "prog.toml", "--offline"]));
            while !case.path("waits").exists() && !build.is_finished() {
                tick();
            }
            // Where the system has written the page meanwhile, the state tells; the build fails all the same.
            mapping.store('b');
            fs::write(case.path("goes-on"), "").unwrap();
            build.join().unwrap()
        });
        assert!(case.path("waits").exists(), "the compile ran");
        output.fails(2).says("in/data` changed while it was read");
        assert!(!case.path("out/prog").exists());
    }
}
