//! Runs a child process of a toolchain (compiler, git, pkg-config): without a shell and without stdin, in the
//! environment that it is given, with bounded output.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read},
    os::unix::process::ExitStatusExt as _,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    thread,
};

use super::{
    enclosure::{Enclosure, StageSocket},
    environment::Environment,
};
use crate::report::{ErrorName, Failure, Limits, Progress, printable, unfinished::Step};

/// Lines of a compiler's output that a message shows: the last ones.
const SHOWN_LINES: usize = 60;
/// Bytes of it, for lines that have no end.
const SHOWN_BYTES: usize = 4096;
/// Bytes of stderr that are kept while it is read.
const KEPT_BYTES: usize = 64 << 10;

/// A child process to run. It is in the foreground's process group, so that it may ask its user for a password, and Ctrl-C ends
/// it together with hardpan. A signal for hardpan alone ends it as well (see [`end_descendants`](super::end_descendants)). When
/// hardpan is killed, SIGPIPE ends it with the next line it writes; in an [`Enclosure`] it ends at once.
pub(super) struct Child<'a> {
    /// An absolute path; `PATH` is never searched with what the checkout could put there.
    program: &'a Path,
    dir: &'a Path,
    environment: &'a Environment,
    arguments: Vec<OsString>,
    progress: Option<&'a dyn Progress>,
    enclosure: Option<&'a Enclosure>,
    line_handler: Option<LineHandler<'a>>,
}

/// Handles a line, without its line break.
type LineHandler<'a> = &'a (dyn Fn(&[u8]) + Sync);

/// The result of a child: exit status and output.
#[derive(Debug)]
pub(super) struct ChildOutput {
    /// The exit status.
    pub(super) status: ExitStatus,
    /// Everything it wrote to stdout, at most [`Limits::CHILD_OUTPUT_BYTES`].
    pub(super) stdout: Vec<u8>,
    /// The end of what it wrote to stderr.
    pub(super) stderr: Vec<u8>,
}

impl<'a> Child<'a> {
    /// `program` in `dir`, with `environment` and nothing else.
    pub(super) fn new(program: &'a Path, dir: &'a Path, environment: &'a Environment) -> Self {
        Self { program, dir, environment, arguments: Vec::new(), progress: None, enclosure: None, line_handler: None }
    }

    /// Adds arguments.
    pub(super) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Reports the command, and each line of its stderr while it runs.
    pub(super) fn with_progress(mut self, progress: &'a dyn Progress) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Runs it in an enclosure: program, folder, arguments and environment are paths of the inside.
    pub(super) fn in_enclosure(mut self, enclosure: Option<&'a Enclosure>) -> Self {
        self.enclosure = enclosure;
        self
    }

    /// Passes each line of its stdout to `hear` while it runs; stdout is kept as well.
    pub(super) fn with_line_handler(mut self, hear: LineHandler<'a>) -> Self {
        self.line_handler = Some(hear);
        self
    }

    /// Runs the child to its end. An exit code other than 0 is a value; a child that cannot start is a failure.
    pub(super) fn run(self) -> Result<ChildOutput, Failure> {
        if let Some(progress) = self.progress {
            let words = std::iter::once(self.program.as_os_str()).chain(self.arguments.iter().map(OsString::as_os_str));
            let words: Vec<_> = words.map(|word| printable(&word.to_string_lossy()).into_owned()).collect();
            progress.trace(&format!("run {}", words.join(" ")));
        }
        let failed = |error: io::Error| Failure::io("run", self.program, &error);
        let (mut command, line) = self.command().map_err(failed)?;
        command.env_clear().envs(self.environment).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A signal finds the child, or there is none.
        let step = Step::begin();
        let mut child = command.spawn().map_err(failed)?;
        drop(step);
        // With it goes our copy of the child's stdin.
        drop(command);
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let (stdout, stderr) = thread::scope(|scope| {
            let progress = self.progress;
            let read = move || match (stderr, progress) {
                (None, _) => Ok(Vec::new()),
                (Some(stderr), None) => keep_end(stderr),
                (Some(stderr), Some(progress)) => keep_end(ProgressReader { from: stderr, progress, line: Vec::new() }),
            };
            let stderr = match thread::Builder::new().name("stderr".to_owned()).spawn_scoped(scope, read) {
                Ok(thread) => thread,
                // Both have to be read at the same time: where there is no thread for it, there is no process either.
                Err(error) => return (Err(error), Ok(Vec::new())),
            };
            let stdout = match (stdout, self.line_handler) {
                (None, _) => Ok((Vec::new(), false)),
                (Some(stdout), None) => keep_start(stdout),
                (Some(stdout), Some(hear)) => keep_start(LineReader { from: stdout, hear, line: Vec::new() }),
            };
            (stdout, stderr.join().unwrap_or_else(|_| Ok(Vec::new())))
        });
        if stdout.is_err() {
            let _ = child.kill();
        }
        let mut status = child.wait().map_err(|error| Failure::io("wait for the process", self.program, &error))?;
        if let Some(line) = line {
            status = line
                .exit_status(status)
                .map_err(|why| Failure::error(ErrorName::Enclosure, why).in_path(self.program))?;
        }
        let read = |error: io::Error| Failure::io("read the output of the process", self.program, &error);
        let ((stdout, cut), stderr) = (stdout.map_err(read)?, stderr.map_err(read)?);
        if cut {
            let what = format!("its output is larger than {} MiB", Limits::CHILD_OUTPUT_BYTES >> 20);
            return Err(Failure::error(ErrorName::ToolUnsupported, what).in_path(self.program));
        }
        Ok(ChildOutput { status, stdout, stderr })
    }

    /// The process to start: the command, or the first stage of its enclosure.
    fn command(&self) -> io::Result<(Command, Option<StageSocket>)> {
        if let Some(enclosure) = self.enclosure {
            let (command, line) = enclosure.command(self.program, self.dir, &self.arguments)?;
            return Ok((command, Some(line)));
        }
        let mut command = Command::new(self.program);
        command.args(&self.arguments).current_dir(self.dir).stdin(Stdio::null());
        Ok((command, None))
    }
}

impl ChildOutput {
    /// stdout as text, without the line break at its end.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).trim_end_matches(['\n', '\r']).to_owned()
    }

