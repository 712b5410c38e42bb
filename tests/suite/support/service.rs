//! A service under a container runtime (or under no runtime), on the host's
//! network, until the test ends.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::case::{scratch, unique, wait};
use super::http::{self, Response};
use super::judges::{self, Bundle, Podman};
use super::layout::Layout;

/// How long a service may take to answer for the first time, and to be gone
/// after a signal before the test gives up on it. What a test allows, it
/// asserts itself.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runtime {
    Runc,
    Podman,
}

impl Runtime {
    pub const ALL: [Self; 2] = [Self::Runc, Self::Podman];
}

/// A running service that has answered on its port.
pub struct Service {
    pub port: u16,
    child: Child,
    holder: Holder,
    /// The service's first process, as this machine counts.
    pid: u32,
    log: PathBuf,
    _scratch: TempDir,
}

/// What has to be taken down with the service.
enum Holder {
    Runc { bundle: Bundle, id: String },
    Podman { podman: Podman, id: String },
    Nobody,
}

impl Service {
    /// Starts the image as its own user on a read-only root with the
    /// arguments `--port N` and waits until `/healthz` answers.
    #[track_caller]
    pub fn start(runtime: Runtime, layout: &Layout) -> Self {
        let port = http::free_port();
        let args = ["--port".to_owned(), port.to_string()];
        let id = unique();
        match runtime {
            Runtime::Runc => {
                let bundle = on_host_network(layout, &args);
                let mut command = judges::runc_command(&bundle);
                command.args(["run", "--bundle"]).arg(bundle.dir()).arg(&id);
                Self::spawn(command, port, Holder::Runc { bundle, id })
            }
            Runtime::Podman => {
                let podman = Podman::new();
                let mut command = podman.run("host");
                command.args(["--name", &id]).arg(judges::oci(layout)).args(&args);
                Self::spawn(command, port, Holder::Podman { podman, id })
            }
        }
    }

    /// Starts a program on this machine (or an emulator with one) with the
    /// arguments `--port N` and waits until `/healthz` answers.
    #[track_caller]
    pub fn start_program(mut command: Command) -> Self {
        let port = http::free_port();
        command.args(["--port", &port.to_string()]);
        Self::spawn(command, port, Holder::Nobody)
    }

    #[track_caller]
    fn spawn(mut command: Command, port: u16, holder: Holder) -> Self {
        let scratch = scratch();
        let log = scratch.path().join("log");
        let file = fs::File::create(&log).expect("a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().expect("a log"))
            .stderr(file)
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let mut service = Self { port, pid: child.id(), child, holder, log, _scratch: scratch };
        service.wait_until_it_answers();
        service.pid = service.find_pid();
        service
    }

    #[track_caller]
    fn wait_until_it_answers(&mut self) {
        let start = Instant::now();
        while http::get(self.port, "/healthz").is_err() {
            if let Some(status) = self.child.try_wait().expect("the state of a child") {
                panic!("the service ended: {status}\n{}", self.log());
            }
            assert!(start.elapsed() < PATIENCE, "no answer\n{}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn find_pid(&self) -> u32 {
        match &self.holder {
            Holder::Runc { bundle, id } => {
                let state = judges::checked(judges::runc_command(bundle).args(["state", id]));
                let state: Value = serde_json::from_str(&state).expect("runc's state");
                state["pid"].as_u64().and_then(|pid| pid.try_into().ok()).expect("a pid")
            }
            Holder::Podman { podman, id } => {
                let format = ["inspect", "--format", "{{.State.Pid}}", id];
                let pid = judges::checked(podman.command().args(format));
                pid.trim().parse().expect("a pid")
            }
            Holder::Nobody => self.child.id(),
        }
    }

    /// `GET` from the service.
    #[track_caller]
    pub fn get(&self, path: &str) -> Response {
        http::get(self.port, path).unwrap_or_else(|e| panic!("{path}: {e}\n{}", self.log()))
    }

    /// Has the service `GET` a URL.
    #[track_caller]
    pub fn fetch(&self, url: &str) -> Response {
        self.get(&format!("/fetch?url={url}"))
    }

    /// Everything it has written so far, to both streams.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The ids that its first process runs under: real uid, real gid.
    #[track_caller]
    pub fn user(&self) -> (u32, u32) {
        let status = self.proc("status");
        let id = |key| {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let word = line.and_then(|line| line.split_whitespace().next());
            word.and_then(|id| id.parse().ok()).expect("an id")
        };
        (id("Uid:"), id("Gid:"))
    }

    /// Whether its `/` is mounted read-only.
    #[track_caller]
    pub fn root_is_read_only(&self) -> bool {
        let mounts = self.proc("mountinfo");
        let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let root = lines.find(|words| words[4] == "/").expect("a root");
        root[5].split(',').any(|option| option == "ro")
    }

    #[track_caller]
    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
    }

    /// Sends SIGTERM to the first process; returns how long it took to end.
    #[track_caller]
    pub fn terminate(&mut self) -> Duration {
        let start = Instant::now();
        judges::checked(Command::new("/bin/sh").args(["-c", &format!("kill -TERM {}", self.pid)]));
        while self.is_alive() {
            assert!(start.elapsed() < PATIENCE, "still there\n{}", self.log());
            sleep(Duration::from_millis(1));
        }
        let took = start.elapsed();
        // The runtime tidies up after it, in its own time.
        assert!(wait(&mut self.child, PATIENCE).is_some(), "the runtime hangs\n{}", self.log());
        took
    }

    /// Whether the first process still runs. One that ended and that nobody
    /// has waited for yet does not.
    fn is_alive(&self) -> bool {
        let Ok(stat) = fs::read_to_string(format!("/proc/{}/stat", self.pid)) else {
            return false;
        };
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        !matches!(state, None | Some('Z' | 'X'))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        match &self.holder {
            Holder::Runc { bundle, id } => {
                judges::runc_command(bundle).args(["delete", "--force", id]).output().ok();
            }
            Holder::Podman { podman, id } => {
                podman.command().args(["rm", "--force", "--time", "0", id]).output().ok();
            }
            Holder::Nobody => (),
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A bundle that runs the image's entrypoint with other arguments on the
/// host's network.
#[track_caller]
fn on_host_network(layout: &Layout, args: &[String]) -> Bundle {
    let bundle = judges::umoci(layout);
    let mut words = layout.image().entrypoint();
    words.extend_from_slice(args);
    bundle.harden(|config| {
        config["process"]["args"] = json!(words);
        let namespaces = config["linux"]["namespaces"].as_array_mut().expect("namespaces");
        namespaces.retain(|namespace| namespace["type"] != "network");
    });
    bundle
}
