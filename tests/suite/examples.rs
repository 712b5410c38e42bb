//! Every example of README.md and of every `--help` runs, in a folder that has what it speaks of.

#![allow(clippy::print_stderr, reason = "the example that fails is the last one named")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{
    manual::{examples_of, helps},
    support::{
        case::{Case, HARDPAN, scratch},
        elf, http,
        judges::{Podman, checked, tool},
        tls::TlsServer,
    },
};

/// Lines that are not run as they are: what is run instead, and why. `REGISTRY` is a registry on the loopback,
/// `PODMAN` podman with a storage of the test's own. A line that no text has any more is a fault.
const INSTEAD: [(&str, &str, &str); 33] = [
    ("hardpan affected --since origin/main", "hardpan affected --since HEAD", "the examples' repository has no remote"),
    (
        "hardpan affected --since origin/main | xargs -r hardpan build",
        "hardpan affected --since HEAD | xargs -r hardpan build",
        "the examples' repository has no remote",
    ),
    (
        "hardpan affected --since origin/main --format matrix recipes/*.toml",
        "hardpan affected --since HEAD --format matrix recipes/*.toml",
        "the examples' repository has no remote",
    ),
    (
        "hardpan merge --output build.json shard-*.json",
        "for k in 1 2 3; do hardpan build recipes/*.toml --shard $k/3 --metadata-file shard-$k.json; done && \
         hardpan merge --output build.json shard-*.json",
        "the other machines have to build their shards first",
    ),
    ("hardpan init", "hardpan init --output -", "the examples' own recipe stays"),
    ("hardpan init --from Dockerfile", "hardpan init --from Dockerfile --output -", "the examples' own recipe stays"),
    ("hardpan init --from .ko.yaml", "hardpan init --from .ko.yaml --output -", "the examples' own recipe stays"),
    ("hardpan init --force", "hardpan init --output -", "the examples' own recipe stays"),
    ("hardpan init --binary worker", "hardpan init --binary server --output -", "the examples' project has no worker"),
    (
        "cargo run --release -- build recipes/hello.toml",
        "hardpan build recipes/hello.toml",
        "cargo would build the hardpan that is tested, once more",
    ),
    (
        "cargo run --release -- inspect out/hello",
        "hardpan inspect out/hello",
        "cargo would build the hardpan that is tested, once more",
    ),
    (
        "cargo run --release -- build recipes/hardpan.toml",
        "cd \"$REPOSITORY\" && XDG_CACHE_HOME=$SELFHOSTING HARDPAN_CACHE_KEY_FILE=$SELFHOSTING.key hardpan build recipes/hardpan.toml --output \"$OLDPWD/out/hardpan\"",
        "only the repository has hardpan's sources",
    ),
    (
        "podman run --rm --read-only --cap-drop=all --network=none -v \"$PWD:/work:ro\" -v \"$PWD/images:/images\" \\\n    \
         oci:out/hardpan build recipes/prebuilt.toml --output '/images/{name}'",
        "$PODMAN run --rm --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
         --read-only --cap-drop=all --network=none -v \"$PWD:/work:ro\" -v \"$PWD/images:/images\" \
         oci:out/hardpan build recipes/prebuilt.toml --output '/images/{name}'",
        "podman may not raise limits where the tests run",
    ),
    ("tests/run", "test -x \"$REPOSITORY/tests/run\"", "it is what runs this test"),
    (
        "skopeo copy oci:out/hello docker://registry.example.com/hello:1.0",
        "skopeo copy --dest-tls-verify=false oci:out/hello docker://$REGISTRY/hello:1.0 && \
         test $(skopeo inspect --tls-verify=false --format '{{.Digest}}' docker://$REGISTRY/hello:1.0) \
         = $(hardpan inspect --json out/hello | jq -r .contents[0].digest)",
        "example.com has no registry; this one is Debian's docker-registry. And the digest is compared",
    ),
    (
        "hardpan push out/hello registry.example.com/hello:1.0",
        "hardpan push out/hello $REGISTRY/hello:1.0",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan build --push-new 'registry.example.com/{name}:2.0'",
        "hardpan build --push-new \"$REGISTRY/{name}:2.0\"",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan build --push 'registry.example.com/{name}:1.0'",
        "hardpan build --push \"$REGISTRY/{name}:1.0\"",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan inspect registry.example.com/hello:1.0",
        "hardpan inspect $REGISTRY/hello:1.0",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan push --dry-run out/hello registry.example.com/hello:1.0",
        "hardpan push --dry-run out/hello $REGISTRY/hello:1.0",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan push out/hello registry.example.com/hello:1.0 registry.example.com/hello:latest",
        "hardpan push out/hello $REGISTRY/hello:1.0 $REGISTRY/hello:latest",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan push --to 'registry.example.com/{name}:1.0' out/hello out/other",
        "hardpan push --to \"$REGISTRY/many/{name}:1.0\" out/hello",
        "the registry of the manual is not there",
    ),
    (
        "hardpan push --tag-policy keep out/hello registry.example.com/hello:1.0",
        "hardpan push --tag-policy keep out/hello $REGISTRY/hello:1.0",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan resolve -f deploy --metadata pushed.json | kubectl apply -f -",
        "hardpan resolve -f deploy --metadata pushed.json | grep 'image: registry.example.com/server@sha256:'",
        "there is no cluster",
    ),
    (
        "hardpan resolve -f deploy --push 'registry.example.com/{name}'",
        "hardpan resolve -f deploy --push \"$REGISTRY/{name}\"",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "podman run --rm --read-only --cap-drop=all -p 8080:8080 oci:out/hello",
        "$PODMAN create --rm --read-only --cap-drop=all -p 8080:8080 oci:out/hello",
        "the service does not end, and 8080 may be taken: services.rs runs it, on ports of its own",
    ),
    (
        "hardpan build --load docker",
        "hardpan build",
        "an engine of the test's own takes a while: load.rs has all three",
    ),
    (
        "hardpan build --load docker --tag registry.example.com/hello:1.0",
        "hardpan build",
        "an engine of the test's own takes a while: load.rs has all three",
    ),
    (
        "hardpan login registry.example.com",
        "! hardpan login registry.example.com < /dev/null",
        "nobody types here: registries::log_in has a terminal",
    ),
    (
        "hardpan login registry.example.com --username ci --password-stdin < password",
        "hardpan login $REGISTRY --username ci --password-stdin < password",
        "example.com has no registry; this one is Debian's docker-registry",
    ),
    (
        "hardpan logout registry.example.com",
        "hardpan logout $REGISTRY",
        "it is Debian's docker-registry that was logged in to",
    ),
    ("docker run --rm --read-only -p 8080:8080 hello", "command -v docker", "load.rs runs what dockerd was handed"),
    (
        "hardpan man | man -l -",
        "hardpan man | mandoc -a",
        "`man` is man-db's or mandoc's; this one is installed for the tests",
    ),
];

