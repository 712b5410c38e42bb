//! What a compile left behind is used again only where a clean compile would give the same program.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, SystemTime},
};

use crate::support::{
    case::{Case, scratch},
    judges::{checked, tool},
    mounts::Mount,
    walks::{Dice, Ground, kill, steps},
};

/// A workspace whose program says what each kind of input holds: a module, a member, a file that a build script reads
/// without a word, a file and a variable that a procedural macro reads, a file outside of the workspace, a variable.
const FILES: [(&str, &str); 14] = [
    ("ws/Cargo.toml", "[workspace]\nmembers = [\"app\", \"lib\", \"mac\"]\nresolver = \"2\"\n"),
    (
        "ws/Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"lib\",\n \"mac\",\n]\n\n\
         [[package]]\nname = \"lib\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"mac\"\nversion = \"0.1.0\"\n",
    ),
    (
        "ws/app/Cargo.toml",
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nlib = { path = \"../lib\" }\nmac = { path = \"../mac\" }\n",
    ),
    (
        "ws/app/src/main.rs",
        "mod part;\nfn main() {\n    println!(\"{} {} {} {} {}\", part::PART, lib::said(), mac::read!(), include_str!(\"../../../outside.txt\"), option_env!(\"TRACKED\").unwrap_or(\"-\"));\n}\n",
    ),
    ("ws/app/src/part.rs", "pub const PART: &str = \"a\";\n"),
    ("ws/app/note.txt", "a"),
    ("ws/lib/Cargo.toml", "[package]\nname = \"lib\"\nversion = \"0.1.0\"\nedition = \"2021\"\n"),
    (
        "ws/lib/build.rs",
        "fn main() {\n    let note = std::fs::read_to_string(\"silent.txt\").unwrap();\n    let told = std::env::var(\"UNTRACKED\").unwrap_or_default();\n    println!(\"cargo:rustc-env=NOTE={note}{told}\");\n}\n",
    ),
    ("ws/lib/silent.txt", "a"),
    ("ws/lib/src/lib.rs", "pub fn said() -> &'static str { env!(\"NOTE\") }\n"),
    (
        "ws/mac/Cargo.toml",
        "[package]\nname = \"mac\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[lib]\nproc-macro = true\n",
    ),
    (
        "ws/mac/src/lib.rs",
        "#[proc_macro]\npub fn read(_: proc_macro::TokenStream) -> proc_macro::TokenStream {\n    let root = std::env::var(\"CARGO_MANIFEST_DIR\").unwrap();\n    let note = std::fs::read_to_string(root + \"/note.txt\").unwrap();\n    format!(\"{:?}\", note + &std::env::var(\"MACRO\").unwrap_or_default()).parse().unwrap()\n}\n",
    ),
    ("outside.txt", "a"),
    ("app.toml", ""),
];

/// The files whose content a step may change.
const INPUTS: [&str; 6] = [
    "ws/app/src/part.rs",
    "ws/app/note.txt",
    "ws/lib/silent.txt",
    "ws/lib/src/lib.rs",
    "outside.txt",
    "ws/app/src/main.rs",
];

/// The state of a checkout: a letter for each input, and the variables of the recipe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    letters: [char; INPUTS.len()],
    variables: [char; 3],
}

impl State {
    /// Writes the checkout. `age` is how old its files claim to be.
    fn write(&self, checkout: &Path, age: Duration) {
        for (path, text) in FILES {
            let at = INPUTS.iter().position(|input| *input == path);
            let letter = at.map_or('a', |at| self.letters[at]);
            let text = match path {
                "ws/lib/src/lib.rs" | "ws/app/src/main.rs" => {
                    format!("{text}// {letter}\npub const UNUSED: char = '{letter}';\n")
                }
                "app.toml" => self.recipe(),
                _ => text.replace("\"a\"", &format!("\"{letter}\"")),
            };
            let text = if text == "a" { letter.to_string() } else { text };
            let file = checkout.join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            // The bytes change in place, and the time is set: neither the size nor the time tells.
            if fs::read_to_string(&file).ok().as_ref() != Some(&text) {
                fs::write(&file, text).unwrap();
            }
            let time = SystemTime::UNIX_EPOCH + age;
            // Both times: bindfs ignores who sets one of them.
            let times = fs::FileTimes::new().set_accessed(time).set_modified(time);
            fs::File::options().write(true).open(&file).unwrap().set_times(times).unwrap();
        }
    }

