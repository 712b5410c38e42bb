//! Runs one folder of `tests/refusals`. The README there says what such a folder holds.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::KeyPair;

use crate::support::{
    case::{Case, HARDPAN, scratch},
    elf::{self, Elf, Machine},
    elf_writer::noise,
    output::Output,
};

/// What a case runs when it has no file `cmd`.
const BUILD: &str = "hardpan build app.toml";

/// The files of a case that are not inputs of hardpan.
const OWN: [&str; 4] = ["expected.txt", "cmd", "setup", "above"];

/// Runs the case `GROUP/NAME`, and compares what hardpan says with `expected.txt`.
#[track_caller]
pub(super) fn check(group: &str, name: &str) {
    let folder = root().join(group).join(name);
    let secrets = Secrets::new();
    let case = prepared(&folder, &secrets);
    let command = fs::read_to_string(folder.join("cmd")).unwrap_or_else(|_| BUILD.to_owned());
    let before = everything(&case);
    let output = case.run_under::<_, &str>(["sh", "-c", &secrets.put_into(&command)], []);
    assert_eq!(everything(&case), before, "something was written");
    compare(&folder.join("expected.txt"), &told(&output, &secrets));
}

/// The folder of all cases.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refusals")
}

/// Whether the texts are accepted as they are now.
pub(super) fn blessing() -> bool {
    env::var_os("HARDPAN_BLESS").is_some()
}

/// The case's files in a folder of their own, beside a good program `app`.
fn prepared(folder: &Path, secrets: &Secrets) -> Case {
    let (program, path) = (Path::new(HARDPAN), env::var_os("PATH").expect("a PATH"));
    let folders = program.parent().map(Path::to_owned).into_iter().chain(env::split_paths(&path));
    let case = Case::new().env("PATH", env::join_paths(folders).expect("a PATH")).file("app", elf::static_amd64());
    copy(folder, &case.dir(), secrets, &OWN);
    if folder.join("above").exists() {
        copy(&folder.join("above"), &case.path(".."), secrets, &[]);
    }
    if folder.join("setup").exists() {
        let made = scratch();
        for (name, content) in made_files(secrets) {
            fs::write(made.path().join(name), content).expect("a file for the setup");
        }
        let ended = Command::new("sh")
            .arg("-e")
            .arg(folder.join("setup"))
            .current_dir(case.dir())
            .env("MADE", made.path())
            .env("TOKEN", &secrets.token)
            .env("KEY", &secrets.key)
            .status();
        assert!(ended.expect("sh").success(), "the setup fails");
    }
    case
}

/// Copies the files of a case, with the secrets in the places of their names.
fn copy(from: &Path, to: &Path, secrets: &Secrets, without: &[&str]) {
    for entry in fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).expect("a file of the case");
        if without.iter().any(|own| name == *own) {
            continue;
        }
        let to = to.join(name);
        if path.is_dir() {
            fs::create_dir(&to).expect("a folder of the case");
            copy(&path, &to, secrets, &[]);
        } else {
            let content = fs::read(&path).expect("a file of the case");
            let content = String::from_utf8(content).map(|text| secrets.put_into(&text).into_bytes());
            fs::write(to, content.unwrap_or_else(std::string::FromUtf8Error::into_bytes)).expect("a file of the case");
        }
    }
}

/// What stands for a secret. Made when the test runs, so that none is in the repository.
struct Secrets {
    key: String,
    key_der: Vec<u8>,
    token: String,
}

impl Secrets {
    fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let token = format!("gl{}-{}", "pat", "x7Kq2mZv9TbN4cRwYs8d");
        Self { key: key.serialize_pem(), key_der: key.serialize_der(), token }
    }

    fn put_into(&self, text: &str) -> String {
        text.replace("@KEY@\n", &self.key)
            .replace("@KEY_IN_ONE_LINE@", &self.key.replace('\n', "\\n"))
            .replace("@TOKEN@", &self.token)
    }

    /// Whether one of them is in a text that everybody may read.
    fn are_in(&self, text: &str) -> bool {
        text.contains(&self.token) || self.key.lines().any(|line| !line.starts_with('-') && text.contains(line))
    }
}

