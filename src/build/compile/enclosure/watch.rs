//! The stage for machines that deny namespaces: ends every process that a command started when the command or hardpan
//! ends.

use std::{ffi::OsString, path::Path, process, thread};

use nix::sys::signal::{SigSet, Signal as Blocked};
use rustix::process::{Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use super::{parent_process::ParentProcess, stage, stage_command::StageReport};
use crate::{build::compile::descendants::children, report::io_reason};

/// Runs the command below this process, which adopts what loses its parent.
pub(super) fn watch(parent: &ParentProcess, dir: &Path, command: Vec<OsString>) -> Result<StageReport, String> {
    let failed = |error: rustix::io::Errno| format!("PR_SET_CHILD_SUBREAPER failed: {}", io_reason(&error.into()));
    set_child_subreaper(Some(getpid())).map_err(failed)?;
    // Ctrl-C ends the command and hardpan; this process then ends the rest. The command gets an empty mask.
    let blocked = [Blocked::SIGINT, Blocked::SIGTERM, Blocked::SIGHUP, Blocked::SIGQUIT];
    let blocked = blocked.into_iter().collect::<SigSet>().thread_block();
    blocked.map_err(|error| format!("signals cannot be blocked: {}", io_reason(&error.into())))?;
    let ended = parent.try_clone()?;
    let child = stage::start_command(command, dir)?;
    let work = move || {
        ended.await_end();
        end_children();
        process::exit(1);
    };
    // Where the system has no thread for it, the command runs as it would without this stage.
    let _ = thread::Builder::new().spawn(work);
    let report = child.map_or(Ok(StageReport::Ended(0)), |child| stage::await_child(&child));
    end_children();
    report
}

/// Kills what is left of the command. The children of a process that ends come to this one, so all of them do.
fn end_children() {
    // An error says that there are none.
    while wait(WaitOptions::NOHANG).is_ok() {
        let killed = children().into_iter().filter(|child| kill_process(*child, Signal::KILL).is_ok()).count();
        // What another user runs cannot be killed, and is not waited for.
        if killed == 0 || wait(WaitOptions::empty()).is_err() {
            return;
        }
    }
}
