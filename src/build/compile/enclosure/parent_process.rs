//! The socket between a stage of an enclosure and its parent process: the stage ends when the parent does, and reports
//! its exit status.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    os::fd::AsFd as _,
};

use rustix::{
    fs::{OFlags, fcntl_setfl},
    process::{Signal, set_parent_process_death_signal},
};

use super::stage_command::StageReport;
use crate::report::io_reason;

/// The parent, at the other end of stdin. It holds that end open as long as it lives.
pub(super) struct ParentProcess(File);

impl ParentProcess {
    /// The parent of a stage.
    pub(super) fn of_stdin() -> Result<Self, String> {
        let stdin = io::stdin().as_fd().try_clone_to_owned();
        stdin
            .map(|stdin| Self(stdin.into()))
            .map_err(|error| format!("its stdin cannot be used: {}", io_reason(&error)))
    }

    /// From now on the kernel kills this process by SIGKILL when the parent ends.
    pub(super) fn die_with_parent(&self) -> Result<(), String> {
        let failed = |error: io::Error| format!("PR_SET_PDEATHSIG failed: {}", io_reason(&error));
        set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| failed(error.into()))?;
        // A parent that ended before that sends no signal; its end of stdin is closed.
        fcntl_setfl(&self.0, OFlags::NONBLOCK).map_err(|error| failed(error.into()))?;
        match (&self.0).read(&mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(failed(error)),
            Ok(_) => return Err("the process that started it has ended".to_owned()),
        }
        fcntl_setfl(&self.0, OFlags::empty()).map_err(|error| failed(error.into()))
    }

    /// Waits until the parent has ended.
    pub(super) fn await_end(&self) {
        // It sends nothing; an error means as well that it cannot be heard any more.
        while matches!((&self.0).read(&mut [0]), Ok(1..)) {}
    }

    /// A second handle of the socket.
    pub(super) fn try_clone(&self) -> Result<Self, String> {
        let failed = |error: io::Error| format!("its stdin cannot be used: {}", io_reason(&error));
        self.0.try_clone().map(Self).map_err(failed)
    }

    /// Sends the report to the parent.
    pub(super) fn send_report(&self, report: &StageReport) -> io::Result<()> {
        (&self.0).write_all(&report.bytes())
    }
}
