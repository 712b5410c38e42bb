//! The judges: programs that nobody here wrote. Each either agrees or panics
//! with what it said. A judge that is not there panics too, never skips.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::case::{HARDPAN, scratch, unique};
use super::layout::{Layout, sha256};
use super::mtree::{self, Unpacked};

/// A judge by its name, ready for arguments.
#[track_caller]
pub fn tool(name: &str) -> Command {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The Go judges lie where tests/run builds them, beside cargo's output.
    let built = Path::new(HARDPAN).ancestors().map(|dir| dir.join("judges"));
    // runc is in sbin, which is not on every user's path.
    let found = std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .chain(built)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    let Some(found) = found else {
        panic!("the judge `{name}` is missing; hint: `tests/run` installs all judges");
    };
    Command::new(found)
}

/// Asserts that a log is SARIF 2.1.0 by the schema of OASIS.
#[track_caller]
pub fn assert_sarif(log: &Value) {
    let schema = serde_json::from_slice(&document("sarif-schema-2.1.0.json")).expect("a schema");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.enable_format_assertions();
    compiler.add_resource("sarif.json", schema).expect("a schema");
    let index = compiler.compile("sarif.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    if let Err(error) = schemas.validate(log, index) {
        panic!("{error:#}");
    }
}

/// A document that `tests/run` puts beside the judges: a standard's schema.
#[track_caller]
pub fn document(name: &str) -> Vec<u8> {
    let built = Path::new(HARDPAN).ancestors().map(|dir| dir.join("judges").join(name));
    let Some(found) = built.into_iter().find(|file| file.is_file()) else {
        panic!("the document `{name}` is missing; hint: `tests/run` installs all judges");
    };
    fs::read(found).expect("the document")
}

/// Runs to the end; returns standard output, panics unless the exit code is 0.
#[track_caller]
pub fn checked(command: &mut Command) -> String {
    let output =
        command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{}: {e}", command.get_program().display()));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{stdout}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

/// skopeo copies the image with all its blobs (every image of an index) and
/// keeps its digest.
#[track_caller]
pub fn skopeo(layout: &Layout) {
    let scratch = scratch();
    let to = scratch.path().join("copy");
    checked(
        tool("skopeo")
            .args(["copy", "--quiet", "--all", "--preserve-digests"])
            .arg(oci(layout))
            .arg(format!("dir:{}", to.display())),
    );
    let manifest = fs::read(to.join("manifest.json")).expect("skopeo's copy");
    assert_eq!(sha256(&manifest), layout.digest(), "skopeo's manifest");
}

/// The specification's schemas, and what they cannot say.
#[track_caller]
pub fn imagespec(layout: &Layout) {
    let problems = imagespec_problems(layout.dir());
    assert!(problems.is_empty(), "imagespec: {problems:#?}");
}

/// What the specification's judge says against a folder.
#[track_caller]
pub fn imagespec_problems(dir: &Path) -> Vec<String> {
    let output = tool("imagespec").arg(dir).output().expect("imagespec");
    let stdout = String::from_utf8_lossy(&output.stdout);
    match output.status.code() {
        Some(0) => Vec::new(),
        Some(1) => stdout.lines().map(str::to_owned).collect(),
        _ => panic!("imagespec: {output:?}"),
    }
}

/// crane pushes the layout to its own registry in memory, finds the digest
/// unchanged there and validates what the registry serves.
#[track_caller]
pub fn crane(layout: &Layout) {
    let registry = CraneRegistry::start();
    let reference = format!("127.0.0.1:{}/test/image:tag", registry.port);
    checked(tool("crane").arg("push").arg(layout.dir()).arg(&reference));
    let digest = checked(tool("crane").args(["digest", &reference]));
    assert_eq!(digest.trim(), layout.digest(), "crane's digest");
    checked(tool("crane").args(["validate", "--remote", &reference]));
}

/// `crane registry serve`, on a port of its own choice, until dropped.
struct CraneRegistry {
    port: u16,
    child: Child,
    _scratch: TempDir,
}

impl CraneRegistry {
    fn start() -> Self {
        let scratch = scratch();
        let log = scratch.path().join("log");
        let child = tool("crane")
            .args(["registry", "serve", "--address", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).expect("a log"))
            .spawn()
            .expect("crane");
        let mut registry = Self { port: 0, child, _scratch: scratch };
        let start = Instant::now();
        while registry.port == 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "crane's registry");
            sleep(Duration::from_millis(5));
            let said = fs::read_to_string(&log).expect("its log");
            let port = said.split_once("serving on port ").and_then(|(_, rest)| rest.split_once('\n'));
            registry.port = port.map_or(0, |(port, _)| port.parse().expect("a port"));
        }
        registry
    }
}

