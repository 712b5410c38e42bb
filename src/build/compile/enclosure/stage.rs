//! The two stages of an enclosure, each a process: `enter` makes the namespaces and the root, `init` is process 1 in
//! them.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read as _},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt as _, ExitStatusExt as _},
        },
    },
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, unshare},
};
use rustix::process::{WaitOptions, chdir, getegid, geteuid, wait};

use super::{
    BindMount,
    parent_process::ParentProcess,
    root,
    stage_command::{StageCommand, StageReport},
    watch,
};
use crate::report::{ErrorName, Failure, io_reason};

/// Exit code of a stage that could not start the command.
const NOT_STARTED: u8 = 125;

/// Runs the stage that `words`, the arguments behind the verb, ask for; answers with its exit code.
///
/// The process must have a single thread: the kernel gives no user namespace to others.
pub(crate) fn run(words: impl IntoIterator<Item = OsString>) -> Result<u8, Failure> {
    let order = StageCommand::parse(words).ok_or_else(|| {
        Failure::error(ErrorName::Usage, "this verb is internal: hardpan starts its own compile processes with it")
            .hint("`hardpan help` lists the verbs")
    })?;
    let parent = ParentProcess::of_stdin().map_err(|why| Failure::error(ErrorName::Enclosure, why))?;
    let report = match order {
        StageCommand::Enter { mounts, dir, command } => enter(&parent, &mounts, &dir, command),
        StageCommand::Watch { dir, command } => watch::watch(&parent, &dir, command),
        StageCommand::Init { command } => init(&parent, command),
    };
    let report = report.unwrap_or_else(StageReport::Failed);
    let heard = parent.send_report(&report);
    match report {
        StageReport::Failed(why) if heard.is_err() => Err(Failure::error(ErrorName::Enclosure, why)),
        StageReport::Failed(_) => Ok(NOT_STARTED),
        // As a shell has it; the exact status is in the report.
        StageReport::Ended(raw) if raw.trailing_zeros() >= 7 => Ok(u8::try_from(raw >> 8).unwrap_or(1)),
        StageReport::Ended(raw) => Ok(u8::try_from(128 + (raw & 0x7f)).unwrap_or(1)),
    }
}

/// The first stage.
fn enter(
    parent: &ParentProcess,
    mounts: &[BindMount],
    dir: &Path,
    command: Vec<OsString>,
) -> Result<StageReport, String> {
    separate()?;
    // Only now: credentials of a new user namespace may switch the signal off.
    parent.die_with_parent()?;
    root::change_root(mounts)?;
    chdir(dir).map_err(|error| format!("`{}` cannot be entered: {}", dir.display(), io_reason(&error.into())))?;
    let (mut ours, theirs) = UnixStream::pair().map_err(|error| format!("socketpair failed: {}", io_reason(&error)))?;
    // Not the path: it may be that of another version by now. The link is that of the process that follows it.
    let spawned = Command::new("/proc/self/exe")
        .arg0("hardpan")
        .args(StageCommand::Init { command }.words())
        .stdin(OwnedFd::from(theirs))
        .spawn();
    let mut init =
        spawned.map_err(|error| format!("process 1 of the namespace cannot start: {}", io_reason(&error)))?;
    let mut report = Vec::new();
    let read = ours.read_to_end(&mut report);
    let status =
        init.wait().map_err(|error| format!("waiting for process 1 of the namespace failed: {}", io_reason(&error)))?;
    match read.ok().and_then(|_| StageReport::parse(&report)) {
        Some(report) => Ok(report),
        // It was killed.
        None => Ok(StageReport::Ended(status.into_raw())),
    }
}

/// The second stage: the namespace ends with it.
fn init(parent: &ParentProcess, command: Vec<OsString>) -> Result<StageReport, String> {
    parent.die_with_parent()?;
    match start_command(command, Path::new("."))? {
        Some(child) => await_child(&child),
        None => Ok(StageReport::Ended(0)),
    }
}

/// Starts the command; none where there is none to start.
pub(super) fn start_command(command: Vec<OsString>, dir: &Path) -> Result<Option<Child>, String> {
    let mut words = command.into_iter();
    let Some(program) = words.next() else { return Ok(None) };
    let started = Command::new(&program).args(words).current_dir(dir).stdin(Stdio::null()).spawn();
    let failed = |error: io::Error| format!("`{}` cannot run: {}", Path::new(&program).display(), io_reason(&error));
    started.map(Some).map_err(failed)
}

/// How `waitpid(2)` tells of a command that a SIGKILL has ended.
const KILLED: i32 = 9;

/// Waits for the command; orphans that this process adopted are waited for as well.
pub(super) fn await_child(child: &Child) -> Result<StageReport, String> {
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) if u32::try_from(pid.as_raw_nonzero().get()) == Ok(child.id()) => {
                return Ok(StageReport::Ended(status.as_raw()));
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            // Another thread of this stage has ended the command, because hardpan has ended, and ends the stage.
            Err(rustix::io::Errno::CHILD) => return Ok(StageReport::Ended(KILLED)),
            Err(error) => return Err(format!("waiting for the command failed: {}", io_reason(&error.into()))),
        }
    }
}

/// Enters namespaces of its own. Root needs no user namespace; in one, files of other owners would be unreadable.
fn separate() -> Result<(), String> {
    let spaces = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    let failed = |error: Errno| match error {
        Errno::ENOSPC => "the limits in `/proc/sys/user` allow no more namespaces".to_owned(),
        error => format!("namespaces are not permitted (unshare): {}", io_reason(&error.into())),
    };
    match unshare(spaces) {
        Err(Errno::EPERM) => {}
        done => return done.map_err(failed),
    }
    let (user, group) = (geteuid().as_raw(), getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER | spaces).map_err(failed)?;
    let maps = [
        ("/proc/self/setgroups", "deny".to_owned()),
        ("/proc/self/uid_map", format!("{user} {user} 1")),
        ("/proc/self/gid_map", format!("{group} {group} 1")),
    ];
    for (file, text) in maps {
        fs::write(file, text).map_err(|error| format!("`{file}` cannot be written: {}", io_reason(&error)))?;
    }
    Ok(())
}
