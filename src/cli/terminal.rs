//! Progress and failures on stderr: plain lines, a progress bar on a terminal, and a heartbeat line where a bar is not
//! possible.

use std::{
    collections::BTreeSet,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use parking_lot::Mutex;

use super::{
    ci_log::CiLog,
    render::{render, render_warning},
};
use crate::report::{Failure, Failures, Progress, ProgressLevel, Task, unfinished};

/// The interval of heartbeat lines for a long task, where no progress bar is shown.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// The same with `--verbose`.
const HEARTBEAT_VERBOSE: Duration = Duration::from_secs(10);
/// The interval at which a progress bar is redrawn.
const TICK: Duration = Duration::from_millis(120);

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    Always,
    Never,
}

/// The terminal behind stderr, or the file or pipe in its place.
#[derive(Debug)]
pub(super) struct Terminal {
    quiet: bool,
    verbose: u8,
    color: bool,
    screen: Screen,
    /// When the call began.
    begin: Instant,
    /// How many groups have begun.
    groups: AtomicUsize,
}

impl Terminal {
    /// `quiet` prints failures and warnings only; `verbose` is the number of `-v`.
    pub(super) fn new(quiet: bool, verbose: u8, color: Color) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let color = has_color(color, &io::stderr());
        // CI systems give logs a terminal, and a dumb terminal cannot redraw a line.
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        let log = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false");
        let bars = is_terminal && !quiet && !dumb && !log;
        let screen = Screen { bars: bars.then(MultiProgress::new), log: CiLog::of_environment() };
        Self { quiet, verbose, color, screen, begin: Instant::now(), groups: AtomicUsize::new(0) }
    }

    pub(super) fn failures(&self, failures: &Failures) {
        unfinished::wait_if_ending();
        // What is wrong with a file that recipes share is wrong with each of them, and said once.
        let mut said = BTreeSet::new();
        for failure in &failures.0 {
            let line = render(failure, self.color);
            if said.insert(line.clone()) {
                self.screen.line(&line);
                self.screen.order(self.screen.log.annotation("error", failure).as_ref());
            }
        }
    }
}

/// Whether text on `stream` has colors.
pub(super) fn has_color(color: Color, stream: &impl anstream::stream::RawStream) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        // `anstream` knows NO_COLOR, CLICOLOR and the terminals that cannot.
        Color::Auto => match anstream::AutoStream::choice(stream) {
            anstream::ColorChoice::Never => false,
            anstream::ColorChoice::Auto => stream.is_terminal(),
            _ => true,
        },
    }
}

impl Progress for Terminal {
    fn step(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Step, line);
    }

    fn detail(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Detail, line);
    }

    fn trace(&self, line: &str) {
        self.line_at(self.elapsed(), ProgressLevel::Trace, line);
    }

    fn elapsed(&self) -> Duration {
        self.begin.elapsed()
    }

    fn line_at(&self, at: Duration, level: ProgressLevel, line: &str) {
        if !self.shows(level) {
            return;
        }
        if self.verbose > 0 { self.screen.line(&stamped(at, line)) } else { self.screen.line(line) }
    }

    fn begin_group(&self, title: &str) {
        if !self.quiet {
            let number = self.groups.fetch_add(1, Ordering::Relaxed) + 1;
            self.screen.order(self.screen.log.group_begin(number, title).as_ref());
        }
    }

    fn end_group(&self) {
        if !self.quiet {
            self.screen.order(self.screen.log.group_end(self.groups.load(Ordering::Relaxed)).as_ref());
        }
    }

    fn warn(&self, failure: &Failure) {
        self.screen.line(&render_warning(failure));
        self.screen.order(self.screen.log.annotation("warning", failure).as_ref());
    }

    fn task(&self, what: &str, bytes: Option<u64>) -> Arc<dyn Task> {
        if let Some(bars) = &self.screen.bars {
            return Arc::new(Bar::begin(bars, what, bytes));
        }
        if self.quiet {
            return Arc::new(crate::report::Silent);
        }
        let (verbose, begin) = (self.verbose > 0, self.begin);
        let (screen, what) = (self.screen.clone(), what.to_owned());
        let report = move |event: HeartbeatEvent| {
            let line = match event {
                HeartbeatEvent::Alive(seconds, Some(now)) => format!("still running after {seconds} s: {now}"),
                HeartbeatEvent::Alive(seconds, None) => format!("still running after {seconds} s: {what}"),
                HeartbeatEvent::Over(took) if verbose => format!("took {:.1} s: {what}", took.as_secs_f64()),
                HeartbeatEvent::Over(_) => return,
            };
            screen.line(&if verbose { stamped(begin.elapsed(), &line) } else { line });
        };
        Arc::new(Heartbeat::begin(if verbose { HEARTBEAT_VERBOSE } else { HEARTBEAT }, report))
    }

    fn shows(&self, line: ProgressLevel) -> bool {
        match line {
            ProgressLevel::Step => !self.quiet,
            ProgressLevel::Detail => self.verbose > 0,
            ProgressLevel::Trace => self.verbose > 1,
        }
    }
}

