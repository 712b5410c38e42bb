//! Runs a command in mount and PID namespaces, where chosen folders of the host are mounted at fixed paths below
//! `/build`. The cargo compile uses it, so that programs hold the same paths on every machine.
//!
//! `env!("CARGO_MANIFEST_DIR")` and `env!("OUT_DIR")` are strings that no prefix map reaches. Inside an enclosure the
//! checkout is always `/build/source`, so these strings are the same from every checkout. Only root can create an entry of
//! `/`, so no other user can put a `/build` of their own there.
//!
//! # How it is made
//!
//! hardpan executes itself twice, each time as a process with a single thread:
//!
//! 1. `enter` ([`stage`]) asks for a mount and a PID namespace. Root gets them without a user namespace, so that files
//!    of other owners stay readable; every other user gets a user namespace that maps the own user and group and
//!    nothing else. It builds a new root ([`root`]): every entry of `/` is the host's, `/build` has our mounts.
//! 2. `init` is process 1 of the PID namespace. It starts the command and waits for it.
//!
//! # What ends what
//!
//! Each stage asks the kernel for SIGKILL at the death of its parent, and the kernel ends every process of a PID
//! namespace with its process 1. So the end of hardpan, by `kill -9` too, ends the compiler and everything that it
//! started. The command runs in the foreground's process group: Ctrl-C reaches it as well.
//!
//! # Where namespaces are denied
//!
//! A container or the kernel may deny them. [`Enclosure::open`] then says why, and the caller takes
//! [`Enclosure::watched`]: the command runs under the host's own paths, below a third stage ([`watch`]). It adopts
//! what loses its parent, and kills all that came of the command when the command or hardpan ends, by `kill -9` of
//! hardpan too. Two things it cannot end: what was started while it was itself killed by `kill -9`, and what another
//! user runs by a setuid program.

mod parent_process;
mod root;
mod stage;
mod stage_command;
mod watch;

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    io::Read as _,
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use parking_lot::Mutex;

use crate::report::io_reason;
pub(crate) use stage::run;
pub(crate) use stage_command::VERB;
use stage_command::{StageCommand, StageReport};

/// Mounts that were tried, and why those that failed did.
static TRIED: Mutex<BTreeMap<Vec<BindMount>, Result<(), String>>> = Mutex::new(BTreeMap::new());

/// A folder of the host and where an enclosure shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BindMount {
    /// The folder. Absolute; it exists.
    pub(super) host: PathBuf,
    /// Where it is shown: below [`Enclosure::ROOT`].
    pub(super) inside: PathBuf,
}

/// Where a command runs: among mounts that were tried and can be had, or watched only.
#[derive(Debug, Clone)]
pub(super) struct Enclosure {
    program: PathBuf,
    /// None to be watched only.
    mounts: Option<Vec<BindMount>>,
}

/// hardpan's end of the socket to the stages of one command.
#[derive(Debug)]
pub(super) struct StageSocket(UnixStream);

impl Enclosure {
    /// The folder that holds every mount.
    pub(super) const ROOT: &str = "/build";

    /// An enclosure that shows `mounts`, or the reason why there is none, as a sentence without its full stop.
    ///
    /// `program` is hardpan's own executable. The same mounts are tried once in a process.
    pub(super) fn open(program: Option<&Path>, mounts: Vec<BindMount>) -> Result<Self, String> {
        let program = program.ok_or("hardpan does not know its own executable")?;
        let mut tried = TRIED.lock();
        let enclosure = Self { program: program.to_path_buf(), mounts: Some(mounts.clone()) };
        let known = tried.entry(mounts).or_insert_with(|| enclosure.probe());
        known.clone().map(|()| enclosure)
    }

    /// No namespaces and no mounts, but the end of hardpan still ends what the command started.
    pub(super) fn watched(program: Option<&Path>) -> Option<Self> {
        program.map(|program| Self { program: program.to_path_buf(), mounts: None })
    }

    /// The path inside for the host's `path`: by the innermost mount that shows it, else the same path.
    pub(super) fn inside(&self, path: &Path) -> PathBuf {
        let fitting =
            self.mounts.iter().flatten().filter_map(|mount| Some((mount, path.strip_prefix(&mount.host).ok()?)));
        translated(
            fitting.max_by_key(|(mount, _)| mount.host.as_os_str().len()).map(|(mount, rest)| (&mount.inside, rest)),
        )
        .unwrap_or_else(|| path.to_path_buf())
    }

    /// The host's path for the `path` of the inside.
    pub(super) fn host(&self, path: &Path) -> PathBuf {
        let fitting =
            self.mounts.iter().flatten().filter_map(|mount| Some((mount, path.strip_prefix(&mount.inside).ok()?)));
        translated(
            fitting.max_by_key(|(mount, _)| mount.inside.as_os_str().len()).map(|(mount, rest)| (&mount.host, rest)),
        )
        .unwrap_or_else(|| path.to_path_buf())
    }

    /// The process that runs `program` in the folder `dir` of the inside. The line is its stdin and must outlive it.
    pub(super) fn command(
        &self,
        program: &Path,
        dir: &Path,
        arguments: &[OsString],
    ) -> std::io::Result<(Command, StageSocket)> {
        let mut command = vec![program.as_os_str().to_owned()];
        command.extend_from_slice(arguments);
        self.stage(dir, command)
    }

    fn stage(&self, dir: &Path, command: Vec<OsString>) -> std::io::Result<(Command, StageSocket)> {
        let (ours, theirs) = UnixStream::pair()?;
        let dir = dir.to_path_buf();
        let order = match self.mounts.clone() {
            Some(mounts) => StageCommand::Enter { mounts, dir, command },
            None => StageCommand::Watch { dir, command },
        };
        let mut stage = Command::new(&self.program);
        stage.arg0("hardpan").args(order.words()).stdin(OwnedFd::from(theirs));
        Ok((stage, StageSocket(ours)))
    }

    /// Makes the enclosure and runs nothing in it.
    fn probe(&self) -> Result<(), String> {
        let failed =
            |error: std::io::Error| format!("`{}` cannot be started: {}", self.program.display(), io_reason(&error));
        let (mut stage, line) = self.stage(Path::new("/"), Vec::new()).map_err(failed)?;
        stage.env_clear().stdout(Stdio::null()).stderr(Stdio::null());
        let status = stage.status().map_err(failed)?;
        drop(stage);
        match line.exit_status(status)? {
            status if status.success() => Ok(()),
            status => Err(format!("an attempt to make namespaces ended with {status}")),
        }
    }
}

impl StageSocket {
    /// The exit status of the command, whose first stage exited with `status`; the error of a stage that could not start it.
    ///
    /// The command itself must be gone: it holds the other end.
    pub(super) fn exit_status(mut self, status: ExitStatus) -> Result<ExitStatus, String> {
        let mut report = Vec::new();
        // A stage that was killed has said nothing; its own end is then all there is to know.
        let read = self.0.read_to_end(&mut report);
        match read.ok().and_then(|_| StageReport::parse(&report)) {
            Some(StageReport::Ended(raw)) => Ok(ExitStatus::from_raw(raw)),
            Some(StageReport::Failed(why)) => Err(why),
            None => Ok(status),
        }
    }
}

/// `rest` below another folder; the folder itself where nothing is left, so that no `/` is added.
fn translated(found: Option<(&PathBuf, &Path)>) -> Option<PathBuf> {
    let (folder, rest) = found?;
    Some(if rest.as_os_str() == OsStr::new("") { folder.clone() } else { folder.join(rest) })
}
