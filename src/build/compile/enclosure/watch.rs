//! The stage for machines that deny namespaces: ends every process that a command started when the command or hardpan
//! ends.

use std::{ffi::OsString, fs, path::Path, process, thread};

use nix::sys::signal::{SigSet, Signal as Blocked};
use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process, set_child_subreaper, wait};

use super::{parent_process::ParentProcess, stage, stage_command::StageReport};
use crate::report::io_reason;

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
    thread::spawn(move || {
        ended.await_end();
        end_children();
        process::exit(1);
    });
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

/// The children of this process, those that have ended among them.
fn children() -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |name: OsString| Pid::from_raw(name.to_str()?.parse().ok()?);
    let is_ours = |pid: &Pid| {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        parent_of(&stat) == Some(process::id())
    };
    processes.filter_map(|entry| number(entry.file_name())).filter(is_ours).collect()
}

/// The parent in the text of `/proc/PID/stat`: the second word behind the name, which may hold anything.
fn parent_of(stat: &str) -> Option<u32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_read_behind_a_name_with_blanks_and_parentheses() {
        assert_eq!(parent_of("12 (a) S 3 (b) R 7 12 12 0 -1\n"), Some(7));
        assert_eq!(parent_of(""), None);
        let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        assert_eq!(parent_of(&own), Some(std::os::unix::process::parent_id()));
    }
}