impl Drop for CraneRegistry {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What umoci unpacked: a runtime bundle, and umoci's own list of it.
pub struct Bundle {
    scratch: TempDir,
    /// All paths with their modes and owners; the root is ".".
    pub entries: BTreeMap<String, Unpacked>,
}

/// umoci unpacks a layout of one image.
#[track_caller]
pub fn umoci(layout: &Layout) -> Bundle {
    let scratch = scratch();
    let dir = scratch.path().join("bundle");
    let image = format!("{}:{}", layout.dir().display(), layout.name());
    checked(tool("umoci").args(["unpack", "--image", &image]).arg(&dir));
    let list = dir.join(format!("{}.mtree", layout.digest().replace(':', "_")));
    let list = fs::read_to_string(&list).expect("umoci's list");
    Bundle { scratch, entries: mtree::parse(&list) }
}

impl Bundle {
    pub fn dir(&self) -> PathBuf {
        self.scratch.path().join("bundle")
    }

    pub fn rootfs(&self) -> PathBuf {
        self.dir().join("rootfs")
    }

    /// Rewrites `config.json` as the tests run it: no terminal, a read-only root.
    pub fn harden(&self, change: impl FnOnce(&mut Value)) {
        let path = self.dir().join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("config.json")).expect("JSON");
        config["process"]["terminal"] = json!(false);
        config["root"]["readonly"] = json!(true);
        change(&mut config);
        fs::write(&path, config.to_string()).expect("config.json");
    }
}

/// runc runs the image as its own user on a read-only root; returns its
/// standard output.
#[track_caller]
pub fn runc(layout: &Layout) -> String {
    let bundle = umoci(layout);
    bundle.harden(|_| ());
    checked(runc_command(&bundle).args(["run", "--bundle"]).arg(bundle.dir()).arg(unique()))
}

/// runc with a state folder inside the bundle's scratch folder.
#[track_caller]
pub fn runc_command(bundle: &Bundle) -> Command {
    let mut command = tool("runc");
    command.arg("--root").arg(bundle.scratch.path().join("state"));
    command
}

/// podman runs the image as its own user on a read-only root; returns its
/// standard output. Its list of images must show the layout's digest.
#[track_caller]
pub fn podman(layout: &Layout) -> String {
    let podman = Podman::new();
    let stdout = checked(podman.run("none").arg(oci(layout)));
    let list = checked(podman.command().args(["images", "--format", "{{.Digest}}"]));
    assert_eq!(list.trim(), layout.digest(), "podman's digest");
    stdout
}

/// podman with a storage of its own.
pub struct Podman {
    scratch: TempDir,
}

impl Podman {
    pub fn new() -> Self {
        let scratch = scratch();
        // Locks in files: the default is one piece of shared memory for all
        // podmans of the machine, however private their roots are.
        let config = "[engine]\nlock_type = \"file\"\nevents_logger = \"none\"\n";
        fs::write(scratch.path().join("containers.conf"), config).expect("containers.conf");
        Self { scratch }
    }

    pub fn command(&self) -> Command {
        let mut command = tool("podman");
        command.env("CONTAINERS_CONF", self.scratch.path().join("containers.conf"));
        for (option, name) in [("--root", "root"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            command.arg(option).arg(self.scratch.path().join(name));
        }
        // crun refuses machines where only part of cgroup is version 2.
        command.args(["--runtime", "runc"]);
        command
    }

    /// `podman run` with everything taken away; the image comes next.
    pub fn run(&self, network: &str) -> Command {
        let mut command = self.command();
        command
            .args(["run", "--rm", "--pull=never", "--read-only", "--cap-drop=all"])
            .arg(format!("--network={network}"))
            .args(["--security-opt", "no-new-privileges"])
            // Without CAP_SYS_RESOURCE podman may not raise them to its defaults.
            .args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]);
        command
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        self.command().args(["rm", "--all", "--force", "--time", "0"]).output().ok();
    }
}

/// Runs a static arm64 program on this machine; its arguments come next.
#[track_caller]
pub fn qemu_arm64(program: &Path) -> Command {
    let mut command = tool("qemu-aarch64-static");
    command.arg(program);
    command
}

/// A layout as skopeo and podman write it.
pub fn oci(layout: &Layout) -> String {
    format!("oci:{}:{}", layout.dir().display(), layout.name())
}
