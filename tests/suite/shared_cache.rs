//! The cache that several machines share: what one of them compiled and packed another takes, and nothing else is believed.

mod archives;
mod distrust;
mod forgery;
mod logins;

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use crate::support::{
    case::{Case, scratch},
    http::free_port,
    nginx::Nginx,
    output::Output,
};

const RECIPE: &str = "[[binary]]\ngo = \"./cmd/app\"\nto = \"/usr/bin/app\"\n\n[[file]]\nfrom = \"data\"\nto = \"/srv/data\"\n\n\
[system]\ncertificates = \"none\"\n";

/// A machine: a checkout at a path of its own, and a cache of its own.
struct Machine {
    case: Case,
    cache: TempDir,
}

impl Machine {
    /// A checkout of a Go program with a library, an embedded file, and a file of some size.
    fn go() -> Self {
        let data: Vec<_> = (0..60_000_u32).map(|number| number.to_string()).collect();
        let case = Case::new()
            .recipe(RECIPE)
            .file("go.mod", "module example.com/app\n\ngo 1.24\n")
            .file(
                "cmd/app/main.go",
                "package main\n\nimport (\n\t_ \"embed\"\n\t\"fmt\"\n\n\t\"example.com/app/lib\"\n)\n\n\
                 //go:embed page.html\nvar page string\n\nfunc main() { fmt.Println(lib.Name, page) }\n",
            )
            .file("cmd/app/page.html", "<p>one</p>\n")
            .file("lib/lib.go", "package lib\n\nconst Name = \"lib\"\n")
            .file("data", data.join("\n"));
        Self::of(case)
    }

    fn of(case: Case) -> Self {
        let cache = scratch();
        // Go's own cache knows everything by content: what counts here is whether Go is started.
        let shared = Path::new(&std::env::var_os("HOME").unwrap()).join(".cache/go-build");
        fs::create_dir_all(&shared).unwrap();
        std::os::unix::fs::symlink(shared, cache.path().join("go-build")).unwrap();
        Self { case: case.env("XDG_CACHE_HOME", cache.path()), cache }
    }

    /// Sources are as old as those of a clone that was made long before: what is written in the tick in which a compile
    /// begins has no record.
    fn aged(self, days: u64) -> Self {
        fn age(folder: &Path, time: SystemTime) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { age(&path, time) } else { File::open(&path).unwrap().set_modified(time).unwrap() }
            }
        }
        age(&self.case.dir(), SystemTime::now() - Duration::from_secs(days * 86_400));
        std::thread::sleep(Duration::from_millis(25));
        self
    }

    /// `hardpan build` with `more` options, and how often it started `program`.
    fn build(&self, program: &str, more: &[&str]) -> (Output, usize) {
        let (output, trace) =
            self.case.traced(&["--seccomp-bpf", "--trace=execve"], [&["build", "app.toml", "-v"], more].concat());
        let ended = format!("/{program}\"");
        let started = trace.iter().filter(|line| line.contains("execve(\"") && line.ends_with("= 0"));
        let of_it = started.filter(|line| line.split(',').next().is_some_and(|first| first.ends_with(&ended)));
        (output, of_it.count())
    }
}

/// A store with the keys of those who use it.
struct Store {
    nginx: Nginx,
    keys: TempDir,
    public: String,
}

impl Store {
    fn start() -> Self {
        let keys = scratch();
        let public = new_key(&keys.path().join("key"));
        Self { nginx: Nginx::start(), keys, public }
    }

    /// The options of a job that adds to it.
    fn writer(&self) -> Vec<String> {
        let key = self.keys.path().join("key").to_str().unwrap().to_owned();
        ["--cache-url", &self.nginx.url(), "--cache-sign", &key].map(str::to_owned).to_vec()
    }

    /// The options of a job that only reads.
    fn reader(&self) -> Vec<String> {
        ["--cache-url", &self.nginx.url(), "--cache-trust", &self.public].map(str::to_owned).to_vec()
    }
}

/// Makes a key, and gives its public key.
fn new_key(path: &Path) -> String {
    let output = Case::new().run(["cache", "key", "--new", path.to_str().unwrap()]).ok();
    output.stdout.trim().to_owned()
}

