//! Runs a credential helper to its end, or to its limit: what it says on stdout and how it ended.

use std::{
    io::{self, Read, Write},
    os::fd::AsFd,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use crate::{registry::Access, report::Limits};

/// How often the helper is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// How a helper ended.
#[derive(Debug)]
pub(super) struct HelperEnd {
    pub(super) status: ExitStatus,
    /// What the helper itself wrote to stdout. What a child of it writes later is not waited for.
    pub(super) stdout: Vec<u8>,
}

/// Why a helper has no end of its own.
#[derive(Debug)]
pub(super) enum HelperFault {
    /// It cannot be started, or its pipes cannot be used.
    Io(io::Error),
    /// It has not ended within its limit.
    Timeout,
    /// It says more than [`Limits::AUTH_FILE_BYTES`].
    Rambling,
}

/// Runs `path ACTION` in the caller's environment, with `input` on stdin. One that has not ended within `patience` is killed.
///
/// # Errors
/// It cannot be run to its end.
pub(super) fn run(
    path: &Path,
    action: &str,
    input: &[u8],
    access: &Access,
    patience: Duration,
) -> Result<HelperEnd, HelperFault> {
    let mut child = Command::new(path)
        .arg(action)
        .env_clear()
        .envs(&access.environment)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(HelperFault::Io)?;
    let pipes = HelperPipes::of(&mut child, input).map_err(HelperFault::Io);
    let end = pipes.and_then(|mut pipes| pipes.wait(&mut child, patience));
    if end.is_err() {
        let _ = child.kill();
        let _ = child.wait();
    }
    end
}

/// Our ends of a helper's pipes. Neither blocks: a child of the helper may keep the other end open for as long as it likes.
struct HelperPipes<'a> {
    stdin: Option<ChildStdin>,
    input: &'a [u8],
    stdout: Option<ChildStdout>,
    bytes: Vec<u8>,
}

impl<'a> HelperPipes<'a> {
    fn of(child: &mut Child, input: &'a [u8]) -> io::Result<Self> {
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        stdin.as_ref().map_or(Ok(()), do_not_block)?;
        stdout.as_ref().map_or(Ok(()), do_not_block)?;
        Ok(Self { stdin, input, stdout, bytes: Vec::new() })
    }

    fn wait(&mut self, child: &mut Child, patience: Duration) -> Result<HelperEnd, HelperFault> {
        for _ in 0..patience.as_millis() / GLANCE.as_millis() {
            self.write();
            let status = child.try_wait().map_err(HelperFault::Io)?;
            // In this order: what a helper that has ended wrote is in the pipe by now.
            self.read();
            if self.bytes.len() as u64 > Limits::AUTH_FILE_BYTES {
                return Err(HelperFault::Rambling);
            }
            if let Some(status) = status {
                return Ok(HelperEnd { status, stdout: std::mem::take(&mut self.bytes) });
            }
            thread::sleep(GLANCE);
        }
        Err(HelperFault::Timeout)
    }

    /// Writes what the pipe takes now. A helper may close its stdin early; its output decides.
    fn write(&mut self) {
        while let Some(pipe) = self.stdin.as_mut().filter(|_| !self.input.is_empty()) {
            match pipe.write(self.input) {
                Ok(written) => self.input = self.input.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.stdin = None;
    }

    /// Reads what is in the pipe now.
    fn read(&mut self) {
        let mut buffer = [0; 16 << 10];
        while let Some(pipe) = self.stdout.as_mut() {
            match pipe.read(&mut buffer) {
                Ok(read) if read > 0 => {
                    self.bytes.extend_from_slice(buffer.get(..read).unwrap_or_default());
                    if self.bytes.len() as u64 > Limits::AUTH_FILE_BYTES {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => self.stdout = None,
            }
        }
    }
}

fn do_not_block(pipe: &impl AsFd) -> io::Result<()> {
    Ok(fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?)
}
