//! Users without a home, caches that can only be read: what pipelines run in. Compilers work all the same, leave nothing
//! behind, and make the same image.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    support::{
        case::{Case, HARDPAN},
        judges::{checked, tool},
        mounts::Mount,
    },
    toolchains::{cargo_project, go_project},
};

/// How a call says that it works in a folder for temporary files.
const NOTE: &str = ": this call works in `";

/// A user that no database knows.
const STRANGER: [&str; 3] = ["--reuid=12345", "--regid=12345", "--clear-groups"];

/// A project in a folder where a stranger may read everything and write what a build writes.
struct Strange {
    case: Case,
    /// The folders of Go, Rust, and the system's tools.
    path: String,
    _rust: Mount,
}

fn open(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of the tests").to_owned()
}

impl Strange {
    fn new(case: Case) -> Self {
        for path in [&case.path(".."), &case.dir()] {
            open(path, 0o755);
        }
        let case = case.folder("../tmp").folder("../home").folder("../locked").folder("out");
        for path in ["../tmp", "../home", "out"] {
            open(&case.path(path), 0o777);
        }
        open(&case.path("../locked"), 0o700);
        // The program and Rust may be where only their owner can go.
        fs::copy(HARDPAN, case.path("../hardpan")).expect("a copy");
        let rust = PathBuf::from(checked(tool("rustc").args(["--print", "sysroot"])).trim());
        let rust = Mount::read_only(&rust, &case.path("../rust"));
        let go = checked(tool("go").args(["env", "GOROOT"]));
        let path = format!("{}/bin:{}/bin:/usr/bin:/bin", text(&case.path("../rust")), go.trim());
        Self { case, path, _rust: rust }
    }

    /// hardpan as the stranger, whose variables are `PATH`, `TMPDIR` and those of `way`; `~` is the folder above the project.
    fn run(&self, way: &[(&str, &str)], arguments: &[&str]) -> (String, String) {
        let dir = self.case.dir();
        let above = text(dir.parent().expect("a folder above"));
        let mut command = tool("setpriv");
        command.args(STRANGER).arg(self.case.path("../hardpan")).args(arguments).current_dir(self.case.dir());
        command.env_clear().env("PATH", &self.path).env("TMPDIR", self.case.path("../tmp"));
        command.envs(way.iter().map(|(name, value)| (name, value.replace('~', &above))));
        let output = command.output().expect("setpriv");
        let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{way:?} {:?}\n{said}", output.status);
        let left: Vec<_> = fs::read_dir(self.case.path("../tmp")).unwrap().map(|one| one.unwrap().path()).collect();
        assert!(left.is_empty(), "{way:?} left {left:?}");
        (out.trim().split_once('@').map_or("", |(_, digest)| digest).to_owned(), said.into_owned())
    }

    fn chmod(&self, change: &str, path: &str) {
        checked(tool("chmod").args(["-R", change]).arg(self.case.path(path)));
    }
}

/// What a user of a pipeline may have for a home and for caches; the last is the number of notes about a folder for the call.
/// A folder of Go's cache that is kept saves compiling the standard library each time.
const WAYS: [(&[(&str, &str)], usize); 7] = [
    (&[], 1),
    (&[("HOME", "/nonexistent"), ("GOCACHE", "~/home/go-build")], 1),
    (&[("HOME", "/"), ("GOCACHE", "~/home/go-build")], 1),
    (&[("HOME", "~/locked"), ("GOCACHE", "~/home/go-build")], 1),
    (&[("HOME", "~/home"), ("XDG_CACHE_HOME", "~/locked"), ("GOCACHE", "~/home/go-build")], 1),
    (&[("HOME", "~/home"), ("XDG_CACHE_HOME", "~/work/prog.toml/x"), ("GOCACHE", "~/home/go-build")], 1),
    (&[("HOME", "~/home"), ("GOCACHE", "~/home/go-build")], 0),
];

