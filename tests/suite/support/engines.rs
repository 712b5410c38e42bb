//! The engines, each started by the test that needs it: on a socket and in
//! folders of its own, and ended with it.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::case::{Case, scratch, unique, wait};
use super::judges::{checked, tool};

/// How long a daemon may take to answer, and to be gone after a signal.
const PATIENCE: Duration = Duration::from_secs(90);

/// A daemon; ended with SIGTERM, so that it takes its children with it.
struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn start(name: &'static str, mut command: Command, log: PathBuf, answers: impl Fn() -> bool) -> Self {
        let file = fs::File::create(&log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut daemon = Self { child, log };
        let start = Instant::now();
        while !answers() {
            if let Some(status) = daemon.child.try_wait().expect("the state of a child") {
                panic!("{name} ended: {status}\n{}", daemon.log());
            }
            assert!(start.elapsed() < PATIENCE, "{name} does not answer\n{}", daemon.log());
            sleep(Duration::from_millis(50));
        }
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let kill = format!("kill -TERM {}", self.child.id());
        Command::new("/bin/sh").args(["-c", &kill]).status().ok();
        // One that does not end on its own is killed; what it said is in the message of the test that failed.
        wait(&mut self.child, PATIENCE);
    }
}

/// dockerd without networks, on a containerd of its own.
pub struct Docker {
    scratch: TempDir,
    // Ended in this order.
    _daemon: Daemon,
    _containerd: Containerd,
}

impl Docker {
    #[track_caller]
    pub fn start() -> Self {
        let scratch = scratch();
        let dir = scratch.path().to_owned();
        let mut command = tool("dockerd");
        for (option, name) in [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")] {
            command.arg(option).arg(dir.join(name));
        }
        command.arg(format!("--host=unix://{}", dir.join("d.sock").display()));
        // Unasked it takes the machine's, should there be so much as the socket of one that ended long ago.
        let containerd = Containerd::start();
        command.arg("--containerd").arg(containerd.address());
        // Nothing of this machine's network is touched.
        command.args(["--iptables=false", "--ip6tables=false", "--bridge=none", "--storage-driver=overlay2"]);
        let socket = dir.join("d.sock");
        let answers = || {
            let host = format!("unix://{}", socket.display());
            let version = debian_docker().args(["-H", &host, "version"]).output();
            version.is_ok_and(|output| output.status.success())
        };
        let daemon = Daemon::start("dockerd", command, dir.join("log"), answers);
        Self { scratch, _daemon: daemon, _containerd: containerd }
    }

    /// `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.scratch.path().join("d.sock").display())
    }

    pub fn command(&self) -> Command {
        let mut command = debian_docker();
        command.args(["-H", &self.host()]);
        command
    }

    /// `docker run` with everything taken away; the image comes next.
    pub fn run(&self, network: &str) -> Command {
        let mut command = self.command();
        command.args(["run", "--rm", "--pull=never", "--read-only", "--cap-drop=all"]);
        command.args(["--security-opt=no-new-privileges", "--network", network]);
        command
    }
}

/// The client of the same package as the daemon: a newer one asks for more
/// than an old daemon knows.
fn debian_docker() -> Command {
    let packaged = "/usr/bin/docker";
    if fs::metadata(packaged).is_ok() { Command::new(packaged) } else { tool("docker") }
}

/// containerd without Kubernetes.
pub struct Containerd {
    scratch: TempDir,
    _daemon: Daemon,
}

impl Containerd {
    #[track_caller]
    pub fn start() -> Self {
        let scratch = scratch();
        let dir = scratch.path().to_owned();
        let config = format!(
            "version = 2\nroot = '{}'\nstate = '{}'\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n\
             [grpc]\naddress = '{}'\n",
            dir.join("root").display(),
            dir.join("state").display(),
            dir.join("c.sock").display()
        );
        fs::write(dir.join("config.toml"), config).expect("config.toml");
        let mut command = tool("containerd");
        command.arg("--config").arg(dir.join("config.toml"));
        let answers = || {
            let version = tool("ctr").arg("--address").arg(dir.join("c.sock")).arg("version").output();
            version.is_ok_and(|output| output.status.success())
        };
        let daemon = Daemon::start("containerd", command, dir.join("log"), answers);
        Self { scratch, _daemon: daemon }
    }

    /// `CONTAINERD_ADDRESS`.
    pub fn address(&self) -> PathBuf {
        self.scratch.path().join("c.sock")
    }