fn words(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

/// The requests that a build made, by its own count.
fn requests(output: &Output) -> u64 {
    let (_, rest) = output.stderr.split_once("shared cache: ").expect("a count of requests");
    rest.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_one_machine_compiled_and_packed_another_takes() {
    let store = Store::start();
    let (writer, reader) = (store.writer(), store.reader());
    let (first, count) = Machine::go().aged(2).build("go", &words(&writer));
    let first = first.ok();
    assert!(count > 0, "{}", first.stderr);
    // A record of what to look at, one of the program, and one of each layer that is not made faster than looked up.
    let records = store.nginx.files("ac");
    assert_eq!((records.len(), store.nginx.files("cas").len()), (4, 3), "{}", first.stderr);

    let other = Machine::go().aged(300);
    let (second, count) = other.build("go", &words(&reader));
    let second = second.ok().says("compiled before from the same inputs");
    assert_eq!((second.digest(), count), (first.digest(), 0), "{}", second.stderr);
    assert_eq!(second.stderr.matches(", unchanged").count(), 2, "{}", second.stderr);
    let asked = store.nginx.requests();
    let last = usize::try_from(requests(&second)).unwrap();
    assert!(asked[asked.len() - last..].iter().all(|request| request.starts_with("GET /")), "{asked:?}");

    // It has all of that itself now, also for a checkout at another path.
    let again = other.build("go", &words(&reader)).0.ok();
    assert_eq!((again.digest(), requests(&again)), (first.digest(), 0), "{}", again.stderr);
    let moved = Machine { case: Machine::go().case.env("XDG_CACHE_HOME", other.cache.path()), cache: scratch() };
    let (third, count) = moved.aged(1).build("go", &[]);
    assert_eq!((third.ok().digest(), count), (first.digest(), 0));
    assert_eq!(store.nginx.files("ac"), records, "readers add nothing");
}

#[test]
fn whatever_differs_is_compiled_here() {
    let store = Store::start();
    let (writer, reader) = (store.writer(), store.reader());
    let first = Machine::go().aged(2).build("go", &words(&writer)).0.ok().digest();
    let changes: [(&str, &str, &str); 4] = [
        ("a source", "lib/lib.go", "package lib\n\nconst Name = \"bil\"\n"),
        ("a new source", "lib/more.go", "package lib\n\nfunc init() { println(1) }\n"),
        ("an embedded file", "cmd/app/page.html", "<p>two</p>\n"),
        ("a setting", "go.mod", "module example.com/app\n\ngo 1.24\n\ngodebug panicnil=1\n"),
    ];
    for (what, name, text) in changes {
        let machine = Machine::of(Machine::go().case.file(name, text)).aged(1);
        let (output, count) = machine.build("go", &words(&reader));
        let alone = Machine::of(machine.case.clone()).build("go", &[]).0.ok().digest();
        assert!(count > 0 && output.ok().digest() == alone && alone != first, "{what}");
    }
    // Another Go, which only calls itself otherwise.
    let machine = Machine::go().aged(1);
    let go = fs::canonicalize(which("go")).unwrap();
    let (root, other) = (go.ancestors().nth(2).unwrap(), machine.case.path("../go"));
    fs::create_dir_all(other.join("bin")).unwrap();
    fs::copy(&go, other.join("bin/go")).unwrap();
    for entry in fs::read_dir(root).unwrap().map(Result::unwrap) {
        if entry.file_name() != "bin" && entry.file_name() != "VERSION" {
            std::os::unix::fs::symlink(entry.path(), other.join(entry.file_name())).unwrap();
        }
    }
    let version = fs::read_to_string(root.join("VERSION")).unwrap();
    fs::write(other.join("VERSION"), version.replacen('\n', "+other\n", 1)).unwrap();
    let path = format!("{}:{}", other.join("bin").display(), std::env::var("PATH").unwrap());
    let machine = Machine::of(machine.case.env("PATH", path));
    assert!(machine.build("go", &words(&reader)).1 > 0, "another toolchain");
}

fn which(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file()).unwrap()
}

#[test]
fn an_outage_costs_time_and_nothing_else() {
    let mut store = Store::start();
    let (writer, reader) = (store.writer(), store.reader());
    let first = Machine::go().aged(2).build("go", &words(&writer)).0.ok().digest();
    store.nginx.stop();
    let (output, count) = Machine::go().aged(1).build("go", &words(&reader));
    let output = output.ok().says("and it was not asked again: connection refused");
    assert!(count > 0 && output.digest() == first && requests(&output) == 3, "{}", output.stderr);
    // It is back, with all that it had.
    store.nginx.restart();
    let (output, count) = Machine::go().aged(1).build("go", &words(&reader));
    assert_eq!((output.ok().digest(), count), (first.clone(), 0));

    // A server that takes connections and says nothing is asked once.
    let silent = std::net::TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (output, _) = Machine::go().aged(1).build("go", &["--cache-url", &url, "--cache-trust", &store.public]);
    let output = output.ok().says("failed 1 request, and it was not asked again: timeout");
    assert_eq!((output.digest(), requests(&output)), (first, 1), "{}", output.stderr);
}

#[test]
fn a_rust_program_that_another_machine_compiled_is_taken() {
    let machine = || {
        let package = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
        let case = Case::new()
            .recipe("[[binary]]\ncargo = \"app\"\ndir = \"app\"\n")
            .file("app/Cargo.toml", package)
            .file("app/Cargo.lock", "version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\n")
            .file("app/src/main.rs", "fn main() { println!(\"{}\", include_str!(\"../../text\")); }\n")
            .file("text", "text\n");
        Machine::of(case)
    };
    let store = Store::start();
    let first = machine().aged(2).build("rustc", &words(&store.writer())).0.ok().digest();
    let other = machine().aged(300);
    for program in ["cargo", "rustc", "rustup"] {
        let (output, count) = other.build(program, &words(&store.reader()));
        assert_eq!((output.ok().digest(), count), (first.clone(), 0), "{program}");
    }
    let changed = Machine::of(machine().case.file("text", "tExt\n")).aged(1);
    let (output, count) = changed.build("rustc", &words(&store.reader()));
    assert!(count > 0 && output.ok().digest() != first);
    let settings = Machine::of(machine().case.file("../.cargo/config.toml", "[profile.release]\nopt-level = 1\n"));
    assert!(settings.aged(1).build("rustc", &words(&store.reader())).1 > 0, "a configuration above the checkout");
}