#[track_caller]
fn builds_everywhere(project: Case) {
    let reference = project.run(["build", "prog.toml", "--output", "reference"]).ok().digest();
    let strange = Strange::new(project);
    for (number, (way, notes)) in WAYS.iter().enumerate() {
        let output = format!("out/{number}");
        let (digest, said) = strange.run(way, &["build", "prog.toml", "--output", &output]);
        assert_eq!(digest, reference, "{way:?}\n{said}");
        assert_eq!(said.matches(NOTE).count(), *notes, "{way:?}\n{said}");
    }
}

#[test]
fn go_programs_need_no_home() {
    builds_everywhere(go_project());
}

#[test]
fn rust_programs_need_no_home() {
    builds_everywhere(cargo_project(Case::new(), ""));
}

#[test]
fn folders_that_the_caller_names_for_go_and_cargo_need_not_be_writable() {
    let go = Strange::new(go_project());
    let way = [("HOME", "~/home"), ("GOCACHE", "~/locked/build"), ("GOMODCACHE", "/nonexistent/modules")];
    let (_, said) = go.run(&way, &["build", "prog.toml"]);
    assert!(said.contains("locked/build` cannot be written (permission denied): this call works in `"), "{said}");
    let rust = Strange::new(cargo_project(Case::new(), ""));
    let (_, said) = rust.run(&[("HOME", "~/home"), ("CARGO_HOME", "/nonexistent/cargo")], &["build", "prog.toml"]);
    assert!(said.contains("note: `/nonexistent/cargo` cannot be written (permission denied)"), "{said}");
}

/// Every file below a folder, with its length.
fn listing(folder: &Path) -> String {
    checked(tool("find").arg(folder).args(["-type", "f", "-printf", "%P %s\n"]))
}

/// A cache that an earlier call filled is used where it can only be read, and is as it was.
#[track_caller]
fn reads_what_it_cannot_write(project: Case) {
    let strange = Strange::new(project);
    let cache = strange.case.path("../home/cache");
    let way = [("XDG_CACHE_HOME", "~/home/cache"), ("HARDPAN_CACHE_KEY_FILE", "~/home/key")];
    // What is written in the tick in which a compile begins is not remembered: it may take several.
    let (mut said, mut digest) = (String::new(), String::new());
    for round in 0..4 {
        (digest, said) = strange.run(&way, &["build", "prog.toml", "-v", "--output", &format!("out/{round}")]);
        if said.contains("unchanged since its last compile") {
            break;
        }
    }
    assert!(said.contains("unchanged since its last compile"), "{said}");
    let was = listing(&cache);
    let check = |how: &str| {
        let (again, said) = strange.run(&way, &["build", "prog.toml", "-v", "--output", &format!("out/{how}")]);
        assert_eq!(again, digest, "{how}");
        let is_unchanged = |line: &str| line.contains("] layer ") && line.ends_with(", unchanged");
        assert!(said.contains("unchanged since its last compile"), "{how}\n{said}");
        assert!(said.lines().any(is_unchanged), "{how}\n{said}");
        assert!(said.contains("built with a cache that can only be read"), "{how}\n{said}");
        assert_eq!(listing(&cache), was, "{how}");
    };
    strange.chmod("a-w", "../home/cache");
    check("modes");
    strange.chmod("u+w", "../home/cache");
    let mount = Mount::read_only(&cache, &cache);
    check("mount");
    drop(mount);
}

#[test]
fn a_go_program_is_taken_from_a_cache_that_can_only_be_read() {
    reads_what_it_cannot_write(go_project());
}

#[test]
fn a_rust_program_is_taken_from_a_cache_that_can_only_be_read() {
    // For musl: a program that takes libraries of this machine is compiled each time.
    let project = cargo_project(Case::new(), "");
    let target = "target = \"x86_64-unknown-linux-gnu\"\n";
    reads_what_it_cannot_write(project.edit("prog.toml", |text| text.replace(target, "")));
}