    pub fn command(&self) -> Command {
        let mut command = tool("ctr");
        command.arg("--address").arg(self.address());
        command
    }

    /// `ctr run` of an image; its arguments come next.
    pub fn run(&self, image: &str) -> Command {
        let mut command = self.command();
        command.args(["run", "--rm", "--read-only", "--net-host", image, &unique()]);
        command
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        // What containerd runs outlives it.
        let list = self.command().args(["tasks", "list", "--quiet"]).output();
        let list = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        for id in list.lines() {
            self.command().args(["tasks", "delete", "--force", id]).output().ok();
        }
    }
}

/// podman whose places are in its configuration, so that whoever starts it in
/// this environment uses the same ones.
pub struct PodmanStore {
    scratch: TempDir,
}

impl PodmanStore {
    pub fn new() -> Self {
        Self::with_driver("overlay")
    }

    /// One that keeps layers by that driver of containers/storage.
    pub fn with_driver(driver: &str) -> Self {
        let scratch = scratch();
        let dir = scratch.path();
        let config = format!(
            "[engine]\nlock_type = \"file\"\nevents_logger = \"none\"\nruntime = \"runc\"\ntmp_dir = '{}'\n",
            dir.join("tmp").display()
        );
        fs::write(dir.join("containers.conf"), config).expect("containers.conf");
        let storage = format!(
            "[storage]\ndriver = \"{driver}\"\ngraphroot = '{}'\nrunroot = '{}'\n",
            dir.join("root").display(),
            dir.join("run").display()
        );
        fs::write(dir.join("storage.conf"), storage).expect("storage.conf");
        Self { scratch }
    }

    /// The variables that say where it is.
    pub fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let path = |name| self.scratch.path().join(name);
        [("CONTAINERS_CONF", path("containers.conf")), ("CONTAINERS_STORAGE_CONF", path("storage.conf"))]
    }

    pub fn command(&self) -> Command {
        let mut command = tool("podman");
        command.envs(self.environment());
        command
    }

    /// `podman run` with everything taken away; the image comes next.
    pub fn run(&self, network: &str) -> Command {
        let mut command = self.command();
        command.args(["run", "--rm", "--pull=never", "--read-only", "--cap-drop=all"]);
        command.args(["--security-opt=no-new-privileges", "--network", network]);
        // Without CAP_SYS_RESOURCE podman may not raise them to its defaults.
        command.args(["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]);
        command
    }
}

impl Drop for PodmanStore {
    fn drop(&mut self) {
        self.command().args(["rm", "--all", "--force", "--time", "0"]).output().ok();
        // Its layers may still be mounted.
        self.command().args(["rmi", "--all", "--force"]).output().ok();
    }
}

/// All three, and a case that reaches them.
pub struct Engines {
    pub docker: Docker,
    pub podman: PodmanStore,
    pub containerd: Containerd,
}

impl Engines {
    #[track_caller]
    pub fn start() -> Self {
        Self { docker: Docker::start(), podman: PodmanStore::new(), containerd: Containerd::start() }
    }

    /// The case with the variables by which hardpan finds them.
    pub fn known_to(&self, mut case: Case) -> Case {
        case = case.env("DOCKER_HOST", self.docker.host()).env("CONTAINERD_ADDRESS", self.containerd.address());
        for (name, value) in self.podman.environment() {
            case = case.env(name, value);
        }
        case
    }

    /// What each calls the image of a recipe named `name`, and the digest it
    /// keeps: docker the image ID, the others the manifest's or the index's.
    #[track_caller]
    pub fn digests(&self, name: &str) -> [String; 3] {
        let docker = checked(self.docker.command().args(["image", "inspect", "--format", "{{.Id}}", name]));
        // podman's list, not its inspection, which hardpan itself asks for.
        let podman = checked(self.podman.command().args([
            "images",
            "--no-trunc",
            "--format",
            "{{.Digest}}",
            &format!("localhost/{name}:latest"),
        ]));
        let containerd = checked(self.containerd.command().args(["images", "list"]));
        let line = containerd.lines().find(|line| line.starts_with(&format!("docker.io/library/{name}:latest ")));
        let line = line.unwrap_or_else(|| panic!("containerd has no {name}:\n{containerd}"));
        let digest = line.split_whitespace().find(|word| word.starts_with("sha256:")).expect("a digest");
        [docker.trim().to_owned(), podman.trim().to_owned(), digest.to_owned()]
    }
}