    fn recipe(&self) -> String {
        let [tracked, untracked, macro_] = self.variables;
        format!(
            "name = \"app\"\n[[binary]]\ncargo = \"app\"\ndir = \"ws\"\ntarget = \"x86_64-unknown-linux-gnu\"\n\
             env = {{ TRACKED = \"{tracked}\", UNTRACKED = \"{untracked}\", MACRO = \"{macro_}\" }}\n[system]\ncertificates = \"none\"\n"
        )
    }

    /// What a clean compile of it prints.
    fn said(&self) -> String {
        let [part, note, silent, _, outside, _] = self.letters;
        let [tracked, untracked, macro_] = self.variables;
        format!("{part} {silent}{untracked} {note}{macro_} {outside} {tracked}")
    }
}

/// Into a folder beside the checkouts, which may be read-only.
const BUILD: [&str; 5] = ["build", "app.toml", "--offline", "--output", "../out/app"];

fn program(case: &Case, folder: &str) -> (String, String) {
    let built = case.clone().cwd(folder).run(BUILD).ok();
    let digest = built.digest();
    let path = case.path("app.bin");
    fs::write(&path, built.layout().image().entry("/usr/bin/app").content).unwrap();
    checked(tool("chmod").arg("755").arg(&path));
    (checked(&mut Command::new(&path)).trim().to_owned(), digest)
}

/// One of two checkouts that share what was compiled.
struct Side {
    folder: &'static str,
    ground: Ground,
    state: State,
    /// What its branches hold.
    branches: Vec<State>,
}

impl Side {
    fn new(case: &Case, folder: &'static str) -> Self {
        let state = State { letters: ['a'; INPUTS.len()], variables: ['x'; 3] };
        let ground = Ground::chosen(&case.clone().folder(folder).path(folder));
        let side = Self { folder, ground, state, branches: Vec::new() };
        side.write(0);
        git(&side.ground.stage(), &["init", "-q"]);
        side
    }

    fn write(&self, age: usize) {
        self.state.write(&self.ground.stage(), Duration::from_secs(1_000_000_000 + age as u64));
    }

    /// Keeps what is checked out as a branch.
    fn keep(&mut self) {
        let (stage, name) = (self.ground.stage(), format!("branch-{}", self.branches.len()));
        let files = FILES.iter().map(|(path, _)| *path);
        git(&stage, &["checkout", "-q", "-b", &name]);
        git(&stage, &[&["add", "-f"][..], &files.collect::<Vec<_>>()].concat());
        git(&stage, &["commit", "-q", "--allow-empty", "-m", &name]);
        self.branches.push(self.state.clone());
    }

    /// Checks a branch out.
    fn switch(&mut self, branch: usize) {
        git(&self.ground.stage(), &["checkout", "-q", "-f", &format!("branch-{branch}")]);
        self.state = self.branches[branch].clone();
    }
}

fn git(dir: &Path, arguments: &[&str]) {
    let mut git = tool("git");
    checked(git.current_dir(dir).args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments));
}

/// Two checkouts of different age share what was compiled; sources change with size and time kept, go back and become those
/// of other branches, variables change that nothing declares, and compiles are killed. The program always says what is in the
/// checkout, and a state has one digest.
#[test]
fn a_warm_compile_is_a_cold_one_whatever_the_times_of_files_say() {
    let cache = scratch();
    let case = Case::new().env("XDG_CACHE_HOME", cache.path());
    let mut dice = Dice::new();
    let mut sides = [Side::new(&case, "one"), Side::new(&case, "two")];
    let mut digests = std::collections::BTreeMap::new();
    for step in 0..steps(14) {
        let at = dice.below(2);
        let other = sides[1 - at].state.clone();
        let side = &mut sides[at];
        let letter = dice.one_of(&['a', 'b', 'c']);
        match dice.below(13) {
            0..6 => side.state.letters[dice.below(INPUTS.len())] = letter,
            6..9 => side.state.variables[dice.below(3)] = letter,
            9 => side.state = other,
            10 => side.keep(),
            _ if side.branches.is_empty() => side.keep(),
            _ => side.switch(dice.below(side.branches.len())),
        }
        side.write(dice.below(1000));
        side.ground.show();
        if dice.below(4) == 0 {
            let mut build = case.clone().cwd(side.folder).command(BUILD);
            kill(&mut build, Duration::from_millis(dice.below(900) as u64));
        }
        let (said, digest) = program(&case, side.folder);
        assert_eq!(said, side.state.said(), "step {step} in {}: {:?}", side.folder, side.state);
        let known = digests.entry(side.state.clone()).or_insert_with(|| digest.clone());
        assert_eq!(*known, digest, "step {step}: one state, two programs");
    }
}