/// A proxy of modules in the folder `at`, with the module `example.com/NAME`.
fn publish(case: &Case, name: &str, at: &str) {
    let source = case.path(format!("../source-{name}"));
    fs::create_dir_all(&source).unwrap();
    let module = format!("module example.com/{name}\n\ngo 1.21\n");
    fs::write(source.join("go.mod"), &module).unwrap();
    fs::write(source.join("lib.go"), format!("package {name}\n\nconst Word = \"{name}\"\n")).unwrap();
    let folder = case.path(at).join("example.com").join(name).join("@v");
    fs::create_dir_all(&folder).unwrap();
    let git = |arguments: &[&str]| checked(tool("git").current_dir(&source).args(arguments));
    git(&["init", "-q"]);
    git(&["add", "."]);
    git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "all"]);
    let prefix = format!("--prefix=example.com/{name}@v1.0.0/");
    git(&["archive", "--format=zip", &prefix, "-o", &text(&folder.join("v1.0.0.zip")), "HEAD"]);
    fs::write(folder.join("v1.0.0.mod"), module).unwrap();
    fs::write(folder.join("v1.0.0.info"), "{\"Version\":\"v1.0.0\"}").unwrap();
    fs::write(folder.join("list"), "v1.0.0\n").unwrap();
}

#[test]
fn a_module_cache_that_can_only_be_read_gives_what_it_has() {
    let case = go_project()
        .file("go.mod", "module example.com/prog\n\ngo 1.21\n\nrequire (\n\texample.com/one v1.0.0\n\texample.com/two v1.0.0\n)\n")
        .file("cmd/prog/main.go", "package main\n\nimport (\n\t\"example.com/one\"\n\t\"example.com/two\"\n)\n\nvar version string\n\nfunc main() { println(version, one.Word, two.Word) }\n");
    for (name, at) in [("one", "../first"), ("two", "../first"), ("two", "../second")] {
        let _ = fs::remove_dir_all(case.path(format!("../source-{name}")));
        publish(&case, name, at);
    }
    let go = |cache: &str, arguments: &[&str]| {
        let mut go = tool("go");
        go.current_dir(case.dir())
            .env("GOMODCACHE", case.path(cache))
            .env("GOSUMDB", "off")
            .env("GOFLAGS", "-modcacherw");
        checked(go.env("GOPROXY", format!("file://{}", text(&case.path("../first")))).args(arguments));
    };
    go("../all", &["mod", "tidy"]);
    go("../restored", &["mod", "download", "example.com/one"]);
    let strange = Strange::new(case);
    let way = [("HOME", "~/home"), ("GOMODCACHE", "~/restored"), ("GOPROXY", "file://~/second"), ("GOSUMDB", "off")];
    let (_, said) = strange.run(&way, &["build", "prog.toml"]);
    assert!(said.contains("restored` cannot be written (permission denied)"), "{said}");
}

#[test]
fn a_user_without_a_name_or_home_packs_what_is_compiled() {
    let project =
        go_project().file("app.toml", crate::support::case::APP).file("app", crate::support::elf::static_amd64());
    let strange = Strange::new(project);
    let (_, said) = strange.run(&[], &["build", "app.toml"]);
    assert!(!said.contains(NOTE), "{said}");
}

#[test]
fn without_a_folder_for_temporary_files_the_way_out_is_named() {
    let strange = Strange::new(go_project());
    let nowhere = strange.case.dir().join("nowhere");
    let mut command = Command::new("setpriv");
    command.args(STRANGER).arg(strange.case.path("../hardpan")).args(["build", "prog.toml"]);
    command.current_dir(strange.case.dir()).env_clear().env("PATH", &strange.path).env("TMPDIR", &nowhere);
    let output = command.output().expect("setpriv");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    let what = format!("cannot create a folder to work in `{}`: no such file", nowhere.display());
    assert!(said.contains(&what) && said.contains("hint: `TMPDIR` names"), "{said}");
}