/// How long something took, as people say it: `0.4s`, `12s`, `3m52s`, `1h4m`.
pub(super) fn duration(took: Duration) -> String {
    let seconds = took.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0..10) => format!("{:.1}s", took.as_secs_f64()),
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, _) => format!("{hours}h{minutes}m"),
    }
}

/// A line with the time since the call began.
fn stamped(at: Duration, line: &str) -> String {
    format!("[{:.1}s] {line}", at.as_secs_f64())
}

/// Stderr behind the progress bars: prints lines above them.
#[derive(Debug, Clone)]
struct Screen {
    bars: Option<MultiProgress>,
    log: CiLog,
}

impl Screen {
    /// Prints a text of one or several lines to stderr, none of which the log takes for an order.
    fn line(&self, text: &str) {
        self.print(&self.log.guarded(text.trim_end()));
    }

    /// Prints a line that the log acts on, if there is one.
    fn order(&self, line: Option<&String>) {
        if let Some(line) = line {
            self.print(line);
        }
    }

    /// Prints a line. Errors are ignored, because there is no other place to report them.
    fn print(&self, text: &str) {
        let write = || {
            let _ = writeln!(io::stderr().lock(), "{text}");
        };
        match &self.bars {
            Some(bars) => bars.suspend(write),
            None => write(),
        }
    }
}

/// A progress bar, or a spinner where the number of bytes is unknown.
#[derive(Debug)]
struct Bar(ProgressBar);

impl Bar {
    fn begin(bars: &MultiProgress, what: &str, bytes: Option<u64>) -> Self {
        let (bar, template) = match bytes {
            Some(bytes) => {
                (ProgressBar::new(bytes), "{spinner} {elapsed:>4} {wide_msg} {bytes}/{total_bytes} [{bar:20}]")
            }
            None => (ProgressBar::new_spinner(), "{spinner} {elapsed:>4} {wide_msg}"),
        };
        let bar = bars.add(bar).with_message(what.to_owned());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        // Drawn here for the first time: the drawing thread may be too late for a short task.
        bar.tick();
        // It starts a thread, and panics where there is none: a trial tells.
        if thread::Builder::new().spawn(|| {}).is_ok_and(|trial| trial.join().is_ok()) {
            bar.enable_steady_tick(TICK);
        }
        Self(bar)
    }
}

impl Task for Bar {
    fn advance(&self, bytes: u64) {
        self.0.inc(bytes);
    }

    fn now(&self, what: &str) {
        self.0.set_message(what.to_owned());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// What a [`Heartbeat`] reports.
enum HeartbeatEvent {
    /// The task still runs, after so many seconds; its current step, if known.
    Alive(u64, Option<String>),
    /// The task ended, and took this long.
    Over(Duration),
}

/// A thread that reports at intervals that a task still runs, and at its end how long it took.
#[derive(Debug)]
struct Heartbeat {
    now: Arc<Mutex<Option<String>>>,
    end: Option<mpsc::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Heartbeat {
    fn begin(period: Duration, report: impl Fn(HeartbeatEvent) + Send + 'static) -> Self {
        let (end, ended) = mpsc::channel();
        let start = Instant::now();
        let now = Arc::new(Mutex::new(None));
        let doing = Arc::clone(&now);
        let work = move || {
            while ended.recv_timeout(period) == Err(RecvTimeoutError::Timeout) {
                let doing = doing.lock().clone();
                report(HeartbeatEvent::Alive(start.elapsed().as_secs(), doing));
            }
            report(HeartbeatEvent::Over(start.elapsed()));
        };
        // Where the system has no more threads, nothing is told of the task.
        let thread = thread::Builder::new().name("heartbeat".to_owned()).spawn(work).ok();
        Self { now, end: Some(end), thread }
    }
}

impl Task for Heartbeat {
    fn advance(&self, _bytes: u64) {}

    fn now(&self, what: &str) {
        *self.now.lock() = Some(what.to_owned());
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        drop(self.end.take());
        // The last line of the heartbeat comes before the next message.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let said = |millis| duration(Duration::from_millis(millis));
        assert_eq!([said(0), said(420), said(9_949), said(12_900)], ["0.0s", "0.4s", "9.9s", "12s"]);
        assert_eq!([said(60_000), said(232_000), said(3_840_000)], ["1m0s", "3m52s", "1h4m"]);
    }

    #[test]
    fn what_takes_long_says_so_again_and_again_and_is_silent_afterwards() {
        let (sender, events) = mpsc::channel();
        let heartbeat = Heartbeat::begin(Duration::from_millis(1), move |event| {
            let _ = sender.send(matches!(event, HeartbeatEvent::Alive(..)));
        });
        assert!(events.recv().expect("a first sign") && events.recv().expect("a second sign"));
        drop(heartbeat);
        let rest: Vec<bool> = events.iter().collect();
        assert_eq!(rest.iter().filter(|alive| !**alive).count(), 1);
        assert_eq!(rest.last(), Some(&false));
    }
}