/// Sets both times of a file back.
fn age(path: &Path) {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_500_000_000);
    let times = fs::FileTimes::new().set_accessed(old).set_modified(old);
    fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();
}

/// Go remembers the constraints, imports and embedded files of a package by the sizes and times of its files, on any file
/// system.
#[test]
fn go_constraint_changed_under_its_old_time() {
    let case = Case::new()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n")
        .file("cmd/prog/main.go", "package main\n\nfunc main() { println(said) }\n")
        .file("prog.toml", "name = \"prog\"\n[[binary]]\ngo = \"./cmd/prog\"\ntags = [\"chosen\"]\n");
    let write = |first: &str, second: &str| {
        for (file, tag) in [("first", first), ("second", second)] {
            let text = format!("//go:build {tag}\n\npackage main\n\nconst said = \"{file} was compiled\"\n");
            fs::write(case.path(format!("cmd/prog/{file}.go")), text).unwrap();
        }
        for file in ["main", "first", "second"] {
            age(&case.path(format!("cmd/prog/{file}.go")));
        }
        let built = case.run(["build", "prog.toml", "--offline"]).ok();
        let program = built.layout().image().entry("/usr/bin/prog").content;
        let has = |text: &str| program.windows(text.len()).any(|window| window == text.as_bytes());
        (has("first was compiled"), has("second was compiled"))
    };
    assert_eq!(write("chosen", "absent"), (true, false));
    assert_eq!(write("absent", "chosen"), (false, true));
}

/// Faults that were there once.
mod regression {
    use super::{Case, Mount, age, fs, program, scratch};

    /// A library is compiled from a file outside of its package, and then a build script changes that file under its size and
    /// time. The next build compiles it again, whether the file was known before or not, and whether times tell changes or not.
    #[test]
    fn file_changed_during_a_compile() {
        let script = "fn main() {\n    println!(\"cargo:rustc-env=NOTE={}\", lib::SAID);\n\
            \x20   let path = concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../shared/outside.txt\");\n\
            \x20   if std::fs::read(path).unwrap() == b\"a\" {\n        std::fs::write(path, b\"b\").unwrap();\n\
            \x20       let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_500_000_000);\n\
            \x20       let times = std::fs::FileTimes::new().set_accessed(old).set_modified(old);\n\
            \x20       std::fs::File::options().write(true).open(path).unwrap().set_times(times).unwrap();\n    }\n}\n";
        let manifest = |name: &str, rest: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{rest}")
        };
        for is_known in [true, false] {
            let cache = scratch();
            let case = Case::new()
                .env("XDG_CACHE_HOME", cache.path())
                .file("one/ws/Cargo.toml", "[workspace]\nmembers = [\"app\", \"lib\"]\nresolver = \"2\"\n")
                .file(
                    "one/ws/Cargo.lock",
                    "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"lib\",\n]\n\n\
                     [[package]]\nname = \"lib\"\nversion = \"0.1.0\"\n",
                )
                .file("one/ws/app/Cargo.toml", manifest("app", "[build-dependencies]\nlib = { path = \"../lib\" }\n"))
                .file("one/ws/app/build.rs", script)
                .file("one/ws/app/src/main.rs", "fn main() {\n    println!(\"{}\", env!(\"NOTE\"));\n}\n")
                .file("one/ws/lib/Cargo.toml", manifest("lib", ""))
                .file(
                    "one/ws/lib/src/lib.rs",
                    "pub const SAID: &str = include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../shared/outside.txt\"));\n",
                )
                .file("one/.git/HEAD", "")
                .file(
                    "one/app.toml",
                    "name = \"app\"\n[[binary]]\ncargo = \"app\"\ndir = \"ws\"\ntarget = \"x86_64-unknown-linux-gnu\"\n\
                     [system]\ncertificates = \"none\"\n",
                )
                .file("one/shared/outside.txt", "c");
            let outside = case.path("one/shared/outside.txt");
            let _mount = (!is_known).then(|| Mount::fuse(&case.path("one/shared")));
            if is_known {
                age(&outside);
                assert_eq!(program(&case, "one").0, "c");
            }
            fs::write(&outside, "a").unwrap();
            age(&outside);
            assert_eq!(program(&case, "one").0, "a", "known: {is_known}");
            assert_eq!(fs::read(&outside).unwrap(), b"b", "the build script has changed the file");
            assert_eq!(program(&case, "one").0, "b", "known: {is_known}");
            assert_eq!(program(&case, "one").0, "b", "known: {is_known}");
        }
    }
}