    /// Whether the child complained about `words`.
    pub(super) fn complains(&self, words: &str) -> bool {
        memchr::memmem::find(&self.stderr, words.as_bytes()).is_some()
    }

    /// The failure of the command `what`: its exit code or signal, and the last lines of its stderr.
    pub(super) fn failure(&self, name: ErrorName, what: &str) -> Failure {
        self.failure_with(name, &format!("`{what}`"), &self.stderr)
    }

    /// The failure of `what`: its exit code or signal, and the last lines of `complaint`.
    pub(super) fn failure_with(&self, name: ErrorName, what: &str, complaint: &[u8]) -> Failure {
        let ended = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        };
        let shown = last_lines(complaint);
        let gap = if shown.is_empty() { "" } else { "\n" };
        Failure::error(name, format!("{what} failed ({ended}){gap}{shown}"))
    }
}

/// The end of `output` as printable lines.
fn last_lines(output: &[u8]) -> String {
    let text = String::from_utf8_lossy(output);
    let lines: Vec<_> = text.lines().map(str::trim_end).filter(|line| !is_download(line)).collect();
    let lines = match lines.iter().rposition(|line| !line.is_empty()) {
        Some(last) => lines.get(..=last).unwrap_or_default(),
        None => return String::new(),
    };
    let (mut shown, mut bytes) = (Vec::new(), 0);
    for line in lines.iter().rev().take(SHOWN_LINES) {
        // A tab is a column in a compiler's picture, not an attack.
        let line = printable(&line.replace('\t', "    ")).into_owned();
        bytes += line.len() + 1;
        if bytes > SHOWN_BYTES {
            if shown.is_empty() {
                shown.push(line.chars().take(SHOWN_BYTES).collect());
            }
            break;
        }
        shown.push(line);
    }
    shown.reverse();
    shown.join("\n")
}

/// Whether a line only says that something is being fetched. Hundreds of them hide the complaint.
fn is_download(line: &str) -> bool {
    ["go: downloading ", " Downloading ", "  Downloaded "].iter().any(|start| line.starts_with(start))
}

/// Reads to the end, because a full pipe would block the child; keeps the beginning. `true` where bytes were dropped.
fn keep_start(mut from: impl Read) -> io::Result<(Vec<u8>, bool)> {
    let mut kept = Vec::new();
    from.by_ref().take(Limits::CHILD_OUTPUT_BYTES).read_to_end(&mut kept)?;
    let left_out = io::copy(&mut from, &mut io::sink())?;
    Ok((kept, left_out > 0))
}

/// Reports the lines that are read through it as progress.
struct ProgressReader<'a, R> {
    from: R,
    progress: &'a dyn Progress,
    line: Vec<u8>,
}

impl<R> ProgressReader<'_, R> {
    fn report_line(&mut self) {
        // A carriage return ends a line, too: progress bars are not shown.
        let line = String::from_utf8_lossy(&self.line).replace('\t', "    ");
        if !line.trim().is_empty() {
            self.progress.detail(&format!("  {}", printable(line.trim_end())));
        }
        self.line.clear();
    }
}

