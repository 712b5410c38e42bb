//! What a run of hardpan said, and what it left behind.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;

use tempfile::TempDir;

use super::layout::Layout;

/// The end of one run. Keeps the case's folder alive.
#[derive(Debug, Clone)]
pub struct Output {
    /// The exit code; 128 and the signal's number for a run that a signal ended.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    args: Vec<OsString>,
    cwd: PathBuf,
    temp: Arc<TempDir>,
}

impl Output {
    pub(super) fn new(
        status: ExitStatus,
        stdout: String,
        stderr: String,
        args: &[OsString],
        cwd: &Path,
        temp: &Arc<TempDir>,
    ) -> Self {
        Self {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            stdout,
            stderr,
            args: args.to_vec(),
            cwd: cwd.to_owned(),
            temp: Arc::clone(temp),
        }
    }

    /// Asserts exit code 0.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.fails(0)
    }

    /// Asserts an exit code: 1 is a refusal that names a rule, 2 anything else.
    #[track_caller]
    pub fn fails(self, code: i32) -> Self {
        assert!(
            self.code == code,
            "hardpan {:?} ended with {}, expected {code}\nstdout:\n{}\nstderr:\n{}",
            self.args,
            self.code,
            self.stdout,
            self.stderr
        );
        if code != 0 {
            assert_eq!(self.stdout, "", "a failed run prints no data");
            assert_ne!(self.stderr, "", "a failed run says why");
        }
        self
    }

    /// The same without the times that `-v` puts before lines.
    #[must_use]
    pub fn untimed(mut self) -> Self {
        let rest = |line: &str| -> Option<String> {
            let (time, rest) = line.strip_prefix('[')?.split_once("s] ")?;
            time.parse::<f64>().is_ok().then(|| rest.to_owned())
        };
        let lines = self.stderr.split_inclusive('\n');
        self.stderr = lines.map(|line| rest(line).unwrap_or_else(|| line.to_owned())).collect();
        self
    }

    /// Asserts that the messages contain `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let messages = self.messages();
        assert!(messages.contains(text), "no `{text}` in:\n{messages}");
        self
    }

    /// Standard error, the same in every run: the temporary folder is `[DIR]`,
    /// the working directory of the case `[DIR]/work`.
    pub fn messages(&self) -> String {
        self.normalised(&self.stderr)
    }

    /// Any text with the temporary folder written as `[DIR]`.
    pub fn normalised(&self, text: &str) -> String {
        let temp = self.temp.path();
        let real = temp.canonicalize().expect("the case's folder");
        text.replace(&*real.to_string_lossy(), "[DIR]").replace(&*temp.to_string_lossy(), "[DIR]")
    }

    /// The `(NAME, sha256:HEX)` of the one line that a build prints.
    #[track_caller]
    pub fn printed(&self) -> (&str, &str) {
        let line = self.stdout.strip_suffix('\n').expect("a whole line");
        assert!(!line.contains('\n'), "more than one line: {line:?}");
        let (name, digest) = line.split_once('@').unwrap_or_else(|| panic!("not NAME@DIGEST: {line:?}"));
        let hex = digest.strip_prefix("sha256:").unwrap_or_default();
        assert!(
            hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "not a digest: {digest:?}"
        );
        (name, digest)
    }

    /// The digest that was printed.
    #[track_caller]
    pub fn digest(&self) -> String {
        self.printed().1.to_owned()
    }

    /// The layout that a successful build wrote. That it is the one on the
    /// printed line, by name and digest, is asserted on the way.
    #[track_caller]
    pub fn layout(&self) -> Layout {
        assert!(self.code == 0, "no layout of a failed run: {}", self.stderr);
        let (name, digest) = self.printed();
        let path = self.option("--output").unwrap_or_else(|| format!("out/{name}"));
        let layout = Layout::open(self.cwd.join(path), Some(Arc::clone(&self.temp)));
        assert_eq!(layout.name(), name, "the layout's reference name");
        assert_eq!(layout.digest(), digest, "the digest in index.json");
        layout
    }

    /// The value of an option on the command line of this run.
    fn option(&self, name: &str) -> Option<String> {
        let mut args = self.args.iter().map(|arg| arg.to_string_lossy());
        while let Some(arg) = args.next() {
            if arg == name {
                return args.next().map(Into::into);
            }
            if let Some(value) = arg.strip_prefix(name).and_then(|v| v.strip_prefix('=')) {
                return Some(value.to_owned());
            }
        }
        None
    }
}