/// The commands of a text's `console` blocks, without the prompt. One that ends with a backslash goes on below.
fn console(text: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    for line in fenced(text, "console").iter().flat_map(|block| block.lines()) {
        if let Some(command) = line.strip_prefix("$ ") {
            commands.push(command.to_owned());
        } else if let Some(start) = commands.last_mut().filter(|command| command.ends_with('\\')) {
            start.push('\n');
            start.push_str(line);
        }
    }
    commands
}

/// The fenced blocks of one language.
fn fenced(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block.to_owned()).collect()
}

fn readme() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("README.md")
}

/// A folder with everything that an example speaks of, and a shell in it.
struct Workshop {
    case: Case,
    podman: Podman,
    registry: Registry,
}

impl Workshop {
    /// `hardpan.toml` is the README's Go service; `recipes/` the repository's, but for hardpan itself, whose
    /// checkout is elsewhere.
    fn new() -> Self {
        let authority = TlsServer::start("");
        let main = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\nvar version = \"none\"\n\n\
                    func main() { fmt.Println(version, os.Args) }\n";
        let lock = "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\n";
        let package = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[workspace]\nexclude = [\"recipes\"]\n";
        let pushed = format!(
            "{{\"image.name\":\"server\",\"hardpan.pushed\":[\"registry.example.com/server@sha256:{}\"]}}",
            "0".repeat(64)
        );
        let case = Case::new()
            .networked()
            .copy("recipes", "recipes")
            .file("hardpan.toml", &fenced(&readme(), "toml")[1])
            .file("go.mod", "module example.com/server\n\ngo 1.21\n")
            .file("cmd/server/main.go", main)
            .file("Cargo.toml", package)
            .file("Cargo.lock", lock)
            .file("src/main.rs", "fn main() {\n    println!(\"hello\");\n}\n")
            .file("deploy/server.yaml", "image: hardpan://server\n")
            .file("pushed.json", pushed)
            .file("dist/server-amd64", elf::static_amd64())
            .file("dist/server-arm64", elf::static_arm64())
            .file("server.toml", "port = 8080\n")
            .file("password", "a-password-of-the-examples\n")
            .file(".ko.yaml", "builds:\n- main: ./cmd/server\n")
            .file("Dockerfile", "FROM golang:1.26 AS build\nCOPY . .\nRUN go build -o /server ./cmd/server\nFROM scratch\nCOPY --from=build /server /server\nCMD [\"/server\"]\n")
            .file("static/index.html", "<p>hello\n")
            .file("static/bin/tool", elf::static_amd64())
            .file("static/drafts/idea.html", "<p>soon\n")
            .file("corp-root.pem", authority.ca_pem())
            .file(".gitignore", "/out\n/home\n")
            .folder("home/.local/share/bash-completion/completions")
            .folder("home/.config/fish/completions")
            .folder("home/.zfunc");
        fs::remove_file(case.path("recipes/hardpan.toml")).expect("its recipe");
        let git = "git init -q . && git add -A && git -c user.name=a -c user.email=a@example.com commit -qm first";
        checked(tool("sh").args(["-c", git]).current_dir(case.dir()));
        Self { case, podman: Podman::new(), registry: Registry::start() }
    }

    /// Runs a line as somebody would who sits here.
    #[track_caller]
    fn run(&self, line: &str) -> String {
        let bin = self.case.path("home/bin");
        fs::create_dir_all(&bin).expect("a folder");
        // A copy could not be run while another test starts a program, which has the open file of the copy for a moment.
        if fs::symlink_metadata(bin.join("hardpan")).is_err() {
            std::os::unix::fs::symlink(HARDPAN, bin.join("hardpan")).expect("hardpan");
        }
        let real = |variable: &str, default: &str| {
            let home = PathBuf::from(std::env::var_os("HOME").expect("HOME"));
            std::env::var_os(variable).map_or_else(|| home.join(default), PathBuf::from)
        };
        let mut paths = vec![bin];
        paths.extend(std::env::split_paths(&std::env::var_os("PATH").expect("PATH")));
        let podman = self.podman.command();
        let words: Vec<_> = podman.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut command = tool("bash");
        command.args(["--norc", "-euo", "pipefail", "-c", line]).current_dir(self.case.dir());
        command.env("CARGO_HOME", real("CARGO_HOME", ".cargo")).env("RUSTUP_HOME", real("RUSTUP_HOME", ".rustup"));
        // Go's standard library is not to be compiled anew.
        let go_cache = checked(tool("go").args(["env", "GOCACHE"]));
        command.env("GOCACHE", go_cache.trim()).env("HOME", self.case.path("home"));
        command.env("PATH", std::env::join_paths(paths).expect("a path")).env("REPOSITORY", env!("CARGO_MANIFEST_DIR"));
        command.env("SELFHOSTING", crate::selfhosting::place("cache"));
        command.env("REGISTRY", format!("127.0.0.1:{}", self.registry.port));
        command
            .env("PODMAN", format!("podman {}", words.join(" ")))
            .envs(podman.get_envs().filter_map(|(k, v)| Some((k, v?))));
        checked(&mut command)
    }

    /// Runs an example, or what is run instead of it; tells which of [`INSTEAD`] it was.
    #[track_caller]
    fn example(&self, line: &str) -> Option<&'static str> {
        let bare = line.split("  #").next().unwrap_or(line).trim_end();
        eprintln!("$ {line}");
        let instead = INSTEAD.iter().find(|(known, _, _)| *known == bare);
        self.run(instead.map_or(line, |(_, run, _)| run));
        instead.map(|(known, _, _)| *known)
    }
}

