//! Decoders that others wrote, in programs of their own, fed through pipes.

use std::{
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
};

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// RFC 1951.
    Raw = 0,
    /// RFC 1952.
    Gzip = 1,
}

/// A running judge.
#[derive(Debug)]
pub struct Judge {
    name: &'static str,
    child: Child,
    pipe: Option<BufWriter<ChildStdin>>,
}

impl Judge {
    /// zlib and libdeflate, which are C, and Go's.
    pub fn all() -> Vec<Self> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judges/inflate.py");
        let python = |library: &str| {
            let mut command = Command::new("python3");
            command.arg(&script).arg(library);
            command
        };
        vec![
            Self::start("zlib", python("zlib")),
            Self::start("libdeflate", python("libdeflate")),
            Self::start("Go's compress/flate", Command::new(go())),
        ]
    }

    fn start(name: &'static str, mut command: Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let pipe = child.stdin.take().map(|pipe| BufWriter::with_capacity(1 << 18, pipe));
        Self { name, child, pipe }
    }

    /// Hands over a pair; one of the last ones may be what it stumbles over.
    pub fn show(&mut self, kind: Kind, bytes: &[u8], stream: &[u8]) {
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).expect("a small input").to_le_bytes();
        let head = [&length(bytes)[..], &length(stream), &[kind as u8]].concat();
        let pipe = self.pipe.as_mut().expect("a pipe until the end");
        let done = [&head, bytes, stream].into_iter().try_for_each(|part| pipe.write_all(part));
        if done.is_err() {
            self.end();
        }
    }

    /// How many pairs it found right, which must be all.
    pub fn verdict(mut self) -> u64 {
        self.end()
    }

    fn end(&mut self) -> u64 {
        // What it does not want any more, it has said why.
        let unread = self.pipe.take().map(|mut pipe| pipe.flush());
        let mut said = (String::new(), String::new());
        let read = |stream: Option<&mut dyn std::io::Read>, text: &mut String| {
            stream.expect("a pipe").read_to_string(text).expect("its words");
        };
        read(self.child.stdout.as_mut().map(|stream| stream as _), &mut said.0);
        read(self.child.stderr.as_mut().map(|stream| stream as _), &mut said.1);
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{}: {status}\n{}{unread:?}", self.name, said.1);
        said.0.trim().parse().unwrap_or_else(|_| panic!("{}: {said:?}", self.name))
    }
}

/// Where tests/run builds it, beside cargo's output.
fn go() -> PathBuf {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).ancestors().map(|folder| folder.join("judges/inflate"));
    let found = built.into_iter().find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("the judge `inflate` is missing; hint: `tests/run` installs all judges"))
}