impl<R: Read> Read for ProgressReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buf)?;
        for byte in buf.get(..read).unwrap_or_default() {
            match byte {
                b'\n' | b'\r' => self.report_line(),
                byte => self.line.push(*byte),
            }
            if self.line.len() >= SHOWN_BYTES {
                self.report_line();
            }
        }
        if read == 0 {
            self.report_line();
        }
        Ok(read)
    }
}

/// Passes the lines that are read through it to a handler, without their line breaks.
struct LineReader<'a, R> {
    from: R,
    hear: LineHandler<'a>,
    line: Vec<u8>,
}

impl<R: Read> Read for LineReader<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buf)?;
        let mut rest = buf.get(..read).unwrap_or_default();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            self.line.extend_from_slice(line);
            (self.hear)(&self.line);
            self.line.clear();
            rest = after.get(1..).unwrap_or_default();
        }
        self.line.extend_from_slice(rest);
        Ok(read)
    }
}

/// Reads to the end, keeps the end.
fn keep_end(mut from: impl Read) -> io::Result<Vec<u8>> {
    let mut kept = Vec::new();
    loop {
        if from.by_ref().take(KEPT_BYTES as u64).read_to_end(&mut kept)? == 0 {
            break;
        }
        kept.drain(..kept.len().saturating_sub(KEPT_BYTES));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str) -> ChildOutput {
        let environment = Environment::from([("PATH".into(), "/usr/bin:/bin".into())]);
        Child::new(Path::new("/bin/sh"), Path::new("/"), &environment).args(["-c", script]).run().unwrap()
    }

    #[test]
    fn a_failure_shows_how_it_ended_and_the_last_lines_without_escapes() {
        let ended = shell("printf 'one\\n\\033[31mtwo\\n\\n' >&2; exit 3");
        assert_eq!(
            ended.failure(ErrorName::CompileFailed, "tool").what,
            "`tool` failed (exit code 3)\none\n\\u{1b}[31mtwo"
        );
        assert_eq!(shell("kill -9 $$").failure(ErrorName::CompileFailed, "tool").what, "`tool` failed (signal 9)");
    }

    #[test]
    fn a_complaint_is_not_buried_under_downloads() {
        let fetched = "go: downloading example.com/x v1.0.0\n Downloading crates ...\n  Downloaded x v1.0.0\n";
        let ended =
            shell(&format!("printf '{fetched}x.go:15:12: pattern build/*: no matching files found\n' >&2; exit 1"));
        let what = ended.failure(ErrorName::CompileFailed, "tool").what;
        assert_eq!(what, "`tool` failed (exit code 1)\nx.go:15:12: pattern build/*: no matching files found");
        assert!(last_lines(b"error: Downloaded it\n").ends_with("it"));
    }

    #[test]
    fn much_output_neither_blocks_nor_is_shown_whole() {
        let ended = shell("i=0; while [ $i -lt 30000 ]; do echo line $i >&2; echo x; i=$((i+1)); done; exit 1");
        assert_eq!(ended.stdout.len(), 60_000);
        assert!(ended.stderr.len() <= KEPT_BYTES);
        let what = ended.failure(ErrorName::CompileFailed, "tool").what;
        assert!(what.ends_with("line 29999") && what.lines().count() == SHOWN_LINES + 1, "{what}");
        assert!(last_lines(&b"x".repeat(100_000)).len() <= SHOWN_BYTES);
    }

    #[test]
    fn a_child_has_no_input_and_only_the_given_environment() {
        // `_` and `PWD` are the shell's own.
        assert_eq!(shell("cat; env | grep -vE '^(_|PWD|SHLVL|OLDPWD)='").text(), "PATH=/usr/bin:/bin");
    }

    /// A child whose first stage is a script instead of hardpan.
    fn staged(script: &str) -> Result<ChildOutput, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let stage = folder.path().join("stage");
        std::fs::write(&stage, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&stage, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let enclosure = Enclosure::watched(Some(&stage)).unwrap();
        let environment = Environment::from([("A".into(), "1".into())]);
        let child = Child::new(Path::new("/bin/tool"), Path::new("/the dir"), &environment);
        child.args(["a b", ""]).in_enclosure(Some(&enclosure)).run()
    }

    #[test]
    fn a_child_in_an_enclosure_ends_as_its_stage_reports() {
        let ended = staged("printf '%s|' \"$@\" $A; printf 'S\\011\\000\\000\\000' >&0; exit 125").unwrap();
        assert_eq!(ended.text(), "__enclosure|watch|/the dir|/bin/tool|a b||1|");
        assert_eq!(ended.status.signal(), Some(9));
        let failure = staged("printf 'Eit is not there' >&0; exit 125").unwrap_err();
        assert_eq!(failure.what, "it is not there");
        // A stage that was killed itself has said nothing.
        assert_eq!(staged("kill -9 $$").unwrap().status.signal(), Some(9));
    }
}
