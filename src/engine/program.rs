//! Runs a program of an engine (`podman`, `ctr`): found in `PATH`, with the caller's environment, fed through its
//! stdin.

use std::{
    env,
    ffi::OsStr,
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
};

use super::{Engine, EngineEnvironment};
use crate::{
    layer::TarError,
    report::{ErrorName, Failure, Limits, printable, unfinished::Step},
};

/// Bytes that are collected before they go through the pipe.
const BUFFER: usize = 64 << 10;
/// Characters of an engine's complaint that a message shows.
const SHOWN_CHARS: usize = 400;

/// A program of an engine.
pub(super) struct EngineProgram<'a> {
    engine: Engine,
    name: &'static str,
    path: PathBuf,
    caller: EngineEnvironment<'a>,
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct ProgramOutput {
    /// How.
    pub(super) status: ExitStatus,
    /// What it wrote to stdout.
    pub(super) stdout: String,
    /// What it wrote to stderr.
    pub(super) stderr: String,
}

impl<'a> EngineProgram<'a> {
    /// Looks for `name` in the absolute folders of `PATH`; `package` is what one installs to have it.
    pub(super) fn find(
        engine: Engine,
        name: &'static str,
        package: &str,
        caller: EngineEnvironment<'a>,
    ) -> Result<Self, Failure> {
        let path = caller.variable("PATH").unwrap_or(OsStr::new("/usr/local/bin:/usr/bin:/bin"));
        let runs = |file: &PathBuf| {
            file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
        };
        let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
        let found = folders.map(|folder| folder.join(name)).find(runs);
        found.map(|path| Self { engine, name, path, caller }).ok_or_else(|| {
            Failure::error(ErrorName::EngineMissing, format!("cannot load into {engine}: `{name}` is not in `PATH`"))
                .hint(format!("{package} brings it"))
        })
    }

    /// Runs it without input.
    pub(super) fn ask(&self, arguments: &[&str]) -> Result<ProgramOutput, Failure> {
        self.run(arguments, None)
    }

    /// Runs it with what `write` writes as its input. When it closes its input early, its exit status and stderr decide.
    pub(super) fn feed(
        &self,
        arguments: &[&str],
        mut write: impl FnMut(&mut dyn Write) -> Result<(), TarError>,
    ) -> Result<ProgramOutput, Failure> {
        self.run(arguments, Some(&mut write))
    }

    fn run(&self, arguments: &[&str], write: Option<InputWriter<'_>>) -> Result<ProgramOutput, Failure> {
        let stdin = if write.is_some() { Stdio::piped() } else { Stdio::null() };
        // A signal finds the process, or there is none.
        let step = Step::begin();
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .envs(self.caller.environment)
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::io("run it", &self.path, &error).named(ErrorName::EngineFailed))?;
        drop(step);
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (written, stdout, stderr) = thread::scope(|scope| {
            // Both are read while it is fed: a full pipe would stop it.
            let thread = || thread::Builder::new().name("engine".to_owned());
            let stdout = thread().spawn_scoped(scope, move || stdout.map_or(Ok(String::new()), read_output));
            let stderr = thread().spawn_scoped(scope, move || stderr.map_or(Ok(String::new()), read_output));
            let (stdout, stderr) = match (stdout, stderr) {
                (Ok(stdout), Ok(stderr)) => (stdout, stderr),
                (Err(error), _) | (_, Err(error)) => {
                    let _ = child.kill();
                    return (Ok(()), Err(error), Ok(String::new()));
                }
            };
            let written = match (stdin, write) {
                (Some(stdin), Some(write)) => {
                    let mut stdin = io::BufWriter::with_capacity(BUFFER, stdin);
                    // Dropped here: the end of its input.
                    write(&mut stdin).and_then(|()| stdin.flush().map_err(TarError::Write))
                }
                _ => Ok(()),
            };
            let joined = |handle: thread::ScopedJoinHandle<'_, io::Result<String>>| {
                handle.join().unwrap_or_else(|_| Ok(String::new()))
            };
            (written, joined(stdout), joined(stderr))
        });
        if let Err(TarError::Entry(failure)) = written {
            // Killed, so that it cannot import a truncated image.
            let _ = child.kill();
            let _ = child.wait();
            return Err(failure);
        }
        let status = child
            .wait()
            .map_err(|error| Failure::io("wait for it", &self.path, &error).named(ErrorName::EngineFailed))?;
        let read = |error: io::Error| Failure::io("read its output", &self.path, &error).named(ErrorName::EngineFailed);
        let ended = ProgramOutput { status, stdout: stdout.map_err(read)?, stderr: stderr.map_err(read)? };
        match written {
            Err(TarError::Write(error)) if ended.status.success() => {
                Err(Failure::io("feed it", &self.path, &error).named(ErrorName::EngineFailed))
            }
            _ => Ok(ended),
        }
    }

    /// The one sentence about a program that failed: its own last words.
    pub(super) fn failure(&self, ended: &ProgramOutput) -> Failure {
        let last = |text: &str| {
            let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
            printable(&line.chars().take(SHOWN_CHARS).collect::<String>()).into_owned()
        };
        let said = match last(&ended.stderr) {
            said if said.is_empty() => last(&ended.stdout),
            said => said,
        };
        let said = if said.is_empty() { format!("`{}` failed without a message", self.name) } else { said };
        Failure::error(ErrorName::EngineFailed, format!("{} refused the image: {said}", self.engine))
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

/// Writes a program's input.
type InputWriter<'a> = &'a mut dyn FnMut(&mut dyn Write) -> Result<(), TarError>;

/// Reads to the end, keeps the beginning.
fn read_output(mut from: impl Read) -> io::Result<String> {
    let text = super::progress_writer::read_limited_text(from.by_ref(), Limits::CHILD_OUTPUT_BYTES)?;
    io::copy(&mut from, &mut io::sink())?;
    Ok(text)
}
