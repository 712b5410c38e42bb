//! Ends the program when a signal asks for it: its children first, then what it has made and not finished.
//!
//! A thread waits for the signals, so that it does not matter what the others do. SIGINT and SIGTERM are caught however the program
//! was started: a shell starts what is in the background with SIGINT ignored, and who sends it nevertheless means it. SIGHUP stays
//! ignored where it is, which is what `nohup` does.
//!
//! A file size limit sends SIGXFSZ. It has a handler that does nothing, so that the write fails and is told like a full disk;
//! children have the default again, because handlers do not outlive `execve`.

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ},
    flag,
    low_level::pipe,
};

use crate::{
    build::compile,
    output::remove_folder_in_use,
    report::unfinished::{self, UnfinishedPath},
};

/// How long steps that have begun may take to their ends.
const STEPS: Duration = Duration::from_millis(1200);
/// The interval of looks where nothing can wake the thread.
const LOOK: Duration = Duration::from_millis(100);
/// How long the last line may take: stderr may be a pipe that nobody reads.
const LAST_LINE: Duration = Duration::from_millis(100);

/// Catches the signals from here on. Where the system has no thread for it, they do what they do by default.
pub(super) fn catch() {
    let _ = flag::register(SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let (caught, is_caught) = mpsc::channel::<()>();
    let wait = move || {
        // In the thread, because handlers without it would only ignore the signals.
        let signals = CaughtSignals::register();
        drop(caught);
        end(signals.wait());
    };
    if thread::Builder::new().name("signals".to_owned()).spawn(wait).is_ok() {
        // Until the handlers are there.
        let _ = is_caught.recv();
    }
}

/// The last signal that came, and what wakes a thread when one comes.
struct CaughtSignals {
    last: Arc<AtomicUsize>,
    wake: Option<UnixStream>,
}

impl CaughtSignals {
    fn register() -> Self {
        let last = Arc::new(AtomicUsize::new(0));
        let (wake, woken) = UnixStream::pair().ok().unzip();
        for signal in [SIGINT, SIGTERM].into_iter().chain((!is_ignored(SIGHUP)).then_some(SIGHUP)) {
            // Where one cannot be caught, it does what it does by default.
            let _ = flag::register_usize(signal, Arc::clone(&last), usize::try_from(signal).unwrap_or_default());
            if let Some(woken) = woken.as_ref().and_then(|woken| woken.try_clone().ok()) {
                let _ = pipe::register(signal, woken);
            }
        }
        Self { last, wake }
    }

    /// Waits for a signal.
    fn wait(mut self) -> i32 {
        loop {
            if let Some(signal) = i32::try_from(self.last.load(Ordering::Relaxed)).ok().filter(|signal| *signal != 0) {
                return signal;
            }
            let woken = self.wake.as_mut().is_some_and(|wake| matches!(wake.read(&mut [0; 8]), Ok(1..)));
            if !woken {
                thread::sleep(LOOK);
            }
        }
    }
}

/// Ends the program. Another signal that comes meanwhile changes nothing.
fn end(signal: i32) -> ! {
    let unfinished = unfinished::end(STEPS);
    compile::end_descendants();
    let is_removed = unfinished.is_some();
    unfinished.into_iter().flatten().for_each(remove);
    let name = match signal {
        SIGINT => "SIGINT",
        SIGTERM => "SIGTERM",
        _ => "SIGHUP",
    };
    let left =
        if is_removed { "what was not finished is removed" } else { "the next call removes what was not finished" };
    let (printed, is_printed) = mpsc::channel::<()>();
    let print = move || {
        // There is no other place to say it.
        let _ = writeln!(std::io::stderr(), "ended by {name}: {left}");
        drop(printed);
    };
    if thread::Builder::new().spawn(print).is_ok() {
        let _ = is_printed.recv_timeout(LAST_LINE);
    }
    // As a shell has it of a program that a signal has ended.
    process::exit(128 + signal)
}

/// Removes what was made and not finished. What cannot be removed stays for the next call.
fn remove(path: UnfinishedPath) {
    let _ = match path {
        UnfinishedPath::FolderOfResults(folder) => fs::remove_dir(folder),
        UnfinishedPath::Temporary(path) => remove_temporary(path),
    };
}

fn remove_temporary(path: PathBuf) -> std::io::Result<()> {
    if fs::symlink_metadata(&path)?.is_dir() { remove_folder_in_use(&path) } else { fs::remove_file(path) }
}

/// Whether this process was started with the signal ignored (proc(5), `SigIgn`).
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    ignored >> (signal - 1) & 1 == 1
}