/// What a setup finds in `$MADE`: programs and a key.
fn made_files(secrets: &Secrets) -> Vec<(&'static str, Vec<u8>)> {
    let linked = || Elf::executable(Machine::Amd64).interpreter("/lib64/ld-linux-x86-64.so.2").needs("libfoo.so");
    let library = |machine| Elf::shared_object(machine, "lib.so");
    vec![
        ("big-endian-arm64", elf::big_endian_arm64()),
        ("core-dump-amd64", elf::core_dump_amd64()),
        ("cut-off-amd64", elf::cut_off_amd64()),
        ("dynamic-amd64", elf::dynamic_amd64()),
        ("key.der", secrets.key_der.clone()),
        ("library-libfoo-amd64", elf::shared_object_amd64()),
        ("library-amd64", library(Machine::Amd64).bytes()),
        ("library-arm64", library(Machine::Arm64).bytes()),
        ("library-with-libbar-amd64", library(Machine::Amd64).needs("libbar.so").bytes()),
        ("library-with-libc-amd64", library(Machine::Amd64).needs("libc.so.6").bytes()),
        ("linked-with-libfoo-amd64", linked().bytes()),
        ("noise-100000", noise(100_000)),
        ("program-386", elf::wrong_class()),
        ("relocatable-amd64", elf::relocatable_amd64()),
        ("static-amd64", elf::static_amd64()),
        ("static-amd64-of-40000", elf::static_amd64_of(40_000)),
        ("static-amd64-of-300000", elf::static_amd64_of(300_000)),
        ("static-arm64", elf::static_arm64()),
        ("truncated-amd64", elf::truncated_amd64()),
        ("without-loader-amd64", elf::needs_without_loader_amd64()),
    ]
}

/// The exit code and the messages, as `expected.txt` has them.
#[track_caller]
fn told(output: &Output, secrets: &Secrets) -> String {
    assert!(matches!(output.code, 1 | 2), "no refusal: exit code {}\n{}", output.code, output.stderr);
    assert_eq!(output.stdout, "", "a failed run prints no data");
    let messages = output.messages();
    assert!(!secrets.are_in(&messages), "a secret is shown:\n{messages}");
    let mut text = format!("exit code {}\n", output.code);
    for line in messages.lines() {
        // How small a layer became is another test's.
        let progress = line.starts_with("layer ").then(|| line.split_once("): ")).flatten();
        let line = progress.map_or_else(|| line.to_owned(), |(layer, _)| format!("{layer}): ..."));
        writeln!(text, "{line}").expect("a text grows");
    }
    text
}

#[track_caller]
fn compare(file: &Path, text: &str) {
    let expected = fs::read_to_string(file).unwrap_or_default();
    if blessing() && expected != text {
        fs::write(file, text).expect("the accepted text");
        return;
    }
    assert!(
        expected == text,
        "{} differs; tests/refusals/README.md says how it is accepted.\nexpected:\n{expected}\nsaid:\n{text}",
        file.display()
    );
}

/// Every path of the case and around it, with what tells whether it was touched.
pub(super) fn everything(case: &Case) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    collect_states(case.dir().parent().expect("the case is in a folder"), &mut found);
    found
}

fn collect_states(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).expect("a folder of the case") {
        let path = entry.expect("its entry").path();
        let meta = path.symlink_metadata().expect("what it is");
        // What appears in a folder and vanishes again changes the folder's time, and nothing that anybody misses.
        let touched = (!meta.is_dir()).then(|| (meta.size(), meta.mtime(), meta.mtime_nsec()));
        found.insert(path.clone(), format!("{:o} {} {touched:?}", meta.mode(), meta.ino()));
        if meta.is_dir() {
            collect_states(&path, found);
        }
    }
}