/// Debian's docker-registry on the loopback.
pub(crate) struct Registry {
    pub(crate) port: u16,
    child: Child,
    _scratch: TempDir,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::with("")
    }

    /// With more lines below `http:`.
    pub(crate) fn with(more: &str) -> Self {
        let (port, scratch) = (http::free_port(), scratch());
        let at = |name: &str| scratch.path().join(name);
        let config = format!(
            "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n{more}",
            at("data").display()
        );
        fs::write(at("config.yml"), config).expect("a configuration");
        let log = fs::File::create(at("log")).expect("a log");
        let child = tool("docker-registry")
            .arg("serve")
            .arg(at("config.yml"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("docker-registry");
        let registry = Self { port, child, _scratch: scratch };
        let start = Instant::now();
        while http::get(port, "/v2/").is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "docker-registry does not answer");
            sleep(Duration::from_millis(20));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn every_example_of_the_readme_and_of_every_help_runs() {
    let workshop = Workshop::new();
    let mut met = Vec::new();
    for line in console(&readme()) {
        met.extend(workshop.example(&line));
    }
    for (verb, help) in helps() {
        let examples = examples_of(&help);
        assert!(!examples.is_empty(), "{verb} has no examples");
        for line in examples {
            // Where a shell's script belongs there may be no folder yet: that is the reader's to know.
            met.extend(workshop.example(&line));
        }
    }
    for (line, _, _) in INSTEAD {
        assert!(met.contains(&line), "no text says `{line}` any more");
    }
}

#[test]
fn every_recipe_of_the_readme_and_the_cheat_sheet_builds() {
    let workshop = Workshop::new();
    let recipes = fenced(&readme(), "toml");
    assert!(recipes.len() >= 4, "the README has recipes");
    for recipe in recipes {
        eprintln!("{recipe}");
        if recipe.starts_with("[policy]") {
            fs::write(workshop.case.path("policy.toml"), recipe).expect("a policy");
            workshop.run("hardpan audit --policy policy.toml out/hello");
            continue;
        }
        if recipe.starts_with("lock = ") {
            fs::write(workshop.case.path("hardpan.workspace.toml"), recipe).expect("a workspace");
            workshop.run("hardpan plan recipes/hello.toml --recipe | grep payments && rm hardpan.workspace.toml");
            continue;
        }
        fs::write(workshop.case.path("hardpan.toml"), recipe).expect("a recipe");
        workshop.run("hardpan build --offline");
    }
    workshop.run("hardpan help recipe > server.recipe && cp server.recipe hardpan.toml && hardpan build --offline");
}

/// What the machine's own words for the engine's commands are is not ours; that they are there is.
#[test]
fn the_readme_names_only_options_that_its_programs_have() {
    let help = |program: &str, words: &[&str]| {
        let output = Command::new(program).args(words).output().expect("a program");
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let podman = help("podman", &["run", "--help"]);
    for option in ["--pid", "--network", "--cap-add", "--read-only", "--cap-drop", "--publish"] {
        assert!(podman.contains(option), "podman has no {option}");
    }
    assert!(help("umoci", &["unpack", "--help"]).contains("--image"));
}
